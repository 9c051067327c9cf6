"""A toy ARM, the provider as a process, and Pulumi stacks with a state of their own."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from provider.toy_arm import SECRET, SUBSCRIPTION, StackFactory, ToyArm
from pulumi import automation
from pulumi.runtime.proto import provider_pb2_grpc

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def arm() -> Iterator[ToyArm]:
    toy = ToyArm()
    yield toy
    toy.close()


@pytest.fixture
def credentials(arm: ToyArm, tmp_path: Path) -> Path:
    file = tmp_path / "env"
    file.write_text(
        f"AZURE_AUTHORITY_HOST={arm.url}\nAZURE_TENANT_ID=adfs\nAZURE_CLIENT_ID=me\nAZURE_CLIENT_SECRET='{SECRET}'\n"
    )
    return file


@pytest.fixture
def provider_port(arm: ToyArm, credentials: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "batchite.provider", "--arm", arm.url, "--credentials", str(credentials)]
    with subprocess.Popen([*command, "--subscription", SUBSCRIPTION], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.terminate()


@pytest.fixture
def stub(provider_port: int) -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    with grpc.insecure_channel(f"127.0.0.1:{provider_port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)


@pytest.fixture
def stack(provider_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StackFactory]:
    """A function that puts a program into this test's stack (the same one each time)."""
    monkeypatch.setenv("PATH", f"{REPOSITORY / '.tools' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    if shutil.which("pulumi") is None:
        pytest.fail("no pulumi on PATH or in .tools/bin: run `make setup`")
    variables = {
        "PULUMI_BACKEND_URL": f"file://{tmp_path}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_DEBUG_PROVIDERS": f"azure-native:{provider_port}",
    }
    options = automation.LocalWorkspaceOptions(
        work_dir=str(tmp_path), pulumi_home=str(tmp_path / "home"), env_vars=variables
    )
    made = automation.create_stack("test", "provider", lambda: None, opts=options)
    values = {"azure-native:subscriptionId": SUBSCRIPTION, "azure-native:location": "westeurope"}
    made.set_all_config({name: automation.ConfigValue(value) for name, value in values.items()})

    def put(program: Callable[[], None]) -> automation.Stack:
        made.workspace.program = program
        return made

    yield put
    gc.collect()  # the SDK leaves event loops behind when a program fails; here their warnings are expected
