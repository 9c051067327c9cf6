"""A resource type as one row of data: name rule, body, what may not change, and hooks for what is special."""

from __future__ import annotations

import re
import secrets
import uuid
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from batchite.arm.ids import ResourceId
from batchite.arm.operations import Operations
from batchite.arm.ports import BlobAccounts, Directory, Endpoints, Pools, Service
from batchite.arm.resources import Resource, ResourceStore
from batchite.arm.shapes import Shape
from batchite.errors import ServiceError
from batchite.http.types import Request, Response


@dataclass(slots=True)
class Arm:
    """Everything a hook may use."""

    resources: ResourceStore
    operations: Operations
    service: Service
    pools: Pools
    blobs: BlobAccounts
    directory: Directory
    endpoints: Endpoints
    kinds: Mapping[str, ResourceType]  # by lower-case name


Action: TypeAlias = Callable[[Arm, Resource, Request], Awaitable[Response]]


def load_stored(arm: Arm, rid: ResourceId) -> Resource | None:
    """The default `load`: the stored resource."""
    return arm.resources.get(rid.key)


async def store(arm: Arm, new: Resource, _old: Resource | None, _cause: str) -> None:
    """The default `write`: keep the resource."""
    await arm.resources.put(new)


async def drop(arm: Arm, resource: Resource, _cause: str) -> None:
    """The default `remove`: forget the resource and everything under it."""
    await arm.resources.remove(resource["id"])


async def mark_deleting(arm: Arm, resource: Resource, _cause: str) -> None:
    """The default `retire`: the resource shows `Deleting` until it is gone."""
    properties = {**resource.get("properties", {}), "provisioningState": "Deleting"}
    await arm.resources.put({**resource, "properties": properties})


def as_wanted(_arm: Arm, _rid: ResourceId, wanted: Resource, _old: Resource | None) -> Resource:
    """The default `complete`: nothing is added to the body."""
    return wanted


def always(_arm: Arm, _resource: Resource) -> None:
    """The default `check_delete`: nothing is in the way."""


def as_stored(_arm: Arm, resource: Resource) -> Resource:
    """The default `render`: a GET shows what is stored."""
    return resource


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One type.

    `template` is the route of one resource; `body` checks a request. `complete` decides (without effects) what a
    valid body becomes, `write` carries it out. `immutable` maps dotted paths to the error code of changing them.
    A long create or delete answers 202; `retire` is done before that answer, `remove` after it. `check_delete` raises
    for a resource in use, unless its group goes as a whole. A `polled` type answers a PUT with the resource and with an
    operation to ask. A lock does not guard an `unlocked` type. A `stored` one does nothing here: it is kept, shown and
    related to others.
    """

    name: str
    template: str
    body: Shape
    name_pattern: str = r".{1,260}"
    name_error: str = "InvalidResourceName"
    not_found: str = "ResourceNotFound"
    being_deleted: str = "Conflict"
    collections: tuple[str, ...] = ()  # routes that list it
    created: int = 201
    deleted: int = 200
    long_create: bool = False
    long_delete: bool = False
    polled: bool = False
    unlocked: bool = False
    stored: bool = False
    put: bool = True
    delete: bool = True
    patch: bool = False
    patch_only: frozenset[str] = frozenset()  # what a PATCH may hold, everything if empty
    head: bool = False
    merges: bool = False  # a PUT keeps what it doesn't name
    bodiless: bool = False  # a PUT may come without a body
    immutable: Mapping[str, str] = field(default_factory=dict)
    actions: Mapping[str, Action] = field(default_factory=dict)
    load: Callable[[Arm, ResourceId], Resource | None] = load_stored
    listed: Callable[[Arm, str, Request], Iterable[Resource]] | None = None
    list_query: frozenset[str] = frozenset()
    action_query: frozenset[str] = frozenset()
    complete: Callable[[Arm, ResourceId, Resource, Resource | None], Resource] = as_wanted
    write: Callable[[Arm, Resource, Resource | None, str], Awaitable[None]] = store
    retire: Callable[[Arm, Resource, str], Awaitable[None]] = mark_deleting
    remove: Callable[[Arm, Resource, str], Awaitable[None]] = drop
    check_delete: Callable[[Arm, Resource], None] = always
    render: Callable[[Arm, Resource], Resource] = as_stored

    def check_name(self, name: str) -> None:
        """Raise the type's own error for a name that breaks its rule."""
        if not re.fullmatch(self.name_pattern, name):
            reason = f"A name of type {self.name} must match {self.name_pattern}."
            raise ServiceError(self.name_error, values={"Name": name, "Reason": reason})


def value_at(resource: Resource, path: str) -> Any:
    """The value at a dotted path, None when absent."""
    value: Any = resource
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def new_uuid() -> str:
    """A random identifier for a principal or a client."""
    return str(uuid.uuid4())


def new_key() -> str:
    """A random account key: 64 bytes, base64, as Azure makes them."""
    return b64encode(secrets.token_bytes(64)).decode()
