"""How many vCPUs a VM size has, as far as its name says."""

from __future__ import annotations

import re

_NAME = re.compile(r"(?:standard|basic)_([a-z]+?)s?(\d+)(?:-(\d+))?(?:[a-z]*)(?:_.*)?", re.IGNORECASE)
_NUMBERED = {  # old families count their sizes, not their vCPUs
    "D": {3: 4, 4: 8, 5: 16, 11: 2, 12: 4, 13: 8, 14: 16, 15: 20},
    "G": {1: 2, 2: 4, 3: 8, 4: 16, 5: 32},
}
_OLD_D = re.compile(r"(?:standard|basic)_ds?\d+(?:_v2)?", re.IGNORECASE)


def vcpus(vm_size: str) -> int:
    """The vCPUs of a size; 0 when its name does not tell.

    Names of today hold the number (`Standard_D4s_v5`); behind a hyphen stands the number of a constrained size
    (`Standard_E4-2ds_v5`).
    """
    found = _NAME.fullmatch(vm_size.strip())
    if found is None:
        return 0
    family, number = found[1].upper(), int(found[3] or found[2])
    if family == "D" and not _OLD_D.fullmatch(vm_size.strip()):
        return number
    return _NUMBERED.get(family, {}).get(number, number)
