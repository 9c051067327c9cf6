"""The functions and methods of the language: one table of signatures, matched in one place.

Functions receive the evaluation's `Context`, methods the `History` of their variable. A list parameter takes one or
more double and doubleVec values, flattened into one vector.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from batchite.autoscale.samples import DEFAULT_PERCENT, PERIOD, History
from batchite.autoscale.values import (
    TICKS_PER_SECOND,
    Interval,
    RefusedError,
    Timestamp,
    Type,
    Value,
    Vector,
    finite,
    parse_time,
    type_of,
)

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Context:
    """What functions may know: the evaluation's time and its random numbers."""

    now: Timestamp
    random: Callable[[], float]


class Stop(Exception):  # noqa: N818 - ends the evaluation, nothing is wrong
    """stop() was called: what was assigned so far stands."""


@dataclass(frozen=True, slots=True)
class Signature(Generic[C]):
    """One way to call: allowed types of each parameter, result type, function. `listed`: one list parameter."""

    parameters: tuple[frozenset[Type], ...]
    result: Type
    call: Callable[[C, Sequence[Any]], Value]
    listed: bool = False

    def takes(self, count: int) -> bool:
        """Whether the number of arguments fits."""
        return count >= 1 if self.listed else count == len(self.parameters)

    def accepts(self, types: Sequence[Type]) -> bool:
        """Whether number and types of the arguments fit."""
        if self.listed:
            return bool(types) and all(kind in _NUMERIC for kind in types)
        return len(types) == len(self.parameters) and all(map(frozenset.__contains__, self.parameters, types))


_DOUBLE = frozenset({Type.DOUBLE})
_VECTOR = frozenset({Type.VECTOR})
_STRING = frozenset({Type.STRING})
_BOUND = frozenset({Type.INTERVAL, Type.TIMESTAMP})
_NUMERIC = frozenset({Type.DOUBLE, Type.VECTOR})
_NOW = Interval(0)


def flatten(values: Sequence[float | Vector]) -> Vector:
    """A list argument as one vector."""
    return tuple(number for value in values for number in (value if isinstance(value, tuple) else (value,)))


def _of_list(function: Callable[[Vector], float]) -> tuple[Signature[Context], ...]:
    return (Signature((), Type.DOUBLE, lambda _, values: function(flatten(values)), listed=True),)


def _each(function: Callable[[float], float]) -> tuple[Signature[Context], ...]:
    """A function of a double, and of a list component by component."""
    return (
        Signature((_DOUBLE,), Type.DOUBLE, lambda _, values: function(values[0])),
        Signature((), Type.VECTOR, lambda _, values: tuple(map(function, flatten(values))), listed=True),
    )


def _filled(function: Callable[[Vector], float], at_least: int = 1) -> Callable[[Vector], float]:
    """The function, refused for a vector with fewer elements than it needs."""

    def apply(vector: Vector) -> float:
        if len(vector) < at_least:
            raise RefusedError("the vector is empty" if not vector else "one element is not enough")
        return function(vector)

    return apply


def _average(vector: Vector) -> float:
    return math.fsum(vector) / len(vector)


def _deviation(vector: Vector) -> float:
    mean = _average(vector)
    return math.sqrt(math.fsum((number - mean) ** 2 for number in vector) / (len(vector) - 1))


def _range(vector: Vector) -> float:
    return max(vector) - min(vector)


def _logarithm(function: Callable[[float], float]) -> Callable[[float], float]:
    def apply(number: float) -> float:
        if number <= 0:
            raise RefusedError("the logarithm needs a number above zero")
        return function(number)

    return apply


def _round(number: float) -> float:
    return math.copysign(math.floor(abs(number) + 0.5), number)


def _percentile(vector: Vector, percent: float) -> float:
    """Linear interpolation between the two nearest ranks."""
    if not vector or not 0 <= percent <= 100:
        raise RefusedError("percentile needs a vector that is not empty and a number from 0 to 100")
    ordered = sorted(vector)
    place = percent / 100 * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _element(vector: Vector, index: float) -> float:
    """0 beyond the vector's ends: a published run did not fail at val(GetSample(1), 0) without samples."""
    return vector[int(index)] if 0 <= int(index) < len(vector) else 0.0


