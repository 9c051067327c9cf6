"""Containers: from the settings of pools and tasks to what the agent runs, and what a container may not do here. Pure.

Source: REST reference (TaskContainerSettings, ContainerConfiguration, ContainerHostBatchBindMountEntry); the failure
codes of settings that pool and task do not share are what the service was seen to answer.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from batchite.agent.launch import Bind, Container, Image
from batchite.http.types import Json
from batchite.scheduler.model import Detail, Failure

SETTINGS = "containerSettings"
_HARMLESS = frozenset(
    {"--add-host", "--cap-drop", "--cpu-shares", "--cpus", "--cpuset-cpus", "--dns", "--dns-search", "--entrypoint"}
    | {"--env", "--gpus", "--hostname", "--init", "--memory", "--memory-reservation", "--memory-swap", "--network"}
    | {"--no-healthcheck", "--pids-limit", "--platform", "--read-only", "--rm", "--shm-size", "--stop-signal"}
    | {"--stop-timeout", "--tmpfs", "--ulimit", "--workdir"}
)
_SHORT = {"-c": "--cpu-shares", "-e": "--env", "-h": "--hostname", "-m": "--memory", "-w": "--workdir"}
_SWITCHES = frozenset({"--init", "--no-healthcheck", "--read-only", "--rm"})
_DROPPED = "--rm"
"""The container is removed in any case, once its state has been read."""
_NETWORKS = frozenset({"host", "bridge", "none"})
_ALLOWED = "start Batchite with --allow-host-changes to let containers change this machine, or leave the option out"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a task is: its node's root, its directory below that, the preparation's directory, whom nodes trust."""

    root: str
    directory: str
    preparation: str = ""
    ca_bundle: str = ""


def container(
    pool_document: Mapping[str, Json], document: Mapping[str, Json], place: Place, *, allow_host_changes: bool
) -> Container | Failure | None:
    """The container of a task, why it cannot have it, or None for a task that asks for none."""
    settings = document.get(SETTINGS)
    if settings is None:
        return None
    if _configuration(pool_document) is None:
        message = "The compute node does not support containers: its pool has no containerConfiguration"
        return Failure("usererror", "ContainerPoolNotSupported", message)
    try:
        options = run_options(settings.get("containerRunOptions") or "", allow_host_changes=allow_host_changes)
    except ValueError as error:
        return _invalid_settings("containerRunOptions", str(error))
    return Container(
        image=_image(settings["imageName"], settings.get("registry"), pool_document),
        binds=_binds(settings, place),
        options=options,
        in_task_directory=settings.get("workingDirectory", "taskWorkingDirectory") == "taskWorkingDirectory",
    )


def settings_missing(pool_document: Mapping[str, Json], document: Mapping[str, Json]) -> Failure | None:
    """Why a task of a pool with containers cannot run without one: it must have settings (documented)."""
    if _configuration(pool_document) is None or document.get(SETTINGS) is not None:
        return None
    message = "Container-enabled compute node requires task container settings"
    return Failure("usererror", "ContainerTaskSettingsNotFound", message)


def engine_refusal(pool_document: Mapping[str, Json], no_containers: str) -> Failure | None:
    """Why no node of a pool with containers can be had: `no_containers` says what this machine lacks, if anything."""
    if not no_containers or _configuration(pool_document) is None:
        return None
    message = f"Containers cannot run here: {no_containers}"
    return Failure("usererror", "ContainerEngineMissing", message, (Detail("containerConfiguration", "refused"),))


def images(pool_document: Mapping[str, Json]) -> tuple[Image, ...]:
    """The images that are to be on the nodes before the start task."""
    names: Iterable[str] = (_configuration(pool_document) or {}).get("containerImageNames") or ()
    return tuple(_image(name, None, pool_document) for name in names)


def run_options(text: str, *, allow_host_changes: bool) -> tuple[str, ...]:
    """The arguments of containerRunOptions. Raises ValueError, saying which option could change this machine."""
    words = shlex.split(text)
    if allow_host_changes:
        return tuple(words)
    found: list[str] = []
    while words:
        name, equals, value = _full_name(words.pop(0))
        if name not in _HARMLESS:
            raise ValueError(f"{name} could change this machine or is not known; {_ALLOWED}")
        if name in _SWITCHES:
            found += [] if name == _DROPPED else [f"{name}{equals}{value}"]
            continue
        if not equals and not words:
            raise ValueError(f"{name} needs a value")
        value = value if equals else words.pop(0)
        if name == "--network" and value not in _NETWORKS:
            raise ValueError(f"--network {value} is refused, {', '.join(sorted(_NETWORKS))} are allowed; {_ALLOWED}")
        if name == "--env" and "=" not in value:
            raise ValueError(f"--env {value} needs a value: nothing of this machine's environment is passed on")
        found.append(f"{name}={value}")
    return tuple(found)


