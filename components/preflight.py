"""What only the files, the table of sizes and the calendar tell of pools: found before any resource is made.

Does not own the rules of single settings and of settings among one another: those stand beside the settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from batchite import autoscale
from components import images, sizes
from components.lifetimes import End, judge, stale
from components.pool_inputs import preset, vm_size
from components.pool_settings import PoolSettings
from components.validation import Problem, SettingsError

MOST_SLOTS = 4
"""Task slots that Batch takes for each vCPU of a node (256 a node at most). Source: "Run tasks concurrently"."""
_FILE = "must be a file of this repository"


def today() -> date:
    """The day on which images and sizes are judged."""
    return datetime.now(UTC).date()


def problems(settings: PoolSettings, day: date, root: Path = Path()) -> Iterator[Problem]:
    """What is wrong with the settings of a pool on that day; keys are relative to them."""
    for check in checks(day, root):
        yield from check(settings)


def checks(day: date, root: Path = Path()) -> tuple[Callable[[PoolSettings], Iterator[Problem]], ...]:
    """The same in parts, each of which reads few settings."""
    return (
        partial(_scripts, root=root),
        partial(_formula, root=root),
        _choice,
        *(partial(_of_machine, rule=rule, day=day) for rule in _MACHINE),
    )


def _choice(settings: PoolSettings) -> Iterator[Problem]:
    """Whether there is a size that has what is wished for."""
    try:
        vm_size(settings)
    except SettingsError as error:
        yield from error.problems


def _of_machine(settings: PoolSettings, rule: _MachineRule, day: date) -> Iterator[Problem]:
    try:
        size = vm_size(settings)
    except SettingsError:
        return  # Told by _choice.
    yield from rule(settings, size, day)


def stale_dates(day: date) -> Iterator[str]:
    """What to look up again: the service goes on retiring things while a fork of this repository stands still."""
    checked = {"images (components/images.py)": images.CHECKED_ON, "sizes (components/sizes.py)": sizes.CHECKED_ON}
    yield from filter(None, (stale(what, when, day) for what, when in checked.items()))


def ended(settings: PoolSettings, size: str, day: date) -> Iterator[Problem]:
    """Image and size that are past their end on that day, and what the size is too small or too old for."""
    for rule in _MACHINE:
        yield from rule(settings, size, day)


def _size_ends(_settings: PoolSettings, size: str, day: date) -> Iterator[Problem]:
    if refusal := judge(size, sizes.end_of(size), day).refusal:
        yield Problem("vmSize", size, refusal)


def _image_ends(settings: PoolSettings, _size: str, day: date) -> Iterator[Problem]:
    key, value, end = end_of_image(settings)
    if refusal := judge(value, end, day).refusal:
        yield Problem(key, value, refusal)


def _slots(settings: PoolSettings, size: str, _day: date) -> Iterator[Problem]:
    known = sizes.sizes().get(size.lower())
    if known and settings.task_slots_per_node > MOST_SLOTS * known.vcpus:
        rule = f"must be at most {MOST_SLOTS} for each of the {known.vcpus} vCPUs of {size}"
        yield Problem("taskSlotsPerNode", settings.task_slots_per_node, rule)


def _starts(settings: PoolSettings, size: str, _day: date) -> Iterator[Problem]:
    """Machine and image of one generation and architecture."""
    image, known = preset(settings), sizes.sizes().get(size.lower())
    if image and sizes.is_arm64(size):
        yield Problem("vmSize", size, f"is an arm64 machine, and {settings.image} an image for x64")
    if image and known and image.generation not in known.generations:
        runs = " and ".join(sorted(known.generations))
        yield Problem("vmSize", size, f"runs machines of generation {runs} only; {settings.image} needs another")


_MachineRule = Callable[[PoolSettings, str, date], Iterator[Problem]]
_MACHINE: tuple[_MachineRule, ...] = (_size_ends, _image_ends, _slots, _starts)


def ends(settings: PoolSettings, size: str) -> Iterator[tuple[str, End | None]]:
    """What a pool is made of that may end: its name, and its end where one is announced."""
    yield end_of_image(settings)[1:]
    yield size, sizes.end_of(size)


def end_of_image(settings: PoolSettings) -> tuple[str, str, End | None]:
    """Key, value and end of the image, or of the agent of one that is not ours."""
    if image := preset(settings):
        return "image", settings.image, image.end
    return "nodeAgentSkuId", settings.node_agent, images.end_of_agent(settings.node_agent)


def read_formula(path: str, root: Path = Path()) -> str:
    """The formula in a file of this repository. Raises SettingsError: no such file, or the place of a syntax error."""
    try:
        text = (root / path).read_text(encoding="utf-8")
        autoscale.parse(text)
    except (OSError, UnicodeDecodeError):
        rule = _FILE
    except autoscale.FormulaError as error:
        rule = f"is no formula: {error}"
    else:
        return text
    raise SettingsError("Autoscale formula", [Problem("formulaFile", path, rule)])


def _scripts(settings: PoolSettings, root: Path) -> Iterator[Problem]:
    for path in settings.start_task.files(windows=settings.windows):
        if not (root / path).is_file():
            yield Problem("startTask.scripts", path, _FILE)


def _formula(settings: PoolSettings, root: Path) -> Iterator[Problem]:
    if settings.formula_file:
        try:
            read_formula(settings.formula_file, root)
        except SettingsError as error:
            yield from (replace(problem, key="formulaFile") for problem in error.problems)
