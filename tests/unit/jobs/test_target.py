import json
import os
from pathlib import Path

import pytest

from jobs import memory
from jobs import target as place
from jobs.errors import UsageError
from tests.unit.jobs.fakes import IDENTITY, outputs, target

pytestmark = pytest.mark.ours


def test_outputs() -> None:
    """The stack's outputs say where Batch, storage and pools are."""
    found = target()
    assert found.container_url(found.input_container) == "https://127.0.0.1:10012/store/input"
    assert found.pool("main") == place.Pool("solar-pool", IDENTITY, "client-1")
    assert found.environment_file == ""


@pytest.mark.parametrize("missing", ["batch", "storage", "pools"])
def test_missing_output(missing: str) -> None:
    """Outputs of some other stack are refused with the name of what is missing."""
    wrong = {key: value for key, value in outputs().items() if key != missing}
    with pytest.raises(UsageError, match=missing):
        place.parse_outputs(wrong)


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_outputs_file_of_another_kind(tmp_path: Path, text: str) -> None:
    """A file that holds no JSON object is refused by name."""
    file = tmp_path / "o.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"o\.json"):
        place.read_outputs_file(file)


def test_environment_lines() -> None:
    """Values are quoted as for sh; comments, empty lines and `export` are fine."""
    text = 'A=1\nexport B=\'two words\'\n\n# nothing\nC="x\\"y"\nD=a=b\nE=\n'
    assert place.parse_environment(text) == {"A": "1", "B": "two words", "C": 'x"y', "D": "a=b", "E": ""}


def test_environment_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that the stack names is loaded into this process."""
    monkeypatch.setenv("JOBS_TEST_VARIABLE", "before")
    (tmp_path / "env").write_text("JOBS_TEST_VARIABLE='after all'\n")
    place.load_environment(target(environmentFile=str(tmp_path / "env")))
    assert os.environ["JOBS_TEST_VARIABLE"] == "after all"


def test_environment_file_is_missing(tmp_path: Path) -> None:
    """A missing environment file is an error that says what to do; its content never shows."""
    with pytest.raises(UsageError, match="make demo"):
        place.load_environment(target(environmentFile=str(tmp_path / "none")))
    (tmp_path / "bad").write_text("secret-without-name\n")
    with pytest.raises(UsageError) as caught:
        place.load_environment(target(environmentFile=str(tmp_path / "bad")))
    assert "secret" not in str(caught.value)


def fake_pulumi(folder: Path, script: str) -> None:
    """Put a `pulumi` into a folder."""
    program = folder / "pulumi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_stack_outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs come from the Pulumi CLI, of the stack that was named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    fake_pulumi(tmp_path, """echo "{\\"arguments\\": \\"$*\\"}" """)
    assert place.read_stack("") == {"arguments": "stack output --json --non-interactive"}
    assert place.read_stack("dev") == {"arguments": "stack output --json --non-interactive --stack dev"}


def test_stack_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing or missing Pulumi CLI is told with its own text and the next step."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="--outputs FILE"):
        place.read_stack("")
    fake_pulumi(tmp_path, "echo 'error: no stack selected' >&2; exit 255")
    with pytest.raises(UsageError, match=r"no stack selected\nNext: choose a deployed stack with --stack NAME"):
        place.read_stack("")


def test_memory(tmp_path: Path) -> None:
    """The last job is kept for each account, with the outputs of its stack."""
    file = tmp_path / "jobs" / "last.json"
    other = target(batch={"endpoint": "https://other", "account": "o"})
    memory.remember(target(), "one", file)
    memory.remember(other, "two", file)
    memory.remember(target(), "three", file)
    assert memory.recall(file=file) == memory.LastJob("three", outputs())
    found = memory.recall("https://other", file)
    assert found is not None
    assert found.job == "two"


@pytest.mark.parametrize("content", [None, "{", "[]", json.dumps({"last": "x"})])
def test_memory_is_empty(tmp_path: Path, content: str | None) -> None:
    """A missing or broken file is as good as none."""
    file = tmp_path / "last.json"
    if content is not None:
        file.write_text(content)
    assert memory.recall(file=file) is None
