"""Batchite's own control plane and authority over HTTPS, in a thread; nodes and blobs are pretended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from arm.worlds import World
from identity.server import Background

from batchite.app import ARM_PATHS
from batchite.arm.plane import unknown_type
from batchite.http.asgi import App
from batchite.http.plane import Plane, paths_under
from batchite.http.render import ARM
from batchite.http.router import Router
from batchite.http.serve import Listener, bind, port_of
from batchite.identity.authenticators import ArmAuthenticator
from batchite.identity.authority import Application, Authority
from batchite.identity.ca import ensure_certificates
from batchite.identity.tokens import TokenIssuer, TokenVerifier, create_keys
from batchite.identity.well_known import DEVELOPER_CLIENT_ID, DEVELOPER_OBJECT_ID, local_audiences


@dataclass(frozen=True)
class LocalAzure:
    """Where it listens, what trusts it, who may sign in, and the world behind it."""

    url: str
    ca: Path
    credentials: Path
    world: World


@contextmanager
def local_azure(folder: Path) -> Iterator[LocalAzure]:
    """The server, until the block ends."""
    keys, world, listening = create_keys(), World(), bind(0, "--https-port")
    issuer, certificates, local = (
        TokenIssuer(keys.token_key),
        ensure_certificates(folder),
        local_audiences(port_of(listening)),
    )
    developer = Application(DEVELOPER_CLIENT_ID, keys.client_secret, DEVELOPER_OBJECT_ID)
    authenticator = ArmAuthenticator(TokenVerifier(issuer.public_key), local)
    router = Router(world.plane.routes, unknown_type)
    planes = [
        Authority(issuer, [developer], local).plane(),
        Plane("arm", paths_under(*ARM_PATHS), router, authenticator, ARM),
    ]
    app = App(planes, startup=[world.start], shutdown=[world.stop])
    url, credentials = f"https://127.0.0.1:{port_of(listening)}", folder / "env"
    world.endpoints.https = url
    names = {"AUTHORITY_HOST": url, "TENANT_ID": "adfs", "CLIENT_ID": DEVELOPER_CLIENT_ID}
    lines = {**names, "CLIENT_SECRET": keys.client_secret}
    credentials.write_text("".join(f"AZURE_{name}='{value}'\n" for name, value in lines.items()))
    with Background(app, [Listener(listening, app, (certificates.certificate, certificates.key))]):
        yield LocalAzure(url, certificates.bundle, credentials, world)
