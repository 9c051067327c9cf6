"""What a workload is: the values a workload file stands for, once it has passed every check.

`jobs.workload_file` makes these from YAML, `jobs.build` turns them into documents of the Batch service.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from string import Formatter

Value = str | int | float

MERGE_ID = "merge"


@dataclass(frozen=True)
class Source:
    """Where an input file comes from: a path beside the workload file, or a file inside an installed package."""

    path: str
    package: str = ""
    line: int = 0


@dataclass(frozen=True)
class ResourceFile:
    """An input (by name) and where a task finds it, relative to its working directory."""

    input: str
    path: str


@dataclass(frozen=True)
class MultiInstance:
    """A task on several nodes at once: what runs on each of them before its command, and the files each fetches."""

    instances: int
    coordination_command_line: str
    common_files: tuple[ResourceFile, ...] = ()


@dataclass(frozen=True)
class TaskTemplate:
    """One kind of task. `{parameter}` is filled in in id, command line, resource files and environment.

    `id` is empty for tasks numbered 1, 2, 3, …; `max_wall_clock_time` is an ISO 8601 duration or empty (no limit);
    `gather`, of the merge task only, is the directory that receives every task's outputs.
    """

    command_line: str
    id: str = ""
    resource_files: tuple[ResourceFile, ...] = ()
    outputs: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    retries: int = 0
    max_wall_clock_time: str = ""
    required_slots: int = 1
    multi_instance: MultiInstance | None = None
    gather: str = ""


@dataclass(frozen=True)
class Workload:
    """A whole workload file."""

    name: str
    pool: str
    inputs: Mapping[str, Source]
    parameters: Mapping[str, tuple[Value, ...]]
    tasks: TaskTemplate
    merge: TaskTemplate | None = None


def combinations(parameters: Mapping[str, tuple[Value, ...]]) -> Iterator[dict[str, Value]]:
    """Every combination of the parameters' values, the last parameter changing fastest."""
    for values in itertools.product(*parameters.values()):
        yield dict(zip(parameters, values, strict=True))


def count(parameters: Mapping[str, tuple[Value, ...]]) -> int:
    """How many combinations there are, without spelling them out."""
    total = 1
    for values in parameters.values():
        total *= len(values)
    return total


def fill(template: str, values: Mapping[str, Value]) -> str:
    """Replace each `{parameter}`; doubled braces stand for one."""
    return template.format_map(values)


def fields(template: str) -> list[str]:
    """Names between braces, as written. Raises ValueError where a brace has no partner."""
    return [
        name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
        for _, name, spec, conversion in Formatter().parse(template)
        if name is not None
    ]
