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


def has_wildcard(pattern: str) -> bool:
    """Whether the pattern may match several files."""
    return any(character in WILDCARDS for character in pattern)


def matches(pattern: str, task_directory: Path, working_directory: str = "wd") -> list[tuple[Path, str]]:
    """Files that match, sorted, each with the part of its path after the pattern's fixed leading directories.

    That part becomes the blob's name below the destination's path.
    """
    absolute = os.path.normpath(f"/{working_directory}/{pattern}" if not pattern.startswith("/") else pattern)
    expression = re.compile(translate(absolute))
    base = _fixed_directory(absolute)
    found = [
        (path, relative[len(base) :]) for path, relative in _files(task_directory) if expression.fullmatch(relative)
    ]
    return sorted(found, key=lambda pair: pair[1])


def translate(pattern: str) -> str:
    """The pattern as a regular expression over `/`-separated paths."""
    parts, position = [], 0
    token = re.compile(r"\*\*/|\*\*|\*|\?|\[!?[^\]]+\]|.", re.DOTALL)
    while (match := token.match(pattern, position)) is not None:
        parts.append(_translate_token(match.group()))
        position = match.end()
    return "".join(parts)


def _translate_token(token: str) -> str:
    fixed = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    if token in fixed:
        return fixed[token]
    if token.startswith("[") and len(token) > 1:
        negated = token.startswith("[!")
        inside = token[2:-1] if negated else token[1:-1]
        return f"[{'^' if negated else ''}{inside.replace(chr(92), chr(92) * 2).replace('^', chr(92) + '^')}]"
    return re.escape(token)


def _fixed_directory(pattern: str) -> str:
    """The pattern up to and including the last `/` before its first wildcard."""
    first = next((index for index, character in enumerate(pattern) if character in WILDCARDS), len(pattern))
    return pattern[: pattern.rindex("/", 0, first) + 1]


def _files(task_directory: Path) -> Iterator[tuple[Path, str]]:
    """Regular files below the task directory; symbolic links are not followed out of it."""
    root = task_directory.resolve()
    for directory, _, names in os.walk(root):
        for name in names:
            path = Path(directory, name)
            if path.is_file() and path.resolve().is_relative_to(root):
                yield path, f"/{path.relative_to(root).as_posix()}"
