"""Exact instances: matrices of fractions with rational singular vectors and eigenvectors, and formal spectra.

Matrices are arrays of dtype object; NumPy's products, sums and transposes are exact on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from labs.spectral_flattening.one_step import Yardstick, yardsticks
from theory.spectral_flattening import descent

TURNS = ((3, 4, 5), (5, 12, 13), (8, 15, 17), (20, 21, 29))


def fractions(*texts: str) -> list[Fraction]:
    """Exact numbers from their texts."""
    return [Fraction(text) for text in texts]


def identity(n: int) -> np.ndarray:
    return np.array([[Fraction(i == j) for j in range(n)] for i in range(n)], dtype=object)


def frame(n: int, columns: int | None = None, start: int = 0) -> np.ndarray:
    """Orthonormal columns in Q^n: Pythagorean rotations in the planes (i, i + 1), then in (0, n - 1)."""
    q = identity(n)
    planes = [(i, i + 1) for i in range(n - 1)] + ([(0, n - 1)] if n > 2 else [])
    for turn, (i, j) in enumerate(planes, start):
        a, b, c = TURNS[turn % len(TURNS)]
        cosine, sine = Fraction(a, c), Fraction(b, c)
        q[[i, j]] = np.array([cosine * q[i] - sine * q[j], sine * q[i] + cosine * q[j]])
    return q[:, : n if columns is None else columns]


def gradient(s: Sequence[Fraction], m: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(G, Q): a matrix with the singular values s > 0, and its polar factor."""
    left, right = frame(m, len(s)), frame(n, len(s), 1)
    return (left * np.array(s, dtype=object)) @ right.T, left @ right.T


def semidefinite(values: Sequence[Fraction], start: int = 0) -> np.ndarray:
    """A symmetric matrix with these eigenvalues; the eigenvectors are the columns of `frame(n, start=start)`."""
    v = frame(len(values), start=start)
    return (v * np.array(values, dtype=object)) @ v.T


def inner(X: np.ndarray, Y: np.ndarray) -> Fraction:
    """<X, Y>."""
    return (X * Y).sum()


def decreasing(r: int, name: str = "s") -> tuple[Any, ...]:
    """s_1 >= ... >= s_r > 0: partial sums of formal gaps, the last one positive."""
    import sympy

    gaps = [sympy.Symbol(f"{name}{i}", nonnegative=True) for i in range(1, r)]
    gaps.append(sympy.Symbol(f"{name}{r}", positive=True))
    return tuple(sum(gaps[i:]) for i in range(r))


def formal_rows(of: descent.Norms, c: Any = 1) -> list[Yardstick]:
    """labs' table of SF-T3 in theory's symbols, the gradient multiplied by c."""
    return yardsticks(c * of.N, c * of.F, c * of.s1, of.q, of.L, of.L_op)
