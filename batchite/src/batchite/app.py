"""The composition root: builds every part of the server and wires them, starts and stops them in order."""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from socket import socket
from typing import Any
from urllib.parse import unquote, urlsplit

from batchite import sampling
from batchite.agent.agent import LocalAgent
from batchite.agent.engine import Engine, missing
from batchite.agent.node_logs import NodeLogs
from batchite.agent.processes import Journal
from batchite.agent.transfer import Transfer, Uploaded
from batchite.agent.users import TaskUsers, task_users
from batchite.arm.accounts import AccountDirectory, StorageDirectory
from batchite.arm.applications import ApplicationDirectory
from batchite.arm.plane import ArmPlane, unknown_type
from batchite.arm.ports import Directory, Endpoints
from batchite.arm.resources import ResourceStore
from batchite.arm.roles import RoleAuthorizer
from batchite.batch import logins, pools
from batchite.batch.accounts import BatchAccount
from batchite.batch.context import Context
from batchite.batch.files import LocalNodeFiles
from batchite.batch.routes import data_plane_routes
from batchite.blob.access import AccessRules, storage_audiences
from batchite.blob.gateway import BlobGateway
from batchite.blob.ledger import Ledger
from batchite.blob.locate import locate
from batchite.blob.service import BlobService
from batchite.blob.signatures import DelegationKeys
from batchite.chaos import start_tasks
from batchite.chaos.blob import BlobDrills
from batchite.chaos.control import ChaosControl
from batchite.chaos.http import disturbed
from batchite.chaos.state import Chaos
from batchite.control import Control
from batchite.data import DataDirectory, Options
from batchite.engines import choose_engine
from batchite.http.asgi import App
from batchite.http.plane import Plane, accounts_under, everything, paths_under
from batchite.http.render import ARM, BATCH
from batchite.http.router import Router
from batchite.http.serve import Listener, bind, port_of, serve, stopped_by_signals
from batchite.identity import well_known as known
from batchite.identity.authenticators import ArmAuthenticator, BatchAuthenticator, DeveloperAuthenticator
from batchite.identity.authority import Application, Authority
from batchite.identity.ca import Certificates, ensure_certificates
from batchite.identity.environment import Ports, environment, write_environment
from batchite.identity.files import write_atomically
from batchite.identity.metadata import NodeIdentities
from batchite.identity.tokens import Keys, TokenIssuer, TokenVerifier, derived, load_or_create_keys
from batchite.lasting import clock_of, open_store, open_story
from batchite.launches import NodeLaunches, Site
from batchite.logins import LoginAccess
from batchite.node_logs import LogUploads
from batchite.provider_process import ProviderProcess
from batchite.scheduler.events import Event
from batchite.service import BatchService
from batchite.ssh.doors import Doors
from batchite.storage.group_commit import StoreFailedError
from batchite.storage.port import Store
from batchite.stories import Stories
from batchite.story import StoryLog

log = logging.getLogger(__name__)

WELL_KNOWN_KEY = "YmF0Y2hpdGUgbG9jYWwgZGV2ZWxvcG1lbnQga2V5OiBwdWJsaXNoZWQsIG5vIHNlY3JldCwgbG9jYWwgb25seQ=="
"""The published account key of `--well-known-key`; it opens nothing but this machine's own server."""
ARM_PATHS = ("/subscriptions", "/providers", "/tenants", "/metadata/endpoints")
"""Paths of the control plane; role assignments live below any of them."""


@dataclass(frozen=True, slots=True)
class Sockets:
    """The three listening sockets, bound before anything else so that a taken port costs nothing."""

    http: socket
    https: socket
    blob: socket

    @property
    def ports(self) -> Ports:
        """The ports that are really bound."""
        return Ports(port_of(self.http), port_of(self.https), port_of(self.blob))


