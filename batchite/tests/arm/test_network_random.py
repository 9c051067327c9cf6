"""Networks under random operations: whatever is accepted, nothing ever names a resource that is not there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from arm.worlds import GROUP, World
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from batchite.arm.resources import Resource
from batchite.arm.stored import values_at

pytestmark = pytest.mark.ours

NETWORK = f"{GROUP}/providers/Microsoft.Network"
NUMBERS = st.integers(0, 1)
MAYBE = st.none() | NUMBERS
REFERENCES = {
    "Microsoft.Network/virtualNetworks/subnets": ("networkSecurityGroup.id", "natGateway.id", "routeTable.id"),
    "Microsoft.Network/natGateways": ("publicIpAddresses.id",),
    "Microsoft.Network/privateEndpoints": (
        "subnet.id",
        "privateLinkServiceConnections.properties.privateLinkServiceId",
    ),
}


def of(kind: str, number: int | None) -> str:
    """The id of a resource of the network."""
    return f"{NETWORK}/{kind}/x{number}"


def link(kind: str, number: int | None) -> dict[str, Any]:
    """A reference, or none."""
    return {} if number is None else {"id": of(kind, number)}


class Networks(RuleBasedStateMachine):
    """Two of each kind are made, changed and deleted in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.runner, self.world = asyncio.Runner(), World()
        self.runner.run(self._begin())
        for kind in ("networkSecurityGroups", "routeTables", "publicIPAddresses"):
            self.simple(kind, 0)
        self.gateway(0, 0)
        self.network(keep=True)
        self.subnet(0, 0, 0, 0)
        self.endpoint(0, 0)

    async def _begin(self) -> None:
        await self.world.start()
        await self.world.group()
        self.account = await self.world.account()

    def put(self, path: str, **properties: Any) -> None:
        """A PUT with what is not empty; it may be refused, but never fail."""
        given = {name: value for name, value in properties.items() if value not in ({}, [{}])}
        body = {"properties": given} if "/subnets/" in path else {"location": "westeurope", "properties": given}
        assert self.runner.run(self.world.call("PUT", path, body)).status in (200, 201, 400)

    @rule(kind=st.sampled_from(["networkSecurityGroups", "routeTables", "publicIPAddresses"]), number=NUMBERS)
    def simple(self, kind: str, number: int) -> None:
        """What refers to nothing."""
        self.put(of(kind, number))

    @rule(number=NUMBERS, address=MAYBE)
    def gateway(self, number: int, address: int | None) -> None:
        """A gateway, with an address or without."""
        self.put(of("natGateways", number), publicIpAddresses=[link("publicIPAddresses", address)])

    @rule(keep=st.booleans())
    def network(self, *, keep: bool) -> None:
        """The network, with its subnets or with none."""
        space = {"addressPrefixes": ["10.0.0.0/16"]}
        path = of("virtualNetworks", 0)
        if keep:
            self.put(path, addressSpace=space)
        else:
            self.put(path, addressSpace=space, subnets=[])

    @rule(number=NUMBERS, group=MAYBE, gateway=MAYBE, table=MAYBE)
    def subnet(self, number: int, group: int | None, gateway: int | None, table: int | None) -> None:
        """A subnet that names others."""
        path = f"{of('virtualNetworks', 0)}/subnets/x{number}"
        if self.world.resources.get(of("virtualNetworks", 0)):
            self.put(
                path,
                addressPrefix=f"10.0.{number}.0/24",
                networkSecurityGroup=link("networkSecurityGroups", group),
                natGateway=link("natGateways", gateway),
                routeTable=link("routeTables", table),
            )

    @rule(number=NUMBERS, subnet=NUMBERS)
    def endpoint(self, number: int, subnet: int) -> None:
        """A private endpoint of the account."""
        connection = {"name": "c", "properties": {"privateLinkServiceId": self.account, "groupIds": ["batchAccount"]}}
        place = {"id": f"{of('virtualNetworks', 0)}/subnets/x{subnet}"}
        self.put(of("privateEndpoints", number), subnet=place, privateLinkServiceConnections=[connection])

    @rule(
        kind=st.sampled_from(
            ["networkSecurityGroups", "routeTables", "publicIPAddresses", "natGateways", "privateEndpoints"]
        ),
        number=NUMBERS,
    )
    def delete(self, kind: str, number: int) -> None:
        """Anything, used or not."""
        self._delete(of(kind, number))

    @rule(number=MAYBE)
    def delete_subnet(self, number: int | None) -> None:
        """A subnet, or the network as a whole."""
        network = of("virtualNetworks", 0)
        self._delete(network if number is None else f"{network}/subnets/x{number}")

    @invariant()
    def every_reference_leads_somewhere(self) -> None:
        """What is there names only what is there."""
        assert [named for named in self._named() if self.world.resources.get(named) is None] == []

    @invariant()
    def everything_is_shown(self) -> None:
        """Every resource can be read as it is."""
        for one in self.world.resources.inside(GROUP):
            assert self.runner.run(self.world.call("GET", one["id"])).status == 200

    def teardown(self) -> None:
        """Stop the world."""
        self.runner.run(self.world.stop())
        self.runner.close()

    def _delete(self, path: str) -> None:
        async def delete() -> int:
            answer = await self.world.call("DELETE", path)
            return (await self.world.finish(answer)).status

        assert self.runner.run(delete()) in (204, 400, 404)

    def _named(self) -> Iterator[str]:
        resources: list[Resource] = self.world.resources.inside(GROUP)
        for one in resources:
            for path in REFERENCES.get(one["type"], ()):
                yield from values_at(one["properties"], path)


TestNetworks = Networks.TestCase
TestNetworks.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
