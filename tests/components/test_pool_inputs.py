"""Every input of azure-native's Pool is reached from settings and lands in the resource."""

from __future__ import annotations

import json
from typing import Any

import pulumi_azure_native as azure
import pytest

from components.arm_inputs import members, paths
from components.pool_inputs import IN_PLACE, REPLACED
from components.records import record
from components.start_task import StartTaskParts, start_task
from components.start_task_settings import StartTaskSettings
from tests.components.pool_samples import (
    NODES,
    concealed,
    deployed,
    landed,
    made,
    mounts,
    revealed,
    sample_of,
    some_parts,
)

pytestmark = pytest.mark.ours

POOL = azure.batch.PoolArgs
SMALL: dict[str, Any] = {"vmSize": "standard_d2s_v3", "maxDedicated": 1}
NATIVE: dict[str, Any] = {
    "imageReference": sample_of("ImageReferenceArgs"),
    "nodeAgentSkuId": "batch.node.windows amd64",
    "windowsConfiguration": sample_of("WindowsConfigurationArgs"),
    "networkConfiguration": sample_of("NetworkConfigurationArgs"),
    "mountConfiguration": mounts(),
    "containerConfiguration": sample_of("ContainerConfigurationArgs"),
    "userAccounts": [sample_of("UserAccountArgs")],
    "applicationPackages": [sample_of("ApplicationPackageReferenceArgs")],
    "dataDisks": [sample_of("DataDiskArgs")],
    "osDisk": sample_of("OSDiskArgs"),
    "diskEncryptionConfiguration": sample_of("DiskEncryptionConfigurationArgs"),
    "securityProfile": sample_of("SecurityProfileArgs"),
    "nodePlacementConfiguration": sample_of("NodePlacementConfigurationArgs"),
    "extensions": [sample_of("VMExtensionArgs")],
    "serviceArtifactReference": sample_of("ServiceArtifactReferenceArgs"),
    "upgradePolicy": sample_of("UpgradePolicyArgs"),
    "certificates": [sample_of("CertificateReferenceArgs")],
}
"""Settings in ARM's own shape, each with every input set."""
PLAIN: dict[str, Any] = {
    "displayName": "the pool",
    "metadata": {"team": "weather"},
    "tags": {"team": "weather"},
    "resourceTags": {"team": "weather"},
    "licenseType": "Windows_Server",
    "applicationLicenses": ["maya"],
    "identities": [f"{NODES}-2"],
    "interNodeCommunication": "Enabled",
    "nodeFillType": "Pack",
}
START_TASK: dict[str, Any] = {
    "resourceFiles": [sample_of("ResourceFileArgs")],
    "containerSettings": sample_of("TaskContainerSettingsArgs"),
    "retries": 2,
    "waitForSuccess": True,
}


def a_start_task(**changes: Any) -> dict[str, Any]:
    """A start task with all it may have, in ARM's names."""
    settings = record(StartTaskSettings, {**START_TASK, **changes})
    urls = {path: f"https://example.blob.core.windows.net/{path}" for path in settings.files(windows=False)}
    found = start_task(settings, StartTaskParts(urls, some_parts().identity, "https://logs", "https://output"))
    assert found is not None
    return found


def test_every_input_is_reached_from_settings() -> None:
    """Walk of the SDK's own classes at any depth: each input is set by one of a few configurations, in the resource."""
    everything = {**SMALL, **NATIVE, **PLAIN}
    fixed = {"vmSize": "standard_d2s_v3", "fixed": {"dedicated": 1, "spot": 1}}
    made_pools = [
        made(everything, parts=some_parts(start_task=a_start_task())),
        made(fixed, parts=some_parts(start_task=a_start_task(userName="admin"))),
    ]
    found = {path for inputs in made_pools for path in landed(POOL, inputs)}
    assert set(paths(POOL)) - found == set()


@pytest.mark.parametrize("key", sorted(NATIVE))
def test_settings_in_arms_shape_land_as_they_are(key: str) -> None:
    """What is given in ARM's names is what ARM gets, value for value; what brings its own credential keeps it."""
    inputs = made({**SMALL, **NATIVE, **PLAIN})
    machine = inputs["deploymentConfiguration"]["virtualMachineConfiguration"]
    landed_value = inputs[key] if key in inputs else machine[key]
    assert landed_value == NATIVE[key]


def test_secrets_are_secrets_of_the_state() -> None:
    """Passwords and keys are encrypted wherever they stand, and no digest or property of the component has them."""
    users = [{"name": "me", "password": "s3cr3t", "linuxUserConfiguration": {"sshPrivateKey": "s3cr3t"}}]
    registries = {"type": "DockerCompatible", "containerRegistries": [{"userName": "me", "password": "s3cr3t"}]}
    share = {"accountName": "a", "azureFileUrl": "https://a", "accountKey": "s3cr3t", "relativeMountPath": "a"}
    mounts = [{"azureFileShareConfiguration": share}]
    extension = {"name": "e", "publisher": "p", "type": "t", "protectedSettings": {"key": "s3cr3t"}}
    given = {
        **SMALL,
        "userAccounts": users,
        "containerConfiguration": registries,
        "mountConfiguration": mounts,
        "extensions": [extension],
    }
    found = deployed(given)
    assert "s3cr3t" not in json.dumps(concealed(list(found.resources.values())))
    assert json.dumps(revealed(found.one("batch:Pool"))).count("s3cr3t") == 5


def test_further_inputs_reach_the_resource_from_python() -> None:
    """`PoolArgs.inputs` is laid over what settings give, in ARM's names, and judged like it."""
    inputs = made(SMALL, inputs={"displayName": "other", "metadata": [{"name": "a", "value": "b"}]})
    assert (inputs["displayName"], inputs["metadata"]) == ("other", [{"name": "a", "value": "b"}])


def test_in_place_or_replaced() -> None:
    """Every input is one of the two, or part of the pool's name."""
    names = {"accountName", "resourceGroupName", "poolName"}
    assert {*IN_PLACE, *REPLACED, *names} == set(members(POOL))
    assert not {*IN_PLACE} & {*REPLACED}
