"""Ordinary differential equations, many at once: explicit Runge-Kutta steps, each item with a step of its own.

`integrate` follows dy/dt = f(t, y) from a batch of starts, adapts the step of every item by itself, gives the states
at any times from the steps' own interpolant, and finds zeros of event functions on it.

The method is that of Dormand and Prince 1980: order 5, with an error estimate and an interpolant (Shampine 1986) of
order 4.  Three of its nodes, one weight of the estimate and one of the interpolant determine the table: the tests
derive it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labs.core._events import Event, Found
from labs.core.arrays import (
    Array,
    array_namespace,
    check_double,
    check_finite,
    check_positive,
    check_shape,
    device,
    to_numpy,
)

__all__ = ["FINISHED", "STOPPED", "TOO_MANY", "TOO_SMALL", "Event", "Trajectory", "integrate"]

Field = Callable[[Array, Array], Array]

NODES = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
STAGES = (
    (),
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
# Weights of order 5, which are those of the last stage, minus those of order 4.
ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
# What is added, times theta^2 (1 - theta)^2, to the cubic through both ends with their slopes.
BOW = (
    -12715105075 / 11282082432,
    0.0,
    87487479700 / 32700410799,
    -10690763975 / 1880347072,
    701980252875 / 199316789632,
    -1453857185 / 822651844,
    69997945 / 29380423,
)

RUNNING, FINISHED, STOPPED, TOO_SMALL, TOO_MANY = range(5)


@dataclass(frozen=True)
class Trajectory:
    """What `integrate` found; b stands for the batch axes, n for those of one state.

    states       (b, T, n), at the times asked for; after `reached` the last state
    last         (b, n), the state at `reached`
    reached      (b), the time to which the item came
    status       (b), integers: FINISHED; STOPPED by a terminal event; TOO_SMALL, TOO_MANY: the steps became so, and
                 the item did not come to the end
    steps        (b), integers: accepted steps;  rejections (b), the others
    local_error  (b), sum over the steps of the estimated errors, Euclidean: as good as a bound on the whole error
                 where the flow brings no two solutions further apart
    event_times  (b, events, room), in order; infinite where nothing happened
    event_counts (b, events), how often it did, more often than `room` too
    """

    states: Array
    last: Array
    reached: Array
    status: Array
    steps: Array
    rejections: Array
    local_error: Array
    event_times: Array
    event_counts: Array


def integrate(
    field: Field,
    start: Array,
    times: Array,
    *,
    axes: int = 1,
    begin: Array | None = None,
    rtol: float | Array = 1e-8,
    atol: float | Array = 1e-10,
    events: Sequence[Event] = (),
    room: int = 4,
    limit: Callable[[Array, Array, Array], Array] | None = None,
    project: Callable[[Array], Array] | None = None,
    most_steps: int = 100_000,
) -> Trajectory:
    """Kernel: solutions of dy/dt = field(t, y) at `times`, every item with its own adaptive steps.

    field      from t (b) and y (b, n) to (b, n), item by item; b: batch axes, n: the axes of one state
    start      (b, n), float64
    times      (T,), ascending; the integration ends at the last one
    axes       how many axes n stands for
    begin      (b), where each item starts, default times[0]; at times before it the state is `start`
    rtol, atol numbers or (b): the estimated error of a step is at most atol + rtol |y|, in the root mean square over
               the entries
    events     see Event; the first `room` zeros of each are kept
    limit      from t, y and dy/dt to the longest step allowed from there (b), which may be infinite
    project    a small correction of the state after each step, of the size of the errors: onto an invariant set

    The numbers of an item depend on no other item.  Cost: 6 fields a step for the whole batch, until its slowest item
    ends.  Raises ValueError for bad arguments; `status` says, per item, what did not go well.
    Source: Dormand and Prince 1980, Shampine 1986 (see above).
    """
    for name, count in (("axes", axes), ("room", room), ("most_steps", most_steps)):
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ValueError(f"{name} must be an integer >= 0, got {count!r}")
    check_shape((None,) * axes, start=start)
    check_shape((None,), times=times)
    check_double(start=start, times=times)
    check_finite(start=start, times=times)
    check_positive(rtol=rtol, atol=atol)
    if begin is not None:
        check_finite(begin=begin)
    moments = to_numpy(times)
    if moments.ndim != 1 or np.any(np.diff(moments) < 0.0):
        raise ValueError(f"times must be one ascending list, got shape {moments.shape} or a descent")
    xp = array_namespace(start, times)
    run = _Run(field, start, moments, axes, begin, rtol, atol)
    found = Found.nothing(events, run.t, run.y, room)
    for _ in range(most_steps if math.prod(run.t.shape) else 0):
        if not run.going():
            break
        step = run.attempt(limit)
        found, stop = found.updated(step)
        run.advance(step, stop, project)
    status = xp.where(run.status == RUNNING, TOO_MANY, run.status)
    states = [
        xp.where(run.wide(run.t < t), run.y, state)
        for t, state in zip(moments.tolist(), run.outputs, strict=True)
    ]
    return Trajectory(
        xp.stack(states, axis=start.ndim - axes),
        run.y,
        run.t,
        status,
        run.steps,
        run.rejections,
        run.local_error,
        found.times,
        found.counts,
    )


@dataclass(frozen=True)
class _Step:
    """One attempt of every item: from (t, y) by h to (t_new, y_new); h = 0 where the item does not run."""

    t: Array
    t_new: Array
    h: Array
    y: Array
    y_new: Array
    change: Array  # y_new - y
    slope: Array  # h dy/dt at the start
    slope_new: Array  # h dy/dt at the end
    bow: Array
    accepted: Array
    axes: int

    def at(self, t: Array) -> Array:
        """The interpolant at the times t (b), between t and t_new."""
        xp = array_namespace(t, self.y)
        theta = (t - self.t) / xp.where(self.h > 0.0, self.h, 1.0)
        theta = xp.reshape(theta, (*theta.shape, *(1,) * self.axes))
        lead = self.slope - self.change
        inner = self.change - self.slope_new - lead + (1.0 - theta) * self.bow
        return self.y + theta * (self.change + (1.0 - theta) * (lead + theta * inner))


class _Run:
    """The items on their way: what changes from step to step."""

    def __init__(
        self,
        field: Field,
        start: Array,
        moments: np.ndarray,
        axes: int,
        begin: Any,
        rtol: Any,
        atol: Any,
    ) -> None:
        xp = self.xp = array_namespace(start)
        batch = start.shape[: start.ndim - axes]
        zeros = xp.zeros(batch, dtype=start.dtype, device=device(start))
        counts = xp.zeros(batch, dtype=xp.int64, device=device(start))
        self.field, self.axes = field, axes
        self.rtol = self.wide(_per_item(zeros, rtol=rtol))
        self.atol = self.wide(_per_item(zeros, atol=atol))
        self.moments, self.end = moments, float(moments[-1])
        self.t = _per_item(zeros, begin=float(moments[0]) if begin is None else begin)
        self.y, self.slope = start, field(self.t, start)
        self.outputs = [start] * len(moments)
        self.steps = self.rejections = counts
        self.local_error = zeros
        self.status = xp.where(self.t >= self.end, FINISHED, counts)
        self.h = self._first_step()

    def wide(self, x: Array) -> Array:
        """An array (b) as one that broadcasts with states."""
        return self.xp.reshape(x, (*x.shape, *(1,) * self.axes))

    def going(self) -> bool:
        return bool(self.xp.any(self.status == RUNNING))

    def _size(self, x: Array, *states: Array) -> Array:
        """Root mean square of x in units of the tolerance at the larger of the states: (b)."""
        xp, largest = self.xp, abs(states[0])
        for state in states[1:]:
            largest = xp.maximum(largest, abs(state))
        ratio = x / (self.atol + self.rtol * largest)
        return xp.sqrt(xp.mean(ratio * ratio, axis=tuple(range(-self.axes, 0))))

    def _first_step(self) -> Array:
        """A hundredth of the time in which the state would change by its size: a guess that errors correct."""
        xp = self.xp
        speed, size = self._size(self.slope, self.y), self._size(self.y, self.y)
        guess = 0.01 * xp.where(speed > 0.0, xp.maximum(size, 1e-3) / xp.where(speed > 0.0, speed, 1.0), 1.0)
        return xp.minimum(guess, xp.maximum(self.end - self.t, 0.0))

    def attempt(self, limit: Callable[[Array, Array, Array], Array] | None) -> _Step:
        """One step of every item that runs, and whether its error is small enough."""
        xp, remaining = self.xp, self.end - self.t
        h = xp.where(remaining <= 1.01 * self.h, remaining, self.h)  # no splinter at the end
        if limit is not None:
            h = xp.minimum(h, limit(self.t, self.y, self.slope))
        h = xp.where(self.status == RUNNING, h, 0.0)
        wide = self.wide(h)
        slopes = [self.slope]
        for node, weights in zip(NODES[1:], STAGES[1:], strict=True):
            y_new = self.y + wide * _combined(weights, slopes)
            slopes.append(self.field(self.t + node * h, y_new))
        change = wide * _combined(STAGES[-1], slopes)
        error = wide * _combined(ERROR, slopes)
        self.error = self._size(error, self.y, y_new)
        self.error = xp.where(self.error < math.inf, self.error, 1e10)  # NaN and inf: reject
        self.estimate = xp.sqrt(xp.sum(error * error, axis=tuple(range(-self.axes, 0))))
        accepted = (self.status == RUNNING) & (self.error <= 1.0)
        t_new = xp.where(h >= remaining, self.end, self.t + h)
        bow = wide * _combined(BOW, slopes)
        self.last_slope = slopes[-1]
        return _Step(
            self.t,
            t_new,
            h,
            self.y,
            y_new,
            change,
            wide * self.slope,
            wide * slopes[-1],
            bow,
            accepted,
            self.axes,
        )

    def advance(self, step: _Step, stop: Array | None, project: Callable[[Array], Array] | None) -> None:
        """Take what was accepted; an item that a terminal event stopped goes to the time `stop` only."""
        xp, running = self.xp, self.status == RUNNING
        t_new, y_new = step.t_new, step.y_new
        if stop is not None:
            stopped = step.accepted & (stop < math.inf)
            t_new = xp.where(stopped, stop, t_new)
            y_new = xp.where(self.wide(stopped), step.at(t_new), y_new)
            self.status = xp.where(stopped, STOPPED, self.status)
        if project is not None:
            y_new = project(y_new)
        self._give_out(step, t_new)
        taken, wide = step.accepted, self.wide(step.accepted)
        self.t = xp.where(taken, t_new, self.t)
        self.y = xp.where(wide, y_new, self.y)
        self.slope = xp.where(wide, self.last_slope, self.slope)
        self.local_error = self.local_error + xp.where(taken, self.estimate, 0.0)
        self.steps = self.steps + xp.astype(taken, xp.int64)
        self.rejections = self.rejections + xp.astype(running & ~taken, xp.int64)
        hopeless = running & ~taken & (step.h <= 1e-15 * xp.abs(self.t) + 1e-300)
        self.status = xp.where((self.status == RUNNING) & (self.t >= self.end), FINISHED, self.status)
        self.status = xp.where(hopeless, TOO_SMALL, self.status)
        factor = 0.9 * xp.maximum(self.error, 1e-10) ** -0.2
        factor = xp.where(taken, xp.clip(factor, 0.2, 8.0), xp.clip(factor, 0.1, 0.9))
        self.h = xp.where(running, step.h * factor, self.h)

    def _give_out(self, step: _Step, t_new: Array) -> None:
        """The states at those of the moments that some item passes."""
        xp = self.xp
        spans = xp.stack([xp.min(step.t), xp.max(xp.where(step.accepted, t_new, step.t))])
        first, last = np.searchsorted(self.moments, to_numpy(spans), side="right")
        for j in range(first, last):
            moment = float(self.moments[j])
            inside = step.accepted & (step.t < moment) & (moment <= t_new)
            self.outputs[j] = xp.where(
                self.wide(inside), step.at(xp.where(inside, moment, step.t)), self.outputs[j]
            )


def _per_item(zeros: Array, **named: Any) -> Array:
    """The one named number, or array that broadcasts with the batch, for every item; ValueError for another shape."""
    ((name, value),) = named.items()
    shape, batch = tuple(getattr(value, "shape", ())), tuple(zeros.shape)
    ends = zip(shape[::-1], batch[::-1], strict=False)
    if len(shape) > len(batch) or any(have not in (1, want) for have, want in ends):
        raise ValueError(
            f"{name} must be a number or an array of the batch's shape {batch}, got shape {shape}"
        )
    return zeros + value


def _combined(weights: Sequence[float], slopes: Sequence[Array]) -> Array:
    """sum_j weights_j slopes_j."""
    total = weights[0] * slopes[0]
    for weight, slope in zip(weights[1:], slopes[1:], strict=False):
        if weight:
            total = total + weight * slope
    return total
