from collections.abc import Iterator

import pytest
from batch.harness import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all cases; each case has an account of its own."""
    with Server(tmp_path_factory.mktemp("nodes")) as running:
        yield running