def _stop(_: Context, __: Sequence[Any]) -> Value:
    raise Stop


def _time(context: Context, values: Sequence[str]) -> Value:
    return parse_time(values[0]) if values and values[0] else context.now


FUNCTIONS: Mapping[str, tuple[Signature[Context], ...]] = {
    "avg": _of_list(_filled(_average)),
    "len": _of_list(lambda vector: float(len(vector))),
    "max": _of_list(_filled(max)),
    "min": _of_list(_filled(min)),
    "norm": _of_list(lambda vector: math.hypot(*vector)),
    "range": _of_list(_filled(_range)),
    "std": _of_list(_filled(_deviation, at_least=2)),
    "sum": _of_list(math.fsum),
    "lg": _each(_logarithm(math.log2)),
    "ln": _each(_logarithm(math.log)),
    "log": _each(_logarithm(math.log10)),
    "ceil": _each(lambda number: float(math.ceil(number))),
    "floor": _each(lambda number: float(math.floor(number))),
    "round": _each(_round),
    "percentile": (Signature((_VECTOR, _DOUBLE), Type.DOUBLE, lambda _, values: _percentile(values[0], values[1])),),
    "val": (Signature((_VECTOR, _DOUBLE), Type.DOUBLE, lambda _, values: _element(values[0], values[1])),),
    "rand": (Signature((), Type.DOUBLE, lambda context, _: context.random()),),
    "stop": (Signature((), Type.DOUBLE, _stop),),
    "time": (Signature((), Type.TIMESTAMP, _time), Signature((_STRING,), Type.TIMESTAMP, _time)),
}
LATE_FUNCTIONS = frozenset({"ceil", "floor", "round"})  # absent from the documentation up to 2021

METHODS: Mapping[str, tuple[Signature[History], ...]] = {
    "GetSample": (
        Signature((_DOUBLE,), Type.VECTOR, lambda history, v: history.latest(v[0])),
        Signature((_BOUND,), Type.VECTOR, lambda history, v: history.window(v[0], _NOW, DEFAULT_PERCENT)),
        Signature((_BOUND, _DOUBLE), Type.VECTOR, lambda history, v: history.window(v[0], _NOW, v[1])),
        Signature((_BOUND, _BOUND), Type.VECTOR, lambda history, v: history.window(v[0], v[1], DEFAULT_PERCENT)),
        Signature((_BOUND, _BOUND, _DOUBLE), Type.VECTOR, lambda history, v: history.window(v[0], v[1], v[2])),
    ),
    "GetSamplePercent": (
        Signature((_BOUND,), Type.DOUBLE, lambda history, v: history.percent(v[0], _NOW)),
        Signature((_BOUND, _BOUND), Type.DOUBLE, lambda history, v: history.percent(v[0], v[1])),
    ),
    "GetSamplePeriod": (Signature((), Type.INTERVAL, lambda _, __: Interval(int(PERIOD) * TICKS_PER_SECOND)),),
    "Count": (Signature((), Type.DOUBLE, lambda history, _: history.count()),),
    "HistoryBeginTime": (Signature((), Type.TIMESTAMP, lambda history, _: history.begin()),),
}


def check_count(name: str, signatures: Sequence[Signature[C]] | None, count: int) -> None:
    """RefusedError when the name is unknown or is never called with so many arguments."""
    if signatures is None:
        raise RefusedError(f"{name} is not a function of the language")
    if not any(signature.takes(count) for signature in signatures):
        raise RefusedError(f"{name} does not take {count} argument{'s' if count != 1 else ''}")


def resolve(name: str, signatures: Sequence[Signature[C]], types: Sequence[Type]) -> Signature[C]:
    """The signature that fits the arguments. Raises RefusedError when none does."""
    for signature in signatures:
        if signature.accepts(types):
            return signature
    raise RefusedError(f"{name}({', '.join(kind.value for kind in types)}) is not in the language")


def call(name: str, signatures: Sequence[Signature[C]], context: C, values: Sequence[Value]) -> Value:
    """The value of a call. Raises RefusedError, and what the function itself raises."""
    signature = resolve(name, signatures, [type_of(value) for value in values])
    try:
        return finite(signature.call(context, values))
    except OverflowError:
        raise RefusedError("the result is not a finite number") from None
