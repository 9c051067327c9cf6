"""The supervised Azurite process."""

from __future__ import annotations

import asyncio
import logging
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from batchite.blob.locate import Tools
from batchite.blob.lock import DirectoryLock

LAUNCHER = Path(__file__).with_name("launcher.cjs")
START_SECONDS = 30.0
ANSWER_SECONDS = 10.0
STOP_SECONDS = 10.0
READY_SECONDS = 10.0
BACK_OFF_SECONDS = (0.0, 0.1, 0.5, 2.0, 5.0)  # the last one repeats

Accounts = Mapping[str, tuple[str, str]]

log = logging.getLogger(__name__)


class BlobStoreError(Exception):
    """Azurite did not start, did not answer, or answered what it should not."""


class AzuriteProcess:
    """Azurite on one data directory: started, given its accounts, started again when it dies, stopped.

    `on_restart` is awaited after each unexpected death, once the new process answers: what the dead one had
    acknowledged in its last 100 ms may be lost. Used from one event loop.
    """

    def __init__(
        self, directory: Path, log_file: Path, tools: Tools, on_restart: Callable[[], Awaitable[None]]
    ) -> None:
        self._directory = directory
        self._log_file = log_file
        self._tools = tools
        self._on_restart = on_restart
        self._lock = DirectoryLock(directory)
        self._accounts: Accounts = {}
        self._control = asyncio.Lock()
        self._ready = asyncio.Event()
        self._process: Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._port = 0

    @property
    def pid(self) -> int:
        """The process id of the running Azurite, 0 when there is none."""
        return self._process.pid if self._process and self._process.returncode is None else 0

    @property
    def unclean(self) -> bool:
        """Whether the run before this one ended without an orderly stop."""
        return self._lock.unclean

    async def start(self, accounts: Accounts) -> None:
        """Take the directory and start. Raises DirectoryInUseError, BlobStoreError."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._log_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._accounts = dict(accounts)
        await asyncio.to_thread(self._lock.acquire)
        try:
            process = await self._spawn()
        except BaseException:
            self._lock.release(orderly=False)
            raise
        self._supervisor = asyncio.create_task(self._supervise(process))

    async def stop(self) -> None:
        """SIGTERM (Azurite saves), then SIGKILL; give the directory back."""
        if self._supervisor is None:
            return
        self._supervisor.cancel()
        await asyncio.wait([self._supervisor])
        self._supervisor = None
        self._ready.clear()
        orderly = self._process is not None and await _end(self._process)
        self._lock.release(orderly=orderly)

    async def set_accounts(self, accounts: Accounts) -> None:
        """Make these the accounts, all of them, without a restart. Returns once they are in force."""
        self._accounts = dict(accounts)
        if self._supervisor is None:
            return
        await self.address()
        try:
            await self._send_accounts()
        except (BlobStoreError, ConnectionError):
            self._kill()  # the next one starts with the accounts set above
            await self.address()

    def _kill(self) -> None:
        self._ready.clear()
        if self.pid and self._process:
            self._process.kill()

    async def address(self) -> str:
        """`http://127.0.0.1:PORT` of the running process; waits while it restarts. Raises BlobStoreError."""
        try:
            await asyncio.wait_for(self._ready.wait(), READY_SECONDS)
        except TimeoutError:
            raise BlobStoreError("Azurite is not running.") from None
        return f"http://127.0.0.1:{self._port}"

    async def _spawn(self) -> Process:
        with self._log_file.open("ab") as output:
            process = await self._execute(output)
        self._process = process
        try:
            self._lock.record(process.pid)
            self._port = (await _answer(process, START_SECONDS))["port"]
            await self._send_accounts()
        except BaseException:
            await _end(process)
            raise
        self._ready.set()
        log.info("Azurite (pid %d) serves %s on port %d", process.pid, self._directory, self._port)
        return process

    async def _execute(self, output: BinaryIO) -> Process:
        command = (
            str(self._tools.node),
            str(LAUNCHER),
            str(self._tools.azurite.resolve()),
            str(self._directory.resolve()),
        )
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=output,
            cwd=self._directory,
            env={"PATH": os.defpath},  # nothing of the server's environment reaches Azurite
            start_new_session=True,
            pass_fds=(self._lock.descriptor,),
        )

    async def _send_accounts(self) -> None:
        process = self._process
        assert process
        assert process.stdin
        async with self._control:
            process.stdin.write(orjson.dumps({"accounts": self._accounts}) + b"\n")
            await process.stdin.drain()
            await _answer(process, ANSWER_SECONDS)

    async def _supervise(self, process: Process) -> None:
        """Start Azurite again whenever it dies, later and later while it does not come up."""
        while True:
            code = await process.wait()
            self._ready.clear()
            log.error("Azurite (pid %d) died with code %s; it is started again", process.pid, code)
            process = await self._respawn()
            try:
                await self._on_restart()
            except Exception:
                log.exception("What was to follow the restart of Azurite failed")

    async def _respawn(self) -> Process:
        attempt = 0
        while True:
            await asyncio.sleep(BACK_OFF_SECONDS[min(attempt, len(BACK_OFF_SECONDS) - 1)])
            attempt += 1
            try:
                return await self._spawn()
            except (BlobStoreError, OSError) as error:
                log.error("Azurite did not start again: %s", error)  # noqa: TRY400 - the reason is in its own log


async def _answer(process: Process, seconds: float) -> dict[str, Any]:
    """The next JSON line of the launcher."""
    assert process.stdout
    try:
        line = await asyncio.wait_for(process.stdout.readline(), seconds)
    except TimeoutError:
        raise BlobStoreError(f"Azurite did not answer within {seconds:g} s; log/azurite.log has more.") from None
    if not line:
        raise BlobStoreError("Azurite ended before it answered; log/azurite.log has the reason.")
    answer: dict[str, Any] = orjson.loads(line)
    return answer


async def _end(process: Process) -> bool:
    """End a process; whether it ended by itself, with everything saved."""
    for signal in (process.terminate, process.kill):
        if process.returncode is None:
            signal()
        try:
            return await asyncio.wait_for(process.wait(), STOP_SECONDS) == 0
        except TimeoutError:
            continue
    return False
