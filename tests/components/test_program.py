"""The whole program under mocks, for the stack of the laptop and one of Azure."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path
from typing import Any

import pulumi
import pytest

from batchite.autoscale import ceiling, parse
from components.access import NODE_ROLES
from components.pool_inputs import REPLACED
from components.start_task_settings import StartTaskSettings, node_name
from components.validation import SettingsError
from jobs.target import parse_outputs
from policies.rules import RULES
from policies.rules.engine import kind
from policies.rules.secrets import looks_like
from tests.components.harness import DEPLOYER, ROOT, SUBSCRIPTION, Deployed, configuration, deploy, matches, strings

pytestmark = pytest.mark.ours

SMALL = {"vmSize": "standard_d2s_v3", "maxDedicated": 1}
STACKS = ("local", "dev", "production.example")
BLOB_GRANTS = {"batch-auto-storage", "deployer-blobs", *(f"nodes-{key}" for key in NODE_ROLES)}
CONTRIBUTOR, READER = "ba92f5b4-2d11-453d-a403-e96b0029c9fe", "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
ARM_NAMES = {
    "resources:ResourceGroup": ("resourceGroupName", r"[-\w._()]{0,89}[-\w_()]"),
    "storage:StorageAccount": ("accountName", r"[a-z0-9]{3,24}"),
    "storage:BlobContainer": ("containerName", r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"),
    "managedidentity:UserAssignedIdentity": ("resourceName", r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,127}"),
    "authorization:RoleAssignment": ("roleAssignmentName", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "batch:BatchAccount": ("accountName", r"[a-z0-9]{3,24}"),
    "batch:Pool": ("poolName", r"[a-zA-Z0-9_-]{1,64}"),
    "network:VirtualNetwork": ("virtualNetworkName", r"[a-zA-Z0-9][\w.-]{0,62}\w"),
    "network:Subnet": ("subnetName", r"[a-zA-Z0-9][\w.-]{0,78}\w"),
    "network:NetworkSecurityGroup": ("networkSecurityGroupName", r"[a-zA-Z0-9][\w.-]{0,78}\w"),
    "network:NatGateway": ("natGatewayName", r"[a-zA-Z0-9][\w.-]{0,78}\w"),
    "network:PublicIPAddress": ("publicIpAddressName", r"[a-zA-Z0-9][\w.-]{0,78}\w"),
    "network:PrivateEndpoint": ("privateEndpointName", r"[a-zA-Z0-9][\w.-]{0,62}\w"),
    "privatedns:VirtualNetworkLink": ("virtualNetworkLinkName", r"[a-zA-Z0-9][\w.-]{0,78}\w"),
    "keyvault:Vault": ("vaultName", r"(?=.{3,24}$)(?!.*--)[a-zA-Z][a-zA-Z0-9-]*[a-zA-Z0-9]"),
    "keyvault:Key": ("keyName", r"[a-zA-Z0-9-]{1,127}"),
    "operationalinsights:Workspace": ("workspaceName", r"[a-zA-Z0-9][a-zA-Z0-9-]{2,61}[a-zA-Z0-9]"),
    "monitor:ActionGroup": ("groupShortName", r".{1,12}"),
    "monitor:MetricAlert": ("ruleName", r"[^*#&+:<>?@%{}\\/|]{1,259}[^*#&+:<>?@%{}\\/|. ]"),
    "monitor:ScheduledQueryRule": ("ruleName", r"[^*#&+:<>?@%{}\\/|]{1,259}[^*#&+:<>?@%{}\\/|. ]"),
    "consumption:Budget": ("budgetName", r"[a-zA-Z0-9_-]{1,63}"),
    "managedidentity:FederatedIdentityCredential": (
        "federatedIdentityCredentialResourceName",
        r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,119}",
    ),
}


@pytest.fixture(params=STACKS, scope="module")
def stack(request: pytest.FixtureRequest) -> str:
    """Each of the stacks that come with the project."""
    return str(request.param)


@pytest.fixture(scope="module")
def deployed(stack: str) -> Deployed:
    """The stack, deployed."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        return deploy(monkeypatch, stack)


