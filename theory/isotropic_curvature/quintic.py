"""The tuned quintic iteration that Muon runs: where five steps of it rise and fall, exactly.

p(x) = 3.4445 x - 4.7750 x^3 + 2.0315 x^5 is applied to every singular value, five times: N = p o p o p o p o p.
By the chain rule N' changes sign where an iterate N_j (j < 5 steps) passes a zero of p', and nowhere else.  So
the turning points are found lap by lap: between two turning points of N_j it is monotone and takes each of the
two positive zeros of p' at most once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Any

TUNED = (Fraction(34445, 10000), Fraction(-47750, 10000), Fraction(20315, 10000))
# Newton and Schulz: the quintic with a zero of order three of 1 - p at 1.
CLASSICAL = (Fraction(15, 8), Fraction(-10, 8), Fraction(3, 8))
STEPS = 5
BITS = 48  # of the turning points

Coefficients = Sequence[Fraction]
Bracket = tuple[Fraction, Fraction]


def iterate(x: Any, steps: int = STEPS, coefficients: Coefficients = TUNED) -> Any:
    """`steps` steps of the quintic: floats, arrays and Fractions alike."""
    if not isinstance(x, Fraction):
        coefficients = [float(c) for c in coefficients]  # type: ignore[misc]
    a, b, c = coefficients
    for _ in range(steps):
        x = x * (a + x * x * (b + x * x * c))
    return x


def thousandths(x: Fraction, steps: int = STEPS, coefficients: Coefficients = TUNED) -> int:
    """The integer part of 1000 N(x): N(x) itself is a fraction with thousands of digits."""
    scaled = 1000 * iterate(x, steps, coefficients)
    return scaled.numerator // scaled.denominator


def _exact(x: Fraction) -> Any:
    from flint import arb, fmpq

    return arb(fmpq(x.numerator, x.denominator))


def ball(x: Any, steps: int = STEPS) -> tuple[Any, Any]:
    """N(x) and N'(x) for an Arb ball x."""
    a, b, c = map(_exact, TUNED)
    slope = 1 + 0 * x
    for _ in range(steps):
        square = x * x
        slope = slope * (a + square * (3 * b + 5 * c * square))
        x = x * (a + square * (b + c * square))
    return x, slope


def turning_points(steps: int = STEPS) -> list[Bracket]:
    """Brackets, 2^-48 wide, of all the points in (0, 1) where the iterate turns, in order; it rises first."""
    from flint import ctx

    with ctx.workprec(128):
        a, b, c = map(_exact, TUNED)
        root = (9 * b * b - 20 * a * c).sqrt()
        critical = [((-3 * b + sign * root) / (10 * c)).sqrt() for sign in (-1, 1)]
        ends: list[Bracket] = [(Fraction(0), Fraction(0)), (Fraction(1), Fraction(1))]
        for j in range(steps):
            found = [
                _crossing(partial(_above, level, j), left[1], right[0])
                for left, right in pairwise(ends)
                for level in critical
            ]
            ends = sorted([*ends, *(bracket for bracket in found if bracket is not None)])
        return ends[1:-1]


def _above(level: Any, steps: int, x: Any) -> Any:
    return ball(x, steps)[0] - level


def _crossing(f: Callable[[Any], Any], lo: Fraction, hi: Fraction) -> Bracket | None:
    """Where a function that is monotone on [lo, hi] changes sign, if it does."""
    at_lo, at_hi = f(_exact(lo)), f(_exact(hi))
    rises = at_lo < 0
    if not (rises or at_lo > 0) or not (at_hi < 0 or at_hi > 0):
        raise ArithmeticError(f"the sign at {lo} or {hi} is not decided")
    if rises == bool(at_hi < 0):
        return None
    while hi - lo > Fraction(1, 2**BITS):
        middle = (lo + hi) / 2
        value = f(_exact(middle))
        if not (value < 0 or value > 0):
            raise ArithmeticError(f"the sign at {middle} is not decided")
        lo, hi = (middle, hi) if bool(value < 0) == rises else (lo, middle)
    return lo, hi


def falling_share(turns: Sequence[Bracket]) -> Any:
    """The length of the part of [0, 1] where the iterate falls, as a ball: every second stretch between turns."""
    edges = [*turns, (Fraction(1), Fraction(1))] if len(turns) % 2 else list(turns)
    total = _exact(Fraction(0))
    for left, right in zip(edges[::2], edges[1::2], strict=True):
        total = total + _exact(right[0] - left[1]).union(_exact(right[1] - left[0]))
    return total


def extremes(turns: Sequence[Bracket], lo: Fraction) -> tuple[Any, Any]:
    """The least and the largest value of N on [lo, 1]: they are at its ends or at a turning point."""
    points = [_exact(lo), _exact(Fraction(1))]
    points += [_exact(a).union(_exact(b)) for a, b in turns if a > lo]
    values = [ball(x)[0] for x in points]
    least, largest = values[0], values[0]
    for value in values[1:]:
        least, largest = least.min(value), largest.max(value)
    return least, largest
