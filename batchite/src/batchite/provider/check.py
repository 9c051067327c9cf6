"""Whether the program's inputs are right, and the inputs the provider adds. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from batchite.provider import naming
from batchite.provider.schema import Refusal
from batchite.provider.tables import PACKAGE, RESOURCES, NameRule, ResourceType, Shape
from batchite.provider.translate import members
from batchite.provider.values import API_VERSION, CREATE_BEFORE_DELETE, UNKNOWN, Properties, is_unknown

_SCALARS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}
_NEXT_LOCATION = f"set it or configure a default with `pulumi config set {PACKAGE}:location <region>`"


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that is wrong: the path of the property (empty for the resource itself) and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Checked:
    """The inputs with what the provider adds, and all failures."""

    inputs: Properties
    failures: tuple[Failure, ...]


def unsupported(token: str) -> Failure:
    """The answer to a type that is not in the table."""
    return Failure(
        "",
        f"{token} is not supported by the local stand-in for {PACKAGE}. It knows {', '.join(sorted(RESOURCES))}. "
        "Leave the resource out of the local stack, or deploy to Azure with another stack.",
    )


def check(
    row: ResourceType, news: Mapping[str, Any], olds: Mapping[str, Any], wish: naming.Wish, location: str | None
) -> Checked:
    """The inputs to deploy and what is wrong with them. `location` is the default for a missing one, if any."""
    inputs = dict(news)
    foreign_version = inputs.get(API_VERSION, row.api_version) != row.api_version
    if needs_location(row, inputs) and location is not None:
        inputs["location"] = location
    _add_name(row, inputs, olds, wish)
    failures = [*_validate(row.inputs, _own(inputs), ""), *_added(row, inputs, wish)]
    if foreign_version:
        failures.append(Failure(API_VERSION, f"only version {row.api_version} of {row.name} is supported"))
    inputs[API_VERSION] = row.api_version
    return Checked(inputs, tuple(failures))


def _added(row: ResourceType, inputs: Mapping[str, Any], wish: naming.Wish) -> Iterator[Failure]:
    """What the shape alone does not say."""
    yield from _names(row, inputs)
    yield from _required_by_azure(row, inputs, wish)
    for path, refusal in row.refusals.items():
        yield from _refused(path.split("."), refusal, inputs, "")


def _refused(steps: list[str], refusal: Refusal, value: Any, path: str) -> Iterator[Failure]:
    """Where a value that is not supported lies. An empty one, or one not known yet, is let through."""
    if isinstance(value, list) and steps:
        for index, item in enumerate(value):
            yield from _refused(steps, refusal, item, f"{path}[{index}]")
    elif steps and isinstance(value, dict) and steps[0] in value:
        yield from _refused(steps[1:], refusal, value[steps[0]], f"{path}.{steps[0]}".lstrip("."))
    elif not steps and value not in ([], {}, "", UNKNOWN) and (not refusal.values or value in refusal.values):
        shown = f" with the value {value!r}" if refusal.values else ""
        why = f": {refusal.reason[:1].lower()}{refusal.reason[1:]}" if refusal.reason else ""
        yield Failure(path, f"'{path}'{shown} is not supported by the local stand-in for {PACKAGE}{why}")


def needs_location(row: ResourceType, inputs: Mapping[str, Any]) -> bool:
    """Whether the type has a location and the program gives none."""
    return "location" in members(row.inputs) and "location" not in inputs


def _own(inputs: Mapping[str, Any]) -> Properties:
    added = {API_VERSION, CREATE_BEFORE_DELETE}
    return {name: value for name, value in inputs.items() if name not in added}


def _add_name(row: ResourceType, inputs: Properties, olds: Mapping[str, Any], wish: naming.Wish) -> None:
    parameter = naming.parameter(row.path)
    if parameter in inputs:
        return
    chosen = naming.choose(row.path, wish, olds)
    if chosen is not None:
        inputs[parameter] = chosen.value
        if chosen.random:
            inputs[CREATE_BEFORE_DELETE] = True


def _required_by_azure(row: ResourceType, inputs: Mapping[str, Any], wish: naming.Wish) -> Iterator[Failure]:
    """What the SDK leaves optional because the provider normally fills it in."""
    if needs_location(row, inputs):
        yield Failure("location", f"missing required property 'location': {_NEXT_LOCATION}")
    parameter = naming.parameter(row.path)
    if parameter not in inputs and wish.mode is naming.Mode.DISABLE:
        yield Failure(parameter, f"missing required property '{parameter}': this stack disables automatic naming")


def _names(row: ResourceType, inputs: Mapping[str, Any]) -> Iterator[Failure]:
    for name, rule in row.name_rules.items():
        value = inputs.get(name)
        if isinstance(value, str) and not is_unknown(value):
            yield from _name(name, value, rule)


def _name(name: str, value: str, rule: NameRule) -> Iterator[Failure]:
    if not rule.shortest <= len(value) <= rule.longest:
        span = f"{rule.shortest} to {rule.longest} characters"
        yield Failure(name, f"'{name}' must have {span}; {value!r} has {len(value)}")
    if not re.fullmatch(rule.pattern, value):
        yield Failure(name, f"'{name}' does not match expression '{rule.pattern}': {value!r}")


def _validate(shape: Shape, value: Any, path: str) -> Iterator[Failure]:
    if value == UNKNOWN or shape == "any":
        return
    if isinstance(shape, str):
        if not _is_scalar(shape, value):
            yield _mismatch(path, shape, value)
    elif isinstance(shape, list):
        yield from _validate_list(shape[0], value, path)
    elif not isinstance(value, dict):
        yield _mismatch(path, "object", value)
    elif "*" in shape:
        for name, item in value.items():
            yield from _validate(shape["*"], item, f"{path}.{name}")
    else:
        yield from _validate_object(shape, value, path)


def _validate_list(item_shape: Shape, value: Any, path: str) -> Iterator[Failure]:
    if not isinstance(value, list):
        yield _mismatch(path, "array", value)
        return
    for index, item in enumerate(value):
        yield from _validate(item_shape, item, f"{path}[{index}]")


def _validate_object(shape: Mapping[str, Shape], value: Mapping[str, Any], path: str) -> Iterator[Failure]:
    known = members(shape)
    prefix = f"{path}." if path else ""
    for name in shape:
        if name.endswith("!") and name[:-1] not in value:
            yield Failure(prefix + name[:-1], f"missing required property '{prefix}{name[:-1]}'")
    for name, item in value.items():
        if name in known:
            yield from _validate(known[name], item, prefix + name)
        else:
            yield Failure(prefix + name, f"unknown property '{prefix}{name}'{_nearest(name, known)}")


def _is_scalar(shape: str, value: Any) -> bool:
    return isinstance(value, _SCALARS[shape]) and (shape == "boolean") == isinstance(value, bool)


def _mismatch(path: str, expected: str, value: Any) -> Failure:
    return Failure(path, f"'{path}' should be of type '{expected}' but got {_described(value)}")


def _described(value: Any) -> str:
    names = {str: "a string", bool: "a boolean", int: "a number", float: "a number", list: "an array"}
    return names.get(type(value), "an object")


def _nearest(name: str, known: Mapping[str, Shape]) -> str:
    similar = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean '{similar[0]}'?" if similar else f"; known here: {', '.join(sorted(known))}"
