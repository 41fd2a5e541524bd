"""Gradient descent and normalised gradient descent on the memory as scalar recursions, one for each frequency.

From W = 0 the wrong logits of a column stay equal, whatever the frequencies, so that one margin says all of it:

    m_j <- m_j + eta_t p_j g(m_j)        GD
    m_j <- m_j + eta_t p_j g(m_j)/F,     F = |G|_F = (((K - 1)/K) sum_i p_i^2 g(m_i)^2)^(1/2)        NGD

The same in the error e = m - m*, from e = -m*, keeps a small relative error at any time.  A group of equal
frequencies is one number with a count; a step costs one exponential per number, whatever K is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from labs.associative_memory import _drifts
from labs.associative_memory._drifts import broadcast
from labs.associative_memory.margins import error_drift, optimal_margin, peak
from labs.core.arrays import (
    Array,
    Namespace,
    array_namespace,
    check_double,
    check_nonnegative,
    check_positive,
    check_real,
    check_shape,
)

Steps = int | Sequence[int]


def gd_margins(
    p: Array, K: Array, alpha: Array, eta: Array, steps: Steps, *, schedule: Array | None = None
) -> Array:
    """Kernel: the margins of gradient descent from W = 0: (..., T + 1, n), or (..., r, n) for r chosen times.

    p         (..., n) frequencies of the n items or groups to follow (they do not see each other)
    K, alpha  facts and label noise in [0, 1]; eta > 0 the step: numbers or arrays (...), broadcast against the batch
    steps     T >= 0: after every step, the start first; or the ascending times at which to look
    schedule  (T,) or longer: step t = 0..T-1 is eta * schedule[t] (default: constant)

    Cost: T n exponentials; memory: what comes back.  Raises ValueError for bad arguments.
    Source: derived here (AML-T2).
    """
    plan = _Plan(p, K, alpha, eta, steps, schedule)
    return plan.run(_drifts.margin_drift, plan.eta, plan.start(0.0))


def gd_errors(
    p: Array, K: Array, alpha: Array, eta: Array, steps: Steps, *, schedule: Array | None = None
) -> Array:
    """Kernel: e = m - m* along gradient descent from W = 0, with a small relative error at every time.

    Arguments, answer, cost and errors as `gd_margins`; alpha in (0, 1].
    Source: derived here (AML-T2).
    """
    plan = _Plan(p, K, alpha, eta, steps, schedule, noisy=True)
    return plan.run(_drifts.error_drift, -plan.eta, plan.start(-optimal_margin(plan.K, plan.alpha)))


def ngd_margins(
    p: Array,
    counts: Array,
    K: Array,
    alpha: Array,
    eta: Array,
    steps: Steps,
    *,
    schedule: Array | None = None,
    jitter: Callable[[int], Array] | None = None,
) -> tuple[Array, Array]:
    """Kernel: the margins of normalised gradient descent from W = 0, and the effective steps eta/|G|_F taken.

    p, counts  (..., n): frequencies, and how many items share each (they see each other through |G|_F)
    jitter     a function of t = 0..T-1: what is added to the margins (..., n) after step t (default: nothing)

    The other arguments, cost and errors as `gd_margins`.  The second answer (..., r) holds at each time looked at the
    effective step that the next update takes, with eta itself after the end of a schedule; infinite where G = 0, and
    there nothing moves.
    At the edge of stability rounding decides when an instability starts: a jitter of 1e-12 makes that harmless.
    Source: derived here (AML-T2).
    """
    check_double(counts=counts)
    plan = _Plan(p, K, alpha, eta, steps, schedule, counts)
    return plan.run_normalised(_margin_rise, plan.start(0.0), jitter)


def ngd_errors(
    p: Array,
    counts: Array,
    K: Array,
    alpha: Array,
    eta: Array,
    steps: Steps,
    *,
    schedule: Array | None = None,
    jitter: Callable[[int], Array] | None = None,
) -> tuple[Array, Array]:
    """Kernel: e = m - m* along normalised gradient descent from W = 0, and the effective steps eta/|G|_F.

    Arguments, answer, cost and errors as `ngd_margins`; alpha in (0, 1].
    Source: derived here (AML-T2).
    """
    check_double(counts=counts)
    plan = _Plan(p, K, alpha, eta, steps, schedule, counts, noisy=True)
    return plan.run_normalised(_error_rise, plan.start(-optimal_margin(plan.K, plan.alpha)), jitter)


class _Plan:
    """The checked arguments of a run: arrays that broadcast against (..., n), and the times to look at."""

    def __init__(
        self,
        p: Array,
        K: Array,
        alpha: Array,
        eta: Array,
        steps: Steps,
        schedule: Array | None,
        counts: Array | None = None,
        *,
        noisy: bool = False,
    ) -> None:
        check_shape((None,), p=p)
        check_double(p=p)
        check_nonnegative(p=p)
        check_positive(eta=eta)
        check_real(K=K, alpha=alpha)
        arrays = [x for x in (p, counts, K, alpha, eta, schedule) if not isinstance(x, int | float | None)]
        if schedule is not None:
            check_double(schedule=schedule)
        self.xp: Any = array_namespace(*arrays)
        if counts is not None:
            check_shape((p.shape[-1],), counts=counts)
            check_positive(counts=counts)
        self.p, self.counts = p, counts
        batch = {"p": p, "counts": p if counts is None else counts}
        broadcast(
            **{name: x.shape[:-1] for name, x in batch.items()},
            **{name: getattr(x, "shape", ()) for name, x in (("K", K), ("alpha", alpha), ("eta", eta))},
        )
        self.K, self.alpha, self.eta = (self._column(x) for x in (K, alpha, eta))
        if noisy:  # these say what is wrong with K or alpha
            error_drift(0.0, self.K, self.alpha)
        peak(self.K, self.alpha)
        self.times = _times(steps)
        self.schedule = self._shape(schedule)

    def _column(self, x: Array) -> Array:
        """A number as it is; an array (...) as (..., 1), to stand beside (..., n)."""
        return float(x) if isinstance(x, int | float) else x[..., None]

    def _shape(self, schedule: Array | None) -> Array | None:
        if schedule is None:
            return None
        last = self.times[-1]
        check_shape((None,), schedule=schedule)
        check_nonnegative(schedule=schedule)
        if schedule.ndim != 1 or schedule.shape[0] < last:
            raise ValueError(
                f"schedule must have one entry for each of the {last} steps, got {schedule.shape}"
            )
        return schedule

    def start(self, value: Array | float) -> Array:
        """The start, as an array of the whole batch."""
        whole = 0.0 * (self.p + self.K + self.alpha + self.eta)
        return (whole if self.counts is None else whole + 0.0 * self.counts) + value

    def run(self, drift: Callable[..., Array], eta: Array, state: Array) -> Array:
        """The states at the times; a step adds eta * schedule * p * drift."""
        seen, wanted, rate = [], set(self.times), eta * self.p
        for t in range(self.times[-1] + 1):
            if t in wanted:
                seen.append(state)
            if t < self.times[-1]:
                now = rate if self.schedule is None else rate * self.schedule[t]
                state = state + now * drift(self.xp, state, self.K, self.alpha)
        return self.xp.stack(seen, axis=-2)

    def run_normalised(
        self, rise: Callable[..., tuple[Array, Array]], state: Array, jitter: Callable[[int], Array] | None
    ) -> tuple[Array, Array]:
        """`rise` gives the drift times e^shift, and the shift, which the normalisation divides out."""
        xp, wanted = self.xp, set(self.times)
        seen: list[Array] = []
        effective: list[Array] = []
        for t in range(self.times[-1] + 1):
            last = t == self.times[-1]
            drift, shift = rise(xp, state, self.K, self.alpha)
            drift = self.p * drift
            squares = xp.sum(self.counts * drift * drift, axis=-1, keepdims=True)
            size = xp.sqrt((self.K - 1.0) / self.K * squares)
            moving = size > 0.0
            eta = self.eta
            if self.schedule is not None and t < self.schedule.shape[0]:
                eta = eta * self.schedule[t]
            rate = eta / xp.where(moving, size, 1.0)
            if t in wanted:
                seen.append(state)
                effective.append(xp.where(moving, _scaled(xp, rate, shift), math.inf)[..., 0])
            if not last:
                state = state + xp.where(moving, rate, 0.0) * drift
                state = state if jitter is None else state + jitter(t)
        return xp.stack(seen, axis=-2), xp.stack(effective, axis=-1)


def _margin_rise(xp: Namespace, m: Array, K: Array, alpha: Array) -> tuple[Array, Array]:
    """g(m) e^shift, and the shift: without noise the least margin, so that g does not underflow late; else 0."""
    least = xp.clip(xp.min(m, axis=-1, keepdims=True), 0.0, None)
    shift = xp.where(alpha + 0.0 * least > 0.0, 0.0, least)
    return _drifts.shifted_margin_drift(xp, m, K, alpha, shift), shift


def _error_rise(xp: Namespace, e: Array, K: Array, alpha: Array) -> tuple[Array, Array]:
    return -_drifts.error_drift(xp, e, K, alpha), 0.0 * e[..., :1]


def _scaled(xp: Namespace, x: Array, shift: Array) -> Array:
    """x e^shift, infinite where that overflows."""
    log = xp.log(x) + shift
    return xp.where(log < 709.0, xp.exp(xp.clip(log, None, 709.0)), math.inf)


def _times(steps: Steps) -> tuple[int, ...]:
    """The times to look at: 0..steps, or those listed."""
    expected = "steps must be an integer >= 0 or a sequence of ascending integers >= 0"
    whole = isinstance(steps, int) and not isinstance(steps, bool)
    times = range(steps + 1) if whole else steps  # type: ignore[operator]
    if not isinstance(times, range | list | tuple) or not times:
        raise ValueError(f"{expected}, got {steps!r}")
    if any(isinstance(t, bool) or not isinstance(t, int) or t < 0 for t in times):
        raise ValueError(f"{expected}, got {steps!r}")
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise ValueError(f"{expected}, got {steps!r}")
    return tuple(times)
