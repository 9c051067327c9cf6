"""Drills on requests: the handlers of a plane, wrapped. Who is let in and what is no operation is decided before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import orjson

from batchite.chaos.drills import ARM_CODES, TEXTS, Fault
from batchite.chaos.state import Chaos
from batchite.errors import ServiceError
from batchite.http.types import Handler, Json, Request, Response, Route

COLLECTION = "create_task_collection"


@dataclass(eq=False)
class DrillError(ServiceError):
    """An error of a drill, with the status and the text that the service documents for its code."""

    answer: int = 500
    message: str = ""

    @property
    def status(self) -> int:
        """HTTP status of the answer."""
        return self.answer

    @property
    def shown(self) -> str:
        """The code of the answer, which no catalogue has with this status."""
        return self.code

    @property
    def text(self) -> str:
        """The text of the answer."""
        return self.message


def disturbed(plane: str, routes: Iterable[Route], chaos: Chaos) -> list[Route]:
    """The routes with handlers that the drills reach."""
    return [replace(route, handler=_disturbed(plane, route, chaos)) for route in routes]


def _disturbed(plane: str, route: Route, chaos: Chaos) -> Handler:
    handler = route.handler

    async def handle(request: Request) -> Response:
        if chaos.idle:
            return await handler(request)
        await chaos.delay(plane)
        fault = chaos.fault(plane)
        if fault is None:
            collects = route.operation == COLLECTION
            return await (_item_by_item(handler, request, chaos.item_fault) if collects else handler(request))
        if fault.after:
            await handler(request)  # a request that is refused is refused, drill or not
        raise error_of(fault, plane)

    return handle


def error_of(fault: Fault, plane: str) -> DrillError:
    """The fault as the plane's error."""
    status, text = TEXTS[fault.code]
    code = ARM_CODES.get(fault.code, fault.code) if plane == "arm" else fault.code
    return DrillError(code, headers=fault.headers, answer=status, message=text)


async def _item_by_item(handler: Handler, request: Request, fault_of: Callable[[], Fault | None]) -> Response:
    """Add a collection of tasks, some of which the server fails at: `servererror`, in the answer's order.

    Clients add such a task again; one that was added all the same is then refused with TaskExists.
    """
    tasks = _tasks(request.body)
    faults = {index: fault for index in range(len(tasks)) if (fault := fault_of()) is not None}
    if not faults:
        return await handler(request)
    asked = [task for index, task in enumerate(tasks) if index not in faults or faults[index].after]
    answers: list[Json] = []
    response = Response(200, {"odata.metadata": f"{request.base_url}/$metadata#taskaddresult"})
    if asked:
        response = await handler(replace(request, body=orjson.dumps({"value": asked})))
        answers = list(response.json["value"])
    value = []
    for index, task in enumerate(tasks):
        fault = faults.get(index)
        told = answers.pop(0) if fault is None or fault.after else {}
        refused = told.get("status") == "clienterror"
        value.append(told if fault is None or refused else _server_error(task, fault, request))
    return replace(response, json={**response.json, "value": value})


def _tasks(body: bytes) -> list[Json]:
    """The tasks of a collection; none when the body is not one, which is for the handler to say."""
    try:
        value = orjson.loads(body)["value"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return []
    return value if isinstance(value, list) else []


def _server_error(task: Json, fault: Fault, request: Request) -> Mapping[str, Json]:
    identifier = task.get("id") if isinstance(task, dict) else None
    text = f"{TEXTS[fault.code][1]}\nRequestId:{request.request_id}"
    error = {"code": fault.code, "message": {"lang": "en-US", "value": text}}
    return {"status": "servererror", "taskId": identifier if isinstance(identifier, str) else "", "error": error}
