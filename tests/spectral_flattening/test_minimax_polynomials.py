"""SF-N5.a, b, e, f, g: the best odd polynomials, how fast they raise small singular values, the deployed list."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from labs.core.polar import (
    POLAR_EXPRESS,
    minimax_cubic,
    minimax_quintic,
    polar_express,
)
from labs.core.polar.ranges import ball
from tests.referee import check, control, restates, verifies
from tests.spectral_flattening.compositions import Best, worst_error
from tests.spectral_flattening.digits import rounds_to, working_precision
from theory.evidence import Evidence, certified, enclosed, every, exact, require
from theory.spectral_flattening import equioscillation, odd_maps
from theory.spectral_flattening.newton_schulz_optimal import (
    SF_N5a,
    SF_N5b,
    SF_N5e,
    SF_N5f,
    SF_N5g,
)

# --- SF-N5.a: the cubic in closed form -----------------------------------------------------------------------------


@check(SF_N5a)
def closed_form_is_levelled(summand: int) -> Evidence:
    """p = 1 - E, 1 + E, 1 - E at lo, 1/alpha, hi for every interval, up to a factor, as derived."""
    import sympy

    w, x = sympy.symbols("w x", positive=True)
    lo, q, hi = odd_maps.cubic_interval(w)
    alpha = 1 / q
    beta = 4 / (summand + lo * hi * (lo + hi) * alpha**3)

    def p(x: Any) -> Any:
        return beta * (sympy.Rational(3, 2) * alpha * x - (alpha * x) ** 3 / 2)

    a, b, E = odd_maps.best_cubic(lo, q)
    return every(
        exact(alpha**2 * (hi**2 + hi * lo + lo**2), 3),
        exact(p(lo), 2 - beta),
        exact(p(q), beta),
        exact(p(hi), 2 - beta),
        exact(sympy.diff(p(x), x).subs(x, q), 0),
        exact(a * x + b * x**3, p(x)),
        exact(E, beta - 1),
    )


@check(SF_N5a)
def closed_form_is_best(lo: Fraction, hi: Fraction, summand: int = 2) -> Evidence:
    """beta - 1 is above the levelled error at three points and below it but for 1e-60; so is the cubic of labs."""
    require(0 < lo < hi, "0 < ell < u")
    found = minimax_cubic(lo, hi)
    lower = equioscillation.levelled_error(found.points)
    with working_precision():
        alpha = (3 / ball(hi**2 + hi * lo + lo**2)).sqrt()
        error = 4 / (summand + ball(lo * hi * (lo + hi)) * alpha**3) - 1
        gap = ball(Fraction(1, 10**50))
        return every(*(enclosed(abs(error - ball(x)) - gap, "<") for x in (lower, found.error, found.lower)))


@verifies(SF_N5a)
def test_the_best_cubic() -> None:
    closed_form_is_levelled(2)
    for lo, hi in (
        (Fraction(1, 100), Fraction(1)),
        (Fraction(1, 2), Fraction(3)),
        (Fraction(99, 100), Fraction(1)),
    ):
        closed_form_is_best(lo, hi)


@control(SF_N5a, changes="2 -> 3 in beta")
def test_another_beta() -> None:
    closed_form_is_levelled(3)
    closed_form_is_best(Fraction(1, 100), Fraction(1), summand=3)


# --- SF-N5.b: the quintic ------------------------------------------------------------------------------------------


@check(SF_N5b)
def quintic_is_best(coefficients: Sequence[Fraction], lo: Fraction, hi: Fraction) -> Evidence:
    """Its exact range above, the levelled error of its points below; refuted by a polynomial that does better."""
    require(0 < lo < hi, "0 < ell < u")
    found = minimax_quintic(lo, hi)
    error = float(worst_error(coefficients, lo, hi))
    lower = float(equioscillation.levelled_error(found.points))
    # Two roundings to double precision.
    return certified(error, lower, 4 * 2.0**-52, refutation=(error, float(found.error)))


INTERVALS = [(1e-8, 1.0), (1e-3, 1.0), (0.1, 1.0), (0.5, 1.5), (0.99, 1.01), (0.2, 7.0)]


@verifies(SF_N5b)
def test_the_best_quintic() -> None:
    for lo, hi in INTERVALS:
        quintic_is_best(minimax_quintic(lo, hi).coefficients, Fraction(lo), Fraction(hi))


@restates(SF_N5b)
def test_the_best_quintic_in_other_units() -> None:
    """On [7 lo, 7 hi] the coefficients are a/7, b/7^3, c/7^5."""
    for lo, hi in INTERVALS:
        a, b, c = minimax_quintic(lo, hi).coefficients
        quintic_is_best((a / 7, b / 7**3, c / 7**5), 7 * Fraction(lo), 7 * Fraction(hi))


@control(SF_N5b, sharpens="one coefficient changed by 1e-6: the certificate gap opens")
def test_a_quintic_beside_the_best() -> None:
    for lo, hi in INTERVALS:
        a, b, c = minimax_quintic(lo, hi).coefficients
        quintic_is_best((a, b * (1 + Fraction(1, 10**6)), c), Fraction(lo), Fraction(hi))


# --- SF-N5.e, SF-N5.f: growth --------------------------------------------------------------------------------------


def _growth(best: Best) -> Any:
    """((1 - E)/(1 + E))/lo at lo = 1e-40, which is 1e-40 from the limit, relatively."""
    lo = Fraction(1, 10**40)
    error = best(lo, Fraction(1)).error
    return ball((1 - error) / (1 + error) / lo)


@check(SF_N5e)
def cubic_growth(constant: Any, text: str) -> Evidence:
    """The derived constant, and the growth that labs finds."""
    with working_precision():
        found = _growth(minimax_cubic)
        gap = abs(found - 3 * ball(3).sqrt() / 2) - ball(Fraction(1, 10**30))
        return every(exact(odd_maps.cubic_growth(), constant), enclosed(gap, "<"), rounds_to(found, text))


@check(SF_N5f)
def quintic_growth(numerator: int, text: str) -> Evidence:
    """The derived formula numerator/(16 y^2), the equation for y, and the growth that labs finds."""
    import sympy
    from flint import fmpz_poly

    y = sympy.Symbol("y", positive=True)
    growth, closing = odd_maps.quintic_growth()
    (at,) = growth.free_symbols
    cubic = 4 * y**3 - 3 * y**2 + 2 * y - 1
    with working_precision():
        roots: Any = fmpz_poly([-1, 2, -3, 4]).complex_roots()
        (root,) = (z.real for z, _ in roots if z.imag == 0)
        found = _growth(minimax_quintic)
        gap = abs(found - numerator / (16 * root**2)) - ball(Fraction(1, 10**30))
        return every(
            exact(growth.subs(at, y), sympy.Rational(numerator, 16) / y**2),
            exact(sympy.rem(closing.subs(at, y), cubic, y), 0),
            enclosed(gap, "<"),
            rounds_to(found, text),
        )


@verifies(SF_N5e)
def test_growth_of_best_cubics() -> None:
    import sympy

    cubic_growth(3 * sympy.sqrt(3) / 2, "2.598076")


@control(SF_N5e, changes="3 sqrt 3/2 -> 3 sqrt 2/2")
def test_another_growth_of_best_cubics() -> None:
    import sympy

    cubic_growth(3 * sympy.sqrt(2) / 2, "2.598076")


@verifies(SF_N5f)
def test_growth_of_best_quintics() -> None:
    quintic_growth(25, "4.257151136925")


@control(SF_N5f, changes="25 -> 26")
def test_another_growth_of_best_quintics() -> None:
    quintic_growth(26, "4.257151136925")


def test_growth_per_matrix_product() -> None:
    """Two products a cubic step, three a quintic one; an equation of degree four for y has y + 1 as a factor."""
    import sympy

    y = sympy.Symbol("y")
    assert sympy.expand((y + 1) * (4 * y**3 - 3 * y**2 + 2 * y - 1) - (4 * y**4 + y**3 - y**2 + y - 1)) == 0
    for growth, products, text in (
        (2.598076, 2, "1.612"),
        (4.257151, 3, "1.621"),
        (1.5, 2, "1.225"),
        (1.875, 3, "1.233"),
        (3.4445, 3, "1.510"),
    ):
        assert f"{growth ** (1 / products):.3f}" == text


# --- SF-N5.g: the deployed list ------------------------------------------------------------------------------------


@check(SF_N5g)
def deployed_list_is_derived(cushion: float) -> Evidence:
    """Relative differences of all coefficients, as rational numbers."""
    parts = []
    for step, (ours, theirs) in enumerate(
        zip(polar_express(1e-3, 8, cushion=cushion), POLAR_EXPRESS, strict=True), 1
    ):
        largest = max(abs(x / Fraction(y) - 1) for x, y in zip(ours, theirs, strict=True))
        parts.append(exact(largest, Fraction(25, 10**12) if step == 7 else Fraction(1, 10**14), "<"))
    return every(*parts)


@verifies(SF_N5g)
def test_the_deployed_list() -> None:
    deployed_list_is_derived(0.02407327424182761)


@control(SF_N5g, changes="the cushion by a part in 1e6")
def test_another_cushion() -> None:
    deployed_list_is_derived(0.02407327424182761 * (1 + 1e-6))
