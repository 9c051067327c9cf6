"""Locks, budgets, registries, federated credentials and custom roles."""

from __future__ import annotations

from typing import Any

import pytest
from arm.refusals import code, located
from arm.worlds import DEVELOPER, GROUP, SUBSCRIPTION, World, play

pytestmark = pytest.mark.documented

AUTHORIZATION = "/providers/Microsoft.Authorization"
LOCK = f"{GROUP}{AUTHORIZATION}/locks/keep"
BUDGET = f"{GROUP}/providers/Microsoft.Consumption/budgets/b"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/nodes"
ROLE = f"/subscriptions/{SUBSCRIPTION}{AUTHORIZATION}/roleDefinitions/22222222-2222-4222-8222-222222222222"
ASSIGNMENTS = f"{AUTHORIZATION}/roleAssignments"


def lock(level: str) -> dict[str, Any]:
    """A lock of that level."""
    return {"properties": {"level": level, "notes": "ours"}}


def budget(start: str = "2026-12-01T00:00:00Z", **properties: Any) -> dict[str, Any]:
    """A monthly budget."""
    fixed = {"amount": 100.5, "category": "Cost", "timeGrain": "Monthly", "timePeriod": {"startDate": start}}
    return {"properties": {**fixed, **properties}}


def credential(subject: str, audiences: tuple[str, ...] = ("api://AzureADTokenExchange",)) -> dict[str, Any]:
    """Trust in the tokens of one subject."""
    issuer = "https://token.actions.githubusercontent.com"
    return {"properties": {"issuer": issuer, "subject": subject, "audiences": list(audiences)}}


def role(*actions: str, name: str = "Custom", **properties: Any) -> dict[str, Any]:
    """A custom role for the group."""
    permissions = [{"actions": list(actions), "notActions": ["*/delete"]}]
    return {"properties": {"roleName": name, "assignableScopes": [GROUP], "permissions": permissions, **properties}}


def test_a_lock_forbids_deletions_at_its_scope_above_and_below() -> None:
    """CanNotDelete lets changes through; without the lock everything goes."""

    async def scenario(world: World) -> None:
        await world.group()
        store = await world.storage()
        await world.ok("PUT", LOCK, lock("CanNotDelete"))
        locked = (409, "ScopeLocked")
        assert await code(world, "DELETE", store) == locked
        assert await code(world, "DELETE", GROUP) == locked
        await world.ok("PATCH", store, {"tags": {"a": "b"}})
        await world.ok("POST", f"{store}/listKeys")
        await world.ok("DELETE", LOCK)
        await world.ok("PUT", f"{store}{AUTHORIZATION}/locks/own", lock("CanNotDelete"))
        assert await code(world, "DELETE", GROUP) == locked
        await world.ok("DELETE", f"{store}{AUTHORIZATION}/locks/own")
        assert await code(world, "GET", LOCK) == (404, "LockNotFound")
        await world.ok("DELETE", store)

    play(scenario)


def test_a_read_only_lock_forbids_changes_and_actions_too() -> None:
    """Neither a PUT, a role assignment, nor listing keys goes through; reading does."""

    async def scenario(world: World) -> None:
        await world.group()
        store = await world.storage()
        identity = await world.identity()
        await world.ok("PUT", LOCK, lock("ReadOnly"))
        locked = (409, "ScopeLocked")
        assert await code(world, "PATCH", store, {"tags": {"a": "b"}}) == locked
        assert await code(world, "POST", f"{store}/listKeys") == locked
        reader = f"{AUTHORIZATION}/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
        held = {"principalId": identity["properties"]["principalId"], "roleDefinitionId": reader}
        path = f"{store}{ASSIGNMENTS}/11111111-1111-4111-8111-111111111111"
        assert await code(world, "PUT", path, {"properties": held}) == locked
        await world.ok("GET", store)
        await world.ok("PUT", LOCK, lock("CanNotDelete"))
        await world.ok("PUT", path, {"properties": held})

    play(scenario)


def test_a_budget_starts_on_the_first_of_a_month_for_good() -> None:
    """The start can't be changed; the end is ten years on; nothing is spent."""

    async def scenario(world: World) -> None:
        await world.group()
        assert await code(world, "PUT", BUDGET, budget("2026-12-02T00:00:00Z")) == (400, "BadRequest")
        made = await world.ok("PUT", BUDGET, budget())
        assert made["properties"]["timePeriod"]["endDate"] == "2036-12-01T00:00:00Z"
        assert made["properties"]["currentSpend"]["amount"] == 0
        assert await code(world, "PUT", BUDGET, budget("2027-01-01")) == (400, "BadRequest")
        changed = await world.ok("PUT", BUDGET, budget("2026-12-01", amount=200))
        assert changed["properties"]["amount"] == 200
        stale = {**budget(), "eTag": made["eTag"]}
        assert await code(world, "PUT", BUDGET, stale) == (409, "Conflict")
        assert [one["id"] for one in (await world.ok("GET", BUDGET.rpartition("/")[0]))["value"]] == [BUDGET]

    play(scenario)


