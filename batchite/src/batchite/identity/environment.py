"""The variables that point clients, the Pulumi engine and tools at this server, and how they are written down."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from batchite.identity.ca import Certificates
from batchite.identity.files import write_atomically
from batchite.identity.tokens import Keys
from batchite.identity.well_known import DEFAULT_ACCOUNT, DEVELOPER_CLIENT_ID, SUBSCRIPTION_ID, TENANT_ID

Environment = dict[str, str]


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports that are really bound."""

    http: int
    https: int
    blob: int


def environment(
    ports: Ports, keys: Keys, certificates: Certificates, data_dir: Path, provider_port: int | None
) -> Environment:
    """Every variable of `batchite env`. Without a running provider PULUMI_DEBUG_PROVIDERS is left out."""
    bundle = str(certificates.bundle.absolute())
    provider = {} if provider_port is None else {"PULUMI_DEBUG_PROVIDERS": f"azure-native:{provider_port}"}
    return {
        "AZURE_BATCH_ACCOUNT": DEFAULT_ACCOUNT,
        "AZURE_BATCH_ACCESS_KEY": keys.account[0],
        "AZURE_BATCH_ENDPOINT": f"http://127.0.0.1:{ports.http}/batch/{DEFAULT_ACCOUNT}",
        "AZURE_AUTHORITY_HOST": f"https://127.0.0.1:{ports.https}",
        "AZURE_TENANT_ID": "adfs",
        "AZURE_CLIENT_ID": DEVELOPER_CLIENT_ID,
        "AZURE_CLIENT_SECRET": keys.client_secret,
        "AZURE_STORAGE_CONNECTION_STRING": _connection_string(ports.blob, keys.storage[0]),
        "REQUESTS_CA_BUNDLE": bundle,
        "SSL_CERT_FILE": bundle,
        **provider,
        **_pulumi(data_dir.absolute() / "pulumi"),
        **_azure_resource_manager(ports.https, keys.client_secret),
    }


def _connection_string(port: int, key: str) -> str:
    endpoint = f"https://127.0.0.1:{port}/{DEFAULT_ACCOUNT}"
    return f"DefaultEndpointsProtocol=https;AccountName={DEFAULT_ACCOUNT};AccountKey={key};BlobEndpoint={endpoint};"


def _pulumi(folder: Path) -> Environment:
    return {
        "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(folder / "passphrase"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }


def _azure_resource_manager(port: int, secret: str) -> Environment:
    """For the azure-native provider and other clients that read ARM_*; they want the tenant as a GUID."""
    return {
        "ARM_SUBSCRIPTION_ID": SUBSCRIPTION_ID,
        "ARM_TENANT_ID": TENANT_ID,
        "ARM_CLIENT_ID": DEVELOPER_CLIENT_ID,
        "ARM_CLIENT_SECRET": secret,
        "ARM_METADATA_HOSTNAME": f"127.0.0.1:{port}",
        "ARM_DISABLE_INSTANCE_DISCOVERY": "true",
    }


def _lines(variables: Mapping[str, str], prefix: str = "", quote: Callable[[str], str] = shlex.quote) -> str:
    return "".join(f"{prefix}{name}={quote(value)}\n" for name, value in variables.items())


FORMATS: Final[Mapping[str, Callable[[Mapping[str, str]], str]]] = {
    "sh": lambda variables: _lines(variables, "export "),
    "json": lambda variables: json.dumps(dict(variables), indent=2) + "\n",
    "github": lambda variables: _lines(variables, quote=str),
}


def render(variables: Mapping[str, str], style: str) -> str:
    """The text of `batchite env`: "sh" to be evaluated, "json", or "github" to be appended to $GITHUB_ENV.

    Raises KeyError for another style.
    """
    return FORMATS[style](variables)


def write_environment(data_dir: Path, variables: Mapping[str, str]) -> Path:
    """Write `DIR/env` (mode 0600): one `NAME=value` a line, quoted for a shell."""
    path = data_dir / "env"
    write_atomically(path, _lines(variables).encode(), 0o600)
    return path
