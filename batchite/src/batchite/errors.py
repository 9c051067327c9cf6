"""The one catalogue of service errors; two renderers (`http.render`) turn them into Batch OData or ARM bodies.

Codes, statuses and the texts that clients compare come from the REST reference of the Batch service
("Batch status and error codes") and from ARM's common error codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the catalogue: HTTP status and the default text."""

    status: int
    text: str
    shown: str = ""  # the code as clients see it, where one code has two statuses


CATALOGUE: Mapping[str, Entry] = {
    # 400
    "InvalidPropertyValue": Entry(400, "The value provided for one of the properties in the request body is invalid."),
    "MissingRequiredProperty": Entry(400, "A required property was not specified in the request body."),
    "InvalidRequestBody": Entry(400, "The specified request body is not syntactically valid."),
    "InvalidQueryParameterValue": Entry(
        400, "The value specified for one of the query parameters in the request URI is not valid."
    ),
    "InvalidHeaderValue": Entry(400, "The value for one of the HTTP headers is not in the correct format."),
    "UnsupportedQueryParameter": Entry(
        400, "One of the query parameters specified in the request URI is not supported."
    ),
    "UnsupportedHeader": Entry(400, "One of the headers specified in the request is not supported."),
    "OutOfRangeInput": Entry(400, "One of the request inputs is out of range."),
    "InvalidUri": Entry(400, "The requested URI does not represent any resource on the server."),
    "AutoScalingFormulaSyntaxError": Entry(400, "The specified autoscaling formula has a syntax error."),
    "InvalidAutoScalingSettings": Entry(400, "The autoscaling settings are not valid."),
    "AutoScaleFormulaTooLong": Entry(400, "The specified autoscaling formula is too long."),
    "TaskDependenciesNotSpecifiedOnJob": Entry(
        400, "The job must have usesTaskDependencies set to true before a task with dependencies is added to it."
    ),
    "MissingRequiredQueryParameter": Entry(400, "A required query parameter was not specified in the request URI."),
    "UnsupportedRequestVersion": Entry(400, "The API version of the request is not supported."),
    "TaskDependencyListTooLong": Entry(400, "The list of task ids in dependsOn is too long."),
    "PropertyCannotBeUpdated": Entry(400, "The property cannot be updated in place."),
    "MissingApiVersionParameter": Entry(
        400, "The api-version query parameter (?api-version=) is required for all requests."
    ),
    "InvalidApiVersionParameter": Entry(400, "The api-version has to be a date such as '2024-07-01'."),
    "InvalidRequestContent": Entry(400, "The request content was invalid and could not be deserialized."),
    "InvalidResourceName": Entry(400, "The resource name is invalid."),
    "InvalidTags": Entry(400, "The tags are invalid: at most 50, names up to 512 and values up to 256 characters."),
    "AccountNameInvalid": Entry(
        400,
        "The account name is not valid. It must be between 3 and 24 characters in length and use numbers and "
        "lower-case letters only.",
    ),
    "FailedIdentityOperation": Entry(400, "The identity operation failed."),
    "PrincipalNotFound": Entry(400, "The principal does not exist in the directory."),
    "RoleDefinitionDoesNotExist": Entry(400, "The specified role definition does not exist."),
    "RoleAssignmentUpdateNotPermitted": Entry(
        400, "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
    ),
    "BadRequest": Entry(400, "The request is invalid."),
    "LocationRequired": Entry(400, "The location property is required for this definition."),
    "LocationNotAvailableForResourceType": Entry(400, "The provided location is not available for the resource type."),
    "InvalidResourceReference": Entry(400, "A resource that the resource refers to was not found."),
    "InUseSubnetCannotBeDeleted": Entry(400, "The subnet is in use and cannot be deleted."),
    "InUseNetworkSecurityGroupCannotBeDeleted": Entry(400, "The network security group is in use."),
    "InUseRouteTableCannotBeDeleted": Entry(400, "The route table is in use and cannot be deleted."),
    "InUsePrefixCannotBeDeleted": Entry(400, "The prefix of the subnet has active allocations and cannot be deleted."),
    "CannotDeleteNatGatewayAssociatedToSubnet": Entry(400, "The NAT gateway is still configured on subnets."),
    "PublicIPAddressCannotBeDeleted": Entry(400, "The public IP address is still allocated to a resource."),
    "SecurityRuleConflict": Entry(400, "Security rules cannot have the same Priority and Direction."),
    "NetcfgInvalidSubnet": Entry(400, "The subnet lies outside of the address range of its virtual network."),
    "NetcfgSubnetRangesOverlap": Entry(400, "The subnet overlaps with an existing subnet of the virtual network."),
    "InvalidAuthenticationInfo": Entry(
        400,
        "The authentication information was not provided in the correct format. Verify the value of Authorization "
        "header.",
    ),
    # 401, 403
    "AuthenticationRequired": Entry(401, "The request carries no valid credential."),
    "InvalidAuthenticationToken": Entry(401, "The access token is invalid."),
    "AuthenticationFailed": Entry(
        403,
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
        "including the signature.",
    ),
    "TokenAuthenticationFailed": Entry(
        401,
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly.",
        shown="AuthenticationFailed",
    ),
    "AuthorizationFailed": Entry(403, "The caller does not have permission to perform this operation."),
    "IOError": Entry(403, "An I/O error occurred when accessing the specified resource."),
    "HostNotAllowed": Entry(403, "Requests are accepted for the hosts 127.0.0.1, localhost and [::1] only."),
    # 404
    "PoolNotFound": Entry(404, "The specified pool does not exist."),
    "NodeNotFound": Entry(404, "The specified node does not exist."),
    "JobNotFound": Entry(404, "The specified job does not exist."),
    "JobScheduleNotFound": Entry(404, "The specified job schedule does not exist."),
    "TaskNotFound": Entry(404, "The specified task does not exist."),
    "FileNotFound": Entry(404, "The specified file does not exist."),
    "NodeUserNotFound": Entry(404, "The specified node user does not exist."),
    "ApplicationNotFound": Entry(404, "The specified application does not exist."),
    "ApplicationPackageNotFound": Entry(404, "The specified application package does not exist."),
    "AccountNotFound": Entry(404, "The specified account does not exist."),
    "ResourceNotFound": Entry(404, "The resource was not found."),
    "ResourceGroupNotFound": Entry(404, "The resource group could not be found."),
    "SubscriptionNotFound": Entry(404, "The subscription could not be found."),
    "ParentResourceNotFound": Entry(404, "The parent resource of the requested resource was not found."),
    "ContainerNotFound": Entry(404, "The specified container does not exist."),
    "RoleAssignmentNotFound": Entry(404, "The role assignment could not be found."),
    "LockNotFound": Entry(404, "The lock could not be found."),
    # 405, 409
    "UnsupportedHttpVerb": Entry(405, "The resource doesn't support the specified HTTP verb."),
    "PoolExists": Entry(409, "The specified pool already exists."),
    "JobExists": Entry(409, "The specified job already exists."),
    "JobWithSameIdExists": Entry(
        409, "A job with the specified job schedule id exists. Job and job schedule cannot have the same id."
    ),
    "JobScheduleExists": Entry(409, "The specified job schedule already exists."),
    "JobScheduleWithSameIdExists": Entry(
        409, "A job schedule with the specified job id exists. Job and job schedule cannot have the same id."
    ),
    "JobScheduleBeingDeleted": Entry(
        409, "The specified job schedule has been marked for deletion and is being reclaimed."
    ),
    "JobScheduleBeingTerminated": Entry(409, "The specified job schedule is being terminated."),
    "JobScheduleCompleted": Entry(409, "The specified job schedule is already in completed state."),
    "TaskExists": Entry(409, "The specified task already exists."),
    "PoolBeingDeleted": Entry(409, "The specified pool is being deleted."),
    "PoolBeingResized": Entry(409, "The specified pool is being resized."),
    "JobBeingDeleted": Entry(409, "The specified job is being deleted."),
    "JobBeingTerminated": Entry(409, "The specified job is being terminated."),
    "JobCompleted": Entry(409, "The specified job is already in a completed state."),
    "TaskCompleted": Entry(409, "The specified task is already in a completed state."),
    "TaskNotCompleted": Entry(
        409,
        "The specified task is not in a completed state, and the requested operation can be performed only on "
        "completed tasks.",
    ),
    "TaskSucceeded": Entry(
        409,
        "The specified task has already completed successfully, and the requested operation cannot be performed on "
        "successful tasks.",
    ),
    "JobPreparationTaskNotSpecified": Entry(409, "The specified job does not have job preparation task."),
    "TaskIdSameAsJobPreparationTask": Entry(409, "The specified task id is same as the job preparation task."),
    "TaskIdSameAsJobReleaseTask": Entry(409, "The specified task id is same as the job release task."),
    "TaskFilesUnavailable": Entry(409, "The task files are unavailable because the task has not run on a node yet."),
    "TaskFilesCleanedup": Entry(409, "The task files have been removed from the node."),
    "NodeBeingCreated": Entry(409, "The specified node is being created."),
    "NodeBeingStarted": Entry(409, "The specified node is being started."),
    "NodeBeingRebooted": Entry(409, "The specified node is being rebooted."),
    "NodeBeingReimaged": Entry(409, "The specified node is being reimaged."),
    "OperationNotValidOnNode": Entry(409, "The operation is not valid on the specified node."),
    "NodeUserExists": Entry(409, "The specified node user already exists."),
    "NodeAlreadyInTargetSchedulingState": Entry(409, "The specified node is already in the target scheduling state."),
    "NodeStateUnusable": Entry(409, "The specified node is not in a state that permits the operation."),
    "OperationInvalidForCurrentState": Entry(409, "The operation is not valid for the current state of the resource."),
    "ActiveJobAndScheduleQuotaReached": Entry(409, "The active job and job schedule quota of the account was reached."),
    "PoolQuotaReached": Entry(409, "The pool quota of the account was reached."),
    "InvalidApplicationPackageReferences": Entry(
        409,
        "One or more application package references could not be satisfied: the application or the version does not "
        "exist or is not active, or no version was given and the application has no default version.",
    ),
    "ApplicationPackageBlobNotFound": Entry(409, "The application package has not been uploaded."),
    "ApplicationPackagesNotEmpty": Entry(409, "The application has packages; delete them first."),
    "RequestedDefaultVersionNotActive": Entry(409, "The requested default version is not an active package."),
    "Conflict": Entry(409, "The request conflicts with the current state of the resource."),
    "InvalidResourceLocation": Entry(409, "The resource already exists in another location."),
    "InvalidResourceGroupLocation": Entry(409, "The resource group already exists in another location."),
    "ResourceGroupBeingDeleted": Entry(409, "The resource group is in deprovisioning state."),
    "StorageAccountAlreadyTaken": Entry(409, "The storage account name is already taken."),
    "AccountPropertyCannotBeUpdated": Entry(409, "The property of the storage account cannot be updated."),
    "RoleAssignmentExists": Entry(409, "The role assignment already exists."),
    "ScopeLocked": Entry(
        409, "The scope cannot perform the operation because a scope is locked. Remove the lock first."
    ),
    "CannotDeleteResource": Entry(409, "The resource cannot be deleted while nested resources exist."),
    "VaultAlreadyExists": Entry(409, "The vault name is already in use. Vault names are globally unique."),
    "ConflictError": Entry(
        409, "A vault with the same name exists in deleted state. It must be recovered or purged before."
    ),
    "AlreadyInUse": Entry(409, "The registry DNS name is already in use."),
    "RoleDefinitionHasAssignments": Entry(409, "There are existing role assignments referencing role."),
    "RoleDefinitionWithSameNameExists": Entry(
        409, "A custom role with the same name already exists in this directory."
    ),
    "SharedKeyNotAllowed": Entry(
        409, "The specified type of authentication SharedKey is not allowed for this account."
    ),
    # 412, 413, 416
    "ConditionNotMet": Entry(412, "The condition specified using HTTP conditional header(s) is not met."),
    "RequestBodyTooLarge": Entry(413, "The size of the request body exceeds the maximum size permitted."),
    "InvalidRange": Entry(416, "The range specified is invalid for the current size of the resource."),
    "NotModified": Entry(304, "The condition specified using HTTP conditional header(s) is not met."),
    # 501
    "InternalError": Entry(501, "Batchite failed on this request; its log has the reason under the request id."),
    "NotImplemented": Entry(501, "The operation is not implemented by Batchite."),
}


