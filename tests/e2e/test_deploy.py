"""The program under the real engine: no change, a changed start task, and what the policy pack refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.azure_clients import Clients
from tests.e2e.checkout import Checkout, changes
from tests.e2e.conftest import UP

pytestmark = pytest.mark.ours

AGAINST_THE_RULES = """
from pulumi_azure_native import batch

batch.BatchAccount("keys", resource_group_name=group.name, allowed_authentication_modes=["SharedKey"])
batch.Pool(
    "endless",
    resource_group_name=group.name,
    account_name=account.name,
    vm_size="standard_d2s_v3",
    scale_settings={"auto_scale": {"formula": "$TargetDedicatedNodes = $PendingTasks.GetSample(1);"}},
    start_task={"command_line": "setup --password=hunter2hunter2"},
)
"""
START_TASK = Path("start_tasks") / "python_packages.sh"


@pytest.fixture
def start_task(local: Checkout) -> Iterator[Path]:
    """The start-task script of the checkout; a test may change it, and afterwards it is as it was and deployed."""
    file = local.root / START_TASK
    before = file.read_text()
    yield file
    file.write_text(before)
    local.pulumi(*UP)


@pytest.fixture
def program(local: Checkout) -> Iterator[Path]:
    """The Pulumi program; a test may change it, and afterwards it is as it was."""
    file = local.root / "__main__.py"
    before = file.read_text()
    yield file
    file.write_text(before)


@pytest.fixture
def config(local: Checkout) -> Iterator[Path]:
    """The stack configuration; a test may change it, and afterwards it is as it was."""
    before = local.config.read_text()
    yield local.config
    local.config.write_text(before)


def test_outputs_are_all_that_jobs_needs(local: Checkout) -> None:
    """The outputs name endpoints, containers, pool and identity, and the environment file of this stack."""
    outputs = local.outputs
    assert outputs["batch"]["endpoint"].endswith(f"/batch/{outputs['batch']['account']}")
    assert set(outputs["storage"]) >= {"account", "blobEndpoint", "containers"}
    assert set(outputs["storage"]["containers"]) >= {"input", "output", "logs"}
    assert set(local.pool) >= {"id", "identityResourceId", "identityClientId", "taskSlotsPerNode", "maxDedicated"}
    assert outputs["environmentFile"] == ".batchite/env"


def test_second_up_changes_nothing(local: Checkout) -> None:
    """Neither a preview nor an update of the deployed stack finds anything to do."""
    local.pulumi("preview", "--expect-no-changes")
    local.pulumi(*UP, "--expect-no-changes")


def test_refresh_finds_no_drift(local: Checkout) -> None:
    """What the control plane answers is what the engine remembers."""
    local.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")


def test_changed_start_task_is_a_change_of_the_pool(local: Checkout, azure: Clients, start_task: Path) -> None:
    """Another script means another blob and an update of the pool in place, nothing else; nodes to come will run it."""
    before = azure.batch.get_pool(local.pool["id"]).start_task
    start_task.write_text(start_task.read_text() + "# changed\n")
    planned = changes(local.pulumi("preview", "--json").stdout)
    kinds = sorted((operation, what.split("::")[0].split("$")[-1]) for operation, what in planned)
    assert kinds == [("replace", "pulumi-python:dynamic/azure-batch:Blob"), ("update", "azure-native:batch:Pool")]
    local.pulumi(*UP)
    after = azure.batch.get_pool(local.pool["id"]).start_task
    assert before is not None
    assert after is not None
    assert before.as_dict() != after.as_dict()


def test_policy_pack_stops_what_breaks_its_rules(local: Checkout, program: Path) -> None:
    """An account with keys, a pool without a ceiling and a secret in a start task are refused by the names of rules."""
    program.write_text(program.read_text() + AGAINST_THE_RULES)
    done = local.pulumi("preview", "--policy-pack", "policies", expect=None)
    told = done.stdout + done.stderr
    assert done.returncode != 0
    for rule in ("batch-account-entra-only", "batch-pool-autoscale-caps", "batch-pool-start-task-secrets"):
        assert rule in told
    assert "hunter2hunter2" not in told


@pytest.mark.usefixtures("config")
def test_limits_of_a_pool_are_judged(local: Checkout) -> None:
    """More Spot nodes than the rule allows stop a preview too."""
    local.set_pool(maxSpot=9999)
    done = local.pulumi("preview", "--policy-pack", "policies", expect=None)
    assert done.returncode != 0
    assert "batch-pool-autoscale-caps" in done.stdout + done.stderr


def test_configuration_is_judged_before_anything_is_deployed(local: Checkout, config: Path) -> None:
    """A pool without bounds is refused with the names of the settings that are missing."""
    config.write_text(config.read_text().replace("maxSpot", "maxSpto"))
    done = local.pulumi("preview", "--policy-pack", "policies", expect=None)
    assert done.returncode != 0
    assert "maxSpto" in done.stdout + done.stderr
