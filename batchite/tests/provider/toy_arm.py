"""A tiny ARM in memory, so that the provider's tests need no server: envelopes, keys, operations, chosen failures."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

from pulumi import automation

StackFactory: TypeAlias = Callable[[Callable[[], None]], automation.Stack]
"""Puts a program into the test's stack."""

SUBSCRIPTION = "0b4c417e-0000-4000-8000-000000000001"
SECRET = "toy-secret"
CLAIMS = {"appid": "client-1", "oid": "object-1", "tid": "tenant-1"}
SLOW_TYPES = ("batchaccounts", "storageaccounts")  # their PUT and DELETE are operations, 202 and a poll


def token() -> str:
    """An unsigned token with the claims of the toy's only principal."""
    parts = (json.dumps(part).encode() for part in ({"alg": "none"}, CLAIMS))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + ".x"


def changes(result: automation.UpResult | automation.RefreshResult | automation.DestroyResult) -> dict[str, int]:
    """How many resources each operation counted."""
    return {str(name): count for name, count in (result.summary.resource_changes or {}).items()}


class ToyArm:
    """The resources by lower-case id, and what went wrong on purpose."""

    def __init__(self) -> None:
        self.resources: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str]] = []
        self.bodies: dict[str, Any] = {}
        self.refusals: dict[str, tuple[int, str]] = {}  # last segment of a PUT's path -> status and code
        self.failing_operations: set[str] = set()  # last segment of a path whose operation fails after acceptance
        self.tokens = 0
        self._polls: dict[str, int] = {}
        toy = self

        class Handler(_Handler):
            arm = toy

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True, kwargs={"poll_interval": 0.01}).start()

    def close(self) -> None:
        """Stop serving."""
        self.server.shutdown()
        self.server.server_close()

    def named(self, name: str) -> dict[str, Any]:
        """The one resource whose id ends with the name."""
        return next(item for key, item in self.resources.items() if key.endswith(f"/{name.lower()}"))

    def put(self, path: str, body: Mapping[str, Any]) -> tuple[int, dict[str, str], Any]:
        """Store what ARM would show."""
        last = path.rsplit("/", 1)[-1]
        self.bodies[last] = body
        if last in self.refusals:
            status, code = self.refusals[last]
            return status, {}, _error(code)
        self.resources[path.lower()] = _shown(path, body)
        if path.split("/")[-2].lower() in SLOW_TYPES or last in self.failing_operations:
            return 201, self._operation(last), self.resources[path.lower()]
        return 200, {}, self.resources[path.lower()]

    def delete(self, path: str) -> tuple[int, dict[str, str], Any]:
        """Forget the resource and everything below it."""
        if path.lower() not in self.resources:
            return 404, {}, _error("ResourceNotFound")
        for key in [key for key in self.resources if f"{key}/".startswith(f"{path.lower()}/")]:
            del self.resources[key]
        return (
            (202, {"Location": f"{self.url}/gone/1?x=1", "x-ms-retry-after-ms": "5"}, None)
            if path.split("/")[-2].lower() in SLOW_TYPES
            else (200, {}, None)
        )

    def poll(self, name: str) -> tuple[int, dict[str, str], Any]:
        """In progress at first, then the end."""
        self._polls[name] = self._polls.get(name, 0) + 1
        if self._polls[name] < 2:
            return 200, {"x-ms-retry-after-ms": "5"}, {"status": "InProgress"}
        if name in self.failing_operations:
            return 200, {}, {"status": "Failed", **_error("QuotaExceeded")}
        return 200, {}, {"status": "Succeeded"}

    def _operation(self, name: str) -> dict[str, str]:
        self._polls.pop(name, None)
        return {"Azure-AsyncOperation": f"{self.url}/operations/{name}?x=1", "x-ms-retry-after-ms": "5"}


class _Handler(BaseHTTPRequestHandler):
    arm: ToyArm
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self._path()
        if path.startswith("/operations/"):
            self._send(*self.arm.poll(path.rsplit("/", 1)[-1]))
        elif path.startswith("/gone/"):
            self._send(204, {}, None)
        elif path.lower() in self.arm.resources:
            self._send(200, {}, self.arm.resources[path.lower()])
        else:
            self._send(404, {}, _error("ResourceNotFound"))

    def do_PUT(self) -> None:
        self._send(*self.arm.put(self._path(), self._body()))

    def do_DELETE(self) -> None:
        self._send(*self.arm.delete(self._path()))

    def do_POST(self) -> None:
        path = self._path(authenticated=False)
        if path.endswith("/oauth2/token"):
            self.arm.tokens += 1
            form = parse_qs(self._read().decode())
            right = form.get("client_secret") == [SECRET]
            answer = {"access_token": token(), "expires_in": "3600"} if right else {"error": "invalid_client"}
            self._send(200 if right else 401, {}, answer)
        elif path.endswith("/listKeys"):
            self._read()
            self._send(200, {}, {"accountName": path.split("/")[-2], "primary": "k1", "secondary": "k2"})
        else:
            self._send(501, {}, _error("NotImplemented"))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Tests read the recorded requests instead."""

    def _path(self, *, authenticated: bool = True) -> str:
        url = urlsplit(self.path)
        self.arm.requests.append((self.command, self.path))
        if authenticated and self.headers["Authorization"] != f"Bearer {token()}":
            raise PermissionError(self.path)
        return url.path

    def _read(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _body(self) -> Any:
        return json.loads(self._read())

    def _send(self, status: int, headers: Mapping[str, str], body: Any) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _error(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": f"the toy says {code}"}}


def _shown(path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """What a GET gives: the envelope, defaults of the service, identities with their principals."""
    shown = json.loads(json.dumps(body)) | {
        "id": path,
        "name": path.rsplit("/", 1)[-1],
        "type": "Toy/" + path.split("/")[-2],
    }
    shown.setdefault("properties", {})["provisioningState"] = "Succeeded"
    if "/pools/" in path:
        shown["properties"] |= {"allocationState": "Steady", "currentDedicatedNodes": 0}
        shown["properties"].setdefault("interNodeCommunication", "Disabled")
    for identity in (shown.get("identity") or {}).get("userAssignedIdentities", {}).values():
        identity |= {"principalId": "p", "clientId": "c"}
    return dict(shown)
