"""SF-N2.a-e: Muon's default quintic does not fix one; it keeps singular values in an interval around it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from labs.core.polar import PADE5, TUNED, escape_radius, iterate, polynomial_range
from labs.core.polar.ranges import ball
from tests.referee import check, control, verifies
from tests.spectral_flattening.digits import rounds_to, working_precision
from tests.spectral_flattening.tuned import landmarks
from theory.evidence import Evidence, enclosed, every, exact, require
from theory.spectral_flattening import odd_maps, orbits
from theory.spectral_flattening.newton_schulz import (
    SF_N2a,
    SF_N2b,
    SF_N2c,
    SF_N2d,
    SF_N2e,
)

Triple = Sequence[Fraction]


# --- SF-N2.a, SF-N2.b: fixed points and critical points ------------------------------------------------------------


@check(SF_N2a)
def fixed_points_repel(triple: Triple) -> Evidence:
    """p(1) != 1, and |p'| > 1 at the two positive fixed points, as algebraic numbers."""
    import sympy

    a, b, c = (sympy.Rational(z.numerator, z.denominator) for z in triple)
    first, last = odd_maps.fixed_squares(a, b, c)
    slopes = [a + 3 * b * t + 5 * c * t**2 for t in (first, last)]
    return every(
        exact(iterate(triple, 1), 1, "!="),
        *(exact(a + b * t + c * t**2, 1) for t in (first, last)),
        exact(slopes[0], -1, "<"),
        exact(slopes[1], 1, ">"),
    )


@check(SF_N2a)
def fixed_points_as_printed(triple: Triple, low: str, high: str, slopes: tuple[str, str]) -> Evidence:
    """x_-, x_+ and the slopes there round to the printed digits; p(1) = 0.701."""
    with working_precision():
        fixed = landmarks(triple)[:2]
        found = [orbits.value_and_slope(triple, x)[1] for x in fixed]
        return every(
            exact(iterate(triple, 1), Fraction("0.701")),
            *(rounds_to(x, text) for x, text in zip(fixed, (low, high), strict=True)),
            *(rounds_to(slope, text) for slope, text in zip(found, slopes, strict=True)),
        )


@verifies(SF_N2a)
def test_fixed_points() -> None:
    fixed_points_repel(TUNED)
    fixed_points_as_printed(TUNED, "0.868025797655531", "1.26372906729838", ("-1.58237309947", "6.473"))
    assert escape_radius(TUNED).overlaps(landmarks(TUNED)[1])


@control(SF_N2a, changes="tuned -> pade5, whose fixed point 1 attracts; 0.701 -> 0.702")
def test_the_pade_map_fixes_one() -> None:
    fixed_points_repel(PADE5)
    fixed_points_as_printed((*TUNED[:2], TUNED[2] + Fraction("0.001")), "0.868", "1.26", ("-1.58", "6.47"))


@check(SF_N2b)
def turning_points_as_printed(triple: Triple, printed: tuple[str, str, str, str]) -> Evidence:
    """x_1, p(x_1), x_2, p(x_2), by algebra and in balls; no zero of a + b t + c t^2."""
    import sympy

    a, b, c = (sympy.Rational(z.numerator, z.denominator) for z in triple)
    zeros = [exact(a + 3 * b * t + 5 * c * t**2, 0) for t in odd_maps.critical_squares(a, b, c)]
    with working_precision():
        x1, x2 = landmarks(triple)[2:4]
        found = (x1, iterate(triple, x1), x2, iterate(triple, x2))
        digits = [rounds_to(value, text) for value, text in zip(found, printed, strict=True)]
    return every(*zeros, *digits, exact(b * b, 4 * a * c, "<"))


@verifies(SF_N2b)
def test_turning_points() -> None:
    printed = ("0.554528790854495", "1.20236860516321", "1.05013607912102", "0.681831462177185")
    turning_points_as_printed(TUNED, printed)


@control(SF_N2b, changes="last digit of the local maximum")
def test_another_local_maximum() -> None:
    printed = ("0.554528790854495", "1.20236860516322", "1.05013607912102", "0.681831462177185")
    turning_points_as_printed(TUNED, printed)


# --- SF-N2.c, SF-N2.d, SF-N2.e: where orbits go --------------------------------------------------------------------


