"""What a start task may be configured to be: an ordered list of scripts, and what they are given.

Does not own the scripts (start_tasks/), nor how their files reach a node (start_task).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from components.records import native, nested, setting, shown
from components.validation import FLAG, Problem, Rule, each, entry, matching, one_of, whole

FOLDER = "start_tasks/"
FILE = matching(r"(?!/)(?!.*\.\./).+", "must be a path relative to the project, without '..'")


def _no_string(value: object) -> object:
    """The first entry of a mapping that is none."""
    pairs = value.items() if isinstance(value, dict) else ()
    return next((f"{key}: {shown(item)}" for key, item in pairs if not isinstance(item, str)), value)


def _is_parameter(value: object) -> bool:
    return isinstance(value, str) and value != "--"


STRINGS = Rule(
    "must map names to strings",
    lambda value: isinstance(value, dict) and all(isinstance(item, str) for pair in value.items() for item in pair),
    {"type": "object", "additionalProperties": {"type": "string"}},
    _no_string,
)
_PARAMETERS = Rule(
    "must be a list of strings, none of them '--'",
    lambda value: isinstance(value, list | tuple) and all(map(_is_parameter, value)),
    {"type": "array", "items": {"type": "string", "not": {"const": "--"}}},
    entry(_is_parameter),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptSettings:
    """One script. Its files lie beside it on the node, under their own names."""

    script: str = setting("The script, a file of this repository (.sh, or .ps1 for Windows).", FILE)
    parameters: tuple[str, ...] = setting("What it is called with.", _PARAMETERS, ())
    files: tuple[str, ...] = setting("Files of this repository that it reads.", each(FILE), ())


DEFAULT = (
    ScriptSettings(
        script="start_tasks/python_packages.sh",
        parameters=("requirements.txt",),
        files=("workloads/solar/requirements.txt",),
    ),
)
WINDOWS_DEFAULT = (replace(DEFAULT[0], script="start_tasks/python_packages.ps1"),)
RUNNER = tuple(f"{FOLDER}{name}" for name in ("run.sh", "lib/on_error.sh", "lib/install.sh", "lib/blob.py"))
WINDOWS_RUNNER = ("start_tasks/run.ps1", "start_tasks/lib/blob.ps1")
COLLECTOR = "start_tasks/lib/node_stats.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTaskSettings:
    """Scripts in their order: those of [start-tasks.md](start-tasks.md), or your own.

    A failure names the script and the line; the log then lies in the container `logs`.
    """

    scripts: tuple[ScriptSettings, ...] = nested("The scripts, in their order.", ScriptSettings, DEFAULT, many=True)
    environment: Mapping[str, str] = setting("Variables for all scripts; never a secret.", STRINGS, {})
    retries: int = setting("How often it is tried again; -1 is for ever.", whole(-1, 100), 1)
    wait_for_success: bool = setting("Whether tasks wait until it has succeeded.", FLAG, True)
    elevation: str = setting("Its rights on the node; what installs needs Admin.", one_of("Admin", "NonAdmin"), "Admin")
    user_name: str = setting(
        "One of userAccounts to run as, instead.", matching(r".{1,20}", "must be a user's name"), ""
    )
    wheel_cache: bool = setting(
        "Whether built wheels are kept in the container `output`, for other nodes.", FLAG, False
    )
    node_stats: bool = setting(
        "Whether CPU, memory and disk of nodes are written to the container `logs`.", FLAG, False
    )
    resource_files: tuple[Mapping[str, object], ...] = native(
        "Further files, from addresses or containers (as the nodes' identity, unless the address has a SAS).",
        "ResourceFileArgs",
        many=True,
    )
    container_settings: Mapping[str, object] | None = native("A container to run in.", "TaskContainerSettingsArgs")

    def conflicts(self) -> Iterator[Problem]:
        """Every file has one name on the node."""
        names: dict[str, str] = {}
        for path in self.files(windows=False):
            other = names.setdefault(node_name(path), path)
            if other != path:
                yield Problem(
                    "scripts", path, f"must have another name than {other}: both lie in one folder on the node"
                )

    def steps(self, *, windows: bool) -> tuple[ScriptSettings, ...]:
        """The scripts that are run: the configured ones or those of the system, then the collector."""
        own = WINDOWS_DEFAULT if windows and self.scripts == DEFAULT else self.scripts
        if not self.node_stats:
            return own
        ending = "ps1" if windows else "sh"
        files = () if windows else (COLLECTOR,)
        return (*own, ScriptSettings(script=f"{FOLDER}node_stats.{ending}", files=files))

    def files(self, *, windows: bool) -> tuple[str, ...]:
        """All files of this repository that a node needs, in a stable order, each once; none without scripts."""
        steps = self.steps(windows=windows)
        own = [path for step in steps for path in (step.script, *step.files)]
        return tuple(dict.fromkeys((*(WINDOWS_RUNNER if windows else RUNNER), *own))) if steps else ()


def node_name(path: str) -> str:
    """The name of a file on the node: below start_tasks/ as it lies there, else its own."""
    return path.removeprefix(FOLDER) if path.startswith(FOLDER) else PurePosixPath(path).name
