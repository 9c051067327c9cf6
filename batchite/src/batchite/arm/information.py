"""What clients ask about the cloud, the subscription and its providers before they create anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from batchite.arm.ids import GROUP
from batchite.arm.kinds import Arm
from batchite.arm.types import batch_accounts, storage_accounts
from batchite.errors import ServiceError, invalid_property
from batchite.http.types import Handler, Request, Response, Route

_SUBSCRIPTION = "/subscriptions/{subscriptionId}"
_GROUP = f"{_SUBSCRIPTION}/resourceGroups/{{resourceGroupName}}"
FILTER = frozenset({"$filter"})
"""The query options of the routes here."""


def routes(arm: Arm) -> Iterator[Route]:
    """The rows for the router."""

    def bound(handler: Any) -> Handler:
        async def handle(request: Request) -> Response:
            found: Response = await handler(arm, request)
            return found

        return handle

    provider = f"{_SUBSCRIPTION}/providers/{{namespace}}"
    storage = f"{_SUBSCRIPTION}/providers/Microsoft.Storage/checkNameAvailability"
    batch = f"{_SUBSCRIPTION}/providers/Microsoft.Batch/locations/{{location}}/checkNameAvailability"
    yield Route("Cloud_Endpoints", "GET", "/metadata/endpoints", 200, bound(_endpoints))
    yield Route("Tenants_List", "GET", "/tenants", 200, bound(_tenants))
    yield Route("Subscriptions_List", "GET", "/subscriptions", 200, bound(_subscriptions))
    yield Route("Subscriptions_Get", "GET", _SUBSCRIPTION, 200, bound(_subscription))
    yield Route("Resources_List", "GET", f"{_SUBSCRIPTION}/resources", 200, bound(_resources))
    yield Route("Resources_ListByResourceGroup", "GET", f"{_GROUP}/resources", 200, bound(_resources))
    yield Route("Providers_List", "GET", f"{_SUBSCRIPTION}/providers", 200, bound(_providers))
    yield Route("Providers_Get", "GET", provider, 200, bound(_provider))
    yield Route("Providers_Register", "POST", f"{provider}/register", 200, bound(_provider))
    yield Route("StorageAccounts_CheckName", "POST", storage, 200, bound(storage_accounts.check_name))
    yield Route("Location_CheckName", "POST", batch, 200, bound(batch_accounts.check_name))


async def _endpoints(arm: Arm, _request: Request) -> Response:
    """The cloud's endpoints, as azure-native and other clients read them at their start."""
    base = arm.endpoints.https
    cloud = {
        "name": "Batchite",
        "portal": base,
        "authentication": {
            "loginEndpoint": f"{base}/",
            "audiences": ["https://management.azure.com/", "https://management.core.windows.net/"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "resourceManager": base,
        "microsoftGraphResourceId": f"{base}/",
        "batch": "https://batch.core.windows.net/",
        "suffixes": {"storage": "core.windows.net", "keyVaultDns": "vault.azure.net"},
    }
    return Response(200, cloud)


async def _tenants(arm: Arm, _request: Request) -> Response:
    tenant = arm.directory.tenant
    return Response(200, {"value": [{"id": f"/tenants/{tenant}", "tenantId": tenant, "displayName": "Batchite"}]})


async def _subscriptions(arm: Arm, _request: Request) -> Response:
    return Response(200, {"value": [_shown(arm)]})


async def _subscription(arm: Arm, _request: Request) -> Response:
    return Response(200, _shown(arm))


def _shown(arm: Arm) -> dict[str, Any]:
    subscription = arm.directory.subscription
    return {
        "id": f"/subscriptions/{subscription}",
        "subscriptionId": subscription,
        "tenantId": arm.directory.tenant,
        "displayName": "Batchite",
        "state": "Enabled",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "spendingLimit": "Off"},
    }


async def _resources(arm: Arm, request: Request) -> Response:
    """What has a place of its own, of a group or of all. `$filter` takes resourceType eq."""
    group, wanted = request.params.get("resourceGroupName"), request.query_value("$filter") or ""
    found = re.fullmatch(r"resourceType eq '([^']+)'", wanted)
    if wanted and not found:
        raise invalid_property("$filter", wanted, "resourceType eq '…' is expected.", "InvalidQueryParameterValue")
    scope = f"/subscriptions/{arm.directory.subscription}"
    if group and arm.resources.get(f"{scope}/resourceGroups/{group}") is None:
        raise ServiceError("ResourceGroupNotFound", f"The group is '{group}'.")
    inside = arm.resources.inside(f"{scope}/resourceGroups/{group}" if group else scope)
    placed = [one for one in inside if "location" in one and one["type"] != GROUP]
    chosen = [one for one in placed if not found or one["type"].lower() == found[1].lower()]
    return Response(200, {"value": [{name: one[name] for name in _SUMMARY if name in one} for one in chosen]})


_SUMMARY = ("id", "name", "type", "location", "tags", "kind", "sku", "identity", "zones")


async def _providers(arm: Arm, _request: Request) -> Response:
    return Response(200, {"value": [_provider_body(arm, name) for name in _namespaces(arm).values()]})


async def _provider(arm: Arm, request: Request) -> Response:
    namespace = _namespaces(arm).get(request.params["namespace"].lower())
    if namespace is None:
        raise ServiceError("NotImplemented", f"Resource provider: {request.params['namespace']}.")
    return Response(200, _provider_body(arm, namespace))


def _namespaces(arm: Arm) -> dict[str, str]:
    """The namespaces with a type, by lower-case name."""
    names = {kind.name.split("/")[0] for kind in arm.kinds.values()}
    return {name.lower(): name for name in sorted(names)}


def _provider_body(arm: Arm, namespace: str) -> dict[str, Any]:
    base = f"/subscriptions/{arm.directory.subscription}/providers/{namespace}"
    shown = {"namespace": namespace, "registrationState": "Registered", "registrationPolicy": "RegistrationRequired"}
    types = [kind.name.partition("/")[2] for kind in arm.kinds.values() if kind.name.startswith(f"{namespace}/")]
    return {"id": base, **shown, "resourceTypes": [{"resourceType": name} for name in types]}
