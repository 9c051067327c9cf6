"""Every operation of the data plane with three unmodified clients, each in an environment of its own."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from clients.applications import account_with_application
from clients.calls import APPLICATIONS, POOLS, Call
from clients.calls_jobs import JOBS, SCHEDULES, TASKS
from clients.calls_nodes import NODES
from clients.environments import environment, plain_variables
from clients.given import World, container, filled, given, remove
from conformance.cases import matches
from servers import RunningServer

from batchite.batch.operations import BY_NAME
from batchite.batch.routes import BUILT

CALLS = (*POOLS, *NODES, *APPLICATIONS, *JOBS, *TASKS, *SCHEDULES)
CLIENTS = {"sync": "azure-batch", "async": "azure-batch", "classic": "classic"}


class Driver:
    """A program in a client's environment that makes calls and says what it saw."""

    def __init__(self, kind: str, python: Path, account: tuple[str, str, str]) -> None:
        self.kind = kind
        program = [str(python), "-W", "ignore", str(Path(__file__).with_name("driver.py")), kind]
        self.process = subprocess.Popen(
            [*program, *account], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=plain_variables()
        )

    def call(self, call: Call, args: Any, options: Any = None) -> Any:
        """What the client saw."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        name = call.old if self.kind == "classic" else call.name
        waits = {"waits": call.waits} if self.kind != "classic" and BY_NAME[call.name].status == 202 else {}
        asked = {"name": name, "args": args, "options": {**(options or {}), **waits}}
        print(json.dumps(asked), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        assert line, f"the {self.kind} client ended at {name}"
        return json.loads(line)

    def close(self) -> None:
        """End it."""
        self.process.communicate(timeout=20)


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The interpreter of each environment."""
    folder = tmp_path_factory.mktemp("clients")
    return {name: environment(folder / name, name) for name in set(CLIENTS.values())}


@pytest.fixture(scope="session")
def drivers(environments: dict[str, Path], running: RunningServer) -> Iterator[Callable[[str, Call], Driver]]:
    """The client of a kind; where applications are asked for, of an account that has one."""
    started: dict[tuple[str, bool], Driver] = {}

    def driver(kind: str, call: Call) -> Driver:
        packaged = call.given == "application"
        if (kind, packaged) not in started:
            account = account_with_application(running) if packaged else account_of(running)
            started[kind, packaged] = Driver(kind, environments[CLIENTS[kind]], account)
        return started[kind, packaged]

    yield driver
    for one in started.values():
        one.close()


def account_of(running: RunningServer) -> tuple[str, str, str]:
    """Endpoint, name and key of the account `batchite`."""
    given_names = running.environment
    return (
        given_names["AZURE_BATCH_ENDPOINT"],
        given_names["AZURE_BATCH_ACCOUNT"],
        given_names["AZURE_BATCH_ACCESS_KEY"],
    )


@pytest.fixture(scope="session")
def world(running: RunningServer) -> Iterator[World]:
    """The account over the wire."""
    with running.client() as client:
        yield World(client, container(running))


def pairs(*, failing: bool) -> list[Any]:
    """Each client with each operation it has; the classic one fails where its arguments are those of the others."""
    return [
        pytest.param(kind, call, id=f"{kind}-{call.name}")
        for kind in CLIENTS
        for call in CALLS
        if kind != "classic" or (call.old and not (failing and (call.old_args or not call.wrong)))
    ]


@pytest.mark.documented
@pytest.mark.parametrize(("kind", "call"), pairs(failing=False))
def test_success_and_effect(kind: str, call: Call, world: World, drivers: Callable[[str, Call], Driver]) -> None:
    """The call ends with the documented status, the client parses the answer, and what it did or shows is there."""
    facts = given(world, call.given)
    try:
        args = call.old_args if kind == "classic" and call.old_args is not None else call.args
        seen = drivers(kind, call).call(call, filled(args, facts))
        model = call.old_kind or call.kind if kind == "classic" else call.kind
        assert seen["status"] == BY_NAME[call.name].status, seen
        assert seen["kind"] in model.split(" or "), seen
        assert model == "NoneType" or holds(seen["value"], filled(call.shows, facts)), seen
        if call.effect:
            world.shows(*filled(call.effect, facts))
    finally:
        remove(world, facts)


@pytest.mark.documented
@pytest.mark.parametrize(("kind", "call"), pairs(failing=True))
def test_failure(kind: str, call: Call, world: World, drivers: Callable[[str, Call], Driver]) -> None:
    """The call fails with the documented code, which the client finds in the answer."""
    facts = given(world, call.given)
    try:
        seen = drivers(kind, call).call(call, filled(call.wrong or call.args, facts), dict(call.options))
    finally:
        remove(world, facts)
    if kind == "classic" and call.kind == "bool":
        assert seen["value"] is False  # it reads 404 as the answer
    else:
        assert seen["status"] >= 400, seen
        assert call.code is None or seen["code"] == call.code, seen


def holds(found: Any, expected: Any) -> bool:
    """Whether the result shows what is expected; a list must hold the expected items, others may be there."""
    found = found["value"] if isinstance(expected, list) and isinstance(found, dict) else found
    if isinstance(expected, list):
        return all(any(matches(one, item) for one in found) for item in expected)
    return expected is None or matches(found, expected)


@pytest.mark.ours
def test_every_built_operation_has_its_cases() -> None:
    """A success, a failure and a state effect each: `docs/routes.md` counts no operation without."""
    for file, test in (call.elsewhere.split("::") for call in CALLS if call.elsewhere):
        assert f"def {test}(" in (Path(__file__).parents[1] / file).read_text()
    names = [call.name for call in CALLS]
    assert len(names) == len(set(names))
    assert {call.name for call in CALLS if call.complete} == BUILT.keys()
