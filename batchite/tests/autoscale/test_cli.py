"""`batchite autoscale` as a command."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from batchite.cli.autoscale import add_parser

pytestmark = pytest.mark.ours


def run(*words: str) -> int:
    """The exit code of a command line."""
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    args = parser.parse_args(["autoscale", *words])
    code = args.run(args)
    assert isinstance(code, int)
    return code


@pytest.fixture
def formula(tmp_path: Path) -> Path:
    """A file with a formula that reads a window."""
    path = tmp_path / "formula.txt"
    path.write_text("$TargetDedicatedNodes = avg($PendingTasks.GetSample(TimeInterval_Minute * 5));\n")
    return path


def metrics(tmp_path: Path, document: object) -> str:
    """The path of a metrics file with this content."""
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps(document))
    return str(path)


def test_eval_prints_the_result_string(formula: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The result string is all there is on stdout."""
    given = metrics(tmp_path, {"samples": {"$PendingTasks": [6] * 20}})
    assert run("eval", str(formula), "--metrics", given, "--now", "2026-01-05T10:00:00Z") == 0
    results = "$TargetDedicatedNodes=6;$TargetLowPriorityNodes=0;$NodeDeallocationOption=requeue\n"
    assert capsys.readouterr().out == results


def test_a_failed_eval_says_why(formula: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without samples the current targets are printed, the error goes to stderr, the exit code is 1."""
    given = metrics(tmp_path, {"targets": {"dedicated": 3}})
    assert run("eval", str(formula), "--metrics", given, "--now", "2026-01-05T10:00:00Z") == 1
    printed = capsys.readouterr()
    assert printed.out.startswith("$TargetDedicatedNodes=3;")
    assert "InsufficientSampleData" in printed.err
    assert "Line 1, Col 52" in printed.err


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "must be a JSON object"),
        ({"sample": {}}, "unknown sample"),
        ({"samples": {"$PendingTasks": 5}}, "must be a list"),
        ({"samples": {"$PendingTasks": ["x"]}}, "expected a number"),
        ({"samples": {"$PendingTasks": [["2026-01-05T10:00:00Z", 1], ["2026-01-05T09:00:00Z", 1]]}}, "oldest first"),
        ({"start": "soon"}, "soon"),
    ],
)
def test_a_bad_metrics_file_is_refused(
    formula: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], document: object, message: str
) -> None:
    """What is wrong with the file is said on stderr, exit code 2."""
    given = metrics(tmp_path, document)
    assert run("eval", str(formula), "--metrics", given, "--now", "2026-01-05T10:00:00Z") == 2
    assert message in capsys.readouterr().err


def test_a_syntax_error_shows_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Eval points at the column; lint reports it as a finding and fails."""
    path = tmp_path / "formula.txt"
    path.write_text("x = 1 +;\n")
    assert run("eval", str(path), "--metrics", metrics(tmp_path, {}), "--now", "2026-01-05T10:00:00Z") == 2
    assert "x = 1 +;\n       ^" in capsys.readouterr().err
    assert run("lint", str(path)) == 1
    assert f"{path}:1:8: error: expected an expression, found ';' [syntax]" in capsys.readouterr().out


def test_lint_succeeds_with_warnings(formula: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings are printed with file and place; only errors fail."""
    assert run("lint", str(formula)) == 0
    assert f"{formula}:1:52: warning: " in capsys.readouterr().out
    assert run("lint", str(formula.with_name("absent"))) == 2


@pytest.mark.parametrize("name", ["simulate", "suggest"])
def test_what_is_not_built_is_refused_by_name(name: str, formula: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command exits 2 and says so."""
    assert run(name, str(formula)) == 2
    assert f"autoscale {name} is not built yet" in capsys.readouterr().err
