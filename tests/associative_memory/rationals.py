"""Exact instances: rotations and gradients of rational numbers, as sympy matrices, and what is shown of them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from theory.evidence import Evidence, every, exact

TURNS = ((3, 4, 5), (5, 12, 13), (8, 15, 17), (20, 21, 29))


def frame(n: int, start: int = 0) -> Any:
    """A rotation of Q^n: one by a Pythagorean angle in each of the planes (i, i + 1), then in (0, n - 1)."""
    import sympy

    q = sympy.eye(n)
    planes = [(i, i + 1) for i in range(n - 1)] + ([(0, n - 1)] if n > 2 else [])
    for turn, (i, j) in enumerate(planes, start):
        a, b, c = TURNS[turn % len(TURNS)]
        step = sympy.eye(n)
        step[i, i] = step[j, j] = sympy.Rational(a, c)
        step[i, j], step[j, i] = -sympy.Rational(b, c), sympy.Rational(b, c)
        q = step * q
    return q


def balanced(c: Sequence[Any], start: int = 0) -> Any:
    """n - 1 orthonormal columns of Q^n orthogonal to the rational unit vector c, turned among themselves."""
    import sympy

    n = len(c)
    unit = sympy.Matrix(c)
    v = unit + sympy.eye(n)[:, 0]
    reflection = sympy.eye(n) - 2 * v * v.T / (v.T * v)[0]
    return reflection[:, 1:] * frame(n - 1, start)


def factored(c: Sequence[Any], values: Sequence[Any], start: int = 0) -> tuple[Any, Any]:
    """(G, msgn(G)) with c^T G = 0 and these singular values, all positive: G = U diag(s) V^T, msgn(G) = U V^T."""
    import sympy

    n, r = len(c), len(values)
    U, V = balanced(c, start)[:, :r], frame(n, start + 1)[:, :r]
    return U * sympy.diag(*values) * V.T, U * V.T


def squares(A: Any) -> Any:
    """The sum of the squares of the entries."""
    return sum(x**2 for x in A)


def identity(found: Any, claimed: Any) -> Evidence:
    """Equality for all values of the symbols; a false one is refuted where they are distinct fractions."""
    symbols = sorted(found.free_symbols | claimed.free_symbols, key=str)
    return exact(found, claimed, witness={symbol: Fraction(k, k + 3) for k, symbol in enumerate(symbols, 1)})


def is_polar(A: Any, Q: Any) -> Evidence:
    """Q = msgn(A): a partial isometry with Q Q^T A = A, Q^T A symmetric and >= 0, and a rank no larger than A's."""
    H = Q.T * A
    parts = [squares(Q * Q.T * Q - Q), squares(Q * H - A), squares(H - H.T)]
    signs = [
        exact(coefficient * (-1) ** i, 0, ">=") for i, coefficient in enumerate(H.charpoly().all_coeffs())
    ]
    return every(*(exact(x, 0) for x in parts), *signs, exact(Q.rank(), A.rank(), "<="))
