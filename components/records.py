"""Settings as dataclasses: each field says what it is for and what it may be; here they are judged and read. Pure.

Metadata of a field: `help` (one sentence), `rule` (a Rule; its text says what is allowed), `lands` (what it becomes in
Azure), and for what is structured `record` (the dataclass of the value) or `arm` (the name of the class of
pulumi_azure_native.batch whose inputs it takes, in ARM's own names), `many` when it is a list of those, `keys` (a Rule)
when it is a mapping of those, `secret` when no error may show it. Keys are the fields' names in camelCase. A class may
have methods whose names begin with `conflicts`: each yields problems between a few values, with keys relative to it.

Does not own any setting.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, field, fields, is_dataclass, replace
from typing import Any, TypeVar

from components import arm_inputs
from components.validation import Problem, Rule

Record = TypeVar("Record")


def setting(text: str, rule: Rule, default: Any = MISSING, *, secret: bool = False, lands: str = "") -> Any:
    """A field with a plain value; without a default it has to be configured."""
    return _field({"help": text, "rule": rule, "secret": secret, "lands": lands}, default)


def nested(text: str, kind: type[Any], default: Any = None, *, many: bool = False, lands: str = "") -> Any:
    """A field that is a record, or a list of records."""
    rule = _shape("a list of objects" if many else _object(kind), many=many)
    metadata = {"help": text, "rule": rule, "record": kind, "many": many, "lands": lands}
    return field(metadata=metadata, default=() if many and default is None else default)


def table(text: str, kind: type[Any], keys: Rule, default: Any = MISSING, *, lands: str = "") -> Any:
    """A field that holds records by key; without a default there has to be one at least."""
    least = " at least one" if default is MISSING else ""
    rule = Rule(
        f"must map{least} key to {_object(kind)}",
        lambda value: isinstance(value, dict) and (default is not MISSING or bool(value)),
    )
    return _field({"help": text, "rule": rule, "record": kind, "keys": keys, "lands": lands}, default)


def _field(metadata: Mapping[str, Any], default: Any) -> Any:
    if isinstance(default, dict):
        return field(metadata=metadata, default_factory=default.copy)
    return field(metadata=metadata, default=default)


def _object(kind: type[Any]) -> str:
    return f"an object with settings such as {', '.join(key_of(item) for item in fields(kind)[:3])}"


def native(text: str, name: str, *, many: bool = False) -> Any:
    """A field in ARM's own shape, as the class `name` of pulumi_azure_native.batch describes it."""
    what = f"{'a list of ' if many else ''}{name.removesuffix('Args')} in ARM's names"
    metadata = {"help": text, "rule": _shape(what, many=many), "arm": name, "many": many}
    return field(metadata=metadata, default=() if many else None)


def _shape(what: str, *, many: bool) -> Rule:
    kinds = (list, tuple) if many else (dict,)
    return Rule(f"must be {what}", lambda value: isinstance(value, kinds))


def key_of(item: Field[Any]) -> str:
    """The key of a field: camelCase, as Pulumi configuration is written."""
    head, *rest = item.name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def problems(kind: type[Any], values: Mapping[str, Any], prefix: str) -> list[Problem]:
    """Unknown keys, missing ones, values that break their rule, at any depth; and conflicts between the others."""
    found = list(_problems(kind, values, prefix))
    settings = partly(kind, values) if found else record(kind, values)
    conflicts = [getattr(settings, name) for name in sorted(dir(kind)) if name.startswith("conflicts")]
    return [*found, *asked(conflicts, prefix, whole=not found)]


def asked(checks: Iterable[Callable[[], Iterable[Problem]]], prefix: str, *, whole: bool) -> Iterator[Problem]:
    """What checks of a record find. Of one that is not whole: a check that needs a wrong value says nothing more."""
    for check in checks:
        with contextlib.nullcontext() if whole else contextlib.suppress(AttributeError):
            for problem in check():
                yield replace(problem, key=f"{prefix}{problem.key}")


