"""Whether the tasks that a job brings with it can run: ids, users, identities and packages that they name."""

from __future__ import annotations

from collections.abc import Mapping

from batchite.batch import job_tasks
from batchite.batch.accounts import BatchAccount
from batchite.batch.applications import ApplicationDirectory, check_references
from batchite.batch.tasks import check_work
from batchite.http.types import Json


def check_own_tasks(
    body: Mapping[str, Json],
    pool_document: Mapping[str, Json] | None,
    account: BatchAccount | None,
    applications: ApplicationDirectory,
) -> None:
    """Raise a 400, or a 409 for packages. Without a pool there is nothing to compare users and identities with."""
    job_tasks.check_own_tasks(body)
    for name, task in job_tasks.shown(body).items():
        if pool_document is not None:
            check_work(pool_document, account, task, f"{name}.")
        if account is not None:
            check_references(applications, account.name, task.get("applicationPackageReferences") or ())
