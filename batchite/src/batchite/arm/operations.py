"""Long-running operations: 202 with two addresses to ask, a durable record, work that a restart takes up again."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeAlias

from batchite.errors import ServiceError
from batchite.http.types import Headers, Request
from batchite.storage.port import Store

KIND = "arm.operation"
RETRY_MS = "100"  # what clients should wait between two questions; without it they wait 10 s and more
OVER_MS = "10"  # the same for an operation that is over already
Operation: TypeAlias = dict[str, Any]
_LOG = logging.getLogger(__name__)


class Operations:
    """The operations of this data directory. A finished one can be asked for until the next start."""

    def __init__(self, store: Store, commit: Callable[[], Awaitable[None]]) -> None:
        self._store = store
        self._commit = commit
        self._operations: dict[str, Operation] = {}
        self._running: set[asyncio.Task[None]] = set()

    def find(self, operation_id: str) -> Operation:
        """The record, or ResourceNotFound."""
        found = self._operations.get(operation_id.lower())
        if found is None:
            raise ServiceError("ResourceNotFound", f"There is no operation '{operation_id}'.")
        return found

    async def done(self, operation: Operation) -> Operation:
        """Keep a record of an operation that was over before its answer left."""
        operation["status"] = "Succeeded"
        self._operations[operation["id"]] = operation
        return operation

    async def begin(self, operation: Operation, work: Callable[[], Awaitable[None]]) -> Operation:
        """Record the operation, then do its work in the background."""
        operation["status"] = "InProgress"
        self._operations[operation["id"]] = operation
        self._store.put(KIND, operation["id"], json.dumps(operation).encode())
        await self._commit()
        self._spawn(operation, work)
        return operation

    def resume(self, work: Callable[[Operation], Awaitable[None]]) -> None:
        """Take up what an earlier run had not finished."""
        for key, value in list(self._store.scan(KIND)):
            operation = self._operations[key] = json.loads(value)
            self._spawn(operation, partial(work, operation))

    async def close(self) -> None:
        """Stop the background work; the records stay for the next start."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _spawn(self, operation: Operation, work: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.create_task(self._finish(operation, work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _finish(self, operation: Operation, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
            operation["status"] = "Succeeded"
        except ServiceError as error:
            operation.update(status="Failed", error={"code": error.code, "message": error.text})
        except Exception:  # noqa: BLE001 - whatever went wrong, who asks for the operation must learn it
            _LOG.exception("operation %s on %s failed", operation["id"], operation["resource"])
            operation.update(status="Failed", error={"code": "InternalError", "message": "Batchite's log has it."})
        self._store.delete(KIND, operation["id"])
        await self._commit()


def answer_headers(request: Request, operation: Operation) -> Headers:
    """Where the client may ask how the operation stands."""
    base = f"{request.base_url.rstrip('/')}{operation['path']}"
    version = f"?api-version={request.query_value('api-version')}"
    return {
        "location": f"{base}/operationResults/{operation['id']}{version}",
        "azure-asyncoperation": f"{base}/operationStatuses/{operation['id']}{version}",
        "x-ms-retry-after-ms": RETRY_MS if operation["status"] == "InProgress" else OVER_MS,
    }


def status_body(operation: Operation) -> dict[str, Any]:
    """The operation status resource."""
    body = {"id": f"{operation['path']}/operationStatuses/{operation['id']}", "name": operation["id"]}
    shown = {"status": operation["status"], "startTime": operation["startTime"]}
    return {**body, **shown, **({"error": operation["error"]} if "error" in operation else {})}
