"""The images that `supportedimages` lists: current Marketplace images of Azure Batch.

Source: Batch documentation and support notices (Azure/Batch issues 197, 200) as of 2026-11-25.
`batchSupportEndOfLife` is the date that Batch has announced, and what it no longer
supports is not listed. An image that is not listed is accepted by pools all the same: the service's list is longer and
changes.
"""

from __future__ import annotations

from collections.abc import Mapping

from batchite.http.types import Json


def _image(
    sku_id: str,
    publisher: str,
    offer: str,
    sku: str,
    system: str = "linux",
    capabilities: str = "",
    end: str = "",
) -> Mapping[str, Json]:
    image: dict[str, Json] = {
        "nodeAgentSKUId": sku_id,
        "imageReference": {"publisher": publisher, "offer": offer, "sku": sku, "version": "latest"},
        "osType": system,
        "capabilities": capabilities.split(),
        "verificationType": "verified",
    }
    return image | ({"batchSupportEndOfLife": end} if end else {})


_JAMMY_END, _SERVER_2016_END = "2027-06-30T00:00:00Z", "2027-01-12T00:00:00Z"
_JAMMY = ("batch.node.ubuntu 22.04", "canonical", "0001-com-ubuntu-server-jammy")
_CONTAINERS = "DockerCompatible"
_WINDOWS = ("microsoftwindowsserver", "windowsserver")

SUPPORTED_IMAGES: tuple[Mapping[str, Json], ...] = (
    _image("batch.node.ubuntu 24.04", "canonical", "ubuntu-24_04-lts", "server"),
    _image("batch.node.ubuntu 24.04", "microsoft-dsvm", "ubuntu-hpc", "2404", capabilities=_CONTAINERS),
    _image(*_JAMMY, "22_04-lts", end=_JAMMY_END),
    _image(*_JAMMY, "22_04-lts-gen2", end=_JAMMY_END),
    _image("batch.node.ubuntu 22.04", "microsoft-dsvm", "ubuntu-hpc", "2204", capabilities=_CONTAINERS, end=_JAMMY_END),
    _image("batch.node.debian 12", "debian", "debian-12", "12-gen2"),
    _image("batch.node.el 9", "almalinux", "almalinux-x86_64", "9-gen2"),
    *(
        _image("batch.node.windows amd64", *_WINDOWS, f"{sku}{generation}", "windows", end=end)
        for sku, end in (
            ("2025-datacenter", ""),
            ("2022-datacenter", ""),
            ("2019-datacenter", ""),
            ("2016-datacenter", _SERVER_2016_END),
        )
        for generation in ("", "-g2")
    ),
    _image("batch.node.windows amd64", *_WINDOWS, "2025-datacenter-azure-edition", "windows"),
)


_MARKETPLACE = ("publisher", "offer", "sku")
_AGENTS: Mapping[tuple[str, ...], str] = {
    tuple(image["imageReference"][part] for part in _MARKETPLACE): image["nodeAgentSKUId"] for image in SUPPORTED_IMAGES
}


def agent_of(reference: Mapping[str, Json]) -> str:
    """The node agent of a listed image, by its imageReference; empty for an image that is not listed."""
    return _AGENTS.get(tuple(str(reference.get(part, "")).lower() for part in _MARKETPLACE), "")


def is_windows(machine: Mapping[str, Json]) -> bool:
    """Whether a pool's virtualMachineConfiguration is one of Windows."""
    return "windows" in machine.get("nodeAgentSKUId", "").lower() or "windowsConfiguration" in machine
