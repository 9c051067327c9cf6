from pathlib import Path

import pytest

from jobs.spec import MultiInstance, ResourceFile, Source, Workload, combinations
from jobs.workload_file import parse

pytestmark = pytest.mark.ours

SOLAR = Path(__file__).parents[3] / "workloads" / "solar" / "workload.yaml"
MINIMAL = "name: w\ntasks: {commandLine: run}\n"


def good(text: str, **overrides: str) -> Workload:
    """Parse a file that is right."""
    workload = parse(text, overrides)
    assert isinstance(workload, Workload), workload
    return workload


def problems(text: str, **overrides: str) -> list[str]:
    """Parse a file that is wrong; its problems as they are shown."""
    found = parse(text, overrides)
    assert isinstance(found, list)
    return [problem.render("w.yaml") for problem in found]


def several(settings: str) -> str:
    """A workload whose task has these multi-instance settings."""
    return f"name: w\ntasks: {{commandLine: run, multiInstanceSettings: {{{settings}}}}}\n"


def test_sample_workload() -> None:
    """The sample workload is valid: three stations by 17 azimuths and a merge."""
    workload = good(SOLAR.read_text())
    assert len(list(combinations(workload.parameters))) == 51
    assert workload.inputs["miami"].package == "pvlib"
    assert workload.tasks.resource_files[-1] == ResourceFile("{station}", "weather")
    assert workload.merge is not None
    assert workload.merge.gather == "results"


def test_minimal_workload() -> None:
    """A name and a command line are enough: one task on the pool `main`."""
    workload = good(MINIMAL)
    assert workload.pool == "main"
    assert list(combinations(workload.parameters)) == [{}]


def test_a_task_on_several_nodes() -> None:
    """Its coordination command and common files may use parameters, as those of the task itself."""
    settings = (
        "{numberOfInstances: 3, coordinationCommandLine: 'prepare {n}', commonResourceFiles: [{input: a.sh, path: b}]}"
    )
    tasks = f"tasks: {{commandLine: run, multiInstanceSettings: {settings}}}"
    workload = good(f"name: w\nscripts: [a.sh]\nparameters: {{n: [1, 2]}}\n{tasks}\n")
    assert workload.tasks.multi_instance == MultiInstance(3, "prepare {n}", (ResourceFile("a.sh", "b"),))


def test_scripts_are_inputs() -> None:
    """A script becomes an input under its file name, with the line it stands on."""
    workload = good("name: w\nscripts:\n- a.sh\n- lib/b.py\ntasks: {commandLine: run, resourceFiles: [b.py]}\n")
    assert workload.inputs == {"a.sh": Source("a.sh", line=3), "b.py": Source("lib/b.py", line=4)}


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("{from: 0, to: 10, step: 5}", (0, 5, 10)),
        ("{from: 1, to: 3}", (1, 2, 3)),
        ("{from: 0, to: 1, step: 0.1}", (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)),
        ("[a, b]", ("a", "b")),
        ("0:90:5", ("0:90:5",)),
        ("7", (7,)),
    ],
)
def test_values(written: str, values: tuple[object, ...]) -> None:
    """A parameter is a list, a range with both ends, or a single value."""
    assert good(MINIMAL + f"parameters: {{p: {written}}}\n").parameters["p"] == values


def test_override_replaces_values() -> None:
    """--set takes whatever a parameter takes in the file, as YAML."""
    workload = good(SOLAR.read_text(), azimuth="[90, 180]", station="miami")
    assert workload.parameters["azimuth"] == (90, 180)
    assert workload.parameters["station"] == ("miami",)


def test_override_of_unknown_parameter() -> None:
    """--set of a name that is no parameter names those there are."""
    assert problems(MINIMAL + "parameters: {p: 1}\n", q="2") == [
        "w.yaml:3: --set q: is not a parameter of this workload; its parameters: p"
    ]


def test_override_is_checked() -> None:
    """A value of --set goes through the same checks as one in the file."""
    (found,) = problems(MINIMAL + "parameters: {p: 1}\n", p="a b")
    assert found.startswith("w.yaml:3: --set p: is 'a b'; allowed:")


def test_override_must_name_inputs_that_exist() -> None:
    """A --set that asks for an input nobody has is found before anything is created."""
    (found,) = problems(SOLAR.read_text(), station="[miami, mars]")
    assert "names no input: mars; inputs and scripts: sand-point" in found


