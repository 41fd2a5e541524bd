"""Greedy compositions of best odd polynomials, and the certificates that none is better."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

from labs.core.polar import (
    Minimax,
    chebyshev_newton_schulz,
    minimax_cubic,
    minimax_quintic,
    polar_express,
    polynomial_range,
)
from labs.core.polar.schedules import Schedule
from theory.spectral_flattening import equioscillation

Best = Callable[[Fraction, Fraction], Minimax]
Compose = Callable[[Fraction, int], Schedule]
COMPOSE: dict[Best, Compose] = {minimax_quintic: polar_express, minimax_cubic: chebyshev_newton_schulz}


@cache
def bounds(best: Best, lo: Fraction, steps: int) -> tuple[Fraction, ...]:
    """e_1, ..., e_T, below which no composition of odd polynomials of the degree comes on [lo, 1]."""
    return tuple(equioscillation.composition_bound(references(best, lo, steps)))


def references(best: Best, lo: Fraction, steps: int) -> tuple[tuple[Fraction, ...], ...]:
    """The points at which the greedy polynomials on [lo, 1], ... are levelled; each interval a little too short."""
    points, hi = [], Fraction(1)
    for _ in range(steps):
        found = best(lo, hi)
        points.append(found.points)
        lo = Fraction(math.ceil((1 - found.lower) * 2**500), 2**500)
        hi = 2 - lo
    return tuple(points)


def worst_error(schedule: Any, lo: Fraction, hi: Fraction = Fraction(1)) -> Any:
    """max |1 - p_T(... p_1(x))| over [lo, hi], as a ball."""
    least, greatest = polynomial_range(schedule, (lo, hi), bits=300)
    return abs(1 - least).max(abs(greatest - 1))
