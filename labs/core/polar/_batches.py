"""Batches of matrices: scaled safely, taken apart and put together by functions that every array library has."""

from __future__ import annotations

import math

import numpy as np

from labs.core.arrays import Array, Namespace, check_finite, device, on_host

# 2^SAFE, its reciprocal and the sum of some squares of such numbers are normal numbers in single precision.
SAFE = 50.0


def largest(A: Array, xp: Namespace, whole: Array | None = None) -> Array:
    """The size of the largest entry of each matrix (..., m, n): (...).

    Raises ValueError unless A is finite; the error is about `whole`, of which A is a part.
    """
    *batch, m, n = A.shape
    flat = xp.reshape(A, (*batch, m * n))
    top = xp.maximum(xp.max(flat, axis=-1), -xp.min(flat, axis=-1))
    if not bool(xp.all(top < math.inf)):  # false for NaN, too
        check_finite(A=A if whole is None else whole)
    return top


def powers(top: Array, xp: Namespace) -> tuple[Array, Array]:
    """Two powers of two (..., 1, 1) whose product brings numbers of the size top (...) to about 1; zeros stay zeros.

    Two, because one would overflow for the smallest numbers.
    """
    exponent = -xp.floor(xp.log2(xp.where(top > 0.0, top, 1.0)))
    first = xp.floor(0.5 * exponent)
    return (2.0**first)[..., None, None], (2.0 ** (exponent - first))[..., None, None]


def scaled(A: Array, xp: Namespace, whole: Array | None = None) -> Array:
    """Each matrix (..., m, n) times a power of two that brings its largest entry to about 1.

    NumPy: unless all are harmless as they are; a small batch spends more time on calls than on numbers.
    Raises ValueError as `largest`.
    """
    top = largest(A, xp, whole)
    if on_host(xp) and bool(xp.all((top > 2.0**-SAFE) & (top < 2.0**SAFE))):
        return A
    first, second = powers(top, xp)
    return A * first * second


def at(X: Array, items: np.ndarray, xp: Namespace) -> Array:
    """X[items] for X (b, ...) and integers."""
    return xp.take(X, xp.asarray(items, device=device(X)), axis=0)


def replaced(X: Array, items: np.ndarray, values: Array, xp: Namespace) -> Array:
    """X (b, ...) with X[items] = values."""
    source = np.arange(X.shape[0])
    source[items] = X.shape[0] + np.arange(items.size)
    return at(xp.concat([X, values]), source, xp)


def identity_where(mask: Array, X: Array, xp: Namespace) -> Array:
    """X (b, m, n) with (the first columns of) the identity in place of the items of `mask` (b,)."""
    eye = xp.eye(*X.shape[-2:], dtype=X.dtype, device=device(X))
    return xp.where(mask[:, None, None], eye, X)
