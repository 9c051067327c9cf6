"""The provider under the real Pulumi engine, against the toy ARM."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_azure_native as azure
import pytest
from provider.toy_arm import SUBSCRIPTION, StackFactory, ToyArm, changes
from pulumi import automation

pytestmark = [
    pytest.mark.ours,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # the SDK's own, see the fixture
]


def deployment(nodes: int = 1, *, group_name: str | None = None, metadata: str | None = None) -> azure.batch.Pool:
    """Group, identity, Batch account and pool."""
    group = azure.resources.ResourceGroup("group", resource_group_name=group_name)
    identity = azure.managedidentity.UserAssignedIdentity("identity", resource_group_name=group.name)
    account = azure.batch.BatchAccount("account", resource_group_name=group.name)
    pool = azure.batch.Pool(
        "main",
        resource_group_name=group.name,
        account_name=account.name,
        vm_size="standard_d2s_v3",
        identity=azure.batch.BatchPoolIdentityArgs(
            type=azure.batch.PoolIdentityType.USER_ASSIGNED, user_assigned_identities=[identity.id]
        ),
        metadata=[azure.batch.MetadataItemArgs(name="m", value=metadata)] if metadata else None,
        scale_settings=azure.batch.ScaleSettingsArgs(
            fixed_scale=azure.batch.FixedScaleSettingsArgs(target_dedicated_nodes=nodes)
        ),
    )
    pulumi.export("allocation", pool.allocation_state)
    pulumi.export("location", account.location)
    pulumi.export("keys", azure.batch.list_batch_account_keys_output(account.name, group.name).primary)
    return pool


def group(name: str = "g1", location: str = "westeurope", **options: Any) -> azure.resources.ResourceGroup:
    """One resource group under a name of its own."""
    opts = pulumi.ResourceOptions(**options)
    return azure.resources.ResourceGroup("group", resource_group_name=name, location=location, opts=opts)


def failure(operation: Callable[[], object]) -> str:
    """What the user reads when the operation fails."""
    with pytest.raises(automation.CommandError) as caught:
        operation()
    return str(caught.value)


def target_nodes(arm: ToyArm) -> dict[str, Any]:
    """The fixed scale settings of the pool as ARM holds them."""
    scale: dict[str, Any] = arm.named("main")["properties"]["scaleSettings"]["fixedScale"]
    return scale


def test_a_deployment_lives_through_all_operations(arm: ToyArm, stack: StackFactory) -> None:
    """Preview, up, no-change preview, update, drift and refresh, destroy do to ARM what they say."""
    stack(deployment).preview()
    assert arm.resources == {}
    made = stack(deployment).up()
    assert changes(made) == {"create": 5}
    assert {name: made.outputs[name].value for name in ("allocation", "location", "keys")} == {
        "allocation": "Steady",
        "location": "westeurope",
        "keys": "k1",
    }
    assert target_nodes(arm)["targetDedicatedNodes"] == 1
    stack(deployment).preview(expect_no_changes=True)

    assert changes(stack(lambda: deployment(nodes=2)).up()) == {"update": 1, "same": 4}
    target_nodes(arm)["targetDedicatedNodes"] = 9
    assert changes(stack(lambda: deployment(nodes=2)).refresh()) == {"update": 1, "same": 4}
    assert changes(stack(lambda: deployment(nodes=2)).up()) == {"update": 1, "same": 4}
    assert target_nodes(arm)["targetDedicatedNodes"] == 2

    assert changes(stack(deployment).destroy()) == {"delete": 5}
    assert arm.resources == {}


def test_a_new_location_replaces_a_resource_group(arm: ToyArm, stack: StackFactory) -> None:
    """A force-new property deletes the named resource before it makes the new one."""
    stack(group).up()
    replaced = stack(lambda: group(location="northeurope")).up()
    assert changes(replaced) == {"replace": 1, "same": 1}
    assert arm.named("g1")["location"] == "northeurope"
    assert [method for method, path in arm.requests if method in {"PUT", "DELETE"}] == ["PUT", "DELETE", "PUT"]


def test_the_same_location_in_other_letters_changes_nothing(stack: StackFactory) -> None:
    """Azure takes "West Europe" and "westeurope" for one place."""
    stack(group).up()
    stack(lambda: group(location="West Europe")).preview(expect_no_changes=True)


def test_a_resource_that_exists_is_imported_and_not_created(arm: ToyArm, stack: StackFactory) -> None:
    """Creating over an existing resource fails with its id; importing it takes it over unchanged."""
    identifier = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/g1"
    arm.put(identifier, {"location": "westeurope"})
    text = failure(stack(group).up)
    assert f"cannot create already existing resource '{identifier}'" in text
    assert "pulumi import" in text
    assert changes(stack(lambda: group(import_=identifier)).up()) == {"import": 1, "same": 1}
    stack(group).preview(expect_no_changes=True)


def test_a_resource_deleted_behind_the_back_is_made_again(arm: ToyArm, stack: StackFactory) -> None:
    """Refresh drops what ARM does not have any more; the next deployment creates it."""
    stack(group).up()
    arm.resources.clear()
    assert changes(stack(group).refresh()) == {"delete": 1, "same": 1}
    assert changes(stack(group).up()) == {"create": 1, "same": 1}


def test_an_operation_that_fails_after_acceptance_keeps_the_resource(arm: ToyArm, stack: StackFactory) -> None:
    """The resource stays in the state with its error, and the next deployment mends it by an update."""
    arm.failing_operations.add("g1")
    text = failure(stack(group).up)
    assert "QuotaExceeded: the toy says QuotaExceeded" in text
    assert "resource: /subscriptions/" in text
    arm.failing_operations.clear()
    assert changes(stack(group).up()) == {"update": 1, "same": 1}


def test_a_refusal_shows_code_resource_and_next_step(arm: ToyArm, stack: StackFactory) -> None:
    """ARM's refusal reaches the user whole, with what to do next."""
    stack(lambda: group(retain_on_delete=True)).up()
    arm.refusals["g1"] = (400, "PropertyCannotBeUpdated")
    tagged = stack(lambda: azure.resources.ResourceGroup("group", resource_group_name="g1", tags={"a": "b"}))
    text = failure(tagged.up)
    assert "PropertyCannotBeUpdated: the toy says PropertyCannotBeUpdated" in text
    assert f"resource: /subscriptions/{SUBSCRIPTION}/resourcegroups/g1" in text
    assert "replace_on_changes" in text


