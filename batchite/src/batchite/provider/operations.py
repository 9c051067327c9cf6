"""Create, read, update, delete and functions: the pure parts and the ARM client put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchite.provider import drift, paths, translate
from batchite.provider.client import ArmClient
from batchite.provider.errors import PartlyDoneError, ProviderError, advice
from batchite.provider.tables import RESOURCE_GROUP, Function, ResourceType
from batchite.provider.values import API_VERSION, Properties

DEFAULT_TIMEOUT = 30 * 60.0  # seconds, where the program sets no custom timeout


class Operations:
    """The resources of one subscription on one ARM. Every method raises ProviderError for what ARM refuses."""

    def __init__(self, client: ArmClient, subscription: str) -> None:
        self._client = client
        self._subscription = subscription

    def create(self, row: ResourceType, inputs: Mapping[str, Any], timeout: float) -> tuple[str, Properties]:
        """The new resource's id and outputs.

        Raises PartlyDoneError when the resource was accepted but did not come up.
        """
        path = translate.resource_id(row, inputs, self._subscription)
        if not row.singleton and self._client.get(path, row.api_version) is not None:
            raise ProviderError(
                "AlreadyExists", f"cannot create already existing resource '{path}'", path, advice("AlreadyExists")
            )
        return self._put(row, path, translate.body(row, inputs), timeout)

    def read(
        self, row: ResourceType, identifier: str, inputs: Mapping[str, Any], state: Mapping[str, Any]
    ) -> tuple[Properties, Properties] | None:
        """The present inputs and outputs, None for a resource that is gone. No inputs means an import."""
        self._check_id(row, identifier)
        resource = self._client.get(identifier, row.api_version)
        if resource is None:
            return None
        outputs = translate.outputs(row, resource)
        now = translate.project(row, outputs, identifier)
        if not inputs:
            return now, outputs
        before = translate.without_kept(row, translate.project(row, state, identifier), inputs)
        return drift.drifted(inputs, before, translate.without_kept(row, now, inputs)), outputs

    def update(
        self, row: ResourceType, identifier: str, inputs: Mapping[str, Any], state: Mapping[str, Any], timeout: float
    ) -> Properties:
        """The outputs after a full PUT of the inputs."""
        removed = {name: value for name, value in row.removed.items() if name not in inputs and name in state}
        wanted = translate.with_kept(row, {**inputs, **removed}, self._present(row, identifier))
        return self._put(row, identifier, translate.body(row, wanted), timeout)[1]

    def delete(self, row: ResourceType, identifier: str, timeout: float) -> None:
        """Delete the resource; one that is gone already is fine."""
        if not row.singleton:
            self._client.delete(identifier, row.api_version, timeout)
        elif self._client.get(identifier, row.api_version) is not None:
            self._client.finish(self._client.put(identifier, row.api_version, row.reset), identifier, timeout)

    def call(self, function: Function, arguments: Mapping[str, Any]) -> Properties:
        """The result of a function."""
        row = function.resource
        path = self._function_path(function, arguments)
        query = {wire: str(arguments[name]) for name, wire in function.query.items() if name in arguments}
        if function.action:
            return self._client.post(f"{path}/{function.action}", row.api_version, query)
        resource = self._client.get(path, row.api_version, query)
        if resource is None:
            raise ProviderError("ResourceNotFound", f"{function.name} finds no such resource", path)
        return translate.outputs(row, resource) | {"id": resource.get("id", path)}

    def client_config(self) -> Properties:
        """Who the provider is signed in as."""
        claims = self._client.who()
        return {
            "clientId": claims["appid"],
            "objectId": claims["oid"],
            "subscriptionId": self._subscription,
            "tenantId": claims["tid"],
        }

    def group_location(self, group: str) -> str | None:
        """The location of a resource group, None when there is no such group."""
        path = paths.render(RESOURCE_GROUP.path, {"subscriptionId": self._subscription, "resourceGroupName": group})
        found = self._client.get(path, RESOURCE_GROUP.api_version)
        return None if found is None else found["location"]

    def _present(self, row: ResourceType, identifier: str) -> Properties:
        """The inputs that the resource now has, where an update must know them."""
        resource = self._client.get(identifier, row.api_version) if row.kept else None
        return translate.project(row, translate.outputs(row, resource), identifier) if resource else {}

    def _put(self, row: ResourceType, path: str, body: Mapping[str, Any], timeout: float) -> tuple[str, Properties]:
        accepted = self._client.put(path, row.api_version, body)
        try:
            self._client.finish(accepted, path, timeout)
            resource = self._client.get(path, row.api_version)
        except ProviderError as error:
            raise self._partly_done(row, path, error) from error
        if resource is None:
            raise ProviderError("ResourceNotFound", "ARM accepted the resource and does not show it", path)
        return resource.get("id", path), translate.outputs(row, resource)

    def _partly_done(self, row: ResourceType, path: str, error: ProviderError) -> Exception:
        """What to tell the engine after an accepted PUT: the error itself only if the resource is surely not there."""
        try:
            resource = self._client.get(path, row.api_version)
        except ProviderError:
            return PartlyDoneError(error, path, {})
        if resource is None:
            return error
        return PartlyDoneError(error, resource.get("id", path), translate.outputs(row, resource))

    def _function_path(self, function: Function, arguments: Mapping[str, Any]) -> str:
        wanted = set(paths.parameters(function.resource.path)) - {"subscriptionId"}
        missing = wanted - arguments.keys()
        unknown = arguments.keys() - wanted - function.query.keys() - {API_VERSION}
        if missing or unknown:
            text = f"{function.name} needs {', '.join(sorted(wanted))}; got {', '.join(sorted(arguments)) or 'nothing'}"
            raise ProviderError("InvalidArguments", text)
        return translate.resource_id(function.resource, arguments, self._subscription)

    def _check_id(self, row: ResourceType, identifier: str) -> None:
        if paths.match(row.path, identifier) is None:
            text = f"no id of {row.name}; expected one like {row.path}"
            raise ProviderError("InvalidResourceId", text, identifier)
