"""What an application package may be configured to be.

Does not own how it is packed (packing), nor how it gets to Azure (package_version).
"""

from __future__ import annotations

from dataclasses import dataclass

from components.records import setting
from components.start_task_settings import FILE
from components.validation import FLAG, matching, whole

MOST_VERSIONS = 40
"""Versions of a package. Source of these limits: "Batch service quotas and limits"."""
MOST_OF_A_POOL = 10
MOST_OF_AN_ACCOUNT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSettings:
    """A program that nodes get unpacked before their start task runs, in versions named after its content."""

    path: str = setting("A folder of this repository, or a zip; a folder is packed without its `__pycache__`.", FILE)
    display_name: str = setting("A name for people.", matching(r".{1,1024}", "must be 1 to 1024 characters"), "")
    keep: int = setting(
        "The versions that stay, the newest counted; those that a pool refers to stay in any case.",
        whole(1, MOST_VERSIONS - 1),
        2,
    )
    allow_updates: bool = setting(
        "Whether others may upload another content under a version that is there; this program never does.", FLAG, False
    )
