"""The JavaScript client @azure/batch, unmodified, in a folder of its own; it drops the path of its endpoint."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from clients.environments import INSTALL_SECONDS, plain_variables
from servers import RunningServer

FILES = Path(__file__).parent / "javascript"


def npm(node: Path) -> list[str]:
    """The installer that belongs to this Node, else the one on the PATH."""
    own = node.resolve().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    found = [str(node), str(own)] if own.exists() else [shutil.which("npm") or ""]
    assert found[-1], "npm is missing: run `make setup`"
    return found


@pytest.mark.documented
def test_a_session(running: RunningServer, tmp_path: Path) -> None:
    """Pools, jobs, tasks, pages and deletions, which it signs with an empty content length; errors carry their code."""
    folder = shutil.copytree(FILES, tmp_path / "client")
    node = Path(shutil.which("node") or "")
    install = [*npm(node), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=INSTALL_SECONDS)
    account = [running.environment[name] for name in ("AZURE_BATCH_ACCOUNT", "AZURE_BATCH_ACCESS_KEY")]
    command = [str(node), "session.mjs", running.ready["http"], *account]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=100, env=plain_variables()
    )
    assert done.returncode == 0, done.stderr[-2000:]
    seen = json.loads(done.stdout)
    assert (seen["pool"], seen["metadata"], seen["reason"]) == (1, "b", "done")
    assert (seen["added"], seen["pages"]) == (["success"] * 3, [3, 1])
    assert sorted(seen["files"]) == ["stderr.txt", "stdout.txt", "wd"]
    refused = {name: seen[name] for name in ("again", "succeeded", "missing")}
    assert refused == {
        "again": [409, "PoolExists"],
        "succeeded": [409, "TaskSucceeded"],
        "missing": [404, "TaskNotFound"],
    }
