"""Older API versions: what clients that ask for one send and expect differently. A version of the future is the newest.

Sources: release notes of the Batch REST API, and recorded answers of the versions named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from typing import TypeAlias

from batchite.batch.rules import refuse
from batchite.errors import invalid_property, refused_property
from batchite.http.types import Json, Request

Change: TypeAlias = Callable[[dict[str, Json]], dict[str, Json]]

SLOTS = "2020-09-01"
"""Renamed maxTasksPerNode to taskSlotsPerNode, and gave task counts and task slot counts an object each."""

FILL_TYPES = "2024-07-01"
"""Writes `spread` and `pack`; recordings up to 2024-02-01 have `Spread`."""

COMMUNICATION = "2025-06-01"
"""Has no node communication mode any more."""

HTTP_URL = "2018-12-01"
"""Renamed a resource file's blobSource to httpUrl."""

SPOT = "2017-05-01"
"""Renamed targetDedicated and currentDedicated to targetDedicatedNodes and currentDedicatedNodes."""

_RETIRED = {
    "certificateReferences": "certificates of accounts have been retired; leave them out",
    "applicationLicenses": "licensed applications have been retired; leave them out",
}
"""Lists of pools and jobs that older versions have: an empty one means none."""

_DEDICATED = {"targetDedicated": "targetDedicatedNodes", "currentDedicated": "currentDedicatedNodes"}
TAGS = "resourceTags"
TARGET_MODE, CURRENT_MODE = "targetNodeCommunicationMode", "currentNodeCommunicationMode"
_AUTO_POOL = ("poolInfo", "autoPoolSpecification", "pool")
_AUTO_POOLS = (_AUTO_POOL, ("jobSpecification", *_AUTO_POOL))


@lru_cache(64)
def is_version(text: str) -> bool:
    """Whether the text is a version: a date, which may be followed by two numbers (`2024-02-01.19.0`)."""
    day, *numbers = text.split(".")
    if len(day) != 10 or len(numbers) not in (0, 2) or not all(n.isascii() and n.isdigit() for n in numbers):
        return False
    try:
        return date.fromisoformat(day).isoformat() == day
    except ValueError:
        return False


def older(request: Request, than: str) -> bool:
    """Whether the request asks for a version from before that date."""
    return (request.query_value("api-version") or than)[:10] < than


def old_names(request: Request, kind: str) -> frozenset[str]:
    """Properties that can be selected because the request's version still has them."""
    if kind != "pools" or not older(request, COMMUNICATION):
        return frozenset()
    dedicated = _DEDICATED.keys() if older(request, SPOT) else set()
    return frozenset({TARGET_MODE, CURRENT_MODE, TAGS, *dedicated, *(["maxTasksPerNode"] * older(request, SLOTS))})


def newest(request: Request, body: dict[str, Json]) -> dict[str, Json]:
    """A request's document in today's words. Raises a 400 for what the request's version does not have."""
    if older(request, HTTP_URL):
        body = _files_renamed(body, "blobSource", "httpUrl")
    found: dict[str, Json] = _pool_to_newest(request, body)
    for path in _AUTO_POOLS:
        found = _changed(found, path, lambda pool: _pool_to_newest(request, pool))
    return found


def shown(request: Request, kind: str, item: dict[str, Json]) -> dict[str, Json]:
    """An answer's document in the words of the request's version; `kind` is the list's name in odata.metadata."""
    if older(request, HTTP_URL):
        item = _files_renamed(item, "httpUrl", "blobSource")
    if kind == "pools":
        return _pool_shown(request, item)
    for path in _AUTO_POOLS if kind in ("jobs", "jobschedules") else ():
        item = _changed(item, path, lambda pool: _pool_shown(request, pool))
    return item


def task_counts(request: Request, counts: Mapping[str, Json]) -> Mapping[str, Json]:
    """The body of `taskcounts`: before slots there were the counts of tasks only."""
    flat: Mapping[str, Json] = counts["taskCounts"]
    return flat if older(request, SLOTS) else counts


