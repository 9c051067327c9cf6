"""The JSON body of a request, for all planes: an object, strictly JSON, of a depth that code can walk through."""

from __future__ import annotations

import orjson

from batchite.http.types import Json

DEEPEST = 64
"""Levels of nesting. No document of the services has ten; what is deeper would end in the stack of whoever walks it."""


class NotAnObjectError(ValueError):
    """The body is no JSON object; the message says why."""


def json_object(body: bytes) -> dict[str, Json]:
    """The object a body holds. Raises NotAnObjectError, also for NaN, lone surrogates and what is not UTF-8."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotAnObjectError(f"The body is not valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise NotAnObjectError("The body must be a JSON object.")
    if body.count(b"{") + body.count(b"[") > DEEPEST and _depth(document) > DEEPEST:
        raise NotAnObjectError(f"The body is nested more than {DEEPEST} levels deep.")
    return document


def _depth(document: Json) -> int:
    """Levels of lists and objects; stops at the level that is too deep."""
    level, depth = [document], 0
    while level and depth <= DEEPEST:
        inner = (item.values() if isinstance(item, dict) else item for item in level)
        level = [item for items in inner for item in items if isinstance(item, dict | list)]
        depth += 1
    return depth
