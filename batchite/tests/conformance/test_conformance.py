"""Runs the conformance corpus: request and answer, case by case."""

from collections import Counter
from itertools import count

import pytest
from batch.harness import Account, Server
from conformance.cases import GIVEN, SOURCES, Case, cases, check, matches, send

CASES = list(cases())
_NUMBERS = count(1)


def _parameters() -> list[object]:
    return [pytest.param(case, id=f"{case.file}: {case.name}", marks=getattr(pytest.mark, case.mark)) for case in CASES]


@pytest.mark.parametrize("case", _parameters())
def test_case(server: Server, case: Case) -> None:
    """The service answers each request of the case as the case says."""
    account = Account(server, f"case{next(_NUMBERS)}")
    GIVEN[case.given](account)
    for step in case.steps:
        check(step, send(account, step))


@pytest.mark.ours
def test_the_corpus_is_large_and_mostly_backed() -> None:
    """It has enough cases, each with a name of its own and a known source; what is ours proves no fidelity."""
    marks = Counter(case.mark for case in CASES)
    assert marks["recorded"] + marks["documented"] >= 100
    assert len({(case.file, case.name) for case in CASES}) == len(CASES)
    assert {case.source for case in CASES} <= SOURCES
    assert all((case.source == "ours") == (case.mark == "ours") for case in CASES)


@pytest.mark.ours
@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": "absent"}),
        ({}, {"a": 1}),
        ([1, 2], [1]),
        ("abc", "~b"),
        (None, "~.*"),
        ("x", {"a": 1}),
    ],
)
def test_what_differs_does_not_match(found: object, expected: object) -> None:
    """The comparison can fail in each of its branches."""
    assert not matches(found, expected)
