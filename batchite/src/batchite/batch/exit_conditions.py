"""`exitConditions` of a task: what a job allows, and the core's view of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from batchite.batch.rules import refuse
from batchite.http.types import Json
from batchite.scheduler.exit_rules import ExitAction, ExitCodes, ExitRules
from batchite.scheduler.model import JobState

_NAME = "exitConditions"


def check_exits(job: JobState, conditions: Mapping[str, Json]) -> None:
    """Raise a 400 for an action that the job does not perform. Source: REST reference, ExitOptions."""
    for name, options in _all(conditions):
        if options.get("jobAction") and job.on_task_failure == "noaction":
            reason = "A job action needs a job with onTaskFailure performexitoptionsjobaction."
            raise refuse(f"{name}.jobAction", options["jobAction"], reason)
        if options.get("dependencyAction") and not job.uses_dependencies:
            reason = "A dependency action needs a job with usesTaskDependencies true."
            raise refuse(f"{name}.dependencyAction", options["dependencyAction"], reason)
    for index, item in enumerate(conditions.get("exitCodeRanges") or ()):
        if item["start"] > item["end"]:
            raise refuse(f"{_NAME}.exitCodeRanges[{index}]", item, "start must not be greater than end.")


def rules(conditions: Mapping[str, Json] | None) -> ExitRules | None:
    """The core's view; single codes go before ranges (documented)."""
    if not conditions:
        return None
    single = [(item["code"], item["code"], item) for item in conditions.get("exitCodes") or ()]
    ranges = [(item["start"], item["end"], item) for item in conditions.get("exitCodeRanges") or ()]
    return ExitRules(
        tuple(ExitCodes(first, last, _action(item["exitOptions"])) for first, last, item in single + ranges),
        _optional(conditions.get("preProcessingError")),
        _optional(conditions.get("fileUploadError")),
        _action(conditions.get("default") or {}),
    )


def _all(conditions: Mapping[str, Json]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """Every set of options with its name."""
    for name in ("default", "preProcessingError", "fileUploadError"):
        if conditions.get(name):
            yield f"{_NAME}.{name}", conditions[name]
    for name in ("exitCodes", "exitCodeRanges"):
        for index, item in enumerate(conditions.get(name) or ()):
            yield f"{_NAME}.{name}[{index}].exitOptions", item["exitOptions"]


def _optional(options: Mapping[str, Json] | None) -> ExitAction | None:
    return None if options is None else _action(options)


def _action(options: Mapping[str, Json]) -> ExitAction:
    return ExitAction(options.get("dependencyAction") or "", options.get("jobAction") or "")
