"""Which state may follow which: the life cycles of the service as data.

Source: the REST reference's `state` enumerations of pool, node, job, job schedule and task. `Turn.put` refuses any
other arrow, so a wrong decision stops at once instead of reaching a client.
"""

from __future__ import annotations

from collections.abc import Mapping

Table = Mapping[str, frozenset[str]]


def _table(**arrows: str) -> Table:
    return {state: frozenset(following.split()) for state, following in arrows.items()}


POOL: Table = _table(active="deleting", deleting="")

ALLOCATION: Table = _table(steady="resizing", resizing="steady stopping", stopping="steady resizing")

NODE: Table = _table(
    creating="starting leavingpool preempted unusable",
    starting="waitingforstarttask idle offline leavingpool preempted unusable",
    waitingforstarttask="idle offline starttaskfailed rebooting leavingpool preempted unusable",
    idle="running offline rebooting reimaging deallocating leavingpool preempted unusable",
    running="idle offline rebooting reimaging deallocating leavingpool preempted unusable",
    offline="idle leavingpool preempted unusable",
    rebooting="starting leavingpool preempted unusable",
    reimaging="starting leavingpool preempted unusable",
    starttaskfailed="rebooting reimaging leavingpool preempted unusable",
    unusable="starting leavingpool preempted",
    deallocating="deallocated leavingpool",
    deallocated="starting leavingpool",
    preempted="creating leavingpool",
    leavingpool="",
)

JOB: Table = _table(
    active="disabling terminating deleting",
    disabling="disabled enabling terminating deleting",
    disabled="enabling terminating deleting",
    enabling="active",
    terminating="completed deleting",
    completed="deleting",
    deleting="",
)

SCHEDULE: Table = _table(
    active="disabled terminating deleting",
    disabled="active terminating deleting",
    terminating="completed deleting",
    completed="deleting",
    deleting="",
)

TASK: Table = _table(
    active="preparing completed",
    preparing="running active completed",
    running="active completed",
    completed="active",
)

SUBTASK: Table = _table(preparing="running completed", running="completed", completed="")


def allowed(table: Table, before: str, after: str) -> bool:
    """Whether the state may stay or change so."""
    return before == after or after in table[before]
