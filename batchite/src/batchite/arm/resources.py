"""The resources of the control plane: one durable map from lower-case id to the resource as GET gives it.

A resource is a plain dict with `id`, `name`, `type`, `properties`, ...; `_private` holds what no GET shows (keys).
All of them are kept in memory (hundreds, not millions), and written through to the store under kind `arm`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeAlias

from batchite.storage.port import Store

Resource: TypeAlias = dict[str, Any]
KIND = "arm"


class ResourceStore:
    """Reads from memory; a write returns once it is durable (`commit` is the service's group commit)."""

    def __init__(self, store: Store, commit: Callable[[], Awaitable[None]]) -> None:
        self.store = store
        self.commit = commit
        self._resources: dict[str, Resource] = {key: json.loads(value) for key, value in store.scan(KIND)}
        self.revision = 0  # grows with every change: what is derived from resources may be cached by it

    def get(self, resource_id: str) -> Resource | None:
        """The resource, `_private` included, or None. Not to be changed in place."""
        return self._resources.get(resource_id.rstrip("/").lower())

    def of_type(self, type_name: str, scope: str = "") -> Iterator[Resource]:
        """Resources of one type whose id lies under `scope`, in the order of their ids."""
        prefix, wanted = f"{scope.rstrip('/').lower()}/", type_name.lower()
        found = (key for key, one in self._resources.items() if one["type"].lower() == wanted)
        for key in sorted(key for key in found if key.startswith(prefix)):
            yield self._resources[key]

    def inside(self, scope: str) -> list[Resource]:
        """Everything whose id lies under `scope`, the scope itself not included."""
        prefix = f"{scope.rstrip('/').lower()}/"
        return [self._resources[key] for key in sorted(self._resources) if key.startswith(prefix)]

    async def put(self, resource: Resource) -> None:
        """Insert or replace."""
        key = resource["id"].lower()
        self.store.put(KIND, key, json.dumps(resource).encode())
        self._resources[key] = resource
        self.revision += 1
        await self.commit()

    async def remove(self, resource_id: str) -> None:
        """Remove the resource and everything under its id."""
        key = resource_id.rstrip("/").lower()
        for gone in [known for known in self._resources if known == key or known.startswith(f"{key}/")]:
            self.store.delete(KIND, gone)
            del self._resources[gone]
        self.revision += 1
        await self.commit()


def visible(resource: Resource) -> Resource:
    """The resource without what no GET shows."""
    return {name: value for name, value in resource.items() if name != "_private"}


def private(resource: Resource) -> dict[str, Any]:
    """What no GET shows of the resource."""
    return dict(resource.get("_private", {}))
