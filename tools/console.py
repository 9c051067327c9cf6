"""How the commands of the Makefile talk, take turns and run other programs. Standard library only."""

import contextlib
import fcntl
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / ".batchite"
INTERRUPTED = 130
RECOMPILING = "PYTHONDONTWRITEBYTECODE"


class CommandError(Exception):
    """A command cannot go on: what happened, what the user can do next, and the exit code."""

    def __init__(self, what: str, next_step: str, code: int = 1) -> None:
        super().__init__(what)
        self.next_step = next_step
        self.code = code


def say(text: str) -> None:
    """One line for the person who waits."""
    print(f"==> {text}", file=sys.stderr, flush=True)


def compiling_once(env: Mapping[str, str]) -> dict[str, str]:
    """The environment for the project's own Python, whose SDKs take two seconds to compile: their bytecode is kept."""
    return {name: value for name, value in env.items() if name != RECOMPILING}


def policy_pack(stack: str, root: Path = ROOT) -> list[str]:
    """The options that put a deployment under the policy pack, with the stack's own limits where it has a file."""
    limits = root / "policies" / "config" / f"{stack}.json"
    own = ["--policy-pack-config", str(limits.relative_to(root))] if limits.exists() else []
    return ["--policy-pack", "policies", *own]


def explain(error: CommandError) -> int:
    """Print an error with its next step; its exit code."""
    print(f"{error}\nnext: {error.next_step}", file=sys.stderr, flush=True)
    return error.code


def run(command: Sequence[str], env: Mapping[str, str] | None = None) -> int:
    """Run a program in the repository with our terminal; its exit code.

    On Ctrl-C the program has had the signal too: it is given the time to end in its own way.
    """
    interrupted = False
    with subprocess.Popen(command, cwd=ROOT, env=env) as child:
        while child.returncode is None:
            try:
                child.wait()
            except KeyboardInterrupt:
                interrupted = True
    return INTERRUPTED if interrupted or child.returncode < 0 else child.returncode


def ask(command: Sequence[str], env: Mapping[str, str] | None = None) -> str:
    """What a program prints. Raises CommandError with its own words when it fails."""
    done = subprocess.run(
        command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        words = (done.stderr or done.stdout).strip()
        raise CommandError(f"`{' '.join(command)}` failed: {words}", "read the lines above, repair, and run it again")
    return done.stdout


@contextlib.contextmanager
def turn(folder: Path = DATA) -> Iterator[None]:
    """Hold the local stack for one command at a time. Raises CommandError when another one has it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "make.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                "another `make demo`, `make down` or `make clean` is at work in this folder",
                "wait for it, or watch its job from here: .venv/bin/python -m jobs watch",
            ) from None
        yield
