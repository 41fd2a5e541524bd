"""Gradient descent under H = x^4: the least efficiency over all spectra, through two numbers.

Scale q to S = sum x_i = 1, x_i = q_i^2, and write s_l = sum_i x_i^l.  Up to constant factors E rho(q)^4 is 1 + 2 s_2
and g_i = q_i (1 + 2 x_i), so that with T = sum g_i^2 and U = sum g_i^4, which are linear in the s_l,

    eff(G)^3 = T^4 / ((T^2 + 2 U)(1 + 2 s_2)^3).

Put a = s_2^(1/2) and b = s_3^(1/3).  The norms of x fall with their order, so b <= a <= 1 and s_l <= b^l for l > 3;
and s_2^2 <= s_1 s_3, so a^4 <= b^3.  T contains s_2 and s_3 only, and U grows with every s_l.  Hence

    eff(G)^3 >= f(a, b),

the same formula with s_2 = a^2 and s_l = b^l for l > 2.  f(a, a) is the limit of one x_i = a over ever more, equal
others.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

Sums = Sequence[Any]  # s_1, ..., s_6


class Moments(NamedTuple):
    """s_2, T = sum g^2 and U = sum g^4."""

    second: Any
    squares: Any
    fourths: Any


def _times(p: Sequence[int], q: Sequence[int]) -> list[int]:
    product = [0] * (len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            product[i + j] += a * b
    return product


# g^2 = x (1 + 2 x)^2 and its square, over x: the coefficients of s_1, s_2, ... in T and U.
SQUARES = _times([1, 2], [1, 2])
FOURTHS = _times([0, 1], _times(SQUARES, SQUARES))


def moments(sums: Sums) -> Moments:
    """s_2, T and U from the power sums."""
    T, U = (sum(c * s for c, s in zip(p, sums[: len(p)], strict=True) if c) for p in (SQUARES, FOURTHS))
    return Moments(sums[1], T, U)


def two_numbers(a: Any, b: Any) -> Sums:
    """s_1 = 1, s_2 = a^2, s_l = b^l."""
    sums = [1, a * a, b * b * b]
    for _ in range(3):
        sums.append(sums[-1] * b)
    return sums


def spike(a: Fraction, copies: int) -> Sums:
    """One x_i = a, and `copies` equal others."""
    return [a**l + copies * ((1 - a) / copies) ** l for l in range(1, 7)]


def cube(sums: Sums) -> Any:
    """eff(G)^3."""
    s_2, T, U = moments(sums)
    return T**4 / ((T * T + 2 * U) * (1 + 2 * s_2) ** 3)


def room(sums: Sums, constant: Any) -> Any:
    """Of the sign of eff(G)^3 - constant, written with little repetition for balls."""
    s_2, T, U = moments(sums)
    square, spread = T * T, 1 + 2 * s_2
    return square - constant * spread * spread * spread * (1 + 2 * U / square)


def fall(a: Any, b: Any) -> Any:
    """Of the sign of -df/db for b > 0.

    dT/db = 12 b^2 and dU/db = 4 b^2 (6 + 24 b + 40 b^2 + 24 b^3); -T (T^2 + 2 U) d log f/db over 8 b^2 is this.
    """
    _, T, U = moments(two_numbers(a, b))
    return T * (6 + 24 * b + 40 * b**2 + 24 * b**3) - 3 * T * T - 12 * U
