"""The polar factor of a matrix whose columns are graded over many decades and whose left null vector is known.

The mean block of the gradient, and the gradient itself, are such matrices: column b is proportional to p_b r_b, the
frequency times the residual, in an order that changes along a run, and all columns are orthogonal to one vector c.
A singular value decomposition is accurate relative to the largest column; the polar factor needs every column to
its own size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labs.core.arrays import Array, array_namespace, check_double, check_finite, check_shape, device, to_numpy
from labs.core.polar import msign

EPS = 2.0**-52
# Accepted, in units of M eps: several times what a backward stable decomposition leaves.
ACCEPTED = 50.0


@dataclass(frozen=True)
class GradedPolar:
    """The factor with what is known of it, per item.

    q       (..., M, M), the polar factor
    error   (...), the certificate: the larger of the two defects of `graded_polar`; about the error of q
    jacobi  (...), booleans: the decomposition did not meet the certificate, and Jacobi's method took over
    """

    q: Array
    error: Array
    jacobi: Array


def graded_polar(G: Array, c: Array) -> GradedPolar:
    """Kernel: the polar factor of (I - c c^T) G, accurate for columns of any sizes and in any order.

        q = U V^T,   (I - c c^T) G = U diag(s) V^T over s > 0

    G  (..., M, M), float64, finite.  Its columns may differ by any number of decades; columns of zeros are allowed,
       and are zero in q.  What rounding left of c^T G is dropped.
    c  (M,), a unit vector: the left null vector of G in exact arithmetic

    Method.  In a basis N of the complement of c (a Householder reflection) the M - 1 rows N^T G are sorted by the
    size of their columns, largest first, and given to the singular value decomposition, with no cutoff: of a matrix
    of full rank the small singular values count as much as the large ones.  Unsorted, the factor is wrong by 1 from
    M = 5 on.  Certificate, with H = q^T G and the largest entries d of the columns:

        error = max( |q q^T - (I - c c^T)|,  |H - H^T|_ij/max(d_i, d_j) )    (q^T q where columns of G vanish)

    An item whose error exceeds 50 M eps is done again on the host: QR with column pivoting, then one-sided Jacobi on
    the transposed triangle (LAPACK's dgejsv), whose error does not depend on the grading.  Rank below M - 1 for
    another reason than vanishing columns is not decided: small singular values then are rounding, and count.

    Cost: one decomposition, 3 ms for M = 100; Jacobi's method takes three times that.  Raises ValueError for G or c
    of another kind, and for a c whose length is not 1 to 1e-12; RuntimeError if the certificate fails after Jacobi.
    Source: derived here; Drmac and Veselic 2008 for the accuracy of Jacobi's method on graded matrices.
    """
    check_shape((None, None), G=G)
    check_double(G=G, c=c)
    size = G.shape[-1]
    check_shape((size, size), G=G)
    if c.shape != (size,):
        raise ValueError(f"c must be an array of shape ({size},), as long as G has rows, got shape {c.shape}")
    check_finite(G=G, c=c)
    xp = array_namespace(G, c)
    length = float(xp.sum(c * c))
    if abs(length - 1.0) > 1e-12:
        raise ValueError(f"c must be a unit vector, got one of squared length {length}")
    if size == 1:
        zero = xp.zeros(G.shape[:-2], dtype=G.dtype, device=device(G))
        return GradedPolar(0.0 * G, zero, zero > 0.0)

    top = xp.max(xp.abs(G), axis=(-2, -1), keepdims=True)
    A = _reflected(G / xp.where(top > 0.0, top, 1.0), c)[..., 1:, :]
    norms = xp.max(xp.abs(A), axis=-2)  # no squares: they would underflow
    order = xp.argsort(norms, axis=-1, descending=True)
    A, norms = _columns(A, order), xp.take_along_axis(norms, order, axis=-1)
    P = msign(A, "svd", rtol=0.0) * xp.astype(norms > 0.0, G.dtype)[..., None, :]
    error = _error(A, P, norms)
    jacobi = error > ACCEPTED * size * EPS
    if bool(xp.any(jacobi)):
        P = xp.asarray(_by_jacobi(to_numpy(A), to_numpy(P), to_numpy(jacobi)), device=device(G))
        error = _error(A, P, norms)
        worst = float(xp.max(error))
        if worst > ACCEPTED * size * EPS:
            raise RuntimeError(
                f"the polar factor missed its certificate after Jacobi's method: error {worst}"
            )
    P = _columns(P, xp.argsort(order, axis=-1))
    q = _reflected(xp.concat([0.0 * P[..., :1, :], P], axis=-2), c)
    return GradedPolar(q, error, jacobi)


def _reflected(G: Array, c: Array) -> Array:
    """The reflection that exchanges c and the first axis (up to sign) on the columns of G."""
    xp = array_namespace(G, c)
    first = xp.astype(xp.arange(c.shape[0], device=device(c)) == 0, c.dtype)
    v = c + xp.where(c[0] < 0.0, -first, first)
    return G - v[:, None] * ((2.0 / xp.sum(v * v)) * (v @ G))[..., None, :]


def _columns(A: Array, order: Array) -> Array:
    """The columns of each matrix in the order given for it."""
    xp = array_namespace(A)
    return xp.take_along_axis(A, xp.broadcast_to(order[..., None, :], A.shape), axis=-1)


def _error(A: Array, P: Array, norms: Array) -> Array:
    """The certificate of `graded_polar`, in the basis N and for sorted columns."""
    xp = array_namespace(A)
    rows, size = A.shape[-2:]
    live = xp.astype(norms > 0.0, A.dtype)
    eye = xp.eye(size, dtype=A.dtype, device=device(A))
    tall = xp.max(xp.abs(P.mT @ P - live[..., None, :] * eye), axis=(-2, -1))
    wide = xp.max(xp.abs(P @ P.mT - eye[:rows, :rows]), axis=(-2, -1))
    H = P.mT @ A
    scale = xp.maximum(norms[..., :, None], norms[..., None, :])
    asymmetry = xp.max(xp.abs(H - H.mT) / xp.where(scale > 0.0, scale, 1.0), axis=(-2, -1))
    return xp.maximum(asymmetry, xp.where(live[..., -1] > 0.0, wide, tall))


def _by_jacobi(A: np.ndarray, P: np.ndarray, which: np.ndarray) -> np.ndarray:
    """P with the factors of the items `which` of A replaced: pivoted QR, then Jacobi on the transposed triangle."""
    from scipy.linalg import lapack, qr

    P = P.copy()
    for index in np.argwhere(which):
        item = A[tuple(index)]
        live = np.any(item != 0.0, axis=0)
        q, r, columns = qr(item[:, live], mode="economic", pivoting=True)
        _, u, v, _, _, info = lapack.dgejsv(np.asfortranarray(r.T), joba=0, jobu=0, jobv=0, jobr=0)
        if info != 0:
            raise RuntimeError(f"LAPACK's dgejsv gave up with info = {info}")
        factor = np.zeros_like(item)
        factor[:, np.flatnonzero(live)[columns]] = q @ (u @ v.T).T
        P[tuple(index)] = factor
    return P
