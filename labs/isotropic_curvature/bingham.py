"""Muon as the limit of steep power laws, and the first correction to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from labs.core.arrays import check_positive, check_shape, require_host
from labs.isotropic_curvature._contour import log1p, saddle_nodes

Array = Any

# The contour integrals have a relative error of about 1e-13 (n = 2, where the integrand decays slowest), so that is
# what the moments can be matched to; a Newton step that no longer improves them is the last one.
MATCHED = 1e-12


def bingham_parameters(g: Array) -> np.ndarray:
    """Host routine: the Bingham parameters b of a gradient: q_i/q_1 = 1 - b_i/p + O(p^-2) for H = x^p (ICM-X5).

        E[e^{-b.u} u_i] / E[e^{-b.u}] = g_i / sum g,   min b = 0,   u_i = zeta_i^2, zeta uniform on S^{n-1}

    g (n,), finite and positive, in any order: b is in the same order, zero where g is largest.  With
    a_j = b_j + c > 0 (c is free: sum u = 1) the mean is a contour integral,

        E_b[u_i] = int e^s prod_j (s + a_j)^{-1/2} (1/2)(s + a_i)^{-1} ds / int e^s prod_j (s + a_j)^{-1/2} ds,

    taken through the saddle point, which is at s = 0 for sum_j 1/(2 a_j) = 1; where the integrand is narrow
    E_b[u_i] = 1/(2 a_i), and Newton's method starts there.
    The moments match to 1e-12 relative; the error of b_i is about that of b_i + n.  4-7 steps of C n^2 + n^3
    flops, C = 100-400 nodes.
    Raises ValueError for a g that is not a positive vector, RuntimeError where Newton's method fails.
    Source: derived here (Su 2025 states the model); the distribution is Bingham's (1974).
    """
    require_host(g=g)
    g = np.asarray(g, dtype=np.float64)
    check_shape((None,), g=g)
    if g.ndim != 1:
        raise ValueError(f"g must be one spectrum, of shape (n,), got shape {g.shape}")
    check_positive(g=g)
    share = g / np.max(g)
    share = share / np.sum(share)
    top = int(np.argmax(g))
    rest = np.arange(g.size) != top
    a = 1 / (2 * share)
    best, found = np.inf, a
    for _ in range(60):
        a = _centred(a)
        mean, covariance = _moments(a)
        mismatch = float(np.max(np.abs(mean / share - 1)))
        if mismatch >= best and best <= MATCHED:
            break
        if mismatch < best:
            best, found = mismatch, a
        # d E[u_i]/d b_j = -covariance_ij, in units of a; b is free up to a constant, so the top entry stays.
        step = np.zeros_like(a)
        step[rest] = np.linalg.solve(covariance[np.ix_(rest, rest)], ((mean - share) * a)[rest])
        a = a * (1 + step * min(1.0, 0.5 / max(float(np.max(np.abs(step))), 0.5)))
    if not best <= MATCHED:
        raise RuntimeError(
            f"bingham_parameters did not converge: relative mismatch of the moments {best:.1e}"
        )
    return np.maximum(found - found[top], 0.0)


def _centred(a: np.ndarray) -> np.ndarray:
    """a + c with sum 1/(2 (a + c)) = 1: Newton's method for a convex decreasing function, kept within a > 0."""
    for _ in range(100):
        excess = np.sum(0.5 / a) - 1
        c = float(excess / np.sum(0.5 / a**2))
        a = a + max(c, -0.5 * float(np.min(a)))
        if abs(excess) <= 1e-13:
            break
    return a


def _moments(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E_b[u_i], and a_i a_j times the covariance of u_i and u_j, for b = a + constant, sum 1/(2a) = 1."""
    z, weight = saddle_nodes(
        lambda z: z - 0.5 * np.sum(log1p(z[:, None] / a), axis=-1),
        float(np.sum(0.5 * a**-2)),
        float(-np.sum(a**-3)),
    )
    weight = weight / np.sum(weight.real)
    inverse = 1 / (1 + z[:, None] / a)
    mean = (weight @ inverse).real / 2  # a_i E[u_i]
    second = ((weight[:, None] * inverse).T @ inverse).real / 4 * (1 + 2 * np.eye(a.size))
    return mean / a, second - np.outer(mean, mean)
