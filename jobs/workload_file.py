"""From the text of a workload file to a checked `Workload`, or to everything that is wrong with it.

Pure: the file's text and the values of --set come in; no file is looked for here. `docs/jobs.md` has the shape.
"""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from yaml.nodes import MappingNode, Node, SequenceNode

from jobs import spec
from jobs.errors import Problem
from jobs.spec import MultiInstance, ResourceFile, Source, TaskTemplate, Value, Workload
from jobs.yaml_reader import Reader, compose, join, line_of, scalar

ID = r"[A-Za-z0-9_-]{1,64}"
NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}"  # a job id adds 21 characters to it and may have 64
FILE_NAME = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
VALUE = r"[A-Za-z0-9._:,/+=@%-]+"
DURATION = r"P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?"
VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
SHELLS = {"bash", "sh", "dash", "zsh", "cmd", "cmd.exe", "powershell", "powershell.exe", "pwsh"}
SHELL_SYNTAX = re.compile(r"[$|><;]|&&|%\w+%")
MAX_TASKS = 100_000
MAX_INSTANCES = 100  # the service's limit for nodes that may talk to each other
MAX_DEPENDENCY_CHARACTERS = 64_000  # the service's limit for the ids in one dependsOn, all together

TASK_KEYS = (
    ("commandLine",),
    (
        "id",
        "resourceFiles",
        "outputs",
        "environment",
        "retries",
        "maxWallClockTime",
        "requiredSlots",
        "multiInstanceSettings",
    ),
)
MULTI_INSTANCE_KEYS = (("numberOfInstances", "coordinationCommandLine"), ("commonResourceFiles",))
MERGE_KEYS = (TASK_KEYS[0], (*TASK_KEYS[1][1:], "gather"))


def parse(text: str, overrides: Mapping[str, str] | None = None) -> Workload | list[Problem]:
    """Check a workload file; `overrides` (from --set) replace values of its parameters.

    Returns the problems, all of them, if there are any.
    """
    root = compose(text)
    if isinstance(root, Problem):
        return [root]
    reader = Reader()
    workload = read_workload(reader, root, overrides or {})
    return reader.problems or workload


def read_workload(reader: Reader, root: Node, overrides: Mapping[str, str]) -> Workload:
    """Read the top level."""
    keys = reader.mapping(root, "", ("name", "tasks"), ("pool", "inputs", "scripts", "parameters", "merge"))
    name = reader.text(keys["name"], "name", NAME, "up to 40 letters, digits, - and _") if "name" in keys else ""
    pool = (
        reader.text(keys["pool"], "pool", ID, "the key of a pool among the stack's outputs")
        if "pool" in keys
        else "main"
    )
    inputs = read_inputs(reader, keys.get("inputs")) | read_scripts(reader, keys.get("scripts"))
    parameters = read_parameters(reader, keys.get("parameters"), root, overrides)
    tasks = TaskTemplate("")
    if "tasks" in keys:
        tasks = read_tasks(reader, keys["tasks"], inputs, parameters)
    merge = read_merge(reader, keys["merge"], inputs, constants(parameters)) if "merge" in keys else None
    workload = Workload(name, pool, inputs, parameters, tasks, merge)
    if "tasks" in keys and not reader.problems:
        check_ids(reader, keys["tasks"], workload)
    return workload


# inputs


def read_inputs(reader: Reader, node: Node | None) -> dict[str, Source]:
    """Read `inputs`: name → where the file comes from."""
    entries = reader.entries(node, "inputs", "name: source") if node else {}
    return {name: read_source(reader, value, join("inputs", name)) for name, value in entries.items()}


def read_source(reader: Reader, node: Node, path: str) -> Source:
    """Read one source: {path: …} or {package: …, file: …}."""
    keys = reader.mapping(node, path, (), ("path", "package", "file"))
    if set(keys) == {"path"}:
        return Source(relative(reader, keys["path"], join(path, "path")), line=line_of(node))
    if set(keys) == {"package", "file"}:
        package = reader.text(
            keys["package"], join(path, "package"), rf"{VARIABLE}(\.{VARIABLE})*", "the name of a Python package"
        )
        return Source(relative(reader, keys["file"], join(path, "file")), package, line_of(node))
    if isinstance(node, MappingNode):
        reader.note(node, path, "must be {path: a file beside this one} or {package: …, file: a file inside it}")
    return Source("", line=line_of(node))


