"""A pool as a component: what its preview says, how it is named, what it refuses."""

from __future__ import annotations

import asyncio
from typing import Any

import pulumi
import pytest
from pulumi.output import UNKNOWN

from components.pool import _revealed as revealed_of
from components.pool import in_place, limits, replacing
from components.pool_inputs import IN_PLACE, REPLACED
from components.validation import SettingsError
from tests.components.pool_samples import deployed, made, revealed, some_parts

pytestmark = pytest.mark.ours

SMALL: dict[str, Any] = {"vmSize": "standard_d2s_v3", "maxDedicated": 1}


def component(settings: dict[str, Any]) -> dict[str, Any]:
    """The properties of the component, as the state has them."""
    return dict(revealed(deployed(settings).one("components:Pool")))


def test_a_change_in_place_says_what_nodes_notice() -> None:
    """Nodes that run keep start task and packages; scale and metadata are theirs at once."""
    old = {"poolName": "main-1", "scaleSettings": 1, "metadata": 1, "startTask": 1, "applicationPackages": 1}
    assert in_place(old, old) == ("", "")
    note, warning = in_place(old, {**old, "scaleSettings": 2, "metadata": 2})
    assert (note, warning) == ("pool main-1 changes in place: metadata, scaleSettings", "")
    _, warning = in_place(old, {**old, "startTask": 2})
    assert "keep the start task they have had until they are rebooted or reimaged" in warning
    _, warning = in_place(old, {**old, "applicationPackages": 2})
    assert "keep their packages until they are rebooted or reimaged" in warning


def test_what_is_not_known_yet_is_no_change() -> None:
    """The addresses of start-task files, while the storage account changes; a file more is a change."""
    old = {"poolName": "main-1", "startTask": {"resourceFiles": [{"httpUrl": "https://a", "filePath": "run.sh"}]}}
    unknown = {"resourceFiles": [{"httpUrl": UNKNOWN, "filePath": "run.sh"}]}
    assert in_place(old, {**old, "startTask": unknown}) == ("", "")
    assert in_place(old, {**old, "startTask": UNKNOWN}) == ("", "")
    more = {"resourceFiles": unknown["resourceFiles"] * 2}
    assert "startTask" in in_place(old, {**old, "startTask": more})[0]
    assert "startTask" in in_place(old, {"poolName": "main-1"})[0]


def test_a_replacement_says_why_and_what_becomes_of_running_work() -> None:
    """Both pools, the settings that can't change in place, and how long running tasks are waited for."""
    old = component(SMALL)
    new = component({**SMALL, "taskSlotsPerNode": 4, "vmSize": "standard_d4s_v3"})
    assert replacing(old, old) == ("", "")
    _, text = replacing(old, new)
    assert f"pool {old['poolId']} is replaced by {new['poolId']}: taskSlotsPerNode, vmSize can't change" in text
    assert "waits up to 60 min" in text
    assert "run the new start task" in text
    _, text = replacing(component({**SMALL, "drainMinutes": 0}), new)
    assert "goes at once, its running tasks with it" in text


def test_a_pool_of_an_older_version_is_not_guessed_about() -> None:
    """A state without the pool's generation says nothing of it."""
    assert replacing({"key": "main"}, component(SMALL)) == ("", "")


@pytest.mark.parametrize(
    "changes",
    [{"maxDedicated": 2}, {"metadata": {"a": "b"}}, {"evaluationInterval": "PT10M"}, {"deallocation": "requeue"}],
)
def test_what_changes_in_place_keeps_the_pool(changes: dict[str, Any]) -> None:
    """The same name, and inputs that differ where ARM changes a pool that is there."""
    before, after = made(SMALL), made({**SMALL, **changes})
    assert before["poolName"] == after["poolName"]
    assert {key for key in {*before, *after} if before.get(key) != after.get(key)} <= {*IN_PLACE}


@pytest.mark.parametrize(
    "changes",
    [
        {"vmSize": "standard_d4s_v3"},
        {"image": "debian-12"},
        {"taskSlotsPerNode": 2},
        {"nodeFillType": "Pack"},
        {"interNodeCommunication": "Enabled"},
        {"displayName": "other"},
        {"tags": {"a": "b"}},
        {"identities": ["/subscriptions/1/other"]},
        {"userAccounts": [{"name": "me", "password": "p"}]},
        {"dataDisks": [{"lun": 0, "diskSizeGB": 10}]},
        {"mountConfiguration": [{"nfsMountConfiguration": {"source": "nfs:/a", "relativeMountPath": "a"}}]},
        {"networkConfiguration": {"subnetId": "/subscriptions/1/subnet"}},
        {"upgradePolicy": {"mode": "manual"}},
        {"generation": "2"},
    ],
)
def test_what_arm_refuses_in_place_is_another_generation(changes: dict[str, Any]) -> None:
    """Another name, so that the new pool is there before the old one goes."""
    before, after = made(SMALL), made({**SMALL, **changes})
    assert before["poolName"] != after["poolName"]
    differing = {key for key in {*before, *after} if before.get(key) != after.get(key)} - {"poolName"}
    assert differing <= {*REPLACED, "scaleSettings"}  # The formula counts the slots of a node.


def test_another_password_is_no_other_name() -> None:
    """Nothing of a secret is in a name, not even a digest: `generation` says that the pool is to be made anew."""
    one, other = ({**SMALL, "userAccounts": [{"name": "me", "password": text}]} for text in ("s3cr3t", "0ther"))
    assert made(one)["poolName"] == made(other)["poolName"]


