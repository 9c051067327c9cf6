"""What outlasts a run of the server: its store, the time it has reached, what stories are told from."""

from __future__ import annotations

import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import orjson

from batchite.clock import Clock, resume
from batchite.data import DataDirectory, Options
from batchite.storage.memory import MemoryStore
from batchite.storage.port import Store
from batchite.storage.sqlite import SqliteStore
from batchite.story import StoryLog


def open_store(stack: AsyncExitStack, data: DataDirectory, options: Options) -> Store:
    """The store, closed with the stack."""
    store: Store = MemoryStore() if options.in_memory else SqliteStore(data.state)
    stack.callback(store.close)
    return store


def clock_of(store: Store, scale: float) -> Clock:
    """The service's time goes on where the last run stopped."""
    last = _last(store)
    return resume(scale, None if last is None else (last[0], last[1]))


def open_story(stack: AsyncExitStack, data: DataDirectory, options: Options, store: Store) -> StoryLog:
    """What stories are told from, going on at the last commit; closed with the stack."""
    directory = data.story
    if options.in_memory:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="batchite-story-")))
    story = StoryLog(directory)
    last = _last(store)
    story.open(last[2] if last else 0)
    stack.callback(story.close)
    return story


def _last(store: Store) -> list[Any] | None:
    """Service and wire time of the last commit with changes, and the number of the line that tells of them."""
    saved = store.get("meta", "clock")
    return None if saved is None else [*orjson.loads(saved), 0][:3]
