"""What may happen to the core. Every event carries a `cause`: a request id, a timer or an agent's answer."""

from __future__ import annotations

from typing import TypeAlias

from batchite.scheduler.events.jobs import (
    CreateJob,
    DeleteJob,
    DisableJob,
    EnableJob,
    JobEvent,
    JobTaskEnded,
    TerminateJob,
    UpdateJob,
)
from batchite.scheduler.events.moments import Now
from batchite.scheduler.events.nodes import (
    DeallocateNode,
    DeleteNodeUser,
    DisableNode,
    EnableNode,
    NodeEvent,
    NodePrepared,
    NodeRemoved,
    NodeUnusable,
    PutNodeUser,
    RestartNode,
    StartNode,
    StartTaskEnded,
)
from batchite.scheduler.events.platform import FailNode, LimitRegion, PlatformEvent, Preempt, RecoverNode
from batchite.scheduler.events.pools import (
    CreatePool,
    DeletePool,
    PoolEvent,
    RemoveNodes,
    ResizePool,
    SetAutoScale,
    StopResize,
    UpdatePool,
)
from batchite.scheduler.events.schedules import (
    CreateSchedule,
    DeleteSchedule,
    DisableSchedule,
    EnableSchedule,
    ScheduleEvent,
    TerminateSchedule,
    UpdateSchedule,
)
from batchite.scheduler.events.service import Restarted, ServiceEvent, Tick
from batchite.scheduler.events.tasks import (
    AddTasks,
    DeleteTask,
    ReactivateTask,
    SubtaskEnded,
    SubtaskStarted,
    TaskEnded,
    TaskEvent,
    TaskStarted,
    TerminateTask,
    UpdateTask,
)

Event: TypeAlias = PoolEvent | NodeEvent | PlatformEvent | JobEvent | ScheduleEvent | TaskEvent | ServiceEvent

__all__ = [
    "AddTasks",
    "CreateJob",
    "CreatePool",
    "CreateSchedule",
    "DeallocateNode",
    "DeleteJob",
    "DeleteNodeUser",
    "DeletePool",
    "DeleteSchedule",
    "DeleteTask",
    "DisableJob",
    "DisableNode",
    "DisableSchedule",
    "EnableJob",
    "EnableNode",
    "EnableSchedule",
    "Event",
    "FailNode",
    "JobTaskEnded",
    "LimitRegion",
    "NodePrepared",
    "NodeRemoved",
    "NodeUnusable",
    "Now",
    "Preempt",
    "PutNodeUser",
    "ReactivateTask",
    "RecoverNode",
    "RemoveNodes",
    "ResizePool",
    "RestartNode",
    "Restarted",
    "SetAutoScale",
    "StartNode",
    "StartTaskEnded",
    "StopResize",
    "SubtaskEnded",
    "SubtaskStarted",
    "TaskEnded",
    "TaskStarted",
    "TerminateJob",
    "TerminateSchedule",
    "TerminateTask",
    "Tick",
    "UpdateJob",
    "UpdatePool",
    "UpdateSchedule",
    "UpdateTask",
]
