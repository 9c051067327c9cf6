from collections.abc import Iterator
from pathlib import Path

import pytest
from identity.server import Background, Running, planes

from batchite.http.asgi import App
from batchite.http.serve import Listener, bind, port_of
from batchite.identity.ca import ensure_certificates
from batchite.identity.environment import Ports, environment
from batchite.identity.metadata import NodeIdentities
from batchite.identity.tokens import Keys, TokenIssuer, create_keys
from batchite.identity.well_known import local_audiences


@pytest.fixture(scope="session")
def keys() -> Keys:
    """Secrets, made once: an RSA key takes a while."""
    return create_keys()


@pytest.fixture(scope="session")
def issuer(keys: Keys) -> TokenIssuer:
    """Signs with the session's key."""
    return TokenIssuer(keys.token_key)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, keys: Keys, issuer: TokenIssuer) -> Iterator[Running]:
    """All planes over HTTP and HTTPS on free ports."""
    folder: Path = tmp_path_factory.mktemp("server")
    certificates = ensure_certificates(folder / "ca")
    plain, secure = bind(0, "--http-port"), bind(0, "--https-port")
    local = local_audiences(port_of(secure))
    nodes = NodeIdentities(issuer, local)
    app = App(planes(keys, issuer, nodes, local))
    ports = Ports(port_of(plain), port_of(secure), 1)
    pair = (certificates.certificate, certificates.key)
    with Background(app, [Listener(plain, app), Listener(secure, app, pair)]):
        yield Running(
            f"http://127.0.0.1:{ports.http}",
            f"https://127.0.0.1:{ports.https}",
            keys,
            certificates,
            nodes,
            environment(ports, keys, certificates, folder, None),
        )


@pytest.fixture
def developer(running: Running, monkeypatch: pytest.MonkeyPatch) -> Running:
    """The server, with the environment of `batchite env` around the test."""
    for name in ("IDENTITY_ENDPOINT", "MSI_ENDPOINT", "AZURE_FEDERATED_TOKEN_FILE", "CURL_CA_BUNDLE", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    return running
