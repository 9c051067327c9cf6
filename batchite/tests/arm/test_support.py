"""Every input of the Batch types is sent: what becomes of it is what the table says."""

from typing import Any

import pytest
from arm.batch_inputs import (
    ACCOUNTS,
    APPLICATIONS,
    BEHIND_A_PACKAGE,
    HIDDEN,
    IN_THE_PATH,
    MACHINE,
    POOLS,
    REFUSED_POOLS,
    SECRETS,
    TOOL,
    inputs,
    leaves,
    refused_rows,
    wire_name,
)
from arm.worlds import GROUP, World, play, pool_body
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from batchite.arm.applications import container_name
from batchite.arm.types.support import HONOURED, POOL, REFUSED, STORED, TABLES, support

SHOWN_AS = {"scaleSettings.fixedScale.nodeDeallocationOption": "resizeOperationStatus.nodeDeallocationOption"}
ALTERNATIVES = (
    {"machine", "own image", "shared image", "community image", "windows", "containers", "extensions"},
    {"autoScale", "fixedScale"},
    {"fixedScale", "interNodeCommunication"},  # of both kinds, which do not talk
    {"startTask", "userAccounts", "containers"},
    {"resourceTags", "applicationPackages"},  # each needs an account of another kind
    {"windows", "userAccounts"},
)
"""Of these a pool has one at most."""
IN_PLACE = {"scaleSettings", "startTask", "metadata", "applicationPackages"}


def pool(extra: dict[str, Any]) -> dict[str, Any]:
    """The body of a pool with these properties, identity or tags."""
    top = {name: value for name, value in extra.items() if name in ("identity", "tags")}
    return {**pool_body(**{name: value for name, value in extra.items() if name not in top}), **top}


async def prepared(world: World, body: dict[str, Any]) -> str:
    """The path of a pool that is not there, in an account of its own that has what the body refers to."""
    await world.group()
    await world.identity()
    user_subscription = "resourceTags" in body
    if "applicationPackages" in body:
        return f"{await with_package(world)}/pools/main"
    vault: dict[str, Any] = {
        "keyVaultReference": {"id": "/vaults/v", "url": "https://v/"},
        "poolAllocationMode": "UserSubscription",
    }
    return f"{await world.account(**(vault if user_subscription else {}))}/pools/main"


async def with_package(world: World) -> str:
    """The path of an account with version 1 of the application `tool`."""
    account = await world.account(autoStorage={"storageAccountId": await world.storage()})
    await world.ok("PUT", TOOL)
    await world.ok("PUT", f"{TOOL}/versions/1")
    world.blobs.blobs.add(("store1", container_name(TOOL), "1"))
    await world.ok("POST", f"{TOOL}/versions/1/activate", {"format": "zip"})
    return account


@pytest.mark.ours
@pytest.mark.parametrize("token", TABLES)
def test_the_tables_hold_every_input(token: str) -> None:
    """Each has a verdict and a reason, and no row is of a property that does not exist."""
    known, table = inputs(token), TABLES[token]
    for path in known:
        found = support(table, path)
        assert found.verdict in {HONOURED, STORED, REFUSED}
        assert found.reason
    assert [row for row in table if not any(f"{path}.".startswith(f"{row}.") for path in known)] == []


@pytest.mark.ours
@pytest.mark.parametrize(
    ("token", "bodies"),
    [
        ("batch:Pool", [pool(body) for body in (*POOLS.values(), *REFUSED_POOLS.values())]),
        ("batch:BatchAccount", [{"location": "westeurope", **body} for body in ACCOUNTS.values()]),
        ("batch:Application", [APPLICATIONS, {"properties": {BEHIND_A_PACKAGE: "1"}}]),
        ("batch:ApplicationPackage", [{"tags": {"team": "solar"}}]),
    ],
)
def test_every_input_is_sent(token: str, bodies: list[dict[str, Any]]) -> None:
    """The bodies that these tests send hold every one that is not a part of the id."""
    sent = {path for body in bodies for path, _ in leaves(body)}
    assert {wire_name(token, path) for path in inputs(token)} - sent - set(IN_THE_PATH) == set()


