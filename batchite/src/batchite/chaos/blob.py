"""Drills on the blob endpoint, as its gateway asks for them."""

from __future__ import annotations

from batchite.blob.errors import StorageError
from batchite.chaos.drills import Fault
from batchite.chaos.state import Chaos


class BlobDrills:
    """What the gateway does to a request that it would let in."""

    def __init__(self, chaos: Chaos) -> None:
        self._chaos = chaos

    async def disturb(self) -> StorageError | None:
        """Wait, and raise what is answered instead; the result is answered once the request has taken effect."""
        if self._chaos.idle:
            return None
        await self._chaos.delay("blob")
        if self._chaos.outage is not None:
            raise StorageError("ServerBusy")
        fault = self._chaos.fault("blob")
        if fault is None:
            return None
        if fault.after:
            return _error(fault)
        raise _error(fault)

    def resets(self) -> bool:
        """Whether connections to the blob endpoint are reset."""
        outage = None if self._chaos.idle else self._chaos.outage
        return outage is not None and outage.reset


def _error(fault: Fault) -> StorageError:
    return StorageError(fault.code, headers=fault.headers)
