"""A node's life: allocation, boot, start task, preemption, removal."""

from __future__ import annotations

from dataclasses import replace

from batchite.scheduler import allocation, deallocation, job_nodes, outages, placement, reboots, tasks
from batchite.scheduler.commands import PrepareNode, RunStartTask
from batchite.scheduler.events import NodePrepared, NodeRemoved, NodeUnusable, StartTaskEnded
from batchite.scheduler.model import NodeKey, NodeState, PoolKey, StartTaskState
from batchite.scheduler.turn import Turn

RECOVER_SECONDS = 300.0
"""Service seconds until a preempted Spot node is tried again. The service documents that it keeps seeking."""


def boot(turn: Turn, node: NodeState) -> None:
    """The machine is up: have its directories made."""
    turn.command(PrepareNode(node.key, node.boot, turn.cause, keep=node.keeps_files))


def reboot(turn: Turn, node: NodeState) -> None:
    """Boot again after a stop of the server; the directory is made anew unless a reboot was under way."""
    reboots.up_again(turn, turn.move_node(node, "rebooting"))


def prepared(turn: Turn, event: NodePrepared) -> None:
    """The node agent is up: run the start task, if the pool has one, and take tasks when that is allowed."""
    node = current(turn, event.node, event.boot)
    if node is None or node.state != "starting":
        return
    policy = turn.world.pools[_pool(node)].start_task
    node = replace(node, booted_at=turn.now.wire)
    if policy is None:
        _ready(turn, node)
        return
    info = StartTaskState(state="running", started_at=turn.now.wire, revision=policy.revision)
    turn.command(RunStartTask(node.key, node.boot, 0, turn.cause))
    if policy.wait_for_success:
        turn.move_node(node, "waitingforstarttask", start_task=info)
    else:
        _ready(turn, replace(node, start_task=info))


def start_task_ended(turn: Turn, event: StartTaskEnded) -> None:
    """Success opens the node; a failure of the command is retried as the pool says, any other closes it at once."""
    node = current(turn, event.node, event.boot)
    if node is None or node.state in DOWN or node.start_task is None or node.start_task.state != "running":
        return
    info, pool = node.start_task, turn.world.pools[_pool(node)]
    policy = pool.start_task
    retry = policy is not None and (policy.max_retries < 0 or info.retry_count < policy.max_retries)
    if event.failure is not None and event.exit_code is not None and retry:
        _retry_start_task(turn, node, info)
        return
    ended = replace(
        info,
        state="completed",
        ended_at=turn.now.wire,
        exit_code=event.exit_code,
        failure=event.failure,
        result="success" if event.failure is None else "failure",
        container=event.container,
    )
    _after_start_task(turn, replace(node, start_task=ended))


def unusable(turn: Turn, event: NodeUnusable) -> None:
    """The agent cannot provide this node; the reason is kept with it."""
    node = current(turn, event.node, event.boot)
    if node is not None and node.state in {"starting", "waitingforstarttask", "idle", "offline", "creating"}:
        turn.move_node(node, "unusable", failure=event.failure)
        job_nodes.node_down(turn, node.key, keeps_files=False)


def recovered(turn: Turn, node: NodeState) -> None:
    """The platform gives a preempted node back under its old id, as a fresh machine; if it has none, it tries again."""
    if not outages.has_room(turn, node):
        recover_later(turn, node)
        return
    clean = replace(node, start_task=None, ready=False, keeps_files=False, draining=False, disabled=False)
    clean = replace(clean, outage=None, failure=None, users=())
    fresh = replace(clean, boot=node.boot + 1, booted_at=None)
    allocation.allocate(turn, turn.move_node(fresh, "creating"))
    allocation.settle(turn, _pool(node))


def removed(turn: Turn, event: NodeRemoved) -> None:
    """Nothing runs on the node any more: its attempts are settled; it goes, boots, or waits for its return or start."""
    node = current(turn, event.node, event.boot)
    if node is None:
        return
    for task in turn.world.attempts_on(node.key):
        tasks.node_lost(turn, task, node.key)
    job_nodes.node_down(turn, node.key, keeps_files=node.state in {"rebooting", "unusable"})
    pool = _pool(node)
    if node.state == "preempted":
        recover_later(turn, node)
    elif node.state == "unusable":
        outages.down(turn, node)
    elif node.state in {"rebooting", "reimaging"}:
        reboots.up_again(turn, node)
    elif node.state == "deallocating":
        deallocation.deallocated(turn, node)
    else:
        turn.gone(node.key)
        allocation.settle(turn, pool)
    placement.place(turn, pool)


def recover_later(turn: Turn, node: NodeState) -> None:
    """Look for another machine after a while."""
    turn.timers.at_service(turn.now.service + RECOVER_SECONDS, "recover", node.key, node.boot)


def current(turn: Turn, key: NodeKey, boot_number: float) -> NodeState | None:
    """The node, unless it is gone or has booted again since."""
    node = turn.world.nodes.get(key)
    return node if node is not None and node.boot == boot_number else None


def _ready(turn: Turn, node: NodeState) -> None:
    job_nodes.node_up(turn, turn.move_node(node, node.at_rest if node.state != "running" else "running", ready=True))
    placement.place(turn, _pool(node))


def _retry_start_task(turn: Turn, node: NodeState, info: StartTaskState) -> None:
    now = turn.now.wire
    again = replace(info, started_at=now, retry_count=info.retry_count + 1, last_retry_at=now)
    turn.put(replace(node, start_task=again))
    turn.command(RunStartTask(node.key, node.boot, again.retry_count, turn.cause))


def _after_start_task(turn: Turn, node: NodeState) -> None:
    assert node.start_task is not None
    if node.state != "waitingforstarttask":
        turn.put(node)
    elif node.start_task.result == "success":
        _ready(turn, node)
    else:
        turn.move_node(node, "starttaskfailed")
        job_nodes.node_down(turn, node.key, keeps_files=False)


DOWN = frozenset({"leavingpool", "preempted", "unusable", "rebooting", "reimaging", "deallocating", "deallocated"})


def _pool(node: NodeState) -> PoolKey:
    return PoolKey(node.key.account, node.key.pool)
