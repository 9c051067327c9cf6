"""One contract for both stores, and what only the durable one promises."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchite.storage.group_commit import GroupCommit, StoreFailedError
from batchite.storage.memory import MemoryStore
from batchite.storage.port import Store
from batchite.storage.sqlite import SqliteStore

pytestmark = pytest.mark.ours


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Each store in turn."""
    made: Store = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "state.db")
    yield made
    made.close()


def test_values_come_back_and_go(store: Store) -> None:
    """Put, replace, delete; an absent key is None, and its deletion no error."""
    store.put("k", "a", b"1")
    store.put("k", "a", b"2")
    assert (store.get("k", "a"), store.get("other", "a")) == (b"2", None)
    store.delete("k", "a")
    store.delete("k", "a")
    assert store.get("k", "a") is None


def test_scans_are_ordered_and_bounded(store: Store) -> None:
    """By prefix, after a key, up to a limit; writes during a scan do not disturb it."""
    for key in ("b/2", "a/1", "b/1", "b/3", "c"):
        store.put("k", key, key.encode())
    assert [key for key, _ in store.scan("k", "b/")] == ["b/1", "b/2", "b/3"]
    assert [key for key, _ in store.scan("k", "b/", after="b/1", limit=1)] == ["b/2"]
    for key, _ in store.scan("k"):
        store.delete("k", key)
    assert list(store.scan("k")) == []


def test_a_prefix_is_deleted_whole_and_alone(store: Store) -> None:
    """Neighbours before and after the prefix stay."""
    for key in ("a", "job/1", "job/2", "job2/1"):
        store.put("k", key, b"")
    store.delete_prefix("k", "job/")
    assert [key for key, _ in store.scan("k")] == ["a", "job2/1"]


@given(st.lists(st.tuples(st.booleans(), st.text("ab/1", min_size=1, max_size=4), st.binary(max_size=3)), max_size=40))
def test_the_twin_behaves_as_the_durable_store(steps: list[tuple[bool, str, bytes]]) -> None:
    """Any sequence of writes leaves both with the same content."""
    memory, sqlite = MemoryStore(), SqliteStore(Path(":memory:"))
    for keep, key, value in steps:
        for each in (memory, sqlite):
            if keep:
                each.put("k", key, value)
            else:
                each.delete("k", key)
    assert list(memory.scan("k")) == list(sqlite.scan("k"))
    assert list(memory.scan("k", "a")) == list(sqlite.scan("k", "a"))
    sqlite.close()


def test_what_is_committed_is_seen_by_another_process_and_the_rest_is_not(tmp_path: Path) -> None:
    """A reader of the file sees exactly what commit has made durable."""
    store = SqliteStore(tmp_path / "state.db")
    store.put("k", "kept", b"1")
    store.commit()
    store.put("k", "lost", b"1")
    with sqlite3.connect(tmp_path / "state.db") as other:
        assert [row[0] for row in other.execute("SELECT key FROM entry")] == ["kept"]
    other.close()
    store.close()


class CountingStore(MemoryStore):
    """Counts commits; fails on demand."""

    def __init__(self) -> None:
        super().__init__()
        self.commits = 0
        self.durable: list[bool] = []
        self.error: OSError | None = None

    def commit(self, *, durable: bool = True) -> None:
        """Count, or fail."""
        self.commits += 1
        self.durable.append(durable)
        if self.error is not None:
            raise self.error


def _fail(error: Exception) -> None:
    raise error


def test_all_writers_of_a_turn_share_one_commit_and_effects_follow_it() -> None:
    """Ten writers, one commit; what was to happen afterwards happens after it."""
    store, seen = CountingStore(), []

    async def scenario() -> None:
        commits = GroupCommit(store, _fail)
        await asyncio.gather(*(commits.committed(lambda: seen.append(store.commits)) for _ in range(10)))

    asyncio.run(scenario())
    assert (store.commits, seen) == (1, [1] * 10)


def test_one_durable_write_makes_its_turn_durable() -> None:
    """Agents' answers alone are not synced; together with a request they are."""
    store = CountingStore()

    async def scenario() -> None:
        commits = GroupCommit(store, _fail)
        await commits.committed(durable=False)
        await asyncio.gather(commits.committed(durable=True), commits.committed(durable=False))
        await commits.committed(durable=False)

    asyncio.run(scenario())
    assert store.durable == [False, True, False]


def test_a_durable_commit_syncs_once_what_others_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another connection sees both kinds at once; only a durable one syncs, and only what is new."""
    synced: list[int] = []
    monkeypatch.setattr("batchite.storage.sqlite._sync", synced.append)
    store = SqliteStore(tmp_path / "state.db")
    store.put("k", "kept", b"1")
    store.commit(durable=False)
    other = SqliteStore(tmp_path / "state.db")
    assert (other.get("k", "kept"), len(synced)) == (b"1", 0)
    store.commit()
    store.commit()
    assert len(synced) == 1
    other.close()
    store.close()


def test_a_failed_commit_reaches_every_writer_and_no_effect_happens() -> None:
    """A full disk is an error for all who wait; nothing is started on the strength of it."""
    store, seen, failures = CountingStore(), list[int](), list[Exception]()
    store.error = OSError(28, "No space left on device")

    async def scenario() -> list[object]:
        commits = GroupCommit(store, failures.append)
        waits = (commits.committed(lambda: seen.append(1)) for _ in range(2))
        return await asyncio.gather(*waits, return_exceptions=True)

    assert [type(error) for error in asyncio.run(scenario())] == [StoreFailedError] * 2
    assert (seen, failures) == ([], [store.error])


def test_after_a_failure_nothing_is_accepted_any_more() -> None:
    """Memory is ahead of the store: a later commit that succeeds would make durable what was refused."""
    store = CountingStore()
    store.error = OSError(28, "No space left on device")

    async def scenario() -> None:
        commits = GroupCommit(store, lambda _: None)
        with pytest.raises(StoreFailedError):
            await commits.committed()
        store.error = None
        with pytest.raises(StoreFailedError), commits.writing():
            pytest.fail("nothing may be written")
        with pytest.raises(StoreFailedError):
            await commits.committed()

    asyncio.run(scenario())
    assert store.commits == 1


def test_a_store_whose_commit_failed_takes_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a write nor a commit; it can still be closed."""
    store = SqliteStore(tmp_path / "state.db")
    store.put("k", "refused", b"1")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("batchite.storage.sqlite._sync", full)
    with pytest.raises(OSError, match="No space"):
        store.commit()
    with pytest.raises(sqlite3.OperationalError):
        store.put("k", "later", b"1")
    with pytest.raises(sqlite3.OperationalError):
        store.commit()
    store.close()
