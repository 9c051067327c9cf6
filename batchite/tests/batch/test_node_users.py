"""Users of nodes over HTTP and by the SDK."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.batch import BatchClient, models
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from batch.harness import Account
from batch.sdk import code_of

from batchite.batch.node_users import matches, user
from batchite.scheduler.credentials import NodeUser
from batchite.scheduler.model import NodeKey, PoolKey

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
SECRET = "not to be seen"


def users_of(account: Account, node: str) -> tuple[NodeUser, ...]:
    """What is stored of them."""
    return account.server.service.nodes[NodeKey(*PoolKey(account.name, "pool"), node)].users


@pytest.mark.documented
def test_users_are_created_replaced_and_deleted(working: BatchClient) -> None:
    """By the SDK; a second of the same name is a conflict, one that is not there is not found."""
    node = next(iter(working.list_nodes("Pool"))).id
    new = models.BatchNodeUserCreateOptions(name="ann", password=SECRET)
    working.create_node_user("Pool", node, new)
    with pytest.raises(HttpResponseError) as caught:
        working.create_node_user("Pool", node, new)
    assert (caught.value.status_code, code_of(caught.value)) == (409, "NodeUserExists")
    working.replace_node_user("Pool", node, "ann", models.BatchNodeUserReplaceOptions(ssh_public_key=KEY))
    working.delete_node_user("Pool", node, "ann")
    with pytest.raises(ResourceNotFoundError) as missing:
        working.delete_node_user("Pool", node, "ann")
    assert code_of(missing.value) == "NodeUserNotFound"
    with pytest.raises(ResourceNotFoundError) as missing:
        working.replace_node_user("Pool", node, "ann", models.BatchNodeUserReplaceOptions(ssh_public_key=KEY))
    assert code_of(missing.value) == "NodeUserNotFound"


@pytest.mark.documented
def test_a_replacement_leaves_nothing_as_it_was(account: Account) -> None:
    """Except rights: the default of a day, no password where none is given; no secret is stored."""
    account.pool(nodes=1)
    (node,) = account.get("/pools/pool/nodes").json["value"]
    path = f"/pools/pool/nodes/{node['id']}/users"
    until = datetime.now(UTC) + timedelta(days=9)
    body = {"name": "ann", "password": SECRET, "isAdmin": True, "expiryTime": until.isoformat()}
    answer = account.post(path, body)
    assert (answer.status, answer.body) == (201, b"")
    assert answer.headers["location"].endswith(f"{path}/ann")
    (stored,) = users_of(account, node["id"])
    assert stored.admin
    assert abs(stored.expires_at - until.timestamp()) < 1
    assert SECRET not in repr(stored) + stored.password
    assert matches(SECRET, stored.password)
    assert not matches("another", stored.password)
    assert account.call("PUT", f"{path}/ann", {"sshPublicKey": f"{KEY} ann@host"}).status == 200
    (replaced,) = users_of(account, node["id"])
    assert (replaced.admin, replaced.password, replaced.public_key) == (True, "", KEY)
    assert replaced.expires_at < until.timestamp() - 86400 * 7
    assert account.call("DELETE", f"{path}/ann").status == 200
    assert users_of(account, node["id"]) == ()


@pytest.mark.documented
@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"password": SECRET}, "name"),
        ({"name": "a b", "password": SECRET}, "name"),
        ({"name": "ann", "password": SECRET, "expiryTime": "soon"}, "expiryTime"),
        ({"name": "ann", "password": SECRET, "expiryTime": "2020-01-01T00:00:00Z"}, "expiryTime"),
        ({"name": "ann", "password": 5}, "password"),
        ({"name": "ann", "sshPublicKey": "ssh-rsa AAAA"}, "sshPublicKey"),
        ({"name": "ann", "password": SECRET, "isAdmin": "yes"}, "isAdmin"),
        ({"name": "ann"}, "password"),
    ],
)
def test_what_is_wrong_with_a_user_is_named(account: Account, body: Any, name: str) -> None:
    """400 with the property; the password is repeated nowhere."""
    account.pool(nodes=1)
    (node,) = account.get("/pools/pool/nodes").json["value"]
    answer = account.post(f"/pools/pool/nodes/{node['id']}/users", body)
    assert (answer.status, answer.values["PropertyName"]) == (400, name)
    assert SECRET.encode() not in answer.body
    assert users_of(account, node["id"]) == ()


@pytest.mark.ours
def test_a_public_key_may_come_in_base64() -> None:
    """Its documentation asks for base64, clients send the line of OpenSSH: both are taken."""
    wrapped = (
        "c3NoLWVkMjU1MTkgQUFBQUMzTnphQzFsWkRJMU5URTVBQUFBSUFBQkFnTUVCUVlIQ0FrS0N3d05EZzhRRVJJVEZCVVdGeGdaR2hzY0hSNGY="
    )
    assert user("ann", {"sshPublicKey": wrapped}, 0, admin=False).public_key == KEY
