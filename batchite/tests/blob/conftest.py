import asyncio
import base64
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvloop
from azure.core.credentials import AccessToken
from azure.storage.blob import BlobServiceClient

from batchite.blob.access import AccessRules
from batchite.blob.errors import StorageError
from batchite.blob.gateway import BlobGateway
from batchite.blob.locate import ToolMissingError, Tools, locate
from batchite.blob.operations import CONTAINERS
from batchite.blob.service import BlobService
from batchite.errors import ServiceError
from batchite.http.serve import Listener, bind, port_of, serve
from batchite.http.types import Principal
from batchite.identity.ca import Certificates, ensure_certificates

T = TypeVar("T")

KEYS = (base64.b64encode(b"first key").decode(), base64.b64encode(b"second key").decode())
WRITER = tuple(f"{CONTAINERS}/{verb}" for verb in ("read", "write", "delete")) + tuple(
    f"{CONTAINERS}/blobs/{verb}" for verb in ("read", "write", "delete", "add/action")
)


def wait_until(predicate: Callable[[], bool], description: str, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not predicate():
        assert time.monotonic() < deadline, f"never happened: {description}"
        time.sleep(0.01)


@dataclass
class Caller:
    """A token credential: its token is the object id."""

    object_id: str

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """The token of a scope; only storage is asked for."""
        assert scopes == ("https://storage.azure.com/.default",)
        return AccessToken(self.object_id, int(time.time()) + 3600)


@dataclass
class Policy:
    """What the gateway's injected callables answer."""

    roles: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)  # (object id, container or "*")
    key_accounts: set[str] = field(default_factory=set)
    outage: bool = False
    afterwards: StorageError | None = None  # answered once a request has taken effect

    def verify(self, token: str, account: str) -> Principal:
        """The principal, or InvalidAuthenticationToken for a caller without any role."""
        if token not in {object_id for object_id, _ in self.roles}:
            raise ServiceError("InvalidAuthenticationToken")
        return Principal(object_id=token)

    def allowed(self, object_id: str, account: str, container: str, action: str) -> bool:
        """Whether a role on the container or on the account holds the action."""
        return any(action in self.roles.get((object_id, scope), ()) for scope in (container, "*"))

    async def disturb(self) -> StorageError | None:
        """Every request that is let in meets the outage."""
        if self.outage:
            raise StorageError("ServerBusy")
        return self.afterwards

    def rules(self) -> AccessRules:
        """As the gateway takes them."""
        return AccessRules(
            self.verify,
            self.allowed,
            lambda account: account in self.key_accounts,
            "https://127.0.0.1:10011/adfs/oauth2/authorize",
        )


class Server:
    """A blob service and its gateway on an event loop of their own."""

    def __init__(self, directory: Path, tools: Tools, certificates: Certificates) -> None:
        self.directory = directory
        self.certificates = certificates
        self.policy = Policy(roles={("writer", "*"): WRITER}, key_accounts={"keyed"})
        self.loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()  # as the server
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.restarts = 0
        self.service = BlobService(directory / "blob", directory / "log" / "azurite.log", tools, self._restarted)
        self.port = 0
        self.done = asyncio.Event()
        self.clients: list[BlobServiceClient] = []

    async def _restarted(self) -> None:
        self.restarts += 1

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def start(self) -> "Server":
        """Start Azurite with two accounts and listen."""
        for account in ("shop", "keyed"):
            self.run(self.service.ensure(account, KEYS))
        self.run(self.service.start())
        gateway = BlobGateway(self.service, self.policy.rules(), self.policy.disturb)
        listener = Listener(bind(0, "--blob-port"), gateway, (self.certificates.certificate, self.certificates.key))
        self.port = port_of(listener.socket)
        ready = threading.Event()
        self.serving = asyncio.run_coroutine_threadsafe(
            serve([listener], ready.set, self.done, signals=False), self.loop
        )
        assert ready.wait(20)
        return self

    def stop(self) -> None:
        """Stop listening, then Azurite."""
        for client in self.clients:
            client.close()
        self.loop.call_soon_threadsafe(self.done.set)
        self.serving.result(20)
        self.run(self.service.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def caller(self, object_id: str) -> Caller:
        """A credential for the SDK."""
        return Caller(object_id)

    def url(self, account: str) -> str:
        """Where an account is addressed."""
        return f"https://127.0.0.1:{self.port}/{account}"

    def client(self, account: str, credential: Any) -> BlobServiceClient:
        """The unmodified client, without retries."""
        options: dict[str, Any] = {"connection_verify": str(self.certificates.ca), "retry_total": 0}
        client = BlobServiceClient(self.url(account), credential=credential, **options)
        self.clients.append(client)
        return client


@pytest.fixture(scope="session")
def tools() -> Tools:
    try:
        return locate()
    except ToolMissingError as error:
        pytest.fail(str(error))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return ensure_certificates(tmp_path_factory.mktemp("ca"), {})


@pytest.fixture(scope="module")
def module_server(
    tmp_path_factory: pytest.TempPathFactory, tools: Tools, certificates: Certificates
) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"), tools, certificates).start()
    yield server
    server.stop()


@pytest.fixture
def server(module_server: Server) -> Iterator[Server]:
    """The module's server; what a test changes in the policy is undone."""
    policy = module_server.policy
    roles, keyed = dict(policy.roles), set(policy.key_accounts)
    yield module_server
    policy.roles, policy.key_accounts, policy.outage, policy.afterwards = roles, keyed, False, None


@pytest.fixture
def writer(server: Server) -> BlobServiceClient:
    return server.client("shop", Caller("writer"))


@pytest.fixture
def container(server: Server, request: pytest.FixtureRequest) -> str:
    name = "c" + str(abs(hash(request.node.name)))
    server.run(server.service.create_container("shop", name))
    return name
