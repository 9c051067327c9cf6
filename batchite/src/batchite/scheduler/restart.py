"""Coming back after a stop or a kill: timers are set anew, attempts that were under way are lost."""

from __future__ import annotations

from batchite.scheduler import (
    allocation,
    autoscaling,
    job_nodes,
    jobs,
    nodes,
    outages,
    placement,
    reboots,
    retention,
    schedules,
    tasks,
)
from batchite.scheduler.commands import RemoveNode
from batchite.scheduler.events import Restarted
from batchite.scheduler.model import NodeState, TaskState
from batchite.scheduler.turn import Turn
from batchite.scheduler.world import OCCUPYING


def restarted(turn: Turn, _event: Restarted) -> None:
    """Every process of the earlier run is dead: requeue what ran, reboot what was booting, go on with the rest."""
    for job in list(turn.world.jobs.values()):
        job_nodes.resume(turn, job.key)
        for task in list(turn.world.tasks[job.key].values()):
            _resume_task(turn, task)
    for node in list(turn.world.nodes.values()):
        _resume_node(turn, node)
    for job in list(turn.world.jobs.values()):
        jobs.limit(turn, job)
        jobs.settle(turn, job.key)
    for schedule in list(turn.world.schedules.values()):
        schedules.watch(turn, schedule)
        schedules.settle(turn, schedule.key)
    for pool in list(turn.world.pools.values()):
        if pool.autoscale is not None:
            autoscaling.enable(turn, pool.key)
        allocation.limit(turn, pool)
        allocation.settle(turn, pool.key)
        placement.place(turn, pool.key)


def _resume_task(turn: Turn, task: TaskState) -> None:
    if task.state in OCCUPYING:
        tasks.lost(turn, task)
    elif task.state == "completed":
        retention.keep(turn, task)


def _resume_node(turn: Turn, node: NodeState) -> None:
    """A node with its start task done stays as it is: its directory is still there. Others boot again or go."""
    match node.state:
        case "creating":
            allocation.allocate(turn, node)
        case "starting":
            turn.timers.at_service(turn.now.service + allocation.BOOT_SECONDS, "boot", node.key, node.boot)
        case "waitingforstarttask" | "idle" | "offline" | "running" if job_nodes.needs_boot(node):
            job_nodes.node_down(turn, node.key, keeps_files=node.keeps_files)
            nodes.reboot(turn, node)
        case "running":
            turn.move_node(node, node.at_rest)
        case "rebooting" | "reimaging":
            job_nodes.node_down(turn, node.key, keeps_files=node.state == "rebooting")
            reboots.up_again(turn, node)
        case "unusable" if node.outage is not None:
            job_nodes.node_down(turn, node.key, keeps_files=True)
            outages.down(turn, node)
        case "leavingpool" | "preempted" | "deallocating":
            turn.command(RemoveNode(node.key, node.boot, turn.cause))
