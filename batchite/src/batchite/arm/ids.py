"""Resource ids: parsed once, spelling kept, compared without regard to case."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from batchite.errors import ServiceError

SUBSCRIPTION = "Microsoft.Resources/subscriptions"
GROUP = "Microsoft.Resources/resourceGroups"


@dataclass(frozen=True, slots=True)
class ResourceId:
    """An id of a resource, or of a collection when the last type has no name (`names` is then one shorter).

    `scope` is the id of what the resource extends: empty, a subscription, a resource group or another resource.
    """

    scope: str
    namespace: str
    types: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def type(self) -> str:
        """Namespace and type path, as spelled: `Microsoft.Batch/batchAccounts/pools`."""
        return "/".join((self.namespace, *self.types))

    @property
    def name(self) -> str:
        """The last name."""
        return self.names[-1]

    @property
    def text(self) -> str:
        """The id as ARM writes it, the spelling of the parts kept."""
        if self.type == SUBSCRIPTION:
            return f"/subscriptions/{self.name}"
        if self.type == GROUP:
            return "/".join((f"{self.scope}/resourceGroups", *self.names))
        pairs = [part for pair in zip(self.types, self.names, strict=False) for part in pair]
        return "/".join((f"{self.scope}/providers", self.namespace, *pairs, *self.types[len(self.names) :]))

    @property
    def key(self) -> str:
        """What ids are compared by, and stored under."""
        return self.text.lower()

    @property
    def parent(self) -> ResourceId | None:
        """The resource that this one is a child of (a pool's account), or the scope, or None at the top."""
        if len(self.types) > 1:
            return ResourceId(self.scope, self.namespace, self.types[:-1], self.names[: len(self.types) - 1])
        return parse(self.scope) if self.scope else None

    @property
    def subscription(self) -> str:
        """The subscription's id, empty for what lies outside of one."""
        parts = self.text.split("/")
        return parts[2] if len(parts) > 2 and parts[1].lower() == "subscriptions" else ""

    @property
    def group(self) -> str:
        """The id of the resource group that holds it, empty for what lies outside of one."""
        parts = self.text.split("/")
        return "/".join(parts[:5]) if len(parts) > 4 and parts[3].lower() == "resourcegroups" else ""

    def spelled(self, type_name: str) -> ResourceId:
        """The same id with namespace and types in the spelling of `type_name`, as ARM answers it."""
        namespace, *types = type_name.split("/")
        return ResourceId(self.scope, namespace, tuple(types), self.names)


def parse(text: str) -> ResourceId:
    """Read an id (decoded). Raises InvalidUri for anything that is not one."""
    parts = text.strip("/").split("/")
    if not all(parts) or not text.startswith("/"):
        raise ServiceError("InvalidUri", f"'{text}' is no resource id.")
    lower = [part.lower() for part in parts]
    provider = _last_provider(lower)
    if provider is not None:
        scope = parse("/" + "/".join(parts[:provider])).text if provider else ""
        return _extension(scope, parts[provider + 1 :], text)
    if lower[0] == "subscriptions" and len(parts) == 2:
        return ResourceId("", *_split(SUBSCRIPTION), (parts[1],))
    if lower[0] == "subscriptions" and len(parts) in (3, 4) and lower[2] == "resourcegroups":
        return ResourceId(f"/subscriptions/{parts[1]}", *_split(GROUP), tuple(parts[3:]))
    raise ServiceError("InvalidUri", f"'{text}' is no resource id.")


def parse_path(path: str) -> ResourceId:
    """Read the id that a request addresses from its encoded path."""
    return parse(unquote(path).rstrip("/"))


def same(left: str, right: str) -> bool:
    """Whether two ids name one resource."""
    return left.rstrip("/").lower() == right.rstrip("/").lower()


def _last_provider(lower: list[str]) -> int | None:
    found = [index for index, part in enumerate(lower) if part == "providers" and index % 2 == 0]
    return found[-1] if found else None


def _extension(scope: str, parts: list[str], text: str) -> ResourceId:
    if len(parts) < 2:
        raise ServiceError("InvalidUri", f"'{text}' names no resource type.")
    return ResourceId(scope, parts[0], tuple(parts[1::2]), tuple(parts[2::2]))


def _split(type_name: str) -> tuple[str, tuple[str, ...]]:
    namespace, *types = type_name.split("/")
    return namespace, tuple(types)
