"""Drills on the handlers of a plane: what was acknowledged is there, whatever is disturbed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchite.chaos.drills import Fault, ServerErrors, Throttle
from batchite.chaos.http import COLLECTION, DrillError, disturbed
from batchite.chaos.state import Chaos
from batchite.errors import ServiceError
from batchite.http.types import Handler, Request, Response, Route
from batchite.scheduler.model import NodeKey
from batchite.storage.memory import MemoryStore

pytestmark = pytest.mark.ours

NAMES = [f"t{number}" for number in range(40)]


class Tasks:
    """A handler that adds tasks as the data plane does, and counts how often each was added."""

    def __init__(self) -> None:
        self.added: list[str] = []

    async def __call__(self, request: Request) -> Response:
        """Add what is new; what is there is refused with TaskExists."""
        value = []
        for task in orjson.loads(request.body)["value"]:
            exists = task["id"] in self.added
            answer: dict[str, Any] = {"status": "clienterror" if exists else "success", "taskId": task["id"]}
            value.append(answer | ({"error": {"code": "TaskExists"}} if exists else {}))
            self.added += [] if exists else [task["id"]]
        return Response(200, {"value": value})


async def nothing() -> None:
    """Nothing has to be made durable."""


def chaos(store: MemoryStore | None = None) -> Chaos:
    """No drill is on."""
    return Chaos(store or MemoryStore(), nothing, lambda: 1000.0)


def request(names: list[str]) -> Request:
    """An addition of tasks."""
    body = orjson.dumps({"value": [{"id": name} for name in names]})
    return Request("POST", "/jobs/j/addtaskcollection", "", {}, {}, body, "http://x")


def wrapped(handler: Callable[[Request], Awaitable[Response]], drills: Chaos, plane: str = "batch") -> Handler:
    """The handler as the drills leave it."""
    return disturbed(plane, [Route(COLLECTION, "POST", "/", 200, handler)], drills)[0].handler


@given(seed=st.integers(0, 10_000), rate=st.floats(0.05, 0.6), when=st.sampled_from(["before", "after", "either"]))
def test_a_client_that_asks_again_has_every_task_added_once(seed: int, rate: float, when: str) -> None:
    """What is told `success` is there; what is told `servererror` may be; nothing is there twice."""

    async def client() -> Tasks:
        tasks, drills = Tasks(), chaos()
        await drills.switch_on(ServerErrors("s", rate, ("batch",), seed, ("InternalError", "ServerBusy"), when))
        send, missing = wrapped(tasks, drills), list(NAMES)
        for _ in range(200):
            if not missing:
                break
            try:
                answers = (await send(request(missing))).json["value"]
            except DrillError:
                continue
            assert [answer["taskId"] for answer in answers] == missing
            assert {one["taskId"] for one in answers if one["status"] == "success"} <= set(tasks.added)
            missing = [answer["taskId"] for answer in answers if answer["status"] == "servererror"]
        assert not missing
        return tasks

    assert sorted(asyncio.run(client()).added) == sorted(NAMES)


@pytest.mark.parametrize(("plane", "code"), [("batch", "InternalError"), ("arm", "InternalServerError")])
def test_each_plane_is_disturbed_in_its_own_words(plane: str, code: str) -> None:
    """And only where the drill names it; the refusal of a request that is wrong comes first."""

    async def refuse(_request: Request) -> Response:
        raise ServiceError("JobNotFound")

    async def run() -> None:
        drills = chaos()
        await drills.switch_on(ServerErrors("s-1", 1, (plane,), 1, ("InternalError",), "after"))
        with pytest.raises(ServiceError, match="JobNotFound"):
            await wrapped(refuse, drills, plane)(request(["a"]))
        with pytest.raises(DrillError) as caught:
            await wrapped(Tasks(), drills, plane)(request(["a"]))
        assert (caught.value.code, caught.value.status, caught.value.headers["x-batchite-drill"]) == (code, 500, "s-1")
        other = "arm" if plane == "batch" else "batch"
        assert (await wrapped(Tasks(), drills, other)(request(["a"]))).status == 200

    asyncio.run(run())


def test_drills_come_back_from_the_store() -> None:
    """With their numbers, so that no id is given twice; start tasks that have failed are counted there too."""

    async def run() -> None:
        store = MemoryStore()
        first = chaos(store)
        drill = Throttle(f"throttle-{first.next_number()}", 1, ("batch",), 1, 429, 1)
        await first.switch_on(drill)
        again = chaos(store)
        assert (again.active(), again.next_number()) == ({"throttle": drill}, 2)
        assert again.fault("batch") == Fault("throttle-1", "TooManyRequests", retry_after=1)
        assert again.start_task_fails(NodeKey("a", "p", "n")) is None
        assert await again.switch_off("latency") == []
        assert await again.switch_off() == [drill]
        assert chaos(store).idle

    asyncio.run(run())


@pytest.mark.parametrize("body", [b"", b"[]", b'{"value": 5}', b'{"value": [5, {"id": 7}]}'])
def test_a_malformed_collection_is_for_the_handler_to_refuse(body: bytes) -> None:
    """A drill neither hides nor breaks it."""

    async def refuse(got: Request) -> Response:
        raise ServiceError("InvalidRequestBody", detail=str(len(got.body)))

    async def run() -> None:
        drills = chaos()
        await drills.switch_on(ServerErrors("s-1", 0.5, ("batch",), 1, ("ServerBusy",), "after"))
        for _ in range(20):
            with pytest.raises(ServiceError):
                await wrapped(refuse, drills)(Request("POST", "/", "", {}, {}, body, "http://x"))

    asyncio.run(run())
