"""Muon with line search in integers: exact for as many steps as one likes.

With W = sum w and v_i = W^t |d_i| the map u <- |u - E u| is v <- |W v - sum w v|, which has no division.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from math import lcm


def losses(w: Sequence[Fraction], sigma: Sequence[Fraction], steps: int) -> list[Fraction]:
    """Phi after 0, 1, ..., steps steps.  No mode may become exact before the others (ValueError)."""
    return [
        Fraction(numerator, denominator) for numerator, denominator in islice(_losses(w, sigma), steps + 1)
    ]


def first_not_lower(
    w: Sequence[Fraction], sigma: Sequence[Fraction], factor: Fraction, most: int
) -> int | None:
    """The first 1 <= T <= most with Phi_T >= factor^T Phi_0: where a method with that factor is not behind Muon."""
    start = None
    above = below = 1
    for T, (numerator, denominator) in enumerate(islice(_losses(w, sigma), most + 1)):
        if start is None:
            start = (numerator, denominator)
        elif numerator * start[1] * below >= start[0] * denominator * above:
            return T
        above, below = above * factor.numerator, below * factor.denominator
    return None


def _losses(w: Sequence[Fraction], sigma: Sequence[Fraction]) -> Iterator[tuple[int, int]]:
    unit_w = lcm(*(x.denominator for x in w))
    weights = [int(x * unit_w) for x in w]
    distances = [s / x for s, x in zip(sigma, w, strict=True)]
    unit_d = lcm(*(x.denominator for x in distances))
    v = [abs(int(x * unit_d)) for x in distances]
    W, power = sum(weights), 1
    while True:
        if 0 in v and any(v):
            raise ValueError("a mode is exact before the others: it leaves the map")
        yield sum(x * y * y for x, y in zip(weights, v, strict=True)), 2 * unit_w * (unit_d * power) ** 2
        mean = sum(x * y for x, y in zip(weights, v, strict=True))
        v = [abs(W * y - mean) for y in v]
        power *= W