@dataclass(eq=False)  # an exception must stay mutable: Python attaches the traceback to it
class ServiceError(Exception):
    """A request the service refuses: a code of the catalogue, its text, and named values.

    `values` are shown to the client as `values[{key, value}]` (Batch) or appended to the message (ARM).
    `headers` (names in lower case) go with the answer: `allow`, `www-authenticate`, `retry-after`.
    """

    code: str
    detail: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """HTTP status of the code."""
        return CATALOGUE[self.code].status

    @property
    def shown(self) -> str:
        """The code as the data plane shows it."""
        return CATALOGUE[self.code].shown or self.code

    @property
    def text(self) -> str:
        """The catalogue's text, followed by the detail when there is one."""
        base = CATALOGUE[self.code].text
        return f"{base} {self.detail}" if self.detail else base

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


def invalid_property(name: str, value: object, reason: str, code: str = "InvalidPropertyValue") -> ServiceError:
    """A 400 that names the property, its value and the rule it breaks, as the service does in `values`."""
    return ServiceError(code, values={"PropertyName": name, "PropertyValue": str(value), "Reason": reason})


def missing_property(name: str) -> ServiceError:
    """A 400 for a required property that is absent."""
    return ServiceError("MissingRequiredProperty", values={"PropertyName": name, "Reason": "The property is required."})


def refused_property(name: str, reason: str) -> ServiceError:
    """A 501 for a property that Azure honours and Batchite cannot: its name, why, and what to do instead."""
    values = {"PropertyName": name, "Reason": f"{reason[:1].upper()}{reason[1:]}."}
    return ServiceError("NotImplemented", f"The property {name} is not supported.", values)


def not_implemented(operation: str) -> ServiceError:
    """A 501 that names the operation or the option that is not built."""
    return ServiceError("NotImplemented", detail=f"Operation: {operation}.")