def test_a_budget_has_five_notifications_with_contacts() -> None:
    """One more, or one for nobody, is refused."""

    async def scenario(world: World) -> None:
        await world.group()
        one = {"enabled": True, "operator": "GreaterThan", "threshold": 80, "contactEmails": ["a@example.com"]}
        many = budget(notifications={str(number): one for number in range(6)})
        assert await code(world, "PUT", BUDGET, many) == (400, "BadRequest")
        silent = budget(notifications={"a": {**one, "contactEmails": []}})
        assert await code(world, "PUT", BUDGET, silent) == (400, "BadRequest")
        await world.ok("PUT", BUDGET, budget(notifications={"a": one}))

    play(scenario)


def test_a_registry_has_a_name_of_its_own_in_the_world() -> None:
    """Another registry of the name is refused; the login server is made of it."""

    async def scenario(world: World) -> None:
        await world.group()
        path = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/Images"
        made = await world.ok("PUT", path, {**located(), "sku": {"name": "Basic"}})
        assert made["properties"]["loginServer"] == "images.azurecr.io"
        assert made["sku"] == {"name": "Basic", "tier": "Basic"}
        await world.ok("PUT", f"{GROUP}2", {"location": "westeurope"})
        other = path.replace("/rg/", "/rg2/").lower()
        assert await code(world, "PUT", other, {**located(), "sku": {"name": "Basic"}}) == (409, "AlreadyInUse")

    play(scenario)


def test_an_identity_trusts_twenty_different_subjects() -> None:
    """Issuer and subject are unique, one audience is expected, and there are twenty at most."""

    async def scenario(world: World) -> None:
        await world.group()
        none = f"{IDENTITY}/federatedIdentityCredentials/c"
        assert await code(world, "PUT", none, credential("a")) == (404, "ParentResourceNotFound")
        await world.identity()
        for number in range(20):
            await world.ok("PUT", f"{IDENTITY}/federatedIdentityCredentials/c{number}0", credential(f"s{number}"))
        more = f"{IDENTITY}/federatedIdentityCredentials/more"
        assert await code(world, "PUT", more, credential("s")) == (400, "BadRequest")
        await world.ok("DELETE", f"{IDENTITY}/federatedIdentityCredentials/c00")
        assert await code(world, "PUT", more, credential("s1")) == (409, "Conflict")
        assert await code(world, "PUT", more, credential("s", ("a", "b"))) == (400, "BadRequest")
        await world.ok("PUT", more, credential("s"))

    play(scenario)


def test_a_custom_role_is_honoured_where_it_is_assigned() -> None:
    """Its actions are allowed but for its notActions; it can't be deleted while it is assigned."""

    async def scenario(world: World) -> None:
        await world.group()
        store = await world.storage()
        identity = (await world.identity())["properties"]["principalId"]
        await world.ok("PUT", ROLE, role("Microsoft.Storage/*"))
        held = {"principalId": identity, "roleDefinitionId": ROLE}
        path = f"{GROUP}{ASSIGNMENTS}/11111111-1111-4111-8111-111111111111"
        await world.ok("PUT", path, {"properties": held})
        world.principal = identity
        await world.ok("GET", store)
        assert await code(world, "DELETE", store) == (403, "AuthorizationFailed")
        assert await code(world, "GET", GROUP) == (403, "AuthorizationFailed")
        world.principal = DEVELOPER
        assert await code(world, "DELETE", ROLE) == (409, "RoleDefinitionHasAssignments")
        await world.ok("DELETE", path)
        await world.ok("DELETE", ROLE)
        assert await code(world, "PUT", path, {"properties": held}) == (400, "RoleDefinitionDoesNotExist")

    play(scenario)


def test_a_custom_role_is_assigned_within_its_scopes_only() -> None:
    """Elsewhere it is refused, and its name is unique."""

    async def scenario(world: World) -> None:
        await world.group()
        identity = (await world.identity())["properties"]["principalId"]
        await world.ok("PUT", ROLE, role("*/read"))
        path = f"/subscriptions/{SUBSCRIPTION}{ASSIGNMENTS}/11111111-1111-4111-8111-111111111111"
        body = {"properties": {"principalId": identity, "roleDefinitionId": ROLE}}
        assert await code(world, "PUT", path, body) == (400, "BadRequest")
        other = ROLE.replace("2", "3")
        assert await code(world, "PUT", other, role("*/read")) == (409, "RoleDefinitionWithSameNameExists")

    play(scenario)


def test_built_in_roles_are_read_and_found_by_name() -> None:
    """Clients look a role up by its name; nobody changes it."""

    async def scenario(world: World) -> None:
        await world.group()
        roles = f"{GROUP}{AUTHORIZATION}/roleDefinitions"
        listed = await world.ok("GET", f"{roles}?$filter=roleName eq 'Reader'")
        (reader,) = listed["value"]
        assert reader["properties"]["permissions"][0]["actions"] == ["*/read"]
        path = f"{roles}/{reader['name']}"
        assert (await world.ok("GET", path))["properties"]["type"] == "BuiltInRole"
        assert await code(world, "PUT", path, role("*")) == (400, "BadRequest")
        assert await code(world, "DELETE", path) == (400, "BadRequest")

    play(scenario)
