"""The page of differences says what the server does: every refusal it lists is one, and it lists no other."""

import re
from pathlib import Path
from typing import Any

import pytest
from batch.harness import IDENTITY, POOL, Account

from batchite.arm.types.batch_accounts import _QUOTAS
from batchite.batch.options import PAGE
from batchite.batch.task_handlers import MOST_TASKS
from batchite.scheduler.capacity import MOST_COMMUNICATING, MOST_NODES

pytestmark = pytest.mark.ours

PAGE_OF_DIFFERENCES = (Path(__file__).resolve().parents[3] / "docs/differences.md").read_text()
BLOB = "azureBlobFileSystemConfiguration"
CONTAINER = {
    "accountName": "a",
    "containerName": "c",
    "relativeMountPath": "m",
    "identityReference": {"resourceId": IDENTITY},
}
MACHINE = POOL["virtualMachineConfiguration"]


def of_pool(**more: Any) -> tuple[str, dict[str, Any]]:
    """A request for a pool."""
    return "/pools", POOL | more


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "virtualMachineConfiguration.extensions": of_pool(virtualMachineConfiguration=MACHINE | {"extensions": [{}]}),
    **{
        f"mountConfiguration.{kind}": of_pool(mountConfiguration=[{kind: {}}])
        for kind in ("azureFileShareConfiguration", "cifsMountConfiguration", "nfsMountConfiguration")
    },
    **{
        f"mountConfiguration.{BLOB}.{secret}": of_pool(mountConfiguration=[{BLOB: CONTAINER | {secret: "s"}}])
        for secret in ("accountKey", "sasKey")
    },
    "authenticationTokenSettings": (
        "/jobs/job/tasks",
        {"id": "t", "commandLine": "c", "authenticationTokenSettings": {"access": ["job"]}},
    ),
    "jobManagerTask.authenticationTokenSettings": (
        "/jobs",
        {
            "id": "job",
            "poolInfo": {"poolId": "pool"},
            "jobManagerTask": {"id": "m", "commandLine": "c", "authenticationTokenSettings": {"access": ["job"]}},
        },
    ),
}


def rows(title: str) -> list[str]:
    """The entries of the first column of a section's table, without marks."""
    section = PAGE_OF_DIFFERENCES.split(f"## {title}\n")[1].split("\n## ")[0]
    return [line.split("|")[1].strip().strip("`") for line in section.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_page_calls_refused_is_refused_by_name(account: Account, name: str) -> None:
    """501, and the answer names the property."""
    target, body = REFUSED[name]
    if target == "/jobs/job/tasks":
        account.job()  # its pool may come later
    answer = account.post(target, body)
    assert (answer.status, answer.code) == (501, "NotImplemented")
    assert name in re.sub(r"\[\d+\]", "", answer.body.decode())


def test_the_page_lists_what_the_test_sends() -> None:
    """No row without a test, no test without a row."""
    assert rows("Refused") == list(REFUSED)


def test_the_limits_on_the_page_are_those_of_the_code() -> None:
    """Quotas of accounts, nodes and requests."""
    names = ("dedicatedCoreQuota", "lowPriorityCoreQuota", "poolQuota", "activeJobAndJobScheduleQuota")
    for limits in (
        ", ".join(str(_QUOTAS[name]) for name in names),
        f"{MOST_NODES}; {MOST_COMMUNICATING}",
        f"{MOST_TASKS}, 100, 10, {PAGE}",
    ):
        assert f"| {limits} |" in PAGE_OF_DIFFERENCES
