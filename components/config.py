"""The stack configuration: typed, complete and judged as a whole before any resource is made.

`parse` is pure. Does not own what settings lead to: that is in the components.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from typing import Any, TypeVar

import pulumi
from pulumi.runtime import config as engine_config

from components.naming import POOL_KEY, PREFIX
from components.validation import Problem, Rule, matching, one_of, refuse, whole

MAX_NODES = 10_000
_FILE = matching(r"(?!/)(?!.*\.\./).+", "must be a path relative to the project, without '..'")
_TAGS = Rule(
    "must map names to strings",
    lambda value: isinstance(value, dict) and all(isinstance(item, str) for pair in value.items() for item in pair),
)
_POOLS = Rule("must map at least one pool to its settings", lambda value: isinstance(value, dict) and bool(value))
_POOL = Rule("must be the settings of a pool", lambda value: isinstance(value, dict))
_STRUCTURED = ("pools", "tags")
Record = TypeVar("Record")


def _setting(rule: Rule, default: Any = MISSING) -> Any:
    """A field of a settings class with its rule; without a default it has to be configured."""
    if isinstance(default, dict):
        return field(metadata={"rule": rule}, default_factory=default.copy)
    return field(metadata={"rule": rule}, default=default)


def _minutes(text: object) -> int | None:
    match = re.fullmatch(r"PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?", text) if isinstance(text, str) else None
    return None if match is None else 60 * int(match[1] or 0) + int(match[2] or 0)


_INTERVAL = Rule(
    "must be an ISO 8601 duration of hours and minutes from PT5M to PT168H",
    lambda value: 5 <= (_minutes(value) or 0) <= 168 * 60,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """One pool. Nodes are counted; slots are tasks that run at once on a node."""

    vm_size: str = _setting(matching(r"(?i)standard_\w+", "must be a VM size such as standard_d2s_v3"))
    max_dedicated: int = _setting(whole(0, MAX_NODES))
    max_spot: int = _setting(whole(0, MAX_NODES))
    min_dedicated: int = _setting(whole(0, MAX_NODES), 0)
    min_spot: int = _setting(whole(0, MAX_NODES), 0)
    task_slots_per_node: int = _setting(whole(1, 256), 1)
    evaluation_interval: str = _setting(_INTERVAL, "PT5M")
    deallocation: str = _setting(one_of("taskcompletion", "requeue", "terminate"), "taskcompletion")
    start_task: str = _setting(_FILE, "start_tasks/python_packages.sh")
    requirements: str = _setting(_FILE, "workloads/solar/requirements.txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A stack. `environment_file`, when set, names the variables `jobs` has to load; `pools` is by key.

    `deployer_principal_type` is what Entra calls whoever deploys: a pipeline is a ServicePrincipal.
    """

    location: str = _setting(matching(r"[a-z][a-z0-9]+", "must be an Azure region such as westeurope"))
    pools: Mapping[str, PoolSettings] = _setting(_POOLS)
    name_prefix: str = _setting(PREFIX, "batch")
    environment_file: str = _setting(matching(r".+", "must be the path of a file"), "")
    public_network_access: str = _setting(one_of("Enabled", "Disabled"), "Enabled")
    deployer_principal_type: str = _setting(one_of("User", "Group", "ServicePrincipal"), "User")
    tags: Mapping[str, str] = _setting(_TAGS, {})


def load() -> Settings:
    """The configuration of the running stack. Raises SettingsError."""
    project = pulumi.get_project()
    found = {**engine_config.get_config_env(), **engine_config.CONFIG.get()}
    prefix = f"{project}:"
    own = {key.removeprefix(prefix): value for key, value in found.items() if key.startswith(prefix)}
    return parse(project, own, [key for key in own if engine_config.is_config_secret(prefix + key)])


def parse(project: str, values: Mapping[str, Any], secret: Collection[str] = ()) -> Settings:
    """Settings from configuration values as the engine gives them (strings; structured ones as JSON).

    Raises SettingsError naming every key, value and rule that is wrong, without the values of `secret` keys.
    """
    read = {key: _decoded(value) if key in _STRUCTURED else value for key, value in values.items()}
    pools = read.get("pools")
    problems = [*_problems(Settings, read, f"{project}:"), *_pool_problems(pools, f"{project}:pools")]
    hidden = tuple(f"{project}:{key}" for key in secret)
    shown = (replace(one, value=None) if one.key.startswith(hidden) else one for one in problems)
    refuse(f"Configuration of the project {project}", shown)
    made = {key: _record(PoolSettings, settings) for key, settings in read["pools"].items()}
    return _record(Settings, {**read, "pools": made})


def _decoded(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _pool_problems(pools: Any, where: str) -> Iterator[Problem]:
    for key, settings in pools.items() if isinstance(pools, dict) else ():
        at = f"{where}.{key}"
        if not POOL_KEY.holds(key):
            yield Problem(where, key, POOL_KEY.text)
        if not _POOL.holds(settings):
            yield Problem(at, settings, _POOL.text)
            continue
        found = list(_problems(PoolSettings, settings, f"{at}."))
        yield from found or _bounds(settings, at)


def _bounds(settings: Mapping[str, Any], where: str) -> Iterator[Problem]:
    for kind in ("Dedicated", "Spot"):
        low, high = settings.get(f"min{kind}", 0), settings[f"max{kind}"]
        if low > high:
            yield Problem(f"{where}.min{kind}", low, f"must be at most max{kind}, which is {high}")
    if settings["maxDedicated"] + settings["maxSpot"] == 0:
        yield Problem(f"{where}.maxDedicated", 0, "must leave the pool a node, dedicated or Spot")


def _problems(kind: type[Any], values: Mapping[str, Any], prefix: str) -> Iterator[Problem]:
    """Unknown keys, missing ones, and values that break their rule."""
    known = {_key(item): item for item in fields(kind)}
    for key in values:
        if key not in known:
            yield Problem(f"{prefix}{key}", None, f"is not a setting; there are {', '.join(sorted(known))}")
    for key, item in known.items():
        rule: Rule = item.metadata["rule"]
        if key in values and not rule.holds(values[key]):
            yield Problem(f"{prefix}{key}", _shown(values[key]), rule.text)
        if key not in values and item.default is MISSING and item.default_factory is MISSING:
            yield Problem(f"{prefix}{key}", None, f"is missing and {rule.text}")


def _shown(value: object) -> object:
    """Structured values are too long to repeat."""
    return value if isinstance(value, str | int | float | bool | None) else type(value).__name__


def _record(kind: type[Record], values: Mapping[str, Any]) -> Record:
    names = {_key(item): item.name for item in fields(kind)}  # type: ignore[arg-type]  # both are dataclasses
    return kind(**{names[key]: value for key, value in values.items()})


def _key(item: Field[Any]) -> str:
    """The key of a field: camelCase, as Pulumi configuration is written."""
    head, *rest = item.name.split("_")
    return head + "".join(part.capitalize() for part in rest)