def test_the_program_is_a_plain_composition() -> None:
    """__main__.py stays short and takes no decision: stacks differ in configuration only."""
    source = (ROOT / "__main__.py").read_text()
    assert len(source.splitlines()) <= 60
    assert not [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.If | ast.IfExp | ast.Match)]


def test_pools_that_are_replaced_are_waited_for(deployed: Deployed) -> None:
    """One resource knows all pools, for how long each is waited for, and the account's data plane."""
    draining = deployed.one("dynamic/azure-batch:Draining")
    assert draining["pools"] == {key: inputs["poolName"] for key, inputs in deployed.of("batch:Pool").items()}
    assert draining["minutes"].keys() == draining["pools"].keys()
    assert min(draining["minutes"].values()) >= 60
    assert draining["endpoint"].startswith("https://")
    assert draining["account"] == deployed.one("batch:BatchAccount")["accountName"]


def test_storage_takes_identities_only(deployed: Deployed) -> None:
    """HTTPS, TLS 1.2, no key, nothing public; all containers that jobs need, and one for start tasks."""
    account = deployed.one("storage:StorageAccount")
    assert account["kind"] == "StorageV2"
    assert account["enableHttpsTrafficOnly"] is True
    assert account["minimumTlsVersion"] == "TLS1_2"
    assert account["allowBlobPublicAccess"] is False
    assert account["allowSharedKeyAccess"] is False
    containers = deployed.of("storage:BlobContainer")
    assert set(containers) == {"input", "output", "logs", "start-tasks"}
    assert {container["publicAccess"] for container in containers.values()} == {"None"}


def test_the_batch_account_takes_identities_only(deployed: Deployed) -> None:
    """Entra only, auto-storage by identity, public access said aloud."""
    account = deployed.one("batch:BatchAccount")
    assert account["allowedAuthenticationModes"] == ["AAD"]
    assert account["identity"]["type"] == "UserAssigned"
    assert account["autoStorage"]["authenticationMode"] == "BatchAccountManagedIdentity"
    nodes = deployed.one("batch:Pool")["identity"]["userAssignedIdentities"]
    assert [account["autoStorage"]["nodeIdentityReference"]["resourceId"]] == nodes
    assert account["identity"]["userAssignedIdentities"] != nodes


def test_nobody_asks_for_a_key(deployed: Deployed) -> None:
    """The only function called tells who deploys, and no input looks like a secret."""
    assert set(deployed.calls) == {"azure-native:authorization:getClientConfig"}
    assert [text for inputs in deployed.resources.values() for text in strings(inputs) if looks_like(text)] == []


def test_roles_are_as_narrow_as_their_use(deployed: Deployed) -> None:
    """Nodes read input and write output; only the deployer and the Batch account have the whole storage account."""
    found = {
        name: (grant["scope"].rpartition("/")[2], grant["roleDefinitionId"].rpartition("/")[2])
        for name, grant in deployed.of("authorization:RoleAssignment").items()
    }
    account = deployed.one("storage:StorageAccount")["accountName"]
    assert {name: grant for name, grant in found.items() if name in BLOB_GRANTS} == {
        "batch-auto-storage": (account, CONTRIBUTOR),
        "deployer-blobs": (account, CONTRIBUTOR),
        "nodes-input": ("input", READER),
        "nodes-start-tasks": ("start-tasks", READER),
        "nodes-output": ("output", CONTRIBUTOR),
        "nodes-logs": ("logs", CONTRIBUTOR),
    }


