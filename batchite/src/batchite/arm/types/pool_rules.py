"""What the shape of a pool's ARM body does not say: rules between its properties.

Source: Pool - Create, 2024-07-01 (InboundNatPool, resourceTags).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from batchite.batch import user_accounts
from batchite.errors import ServiceError, invalid_property, missing_property

_FEWEST_PORTS = 40
_RESERVED_PORTS = range(50000, 55001)
_RESERVED_BACKENDS = (29876, 29877)


def check_new(properties: Mapping[str, Any], *, user_subscription: bool) -> None:
    """Raise a 400 naming the property for a pool that cannot be created so."""
    if properties.get("resourceTags") and not user_subscription:
        reason = "Only pools of an account with poolAllocationMode UserSubscription have resource tags."
        raise invalid_property("properties.resourceTags", "", reason)
    for index, account in enumerate(properties.get("userAccounts", ())):
        if "password" not in account:
            raise missing_property(f"properties.userAccounts[{index}].password")
    endpoints = properties.get("networkConfiguration", {}).get("endpointConfiguration", {})
    _check_endpoints(endpoints.get("inboundNatPools", ()))


def check_scale(properties: Mapping[str, Any]) -> None:
    """Raise a 400 unless at most one kind of scaling is given."""
    if len(properties.get("scaleSettings", {})) > 1:
        raise invalid_property("properties.scaleSettings", "", "Exactly one of fixedScale and autoScale is expected.")


def without_secrets(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties as they may be stored, compared and shown."""
    if "userAccounts" not in properties:
        return dict(properties)
    return {**properties, "userAccounts": user_accounts.without_secrets(properties["userAccounts"])}


def _check_endpoints(pools: Sequence[Mapping[str, Any]]) -> None:
    taken: list[range] = []
    for index, pool in enumerate(pools):
        path = f"properties.networkConfiguration.endpointConfiguration.inboundNatPools[{index}]"
        ports = range(pool["frontendPortRangeStart"], pool["frontendPortRangeEnd"] + 1)
        if len(ports) < _FEWEST_PORTS:
            raise invalid_property(path, "", f"A range must contain at least {_FEWEST_PORTS} ports.")
        if any(_overlap(ports, other) for other in (*taken, _RESERVED_PORTS)):
            raise invalid_property(path, "", "A range must not overlap another one, nor ports 50000 to 55000.")
        if pool["backendPort"] in _RESERVED_BACKENDS:
            raise invalid_property(f"{path}.backendPort", pool["backendPort"], "The port is reserved.")
        taken.append(ports)


def _overlap(one: range, other: range) -> bool:
    return one.start < other.stop and other.start < one.stop


_ARM_NAMES = {
    "applicationPackageReferences": "applicationPackages",
    "autoScaleEvaluationInterval": "scaleSettings.autoScale.evaluationInterval",
    "autoScaleFormula": "scaleSettings.autoScale.formula",
    "enableInterNodeCommunication": "interNodeCommunication",
    "nodeDeallocationOption": "scaleSettings.fixedScale.nodeDeallocationOption",
    "resizeTimeout": "scaleSettings.fixedScale.resizeTimeout",
    "targetDedicatedNodes": "scaleSettings.fixedScale.targetDedicatedNodes",
    "targetLowPriorityNodes": "scaleSettings.fixedScale.targetLowPriorityNodes",
    "username": "userName",
    "virtualMachineConfiguration": "deploymentConfiguration.virtualMachineConfiguration",
}


def in_arm_names(error: ServiceError) -> ServiceError:
    """An error of the data plane with the property's path in ARM."""
    name = error.values.get("PropertyName")
    if not name:
        return error
    path = ".".join(("properties", *(_ARM_NAMES.get(part, part) for part in name.split("."))))
    return ServiceError(error.code, error.detail, {**error.values, "PropertyName": path}, error.headers)
