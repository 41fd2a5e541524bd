"""Expectations over the unit sphere of a function of the length of a scaled uniform vector.

`expect` is the door; `weight_moments` is what solvers use.  Sums of powers go to the one-dimensional integrals of
_powers.py (any array library, batched); any other function to the contour integrals of _general.py (NumPy, item
by item).  The two share no formula, so each is the other's reference in the tests.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from labs.core.arrays import (
    array_namespace,
    check_double,
    check_nonnegative,
    check_shape,
    device,
    require_host,
)
from labs.core.sphere._moments import weight_moments

Array = Any

__all__ = ["expect", "weight_moments"]


def expect(H: Any, q: Array, n: int | None = None, order: int = 2) -> tuple[Array, Array, Array]:
    """Kernel: E H(|diag(q) zeta|) over the sphere S^{n-1}, with its gradient and Hessian in q.

        value = E H(rho),   gradient_i = q_i lambda_i,   hessian = diag(lambda) + (q q^T) o E[(w'/rho) u u^T],

    rho^2 = sum_i q_i^2 u_i, u_i = zeta_i^2, w = H'/x, lambda_i = E[w(rho) u_i] (Su 2025, section 2).

    H      a curvature function: `H.terms` (pairs of exponent and coefficient) where it is a sum of powers,
           else H(x), H.slope, H.weight, H.weight_slope and H.breaks; then q must be a NumPy array.
    q      (..., k), finite, nonnegative, in any order.
    n      dimension of the sphere, at least k (default k); the n - k further entries are zeros.
    order  0, 1 or 2: what is not asked for comes back as None.

    Deterministic, with a relative error of about 1e-14 in the value and in every entry of the gradient,
    however graded q is.  An infinite second derivative (H = x^p, p < 2, at q = 0) is returned as inf.
    Cost for powers: about 100-250 nodes (1 for even powers) times k p flops, k^2 p for the Hessian.
    Raises ValueError for bad q, n, order.
    """
    q, n = _checked(H, q, n)
    if order not in (0, 1, 2):
        raise ValueError(f"order must be 0, 1 or 2, got {order!r}")
    xp = array_namespace(q)
    value, first, second = weight_moments(H, q, n, second=order == 2)
    if order == 0:
        return value, None, None
    # Where q_i = 0 the weight may be infinite, the slope is 0 all the same.
    gradient = q * xp.where(q > 0, first, xp.zeros_like(q))
    if second is None:
        return value, gradient, None
    eye = xp.eye(q.shape[-1], dtype=q.dtype, device=device(q))
    # where: inf * 0 off the diagonal is not wanted.
    diagonal = xp.where(eye > 0, xp.broadcast_to(first[..., None], second.shape), xp.zeros_like(second))
    top = xp.max(q, axis=-1, keepdims=True) if q.size else q[..., :1]
    relative = q / xp.where(top > 0, top, xp.ones_like(top))
    return value, gradient, diagonal + relative[..., :, None] * relative[..., None, :] * second


def _checked(H: Any, q: Array, n: int | None) -> tuple[Array, int]:
    if getattr(H, "terms", None) is None:
        require_host(q=q)
        q = np.asarray(q, dtype=np.float64)
    check_shape((None,), q=q)
    check_double(q=q)
    check_nonnegative(q=q)
    k = q.shape[-1]
    n = k if n is None else n
    if n < k or n != int(n):
        raise ValueError(f"n must be an integer >= the length {k} of q, got {n!r}")
    return q, int(n)
