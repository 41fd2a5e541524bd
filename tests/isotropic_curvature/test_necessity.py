"""ICM-X2: without super-quadratic growth homogenisation fails, and a weaker condition does not save it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.isotropic_curvature import Custom, Polynomial, Power
from tests.isotropic_curvature.menu import MIXED, RATIO_ERROR, Plane, ball, weights
from tests.referee import check, control, refutes, restates, verifies
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.isotropic_curvature import ICM_T3a, ICM_X2a, ICM_X2b, ICM_X2w, even_powers, local, necessity
from theory.isotropic_curvature.necessity import FALLING, LEVEL, Piece

FALLS = "w falls"
# On the way from 2.05 to 2.45 the weight falls from 9.9 to 9.1.
COUNTEREXAMPLE: Plane = (Fraction(49, 20), Fraction(41, 20))


# --- the limit that shows it ---------------------------------------------------------------------------------


@check(ICM_X2b)
def mean_difference(power: int, offset: int) -> Evidence:
    """The mean over s of (lambda_1 - lambda_2)/eps as eps -> 0, for w = p x^(p-2) and every n.

    Claimed: 4 (w(s_2) - w(s_1))/(n (n + offset)(s_2 - s_1)).
    """
    import sympy

    n, s, s1, s2 = sympy.symbols("n s s1 s2", positive=True)
    eps = sympy.Symbol("eps")
    first, second = local.opposite_weights(power, s, eps, n)
    rate = sympy.expand((first - second).diff(eps)).subs(eps, 0)  # both are polynomials in eps
    increment = power * (s2 ** (power - 2) - s1 ** (power - 2))
    return every(
        exact(first.subs(eps, 0), second.subs(eps, 0)),
        exact(sympy.integrate(sympy.expand(rate), (s, s1, s2)), 4 * increment / (n * (n + offset))),
    )


@check(ICM_X2b)
def rate_at_a_point(power: int) -> Evidence:
    """Before averaging: (lambda_1 - lambda_2)/eps -> 4 w'(s)/(n(n+2))."""
    import sympy

    n, s = sympy.symbols("n s", positive=True)
    eps = sympy.Symbol("eps")
    first, second = local.opposite_weights(power, s, eps, n)
    slope = power * (power - 2) * s ** (power - 3)
    return exact((first - second).diff(eps).subs(eps, 0), necessity.local_rate(slope, n))


@check(ICM_X2b)
def weights_around_isotropy(power: int) -> Evidence:
    """The expansion with n a symbol agrees with three explicit coordinates at n = 3, for all eps."""
    import sympy

    n, s = sympy.symbols("n s", positive=True)
    eps = sympy.Symbol("eps", real=True)
    explicit = even_powers.weights({power: 1}, (s + eps, s - eps, s), 3)
    found = local.opposite_weights(power, s, eps, n)
    return every(*(exact(f.subs(n, 3), e) for f, e in zip(found, explicit[:2], strict=True)))


@verifies(ICM_X2b)
@pytest.mark.parametrize("power", [4, 6, 8])
def test_mean_difference_of_weights(power: int) -> None:
    mean_difference(power, 2)
    weights_around_isotropy(power)
    rate_at_a_point(power)


@control(ICM_X2b, changes="n(n+2) -> n(n+3)")
def test_mean_difference_with_a_wrong_moment() -> None:
    mean_difference(4, 3)


# --- a failing instance wherever w falls -----------------------------------------------------------------------


@check(ICM_X2a)
def spectrum_spreads(H: Any, s: float, n: int) -> Evidence:
    """Where w falls at s, q = s (1 + d, 1 - d, 1, ..., 1) has q_1/q_2 > g_1/g_2; d = 1/100.

    The excess is about 4 |kappa| d/(n+2), far above rounding.
    """
    require(n >= 2, "m >= n >= 2")
    require(H.slope(s) >= 0 and H.weight_slope(s) + H.weight(s) / s >= 0, "A1")
    require(H.weight_slope(s) < 0, FALLS)
    q = np.full(n, s)
    q[:2] *= 1.01, 0.99
    lam = weights(H, q)
    return measured(lam[0] / lam[1], 1.0, RATIO_ERROR, "<")


