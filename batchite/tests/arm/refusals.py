"""What tests of refusals have in common."""

from __future__ import annotations

from typing import Any

from arm.worlds import World


async def code(world: World, method: str, path: str, body: Any = None) -> tuple[int, str]:
    """Status and code of a refusal."""
    answer = await world.call(method, path, body)
    return answer.status, answer.json["code"]


def located(**properties: Any) -> dict[str, Any]:
    """A body with a location."""
    return {"location": "westeurope", "properties": properties}
