"""Linear measurements y = A(W) of a matrix, with the projections on range(A*) and ker A: four kinds, one face.

    regression(X)            A(W) = X W, for W of any width
    mask_sensing(mask)       the entries where the mask is true
    dense_sensing(A, shape)  <A_l, W>, l = 1, ..., p
    diagonal(B)              B diag(W), and all entries off the diagonal

Matrices are flattened row by row, everywhere.  An operator may carry batch axes of its own, which broadcast with
those of W.  Inside, A = U diag(s) Q with orthonormal rows of Q: P_par = Q* Q costs two thin products, no (m n)^2
array is made, and rows of A that depend on others are dropped (singular values up to max(shape) eps s_1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labs.core.arrays import (
    Array,
    array_namespace,
    check_double,
    check_finite,
    check_shape,
    require_host,
)
from labs.polar_flow._linear import (
    adjoint_of,
    check_consistent,
    check_count,
    check_data,
    check_matrix,
    check_sizes,
    eye,
    factors,
    folded,
    measured,
    order_of,
    perpendicular,
    scattered,
    top_of,
)

KINDS = ("regression", "mask", "dense", "diagonal")


@dataclass(frozen=True)
class Operator:
    """A linear map A from m x n matrices to vectors of length p, made by one of the four functions below.

    kind     "regression", "mask", "dense" or "diagonal"
    shape    (m, n) of the matrices measured; n is None for a regression, which takes any width
    matrix   what it was made from: X (..., N, d), the mask as 0.0 and 1.0 (..., m, n), A (..., p, m n), B (..., q, r)
    left, scale, basis
             U (..., q, k), s (..., k), Q (..., k, c) of matrix = U diag(s) Q; for a mask None
    order    positions in the flattened matrix, those of the entries measured first (mask, diagonal)
    entries  how many entries are measured as such
    """

    kind: str
    shape: tuple[int, int | None]
    matrix: Array
    left: Array = None
    scale: Array = None
    basis: Array = None
    order: Array = None
    entries: int = 0

    def apply(self, W: Array) -> Array:
        """Kernel: the measurements A(W): (..., m, n) -> (..., p).

        Regression: X W, flattened.  Mask: the measured entries.  Diagonal: B diag(W), then the entries off the
        diagonal.  Cost: one thin product (a mask: none).  Raises ValueError for bad W.
        """
        check_matrix(self, W=W)
        return measured(self, W)

    def adjoint(self, dual: Array) -> Array:
        """Kernel: A*(dual) = sum_l dual_l A_l, so that <A(W), dual> = <W, A*(dual)>: (..., p) -> (..., m, n).

        Cost: one thin product (a mask: none).  Raises ValueError for bad data.
        """
        check_data(self, dual=dual)
        return adjoint_of(self, dual)

    def parallel(self, W: Array) -> Array:
        """Kernel: the projection on range(A*), P_par W = A*(AA*)^{-1} A W = Q*Q W: (..., m, n) -> the same.

        Cost: two thin products (a mask: none).  Raises ValueError for bad W.
        """
        check_matrix(self, W=W)
        return W - perpendicular(self, W)

    def perp(self, W: Array) -> Array:
        """Kernel: the projection on ker A, P_perp W = W - P_par W: (..., m, n) -> the same.

        Cost: two thin products (a mask: none).  Raises ValueError for bad W.
        """
        check_matrix(self, W=W)
        return perpendicular(self, W)

    def least(self, y: Array) -> Array:
        """Kernel: the interpolant of least Frobenius norm, A*(AA*)^{-1} y: (..., p) -> (..., m, n).

        Cost: two thin products (a mask: none).  Raises ValueError for data that no matrix has (possible only where
        rows of A depend on each other).
        """
        check_data(self, y=y)
        check_consistent(self, y)
        return self._least(y)

    def corrected(self, W: Array, y: Array) -> Array:
        """Kernel: the matrix nearest to W that interpolates, W - A*(AA*)^{-1} (A W - y): (..., m, n).

        Feasible to rounding: |A W - y| is a few eps |A| |W|.  Cost: three thin products (a mask: none).  Raises
        ValueError for bad W, and as `least` does.
        """
        check_matrix(self, W=W)
        check_data(self, y=y)
        check_consistent(self, y)
        return W - self._least(measured(self, W) - y)

    def _least(self, y: Array) -> Array:
        if self.kind == "mask":
            return scattered(self, y)
        xp = array_namespace(y, self.matrix)
        inner = xp.matrix_transpose(self.left) @ top_of(self, y)
        return folded(self, xp.matrix_transpose(self.basis) @ (inner / self.scale[..., None]), y)


def regression(X: Array) -> Operator:
    """Kernel: measurements X W of matrices W of any width, from X (..., N, d); P_perp = I - pinv(X) X on the left.

    Cost: the singular value decomposition of X.  Raises ValueError for bad X.
    Source: the multi-output regression of Beneventano et al. 2026.
    """
    check_shape((None, None), X=X)
    check_double(X=X)
    check_finite(X=X)
    return Operator("regression", (X.shape[-1], None), X, *factors("X", X))


def mask_sensing(mask: Array) -> Operator:
    """Kernel: the entries of a matrix where the mask is true, from booleans (..., m, n): matrix completion.

    No entry and all entries are allowed.  Cost: a sort of the entries.  Raises ValueError for a bad mask, or masks
    of one batch that measure different numbers of entries.  Source: the matrix sensing of Beneventano et al. 2026.
    """
    check_shape((None, None), mask=mask)
    xp = array_namespace(mask)
    if not xp.isdtype(mask.dtype, "bool"):
        raise ValueError(f"mask must be an array of booleans, got dtype {mask.dtype}")
    order, entries = order_of("mask", mask)
    return Operator("mask", mask.shape[-2:], xp.astype(mask, xp.float64), order=order, entries=entries)


def dense_sensing(A: Array, shape: tuple[int, int]) -> Operator:
    """Kernel: the measurements <A_l, W> of m x n matrices, from A (..., p, m n), whose rows are flattened A_l.

    Cost: the singular value decomposition of A.  Raises ValueError for bad A or shape.
    Source: the matrix sensing of Beneventano et al. 2026.
    """
    m, n = check_sizes(shape)
    check_shape((None, m * n), A=A)
    check_double(A=A)
    check_finite(A=A)
    return Operator("dense", (m, n), A, *factors("A", A))


def diagonal(B: Array) -> Operator:
    """Kernel: B diag(W) and every entry off the diagonal of r x r matrices, from B (..., q, r).

    ker A = {diag(x) : B x = 0}: a flow that starts at a diagonal matrix stays diagonal, and `diagonal_flow` solves it
    exactly.  Cost: the singular value decomposition of B.  Raises ValueError for bad B.  Source: derived here.
    """
    check_shape((None, None), B=B)
    check_double(B=B)
    check_finite(B=B)
    xp, r = array_namespace(B), B.shape[-1]
    off = xp.broadcast_to(eye(B, r) == 0.0, (*B.shape[:-2], r, r))
    return Operator("diagonal", (r, r), B, *factors("B", B), *order_of("B", off))


def as_matrix(operator: Operator, columns: int | None = None) -> np.ndarray:
    """Host routine: the p x (m n) matrix of A on matrices flattened row by row: for solvers that want one.

    columns  the width n, for a regression only
    Cost: A of all m n unit matrices.  Raises ValueError for an operator with batch axes, or without a width.
    """
    require_host(matrix=operator.matrix)
    if columns is not None:
        check_count(1, columns=columns)
    m, n = operator.shape[0], operator.shape[1] if columns is None else columns
    if n is None or n != (operator.shape[1] or n):
        raise ValueError(f"columns must be the width of the matrices, {operator.shape[1]}, got {columns}")
    if operator.matrix.ndim != 2:
        raise ValueError(f"operator must have no batch axes, got shape {operator.matrix.shape}")
    return operator.apply(np.eye(m * n).reshape(m * n, m, n)).T
