"""The best update of the isotropic curvature model: min over Q of E H(|Q zeta|) - <Q, G>.

The problem depends on the singular values alone (Su 2025; ICM-T1): Q = U diag(q) V^T with G = U diag(g) V^T, and
q solves g_i = q_i E[w(rho) u_i] (ICM-K).  `solve` takes the singular values, `solve_matrix` the matrix.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from labs.core.arrays import (
    array_namespace,
    check_double,
    check_finite,
    check_nonnegative,
    check_shape,
    on_host,
    require_host,
    to_numpy,
)
from labs.core.sphere import weight_moments
from labs.isotropic_curvature._certificate import gap_of_steps, gap_of_weights, linear_weights
from labs.isotropic_curvature._descent import descend
from labs.isotropic_curvature._locking import below_the_kink, lock
from labs.isotropic_curvature._newton import solve_stationarity
from labs.isotropic_curvature._start import start
from labs.isotropic_curvature.duality import dual_norm

Array = Any

STATUSES = ("optimal", "zero", "unbounded", "boundary", "failed")
_OPTIMAL, _ZERO, _UNBOUNDED, _BOUNDARY, _FAILED = range(len(STATUSES))
# N^*(g) and a slope of H are compared to this relative accuracy (dual_norm has about 1e-14).
EQUAL = 1e-12
# Numbers held at a time (items x nodes x k): in a CPU's cache, or in a small part of a GPU's memory.
CHUNK_HOST, CHUNK_DEVICE = 2**16, 2**26


@dataclass(frozen=True)
class Solution:
    """The optimum of the model and what certifies it.  Leading dimensions are those of g.

    q           (..., k) singular values of the update, in the order of g.
    value       (...) F(q) = E H(rho) - <g, q>; -inf where unbounded.
    kkt         (...) max_i |g_i - q_i lambda_i| / g_i over g_i > 0; NaN where q is not a stationary point.
    gap         (...) F(q) - inf F over all matrices is at most this (duality.py); inf where none is known.
    status      "optimal"; "zero": q = 0 is optimal (g = 0, or N^*(g) <= H'(0+)); "unbounded": N^*(g) > H'(inf),
                and q is a direction of descent with N(q) = 1; "boundary": N^*(g) = H'(inf) to 1e-12, where a
                minimiser need not exist: q = 0 and value 0 are returned.  A string, or a NumPy array of strings
                for a batch; in a batch an item can also have "failed" (q is NaN).
    iterations  (...) of Newton's method.
    """

    q: Array
    value: Array
    kkt: Array
    gap: Array
    status: Any
    iterations: Array


def solve(g: Array, H: Any, *, m: int | None = None, n: int | None = None) -> Solution:
    """Kernel: the optimal singular values q for the gradient's singular values g, batched.

        min_{q >= 0} E H(rho) - <g, q>,   rho^2 = sum_i q_i^2 zeta_i^2,  zeta uniform on S^{n-1}

    g     (..., k), finite, nonnegative, in any order (the answer is in the same order).
    H     a curvature function of curvature.py or kinked.py; all but sums of powers need NumPy arrays.
    m, n  shape of the matrix (outputs, inputs), default k each; k <= min(m, n).  Only n matters: zeta lives on
          the input side.

    Newton's method in log q (_newton.py); entries with g_i = 0 get q_i = 0.  kkt is at most 1e-12 for spectra with
    condition 1e6 and powers 1.2 ... 40.  Cost per iteration: one evaluation of `weight_moments` and one k x k
    solve an item; 5-15 iterations.
    Where H has kinks (kinked.py), q = r 1 is returned if the kink at r holds all singular values (`minimal_kink`); if
    not, and where H has linear pieces, F is minimised item by item (_descent.py).  Next to a kink, at the relative
    distance d, rounding q leaves a kkt of about 1e-16/d.
    Raises ValueError for bad g, H, m, n, and RuntimeError where the method fails on a single spectrum.
    Source: Su 2025 (model, alignment); solver and certificate derived here.
    """
    if not hasattr(H, "terms"):
        raise ValueError(f"H must be a curvature function such as Power(4), got {H!r}")
    if not getattr(H, "convex", True):
        raise ValueError(f"H must be convex and nondecreasing (its minimum is what is solved for), got {H!r}")
    if H.terms is None:
        require_host(g=g)
        g = np.asarray(g, dtype=np.float64)
    check_shape((None,), g=g)
    check_double(g=g)
    check_nonnegative(g=g)
    k = g.shape[-1]
    m, n = (k if m is None else m), (k if n is None else n)
    for name, size in (("m", m), ("n", n)):
        if size != int(size) or size < k:
            raise ValueError(f"{name} must be an integer >= the length {k} of g, got {size!r}")

    xp = array_namespace(g)
    batch = g.shape[:-1]
    flat = xp.reshape(g, (math.prod(batch), k))
    parts = [_solve_flat(flat[rows, :], H, int(n)) for rows in _chunks(xp, flat, H)]
    q, value, kkt, gap, iterations, code = (
        xp.concat(columns, axis=0) for columns in zip(*parts, strict=True)
    )
    codes = to_numpy(code).astype(int)
    if not batch and codes[0] == _FAILED:
        raise RuntimeError(f"solve did not converge: relative KKT residual {float(kkt[0]):.1e} for {H!r}")
    status = np.asarray(STATUSES)[codes].reshape(batch)
    return Solution(
        q=xp.reshape(q, g.shape),
        value=xp.reshape(value, batch),
        kkt=xp.reshape(kkt, batch),
        gap=xp.reshape(gap, batch),
        status=status if batch else str(status),
        iterations=xp.reshape(iterations, batch),
    )


def solve_matrix(G: Array, H: Any) -> Array:
    """Kernel: the optimal update Q = U diag(q) V^T for the gradient G = U diag(g) V^T, shape (..., m, n) kept.

    The rows of G are outputs and its columns inputs; a transpose is another problem (ICM-X3), so none is taken.
    Raises ValueError for a G that is not finite or not a matrix, RuntimeError where no optimum exists (status
    "unbounded" or "boundary" of `solve`) or the solver fails.
    """
    check_shape((None, None), G=G)
    check_double(G=G)
    check_finite(G=G)
    xp = array_namespace(G)
    m, n = G.shape[-2:]
    u, g, vt = xp.linalg.svd(G, full_matrices=False)
    solution = solve(g, H, m=m, n=n)
    statuses = {str(s) for s in np.ravel(solution.status)}
    if statuses - {"optimal", "zero"}:
        raise RuntimeError(
            f"no optimal update exists for some G: status {sorted(statuses - {'optimal', 'zero'})}"
        )
    return (u * solution.q[..., None, :]) @ vt


def _chunks(xp: Any, flat: Array, H: Any) -> list[slice]:
    """Slices of the batch that keep the arrays of `weight_moments` within a memory budget; one if empty."""
    items, k = flat.shape
    even = H.terms is not None and all(p == 2 * round(p / 2) for p, _ in H.terms)
    numbers = k * max(k, 1 if even else 150)
    budget = CHUNK_HOST if on_host(xp) else CHUNK_DEVICE
    size = max(1, budget // numbers)
    return [slice(i, min(i + size, items)) for i in range(0, items, size)] or [slice(0, 0)]


def _solve_flat(g: Array, H: Any, n: int) -> tuple[Array, Array, Array, Array, Array, Array]:
    """(q, value, kkt, gap, iterations, status code) for g (items, k)."""
    xp = array_namespace(g)
    top = xp.max(g, axis=-1) if g.shape[0] else g[:, 0]
    zeros, nans = xp.zeros_like(top), xp.full_like(top, float("nan"))
    code = xp.where(top > 0, zeros + float(_OPTIMAL), zeros + float(_ZERO))
    norm, direction = None, None
    if g.shape[0] and (H.slope_at_zero > 0 or H.slope_at_infinity < math.inf):
        norm, direction = dual_norm(g, n)
        flat, steep = H.slope_at_zero, H.slope_at_infinity
        code = xp.where(norm <= flat * (1.0 + EQUAL), zeros + float(_ZERO), code)
        if steep < math.inf:
            code = xp.where(norm > steep * (1.0 + EQUAL), zeros + float(_UNBOUNDED), code)
            code = xp.where(
                (xp.abs(norm - steep) <= EQUAL * steep) & (top > 0), zeros + float(_BOUNDARY), code
            )
    wanted = xp.where((code == float(_OPTIMAL))[..., None], g, xp.zeros_like(g))
    if not H.strictly_convex and H.terms is not None:  # linear: never an interior optimum
        wanted = xp.zeros_like(g)

    if not g.shape[0] or not bool(xp.any(wanted > 0)):
        q, kkt, gap, value, iterations = xp.zeros_like(g), zeros, zeros, zeros, zeros
    else:
        # Kinks and linear pieces: the equations alone do not say how far to go.
        pieces = H.terms is None and (H.kinks or not H.strictly_convex)
        best = _descent(wanted, H, n, norm, direction) if pieces else _newton(xp, wanted, H, n, direction)
        q, kkt, gap, value, iterations, converged = best
        code = xp.where(~converged & (code == float(_OPTIMAL)), zeros + float(_FAILED), code)
    unbounded, failed = code == float(_UNBOUNDED), code == float(_FAILED)
    q = xp.where(failed[..., None], nans[..., None] + q, q)
    if direction is not None:
        q = xp.where(unbounded[..., None], direction, q)
    value = xp.where(unbounded, zeros - float("inf"), xp.where(failed, nans, value))
    kkt = xp.where(unbounded | (code == float(_BOUNDARY)), nans, kkt)
    gap = xp.where(unbounded | failed, zeros + float("inf"), gap)
    return q, value, kkt, gap, iterations, code


def _descent(
    g: np.ndarray, H: Any, n: int, norm: np.ndarray | None, direction: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """As `_newton`, for an H with kinks or linear pieces: a kink may hold all of q; if not, descent on F."""
    q, (kkt, gap, value, iterations) = np.zeros_like(g), np.zeros((4, len(g)))
    converged = np.ones(len(g), dtype=bool)
    begin = start(np, g, H, n, direction)

    def moments(x: np.ndarray, second: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return weight_moments(H, x, n, second=second)

    for item, row in enumerate(g):
        on = row > 0
        held = lock(row, H) if n == row.size and np.all(on) else None
        if held is not None:
            q[item], kkt[item], gap[item] = held.radius, held.kkt, held.gap
            value[item] = float(H(held.radius)) - held.radius * float(np.sum(row))
        elif np.any(on):
            first = begin[item, on]
            if n == row.size and np.all(on):
                first = _lowest([first, *_kink_starts(moments, row, H)], moments, row)
            found = descend(moments, row[on], first)
            q[item, on], kkt[item], iterations[item] = found.q, found.residual, found.iterations
            value[item], converged[item] = found.phi - float(row[on] @ found.q), found.converged
            if getattr(H, "steps", None) == "slope":
                gap[item] = gap_of_steps(H, found.q, found.lam, row[on], float(np.asarray(norm)[item]))
            else:
                gap[item] = gap_of_weights(H, found.q, found.lam, 0.0 * found.q, row[on])
    return q, kkt, gap, value, iterations, converged


def _kink_starts(moments: Callable[..., Any], g: np.ndarray, H: Any) -> Iterator[np.ndarray]:
    """Spectra that are better than the flat one at each kink."""
    for r, A, B in H.kinks:
        start_here = below_the_kink(g, A, B, r, lambda q: q * (q * moments(q, False)[1] - g))
        if start_here is not None:
            yield start_here


def _lowest(spectra: list[np.ndarray], moments: Callable[..., Any], g: np.ndarray) -> np.ndarray:
    """The spectrum with the least F."""
    return min(spectra, key=lambda q: float(moments(q, False)[0] - g @ q))


def _newton(
    xp: Any, g: Array, H: Any, n: int, direction: Array | None
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Stationary points for g (items, k); items that are all zero come back as zero."""
    begin = start(xp, g, H, n, direction)
    root = solve_stationarity(lambda q: weight_moments(H, q, n), g, begin)
    active = g > 0
    zeros = xp.zeros_like(g)
    relative = xp.abs(g - root.q * root.lam) / xp.where(active, g, xp.ones_like(g))
    kkt = xp.max(xp.where(active, relative, zeros), axis=-1)
    lam_linear = xp.where(active, linear_weights(H, root.q, n), zeros)
    gap = gap_of_weights(H, root.q, xp.where(active, root.lam, zeros), lam_linear, g)
    value = root.phi - xp.sum(g * root.q, axis=-1)
    return root.q, kkt, gap, value, root.iterations, root.converged
