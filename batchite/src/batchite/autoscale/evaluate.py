"""Evaluation of a formula: pure, the same inputs always give the same result."""

from __future__ import annotations

import random
from dataclasses import dataclass
from math import trunc

from batchite.autoscale.errors import EvaluationError, InsufficientSampleDataError
from batchite.autoscale.functions import FUNCTIONS, METHODS, Context, Stop, call
from batchite.autoscale.samples import History, Metrics, TooFewSamplesError
from batchite.autoscale.tree import (
    Binary,
    Call,
    Conditional,
    Expression,
    Formula,
    Member,
    MethodCall,
    Name,
    Number,
    Statement,
    Text,
    Unary,
)
from batchite.autoscale.values import (
    CONSTANTS,
    Option,
    RefusedError,
    Timestamp,
    Value,
    change,
    combine,
    show,
    timestamp,
)
from batchite.autoscale.variables import (
    ALIASES,
    DEALLOCATION,
    OPTIONS,
    REQUEUE,
    TARGET_DEDICATED,
    TARGET_SPOT,
    WRITABLE,
    full_name,
    is_metric,
    is_target,
)


@dataclass(frozen=True, slots=True)
class Targets:
    """A pool's node counts."""

    dedicated: int = 0
    spot: int = 0


@dataclass(frozen=True, slots=True)
class RunError:
    """Why an evaluation failed: `autoScaleRun.error` on the wire; `values` are pairs of name and value."""

    code: str
    message: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation gives. After an error the targets are the pool's current ones."""

    targets: Targets
    deallocation: str
    results: str
    error: RunError | None = None


def evaluate(formula: Formula, metrics: Metrics, now: float, targets: Targets) -> Evaluation:
    """Evaluate at `now` (Unix seconds of service time) for a pool whose current targets are given. Never raises."""
    run = _Run(metrics, now, targets)
    try:
        run.execute(formula)
        reached, option = run.targets(), run.deallocation()
        return Evaluation(reached, option, _results(reached, option, run.user_variables()))
    except EvaluationError as failed:
        error = RunError(failed.code, failed.summary, (("Message", str(failed)),))
        return Evaluation(targets, REQUEUE, _results(targets, REQUEUE, {}), error)


def constant(expression: Expression, variables: dict[str, Value]) -> Value | None:
    """The value of an expression that needs no sample, no clock and no unknown variable; else None."""
    run = _Constants(variables)
    try:
        return run.value(expression)
    except (EvaluationError, Stop):
        return None


def _results(targets: Targets, option: str, variables: dict[str, Value]) -> str:
    """The service's result string: the three it always names, then user variables in ordinal order."""
    fixed = [f"{TARGET_DEDICATED}={targets.dedicated}", f"{TARGET_SPOT}={targets.spot}", f"{DEALLOCATION}={option}"]
    return ";".join(fixed + [f"{name}={show(variables[name])}" for name in sorted(variables)])


