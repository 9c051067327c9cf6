"""What the core keeps of the container that a task ran in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ContainerInfo:
    """The container of a task as its engine calls and describes it: `containerInfo` on the wire."""

    id: str
    state: str
    error: str = ""
