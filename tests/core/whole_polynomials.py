"""Ranges of compositions the plain way: expand the whole polynomial, isolate all real zeros of its derivative."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from labs.core.polar.ranges import ball
from labs.core.polar.schedules import as_schedule


def range_of_whole_polynomial(schedule: Any, lo: Fraction, hi: Fraction) -> tuple[Any, Any]:
    """(least, greatest) of p_K(... p_1(x)) over lo <= x <= hi, as Arb balls; degree 5^K, so K <= 3."""
    from flint import arb, ctx, fmpq, fmpq_poly

    with ctx.workprec(2000):  # high powers of numbers of order one cancel down to order one
        whole = fmpq_poly([0, 1])
        for triple in as_schedule(schedule):
            a, b, c = (fmpq(z.numerator, z.denominator) for z in map(Fraction, triple))
            whole = fmpq_poly([0, a, 0, b, 0, c])(whole)
        roots: Any = whole.derivative().numer().complex_roots()
        inside = [
            root.real
            for root, _ in roots
            if root.imag == 0 and not (root.real < ball(lo) or root.real > ball(hi))
        ]
        coefficients = [arb(z) for z in whole.coeffs()]

        def value(x: Any) -> Any:
            total = arb(0)
            for z in reversed(coefficients):
                total = total * x + z
            return total

        values = [value(x) for x in (ball(lo), *inside, ball(hi))]
        least = greatest = values[0]
        for other in values[1:]:
            least, greatest = least.min(other), greatest.max(other)
        return least, greatest
