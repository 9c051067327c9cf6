"""Nodes and a cloud for every test."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.start_tasks.cloud import Cloud, running_cloud
from tests.start_tasks.node import Node


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may pass through."""
    with tempfile.TemporaryDirectory(prefix="start-task-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name).resolve()


@pytest.fixture
def cloud(folder: Path) -> Iterator[Cloud]:
    """What nodes talk to."""
    with running_cloud(folder / "cloud") as found:
        yield found


@pytest.fixture
def node(folder: Path) -> Node:
    """A node without a network."""
    return Node(folder / "node")


@pytest.fixture
def new_node(folder: Path, cloud: Cloud) -> Callable[[str], Node]:
    """Makes nodes by name that reach the cloud."""
    return lambda name: Node(folder / name, cloud)