def without_passwords(document: Mapping[str, Json]) -> dict[str, Json]:
    """A pool, job, schedule or task as it is shown: no password of a registry is given back."""
    return {name: _HIDING[name](value) if name in _HIDING else value for name, value in document.items()}


def _settings(settings: Mapping[str, Json]) -> dict[str, Json]:
    """Container settings without the password of their registry."""
    registry = settings.get("registry")
    return {**settings, "registry": _without_password(registry)} if registry else dict(settings)


def _configured(configuration: Mapping[str, Json]) -> dict[str, Json]:
    """A container configuration without the passwords of its registries."""
    listed = configuration.get("containerRegistries")
    return (
        {**configuration, "containerRegistries": [_without_password(one) for one in listed]}
        if listed
        else dict(configuration)
    )


def _without_password(registry: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in registry.items() if name != "password"}


def _full_name(word: str) -> tuple[str, str, str]:
    """The option, `=`, and its value, if they are one word: `--memory=1g`, `-m 1g`, `-m1g`."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return ("--network" if name == "--net" else name), equals, value
    short, rest = word[:2], word[2:].removeprefix("=")
    return _SHORT.get(short, short), "=" * bool(rest), rest


def _configuration(pool_document: Mapping[str, Json]) -> Mapping[str, Json] | None:
    found: Mapping[str, Json] | None = pool_document.get("virtualMachineConfiguration", {}).get(
        "containerConfiguration"
    )
    return found


def _image(name: str, registry: Mapping[str, Json] | None, pool_document: Mapping[str, Json]) -> Image:
    """An image with the task's own registry, or that of the pool which its name begins with."""
    server = _server(name)
    listed: Iterable[Mapping[str, Json]] = (_configuration(pool_document) or {}).get("containerRegistries") or ()
    found = registry or next((one for one in listed if _host(one) == server), {})
    return Image(
        name,
        _host(found) if found else server,
        found.get("username") or "",
        found.get("password") or "",
        (found.get("identityReference") or {}).get("resourceId", ""),
    )


def _host(registry: Mapping[str, Json]) -> str:
    return re.sub(r"^https?://", "", registry.get("registryServer") or "docker.io").rstrip("/").lower()


def _server(image: str) -> str:
    """The registry that an image's name begins with; Docker Hub when its name has no host."""
    first, slash, _ = image.partition("/")
    return first.lower() if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"


def _binds(settings: Mapping[str, Json], place: Place) -> tuple[Bind, ...]:
    """The node's whole root, unless the settings name its parts; whom to trust comes with it."""
    listed = settings.get("containerHostBatchBindMounts")
    trusted = (Bind(place.ca_bundle, read_only=True),) if place.ca_bundle else ()
    if listed is None:
        return (Bind(place.root), *trusted)
    return (*(Bind(_path(item, place), item.get("isReadOnly", False)) for item in listed), *trusted)


def _path(item: Mapping[str, Json], place: Place) -> str:
    paths = {
        "Shared": f"{place.root}/shared",
        "Startup": f"{place.root}/startup",
        "VfsMounts": f"{place.root}/fsmounts",
        "Task": f"{place.root}/{place.directory}",
        "JobPrep": place.preparation,
        "Applications": f"{place.root}/applications",
    }
    return paths[item["source"]]


def _invalid_settings(name: str, reason: str) -> Failure:
    message = "At least one value of the container settings is invalid"
    return Failure("usererror", "ContainerInvalidSettings", message, (Detail(name, reason),))


_HIDING: Mapping[str, Callable[[Json], Json]] = {
    SETTINGS: _settings,
    "containerConfiguration": _configured,
    **dict.fromkeys(("startTask", "jobManagerTask", "jobPreparationTask", "jobReleaseTask"), without_passwords),
    **dict.fromkeys(("virtualMachineConfiguration", "jobSpecification"), without_passwords),
    **dict.fromkeys(("poolInfo", "autoPoolSpecification", "pool"), without_passwords),
}
