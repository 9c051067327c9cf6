"""The bootstrap: what it decides, without bringing anything."""

import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest

from tools.bootstrap import go_build, node, pulumi_cli, python_env, release, steps

pytestmark = pytest.mark.ours

ROOT = Path(__file__).resolve().parents[2]


def test_a_failing_step_says_what_to_do_next(capsys: pytest.CaptureFixture[str]) -> None:
    """The first failure ends the bootstrap with exit code 1 and a next step; later steps do not run."""

    def fail() -> str:
        raise steps.StepError("no Node here", "install one")

    later = steps.Step("Rest", "comes later", lambda: pytest.fail("it went on"))
    assert steps.perform([steps.Step("Node", "runs the blob store", fail), later]) == 1
    shown = capsys.readouterr().err
    assert "==> Node: runs the blob store" in shown
    assert "failed: no Node here\n    next: install one" in shown


def test_a_folder_that_cannot_be_written_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """An error of the operating system ends a step with the path in its message."""

    def fail() -> str:
        raise PermissionError(13, "Permission denied", "/somewhere/.cache")

    assert steps.perform([steps.Step("Cache", "x", fail)]) == 1
    assert "/somewhere/.cache" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("error: failed to fetch: dns error: failed to lookup address", "registries"),
        ("npm error code ENOTFOUND", "registries"),
        ("dial tcp 127.0.0.1:9: connect: connection refused", "registries"),
        ("write: no space left on device", "disk space"),
        ("npm error code ENOSPC", "disk space"),
        ("npm error code SELF_SIGNED_CERT_IN_CHAIN: request to a host failed", "certificate authority"),
        ("SyntaxError: invalid syntax", "read the lines above"),
    ],
)
def test_advice_follows_the_output(output: str, expected: str) -> None:
    """No network and no disk are told apart from everything else."""
    assert expected in steps.advice(output)


def test_a_failed_command_shows_the_end_of_its_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error holds the command's last lines and names the log with all of them."""
    monkeypatch.setattr(steps, "TOOLS", tmp_path)
    with pytest.raises(steps.StepError, match=r"exit code 3(.|\n)*\| gone wrong") as caught:
        steps.run("probe", ["sh", "-c", "echo gone wrong; exit 3"], cwd=tmp_path)
    assert str(tmp_path / "log" / "probe.log") in str(caught.value)
    with pytest.raises(steps.StepError, match="cannot be started"):
        steps.run("probe", [tmp_path / "absent"], cwd=tmp_path)


def test_too_little_space_is_said_before_it_runs_out(tmp_path: Path) -> None:
    """A step that needs a lot of space asks for it first."""
    steps.require_space(tmp_path, 0.0)
    with pytest.raises(steps.StepError, match="GB of free space"):
        steps.require_space(tmp_path, 1e9)


@pytest.mark.parametrize(
    ("text", "expected"), [("v3.259.0", (3, 259, 0)), ("v3.260.1-alpha.1+x", (3, 260, 1)), ("", ()), ("dev", ())]
)
def test_versions_are_compared_by_number(text: str, expected: tuple[int, ...]) -> None:
    """3.259 is newer than 3.99; what is no version is older than all."""
    assert steps.version_tuple(text) == expected


def test_results_are_placed_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link and a placed file replace what was there; a placed file that is alike stays untouched."""
    monkeypatch.setattr(steps, "BIN", tmp_path / "bin")
    source = tmp_path / "tool"
    source.write_text("one")
    steps.link(source, "tool")
    assert (tmp_path / "bin" / "tool").is_symlink()
    steps.place(source, "tool")
    steps.place(source, "tool")
    assert not (tmp_path / "bin" / "tool").is_symlink()
    assert (tmp_path / "bin" / "tool").read_text() == "one"


def test_an_activated_environment_has_pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`pulumi` in `.venv/bin` is the project's, with its language host in reach; the bootstrap skips it."""
    command, real = tmp_path / ".venv" / "bin" / "pulumi", tmp_path / ".tools" / "bin" / "pulumi"
    pulumi_cli._script(command, pulumi_cli.COMMAND)
    pulumi_cli._script(real, '#!/bin/sh\necho "$0 $@"; command -v pulumi\n')
    said = steps.output_of([command, "up", "a b"])
    assert said == f"{real} up a b\n{real}"
    monkeypatch.setattr(pulumi_cli, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(pulumi_cli, "BIN", real.parent)
    monkeypatch.setenv("PATH", os.pathsep.join((str(command.parent), str(real.parent), "/usr/bin")))
    assert pulumi_cli._path_without_ours() == "/usr/bin"


def test_the_tools_of_another_clone_are_not_the_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever works in two clones may remove one; a link to this one's own tools would lead to itself."""
    other, link = tmp_path / "other", tmp_path / "link"
    pulumi_cli._script(other / ".venv" / "bin" / "pulumi", pulumi_cli.COMMAND)
    pulumi_cli._script(other / ".tools" / "bin" / pulumi_cli.HOST, pulumi_cli.LAUNCHER)
    (tmp_path / "own").mkdir()
    link.symlink_to(tmp_path / "own")
    monkeypatch.setattr(pulumi_cli, "BIN", link)
    folders = (other / ".venv" / "bin", other / ".tools" / "bin", tmp_path / "own", Path("/usr/bin"))
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, folders)))
    assert pulumi_cli._path_without_ours() == "/usr/bin"


