"""Names that ARM takes, for every stack."""

from __future__ import annotations

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import naming

pytestmark = pytest.mark.documented  # "Naming rules and restrictions for Azure resources"

PREFIXES = st.from_regex(r"[a-z][a-z0-9]{1,11}", fullmatch=True)
STACKS = st.from_regex(r"[a-zA-Z0-9-_.]{1,100}", fullmatch=True)  # what Pulumi takes
SUBSCRIPTIONS = st.uuids().map(str)
POOL_KEYS = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_-]{0,31}", fullmatch=True)
FIXED = st.dictionaries(st.text(), st.integers() | st.text(), max_size=4)


@given(PREFIXES, STACKS, SUBSCRIPTIONS)
def test_every_stack_gets_names_that_arm_takes(prefix: str, stack: str, subscription: str) -> None:
    """Length, characters and ends of each name are those of its kind."""
    made = naming.names(prefix, "azure-batch", stack, subscription)
    assert re.fullmatch(r"[-\w._()]{1,89}[-\w_()]", made.resource_group)
    assert re.fullmatch(r"[a-z0-9]{3,24}", made.storage_account)
    assert re.fullmatch(r"[a-z0-9]{3,24}", made.batch_account)
    assert re.fullmatch(r"[a-zA-Z0-9][\w-]{2,127}", made.batch_identity)
    assert re.fullmatch(r"[a-zA-Z0-9][\w-]{2,127}", made.node_identity)
    assert made.batch_identity != made.node_identity


@given(PREFIXES, STACKS, st.lists(SUBSCRIPTIONS, min_size=2, max_size=2, unique=True))
def test_names_unique_in_the_world_differ_by_subscription(prefix: str, stack: str, subscriptions: list[str]) -> None:
    """Two teams with the same stack name don't fight for one storage account."""
    one, other = (naming.names(prefix, "azure-batch", stack, subscription) for subscription in subscriptions)
    assert one.storage_account != other.storage_account


@given(PREFIXES, SUBSCRIPTIONS)
def test_long_stack_names_keep_their_suffix(prefix: str, subscription: str) -> None:
    """What makes an account's name unique is never cut off."""
    one, other = (naming.names(prefix, "azure-batch", "x" * 60 + end, subscription) for end in "ab")
    assert one.storage_account != other.storage_account


@given(POOL_KEYS, FIXED, FIXED)
def test_a_pool_is_named_after_what_is_fixed(key: str, one: dict[str, object], other: dict[str, object]) -> None:
    """The id is one that Batch takes, begins with the key, and changes exactly with what can't change in place."""
    name = naming.pool_id(key, one)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name)
    assert name.startswith(f"{key}-")
    assert (name == naming.pool_id(key, other)) == (one == other)


@given(st.text(), st.text())
def test_role_assignments_are_found_again(scope: str, grant: str) -> None:
    """The name is a uuid, the same each time, and another one for another grant."""
    name = naming.role_assignment(scope, grant)
    assert str(uuid.UUID(name)) == name == naming.role_assignment(scope.lower(), grant)
    assert name != naming.role_assignment(scope, grant + "x")
