from collections.abc import Iterator
from pathlib import Path

import pytest
from clients.azure_cli import AzureCli
from clients.environments import environment
from clients.given import SCALE
from servers import RunningServer, pool, server, wait_until

POOL = "shared"
EMPTY = "empty"


@pytest.fixture(scope="session")
def running() -> Iterator[RunningServer]:
    """One server for all clients, with a pool of two idle nodes and an empty one; service time runs fast."""
    with server("--in-memory", f"--time-scale={SCALE}") as started:
        with started.client() as client:
            client.create_pool(pool(POOL, dedicated=2, slots=4))
            client.create_pool(pool(EMPTY))
            wait_until(lambda: [node.state for node in client.list_nodes(POOL)] == ["idle"] * 2, "both nodes are idle")
        yield started


@pytest.fixture(scope="session")
def azure_cli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds nothing but the Azure CLI."""
    return environment(tmp_path_factory.mktemp("azure-cli") / "venv", "azure-cli")


@pytest.fixture
def az(azure_cli: Path, running: RunningServer, tmp_path: Path) -> AzureCli:
    """The Azure CLI with a home of its own, logged in nowhere, its Batch account given by variables."""
    names = ("AZURE_BATCH_ENDPOINT", "AZURE_BATCH_ACCOUNT", "AZURE_BATCH_ACCESS_KEY", "REQUESTS_CA_BUNDLE")
    return AzureCli(azure_cli, tmp_path, {name: running.environment[name] for name in names})
