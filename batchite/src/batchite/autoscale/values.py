"""The values of the language, how they are written in results, and what operators make of them.

A double is a float, a doubleVec a tuple of floats, a string a str. Times count ticks of 100 ns, the language's
smallest interval.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any, TypeAlias

TICKS_PER_SECOND = 10_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 10_000 * 366 * 86_400 * TICKS_PER_SECOND

MEMBERS = ("year", "month", "day", "weekday", "hour", "minute", "second")


class RefusedError(Exception):
    """An operation or function that these values do not allow; the evaluator adds the place."""


class Type(Enum):
    """The types of the language, by their documented names."""

    DOUBLE = "double"
    VECTOR = "doubleVec"
    STRING = "string"
    TIMESTAMP = "timestamp"
    INTERVAL = "timeinterval"
    OPTION = "deallocation option"


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """A moment, UTC: ticks since 1970."""

    ticks: int

    def member(self, name: str) -> float:
        """One of MEMBERS; weekday is 1 for Monday to 7 for Sunday."""
        moment = self.moment()
        return float(moment.isoweekday() if name == "weekday" else getattr(moment, name))

    def moment(self) -> datetime:
        """As a datetime, cut to microseconds. Raises RefusedError outside the years 1 to 9999."""
        try:
            return _EPOCH + timedelta(microseconds=self.ticks // 10)
        except OverflowError:
            raise RefusedError("the time is outside the years 1 to 9999") from None


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """A length of time in ticks; may be negative."""

    ticks: int

    def __post_init__(self) -> None:
        if abs(self.ticks) > _LONGEST:
            raise RefusedError("the time interval is longer than 10,000 years")


@dataclass(frozen=True, slots=True)
class Option:
    """A node deallocation option."""

    word: str


Vector: TypeAlias = tuple[float, ...]
Value: TypeAlias = float | Vector | str | Timestamp | Interval | Option

_TYPES = (
    (float, Type.DOUBLE),
    (tuple, Type.VECTOR),
    (str, Type.STRING),
    (Timestamp, Type.TIMESTAMP),
    (Interval, Type.INTERVAL),
    (Option, Type.OPTION),
)


def type_of(value: Value) -> Type:
    """The language's type of a value."""
    return next(name for python, name in _TYPES if isinstance(value, python))


_LENGTHS = {"Zero": 0, "100ns": 1, "Microsecond": 10, "Millisecond": 10_000}
_SECONDS = {"Second": 1, "Minute": 60, "Hour": 3_600, "Day": 86_400, "Week": 604_800, "Year": 365 * 86_400}
CONSTANTS = {
    f"TimeInterval_{name}": Interval(ticks)
    for name, ticks in (*_LENGTHS.items(), *((name, seconds * TICKS_PER_SECOND) for name, seconds in _SECONDS.items()))
}


def timestamp(seconds: float) -> Timestamp:
    """A moment given in Unix seconds, to the microsecond (a float holds no more)."""
    return Timestamp(round(seconds * 1_000_000) * 10)


def show(value: Value) -> str:
    """The value as the result string writes it: six significant digits, `[1,2]`, milliseconds and Z."""
    match value:
        case float():
            return f"{value + 0.0:g}"
        case tuple():
            return f"[{','.join(map(show, value))}]"
        case Timestamp():
            moment = value.moment()
            return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z".rjust(24, "0")
        case Interval():
            seconds, rest = divmod(abs(value.ticks), TICKS_PER_SECOND)
            fraction = f".{rest:07d}".rstrip("0") if rest else ""
            return f"{'-' if value.ticks < 0 else ''}PT{seconds}{fraction}S"
        case Option():
            return value.word
        case str():
            return value


_DATE_TIME = re.compile(r"\d{4}(-\d{2}(-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2}))?)?)?", re.ASCII)
_RFC1123 = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT", re.ASCII)


def parse_time(text: str) -> Timestamp:
    """A W3C-DTF time (at most six digits of fraction, as the service) or one of RFC 1123. Raises RefusedError."""
    try:
        if _RFC1123.fullmatch(text):
            return _timestamp(parsedate_to_datetime(text))
        if _DATE_TIME.fullmatch(text):
            return _timestamp(_w3c(text))
    except (ValueError, OverflowError):
        raise RefusedError(f'"{text}" is not a date that exists') from None
    raise RefusedError(f'"{text}" is no time: write 2026-01-05T10:00:00Z (a fraction has at most 6 digits) or RFC 1123')


