"""Lists inside of a resource whose items are resources of their own: a network's subnets, a security group's rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from batchite.arm.ids import ResourceId
from batchite.arm.kinds import Arm
from batchite.arm.resources import Resource, private, visible
from batchite.arm.shapes import Shape, array
from batchite.arm.stored import Stored
from batchite.errors import missing_property

_ENVELOPE = frozenset({"etag", "id", "name", "type"})


@dataclass(frozen=True, slots=True)
class Nested:
    """The list `name` under a resource's properties, its items of type `child`.

    `kept` tells what a PUT without the list means: the items stay, or they go. `check_delete` raises for an item that
    is in use.
    """

    name: str
    child: Stored
    kept: bool
    check_delete: Callable[[Arm, Resource], None]

    @property
    def shape(self) -> Shape:
        """The shape of the list in the body of the resource around it."""
        return array(self._item(self.child.shape()))

    def take(self, arm: Arm, rid: ResourceId, wanted: Resource, _old: Resource | None) -> Resource:
        """The resource without the list; the completed items wait in `_private` for `write`."""
        properties = dict(wanted["properties"])
        given = properties.pop(self.name, None)
        present = {found["id"].lower(): found for found in self.of(arm, rid.text)}
        if given is None:
            items = list(present.values()) if self.kept else []
        else:
            items = [self._made(arm, rid, item) for item in given]
        for key in present.keys() - {item["id"].lower() for item in items}:
            self.check_delete(arm, present[key])
        return {**wanted, "properties": properties, "_private": {"items": items}}

    async def write(self, arm: Arm, new: Resource, _old: Resource | None, _cause: str) -> None:
        """Store the resource and its items, and remove those that are not among them any more."""
        items = private(new)["items"]
        wanted = {item["id"].lower() for item in items}
        for found in self.of(arm, new["id"]):
            if found["id"].lower() not in wanted:
                await arm.resources.remove(found["id"])
        for resource in (visible(new), *items):
            await arm.resources.put(resource)

    def of(self, arm: Arm, parent: str) -> list[Resource]:
        """The items of a resource."""
        return list(arm.resources.of_type(self.child.name, parent))

    def shown(self, resource: Resource, items: Iterable[Resource]) -> Resource:
        """The resource with its items."""
        return {**resource, "properties": {**resource["properties"], self.name: [visible(item) for item in items]}}

    def _made(self, arm: Arm, rid: ResourceId, item: Resource) -> Resource:
        last = self.child.name.rpartition("/")[2]
        mine = ResourceId(rid.scope, rid.namespace, (*rid.types, last), (*rid.names, item["name"]))
        old = arm.resources.get(mine.key)
        envelope = {"id": old["id"] if old else mine.text, "name": item["name"], "type": self.child.name}
        return self.child.fill(arm, mine, {**item, **envelope}, old)

    def _item(self, body: Shape) -> Shape:
        def check(value: Any, path: str) -> Any:
            if not isinstance(value, dict) or not isinstance(value.get("name"), str):
                raise missing_property(f"{path}.name")
            inner = body({name: one for name, one in value.items() if name.lower() not in _ENVELOPE}, path)
            return {**inner, "name": value["name"]}

        return check
