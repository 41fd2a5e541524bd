"""The self-polar flow where singular values leave zero slowly: implicit steps of second order, with error control.

Such a value grows like the square of the time since its release, and turns at a rate of one over itself: explicit
steps would have to be as short as it is small.  A step here is two implicit Euler steps of half the length, twice,
less one of the whole length: stable whatever the rate, and wrong by far less than the two differ.
"""

from __future__ import annotations

from dataclasses import dataclass

from labs.core.arrays import Array, array_namespace, to_numpy
from labs.polar_flow._linear import perpendicular
from labs.polar_flow._proximal import proximal_step
from labs.polar_flow.operators import Operator

# In units of the largest singular value at the start:
GROWN = 1e-2  # no value between zero and this: explicit steps are as good again
GONE = 1e-9  # below, what an implicit step leaves is zero
ERROR = 1e-6  # by which the two answers of a step may differ

MOST_STEPS = 20_000
AT_LEAST = 3  # steps before an item is handed back


@dataclass(frozen=True)
class FlowEvent:
    """Something that happened to one item.

    kind   "rank drop": a singular value reached zero, and stays;  "crossing": it reached zero and leaves it at once;
           "release": one that was zero leaves it;  "stationary": the flow is at rest;  or the name of a monitor
    rank   after it
    norm   |N|_op of the selected subgradient P(W) + N (see sliding.py); NaN where it was not looked at
    """

    item: int
    time: float
    kind: str
    rank: int
    norm: float


@dataclass(frozen=True)
class Moving:
    """Items on their way: W (..., m, n), t, energy, rank (...), and outputs (..., T, m n + 1) at the times."""

    W: Array
    t: Array
    energy: Array
    rank: Array
    outputs: Array


def follow_release(
    operator: Operator, fixed: Array, top: Array, start: Moving, times: Array, here: Array
) -> tuple[Moving, list[FlowEvent]]:
    """Take the items `here` on until none of their singular values is small and not zero, or to the last time."""
    events: list[FlowEvent] = []
    xp = array_namespace(start.W)
    W, t, energy, rank, outputs = start.W, start.t, start.energy, start.rank, start.outputs
    zero, zeros = 0.0 * t, 0.0 * W
    h = xp.where(here, 1e-3 * top, zero)
    going, taken = here, xp.zeros_like(rank)
    for _ in range(MOST_STEPS):
        if not bool(xp.any(going)):
            return Moving(W, t, energy, rank, outputs), events
        ahead = xp.min(xp.where(times > t[..., None], times, xp.inf), axis=-1)
        h = xp.where(going, xp.minimum(h, ahead - t), zero)
        whole, dual = proximal_step(operator, W, fixed, h, zeros, 1e-12)
        middle, half_dual = proximal_step(operator, W, fixed, 0.5 * h, 0.5 * dual, 1e-12)
        end, _ = proximal_step(operator, middle, fixed, 0.5 * h, half_dual, 1e-12)
        error = _norm(end - whole)
        accepted = going & (error <= ERROR * top)

        safe = xp.where(h > 0.0, h, 1.0)
        paths = [_norm(a - b) ** 2 for a, b in ((middle, W), (end, middle), (whole, W))]
        spent = (2.0 * (paths[0] + paths[1]) * 2.0 - paths[2]) / safe
        better = fixed + perpendicular(operator, 2.0 * end - whole)
        s = xp.linalg.svdvals(end)
        W = xp.where(accepted[..., None, None], better, W)
        t = xp.where(accepted, xp.where(h >= ahead - t, ahead, t + h), t)
        energy = xp.where(accepted, energy + spent, energy)
        above = s > GONE * top[..., None]
        # The first step may start just before the value that is to leave has arrived.
        found = xp.where(accepted & (taken > 0), xp.sum(xp.astype(above, xp.int64), axis=-1), rank)
        if bool(xp.any(found != rank)):
            events += _changes(t, rank, found)
        rank = found
        packed = xp.concat([xp.reshape(W, (*t.shape, -1)), energy[..., None]], axis=-1)
        hit = (times == t[..., None]) & accepted[..., None]
        outputs = xp.where(hit[..., None], packed[..., None, :], outputs)

        taken = taken + xp.astype(accepted, xp.int64)
        growing = xp.any(above & (s < GROWN * top[..., None]), axis=-1) | (taken < AT_LEAST)
        going = going & (~accepted | (growing & (t < times[-1])))
        factor = 0.8 * xp.sqrt(ERROR * top / xp.maximum(error, 1e-16 * top + 1e-300))
        h = h * xp.clip(factor, 0.2, 3.0)
    raise RuntimeError(f"a release was not over after {MOST_STEPS} steps, at t = {float(xp.min(t)):.6g}")


def _changes(t: Array, before: Array, after: Array) -> list[FlowEvent]:
    xp = array_namespace(t)
    rows = zip(*(to_numpy(xp.reshape(column, (-1,))) for column in (t, before, after)), strict=True)
    return [
        FlowEvent(item, float(time), "rank drop" if new < old else "release", int(new), float("nan"))
        for item, (time, old, new) in enumerate(rows)
        if new != old
    ]


def _norm(Z: Array) -> Array:
    xp = array_namespace(Z)
    return xp.sqrt(xp.sum(Z * Z, axis=(-2, -1)))
