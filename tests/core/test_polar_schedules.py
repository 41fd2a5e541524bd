"""Schedules of odd polynomials: what a triple means in every kind of number, where the classical ones come from."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.polar.schedules import CUBIC, PADE5, POLAR_EXPRESS, SOFT5, TUNED, as_schedule, iterate


def _by_powers(triple: Any, x: Any) -> Any:
    a, b, c = (Fraction(coefficient) for coefficient in triple)
    return a * x + b * x**3 + c * x**5


@pytest.mark.parametrize("schedule", [CUBIC, PADE5, SOFT5, TUNED, [TUNED, CUBIC], POLAR_EXPRESS[:3]])
def test_every_kind_of_number_gets_the_same_value(schedule: Any) -> None:
    import sympy
    from flint import arb, fmpq

    x = Fraction(3, 7)
    expected = x
    for triple in as_schedule(schedule):
        expected = _by_powers(triple, expected)
    assert iterate(schedule, x) == expected
    symbol = sympy.Symbol("x")
    exact = iterate(schedule, symbol).subs(symbol, sympy.Rational(3, 7))
    assert exact == sympy.Rational(expected.numerator, expected.denominator)
    assert iterate(schedule, arb(fmpq(3, 7))).contains(arb(fmpq(expected.numerator, expected.denominator)))
    # A step of four products on numbers below 30 loses a few units in the last place, times slopes below 30.
    assert iterate(schedule, 3 / 7) == pytest.approx(float(expected), rel=1e-12)
    array = iterate(schedule, np.array([3 / 7, -3 / 7], dtype=np.float32))
    assert array.dtype == np.float32
    np.testing.assert_allclose(array, [float(expected), -float(expected)], rtol=1e-3)


def test_integers_are_exact_and_the_first_triple_acts_first() -> None:
    assert iterate(TUNED, 1) == Fraction("0.701")
    assert iterate([(2, 0, 0), (1, 1, 0)], 1) == 2 + 2**3
    assert iterate([(1, 1, 0), (2, 0, 0)], 1) == 2 * (1 + 1)
    assert iterate((0.1, 0, 0), 1) == Fraction(0.1) != Fraction(1, 10)


def test_a_cubic_makes_no_nan_of_an_infinite_square() -> None:
    assert iterate(CUBIC, 1e200) == -math.inf
    assert iterate((1.5, -0.5, 0.0), -1e200) == math.inf


def test_what_counts_as_a_schedule() -> None:
    assert as_schedule(CUBIC) == as_schedule([CUBIC]) == as_schedule(list(CUBIC)) == (CUBIC,)
    assert as_schedule(CUBIC, 3) == (CUBIC,) * 3
    assert as_schedule([CUBIC, TUNED], 1) == (CUBIC,)
    assert as_schedule([CUBIC, TUNED], 4) == (CUBIC, TUNED, TUNED, TUNED)
    assert as_schedule([CUBIC, TUNED], 0) == ()


@pytest.mark.parametrize("bad", [(), [], (1.0, 2.0), [(1, 2, 3), (1, 2)], "abc", 1.0, [CUBIC, 1], None])
def test_what_does_not(bad: Any) -> None:
    with pytest.raises(ValueError, match="schedule must be a triple"):
        as_schedule(bad, name="schedule")


@pytest.mark.parametrize("steps", [-1, 1.0, True, "2"])
def test_steps_are_counted(steps: Any) -> None:
    with pytest.raises(ValueError, match="steps must be an integer"):
        as_schedule(CUBIC, steps)


@pytest.mark.parametrize(("triple", "order"), [(CUBIC, 1), (PADE5, 2)])
def test_the_classical_maps_are_pade_approximants(triple: Any, order: int) -> None:
    """sign(x) = x (1 - e)^(-1/2) with e = 1 - x^2: the binomial series, cut after e^order."""
    import sympy

    x, e = sympy.symbols("x e", positive=True)
    series = sympy.series((1 - e) ** sympy.Rational(-1, 2), e, 0, order + 1).removeO()
    assert sympy.expand(x * series.subs(e, 1 - x**2) - iterate(triple, x)) == 0


def test_the_soft_quintic_has_slope_two_at_zero_and_is_flat_at_one() -> None:
    import sympy

    a, b, c = sympy.symbols("a b c")
    (solution,) = sympy.solve([a + b + c - 1, a + 3 * b + 5 * c, a - 2], [a, b, c], dict=True)
    assert [solution[z] for z in (a, b, c)] == list(SOFT5)
