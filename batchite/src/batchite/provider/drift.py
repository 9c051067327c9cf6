"""Inputs after a refresh: what changed among the outputs since the last deployment is copied into the inputs. Pure.

The service adds defaults of its own to what it returns, so outputs alone cannot tell what the program had asked for.
Only a property whose projection differs between the stored and the present outputs has drifted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchite.provider.values import Properties


def drifted(inputs: Mapping[str, Any], before: Mapping[str, Any], now: Mapping[str, Any]) -> Properties:
    """The inputs with the difference of the two projections (`translate.project`) applied to them."""
    kept = {name: value for name, value in inputs.items() if name in now or name not in before}
    changed = {name: value for name, value in now.items() if name not in before or before[name] != value}
    return kept | {name: _value(inputs.get(name), before.get(name), value) for name, value in changed.items()}


def _value(base: Any, before: Any, now: Any) -> Any:
    if isinstance(base, dict) and isinstance(before, dict) and isinstance(now, dict):
        return drifted(base, before, now)
    if isinstance(base, list) and isinstance(before, list) and isinstance(now, list):
        return [_item(index, base, before, item) for index, item in enumerate(now)]
    return now


def _item(index: int, base: list[Any], before: list[Any], now: Any) -> Any:
    if index >= len(base) or index >= len(before):
        return now
    return base[index] if before[index] == now else _value(base[index], before[index], now)
