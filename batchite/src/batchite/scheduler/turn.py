"""One event's work: the world it changes, the moment, the cause, and what it has produced so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from batchite.scheduler import notes, transitions
from batchite.scheduler.commands import Change, Command, Derived, Gone, Key, Outcome, Put, Record
from batchite.scheduler.events import Now
from batchite.scheduler.model import JobState, NodeState, PoolState, ScheduleState, TaskState
from batchite.scheduler.notes import Note
from batchite.scheduler.records import replace
from batchite.scheduler.samples import Samples
from batchite.scheduler.timers import Timers
from batchite.scheduler.world import World

AT_WORK = frozenset({"idle", "running"})


class IllegalTransitionError(AssertionError):
    """A decision of the core that no transition table allows: a bug of the core, never of a client."""


@dataclass(slots=True)
class Turn:
    """Handlers write through this, never to the world directly."""

    world: World
    timers: Timers
    samples: Samples
    now: Now
    cause: str
    changes: dict[tuple[type, Key], Change] = field(default_factory=dict)  # keys of two kinds may be equal tuples
    commands: list[Command] = field(default_factory=list)
    origin: str = ""  # the event that is handled and its cause, as stories tell it
    told: list[Note] = field(default_factory=list)

    def put(self, record: Record) -> None:
        """Insert or replace a record. Raises IllegalTransitionError when its state may not follow the present one."""
        check(self.world, record)
        self.world.put(record)
        self.changes[type(record.key), record.key] = Put(record)

    def gone(self, key: Key) -> None:
        """Remove a record."""
        self.world.remove(key)
        self.changes[type(key), key] = Gone(key)

    def derive(self, part: Derived) -> None:
        """Make the document of a record from a part of another document."""
        self.changes[Derived, part.target] = part

    def command(self, command: Command) -> None:
        """Ask the shell for an effect, carried out after the changes are durable."""
        self.commands.append(command)

    def outcome(self) -> Outcome:
        """What the event did."""
        return Outcome(tuple(self.changes.values()), tuple(self.commands), tuple(self.told), self.origin)

    def tell(self, task: TaskState, what: str, facts: notes.Facts) -> None:
        """Note what happens to a task without a change of its state."""
        self.told.append(notes.of_task(task, what, facts))

    def move_node(self, node: NodeState, state: str, **fields: object) -> NodeState:
        """The node in a new state, its time stamped, with what brought it there."""
        stamps = {"state": state, "state_at": self.now.wire, "because": self.origin}
        moved = replace(node, **stamps, **fields)  # type: ignore[arg-type]  # dataclass fields
        self.put(moved)
        if not (state in AT_WORK and node.state in AT_WORK):  # that is told by its tasks
            self.told.append(notes.of_node(moved, state))
        return moved

    def move_schedule(self, schedule: ScheduleState, state: str, **fields: object) -> ScheduleState:
        """The job schedule in a new state, with the previous one and both times."""
        stamps = {"previous_state": schedule.state, "previous_state_at": schedule.state_at, "state_at": self.now.wire}
        moved = replace(schedule, state=state, **stamps, **fields)  # type: ignore[arg-type]  # dataclass fields
        self.put(moved)
        return moved

    def move_task(self, task: TaskState, state: str, facts: notes.Facts, **fields: object) -> TaskState:
        """The task in a new state, with the previous one and both times; the facts tell why."""
        stamps = {"previous_state": task.state, "previous_state_at": task.state_at, "state_at": self.now.wire}
        moved = replace(task, state=state, **stamps, **fields)  # type: ignore[arg-type]  # dataclass fields
        self.put(moved)
        self.told.append(notes.of_task(moved, state, facts))
        return moved

    def move_job(self, job: JobState, state: str, **fields: object) -> JobState:
        """The job in a new state, with the previous one and both times."""
        stamps = {"previous_state": job.state, "previous_state_at": job.state_at, "state_at": self.now.wire}
        moved = replace(job, state=state, **stamps, **fields)  # type: ignore[arg-type]  # dataclass fields
        self.put(moved)
        self.told.append(notes.of_job(moved, state))
        return moved


def check(world: World, record: Record) -> None:
    """Raise IllegalTransitionError unless the record's state may follow the one it replaces."""
    match record:
        case PoolState():
            pool = world.pools.get(record.key)
            require(transitions.POOL, pool.state if pool else None, record.state, record)
            require(transitions.ALLOCATION, pool.allocation if pool else None, record.allocation, record)
        case NodeState():
            _require_state(transitions.NODE, world.nodes.get(record.key), record)
        case JobState():
            _require_state(transitions.JOB, world.jobs.get(record.key), record)
        case TaskState():
            _require_state(transitions.TASK, world.task(record.key), record)
        case ScheduleState():
            _require_state(transitions.SCHEDULE, world.schedules.get(record.key), record)


def _require_state(table: transitions.Table, before: Record | None, after: Record) -> None:
    require(table, before.state if before else None, after.state, after)


def require(table: transitions.Table, before: str | None, after: str, record: Record) -> None:
    """Raise IllegalTransitionError unless the table lets the record's state follow the one before."""
    if after not in table or (before is not None and not transitions.allowed(table, before, after)):
        raise IllegalTransitionError(f"{record.key}: {before} -> {after}")
