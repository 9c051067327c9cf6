"""The provider as a process and as a gRPC server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from provider.toy_arm import SUBSCRIPTION, ToyArm
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from batchite.provider.client import ArmClient
from batchite.provider.errors import PartlyDoneError, ProviderError
from batchite.provider.operations import Operations
from batchite.provider.tables import BLOB_SERVICE_PROPERTIES, STORAGE_ACCOUNT
from batchite.provider.values import decode, encode

pytestmark = pytest.mark.ours

Stub = provider_pb2_grpc.ResourceProviderStub
GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/g"
ACCOUNT_ID = f"{GROUP_ID}/providers/Microsoft.Storage/storageAccounts/abc"


def start(arm: ToyArm, credentials: Path, *prefix: str, port: str = "0") -> subprocess.Popen[str]:
    """The provider, its output piped."""
    command = [*prefix, sys.executable, "-m", "batchite.provider", "--arm", arm.url, "--credentials", str(credentials)]
    return subprocess.Popen(
        [*command, "--subscription", SUBSCRIPTION, "--port", port],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def operations(arm: ToyArm, credentials: Path) -> Operations:
    """The operations against the toy, in this process."""
    return Operations(ArmClient(arm.url, credentials, None), SUBSCRIPTION)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_quietly(arm: ToyArm, credentials: Path, number: signal.Signals) -> None:
    """Nothing but the port on stdout, nothing on stderr, exit code 0."""
    with start(arm, credentials) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip().isdigit()
        process.send_signal(number)
        assert process.communicate(timeout=20) == ("", "")
        assert process.returncode == 0


def test_it_ends_when_its_parent_is_gone(arm: ToyArm, credentials: Path) -> None:
    """A provider whose starter was killed closes its output, that is: ends."""
    with start(arm, credentials, "sh", "-c", '"$@" & wait', "sh") as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline().strip().isdigit()
        os.kill(parent.pid, signal.SIGKILL)
        assert parent.stdout.read() == ""  # end of file: the provider held the other end of the pipe


def test_one_that_is_started_again_takes_the_old_port(arm: ToyArm, credentials: Path) -> None:
    """The port in the user's environment stays right after a crash; a second provider on it is refused."""
    with start(arm, credentials) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            Stub(channel).GetPluginInfo(empty_pb2.Empty())
            with start(arm, credentials, port=port) as second:
                assert second.communicate(timeout=20)[0] == ""
                assert second.returncode == 1
            process.kill()
    with start(arm, credentials, port=port) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == port
        process.terminate()


def test_it_serves_on_after_cancel(stub: Stub) -> None:
    """The engine cancels at the end of every run; the next one attaches to the same process."""
    for _ in range(2):
        stub.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:1"))
        assert stub.GetPluginInfo(empty_pb2.Empty()).version == "3.29.0"
        stub.Cancel(empty_pb2.Empty())


def test_what_the_engine_never_asks_is_unimplemented(stub: Stub) -> None:
    """Schema and components are refused by the protocol's own status."""
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetSchema(provider_pb2.GetSchemaRequest())
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_configuration_it_does_not_know_is_refused_by_name(stub: Stub) -> None:
    """Sign-in settings of the real provider pass, others do not."""
    news = encode({"subscriptionId": SUBSCRIPTION, "useMsi": "false", "auxiliaryTenantIds": "[]"})
    answer = stub.CheckConfig(provider_pb2.CheckRequest(news=news))
    assert [failure.property for failure in answer.failures] == ["auxiliaryTenantIds"]


def test_a_function_it_does_not_know_is_refused_by_name(stub: Stub) -> None:
    """The refusal lists the functions there are."""
    with pytest.raises(grpc.RpcError) as caught:
        stub.Invoke(provider_pb2.InvokeRequest(tok="azure-native:batch:getPrivateLinkResource"))
    assert "azure-native:batch:getPrivateLinkResource" in str(caught.value.details())
    assert "azure-native:batch:getPool" in str(caught.value.details())


def test_functions_read_arm(arm: ToyArm, stub: Stub) -> None:
    """A get function gives the outputs and the id; the client's configuration comes from its token."""
    arm.put(GROUP_ID, {"location": "westeurope"})

    def call(token: str, **arguments: str) -> dict[str, object]:
        response = stub.Invoke(provider_pb2.InvokeRequest(tok=f"azure-native:{token}", args=encode(arguments)))
        return decode(getattr(response, "return"))

    group = call("resources:getResourceGroup", resourceGroupName="g")
    assert (group["id"], group["location"]) == (GROUP_ID, "westeurope")
    assert call("authorization:getClientConfig") == {
        "clientId": "client-1",
        "objectId": "object-1",
        "subscriptionId": SUBSCRIPTION,
        "tenantId": "tenant-1",
    }