@dataclass(frozen=True, slots=True)
class Foundation:
    """What every part rests on."""

    data: DataDirectory
    options: Options
    ports: Ports
    keys: Keys
    certificates: Certificates
    store: Store
    story: StoryLog
    service: BatchService
    issuer: TokenIssuer
    verifier: TokenVerifier
    engine: Engine | None

    @property
    def http_url(self) -> str:
        """Base URL of the HTTP port."""
        return f"http://127.0.0.1:{self.ports.http}"

    @property
    def https_url(self) -> str:
        """Base URL of the HTTPS port."""
        return f"https://127.0.0.1:{self.ports.https}"

    @property
    def blob_url(self) -> str:
        """Base URL of the blob gateway."""
        return f"https://127.0.0.1:{self.ports.blob}"

    def ready_line(self) -> dict[str, Any]:
        """What `batchite start` prints when it serves."""
        batch = f"{self.http_url}/batch/{known.DEFAULT_ACCOUNT}"
        return {
            "http": self.http_url,
            "https": self.https_url,
            "batch": batch,
            "blob": self.blob_url,
            "pid": os.getpid(),
        }

    def status(self) -> dict[str, Any]:
        """What `batchite status` shows of the server itself."""
        engine = self.engine.program if self.engine else None
        return {**self.ready_line(), "allowHostChanges": self.options.allow_host_changes, "containerEngine": engine}


async def run(data: DataDirectory, options: Options, ready: Callable[[dict[str, Any]], None]) -> None:
    """Serve until SIGTERM or SIGINT. `ready` gets the ready line once every port answers.

    The lock on the data directory ends with the process, so that who waits for it finds no process either.

    Raises AlreadyRunningError, PortInUseError, ToolMissingError, StoreFailedError, or what else keeps a part from
    starting.
    """
    os.umask(0o022)  # tasks must reach their nodes; what they must not read has a mode of its own
    data.prepare()
    data.lock()
    end = End()
    try:
        data.withdraw()
        with stopped_by_signals(end.stop):
            async with AsyncExitStack() as stack:
                await _run(stack, data, options, ready, end)
    finally:
        data.withdraw()
    if end.failure is not None:
        raise StoreFailedError(f"the state in {data.state} cannot be written: {end.failure}; the server has stopped")


