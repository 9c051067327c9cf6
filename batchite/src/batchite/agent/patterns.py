"""Output file patterns: `**`, `*`, `?`, `[a-c]`, `[!a]`, relative to the task's working directory.

Source: REST reference, OutputFile.filePattern. `*` does not cross a directory, `**` does; `..` may lead to the task
directory (for `../std*.txt`) and no further.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

WILDCARDS = frozenset("*?[")
TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[!?[^\]]+\]|.", re.DOTALL)


def has_wildcard(pattern: str) -> bool:
    """Whether the pattern may match several files."""
    return any(character in WILDCARDS for character in pattern)


def matches(pattern: str, task_directory: Path, working_directory: str = "wd") -> list[tuple[Path, str]]:
    """Files that match, sorted, each with the part of its path after the pattern's fixed leading directories.

    That part becomes the blob's name below the destination's path. An absolute pattern that leads elsewhere than into
    the task directory matches nothing.
    """
    absolute = _absolute(pattern, task_directory, working_directory)
    if not absolute:
        return []
    expression = re.compile(translate(absolute))
    base = _fixed_directory(absolute)
    found = [
        (path, relative[len(base) :]) for path, relative in _files(task_directory) if expression.fullmatch(relative)
    ]
    return sorted(found, key=lambda pair: pair[1])


def translate(pattern: str) -> str:
    """The pattern as a regular expression over `/`-separated paths. Any text is a pattern."""
    return "".join(_translate_token(match.group()) for match in TOKEN.finditer(pattern))


def _absolute(pattern: str, task_directory: Path, working_directory: str) -> str:
    """The pattern with the task directory as its root, `..` resolved and kept inside; empty when it leads elsewhere."""
    prefix = f"{task_directory}/"
    if pattern.startswith("/") and not pattern.startswith(prefix):
        return ""
    inside = pattern.removeprefix(prefix) if pattern.startswith("/") else f"{working_directory}/{pattern}"
    resolved = os.path.normpath(inside)
    return "" if resolved.split("/", 1)[0] == ".." else f"/{resolved}"


def _translate_token(token: str) -> str:
    fixed = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    if token in fixed:
        return fixed[token]
    if token.startswith("[") and len(token) > 1:
        negated = token.startswith("[!")
        return _translate_set(token[2 if negated else 1 : -1], negated=negated)
    return re.escape(token)


def _translate_set(inside: str, *, negated: bool) -> str:
    """A set of characters and ranges; it never matches `/`, and a range from high to low holds nothing."""
    parts = re.findall(r"(.)-(.)|(.)", inside, re.DOTALL)
    items = [
        re.escape(one) if one else f"{re.escape(low)}-{re.escape(high)}"
        for low, high, one in parts
        if low <= high or one
    ]
    if not items:
        return "[^/]" if negated else "(?!)"
    return f"(?!/)[{'^' if negated else ''}{''.join(items)}]"


def _fixed_directory(pattern: str) -> str:
    """The pattern up to and including the last `/` before its first wildcard."""
    first = next((index for index, character in enumerate(pattern) if character in WILDCARDS), len(pattern))
    return pattern[: pattern.rindex("/", 0, first) + 1]


def _files(task_directory: Path) -> Iterator[tuple[Path, str]]:
    """Regular files below the task directory by their paths without links, with the names they have there.

    Symbolic links are not followed out of it.
    """
    root = task_directory.resolve()
    for directory, _, names in os.walk(root):
        for name in names:
            path = Path(directory, name)
            real = path.resolve()
            if real.is_file() and real.is_relative_to(root):
                yield real, f"/{path.relative_to(root).as_posix()}"
