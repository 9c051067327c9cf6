from collections.abc import Iterator
from itertools import count

import pytest
from azure.batch import BatchClient, models
from azure.core.credentials import AzureNamedKeyCredential
from batch.harness import KEY, Account, Server
from batch.sdk import pool_options

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


@pytest.fixture
def client(account: Account) -> Iterator[BatchClient]:
    """A client of the account."""
    with BatchClient(account.endpoint, AzureNamedKeyCredential(account.name, KEY)) as found:
        yield found


@pytest.fixture
def working(client: BatchClient, account: Account) -> BatchClient:
    """A client with a pool of two idle nodes and a job."""
    client.create_pool(pool_options(target_dedicated_nodes=2))
    account.wait_for_nodes(2)
    client.create_job(
        models.BatchJobCreateOptions(
            id="Job", pool_info=models.BatchPoolInfo(pool_id="Pool"), uses_task_dependencies=True
        )
    )
    return client
