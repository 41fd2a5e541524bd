"""The arithmetic of the duality gap: see `duality_gap` for what it proves."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from labs.core.arrays import array_namespace
from labs.core.sphere import weight_moments
from labs.isotropic_curvature.curvature import Power

Array = Any


def conjugate_excess(error: Array, p: float, larger: Callable[[Any, Any], Any] = max) -> Array:
    """What a relative error of a dual point costs at most, in units of q_i^2 lambda_i, for x^p, 1 < p <= 2.

        (p' - 1)/2  error^2  max(1, |1 + error|)^{p' - 2},   1/p + 1/p' = 1;  error^2 / 2 at p = 2

    Taylor's bound for 1/p - a + |a|^{p'}/p' at a = 1 + error (Young's inequality: >= 0, and 0 at a = 1).
    """
    if p == 2:
        return error**2 / 2
    conjugate = p / (p - 1)
    return (conjugate - 1) / 2 * error**2 * larger(1.0, abs(1 + error)) ** (conjugate - 2)


def linear_weights(H: Any, q: Array, n: int) -> Array:
    """The part of lambda that comes from a linear term c x of H."""
    for p, c in H.terms or ():
        if p == 1:
            return weight_moments(Power(p, c), q, n, second=False)[1]
    return 0.0 * q


def gap_of_weights(H: Any, q: Array, lam: Array, lam_linear: Array, g: Array) -> Array:
    """`duality_gap` from lambda_i = E[w u_i] at q and the part of it that a linear term makes."""
    xp = array_namespace(q, g)
    if H.terms is None and not H.superquadratic:
        return xp.full_like(xp.sum(q, axis=-1), float("inf"))
    curved_exponents = [2.0] if H.terms is None else [2.0, *(p for p, _ in H.terms if p > 1)]
    zeros, ones = xp.zeros_like(q), xp.ones_like(q)
    usable = (q > 0) & (lam > lam_linear)
    force = xp.where(usable, q * (lam - lam_linear), ones)
    error = xp.where(usable, (g - q * lam) / force, zeros)
    excess = conjugate_excess(error, min(curved_exponents), lambda a, b: xp.where(b > a, b, a * ones))
    bound = xp.sum(xp.where(usable, q * force * excess, zeros), axis=-1)
    hopeless = xp.any(((g > 0) | (q > 0)) & ~usable, axis=-1)
    return xp.where(hopeless, xp.full_like(bound, float("inf")), bound)


def gap_of_steps(H: Any, q: np.ndarray, lam: np.ndarray, g: np.ndarray, norm: float) -> float:
    """A bound on F(q) - inf F for one spectrum q > 0 where H' is a step function with last height B > N^*(g) = norm.

    y = w(rho) diag(1 + e) Q zeta is feasible, e_i = g_i/(q_i lambda_i) - 1, but may exceed B, where H^* = inf.
    Mixed with theta times the shortest feasible field (|y_0| = norm everywhere) it is not:
    theta = e B/((1 + e) B - norm), e = max |e_i|.  H^* has slopes up to the last break c, so the gap is at most
        sum_i q_i (q_i lambda_i - g_i) + c (e B + theta norm).
    First order in the residual; inf where H grows no faster than norm.
    """
    steepest = H.slope_at_infinity
    if not norm < steepest or np.any(lam <= 0):
        return math.inf
    error = float(np.max(np.abs(g / (q * lam) - 1)))
    share = error * steepest / ((1 + error) * steepest - norm)
    return float(q @ (q * lam - g)) + H.breaks[-1] * (error * steepest + share * norm)
