"""Application packages as the data plane sees them: which there are, and whether a reference can be satisfied."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from batchite.agent.launch import Package
from batchite.batch.machine import RESOURCE_GROUP
from batchite.batch.rules import Check, identifier, listing, record, text
from batchite.errors import ServiceError
from batchite.http.types import Json

_ARM_ID = re.compile(RESOURCE_GROUP + r"Microsoft\.Batch/batchAccounts/[^/]+/applications/([^/]+)")


def application_id(name: str, value: Json) -> None:
    """An application's id, or its whole ARM id as the REST reference asks for on a pool."""
    identifier(name, short_id(value) if isinstance(value, str) else value)


def short_id(text: str) -> str:
    """The application's id of an ARM id, any other text as it is."""
    found = _ARM_ID.fullmatch(text)
    return found[1] if found else text


REFERENCES: Check = listing(
    record(
        {"applicationId": application_id}, {"version": text(1, 64, r"[a-zA-Z0-9_-][a-zA-Z0-9_.-]*", "a version's name")}
    ),
    most=10,
)
"""applicationPackageReferences of a pool or task. Source of the bound: "Batch service quotas and limits"."""


@dataclass(frozen=True, slots=True)
class Application:
    """An application with its active versions."""

    id: str
    display_name: str
    versions: tuple[str, ...]
    default_version: str = ""

    def version(self, wanted: str) -> str:
        """The active version that a reference means, as the service spells it; empty when there is none."""
        name = (wanted or self.default_version).lower()
        return next((version for version in self.versions if version.lower() == name), "")


class ApplicationDirectory(Protocol):
    """Finds the applications of an account by name, without regard to case."""

    def listed(self, account: str) -> Sequence[Application]:
        """The applications that can be referenced, in the order of their ids."""

    def package(self, account: str, application: Application, version: str) -> Package:
        """What a node needs to get an active version."""


def find(directory: ApplicationDirectory, account: str, application_id: str) -> Application | None:
    """The application of that id, if it can be referenced."""
    wanted = short_id(application_id).lower()
    return next((found for found in directory.listed(account) if found.id.lower() == wanted), None)


def check_references(directory: ApplicationDirectory, account: str, references: Iterable[Mapping[str, Json]]) -> None:
    """Raise InvalidApplicationPackageReferences that names the first one that cannot be satisfied."""
    for reference in references:
        application, version = reference["applicationId"], reference.get("version") or ""
        found = find(directory, account, application)
        if found is None or not found.version(version):
            raise ServiceError(
                "InvalidApplicationPackageReferences", values={"ApplicationId": application, "Version": version}
            )


def packages(
    directory: ApplicationDirectory, account: str, references: Iterable[Mapping[str, Json]]
) -> tuple[Package, ...]:
    """What a node is to have for the references at this moment. One that has gone since is there without a URL."""
    return tuple(_package(directory, account, reference) for reference in references)


def _package(directory: ApplicationDirectory, account: str, reference: Mapping[str, Json]) -> Package:
    wanted = reference.get("version") or ""
    found = find(directory, account, reference["applicationId"])
    version = found.version(wanted) if found else ""
    if found is None or not version:
        return Package(short_id(reference["applicationId"]), wanted)
    return directory.package(account, found, version)
