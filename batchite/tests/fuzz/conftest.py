from collections.abc import Iterator

import pytest
from batch.harness import Account, Server
from servers import RunningServer
from servers import server as process


@pytest.fixture(scope="session")
def running() -> Iterator[RunningServer]:
    """A whole server in a process of its own."""
    with process("--in-memory", "--time-scale=600") as started:
        yield started


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account whose tasks are played, with a pool, a job and a task that has run."""
    with Server(tmp_path_factory.mktemp("nodes")) as playing:
        found = Account(playing, "fuzzed")
        found.pool(nodes=1)
        found.job("exit 0", usesTaskDependencies=True)
        found.finished()
        yield found