def test_new_identities_are_called_service_principals(stack: str, deployed: Deployed) -> None:
    """Without the type Azure would look up an identity that it does not know yet; the deployer's is configured."""
    kinds = {name: grant["principalType"] for name, grant in deployed.of("authorization:RoleAssignment").items()}
    assert kinds["deployer-blobs"] == ("User" if stack == "dev" else "ServicePrincipal")
    assert {kind for name, kind in kinds.items() if name.startswith(("batch-", "nodes-", "pipeline-"))} == {
        "ServicePrincipal"
    }
    assert deployed.of("authorization:RoleAssignment")["deployer-blobs"]["principalId"] == DEPLOYER


@pytest.mark.parametrize("resource", ARM_NAMES)
def test_names_obey_arm(deployed: Deployed, resource: str) -> None:
    """Every name keeps to ARM's rule for its type."""
    key, pattern = ARM_NAMES[resource]
    assert all(matches(pattern, inputs[key]) for inputs in deployed.of(resource).values())


def test_the_formula_is_valid_and_bounded(stack: str, deployed: Deployed) -> None:
    """The formula's proved ceiling is what the configuration allows."""
    auto = deployed.one("batch:Pool")["scaleSettings"]["autoScale"]
    pool = deployed.outputs["pools"]["main"]
    found = ceiling(parse(auto["formula"]))
    assert (found.dedicated, found.spot) == (pool["maxDedicated"], pool["maxSpot"])
    assert auto["evaluationInterval"] == "PT5M"
    assert str(pool["maxSpot"]) in configuration(stack)["azure-batch:pools"]


def test_the_start_task_comes_by_identity(deployed: Deployed) -> None:
    """All files come over HTTPS under their content hash with the nodes' identity; no task runs before success."""
    pool = deployed.one("batch:Pool")
    task = pool["startTask"]
    assert task["commandLine"] == "/bin/bash run.sh python_packages.sh requirements.txt"
    urls = {file["filePath"]: file["httpUrl"] for file in task["resourceFiles"]}
    assert set(urls) == {node_name(path) for path in StartTaskSettings().files(windows=False)}
    assert {"run.sh", "python_packages.sh", "requirements.txt"} < set(urls)
    assert all(matches(rf"https://.*/start-tasks/[0-9a-f]{{16}}/{name}", url) for name, url in urls.items())
    identities = [file["identityReference"]["resourceId"] for file in task["resourceFiles"]]
    assert identities == pool["identity"]["userAssignedIdentities"] * len(urls)
    assert (task["waitForSuccess"], task["maxTaskRetryCount"]) == (True, 1)
    assert {blob["url"] for blob in deployed.of("dynamic/azure-batch:Blob").values()} == set(urls.values())


def test_outputs_are_what_jobs_reads(stack: str, deployed: Deployed) -> None:
    """`python -m jobs` reads the outputs as they are; the environment file is named where it is configured."""
    target = parse_outputs(deployed.outputs)
    account = deployed.one("batch:BatchAccount")["accountName"]
    assert target.batch_endpoint == f"https://{account}.westeurope.batch.azure.com"
    assert target.blob_endpoint == f"https://{account}.blob.core.windows.net"
    assert target.pool("main").id == deployed.one("batch:Pool")["poolName"]
    assert target.environment_file == (".batchite/env" if stack == "local" else "")
    assert ("environmentFile" in deployed.outputs) == (stack == "local")
    assert deployed.outputs["subscriptionId"] == SUBSCRIPTION


def test_the_program_keeps_to_the_policies(deployed: Deployed) -> None:
    """No rule of the policy pack finds anything in what the program deploys."""
    settings = {rule.name: {key: setting.default for key, setting in rule.settings.items()} for rule in RULES}
    found = [
        finding
        for (token, _), inputs in deployed.resources.items()
        for rule in RULES
        if rule.resource == kind(token)
        for finding in rule.judge(inputs, settings[rule.name])
    ]
    assert found == []


