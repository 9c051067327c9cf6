"""The user accounts of a pool: which there are, and as whom a task runs that names one.

No user is made on this machine: every task runs as the same unprivileged user. What counts of an account is that it
exists and its elevation level. Its secrets are not needed, so neither kept nor shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from batchite.batch.rules import refuse
from batchite.http.types import Json


def without_secrets(accounts: Iterable[Mapping[str, Json]]) -> list[dict[str, Json]]:
    """The accounts as they may be stored and shown."""
    return [_without_secrets(account) for account in accounts]


def check_accounts(accounts: Iterable[Mapping[str, Json]], *, windows: bool) -> None:
    """Raise a 400 for what the shape alone does not say: names twice, uid without gid, Windows settings on Linux."""
    names: set[str] = set()
    for index, account in enumerate(accounts):
        path = f"userAccounts[{index}]"
        if account["name"].lower() in names:
            raise refuse(f"{path}.name", account["name"], "The name is given twice.")
        names.add(account["name"].lower())
        linux = account.get("linuxUserConfiguration") or {}
        if ("uid" in linux) != ("gid" in linux):
            raise refuse(f"{path}.linuxUserConfiguration", linux, "uid and gid must be given together or not at all.")
        if account.get("windowsUserConfiguration") and not windows:
            raise refuse(f"{path}.windowsUserConfiguration", {}, "It can only be given for a Windows pool.")


def check_user(path: str, identity: Mapping[str, Json] | None, pool_document: Mapping[str, Json]) -> None:
    """Raise a 400 unless the user that the identity names, if any, is one of the pool's accounts."""
    name = (identity or {}).get("username")
    if name and _account(name, pool_document) is None:
        raise refuse(f"{path}.username", name, "The pool has no user account of this name.")


def is_admin(identity: Mapping[str, Json] | None, pool_document: Mapping[str, Json]) -> bool:
    """Whether a task with this identity asks for elevation level admin."""
    found = identity or {}
    user = _account(found["username"], pool_document) if found.get("username") else found.get("autoUser")
    return (user or {}).get("elevationLevel") == "admin"


def _account(name: str, pool_document: Mapping[str, Json]) -> Mapping[str, Json] | None:
    accounts: Iterable[Mapping[str, Json]] = pool_document.get("userAccounts") or ()
    return next((account for account in accounts if account["name"].lower() == name.lower()), None)


def _without_secrets(account: Mapping[str, Json]) -> dict[str, Json]:
    kept = {name: value for name, value in account.items() if name != "password"}
    linux = kept.get("linuxUserConfiguration")
    if linux:
        kept["linuxUserConfiguration"] = {name: value for name, value in linux.items() if name != "sshPrivateKey"}
    return kept
