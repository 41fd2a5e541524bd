"""Polar factors of matrices of full rank from the eigenvectors of the Gram matrix, corrected."""

from __future__ import annotations

import numpy as np

from labs.core.arrays import Array, device
from labs.core.polar import _steps
from labs.core.polar._batches import identity_where
from labs.core.polar._scratch import Scratch

# The Gram matrix serves up to about eps cond^2 = 1e-7, cond = 2e4.  The pivots of its Cholesky factor spread less
# than the singular values: where the logarithms of these are evenly spread, by about n^{1/2}.
PIVOTS = 5e-5


def eigen(A: Array, rtol: float, scratch: Scratch) -> tuple[Array, Array]:
    """Eigenvectors of A^T A, and one step of Jacobi's one-sided kind: (Q, accepted) of matrices (b, m, n), m >= n.

        A^T A V = V diag(lambda),   C = A V with its columns divided by their lengths d,   R = I - C^T C,
        Q = C (I + T) V^T,   T_ij = R_ij d_i / (d_i + d_j)

    The Gram route alone, C V^T, has the relative error e = eps cond(A)^2, which R shows; T + T^T = R makes the
    columns orthogonal and T_ij d_j = d_i T_ji makes Q^T A symmetric, both to first order: what is left is e^2.
    Every entry of T is found to eps.  Derived here.  In double precision throughout: in single the Gram matrix
    would serve for condition numbers up to 30 only.
    """
    xp, n = scratch.xp, A.shape[-1]
    X = xp.astype(A, xp.float64, copy=False)
    G = _steps.gram(X, 1.0, scratch)
    hopeless = _ill_conditioned(G, scratch)
    if bool(xp.all(hopeless)):
        scratch.give(G)
        return A, ~hopeless
    V = xp.linalg.eigh(identity_where(hopeless, G, xp) if bool(xp.any(hopeless)) else G)[1]
    C = scratch.matmul(X, V)
    d = xp.sqrt(xp.sum(C * C, axis=-2))
    regular = xp.min(d, axis=-1) > max(rtol, _steps.resolution(X, xp)) * xp.max(d, axis=-1)
    d = xp.where(regular[:, None], d, 1.0)
    C /= d[:, None, :]
    R = _steps.plus_identity(_steps.gram(C, -1.0, scratch), 1.0, scratch)
    near = _steps.squares(R, xp) <= n * _steps.eps(X, xp)
    sums = scratch.add(d[:, :, None], d[:, None, :])
    R *= d[:, :, None]
    R /= sums
    P = scratch.matmul(C, R)
    P += C
    Q = scratch.matmul(P, V.mT)
    scratch.give(G, C, R, P, sums)
    return xp.astype(Q, A.dtype, copy=False), regular & near & ~hopeless


def _ill_conditioned(G: Array, scratch: Scratch) -> Array:
    """For which G = A^T A (b, n, n) the eigenvectors are not worth while: (b,), booleans; NumPy only."""
    xp, (b, n) = scratch.xp, G.shape[:2]
    bad = xp.zeros((b,), dtype=xp.bool, device=device(G))
    if not scratch.on_host:
        return bad
    from scipy.linalg.lapack import dpotrf

    for i, g in enumerate(G):
        copy = scratch.multiply(g, 1.0)
        factor, failed = dpotrf(copy.T, lower=True, overwrite_a=True, clean=False)
        pivots = np.abs(factor.diagonal())
        bad[i] = failed or pivots.min() < PIVOTS * n**0.5 * pivots.max()
        scratch.give(copy)
    return bad
