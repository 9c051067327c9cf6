"""A file server of the SSH File Transfer Protocol, version 3, on stdin and stdout, of the standard library alone.

It runs as a program of its own, as the user who has logged in: what that user may not read or write, it cannot either.
Source: draft-ietf-secsh-filexfer-02, and the extension posix-rename of OpenSSH.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import sys
import time
from collections.abc import Callable
from typing import BinaryIO

VERSION, STATUS, HANDLE, DATA, NAME, ATTRS = 2, 101, 102, 103, 104, 105
OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, UNSUPPORTED = 0, 1, 2, 3, 4, 8
HAS_SIZE, HAS_OWNER, HAS_MODE, HAS_TIMES = 1, 2, 4, 8
RENAME = b"posix-rename@openssh.com"
LONGEST = 1 << 18  # bytes of one answer, and of a packet of a client's (OpenSSH sends 256 KiB and a header at most)
ENTRIES = 100  # of a directory in one answer


class Refused(Exception):  # noqa: N818 - an answer, not an error of this program
    """A request that is answered by a status code."""


class Packet:
    """The body of a request, read from front to back."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def number(self, form: str = ">I") -> int:
        """An unsigned number."""
        (value,) = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return int(value)

    def text(self) -> bytes:
        """A string of bytes."""
        length = self.number()
        self.at += length
        return self.data[self.at - length : self.at]

    def attributes(self) -> dict[str, tuple[int, ...]]:
        """What shall be set: size, owner, mode, times."""
        flags = self.number()
        found: dict[str, tuple[int, ...]] = {}
        if flags & HAS_SIZE:
            found["size"] = (self.number(">Q"),)
        if flags & HAS_OWNER:
            found["owner"] = (self.number(), self.number())
        if flags & HAS_MODE:
            found["mode"] = (self.number(),)
        if flags & HAS_TIMES:
            found["times"] = (self.number(), self.number())
        return found


def string(data: bytes) -> bytes:
    """A string as it is sent."""
    return struct.pack(">I", len(data)) + data


def attributes(found: os.stat_result) -> bytes:
    """Attributes as they are sent."""
    flags = HAS_SIZE | HAS_OWNER | HAS_MODE | HAS_TIMES
    times = (int(found.st_atime) & 0xFFFFFFFF, int(found.st_mtime) & 0xFFFFFFFF)
    return struct.pack(">IQIIIII", flags, found.st_size, found.st_uid, found.st_gid, found.st_mode, *times)


def entry(name: bytes, found: os.stat_result) -> bytes:
    """A name with its attributes, and the line that `ls -l` of a client shows."""
    day = time.strftime("%b %d %H:%M", time.localtime(found.st_mtime))
    line = (
        f"{stat.filemode(found.st_mode)} {found.st_nlink:4} {found.st_uid:8} {found.st_gid:8} {found.st_size:10} {day} "
    )
    return string(name) + string(line.encode() + name) + attributes(found)