def read_scripts(reader: Reader, node: Node | None) -> dict[str, Source]:
    """Read `scripts`: files beside the workload file, each an input under its own file name."""
    items = reader.items(node, "scripts", "files beside this one") if node else []
    sources = [
        Source(relative(reader, item, f"scripts[{number}]"), line=line_of(item)) for number, item in enumerate(items)
    ]
    return {PurePosixPath(source.path).name: source for source in sources}


def relative(reader: Reader, node: Node, path: str) -> str:
    """A relative path that stays below where it starts."""
    value = reader.text(node, path)
    parts = PurePosixPath(value).parts
    if value.startswith("/") or ".." in parts or "\\" in value:
        reader.note(node, path, f"is {value!r}; allowed: a relative path with / and without ..")
    return value


# parameters


def read_parameters(
    reader: Reader, node: Node | None, root: Node, overrides: Mapping[str, str]
) -> dict[str, tuple[Value, ...]]:
    """Read `parameters`, with the values of --set in place of the file's own."""
    entries = reader.entries(node, "parameters", "name: list, range or single value") if node else {}
    for name in overrides.keys() - entries.keys():
        known = ", ".join(entries) or "none"
        reader.note(node or root, f"--set {name}", f"is not a parameter of this workload; its parameters: {known}")
    return {
        name: read_override(reader, value, name, overrides[name])
        if name in overrides
        else read_values(reader, value, join("parameters", name))
        for name, value in entries.items()
        if valid_name(reader, value, name)
    }


def valid_name(reader: Reader, node: Node, name: str) -> bool:
    """Whether a parameter's name can stand between braces; if not, note it."""
    if re.fullmatch(VARIABLE, name):
        return True
    reader.note(node, join("parameters", name), "allowed: letters, digits and _, not beginning with a digit")
    return False


def read_override(reader: Reader, node: Node, name: str, text: str) -> tuple[Value, ...]:
    """The values of a --set, written as in the file."""
    value = compose(text)
    if isinstance(value, Problem):
        reader.note(node, f"--set {name}", value.message)
        return ()
    inner = Reader()
    values = read_values(inner, value, f"--set {name}")
    reader.problems += [Problem(line_of(node), problem.path, problem.message) for problem in inner.problems]
    return values


def read_values(reader: Reader, node: Node, path: str) -> tuple[Value, ...]:
    """The values of one parameter: a list, a range {from, to, step} or a single value."""
    if isinstance(node, MappingNode):
        return read_range(reader, node, path)
    if not isinstance(node, SequenceNode):
        return (read_value(reader, node, path),)
    values = tuple(read_value(reader, item, f"{path}[{number}]") for number, item in enumerate(node.value))
    if not values:
        reader.note(node, path, "needs at least one value")
    if len(set(values)) < len(values):
        reader.note(node, path, "holds a value twice")
    return values


def read_value(reader: Reader, node: Node, path: str) -> Value:
    """One value: a number, or text that needs no quoting in a command line."""
    value = scalar(node)
    if value is None or not re.fullmatch(VALUE, str(value)):
        reader.note(
            node,
            path,
            f"is {getattr(node, 'value', '')!r}; allowed: a number, or letters, digits and . _ : , / + = @ % -",
        )
        return ""
    return value


def read_range(reader: Reader, node: Node, path: str) -> tuple[Value, ...]:
    """The values of {from, to, step}, both ends included."""
    keys = reader.mapping(node, path, ("from", "to"), ("step",))
    if not {"from", "to"} <= keys.keys():
        return ()
    numbers = {name: reader.number(keys[name], join(path, name)) for name in ("from", "to", "step") if name in keys}
    first, last, step = numbers["from"], numbers["to"], numbers.get("step", 1)
    if step <= 0 or last < first or not all(math.isfinite(number) for number in (first, last, step)):
        reader.note(node, path, "needs from ≤ to and a step above 0")
        return ()
    if (last - first) / step > MAX_TASKS:
        reader.note(node, path, f"has more than {MAX_TASKS} values")
        return ()
    return tuple(tidy(first + step * number) for number in range(int((last - first) / step + 1e-9) + 1))


def tidy(number: float) -> int | float:
    """A number as a person would write it: 0.1 + 0.2 is 0.3, and 3.0 is 3."""
    rounded = round(number, 9)
    return int(rounded) if rounded == int(rounded) else rounded


def constants(parameters: Mapping[str, tuple[Value, ...]]) -> dict[str, tuple[Value, ...]]:
    """The parameters with one value only, which the merge task can use as well."""
    return {name: values for name, values in parameters.items() if len(values) == 1}


