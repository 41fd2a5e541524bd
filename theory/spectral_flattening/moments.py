"""Moments of a composition of odd quintics over [0, 1], as rational numbers."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any


def moments(schedule: Sequence[Sequence[Fraction]]) -> tuple[Fraction, Fraction, Fraction]:
    """(E phi, E phi^2, E[x phi]) for phi = p_K(... p_1(x)), x uniform on [0, 1]: expanded, then integrated.

    The polynomials have degree 5^K: K = 5 takes a second.
    """
    from flint import fmpq, fmpq_poly

    phi = fmpq_poly([0, 1])
    for triple in schedule:
        a, b, c = (fmpq(z.numerator, z.denominator) for z in triple)
        phi = fmpq_poly([0, a, 0, b, 0, c])(phi)

    def mean(polynomial: Any) -> Fraction:
        value: Any = polynomial.integral()(fmpq(1))
        return Fraction(int(value.p), int(value.q))

    return mean(phi), mean(phi * phi), mean(fmpq_poly([0, 1]) * phi)
