"""Every property of every request body in turn: absent, null, of a wrong type, too large; raw JSON that is none."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from batch.harness import Account
from fuzz.test_documents import FITTING, IDS, WRITES, answered

from batchite.batch.operations import Operation

pytestmark = pytest.mark.ours

Path = tuple[str | int, ...]
WRONG: list[Any] = [None, True, -1, 2**63, 1.5, "", "\x00", "x" * 5000, [], [None], {}, {"": None}, [[[]]]]
NESTED = "[" * 100_000
BODIES = {
    "nothing": b"",
    "blanks": b"  \n",
    "a list": b"[]",
    "a text": b'"x"',
    "NaN": b'{"id": NaN}',
    "Infinity": b'{"id": -Infinity}',
    "a number without end": b'{"id": ' + b"9" * 100_000 + b"}",
    "an exponent without end": b'{"id": 1e999999999}',
    "a name twice": b'{"id": "a", "id": 5, "commandLine": 1, "commandLine": null}',
    "deep lists": b'{"id": ' + NESTED.encode() + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "open deep lists": NESTED.encode(),
    "half a surrogate": b'{"id": "\\ud800"}',
    "no UTF-8": b'{"id": "\xff\xfe"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"id": "x"}'.encode("utf-16"),
    "something behind it": b"{} {}",
    "a comma too much": b'{"id": "x",}',
    "a comment": b'{"id": "x" /* c */}',
    "many members": json.dumps({f"m{number}": number for number in range(20_000)}).encode(),
    "NUL": b"\x00" * 1000,
}


def places(document: Any, path: Path = ()) -> Iterator[Path]:
    """Where each property and each entry of a list is."""
    inner = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in inner:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def changed(document: Any, path: Path, value: Any) -> Any:
    """The document with another value at the place."""
    found = copy.deepcopy(document)
    holder = found
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return found


def target(operation: Operation) -> str:
    """A path of the operation, of things that are there."""
    path = operation.template
    for name, values in IDS.items():
        path = path.replace(f"{{{name}}}", values[0])
    return path.replace("{nodeId}", "none").replace("{userName}", "user")


@pytest.mark.parametrize("operation", WRITES, ids=lambda row: row.name)
def test_every_property_of_every_wrong_kind(account: Account, operation: Operation) -> None:
    """An answer in time, and no failure of the server's own; what is there of the wrong type is a 4xx or taken."""
    for document in FITTING[operation.name]:
        for path in places(document):
            for value in WRONG:
                body = json.dumps(changed(document, path, value)).encode()
                answer = account.call(operation.method, target(operation), body)
                code = answer.code if answer.status >= 500 else ""
                assert answered(answer.status, code), (path, value, answer.body[:500])


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_bodies_that_are_no_json_object(account: Account, body: bytes) -> None:
    """Each is refused with 400 by its reason, and nothing is made."""
    before = account.get("/pools").json["value"]
    answer = account.post("/pools", body)
    assert answer.status == 400, answer.body[:300]
    assert answer.code in {"InvalidRequestBody", "InvalidPropertyValue", "MissingRequiredProperty"}
    assert answer.values["Reason"]
    assert account.get("/pools").json["value"] == before
