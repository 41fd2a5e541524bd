"""The spread functionals as sympy expressions, and what follows by differentiation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

KINDS = ("entropy", "squared entropy", "participation", "pairwise")


def functional(kind: str, sigma: Sequence[Any], power: int = 1) -> Any:
    """The spread of these symbols, from its definition."""
    import sympy

    squares = sum(s**2 for s in sigma)
    if kind == "participation":
        return sum(sigma) ** 2 / squares
    if kind == "pairwise":
        return -(sympy.sqrt(squares) ** power) * pair_sum(sigma, lambda x: x**-power)
    shares = [s / sum(sigma) for s in sigma] if kind == "entropy" else [s**2 / squares for s in sigma]
    return -sum(p * sympy.log(p) for p in shares)


def pair_sum(sigma: Sequence[Any], phi: Any) -> Any:
    """R_phi = sum_{i < j} phi(sigma_i + sigma_j)."""
    return sum((phi(a + b) for a, b in combinations(sigma, 2)), 0)


def gradient(kind: str, sigma: Sequence[Any], power: int = 1) -> list[Any]:
    """q_i = dF/dsigma_i."""
    value = functional(kind, sigma, power)
    return [value.diff(s) for s in sigma]


def stable_rank(s: Sequence[Any]) -> Any:
    """sum s^2/max s^2 of exact numbers."""
    return sum(x**2 for x in s) / max(s) ** 2


def energy_participation(s: Sequence[Any]) -> Any:
    """(sum s^2)^2/sum s^4 of exact numbers."""
    return sum(x**2 for x in s) ** 2 / sum(x**4 for x in s)


def hessian(value: Any, sigma: Sequence[Any]) -> Any:
    """The matrix of second derivatives."""
    import sympy

    return sympy.hessian(value, list(sigma))