# tasks

Inputs = Mapping[str, Source]
Parameters = Mapping[str, tuple[Value, ...]]


def read_tasks(reader: Reader, node: Node, inputs: Inputs, parameters: Parameters) -> TaskTemplate:
    """Read `tasks`: the template of every task but the merge."""
    keys = reader.mapping(node, "tasks", *TASK_KEYS)
    return read_template(reader, keys, "tasks", inputs, parameters)


def read_merge(reader: Reader, node: Node, inputs: Inputs, parameters: Parameters) -> TaskTemplate:
    """Read `merge`: the task that runs after all others."""
    keys = reader.mapping(node, spec.MERGE_ID, *MERGE_KEYS)
    return read_template(reader, keys, spec.MERGE_ID, inputs, parameters)


def read_template(
    reader: Reader, keys: dict[str, Node], path: str, inputs: Inputs, parameters: Parameters
) -> TaskTemplate:
    """Read what all tasks have in common."""

    def whole(name: str, default: int, low: int, high: int) -> int:
        return reader.integer(keys[name], join(path, name), low, high) if name in keys else default

    several = keys.get("multiInstanceSettings")
    if several is not None and "requiredSlots" in keys:
        reader.note(keys["requiredSlots"], join(path, "requiredSlots"), "does not go with multiInstanceSettings")
    return TaskTemplate(
        command_line=read_command(reader, keys, "commandLine", path, parameters),
        id=read_text_template(reader, keys["id"], join(path, "id"), parameters) if "id" in keys else "",
        resource_files=read_resource_files(
            reader, keys.get("resourceFiles"), join(path, "resourceFiles"), inputs, parameters
        ),
        outputs=read_outputs(reader, keys.get("outputs"), path),
        environment=read_environment(reader, keys.get("environment"), path, parameters),
        retries=whole("retries", 0, 0, 100),
        max_wall_clock_time=read_duration(reader, keys.get("maxWallClockTime"), path),
        required_slots=whole("requiredSlots", 1, 1, 256),
        multi_instance=read_multi_instance(reader, several, path, inputs, parameters) if several else None,
        gather=relative(reader, keys["gather"], join(path, "gather")) if "gather" in keys else "",
    )


def read_multi_instance(reader: Reader, node: Node, path: str, inputs: Inputs, parameters: Parameters) -> MultiInstance:
    """Read `multiInstanceSettings`: how many nodes a task takes, and how they are prepared for each other."""
    where = join(path, "multiInstanceSettings")
    keys = reader.mapping(node, where, *MULTI_INSTANCE_KEYS)
    number, common = keys.get("numberOfInstances"), join(where, "commonResourceFiles")
    return MultiInstance(
        reader.integer(number, join(where, "numberOfInstances"), 1, MAX_INSTANCES) if number else 1,
        read_command(reader, keys, "coordinationCommandLine", where, parameters),
        read_resource_files(reader, keys.get("commonResourceFiles"), common, inputs, parameters),
    )


def read_command(reader: Reader, keys: dict[str, Node], name: str, path: str, parameters: Parameters) -> str:
    """Read a command line; when it is missing, that was said already."""
    if name not in keys:
        return ""
    command = read_text_template(reader, keys[name], join(path, name), parameters)
    check_shell(reader, keys[name], join(path, name), command)
    return command


def read_text_template(reader: Reader, node: Node, path: str, parameters: Parameters) -> str:
    """Text with `{parameter}` in it; every name must be one of `parameters`."""
    value = reader.text(node, path)
    try:
        used = spec.fields(value)
    except ValueError:
        reader.note(node, path, "has a brace without its partner; write {{ and }} for braces of your own")
        return ""
    for name in used:
        if name not in parameters:
            known = ", ".join(sorted(parameters)) or "none"
            reader.note(node, path, f"uses {{{name}}}; parameters allowed here: {known}")
    return value


def check_shell(reader: Reader, node: Node, path: str, command: str) -> None:
    """Refuse shell syntax that no shell would see: Batch starts a command line without one."""
    program = PurePosixPath(command.split(maxsplit=1)[0]).name if command.split() else ""
    if program not in SHELLS and SHELL_SYNTAX.search(command):
        reader.note(node, path, "uses shell syntax, but no shell runs it; write /bin/bash -c '…'")


