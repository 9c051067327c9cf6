"""The production example under the real engine: everything that only Azure has is a stored resource here."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml

from tests.e2e.azure_clients import Clients
from tests.e2e.checkout import Checkout, Json, changes
from tests.e2e.stacks import UP, Stack

pytestmark = [pytest.mark.ours, pytest.mark.timeout(300)]

POOL = "azure-native:batch:Pool"  # its tags cannot be changed
HOOK = "https://hooks.example.com/T0/s3cr3t-of-the-test"
SET_HOOK = ("config", "set", "--secret", "--path", "azure-batch:webhooks.oncall", HOOK)


def example(checkout: Checkout) -> Json:
    """The configuration of the example, only not protected from deletion."""
    config: Json = yaml.safe_load((checkout.root / "Pulumi.production.example.yaml").read_text())["config"]
    for section in ("account", "storage", "keyVault"):
        config[f"azure-batch:{section}"]["protect"] = False
    return config


@pytest.fixture(scope="module")
def production(local: Checkout) -> Iterator[Stack]:
    """The deployed example, with a secret that Pulumi has encrypted."""
    stack = Stack("production", local)
    stack.make(example(local))
    stack.pulumi(*SET_HOOK)
    with stack.deployed("--policy-pack", "policies"):
        yield stack


def test_all_of_it_is_deployed(production: Stack) -> None:
    """Network, endpoints, vault, pipelines, alerts and budget, beside what every stack has."""
    assert len(production.resources) >= 40
    kinds = {one["type"].split(":")[1] for one in production.resources}
    assert kinds >= {"network", "privatedns", "keyvault", "monitor", "operationalinsights", "consumption", "batch"}


def test_a_second_deployment_changes_nothing(production: Stack) -> None:
    """Neither a preview nor a refresh finds a difference."""
    production.pulumi("preview", "--expect-no-changes")
    production.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    production.pulumi("preview", "--expect-no-changes")


def test_no_secret_is_in_plain_text(production: Stack) -> None:
    """The address of the webhook is in no file of stack, state or log."""
    folders = (production.checkout.data / "pulumi", production.checkout.data / "log")
    files = [production.file, *(file for folder in folders for file in folder.rglob("*") if file.is_file())]
    assert [file for file in files if b"s3cr3t-of-the-test" in file.read_bytes()] == []


def test_settings_change_in_place(production: Stack) -> None:
    """Thresholds, retention, addresses and rules are updates of what is there."""
    production.configure("monitoring", failedTasks=50)
    production.configure("storage", logsDays=10)
    production.configure("network", internet=False)
    production.configure("publicAccess", ipRanges=["20.61.97.130"])
    planned = changes(production.pulumi("preview", "--json").stdout)
    assert [name for operation, name in planned if operation != "update"] == []
    kinds = {name.split("$")[-1].split("::")[0].split(":")[-1] for _, name in planned}
    assert kinds >= {
        "MetricAlert",
        "ManagementPolicy",
        "NetworkSecurityGroup",
        "BatchAccount",
        "StorageAccount",
        "Vault",
    }
    production.pulumi(*UP)
    production.pulumi("preview", "--expect-no-changes")


def add_tag(azure: Clients, resource: Json) -> None:
    """What somebody does in the portal."""
    version = resource["outputs"]["azureApiVersion"]
    found = azure.arm_get(resource["id"], version)
    azure.arm_put(resource["id"], version, {**found, "tags": {**found["tags"], "drift": "yes"}})


def is_tagged(resource: Json) -> bool:
    """Whether the state knows of it."""
    return "drift" in (resource["outputs"].get("tags") or {})


def name_of(resource: Json) -> str:
    """Type and name, as a preview tells them."""
    return "::".join(resource["urn"].split("::")[2:])


def test_changes_behind_the_back_are_found_and_repaired(production: Stack, azure: Clients) -> None:
    """A tag that somebody adds to each resource shows in a refresh; the next deployment takes it away again."""
    tagged = [one for one in production.resources if one["outputs"].get("tags") and one["type"] != POOL]
    for one in tagged:
        add_tag(azure, one)
    assert len({one["type"] for one in tagged}) >= 15
    production.pulumi("refresh", "--yes", "--skip-preview")
    assert {name_of(one) for one in production.resources if is_tagged(one)} == {name_of(one) for one in tagged}
    planned = {name: operation for operation, name in changes(production.pulumi("preview", "--json").stdout)}
    assert {planned.get(name_of(one)) for one in tagged} == {"update"}
    production.pulumi(*UP)
    production.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert not any(map(is_tagged, production.resources))


def test_what_exists_is_adopted(production: Stack) -> None:
    """Every resource can be imported by its id into another stack, whose refresh then finds no difference."""
    wanted = [
        {"type": one["type"], "name": str(number), "id": one["id"]} for number, one in enumerate(production.resources)
    ]
    adopted = Stack("adopted", production.checkout)
    adopted.make({})
    file = production.checkout.data / "import.json"
    file.write_text(json.dumps({"resources": wanted}))
    options = ("--generate-code=false", "--protect=false", "--yes", "--skip-preview")
    adopted.pulumi("import", "--file", str(file), *options)
    assert sorted(one["id"] for one in adopted.resources) == sorted(one["id"] for one in wanted)
    adopted.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    adopted.pulumi("stack", "rm", "--yes", "--force")
