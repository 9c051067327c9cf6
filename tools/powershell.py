"""`python -m tools.powershell FILE...`: parses PowerShell scripts and names the places that no grammar knows.

PowerShell itself is in no registry that the bootstrap needs, so scripts for Windows are parsed here and run there only.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

LINE_LENGTH = 120


def problems(source: bytes) -> Iterator[tuple[int, str]]:
    """The line of each thing that is wrong, and what it is."""
    lines = source.decode().split("\n")
    yield from ((number, "is too long") for number, line in enumerate(lines, 1) if len(line) > LINE_LENGTH)
    yield from ((number, "ends in a blank") for number, line in enumerate(lines, 1) if line != line.rstrip())
    for node in _broken(Parser(Language(tree_sitter_powershell.language())).parse(source).root_node):
        text = source[node.start_byte : node.end_byte].decode().split("\n")[0]
        yield node.start_point[0] + 1, f"{node.type} is missing" if node.is_missing else f"does not parse: {text}"


def _broken(node: Node) -> Iterator[Node]:
    """The outermost nodes that are errors."""
    if node.is_error or node.is_missing:
        yield node
    elif node.has_error:
        for child in node.children:
            yield from _broken(child)


def main(paths: list[str]) -> int:
    """Judge the files; each problem is one line."""
    found = [f"{path}:{line}: {what}" for path in paths for line, what in problems(Path(path).read_bytes())]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
