"""The ASGI application, called directly: guard, planes, bodies, errors, common headers."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from batchite.errors import ServiceError, invalid_property
from batchite.http.asgi import App, Receive, Send, parse_query
from batchite.http.guard import allowed_host
from batchite.http.plane import Plane, accounts_under, anonymous, everything, paths_under
from batchite.http.render import ARM, BATCH, OAUTH, Dialect
from batchite.http.router import Router
from batchite.http.types import Principal, Request, Response, Route


@dataclass
class Answer:
    """What an ASGI application sent."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


def call(
    app: App, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None, parts: int = 1
) -> Answer:
    """One request through the application, its body sent in `parts` messages."""
    path, _, query = target.partition("?")
    lines = {"host": "127.0.0.1:10010", **(headers or {})}
    scope = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in lines.items()],
    }
    size = -(-len(body) // parts) or 1
    chunks = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
    messages = [
        {"type": "http.request", "body": chunk, "more_body": number + 1 < len(chunks)}
        for number, chunk in enumerate(chunks)
    ]
    answer = Answer()
    asyncio.run(app(scope, receiver(messages), recorder(answer)))
    return answer


def receiver(messages: list[dict[str, Any]]) -> Receive:
    """Gives the messages, then says that the client is gone."""

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    return receive


def recorder(answer: Answer) -> Send:
    """Keeps what is sent."""

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message["body"]

    return send


async def echo(request: Request) -> Response:
    """Answers with what the handler was given."""
    seen = {
        "path": request.path,
        "base": request.base_url,
        "account": request.account,
        "params": dict(request.params),
        "query": dict(request.query),
        "body": request.body.decode(),
        "caller": request.principal.object_id,
    }
    return Response(200, seen, {"etag": "0x1"})


async def fail(_request: Request) -> Response:
    """A bug."""
    raise RuntimeError("the secret reason")


async def refuse(_request: Request) -> Response:
    """A refusal with values."""
    raise invalid_property("vmSize", "standard_nothing", "Unknown size.")


async def chunks() -> AsyncIterator[bytes]:
    """A body in two parts."""
    yield b"one,"
    yield b"two"


async def stream(_request: Request) -> Response:
    """A streamed answer of known length."""
    return Response(200, stream=chunks(), headers={"content-length": "7"})


ROUTES = [
    Route("Echo", "POST", "/echo/{id}", 200, echo),
    Route("Fail", "GET", "/fail", 200, fail),
    Route("Refuse", "GET", "/refuse", 200, refuse),
    Route("Stream", "GET", "/stream", 200, stream),
    Route("StreamHead", "HEAD", "/stream", 200, stream),
]


def someone(request: Request) -> Principal:
    """Lets everyone in but `nobody`."""
    if request.headers.get("authorization") == "nobody":
        raise ServiceError("AuthenticationRequired", headers={"www-authenticate": "Bearer"})
    return Principal(object_id="someone")


def app(dialect: Dialect = BATCH) -> App:
    """Account planes by prefix and at the root, and an ARM plane that has no route."""
    router = Router(ROUTES)
    return App(
        [
            Plane("account", accounts_under("/batch"), router, someone, dialect, max_body=100),
            Plane("arm", paths_under("/subscriptions"), Router([]), anonymous, ARM),
            Plane("root", everything("batchite"), router, someone, dialect, max_body=100),
        ]
    )


@pytest.mark.ours
def test_a_handler_sees_the_account_the_path_and_the_caller() -> None:
    """An account's prefix is taken off the path and put into the base URL."""
    seen = call(app(), "POST", "/batch/Mine/echo/a%2Fb?api-version=1&%24select=id,state", b"{}").json
    assert seen == {
        "path": "/echo/a%2Fb",
        "base": "http://127.0.0.1:10010/batch/Mine",
        "account": "mine",
        "params": {"id": "a/b"},
        "query": {"api-version": "1", "$select": "id,state"},
        "body": "{}",
        "caller": "someone",
    }


@pytest.mark.ours
def test_the_root_is_the_first_account() -> None:
    """Clients that drop the path of the endpoint reach the account `batchite`."""
    seen = call(app(), "POST", "/echo/x").json
    assert (seen["account"], seen["base"]) == ("batchite", "http://127.0.0.1:10010")


@pytest.mark.documented
def test_common_headers_of_the_batch_plane() -> None:
    """DataServiceVersion, a request id, the OData content type, and the client's id when it asks for it."""
    asked = {"client-request-id": "mine", "return-client-request-id": "true"}
    headers = call(app(), "POST", "/echo/x", headers=asked).headers
    assert headers["dataserviceversion"] == "3.0"
    assert headers["content-type"] == "application/json; odata=minimalmetadata"
    assert headers["client-request-id"] == "mine"
    assert headers["etag"] == "0x1"
    assert re.fullmatch(r"[0-9a-f-]{36}", headers["request-id"])
    assert "client-request-id" not in call(app(), "POST", "/echo/x", headers={"client-request-id": "mine"}).headers


@pytest.mark.documented
def test_a_batch_error_has_the_odata_shape() -> None:
    """Code, message object with RequestId and Time lines, and the values."""
    answer = call(app(), "GET", "/refuse")
    message = answer.json["message"]
    assert (answer.status, answer.json["code"], message["lang"]) == (400, "InvalidPropertyValue", "en-US")
    assert re.fullmatch(
        rf"The value provided for .* is invalid\.\nRequestId:{answer.headers['request-id']}\nTime:[0-9T:.-]+\d{{7}}Z",
        message["value"],
    )
    assert {"key": "PropertyName", "value": "vmSize"} in answer.json["values"]
    assert answer.json["odata.metadata"].startswith("http://127.0.0.1:10010/$metadata#")


@pytest.mark.documented
def test_an_arm_error_has_the_arm_shape() -> None:
    """`error` with code, message, target and details."""
    error = call(app(ARM), "GET", "/refuse").json["error"]
    assert (error["code"], error["target"]) == ("InvalidPropertyValue", "vmSize")
    assert error["message"].endswith("Unknown size.")
    assert {"code": "Reason", "message": "Unknown size."} in error["details"]


@pytest.mark.documented
def test_an_oauth_error_has_the_oauth_shape() -> None:
    """`error` and `error_description` as RFC 6749 has them."""
    body = call(app(OAUTH), "GET", "/refuse").json
    assert body["error"] == "invalid_request"
    assert body["error_description"].startswith("InvalidPropertyValue: ")


@pytest.mark.ours
def test_a_bug_is_a_501_that_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Retry policies of the SDKs leave 501 alone; the reason is in the log under the request id."""
    with caplog.at_level(logging.ERROR, "batchite.http"):
        answer = call(app(), "GET", "/fail")
    assert (answer.status, answer.json["code"]) == (501, "InternalError")
    assert b"secret" not in answer.body
    assert answer.headers["request-id"] in caplog.text
    assert "the secret reason" in caplog.text


@pytest.mark.ours
def test_headers_of_an_error_are_sent() -> None:
    """A 401 carries its challenge, a 405 what is allowed."""
    assert call(app(), "GET", "/refuse", headers={"authorization": "nobody"}).headers["www-authenticate"] == "Bearer"
    assert call(app(), "DELETE", "/echo/x").headers["allow"] == "POST"


@pytest.mark.ours
def test_nobody_learns_the_routes_without_a_credential() -> None:
    """Authentication comes before routing: a path that is served nowhere is a 401 too."""
    assert call(app(), "GET", "/nowhere", headers={"authorization": "nobody"}).status == 401


@pytest.mark.ours
@pytest.mark.parametrize("parts", [1, 3])
def test_a_body_over_the_limit_is_refused(parts: int) -> None:
    """With or without Content-Length the answer is RequestBodyTooLarge, at the limit it is not."""
    assert call(app(), "POST", "/echo/x", b"a" * 100, parts=parts).json["body"] == "a" * 100
    assert call(app(), "POST", "/echo/x", b"a" * 101, parts=parts).json["code"] == "RequestBodyTooLarge"
    declared = call(app(), "POST", "/echo/x", headers={"content-length": "101"})
    assert (declared.status, declared.json["code"]) == (413, "RequestBodyTooLarge")


@pytest.mark.ours
def test_a_compressed_body_is_refused_by_name() -> None:
    """A content coding is not honoured, so it is not ignored."""
    answer = call(app(), "POST", "/echo/x", b"x", {"content-encoding": "gzip"})
    assert (answer.status, answer.json["code"]) == (400, "UnsupportedHeader")


@pytest.mark.ours
def test_a_stream_is_sent_whole_and_never_for_head() -> None:
    """The handler's headers stay; HEAD has them without the body."""
    assert call(app(), "GET", "/stream").body == b"one,two"
    head = call(app(), "HEAD", "/stream")
    assert (head.body, head.headers["content-length"]) == (b"", "7")


@pytest.mark.ours
def test_a_strangers_host_is_refused_in_the_planes_own_shape() -> None:
    """A page that rebinds its name to 127.0.0.1 is told nothing, whatever its credential."""
    answer = call(app(), "GET", "/subscriptions/x", headers={"host": "evil.example:10010"})
    assert (answer.status, answer.json["error"]["code"]) == (403, "HostNotAllowed")


@pytest.mark.ours
@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:1", "localhost:10011", "LOCALHOST", "[::1]", "[::1]:443"])
def test_loopback_hosts_are_allowed(host: str) -> None:
    """The three names, with any port."""
    assert allowed_host(host)


@pytest.mark.ours
@pytest.mark.parametrize(
    "host", [None, "", "evil.example", "localhost.evil.example", "127.0.0.1.evil:1", "::1", "127.0.0.1, x", "[::1]x:1"]
)
def test_other_hosts_are_not(host: str | None) -> None:
    """Anything else, a repeated header included."""
    assert not allowed_host(host)


@pytest.mark.ours
def test_an_unknown_arm_path_names_the_operation() -> None:
    """501 in ARM's shape."""
    answer = call(app(), "PUT", "/Subscriptions/s/resourceGroups/g")
    assert (answer.status, answer.json["error"]["code"]) == (501, "NotImplemented")


@pytest.mark.ours
def test_a_client_that_goes_away_gets_no_answer() -> None:
    """A connection closed in the middle of the body ends the request quietly."""
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "raw_path": b"/echo/x",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }
    answer = Answer()
    asyncio.run(app()(scope, receiver([{"type": "http.request", "body": b"x", "more_body": True}]), recorder(answer)))
    assert answer.status == 0


@pytest.mark.documented
def test_a_query_keeps_the_value_a_signature_counts() -> None:
    """Names and values are decoded; of a repeated name the first value that is not empty stays."""
    assert parse_query("a=&a=1&a=2&b=x+y%20z&c") == {"a": "1", "b": "x y z", "c": ""}
    assert parse_query("") == {}


@pytest.mark.ours
@pytest.mark.parametrize("broken", [False, True])
def test_hooks_run_at_startup_and_shutdown(broken: bool) -> None:
    """In order; a failing startup is reported to the server with its reason."""
    ran: list[str] = []

    async def start() -> None:
        ran.append("start")
        if broken:
            raise RuntimeError("no store")

    async def stop() -> None:
        ran.append("stop")

    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    messages = receiver([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    asyncio.run(App([], [start], [stop])({"type": "lifespan"}, messages, send))
    if broken:
        assert (ran, sent) == (["start"], [{"type": "lifespan.startup.failed", "message": "no store"}])
    else:
        assert (ran, [m["type"] for m in sent]) == (
            ["start", "stop"],
            ["lifespan.startup.complete", "lifespan.shutdown.complete"],
        )
