"""Zeros of functions along the steps of an integration (see flow.py)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from labs.core.arrays import Array, array_namespace, device

# Of Illinois, which needs about ten for a simple zero; a bracket always shrinks, so the time is right to its width.
MOST_ITERATIONS = 200


@dataclass(frozen=True)
class Event:
    """A function g(t, y) -> (b) whose zeros are to be found; `terminal`: at the first one the item stops.

    A zero is noticed where g changes its sign over a step, or vanishes at its end, but not where g is 0 at its start:
    two zeros within one step are not seen.
    direction   +1: only where g grows;  -1: only where it falls;  0: both
    """

    function: Callable[[Array, Array], Array]
    terminal: bool = False
    direction: int = 0


@dataclass(frozen=True)
class Found:
    """Which zeros were found so far: times (b, events, room), counts (b, events), values of g at the last step."""

    events: tuple[Event, ...]
    values: tuple[Array, ...]
    times: Array
    counts: Array

    @classmethod
    def nothing(cls, events: Sequence[Event], t: Array, y: Array, room: int) -> Found:
        xp, shape = array_namespace(t, y), (*t.shape, len(events))
        times = xp.full((*shape, room), math.inf, dtype=y.dtype, device=device(y))
        counts = xp.zeros(shape, dtype=xp.int64, device=device(y))
        return cls(tuple(events), tuple(event.function(t, y) for event in events), times, counts)

    def updated(self, step: Any) -> tuple[Found, Array | None]:
        """With the zeros of an accepted step; and when each item must stop (infinite: not in this step)."""
        if not self.events:
            return self, None
        xp = array_namespace(step.t)
        values = [event.function(step.t_new, step.y_new) for event in self.events]
        never = xp.full(step.t.shape, math.inf, dtype=step.t.dtype, device=device(step.t))
        zeros = [never] * len(values)
        for i, (event, before, after) in enumerate(zip(self.events, self.values, values, strict=True)):
            crossed = step.accepted & (before * after <= 0.0) & (before != 0.0)
            if event.direction:
                crossed = crossed & ((after - before) * event.direction > 0.0)
            if bool(xp.any(crossed)):
                zeros[i] = xp.where(crossed, _zero(event.function, step, before, after, crossed), math.inf)
        stop = never
        for event, zero in zip(self.events, zeros, strict=True):
            if event.terminal:
                stop = xp.minimum(stop, zero)
        columns = [xp.where(zero <= stop, zero, math.inf) for zero in zeros]
        times, counts = self._noted(xp.stack(columns, axis=-1))
        kept = [
            xp.where(step.accepted, after, before) for before, after in zip(self.values, values, strict=True)
        ]
        return Found(self.events, tuple(kept), times, counts), stop

    def _noted(self, zeros: Array) -> tuple[Array, Array]:
        xp = array_namespace(zeros)
        new = zeros < math.inf
        slots = xp.arange(self.times.shape[-1], dtype=xp.int64, device=device(zeros))
        here = (self.counts[..., None] == slots) & new[..., None]
        return xp.where(here, zeros[..., None], self.times), self.counts + xp.astype(new, xp.int64)


def _zero(g: Callable[[Array, Array], Array], step: Any, before: Array, after: Array, wanted: Array) -> Array:
    """Where g vanishes on the step's interpolant, by Illinois: secants, one end's value halved if it stays.

    The interpolant differs from the states at the ends by nothing, so that the signs there bracket a zero.
    """
    xp = array_namespace(step.t)
    a, b = step.t, xp.where(wanted, step.t_new, step.t)
    fa, fb = before, xp.where(wanted, after, -before)
    last = a
    for _ in range(MOST_ITERATIONS):
        if bool(xp.all((fb == 0.0) | (abs(b - last) <= 4.0 * 2.0**-52 * abs(b)) | ~wanted)):
            break
        last, c = b, b - fb * (b - a) / xp.where(fb != fa, fb - fa, 1.0)
        fc = g(c, step.at(c))
        turned = fc * fb < 0.0
        a, fa = xp.where(turned, b, a), xp.where(turned, fb, 0.5 * fa)
        b, fb = c, fc
    return b
