"""Sums over modes as sums over pairs of modes (Lagrange, Chebyshev): the identities under many inequalities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any


def covariance_excess(x: Sequence[Any], y: Sequence[Any]) -> Any:
    """r sum x_i y_i - sum x_i sum y_i, r^2 times the covariance over the modes."""
    return len(x) * sum(a * b for a, b in zip(x, y, strict=True)) - sum(x) * sum(y)


def pairwise(x: Sequence[Any], y: Sequence[Any]) -> Any:
    """sum over i < j of (x_i - x_j)(y_i - y_j), which is the same."""
    return sum((x[i] - x[j]) * (y[i] - y[j]) for i, j in combinations(range(len(x)), 2))


def determinant(x: Sequence[Any], y: Sequence[Any]) -> Any:
    """sum x_i^2 sum y_i^2 - (sum x_i y_i)^2, the room of the Cauchy-Schwarz inequality."""
    squares = sum(a * a for a in x) * sum(b * b for b in y)
    return squares - sum(a * b for a, b in zip(x, y, strict=True)) ** 2


def minors(x: Sequence[Any], y: Sequence[Any]) -> Any:
    """sum over i < j of (x_i y_j - x_j y_i)^2, which is the same (Lagrange)."""
    return sum((x[i] * y[j] - x[j] * y[i]) ** 2 for i, j in combinations(range(len(x)), 2))


def covariance_step() -> tuple[Any, Any]:
    """By how much `covariance_excess` and `pairwise` grow when a mode (u, v) joins r others, whatever r is.

    With the formal sums P = sum x y, X = sum x, Y = sum y; for one mode both are 0.
    """
    import sympy

    r, P, X, Y, u, v = sympy.symbols("r P X Y u v")
    grown = (r + 1) * (P + u * v) - (X + u) * (Y + v) - (r * P - X * Y)
    return grown, _over_modes(lambda x, y: (x - u) * (y - v), {(1, 1): P, (1, 0): X, (0, 1): Y, (0, 0): r})


def determinant_step() -> tuple[Any, Any]:
    """The same for `determinant` and `minors`, with A = sum x^2, B = sum y^2, P = sum x y."""
    import sympy

    A, B, P, u, v = sympy.symbols("A B P u v")
    grown = (A + u**2) * (B + v**2) - (P + u * v) ** 2 - (A * B - P**2)
    return grown, _over_modes(lambda x, y: (x * v - u * y) ** 2, {(2, 0): A, (0, 2): B, (1, 1): P})


def _over_modes(term: Callable[[Any, Any], Any], totals: dict[tuple[int, int], Any]) -> Any:
    """The sum of term(x, y) over the modes: each power x^i y^j becomes its total."""
    import sympy

    x, y = sympy.symbols("x y")
    terms = sympy.Poly(sympy.expand(term(x, y)), x, y).terms()
    return sum(coefficient * totals[powers] for powers, coefficient in terms)
