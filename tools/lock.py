"""`make lock`: resolve `tools/requirements/*.in` into the pinned requirements files, for every supported Python."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = {
    "deploy.in": "requirements.txt",
    "local.in": "requirements-local.txt",
    "azure-batch.in": "tools/requirements/azure-batch.txt",
    "classic.in": "tools/requirements/classic.txt",
    "azure-cli.in": "tools/requirements/azure-cli.txt",
    "peers.in": "tools/requirements/peers.txt",
}
QUIET = ("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--quiet")


def command(source: str, target: str) -> list[str]:
    """How uv resolves one file; addresses of registries never get into the result."""
    uv = str(Path(sys.executable).parent / "uv")
    resolve = [uv, "pip", "compile", "--universal", "--python-version", "3.11", *QUIET]
    return [*resolve, "--output-file", target, f"tools/requirements/{source}"]


def main() -> None:
    """Resolve all files; extra arguments (such as `--upgrade`) go to uv."""
    for source, target in FILES.items():
        subprocess.run([*command(source, target), *sys.argv[1:]], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
