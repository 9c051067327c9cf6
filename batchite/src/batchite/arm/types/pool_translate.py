"""Pools in two dialects: ARM's nested properties and capitalised names, the data plane's flat ones in lower case.

Pure functions over plain dicts. Both planes show the same pool: what one of them made, the other can read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from batchite.arm.types.pool_shape import PROPERTIES
from batchite.errors import ServiceError

Wire = dict[str, Any]
_LOWER = (  # enumerations that ARM capitalises and the data plane does not; a list's entries are all meant
    "networkConfiguration.dynamicVNetAssignmentScope",
    "networkConfiguration.endpointConfiguration.inboundNATPools.protocol",
    "networkConfiguration.endpointConfiguration.inboundNATPools.networkSecurityGroupRules.access",
    "networkConfiguration.publicIPAddressConfiguration.provision",
    "taskSchedulingPolicy.nodeFillType",
    "startTask.userIdentity.autoUser.scope",
    "startTask.userIdentity.autoUser.elevationLevel",
    "userAccounts.elevationLevel",
    "userAccounts.windowsUserConfiguration.loginMode",
    "virtualMachineConfiguration.dataDisks.caching",
    "virtualMachineConfiguration.dataDisks.managedDisk.storageAccountType",
    "virtualMachineConfiguration.nodePlacementConfiguration.policy",
    "virtualMachineConfiguration.osDisk.caching",
    "virtualMachineConfiguration.osDisk.ephemeralOSDiskSettings.placement",
    "virtualMachineConfiguration.osDisk.managedDisk.storageAccountType",
)
_FIRST_LOWER = (  # those whose other capitals the data plane keeps
    "startTask.containerSettings.workingDirectory",
    "virtualMachineConfiguration.containerConfiguration.type",
)
_OPTION = "nodeDeallocationOption"
_STORAGE = "storageAccountType"
_DEALLOCATIONS = {option.lower(): option for option in ("Requeue", "Terminate", "TaskCompletion", "RetainedData")}
_PLAIN = (
    "displayName",
    "metadata",
    "mountConfiguration",
    "startTask",
    "taskSchedulingPolicy",
    "taskSlotsPerNode",
    "upgradePolicy",
    "userAccounts",
    "vmSize",
)


def to_document(name: str, properties: Mapping[str, Any], identity: Mapping[str, Any] | None) -> Wire:
    """The data-plane document that creates the pool."""
    document: Wire = {"id": name, **{key: properties[key] for key in _PLAIN if key in properties}}
    machine = properties["deploymentConfiguration"].get("virtualMachineConfiguration")
    if machine:
        document["virtualMachineConfiguration"] = _machine_document(machine)
    document.update(scale_changes(properties["scaleSettings"]))
    if "networkConfiguration" in properties:
        document["networkConfiguration"] = _network_document(properties["networkConfiguration"])
    document["enableInterNodeCommunication"] = properties["interNodeCommunication"] == "Enabled"
    if properties.get("applicationPackages"):
        document["applicationPackageReferences"] = _references(properties["applicationPackages"])
    if identity and identity["type"] == "UserAssigned":
        document["identity"] = _identity_document(identity)
    return _lowered(_named_user(document))


def scale_changes(settings: Mapping[str, Any]) -> Wire:
    """The data plane's flat names for the scale settings."""
    automatic = settings.get("autoScale")
    if automatic:
        changes = {"enableAutoScale": True, "autoScaleFormula": automatic["formula"]}
        interval = automatic.get("evaluationInterval")
        return {**changes, **({"autoScaleEvaluationInterval": interval} if interval else {})}
    fixed = dict(settings.get("fixedScale", {}))
    option = fixed.pop(_OPTION, None)
    targets = {"targetDedicatedNodes": 0, "targetLowPriorityNodes": 0, **fixed}
    return {"enableAutoScale": False, **targets, **({_OPTION: option.lower()} if option else {})}


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Wire:
    """What `pools.update_pool` must change to lead from the old ARM properties to the new ones."""
    found: Wire = {}
    for name in ("startTask", "metadata"):
        if old.get(name) != new.get(name):
            found[name] = new.get(name)
    if (packages := new.get("applicationPackages") or []) != (old.get("applicationPackages") or []):
        found["applicationPackageReferences"] = _references(packages) or None
    scale = scale_changes(new["scaleSettings"])
    if {name: value for name, value in scale.items() if name != _OPTION} != scale_changes(old["scaleSettings"]):
        found.update(scale)
    return _lowered(_named_user(found))


