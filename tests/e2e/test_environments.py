"""What only deploys and submits needs no server: `requirements.txt` alone, in an environment of its own."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e.checkout import NOT_COPIED, QUICK_START, REPOSITORY, Checkout, temporary_folder

pytestmark = [pytest.mark.ours, pytest.mark.timeout(300)]

STACK = "dev"
SERVER_ONLY = ("uvicorn", "uvloop", "orjson", "httptools")


@pytest.fixture(scope="module")
def deployer(local: Checkout) -> Iterator[Checkout]:
    """A checkout in whose environment pip has installed one file; its shell points at the Batchite of the other one."""
    with temporary_folder() as folder:
        root = folder / "checkout"
        shutil.copytree(REPOSITORY, root, ignore=NOT_COPIED, symlinks=True)
        (root / ".tools").symlink_to(REPOSITORY / ".tools")
        checkout = Checkout(root)
        checkout.run(sys.executable, "-m", "venv", ".venv")
        checkout.run(".venv/bin/pip", "install", "--quiet", "-r", "requirements.txt")
        own = (root / ".tools" / "bin", root / ".venv" / "bin")
        path = os.pathsep.join((*map(str, own), checkout.env["PATH"]))
        checkout.env = {**local.env, "PATH": path}
        yield checkout


@pytest.fixture(scope="module")
def deployed(deployer: Checkout) -> Iterator[Checkout]:
    """The stack `dev`, deployed from it."""
    make_quick(deployer.root / f"Pulumi.{STACK}.yaml")
    deployer.run("pulumi", "stack", "select", "--create", STACK, "--non-interactive")
    deployer.run("pulumi", "up", "--yes", "--stack", STACK, "--policy-pack", "policies", "--non-interactive")
    yield deployer
    deployer.run("pulumi", "destroy", "--yes", "--skip-preview", "--stack", STACK, "--non-interactive")


def make_quick(config: Path) -> None:
    """Nodes of this stack install packages that are there at once."""
    content = yaml.safe_load(config.read_text())
    content["config"]["azure-batch:pools"]["main"]["startTask"] = QUICK_START
    config.write_text(yaml.safe_dump(content))


def test_no_part_of_the_server_is_there(deployer: Checkout) -> None:
    """The packages of the server were not installed, the autoscale language was."""
    python = str(deployer.root / ".venv" / "bin" / "python")
    code = (
        "import importlib.util as u, sys; import batchite.autoscale; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    )
    assert deployer.run(python, "-c", code, *SERVER_ONLY).stdout.strip() == "[]"


def test_make_azure_asks_before_the_first_deployment(deployer: Checkout, tmp_path: Path) -> None:
    """It says as whom and where it deploys, and without anybody to ask it deploys nothing."""
    (tmp_path / "state").mkdir()
    login = {
        "ARM_CLIENT_ID": "11111111-2222-4333-8444-555555555555",
        "ARM_CLIENT_SECRET": "s3cr3t-of-the-test",
        "ARM_SUBSCRIPTION_ID": "99999999-2222-4333-8444-555555555555",
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
    }
    foreign = ("AZURE_", "ARM_", "PULUMI_")
    shell = {name: value for name, value in deployer.env.items() if not name.startswith(foreign)}
    there = Checkout(deployer.root, {**shell, **login})
    before = (deployer.root / f"Pulumi.{STACK}.yaml").read_text()
    done = there.run("make", "azure", f"STACK={STACK}", expect=None)
    (deployer.root / f"Pulumi.{STACK}.yaml").write_text(before)  # the engine notes its encryption there
    assert done.returncode != 0
    told = done.stdout + done.stderr
    for words in (login["ARM_CLIENT_ID"], login["ARM_SUBSCRIPTION_ID"], "nobody to ask", "--yes"):
        assert words in told
    assert "s3cr3t" not in told


def test_a_job_runs_on_what_was_deployed(deployed: Checkout) -> None:
    """`jobs` submits to the stack, follows it and fetches the outputs."""
    workload = Path("tests/e2e/workloads/hello.yaml")
    done = deployed.jobs("submit", str(workload), "--stack", STACK, "--follow", "--timeout", "120")
    assert "1 of 1 tasks succeeded" in done.stderr
    deployed.jobs("outputs")
    assert [path.read_text() for path in (deployed.root / "outputs").rglob("hello.txt")] == ["hello\n"]
