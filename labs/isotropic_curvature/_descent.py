"""Newton descent for a curvature function with kinks, one spectrum at a time.

Between kinks H may be linear, so that the equations of _newton.py do not say how far to go, and near a flat spectrum
the gradient depends on the direction from it alone.  F is convex all the same: with d = d log q and D = diag(q g),

    (M + mu D) d = -q (q lambda - g),     M = diag(q^2 lambda) + (q^2 q^2^T) o E[(w'/rho) u u^T] >= 0,

is a direction of descent, along which the slope of F, a gradient and so known to all digits, is brought near 0.
Derived here (a damped Newton method on a convex function).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

EPS = 2.0**-52
# As in _newton.py: finished below FLOOR, or below what rounding leaves and no longer falling by half.
FLOOR, ENOUGH = 5e-15, 5e-13
# q rounded next to a kink leaves a residual of EPS over its distance; more than this is no solution.
LOOSEST = 1e-4
# In log q, for the shape and for the scale of q.  Where H is linear the scale is free until the shape is right, and
# would run away.
LONGEST_TURN, LONGEST_STRETCH = 3.0, 0.7
MU = 1e-12  # keeps the matrix regular where H is linear
FLAT = 0.3  # a line search ends where the slope is this part of what it was


@dataclass(frozen=True)
class Descent:
    """q (k,), phi and lambda (k,) there, max |log(q_i lambda_i / g_i)|, whether that is rounding, steps taken."""

    q: np.ndarray
    phi: float
    lam: np.ndarray
    residual: float
    converged: bool
    iterations: int


def descend(
    moments: Callable[[np.ndarray, bool], tuple[np.ndarray, np.ndarray, np.ndarray]],
    g: np.ndarray,
    start: np.ndarray,
    *,
    max_iterations: int = 200,
) -> Descent:
    """The minimiser of phi(q) - <g, q> for g (k,) > 0.

    moments(q, second) as in `_newton.solve_stationarity`, unbatched, without the matrix unless `second`.
    """
    q, previous, steps = start, np.inf, 0
    for steps in range(max_iterations + 1):  # noqa: B007 (counted for the answer)
        phi, lam, kappa = moments(q, True)
        residual = _residual(q, lam, g)
        hessian = _relative_hessian(q, lam, kappa)
        # One rounding of q moves log(q lambda / g) by at most this.
        rounding = 4 * EPS * float(np.max(np.sum(np.abs(hessian), axis=1) / (q * g)))
        enough = min(ENOUGH + rounding, LOOSEST)
        if residual <= FLOOR or (residual <= enough and not residual <= 0.5 * previous):
            break
        root = np.sqrt(q * np.maximum(g, q * lam))
        force = q * (g - q * lam)
        d = np.linalg.solve(hessian / root[:, None] / root + MU * np.eye(q.size), force / root) / root
        d = _shortened(d, force)
        q, previous = _along(lambda x: x * (x * moments(x, False)[1] - g), q, d, float(force @ d)), residual
    return Descent(q, float(phi), lam, residual, bool(residual <= enough), steps)


def _shortened(d: np.ndarray, force: np.ndarray) -> np.ndarray:
    """d with its mean and the rest each no longer than they may be; still a direction of descent."""
    stretch = float(np.mean(d))
    turn = d - stretch
    turn = turn * min(1.0, LONGEST_TURN / max(float(np.max(np.abs(turn))), LONGEST_TURN))
    shorter = turn + np.clip(stretch, -LONGEST_STRETCH, LONGEST_STRETCH)
    return shorter if force @ shorter > 0 else d * min(1.0, LONGEST_STRETCH / float(np.max(np.abs(d))))


def _along(
    gradient: Callable[[np.ndarray], np.ndarray], q: np.ndarray, d: np.ndarray, fall: float
) -> np.ndarray:
    """q e^{tau d} with the largest tau <= 1 tried where F has not begun to rise by more than FLAT of its first fall.

    gradient is that of F in log q.  Bisection: next to a kink the slope is nearly a step.
    """
    below, above, tau = 0.0, 1.0, 1.0
    for _ in range(60):
        at = q * np.exp(tau * d)
        slope = float(gradient(at) @ d)
        if slope > FLAT * fall:
            above = tau
        elif slope < -FLAT * fall and tau < 1:
            below = tau
        else:
            return at
        tau = (below + above) / 2
    return at


def _residual(q: np.ndarray, lam: np.ndarray, g: np.ndarray) -> float:
    """max |log(q_i lambda_i / g_i)|; large too where the weights vanish, below every kink of a flat curvature."""
    return float(np.max(np.abs(np.log(np.maximum(q * lam, 1e-300) / g))))


def _relative_hessian(q: np.ndarray, lam: np.ndarray, kappa: np.ndarray) -> np.ndarray:
    """M of the module's formula; kappa is top^2 E[(w'/rho) u u^T]."""
    square = q * (q / np.max(q))
    return np.diag(q * q * lam) + square[:, None] * square * kappa
