"""Evaluating a pool's formula: on enabling, and every interval."""

from __future__ import annotations

from dataclasses import replace

from batchite import autoscale
from batchite.scheduler import allocation
from batchite.scheduler.model import AutoScaleRun, Detail, PoolKey, PoolState
from batchite.scheduler.samples import PERIOD, PHASE
from batchite.scheduler.turn import Turn


def enable(turn: Turn, key: PoolKey) -> None:
    """Start an empty metric history and the schedule, and evaluate at once (documented)."""
    sampling = bool(turn.samples.pools)
    turn.samples.start(key, turn.now.service)
    if not sampling:
        _sample_at(turn, turn.now.service + PHASE)
    due(turn, turn.world.pools[key])


def due(turn: Turn, pool: PoolState) -> None:
    """Evaluate and set the timer of the next evaluation."""
    assert pool.autoscale is not None
    turn.origin = f"AutoScale {pool.id}"
    apply(turn, pool)
    interval = pool.autoscale.interval
    started = turn.samples.pools[pool.key].started
    turn.timers.at_service(turn.now.service + interval, "autoscale", pool.key, started)


def apply(turn: Turn, pool: PoolState) -> None:
    """Take the formula's targets; a failed evaluation changes nothing but the run that is shown."""
    assert pool.autoscale is not None
    evaluation = evaluate(turn, pool, pool.autoscale.formula)
    run = to_run(evaluation, turn.now.wire)
    if evaluation.error is not None:
        turn.put(replace(pool, autoscale_run=run))
        return
    changed = replace(
        pool,
        autoscale_run=run,
        target_dedicated=max(0, evaluation.targets.dedicated),
        target_spot=max(0, evaluation.targets.spot),
        deallocation=evaluation.deallocation,
        resize_errors=(),
    )
    turn.put(changed)
    allocation.reconcile(turn, changed)


def evaluate(turn: Turn, pool: PoolState, formula: str) -> autoscale.Evaluation:
    """Evaluate any formula on the pool's metrics, changing nothing."""
    metrics = turn.samples.metrics(turn.world, pool.key, turn.now.service)
    present = autoscale.Targets(dedicated=pool.target_dedicated, spot=pool.target_spot)
    return autoscale.evaluate(autoscale.parse(formula), metrics, turn.now.service, present)


def to_run(evaluation: autoscale.Evaluation, at: float) -> AutoScaleRun:
    """The evaluation as the pool shows it."""
    error = evaluation.error
    if error is None:
        return AutoScaleRun(at=at, results=evaluation.results)
    values = tuple(Detail(name, value) for name, value in error.values)
    return AutoScaleRun(at, evaluation.results, error.code, error.message, values)


def sample(turn: Turn) -> None:
    """Take the samples of this moment and set the timer of the next ones, while any pool wants them."""
    if turn.samples.pools:
        turn.samples.take(turn.world, turn.now.service)
        _sample_at(turn, turn.now.service + PERIOD)


def _sample_at(turn: Turn, at: float) -> None:
    turn.samples.next_at = at
    turn.timers.at_service(at, "sample", None, at)
