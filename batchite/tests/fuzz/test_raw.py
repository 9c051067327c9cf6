"""Raw bytes on the port of both planes: the server answers or closes, in time, and goes on."""

import base64
import contextlib
import hmac
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fuzz.mutations import BOUNDED, EXAMPLES
from hypothesis import example, given
from hypothesis import strategies as st
from servers import RunningServer

pytestmark = pytest.mark.ours

SECONDS = 10.0  # in which an answer must have come
GROWTH = 64 << 20  # bytes a server may grow by while it is fuzzed: caches, not leaks
WORDS = st.sampled_from(
    [b"GET", b"POST", b"DELETE", b"HEAD", b"OPTIONS", b"BREW", b"", b"get", b"\xff", b"A" * 9000]
) | st.binary(max_size=6)
PATHS = st.sampled_from(
    [
        b"/",
        b"//",
        b"/jobs?api-version=2025-06-01",
        b"/batch/batchite/pools?api-version=2025-06-01",
        b"/batch//pools",
        b"/subscriptions/x/resourcegroups?api-version=2021-04-01",
        b"/metadata/identity/oauth2/token?resource=x",
        b"/adfs/oauth2/token",
        b"/%00/%ff/%zz?%ff=%00&&=",
        b"http://evil.example/jobs",
        b"*",
        b"/" + b"a" * 9000,
        b"/" + b"a/" * 3000,
    ]
) | st.binary(max_size=20)
LINES = st.sampled_from(
    [
        b"Host: 127.0.0.1",
        b"Host: evil.example",
        b"Content-Length: 5",
        b"Content-Length: -1",
        b"Content-Length: 99999999999999999999",
        b"Content-Length: 5, 6",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Content-Encoding: gzip",
        b"Expect: 100-continue",
        b"Connection: Upgrade\r\nUpgrade: websocket",
        b"Authorization: SharedKey batchite:AAAA",
        b"Authorization: SharedKey \xff:\xff",
        b"Authorization: Bearer " + b"a." * 2000,
        b"ocp-date: Mon, 99 Xxx 0 0:0:0 GMT",
        b"ocp-date: " + b"9" * 5000,
        b"If-None-Match: " + b'"' * 3000,
        b"X: " + b"y" * 9000,
        b": empty",
        b"no colon",
    ]
) | st.binary(max_size=20)
BODIES = st.sampled_from([b"", b"{", b"5\r\nhello\r\n0\r\n\r\n", b"ZZ\r\n", b"[" * 5000, b"\xff" * 50]) | st.binary(
    max_size=30
)


@pytest.fixture(scope="session")
def grown(running: RunningServer) -> int:
    """Bytes of memory of the server before."""
    return _memory(running)


@pytest.mark.usefixtures("grown")
@BOUNDED
@given(WORDS, PATHS, st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2", b""]), st.lists(LINES, max_size=5), BODIES)
@example(b"GET", b"/jobs?api-version=2025-06-01", b"HTTP/1.1", [b"Host: 127.0.0.1", b"Host: evil.example"], b"")
def test_bytes_that_are_hardly_http(
    running: RunningServer, method: bytes, path: bytes, version: bytes, lines: list[bytes], body: bytes
) -> None:
    """No status of the server's own failure, no silence."""
    head = b" ".join((method, path, version)) + b"\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"
    answer = _exchange(running, head + body)
    assert _status(answer) < 500 or b"NotImplemented" in answer, answer[:500]


def test_the_signature_opens_the_door(running: RunningServer) -> None:
    """The requests of the next test are not all refused at the door."""
    assert _status(_exchange(running, _signed(running, "GET", "/pools", b""))) == 200
    assert _status(_exchange(running, _signed(running, "POST", "/pools", b"{}"))) == 400


@pytest.mark.usefixtures("grown")
@BOUNDED
@given(
    st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]),
    st.text(st.characters(codec="ascii", exclude_characters=" \r\n#?\t\x0b\x0c"), max_size=12).map(
        lambda text: f"/{text}"
    ),
    st.binary(max_size=40),
)
def test_signed_requests_of_any_path_and_body(running: RunningServer, method: str, path: str, body: bytes) -> None:
    """Behind the door, with a valid signature, it is the same."""
    path = "".join(char if char.isprintable() else "_" for char in path)
    answer = _exchange(running, _signed(running, method, path, body))
    assert _status(answer) < 500 or b"NotImplemented" in answer, answer[:500]


def test_the_server_is_the_same_afterwards(running: RunningServer, grown: int) -> None:
    """It answers, its log tells of no failure, and its memory has not grown by more than its caches."""
    assert running.client().list_pools() is not None
    assert list(running.client().list_pools()) == []
    assert "Traceback" not in running.log.read_text()
    assert _memory(running) - grown < GROWTH, f"after {EXAMPLES} requests of each kind"


def _exchange(running: RunningServer, sent: bytes) -> bytes:
    """All that comes back until the server closes."""
    address = urlsplit(running.ready["http"])
    deadline, answer = time.monotonic() + SECONDS, b""
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=SECONDS) as connection:
        try:
            connection.sendall(sent)
            with contextlib.suppress(OSError):  # the server may have closed it
                connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                answer += chunk
                assert time.monotonic() < deadline, "the answer does not end"
        except (ConnectionResetError, BrokenPipeError):
            pass
    return answer


def _status(answer: bytes) -> int:
    """The status of an answer; 0 when the connection was closed without one."""
    words = answer.split(b" ", 2)
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


def _signed(running: RunningServer, method: str, path: str, body: bytes) -> bytes:
    """A request with the account's signature."""
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    key = base64.b64decode(running.environment["AZURE_BATCH_ACCESS_KEY"])
    length = "" if method == "GET" and not body else str(len(body))
    text = f"{method}\n\n\n{length}\n\napplication/json" + "\n" * 7
    text += f"ocp-date:{date}\n/batchite{path}\napi-version:2025-06-01"
    signature = base64.b64encode(hmac.digest(key, text.encode(), "sha256")).decode()
    lines = [
        f"{method} {path}?api-version=2025-06-01 HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: SharedKey batchite:{signature}",
        f"ocp-date: {date}",
        "Content-Type: application/json",
        "Connection: close",
        *([f"Content-Length: {len(body)}"] if length else []),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _memory(running: RunningServer) -> int:
    """Resident bytes of the server's process."""
    pages = int(Path(f"/proc/{running.process.pid}/statm").read_text().split()[1])
    return pages * 4096
