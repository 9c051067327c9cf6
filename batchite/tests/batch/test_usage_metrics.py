"""Usage metrics: core hours by half-hours, from the times nodes were in use."""

import time
from dataclasses import replace
from urllib.parse import quote

import pytest
from batch.harness import Account, wait_until
from scheduler.worlds import pool

from batchite.batch.usage_metrics import INTERVAL, metrics
from batchite.clock import wire_time
from batchite.scheduler.commands import Gone, Put
from batchite.scheduler.model import NodeKey, NodeState, PoolKey
from batchite.storage.memory import MemoryStore
from batchite.usage import KEPT, UsageLog, Use

HALF_HOUR = 1_800_000_000 // INTERVAL * INTERVAL


@pytest.mark.documented
def test_core_hours_are_those_of_each_half_hour() -> None:
    """Two nodes of 4 cores for 45 minutes: 4 core hours in the full half-hour, 2 in the other, none elsewhere."""
    uses = [Use("p", "standard_d4s_v5", 4, HALF_HOUR, HALF_HOUR + 2700)] * 2
    found = metrics(uses, HALF_HOUR - 7200, HALF_HOUR + 7200)
    assert [(row["startTime"], row["endTime"], row["totalCoreHours"]) for row in found] == [
        (wire_time(HALF_HOUR), wire_time(HALF_HOUR + 1800), 4.0),
        (wire_time(HALF_HOUR + 1800), wire_time(HALF_HOUR + 3600), 2.0),
    ]
    assert {(row["poolId"], row["vmSize"]) for row in found} == {("p", "standard_d4s_v5")}


@pytest.mark.documented
def test_entries_are_by_time_then_by_pool() -> None:
    """Each interval names all pools that had nodes in it; the times asked for cut off the others."""
    uses = [Use(pool, "standard_d2s_v5", 2, HALF_HOUR, HALF_HOUR + 7200) for pool in ("b", "a")]
    found = metrics(uses, HALF_HOUR + 1800, HALF_HOUR + 5400)
    assert [row["poolId"] for row in found] == ["a", "b", "a", "b"]
    assert found[0]["startTime"] == wire_time(HALF_HOUR + 1800)


def node(state: str) -> NodeState:
    """A node of a pool with two cores."""
    return NodeState(NodeKey("a", "p", "n"), spot=True, state=state, state_at=0, allocated_at=0, slots=1)


def log() -> UsageLog:
    """An empty log beside a pool."""
    store = MemoryStore()
    store.put("pool.state", "a/p", b'{"id": "P", "cores": 2}')
    store.put("pool.doc", "a/p", b'{"e": "", "m": 0, "d": {"vmSize": "size"}}')
    return UsageLog(store)


@pytest.mark.ours
@pytest.mark.parametrize(("away", "back"), [("preempted", "creating"), ("deallocated", "starting")])
def test_a_node_without_a_machine_is_not_in_use(away: str, back: str) -> None:
    """What is counted ends when the machine goes and begins again when the node gets one."""
    kept = log()
    for state, now in (("creating", 10.0), ("idle", 20.0), (away, 30.0), (back, 50.0)):
        kept.note(Put(node(state)), now)
    kept.note(Gone(NodeKey("a", "p", "n")), 60.0)
    assert [(use.start, use.end) for use in kept.of("a", 70.0)] == [(10.0, 30.0), (50.0, 60.0)]
    assert list(kept.of("b", 70.0)) == []


@pytest.mark.ours
def test_uses_survive_a_restart_and_are_dropped_after_their_time() -> None:
    """An open use goes on; one that ended long ago goes once its pool has gone."""
    kept = log()
    kept.note(Put(node("idle")), 10.0)
    again = UsageLog(kept._store)
    again.load([], [node("idle")], 20.0)
    assert [(use.pool_id, use.start, use.end) for use in again.of("a", 30.0)] == [("P", 10.0, 30.0)]
    again.note(Gone(NodeKey("a", "p", "n")), 40.0)
    last = UsageLog(kept._store)
    last.load([replace(pool(), key=PoolKey("a", "p"))], [], 41.0 + KEPT)
    assert [use.end for use in last.of("a", 50.0)] == [40.0], "its pool is still there"
    last.load([], [], 41.0 + KEPT)
    assert list(last.of("a", 50.0)) == []


@pytest.mark.ours
def test_pools_that_have_gone_are_still_counted(account: Account) -> None:
    """The metrics of a time name the pools that existed then; a filter picks one of them."""
    began = time.time()
    account.pool(nodes=2)
    account.call("DELETE", "/pools/pool")
    wait_until(lambda: account.get("/pools/pool").status == 404, "the pool has gone")
    target = f"/poolusagemetrics?startTime={quote(wire_time(began - INTERVAL))}&endtime={quote(wire_time(began))}"
    wait_until(lambda: account.get(target).status == 200, "the delay of the metrics is over")
    (first, *_) = account.get(f"{target}&$filter=poolId%20eq%20'pool'").json["value"]
    assert first.keys() == {"startTime", "endTime", "poolId", "vmSize", "totalCoreHours"}
    assert 0 < first["totalCoreHours"] < 1
    assert account.get(f"{target}&$filter=poolId%20eq%20'other'").json["value"] == []


@pytest.mark.documented
@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("startTime=yesterday", "startTime"),
        ("startTime=2999-01-01T00:00:00Z", "startTime"),
        ("endtime=2999-01-01T00:00:00Z", "endtime"),
        ("startTime=2016-05-16T01:00:00Z&endtime=2016-05-16T00:00:00Z", "endtime"),
        ("$filter=vmSize%20eq%20'a1'", "$filter"),
    ],
)
def test_times_that_cannot_be_are_refused(account: Account, query: str, name: str) -> None:
    """Metrics come with a delay: a later start or end is refused, and so is a time that is none."""
    answer = account.get(f"/poolusagemetrics?{query}")
    assert (answer.status, answer.code) == (400, "InvalidQueryParameterValue")
    assert answer.values["QueryParameterName"] == name


@pytest.mark.documented
def test_without_times_it_is_the_last_interval(account: Account) -> None:
    """An account that had no nodes then has no entries."""
    answer = account.get("/poolusagemetrics")
    assert (answer.status, answer.json["value"]) == (200, [])
    assert answer.json["odata.metadata"].endswith("/$metadata#poolusagemetrics")
