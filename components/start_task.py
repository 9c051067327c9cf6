"""What a node does before it takes tasks: files of this repository, uploaded under their content hash, and the start
task that runs them.

A changed file is a blob with another name, so the change of the pool shows in the preview. Running nodes keep what they
have: a start task runs when a node is made, rebooted or reimaged.

Does not own the scripts (start_tasks/) nor the container.
"""

from __future__ import annotations

import hashlib
import shlex
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from components.blob import Blob
from components.identity import Identity
from components.pool_inputs import by_identity
from components.pool_settings import PoolSettings
from components.start_task_settings import ScriptSettings, StartTaskSettings, node_name
from components.validation import Problem, refuse

HASH_LENGTH = 16


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of the repository: its path relative to the project, and the SHA-256 of its content."""

    path: str
    sha256: str

    @property
    def name(self) -> str:
        """The name it has on the node."""
        return node_name(self.path)

    @property
    def blob_name(self) -> str:
        """The name of its blob within the container."""
        return f"{self.sha256[:HASH_LENGTH]}/{self.name}"


def files_of(pools: Iterable[PoolSettings]) -> set[str]:
    """The paths of all files that the start tasks of the pools need."""
    return {path for pool in pools for path in pool.start_task.files(windows=pool.windows)}


def read_files(paths: Iterable[str], root: Path = Path()) -> Mapping[str, LocalFile]:
    """The files by path, each once. Raises SettingsError naming all that can't be read."""
    wanted = sorted(set(paths))
    missing = [path for path in wanted if not (root / path).is_file()]
    refuse("Start task", (Problem("file", path, "must be a file of this repository") for path in missing))
    return {path: LocalFile(path, hashlib.sha256((root / path).read_bytes()).hexdigest()) for path in wanted}


class StartTaskFiles(pulumi.ComponentResource):
    """The files in Blob storage; `urls` is by path. Files with the same content and name are one blob."""

    urls: Mapping[str, pulumi.Output[str]]

    def __init__(
        self,
        name: str,
        *,
        files: Mapping[str, LocalFile],
        container_url: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("azure-batch:components:StartTaskFiles", name, None, opts)
        self.urls = {key: pulumi.Output.concat(container_url, "/", file.blob_name) for key, file in files.items()}
        for key, file in {file.blob_name: (key, file) for key, file in files.items()}.values():
            Blob(key, url=self.urls[key], path=file.path, sha256=file.sha256, opts=pulumi.ResourceOptions(parent=self))
        self.register_outputs({"urls": dict(self.urls)})


@dataclass(frozen=True, slots=True)
class StartTaskParts:
    """What a start task is made of beside its settings: addresses of files by path, the nodes' identity, containers."""

    urls: Mapping[str, pulumi.Input[str]]
    identity: Identity
    logs_url: pulumi.Input[str]
    output_url: pulumi.Input[str]


def start_task(settings: StartTaskSettings, parts: StartTaskParts, *, windows: bool = False) -> dict[str, Any] | None:
    """The start task in ARM's names: one runner that runs the scripts in their order; None without any script.

    It is run without a shell. The node fetches the files as its identity, and no credential is among its variables.
    """
    steps = settings.steps(windows=windows)
    if not steps:
        return None
    files = [_resource_file(path, parts) for path in settings.files(windows=windows)]
    found = {
        "commandLine": command_line(steps, windows=windows),
        "resourceFiles": [*files, *by_identity(settings.resource_files, parts.identity)],
        "environmentSettings": [{"name": key, "value": value} for key, value in _environment(settings, parts).items()],
        "userIdentity": _user(settings),
        "maxTaskRetryCount": settings.retries,
        "waitForSuccess": settings.wait_for_success,
    }
    container = by_identity(settings.container_settings, parts.identity)
    return {**found, **({"containerSettings": container} if container else {})}


def command_line(steps: Iterable[ScriptSettings], *, windows: bool = False) -> str:
    """The runner with the scripts and their parameters, "--" between them."""
    words = [word for step in steps for word in ("--", node_name(step.script), *step.parameters)][1:]
    if windows:
        shell = ["powershell.exe", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File", "run.ps1"]
        return subprocess.list2cmdline([*shell, *words])
    return shlex.join(["/bin/bash", "run.sh", *words])


def _resource_file(path: str, parts: StartTaskParts) -> dict[str, Any]:
    reference = {"resourceId": parts.identity.resource_id}
    return {"httpUrl": parts.urls[path], "filePath": node_name(path), "identityReference": reference}


def _environment(settings: StartTaskSettings, parts: StartTaskParts) -> dict[str, pulumi.Input[str]]:
    """Variables of all scripts. The client id names the identity; it is no secret."""
    cache = {"WHEEL_CACHE": pulumi.Output.concat(parts.output_url, "/wheels")} if settings.wheel_cache else {}
    return {
        "START_TASK_LOGS": parts.logs_url,
        "AZURE_CLIENT_ID": parts.identity.client_id,
        **cache,
        **settings.environment,
    }


def _user(settings: StartTaskSettings) -> dict[str, Any]:
    if settings.user_name:
        return {"userName": settings.user_name}
    return {"autoUser": {"scope": "Pool", "elevationLevel": settings.elevation}}
