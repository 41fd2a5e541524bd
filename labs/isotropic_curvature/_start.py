"""Where Newton's method starts: a multiple of g that is about the best step along g, without an integral."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from labs.core.sphere._powers import log_gamma_ratio

Array = Any


def start(xp: Any, g: Array, H: Any, n: int, direction: Array | None = None) -> Array:
    """A multiple t s of a shape s that is about the best step along s.

    s is g / max(g), or, where H' does not run from 0 to inf, the maximiser of the dual norm: near the edge of the
    dead zone, or of existence, F falls in no other direction.
    """
    top = xp.max(g, axis=-1)
    ones = xp.ones_like(top)
    safe = xp.where(top > 0, top, ones)
    s = g / safe[..., None] if direction is None else direction
    square = xp.where(top > 0, xp.sum(s * s, axis=-1), ones)
    # F(t s) = E H(t rho) - t <g, s> is least where E rho H'(t rho) = <g, s>.
    gain = xp.where(top > 0, xp.sum(s * g, axis=-1), ones)
    if H.terms is None:  # with one radius for rho; E rho = 1 for the maximiser of the dual norm
        rho = xp.sqrt(square / n) if direction is None else ones
        return (_radius(xp, gain / rho, H) / rho)[..., None] * s
    # sum_m c_m p_m E rho^{p_m} t^{p_m - 1}: a linear term makes its slope at 0.  In log t the others are a sum of
    # exponentials exp(a + b log t), convex and increasing: Newton's method from the right of the root (where
    # one of them alone reaches the left side) descends to it.
    log_gain = xp.log(xp.where(gain > H.slope_at_zero, gain - H.slope_at_zero, ones))
    lines = [
        (math.log(c * p) + _log_mean_power(xp, s, square, p, n) - log_gain, p - 1.0)
        for p, c in H.terms
        if p > 1
    ]
    y = xp.min(xp.stack([-a / b for a, b in lines]), axis=0)
    for _ in range(6 if len(lines) > 1 else 0):
        parts = [(xp.exp(a + b * y), b) for a, b in lines]
        total = sum(part for part, _ in parts)
        y = y - xp.log(total) * total / sum(b * part for part, b in parts)
    q = xp.exp(y)[..., None] * s
    return q if direction is not None else _homogenized(xp, q, H, n)


# Two fixed-point steps towards the universal cubic save one step of Newton's method; six save no more.
STEPS = 2


def _homogenized(xp: Any, q: Array, H: Any, n: int) -> Array:
    """q with its ratios moved to those of the universal cubic q_i (1 + kappa q_i^2 / S) ~ g_i (ICM-X4.b).

    kappa is the elasticity at the root mean square of rho.  The cubic is exact for x^4, and right in both
    extremes for x^p: many directions alike, and one spike.
    """
    S = xp.sum(q * q, axis=-1, keepdims=True)
    safe = xp.where(S > 0, S, xp.ones_like(S))
    kappa = H.elasticity(xp.sqrt(safe / n))
    damping = 2.0 / (2.0 + xp.where(kappa > 0, kappa, 0.0 * kappa))
    factor = xp.ones_like(q)
    for _ in range(STEPS):
        r = q / factor
        share = r * r / xp.sum(xp.where(S > 0, r * r, xp.ones_like(r)), axis=-1, keepdims=True)
        factor = factor ** (1.0 - damping) * (1.0 + kappa * share) ** damping
    # The largest direction keeps its size to first order: what moves is the scale, where Newton's method is exact.
    return q / factor * xp.max(factor, axis=-1, keepdims=True)


def _log_mean_power(xp: Any, s: Array, square: Array, p: float, n: int) -> Array:
    """About log E rho^p: the larger of (E rho^2)^{p/2} and s_1^p E |zeta_1|^p, both lower bounds for p >= 2."""
    top = xp.max(s, axis=-1)
    log_top = xp.log(xp.where(top > 0, top, xp.ones_like(top)))
    spike = log_gamma_ratio(0.5, p / 2.0) - log_gamma_ratio(n / 2.0, p / 2.0)
    return xp.maximum(0.5 * p * xp.log(square / n), p * log_top + spike)


def _radius(xp: Any, slope: Array, H: Any) -> Array:
    """About the radius at which H' reaches `slope` > H'(0+), by bisection in log between e^-60 and e^60."""
    lo, hi = xp.full_like(slope, -60.0), xp.full_like(slope, 60.0)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(50):
            mid = (lo + hi) / 2.0
            below = H.slope(xp.exp(mid)) < slope
            lo, hi = xp.where(below, mid, lo), xp.where(below, hi, mid)
    return xp.exp(lo)
