"""The logs of nodes, stored in a container that a client names."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from batchite.agent.launch import OutputFile
from batchite.agent.node_logs import NodeLogs
from batchite.agent.transfer import Transfer
from batchite.launches import NodeLaunches
from batchite.scheduler.model import NodeKey


@dataclass(frozen=True, slots=True)
class LogUploads:
    """Implements `batch.context.LogUploads`."""

    logs: NodeLogs
    launches: NodeLaunches
    ca_bundle: Path

    async def upload(self, node: NodeKey, times: tuple[float, float], container: OutputFile) -> int:
        """Store the files with messages of that time; how many they are. Raises TransferError."""
        self.launches.mounts(self.launches.service.nodes[node])  # from now on there are tokens of the pool's identities
        return await asyncio.to_thread(self._upload, node, times, container)

    def _upload(self, node: NodeKey, times: tuple[float, float], container: OutputFile) -> int:
        transfer, folder = Transfer(self.ca_bundle, self.launches.token), self.logs.folder(node)
        stored = 0
        for name in self.logs.between(node, *times):
            one = replace(container, pattern=f"../{name}", path=f"{container.path}{name}")  # beside a task's `wd`
            stored += len(transfer.upload(one, folder, threading.Event()))
        return stored
