"""How far a matrix is from being the polar factor of another: found from the two alone, in units of rounding."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labs.core.arrays import Array, Namespace, array_namespace, check_finite, check_shape, device, to_numpy
from labs.core.polar._batches import at, identity_where, replaced, scaled


@dataclass(frozen=True)
class Certificate:
    """Five errors of a polar factor q of A, each (...), in units of max(m, n) eps; H is q^T A made symmetric.

    orthogonality  |q q^T q - q|_F: q is a partial isometry
    residual       |A - q H|_F / |A|_F
    asymmetry      |q^T A - A^T q|_F / |A|_F.  Orthogonality alone proves nothing: it may be as small as rounding
                   where this is 1e8
    negativity     |H_-|_F / |A|_F, H_- the negative part of H (where a Cholesky factor shows that H is positive: a
                   bound, the residual of the factor)
    duality        the gap in <q, A> / |q|_op <= nuclear norm of A <= |q|_op |H|_* + |A - q H|_*, relative

    They are 0 for A = 0, about 1 where rounding is all that happened, and below 30 for every method of `polar`.
    """

    orthogonality: Array
    residual: Array
    asymmetry: Array
    negativity: Array
    duality: Array


def certify(A: Array, q: Array, singular: Array | None = None) -> Certificate:
    """Kernel: the certificate of q as the polar factor of A: both (..., m, n).

    singular  (...), booleans: whose H may be singular, so that it is judged by its eigenvalues; the others by a
              Cholesky factor, which is quicker (and by eigenvalues too if that fails).  Default: all.

    Knows nothing of how q was found.  It does not see whether q is the *smallest* partial isometry: where A is
    rank-deficient, q may act on the null space of A.  Cost: four products of n x n matrices and the eigenvalues of
    H.  Raises ValueError for bad A or q.
    """
    xp = array_namespace(A, q)
    check_shape((None, None), A=A)
    check_shape(tuple(A.shape[-2:]), q=q)
    check_finite(q=q)
    if A.shape != q.shape:
        raise ValueError(f"q must be an array of the shape {tuple(A.shape)} of A, got shape {tuple(q.shape)}")
    (m, n), batch = A.shape[-2:], A.shape[:-2]
    eigenvalues = xp.ones(batch, dtype=xp.bool, device=device(A)) if singular is None else singular
    b = math.prod(batch)
    A, q = scaled(xp.reshape(A, (b, m, n)), xp), xp.reshape(q, (b, m, n))
    if m < n:
        A, q = A.mT, q.mT
    M = q.mT @ A
    H = 0.5 * (M + M.mT)
    size = _norm(A, xp)
    unit = max(m, n) * float(xp.finfo(A.dtype).eps)
    trace = xp.sum(q * A, axis=(-2, -1))
    orthogonality = _norm(q @ (q.mT @ q) - q, xp)
    residual = _norm(A - q @ H, xp)
    negativity = _negative_part(H, xp.reshape(eigenvalues, (b,)), xp)
    root = float(min(m, n)) ** 0.5  # |X|_* <= root |X|_F
    stretch = 1.0 + orthogonality  # at least |q|_op
    upper = stretch * (trace + 2.0 * root * negativity) + root * residual
    errors = (
        orthogonality / unit,
        _over(residual, unit * size, xp),
        _over(_norm(M - M.mT, xp), unit * size, xp),
        _over(negativity, unit * size, xp),
        _over(upper - trace / stretch, unit * upper, xp),
    )
    return Certificate(*(xp.reshape(error, batch) for error in errors))


def _negative_part(H: Array, eigenvalues: Array, xp: Namespace) -> Array:
    """|H_-|_F of symmetric H (b, n, n), or, where H = L L^T + E is found, the bound |E|_F."""
    by_eigenvalues = to_numpy(eigenvalues)
    if by_eigenvalues.all():
        return _by_eigenvalues(H, xp)
    positive = identity_where(eigenvalues, H, xp)
    try:
        L = xp.linalg.cholesky(positive)
    except np.linalg.LinAlgError:  # NumPy refuses the batch for one of them
        return _by_eigenvalues(H, xp)
    bound = _norm(positive - L @ L.mT, xp)
    bound = xp.where(bound < math.inf, bound, math.inf)  # CuPy goes on, and leaves nonsense
    (items,) = by_eigenvalues.nonzero()
    return replaced(bound, items, _by_eigenvalues(at(H, items, xp), xp), xp) if items.size else bound


def _by_eigenvalues(H: Array, xp: Namespace) -> Array:
    values = xp.linalg.eigvalsh(H)
    negative = xp.where(values < 0.0, values, 0.0)
    return xp.sqrt(xp.sum(negative * negative, axis=-1))


def _norm(X: Array, xp: Namespace) -> Array:
    return xp.sqrt(xp.sum(X * X, axis=(-2, -1)))


def _over(error: Array, size: Array, xp: Namespace) -> Array:
    """error / size, and 0 where both are 0."""
    return error / xp.where(size > 0.0, size, 1.0)
