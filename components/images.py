"""Operating systems by name: the Marketplace image, its node agent, and when its support ends. Pure.

AlmaLinux and Rocky Linux are CentOS's heirs. `verified` = the image is in the list of images that Batch verifies
(Account - List Supported Images, as published in Azure/Batch); the service's own list decides:
`az batch pool supported-images list`.

Does not own what a pool does with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from components.lifetimes import End

CHECKED_ON = date(2026, 11, 23)
"""When the dates below were last looked up."""


@dataclass(frozen=True, slots=True)
class Image:
    """A Marketplace image. `generation` is that of the machines it starts on: sizes of V1 take no image of V2."""

    publisher: str
    offer: str
    sku: str
    node_agent: str
    end: End
    generation: str = "V2"
    windows: bool = False
    verified: bool = True

    @property
    def reference(self) -> dict[str, str]:
        """ARM's imageReference."""
        return {"publisher": self.publisher, "offer": self.offer, "sku": self.sku, "version": "latest"}


def _windows(sku: str, end: End) -> Image:
    return Image("microsoftwindowsserver", "windowsserver", sku, "batch.node.windows amd64", end, windows=True)


_LIFECYCLE = "learn.microsoft.com/lifecycle"
IMAGES: Mapping[str, Image] = MappingProxyType(
    {
        "ubuntu-24.04": Image(
            "canonical",
            "ubuntu-24_04-lts",
            "server",
            "batch.node.ubuntu 24.04",
            End(date(2029, 5, 31), "ubuntu.com/about/release-cycle"),
        ),
        "ubuntu-22.04": Image(
            "canonical",
            "0001-com-ubuntu-server-jammy",
            "22_04-lts-gen2",
            "batch.node.ubuntu 22.04",
            End(date(2027, 6, 30), "github.com/Azure/Batch/issues/200"),
        ),
        "debian-12": Image(
            "debian",
            "debian-12",
            "12-gen2",
            "batch.node.debian 12",
            End(date(2028, 6, 30), "wiki.debian.org/LTS"),
        ),
        "almalinux-9": Image(
            "almalinux",
            "almalinux-x86_64",
            "9-gen2",
            "batch.node.el 9",
            End(date(2032, 5, 31), "wiki.almalinux.org/release-notes"),
        ),
        "rockylinux-9": Image(
            "resf",
            "rockylinux-x86_64",
            "9-base",
            "batch.node.el 9",
            End(date(2032, 5, 31), "wiki.rockylinux.org/rocky/version"),
            verified=False,
        ),
        "oraclelinux-9": Image(
            "oracle",
            "oracle-linux",
            "ol9-lvm-gen2",
            "batch.node.el 9",
            End(date(2032, 6, 30), "oracle.com/a/ocom/docs/elsp-lifetime-069338.pdf"),
            verified=False,
        ),
        "windows-2025": _windows(
            "2025-datacenter-g2", End(date(2034, 11, 14), f"{_LIFECYCLE}/products/windows-server-2025")
        ),
        "windows-2022": _windows(
            "2022-datacenter-g2", End(date(2031, 10, 14), f"{_LIFECYCLE}/products/windows-server-2022")
        ),
    }
)

_ENDED_AGENTS: Mapping[str, End] = (
    MappingProxyType(  # Source: the notices in Azure/Batch; keys begin a node agent's name.
        {
            "batch.node.centos 8": End(date(2021, 12, 31), "github.com/Azure/Batch/issues/119"),
            "batch.node.centos 7": End(date(2024, 6, 30), "github.com/Azure/Batch/issues/169"),
            "batch.node.debian 8": End(date(2024, 12, 31), "github.com/Azure/Batch/issues/180"),
            "batch.node.debian 9": End(date(2024, 12, 31), "github.com/Azure/Batch/issues/180"),
            "batch.node.debian 10": End(date(2024, 12, 31), "github.com/Azure/Batch/issues/180"),
            "batch.node.ubuntu 14.04": End(date(2024, 12, 31), "github.com/Azure/Batch/issues/180"),
            "batch.node.ubuntu 16.04": End(date(2024, 12, 31), "github.com/Azure/Batch/issues/180"),
            "batch.node.ubuntu 18.04": End(date(2024, 12, 31), "github.com/Azure/Batch/issues/180"),
            "batch.node.ubuntu 20.04": End(date(2025, 4, 23), "github.com/Azure/Batch/issues/174"),
            "batch.node.ubuntu 22.04": End(date(2027, 6, 30), "github.com/Azure/Batch/issues/200"),
            "batch.node.mariner 2": End(date(2025, 7, 30), "github.com/Azure/Batch/issues/188"),
        }
    )
)


def end_of_agent(node_agent: str) -> End | None:
    """When a node agent that is named by itself ends, if that is announced."""
    name = node_agent.lower()
    return next((end for agent, end in _ENDED_AGENTS.items() if name == agent or name.startswith(f"{agent}.")), None)


def is_windows(node_agent: str) -> bool:
    """Whether the node agent is that of Windows."""
    return "windows" in node_agent.lower()
