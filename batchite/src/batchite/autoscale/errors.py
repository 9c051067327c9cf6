"""What can be wrong with a formula: always a place in its text and a sentence, under the service's own error codes."""

from __future__ import annotations

from typing import ClassVar, NamedTuple


class Position(NamedTuple):
    """A place in a formula: line and column, both counted from 1."""

    line: int
    column: int


class FormulaError(Exception):
    """The formula is not valid. `code` is the service's error code."""

    code: ClassVar[str] = "AutoScalingFormulaSyntaxError"

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message, line, column)
        self.message = message
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return f"Line {self.line}, Col {self.column}: {self.message}"

    def render(self, text: str) -> str:
        """The message with the line of `text` it speaks of and a caret under the column."""
        lines = text.split("\n")
        source = lines[self.line - 1].rstrip("\r") if self.line <= len(lines) else ""
        before = "".join(character if character == "\t" else " " for character in source[: self.column - 1])
        return f"{self}\n{source}\n{before}^"


class FormulaTooLongError(FormulaError):
    """More than the 8192 characters the service takes."""

    code = "AutoScaleFormulaTooLong"


class EvaluationError(FormulaError):
    """The formula is valid but this evaluation of it failed."""

    code = "AutoScalingFormulaEvaluationError"
    summary: ClassVar[str] = "Autoscale evaluation failed"


class InsufficientSampleDataError(EvaluationError):
    """Fewer samples than wanted were visible in the window of a GetSample call."""

    code = "InsufficientSampleData"
    summary = "Autoscale evaluation failed due to insufficient sample data"
