"""A start task holds no secret: whoever may read the pool reads its command line, variables and file addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rules.rule import Finding, Rule, Unclear
from policies.rules.secrets import is_secret_name, looks_like
from policies.rules.values import UNDETERMINED, get, items, leaves

NEXT = "let the script fetch it with the pool's identity"
PLACES = ("commandLine", "environmentSettings", "resourceFiles", "containerSettings")


def judge(props: Any, _settings: Mapping[str, Any]) -> Iterator[Finding]:
    """All text of the start task, and variables named after secrets."""
    for place in PLACES:
        path = f"startTask.{place}"
        for at, value in leaves(get(props, path), path):
            yield from _text(at, value)
    for index, setting in enumerate(items(get(props, "startTask.environmentSettings"))):
        name, value = get(setting, "name"), get(setting, "value")
        if isinstance(name, str) and is_secret_name(name) and value is not None and value != "":
            yield f"startTask.environmentSettings[{index}] has the name of a secret: {NEXT}."


def _text(path: str, value: Any) -> Iterator[Finding]:
    if value is UNDETERMINED:
        yield Unclear(path)
    elif isinstance(value, str) and (kind := looks_like(value)):
        yield f"{path} seems to hold {kind}: {NEXT}."
    elif isinstance(value, str) and value and is_secret_name(path.rpartition(".")[2]):
        yield f"{path} is there to hold a secret: {NEXT}."


RULE = Rule(
    name="batch-pool-start-task-secrets",
    description="Start tasks hold no key, signature, password or token.",
    resource="batch:Pool",
    judge=judge,
    severity="critical",
)