def test_two_default_locations_in_one_run_are_ambiguous(stub: Stub) -> None:
    """Requests do not say which provider they mean, so a resource must then name its location."""
    for location in ("westeurope", "northeurope"):
        stub.Configure(provider_pb2.ConfigureRequest(variables={"azure-native:config:location": location}))
    request = provider_pb2.CheckRequest(type="azure-native:resources:ResourceGroup", name="g")
    with pytest.raises(grpc.RpcError) as caught:
        stub.Check(request)
    assert "northeurope, westeurope" in str(caught.value.details())
    stub.Cancel(empty_pb2.Empty())
    assert [failure.property for failure in stub.Check(request).failures] == ["location"]


def test_the_location_of_the_resource_group_is_the_last_default(arm: ToyArm, stub: Stub) -> None:
    """Nothing configured: a resource goes where its group is."""
    arm.put(GROUP_ID, {"location": "westeurope"})
    request = provider_pb2.CheckRequest(
        type="azure-native:batch:BatchAccount", name="abc", news=encode({"resourceGroupName": "g"})
    )
    assert decode(stub.Check(request).inputs)["location"] == "westeurope"


def test_one_token_serves_many_requests(arm: ToyArm, operations: Operations) -> None:
    """The token is kept until shortly before its end."""
    for _ in range(3):
        assert operations.group_location("nowhere") is None
    assert arm.tokens == 1


def test_a_slow_delete_is_awaited_and_a_missing_resource_is_fine(arm: ToyArm, operations: Operations) -> None:
    """202 with a Location is polled to its end; 404 is as good as deleted."""
    arm.put(ACCOUNT_ID, {})
    for _ in range(2):
        operations.delete(STORAGE_ACCOUNT, ACCOUNT_ID, timeout=5)
    assert [path.split("?")[0] for method, path in arm.requests if method == "GET"] == ["/gone/1"]


def test_a_singleton_is_set_and_reset(arm: ToyArm, operations: Operations) -> None:
    """Blob service properties exist with their account: creating them sets, deleting them resets."""
    identifier = f"{ACCOUNT_ID}/blobServices/default"
    arm.put(identifier, {})
    inputs = {
        "resourceGroupName": "g",
        "accountName": "abc",
        "blobServicesName": "default",
        "isVersioningEnabled": True,
    }
    assert operations.create(BLOB_SERVICE_PROPERTIES, inputs, 5)[1]["isVersioningEnabled"] is True
    operations.delete(BLOB_SERVICE_PROPERTIES, identifier, 5)
    assert "isVersioningEnabled" not in arm.named("default")["properties"]


def test_a_removed_network_rule_goes_back_to_the_services_default(arm: ToyArm, operations: Operations) -> None:
    """A PUT without the property would keep the old rules: the default is sent."""
    arm.put(ACCOUNT_ID, {})
    operations.update(STORAGE_ACCOUNT, ACCOUNT_ID, {"kind": "StorageV2"}, {"networkRuleSet": {"bypass": "None"}}, 5)
    assert arm.bodies["abc"]["properties"]["networkAcls"]["defaultAction"] == "Allow"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [("AZURE_CLIENT_ID", "AZURE_NOBODY", "names no AZURE_CLIENT_ID"), ("toy-secret", "other", "invalid_client")],
)
def test_a_failing_sign_in_tells_why(arm: ToyArm, credentials: Path, old: str, new: str, reason: str) -> None:
    """A missing or wrong credential is an error with the next step, and shows no secret."""
    credentials.write_text(credentials.read_text().replace(old, new))
    with pytest.raises(ProviderError, match=rf"(?s)SignInFailed: .*{reason}.*batchite status") as caught:
        ArmClient(arm.url, credentials, None).get("/x", "2024-01-01")
    assert "other" not in str(caught.value)


def test_a_server_that_is_not_there_is_told_with_the_next_step(arm: ToyArm, credentials: Path) -> None:
    """A refused connection names the command that starts the server."""
    arm.close()
    with pytest.raises(ProviderError, match=r"(?s)ServerUnreachable.*batchite start"):
        ArmClient(arm.url, credentials, None).get("/x", "2024-01-01")


def test_a_token_goes_to_no_other_server(arm: ToyArm, operations: Operations, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operation's address outside ARM is refused before any request."""
    monkeypatch.setattr(arm, "_operation", lambda _: {"Azure-AsyncOperation": "http://example.invalid/x"})
    inputs = {"resourceGroupName": "g", "accountName": "abc", "kind": "StorageV2", "location": "x"}
    with pytest.raises(PartlyDoneError, match="operation on another server"):
        operations.create(STORAGE_ACCOUNT, inputs, 5)
