"""Where a kink makes full orthogonalisation optimal, and where to start if it nearly does."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from labs.core.sphere import tail_moments
from labs.isotropic_curvature.zonoid import minimal_kink


class Lock(NamedTuple):
    """All q_i are `radius`; kkt and gap as in Solution, from the dual density h = A + (B' - A) 1{normal.u > 0}."""

    radius: float
    kkt: float
    gap: float


@lru_cache(maxsize=8)
def _least_kink(g: tuple[float, ...], A: float) -> tuple[float, np.ndarray | None]:
    """`minimal_kink`, kept: where it does not hold, the start below it asks again."""
    return minimal_kink(np.array(g), A)


def lock(g: np.ndarray, H: Any) -> Lock | None:
    """The kink of H at which r U V^T is optimal for g (n,) > 0, m >= n; None if there is none (ICM-T4.1).

    With e_i = g_i / E[h u_i] - 1 the field y = h diag(1 + e) zeta is dual feasible, and for s <= B
    H^*(s) <= r s - H(r) + r (A - s)_+, so that the gap is at most r (max|e|^2 sum g + A max|e|): E|y| exceeds
    sum g in second order only.
    """
    n, low, high, total = g.size, float(np.min(g)), float(np.max(g)), float(np.sum(g))
    for r, A, B in getattr(H, "kinks", ()):
        # Necessary, and cheap (ICM-T4a).
        if n * low < A or n * high > B or math.pi * n / 2 * (high - low) > B - A:
            continue
        least, normal = _least_kink(tuple(g.tolist()), A)
        if normal is None or least > B:
            continue
        moments = A / n + (least - A) * tail_moments(normal).first
        error = float(np.max(np.abs(g / moments - 1)))
        feasible = high == low or least * (1 + error) <= B  # |y| stays where H^* is finite
        return Lock(r, error, r * (error**2 * total + A * error) if feasible else math.inf)
    return None


# Of the mean of g - A/n: what a start takes for entries that no kink could hold.
LEAST_SHARE = 1e-3


def below_the_kink(
    g: np.ndarray, A: float, B: float, r: float, gradient: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray | None:
    """A spectrum with F(q) < F(r 1) where r 1 is no minimiser, k = n; None where this finds none.

    Along the normal a of the least kink, F(r e^{eps a}) begins with the slope r (B - B_min) E(a.u)_+ < 0.  Next to
    the flat spectrum F is like a cone, and a descent that starts on the wrong side creeps into its tip.
    gradient is that of F in log q.
    """
    reduced = g - A / g.size
    share = float(np.mean(reduced))
    if share <= 0:
        return None
    if np.min(reduced) >= LEAST_SHARE * share:
        _, normal = _least_kink(tuple(g.tolist()), A)
    else:
        _, normal = minimal_kink(np.maximum(reduced, LEAST_SHARE * share))
    if normal is None:
        return None
    eps = 1.0 / float(np.max(np.abs(normal)))
    for _ in range(40):
        q = r * np.exp(eps * normal)
        if float(gradient(q) @ normal) <= 0:
            return q
        eps /= 2
    return None