def test_another_password_in_the_same_generation_is_refused() -> None:
    """The hook that speaks of replacements ends preview and deployment; another generation is replaced as usual."""
    pools = [{**SMALL, "userAccounts": [{"name": "me", "password": text}]} for text in ("s3cr3t", "0ther")]
    old, new = component(pools[0]), component(pools[1])
    assert replacing(old, old) == ("", "")
    with pytest.raises(pulumi.RunError, match="another `generation`") as caught:
        replacing(old, new)
    assert "s3cr3t" not in str(caught.value)
    assert "is replaced by" in replacing(old, component({**pools[1], "generation": "2"}))[1]


def test_secrets_are_compared_and_not_their_wrappings() -> None:
    """Hooks get secrets as outputs; what is in two of them may be the same."""

    async def both() -> tuple[Any, Any]:
        hidden = {"a": [pulumi.Output.secret({"b": "s3cr3t"})], "c": UNKNOWN}
        return await revealed_of(hidden), await revealed_of({"d": pulumi.Output.secret("x")})

    first, second = asyncio.run(both())
    assert (first["a"], first["c"], second) == ([{"b": "s3cr3t"}], UNKNOWN, {"d": "x"})


def test_the_nodes_identity_is_used_where_nothing_else_is_given() -> None:
    """Blob mounts, registries and files get it; those with a key, a password or a SAS keep theirs."""
    blobs = {"accountName": "a", "containerName": "c", "relativeMountPath": "m"}
    registry = {"registryServer": "example.azurecr.io"}
    inputs = made(
        {
            **SMALL,
            "mountConfiguration": [
                {"azureBlobFileSystemConfiguration": blobs},
                {"azureBlobFileSystemConfiguration": {**blobs, "accountKey": "k", "relativeMountPath": "n"}},
                {"nfsMountConfiguration": {"source": "nfs:/a", "relativeMountPath": "a"}},
            ],
            "containerConfiguration": {"type": "DockerCompatible", "containerRegistries": [registry]},
        }
    )
    by_identity = {"resourceId": inputs["identity"]["userAssignedIdentities"][0]}
    first, second, third = (next(iter(one.values())) for one in inputs["mountConfiguration"])
    assert first["identityReference"] == by_identity
    assert "identityReference" not in second
    assert "identityReference" not in third
    machine = inputs["deploymentConfiguration"]["virtualMachineConfiguration"]
    assert machine["containerConfiguration"]["containerRegistries"][0]["identityReference"] == by_identity


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"maxDedicated": 1}, "vmSize"),
        ({**SMALL, "size": {"vcpus": 2}}, "vmSize"),
        ({**SMALL, "fixed": {"dedicated": 1}}, "fixed"),
        ({**SMALL, "formulaFile": "f.txt"}, "fixed"),
        ({**SMALL, "imageReference": {"publisher": "p"}}, "nodeAgentSkuId"),
        ({**SMALL, "windowsConfiguration": {"enableAutomaticUpdates": True}}, "windowsConfiguration"),
        ({**SMALL, "dataDisks": [{"lun": 64, "diskSizeGB": 10}]}, "dataDisks[0].lun"),
        (
            {**SMALL, "mountConfiguration": [{"nfsMountConfiguration": {}}]},
            "mountConfiguration[0].nfsMountConfiguration.relativeMountPath",
        ),
        ({**SMALL, "vmSize": "basic_a1"}, "vmSize"),
        ({**SMALL, "maxSpot": 1, "interNodeCommunication": "Enabled"}, "interNodeCommunication"),
        ({**SMALL, "startTask": {"userName": "nobody"}}, "startTask.userName"),
    ],
)
def test_a_pool_that_arm_would_refuse_is_not_made(settings: dict[str, Any], key: str) -> None:
    """From Python as from configuration: the error names the key."""
    with pytest.raises(SettingsError) as caught:
        made(settings)
    assert key in [problem.key for problem in caught.value.problems]


def test_further_inputs_are_judged() -> None:
    """Inputs given in Python are named when they are none, or wrong."""
    wrong = {"vmSizes": "x", "taskSlotsPerNode": "4", "scaleSettings": {"fixedScale": {"targetNodes": 1}}}
    with pytest.raises(SettingsError) as caught:
        made(SMALL, inputs=wrong)
    assert {problem.key for problem in caught.value.problems} == {
        "vmSizes",
        "taskSlotsPerNode",
        "scaleSettings.fixedScale.targetNodes",
    }


def test_limits_are_what_a_pool_may_have() -> None:
    """Of a fixed number, of a formula with a proved ceiling, and of one without."""
    assert limits({"fixedScale": {"targetDedicatedNodes": 2, "targetLowPriorityNodes": 3}}) == (2, 3)
    assert limits({"autoScale": {"formula": "$TargetDedicatedNodes = min(4, $ActiveTasks.GetSample(1));"}}) == (4, 0)
    assert limits({"autoScale": {"formula": "$TargetDedicatedNodes = $ActiveTasks.GetSample(1);"}}) == (0, 0)


def test_what_is_known_later_counts_by_its_name() -> None:
    """An identity whose id is not known yet does not make the pool's name unknown."""
    later: pulumi.Output[str] = pulumi.Output.from_input("x")
    assert made(SMALL, parts=some_parts(start_task={"commandLine": later}))["poolName"] == made(SMALL)["poolName"]
