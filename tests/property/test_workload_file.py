import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from jobs import spec
from jobs.spec import Workload
from jobs.workload_file import parse

pytestmark = pytest.mark.ours

names = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True)
values = st.lists(st.integers(-99, 99), min_size=1, max_size=4, unique=True)
yaml_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("name", "pool", "inputs", "scripts", "parameters", "tasks", "merge")


@given(st.text(max_size=200))
def test_any_text_is_judged(text: str) -> None:
    """Whatever the file holds, the answer is a workload or problems with lines inside the file, never an exception."""
    found = parse(text)
    if not isinstance(found, Workload):
        assert found
        assert all(1 <= problem.line <= text.count("\n") + text.count("\r") + 2 for problem in found)


@given(st.dictionaries(st.sampled_from(KEYS), yaml_values))
def test_any_document_is_judged(document: dict[str, object]) -> None:
    """Any YAML under the known keys is judged without an exception."""
    found = parse(yaml.safe_dump(document))
    assert isinstance(found, Workload) or found


@given(st.dictionaries(names, values, min_size=1, max_size=3))
def test_combinations(parameters: dict[str, list[int]]) -> None:
    """There are as many tasks as the product of the lists, all different."""
    text = yaml.safe_dump({"name": "w", "parameters": parameters, "tasks": {"commandLine": "run"}}, sort_keys=False)
    workload = parse(text)
    assert isinstance(workload, Workload)
    combinations = [tuple(found.values()) for found in spec.combinations(workload.parameters)]
    assert len(combinations) == len(set(combinations)) == spec.count(workload.parameters)


@given(first=st.integers(-500, 500), steps=st.integers(0, 50), step=st.sampled_from([0.1, 0.25, 0.5, 1, 3, 7.5]))
def test_ranges(first: int, steps: int, step: float) -> None:
    """A range has both its ends and equal steps, whatever binary fractions do."""
    last = round(first + steps * step, 9)
    document = {
        "name": "w",
        "parameters": {"p": {"from": first, "to": last, "step": step}},
        "tasks": {"commandLine": "r"},
    }
    workload = parse(yaml.safe_dump(document))
    assert isinstance(workload, Workload)
    found = workload.parameters["p"]
    assert (found[0], found[-1], len(found)) == (first, last, steps + 1)