@check(SF_N2c)
def maps_onto_itself(triple: Triple, factor: Fraction) -> Evidence:
    """With J = [m, factor M]: x_1 < m < x_2 < factor M, p(m) <= factor M and p(factor M) < factor M.

    Then the range over J is [m, max(p(m), p(factor M))], inside J, and all of J where factor = 1.
    """
    with working_precision():
        _, _, x1, x2, m, M = landmarks(triple)
        top = M * ball(factor)
        return every(
            enclosed(m - x1, ">"),
            enclosed(x2 - m, ">"),
            enclosed(top - x2, ">"),
            enclosed(iterate(triple, top) - top, "<"),
            enclosed(M * (1 - ball(factor)), "<="),
        )


@check(SF_N2c)
def range_of_the_interval(triple: Triple, low: str, high: str) -> Evidence:
    """The range of p over J, from labs, rounds to the printed ends of J, as J does."""
    with working_precision():
        m, M = landmarks(triple)[4:]
        ends = (*polynomial_range(triple, (m, M)), m, M)
        return every(*(rounds_to(end, text) for end, text in zip(ends, (low, high) * 2, strict=True)))


@verifies(SF_N2c)
def test_the_interval_is_mapped_onto_itself() -> None:
    maps_onto_itself(TUNED, Fraction(1))
    range_of_the_interval(TUNED, "0.681831462177185", "1.13435726456247")


@control(SF_N2c, sharpens="M -> 0.9999 M")
def test_a_smaller_interval_is_left() -> None:
    maps_onto_itself(TUNED, Fraction(9999, 10000))
    range_of_the_interval(TUNED, "0.681831462177185", "1.13424382883601")


@check(SF_N2d)
def nothing_stays_outside(triple: Triple) -> Evidence:
    """The inequalities of the proof: m^2 < x_-^2 < M^2, M < x_+, p(x_1) < x_+, x_2 < M, m < p(M) < M."""
    with working_precision():
        low, high, x1, x2, m, M = landmarks(triple)
        back = iterate(triple, M)
        return every(
            exact(Fraction(triple[2]), 0, ">"),  # a - 1 + b t + c t^2 opens upwards
            *(enclosed(gap, ">") for gap in (low - m, M - low, high - M, high - iterate(triple, x1), M - x2)),
            *(enclosed(gap, ">") for gap in (back - m, M - back)),
        )


@check(SF_N2d)
def enters(triple: Triple, x: Fraction) -> Evidence:
    """Follow x until it certainly lies in J, or certainly above x_+, from where it never comes back."""
    with working_precision(2000):
        _, high, _, _, m, M = landmarks(triple)
        value = ball(x)
        require(value > 0 and value < high, "0 < x < x_+")
        for _ in range(1000):
            if value >= m and value <= M:
                return every(enclosed(value - m, ">="), enclosed(value - M, "<="))
            if value > high:
                break
            value = iterate(triple, value)
        return enclosed(value - high, "<=")


@verifies(SF_N2d)
def test_every_start_enters() -> None:
    nothing_stays_outside(TUNED)
    for x in ("1e-300", "1e-6", "0.3", "0.68", "0.7", "1.134", "1.2", "1.2637", "1.26372906729837"):
        enters(TUNED, Fraction(x))


@control(SF_N2d, drops="0 < x < x_+")
def test_a_start_just_above_does_not_enter() -> None:
    enters(TUNED, Fraction("1.26372906729838"))
    enters(TUNED, Fraction("1.3"))


@check(SF_N2e)
def escapes(triple: Triple, x: Fraction) -> Evidence:
    """p(y)/y - 1 at y^2 = x_+^2 + v is positive for all v > 0; and x passes 1e100 within 200 steps."""
    import sympy

    a, b, c = (sympy.Rational(z.numerator, z.denominator) for z in triple)
    v = sympy.Symbol("v", positive=True)
    t = odd_maps.fixed_squares(a, b, c)[1] + v
    with working_precision(2000):
        value = ball(x)
        require(value > landmarks(triple)[1], "x > x_+")
        for _ in range(200):
            if value > 10**100:
                break
            value = iterate(triple, value)
        return every(exact(sympy.expand(a + b * t + c * t**2 - 1), 0, ">"), enclosed(value - 10**100, ">"))


@verifies(SF_N2e)
def test_every_start_above_escapes() -> None:
    for x in ("1.26372906729838", "1.2638", "1.3", "10"):
        escapes(TUNED, Fraction(x))


@control(SF_N2e, drops="x > x_+")
def test_a_start_just_below_does_not() -> None:
    escapes(TUNED, Fraction("1.26372906729837"))
