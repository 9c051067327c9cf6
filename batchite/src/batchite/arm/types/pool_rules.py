"""What the shape of a pool's ARM body does not say: rules between its properties.

Source: Pool - Create, 2024-07-01 (InboundNatPool, resourceTags).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchite.batch import user_accounts
from batchite.batch.containers import without_passwords
from batchite.errors import ServiceError, invalid_property, missing_property


def check_new(properties: Mapping[str, Any], *, user_subscription: bool) -> None:
    """Raise a 400 naming the property for a pool that cannot be created so."""
    if properties.get("resourceTags") and not user_subscription:
        reason = "Only pools of an account with poolAllocationMode UserSubscription have resource tags."
        raise invalid_property("properties.resourceTags", "", reason)
    for index, account in enumerate(properties.get("userAccounts", ())):
        if "password" not in account:
            raise missing_property(f"properties.userAccounts[{index}].password")


def check_scale(properties: Mapping[str, Any]) -> None:
    """Raise a 400 unless at most one kind of scaling is given."""
    if len(properties.get("scaleSettings", {})) > 1:
        raise invalid_property("properties.scaleSettings", "", "Exactly one of fixedScale and autoScale is expected.")


def without_secrets(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties as they may be stored, compared and shown."""
    found = without_passwords(properties)
    if "deploymentConfiguration" in found:
        found["deploymentConfiguration"] = without_passwords(found["deploymentConfiguration"])
    if "userAccounts" in found:
        found["userAccounts"] = user_accounts.without_secrets(found["userAccounts"])
    return found


_ARM_NAMES = {
    "applicationPackageReferences": "applicationPackages",
    "autoScaleEvaluationInterval": "scaleSettings.autoScale.evaluationInterval",
    "autoScaleFormula": "scaleSettings.autoScale.formula",
    "enableInterNodeCommunication": "interNodeCommunication",
    "dynamicVNetAssignmentScope": "dynamicVnetAssignmentScope",
    "inboundNATPools": "inboundNatPools",
    "nodeAgentSKUId": "nodeAgentSkuId",
    "nodeDeallocationOption": "scaleSettings.fixedScale.nodeDeallocationOption",
    "resizeTimeout": "scaleSettings.fixedScale.resizeTimeout",
    "targetDedicatedNodes": "scaleSettings.fixedScale.targetDedicatedNodes",
    "targetLowPriorityNodes": "scaleSettings.fixedScale.targetLowPriorityNodes",
    "username": "userName",
    "virtualMachineConfiguration": "deploymentConfiguration.virtualMachineConfiguration",
}


def _arm_name(part: str) -> str:
    """A part of a path, with the index it may have."""
    name, bracket, index = part.partition("[")
    return _ARM_NAMES.get(name, name) + bracket + index


def in_arm_names(error: ServiceError) -> ServiceError:
    """An error of the data plane with the property's path in ARM."""
    name = error.values.get("PropertyName")
    if not name:
        return error
    path = ".".join(("properties", *(_arm_name(part) for part in name.split("."))))
    return ServiceError(error.code, error.detail, {**error.values, "PropertyName": path}, error.headers)
