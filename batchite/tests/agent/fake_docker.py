"""A stand-in for docker's command line: what Batchite asks of an engine, done with plain processes of this machine.

Its state lies in the directory CONTAINER_FAKE; `images` there lists what it has, `registry` what it can pull.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

STATE = Path(os.environ["CONTAINER_FAKE"])
WITH_VALUE = {"--name", "--label", "--network", "--env-file", "--user", "--workdir"}


def fail(text: str, code: int = 1) -> int:
    """Say why not."""
    print(f"Error: {text}", file=sys.stderr)
    return code


def read(name: str) -> dict[str, object]:
    """A container by its name or id."""
    for file in STATE.glob("*.json"):
        found: dict[str, object] = json.loads(file.read_text())
        if name in (found["name"], found["id"]):
            return found
    raise LookupError(name)


def write(container: dict[str, object]) -> None:
    """Keep a container."""
    (STATE / f"{container['name']}.json").write_text(json.dumps(container))


def create(arguments: list[str]) -> int:
    """Take the options apart; unknown ones are refused as docker does."""
    options: dict[str, list[str]] = {}
    while arguments and arguments[0].startswith("--"):
        name, equals, value = arguments.pop(0).partition("=")
        options.setdefault(name, []).append(value if equals or name not in WITH_VALUE else arguments.pop(0))
    if "--memory" in options and not options["--memory"][0][:1].isdigit():
        return fail("invalid size for --memory", 125)
    name = options["--name"][0]
    lines = Path(options["--env-file"][0]).read_text().splitlines()
    variables = dict(line.split("=", 1) for line in lines)
    for entry in options.get("--env", []):
        key, equals, value = entry.partition("=")
        variables[key] = value if equals else os.environ[key]
    (STATE / "created").open("a").write(json.dumps({"options": options, "image": arguments[0]}) + "\n")
    state = {"Status": "created", "ExitCode": 0, "Error": ""}
    write(
        {"name": name, "id": f"id-{name}", "options": options, "variables": variables, "command": arguments[1:]}
        | {"State": state, "pid": 0}
    )
    print(f"id-{name}")
    return 0


def start(name: str) -> int:
    """Run the command, attached."""
    container = read(name)
    working = container["options"].get("--workdir", ["/"])[0]  # type: ignore[attr-defined]
    environment = {"PATH": os.environ["PATH"], **container["variables"]}  # type: ignore[dict-item]
    try:
        process = subprocess.Popen(container["command"], cwd=working, env=environment, start_new_session=True)  # type: ignore[call-overload]
    except FileNotFoundError:
        state = {"Status": "created", "ExitCode": 127, "Error": "executable file not found in $PATH"}
        write(container | {"State": state})
        return fail("executable file not found in $PATH")
    write(container | {"pid": process.pid, "State": {"Status": "running", "ExitCode": 0, "Error": ""}})
    code = process.wait()
    code = code if code >= 0 else 128 - code
    with contextlib.suppress(LookupError):
        write(read(name) | {"State": {"Status": "exited", "ExitCode": code, "Error": ""}})
    return int(code)


def kill(name: str) -> int:
    """Kill what runs in it."""
    container = read(name)
    try:
        os.killpg(int(str(container["pid"])) or 2**30, signal.SIGKILL)
    except ProcessLookupError:
        return fail(f"container {name} is not running")
    return 0


def lines(name: str) -> list[str]:
    """A file of names."""
    file = STATE / name
    return file.read_text().split() if file.exists() else []


def pull(image: str) -> int:
    """From the registry, which lets in whom its `user` names."""
    config = Path(os.environ.get("DOCKER_CONFIG", "/nowhere"), "config.json")
    (STATE / "login").write_text(config.read_text() if config.exists() else "")
    if image.startswith("private.example/") and not config.exists():
        return fail("unauthorized: authentication required")
    if image not in lines("registry"):
        return fail(f"manifest for {image} not found")
    with (STATE / "images").open("a") as file:
        file.write(f"{image}\n")
    return 0


def remove(name: str) -> int:
    """Forget it."""
    (STATE / f"{read(name)['name']}.json").unlink()
    return 0


def listed(label: str) -> int:
    """Ids of the containers with the label."""
    wanted = label.removeprefix("label=")
    found = [json.loads(file.read_text()) for file in STATE.glob("*.json")]
    print("\n".join(one["id"] for one in found if wanted in one["options"]["--label"]))
    return 0


def inspect(name: str) -> int:
    """Its state."""
    print(json.dumps(read(name)["State"]))
    return 0


def context() -> int:
    """Where the daemon is."""
    print("unix:///var/run/docker.sock")
    return 0


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "info": lambda _: 0,
    "context": lambda _: context(),
    "image": lambda words: 0 if words[-1] in lines("images") else 1,
    "pull": lambda words: pull(words[0]),
    "create": create,
    "start": lambda words: start(words[-1]),
    "kill": lambda words: kill(words[0]),
    "rm": lambda words: remove(words[-1]),
    "ps": lambda words: listed(words[-1]),
    "inspect": lambda words: inspect(words[-1]),
}


if __name__ == "__main__":
    try:
        sys.exit(COMMANDS[sys.argv[1]](sys.argv[2:]))
    except LookupError as error:
        sys.exit(fail(f"no such container: {error}"))
