"""Runs inside a client's environment: makes the calls that come as lines of JSON, and answers each with what it saw.

Its arguments are the client (`sync`, `async`, `classic`), the endpoint, the account and the key. A call is an object
with the operation's name, its arguments and options; an answer has the status of the first response and either what the
result was parsed into (`kind`, `value`) or the error (`error`, `code`).
"""
# The project's own environment does not have both clients, so their names are unknown or untyped there:
# mypy: disable-error-code="attr-defined, import-not-found, import-untyped, misc, no-any-return"

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

Answer = dict[str, Any]
NEVER = 3600
"""Seconds between the questions of a poller that nobody waits for."""


def main() -> None:
    """Answer every line until there is no more."""
    kind, endpoint, account, key = sys.argv[1:]
    {"sync": sync_client, "async": async_client, "classic": classic_client}[kind](endpoint, account, key)


def serve(call: Callable[[str, list[Any], dict[str, Any]], Answer]) -> None:
    """Read a call, make it, print the answer."""
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(call(asked["name"], asked["args"], asked["options"])), flush=True)


def described(result: Any, as_wire: Callable[[Any], Any]) -> Answer:
    """The names of the models a result consists of, and its content in the words of the wire."""
    if isinstance(result, bytes):
        return {"kind": "bytes", "value": result.decode()}
    if isinstance(result, list):
        kinds = "|".join(sorted({type(item).__name__ for item in result}))
        return {"kind": f"[{kinds}]", "value": [as_wire(item) for item in result]}
    if result is None or isinstance(result, bool):
        return {"kind": type(result).__name__, "value": result}
    return {"kind": type(result).__name__, "value": as_wire(result)}


def noting(statuses: list[int]) -> Callable[[Any], None]:
    """A hook of the client that notes the status of every response."""
    return lambda seen: statuses.append(seen.http_response.status_code)


def as_wire(item: Any) -> Any:
    """A model of azure-batch 15 in the words of the wire; the properties of a file come from headers."""
    return item.as_dict() if hasattr(item, "as_dict") else {"contentLength": str(item.content_length)}


def sync_client(endpoint: str, account: str, key: str) -> None:
    """azure-batch 15."""
    from azure.batch import BatchClient  # noqa: PLC0415 - which client there is depends on the environment
    from azure.core.credentials import AzureNamedKeyCredential  # noqa: PLC0415 - as above
    from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - as above

    statuses: list[int] = []
    note = noting(statuses)
    client = BatchClient(endpoint, AzureNamedKeyCredential(account, key), raw_response_hook=note)

    def call(name: str, args: list[Any], options: dict[str, Any]) -> Answer:
        statuses.clear()
        begin = getattr(client, f"begin_{name}", None)
        try:
            if begin:
                waits = options.pop("waits")
                poller = begin(*args, polling_interval=0 if waits else NEVER, **options)
                result = poller.result() if waits else None
            else:
                result = getattr(client, name)(*args, **options)
                result = collected(result)
        except HttpResponseError as error:
            return failed(error, error.status_code)
        return {"status": statuses[0], **described(result, as_wire)}

    serve(call)


def collected(result: Any) -> Any:
    """A page by page list as a list, a download as bytes, anything else as it is."""
    if not hasattr(result, "__next__"):
        return result
    items = list(result)
    return b"".join(items) if items and isinstance(items[0], bytes) else items


def failed(error: Any, status: int | None) -> Answer:
    """What an error says; the body of a failed HEAD or download is not read by the client."""
    return {"status": status, "error": type(error).__name__, "code": error.error.code if error.error else None}


def async_client(endpoint: str, account: str, key: str) -> None:
    """azure-batch 15, its asynchronous half."""
    from azure.batch.aio import BatchClient  # noqa: PLC0415 - which client there is depends on the environment
    from azure.core.credentials import AzureNamedKeyCredential  # noqa: PLC0415 - as above
    from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - as above

    statuses: list[int] = []

    async def call(client: Any, name: str, args: list[Any], options: dict[str, Any]) -> Answer:
        statuses.clear()
        begin = getattr(client, f"begin_{name}", None)
        try:
            if begin:
                waits = options.pop("waits")
                poller = await begin(*args, polling_interval=0 if waits else NEVER, **options)
                result = await poller.result() if waits else None
            else:
                result = await gathered(getattr(client, name)(*args, **options))
        except HttpResponseError as error:
            return failed(error, error.status_code)
        return {"status": statuses[0], **described(result, as_wire)}

    async def loop() -> None:
        note = noting(statuses)
        async with BatchClient(endpoint, AzureNamedKeyCredential(account, key), raw_response_hook=note) as client:
            while line := await asyncio.to_thread(sys.stdin.readline):
                asked = json.loads(line)
                print(json.dumps(await call(client, asked["name"], asked["args"], asked["options"])), flush=True)

    asyncio.run(loop())


async def gathered(result: Any) -> Any:
    """As `collected`."""
    if hasattr(result, "__await__"):
        result = await result
    if not hasattr(result, "__anext__"):
        return result
    items = [item async for item in result]
    return b"".join(items) if items and isinstance(items[0], bytes) else items


def classic_client(endpoint: str, account: str, key: str) -> None:
    """azure-batch 14."""
    from azure.batch import BatchServiceClient  # noqa: PLC0415 - which client there is depends on the environment
    from azure.batch.batch_auth import SharedKeyCredentials  # noqa: PLC0415 - as above
    from azure.batch.models import BatchErrorException  # noqa: PLC0415 - as above
    from msrest.serialization import full_restapi_key_transformer  # noqa: PLC0415 - as above

    client = BatchServiceClient(SharedKeyCredentials(account, key), batch_url=endpoint)
    statuses: list[int] = []
    client.config.hooks.append(lambda response, *_args, **_options: statuses.append(response.status_code))

    def call(name: str, args: list[Any], options: dict[str, Any]) -> Answer:
        statuses.clear()
        group, method = name.split(".")
        try:
            result = getattr(getattr(client, group), method)(*args, **options)
            result = list(result) if hasattr(result, "advance_page") else collected(result)
        except BatchErrorException as error:
            return failed(error, error.response.status_code)
        return {"status": statuses[0], **described(result, classic_wire)}

    def classic_wire(item: Any) -> Any:
        return item.as_dict(keep_readonly=True, key_transformer=full_restapi_key_transformer)

    serve(call)


main()
