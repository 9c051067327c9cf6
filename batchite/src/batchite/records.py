"""The core's records as bytes and back: compact JSON, decoded by the records' own type annotations."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias, Union, get_args, get_origin, get_type_hints

import orjson

from batchite.scheduler.commands import Key, Record
from batchite.scheduler.model import (
    JobKey,
    JobState,
    NodeKey,
    NodeState,
    PoolKey,
    PoolState,
    ScheduleKey,
    ScheduleState,
    TaskKey,
    TaskState,
)
from batchite.storage.port import Store

Decoder: TypeAlias = Callable[[Any], Any]

KINDS: dict[type, str] = {
    PoolState: "pool.state",
    NodeState: "node.state",
    JobState: "job.state",
    TaskState: "task.state",
    ScheduleState: "schedule.state",
    PoolKey: "pool.state",
    NodeKey: "node.state",
    JobKey: "job.state",
    TaskKey: "task.state",
    ScheduleKey: "schedule.state",
}
DOCUMENTS: dict[type, str] = {
    PoolKey: "pool.doc",
    NodeKey: "node.doc",
    JobKey: "job.doc",
    TaskKey: "task.doc",
    ScheduleKey: "schedule.doc",
}


_FIELDS = {kind: [(field.name, field.default) for field in fields(kind)] for kind in KINDS if is_dataclass(kind)}
"""Fields and defaults of each record. A default is part of the stored form: to change one, rename the field."""


def key_text(key: Key) -> str:
    """The key as the store spells it: its parts joined by `/`, which no id contains."""
    return "/".join(key)


def encode(record: Record) -> bytes:
    """The record as JSON, without what is as its class has it by default: most of a task, which is read back faster."""
    stored = {name: value for name, default in _FIELDS[type(record)] if (value := getattr(record, name)) != default}
    return orjson.dumps(stored, default=list)  # keys are named tuples, which orjson leaves to us


def write(store: Store, record: Record) -> None:
    """Put the record into the store."""
    store.put(KINDS[type(record)], key_text(record.key), encode(record))


def erase(store: Store, key: Key) -> None:
    """Delete the record and its document."""
    store.delete(KINDS[type(key)], key_text(key))
    if type(key) in DOCUMENTS:
        store.delete(DOCUMENTS[type(key)], key_text(key))


def read_all(store: Store) -> Iterator[Record]:
    """Every record, pools before nodes and jobs before tasks."""
    for kind in (PoolState, NodeState, JobState, TaskState, ScheduleState):
        decode = decoder(kind)
        for _, value in store.scan(KINDS[kind]):
            yield decode(orjson.loads(value))


def decoder(hint: Any) -> Decoder:
    """A function that turns parsed JSON into a value of the annotated type."""
    origin = get_origin(hint)
    if is_dataclass(hint) and isinstance(hint, type):
        return _dataclass_decoder(hint)
    if isinstance(hint, type) and issubclass(hint, tuple):
        return lambda value: hint(*value)
    if origin in (Union, types.UnionType):
        inner = decoder(next(argument for argument in get_args(hint) if argument is not type(None)))
        return lambda value: None if value is None else inner(value)
    if origin is tuple:
        return _tuple_decoder(get_args(hint))
    return lambda value: value


def _dataclass_decoder(kind: type) -> Decoder:
    hints = get_type_hints(kind)
    decoders = {field.name: decoder(hints[field.name]) for field in fields(kind)}

    def decode(value: dict[str, Any]) -> Any:
        return kind(**{name: decoders[name](item) for name, item in value.items() if name in decoders})

    return decode


def _tuple_decoder(arguments: tuple[Any, ...]) -> Decoder:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        item = decoder(arguments[0])
        return lambda value: tuple(item(part) for part in value)
    items = [decoder(argument) for argument in arguments]
    return lambda value: tuple(decode(part) for decode, part in zip(items, value, strict=True))