@check(ICM_X2a)
def plane_spreads(pieces: tuple[Piece, ...], q: Plane) -> Evidence:
    """The same for a piecewise weight at n = 2, by enclosures."""
    require(len(q) >= 2, "m >= n >= 2")
    require(necessity.is_convex(pieces), "A1")
    require(not necessity.is_superquadratic(pieces, q), FALLS)
    first, second = necessity.plane_weights(pieces, q)
    return enclosed(first - second, "<")


# (H, a point where w falls).  A power below 2 plus one above 2: w falls, then rises.
DIPS = {
    "x^1.5 + x^4": (MIXED, 0.2),
    "x + x^3": (Polynomial({1: 1.0, 3: 1.0}), 0.3),
    "x^1.99": (Power(1.99), 1.0),
    "log cosh x": (
        Custom(
            lambda x: np.log(np.cosh(x)),
            np.tanh,
            lambda x: np.cosh(x) ** -2.0,
            slope_at_infinity=1.0,
            domain=(1e-3, 5.0),
            name="log cosh x",
        ),
        1.0,
    ),
}


@verifies(ICM_X2a)
@pytest.mark.parametrize(("H", "s"), DIPS.values(), ids=DIPS)
def test_some_spectrum_spreads_where_the_weight_falls(H: Any, s: float) -> None:
    for n in (2, 3, 5):
        spectrum_spreads(H, s, n)


@verifies(ICM_X2a)
def test_the_piecewise_weight_spreads_its_spectrum() -> None:
    plane_spreads(FALLING, COUNTEREXAMPLE)


@control(ICM_X2a, drops=FALLS)
def test_no_failure_where_the_weight_rises() -> None:
    spectrum_spreads(Power(2.01), 1.0, 3)
    spectrum_spreads(MIXED, 1.0, 3)


@restates(ICM_X2a)
def test_the_same_failure_in_other_units() -> None:
    """H(Lx) in place of H(x), inputs of length L: the spectrum shrinks by L and the ratios stay."""
    for length in (1e-3, 1e3):
        spectrum_spreads(Polynomial({1.5: length**1.5, 4.0: length**4}), 0.2 / length, 3)


# --- the weaker condition --------------------------------------------------------------------------------------


@check(ICM_X2w)
def weak_growth_homogenizes(pieces: tuple[Piece, ...], q: Plane) -> Evidence:
    """lambda_1 >= lambda_2 for a convex H with H/x^2 nondecreasing, n = 2."""
    require(necessity.is_convex(pieces), "A1")
    require(necessity.is_weakly_superquadratic(pieces), "A2-weak")
    first, second = necessity.plane_weights(pieces, q)
    return enclosed(first - second, ">=")


@refutes(ICM_X2w, corrected=ICM_X2a)
def test_weak_growth_is_not_enough() -> None:
    weak_growth_homogenizes(FALLING, COUNTEREXAMPLE)


def _quoted(value: Any, digits: str) -> Evidence:
    """Whether a ball rounds to these five digits after the point."""
    from flint import arb

    return enclosed(abs(value - arb(digits)) - arb("0.000005"), "<=")


def _ratios(pieces: tuple[Piece, ...], q: Plane) -> tuple[Any, Any]:
    """q_1/q_2 and g_1/g_2 as balls."""
    first, second = necessity.plane_weights(pieces, q)
    ratio = ball(q[0] / q[1])
    return ratio, ratio * first / second


@check(ICM_X2a)
def ratios_quoted(pieces: tuple[Piece, ...]) -> Evidence:
    """q_1/q_2 = 1.19512 but g_1/g_2 = 1.14584."""
    require(not necessity.is_superquadratic(pieces, COUNTEREXAMPLE), FALLS)
    update, gradient = _ratios(pieces, COUNTEREXAMPLE)
    return every(_quoted(update, "1.19512"), _quoted(gradient, "1.14584"), enclosed(gradient - update, "<"))


@check(ICM_T3a)
def ratios_of_a_level_weight(pieces: tuple[Piece, ...]) -> Evidence:
    """With w constant on the range of rho g_1/g_2 = q_1/q_2 = 1.19512, so that it does not fail."""
    require(necessity.is_superquadratic(pieces, COUNTEREXAMPLE), "A2")
    update, gradient = _ratios(pieces, COUNTEREXAMPLE)
    weight = [float(x) for x in necessity.plane_weights(pieces, COUNTEREXAMPLE)]
    return every(
        _quoted(update, "1.19512"),
        _quoted(gradient, "1.19512"),
        measured(weight, 5.0, 1e-12),  # w E u_i
        measured(float(update), float(gradient), RATIO_ERROR, "<="),
    )