def _w3c(text: str) -> datetime:
    if "T" in text:
        whole, point, rest = text.partition(".")
        if not point:
            return datetime.fromisoformat(text)
        digits = re.match(r"\d+", rest)
        count = digits.end() if digits else 0
        return datetime.fromisoformat(f"{whole}.{rest[:count]:0<6}{rest[count:]}")
    return datetime.fromisoformat((text + "-01-01")[:10]).replace(tzinfo=UTC)


def _timestamp(moment: datetime) -> Timestamp:
    return Timestamp((moment - _EPOCH) // timedelta(microseconds=1) * 10)


def finite(value: Value) -> Value:
    """The value itself; RefusedError when it is infinite or not a number."""
    numbers = value if isinstance(value, tuple) else (value,)
    if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
        raise RefusedError("the result is not a finite number")
    return value


def _divide(left: float, right: float) -> float:
    if right == 0:
        raise RefusedError("division by zero")
    return left / right


_Arithmetic: TypeAlias = Callable[[float, float], float]
_ARITHMETIC: dict[str, _Arithmetic] = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": _divide}
_COMPARISON: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
    "!=": operator.ne,
}


def _scaled(function: _Arithmetic) -> Callable[[Any, Any], Value]:
    return lambda vector, number: tuple(function(element, number) for element in vector)


def _pairwise(function: _Arithmetic) -> Callable[[Any, Any], Value]:
    def apply(left: Vector, right: Vector) -> Value:
        if len(left) != len(right):
            raise RefusedError(f"the vectors have {len(left)} and {len(right)} elements")
        return tuple(map(function, left, right))

    return apply


def _compared(function: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Value]:
    return lambda left, right: float(function(left, right))


def _lengthened(function: _Arithmetic) -> Callable[[Any, Any], Value]:
    def apply(interval: Interval, number: float) -> Value:
        length = function(float(interval.ticks), number)
        if not math.isfinite(length):
            raise RefusedError("the result is not a finite number")
        return Interval(round(length))

    return apply


def _later(left: Timestamp | Interval, right: Timestamp | Interval) -> Timestamp:
    return Timestamp(left.ticks + right.ticks)


Operation: TypeAlias = tuple[Type, Callable[[Any, Any], Value]]
_D, _V, _S, _T, _I = Type.DOUBLE, Type.VECTOR, Type.STRING, Type.TIMESTAMP, Type.INTERVAL

# The documented table of operators: (operator, left, right) -> (result, function). What is not in it is refused.
OPERATIONS: dict[tuple[str, Type, Type], Operation] = {
    **{(sign, _D, _D): (_D, function) for sign, function in _ARITHMETIC.items()},
    **{(sign, _V, _D): (_V, _scaled(function)) for sign, function in _ARITHMETIC.items()},
    **{(sign, _V, _V): (_V, _pairwise(function)) for sign, function in _ARITHMETIC.items()},
    **{(s, kind, kind): (_D, _compared(f)) for s, f in _COMPARISON.items() for kind in (_D, _S, _T, _I)},
    ("&&", _D, _D): (_D, lambda left, right: float(left != 0 and right != 0)),
    ("||", _D, _D): (_D, lambda left, right: float(left != 0 or right != 0)),
    ("*", _D, _I): (_I, lambda factor, interval: _lengthened(operator.mul)(interval, factor)),
    ("*", _I, _D): (_I, _lengthened(operator.mul)),
    ("/", _I, _D): (_I, _lengthened(_divide)),
    ("+", _I, _I): (_I, lambda left, right: Interval(left.ticks + right.ticks)),
    ("-", _I, _I): (_I, lambda left, right: Interval(left.ticks - right.ticks)),
    ("+", _I, _T): (_T, _later),
    ("+", _T, _I): (_T, _later),
    ("-", _T, _T): (_I, lambda left, right: Interval(left.ticks - right.ticks)),
}
UNARY_OPERATIONS: dict[tuple[str, Type], tuple[Type, Callable[[Any], Value]]] = {
    ("-", _D): (_D, operator.neg),
    ("!", _D): (_D, lambda value: float(value == 0)),
    ("-", _I): (_I, lambda interval: Interval(-interval.ticks)),
}


def combine(sign: str, left: Value, right: Value) -> Value:
    """`left sign right`. Raises RefusedError when the language has no such operation or its result is not finite."""
    row = OPERATIONS.get((sign, type_of(left), type_of(right)))
    if row is None:
        raise RefusedError(f"{type_of(left).value} {sign} {type_of(right).value} is not an operation of the language")
    return finite(row[1](left, right))


def change(sign: str, value: Value) -> Value:
    """`-value` or `!value`. Raises RefusedError like `combine`."""
    row = UNARY_OPERATIONS.get((sign, type_of(value)))
    if row is None:
        raise RefusedError(f"{sign} {type_of(value).value} is not an operation of the language")
    return row[1](value)
