"""Lower bounds for the model: the dual norm, and a certificate for an approximate optimum.

Both are about F(Q) = E H(|Q zeta|) - <Q, G> over *all* matrices Q; only singular values enter.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from labs.core.arrays import array_namespace, check_double, check_nonnegative, check_shape
from labs.core.sphere import weight_moments
from labs.isotropic_curvature._certificate import gap_of_steps, gap_of_weights, linear_weights
from labs.isotropic_curvature._locking import lock
from labs.isotropic_curvature._newton import solve_stationarity
from labs.isotropic_curvature.curvature import Power

Array = Any


def dual_norm(g: Array, n: int | None = None) -> tuple[Array, Array]:
    """Kernel: N^*(g) = max {<q, g> : N(q) <= 1}, N(q) = E |diag(q) zeta|, and the q that attains it.

    g (..., k), finite, nonnegative, any order; n >= k, default k.  Returns (value (...), maximiser (..., k))
    with N(maximiser) = 1, zero where g is zero; both are 0 for g = 0.

    The maximiser satisfies q_i E[u_i / rho] = g_i / N^*(g), solved up to scale by Newton's method in log q.
    N^* decides existence (Su 2025; ICM-C1): F is bounded below if N^*(g) < H'(inf), not if N^*(g) > H'(inf).
    Relative error about 1e-14.  Raises ValueError for bad g or n, RuntimeError where Newton's method fails.
    """
    check_shape((None,), g=g)
    check_double(g=g)
    check_nonnegative(g=g)
    xp = array_namespace(g)
    n = _dimension(g, n)
    length = Power(1.0)
    top = xp.max(g, axis=-1, keepdims=True) if g.size else g[..., :1]
    unit = xp.where(top > 0, top, xp.ones_like(top))
    scaled = g / unit

    root = solve_stationarity(lambda q: weight_moments(length, q, n), scaled, scaled, up_to_scale=True)
    if not bool(xp.all(root.converged)):
        worst = float(xp.max(root.residual))
        raise RuntimeError(f"dual_norm did not converge: largest relative residual {worst:.1e}")
    q = root.q / xp.where(root.phi > 0, root.phi, xp.ones_like(root.phi))[..., None]
    return xp.sum(q * g, axis=-1), q


def _dimension(g: Array, n: int | None) -> int:
    """n, or the length of g where n is None; at least that length."""
    k = g.shape[-1]
    if n is not None and (n != int(n) or n < k):
        raise ValueError(f"n must be an integer >= the length {k} of g, got {n!r}")
    return k if n is None else int(n)


def duality_gap(g: Array, q: Array, H: Any, n: int | None = None) -> Array:
    """Kernel: an upper bound on F(q) - inf F over all matrices, for any q; shape (...).

    g, q  (..., k), finite, nonnegative, entry by entry in the same order; n >= k, default k.
    For any random y with E[y zeta^T] = G, F >= -E H^*(|y|).  Take y = w(rho) D zeta (in singular
    coordinates), D = diag(g_i/lambda_i): feasible exactly, and optimal if q is.  With
    e_i = g_i/(q_i lambda_i) - 1 and tau_i = q_i^2 u_i / rho^2 (nonnegative, summing to 1),
    |y| = H'(rho) (sum_i tau_i (1 + e_i)^2)^{1/2}.

    Under A2 v -> H^*(sqrt v) is concave, and its tangent at v = H'(rho)^2 gives
        gap <= (1/2) sum_i q_i^2 lambda_i e_i^2 = (1/2) sum_i (g_i - q_i lambda_i)^2 / lambda_i.
    For x^p, p < 2, it is convex; Jensen's inequality in tau gives `conjugate_excess`
    (_certificate.py) in place of e_i^2 / 2.
    A sum of powers is bounded term by term (H^* <= sum of the conjugates, each with its share of y), and
    the excess falls with p, so the smallest exponent bounds all.  The share of a linear term c x must keep
    |y| <= c: it is left at D = diag(q), and the others make up for it.

    Where H' is a step function y is mixed with a shorter field, first order in the residual (`gap_of_steps`); where
    all q_i are a kink that holds them, y is the density that shows it (`lock`).
    inf where no bound of this kind is known (a Custom H that is not super-quadratic) and where g_i > 0 = q_i.
    Quadratic in the residual, so about 1e-26 of F at a converged solution.  Cost: one evaluation of `expect`
    with order 1.  Raises ValueError for bad g, q, n.  Derived here.
    """
    check_shape((None,), g=g)
    check_shape((g.shape[-1],), q=q)
    check_double(g=g, q=q)
    check_nonnegative(g=g, q=q)
    n = _dimension(g, n)
    xp = array_namespace(g, q)
    lam = weight_moments(H, q, n, second=False)[1]
    if getattr(H, "kinks", ()):
        k = g.shape[-1]
        together = zip(g.reshape(-1, k), q.reshape(-1, k), lam.reshape(-1, k), strict=True)
        rows = [_kinked_gap(H, *row, n=n) for row in together]
        return np.reshape(np.asarray(rows, dtype=np.float64), lam.shape[:-1])
    return gap_of_weights(H, q, lam, linear_weights(H, q, n), g) + xp.zeros_like(lam[..., 0])


def _kinked_gap(H: Any, g: np.ndarray, q: np.ndarray, lam: np.ndarray, n: int) -> float:
    """The gap at one spectrum for an H with kinks."""
    if n == q.size and np.all(g > 0) and np.all(q == q[0]):
        held = lock(g, H)
        if held is not None and held.radius == q[0]:
            return held.gap
    if H.superquadratic:
        return float(gap_of_weights(H, q, lam, 0.0 * q, g))
    if np.any((g > 0) & (q == 0)):
        return math.inf
    on = q > 0
    if np.any(g[on] == 0) or not np.any(on):
        return 0.0 if not np.any(q) and not np.any(g) else math.inf
    return gap_of_steps(H, q[on], lam[on], g[on], float(dual_norm(g, n)[0]))