def read_resource_files(
    reader: Reader, node: Node | None, where: str, inputs: Inputs, parameters: Parameters
) -> tuple[ResourceFile, ...]:
    """Read a list of files: names of inputs, or {input, path}."""
    items = reader.items(node, where, "names of inputs or {input, path}") if node else []
    files = [
        read_resource_file(reader, item, f"{where}[{number}]", inputs, parameters) for number, item in enumerate(items)
    ]
    return tuple(file for file in files if file)


def read_resource_file(
    reader: Reader, node: Node, path: str, inputs: Inputs, parameters: Parameters
) -> ResourceFile | None:
    """Read one resource file. An input named by a template is checked for every value it can take."""
    keys = {"input": node}
    if isinstance(node, MappingNode):
        keys = reader.mapping(node, path, ("input",), ("path",))
    if "input" not in keys:
        return None
    name = read_text_template(reader, keys["input"], path, parameters)
    before = len(reader.problems)
    target = relative(reader, keys["path"], join(path, "path")) if "path" in keys else ""
    check_input(reader, keys["input"], path, name, inputs, parameters)
    return ResourceFile(name, target) if len(reader.problems) == before else None


def check_input(reader: Reader, node: Node, path: str, name: str, inputs: Inputs, parameters: Parameters) -> None:
    """Note the inputs that a (filled in) name asks for and that do not exist."""
    try:
        used = {field: parameters[field] for field in spec.fields(name)}
    except (KeyError, ValueError):
        return  # Said already.
    if spec.count(used) > MAX_TASKS:
        return  # Said when the tasks are counted.
    missing = {spec.fill(name, values) for values in spec.combinations(used)} - inputs.keys()
    if missing:
        known = ", ".join(inputs) or "none"
        reader.note(node, path, f"names no input: {', '.join(sorted(missing))}; inputs and scripts: {known}")


def read_outputs(reader: Reader, node: Node | None, path: str) -> tuple[str, ...]:
    """Read `outputs`: file patterns relative to the working directory."""
    where = join(path, "outputs")
    items = reader.items(node, where, "file patterns") if node else []
    return tuple(relative(reader, item, f"{where}[{number}]") for number, item in enumerate(items))


def read_environment(reader: Reader, node: Node | None, path: str, parameters: Parameters) -> dict[str, str]:
    """Read `environment`: variables of the task."""
    where = join(path, "environment")
    entries = reader.entries(node, where, "NAME: value") if node else {}
    for name, value in entries.items():
        if not re.fullmatch(VARIABLE, name):
            reader.note(value, join(where, name), "allowed in a variable's name: letters, digits and _")
        if name.upper().startswith("AZ_BATCH_"):
            reader.note(value, join(where, name), "belongs to the Batch service")
    return {name: read_text_template(reader, value, join(where, name), parameters) for name, value in entries.items()}


def read_duration(reader: Reader, node: Node | None, path: str) -> str:
    """Read an ISO 8601 duration."""
    if node is None:
        return ""
    return reader.text(node, join(path, "maxWallClockTime"), DURATION, "an ISO 8601 duration such as PT10M or PT1H30M")


# the whole


def check_ids(reader: Reader, node: Node, workload: Workload) -> None:
    """Note what is wrong with the tasks' number and ids, once everything else is right."""
    total = spec.count(workload.parameters)
    if total > MAX_TASKS:
        reader.note(node, "parameters", f"make {total} tasks; at most {MAX_TASKS} are allowed")
    elif workload.tasks.id:
        ids = [spec.fill(workload.tasks.id, values) for values in spec.combinations(workload.parameters)]
        for message in id_problems(ids, has_merge=workload.merge is not None):
            reader.note(node, "tasks.id", message)


def id_problems(ids: Sequence[str], *, has_merge: bool) -> list[str]:
    """What the service would not accept about these task ids."""
    problems = []
    bad = next((name for name in ids if not re.fullmatch(ID, name)), None)
    if bad is not None:
        problems.append(f"gives {bad!r}; allowed: 1 to 64 letters, digits, - and _ (leave id out for 1, 2, 3, …)")
    if len({name.lower() for name in ids}) < len(ids):
        problems.append("gives two tasks the same id; use every parameter that has several values")
    if has_merge and spec.MERGE_ID in {name.lower() for name in ids}:
        problems.append(f"gives {spec.MERGE_ID!r}, which is the id of the merge task")
    if has_merge and sum(map(len, ids)) > MAX_DEPENDENCY_CHARACTERS:
        problems.append("makes the merge task's list of dependencies too long for the service; leave id out")
    return problems