def test_an_unsupported_type_fails_by_name(arm: ToyArm, stack: StackFactory) -> None:
    """A type that is not in the table stops the preview; ARM hears nothing of it."""

    def program() -> None:
        azure.portal.Dashboard("board", resource_group_name="g")

    text = failure(stack(program).preview)
    assert "azure-native:portal:Dashboard is not supported by the local stand-in" in text
    assert arm.requests == []


def test_wrong_inputs_fail_by_property(arm: ToyArm, stack: StackFactory) -> None:
    """An unknown property and a bad name stop the preview with their paths."""

    def program() -> None:
        task = {"commandLine": "true", "userIdentitty": {}}
        azure.batch.Pool("no spaces", resource_group_name="g", account_name="abc", start_task=task)

    text = failure(stack(program).preview)
    assert "unknown property 'startTask.userIdentitty'; did you mean 'userIdentity'?" in text
    assert "'poolName' does not match expression" in text
    assert arm.requests == []


def test_another_subscription_is_refused(stack: StackFactory) -> None:
    """A stack that is configured for Azure cannot be deployed to the local server by mistake."""
    chosen = stack(group)
    chosen.set_config("azure-native:subscriptionId", automation.ConfigValue("11111111-0000-4000-8000-000000000000"))
    text = failure(chosen.preview)
    assert "SubscriptionMismatch" in text
    assert "11111111-0000-4000-8000-000000000000" in text


def test_secret_inputs_stay_secret_in_the_state(stack: StackFactory, tmp_path: Path) -> None:
    """A secret in an input is encrypted in the state, in inputs and in outputs."""

    def program() -> None:
        tags = {"a": pulumi.Output.secret("hidden-value")}
        azure.resources.ResourceGroup("group", resource_group_name="g1", tags=tags)

    stack(program).up()
    states = [file.read_text() for file in (tmp_path / ".pulumi" / "stacks").rglob("*.json")]
    assert any("resourcegroups/g1" in state for state in states)
    assert not any("hidden-value" in state for state in states)


def test_names_can_be_left_to_the_engine(arm: ToyArm, stack: StackFactory) -> None:
    """A pattern in the stack's configuration names resources instead of the provider's own rule."""
    chosen = stack(lambda: azure.resources.ResourceGroup("group") and None)
    chosen.set_config("pulumi:autonaming.pattern", automation.ConfigValue("${name}-of-${stack}"), path=True)
    chosen.up()
    assert arm.named("group-of-test")
