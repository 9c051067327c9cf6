"""The provider as a supervised child process: it speaks gRPC to the Pulumi engine and HTTP to us."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from pathlib import Path

log = logging.getLogger(__name__)

START_SECONDS = 60.0
STOP_SECONDS = 10.0
PAUSE_SECONDS = 1.0
"""Before a provider that died is started again."""


class ProviderError(Exception):
    """The provider did not start; the text says where its log is."""


class ProviderProcess:
    """Starts the provider, keeps its port across restarts, ends it with the server."""

    def __init__(self, arguments: Sequence[str], log_file: Path) -> None:
        self._arguments = list(arguments)
        self._log_file = log_file
        self._process: Process | None = None
        self._supervisor: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """The port it listens on. Raises ProviderError."""
        port = await self._spawn(0)
        self._supervisor = asyncio.create_task(self._supervise(port))
        return port

    async def stop(self) -> None:
        """End it."""
        if self._supervisor is not None:
            self._supervisor.cancel()
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
                return
            self._process.kill()
            await self._process.wait()

    async def _spawn(self, port: int) -> int:
        with self._log_file.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "batchite.provider", *self._arguments, "--port", str(port)),
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=output,
                env={**os.environ, "GRPC_VERBOSITY": "ERROR"},
            )
        assert self._process.stdout is not None
        with contextlib.suppress(asyncio.TimeoutError, ValueError):
            return int(await asyncio.wait_for(self._process.stdout.readline(), START_SECONDS))
        raise ProviderError(f"the provider did not start; see {self._log_file}")

    async def _supervise(self, port: int) -> None:
        while True:
            assert self._process is not None
            code = await self._process.wait()
            log.warning("the provider ended with code %s; starting it again", code)
            await asyncio.sleep(PAUSE_SECONDS)
            with contextlib.suppress(ProviderError):
                await self._spawn(port)
