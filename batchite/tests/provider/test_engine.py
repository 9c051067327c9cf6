"""The provider under the real Pulumi engine, against the toy ARM."""

from __future__ import annotations

import pulumi
import pulumi_azure_native as azure
import pytest
from pulumi import automation
from provider.toy_arm import StackFactory, ToyArm

pytestmark = pytest.mark.ours


def deployment(nodes: int = 1, vm_size: str = "standard_d2s_v3", replace: bool = False, account_tag: str = "a") -> None:
    """Group, identity, Batch account and pool."""
    group = azure.resources.ResourceGroup("group")
    identity = azure.managedidentity.UserAssignedIdentity("identity", resource_group_name=group.name)
    account = azure.batch.BatchAccount("account", resource_group_name=group.name, tags={"a": account_tag})
    pool = azure.batch.Pool(
        "main",
        resource_group_name=group.name,
        account_name=account.name,
        vm_size=vm_size,
        identity=azure.batch.BatchPoolIdentityArgs(
            type=azure.batch.PoolIdentityType.USER_ASSIGNED, user_assigned_identities=[identity.id]
        ),
        scale_settings=azure.batch.ScaleSettingsArgs(
            fixed_scale=azure.batch.FixedScaleSettingsArgs(target_dedicated_nodes=nodes)
        ),
        opts=pulumi.ResourceOptions(replace_on_changes=["vmSize"]) if replace else None,
    )
    pulumi.export("pool", pool.id)
    pulumi.export("allocation", pool.allocation_state)
    pulumi.export("location", account.location)
    pulumi.export("keys", azure.batch.list_batch_account_keys_output(account.name, group.name).primary)


def changes(result: automation.UpResult | automation.RefreshResult) -> dict[str, int]:
    """How many resources each operation counted."""
    return {str(name): count for name, count in (result.summary.resource_changes or {}).items()}


def test_a_deployment_lives_through_all_operations(arm: ToyArm, stack: StackFactory) -> None:
    """Preview, up, no-change preview, update, drift and refresh, destroy do to ARM what they say."""
    stack(deployment).preview()
    assert arm.resources == {}
    made = stack(deployment).up()
    assert changes(made) == {"create": 5}
    assert made.outputs["allocation"].value == "Steady"
    assert made.outputs["location"].value == "westeurope"
    assert made.outputs["keys"].value == "k1"
    assert arm.bodies["main"]["properties"]["scaleSettings"]["fixedScale"]["targetDedicatedNodes"] == 1
    stack(deployment).preview(expect_no_changes=True)

    updated = stack(lambda: deployment(nodes=2)).up()
    assert changes(updated) == {"update": 1, "same": 4}
    arm.named("main")["properties"]["scaleSettings"]["fixedScale"]["targetDedicatedNodes"] = 9
    assert changes(stack(lambda: deployment(nodes=2)).refresh()) == {"update": 1, "same": 4}
    repaired = stack(lambda: deployment(nodes=2)).up()
    assert changes(repaired) == {"update": 1, "same": 4}
    assert arm.named("main")["properties"]["scaleSettings"]["fixedScale"]["targetDedicatedNodes"] == 2

    assert changes(stack(lambda: deployment(nodes=2)).destroy()) == {"delete": 5}
    assert arm.resources == {}
