"""What runs in a session: a shell, a command or the file server, as a process of the user who has logged in.

Nothing of a session outlives it: when its command ends, the client leaves or the node goes down, its whole tree ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import struct
import subprocess
import termios
import threading
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from batchite.agent import credentials, processes
from batchite.agent.users import TaskUser
from batchite.ssh.port import Login

CHUNK = 1 << 16
SHELL = "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh"
SFTP = Path(__file__).with_name("sftp_program.py").read_text()
OPEN_TERMINAL = 'exec <>"$0" >&0 2>&0; exec "$@"'
"""A shell's words that make the terminal `$0` the controlling one of a new session: that it opens it is enough."""
NOT_FOUND = 127


class CannotServeError(Exception):
    """What the client asks for is not there."""


async def run(process: asyncssh.SSHServerProcess[bytes], login: Login) -> None:
    """Serve one session to its end."""
    marker = f"BATCHITE_LOGIN={uuid.uuid4().hex}"
    try:
        streams = _streams(process, login.user)
        child = _start(process, login, streams, marker)
    except (CannotServeError, OSError) as error:
        process.stderr.write(f"{error}\n".encode())
        process.exit(NOT_FOUND)
        return
    login.started(child.pid)
    try:
        await _follow(process, child, streams, marker)
    finally:
        streams.close()


@dataclass(slots=True)
class Streams:
    """Our ends and the child's ends of what connects us. A terminal has one end for all."""

    child: list[int]  # stdin, stdout, stderr
    stdin: int
    outputs: list[int]  # stdout and, without a terminal, stderr
    terminal: str = ""

    @classmethod
    def pipes(cls) -> Streams:
        """Three pipes."""
        pairs = [os.pipe(), os.pipe(), os.pipe()]
        return cls([pairs[0][0], pairs[1][1], pairs[2][1]], pairs[0][1], [pairs[1][0], pairs[2][0]])

    @classmethod
    def terminal_of(cls, user: TaskUser, columns: int, rows: int) -> Streams:
        """A terminal that belongs to the user."""
        ours, theirs = os.openpty()
        resize(ours, columns, rows)
        name = os.ttyname(theirs)
        if user.uid is not None:
            os.chown(name, user.uid, -1)
        return cls([os.open(os.devnull, os.O_RDONLY), theirs, os.dup(theirs)], ours, [ours], name)

    def given(self) -> None:
        """The child has its ends."""
        for end in self.child:
            os.close(end)
        self.child = []

    def close_stdin(self) -> None:
        """No more input; a terminal stays, for its output."""
        if self.stdin not in (-1, *self.outputs):
            os.close(self.stdin)
            self.stdin = -1

    def close(self) -> None:
        """Release all."""
        self.given()
        self.close_stdin()
        for end in self.outputs:
            os.close(end)
        self.outputs = []


def _streams(process: asyncssh.SSHServerProcess[bytes], user: TaskUser) -> Streams:
    columns, rows, *_ = process.term_size
    return Streams.terminal_of(user, columns, rows) if process.term_type else Streams.pipes()