@dataclass(slots=True)
class End:
    """How the server comes to its end."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    failure: Exception | None = None

    def fail(self, error: Exception) -> None:
        """The store has failed: nothing may be acknowledged any more."""
        log.critical("the store has failed, the server stops: %s", error)
        self.failure = error
        self.stop.set()


async def _run(
    stack: AsyncExitStack, data: DataDirectory, options: Options, ready: Callable[[dict[str, Any]], None], end: End
) -> None:
    sockets = Sockets(
        _bind(stack, options.http_port, "--http-port"),
        _bind(stack, options.https_port, "--https-port"),
        _bind(stack, options.blob_port, "--blob-port"),
    )
    base = _foundation(stack, data, options, sockets.ports, end)
    blobs = await _blob_service(stack, base)
    users = task_users(_node_root(base), allow_host_changes=options.allow_host_changes)
    parts = Parts.build(base, blobs, users.plain.path)
    await _start_agent(stack, base, parts, users)
    await parts.arm.start()
    stack.push_async_callback(parts.arm.close)
    await _report_lost_blobs(base, blobs)
    app = App(parts.planes(base))
    pair = (base.certificates.certificate, base.certificates.key)
    listeners = [Listener(sockets.http, app), Listener(sockets.https, app, pair)]
    drills = BlobDrills(parts.chaos)
    gateway = BlobGateway(blobs, parts.access, drills.disturb)
    listeners.append(Listener(sockets.blob, gateway, pair, drills.resets))
    await _start_provider(stack, base)
    await serve(listeners, lambda: _announce(base, ready), end.stop, signals=False)


def _bind(stack: AsyncExitStack, port: int, flag: str) -> socket:
    bound = bind(port, flag)
    stack.callback(bound.close)
    return bound


def _foundation(stack: AsyncExitStack, data: DataDirectory, options: Options, ports: Ports, end: End) -> Foundation:
    keys = load_or_create_keys(data.keys)
    if options.well_known_key:
        keys = keys.with_account((WELL_KNOWN_KEY, keys.account[1]))
    store = open_store(stack, data, options)
    story = open_story(stack, data, options, store)
    service = BatchService(store, clock_of(store, options.time_scale), end.fail, story)
    issuer = TokenIssuer(keys.token_key)
    verifier = TokenVerifier(issuer.public_key)
    certificates = ensure_certificates(data.certificates)
    engine = choose_engine(data, options.container_engine, (options.node_root or data.nodes).absolute())
    return Foundation(data, options, ports, keys, certificates, store, story, service, issuer, verifier, engine)


async def _blob_service(stack: AsyncExitStack, base: Foundation) -> BlobService:
    directory = base.data.blobs
    if base.options.in_memory:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="batchite-blob-")))
    delegation = DelegationKeys(derived(base.keys.token_key, "user delegation"))
    blobs = BlobService(directory, base.data.logs / "azurite.log", locate(), delegation=delegation)
    await blobs.start()
    stack.push_async_callback(blobs.stop)
    await blobs.ensure(known.DEFAULT_ACCOUNT, base.keys.storage)
    return blobs


async def _report_lost_blobs(base: Foundation, blobs: BlobService) -> None:
    """After a kill: say which uploaded blobs are gone. Asked once all storage accounts are served again."""
    if blobs.unclean:
        ledger = Ledger(base.store, lambda: base.service.now().wire)
        for lost in await ledger.lost(blobs.find_blob, blobs.serves):
            log.error("blob %s/%s of account %s was lost in a kill", lost.container, lost.name, lost.account)


@dataclass(frozen=True, slots=True)
class Parts:
    """The planes and what they share."""

    arm: ArmPlane
    accounts: AccountDirectory
    authorizer: RoleAuthorizer
    identities: NodeIdentities
    launches: NodeLaunches
    applications: ApplicationDirectory
    access: AccessRules
    chaos: Chaos

    @classmethod
    def build(cls, base: Foundation, blobs: BlobService, user_path: str) -> Parts:
        """Wire the planes to the service, the blob store and each other."""
        resources = ResourceStore(base.store, base.service.save)
        authorizer = RoleAuthorizer(resources, known.SUBSCRIPTION_ID, known.DEVELOPER_OBJECT_ID)
        endpoints = Endpoints(base.https_url, base.blob_url)
        accounts = AccountDirectory(resources, endpoints, [_built_in(base)])
        directory = Directory(known.SUBSCRIPTION_ID, known.TENANT_ID, known.DEVELOPER_OBJECT_ID)
        applications = ApplicationDirectory(resources, accounts, blobs, endpoints, base.service)
        arm = ArmPlane(resources, base.service, pools, blobs, authorizer, directory, endpoints)
        identities = NodeIdentities(base.issuer, known.local_audiences(base.ports.https))
        site = Site(
            node_root=_node_root(base),
            http_url=base.http_url,
            https_url=base.https_url,
            blob_url=base.blob_url,
            ca_bundle=base.certificates.bundle.absolute(),
            path=user_path,
            allow_host_changes=base.options.allow_host_changes,
            no_containers="" if base.engine else missing(base.options.container_engine),
        )
        chaos = Chaos(base.store, base.service.save, lambda: base.service.now().wire)
        drill = partial(start_tasks.failing, chaos)
        launches = NodeLaunches(base.service, accounts, applications, identities, base.issuer, site, Doors(), drill)
        access = _access(base, StorageDirectory(resources, authorizer))
        return cls(arm, accounts, authorizer, identities, launches, applications, access, chaos)

    def planes(self, base: Foundation) -> list[Plane]:
        """All planes in the order they are asked; the last one owns every path."""
        local = known.local_audiences(base.ports.https)
        developer = Application(known.DEVELOPER_CLIENT_ID, base.keys.client_secret, known.DEVELOPER_OBJECT_ID)
        files = LocalNodeFiles(_node_root(base))
        logs = LogUploads(_node_logs(base), self.launches, base.certificates.bundle)
        context = Context(base.service, self.accounts, files, self.applications, self.launches.doors, logs)
        batch = Router(disturbed("batch", data_plane_routes(context), self.chaos))
        arm = Router(disturbed("arm", self.arm.routes, self.chaos), unknown_type)
        batch_caller = BatchAuthenticator(self.accounts, base.verifier, self.authorizer.allowed)
        arm_caller = ArmAuthenticator(base.verifier, local)
        drills = ChaosControl(base.service, self.chaos)
        others = [*drills.routes(), *Stories(base.service, base.story).routes()]
        control = Control(base.service, self.accounts.limit, base.status(), others, drills.status)
        return [
            Authority(base.issuer, [developer], local).plane(),
            self.identities.plane(),
            Plane("batch", accounts_under("/batch"), batch, batch_caller, BATCH),
            Plane("arm", paths_under(*ARM_PATHS), arm, arm_caller, ARM, 4 << 20),
            control.plane(DeveloperAuthenticator(arm_caller)),
            Plane("root", everything(known.DEFAULT_ACCOUNT), batch, batch_caller, BATCH),
        ]


def _node_root(base: Foundation) -> Path:
    return (base.options.node_root or base.data.nodes).absolute()


def _node_logs(base: Foundation) -> NodeLogs:
    return NodeLogs(base.data.logs / "nodes")


def _built_in(base: Foundation) -> BatchAccount:
    """The account that exists without ARM."""
    group = f"/subscriptions/{known.SUBSCRIPTION_ID}/resourceGroups/batchite"
    return BatchAccount(
        name=known.DEFAULT_ACCOUNT,
        resource_id=f"{group}/providers/Microsoft.Batch/batchAccounts/{known.DEFAULT_ACCOUNT}",
        keys=base.keys.account,
        auto_storage_account=known.DEFAULT_ACCOUNT,
        auto_storage_url=f"{base.blob_url}/{known.DEFAULT_ACCOUNT}",
    )


def _access(base: Foundation, storage: StorageDirectory) -> AccessRules:
    """Who may do what at the blob gateway; the built-in storage account is the developer's, key and all."""

    def allowed(object_id: str, account: str, container: str, action: str) -> bool:
        if account == known.DEFAULT_ACCOUNT:
            return object_id == known.DEVELOPER_OBJECT_ID
        return storage.allowed(object_id, account, container, action)

    return AccessRules(
        verify=lambda token, account: base.verifier.verify(token, storage_audiences(account)),
        allowed=allowed,
        shared_key_allowed=lambda account: account == known.DEFAULT_ACCOUNT or storage.shared_key_allowed(account),
        authority=f"{base.https_url}/{known.TENANT_ID}/oauth2/authorize",
    )


