"""The structured problem in matrices of fractions: what the reduction to modes is checked against.

Arrays of dtype object; NumPy's products, sums and transposes are exact on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

TURNS = ((3, 4, 5), (5, 12, 13), (8, 15, 17), (20, 21, 29))


def fractions(*texts: str) -> list[Fraction]:
    """Exact numbers from their texts."""
    return [Fraction(text) for text in texts]


def orthogonal(n: int, start: int = 0) -> np.ndarray:
    """An orthogonal matrix over the rationals: Pythagorean rotations in the planes (i, i + 1) and (0, n - 1)."""
    q = np.array([[Fraction(i == j) for j in range(n)] for i in range(n)], dtype=object)
    planes = [(i, i + 1) for i in range(n - 1)] + ([(0, n - 1)] if n > 2 else [])
    for turn, (i, j) in enumerate(planes, start):
        a, b, c = TURNS[turn % len(TURNS)]
        cosine, sine = Fraction(a, c), Fraction(b, c)
        q[[i, j]] = np.array([cosine * q[i] - sine * q[j], sine * q[i] + cosine * q[j]])
    return q


def inner(X: np.ndarray, Y: np.ndarray) -> Any:
    """<X, Y>."""
    return (X * Y).sum()


def pivots(S: np.ndarray) -> list[Fraction]:
    """Pivots of a symmetric matrix by elimination: all nonnegative (zeros with empty rows) iff it is semidefinite.

    Raises ValueError where a zero pivot stands in a row that is not empty: then it is not semidefinite.
    """
    S, found = S.copy(), []
    for k in range(len(S)):
        pivot = S[k, k]
        found.append(pivot)
        if pivot == 0:
            if any(S[k, k:] != 0):
                raise ValueError("a zero pivot in a row that is not empty")
            continue
        S[k + 1 :, k:] = S[k + 1 :, k:] - np.outer(S[k + 1 :, k] / pivot, S[k, k:])
    return found


@dataclass(frozen=True)
class Structured:
    """H[Z] = sum_k A_k Z B_k with common eigenbases, its paired modes M_i, their curvatures w_i, and a gradient G."""

    A: Sequence[np.ndarray]
    B: Sequence[np.ndarray]
    modes: Sequence[np.ndarray]
    w: Sequence[Fraction]
    G: np.ndarray

    def curve(self, Z: np.ndarray) -> np.ndarray:
        """H[Z]."""
        return sum((a @ Z @ b for a, b in zip(self.A, self.B, strict=True)), start=0 * Z)

    def coordinates(self, X: np.ndarray) -> list[Fraction]:
        """<M_i, X>."""
        return [inner(M, X) for M in self.modes]

    def combined(self, z: Sequence[Fraction]) -> np.ndarray:
        """sum z_i M_i."""
        return sum((x * M for x, M in zip(z, self.modes, strict=True)), start=0 * self.G)


def structured(
    w: Sequence[Fraction],
    sigma: Sequence[Fraction],
    m: int,
    n: int,
    *,
    pairing: Sequence[int],
    unpaired: Fraction = Fraction(0),
) -> Structured:
    """A rank-three sum of Kronecker products with M_i = u_{pairing(i)} v_i^T and the curvatures w_i there.

    Curvatures of unpaired modes u_j v_i^T are whatever the first two terms make of them (some are negative).
    G = sum sigma_i M_i, and `unpaired` of every other u_j v_i^T of the paired vectors.
    """
    U, V = orthogonal(m), orthogonal(n, 1)
    q = len(w)
    a = [
        [Fraction(1 + j, 3) for j in range(m)],
        [Fraction((-1) ** j, 2 + j) for j in range(m)],
        [Fraction(1)] * m,
    ]
    b = [[Fraction(2, 1 + i) for i in range(n)], [Fraction(i, 4) for i in range(n)], [Fraction(1, 5)] * n]
    for i, j in enumerate(pairing):
        b[2][i] = w[i] - a[0][j] * b[0][i] - a[1][j] * b[1][i]
    A = [(U * np.array(x, dtype=object)) @ U.T for x in a]
    B = [(V * np.array(x, dtype=object)) @ V.T for x in b]
    modes = [np.outer(U[:, j], V[:, i]) for i, j in enumerate(pairing)]
    G = sum(x * M for x, M in zip(sigma, modes, strict=True))
    for i in range(q):
        G = G + sum(unpaired * np.outer(U[:, j], V[:, i]) for j in pairing if j != pairing[i])
    return Structured(A, B, modes, w, G)
