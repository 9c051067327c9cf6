"""Every input of the Batch types is sent: what becomes of it is what the table says."""

from typing import Any

import pytest
from arm.batch_inputs import (
    HIDDEN,
    IN_THE_PATH,
    POOLS,
    REFUSED_POOLS,
    SECRETS,
    inputs,
    leaves,
    refused_rows,
)
from arm.worlds import World, play, pool_body

from batchite.arm.types.support import HONOURED, POOL, REFUSED, STORED, support

SHOWN_AS = {"scaleSettings.fixedScale.nodeDeallocationOption": "resizeOperationStatus.nodeDeallocationOption"}
IN_PLACE = {"scaleSettings", "startTask", "metadata", "applicationPackages"}


def pool(extra: dict[str, Any]) -> dict[str, Any]:
    """The body of a pool with these properties, identity or tags."""
    top = {name: value for name, value in extra.items() if name in ("identity", "tags")}
    return {**pool_body(**{name: value for name, value in extra.items() if name not in top}), **top}


async def prepared(world: World, *, user_subscription: bool = False) -> str:
    """The path of a pool that is not there, in an account of its own."""
    await world.group()
    await world.identity()
    vault: dict[str, Any] = {
        "keyVaultReference": {"id": "/vaults/v", "url": "https://v/"},
        "poolAllocationMode": "UserSubscription",
    }
    return f"{await world.account(**(vault if user_subscription else {}))}/pools/main"


@pytest.mark.ours
def test_the_table_holds_every_input_of_a_pool() -> None:
    """Each has a verdict and a reason; no row is of a property that does not exist; the bodies hold all of them."""
    known = inputs("batch:Pool")
    for path in known:
        found = support(POOL, path)
        assert found.verdict in {HONOURED, STORED, REFUSED}
        assert found.reason
    assert [row for row in POOL if not any(f"{path}.".startswith(f"{row}.") for path in known)] == []
    sent = {path for body in (*POOLS.values(), *REFUSED_POOLS.values()) for path, _ in leaves(pool(body))}
    assert known - sent == set(IN_THE_PATH) & known


@pytest.mark.documented
@pytest.mark.parametrize("body", POOLS.values(), ids=POOLS)
def test_what_is_honoured_or_stored_is_given_back(body: dict[str, Any]) -> None:
    """As it was sent, in the answer and in a GET; secrets never."""

    async def scenario(world: World) -> None:
        path = await prepared(world, user_subscription="resourceTags" in body)
        answer = await world.ok("PUT", path, pool(body))
        assert answer == await world.ok("GET", path)
        shown = list(leaves(answer))
        for name, value in leaves(body):
            assert support(POOL, name).verdict != REFUSED
            if name in SECRETS:
                assert name not in dict(shown)
            else:
                assert (SHOWN_AS.get(name, name), value) in shown
        stored = repr(world.store.__dict__)
        assert "STANDARD_D" in stored
        assert HIDDEN not in repr(answer) + stored

    play(scenario)


@pytest.mark.documented
@pytest.mark.parametrize("body", POOLS.values(), ids=POOLS)
def test_what_may_change_in_place_does_and_the_rest_is_refused_by_name(body: dict[str, Any]) -> None:
    """A PUT on a pool without it."""
    fixed = {name for name in body if name not in IN_PLACE}

    async def scenario(world: World) -> None:
        path = await prepared(world, user_subscription="resourceTags" in body)
        await world.ok("PUT", path, pool({}))
        answer = await world.call("PUT", path, pool(body))
        if not fixed:
            assert answer.status == 200
            return
        assert (answer.status, answer.json["code"]) == (400, "PropertyCannotBeUpdated")
        assert answer.json["PropertyName"].removeprefix("properties.") in fixed
        await world.ok("PUT", path, pool({}))

    play(scenario)


@pytest.mark.ours
@pytest.mark.parametrize("name", REFUSED_POOLS)
def test_what_is_refused_is_named_with_the_reason(name: str) -> None:
    """501, nothing is made, and no secret stands in the error."""

    async def scenario(world: World) -> None:
        answer = await world.call("PUT", await prepared(world), pool(REFUSED_POOLS[name]))
        assert answer.status == 501
        path = answer.json["PropertyName"].removeprefix("properties.").replace("[0]", "")
        assert path == name
        assert answer.json["Reason"].lower() == f"{support(POOL, name).reason}.".lower()
        assert HIDDEN not in repr(answer.json)
        assert not world.service.pools

    play(scenario)


@pytest.mark.ours
def test_every_refused_row_is_proved() -> None:
    """There is a body for each."""
    assert set(REFUSED_POOLS) == refused_rows(POOL)