def to_properties(wire: Mapping[str, Any]) -> Wire:
    """The ARM properties that a client may set, from a pool in the data plane's shape."""
    properties: Wire = {key: wire[key] for key in _PLAIN if key in wire}
    if "virtualMachineConfiguration" in wire:
        machine = _machine_properties(wire["virtualMachineConfiguration"])
        properties["deploymentConfiguration"] = {"virtualMachineConfiguration": machine}
    if "networkConfiguration" in wire:
        properties["networkConfiguration"] = wire["networkConfiguration"]
    properties["taskSchedulingPolicy"] = {"nodeFillType": wire["taskSchedulingPolicy"]["nodeFillType"]}
    properties["interNodeCommunication"] = "Enabled" if wire["enableInterNodeCommunication"] else "Disabled"
    properties["scaleSettings"] = _scale_settings(wire)
    try:
        canonical: Wire = PROPERTIES(properties, "properties")
    except ServiceError:  # made through the data plane with a value that ARM has no name for: shown as it is
        return properties
    return canonical


def packages(wire: Mapping[str, Any], account_id: str) -> Wire:
    """The ARM property for the data plane's references, whose ids have no path."""
    references = [
        {**_renamed(one, "applicationId", "id"), "id": f"{account_id}/applications/{one['applicationId']}"}
        for one in wire.get("applicationPackageReferences", ())
    ]
    return {"applicationPackages": references} if references else {}


def outputs(wire: Mapping[str, Any], deallocation: str) -> Wire:
    """The read-only ARM properties of a pool in the data plane's shape; `deallocation` is how its nodes leave."""
    found: Wire = {
        "allocationState": wire["allocationState"].capitalize(),
        "allocationStateTransitionTime": wire["allocationStateTransitionTime"],
        "creationTime": wire["creationTime"],
        "currentDedicatedNodes": wire["currentDedicatedNodes"],
        "currentLowPriorityNodes": wire["currentLowPriorityNodes"],
        "currentNodeCommunicationMode": "Simplified",
        "lastModified": wire["lastModified"],
        "provisioningState": "Deleting" if wire["state"] == "deleting" else "Succeeded",
        "provisioningStateTransitionTime": wire["stateTransitionTime"],
        "resizeOperationStatus": {**_resize_status(wire), _OPTION: _DEALLOCATIONS[deallocation]},
    }
    if "autoScaleRun" in wire:
        run = wire["autoScaleRun"]
        error = {"error": _error(run["error"])} if "error" in run else {}
        found["autoScaleRun"] = {"evaluationTime": run["timestamp"], "results": run["results"], **error}
    return found


def _scale_settings(wire: Mapping[str, Any]) -> Wire:
    if wire["enableAutoScale"]:
        interval = wire["autoScaleEvaluationInterval"]
        return {"autoScale": {"formula": wire["autoScaleFormula"], "evaluationInterval": interval}}
    return {"fixedScale": {name: wire[name] for name in _TARGETS}}


_TARGETS = ("targetDedicatedNodes", "targetLowPriorityNodes", "resizeTimeout")


def _resize_status(wire: Mapping[str, Any]) -> Wire:
    status = {name: wire[name] for name in _TARGETS if name in wire}
    errors = [_error(error) for error in wire.get("resizeErrors", [])]
    started = {"startTime": wire["allocationStateTransitionTime"]}
    return {**status, **started, **({"errors": errors} if errors else {})}


def _error(error: Mapping[str, Any]) -> Wire:
    """An error with its named values as ARM nests them."""
    details = [{"code": entry["name"], "message": entry["value"]} for entry in error.get("values", [])]
    return {"code": error["code"], "message": error["message"], **({"details": details} if details else {})}


def _references(packages: Iterable[Mapping[str, Any]]) -> list[Wire]:
    """The data plane's references: an application is called by the last part of its id."""
    return [{**_renamed(one, "id", "applicationId"), "applicationId": one["id"].rpartition("/")[2]} for one in packages]


