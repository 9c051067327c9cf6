"""`make check`: format, lint, types, import direction, sizes, scripts of both shells. `--fix` repairs what it can."""

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
SCRIPT_FOLDERS = ("start_tasks", "tools", "workloads")


def shell_scripts(root: Path = ROOT) -> list[str]:
    """The shell scripts of the repository, and the CI entry."""
    found = [path for folder in SCRIPT_FOLDERS for path in sorted((root / folder).glob("**/*.sh"))]
    return [str(path.relative_to(root)) for path in [*found, root / ".ci" / "run"] if path.exists()]


def powershell_scripts(root: Path = ROOT) -> list[str]:
    """The scripts for Windows nodes."""
    return [str(path.relative_to(root)) for path in sorted((root / "start_tasks").glob("**/*.ps1"))]


def checks(scripts: Sequence[str]) -> dict[str, list[str]]:
    """What is asked, by name."""
    return {
        "format": ["ruff", "format", "--check", "."],
        "lint": ["ruff", "check", "."],
        "types": ["mypy"],
        "imports and sizes": ["pytest", "-q", "tests/architecture"],
        "shell": ["shellcheck", *scripts],
        "shell format": ["shfmt", "--diff", "--indent", "4", *scripts],
        "powershell": ["python", "-m", "tools.powershell", *powershell_scripts()],
    }


def repairs(scripts: Sequence[str]) -> dict[str, list[str]]:
    """What can be repaired mechanically, by name."""
    return {
        "lint": ["ruff", "check", "--fix", "."],
        "format": ["ruff", "format", "."],
        "shell format": ["shfmt", "--write", "--indent", "4", *scripts],
    }


def run(name: str, command: Sequence[str]) -> bool:
    """Run one check; a quiet success takes one line."""
    begun = time.monotonic()
    program = shutil.which(command[0], path=str(BIN)) or command[0]
    done = subprocess.run(
        [program, *command[1:]], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    verdict = "ok" if done.returncode == 0 else "FAILED"
    print(f"{name:<20}{verdict:<8}{time.monotonic() - begun:5.1f} s", flush=True)
    if done.returncode:
        print(done.stdout + done.stderr, flush=True)
    return done.returncode == 0


def main() -> int:
    """Run all of them, whatever became of those before."""
    table = repairs if sys.argv[1:] == ["--fix"] else checks
    results = [run(name, command) for name, command in table(shell_scripts()).items()]
    if not all(results):
        print("next: `make fix` repairs format and simple lint; the rest is named above", file=sys.stderr)
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
