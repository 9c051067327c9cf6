"""`make test`: every suite with its time, then the total and one plain closing line."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tools.console import RECOMPILING

ROOT = Path(__file__).resolve().parent.parent
NO_TESTS = 5  # pytest's exit code for a suite without a test.
COUNTED = ("passed", "failed", "skipped")
SUMMARY = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)\b")


class Result(NamedTuple):
    """How one suite went; a suite is a folder."""

    suite: str
    seconds: float
    counts: dict[str, int]
    ended_well: bool


def suites(root: Path = ROOT) -> list[Path]:
    """The folders that hold tests: each one below tests/, then Batchite's own, end to end last."""
    ours = sorted(p for p in (root / "tests").iterdir() if p.is_dir() and next(p.rglob("test_*.py"), None))
    slow = [path for path in ours if path.name == "e2e"]
    return [*(path for path in ours if path not in slow), root / "batchite" / "tests", *slow]


def count(output: str) -> dict[str, int]:
    """The numbers of pytest's closing line; an error counts as a failure, an expected failure as passed."""
    found = dict.fromkeys(COUNTED, 0)
    lines = [line for line in output.splitlines() if re.search(r" in [\d.]+s", line)]
    names = {"error": "failed", "errors": "failed", "xfailed": "passed", "xpassed": "failed"}
    for number, word in SUMMARY.findall(lines[-1] if lines else ""):
        found[names.get(word, word)] += int(number)
    return found


def run_suite(folder: Path, options: Sequence[str]) -> Result:
    """Run one suite, showing its output as it comes."""
    name = str(folder.relative_to(ROOT))
    print(f"\n=== {name}", flush=True)
    begun, lines = time.monotonic(), []
    command = [sys.executable, "-m", "pytest", "-q", str(folder), *options]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    return Result(name, time.monotonic() - begun, count("".join(lines)), child.returncode in {0, NO_TESTS})


def report(results: Sequence[Result]) -> str:
    """The table of suites, the total, and the closing line."""
    rows = [f"{r.suite:<24}{r.seconds / 60:>8.1f} min   {_words(r.counts)}" for r in results]
    total = {word: sum(r.counts[word] for r in results) for word in COUNTED}
    minutes = sum(r.seconds for r in results) / 60
    return "\n".join(["", *rows, f"{'total':<24}{minutes:>8.1f} min", "", _words(total)])


def _words(counts: dict[str, int]) -> str:
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    return f"{counts['passed']} passed, {counts['failed']} failed{skipped}"


def main() -> int:
    """Run all suites, whatever became of those before; options go to pytest."""
    os.environ["PYTHONUNBUFFERED"] = "1"
    os.environ.pop(RECOMPILING, None)
    results = [run_suite(folder, sys.argv[1:]) for folder in suites()]
    print(report(results))
    return 0 if all(result.ended_well for result in results) and any(r.counts["passed"] for r in results) else 1


if __name__ == "__main__":
    sys.exit(main())
