"""Matrices and measurements in rational numbers: orthogonal frames by Cayley's formula, exact projections.

All are sympy matrices; a matrix of r = min(m, n) singular values is W = U diag(sigma) V^T with U and V exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from labs.core.streams import stream


def frame(size: int, columns: int, seed: int) -> Any:
    """The first columns of a rational orthogonal matrix, (1 - S)^{-1} (1 + S) for an integer skew S."""
    import sympy

    entries = stream("rational frame", size, seed).integers(-2, 3, (size, size))
    skew = sympy.Matrix(np.triu(entries, 1) - np.triu(entries, 1).T)
    return ((sympy.eye(size) - skew).inv() * (sympy.eye(size) + skew))[:, :columns]


@dataclass(frozen=True)
class Rational:
    """W = U diag(sigma) V^T, and P_perp on the row-major vectors of m x n matrices."""

    u: Any
    sigma: tuple[Any, ...]
    v: Any
    perp: Any

    @property
    def matrix(self) -> Any:
        import sympy

        return self.u * sympy.diag(*self.sigma) * self.v.T

    @property
    def factor(self) -> Any:
        return self.u * self.v.T

    def projected(self, matrix: Any) -> Any:
        """P_perp of a matrix."""
        import sympy

        return sympy.Matrix(*matrix.shape, list(self.perp * sympy.Matrix(list(matrix))))

    def element(self, i: int) -> Any:
        """E_i."""
        return self.u[:, i] * self.v[:, i].T

    def decay(self, polarised: Any = None) -> list[Any]:
        """<E_i, P_perp P> for P = P(W), or another matrix."""
        pulled = self.projected(self.factor if polarised is None else polarised)
        return [inner(self.element(i), pulled) for i in range(len(self.sigma))]

    def diagonal(self) -> list[Any]:
        """|P_perp E_i|^2."""
        elements = map(self.element, range(len(self.sigma)))
        return [inner(e, self.projected(e)) for e in elements]


def inner(a: Any, b: Any) -> Any:
    return sum(x * y for x, y in zip(a, b, strict=True))


def off(rows: Any) -> Any:
    """The projection on what is orthogonal to the rows of a full-rank matrix."""
    import sympy

    return sympy.eye(rows.cols) - rows.T * (rows * rows.T).inv() * rows


def sensing(m: int, n: int, sigma: Sequence[int | Fraction], p: int, seed: int) -> Rational:
    """p random integer measurements of an m x n matrix with these singular values."""
    import sympy

    rows = sympy.Matrix(stream("rational sensing", m, n, p, seed).integers(-2, 3, (p, m * n)))
    return Rational(frame(m, len(sigma), seed), _exact(sigma), frame(n, len(sigma), seed + 1), off(rows))


def regression(d: int, k: int, sigma: Sequence[int | Fraction], samples: int, seed: int) -> Rational:
    """X W = Y with a random integer X (samples x d): P_perp acts on the left."""
    import sympy

    X = sympy.Matrix(stream("rational regression", d, samples, seed).integers(-2, 3, (samples, d)))
    perp = sympy.Matrix(sympy.kronecker_product(off(X), sympy.eye(k)))
    return Rational(frame(d, len(sigma), seed), _exact(sigma), frame(k, len(sigma), seed + 1), perp)


def _exact(sigma: Sequence[int | Fraction]) -> tuple[Any, ...]:
    import sympy

    return tuple(sympy.Rational(Fraction(s).numerator, Fraction(s).denominator) for s in sigma)
