"""The classic client azure-batch 14.2, unmodified, in an environment of its own."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from clients.environments import environment, plain_variables
from servers import RunningServer


@pytest.fixture(scope="session")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds nothing but the classic client."""
    return environment(tmp_path_factory.mktemp("classic") / "venv", "classic")


@pytest.fixture(scope="session")
def seen(interpreter: Path, running: RunningServer) -> Any:
    """What the program saw."""
    variables = running.environment
    names = ("AZURE_BATCH_ENDPOINT", "AZURE_BATCH_ACCOUNT", "AZURE_BATCH_ACCESS_KEY")
    program = [str(interpreter), "-W", "ignore", str(Path(__file__).with_name("classic_client.py"))]
    command = [*program, *(variables[name] for name in names)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=plain_variables())
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.documented
def test_pools_of_the_classic_client(seen: Any) -> None:
    """It asks for a pool that is missing, creates and reads it, and sees it go."""
    assert (seen["missing"], seen["exists"]) == (False, True)
    assert seen["pool"] == ["standard_d2s_v5", 2, "pack"]


@pytest.mark.documented
def test_tasks_of_the_classic_client(seen: Any) -> None:
    """It adds tasks one by one and in bulk from two threads, lists them in pages, and reads a 409 with its text."""
    assert (seen["added"], seen["listed"], seen["exit"]) == (["success"], 121, 0)
    assert seen["again"] == ["TaskExists", "The specified task already exists."]
    assert seen["reason"] == "done"


@pytest.mark.documented
def test_files_of_the_classic_client(seen: Any) -> None:
    """It lists files, reads one and a part of it, asks for its size and deletes it."""
    assert {"stdout.txt", "stderr.txt", "wd"} <= set(seen["names"])
    assert (seen["whole"], seen["part"], seen["size"]) == ("hello world\n", "hello", 12)
    assert "stdout.txt" not in seen["left"]
