"""A server with all planes of these tests, in a thread of its own."""

import asyncio
import threading
from dataclasses import dataclass

import uvloop

from batchite.http.asgi import App
from batchite.http.plane import Plane, accounts_under, everything, paths_under
from batchite.http.render import ARM, BATCH
from batchite.http.router import Router
from batchite.http.serve import Listener, serve
from batchite.http.types import Request, Response, Route
from batchite.identity.authenticators import ArmAuthenticator, BatchAuthenticator
from batchite.identity.authority import Application, Authority
from batchite.identity.ca import Certificates
from batchite.identity.metadata import NodeIdentities
from batchite.identity.tokens import Keys, TokenIssuer, TokenVerifier
from batchite.identity.well_known import DEVELOPER_CLIENT_ID, DEVELOPER_OBJECT_ID


@dataclass(frozen=True)
class FakeAccount:
    """A Batch account as authentication sees it."""

    resource_id: str
    keys: tuple[str, str]
    modes: frozenset[str]


class FakeAccounts:
    """Two accounts: `batchite` takes everything, `entraonly` takes tokens."""

    def __init__(self, keys: tuple[str, str]) -> None:
        both = frozenset({"AAD", "SharedKey"})
        self.accounts = {
            "batchite": FakeAccount("/accounts/batchite", keys, both),
            "entraonly": FakeAccount("/accounts/entraonly", keys, frozenset({"AAD"})),
        }

    def find(self, account: str) -> FakeAccount | None:
        """The account, or None."""
        return self.accounts.get(account)


def developer_only(object_id: str, _resource_id: str, _action: str) -> bool:
    """The roles of these tests."""
    return object_id == DEVELOPER_OBJECT_ID


async def get_job(request: Request) -> Response:
    """Echoes who asked for which job."""
    return Response(200, {"id": request.params["jobId"], "displayName": request.principal.object_id or "key"})


async def delete_job(_request: Request) -> Response:
    """Accepts."""
    return Response(202)


async def create_job(_request: Request) -> Response:
    """Accepts."""
    return Response(201)


async def list_subscriptions(request: Request) -> Response:
    """Echoes who asked."""
    return Response(200, {"value": [], "caller": request.principal.object_id})


JOBS = [
    Route("GetJob", "GET", "/jobs/{jobId}", 200, get_job),
    Route("DeleteJob", "DELETE", "/jobs/{jobId}", 202, delete_job),
    Route("CreateJob", "POST", "/jobs", 201, create_job),
]


@dataclass(frozen=True)
class Running:
    """A server with all planes, and what its clients need."""

    http: str
    https: str
    keys: Keys
    certificates: Certificates
    nodes: NodeIdentities
    environment: dict[str, str]


@dataclass
class Background:
    """A server in a thread of its own."""

    app: App
    listeners: list[Listener]

    def __enter__(self) -> None:
        self.answering = threading.Event()
        self.thread = threading.Thread(target=uvloop.run, args=(self._main(),))
        self.thread.start()
        assert self.answering.wait(10)

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join(10)
        assert not self.thread.is_alive()

    async def _main(self) -> None:
        self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
        await serve(self.listeners, self.answering.set, self.stop, signals=False)


def planes(keys: Keys, issuer: TokenIssuer, nodes: NodeIdentities, local: frozenset[str]) -> list[Plane]:
    """The planes in their order."""
    verifier = TokenVerifier(issuer.public_key)
    developer = Application(DEVELOPER_CLIENT_ID, keys.client_secret, DEVELOPER_OBJECT_ID)
    batch = BatchAuthenticator(FakeAccounts(keys.account), verifier, developer_only)
    subscriptions = Route("ListSubscriptions", "GET", "/subscriptions", 200, list_subscriptions)
    return [
        Authority(issuer, [developer], local).plane(),
        nodes.plane(),
        Plane("batch", accounts_under("/batch"), Router(JOBS), batch, BATCH),
        Plane("arm", paths_under("/subscriptions"), Router([subscriptions]), ArmAuthenticator(verifier, local), ARM),
        Plane("root", everything("batchite"), Router(JOBS), batch, BATCH),
    ]
