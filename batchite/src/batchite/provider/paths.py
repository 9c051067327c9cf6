"""ARM path templates: `/subscriptions/{subscriptionId}/…/pools/{poolName}` to a resource id and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

_PARAMETER = re.compile(r"\{(\w+)\}")
_SCOPES = frozenset({"scope", "resourceUri"})  # parameters that are themselves a resource id and hold slashes


def parameters(template: str) -> tuple[str, ...]:
    """The names of the template's parameters, in order."""
    return tuple(_PARAMETER.findall(template))


def render(template: str, values: Mapping[str, str]) -> str:
    """The path with every parameter filled in and percent-encoded. Raises KeyError for a missing value."""
    return _PARAMETER.sub(lambda found: _encoded(found[1], values[found[1]]), template)


def match(template: str, resource_id: str) -> dict[str, str] | None:
    """The parameters of a resource id, or None when it is not one of the template (letter case does not matter)."""
    pattern = "".join(_pattern(part, index) for index, part in enumerate(_PARAMETER.split(template)))
    found = re.fullmatch(pattern, resource_id, re.IGNORECASE)
    if found is None:
        return None
    return {name: ("/" if name in _SCOPES else "") + unquote(value) for name, value in found.groupdict().items()}


def _encoded(name: str, value: str) -> str:
    return quote(value.strip("/"), safe="/") if name in _SCOPES else quote(value, safe="")


def _pattern(part: str, index: int) -> str:
    if index % 2 == 0:  # re.split puts the literal text at even places, the parameter names between
        return re.escape(part)
    return f"(?P<{part}>{'.+' if part in _SCOPES else '[^/]+'})"
