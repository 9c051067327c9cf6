"""The management SDKs' models as trees of names: what ARM's bodies hold, told by somebody else than us.

Two generations of models are read: those with an attribute map, whose keys are paths (`properties.vmSize`), and those
with fields that carry their name on the wire.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from batchite.provider import paths
from batchite.provider.schema import ResourceType, Shape
from batchite.provider.translate import members


def misplaced(row: ResourceType, models: ModuleType, model: str) -> Iterator[str]:
    """Inputs of the type that would lie in ARM's body where the API's own model has nothing."""
    inputs = {name: shape for name, shape in members(row.inputs).items() if name not in paths.parameters(row.path)}
    for name, shape in inputs.items():
        if name in row.refused:
            continue
        place = row.wire_names.get(name, name)
        key = place if name in row.top else f"properties.{place}"
        yield from _missing(row, models, getattr(models, model), key, shape, name)


def _missing(row: ResourceType, models: ModuleType, model: Any, key: str, shape: Shape, path: str) -> Iterator[str]:
    found = _find(models, model, key)
    if found is None:
        yield f"{path}: no {key} in {model.__name__}"
        return
    inner = shape[0] if isinstance(shape, list) else shape
    inner = inner.get("*", inner) if isinstance(inner, dict) else inner
    kinds = [getattr(models, name) for name in re.findall(r"\w+", found) if _is_model(getattr(models, name, None))]
    if isinstance(inner, dict) and kinds and path not in row.string_sets:
        for name, one in members(inner).items():
            below = f"{path}.{name}"
            yield from _missing(row, models, kinds[0], row.wire_names.get(below, name), one, below)


def _find(models: ModuleType, model: Any, key: str) -> str | None:
    """The type of what lies at a key, as the model or one of its subtypes writes it."""
    for one in (model, *_subtypes(models, model)):
        keys = _keys(one)
        if key in keys:
            return keys[key]
        first, _, rest = key.partition(".")
        kind = re.findall(r"\w+", keys.get(first, ""))
        held = [getattr(models, name) for name in kind if _is_model(getattr(models, name, None))]
        if rest and held and (found := _find(models, held[0], rest)) is not None:
            return found
    return None


def _keys(model: Any) -> Mapping[str, str]:
    if hasattr(model, "_attribute_map"):
        return {entry["key"]: entry["type"] for entry in model._attribute_map.values()}
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        for name, annotation in vars(kind).get("__annotations__", {}).items():
            field = vars(kind).get(name)
            if hasattr(field, "_rest_name_input"):
                found[field._rest_name_input or name] = str(annotation)
    return found


def _subtypes(models: ModuleType, model: Any) -> Iterator[Any]:
    for kinds in (getattr(model, "_subtype_map", None) or {}).values():
        for name in kinds.values():
            yield getattr(models, name)
            yield from _subtypes(models, getattr(models, name))


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and (
        hasattr(kind, "_attribute_map") or any(hasattr(one, "_rest_name_input") for one in vars(kind).values())
    )
