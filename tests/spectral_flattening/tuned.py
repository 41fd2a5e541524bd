"""What the claims on the tuned quintic speak of: its fixed and critical points, the interval J, its cycle."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

from labs.core.polar import iterate
from labs.core.polar.ranges import ball
from tests.spectral_flattening.digits import working_precision
from theory.spectral_flattening import orbits

FOUR = ("0.68191932080621439", "1.13426764038253", "0.752916213732907", "1.04690703407586")


@cache
def landmarks(triple: Any) -> Any:
    """x_-, x_+ (fixed), x_1, x_2 (critical), m = p(x_2) and M = p(m), as balls of 400 bits."""
    with working_precision():
        a, b, c = map(ball, triple)
        root = (b * b - 4 * c * (a - 1)).sqrt()
        fixed = [((-b + sign * root) / (2 * c)).sqrt() for sign in (-1, 1)]
        root = (9 * b * b - 20 * a * c).sqrt()
        critical = [((-3 * b + sign * root) / (10 * c)).sqrt() for sign in (-1, 1)]
        m = iterate(triple, critical[1])
        return *fixed, *critical, m, iterate(triple, m)


@cache
def the_cycle(triple: Any) -> orbits.Cycle:
    """The attracting cycle of four, proved by interval Newton."""
    found = orbits.cycle(triple, Fraction(FOUR[0]), Fraction(1, 10**12), 4)
    assert found is not None
    return found
