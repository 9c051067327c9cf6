"""Between the program's inputs and outputs and ARM's bodies. Pure; what differs per type is in `tables`."""

from __future__ import annotations

import re
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
        _place(holder, row.wire_names.get(name, name), _to_wire(row, inputs[name], name))
    return made


def body_inputs(row: ResourceType) -> set[str]:
    """The inputs that travel in the body, not in the path."""
    return members(row.inputs).keys() - set(paths.parameters(row.path))


def outputs(row: ResourceType, resource: Mapping[str, Any]) -> Properties:
    """The outputs for a resource as ARM gives it; unknown properties of ARM and the id are left out."""
    around = dict(resource)
    inner: Mapping[str, Any] = {}
    if row.flat and "properties" not in row.top:
        inner = around.pop("properties", None) or {}
    elif row.flat:
        inner = around.get("properties") or {}
    envelope = {name: _from_wire(row, value, name) for name, value in around.items()}
    named = envelope | _from_wire(row, inner, "")
    return {name: named[name] for name in row.outputs & named.keys() if named[name] is not None} | {
        API_VERSION: row.api_version
    }


def preview(row: ResourceType, inputs: Mapping[str, Any]) -> Properties:
    """The outputs as far as inputs tell them, everything else unknown."""
    known = {name: _shown(row, inputs[name], name) for name in body_inputs(row) & inputs.keys()}
    return {name: known.get(name, UNKNOWN) for name in row.outputs} | {API_VERSION: row.api_version}


def project(row: ResourceType, state: Mapping[str, Any], identifier: str) -> Properties:
    """The inputs that would lead to these outputs: read-only and unsupported ones dropped, names taken from the id.

    Raises ValueError when the id is none of the type.
    """
    found = paths.match(row.path, identifier)
    if found is None:
        raise ValueError(f"{identifier} is no {row.name}: expected an id like {row.path}")
    projected: Properties = {API_VERSION: row.api_version}
    unsupported = {name for name, refusal in row.refusals.items() if not refusal.values}
    for name, shape in members(row.inputs).items():
        if name in unsupported:
            continue
        value = found[name] if name in found else _restrict(row, shape, state.get(name), name)
        if value is not None:
            projected[name] = value
    return projected


def with_kept(row: ResourceType, inputs: Mapping[str, Any], present: Mapping[str, Any]) -> Properties:
    """The inputs, completed with the present value of lists that others add to and the program leaves unset."""
    completed = dict(inputs)
    for path in row.kept:
        holder, _, name = path.rpartition(".")
        given = completed.get(holder, {}) if holder else completed
        there = present.get(holder, {}) if holder else present
        if name not in given and name in there:
            filled = {**given, name: there[name]}
            completed = completed | {holder: filled} if holder else filled
    return completed


def without_kept(row: ResourceType, projected: Mapping[str, Any], inputs: Mapping[str, Any]) -> Properties:
    """The projection without such lists where the inputs set none: what other resources add to them is no drift."""
    left = dict(projected)
    for path in row.kept:
        holder, _, name = path.rpartition(".")
        if not holder and name not in inputs:
            left.pop(name, None)
        elif holder in left and name not in inputs.get(holder, {}):
            left[holder] = {key: value for key, value in left[holder].items() if key != name}
    return left


def _to_wire(row: ResourceType, value: Any, path: str) -> Any:
    if path in row.string_sets and isinstance(value, list):
        return {item: {} for item in value}
    if isinstance(value, list):
        return [_to_wire(row, item, path) for item in value]
    if not isinstance(value, dict):
        return value
    made: Properties = {}
    for name, item in value.items():
        inner = f"{path}.{name}"
        _place(made, row.wire_names.get(inner, name), _to_wire(row, item, inner))
    return made


def _place(holder: Properties, place: str, value: Any) -> None:
    """Put the value where its wire name says, making the objects on the way."""
    *around, name = _steps(place)
    for step in around:
        holder = holder.setdefault(step, {})
    holder[name] = value


def _steps(place: str) -> list[str]:
    """The parts of a wire name; an escaped dot belongs to a part."""
    return [part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", place)]


def _from_wire(row: ResourceType, value: Any, path: str) -> Any:
    if isinstance(value, list):
        return [_from_wire(row, item, path) for item in value]
    if not isinstance(value, dict):
        return value
    names, holders = _program_names(tuple(row.wire_names.items()))
    flat = {wire: item for wire, item in value.items() if (path, wire) not in holders}
    for wire in value.keys() - flat.keys():
        flat |= value[wire] or {}
    named: Properties = {}
    for wire, item in flat.items():
        name = names.get((path, wire), str(wire))
        named[name] = _from_wire(row, item, f"{path}.{name}" if path else name)
    return named


@cache
def _program_names(
    wire_names: tuple[tuple[str, str], ...],
) -> tuple[dict[tuple[str, str], str], set[tuple[str, str]]]:
    """By the path of the object around: the program's name of a property, and what holds properties in ARM only."""
    names, holders = {}, set()
    for path, wire in wire_names:
        parent, _, name = path.rpartition(".")
        *around, last = _steps(wire)
        names[parent, last] = name
        holders |= {(parent, step) for step in around}
    return names, holders


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
