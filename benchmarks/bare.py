"""The floor of requests: a bare ASGI application with the service's own store and commit, and nothing else.

`python -m benchmarks.bare DIRECTORY` prints its URL and serves until it is terminated.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import orjson
import uvloop

from batchite.http.serve import Listener, bind, port_of, serve
from batchite.storage.group_commit import GroupCommit
from batchite.storage.sqlite import SqliteStore


class Bare:
    """Stores what is posted and answers 201 once that is durable."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._commits = GroupCommit(store, lambda error: sys.exit(str(error)))

    async def __call__(self, _scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one request."""
        body = (await receive())["body"]
        self._store.put("task", orjson.loads(body)["id"], body)
        await self._commits.committed()
        await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


async def main() -> None:
    """Serve on a free port."""
    store, listening = SqliteStore(Path(sys.argv[1], "bare.db")), bind(0, "")

    def ready() -> None:
        print(f"http://127.0.0.1:{port_of(listening)}", flush=True)

    await serve([Listener(listening, Bare(store))], ready, asyncio.Event())
    store.close()


if __name__ == "__main__":
    uvloop.run(main())
