"""The port of the node agent: what the service asks of it. Answers come back as events, from any thread."""

from __future__ import annotations

from typing import Protocol

from batchite.agent.launch import Image, Launch, Mount, Package
from batchite.scheduler.model import JobTaskKey, NodeKey, TaskKey


class Agent(Protocol):
    """Carries out the core's commands. No call blocks; each names the event that answers it."""

    def prepare_node(
        self,
        node: NodeKey,
        boot: int,
        packages: tuple[Package, ...] = (),
        mounts: tuple[Mount, ...] = (),
        images: tuple[Image, ...] = (),
        *,
        keep: bool = False,
    ) -> None:
        """Make the node's directories, anew unless `keep`, and fill them: NodePrepared or NodeUnusable."""

    def run_start_task(self, node: NodeKey, boot: int, attempt: int, launch: Launch) -> None:
        """Run the start task: StartTaskEnded."""

    def run_task(self, task: TaskKey, node: NodeKey, attempt: int, launch: Launch) -> None:
        """Run one attempt of a task: TaskStarted, then TaskEnded after its uploads.

        That of a multi-instance task runs on all its nodes: SubtaskStarted and SubtaskEnded for each but the primary's.
        """

    def stop_task(self, task: TaskKey, attempt: int) -> None:
        """Kill the attempt's whole process tree: TaskEnded once nothing of it runs."""

    def run_job_task(self, task: JobTaskKey, attempt: int, launch: Launch) -> None:
        """Run a job's preparation or release task on its node: JobTaskEnded."""

    def stop_job_task(self, task: JobTaskKey, attempt: int) -> None:
        """Kill its whole process tree: JobTaskEnded once nothing of it runs."""

    def remove_task_files(self, task: TaskKey, node: NodeKey, directory: str) -> None:
        """Remove a task's directory (relative to the node's root); no answer."""

    def remove_node(self, node: NodeKey, boot: int, *, keep: bool = False) -> None:
        """Kill everything on the node and remove its directory unless `keep`: NodeRemoved."""
