"""The drill on start tasks: a real process in their stead, which says so and fails."""

from __future__ import annotations

from dataclasses import replace

from batchite.agent.launch import Launch
from batchite.chaos.state import Chaos
from batchite.scheduler.model import NodeKey


def failing(chaos: Chaos, node: NodeKey, launch: Launch) -> Launch:
    """What runs as the node's start task."""
    drill = None if chaos.idle else chaos.start_task_fails(node)
    if drill is None:
        return launch
    script = f"echo this start task was made to fail: batchite chaos {drill.id} >&2; exit {drill.exit_code}"
    plain = replace(launch, resource_files=(), packages=(), container=None, refusal=None)
    return replace(plain, command_line=f"/bin/sh -c '{script}'")
