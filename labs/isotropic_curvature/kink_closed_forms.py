"""The minimal kink in closed form: two singular values, two levels, and a sufficient condition.

A kink with slopes A < B makes full orthogonalisation optimal (k = n) if and only if B >= B_min(g, A); zonoid.py
computes B_min in general.  Everything here depends on g' = g - A/n only, and adds A to the answer.

`pair_kink` and `linear_density` are field arithmetic alone: they take floats, arrays, fractions, sympy symbols and
balls, so that the tests compare them symbolically with the derivations in theory/isotropic_curvature.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import betainc, betaincinv, betaln

from labs.core.arrays import check_nonnegative, require_host

# Below this, 1 - sin(y)/y is summed: the difference would lose (6 eps/y^2) relative.
SMALL_ANGLE = 0.5
# Incomplete beta functions below this are not used.
TINY = 1e-290


def pair_kink(g_a: Any, g_b: Any, n: Any, A: Any = 0) -> Any:
    """B_min for g = (g_a, g_a, g_b, ..., g_b), g_a >= g_b > A/n: A + s (s / (n g_b - A))^((n-2)/2), s = sum g - A.

    n >= 3 of the same kind as the levels (a Fraction with Fractions).  n = 4, A = 0: (g_a + g_b)^2/g_b (ICM-T4c.c).
    """
    total = 2 * g_a + (n - 2) * g_b - A
    return A + total * (total / (n * g_b - A)) ** ((n - 2) / 2)


def linear_density(g_i: Any, total: Any, n: Any) -> Any:
    """b_i = n ((n + 2) g_i - sum g)/2, for which h = b.u has E[h u_i] = g_i.

    A <= min b and max b <= B suffice for orthogonalisation to be optimal, so that B_min <= max b (ICM-T4c.d).
    """
    return n * ((n + 2) * g_i - total) / 2


def plane_kink(g: np.ndarray, A: float = 0.0) -> float:
    """Host routine: the minimal kink for n = 2, from the sine formula.

        |g_1 - g_2| = ((B - A)/pi) sin(y),   y = pi (g_1 + g_2 - A)/(B - A)

    g (2,), finite, nonnegative, in any order, in units of a slope of H; A finite and >= 0.  inf where no kink is
    sharp enough: A >= 2 min g, unless g = (A/2, A/2).
    1 - sin(y)/y = 2 (min g - A/2)/(g_1 + g_2 - A), the left side rising on (0, pi], is solved by brentq in log y, so
    that the relative error is about 1e-15 however small the right side is.  Raises ValueError for bad g, A.
    Derived here (ICM-T4c.a).
    """
    require_host(g=g)
    g = np.asarray(g, dtype=np.float64)
    if g.shape != (2,):
        raise ValueError(f"g must be an array of two numbers, got shape {g.shape}")
    check_nonnegative(g=g)
    _check_slope(A)
    low, high = float(np.min(g)), float(np.max(g))
    total = low + high - A
    if 2 * low <= A:
        return A if 2 * high == A == 2 * low else math.inf
    share = (2 * low - A) / total
    if low == high:
        return A + total

    def excess(log_y: float) -> float:
        return math.log(_sine_deficit(math.exp(log_y)) / share)

    # y^2/10 <= 1 - sin(y)/y <= y^2/6 on (0, pi].
    y = math.exp(
        brentq(
            excess,
            0.5 * math.log(6 * share) - 1e-9,
            min(0.5 * math.log(10 * share) + 1e-9, math.log(math.pi)),
            xtol=1e-15,
        )
    )
    return A + math.pi * total / y


def _sine_deficit(y: float) -> float:
    """1 - sin(y)/y, 0 < y <= pi."""
    if y > SMALL_ANGLE:
        return 1 - math.sin(y) / y
    total, term = 0.0, 1.0
    for k in range(1, 9):  # the next term is below 1e-17 of the first
        term *= -y * y / (2 * k * (2 * k + 1))
        total -= term
    return total


def two_level_kink(g_a: float, g_b: float, k0: int, n: int, A: float = 0.0) -> float:
    """Host routine: the minimal kink for g_a on k0 coordinates and g_b <= g_a on the n - k0 others.

        (B - A) P(t > tau) = sum g',      E[t | t > tau] = k0 g'_a / sum g',      g' = g - A/n,

    t ~ Beta(k0/2, (n-k0)/2), the sum of u over the upper block: incomplete beta functions, and one root.
    Relative error about 1e-12, also for nearly equal and for graded levels.  inf where no kink is sharp enough
    (A >= n g_b, unless g_a = g_b = A/n).  Cost: some 10 incomplete beta functions.
    Raises ValueError for levels that are not finite, nonnegative and in this order, for 0 < k0 < n missed, for bad A;
    RuntimeError where B is beyond 1e290 sum g.  Derived here (ICM-T4c.b).
    """
    if not (math.isfinite(g_a) and math.isfinite(g_b) and g_a >= g_b >= 0):
        raise ValueError(f"g_a and g_b must be finite with g_a >= g_b >= 0, got {g_a!r} and {g_b!r}")
    if not (k0 == int(k0) and n == int(n) and 0 < k0 < n):
        raise ValueError(f"k0 and n must be integers with 0 < k0 < n, got {k0!r} and {n!r}")
    _check_slope(A)
    total = k0 * g_a + (n - k0) * g_b - A
    if n * g_b <= A:
        return A if n * g_a == A == n * g_b else math.inf
    if g_a == g_b:
        return A + total
    return A + total / _tail(k0 / 2, (n - k0) / 2, (n - k0) * (g_a - g_b) / total, (n * g_b - A) / total)


def _tail(a: float, b: float, above: float, below: float) -> float:
    """P(t > tau), t ~ Beta(a, b), at the tau where g'_a/gbar' = 1 + `above` and g'_b/gbar' = `below`.

    1 + above is P(t' > tau)/P(t > tau), t' ~ Beta(a + 1, b), and integration by parts turns it into
    above = tau^a (1 - tau)^b / (a Beta(a, b) P(t > tau)), which serves where tau < 1/2.  Beyond, with y = 1 - tau,
    below = P(1 - t'' < y)/P(1 - t < y), 1 - t'' ~ Beta(b + 1, a): small numbers, each without cancellation.
    """
    log_area = math.log(a) + float(betaln(a, b))

    def excess_above(x: float) -> float:
        tau = math.exp(x)
        return a * x + b * math.log1p(-tau) - log_area - math.log(_beyond(a, b, tau) * above)

    def excess_below(x: float) -> float:
        y = math.exp(x)
        return math.log(betainc(b + 1, a, y) / betainc(b, a, y) / below)

    half = -math.log(2)
    at_half = float(betainc(b, a, 0.5))
    if at_half > TINY and excess_above(half) > 0:
        start = (log_area + math.log(above * at_half)) / a  # (1 - tau)^b <= 1 and P(t > tau) >= P(t > 1/2)
        x = brentq(excess_above, start, half, xtol=1e-15)
        return _beyond(a, b, math.exp(x))
    # E[1 - t | 1 - t < y] = below b/(a + b) is less than y.
    start = math.log(below * b / (a + b))
    if betainc(b, a, math.exp(start)) < TINY:
        start = math.log(betaincinv(b, a, TINY))
    if excess_below(start) > 0:
        raise RuntimeError(f"B is beyond {1 / TINY:.0e} sum g, outside the range of floats")
    x = brentq(excess_below, start, 0.0, xtol=1e-15)
    return float(betainc(b, a, math.exp(x)))


def _beyond(a: float, b: float, tau: float) -> float:
    """P(t > tau) for tau < 1/2 (scipy's betaincc(1/2, 1/2, tau) has an error of 5e-11 at tau = 1e-20)."""
    within = float(betainc(a, b, tau))
    return 1 - within if within < 0.5 else float(betainc(b, a, 1 - tau))


def _check_slope(A: float) -> None:
    if not (math.isfinite(A) and A >= 0):
        raise ValueError(f"A must be a finite number >= 0, got {A!r}")
