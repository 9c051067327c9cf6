"""The conformance corpus: cases as data, and how an answer is compared with what a case expects.

A case names its mark (`recorded`, `documented` or `ours`), its source, what is there before (`given`), and `steps`:
requests, each with what is expected of the answer. In expectations an object matches when its members do (others may be
there), a list item by item; a text `~pattern` is a regular expression, `absent` says that a member must not be there,
and null that a header must not.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batch.harness import Account, Answer, wait_until

FOLDER = Path(__file__).parent
SOURCES = frozenset(json.loads((FOLDER / "sources.json").read_text()))


@dataclass(frozen=True)
class Case:
    """One case of a file."""

    file: str
    name: str
    mark: str
    source: str
    given: str
    steps: list[dict[str, Any]]


def cases() -> Iterator[Case]:
    """Every case of every file."""
    for file in sorted(FOLDER.glob("*.json")):
        if file.name != "sources.json":
            yield from (Case(file.stem, **entry) for entry in json.loads(file.read_text()))


def _nothing(account: Account) -> None:
    """An empty account."""


def _pool(account: Account) -> None:
    account.pool()


def _job(account: Account) -> None:
    account.pool()
    account.job()


def _waiting(account: Account) -> None:
    account.pool()
    account.job("exit 0")


def _done(account: Account) -> None:
    account.pool(nodes=1)
    account.job("exit 0")
    account.finished()


def _failed(account: Account) -> None:
    account.pool(nodes=1)
    account.job("exit 3")
    account.finished()


def _running(account: Account) -> None:
    account.pool(nodes=1)
    account.job("hold")
    account.wait_for_running()


def _multi_instance(account: Account, coordination: str, subtasks: str) -> None:
    """A task `m` of three instances, whose subtasks are in this state."""
    account.pool(nodes=3, enableInterNodeCommunication=True)
    account.job()
    settings = {"numberOfInstances": 3, "coordinationCommandLine": coordination}
    account.post("/jobs/job/tasks", {"id": "m", "commandLine": "hold", "multiInstanceSettings": settings})
    shown = "/jobs/job/tasks/m/subtasksinfo"
    wait_until(lambda: subtasks in [one["state"] for one in account.get(shown).json["value"]][-1:], "subtasks are so")


def _coordinating(account: Account) -> None:
    _multi_instance(account, "hold", "preparing")


def _coordinated(account: Account) -> None:
    _multi_instance(account, "exit 0", "completed")


GIVEN: Mapping[str, Callable[[Account], None]] = {
    "nothing": _nothing,
    "pool": _pool,
    "job": _job,
    "waiting": _waiting,
    "done": _done,
    "failed": _failed,
    "running": _running,
    "coordinating": _coordinating,
    "coordinated": _coordinated,
}


def send(account: Account, step: Mapping[str, Any]) -> Answer:
    """The answer to a step's request; `{node}` in its path is the id of the pool's node."""
    method, _, target = step["request"].partition(" ")
    if "{node}" in target:
        target = target.replace("{node}", account.get("/pools/pool/nodes").json["value"][0]["id"])
    body = step.get("body")
    if isinstance(body, str):
        body = body.encode()
    if body is None and method in ("POST", "PUT", "PATCH"):
        body = b""
    return account.call(method, target, body, **step.get("headers", {}))


def check(step: Mapping[str, Any], answer: Answer) -> None:
    """The answer is what the step expects."""
    where = f"{step['request']} -> {answer.status} {answer.body[:600]!r}"
    assert answer.status == step["status"], where
    for name, expected in step.get("answered", {}).items():
        found = answer.headers.get(name)
        assert found is None if expected is None else matches(found, expected), f"{where}: header {name}: {found!r}"
    if "code" in step:
        assert answer.code == step["code"], where
    if "text" in step:
        assert answer.json["message"]["value"].splitlines()[0] == step["text"], where
    for name, expected in step.get("values", {}).items():
        assert matches(answer.values.get(name), expected), where
    if "json" in step:
        assert matches(answer.json, step["json"]), where
    if "bytes" in step:
        assert answer.body == step["bytes"].encode(), where


def matches(found: Any, expected: Any) -> bool:
    """Whether a value is what a case expects."""
    if isinstance(expected, str) and expected.startswith("~"):
        return isinstance(found, str) and re.fullmatch(expected[1:], found, re.DOTALL) is not None
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            name not in found if value == "absent" else name in found and matches(found[name], value)
            for name, value in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(found, list)
            and len(found) == len(expected)
            and all(matches(one, other) for one, other in zip(found, expected, strict=True))
        )
    return bool(found == expected and type(found) is type(expected))
