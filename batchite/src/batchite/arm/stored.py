"""Resource types that are stored and shown, made from data: `bodies.json` says what a body may hold, a row the rest.

Such a resource does nothing by itself here. What clients depend on is kept: defaults on GET, generated outputs,
references that must exist, what may not change, names that are taken, and refusals to delete what is in use.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, TypeAlias

from batchite.arm.ids import ResourceId
from batchite.arm.kinds import Arm, ResourceType, as_wanted, new_uuid
from batchite.arm.resources import Resource
from batchite.arm.shapes import (
    Shape,
    anything,
    array,
    decimal,
    flag,
    location,
    mapping,
    number,
    read_only,
    record,
    text,
    unbuilt,
)
from batchite.arm.shapes import tags as tags_shape
from batchite.arm.types.identity import identity_shape, resolve_identity
from batchite.errors import ServiceError, missing_property

Complete: TypeAlias = Callable[[Arm, ResourceId, Resource, Resource | None], Resource]

GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers"


def reference(value: Any, path: str) -> dict[str, str]:
    """Another resource, named by its id. Azure takes nothing else of it from here, whatever a client sends along."""
    if not isinstance(value, dict) or not isinstance(value.get("id"), str):
        raise missing_property(f"{path}.id")
    return {"id": value["id"]}


_BODIES: Mapping[str, Any] = json.loads(resources.files(__package__).joinpath("bodies.json").read_text("utf-8"))
_SCALARS: Mapping[str, Shape] = {
    "string": text(),
    "boolean": flag(),
    "integer": number(),
    "number": decimal,
    "any": anything,
    "-": read_only,
}


@dataclass(frozen=True, slots=True)
class Reference:
    """A property that holds the id of a resource; `code` is what is raised when there is none of these types."""

    types: tuple[str, ...]
    code: str = "InvalidResourceReference"


@dataclass(frozen=True, slots=True)
class Stored:
    """What is special about a stored type, beside what its body may hold.

    Paths are dotted and go through lists. `defaults` fill in what the body leaves out; `once` are outputs made when
    the resource is; `links` are objects that name another resource by `id`; `refers` are ids that must exist (`links`
    included); `shapes` replace the body's own; `unbuilt` are refused with 501; `extends` marks a type of any scope.
    """

    name: str
    body: str = ""  # the name in `bodies.json` where it differs
    required: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    once: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    links: Mapping[str, Reference] = field(default_factory=dict)
    refers: Mapping[str, Reference] = field(default_factory=dict)
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    unbuilt: frozenset[str] = frozenset()
    extends: bool = False
    etag: bool = False

    @property
    def tree(self) -> Mapping[str, Any]:
        """What the body may hold, as `bodies.json` has it."""
        found: Mapping[str, Any] = _BODIES[self.body or self.name]
        return found

    @property
    def outputs(self) -> frozenset[str]:
        """The names under `properties` that only the service sets."""
        inner = self.tree.get("properties!") or self.tree.get("properties") or {}
        return frozenset(name for name, shape in inner.items() if shape == "-")

    def fill(self, arm: Arm, rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
        """The resource with defaults, generated outputs and identity. Raises for references to nothing."""
        check_references(arm, wanted, {f"{path}.id": one for path, one in self.links.items()} | dict(self.refers), rid)
        known = old["properties"] if old else {}
        made = {name: known.get(name) or make() for name, make in self.once.items()}
        if "provisioningState" in self.outputs:
            made["provisioningState"] = "Succeeded"
        filled = merged(self.defaults, wanted)
        filled["properties"] = {**filled.get("properties", {}), **made}
        if self.etag:
            filled["etag"] = f'W/"{new_uuid()}"'
        return resolve_identity(arm, filled, old)

    def shape(self) -> Shape:
        """The check of a body."""
        return _compiled(self, self.tree, "")


def resource_type(stored: Stored, complete: Complete = as_wanted, /, **options: Any) -> ResourceType:
    """The row of a stored type; `complete` decides what is special, after defaults and references."""

    def completed(arm: Arm, rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
        return complete(arm, rid, stored.fill(arm, rid, wanted, old), old)

    template = _template(stored)
    fixed = {"location": "InvalidResourceLocation"} if "location" in stored.tree else {}
    options = {"stored": True, "template": template, "collections": tuple(_collections(stored, template)), **options}
    options["immutable"] = fixed | dict(options.get("immutable", {}))
    return ResourceType(name=stored.name, body=stored.shape(), complete=completed, **options)


def merged(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given, and the defaults where it says nothing, object by object."""
    found = {**defaults, **given}
    for name in defaults.keys() & given.keys():
        if isinstance(defaults[name], Mapping) and isinstance(given[name], Mapping):
            found[name] = merged(defaults[name], given[name])
    return found