def judge(settings: Any, prefix: str = "") -> list[Problem]:
    """Everything that is wrong with a record that was made in Python."""
    return problems(type(settings), plain(settings), prefix)


def plain(value: Any) -> Any:
    """A record as the plain values it would be read from."""
    if is_dataclass(value) and not isinstance(value, type):
        pairs = [(item, getattr(value, item.name)) for item in fields(value)]
        return {key_of(item): plain(given) for item, given in pairs if given is not None}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def partly(kind: type[Any], values: Mapping[str, Any]) -> Any:
    """The record without its wrong values, at any depth: to read one of those is an AttributeError."""
    settings = object.__new__(kind)
    for item in fields(kind):
        key = key_of(item)
        found = _right(item, values[key]) if key in values else default_of(item)
        if found is not MISSING:
            object.__setattr__(settings, item.name, found)
    return settings


def _right(item: Field[Any], value: Any) -> Any:
    """The value, or what is right within it; MISSING where nothing is."""
    kind = item.metadata.get("record")
    if not any(_judged(item, value, "")):
        return _read(item, value)
    if kind and isinstance(value, dict):
        entries = {key: partly(kind, one) for key, one in value.items() if isinstance(one, dict)}
        return entries if "keys" in item.metadata else partly(kind, value)
    if kind and isinstance(value, list | tuple):
        return tuple(partly(kind, one) for one in value if isinstance(one, dict))
    return MISSING


def default_of(item: Field[Any]) -> Any:
    """The default of a field; MISSING where it has none."""
    return item.default_factory() if item.default_factory is not MISSING else item.default


def _problems(kind: type[Any], values: Mapping[str, Any], prefix: str) -> Iterator[Problem]:
    known = {key_of(item): item for item in fields(kind)}
    for key in values:
        if key not in known:
            yield Problem(f"{prefix}{key}", None, f"is not a setting; there are {', '.join(sorted(known))}")
    for key, item in known.items():
        if key in values:
            yield from _judged(item, values[key], f"{prefix}{key}")
        elif item.default is MISSING and item.default_factory is MISSING:
            yield Problem(f"{prefix}{key}", None, f"is missing and {item.metadata['rule'].text}")


def _judged(item: Field[Any], value: Any, where: str) -> Iterator[Problem]:
    about = item.metadata
    if type(value) is type(item.default) and value == item.default:
        return  # Absent, told in other words: None and "" are no values that a rule speaks of.
    if not about["rule"].holds(value):
        yield Problem(where, None if about.get("secret") else shown(about["rule"].part(value)), about["rule"].text)
        return
    parts = [(where, value)]
    if about.get("many"):
        parts = [(f"{where}[{index}]", one) for index, one in enumerate(value)]
    if "keys" in about:
        yield from (Problem(where, key, about["keys"].text) for key in value if not about["keys"].holds(key))
        parts = [(f"{where}.{key}", one) for key, one in value.items()]
    for at, part in parts:
        if "arm" in about:
            yield from arm_inputs.problems(arm_inputs.named(about["arm"]), part, at)
        elif "record" in about and isinstance(part, dict):
            yield from problems(about["record"], part, f"{at}.")
        elif "record" in about:
            yield Problem(at, shown(part), f"must be {_object(about['record'])}")


def record(kind: type[Record], values: Mapping[str, Any]) -> Record:
    """The record of values that have no problems."""
    known = {key_of(item): item for item in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    return kind(**{known[key].name: _read(known[key], value) for key, value in values.items()})


def _read(item: Field[Any], value: Any) -> Any:
    kind, many = item.metadata.get("record"), item.metadata.get("many")
    if "keys" in item.metadata:
        return {key: record(item.metadata["record"], one) for key, one in value.items()}
    if many:
        return tuple(record(kind, one) if kind else one for one in value)
    if kind and isinstance(value, dict):
        return record(kind, value)
    return tuple(value) if isinstance(value, list) else value


def shown(value: object) -> object:
    """What of a value may stand in an error: structured ones are too long to repeat, and may hold secrets."""
    return value if isinstance(value, str | int | float | bool | None) or not value else None
