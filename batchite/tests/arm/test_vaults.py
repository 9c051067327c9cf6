"""Key vaults: outputs, names, soft delete, keys and secrets."""

from __future__ import annotations

from typing import Any

import pytest
from arm.refusals import code, located
from arm.worlds import GROUP, SUBSCRIPTION, TENANT, World, play

pytestmark = pytest.mark.documented

VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/vault-1"
DELETED = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/vault-1"


def body(**properties: Any) -> dict[str, Any]:
    """A vault with these properties."""
    return located(tenantId=TENANT, sku={"family": "A", "name": "standard"}, **properties)


def test_a_vault_shows_its_uri_and_defaults() -> None:
    """Soft delete of 90 days is always on; the name is unique beyond the group."""

    async def scenario(world: World) -> None:
        await world.group()
        made = (await world.ok("PUT", VAULT, body()))["properties"]
        assert made["vaultUri"] == "https://vault-1.vault.azure.net/"
        assert (made["enableSoftDelete"], made["softDeleteRetentionInDays"]) == (True, 90)
        await world.ok("PUT", f"{GROUP}2", {"location": "westeurope"})
        other = VAULT.replace("/rg/", "/rg2/")
        assert await code(world, "PUT", other, body()) == (409, "VaultAlreadyExists")

    play(scenario)


@pytest.mark.parametrize(
    "wrong", [{"enablePurgeProtection": False}, {"enableSoftDelete": False}, {"softDeleteRetentionInDays": 30}]
)
def test_protection_is_not_taken_back(wrong: dict[str, Any]) -> None:
    """Purge protection stays, soft delete can't be switched off, and its days are fixed."""

    async def scenario(world: World) -> None:
        await world.group()
        await world.ok("PUT", VAULT, body(enablePurgeProtection=True))
        assert await code(world, "PUT", VAULT, body(**wrong)) == (400, "BadRequest")
        again = await world.ok("PUT", VAULT, body())
        assert again["properties"]["enablePurgeProtection"] is True

    play(scenario)


def test_a_deleted_vault_holds_its_name_until_it_is_recovered() -> None:
    """A new vault of that name is refused; recovering brings back the vault with its keys."""

    async def scenario(world: World) -> None:
        await world.group()
        await world.ok("PUT", VAULT, body(enablePurgeProtection=True))
        key = await world.ok("PUT", f"{VAULT}/keys/k", {"properties": {"kty": "RSA"}})
        await world.ok("DELETE", VAULT)
        assert await code(world, "PUT", VAULT, body()) == (409, "ConflictError")
        listed = await world.ok("GET", f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.KeyVault/deletedVaults")
        assert [one["properties"]["vaultId"] for one in listed["value"]] == [VAULT]
        assert await code(world, "POST", f"{DELETED}/purge") == (400, "BadRequest")
        recovered = await world.ok("PUT", VAULT, body(createMode="recover"))
        assert recovered["properties"]["enablePurgeProtection"] is True
        assert (await world.ok("GET", f"{VAULT}/keys/k")) == key
        assert await code(world, "GET", DELETED) == (404, "ResourceNotFound")

    play(scenario)


def test_a_vault_without_purge_protection_can_be_purged() -> None:
    """Purging frees the name, also when the vault went with its group; nothing is left to recover."""

    async def scenario(world: World) -> None:
        await world.group()
        await world.ok("PUT", VAULT, body())
        await world.finish(await world.call("DELETE", GROUP))
        await world.group()
        assert await code(world, "PUT", VAULT, body()) == (409, "ConflictError")
        await world.ok("POST", f"{DELETED}/purge")
        assert await code(world, "PUT", VAULT, body(createMode="recover")) == (404, "ResourceNotFound")
        assert (await world.call("PUT", VAULT, body())).status == 201

    play(scenario)


def test_the_name_is_free_after_the_days_of_soft_delete() -> None:
    """Days pass in the service's own time."""

    async def scenario(world: World) -> None:
        await world.group()
        await world.ok("PUT", VAULT, body(softDeleteRetentionInDays=7))
        await world.ok("DELETE", VAULT)
        for deleted in list(world.resources.of_type("Microsoft.KeyVault/locations/deletedVaults")):
            past = {**deleted["_private"], "end": world.service.now().service - 1}
            await world.resources.put({**deleted, "_private": past})
        assert (await world.call("PUT", VAULT, body())).status == 201

    play(scenario)


def test_a_key_is_made_once() -> None:
    """A PUT of a key that is there changes nothing and makes no version."""

    async def scenario(world: World) -> None:
        await world.group()
        await world.ok("PUT", VAULT, body())
        key = await world.ok("PUT", f"{VAULT}/keys/k", {"properties": {"kty": "RSA", "keySize": 3072}})
        uri = key["properties"]["keyUri"]
        assert uri == "https://vault-1.vault.azure.net/keys/k"
        assert key["properties"]["keyUriWithVersion"].startswith(f"{uri}/")
        assert await world.ok("PUT", f"{VAULT}/keys/k", {"properties": {"kty": "EC"}, "tags": {"a": "b"}}) == key

    play(scenario)


def test_the_value_of_a_secret_is_neither_shown_nor_kept() -> None:
    """Not in an answer, not in the store; every PUT makes a version."""

    async def scenario(world: World) -> None:
        await world.group()
        await world.ok("PUT", VAULT, body())
        value = {"properties": {"value": "hidden-value", "contentType": "text/plain"}}
        made = await world.ok("PUT", f"{VAULT}/secrets/s", value)
        again = await world.ok("PUT", f"{VAULT}/secrets/s", value)
        assert made["properties"]["secretUriWithVersion"] != again["properties"]["secretUriWithVersion"]
        assert "value" not in again["properties"]
        assert not any(b"hidden-value" in stored for _, stored in world.store.scan("arm"))

    play(scenario)
