"""What the end of a task means for those that depend on it, and for its job."""

from __future__ import annotations

from batchite.scheduler.exit_rules import ExitAction, ExitRules
from batchite.scheduler.model import Failure, TaskState

_ENDED, _UPLOAD = "TaskEnded", "FileUpload"
_SUCCESS, _FAILURE = ExitAction("satisfy", "none"), ExitAction("block", "terminate")


def action(task: TaskState, failure: Failure | None) -> ExitAction:
    """The action with its defaults filled in. Source: REST reference, ExitConditions and ExitOptions.

    An exit code that is listed goes before an upload that failed; exit code 0 has an action only when it is listed.
    """
    default = _FAILURE if failure else _SUCCESS
    if task.exits is None:
        return default
    found = _chosen(task.exits, task.exit_code, failure)
    return ExitAction(found.dependency or default.dependency, found.job or default.job)


def _chosen(rules: ExitRules, code: int | None, failure: Failure | None) -> ExitAction:
    for codes in rules.codes:
        if code is not None and codes.first <= code <= codes.last:
            return codes.action
    if failure is None:
        return ExitAction()
    if failure.code.startswith(_UPLOAD):
        return rules.file_upload or rules.default
    if code is None and failure.code != _ENDED:
        return rules.pre_processing or rules.default
    return rules.default