async def _start_agent(stack: AsyncExitStack, base: Foundation, parts: Parts, users: TaskUsers) -> None:
    """End what an earlier run left, then let the service take up its records."""
    root, journal = _node_root(base), Journal(base.data.journal)
    await asyncio.to_thread(journal.end_leftovers, root)
    loop = asyncio.get_running_loop()
    ledger = Ledger(base.store, lambda: base.service.now().wire)

    def post(event: Event) -> None:
        loop.call_soon_threadsafe(base.service.answer, event)

    def uploaded(stored: list[Uploaded]) -> None:
        loop.call_soon_threadsafe(_record, ledger, stored)

    transfer, logs = Transfer(base.certificates.bundle, parts.launches.token), _node_logs(base)
    agent = LocalAgent(root, journal, transfer, users, post, uploaded, logs, base.engine)
    doors, secret = parts.launches.doors, derived(base.keys.token_key, "host keys of nodes")
    doors.admit(LoginAccess(parts.launches, users, journal, logs, secret, loop))
    base.service.start(agent, parts.launches)
    for node in logins.reopen(base.service, doors):
        log.warning("the port where one logged in to node %s is taken: it will have another one", node.node)
    stack.push_async_callback(asyncio.to_thread, agent.close)
    stack.push_async_callback(asyncio.to_thread, doors.close)
    stack.callback(base.service.stop)
    stack.callback(sampling.begin(base.service, agent, root, base.options.time_scale).cancel)


def _record(ledger: Ledger, stored: list[Uploaded]) -> None:
    for blob in stored:
        account, container, name = unquote(urlsplit(blob.url).path).lstrip("/").split("/", 2)
        ledger.record(account, container, name, blob.etag)


async def _start_provider(stack: AsyncExitStack, base: Foundation) -> None:
    arguments = ["--arm", base.https_url, "--credentials", str(base.data.environment)]
    arguments += ["--ca", str(base.certificates.bundle), "--subscription", known.SUBSCRIPTION_ID]
    provider = ProviderProcess(arguments, base.data.logs / "provider.log")
    stack.push_async_callback(provider.stop)
    port = await provider.start()
    passphrase = base.data.pulumi / "passphrase"
    if not passphrase.exists():
        write_atomically(passphrase, b"batchite\n")  # it lies beside the state: a random one would hide no more
    variables = environment(base.ports, base.keys, base.certificates, base.data.root, port)
    write_environment(base.data.root, variables)


def _announce(base: Foundation, ready: Callable[[dict[str, Any]], None]) -> None:
    line = base.ready_line()
    base.data.announce(line, base.options)
    ready(line)
