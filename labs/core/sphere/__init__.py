"""Expectations over the unit sphere of a function of the length of a scaled uniform vector.

`expect` is the door; `weight_moments` is what solvers use.  Sums of powers go to the one-dimensional integrals of
_powers.py (any array library, batched); any other function to the contour integrals of _general.py (NumPy, item
by item), or, where H' or H'/x is a step function, to those of _steps.py.  Powers and contours share no formula, so
each is the other's reference in the tests; _general.py, which takes step functions too, is that of _steps.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from labs.core.arrays import (
    array_namespace,
    check_double,
    check_finite,
    check_nonnegative,
    check_shape,
    device,
    require_host,
)
from labs.core.sphere._general import tails
from labs.core.sphere._moments import weight_moments

Array = Any

__all__ = ["TailMoments", "expect", "tail_moments", "weight_moments"]


def expect(H: Any, q: Array, n: int | None = None, order: int = 2) -> tuple[Array, Array, Array]:
    """Kernel: E H(|diag(q) zeta|) over the sphere S^{n-1}, with its gradient and Hessian in q.

        value = E H(rho),   gradient_i = q_i lambda_i,   hessian = diag(lambda) + (q q^T) o E[(w'/rho) u u^T],

    rho^2 = sum_i q_i^2 u_i, u_i = zeta_i^2, w = H'/x, lambda_i = E[w(rho) u_i] (Su 2025, section 2).

    H      a curvature function: `H.terms` (pairs of exponent and coefficient) where it is a sum of powers,
           else H(x), H.slope, H.weight, H.weight_slope and H.breaks; then q must be a NumPy array.
           Where H' jumps (`H.kinks`), second derivatives and an all-equal q at a kink are those from the right.
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


@dataclass(frozen=True)
class TailMoments:
    """P(a.u > 0); E[u_i 1{a.u > 0}] for one coordinate of each group (k,); its derivatives in a_j (k, k)."""

    mass: float
    first: np.ndarray
    derivative: np.ndarray


def tail_moments(a: np.ndarray, multiplicity: np.ndarray | None = None) -> TailMoments:
    """Host routine: the sphere beyond a central quadric, P_i(a) = E[u_i 1{a.u > 0}], u_i = zeta_i^2.

    a             (k,), finite, any signs, not all zero.
    multiplicity  (k,) integers >= 1, default ones: a_i stands for so many coordinates; n is their sum.

    P_i is the gradient of E(a.u)_+ (so sum_i m_i a_i P_i = E(a.u)_+), and the derivatives are
    dP_i/da_j for two different coordinates of groups i and j, on the diagonal for one coordinate with itself.
    Where all a_i >= 0 the event is certain: P_i = 1/n and no derivative; where all a_i <= 0 it is impossible.
    Relative error about 1e-14 however small the probability, in the derivatives 1e-14 of the largest (Imhof's
    integral on a contour through its saddle point, _general.py).  Cost O(k^2) times 50-400 contour nodes.
    Raises ValueError for bad a, multiplicity.
    """
    require_host(a=a)
    a = np.asarray(a, dtype=np.float64)
    check_finite(a=a)
    if a.ndim != 1 or not np.any(a):
        raise ValueError(f"a must be an array of shape (k,) that is not zero, got {a!r}")
    count = np.ones(a.shape) if multiplicity is None else np.asarray(multiplicity, dtype=np.float64)
    if count.shape != a.shape or np.any(count < 1) or np.any(count != np.floor(count)):
        raise ValueError(
            f"multiplicity must be integers >= 1 of the shape {a.shape} of a, got {multiplicity!r}"
        )
    n = int(count.sum())
    if np.all(a >= 0) or np.all(a <= 0):
        certain = float(np.any(a > 0))
        return TailMoments(certain, np.full(a.shape, certain / n), np.zeros((a.size, a.size)))
    t = tails(a[None], count, n, np.ones(1))
    assert t.second is not None
    return TailMoments(float(t.mass[0]), t.first[0], t.second)