def resize(terminal: int, columns: int, rows: int) -> None:
    """Give a terminal a size; whoever runs in its foreground hears of it."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _start(
    process: asyncssh.SSHServerProcess[bytes], login: Login, streams: Streams, marker: str
) -> subprocess.Popen[bytes]:
    command = _command(process)
    if streams.terminal:
        command = ["/bin/sh", "-c", OPEN_TERMINAL, streams.terminal, *command]
    name, value = marker.split("=")
    try:
        return credentials.popen(
            command,
            login.user,
            cwd=login.directory,
            env={**_wishes(process), **login.environment, name: value},
            stdin=streams.child[0],
            stdout=streams.child[1],
            stderr=streams.child[2],
            start_new_session=True,
        )
    except OSError:
        streams.close()
        raise
    finally:
        streams.given()


def _command(process: asyncssh.SSHServerProcess[bytes]) -> list[str]:
    if process.subsystem == "sftp":
        return ["/usr/bin/env", "python3", "-I", "-c", SFTP]  # env passes over one that the user may not run
    if process.subsystem:
        raise CannotServeError(f"the subsystem {process.subsystem} is not served; sftp is")
    return [SHELL, "-c", process.command] if process.command is not None else [SHELL]


def _wishes(process: asyncssh.SSHServerProcess[bytes]) -> dict[str, str]:
    """Language and terminal, as the client wants them."""
    found = {name: value for name, value in process.env.items() if name == "LANG" or name.startswith("LC_")}
    return found | ({"TERM": process.term_type} if process.term_type else {})


async def _follow(
    process: asyncssh.SSHServerProcess[bytes], child: subprocess.Popen[bytes], streams: Streams, marker: str
) -> None:
    """Carry bytes both ways until the command ends or the client leaves; then nothing of it runs any more."""
    sinks = [process.stdout, process.stderr]
    outputs = [asyncio.create_task(_out(end, sink)) for end, sink in zip(streams.outputs, sinks, strict=False)]
    feeding = asyncio.create_task(_in(process, streams, child))
    ended, left = asyncio.ensure_future(_ended(child)), asyncio.ensure_future(process.wait_closed())
    await asyncio.wait([ended, left], return_when=asyncio.FIRST_COMPLETED)
    await asyncio.to_thread(processes.kill_tree, child.pid, marker)
    await asyncio.wait(outputs)
    for task in (feeding, left):
        task.cancel()
    await ended
    code = child.wait()
    if code < 0:
        process.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))
    else:
        process.exit(code)


def _ended(child: subprocess.Popen[bytes]) -> asyncio.Future[None]:
    """Done when the child has ended; it stays a zombie, so that its pid is still its own."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def wait() -> None:
        processes.wait_unreaped(child)
        loop.call_soon_threadsafe(future.set_result, None)

    threading.Thread(target=wait, daemon=True).start()
    return future


async def _out(end: int, sink: asyncssh.SSHWriter[bytes]) -> None:
    with contextlib.suppress(OSError, asyncssh.Error):
        async for data in _chunks(end):
            sink.write(data)
            await sink.drain()


async def _in(process: asyncssh.SSHServerProcess[bytes], streams: Streams, child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError, asyncssh.Error):
        while True:
            try:
                data = await process.stdin.read(CHUNK)
            except asyncssh.TerminalSizeChanged as change:
                resize(streams.stdin, change.width, change.height)
            except asyncssh.SignalReceived as received:
                _signal(child, received.signal)
            except asyncssh.BreakReceived:
                _signal(child, "INT")
            else:
                if not data:
                    streams.close_stdin()
                    return
                await _write(streams.stdin, data)


def _signal(child: subprocess.Popen[bytes], name: str) -> None:
    number = getattr(signal, f"SIG{name}", None)
    if isinstance(number, signal.Signals) and child.returncode is None:
        os.killpg(child.pid, number)


async def _chunks(end: int) -> AsyncIterator[bytes]:
    """What comes from a pipe or terminal, until its last writer is gone (a terminal says EIO then)."""
    os.set_blocking(end, False)
    loop = asyncio.get_running_loop()
    while True:
        await _ready(end, loop.add_reader, loop.remove_reader)
        try:
            data = os.read(end, CHUNK)
        except BlockingIOError:
            continue
        if not data:
            return
        yield data


async def _write(end: int, data: bytes) -> None:
    os.set_blocking(end, False)
    loop = asyncio.get_running_loop()
    while data:
        try:
            data = data[os.write(end, data) :]
        except BlockingIOError:
            await _ready(end, loop.add_writer, loop.remove_writer)


async def _ready(end: int, add: Callable[..., None], remove: Callable[[int], bool]) -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    add(end, _settle, future)
    try:
        await future
    finally:
        remove(end)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
