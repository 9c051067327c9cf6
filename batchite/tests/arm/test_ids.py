"""Resource ids, and what clients ask about the cloud before they create anything."""

import pytest
from arm.worlds import GROUP, SUBSCRIPTION, TENANT, World, play
from hypothesis import given
from hypothesis import strategies as st

from batchite.arm import ids, shapes
from batchite.errors import ServiceError

pytestmark = pytest.mark.ours
NAMES = st.text("abcXYZ019-_.", min_size=1, max_size=12)


@given(group=NAMES, account=NAMES, pool=NAMES, role=NAMES)
def test_an_id_keeps_its_spelling_and_knows_its_parents(group: str, account: str, pool: str, role: str) -> None:
    """Text in, the same text out; the parent of a child is its resource, of an extension its scope."""
    holder = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}"
    pool_id = f"{holder}/providers/Microsoft.Batch/batchAccounts/{account}/pools/{pool}"
    role_id = f"{pool_id}/providers/Microsoft.Authorization/roleAssignments/{role}"
    parsed = ids.parse(role_id)
    assert parsed.text == role_id
    assert parsed.group == holder
    assert parsed.parent == ids.parse(pool_id)
    assert ids.parse(pool_id).parent == ids.parse(pool_id.rsplit("/", 2)[0])
    assert ids.parse(role_id.upper().replace("PROVIDERS", "providers")).key == parsed.key


@pytest.mark.parametrize("text", ["", "x", "/subscriptions", "/subscriptions//resourceGroups/g", "/providers/A"])
def test_what_is_no_id_is_refused(text: str) -> None:
    """InvalidUri for anything else."""
    with pytest.raises(ServiceError, match="InvalidUri"):
        ids.parse(text)


def test_no_error_repeats_a_secret() -> None:
    """A value of the wrong type in a secret's place, and the query of a URL, stay out of the error."""
    with pytest.raises(ServiceError) as raised:
        shapes.secret(["hunter2"], "password")
    assert "hunter2" not in str(raised.value.values)
    with pytest.raises(ServiceError) as raised:
        shapes.number()("https://x/y?sig=hunter2", "url")
    assert "hunter2" not in str(raised.value.values)


def test_the_cloud_describes_itself() -> None:
    """Endpoints, tenants, subscriptions and providers, as clients read them at their start."""

    async def scenario(world: World) -> None:
        cloud = await world.ok("GET", "/metadata/endpoints")
        assert cloud["resourceManager"] == world.endpoints.https
        assert cloud["authentication"]["audiences"]
        assert (await world.ok("GET", "/tenants"))["value"][0]["tenantId"] == TENANT
        [subscription] = (await world.ok("GET", "/subscriptions"))["value"]
        assert subscription == await world.ok("GET", f"/subscriptions/{SUBSCRIPTION}")
        provider = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Batch"
        assert (await world.ok("POST", f"{provider}/register"))["registrationState"] == "Registered"
        unknown = await world.call("GET", f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Quantum")
        assert (unknown.status, "Microsoft.Quantum" in unknown.json["text"]) == (501, True)

    play(scenario)


def test_the_case_of_an_address_does_not_matter() -> None:
    """A resource is found under any spelling of its id and shown under the one it was created with."""

    async def scenario(world: World) -> None:
        await world.group()
        path = await world.storage()
        found = await world.ok(
            "GET", path.replace("resourceGroups/rg", "resourcegroups/RG").replace("store1", "STORE1")
        )
        assert found["id"] == path
        assert (await world.ok("GET", GROUP.replace("rg", "RG")))["id"] == GROUP

    play(scenario)
