"""The polar factor of a batch of matrices: the door, the choice of a method, and the way back to the SVD."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labs.core.arrays import (
    Array,
    array_namespace,
    check_real,
    check_shape,
    device,
    to_numpy,
)
from labs.core.polar._batches import at, identity_where, largest, powers, replaced, scaled
from labs.core.polar._eigen import eigen
from labs.core.polar._newton import newton
from labs.core.polar._products import products
from labs.core.polar._scratch import Scratch, scratch_for
from labs.core.polar._steps import eps
from labs.core.polar.certificate import Certificate, certify

# Each gives (Q, which of its items are accepted); "newton" takes square matrices.
SOLVERS = {"eigen": eigen, "newton": newton, "products": products}
METHODS = ("auto", "svd", *SOLVERS)

# NumPy: numbers of a chunk, 256 kB of doubles, so that what a step touches stays in the processor's own cache.
CHUNK = 32768
# NumPy: below this many numbers the calls cost more than the singular value decompositions (measured).
FEW = 3000
# NumPy: from this length of the short side on, and for matrices so many times as long as wide, "eigen" is faster
# than "newton" (measured).
LARGE = 112
TALL = 8


@dataclass(frozen=True)
class PolarResult:
    """The polar factor with what is known of it, per item.

    q            (..., m, n), the factor
    rank         (...), integers: how many singular values count; 0 for zeros
    by_svd       (...), booleans: computed by a singular value decomposition, by choice or because the method asked
                 for did not meet its certificate
    certificate  the errors, in units of rounding
    """

    q: Array
    rank: Array
    by_svd: Array
    certificate: Certificate


def polar(A: Array, method: str = "auto", *, rtol: float | None = None) -> PolarResult:
    """Kernel: the polar factor Q = U V^T of A = U diag(s) V^T, with its rank and a certificate for every item.

        A = Q H,   H = (A^T A)^{1/2},   Q = A (H^+) = gradient of the nuclear norm where A has full rank

    A        (..., m, n), real, finite; float64 or float32
    method   "svd"       singular value decompositions
             "newton"    a scaled Newton step (one inverse; QR first where m != n), then products
             "products"  products alone: lifts as in Polar Express, made safe for rounding, then Newton-Schulz
             "eigen"     eigenvectors of the Gram matrix, corrected; for condition numbers up to about 1e4
             "auto"      NumPy: "svd" where there is little to do, "eigen" from 112 columns on and for very tall or
                         wide matrices, else "newton"; other libraries: "products"
    rtol     singular values up to rtol times the largest count as zeros, 0 <= rtol < 1, default max(m, n) eps: then
             Q is the smallest partial isometry, Q^T Q and Q Q^T the projections on the row and the column space

    All methods give the same answer to rounding (`Certificate`).  All but "svd" look at their answer and leave to
    the SVD, item by item, what they cannot be certain of: rank-deficient matrices, and condition numbers near
    1/(10 n eps).  polar(c A) = polar(A) from subnormal to huge entries: each is first scaled by a power of two.
    Cost for n x n, in products of two such matrices: "svd" 20 (n = 500) to 200 (n = 16); "newton" an inverse and
    about 15 + 0.8 log2(cond A); "products" 40 for condition numbers up to 1e5, 36 more for every further factor 3e4.
    Raises ValueError for bad A, method or rtol.  Source: Higham 1986 (scaled Newton); Nakatsukasa and Higham 2012
    (stability); Amsel et al. 2025 (Polar Express); their combination and the correction in "eigen" are from here.
    """
    q, rank, by_svd = _factor(A, method, rtol)
    return PolarResult(q, rank, by_svd, certify(A, q, by_svd))


def msign(A: Array, method: str = "auto", *, rtol: float | None = None) -> Array:
    """Kernel: the polar factor alone: `polar(A, method).q` without the cost of the certificate."""
    return _factor(A, method, rtol)[0]


def _factor(A: Array, method: str, rtol: float | None) -> tuple[Array, Array, Array]:
    """(q, rank, by_svd)."""
    check_shape((None, None), A=A)
    check_real(A=A)
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, got {method!r}")
    if rtol is not None and not 0.0 <= rtol < 1.0:
        raise ValueError(f"rtol must be in [0, 1), got {rtol!r}")
    scratch = scratch_for(array_namespace(A))
    xp, (m, n), batch = scratch.xp, A.shape[-2:], A.shape[:-2]
    b = math.prod(batch)
    X = xp.reshape(A, (b, m, n))
    if rtol is None:
        rtol = max(m, n) * eps(A, xp)
    if method == "auto":
        method = choice(b, m, n) if scratch.on_host else "products"
    if method == "svd" or b == 0:
        q, rank = _by_svd(X, rtol, scratch, A)
        by_svd = xp.ones((b,), dtype=xp.bool, device=device(A))
    else:
        q, rank, by_svd = _by_iteration(X, A, method, rtol, scratch)
    return xp.reshape(q, A.shape), xp.reshape(rank, batch), xp.reshape(by_svd, batch)


def choice(b: int, m: int, n: int) -> str:
    """The method that "auto" takes for b matrices m x n in NumPy."""
    if b * m * n < FEW:
        return "svd"
    return "eigen" if min(m, n) >= LARGE or max(m, n) >= TALL * min(m, n) else "newton"


def _by_svd(X: Array, rtol: float, scratch: Scratch, whole: Array | None = None) -> tuple[Array, Array]:
    """(q, rank) of X (b, m, n), a part of `whole`."""
    xp = scratch.xp
    u, s, vt = xp.linalg.svd(scaled(X, xp, whole), full_matrices=False)
    kept = (s > rtol * s[:, :1]) & (s > 0.0)
    u *= xp.astype(kept, X.dtype)[:, None, :]
    return u @ vt, xp.sum(xp.astype(kept, xp.int64), axis=-1)


def _by_iteration(
    X: Array, whole: Array, method: str, rtol: float, scratch: Scratch
) -> tuple[Array, Array, Array]:
    """(q, rank, by_svd) of X (b, m, n), b >= 1: `whole` in another shape."""
    xp, (b, m, n) = scratch.xp, X.shape
    with np.errstate(all="ignore"):  # what overflows on the way (nearly singular matrices) is not accepted
        q, accepted, zero = _in_chunks(X, whole, method, rtol, scratch)
    rank = xp.where(zero, 0, xp.full((b,), min(m, n), dtype=xp.int64, device=device(X)))
    (rejected,) = to_numpy(~accepted).nonzero()
    if rejected.size == b:
        q, rank = _by_svd(X, rtol, scratch)
    elif rejected.size:
        exact, exact_rank = _by_svd(at(X, rejected, xp), rtol, scratch)
        q, rank = replaced(q, rejected, exact, xp), replaced(rank, rejected, exact_rank, xp)
    return q, rank, ~accepted


def _in_chunks(
    X: Array, whole: Array, method: str, rtol: float, scratch: Scratch
) -> tuple[Array, Array, Array]:
    """(q, accepted, whether it is zero) of X (b, m, n): in one go, but for NumPy in chunks that fit its cache."""
    if not scratch.on_host:
        return _chunk(X, whole, method, rtol, scratch)
    b, m, n = X.shape
    size = max(1, CHUNK // (m * n))
    q, accepted, zero = np.empty_like(X), np.empty(b, dtype=bool), np.empty(b, dtype=bool)
    for i in range(0, b, size):
        part = slice(i, i + size)
        some, accepted[part], zero[part] = _chunk(X[part], whole, method, rtol, scratch)
        q[part] = some
        scratch.give(some.mT if m < n else some)
    scratch.close()
    return q, accepted, zero


def _chunk(A: Array, whole: Array, method: str, rtol: float, scratch: Scratch) -> tuple[Array, Array, Array]:
    """(q, accepted, whether it is zero) of A (b, m, n), a part of `whole`."""
    xp, (m, n) = scratch.xp, A.shape[-2:]
    top = largest(A, xp, whole)
    first, second = powers(top, xp)
    X = scratch.multiply(A.mT if m < n else A, first)
    X *= second
    zero = top == 0.0
    some = bool(xp.any(zero))
    if some:
        X = identity_where(zero, X, xp)  # what has no factor must not disturb
    solver = SOLVERS[method]
    if m == n or method != "newton":
        q, accepted = solver(X, rtol, scratch)
    else:
        basis, triangle = xp.linalg.qr(X)
        inner, accepted = solver(triangle, rtol, scratch)
        q = basis @ inner
    if some:
        q = xp.where(zero[:, None, None], 0.0, q)
    if q is not X:
        scratch.give(X)
    return q.mT if m < n else q, accepted, zero