@pytest.mark.documented
@pytest.mark.parametrize("body", ACCOUNTS.values(), ids=ACCOUNTS)
def test_what_an_account_is_given_is_given_back(body: dict[str, Any]) -> None:
    """As it was sent, and again by a second PUT."""

    async def scenario(world: World) -> None:
        await world.group()
        await world.identity()
        await world.storage()
        path = f"{GROUP}/providers/Microsoft.Batch/batchAccounts/batch1"
        created = await world.finish(await world.call("PUT", path, {"location": "westeurope", **body}))
        again = await world.ok("PUT", path, {"location": "West Europe", **body})
        for answer in (created.json, again):
            shown = list(leaves(answer))
            assert [pair for pair in leaves(body) if pair not in shown] == []

    play(scenario)


@pytest.mark.documented
def test_what_an_application_is_given_is_given_back() -> None:
    """And what its package is."""

    async def scenario(world: World) -> None:
        await world.group()
        storage = await world.storage()
        account = await world.account(autoStorage={"storageAccountId": storage})
        shown = await world.ok("PUT", f"{account}/applications/solar", APPLICATIONS)
        assert [pair for pair in leaves(APPLICATIONS) if pair not in list(leaves(shown))] == []
        package = await world.ok("PUT", f"{account}/applications/solar/versions/1", {"tags": {"team": "solar"}})
        assert package["tags"] == {"team": "solar"}

    play(scenario)


@pytest.mark.documented
@pytest.mark.parametrize("body", POOLS.values(), ids=POOLS)
def test_what_is_honoured_or_stored_is_given_back(body: dict[str, Any]) -> None:
    """As it was sent, in the answer and in a GET; secrets never. The same again changes nothing."""

    async def scenario(world: World) -> None:
        path = await prepared(world, body)
        answer = await world.ok("PUT", path, pool(body))
        assert answer == await world.ok("GET", path)
        assert (await world.ok("PUT", path, pool(body)))["etag"] == answer["etag"]
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


@pytest.mark.ours
@settings(max_examples=40, deadline=None)
@given(names=st.sets(st.sampled_from(sorted(POOLS))))
def test_inputs_do_not_disturb_each_other(names: set[str]) -> None:
    """Any of them together come back as each does alone, and a second PUT changes nothing."""
    assume(all(len(names & alternatives) <= 1 for alternatives in ALTERNATIVES))
    body: dict[str, Any] = {}
    for name in sorted(names):
        body |= POOLS[name]

    async def scenario(world: World) -> None:
        path = await prepared(world, body)
        answer = await world.ok("PUT", path, pool(body))
        shown = list(leaves(answer))
        kept = [(SHOWN_AS.get(name, name), value) for name, value in leaves(body) if name not in SECRETS]
        assert [pair for pair in kept if pair not in shown] == []
        assert (await world.ok("PUT", path, pool(body)))["etag"] == answer["etag"]

    play(scenario)


@pytest.mark.documented
@pytest.mark.parametrize("body", POOLS.values(), ids=POOLS)
def test_what_may_change_in_place_does_and_the_rest_is_refused_by_name(body: dict[str, Any]) -> None:
    """A PUT on a pool without it."""
    fixed = {name for name in body if name not in IN_PLACE}

    async def scenario(world: World) -> None:
        path = await prepared(world, body)
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
        answer = await world.call("PUT", await prepared(world, {}), pool(REFUSED_POOLS[name]))
        assert answer.status == 501
        path = answer.json["PropertyName"].removeprefix("properties.").replace("[0]", "")
        assert path == name
        assert answer.json["Reason"].lower() == f"{support(POOL, name).reason}.".lower()
        assert HIDDEN not in repr(answer.json)
        assert not world.service.pools

    play(scenario)


@pytest.mark.ours
@pytest.mark.parametrize("other", [{"type": "CustomScript"}, {"typeHandlerVersion": "2.0"}])
def test_extensions_that_no_local_node_carries_out_are_refused(other: dict[str, str]) -> None:
    """501 that names them; nothing is made."""
    machine = POOLS["extensions"]["deploymentConfiguration"]["virtualMachineConfiguration"]
    given = machine | {"extensions": [machine["extensions"][0] | other]}

    async def scenario(world: World) -> None:
        body = pool({"deploymentConfiguration": {"virtualMachineConfiguration": given}})
        answer = await world.call("PUT", await prepared(world, {}), body)
        assert answer.status == 501
        assert f"{MACHINE}.extensions" in repr(answer.json)
        assert not world.service.pools

    play(scenario)


@pytest.mark.ours
def test_every_refused_row_is_proved() -> None:
    """There is a body for each."""
    assert set(REFUSED_POOLS) == refused_rows(POOL)