class _Run:
    def __init__(self, metrics: Metrics, now: float, targets: Targets) -> None:
        self._metrics = metrics
        self._now = now
        self._current = {TARGET_DEDICATED: float(targets.dedicated), TARGET_SPOT: float(targets.spot)}
        # rand() is seeded by the time of the evaluation, so that an evaluation can be repeated.
        self._context = Context(timestamp(now), random.Random(now).random)  # noqa: S311 - not for secrets
        self._variables: dict[str, Value] = {}

    def execute(self, formula: Formula) -> None:
        try:
            for statement in formula.statements:
                self._execute(statement)
        except Stop:
            return

    def targets(self) -> Targets:
        return Targets(*(int(self._target(name)) for name in (TARGET_DEDICATED, TARGET_SPOT)))

    def deallocation(self) -> str:
        return show(self._variables.get(DEALLOCATION, Option(REQUEUE)))

    def user_variables(self) -> dict[str, Value]:
        return {name: value for name, value in self._variables.items() if full_name(name) not in WRITABLE}

    def _execute(self, statement: Statement) -> None:
        try:
            value = self.value(statement.value)
            if statement.name is not None:
                self._variables[statement.name] = _stored(statement.name, value)
        except RefusedError as refused:
            raise EvaluationError(str(refused), *statement.at) from None

    def _target(self, name: str) -> float:
        """A target's value now: the full name wins over its alias, an assignment over the pool's current target."""
        for spelling in (name, *(alias for alias, full in ALIASES.items() if full == name)):
            if spelling in self._variables:
                value = self._variables[spelling]
                return value if isinstance(value, float) else 0.0
        return self._current[name]

    def value(self, node: Expression) -> Value:
        """The value of an expression. Raises EvaluationError at the place of what failed, and Stop."""
        try:
            return self._value(node)
        except RefusedError as refused:
            raise EvaluationError(str(refused), *node.at) from None

    def _value(self, node: Expression) -> Value:  # noqa: PLR0911 - one return for each kind of node
        match node:
            case Number() | Text():
                return node.value
            case Name():
                return self._read(node)
            case Unary():
                return change(node.operator, self.value(node.operand))
            case Binary():
                return combine(node.operator, self.value(node.left), self.value(node.right))
            case Conditional():
                return self.value(node.then if self._holds(node.test) else node.otherwise)
            case Call():
                return self._call(node)
            case MethodCall():
                return self._method(node)
            case Member():
                return self._member(node)

    def _call(self, node: Call) -> Value:
        return call(node.function, FUNCTIONS[node.function], self._context, [self.value(a) for a in node.arguments])

    def _holds(self, test: Expression) -> bool:
        value = self.value(test)
        if not isinstance(value, float):
            raise RefusedError("the condition of ?: must be a double")
        return value != 0

    def _member(self, node: Member) -> Value:
        value = self.value(node.value)
        if not isinstance(value, Timestamp):
            raise RefusedError(f"{node.member} is a member of a timestamp only")
        return value.member(node.member)

    def _read(self, node: Name) -> Value:
        name = node.name
        if is_target(name):
            return self._target(full_name(name))
        if name in self._variables:
            return self._variables[name]
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name in OPTIONS:
            return Option(name)
        if is_metric(name):
            return self._metric(name)
        if name == DEALLOCATION:
            return Option(REQUEUE)
        raise RefusedError(f"{name} is not a service variable and was not assigned")

    def _metric(self, name: str) -> float:
        """A metric read without a method: its current value where known, else the newest visible sample."""
        current = self._metrics.current.get(full_name(name))
        if current is not None:
            return float(current)
        newest = History(self._metrics, name, self._now).latest(1)
        if not newest:
            raise RefusedError(f"there is no sample of {name} yet")
        return newest[0]

    def _method(self, node: MethodCall) -> Value:
        if not is_metric(node.variable):
            raise RefusedError(
                f"{node.method} can be called on a sampled service variable only; {node.variable} is none"
            )
        arguments = [self.value(argument) for argument in node.arguments]
        history = History(self._metrics, node.variable, self._now)
        try:
            return call(node.method, METHODS[node.method], history, arguments)
        except TooFewSamplesError as few:
            detail = (
                f"Insufficient data from data set: {node.variable} wanted {few.wanted:g}%, received {few.received:g}%"
            )
            raise InsufficientSampleDataError(detail, *node.opening) from None


class _Constants(_Run):
    """Knows the given variables only."""

    def __init__(self, variables: dict[str, Value]) -> None:
        super().__init__(Metrics({}, 0.0), 0.0, Targets())
        self._variables = variables

    def _call(self, node: Call) -> Value:
        if node.function == "rand" or (node.function == "time" and not node.arguments):
            raise RefusedError("not constant")
        return super()._call(node)

    def _target(self, name: str) -> float:
        raise RefusedError("not constant")

    def _metric(self, name: str) -> float:
        raise RefusedError("not constant")

    def _method(self, node: MethodCall) -> Value:
        raise RefusedError("not constant")


def _stored(name: str, value: Value) -> Value:
    """The value as the variable keeps it: node counts whole, cut toward zero. Raises RefusedError for a wrong kind."""
    if is_target(name):
        if not isinstance(value, float):
            raise RefusedError(f"{name} must be a double")
        if trunc(value) < 0:
            raise RefusedError(f"{name} must not be negative, got {show(value)}")
        return float(trunc(value))
    if (name == DEALLOCATION) != isinstance(value, Option):
        raise RefusedError(f"a deallocation option ({', '.join(OPTIONS)}) goes with {DEALLOCATION} and nothing else")
    return value
