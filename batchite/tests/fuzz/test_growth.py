"""Bodies and heads that lie about themselves, signed or not, on a whole server; its memory stays as it is."""

import http.client
import itertools
import os
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from fuzz.test_raw import _exchange, _memory, _signed, _status
from servers import RunningServer

REQUESTS = int(os.environ.get("FUZZ_EXAMPLES", "250")) * 8
SLACK = 6 << 20
"""Bytes by which an allocator may grow without anything being kept."""
LIMIT = 1 << 20


def _lies(running: RunningServer, change: Callable[[bytes], bytes], body: bytes = b"{}") -> bytes:
    """The answer to a signed POST whose bytes were changed afterwards."""
    return _exchange(running, change(_signed(running, "POST", "/pools", body)))


def _length(text: bytes) -> Callable[[bytes], bytes]:
    return lambda sent: sent.replace(b"Content-Length: 2\r\n", b"Content-Length: " + text + b"\r\n")


def _chunked(body: bytes) -> Callable[[bytes], bytes]:
    head = b"Transfer-Encoding: chunked\r\n"
    return lambda sent: sent.replace(b"Content-Length: 2\r\n", head).removesuffix(b"{}") + body


@pytest.mark.ours
@pytest.mark.parametrize(
    "change",
    [
        _length(b"1"),
        _length(b"0"),
        _length(b"10"),
        _length(b"2, 2"),
        _length(b"2\r\nContent-Length: 3"),
        _length(b"+2"),
        _length(b"0x2"),
        _length(b"18446744073709551617"),
        _length(b"2\r\nTransfer-Encoding: chunked"),
        _chunked(b"2\r\n{}\r\n"),
        _chunked(b"2\r\n{}\r\nZZ\r\n"),
        _chunked(b"-1\r\n"),
        _chunked(b"FFFFFFFFFFFFFFFFF\r\n{}"),
        _chunked(b"2;" + b"x" * 70_000 + b"\r\n{}\r\n0\r\n\r\n"),
        _chunked(b"2\r\n{}\r\n0\r\nTrailer: x\r\n"),
        lambda sent: sent[:-1],
        lambda sent: sent.replace(b" HTTP/1.1", b" HTTP/1.0"),
    ],
)
def test_a_length_that_lies_gets_an_answer_or_an_end(running: RunningServer, change: Callable[[bytes], bytes]) -> None:
    """In time, with a client's error, and the server goes on."""
    assert _status(_lies(running, change)) < 500
    assert _status(_exchange(running, _signed(running, "GET", "/pools", b""))) == 200


@pytest.mark.documented
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_a_megabyte_and_a_byte_is_too_large(running: RunningServer, chunked: bool) -> None:
    """413 for one byte more than 1 MB, told beforehand or not; one of 1 MB is read, and refused for what it holds."""
    for size, status in ((LIMIT, 400), (LIMIT + 1, 413)):
        sent = _signed(running, "POST", "/pools", b" " * size)
        if chunked:
            head, _, body = sent.partition(b"\r\n\r\n")
            head = head.replace(b"Content-Length: %d" % size, b"Transfer-Encoding: chunked")
            sent = head + b"\r\n\r\n%x\r\n" % size + body + b"\r\n0\r\n\r\n"
        # the length is part of the signature, so a chunked request is refused or cut off before its body is read
        assert _status(_exchange(running, sent)) in ({0, 403} if chunked else {status})


def _burst(running: RunningServer, number: int) -> None:
    """Requests of many kinds on one connection."""
    address = urlsplit(running.ready["http"])
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    long = "x" * 2000
    kinds = itertools.cycle(
        [
            ("GET", "/jobs/none?api-version=2025-06-01", b""),
            ("GET", f"/{long}/{long}?{long}", b""),
            ("POST", "/pools?api-version=2025-06-01", b"[" * 5000),
            ("PUT", "/subscriptions/x/resourceGroups/y?api-version=2021-04-01", b"\xff" * 5000),
            ("POST", "/adfs/oauth2/token", b"grant_type=client_credentials&client_id=" + b"x" * 500),
            ("DELETE", "/batch/none/jobs/x", b""),
            ("GET", "/metadata/identity/oauth2/token?resource=" + long, b""),
        ]
    )
    for method, path, body in itertools.islice(kinds, number):
        connection.request(method, path, body or None, {"X-Number": "y" * 500})
        answer = connection.getresponse()
        answer.read()
        assert answer.status < 500
        if number % 10 == 0 and answer.will_close:
            connection.close()
    connection.close()
    for _ in range(number // 20):
        _exchange(running, _signed(running, "POST", "/jobs", os.urandom(200)))
        _exchange(running, _signed(running, "POST", "/pools", b" " * (LIMIT + 1)))


@pytest.mark.ours
def test_memory_does_not_grow_with_requests(running: RunningServer) -> None:
    """After a first burst has filled the caches, as many requests again add next to nothing, twice."""
    _burst(running, REQUESTS)
    before = _memory(running)
    _burst(running, REQUESTS)
    between = _memory(running)
    _burst(running, REQUESTS)
    first, second = between - before, _memory(running) - between
    assert second <= max(first, 0) + SLACK, f"{first} bytes, then {second}, for {REQUESTS} requests each"
    assert second < 2 * SLACK
