"""Tasks that run as one of the pool's user accounts."""

from typing import Any

import pytest
from batch.harness import Account

from batchite.batch.user_accounts import is_admin
from batchite.scheduler.model import TaskKey

pytestmark = pytest.mark.documented

HIDDEN = "a-secret-that-nobody-may-see"
USERS = [
    {"name": "worker", "password": HIDDEN},
    {
        "name": "Root",
        "password": HIDDEN,
        "elevationLevel": "admin",
        "linuxUserConfiguration": {"uid": 7, "gid": 7, "sshPrivateKey": HIDDEN},
    },
]


def test_secrets_of_accounts_are_not_shown(account: Account) -> None:
    """Names, elevation levels and numbers come back, passwords and keys do not, nor do they lie in the store."""
    account.pool(userAccounts=USERS)
    shown = account.get("/pools/pool")
    assert shown.json["userAccounts"] == [
        {"name": "worker"},
        {"name": "Root", "elevationLevel": "admin", "linuxUserConfiguration": {"uid": 7, "gid": 7}},
    ]
    kept = account.server.service.document("pool.doc", f"{account.name}/pool")
    assert kept is not None
    assert kept["userAccounts"] == shown.json["userAccounts"]
    assert HIDDEN.encode() not in account.get("/pools").body


def test_a_task_runs_as_an_account_of_its_pool(account: Account) -> None:
    """Named in any letter case; the account's elevation level is the task's."""
    account.pool(nodes=1, userAccounts=USERS)
    account.job()
    for name in ("worker", "ROOT"):
        task = {"id": name, "commandLine": "exit 0", "userIdentity": {"username": name}}
        assert account.post("/jobs/job/tasks", task).status == 201
        assert account.finished(name)["userIdentity"] == {"username": name}
    launches = {key.task: launch.admin for key, launch in account.server.agent.launches.items() if key in mine(account)}
    assert launches == {"worker": False, "root": True}


def mine(account: Account) -> list[TaskKey]:
    """The tasks of this test."""
    return [TaskKey(account.name, "job", name) for name in ("worker", "root")]


def test_a_start_task_runs_as_an_account_of_its_pool(account: Account) -> None:
    """The node shows as whom it ran."""
    start = {"commandLine": "exit 0", "userIdentity": {"username": "worker"}}
    account.pool(nodes=1, userAccounts=USERS, startTask=start)
    node = account.get("/pools/pool/nodes").json["value"][0]
    assert node["startTask"]["userIdentity"] == {"username": "worker"}
    changed = {"startTask": start | {"userIdentity": {"username": "nobody"}}}
    answer = account.call("PATCH", "/pools/pool", changed)
    assert (answer.status, answer.values["PropertyName"]) == (400, "startTask.userIdentity.username")


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        (None, False),
        ({"autoUser": {"scope": "pool"}}, False),
        ({"autoUser": {"elevationLevel": "admin"}}, True),
        ({"username": "worker"}, False),
        ({"username": "root"}, True),
        ({"username": "gone"}, False),
    ],
)
def test_who_is_elevated(identity: dict[str, Any] | None, expected: bool) -> None:
    """The automatic user by its own level, a named one by its account's."""
    assert is_admin(identity, {"userAccounts": USERS}) is expected
