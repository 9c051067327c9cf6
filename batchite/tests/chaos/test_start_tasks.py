"""The drill on start tasks."""

import asyncio
from pathlib import Path

import pytest

from batchite.agent.launch import Container, Image, Launch
from batchite.chaos.drills import FailingStartTasks
from batchite.chaos.start_tasks import failing
from batchite.chaos.state import Chaos
from batchite.scheduler.model import Failure, NodeKey
from batchite.storage.memory import MemoryStore


@pytest.mark.ours
def test_what_fails_in_the_stead_of_a_start_task_needs_no_container() -> None:
    """An image may have no shell, and may be one that cannot be had."""

    async def committed() -> None:
        """Nothing waits."""

    chaos = Chaos(MemoryStore(), committed, lambda: 0.0)
    asyncio.run(chaos.switch_on(FailingStartTasks("fail-start-task-1", "a", "p", 3, None)))
    given = Launch(Path("/n"), "startup", "x", {}, container=Container(Image("i"), ()), refusal=Failure("c", "d", "e"))
    made = failing(chaos, NodeKey("a", "p", "n"), given)
    assert (made.container, made.refusal) == (None, None)
    assert "exit 3" in made.command_line
    assert failing(chaos, NodeKey("a", "other", "n"), given) is given
