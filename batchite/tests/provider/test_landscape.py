"""Every type that surrounds a Batch account under the real engine, against Batchite's control plane."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from arm.worlds import DEVELOPER
from provider.landscape import FIXED, SECRET, Landscape
from provider.local_azure import LocalAzure, local_azure
from provider.monitored import HOOK
from provider.toy_arm import SUBSCRIPTION, StackFactory, changes
from pulumi import automation
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from batchite.provider import paths
from batchite.provider.client import ArmClient
from batchite.provider.tables import FUNCTIONS, RESOURCES, ResourceType
from batchite.provider.values import decode, encode

pytestmark = [
    pytest.mark.ours,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # the SDK's own, see the fixture
]
# What the second edition replaces: the zone group goes with the endpoint.
REPLACED = {"address", "endpoint", "zone-group"}
# What the program imports by its option `import_`; the rest is imported by the command.
ADOPTED = ("zone", "scope-lock", "trust", "budget", "role", "identity", "record", "link")
# Its ids are also those of locks at resource groups; either type reads them.
SAME_PATH = "authorization:ManagementLockByScope"
GROUPS = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalAzure]:
    """A fresh control plane."""
    with local_azure(tmp_path / "azure") as running:
        yield running


@pytest.fixture
def provider_port(server: LocalAzure) -> Iterator[int]:
    """The provider, attached to the real control plane instead of the toy."""
    command = [sys.executable, "-m", "batchite.provider", "--arm", server.url, "--credentials", str(server.credentials)]
    options = ["--ca", str(server.ca), "--subscription", SUBSCRIPTION]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.terminate()


def arm_of(server: LocalAzure) -> ArmClient:
    """Another client of the same control plane."""
    return ArmClient(server.url, server.credentials, server.ca)


def rows_of(ids: Mapping[str, str]) -> Iterator[tuple[str, ResourceType]]:
    """The id and the row of every resource."""
    for identifier in ids.values():
        found = [row for row in RESOURCES.values() if paths.match(row.path, identifier) and row.name != SAME_PATH]
        yield identifier, min(found, key=lambda row: len(paths.parameters(row.path)))


def drift(server: LocalAzure, ids: Mapping[str, str]) -> list[str]:
    """Change the tags of everything that has some behind the engine's back; the names of what was changed."""
    client, changed = arm_of(server), []
    for (name, identifier), (_, row) in zip(ids.items(), rows_of(ids), strict=True):
        found = client.get(identifier, row.api_version)
        assert found is not None
        if "tags" in found and name not in FIXED:
            accepted = client.put(identifier, row.api_version, {**found, "tags": {"edition": "drifted"}})
            client.finish(accepted, identifier, 10)
            changed.append(name)
    return changed


def editions(server: LocalAzure, ids: Mapping[str, str]) -> set[str]:
    """The values of the tag `edition` that resources have."""
    client = arm_of(server)
    found = [client.get(identifier, row.api_version) or {} for identifier, row in rows_of(ids)]
    return {one["tags"]["edition"] for one in found if one.get("tags")}


def read_by_functions(stub: provider_pb2_grpc.ResourceProviderStub, ids: Mapping[str, str]) -> set[str]:
    """The tokens of the functions that found their resource by the parameters of its id."""
    read = set()
    by_row = {function.resource.name: token for token, function in FUNCTIONS.items() if not function.action}
    for identifier, row in rows_of(ids):
        arguments = paths.match(row.path, identifier) or {}
        arguments.pop("subscriptionId", None)
        request = provider_pb2.InvokeRequest(tok=by_row[row.name], args=encode(arguments))
        answer = decode(getattr(stub.Invoke(request), "return"))
        assert answer["id"].lower() == identifier.lower()
        read.add(by_row[row.name])
    return read


def texts_of_state(folder: Path) -> str:
    """Every file of the stack's state and history."""
    return "".join(file.read_text() for file in (folder / ".pulumi").rglob("*.json"))


def imported(chosen: automation.Stack, ids: Mapping[str, str]) -> None:
    """Forget everything, then take all over with `pulumi import` but what the program adopts itself."""
    chosen.import_stack(automation.Deployment(version=3, deployment={}))
    resources: Any = [
        {"type": f"azure-native:{row.name}", "name": name, "id": identifier}
        for name, (identifier, row) in zip(ids, rows_of(ids), strict=True)
        if name not in ADOPTED
    ]
    chosen.import_resources(resources=resources, protect=False, generate_code=False)


def test_all_of_it_lives_through_every_operation(
    server: LocalAzure, stack: StackFactory, stub: provider_pb2_grpc.ResourceProviderStub, tmp_path: Path
) -> None:
    """Preview with unknowns, up, no change, drift and repair, update, replacement, import, destroy."""
    stack(Landscape()).preview()
    made = stack(Landscape()).up()
    ids = made.outputs["ids"].value
    assert changes(made) == {"create": len(ids) + 1}
    assert made.outputs["endpoint"].value.startswith("127.0.0.1:")
    assert made.outputs["client"].value == DEVELOPER
    assert {row.name for _, row in rows_of(ids)} == {row.name for row in RESOURCES.values()} - {SAME_PATH}
    stack(Landscape()).refresh(expect_no_changes=True)
    stack(Landscape()).preview(expect_no_changes=True)
    assert len(read_by_functions(stub, ids)) > 25
    assert ids["network"] in texts_of_state(tmp_path)
    assert not [secret for secret in (HOOK, SECRET) if secret in texts_of_state(tmp_path)]

    drifted = drift(server, ids)
    assert changes(stack(Landscape()).refresh())["update"] == len(drifted)
    assert changes(stack(Landscape()).up())["update"] == len(drifted)
    assert editions(server, ids) == {"1"}

    second = stack(Landscape(2, address_version="IPv6", endpoint_subnet="others")).up()
    assert changes(second)["replace"] == len(REPLACED)
    assert changes(second)["update"] == len(ids.keys() - FIXED - REPLACED)
    ids = second.outputs["ids"].value

    imported(stack(Landscape()), ids)
    adopted = {name: ids[name] for name in ADOPTED}
    final = Landscape(2, address_version="IPv6", endpoint_subnet="others", imports=adopted)
    assert changes(stack(final).up()).keys() == {"same", "update", "import"}
    stack(final).destroy()
    assert list(server.world.store.scan("arm", GROUPS)) == []


def test_a_lock_stops_a_deletion_with_what_to_do(
    server: LocalAzure, stub: provider_pb2_grpc.ResourceProviderStub
) -> None:
    """The refusal names the lock's scope, the resource and the next step."""
    client, group = arm_of(server), f"/subscriptions/{SUBSCRIPTION}/resourceGroups/kept"
    client.put(group, "2024-03-01", {"location": "westeurope"})
    lock = f"{group}/providers/Microsoft.Authorization/locks/keep"
    client.put(lock, "2020-05-01", {"properties": {"level": "CanNotDelete"}})
    with pytest.raises(grpc.RpcError) as caught:
        stub.Delete(provider_pb2.DeleteRequest(id=group, type="azure-native:resources:ResourceGroup"))
    text = str(caught.value.details())
    assert "ScopeLocked" in text
    assert f"resource: {group}" in text
    assert "next: remove the lock" in text