def test_a_preview_knows_names_and_formula(stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything exists the program runs to its end, and what can be known is known."""
    planned = deploy(monkeypatch, stack, preview=True)
    made = deploy(monkeypatch, stack)
    assert planned.resources.keys() == made.resources.keys()
    for key in ("poolName", "accountName", "resourceGroupName", "scaleSettings", "vmSize"):
        assert planned.one("batch:Pool")[key] == made.one("batch:Pool")[key]
    assert planned.outputs["batch"] is None
    assert planned.outputs["resourceGroup"] == made.outputs["resourceGroup"]


def test_a_second_deployment_asks_for_the_same(stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing depends on the time or on chance."""
    assert deploy(monkeypatch, stack).resources == deploy(monkeypatch, stack).resources


def checkout(folder: Path) -> Path:
    """A copy of the files that a start task is made of."""
    for name in StartTaskSettings().files(windows=False):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.mark.parametrize("changed", ["start_tasks/python_packages.sh", "workloads/solar/requirements.txt"])
def test_a_changed_start_task_changes_the_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str) -> None:
    """The pool's start task names the new content; nothing else of the pool changes, so it is updated in place."""
    root = checkout(tmp_path)
    before = deploy(monkeypatch, "dev", root=root).one("batch:Pool")
    with (root / changed).open("a") as file:
        file.write("# changed\n")
    after = deploy(monkeypatch, "dev", root=root).one("batch:Pool")
    assert [key for key in before if before[key] != after[key]] == ["startTask"]


@pytest.mark.parametrize(("key", "value"), [("vmSize", "standard_d8s_v5"), ("taskSlotsPerNode", 8)])
def test_what_arm_refuses_in_place_makes_another_pool(monkeypatch: pytest.MonkeyPatch, key: str, value: object) -> None:
    """What is fixed for a pool's life is in its name: the new pool is there before the old one goes."""
    sizes = {"vmSize": "standard_d4s_v5", "maxDedicated": 1, "maxSpot": 8}
    before = deploy(monkeypatch, "dev", config={"pools": {"main": sizes}}).one("batch:Pool")
    after = deploy(monkeypatch, "dev", config={"pools": {"main": {**sizes, key: value}}}).one("batch:Pool")
    assert key in REPLACED
    assert before["poolName"] != after["poolName"]


def test_a_change_of_scale_keeps_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits and interval change in place."""
    sizes = {"vmSize": "standard_d4s_v5", "maxDedicated": 1, "maxSpot": 8}
    changed = {**sizes, "maxSpot": 16, "evaluationInterval": "PT10M"}
    before = deploy(monkeypatch, "dev", config={"pools": {"main": sizes}}).one("batch:Pool")
    after = deploy(monkeypatch, "dev", config={"pools": {"main": changed}}).one("batch:Pool")
    assert [key for key in before if before[key] != after[key]] == ["scaleSettings"]


def test_several_pools_share_their_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pools with the same start task are two pools and one upload."""
    sizes = {"vmSize": "standard_d4s_v5", "maxDedicated": 1, "maxSpot": 8}
    made = deploy(monkeypatch, "dev", config={"pools": {"small": sizes, "large": {**sizes, "maxSpot": 100}}})
    assert set(made.of("batch:Pool")) == set(made.outputs["pools"]) == {"small", "large"}
    assert len(made.of("dynamic/azure-batch:Blob")) == len(StartTaskSettings().files(windows=False))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"pools": {"main": {"vmSize": "big"}}}, ["azure-batch:pools.main.vmSize", "'big'", "must be a VM size"]),
        (
            {"pools": {"main": {**SMALL, "startTask": {"scripts": [{"script": "no.sh"}]}}}},
            ["'no.sh'", "must be a file of this repository"],
        ),
    ],
)
def test_a_wrong_configuration_deploys_nothing(
    monkeypatch: pytest.MonkeyPatch, config: dict[str, Any], words: list[str]
) -> None:
    """The program ends before any resource, with one error that names key, value and rule."""
    with pytest.raises(pulumi.RunError) as caught:
        deploy(monkeypatch, "dev", config=config)
    assert isinstance(caught.value, SettingsError)
    assert [word for word in words if word not in str(caught.value)] == []
