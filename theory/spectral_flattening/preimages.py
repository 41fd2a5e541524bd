"""Sets of starting values: which ones end in given intervals after K steps, and how many are caught by a cycle.

A map is its exact triple (a, b, c), p(x) = a x + b x^3 + c x^5, with two positive critical points.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from theory.spectral_flattening.orbits import BITS, Triple, ball, value_and_slope

Interval = tuple[Any, Any]  # two balls


def critical_points(triple: Triple) -> list[Any]:
    """The positive critical points, as balls, in increasing order."""
    from flint import ctx

    with ctx.workprec(BITS):
        a, b, c = map(ball, triple)
        root = (9 * b * b - 20 * a * c).sqrt()
        return [((-3 * b + sign * root) / (10 * c)).sqrt() for sign in (-1, 1)]


def preimage(triple: Triple, targets: Sequence[Interval], domain: Interval) -> list[Interval]:
    """The disjoint intervals of x in `domain` with p(x) in one of the disjoint `targets`.

    `domain` lies to the right of the negative critical points.  Between critical points p is monotone: each end
    of a target is an end of the branch, or is reached at one x.  Raises ArithmeticError where balls do
    not tell which.
    """
    from flint import ctx

    with ctx.workprec(BITS):
        inner = [x for x in critical_points(triple) if x > domain[0] and x < domain[1]]
        cuts = [domain[0], *inner, domain[1]]
        found = []
        for left, right in pairwise(cuts):
            ends = sorted([(value_and_slope(triple, x)[0], x) for x in (left, right)], key=_middle)
            (bottom, at_bottom), (top, at_top) = ends
            for low, high in targets:
                if high < bottom or low > top:
                    continue
                one = at_bottom if low < bottom else _solve(triple, low, (left, right), bottom, top)
                other = at_top if high > top else _solve(triple, high, (left, right), bottom, top)
                found.append((one, other) if one < other else (other, one))
        return sorted(found, key=_middle)


def _middle(pair: tuple[Any, Any]) -> float:
    return float(pair[0].mid())


def _solve(triple: Triple, value: Any, branch: Interval, bottom: Any, top: Any) -> Any:
    """The x of a monotone branch with p(x) = value: bisection, Newton, and one interval Newton step as the proof."""
    from flint import arb

    if not (value > bottom and value < top):
        raise ArithmeticError(f"{value} lies at an end of the branch {branch}")
    left, right = (end.mid() for end in branch)
    rising = value_and_slope(triple, left)[0] < value
    for _ in range(50):
        middle = ((left + right) / 2).mid()
        below = value_and_slope(triple, middle)[0] < value
        left, right = (middle, right) if below == rising else (left, middle)
    for _ in range(3):
        at, slope = value_and_slope(triple, middle)
        middle = (middle - (at - value) / slope).mid()
    radius = ball(Fraction(1, 2**100)) + value.rad() * 2**20
    box = middle + arb(0, radius.upper())
    newton = middle - (value_and_slope(triple, middle)[0] - value) / value_and_slope(triple, box)[1]
    if not (box.contains_interior(newton) and box > branch[0] and box < branch[1]):
        raise ArithmeticError(f"no proof that {value} is taken once near {middle}")
    return newton


def ending_in(
    triple: Triple, target: Interval, steps: int, start: Interval, between: Interval
) -> list[Interval]:
    """The intervals of x in `start` with p^steps(x) in `target`, on orbits that stay in the inside of `between`."""
    found = [target]
    for step in range(steps):
        found = preimage(triple, found, start if step == steps - 1 else between)
    return found


def length(intervals: Sequence[Interval]) -> Any:
    """Their total length."""
    return sum((high - low for low, high in intervals), start=ball(0))


def logarithmic_length(intervals: Sequence[Interval]) -> Any:
    """The integral of 1/x over them."""
    return sum(((high / low).log() for low, high in intervals), start=ball(0))


# Beyond all rounding errors of one evaluation for 0 <= x <= 1.3 and coefficients below 10: eight roundings of at
# most 2^-53 each in terms whose sizes add up to less than 100.
SLACK = 1e-12


def caught(
    triple: Triple, balls: Sequence[Any], lo: Fraction, hi: Fraction, steps: int, halvings: int
) -> tuple[float, int]:
    """(length, pieces) of what is left of [lo, hi] when all that enters one of `balls` within `steps` is taken out.

    Pieces of [lo, hi] are followed as intervals, in floating point with every interval widened by SLACK a step:
    a piece whose image lies inside a ball is caught, whole.  The others are halved, `halvings` times.
    """
    import numpy as np

    a, b, c = map(float, triple)
    turns = [float(x.mid()) for x in critical_points(triple)]
    traps = [(float(x.lower()) + SLACK, float(x.upper()) - SLACK) for x in balls]

    def value(x: Any) -> Any:
        return x * (a + x * x * (b + x * x * c))

    def image(low: Any, high: Any) -> tuple[Any, Any]:
        one, other = value(low), value(high)
        least, greatest = np.minimum(one, other), np.maximum(one, other)
        for turn in turns:
            inside = (low <= turn + SLACK) & (turn - SLACK <= high)
            least = np.where(inside, np.minimum(least, value(turn)), least)
            greatest = np.where(inside, np.maximum(greatest, value(turn)), greatest)
        return least - SLACK, greatest + SLACK

    edges = np.linspace(float(lo), float(hi), 257)
    lows, highs = edges[:-1], edges[1:]
    for halving in range(halvings + 1):
        if halving:
            middle = (lows + highs) / 2
            lows, highs = np.concatenate([lows, middle]), np.concatenate([middle, highs])
        free = np.arange(lows.size)
        low, high = lows, highs
        for _ in range(steps + 1):
            inside = np.logical_or.reduce([(low >= bottom) & (high <= top) for bottom, top in traps])
            free, low, high = free[~inside], low[~inside], high[~inside]
            low, high = image(low, high)
        lows, highs = lows[free], highs[free]
    return float(np.sum(highs - lows)) + SLACK, lows.size
