"""Every name that Azure sees. Pure: the same stack always gets the same names, and each obeys ARM's rules for its kind.

Names that must be unique beyond the subscription end in a suffix made of subscription, project and stack. A pool's id
ends in its generation, a digest of what Azure refuses to change in place: such a change makes a second pool and then
removes the old one, instead of waiting for one name to become free.

Source of the rules: "Naming rules and restrictions for Azure resources".
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.validation import matching

SUFFIX_LENGTH = 8
ACCOUNT_LENGTH = 24
GROUP_LENGTH = 90
IDENTITY_LENGTH = 128
STEM_LENGTH = 40

RESOURCE_GROUP = matching(
    r"[-\w._()]{0,89}[-\w_()]", "must be 1 to 90 of letters, digits and -_.(), not ending in a dot"
)
STORAGE_ACCOUNT = matching(r"[a-z0-9]{3,24}", "must be 3 to 24 lower-case letters and digits")
BATCH_ACCOUNT = matching(r"[a-z0-9]{3,24}", "must be 3 to 24 lower-case letters and digits")
IDENTITY = matching(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,127}", "must be 3 to 128 of letters, digits, - and _")
CONTAINER = matching(
    r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", "must be 3 to 63 lower-case letters, digits and single hyphens"
)
POOL = matching(r"[a-zA-Z0-9_-]{1,64}", "must be 1 to 64 of letters, digits, - and _")
PREFIX = matching(r"[a-z][a-z0-9]{1,11}", "must be 2 to 12 lower-case letters and digits, a letter at the start")
POOL_KEY = matching(
    r"[a-zA-Z][a-zA-Z0-9_-]{0,31}", "must be 1 to 32 of letters, digits, - and _, a letter at the start"
)
KEY = matching(
    r"[a-z](-?[a-z0-9]){0,23}", "must be up to 24 lower-case letters, digits and single hyphens, a letter at the start"
)
VAULT = matching(
    r"(?=.{3,24}$)[a-zA-Z](-?[a-zA-Z0-9])*",
    "must be 3 to 24 letters, digits and single hyphens, a letter at the start and no hyphen at the end",
)
STEM = matching(
    r"(?=.{1,40}$)[a-zA-Z](-?[a-zA-Z0-9])*",
    "must be 1 to 40 letters, digits and single hyphens, a letter at the start and no hyphen at the end",
)
"""What names within the group end in: whatever kind is put before it, the name obeys the rule of that kind."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one stack's resources; pools get theirs from `pool_id`.

    The key vault has the name of the Batch account. `stem` is the end of all names that are unique in the group only.
    """

    stem: str
    resource_group: str
    storage_account: str
    batch_account: str
    batch_identity: str
    node_identity: str


def names(prefix: str, project: str, stack: str, subscription: str) -> Names:
    """The names of a stack in a subscription."""
    account = _shortened(re.sub(r"[^a-z0-9]", "", f"{prefix}{stack}".lower()), _suffix(subscription, project, stack))
    readable = re.sub(r"[^a-zA-Z0-9_-]", "-", f"{prefix}-{stack}")
    return Names(
        stem=re.sub(r"[^a-zA-Z0-9]+", "-", f"{prefix}-{stack}")[:STEM_LENGTH].strip("-"),
        resource_group=f"rg-{readable}"[:GROUP_LENGTH],
        storage_account=account,
        batch_account=account,
        batch_identity=_ending(readable, "-batch"),
        node_identity=_ending(readable, "-nodes"),
    )


def pool_id(key: str, fixed: Mapping[str, Any]) -> str:
    """The id of the pool that the configuration calls `key`, for settings that can't change in place."""
    canonical = json.dumps(fixed, sort_keys=True, separators=(",", ":"))
    return f"{key}-{hashlib.sha256(canonical.encode()).hexdigest()[:SUFFIX_LENGTH]}"


def role_assignment(storage_account_scope: str, grant: str) -> str:
    """The name of a role assignment: a uuid that a second deployment finds again."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{storage_account_scope.lower()}#{grant}"))


def _suffix(*parts: str) -> str:
    digest = hashlib.sha256("/".join(parts).encode()).digest()
    return base64.b32encode(digest).decode().lower()[:SUFFIX_LENGTH]


def _shortened(text: str, suffix: str) -> str:
    return text[: ACCOUNT_LENGTH - len(suffix)] + suffix


def _ending(text: str, ending: str) -> str:
    return text[: IDENTITY_LENGTH - len(ending)] + ending
