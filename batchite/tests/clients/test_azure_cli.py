"""The command group `az batch` of the Azure CLI, unmodified, in an environment of its own, with the account's key."""

import json
import subprocess
import zipfile
from pathlib import Path

import pytest
from clients.azure_cli import AzureCli, Step
from clients.batch_session import CHAPTERS, UNBUILT, write_files
from clients.environments import plain_variables
from clients.management_session import LOGIN, REFUSED, SESSION
from servers import RunningServer

from batchite.batch.routes import BUILT

DATA_PLANE = ("batch application summary", "batch job", "batch node", "batch pool", "batch task")
LISTING = (
    "import json; from azure.cli.core import get_default_cli as cli; c = cli(); loader = c.commands_loader_cls(c); "
    "loader.load_command_table(['batch']); print(json.dumps(sorted(loader.command_table)))"
)


@pytest.mark.documented
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_commands(az: AzureCli, chapter: str) -> None:
    """Each command of the chapter shows what it does with the service, or the service's own error."""
    write_files(az.home)
    az.session(CHAPTERS[chapter])
    if chapter == "files":
        files = {name: (az.home / f"{name}.txt").read_text() for name in ("whole", "part", "node")}
        assert files == {"whole": "42\n", "part": "2", "node": "42\n"}


def without_account(az: AzureCli, running: RunningServer) -> None:
    """The CLI knows no Batch account; what a login needs can be named in its commands."""
    given = running.environment
    az.variables = {"REQUESTS_CA_BUNDLE": given["REQUESTS_CA_BUNDLE"]}
    az.kept = {"https": running.ready["https"], "client": given["AZURE_CLIENT_ID"], "tenant": given["ARM_TENANT_ID"]}
    az.kept |= {"secret": given["AZURE_CLIENT_SECRET"]}


@pytest.mark.documented
def test_management(az: AzureCli, running: RunningServer) -> None:
    """The CLI learns a cloud from the server, logs in as a service principal, manages an account and its packages."""
    without_account(az, running)
    with zipfile.ZipFile(az.home / "tool.zip", "w") as package:
        package.writestr("tool", "#!/bin/sh\n")
    az.session(SESSION)


@pytest.mark.ours
def test_management_that_is_refused(az: AzureCli, running: RunningServer) -> None:
    """Commands for resources that are not here fail with the name of what is missing."""
    without_account(az, running)
    az.session(LOGIN)
    az.session(Step(line, fails=name) for line, name in REFUSED.items())


@pytest.mark.ours
def test_no_command_is_left_out(azure_cli: Path, tmp_path: Path) -> None:
    """Every data-plane command the CLI has is in a chapter, but for those whose operation is not built."""
    variables = {**plain_variables(), "HOME": str(tmp_path), "AZURE_CONFIG_DIR": str(tmp_path / "azure")}
    listing = [str(azure_cli), "-W", "ignore", "-c", LISTING]
    done = subprocess.run(listing, capture_output=True, text=True, check=True, timeout=60, env=variables)
    commands = {name for name in json.loads(done.stdout) if name.startswith(DATA_PLANE)}
    lines = [step.line + " " for steps in CHAPTERS.values() for step in steps]
    missing = {name for name in commands if not any(line.startswith(f"{name} ") for line in lines)}
    assert missing == UNBUILT.keys()
    assert not BUILT.keys() & set(UNBUILT.values()), "built by now: its command needs a step"
