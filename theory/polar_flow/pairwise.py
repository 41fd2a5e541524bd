"""What lies behind pairwise spreads: a signless Laplacian, and the commuting flow of a regression (sympy inside)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any


def signless_laplacian(r: int, weight: Callable[[int, int], Any]) -> Any:
    """sum_{i<j} w_ij (e_i + e_j)(e_i + e_j)^T."""
    import sympy

    total = sympy.zeros(r, r)
    for i, j in combinations(range(r), 2):
        edge = sympy.Matrix([1 if place in (i, j) else 0 for place in range(r)])
        total += weight(i, j) * edge * edge.T
    return total


def rate(value: Any, sigma: Sequence[Any], alpha: Sequence[Any]) -> Any:
    """d value/dt for d sigma_i/dt = -alpha_i."""
    return sum(-a * value.diff(s) for s, a in zip(sigma, alpha, strict=True))


def contraction(sigma: Any, kappa: Any) -> Any:
    """alpha/sigma for alpha = 1 - kappa^2/sigma^2: the rate at which log sigma falls."""
    return (1 - kappa**2 / sigma**2) / sigma
