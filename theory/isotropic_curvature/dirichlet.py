"""Moments of the squared coordinates of a uniform point of the sphere, exactly.

A standard normal vector z of R^n is zeta times an independent radius, and E z^(2a) = 2^a (1/2)_a for one
coordinate.  Dividing E prod z_i^(2 a_i) by E |z|^(2 |a|) = 2^|a| (n/2)_|a| leaves

    E prod_i u_i^(a_i) = prod_i (1/2)_(a_i) / (n/2)_|a|,        (x)_a = x (x + 1) ... (x + a - 1).

Everything here is field arithmetic: Fractions in, Fractions out; symbols (n included) in, expressions out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import factorial, prod
from typing import Any

HALF = Fraction(1, 2)


def rising(x: Any, order: int) -> Any:
    """The rising factorial (x)_order."""
    return prod((x + j for j in range(order)), start=Fraction(1))


def moment(exponents: Sequence[int], n: Any) -> Any:
    """E prod_i u_i^(a_i) on the sphere of R^n, for natural exponents a."""
    return prod(rising(HALF, a) for a in exponents) / rising(n * HALF, sum(exponents))


def compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """All tuples of `parts` natural numbers with the sum `total`."""
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in compositions(total - first, parts - 1):
            yield (first, *rest)


def moment_of_sum(order: int, x: Sequence[Any], n: Any, factor: Sequence[int] = ()) -> Any:
    """E (sum_i x_i u_i)^order prod_i u_i^(factor_i), by the multinomial theorem."""
    factor = tuple(factor) or (0,) * len(x)
    total: Any = Fraction(0)
    for a in compositions(order, len(x)):
        ways = factorial(order) // prod(factorial(j) for j in a)
        powers = prod((xi**j for xi, j in zip(x, a, strict=True) if j), start=Fraction(1))
        total = total + ways * powers * moment([i + j for i, j in zip(a, factor, strict=True)], n)
    return total


def unit(i: int, length: int) -> tuple[int, ...]:
    """The exponent tuple of u_i."""
    return tuple(int(j == i) for j in range(length))
