"""What a node's processes use, read at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from batchite.scheduler.consumption import MICRO, Consumption


@dataclass(frozen=True, slots=True)
class Reading:
    """Processor time (seconds), calls and bytes since the node came up, and the memory of now (bytes)."""

    cpu: float = 0.0
    memory: int = 0
    reads: int = 0
    writes: int = 0
    read_bytes: int = 0
    written_bytes: int = 0


def reading(ended: Consumption, alive: tuple[float, int]) -> Reading:
    """What attempts that have ended used, and (processor time, memory) of the processes that are alive."""
    cpu, memory = alive
    total = (ended.user + ended.kernel) / MICRO + cpu
    return Reading(total, memory, ended.reads, ended.writes, ended.read_bytes, ended.written_bytes)
