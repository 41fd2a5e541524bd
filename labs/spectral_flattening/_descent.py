"""The loop that all models with a quadratic loss share: f = <Delta, H[Delta]>/2, with H linear."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from labs.core.arrays import Array, array_namespace, check_finite, check_shape

SCHEDULES = ("constant", "halving", "line-search", "average-singular-value")
CEILING = 1e12


@dataclass(frozen=True)
class Trajectory:
    """What a run leaves, for each item of the batch.

    values       (..., steps + 1) the loss above its minimum, before each step and at the end.
    sizes        (..., steps) the step sizes that were taken; 0 from where a run has left.
    residual     (...) the certificate: the largest error of the descent identity
                 f(W) - f(W - eta X) = eta <G, X> - eta^2 <X, H[X]>/2 over all steps, relative to its largest term.
    checkpoints  {step: Delta before that step}; the last is the end.
    """

    values: Array
    sizes: Array
    residual: Array
    checkpoints: dict[int, Array]


@dataclass(frozen=True)
class Quadratic:
    """A quadratic loss as the loop sees it; `axes` are those of one item of Delta."""

    curvature: Callable[[Array], Array]  # H
    direction: Callable[[Array], Array]
    nuclear: Callable[[Array], tuple[Array, Array]]  # norm and rank
    smoothness: Array  # L
    axes: tuple[int, ...]


def run(
    model: Quadratic,
    delta: Array,
    steps: int,
    schedule: str | Array,
    size: float | Array,
    momentum: float,
    ceiling: float,
    checkpoints: Collection[int],
) -> Trajectory:
    """Take `steps` steps from `delta`; arguments as in `descend`."""
    _check(steps, schedule, size, momentum)
    xp = array_namespace(delta, model.smoothness)
    inner = partial(_inner, xp, model.axes)
    lift = (..., *[None] * len(model.axes))

    # All batch axes from the start, so that a run can be frozen by itself.
    delta = delta + 0.0 * (model.smoothness + size)[lift]
    if not isinstance(schedule, str):
        delta = delta + 0.0 * schedule[..., 0][lift]
    gradient, average = model.curvature(delta), 0.0 * delta
    value = 0.5 * inner(delta, gradient)
    values, sizes, residual, kept = [value], [], 0.0 * value, {}
    for step in range(steps):
        if step in checkpoints:
            kept[step] = delta
        average = momentum * average + gradient
        X = model.direction(average)
        slope, curved = inner(gradient, X), inner(X, model.curvature(X))
        eta = size * _shape_of_step(xp, model, schedule, step, gradient, slope, curved) + 0.0 * value
        eta = xp.where(xp.abs(value) <= ceiling, eta, 0.0)
        delta = delta - eta[lift] * X
        gradient = model.curvature(delta)
        after = 0.5 * inner(delta, gradient)
        gain, loss = eta * slope, 0.5 * eta * eta * curved
        largest = xp.max(xp.stack([xp.abs(t) for t in (value, after, gain, loss)]), axis=0)
        error = xp.abs(value - after - gain + loss) / xp.where(largest > 0.0, largest, 1.0)
        residual = xp.where(error > residual, error, residual)
        value = after
        values.append(value)
        sizes.append(eta)
    return Trajectory(xp.stack(values, axis=-1), xp.stack(sizes, axis=-1), residual, {**kept, steps: delta})


def _shape_of_step(
    xp: Any, model: Quadratic, schedule: Any, step: int, gradient: Array, slope: Array, curved: Array
) -> Any:
    """eta_t over `size`: what the schedule makes of the step's number, and of <G, X>, <X, H[X]> and |G|_*."""
    if not isinstance(schedule, str):
        return schedule[..., step]
    if schedule == "constant":
        return 1.0
    if schedule == "halving":
        return 0.5 ** (step + 1)
    if schedule == "line-search":
        return _quotient(xp, slope, curved)
    norm, rank = model.nuclear(gradient)
    return _quotient(xp, norm, rank * model.smoothness)


def _quotient(xp: Any, above: Array, below: Array) -> Array:
    """above/below where below > 0, else 0."""
    positive = below > 0.0
    return xp.where(positive, above / xp.where(positive, below, 1.0), 0.0)


def _check(steps: int, schedule: Any, size: float | Array, momentum: float) -> None:
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps must be an integer >= 1, got {steps!r}")
    if not 0.0 <= momentum < 1.0:
        raise ValueError(f"momentum must be in [0, 1), got {momentum!r}")
    check_finite(size=size)
    if isinstance(schedule, str):
        if schedule not in SCHEDULES:
            raise ValueError(
                f"schedule must be one of {SCHEDULES} or an array of step sizes, got {schedule!r}"
            )
    else:
        check_shape((steps,), schedule=schedule)
        check_finite(schedule=schedule)


def _inner(xp: Any, axes: tuple[int, ...], x: Array, y: Array) -> Array:
    return xp.sum(x * y, axis=axes)
