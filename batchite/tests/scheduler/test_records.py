"""Changed copies of records."""

from __future__ import annotations

import dataclasses

import pytest
from scheduler.worlds import job, pool, task

from batchite.scheduler.records import replace

pytestmark = pytest.mark.ours


@pytest.mark.parametrize("record", [task("t"), job(), pool()])
def test_a_changed_copy_is_that_of_dataclasses(record: object) -> None:
    """Fields that are named change, all others stay; the record itself is as it was."""
    changed = {"id": "new", "state_at": 7.0}
    before = dataclasses.asdict(record)  # type: ignore[call-overload]  # a record
    assert replace(record, **changed) == dataclasses.replace(record, **changed)  # type: ignore[type-var]  # as above
    assert dataclasses.asdict(record) == before  # type: ignore[call-overload]  # as above


def test_a_field_that_is_not_there_is_an_error() -> None:
    """A slip of the pen must not be lost."""
    with pytest.raises(KeyError):
        replace(task("t"), nodes=1)  # type: ignore[call-arg]  # on purpose
