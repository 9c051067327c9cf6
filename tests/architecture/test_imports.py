"""Imports point one way, and no module or function grows beyond what one can take in."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.ours

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "batchite" / "src"

LIBRARY = {"autoscale", "errors", "ids"}
CORE = {"scheduler", "storage", "clock", *LIBRARY}  # The clock speaks the core's types; the core never reads a clock.
SHELL = {"service", "records", "usage", "sampling", "agent", "story", *CORE}
PLANES = {"batch", "blob", "identity", "http", *SHELL}

# What each part of Batchite may import of it, besides itself. The composition root and the commands may import all.
ALLOWED: dict[str, set[str]] = {
    "autoscale": set(),
    "errors": set(),
    "ids": set(),
    "clock": {"scheduler"},
    "scheduler": LIBRARY,
    "storage": LIBRARY,
    "records": CORE,
    "usage": CORE | {"records"},
    "sampling": CORE | {"records", "agent"},
    "agent": CORE,
    "story": CORE,
    "service": SHELL,
    "ssh": {"agent", *CORE},  # What it must know of users and nodes, it asks for through its port.
    "http": {"errors", "ids", "clock"},
    "identity": PLANES,
    "batch": PLANES,
    "blob": PLANES,
    "arm": PLANES,
    "chaos": PLANES,
    "provider": {"errors"},  # A process of its own: it talks HTTP to the server.
}
ROOTS = {
    "app",
    "control",
    "stories",
    "data",
    "engines",
    "lasting",
    "launches",
    "logins",
    "provider_process",
    "reference",
    "cli",
    "__main__",
    "node_logs",
}

# Outside Batchite: what each top-level folder may import of the project.
PROJECT: dict[str, set[str]] = {
    "__main__": {"components"},
    "components": {"batchite.autoscale"},
    "jobs": set(),
    "policies": {"batchite.autoscale"},
    "start_tasks": set(),
    "tools": set(),
    "workloads": set(),
    "benchmarks": {"batchite", "components", "jobs", "tools"},
}
OURS = {"batchite", *PROJECT}

EFFECTS = {"asyncio", "logging", "os", "pathlib", "secrets", "socket", "subprocess", "threading", "time", "uuid"}
PURE = {"scheduler": {"random", *EFFECTS}, "autoscale": EFFECTS}  # The formula language has a function random().

LONGEST_MODULE = 400
LONGEST_FUNCTION = 30  # Lines without the docstring.
LONGEST_TEST = 40  # A test may tell a whole story.
LONGER_MODULES: dict[str, tuple[int, str]] = {}  # Path: (lines, reason).
LONGER_FUNCTIONS: dict[str, tuple[int, str]] = {  # "path:function": (lines, reason).
    "batchite/src/batchite/autoscale/builders.py:pending_tasks": (32, "options, one a line, and the text"),
}


def python_files() -> list[Path]:
    """Every Python file of the project."""
    folders = [*(ROOT / name for name in PROJECT), SOURCE, ROOT / "tests", ROOT / "batchite" / "tests"]
    found = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    return [*found, *sorted(ROOT.glob("*.py"))]


def imported(path: Path) -> Iterator[str]:
    """The full names of all modules a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part(path: Path) -> str:
    """The part of Batchite a file belongs to: the name right below the package."""
    return path.relative_to(SOURCE / "batchite").parts[0].removesuffix(".py")


def test_batchite_imports_point_downward() -> None:
    """Each part of Batchite imports only the parts below it."""
    wrong = []
    for path in sorted((SOURCE / "batchite").rglob("*.py")):
        if part(path) not in ALLOWED:
            continue
        targets = {name.split(".")[1] for name in imported(path) if name.startswith("batchite.")}
        allowed = ALLOWED[part(path)] | {part(path)}
        wrong += [f"{path.relative_to(SOURCE)} imports {target}" for target in sorted(targets - allowed)]
    assert wrong == []


@pytest.mark.parametrize("name", sorted(PURE))
def test_the_core_is_pure(name: str) -> None:
    """Scheduler and formula language read no clock, make no random choice and do no input or output."""
    files = sorted((SOURCE / "batchite" / name).rglob("*.py"))
    wrong = [f"{p.relative_to(ROOT)}: {i}" for p in files for i in imported(p) if i.split(".")[0] in PURE[name]]
    assert wrong == []


def test_batchite_imports_nothing_of_the_project() -> None:
    """Batchite is a distribution of its own."""
    files = sorted((SOURCE / "batchite").rglob("*.py"))
    wrong = [f"{p.relative_to(ROOT)}: {name}" for p in files for name in imported(p) if name.split(".")[0] in PROJECT]
    assert wrong == []


@pytest.mark.parametrize("folder", PROJECT)
def test_the_deployed_part_imports_only_what_it_may(folder: str) -> None:
    """Outside Batchite nothing of it but the formula library is imported, and programs do not import one another."""
    files = [ROOT / "__main__.py"] if folder == "__main__" else sorted((ROOT / folder).rglob("*.py"))
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}" for path in files if path.exists() for name in stray(path, folder)
    ]
    assert wrong == []


def stray(path: Path, folder: str) -> list[str]:
    """What a file imports of the project without being allowed to."""
    allowed = PROJECT[folder] | {folder}
    names = [name for name in imported(path) if name.split(".")[0] in OURS - {"__main__"}]
    return [name for name in names if not any(f"{name}.".startswith(f"{prefix}.") for prefix in allowed)]


def test_every_part_of_batchite_has_a_place() -> None:
    """A new part must be put into the table of allowed imports."""
    parts = {part(path) for path in (SOURCE / "batchite").rglob("*.py")} - {"__init__"}
    assert parts - set(ALLOWED) == ROOTS


def test_no_module_is_too_long() -> None:
    """A module fits in 400 lines, save those listed with their number and reason."""
    sizes = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in python_files()}
    limits = {name: lines for name, (lines, _) in LONGER_MODULES.items()}
    assert {n: size for n, size in sizes.items() if size > limits.get(n, LONGEST_MODULE)} == {}


def test_no_function_is_too_long() -> None:
    """A function fits in 30 lines and a test in 40, save those listed with their number and reason."""
    limits = {name: lines for name, (lines, _) in LONGER_FUNCTIONS.items()}
    sizes = {name: size for path in python_files() for name, size in functions(path)}
    assert {n: size for n, size in sizes.items() if size > limits.get(n, limit(n))} == {}


def limit(name: str) -> int:
    """How long a function may be, by where it is."""
    return LONGEST_TEST if "tests" in Path(name.split(":", maxsplit=1)[0]).parts else LONGEST_FUNCTION


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function of a file as "path:name" with its lines, from def to the last statement, less its docstring."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            documented = length(node.body[0]) if ast.get_docstring(node) else 0
            yield f"{path.relative_to(ROOT)}:{node.name}", length(node) - documented


def length(node: ast.stmt) -> int:
    """Lines from a statement's first to its last."""
    return (node.end_lineno or node.lineno) - node.lineno + 1
