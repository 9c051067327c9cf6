from collections.abc import Iterator

import pytest
from servers import RunningServer, server


@pytest.fixture(scope="session")
def running() -> Iterator[RunningServer]:
    """One server for all tests that leave it as it is; service time runs 600 times as fast."""
    with server("--in-memory", "--time-scale=600") as started:
        yield started
