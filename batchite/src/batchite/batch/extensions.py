"""Extensions of a pool's machines: the one that a local node carries out, and what a node says of it.

The Application Health extension asks whether an application on the node answers. It is on the list of "Use extensions
with Batch pools", which keeps CustomScript for the service itself. Every look at a node's extension is a probe, so
what it says is never older than the answer. Settings, states and texts: "Using Application Health extension with
Virtual Machine Scale Sets", binary health states, and the published extension. The codes are those of instance views.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from batchite.batch.rules import Check, boolean, choice, integer, listing, only, record, refuse, text, unbuilt
from batchite.errors import missing_property, refused_property
from batchite.http.types import Json

REASON = "a local node carries out ApplicationHealthLinux only; leave other extensions out locally"
UP = frozenset({"waitingforstarttask", "starttaskfailed", "idle", "running", "offline"})
"""States of a node whose machine has its extensions."""
_KIND = ("Microsoft.ManagedServices", "ApplicationHealthLinux")
_PATIENCE = 5.0  # seconds for one probe: the least time between two of them in Azure
_HTTP_PORT = 80
_OUTCOMES = {True: ("succeeded", "Info"), False: ("failed", "Error")}
_PROTOCOL, _PROBES = choice("tcp", "http", "https"), integer(1, 24)


def _protocol(name: str, value: Json) -> None:
    """Not https: whose certificates count is not documented."""
    _PROTOCOL(name, value)
    only("tcp", "http")(name, value)


def _probes(name: str, value: Json) -> None:
    """One probe decides: the state is asked for, not followed."""
    _PROBES(name, value)
    only(1)(name, value)


_SETTINGS = record(
    {"protocol": _protocol},
    {
        "port": integer(1, 65535),
        "requestPath": text(1, 2048, "[!-~]+", "a path without spaces"),
        "intervalInSeconds": integer(5, 60),
        "numberOfProbes": _probes,
    },
)


def _settings(name: str, value: Json) -> None:
    """A port is needed for tcp, which has no path; a path is needed for http."""
    _SETTINGS(name, value)
    is_tcp = value["protocol"] == "tcp"
    needed = "port" if is_tcp else "requestPath"
    if value.get(needed) is None:
        raise missing_property(f"{name}.{needed}")
    if is_tcp and value.get("requestPath") is not None:
        raise refuse(f"{name}.requestPath", value["requestPath"], "It cannot be given for tcp.")


_LIST = listing(
    record(
        {
            "name": text(1, 64, r"[\w.-]+", "letters, digits, _, . and -"),
            "publisher": text(1),
            "type": text(1),
            "typeHandlerVersion": only("1.0"),
            "settings": _settings,
        },
        {"autoUpgradeMinorVersion": boolean, "enableAutomaticUpgrade": boolean, "provisionAfterExtensions": unbuilt},
    ),
    most=1,  # a machine has a type of extension once
)


def _extensions(name: str, value: Json) -> None:
    """Any other extension is refused by the property's name before something in it is judged, or repeated."""
    if isinstance(value, list) and not all(_carried_out(one) for one in value):
        raise refused_property(name, REASON)
    _LIST(name, value)


def _carried_out(extension: Json) -> bool:
    known = isinstance(extension, dict) and (extension.get("publisher"), extension.get("type")) == _KIND
    return known and extension.get("protectedSettings") is None


EXTENSIONS: Check = _extensions


async def on_node(extension: Mapping[str, Json], state: str) -> dict[str, Json]:
    """What a node in that state says of an extension of its pool; a probe of the application when it is up."""
    if state not in UP:
        return {"provisioningState": "Creating", "vmExtension": extension}
    view = instance_view(extension["name"], healthy=await probe(extension["settings"]))
    return {"provisioningState": "Succeeded", "vmExtension": extension, "instanceView": view}


def instance_view(name: str, *, healthy: bool) -> dict[str, Json]:
    """The extension works in either case; its substatus tells of the application."""
    message = f"Application found to be {'healthy' if healthy else 'unhealthy'}"
    return {
        "name": name,
        "statuses": [_status("ProvisioningState", "Successfully polling for application health", succeeded=True)],
        "subStatuses": [_status("ComponentStatus/AppHealthStatus", message, succeeded=healthy)],
    }


def _status(kind: str, message: str, *, succeeded: bool) -> dict[str, Json]:
    outcome, level = _OUTCOMES[succeeded]
    return {
        "code": f"{kind}/{outcome}",
        "level": level,
        "displayStatus": f"Provisioning {outcome}",
        "message": message,
    }


async def probe(settings: Mapping[str, Json]) -> bool:
    """Whether the application takes a connection, and over http answers 200."""
    path = settings.get("requestPath")
    try:
        async with asyncio.timeout(_PATIENCE):
            return await _answers(settings.get("port", _HTTP_PORT), path)
    except (OSError, TimeoutError, ValueError):  # ValueError: a first line without end
        return False


async def _answers(port: int, path: str | None) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        if path is None:
            return True
        target = f"/{path.removeprefix('/')}"
        writer.write(f"GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode())
        protocol, _, rest = (await reader.readline()).partition(b" ")
        return protocol.startswith(b"HTTP/") and rest.split(b" ")[0].strip() == b"200"
    finally:
        writer.close()
