"""Between the program's inputs and outputs and ARM's bodies. Pure; what differs per type is in `tables`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from batchite.provider import paths
from batchite.provider.tables import ResourceType, Shape
from batchite.provider.values import API_VERSION, UNKNOWN, Properties, is_unknown


def members(shape: Mapping[str, Shape]) -> dict[str, Shape]:
    """The properties of an object shape by their plain names."""
    return {name.rstrip("!"): inner for name, inner in shape.items()}


def resource_id(row: ResourceType, inputs: Mapping[str, Any], subscription: str) -> str:
    """The id of the resource the inputs describe."""
    return paths.render(row.path, {"subscriptionId": subscription, **inputs})


def body(row: ResourceType, inputs: Mapping[str, Any]) -> Properties:
    """ARM's PUT body for the program's inputs."""
    made: Properties = {}
    for name in body_inputs(row) & inputs.keys():
        holder = made if name in row.top else made.setdefault("properties", {})
        holder[row.wire_names.get(name, name)] = _to_wire(row, inputs[name], name)
    return made


def body_inputs(row: ResourceType) -> set[str]:
    """The inputs that travel in the body, not in the path."""
    return members(row.inputs).keys() - set(paths.parameters(row.path))


def outputs(row: ResourceType, resource: Mapping[str, Any]) -> Properties:
    """The outputs for a resource as ARM gives it; unknown properties of ARM and the id are left out."""
    flat = dict(resource)
    if row.flat:
        flat |= flat.pop("properties", None) or {}
    named = _from_wire(row, flat, "")
    return {name: named[name] for name in row.outputs & named.keys() if named[name] is not None} | {
        API_VERSION: row.api_version
    }


def preview(row: ResourceType, inputs: Mapping[str, Any]) -> Properties:
    """The outputs as far as inputs tell them, everything else unknown."""
    known = {name: _shown(row, inputs[name], name) for name in body_inputs(row) & inputs.keys()}
    return {name: known.get(name, UNKNOWN) for name in row.outputs} | {API_VERSION: row.api_version}


def project(row: ResourceType, state: Mapping[str, Any], identifier: str) -> Properties:
    """The inputs that would lead to these outputs: read-only properties dropped, names taken from the id.

    Raises ValueError when the id is none of the type.
    """
    found = paths.match(row.path, identifier)
    if found is None:
        raise ValueError(f"{identifier} is no {row.name}: expected an id like {row.path}")
    projected: Properties = {API_VERSION: row.api_version}
    for name, shape in members(row.inputs).items():
        value = found[name] if name in found else _restrict(row, shape, state.get(name), name)
        if value is not None:
            projected[name] = value
    return projected


def _to_wire(row: ResourceType, value: Any, path: str) -> Any:
    if path in row.string_sets and isinstance(value, list):
        return {item: {} for item in value}
    if isinstance(value, list):
        return [_to_wire(row, item, path) for item in value]
    if isinstance(value, dict):
        return {
            row.wire_names.get(f"{path}.{name}", name): _to_wire(row, item, f"{path}.{name}")
            for name, item in value.items()
        }
    return value


def _from_wire(row: ResourceType, value: Any, path: str) -> Any:
    if isinstance(value, list):
        return [_from_wire(row, item, path) for item in value]
    if not isinstance(value, dict):
        return value
    names = _program_names(tuple(row.wire_names.items()))
    named: Properties = {}
    for wire, item in value.items():
        name = names.get((path, wire), str(wire))
        named[name] = _from_wire(row, item, f"{path}.{name}" if path else name)
    return named


@cache
def _program_names(wire_names: tuple[tuple[str, str], ...]) -> dict[tuple[str, str], str]:
    """The program's name of a property by the path of its parent and its name in ARM."""
    names = {}
    for path, wire in wire_names:
        parent, _, name = path.rpartition(".")
        names[parent, wire] = name
    return names


def _shown(row: ResourceType, value: Any, path: str) -> Any:
    """An input as it will look among the outputs."""
    if path in row.string_sets and isinstance(value, list):
        return UNKNOWN if any(is_unknown(item) for item in value) else dict.fromkeys(value, UNKNOWN)
    if isinstance(value, dict):
        return {name: _shown(row, item, f"{path}.{name}") for name, item in value.items()}
    return value


def _restrict(row: ResourceType, shape: Shape, value: Any, path: str) -> Any:
    """The part of an output that its input shape has."""
    if path in row.string_sets and isinstance(value, dict):
        return sorted(value)
    if isinstance(shape, list) and isinstance(value, list):
        return [_restrict(row, shape[0], item, path) for item in value]
    if not isinstance(shape, dict) or not isinstance(value, dict) or "*" in shape:
        return value
    kept = {name: _restrict(row, inner, value.get(name), f"{path}.{name}") for name, inner in members(shape).items()}
    return {name: item for name, item in kept.items() if item is not None}
