"""How far a matrix is from the polar factor of another: a proof in ball arithmetic, for small matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from labs.core.arrays import check_finite, check_shape, require_host

LARGEST = 32  # columns of the short side: the work grows like n^3 in numbers of hundreds of bits
STEPS = 60  # the scaled iteration needs about 12


def polar_distance(A: Any, q: Any, *, bits: int = 128) -> Any:
    """Host routine: |q - polar(A)|_F as an Arb ball that contains it, for one matrix of full rank.

    A, q  (m, n), floats (taken exactly), min(m, n) <= 32
    bits  accuracy: the radius is about 2^-bits, however large or small the distance is

    A proof: a reference P is found by Newton's iteration in high precision, from A alone, and its own error is then
    bounded.  For m >= n let S be the symmetric part of P^T A, positive definite with no eigenvalue below h, and

        e = |I - P^T P|_F < 1,   r = |A - P S|_F + e |S|_F < h:
        |P - polar(A)|_F <= e + 2 r/(2 h - r)  (m = n),   e + 2 r/(2 h - r) + r/h  (m > n).

    For P' = polar(P) has |P - P'|_F <= e (a singular value p of P has |1 - p| <= |1 - p^2|), and P' S is the polar
    decomposition of a matrix B with |A - B|_F <= r.  Let A = Q H, W = Q^T P'.  Then Q^T (A - B) = H - W S minus
    (A - B)^T P' = H W - S is H (I - W) + (I - W) S, so |I - W|_F <= 2 r/(h_A + h), where the smallest eigenvalue h_A
    of H is at least h - r; that is the difference of Q and P' inside the range of Q.  Outside it,
    (I - Q Q^T) P' S = (I - Q Q^T)(B - A) is at most r.  Derived here.

    Some ms (n = 4) to a second (n = 32).  Raises ValueError for bad A, q or bits, for larger matrices, and where A is
    not certain to have full rank (else the polar factor may jump).  Needs python-flint.
    """
    from flint import arb, ctx

    require_host(A=A, q=q)
    A, q = np.asarray(A), np.asarray(q)
    check_shape((None, None), A=A)
    check_shape(A.shape, q=q)
    check_finite(A=A, q=q)
    if A.ndim != 2 or min(A.shape) > LARGEST:
        raise ValueError(f"A must be one matrix with at most {LARGEST} rows or columns, got shape {A.shape}")
    if isinstance(bits, bool) or not isinstance(bits, int) or bits < 1:
        raise ValueError(f"bits must be an integer >= 1, got {bits!r}")
    if A.shape[0] < A.shape[1]:
        A, q = A.T, q.T
    with ctx.workprec(2 * bits + 8 * _lost_bits(A) + 64):
        exact = _balls(A)
        try:
            reference = _newton(exact, bits)
            radius = _error(exact, reference)
        except ZeroDivisionError:
            raise ValueError("A must be of full rank, got a matrix that may be singular") from None
        distance = _norm(_balls(q) - reference)
        least = distance.lower() - radius
        return (least if least > 0 else arb(0)).union(distance.upper() + radius)


def _lost_bits(A: np.ndarray) -> int:
    """log2 of the condition number, as far as floats show it."""
    top = float(np.max(np.abs(A)))
    if top == 0.0:
        return 0
    s = np.linalg.svd(A / top, compute_uv=False)
    return math.ceil(math.log2(s[0] / max(s[-1], 2.0**-60)))


def _newton(A: Any, bits: int) -> Any:
    """A matrix near the polar factor of A (m >= n), with exact entries; nothing is claimed for it.

    Raises ZeroDivisionError where A is singular, or nearly so.
    """
    from flint import arb

    X = A.mid()
    for _ in range(STEPS):
        Y = X * (X.transpose() * X).inv()
        z = (_norm(Y) / _norm(X)).sqrt().mid()
        if abs(z - 1) < 0.25:  # nearly there: without scaling the convergence is quadratic
            z = arb(1)
        step = (X * z + Y / z) / 2
        change = _norm(step - X)
        X = step.mid()
        if change < arb(2) ** (-bits):
            return X
    raise ZeroDivisionError


def _error(A: Any, P: Any) -> Any:
    """A bound of |P - polar(A)|_F (see `polar_distance`), an exact number.  Raises ZeroDivisionError without one."""
    M = P.transpose() * A
    S = (M + M.transpose()) / 2
    if not _positive_definite(S):
        raise ZeroDivisionError
    defect = _norm(_identity(P.ncols()) - P.transpose() * P).upper()
    residual = (_norm(A - P * S) + defect * _norm(S)).upper()
    low = (1 / _norm(S.inv())).lower()  # of a positive matrix: at most its least eigenvalue
    if not (defect < 1 and residual < low):
        raise ZeroDivisionError
    error = 2 * residual / (2 * low - residual)
    if P.nrows() > P.ncols():
        error += residual / low  # at least the root of the sum of squares
    return (defect + error).upper()


def _positive_definite(S: Any) -> bool:
    """Whether all pivots of the symmetric ball matrix S are certainly positive."""
    rows = S.tolist()
    for k, row in enumerate(rows):
        if not row[k] > 0:
            return False
        for other in rows[k + 1 :]:
            factor = other[k] / row[k]
            for j in range(k + 1, len(row)):
                other[j] -= factor * row[j]
    return True


def _balls(A: np.ndarray) -> Any:
    from flint import arb_mat

    return arb_mat(A.astype(np.float64).tolist())


def _identity(n: int) -> Any:
    from flint import arb_mat

    return arb_mat(n, n, [int(i == j) for i in range(n) for j in range(n)])


def _norm(X: Any) -> Any:
    """The Frobenius norm as a ball."""
    from flint import arb

    total = sum(x * x for x in X.entries())
    return total.sqrt() if total > 0 else arb(0).union(total.upper().sqrt())