def test_all_problems_at_once() -> None:
    """Every problem is reported in one go, with its line, its property and what is allowed."""
    text = """
name: w
poool: main
inputs:
  a: {path: /etc/passwd}
tasks:
  id: "{n}"
  commandLine: run {m}
  resourceFiles: [b]
  retries: many
  maxWallClockTime: 10m
parameters: {n: [1, 2, 2]}
"""
    assert problems(text) == [
        "w.yaml:3: poool: is not known here; allowed: name, tasks, pool, inputs, scripts, parameters, merge",
        "w.yaml:5: inputs.a.path: is '/etc/passwd'; allowed: a relative path with / and without ..",
        "w.yaml:12: parameters.n: holds a value twice",
        "w.yaml:8: tasks.commandLine: uses {m}; parameters allowed here: n",
        "w.yaml:9: tasks.resourceFiles[0]: names no input: b; inputs and scripts: a",
        "w.yaml:10: tasks.retries: must be a whole number from 0 to 100, not 'many'",
        "w.yaml:11: tasks.maxWallClockTime: is '10m'; allowed: an ISO 8601 duration such as PT10M or PT1H30M",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "w.yaml:1: the file is empty"),
        ("name: [", "w.yaml:1: not YAML: expected the node content, but found '<stream end>'"),
        ("- 1", "w.yaml:1: must be a mapping (name, tasks, pool, inputs, scripts, parameters, merge), not a list"),
        ("name: w", "w.yaml:1: tasks: is missing"),
        ("name: w\nname: v\ntasks: {commandLine: a}", "w.yaml:2: name: is given twice"),
        ("name: a b\ntasks: {commandLine: a}", "w.yaml:1: name: is 'a b'; allowed: up to 40 letters, digits, - and _"),
        ("name: w\ntasks: {}", "w.yaml:2: tasks.commandLine: is missing"),
        ("name: w\ntasks: {commandLine: 'a {'}", "w.yaml:2: tasks.commandLine: has a brace without its partner; "),
        (
            "name: w\ntasks: {commandLine: 'a {}'}",
            "w.yaml:2: tasks.commandLine: uses {}; parameters allowed here: none",
        ),
        (
            "name: w\ntasks: {commandLine: a | b}",
            "w.yaml:2: tasks.commandLine: uses shell syntax, but no shell runs it",
        ),
        ("name: w\ntasks: {commandLine: echo $HOME}", "w.yaml:2: tasks.commandLine: uses shell syntax"),
        ("name: w\ntasks: {commandLine: a, outputs: [../x]}", "w.yaml:2: tasks.outputs[0]: is '../x'; allowed:"),
        ("name: w\ntasks: {commandLine: a, requiredSlots: true}", "w.yaml:2: tasks.requiredSlots: must be a whole"),
        (several("numberOfInstances: 2"), "w.yaml:2: tasks.multiInstanceSettings.coordinationCommandLine: is missing"),
        (
            several("numberOfInstances: 101, coordinationCommandLine: b"),
            "w.yaml:2: tasks.multiInstanceSettings.numberOfInstances: must be a whole number from 1 to 100",
        ),
        (
            several("numberOfInstances: 2, coordinationCommandLine: echo $X"),
            "w.yaml:2: tasks.multiInstanceSettings.coordinationCommandLine: uses shell syntax",
        ),
        (
            several("numberOfInstances: 2, coordinationCommandLine: b}, requiredSlots: 1, environment: {"),
            "w.yaml:2: tasks.requiredSlots: does not go with multiInstanceSettings",
        ),
        ("name: w\ntasks: {commandLine: a, gather: x}", "w.yaml:2: tasks.gather: is not known here"),
        ("name: w\ntasks: {commandLine: a, environment: {AZ_BATCH_X: 1}}", "w.yaml:2: tasks.environment.AZ_BATCH_X: b"),
        ("name: w\ntasks: {commandLine: a, id: 'a b'}", "w.yaml:2: tasks.id: gives 'a b'; allowed: 1 to 64"),
        ("name: w\nparameters: {p: [1, 2]}\ntasks: {commandLine: a, id: x}", "w.yaml:3: tasks.id: gives two tasks"),
        (
            "name: w\nparameters: {p: {from: 1, to: 2, step: 0}}\ntasks: {commandLine: a}",
            "w.yaml:2: parameters.p: needs",
        ),
        ("name: w\nparameters: {p: {from: 1, to: .inf}}\ntasks: {commandLine: a}", "w.yaml:2: parameters.p: needs"),
        ("name: w\nparameters: {p: []}\ntasks: {commandLine: a}", "w.yaml:2: parameters.p: needs at least one value"),
        (
            "name: w\nparameters: {p: ;rm}\ntasks: {commandLine: a}",
            "w.yaml:2: parameters.p: is ';rm'; allowed: a number",
        ),
        ("name: w\ninputs: {a: {package: p}}\ntasks: {commandLine: a}", "w.yaml:2: inputs.a: must be {path: a file"),
    ],
)
def test_problem(text: str, expected: str) -> None:
    """Each rule of the file is told with the line, the property and what is allowed."""
    (found,) = problems(text)
    assert found.startswith(expected)


def test_shell_syntax_inside_a_shell() -> None:
    """A command line that starts a shell may use its syntax."""
    good("name: w\ntasks: {commandLine: \"/bin/bash -c 'echo $HOME | wc'\"}\n")


def test_merge_id_is_taken() -> None:
    """No task may have the merge task's id."""
    text = "name: w\nparameters: {p: [merge, b]}\ntasks: {commandLine: a, id: '{p}'}\nmerge: {commandLine: m}\n"
    assert problems(text) == ["w.yaml:3: tasks.id: gives 'merge', which is the id of the merge task"]


def test_too_many_dependencies() -> None:
    """Ids beyond the service's 64,000 characters in one dependsOn are refused before anything is made."""
    task = "{commandLine: a, id: 'task-with-a-long-name-{p}'}"
    text = f"name: w\nparameters: {{p: {{from: 1, to: 3000}}}}\ntasks: {task}\nmerge: {{commandLine: m}}\n"
    (found,) = problems(text)
    assert found.endswith("leave id out")


def test_too_many_tasks() -> None:
    """A product of more than 100,000 combinations is refused."""
    text = "name: w\nparameters: {p: {from: 1, to: 1000}, q: {from: 1, to: 1000}}\ntasks: {commandLine: a}\n"
    assert problems(text) == ["w.yaml:3: parameters: make 1000000 tasks; at most 100000 are allowed"]
