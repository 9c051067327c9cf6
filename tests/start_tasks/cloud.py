"""What a node talks to, on this machine: a blob account, a key vault, Git hosts and the metadata service.

Scripts see the real host names and check real certificates: they reach them through a proxy, as behind a firewall.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

STORE, VAULT = "store.blob.core.windows.net", "team.vault.azure.net"
GIT_HOSTS = ("git.example.com", "dev.azure.com")
HOSTS = (STORE, VAULT, *GIT_HOSTS)
CLIENT = "0b4c417e-0000-4000-8000-00000000c11e"
SECRET = "the-secret-in-the-vault"
TOKEN = "token-of-the-node-for-"
DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"


@dataclass
class Cloud:
    """Its state, and what it was asked. `git` is a folder of bare repositories; private-*.git ask for a password."""

    folder: Path
    blobs: dict[str, bytes] = field(default_factory=dict)
    blocks: dict[str, bytes] = field(default_factory=dict)
    answers: list[int] = field(default_factory=list)
    """Statuses that the next calls of the blob account get, whatever they ask."""
    cut_off: set[str] = field(default_factory=set)
    """Blobs whose download breaks off half-way, always."""
    asked: list[str] = field(default_factory=list)
    """Method, host and path of each request."""
    address: str = ""

    @property
    def git(self) -> Path:
        """The folder of bare repositories."""
        return self.folder / "git"

    @property
    def certificate(self) -> Path:
        """The certificate to trust."""
        return self.folder / "certificate.pem"

    def variables(self) -> dict[str, str]:
        """What a node's environment says of it."""
        return {
            "HTTPS_PROXY": self.address,
            "https_proxy": self.address,
            "SSL_CERT_FILE": str(self.certificate),
            "GIT_SSL_CAINFO": str(self.certificate),
            "AZURE_POD_IDENTITY_AUTHORITY_HOST": self.address,
            "AZURE_CLIENT_ID": CLIENT,
            "START_TASK_LOGS": f"https://{STORE}/logs",
        }

    def names(self, prefix: str) -> list[str]:
        """The blobs below a prefix."""
        return sorted(name for name in self.blobs if name.startswith(prefix))


@contextlib.contextmanager
def running_cloud(folder: Path) -> Iterator[Cloud]:
    """A cloud for a while."""
    cloud = Cloud(folder)
    cloud.git.mkdir(parents=True)
    _write_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cloud.certificate, folder / "key.pem")
    with _serving(_Services, cloud) as services, _serving(_Proxy, cloud) as proxy:
        services.socket = context.wrap_socket(services.socket, server_side=True, do_handshake_on_connect=False)
        proxy.services = services.server_address[1]
        cloud.address = f"http://127.0.0.1:{proxy.server_address[1]}"
        yield cloud


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    cloud: Cloud
    services: int | str = 0

    def handle_error(self, *_: object) -> None:
        """A client that goes away is no failure of a test."""


@contextlib.contextmanager
def _serving(handler: type[BaseHTTPRequestHandler], cloud: Cloud) -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), handler) as server:
        server.cloud = cloud
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def _write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    unlocked = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unlocked)
    (folder / "key.pem").write_bytes(pem)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *_: object) -> None:
        """Quiet."""

    @property
    def cloud(self) -> Cloud:
        return self.server.cloud

    def answer(self, status: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content_Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)


class _Proxy(_Handler):
    """A proxy to the services, whatever host is asked for; by itself the metadata service."""

    def do_CONNECT(self) -> None:
        """Pass on what both sides say until one of them stops."""
        with socket.create_connection(("127.0.0.1", int(self.server.services))) as other:
            self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            pairs = {self.connection: other, other: self.connection}
            while True:
                for ready in select.select(list(pairs), [], [])[0]:
                    content = ready.recv(65536)
                    if not content:
                        return
                    pairs[ready].sendall(content)

    def do_GET(self) -> None:
        """A token for the resource, for the one identity that the node has."""
        query = parse_qs(urlsplit(self.path).query)
        if self.headers["Metadata"] != "true" or query["client_id"] != [CLIENT]:
            body = {"error": "invalid_request", "error_description": "Identity not found"}
            self.answer(400, json.dumps(body).encode())
        else:
            self.answer(200, json.dumps({"access_token": TOKEN + query["resource"][0]}).encode())


class _Services(_Handler):
    """Blob account, key vault and Git hosts, by host name."""

    def do_GET(self) -> None:
        """Any of them."""
        host, path = str(self.headers["Host"]), unquote(urlsplit(self.path).path)
        self.cloud.asked.append(f"{self.command} {host}{path}")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if host == STORE:
            self._blob(path.lstrip("/"), parse_qs(urlsplit(self.path).query), body)
        elif host == VAULT:
            known = self.headers["Authorization"] == f"Bearer {TOKEN}https://vault.azure.net"
            self.answer(200 if known else 401, json.dumps({"value": SECRET}).encode() if known else b"")
        elif host in GIT_HOSTS:
            self._git(path, body)
        else:
            self.answer(200, b"someone else")

    do_PUT = do_POST = do_GET  # noqa: N815 - named by the base class

    def _blob(self, name: str, query: dict[str, list[str]], body: bytes) -> None:
        if self.cloud.answers:
            self.answer(self.cloud.answers.pop(0), x_ms_error_code="AsTheTestAsked", Location=f"https://{VAULT}/x")
        elif self.headers["Authorization"] != f"Bearer {TOKEN}https://storage.azure.com/":
            self.answer(403, x_ms_error_code="AuthorizationFailure")
        elif self.command == "PUT":
            self._put(name, query, body)
        elif name not in self.cloud.blobs:
            self.answer(404, x_ms_error_code="BlobNotFound")
        else:
            content = self.cloud.blobs[name]
            sent = content[: len(content) // 2] if name in self.cloud.cut_off else content
            self.answer(200, sent, Content_Length=str(len(content)))

    def _put(self, name: str, query: dict[str, list[str]], body: bytes) -> None:
        operation, cloud = query.get("comp", [""])[0], self.cloud
        if operation == "block":
            cloud.blocks[query["blockid"][0]] = body
        elif operation == "blocklist":
            wanted = [item.split("<")[0] for item in body.decode().split("<Latest>")[1:]]
            cloud.blobs[name] = b"".join(cloud.blocks[block] for block in wanted)
        elif operation == "appendblock":
            if name not in cloud.blobs:
                self.answer(404, x_ms_error_code="BlobNotFound")
                return
            cloud.blobs[name] += body
        elif name in cloud.blobs and self.headers["If-None-Match"] == "*":
            self.answer(409, x_ms_error_code="BlobAlreadyExists")
            return
        else:
            cloud.blobs[name] = body
        self.answer(201)

    def _git(self, path: str, body: bytes) -> None:
        passwords = {f"token:{SECRET}", f"token:{TOKEN}{DEVOPS}"}
        known = {f"Basic {base64.b64encode(word.encode()).decode()}" for word in passwords}
        if path.startswith("/private-") and self.headers["Authorization"] not in known:
            self.answer(401, WWW_Authenticate='Basic realm="git"')
            return
        variables = {
            "GIT_PROJECT_ROOT": str(self.cloud.git),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH": os.environ["PATH"],
            "PATH_INFO": path,
            "QUERY_STRING": urlsplit(self.path).query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=variables, capture_output=True, check=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        lines = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.answer(int(lines.pop("Status", "200").split()[0]), content, **lines)
