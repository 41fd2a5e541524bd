"""Best odd polynomials: certificates, other witnesses, limits, and the published list."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.polar.minimax import (
    GAP,
    chebyshev_newton_schulz,
    minimax_cubic,
    minimax_quintic,
    polar_express,
)
from labs.core.polar.ranges import polynomial_range
from labs.core.polar.schedules import CUBIC, PADE5, POLAR_EXPRESS, iterate

CUSHION = 0.02407327424182761
INTERVALS: list[tuple[Any, Any]] = [
    (0.9, 1.1),
    (0.5, 2),
    (1e-3, 1.0),
    (Fraction(1, 10**9), 1),
    (1e-100, 1e100),
    (1 - Fraction(1, 10**25), 1),
]


def rational_bounds(ball: Any, bits: int = 400) -> tuple[Fraction, Fraction]:
    """Rational numbers below and above everything in an Arb ball."""
    from flint import ctx

    with ctx.workprec(bits):
        ends = []
        for end in (ball.lower(), ball.upper()):
            mantissa, exponent = (int(z) for z in end.man_exp())
            ends.append(mantissa * Fraction(2) ** exponent)
    return ends[0], ends[1]


@pytest.mark.parametrize(("best", "count"), [(minimax_quintic, 4), (minimax_cubic, 3)])
@pytest.mark.parametrize(("lo", "hi"), INTERVALS)
def test_the_certificate_holds(best: Any, count: int, lo: Any, hi: Any) -> None:
    """In rational arithmetic: equal errors of alternating sign (no better polynomial), none larger in between."""
    found = best(lo, hi)
    points = found.points
    assert len(points) == count
    assert points[0] == lo
    assert points[-1] == hi
    assert all(x < y for x, y in itertools.pairwise(points))
    assert 0 < found.lower <= found.error < 1
    assert found.error - found.lower <= GAP * min(found.lower, 1 - found.lower)
    for i, x in enumerate(points):
        assert abs(1 - iterate(found.coefficients, x) - (-1) ** i * found.lower) <= 2 * GAP * found.error


@pytest.mark.parametrize(("lo", "hi"), INTERVALS)
def test_ranges_in_balls_agree_with_the_certificate(lo: Any, hi: Any) -> None:
    for best in (minimax_quintic, minimax_cubic):
        found = best(lo, hi)
        for end in polynomial_range(found.coefficients, (lo, hi), bits=2500):
            low, high = rational_bounds(abs(end - 1), 5000)
            assert found.lower * (1 - GAP) <= high
            assert low <= found.error


@pytest.mark.parametrize(("best", "powers"), [(minimax_quintic, (1, 3, 5)), (minimax_cubic, (1, 3))])
@pytest.mark.parametrize("lo", [0.5, 0.05])
def test_a_linear_program_finds_the_same(best: Any, powers: tuple[int, ...], lo: float) -> None:
    """min E with |1 - p(x)| <= E on a grid: below the true error, by (max |p''|) h^2/8 at most."""
    from scipy.optimize import linprog

    x, h = np.linspace(lo, 1.0, 4001, retstep=True)
    columns = np.stack([x**k for k in powers], axis=1)
    ones = np.ones((x.size, 1))
    found = linprog(
        [0.0] * len(powers) + [1.0],
        A_ub=np.block([[columns, -ones], [-columns, -ones]]),
        b_ub=np.concatenate([ones[:, 0], -ones[:, 0]]),
        bounds=[(None, None)] * len(powers) + [(0, None)],
    )
    error = float(best(lo, 1.0).error)
    curvature = sum(abs(z) * k * (k - 1) for z, k in zip(found.x, powers, strict=False))
    assert -1e-9 <= error - found.fun <= curvature * h**2 / 8 + 1e-9


def test_the_cubic_in_closed_form() -> None:
    for lo, hi in ((0.01, 1.0), (0.5, 1.5), (1e-8, 1.0)):
        alpha = math.sqrt(3 / (hi**2 + hi * lo + lo**2))
        beta = 4 / (2 + lo * hi * (lo + hi) * alpha**3)
        found = minimax_cubic(lo, hi)
        expected = (1.5 * alpha * beta, -0.5 * alpha**3 * beta, 0.0)
        assert [float(z) for z in found.coefficients] == pytest.approx(expected, rel=1e-14)
        assert float(found.error) == pytest.approx(beta - 1, rel=1e-14)


def test_other_units_change_the_coefficients_by_powers() -> None:
    unit, scaled = minimax_quintic(0.01, 1), minimax_quintic(Fraction(0.01) * 7, 7)
    assert float(scaled.error) == float(unit.error)
    for power, one, other in zip((1, 3, 5), unit.coefficients, scaled.coefficients, strict=True):
        assert float(other * 7**power) == float(one)


def test_a_short_interval_gives_the_pade_map() -> None:
    lo = 1 - Fraction(1, 10**30)
    for best, classical, power in ((minimax_quintic, PADE5, 3), (minimax_cubic, CUBIC, 2)):
        found = best(lo, 1)
        assert all(
            abs(x - y) < Fraction(1, 10**29) for x, y in zip(found.coefficients, classical, strict=True)
        )
        # e = 1 - x^2 = 2 (1 - x) + ...; the errors of the classical maps are (5/16) e^3 and (3/8) e^2, and the
        # best polynomial spreads the error as Chebyshev's do: half the length to the power, over 2^(power - 1).
        leading = {3: Fraction(5, 2), 2: Fraction(3, 2)}[power] / 2 ** (2 * power - 1)
        assert float(found.error * 10 ** (30 * power) / leading) == pytest.approx(1, rel=1e-12)


def test_an_interval_down_to_zero_has_a_limit() -> None:
    """a -> 2 * 25/(16 y^2) with 4 y^5 + 5 y^4 = 1 for the quintic, 3 sqrt 3 for the cubic."""
    (y,) = (z.real for z in np.roots([4, 5, 0, 0, 0, -1]) if abs(z.imag) < 1e-12 and z.real > 0)
    assert float(minimax_quintic(1e-200, 1).coefficients[0]) == pytest.approx(2 * 25 / (16 * y**2), rel=1e-13)
    assert float(minimax_cubic(1e-200, 1).coefficients[0]) == pytest.approx(3 * math.sqrt(3), rel=1e-14)


def test_the_published_list_is_derived() -> None:
    """Relative differences below 1e-14, and 2.5e-11 in step 7: the list was computed in double precision."""
    derived = polar_express(1e-3, 8, cushion=CUSHION)
    assert len(derived) == len(POLAR_EXPRESS) == 8
    for step, (ours, theirs) in enumerate(zip(derived, POLAR_EXPRESS, strict=True), 1):
        for x, y in zip(ours, theirs, strict=True):
            assert abs(x / Fraction(y) - 1) < Fraction(25, 10**12) if step == 7 else Fraction(1, 10**14)


@pytest.mark.parametrize(
    ("compose", "best"), [(polar_express, minimax_quintic), (chebyshev_newton_schulz, minimax_cubic)]
)
def test_a_composition_is_greedy(compose: Any, best: Any) -> None:
    """Each step is the best polynomial on what the steps before it leave, to the accuracy of the certificates."""
    schedule = compose(Fraction(1, 100), 4)
    lo, hi = Fraction(1, 100), Fraction(1)
    for t, triple in enumerate(schedule, 1):
        found = best(lo, hi)
        assert all(abs(x - y) <= Fraction(1, 2**70) for x, y in zip(triple, found.coefficients, strict=True))
        lo = 1 - found.error
        hi = 2 - lo
        for end, expected in zip(polynomial_range(schedule, (Fraction(1, 100), 1), t), (lo, hi), strict=True):
            low, high = rational_bounds(end)
            assert expected - Fraction(1, 2**60) <= low <= high <= expected + Fraction(1, 2**60)


def test_a_long_composition_ends_with_the_classical_map() -> None:
    for compose, classical in ((polar_express, PADE5), (chebyshev_newton_schulz, CUBIC)):
        schedule = compose(0.5, 12)
        assert schedule[-1] == classical
        assert schedule[0] != classical
    a, b, c = polar_express(2, 1, hi=2 + Fraction(1, 10**60))[0]
    scaled = (Fraction(2 * a), Fraction(8 * b), Fraction(32 * c))
    assert all(abs(x - y) < Fraction(1, 10**50) for x, y in zip(scaled, PADE5, strict=True))


def test_a_cushion_centres_what_it_leaves() -> None:
    schedule = polar_express(1e-3, 3, cushion=0.1)
    for t in (1, 2, 3):
        least, greatest = polynomial_range(schedule, (1e-3, 1), t)
        (a, b), (c, d) = rational_bounds(least), rational_bounds(greatest)
        assert abs(a + b + c + d - 4) < Fraction(1, 2**100)
    steep, gentle = polar_express(1e-3, 1)[0][0], schedule[0][0]
    assert gentle < steep


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 1.0), "lo and hi must satisfy 0 < lo < hi"),
        ((-1.0, 1.0), "lo and hi must satisfy"),
        ((1.0, 1.0), "lo and hi must satisfy"),
        ((2.0, 1.0), "lo and hi must satisfy"),
        ((math.nan, 1.0), "lo must be a finite number"),
        ((0.5, math.inf), "hi must be a finite number"),
        ((True, 2.0), "lo must be a finite number"),
        (("0.1", 2.0), "lo must be a finite number"),
    ],
)
def test_bad_intervals(arguments: Any, message: str) -> None:
    for best in (minimax_quintic, minimax_cubic):
        with pytest.raises(ValueError, match=message):
            best(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lo": 0.1, "steps": 0}, "steps must be an integer >= 1"),
        ({"lo": 0.1, "steps": 1.0}, "steps must be an integer >= 1"),
        ({"lo": 0.1, "steps": True}, "steps must be an integer >= 1"),
        ({"lo": 0.1, "steps": 1, "cushion": 1.0}, "cushion must be in"),
        ({"lo": 0.1, "steps": 1, "cushion": -0.1}, "cushion must be in"),
        ({"lo": 2.0, "steps": 1}, "lo and hi must satisfy"),
    ],
)
def test_bad_compositions(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        polar_express(**arguments)
