from collections.abc import Iterator
from itertools import count

import pytest
from batch.harness import Account, Server

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests; each test has an account of its own."""
    with Server(tmp_path_factory.mktemp("nodes")) as running:
        yield running


@pytest.fixture
def account(server: Server) -> Account:
    """A new account."""
    return Account(server, f"account{next(_NUMBERS)}")
