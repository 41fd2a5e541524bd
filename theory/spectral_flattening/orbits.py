"""Orbits of an odd quintic under repetition, in ball arithmetic: cycles, and neighbourhoods that they attract.

A map is its exact triple (a, b, c), p(x) = a x + b x^3 + c x^5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Triple = Sequence[Fraction]
BITS = 256


def ball(x: Fraction | int, radius: Fraction | int = 0) -> Any:
    """A rational number, or an interval around one, as an Arb ball."""
    from flint import arb, fmpq

    exact = arb(fmpq(Fraction(x).numerator, Fraction(x).denominator))
    return exact + arb(0, arb(fmpq(Fraction(radius).numerator, Fraction(radius).denominator)).upper())


def value_and_slope(triple: Triple, x: Any) -> tuple[Any, Any]:
    """p(x) and p'(x)."""
    a, b, c = map(ball, triple)
    t = x * x
    return x * (a + t * (b + t * c)), a + t * (3 * b + t * 5 * c)


def power_and_slope(triple: Triple, x: Any, period: int) -> tuple[Any, Any]:
    """p^period(x) and its derivative."""
    slope: Any = 1
    for _ in range(period):
        x, factor = value_and_slope(triple, x)
        slope = slope * factor
    return x, slope


@dataclass(frozen=True)
class Cycle:
    """An orbit of exact period `len(points)`: balls around its points, its multiplier, the box where it is unique."""

    points: tuple[Any, ...]
    multiplier: Any
    box: Any


def interval_newton(triple: Triple, start: Fraction, radius: Fraction, period: int) -> Any | None:
    """The one solution of p^period(x) = x in [start - radius, start + radius] as a ball; None if there is none.

    N(X) = m - (p^n(m) - m)/((p^n)' - 1)(X): inside X it proves a unique zero, apart from X that there is none.
    Raises ArithmeticError if it does neither.
    """
    from flint import ctx

    with ctx.workprec(BITS):
        box, middle = ball(start, radius), ball(start)
        newton = _newton_step(triple, box, middle, period)
        if newton is None or not (box.contains_interior(newton) or not box.overlaps(newton)):
            raise ArithmeticError(f"interval Newton on {start} +- {radius}: undecided, {newton}")
        if not box.overlaps(newton):
            return None
        for _ in range(10):  # quadratic: 2^-10 to 2^-1000, if the precision reaches so far
            refined = _newton_step(triple, newton, newton.mid(), period)
            newton = refined if refined is not None and newton.contains(refined) else newton
        return newton


def _newton_step(triple: Triple, box: Any, middle: Any, period: int) -> Any | None:
    slope = power_and_slope(triple, box, period)[1] - 1
    if slope.contains(0):
        return None
    return middle - (power_and_slope(triple, middle, period)[0] - middle) / slope


def cycle(triple: Triple, start: Fraction, radius: Fraction, period: int) -> Cycle | None:
    """The cycle through the one point of this period within `radius` of `start`; None if there is none."""
    from flint import ctx

    first = interval_newton(triple, start, radius, period)
    if first is None:
        return None
    with ctx.workprec(BITS):
        points = [first]
        for _ in range(period - 1):
            points.append(value_and_slope(triple, points[-1])[0])
        if any(x.overlaps(y) for i, x in enumerate(points) for y in points[:i]):
            raise ArithmeticError(f"the points of the cycle are not told apart: {points}")
        return Cycle(tuple(points), power_and_slope(triple, first, period)[1], ball(start, radius))


def neighbourhood(triple: Triple, around: Cycle, radius: Fraction) -> list[Any]:
    """Balls around the points of a cycle, each mapped into the next, the last into the inside of the first.

    Each radius is the one before times a bound on |p'|: coming back smaller, the product of the bounds is below 1,
    and every orbit that meets one of the balls tends to the cycle.  Raises ArithmeticError if it does not.
    """
    from flint import ctx

    with ctx.workprec(BITS):
        balls = [around.points[0] + ball(0, radius)]
        for point in (*around.points[1:], around.points[0]):
            # Mean value form: |p(x) - p(y)| <= max |p'| |x - y|.
            size = value_and_slope(triple, balls[-1])[1].abs_upper() * balls[-1].rad()
            balls.append(point + _symmetric(size))
        back = balls.pop()
        if not balls[0].contains_interior(back):
            raise ArithmeticError(f"a radius of {radius} is not mapped into itself: {back}")
        return balls


def _symmetric(size: Any) -> Any:
    from flint import arb

    return arb(0, size.upper())


def steps_into(triple: Triple, x: Any, balls: Sequence[Any], most: int) -> int | None:
    """After how many steps the ball x lies in one of `balls` (None: not within `most`)."""
    from flint import ctx

    with ctx.workprec(BITS):
        for step in range(most + 1):
            if any(target.contains(x) for target in balls):
                return step
            x = value_and_slope(triple, x)[0]
    return None
