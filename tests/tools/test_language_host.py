"""The language host under the real engine: a program with a dynamic resource, a policy pack, and its ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

pytestmark = pytest.mark.ours

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools" / "bin"
VENV = ROOT / ".venv"

PROGRAM = """
import pulumi
from pulumi.dynamic import CreateResult, Resource, ResourceProvider

class Provider(ResourceProvider):
    def create(self, props):
        return CreateResult("id-1", {"size": props["size"], "doubled": props["size"] * 2})

class Thing(Resource):
    doubled: pulumi.Output[int]
    def __init__(self, name, size):
        super().__init__(Provider(), name, {"size": size, "doubled": None})

config = pulumi.Config()
pulumi.export("doubled", Thing("thing", config.require_int("size")).doubled)
pulumi.export("length", config.require_secret("word").apply(len))
"""
PACK = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def small(args, report):
    if args.props.get("size", 0) > 5:
        report("size %d is over 5" % args.props["size"])

rule = ResourceValidationPolicy(
    name="small", description="Things are small.", validate=small, enforcement_level=EnforcementLevel.MANDATORY
)
PolicyPack("sizes", [rule])
"""

Pulumi = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def pulumi(tmp_path: Path) -> Pulumi:
    """The CLI on a project of its own, with a private home and backend; stack `t` exists."""
    if not (TOOLS / "pulumi").exists():
        pytest.fail("the Pulumi CLI is missing: run `make setup`")
    runtime = f"runtime: {{name: python, options: {{virtualenv: {VENV}}}}}\n"
    files = {
        "project/Pulumi.yaml": f"name: probe\n{runtime}",
        "project/__main__.py": PROGRAM,
        "pack/PulumiPolicy.yaml": f"{runtime}version: 0.0.1\n",
        "pack/__main__.py": PACK,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    for folder in ("home", "state"):
        (tmp_path / folder).mkdir()
    own = {
        "PATH": f"{TOOLS}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": (tmp_path / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "made up",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(TOOLS / "pulumi"), *arguments, "--non-interactive", "--color=never"]
        return subprocess.run(
            command, cwd=tmp_path / "project", env=own, capture_output=True, text=True, timeout=60, check=False
        )

    for arguments in (("stack", "init", "t"), ("config", "set", "--secret", "word", "abcd")):
        assert run(*arguments).returncode == 0
    return run


def test_program_and_policy_pack_through_the_engine(pulumi: Pulumi) -> None:
    """Preview, up, an unchanged up, a refusal by the pack and destroy work, and nothing warns."""
    pulumi("config", "set", "size", "3")
    preview = pulumi("preview", "--policy-pack", "../pack")
    assert "2 to create" in preview.stdout, preview.stdout + preview.stderr
    up = pulumi("up", "--yes", "--skip-preview", "--policy-pack", "../pack")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "warning" not in up.stdout + up.stderr
    assert json.loads(pulumi("stack", "output", "--json").stdout) == {"doubled": 6, "length": "[secret]"}
    assert "2 unchanged" in pulumi("up", "--yes", "--skip-preview").stdout
    pulumi("config", "set", "size", "9")
    refused = pulumi("up", "--yes", "--skip-preview", "--policy-pack", "../pack")
    assert refused.returncode != 0
    assert "size 9 is over 5" in refused.stdout
    assert "2 deleted" in pulumi("destroy", "--yes", "--skip-preview").stdout


def test_program_that_fails_is_reported_once(pulumi: Pulumi, tmp_path: Path) -> None:
    """A program's exception reaches the user with its own traceback, none of the host's."""
    (tmp_path / "project" / "__main__.py").write_text("raise ValueError('the pool has no name')\n")
    failed = pulumi("up", "--yes", "--skip-preview")
    assert failed.returncode != 0
    assert "the pool has no name" in failed.stdout
    assert "language_host.py" not in failed.stdout + failed.stderr


Host = tuple["subprocess.Popen[str]", language_pb2_grpc.LanguageRuntimeStub]


@pytest.fixture
def host() -> Iterator[Host]:
    """A running host and a client of it."""
    command = [sys.executable, str(ROOT / "tools" / "language_host.py"), "127.0.0.1:1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
            yield process, language_pb2_grpc.LanguageRuntimeStub(channel)
        process.kill()


def info(folder: Path) -> language_pb2.ProgramInfo:
    """A project in a folder that uses this repository's environment."""
    options = Struct()
    options.update({"virtualenv": str(VENV)})
    return language_pb2.ProgramInfo(root_directory=str(folder), program_directory=str(folder), options=options)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_quietly(host: Host, number: signal.Signals) -> None:
    """The engine's goodbye leaves no traceback and exit code 0."""
    process, client = host
    assert client.GetPluginInfo(Empty()).version
    process.send_signal(number)
    assert process.wait(timeout=10) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_it_tells_what_a_program_runs_on(host: Host, tmp_path: Path) -> None:
    """`pulumi about` gets the interpreter of the project and its distributions; nothing is required in advance."""
    _, client = host
    about = client.About(language_pb2.AboutRequest(info=info(tmp_path)))
    assert (about.executable, about.version) == (f"{VENV}/bin/python", sys.version.split()[0])
    found = client.GetProgramDependencies(language_pb2.GetProgramDependenciesRequest(info=info(tmp_path)))
    assert "pulumi" in {dependency.name for dependency in found.dependencies}
    assert not client.GetRequiredPackages(language_pb2.GetRequiredPackagesRequest(info=info(tmp_path))).packages


def test_a_plugins_output_comes_as_it_is_written(host: Host, tmp_path: Path) -> None:
    """Output of both kinds is streamed, the exit code comes last."""
    _, client = host
    (tmp_path / "__main__.py").write_text("import sys; print(sys.argv[1]); print('e', file=sys.stderr); sys.exit(7)")
    request = language_pb2.RunPluginRequest(info=info(tmp_path), pwd=str(tmp_path), args=["hello"], kind="resource")
    parts = list(client.RunPlugin(request))
    assert b"".join(part.stdout for part in parts) == b"hello\n"
    assert b"".join(part.stderr for part in parts) == b"e\n"
    assert parts[-1].exitcode == 7


def test_a_cancelled_plugin_is_ended(host: Host, tmp_path: Path) -> None:
    """When the engine hangs up, the plugin's process goes."""
    _, client = host
    (tmp_path / "__main__.py").write_text("import os, time; print(os.getpid()); time.sleep(600)")
    call = client.RunPlugin(language_pb2.RunPluginRequest(info=info(tmp_path), pwd=str(tmp_path)))
    plugin = int(next(call).stdout)
    call.cancel()
    wait_until_gone(plugin)


def test_it_ends_when_its_parent_is_gone(tmp_path: Path) -> None:
    """A killed CLI leaves no host behind."""
    shell = shutil.which("sh")
    assert shell is not None
    script = f'"{sys.executable}" "{ROOT}/tools/language_host.py" 127.0.0.1:1 > port & echo $! > pid; exec sleep 600'
    with subprocess.Popen([shell, "-c", script], cwd=tmp_path) as parent:
        wait_until(lambda: (tmp_path / "port").exists() and (tmp_path / "port").read_text().endswith("\n"))
        parent.kill()
    wait_until_gone(int((tmp_path / "pid").read_text()))


def wait_until_gone(pid: int) -> None:
    """Wait until a process has ended (a zombie has)."""
    stat = Path(f"/proc/{pid}/stat")
    wait_until(lambda: not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)
