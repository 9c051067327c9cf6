"""What the agent is told about one process to run: plain data, built by the data plane from documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from batchite.scheduler.model import Failure, NodeKey, TaskKey

UPLOAD_CONDITIONS = ("tasksuccess", "taskfailure", "taskcompletion")


@dataclass(frozen=True, slots=True)
class ResourceFile:
    """A download before the process starts: one URL to `path`, or the blobs of a container below `path`.

    Either `url` or `container_url` is set. `path` is relative to the working directory; for a container it is the
    directory and may be empty. `mode` is octal text, empty for the default. `client_id` names the pool's identity that
    authorises the download; empty = the URL is fetched as it is (public, or with a SAS in it).
    """

    url: str = ""
    container_url: str = ""
    prefix: str = ""
    path: str = ""
    mode: str = ""
    client_id: str = ""


@dataclass(frozen=True, slots=True)
class OutputFile:
    """An upload after the process ended.

    `pattern` is relative to the working directory. `path` is the blob's name when the pattern has no wildcard, else a
    prefix; empty = the file's own name at the container's root. `condition` is one of `UPLOAD_CONDITIONS`.
    """

    pattern: str
    container_url: str
    path: str = ""
    condition: str = "taskcompletion"
    client_id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Package:
    """An application package that is to be on the node. `url` is empty for one that is no longer there.

    `default`: it is the version meant without a version. `activated` is when, as its directory's name shows it.
    `identity` is the client id of the pool's identity that authorises the download; empty = the URL has a SAS in it.
    """

    application: str
    version: str
    activated: str = ""
    default: bool = False
    url: str = ""
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Mount:
    """A container whose content the node shows below `fsmounts/<path>`, fetched as the identity `client_id`."""

    url: str
    path: str
    client_id: str


@dataclass(frozen=True, slots=True)
class Image:
    """A container image and who may pull it: a user of the registry `server`, or an identity (its resource id)."""

    name: str
    server: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Bind:
    """A directory or file of this machine that a container sees under the same path."""

    path: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Container:
    """Where a task runs instead of on the machine itself. `options` are further arguments of `create`."""

    image: Image
    binds: tuple[Bind, ...]
    options: tuple[str, ...] = ()
    in_task_directory: bool = True  # else in the image's own working directory


@dataclass(frozen=True, slots=True)
class Launch:
    """One process. `directory` is relative to `node_root`; in it lie stdout.txt, stderr.txt and `wd`.

    `environment` is the whole environment: nothing is inherited. `wall_clock` is in real seconds, None = no limit.
    `admin` asks for elevation level admin, which gives more rights only where the host may be changed. `files_in` is
    where resource files go, relative to `node_root`, a directory that `directory` is or lies in; empty = `wd`.

    `instances` are the coordination commands of a multi-instance task, the primary's first. Those have `background`:
    what they leave running stays until the task ends; its own command `continues` in the primary's directory.
    """

    node_root: Path
    directory: str
    command_line: str
    environment: Mapping[str, str]
    resource_files: tuple[ResourceFile, ...] = ()
    output_files: tuple[OutputFile, ...] = ()
    wall_clock: float | None = None
    admin: bool = False
    packages: tuple[Package, ...] = ()
    files_in: str = ""
    continues: bool = False
    background: bool = False
    instances: tuple[Instance, ...] = ()
    container: Container | None = None
    refusal: Failure | None = None  # why it cannot run at all


@dataclass(frozen=True, slots=True)
class Instance:
    """The coordination command of a multi-instance task on one of its nodes."""

    node: NodeKey
    launch: Launch


def node_directory(root: Path, node: NodeKey) -> Path:
    """Where a node lies below the server's node root: `<root>/<account>/<pool>/<node>`."""
    return root / node.account / node.pool / node.node


def task_directory(task: TaskKey) -> str:
    """A task's directory below its node's root, as nodeInfo.taskRootDirectory shows it.

    Made from the key alone, so ids are in lower case: files can be found and removed when the record has gone.
    """
    item, _, number = task.job.partition(":")  # the job of a schedule is called `<schedule>:job-<n>`
    return f"workitems/{item}/{number or 'job-1'}/{task.task}"