def _machine_document(machine: Mapping[str, Any]) -> Wire:
    document = _renamed(machine, "nodeAgentSkuId", "nodeAgentSKUId")
    document["imageReference"] = _renamed(machine["imageReference"], "id", "virtualMachineImageId")
    encryption = machine.get("diskEncryptionConfiguration", {}).get("targets")
    if encryption:
        document["diskEncryptionConfiguration"] = {"targets": [target.lower() for target in encryption]}
    if "dataDisks" in machine:
        document["dataDisks"] = [_disk_document(disk) for disk in machine["dataDisks"]]
    security = machine.get("securityProfile", {})
    if security.get("securityType") == "confidentialVM":
        document["securityProfile"] = {**security, "securityType": "confidentialvm"}
    return document


def _network_document(network: Mapping[str, Any]) -> Wire:
    document = _renamed(network, "dynamicVnetAssignmentScope", "dynamicVNetAssignmentScope")
    if "endpointConfiguration" in network:
        endpoints = _renamed(network["endpointConfiguration"], "inboundNatPools", "inboundNATPools")
        document["endpointConfiguration"] = endpoints
    return document


def _named_user(document: Wire) -> Wire:
    """The document with the start task's user under the data plane's name."""
    task = document.get("startTask") or {}
    if "userName" not in task.get("userIdentity", {}):
        return document
    user = _renamed(task["userIdentity"], "userName", "username")
    return {**document, "startTask": {**task, "userIdentity": user}}


def _machine_properties(machine: Mapping[str, Any]) -> Wire:
    image = _renamed(machine["imageReference"], "virtualMachineImageId", "id")
    image.pop("exactVersion", None)
    disks = {"dataDisks": [_disk_properties(disk) for disk in machine["dataDisks"]]} if "dataDisks" in machine else {}
    return {**_renamed(machine, "nodeAgentSKUId", "nodeAgentSkuId"), "imageReference": image, **disks}


def _disk_document(disk: Mapping[str, Any]) -> Wire:
    """A data disk; the data plane nests the kind of its storage."""
    kept = {name: value for name, value in disk.items() if name != _STORAGE}
    return {**kept, **({"managedDisk": {_STORAGE: disk[_STORAGE]}} if _STORAGE in disk else {})}


def _disk_properties(disk: Mapping[str, Any]) -> Wire:
    kept = {name: value for name, value in disk.items() if name != "managedDisk"}
    storage = disk.get("managedDisk", {}).get(_STORAGE)
    return {**kept, **({_STORAGE: storage} if storage else {})}


def _identity_document(identity: Mapping[str, Any]) -> Wire:
    members = identity["userAssignedIdentities"].items()
    return {"type": "UserAssigned", "userAssignedIdentities": [{"resourceId": rid, **ids} for rid, ids in members]}


def identity_properties(document: Mapping[str, Any]) -> Wire:
    """The identity block of ARM, from the data plane's list."""
    members = document.get("userAssignedIdentities", [])
    ids = {one["resourceId"]: {name: one[name] for name in ("principalId", "clientId")} for one in members}
    return {"type": "UserAssigned", "userAssignedIdentities": ids} if ids else {"type": "None"}


def _renamed(record: Mapping[str, Any], old: str, new: str) -> Wire:
    return {new if name == old else name: value for name, value in record.items()}


def _lowered(document: Wire) -> Wire:
    """The document with ARM's capitalised enumerations in the data plane's spelling; the argument is not changed."""
    for path in _LOWER:
        document = _replaced(document, path.split("."), str.lower)
    for path in _FIRST_LOWER:
        document = _replaced(document, path.split("."), lambda text: text[:1].lower() + text[1:])
    return document


def _replaced(record: Wire, path: list[str], change: Callable[[str], str]) -> Wire:
    name, *rest = path
    value = record.get(name)
    if isinstance(value, str) and not rest:
        return {**record, name: change(value)}
    if isinstance(value, list):
        return {**record, name: [_replaced(item, rest, change) for item in value]}
    return {**record, name: _replaced(value, rest, change)} if isinstance(value, dict) and rest else record
