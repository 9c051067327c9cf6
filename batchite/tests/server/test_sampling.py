"""Sums of samples, without any node."""

from dataclasses import replace

import pytest
from scheduler.worlds import POOL, pool

from batchite.agent.reading import Reading, reading
from batchite.sampling import Samples, Sums, added
from batchite.scheduler.consumption import Consumption
from batchite.scheduler.model import NodeKey
from batchite.storage.memory import MemoryStore

pytestmark = pytest.mark.ours

NODE, CORES = NodeKey(*POOL, "n"), 2


def test_a_reading_is_what_has_ended_and_what_is_alive() -> None:
    """Processor times add up; memory is that of now."""
    ended = Consumption(user=2_000_000, kernel=1_000_000, reads=4, written_bytes=9)
    assert reading(ended, (0.5, 100)) == Reading(cpu=3.5, memory=100, reads=4, written_bytes=9)


def test_what_a_node_used_between_two_samples_counts_against_its_cores() -> None:
    """The earlier one tells from where."""
    none = Sums(created=0, since=10, at=10)
    at_first = added(none, Reading(cpu=5, memory=8), (7, Reading()), cores=2, disk=3, now=10)
    assert (at_first.cpu, at_first.capacity, at_first.samples, at_first.peak_memory) == (5, 6, 1, 8)
    later = added(at_first, Reading(cpu=8, memory=2, reads=7), (10, Reading(cpu=5, memory=8)), 2, 4, 14)
    assert (later.cpu, later.capacity, later.memory, later.peak_memory, later.reads) == (8, 14, 10, 8, 7)
    assert (later.disk, later.peak_disk, later.since, later.at) == (7, 4, 7, 14)


def test_a_node_that_has_booted_again_begins_with_nothing() -> None:
    """What it used since counts, never less than nothing."""
    sums = added(Sums(0, 0, 0), Reading(cpu=1, reads=2), (0, Reading(cpu=50, reads=70)), cores=1, disk=0, now=5)
    assert (sums.cpu, sums.reads) == (1, 2)


def test_sums_belong_to_one_pool_and_go_with_it() -> None:
    """A new log goes on with them; a namesake begins anew."""
    store, mine = MemoryStore(), replace(pool(), created_at=5, cores=CORES)
    samples = Samples(store, began=5)
    samples.take({POOL: mine}, {NODE: 6}, {NODE: Reading(memory=3)}, disk=1, now=10)
    Samples(store, began=15).take({POOL: mine}, {NODE: 6}, {}, disk=1, now=20)
    found = samples.of(mine)
    assert found is not None
    assert (found.samples, found.memory, found.capacity, found.at) == (2, 3, 4 * CORES + 5 * CORES, 20)
    assert samples.of(replace(mine, created_at=6)) is None
    samples.take({}, {}, {}, disk=1, now=30)
    assert samples.of(mine) is None
