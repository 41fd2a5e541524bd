"""The Frechet derivative of the polar factor."""

from __future__ import annotations

import numpy as np

from labs.core.arrays import Array, Namespace, array_namespace, check_finite, check_shape
from labs.core.polar._batches import largest, powers
from labs.core.polar._steps import eps


def polar_derivative(A: Array, E: Array) -> Array:
    """Kernel: the derivative of A -> polar(A) in the direction E, d/dt polar(A + t E) at t = 0: (..., m, n).

        U [(K_ij - K_ji)/(s_i + s_j)] V^T + (I - U U^T) E V diag(1/s) V^T,   K = U^T E V,   A = U diag(s) V^T

    for m >= n (the second term vanishes where m = n); for m < n the transpose of that of A^T.

    A   (..., m, n) of full rank: its smallest singular value is above max(m, n) eps times its largest
    E   (..., m, n), finite; batches broadcast

    The map is its own adjoint, <polar_derivative(A, E), F> = <E, polar_derivative(A, F)>, and positive semidefinite:
    the polar factor is the gradient of the nuclear norm, and this is its Hessian.  It is of degree -1 in A.
    Cost: one singular value decomposition of A and six products.  Raises ValueError for bad A or E, and where A has
    not full rank: there the polar factor jumps.  Source: Kenney and Laub 1991 for m = n; m != n is derived here.
    """
    check_shape((None, None), A=A, E=E)
    check_shape(tuple(A.shape[-2:]), E=E)
    try:
        np.broadcast_shapes(A.shape[:-2], E.shape[:-2])
    except ValueError:
        raise ValueError(
            f"E must broadcast with the batch {tuple(A.shape[:-2])} of A, got shape {tuple(E.shape)}"
        ) from None
    check_finite(A=A, E=E)
    xp = array_namespace(A, E)
    first, second = powers(largest(A, xp), xp)
    X = A * first * second
    D = _tall(X, E, xp) if A.shape[-2] >= A.shape[-1] else _tall(X.mT, E.mT, xp).mT
    return D * first * second


def _tall(A: Array, E: Array, xp: Namespace) -> Array:
    m, n = A.shape[-2:]
    u, s, vt = xp.linalg.svd(A, full_matrices=False)
    if not bool(xp.all(s[..., -1] > m * eps(A, xp) * s[..., 0])):
        raise ValueError("A must be of full rank, got a matrix with a negligible singular value")
    W = E @ vt.mT
    K = u.mT @ W
    D = u @ ((K - K.mT) / (s[..., :, None] + s[..., None, :]))
    if m > n:
        D = D + (W - u @ K) / s[..., None, :]
    return D @ vt
