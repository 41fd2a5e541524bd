"""The polar factor of a matrix whose columns are graded over many decades and whose left null vector is known.

The mean block of the gradient, and the gradient itself, are such matrices: column b is proportional to p_b r_b, the
frequency times the residual, in an order that changes along a run, and all columns are orthogonal to one vector c.
A singular value decomposition is accurate relative to the largest column; the polar factor needs every column to
its own size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from labs.associative_memory._memory import with_diagonal
from labs.core.arrays import Array, array_namespace, check_double, check_finite, check_shape, device, to_numpy
from labs.core.polar import msign, newton_schulz, polar_express
from labs.core.polar.schedules import Schedule

EPS = 2.0**-52
# Accepted, in units of M eps: several times what a backward stable decomposition leaves.
ACCEPTED = 50.0
# Where a method is faster than the decomposition (measured), and how uneven the columns may be for it (smallest over
# largest): quintics for matrices of FEW columns and more, the eigenvectors of the Gram matrix for MANY and more.
FEW, MANY = 16, 112
EVEN_FOR_QUINTICS, EVEN_FOR_EIGEN = 1.0 / 12.0, 1e-3
# The quintics take singular values from this to 1 to 1, up to 1e-17.  It is less than EVEN_FOR_QUINTICS, as the bound
# that is taken for the largest one is not sharp.
LEAST = 1.0 / 24.0


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
    M = 5 on.  Columns of nearly one size need neither: five quintics or the eigenvectors of the Gram matrix are tried
    first.  Certificate of all methods, with H = q^T G and the largest entries d of the columns:

        error = max( |q q^T - (I - c c^T)|,  |H - H^T|_ij/max(d_i, d_j) )    (q^T q where columns of G vanish)

    If it exceeds 50 M eps after one of these two, the decomposition follows; an item that still exceeds it is done
    again on the host: QR with column pivoting, then one-sided Jacobi on the transposed triangle (LAPACK's dgejsv),
    whose error does not depend on the grading.  Rank below M - 1 for another reason than vanishing columns is not
    decided: small singular values then are rounding, and count.

    Cost: one decomposition, 3 ms for M = 100, half of it for columns of nearly one size; Jacobi's method takes three
    times that.  Raises ValueError for G or c of another kind, and for a c whose length is not 1 to 1e-12;
    RuntimeError if the certificate fails after Jacobi.
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

    top = xp.maximum(xp.max(G, axis=(-2, -1)), -xp.min(G, axis=(-2, -1)))[..., None, None]
    G, mirror = G / xp.where(top > 0.0, top, 1.0), _mirror(c)
    A = _into_complement(G, mirror)
    norms = xp.max(xp.abs(A), axis=-2)  # no squares: they would underflow
    even = size >= FEW and _even(A, EVEN_FOR_QUINTICS if size < MANY else EVEN_FOR_EIGEN)
    if even:
        P = _by_quintics(A, G) if size < MANY else msign(A, "eigen", rtol=0.0)
        error = _error(A, P, norms, even)
    if not even or bool(xp.any(error > ACCEPTED * size * EPS)):
        P = _by_decomposition(A, norms)
        error = _error(A, P, norms, even)
    jacobi = error > ACCEPTED * size * EPS
    if bool(xp.any(jacobi)):
        P = xp.asarray(_by_jacobi(to_numpy(A), to_numpy(P), to_numpy(jacobi)), device=device(G))
        error = _error(A, P, norms, even)
        worst = float(xp.max(error))
        if worst > ACCEPTED * size * EPS:
            raise RuntimeError(
                f"the polar factor missed its certificate after Jacobi's method: error {worst}"
            )
    return GradedPolar(_from_complement(P, mirror), error, jacobi)


def _mirror(c: Array) -> Array:
    """u (M,) of length sqrt 2: the reflection 1 - u u^T exchanges c and the first axis (up to sign)."""
    xp = array_namespace(c)
    first = xp.astype(xp.arange(c.shape[0], device=device(c)) == 0, c.dtype)
    v = c + xp.where(c[0] < 0.0, -first, first)
    return v * xp.sqrt(2.0 / xp.sum(v * v))


def _into_complement(G: Array, mirror: Array) -> Array:
    """N^T G (..., M - 1, M): the rows of the reflected matrix but the first."""
    A = mirror[1:, None] * -(mirror @ G)[..., None, :]
    A += G[..., 1:, :]
    return A


def _from_complement(P: Array, mirror: Array) -> Array:
    """N P (..., M, M)."""
    q = mirror[:, None] * -(mirror[1:] @ P)[..., None, :]
    q[..., 1:, :] += P
    return q


def _even(A: Array, limit: float) -> bool:
    """Whether in each matrix the smallest column is longer than `limit` times the largest one."""
    xp = array_namespace(A)
    squares = xp.sum(A * A, axis=-2)
    return bool(xp.all(xp.min(squares, axis=-1) > limit**2 * xp.max(squares, axis=-1)))


def _error(A: Array, P: Array, norms: Array, even: bool) -> Array:
    """The certificate of `graded_polar`, in the basis N; `even` says that no column is zero."""
    xp = array_namespace(A)
    orthogonality = _off_identity(P @ P.mT)
    if not even:
        live = norms > 0.0
        tall = _off_identity(P.mT @ P, xp.astype(live, A.dtype))
        orthogonality = xp.where(xp.all(live, axis=-1), orthogonality, tall)
    H = P.mT @ A
    D = H - H.mT
    # The sizes are those of columns of entries up to 1; where both vanish, so does D.
    sizes = xp.where(norms > 0.0, norms, 1.0)
    D /= xp.maximum(sizes[..., :, None], sizes[..., None, :])
    return xp.maximum(xp.max(D, axis=(-2, -1)), orthogonality)


def _off_identity(S: Array, diagonal: Array | float = 1.0) -> Array:
    """The largest |S - diag(diagonal)|, for each S (..., n, n), which is used up."""
    xp = array_namespace(S)
    S = with_diagonal(S, xp.linalg.diagonal(S) - diagonal)
    return xp.maximum(xp.max(S, axis=(-2, -1)), -xp.min(S, axis=(-2, -1)))


@cache
def _quintics() -> Schedule:
    return tuple((float(a), float(b), float(c)) for a, b, c in polar_express(LEAST, 5))


def _by_quintics(A: Array, G: Array) -> Array:
    """The polar factor of A = N^T G by products; right if no singular value is below LEAST (|G|_1 |G|_inf)^(1/2)."""
    xp = array_namespace(A)
    sizes = xp.abs(G)
    bound = xp.max(xp.sum(sizes, axis=-1), axis=-1) * xp.max(xp.sum(sizes, axis=-2), axis=-1)
    return newton_schulz(A / xp.sqrt(bound)[..., None, None], _quintics(), normalise=None)


def _by_decomposition(A: Array, norms: Array) -> Array:
    """The polar factor by a decomposition of the sorted columns, without a cutoff; columns of zeros stay."""
    xp = array_namespace(A)
    order = xp.argsort(norms, axis=-1, descending=True)
    P = _columns(msign(_columns(A, order), "svd", rtol=0.0), xp.argsort(order, axis=-1))
    P *= xp.astype(norms > 0.0, A.dtype)[..., None, :]
    return P


def _columns(A: Array, order: Array) -> Array:
    """The columns of each matrix in the order given for it."""
    xp = array_namespace(A)
    return xp.take_along_axis(A, xp.broadcast_to(order[..., None, :], A.shape), axis=-1)


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
