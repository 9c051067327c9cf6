"""A pool scales by a formula whose highest demand for nodes can be proved and is within the limits.

A pool of a fixed number costs what its nodes cost, whether there is work or not: it has a limit of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from batchite.autoscale import Formula, FormulaError, ceiling, parse
from policies.rules.rule import Finding, Rule, Setting, Unclear
from policies.rules.values import UNDETERMINED, get

FORMULA = "scaleSettings.autoScale.formula"
INTERVAL = "scaleSettings.autoScale.evaluationInterval"
FIXED = "scaleSettings.fixedScale"
TARGETS = (f"{FIXED}.targetDedicatedNodes", f"{FIXED}.targetLowPriorityNodes")
OPTION = "$NodeDeallocationOption"
DURATION = re.compile(r"P(?=.)(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
SHORTEST, LONGEST = 5 * 60, 168 * 3600  # Seconds: PT5M and PT168H, the service's own limits.


def judge(props: Any, settings: Mapping[str, Any]) -> Iterator[Finding]:
    """Formula and interval, or the fixed number."""
    if get(props, FIXED) is not None:
        yield from _fixed(props, int(settings["maxFixed"]))
        return
    formula = get(props, FORMULA)
    if formula is UNDETERMINED:
        yield Unclear(FORMULA)
    elif not isinstance(formula, str):
        yield f"{FORMULA} is missing: the pool must scale by a formula, idle nodes are paid for too."
    else:
        yield from _formula(formula, settings)
    yield from _interval(get(props, INTERVAL))


def _fixed(props: Any, limit: int) -> Iterator[Finding]:
    found = {path: get(props, path) for path in TARGETS}
    yield from (Unclear(path) for path, value in found.items() if value is UNDETERMINED)
    nodes = sum(int(value) for value in found.values() if isinstance(value, int | float))
    if nodes > limit:
        yield f"{FIXED} has {nodes} nodes, above the limit of {limit}: use a formula, idle nodes are paid for too."


def _formula(text: str, settings: Mapping[str, Any]) -> Iterator[Finding]:
    try:
        formula = parse(text)
    except FormulaError as error:
        yield f"{FORMULA} is not valid at line {error.line}, column {error.column}."
        return
    highest = ceiling(formula)
    yield from _cap("$TargetDedicatedNodes", highest.dedicated, int(settings["maxDedicated"]))
    yield from _cap("$TargetLowPriorityNodes (Spot)", highest.spot, int(settings["maxSpot"]))
    if not _deallocates(formula):
        yield f"{FORMULA} must set {OPTION} to taskcompletion, requeue or terminate."


def _cap(target: str, highest: int | None, limit: int) -> Iterator[str]:
    if highest is None:
        yield f"{FORMULA}: {target} has no provable upper limit; write it as min(..., {limit})."
    elif highest > limit:
        yield f"{FORMULA}: {target} may reach {highest}, above the limit of {limit} nodes."


def _deallocates(formula: Formula) -> bool:
    """Whether nodes that go leave in a stated way. `retaineddata` keeps paid nodes waiting and does not count."""
    chosen = [statement.value for statement in formula.statements if statement.name == OPTION]
    return bool(chosen) and getattr(chosen[-1], "name", "") in {"taskcompletion", "requeue", "terminate"}


def _interval(text: Any) -> Iterator[Finding]:
    if text is UNDETERMINED:
        yield Unclear(INTERVAL)
    elif text is not None and not SHORTEST <= _seconds(text) <= LONGEST:
        yield f"{INTERVAL} must be from PT5M to PT168H."


def _seconds(text: Any) -> int:
    match = DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return 0
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


RULE = Rule(
    name="batch-pool-autoscale-caps",
    description="Pools scale by a valid formula with proved limits, or have few nodes of a fixed number.",
    resource="batch:Pool",
    judge=judge,
    settings={
        "maxDedicated": Setting("The most dedicated nodes that a formula may ask for.", 100),
        "maxSpot": Setting("The most Spot nodes that a formula may ask for.", 500),
        "maxFixed": Setting("The most nodes of a pool of a fixed number; 0 refuses such pools.", 0),
    },
)