@verifies(ICM_X2a)
def test_quoted_ratios() -> None:
    ratios_quoted(FALLING)


@control(ICM_X2a, drops=FALLS)
def test_the_running_maximum_of_the_weight_does_not_fail() -> None:
    ratios_quoted(LEVEL)


@verifies(ICM_T3a)
def test_the_running_maximum_of_the_weight_homogenizes() -> None:
    ratios_of_a_level_weight(LEVEL)


@control(ICM_T3a, drops="A2")
def test_the_falling_weight_does_not() -> None:
    ratios_of_a_level_weight(FALLING)


# --- the hypotheses of piecewise weights -------------------------------------------------------------------------


def _falling(rate: Fraction) -> tuple[Piece, ...]:
    """FALLING with -rate in place of the slope -2."""
    first, second, third, last = FALLING
    end = 10 - rate / 2
    return (
        first,
        second,
        third._replace(constant=10 + 2 * rate, slope=-rate),
        last._replace(constant=end),
    )


def test_how_steeply_the_weight_may_fall() -> None:
    """x w rises on (2, 5/2] while 10 + 2 r - 5 r >= 0; int x^2 dw = 9 - r (125/8 - 8)/3 >= 0 to r = 216/61."""
    assert _falling(Fraction(2)) == FALLING
    convex = {rate: necessity.is_convex(_falling(Fraction(rate))) for rate in ("3.3", "10/3", "3.4")}
    assert convex == {"3.3": True, "10/3": True, "3.4": False}
    weak = {r: necessity.is_weakly_superquadratic(_falling(Fraction(r))) for r in ("3.5", "216/61", "3.55")}
    assert weak == {"3.5": True, "216/61": True, "3.55": False}


def test_jumps_decide_too() -> None:
    assert necessity.jumps(LEVEL) == [(1, 9)]
    assert necessity.jumps(FALLING) == [(1, 9), (2, 0), (Fraction(5, 2), 0)]
    upside_down = (LEVEL[0]._replace(constant=Fraction(10)), LEVEL[1]._replace(constant=Fraction(1)))
    around, beside = (Fraction(3), Fraction(1, 2)), (Fraction(3), Fraction(2))
    assert necessity.is_convex(LEVEL)
    assert not necessity.is_convex(upside_down)
    assert necessity.is_weakly_superquadratic(LEVEL)
    assert not necessity.is_weakly_superquadratic(upside_down)
    for q in (around, beside):
        assert necessity.is_superquadratic(LEVEL, q)
    assert not necessity.is_superquadratic(upside_down, around)
    assert necessity.is_superquadratic(upside_down, beside)
    assert necessity.is_superquadratic(FALLING, (Fraction(2), Fraction(1)))
    assert not necessity.is_superquadratic(FALLING, (Fraction(201, 100), Fraction(1)))


def test_a_jump_away_from_one() -> None:
    """w = 1, then 10 from 2 on, then falling by r on (3, 4]: int x^2 dw = 36 - r (64 - 27)/3 >= 0 to r = 108/37."""

    def pieces(rate: Fraction) -> tuple[Piece, ...]:
        ends = [Fraction(x) for x in (0, 2, 3, 4)]
        level, fall = Fraction(10), 10 + 3 * rate
        return (
            Piece(ends[0], ends[1], Fraction(1), Fraction(0)),
            Piece(ends[1], ends[2], level, Fraction(0)),
            Piece(ends[2], ends[3], fall, -rate),
            Piece(ends[3], None, level - rate, Fraction(0)),
        )

    assert necessity.is_weakly_superquadratic(pieces(Fraction(108, 37)))
    assert not necessity.is_weakly_superquadratic(pieces(Fraction(109, 37)))
    # A continuous weight that rises, on both sides of a joint.
    assert necessity.is_superquadratic(pieces(Fraction(-1)), (Fraction(4), Fraction(5, 2)))


def test_a_weight_that_falls_for_ever_is_refused() -> None:
    endless = (LEVEL[0], *FALLING[1:3], FALLING[3]._replace(slope=Fraction(-1, 100)))
    assert not necessity.is_convex(endless)
    assert not necessity.is_weakly_superquadratic(endless)