def _pool_to_newest(request: Request, pool: dict[str, Json]) -> dict[str, Json]:
    if older(request, SLOTS):
        pool = _renamed(pool, {"maxTasksPerNode": "taskSlotsPerNode"})
    if older(request, SPOT):
        pool = _renamed(pool, _DEDICATED)
    if older(request, COMMUNICATION):
        pool = _without_retired(pool)
    if pool.get(TARGET_MODE) is not None:
        _check_mode(request, pool[TARGET_MODE])
    if pool.get(TAGS) is not None:
        _check_tags(request, pool[TAGS])
    policy = pool.get("taskSchedulingPolicy")
    if older(request, FILL_TYPES) and isinstance(policy, dict) and isinstance(policy.get("nodeFillType"), str):
        pool = pool | {"taskSchedulingPolicy": policy | {"nodeFillType": policy["nodeFillType"].lower()}}
    return pool


def _changed(item: dict[str, Json], path: tuple[str, ...], change: Change) -> dict[str, Json]:
    """The document with the object at the path changed, if there is one."""
    if not path:
        return change(item)
    inner = item.get(path[0])
    return item | {path[0]: _changed(inner, path[1:], change)} if isinstance(inner, dict) else item


def _renamed(item: dict[str, Json], names: Mapping[str, str]) -> dict[str, Json]:
    return {names.get(name, name): value for name, value in item.items()}


def _files_renamed(value: Json, old: str, new: str) -> Json:
    """The document with a property of its resource files renamed, wherever they are."""
    if isinstance(value, list):
        return [_files_renamed(item, old, new) for item in value]
    if not isinstance(value, dict):
        return value
    found = {name: _files_renamed(item, old, new) for name, item in value.items()}
    files = found.get("resourceFiles")
    if isinstance(files, list):
        found["resourceFiles"] = [_renamed(one, {old: new}) if isinstance(one, dict) else one for one in files]
    return found


def _without_retired(pool: dict[str, Json]) -> dict[str, Json]:
    """The pool without empty lists of what has been retired. Raises for one that asks for it."""
    for name, reason in _RETIRED.items():
        if pool.get(name) not in (None, []):
            raise refused_property(name, reason)
    if pool.get("cloudServiceConfiguration") is not None:
        reason = "Pools of cloud services have been retired; use virtualMachineConfiguration."
        raise refuse("cloudServiceConfiguration", pool["cloudServiceConfiguration"], reason)
    return {name: value for name, value in pool.items() if name not in _RETIRED}


def _check_tags(request: Request, value: Json) -> None:
    if not older(request, COMMUNICATION):
        raise invalid_property(TAGS, "", f"No version since {COMMUNICATION} has it.", "InvalidRequestBody")
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise refuse(TAGS, value, "The value must be an object of strings.")


def _check_mode(request: Request, value: Json) -> None:
    if not older(request, COMMUNICATION):
        raise invalid_property(TARGET_MODE, "", f"No version since {COMMUNICATION} has it.", "InvalidRequestBody")
    if value not in ("default", "classic", "simplified"):
        raise refuse(TARGET_MODE, value, "The value must be one of: default, classic, simplified.")


def _pool_shown(request: Request, pool: dict[str, Json]) -> dict[str, Json]:
    if older(request, COMMUNICATION):
        nodes = pool.get("currentDedicatedNodes", 0) + pool.get("currentLowPriorityNodes", 0)
        pool = pool | ({CURRENT_MODE: "simplified"} if nodes else {})
    else:
        pool = {name: value for name, value in pool.items() if name not in (TARGET_MODE, TAGS)}
    policy = pool.get("taskSchedulingPolicy", {})
    if older(request, FILL_TYPES) and "nodeFillType" in policy:
        pool = pool | {"taskSchedulingPolicy": policy | {"nodeFillType": policy["nodeFillType"].capitalize()}}
    if older(request, SLOTS):
        pool = _renamed(pool, {"taskSlotsPerNode": "maxTasksPerNode"})
    return _renamed(pool, {new: old for old, new in _DEDICATED.items()}) if older(request, SPOT) else pool
