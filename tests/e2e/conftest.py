"""One deployment for most tests: the real program under the real engine on a Batchite of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.azure_clients import Clients
from tests.e2e.checkout import QUICK_START, Checkout, temporary_folder

# Tests share the deployment, so their order matters: it is made, used, hurt, searched, destroyed. `make demo` is last.
NAMES = (
    "deploy", "production", "replacement", "package", "start_tasks", "environments", "run", "identity",
    "failures", "storm", "kill", "secrets", "destroy", "make",
)  # fmt: skip
WORKLOADS = Path(__file__).parent / "workloads"
UP = ("up", "--yes", "--skip-preview", "--policy-pack", "policies")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """End to end tests in the order above, behind all others."""
    items.sort(
        key=lambda item: (
            (item.path.parent == Path(__file__).parent) and 1 + NAMES.index(item.path.stem.removeprefix("test_"))
        )
    )


@pytest.fixture(scope="session")
def local() -> Iterator[Checkout]:
    """The deployed stack `local`; its pool keeps one dedicated and two Spot nodes, whose packages install quickly."""
    if not (Path(__file__).parents[2] / ".tools" / "bin" / "pulumi").exists():
        pytest.fail("no Pulumi CLI in .tools/bin: run `make setup`")
    with temporary_folder() as folder:
        checkout = Checkout.copy_to(folder / "checkout")
        checkout.start("--time-scale=60", "--http-port=0", "--https-port=0", "--blob-port=0")
        try:
            checkout.enter()
            checkout.set_pool(minDedicated=1, minSpot=2, startTask=QUICK_START)
            checkout.pulumi(*UP)
            yield checkout
        finally:
            checkout.batchite("stop", expect=None)


@pytest.fixture(scope="session")
def azure(local: Checkout) -> Clients:
    """The unmodified clients of Azure, as the developer."""
    return Clients.connect(local)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that all tasks of a test can write to."""
    with temporary_folder() as folder:
        folder.chmod(0o777)
        yield folder


Submit = Callable[..., str]


@pytest.fixture
def submit(local: Checkout, place: Path) -> Submit:
    """A function that submits worker.yaml with these values of its parameters and gives the job's id."""

    def go(**values: str) -> str:
        return local.submit(WORKLOADS / "worker.yaml", place=str(place), **values)

    return go