class Server:
    """Answers one client."""

    def __init__(self) -> None:
        self.files: dict[bytes, int] = {}
        self.folders: dict[bytes, list[bytes]] = {}
        self.paths: dict[bytes, bytes] = {}
        self.handles = 0
        self.requests: dict[int, Callable[[Packet], bytes]] = {
            3: self.open,
            4: self.close,
            5: self.read,
            6: self.write,
            7: lambda packet: bytes([ATTRS]) + attributes(os.lstat(packet.text())),
            8: lambda packet: bytes([ATTRS]) + attributes(os.fstat(self.files[packet.text()])),
            9: lambda packet: change(packet.text(), packet.attributes()),
            10: lambda packet: change(self.files[packet.text()], packet.attributes()),
            11: self.open_folder,
            12: self.read_folder,
            13: lambda packet: done(os.unlink, packet.text()),
            14: lambda packet: done(os.mkdir, packet.text(), packet.attributes().get("mode", (0o777,))[0] & 0o7777),
            15: lambda packet: done(os.rmdir, packet.text()),
            16: lambda packet: one_name(os.path.realpath(packet.text() or b".")),
            17: lambda packet: bytes([ATTRS]) + attributes(os.stat(packet.text())),
            18: self.rename,
            19: lambda packet: one_name(os.readlink(packet.text())),
            20: lambda packet: done(os.symlink, packet.text(), packet.text()),  # target first, as OpenSSH sends it
            200: self.extended,
        }

    def handle(self) -> bytes:
        """A new handle."""
        self.handles += 1
        return str(self.handles).encode()

    def open(self, packet: Packet) -> bytes:
        """Open a file."""
        path, wanted, given = packet.text(), packet.number(), packet.attributes()
        flags = {1: os.O_RDONLY, 2: os.O_WRONLY, 3: os.O_RDWR}.get(wanted & 3, os.O_RDONLY)
        for bit, flag in ((4, os.O_APPEND), (8, os.O_CREAT), (16, os.O_TRUNC), (32, os.O_EXCL)):
            flags |= flag if wanted & bit else 0
        handle = self.handle()
        self.files[handle] = os.open(path, flags, given.get("mode", (0o666,))[0] & 0o7777)
        return bytes([HANDLE]) + string(handle)

    def close(self, packet: Packet) -> bytes:
        """Close a file or directory."""
        handle = packet.text()
        if handle in self.files:
            os.close(self.files.pop(handle))
        else:
            del self.folders[handle]
        return done()

    def read(self, packet: Packet) -> bytes:
        """Bytes of a file."""
        file, offset, length = self.files[packet.text()], packet.number(">Q"), packet.number()
        data = os.pread(file, min(length, LONGEST), offset)
        if not data:
            raise Refused(EOF)
        return bytes([DATA]) + string(data)

    def write(self, packet: Packet) -> bytes:
        """Bytes into a file."""
        file, offset, data = self.files[packet.text()], packet.number(">Q"), packet.text()
        while data:
            written = os.pwrite(file, data, offset)
            data, offset = data[written:], offset + written
        return done()

    def open_folder(self, packet: Packet) -> bytes:
        """Begin to list a directory."""
        path, handle = packet.text(), self.handle()
        self.folders[handle] = [os.path.join(path, name) for name in (b".", b"..", *sorted(os.listdir(path)))]
        return bytes([HANDLE]) + string(handle)

    def read_folder(self, packet: Packet) -> bytes:
        """The next entries of a directory; one that has gone meanwhile is left out."""
        left = self.folders[packet.text()]
        found: list[bytes] = []
        while left and len(found) < ENTRIES:
            path = left.pop(0)
            try:
                found.append(entry(os.path.basename(path), os.lstat(path)))
            except FileNotFoundError:
                continue
        if not found:
            raise Refused(EOF)
        return struct.pack(">BI", NAME, len(found)) + b"".join(found)

    def rename(self, packet: Packet) -> bytes:
        """Rename; what is there already stays."""
        old, new = packet.text(), packet.text()
        if os.path.lexists(new):
            raise Refused(FAILURE)
        return done(os.rename, old, new)

    def extended(self, packet: Packet) -> bytes:
        """The one extension: a rename that replaces."""
        if packet.text() != RENAME:
            raise Refused(UNSUPPORTED)
        return done(os.rename, packet.text(), packet.text())

    def answer(self, kind: int, packet: Packet) -> bytes:
        """The answer to one request."""
        number = struct.pack(">I", packet.number())
        try:
            found = self.requests[kind](packet)
        except Refused as refused:
            found = status(refused.args[0])
        except OSError as error:
            codes = {errno.ENOENT: NO_SUCH_FILE, errno.EACCES: PERMISSION_DENIED, errno.EPERM: PERMISSION_DENIED}
            found = status(codes.get(error.errno or 0, FAILURE), error.strerror or "")
        except (KeyError, struct.error, ValueError):
            found = status(UNSUPPORTED if kind not in self.requests else FAILURE)
        return found[:1] + number + found[1:]


def change(what: bytes | int, wanted: dict[str, tuple[int, ...]]) -> bytes:
    """Set attributes of a path or an open file."""
    if "size" in wanted:
        os.truncate(what, *wanted["size"])
    if "mode" in wanted:
        os.chmod(what, wanted["mode"][0] & 0o7777)
    if "owner" in wanted:
        os.chown(what, *wanted["owner"])
    if "times" in wanted:
        os.utime(what, (wanted["times"][0], wanted["times"][1]))
    return done()


def one_name(path: bytes) -> bytes:
    """A path as an answer; its attributes are dummies, as is usual."""
    return struct.pack(">BI", NAME, 1) + string(path) + string(path) + struct.pack(">I", 0)


def status(code: int, text: str = "") -> bytes:
    """A status as an answer."""
    return struct.pack(">BI", STATUS, code) + string(text.encode()) + string(b"")


def done(action: Callable[..., None] = lambda: None, *arguments: object) -> bytes:
    """Do it, and say so."""
    action(*arguments)
    return status(OK)


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer until the client leaves."""
    server = Server()
    while len(head := source.read(5)) == 5:
        length, kind = struct.unpack(">IB", head)
        body = source.read(length - 1) if 0 < length <= LONGEST + 1024 else b""
        if len(body) < length - 1 or not length:
            return
        first = struct.pack(">BI", VERSION, 3) + string(RENAME) + string(b"1")
        found = first if kind == 1 else server.answer(kind, Packet(body))
        sink.write(string(found))
        sink.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
