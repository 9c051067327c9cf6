"""Role assignments to people, and under conditions."""

import pytest
from arm.worlds import GROUP, World, play

pytestmark = pytest.mark.ours
NAME = "11111111-1111-4111-8111-111111111111"
READER = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
ASSIGNMENTS = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments"


def test_groups_are_not_looked_up_and_conditions_never_hold() -> None:
    """Batchite keeps no users or groups; a role under a condition it can't evaluate gives nothing."""

    async def scenario(world: World) -> None:
        await world.group()
        group, other = "33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444"
        named = {"roleDefinitionId": READER, "principalType": "Group"}
        conditional = {**named, "condition": "@Resource[a] StringEquals 'b'", "conditionVersion": "2.0"}
        await world.ok("PUT", f"{ASSIGNMENTS}/{NAME}", {"properties": {**named, "principalId": group}})
        made = await world.ok("PUT", f"{ASSIGNMENTS}/{other}", {"properties": {**conditional, "principalId": other}})
        assert made["properties"]["condition"] == conditional["condition"]
        read = "Microsoft.Batch/batchAccounts/read"
        assert [world.authorizer.allowed_action(one, GROUP, read) for one in (group, other)] == [True, False]

    play(scenario)
