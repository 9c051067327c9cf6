"""Reading YAML so that every complaint can name its line: typed access to nodes, problems collected on the way.

Nothing here raises for a bad value: it is noted in `problems` and a neutral value is returned, so that one run finds
everything that is wrong.
"""

import re
from collections.abc import Collection

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from jobs.errors import Problem

Scalar = str | int | float
NUMBER_TAGS = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
TEXT_TAG = "tag:yaml.org,2002:str"


def line_of(node: Node) -> int:
    """Line of a node, counted from 1."""
    return int(node.start_mark.line) + 1


def compose(text: str) -> Node | Problem:
    """The node tree of a YAML document, or what keeps it from being one."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return Problem(line, "", f"not YAML: {error.problem or error.context}")
    except yaml.YAMLError as error:
        return Problem(1, "", f"not YAML: {error}")
    return root if root is not None else Problem(1, "", "the file is empty")


class Reader:
    """Typed access to YAML nodes; `problems` holds what did not fit."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def note(self, node: Node, path: str, message: str) -> None:
        """Remember a problem at a node."""
        self.problems.append(Problem(line_of(node), path, message))

    def entries(self, node: Node, path: str, what: str) -> dict[str, Node]:
        """The entries of a mapping with free keys; a key given twice is a problem."""
        if not isinstance(node, MappingNode):
            self.note(node, path, f"must be a mapping ({what}), not {describe(node)}")
            return {}
        found: dict[str, Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in found:
                self.note(key, join(path, name), "is given twice")
            found[name] = value
        return found

    def mapping(self, node: Node, path: str, required: Collection[str], optional: Collection[str]) -> dict[str, Node]:
        """The entries of a mapping with known keys."""
        allowed = [*required, *optional]
        found = self.entries(node, path, ", ".join(allowed))
        for name, value in found.items():
            if name not in allowed:
                self.note(value, join(path, name), f"is not known here; allowed: {', '.join(allowed)}")
        if isinstance(node, MappingNode):
            for name in required:
                if name not in found:
                    self.note(node, join(path, name), "is missing")
        return found

    def items(self, node: Node, path: str, what: str) -> list[Node]:
        """The items of a sequence."""
        if isinstance(node, SequenceNode):
            return list(node.value)
        self.note(node, path, f"must be a list of {what}, not {describe(node)}")
        return []

    def text(self, node: Node, path: str, pattern: str = "", hint: str = "") -> str:
        """A scalar as text; with a pattern, `hint` says what is allowed."""
        if not isinstance(node, ScalarNode) or not node.value:
            self.note(node, path, f"must be text, not {describe(node)}")
            return ""
        value = str(node.value)
        if pattern and not re.fullmatch(pattern, value):
            self.note(node, path, f"is {value!r}; allowed: {hint}")
        return value

    def integer(self, node: Node, path: str, low: int, high: int) -> int:
        """A whole number between two bounds, both included."""
        value = scalar(node)
        if isinstance(value, int) and low <= value <= high:
            return value
        self.note(node, path, f"must be a whole number from {low} to {high}, not {describe(node)}")
        return low

    def number(self, node: Node, path: str) -> int | float:
        """A number, whole or decimal."""
        value = scalar(node)
        if isinstance(value, int | float):
            return value
        self.note(node, path, f"must be a number, not {describe(node)}")
        return 0


def scalar(node: Node) -> Scalar | None:
    """The value of a text or number node; None for anything else (including true, false and null)."""
    if not isinstance(node, ScalarNode):
        return None
    if node.tag == TEXT_TAG:
        return str(node.value)
    if node.tag not in NUMBER_TAGS:
        return None
    value = yaml.safe_load(node.value)
    return value if isinstance(value, int | float) else None


def describe(node: Node) -> str:
    """What a node is, for a message."""
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    return repr(node.value) if node.value else "empty"


def join(path: str, name: str) -> str:
    """The path of a property inside another."""
    return f"{path}.{name}" if path else name
