"""What a node does before it takes tasks: files of this repository, uploaded under their content hash, and the start
task that runs them.

A changed file is a blob with another name, so the change of the pool shows in the preview. Running nodes keep what they
have: a start task runs when a node is made, rebooted or reimaged.

Does not own the scripts (start_tasks/) nor the container.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pulumi
import pulumi_azure_native as azure

from components.blob import Blob
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
        return PurePosixPath(self.path).name

    @property
    def blob_name(self) -> str:
        """The name of its blob within the container."""
        return f"{self.sha256[:HASH_LENGTH]}/{self.name}"


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


def start_task(
    script: LocalFile, requirements: LocalFile, urls: Mapping[str, pulumi.Output[str]], identity: pulumi.Input[str]
) -> azure.batch.StartTaskArgs:
    """A start task that gives the script the requirements file; the node fetches both as `identity` (a resource id).

    It is run without a shell, as an administrator of the node, once more after a failure, and no task starts before it
    has succeeded.
    """
    reference = azure.batch.ComputeNodeIdentityReferenceArgs(resource_id=identity)
    return azure.batch.StartTaskArgs(
        command_line=f"/bin/bash {script.name} {requirements.name}",
        resource_files=[
            azure.batch.ResourceFileArgs(http_url=urls[file.path], file_path=file.name, identity_reference=reference)
            for file in (script, requirements)
        ],
        user_identity=azure.batch.UserIdentityArgs(
            auto_user=azure.batch.AutoUserSpecificationArgs(
                scope=azure.batch.AutoUserScope.POOL, elevation_level=azure.batch.ElevationLevel.ADMIN
            )
        ),
        max_task_retry_count=1,
        wait_for_success=True,
    )