def values_at(value: Any, path: str) -> Iterator[Any]:
    """Every value at a dotted path, through lists."""
    if isinstance(value, list):
        for item in value:
            yield from values_at(item, path)
    elif not path:
        yield value
    elif isinstance(value, dict):
        name, _, rest = path.partition(".")
        if name in value:
            yield from values_at(value[name], rest)


def check_references(arm: Arm, wanted: Resource, refers: Mapping[str, Reference], rid: ResourceId) -> None:
    """Raise the code of a reference to a resource that isn't there, or is of another type."""
    for path, reference in refers.items():
        for named in values_at(wanted, path):
            found = arm.resources.get(named)
            if found is None or found["type"] not in reference.types:
                raise ServiceError(
                    reference.code, f"'{named}', which {rid.type} '{rid.name}' names in {path}, does not exist."
                )


def users(arm: Arm, resource: Resource, paths: Sequence[tuple[str, str]]) -> list[str]:
    """The ids of the resources that refer to this one, by type and path."""
    key = resource["id"].lower()
    return [
        found["id"]
        for type_name, path in paths
        for found in arm.resources.of_type(type_name)
        if any(str(named).lower() == key for named in values_at(found, path))
    ]


def refuse_used(code: str, *paths: tuple[str, str]) -> Callable[[Arm, Resource], None]:
    """A check before a deletion: raises `code` while a resource of a type refers to this one at a path."""

    def check(arm: Arm, resource: Resource) -> None:
        found = users(arm, resource, paths)
        if found:
            raise ServiceError(code, f"'{resource['id']}' is used by: {', '.join(found)}.")

    return check


def require_location(_arm: Arm, _rid: ResourceId, wanted: Resource, _old: Resource | None) -> Resource:
    """The rule of regional types. Raises LocationRequired."""
    if "location" not in wanted:
        raise ServiceError("LocationRequired")
    return wanted


def in_turn(*steps: Complete) -> Complete:
    """Several decisions, one after the other."""

    def complete(arm: Arm, rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
        for step in steps:
            wanted = step(arm, rid, wanted, old)
        return wanted

    return complete


def _template(stored: Stored) -> str:
    namespace, *types = stored.name.split("/")
    names = "".join(f"/{part}/{{{part}Name}}" for part in types)
    return f"{'/{scope+}/providers' if stored.extends else GROUP}/{namespace}{names}"


def _collections(stored: Stored, template: str) -> Iterator[str]:
    yield template.rpartition("/")[0]
    if not stored.extends and stored.name.count("/") == 1:
        yield f"/subscriptions/{{subscriptionId}}/providers/{stored.name}"


def _compiled(stored: Stored, tree: Any, path: str) -> Shape:
    special = _special(stored, tree, path)
    if special is not None:
        return special
    if isinstance(tree, list):
        return array(_compiled(stored, tree[0], path))
    if isinstance(tree, str):
        return text(*tree[1:].split("|")) if tree.startswith("=") else _SCALARS[tree]
    if "*" in tree:
        return mapping(_compiled(stored, tree["*"], path))
    fields = {name.rstrip("!"): inner for name, inner in tree.items()}
    compiled = {name: _compiled(stored, fields[name], f"{path}.{name}" if path else name) for name in fields}
    required = [name[:-1] for name in tree if name.endswith("!")]
    return record(compiled, required=(*required, *(() if path else stored.required)))


def _special(stored: Stored, tree: Any, path: str) -> Shape | None:
    """The shape of a path that has one of its own."""
    own = {"location": location, "tags": tags_shape, **dict.fromkeys(stored.unbuilt, unbuilt), **stored.shapes}
    if path in stored.links:
        return array(reference) if isinstance(tree, list) else reference
    if path == "identity":
        return identity_shape(*(tree.get("type") or tree["type!"]).removeprefix("=").split("|"))
    return own.get(path)
