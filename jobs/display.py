"""What a human sees, on stderr: a progress bar on a terminal, plain lines anywhere else."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from jobs.progress import Counts

LINE_SECONDS = 5.0  # between two plain lines, so that a log of a long job stays short


class View(Protocol):
    """Shows a job's progress."""

    def update(self, counts: Counts, total: int, retries: int, requeues: int) -> None:
        """Show new numbers."""
        ...

    def say(self, text: str) -> None:
        """Write a line."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def make_view(console: Console) -> View:
    """The view that suits a console."""
    if console.is_terminal:
        return BarView(console)
    return LineView(lambda text: console.print(text, markup=False, soft_wrap=True))


def numbers(counts: Counts, retries: int, requeues: int) -> str:
    """Counts in words; retries and requeues only where there were some."""
    parts = [
        f"{counts.active} waiting",
        f"{counts.running} running",
        f"{counts.succeeded} done",
        f"{counts.failed} failed",
    ]
    again = [(retries, "retries"), (requeues, "requeued")]
    return ", ".join(parts + [f"{number} {name}" for number, name in again if number])


class LineView:
    """Plain lines, at most one every few seconds, and always the last one."""

    def __init__(self, write: Callable[[str], None], now: Callable[[], float] = time.monotonic) -> None:
        self.write = write
        self.now = now
        self.written_at = float("-inf")
        self.last = ""

    def update(self, counts: Counts, total: int, retries: int, requeues: int) -> None:
        """See View."""
        line = f"{counts.done}/{total} tasks: {numbers(counts, retries, requeues)}"
        over = counts.done == total or self.now() - self.written_at >= LINE_SECONDS
        if total and line != self.last and over:
            self.last, self.written_at = line, self.now()
            self.write(line)

    def say(self, text: str) -> None:
        """See View."""
        self.write(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class BarView:
    """A progress bar that stays at the bottom while lines pass above it."""

    def __init__(self, console: Console) -> None:
        self.bar = Progress(
            TextColumn("[bold]tasks"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[numbers]}"),
            console=console,
        )
        self.row = self.bar.add_task("tasks", total=None, numbers="")

    def update(self, counts: Counts, total: int, retries: int, requeues: int) -> None:
        """See View."""
        text = numbers(counts, retries, requeues)
        self.bar.update(self.row, completed=counts.done, total=total or None, numbers=text)

    def say(self, text: str) -> None:
        """See View."""
        self.bar.console.print(text, markup=False, soft_wrap=True)

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()
