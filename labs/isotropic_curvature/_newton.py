"""Newton's method for g_i = q_i lambda_i(q) in x = log q, where the problem is well conditioned.

With r_i = log(q_i lambda_i / g_i) the Jacobian is J_ij = delta_ij + q_j^2 K_ij / lambda_i, K = E[(w'/rho) u u^T],
similar to Lambda^{-1/2} (hessian of phi) Lambda^{-1/2}.  Its eigenvalues lie between 1 + inf kappa and 1 + sup kappa
(for x^p: between 1 and p - 1), however graded g is.  So Newton's direction, damped until the largest |r_i|
falls, converges from anywhere; Su 2025 states the model, the method is derived here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labs.core.arrays import array_namespace, device

Array = Any

# r is computed to about 1e-14 at best.  An item is finished when its residual is below FLOOR, or below ENOUGH and
# no longer falling by half: then rounding is all that is left.
FLOOR = 5e-15
ENOUGH = 5e-13
LONGEST_STEP = 3.0  # in log q: keeps the first step inside the range of floats


@dataclass(frozen=True)
class Root:
    """q (..., k), zero where inactive, with phi (...) and lambda (..., k) there (lambda is 1 where inactive);
    the residual max |log(q_i lambda_i / g_i)| (...); whether it is at rounding level; Newton steps (...).
    """

    q: Array
    phi: Array
    lam: Array
    residual: Array
    converged: Array
    iterations: Array


def solve_stationarity(
    moments: Callable[[Array], tuple[Array, Array, Array]],
    g: Array,
    start: Array,
    *,
    up_to_scale: bool = False,
    max_iterations: int = 200,
) -> Root:
    """q with q_i lambda_i(q) = g_i on the entries with g_i > 0, and q_i = 0 on the others.

    moments(q) gives (phi, lambda, top^2 K), shapes (...), (..., k), (..., k, k), top the largest entry of q, which
               is zero where g is.
    start      (..., k), positive where g is.
    up_to_scale  find q with q lambda proportional to g, for lambda homogeneous of degree -1 (H = x), where the
               scale of q is free and r has a free additive constant.
    Each item has its own step length and keeps its best point; finished items are frozen.
    """
    xp = array_namespace(g)
    k = g.shape[-1]
    active = g > 0
    eye = xp.eye(k, dtype=g.dtype, device=device(g))
    ones, zeros = xp.ones_like(g), xp.zeros_like(g)
    tiny = xp.full_like(g, 1e-300)  # for an item without active entries, where q = 0
    share = xp.astype(active, g.dtype) / k
    log_g = xp.log(xp.where(active, g, ones))

    def system(x: Array) -> tuple[Array, Array, Array, Array]:
        """(phi, lambda, r, J) at q = exp(x); columns of inactive entries are those of the identity (q_j = 0)."""
        q = xp.where(active, xp.exp(x), zeros)
        phi, lam, kappa = moments(q)
        lam = xp.where(active, lam, ones)
        r = xp.where(active, x + xp.log(lam) - log_g, zeros)
        relative = q / xp.max(xp.where(active, q, tiny), axis=-1, keepdims=True)
        jacobian = eye + (relative**2)[..., None, :] * kappa / lam[..., :, None]
        if up_to_scale:
            # J has the null vector 1 (scale); J + 1 v^T is regular and makes the constant of r free.
            huge = 1e300  # not inf: an item with no active entry has inf - inf
            top = xp.max(xp.where(active, r, zeros - huge), axis=-1)
            middle = (top + xp.min(xp.where(active, r, zeros + huge), axis=-1)) / 2.0
            r = xp.where(active, r - middle[..., None], zeros)
            jacobian = jacobian + share[..., None, :]
        return phi, lam, r, jacobian

    x = xp.log(xp.where(active, start, ones))
    phi, lam, r, jacobian = system(x)
    norm = xp.max(xp.abs(r), axis=-1)
    one = xp.ones_like(norm)
    step, iterations, done = one, 0.0 * one, norm <= FLOOR
    for _ in range(max_iterations):
        if bool(xp.all(done)):
            break
        direction = xp.where(active, -xp.linalg.solve(jacobian, r[..., None])[..., 0], zeros)
        length = xp.max(xp.abs(direction), axis=-1)
        step = xp.minimum(step, LONGEST_STEP / (length + 1e-300))
        trial = x + step[..., None] * direction
        phi_new, lam_new, r_new, jacobian_new = system(trial)
        norm_new = xp.max(xp.abs(r_new), axis=-1)
        # Where little is left any improvement is taken; if it is no halving, rounding is reached.  A trial that
        # is not a number is never better.
        little = norm <= ENOUGH
        better = ~done & (norm_new < xp.where(little, norm, (1.0 - 0.1 * step) * norm))
        stalled = little & ~(norm_new <= 0.5 * norm)
        iterations = iterations + xp.where(done, 0.0 * one, one)
        here = better[..., None]
        x, r, lam = xp.where(here, trial, x), xp.where(here, r_new, r), xp.where(here, lam_new, lam)
        jacobian = xp.where(here[..., None], jacobian_new, jacobian)
        norm, phi = xp.where(better, norm_new, norm), xp.where(better, phi_new, phi)
        step = xp.where(better, one, 0.5 * step)
        done = done | stalled | (norm <= FLOOR) | (step < 1e-9)
    q = xp.where(active, xp.exp(x), zeros)
    return Root(q, phi, lam, norm, norm <= ENOUGH, iterations)