def test_requirements_are_installed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A requirements file whose content was installed last is not installed again; a changed one is."""
    commands: list[str] = []
    monkeypatch.setattr(python_env, "STAMP", tmp_path / "stamp")
    monkeypatch.setattr(python_env, "ROOT", tmp_path)
    monkeypatch.setattr(python_env, "_uv", lambda: Path("uv"))
    monkeypatch.setattr(python_env, "run", lambda name, *_, **__: commands.append(name))
    (tmp_path / "batchite").mkdir()
    (tmp_path / "batchite" / "pyproject.toml").write_text("")
    for name in ("requirements.txt", "requirements-local.txt"):
        (tmp_path / name).write_text("a==1\n")
        assert python_env.install(name) == f"installed {name}"
        assert python_env.install(name) == "already there"
    assert python_env.install("requirements.txt") == "already there"
    (tmp_path / "requirements.txt").write_text("a==2\n")
    assert python_env.install("requirements.txt") == "installed requirements.txt"
    assert commands == ["python-requirements.txt", "python-requirements-local.txt", "python-requirements.txt"]


def test_uv_follows_the_settings_of_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror set for pip is used by uv as well; what the user has set for uv itself wins."""
    monkeypatch.setattr(python_env, "output_of", lambda *_: None)
    assert python_env.uv_environment({"PIP_INDEX_URL": "https://mirror/simple"})["UV_DEFAULT_INDEX"].startswith(
        "https://m"
    )
    both = {"PIP_INDEX_URL": "https://mirror/simple", "UV_DEFAULT_INDEX": "https://own/simple"}
    assert python_env.uv_environment(both)["UV_DEFAULT_INDEX"] == "https://own/simple"
    assert "UV_DEFAULT_INDEX" not in python_env.uv_environment({})


def test_without_venv_the_next_step_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no way makes a virtual environment, the user learns which package is missing."""
    monkeypatch.setattr(python_env, "output_of", lambda *_: None)
    monkeypatch.setattr(python_env, "_ways", lambda: [["/nowhere/python", "-m", "venv"]])
    with pytest.raises(steps.StepError) as caught:
        python_env.make_venv()
    assert "python3-venv" in caught.value.next_step


def test_azurites_fingerprint_covers_the_lockfile() -> None:
    """The lockfile decides whether Azurite is installed again, and it names no registry."""
    lockfile = (ROOT / "tools" / "azurite" / "package-lock.json").read_text()
    assert '"resolved": "http' not in lockfile
    assert len(node._fingerprint()) == 64


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [
        ("Linux", "x86_64", "pulumi-v3.259.0-linux-x64.tar.gz"),
        ("Linux", "aarch64", "pulumi-v3.259.0-linux-arm64.tar.gz"),
        ("Darwin", "arm64", "pulumi-v3.259.0-darwin-arm64.tar.gz"),
    ],
)
def test_the_release_is_chosen_by_machine(system: str, machine: str, expected: str) -> None:
    """Archives are named by system and processor; an unknown pair is refused by name."""
    assert release.archive_name("3.259.0", system, machine) == expected
    with pytest.raises(release.ReleaseError, match="riscv64"):
        release.archive_name("3.259.0", system, "riscv64")


def archive() -> bytes:
    """A release as published: everything below `pulumi/`."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as packed:
        member = tarfile.TarInfo("pulumi/pulumi")
        member.size = 4
        packed.addfile(member, io.BytesIO(b"tool"))
    return raw.getvalue()


def served(monkeypatch: pytest.MonkeyPatch, data: bytes, digest: str) -> None:
    """Let the release server answer with this archive and this checksum."""
    name = release.archive_name("3.259.0", "Linux", "x86_64")
    monkeypatch.setattr(release, "archive_name", lambda *_: name)
    monkeypatch.setattr(release, "_get", lambda url: f"{digest}  {name}\n".encode() if url.endswith("txt") else data)


def test_a_release_is_unpacked_when_its_checksum_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The published SHA-256 is compared before anything is unpacked."""
    served(monkeypatch, archive(), hashlib.sha256(archive()).hexdigest())
    assert release.download("3.259.0", tmp_path / "cli") == ""
    assert (tmp_path / "cli" / "pulumi").read_bytes() == b"tool"


def test_a_changed_release_is_thrown_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With another checksum nothing is unpacked, and the reason is given."""
    served(monkeypatch, archive(), "0" * 64)
    assert "does not match its published checksum" in release.download("3.259.0", tmp_path / "cli")
    assert not (tmp_path / "cli").exists()


def test_an_unreachable_server_is_a_reason_not_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the release server the bootstrap goes on to build."""

    def refuse(_url: str) -> bytes:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(release, "_get", refuse)
    assert "refused" in release.download("3.259.0", tmp_path / "cli")


def test_the_cache_is_keyed_by_version_and_modules() -> None:
    """Another version or another set of modules is another folder of the cache."""
    name = pulumi_cli._folder("built").name
    assert pulumi_cli.VERSION in name
    assert go_build.lock_hash() in name
    assert f"pkg/v3 v{pulumi_cli.VERSION}" in (ROOT / "tools" / "go" / "go.mod").read_text()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-local.txt"])
def test_requirements_are_pinned_and_name_no_registry(name: str) -> None:
    """Every line is an exact version or the package in this tree."""
    lines = [line for line in (ROOT / name).read_text().splitlines() if line]
    assert [line for line in lines if "==" not in line and line != "-e ./batchite"] == []
    assert not any("://" in line or line.startswith("--") for line in lines)
