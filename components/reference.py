"""What a stack file may say, written from the settings themselves: a page for people, a JSON Schema for editors.

`python -m components.reference` writes both; a test fails when they are not up to date. Pure but for `main`.

Does not own any setting.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from components import arm_inputs, reach
from components.config import Settings
from components.records import default_of, key_of, plain

PROJECT = "azure-batch"
PAGE = Path("docs") / "configuration.md"
SCHEMA = Path("docs") / "configuration.schema.json"
_HEAD = f"""# Configuration of a stack

A stack is configured by its file `Pulumi.<stack>.yaml` alone; every key below stands under `config:` with `{PROJECT}:`
before it. Wrong settings are told all at once, before any resource is made. The first line of the files that come with
the project names [a JSON Schema](configuration.schema.json), with which editors complete and check them.

A section that is marked *off* is not deployed until it is in the file; `{{}}` takes all its defaults. Secrets are
encrypted by Pulumi (`pulumi config set --secret --path {PROJECT}:webhooks.oncall https://…`); in plain text they are
refused.

This page is written by `python -m components.reference`.
"""


def page() -> str:
    """The reference page, Markdown."""
    return "\n".join([_HEAD, *_section("", Settings, "## The stack")])


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 7) of a stack file."""
    keys = {f"{PROJECT}:{key_of(item)}": _field_schema(item) for item in fields(Settings)}
    foreign = {"not": {"pattern": f"^{PROJECT}:"}}
    config = {
        "type": "object",
        "required": [f"{PROJECT}:{key_of(item)}" for item in fields(Settings) if _is_required(item)],
        "properties": keys,
        "propertyNames": {"anyOf": [{"enum": sorted(keys)}, foreign]},
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A stack file of this project",
        "type": "object",
        "properties": {"config": config},
    }


def _is_required(item: Field[Any]) -> bool:
    return default_of(item) is MISSING


def _section(path: str, kind: type[Any], heading: str) -> Iterator[str]:
    yield f"{heading}\n\n{inspect.cleandoc(kind.__doc__ or '')}\n"
    yield "| key | may be | default | meaning | becomes |\n|---|---|---|---|---|"
    yield from (_row(item, path) for item in fields(kind))
    yield ""
    for item in fields(kind):
        if record := item.metadata.get("record"):
            inner = _inner(path, item)
            yield from _section(inner, record, f"## `{inner}`")


def _inner(path: str, item: Field[Any]) -> str:
    """The path of a section within that of its field: "pools.<key>", "network"."""
    suffix = ".<key>" if "keys" in item.metadata else "[]" if item.metadata.get("many") else ""
    return f"{path}.{key_of(item)}".lstrip(".") + suffix


def _allowed(item: Field[Any], path: str) -> str:
    if "record" not in item.metadata:
        text: str = item.metadata["rule"].text
        return text.removeprefix("must be ").removeprefix("must ")
    inner = _inner(path, item)
    return f"[{inner}](#{re.sub(r'[^a-zA-Z0-9-]', '', inner).lower()})"


def _row(item: Field[Any], path: str) -> str:
    about = item.metadata
    lands = about.get("lands") or _of_pool(f"{path}.{key_of(item)}")
    cells = [f"`{key_of(item)}`", _allowed(item, path), _shown(item), about["help"], lands]
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _of_pool(path: str) -> str:
    """What a setting of a pool becomes; other sections say it themselves."""
    prefix = "pools.<key>."
    return reach.becomes(path.removeprefix(prefix).replace("[]", "")) if path.startswith(prefix) else ""


def _shown(item: Field[Any]) -> str:
    default = default_of(item)
    if default is MISSING:
        return "*required*"
    if default is None:
        return "*off*" if "record" in item.metadata else "*none*"
    return "" if "record" in item.metadata else f"`{json.dumps(plain(default))}`"


def _record_schema(kind: type[Any]) -> dict[str, Any]:
    required = [key_of(item) for item in fields(kind) if _is_required(item)]
    found = {
        "type": "object",
        "additionalProperties": False,
        "properties": {key_of(item): _field_schema(item) for item in fields(kind)},
    }
    return {**found, "required": required} if required else found


def _field_schema(item: Field[Any]) -> dict[str, Any]:
    found = _value_schema(item)
    if "keys" in item.metadata:
        names = item.metadata["keys"].schema
        found = {"type": "object", "additionalProperties": found, "propertyNames": names}
    if item.metadata.get("many"):
        found = {"type": "array", "items": found}
    if item.metadata.get("secret"):
        encrypted = dict(arm_inputs.ENCRYPTED)
        found = {"anyOf": [encrypted, {"type": "object", "additionalProperties": encrypted}]}
    if default_of(item) is None:
        found = {"anyOf": [found, {"type": "null"}]}
    default = default_of(item)
    shown = {} if default in (MISSING, None, ()) or "record" in item.metadata else {"default": plain(default)}
    return {"description": item.metadata["help"], **found, **shown}


def _value_schema(item: Field[Any]) -> dict[str, Any]:
    if record := item.metadata.get("record"):
        return _record_schema(record)
    if name := item.metadata.get("arm"):
        return arm_inputs.schema(arm_inputs.named(name))
    return dict(item.metadata["rule"].schema)


def main() -> None:
    """Write the page and the schema."""
    PAGE.write_text(page(), encoding="utf-8")
    SCHEMA.write_text(json.dumps(schema(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
