"""Uploads of node logs that are only noted."""

from dataclasses import dataclass, field

from batchite.agent.launch import OutputFile
from batchite.agent.transfer import TransferError
from batchite.scheduler.model import Failure, NodeKey


@dataclass
class Uploads:
    """Three files each; a container of the name `refused` takes none."""

    seen: list[tuple[NodeKey, tuple[float, float], OutputFile]] = field(default_factory=list)

    async def upload(self, node: NodeKey, times: tuple[float, float], container: OutputFile) -> int:
        """Note what was asked."""
        if "refused" in container.container_url:
            raise TransferError(Failure("usererror", "FileUploadAccessDenied", "HTTP 403"))
        self.seen.append((node, times, container))
        return 3
