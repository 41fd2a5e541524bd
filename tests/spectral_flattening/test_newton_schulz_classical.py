"""SF-N1: the classical maps converge from below, at a rate that is known exactly."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.polar import CUBIC, PADE5, SOFT5, iterate, newton_schulz, polynomial_range, smallest_preimage
from labs.core.polar.ranges import ball
from labs.core.spectrum import condition_number, matrix, stable_rank, zoo
from labs.core.streams import stream
from tests.referee import check, control, restates, verifies
from tests.spectral_flattening.digits import exactly, rounding_interval, rounds_to, working_precision
from tests.tightness import worst_case
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.spectral_flattening import odd_maps
from theory.spectral_flattening.newton_schulz import (
    SF_N1a,
    SF_N1b,
    SF_N1c,
    SF_N1d,
    SF_N1e,
    SF_N1f,
    SF_N1g,
)

# (map, its order q: the defect e becomes about e^(q+1))
CLASSICAL = [(CUBIC, 1), (PADE5, 2)]


# --- SF-N1.a, SF-N1.b: what a step leaves of the defect ------------------------------------------------------------


def _defect(triple: Any, order: int, after: Any, e: Any) -> Evidence:
    """1 - p(x)^2 = after(e) at x = sqrt(1 - e), for the map of labs and for the one derived from (1 - e)^(-1/2)."""
    import sympy

    x = sympy.sqrt(1 - e)
    return every(exact(1 - iterate(triple, x) ** 2, after), exact(odd_maps.defect_after(order, e), after))


@check(SF_N1a)
def cubic_defect(coefficient: int) -> Evidence:
    """e' = e^2 (coefficient + e)/4."""
    import sympy

    e = sympy.Symbol("e")
    return _defect(CUBIC, 1, e**2 * (coefficient + e) / 4, e)


@check(SF_N1b)
def quintic_defect(coefficient: int) -> Evidence:
    """e' = e^3 (40 + coefficient e + 9 e^2)/64."""
    import sympy

    e = sympy.Symbol("e")
    return _defect(PADE5, 2, e**3 * (40 + coefficient * e + 9 * e**2) / 64, e)


@verifies(SF_N1a, SF_N1b)
def test_defects() -> None:
    cubic_defect(3)
    quintic_defect(15)


@control(SF_N1a, changes="3 -> 4")
def test_the_cubic_defect_with_another_coefficient() -> None:
    cubic_defect(4)


@control(SF_N1b, changes="15 -> 16")
def test_the_quintic_defect_with_another_coefficient() -> None:
    quintic_defect(16)


# --- SF-N1.c: monotone, so the smallest singular value is the worst ------------------------------------------------


@check(SF_N1c)
def rises_to_one(triple: Any) -> Evidence:
    """p(0) = 0, p(1) = 1 and p' >= 0 on (0, 1], where x^2 = 1/(1 + v), v >= 0."""
    import sympy

    v, x = sympy.Symbol("v", nonnegative=True), sympy.Symbol("x", positive=True)
    slope = sympy.diff(iterate(triple, x), x).subs(x, 1 / sympy.sqrt(1 + v))
    return every(exact(iterate(triple, 0), 0), exact(iterate(triple, 1), 1), exact(slope, 0, ">="))


@check(SF_N1c)
def low_end_is_worst(triple: Any, ell: Fraction, steps: int) -> Evidence:
    """R[ell, 1] of p^K has the ends p^K(ell) (to 2^-100) and at most 1."""
    least, greatest = polynomial_range(triple, (ell, 1), steps)
    with working_precision():
        value, tiny = iterate([triple] * steps, ball(ell)), ball(Fraction(1, 2**100))
        return every(enclosed(greatest - 1, "<="), enclosed(least - value + tiny, ">"))


@check(SF_N1c)
def matrices_stay_below_one(A: np.ndarray, triple: Any, steps: int) -> Evidence:
    """Singular values of the iterate lie in [p^K(ell), 1]; rounding: 40 units a step, magnified by slopes 2^K."""
    s = np.linalg.svd(A, compute_uv=False)
    ell, rounding = s[-1] / np.linalg.norm(s), 40 * 2.0**-52 * steps * 2.0**steps
    found = np.linalg.svd(newton_schulz(A, [triple] * steps), compute_uv=False)
    low = iterate([triple] * steps, float(ell)) if ell > rounding else 0.0
    return every(measured(found, 1.0, rounding, "<="), measured(found, low, rounding, ">="))


@verifies(SF_N1c)
def test_classical_maps_rise_to_one() -> None:
    for triple, _ in CLASSICAL:
        rises_to_one(triple)
        # Few steps from large ell: else the two ends differ by less than 400 bits tell.
        for ell, steps in ((Fraction(1, 1000), 12), (Fraction(1, 10), 5), (Fraction(9, 10), 3)):
            low_end_is_worst(triple, ell, steps)


@verifies(SF_N1c)
@pytest.mark.parametrize(("m", "n"), [(12, 8), (8, 12)])
def test_matrices_of_the_zoo_stay_below_one(m: int, n: int) -> None:
    for name, s in zoo(8, stream("SF-N1.c")).items():
        A = matrix(s, m, n, stream("SF-N1.c: frames", name))
        for triple, _ in CLASSICAL:
            matrices_stay_below_one(A, triple, 5)


@control(SF_N1c, changes="pade5 -> soft5, whose range exceeds 1")
def test_the_soft_quintic_overshoots() -> None:
    rises_to_one(SOFT5)
    low_end_is_worst(SOFT5, Fraction(1, 10), 5)


# Smallest ell with an error of at most 0.01, as printed.
SMALLEST = {
    "cubic": {5: "0.270382", 8: "0.0815962", 10: "0.0363168", 12: "0.0161454", 15: "0.00478412"},
    "pade5": {5: "0.0896491", 8: "0.0136285", 10: "0.00387673", 12: "0.00110272", 15: "1.67287e-4"},
}


@verifies(SF_N1c)
def test_printed_thresholds_of_one_per_cent() -> None:
    """At the two ends of the rounding interval of each printed number the error is on either side of 0.01."""
    for triple, printed in zip((CUBIC, PADE5), SMALLEST.values(), strict=True):
        for steps, text in printed.items():
            low, high = rounding_interval(text)
            low_end_is_worst(triple, low, steps)
            low_end_is_worst(triple, high, steps)
            assert iterate([triple] * steps, float(low)) < 0.99 < iterate([triple] * steps, float(high)), text
            assert rounds_to(smallest_preimage(triple, Fraction(99, 100), steps), text).verdict == "holds"


def test_the_soft_quintic_turns_where_it_should() -> None:
    """p'(x) = (1 - x^2)(2 - 5 x^2/2): a local maximum 1.0017585 at x^2 = 4/5."""
    import sympy

    x = sympy.Symbol("x", positive=True)
    slope = sympy.diff(iterate(SOFT5, x), x)
    assert sympy.expand(slope - (1 - x**2) * (2 - sympy.Rational(5, 2) * x**2)) == 0
    assert f"{iterate(SOFT5, math.sqrt(0.8)):.7f}" == "1.0017585"


# --- SF-N1.d: the error to a power of the defect -------------------------------------------------------------------


@check(SF_N1d)
def defect_shrinks(order: int, factor: Fraction) -> Evidence:
    """e' <= factor e^(q+1) for all e = 1/(1 + v), v >= 0; and 1 - x <= 1 - x^2 for x = 1/(1 + v)."""
    import sympy

    v = sympy.Symbol("v", nonnegative=True)
    e = 1 / (1 + v)
    bound = factor * e ** (order + 1)
    return every(
        exact(odd_maps.defect_after(order, e), bound, "<=", witness={v: 0}),
        exact(1 - e, 1 - e**2, "<="),
    )


@check(SF_N1d)
def error_is_below_the_power(triple: Any, order: int, ell: float, steps: int, factor: Fraction) -> Evidence:
    """1 - p^K(ell)^2 <= factor (1 - ell^2)^((q+1)^K), in balls."""
    require(0 <= ell <= 1, "0 <= x <= 1")
    with working_precision(2000):
        x = ball(Fraction(ell))
        left = 1 - iterate([triple] * steps, x) ** 2
        right = ball(factor) * (1 - x * x) ** ((order + 1) ** steps)
        return enclosed(left - right, "<=", ratio=float(left / right))


@verifies(SF_N1d)
def test_errors_are_powers_of_the_defect() -> None:
    for triple, order in CLASSICAL:
        defect_shrinks(order, Fraction(1))
        for ell in (1e-3, 0.1, 0.3, 0.7, 0.99):
            for steps in (1, 2, 4):
                error_is_below_the_power(triple, order, ell, steps, Fraction(1))


@verifies(SF_N1d)
def test_the_power_is_attained_for_small_singular_values() -> None:
    sharpest = worst_case(
        lambda ell: error_is_below_the_power(PADE5, 2, ell, 3, Fraction(1)),
        lambda x: (float(x[0]),),
        dimension=1,
        lower=1e-4,
        upper=0.9,
        stream=stream("SF-N1.d: tightness"),
        starts=3,
        steps=40,
    )
    assert 0.9999 < sharpest <= 1


@control(SF_N1d, sharpens="1 -> 0.99")
def test_the_power_with_a_smaller_factor() -> None:
    for triple, order in CLASSICAL:
        defect_shrinks(order, Fraction(99, 100))
        error_is_below_the_power(triple, order, 1e-3, 2, Fraction(99, 100))


# --- SF-N1.e: where the smallest singular value starts -------------------------------------------------------------


@check(SF_N1e)
def normalised_smallest(count: int, power: Fraction) -> Evidence:
    """s_min/F = 1/(kappa srank^power) for `count` singular values, from the largest to the smallest."""
    import sympy

    s = sympy.symbols(f"s1:{count + 1}", positive=True)
    total = sum(x**2 for x in s)
    kappa, srank = s[0] / s[-1], total / s[0] ** 2
    return exact(s[-1] ** 2 / total, 1 / (kappa**2 * srank ** (2 * power)))


@check(SF_N1e)
def normalised_smallest_of(s: np.ndarray) -> Evidence:
    """The same with the measures of labs: a dozen roundings, relative 1e-14."""
    positive = s[s > 0]
    predicted = 1 / (condition_number(s) * np.sqrt(stable_rank(s)))
    return measured(np.min(positive) / np.linalg.norm(s), predicted, 1e-14 * predicted)


@verifies(SF_N1e)
def test_where_the_smallest_singular_value_starts() -> None:
    for count in (1, 2, 5):
        normalised_smallest(count, Fraction(1, 2))
    for n in (2, 8, 64):
        for s in zoo(n, stream("SF-N1.e")).values():
            normalised_smallest_of(s)


@control(SF_N1e, changes="exponent 1/2 -> 1 of the stable rank")
def test_where_it_does_not_start() -> None:
    normalised_smallest(3, Fraction(1))


# --- SF-N1.f: the linear phase -------------------------------------------------------------------------------------


def _constants(triple: Any) -> tuple[Fraction, Fraction]:
    """(a, k): p(x) >= a x (1 - h x^2) with h = -b/a, and k = h/(a^2 - 1)."""
    a, b, _ = triple
    return a, -b / a / (a * a - 1)


@check(SF_N1f)
def one_step_of_the_linear_phase(triple: Any, growth: Fraction) -> Evidence:
    """p(x) <= growth x, and p at x = y (1 - k y^2) is at least a y (1 - k (a y)^2), for k y^2 = 1/(1 + v) < 1."""
    import sympy

    v, x = sympy.Symbol("v", positive=True), sympy.Symbol("x", positive=True)
    a, k = _constants(triple)
    share = 1 / (1 + v)  # k y^2
    square = share / k * (1 - share) ** 2  # x^2
    lower = (1 - share) * iterate(triple, x).expand().coeff(x, 1)
    ratio = sum(sympy.Rational(z.numerator, z.denominator) * square**i for i, z in enumerate(triple))
    return every(
        exact((1 - share) * ratio, a * (1 - a * a * share), ">="),
        exact(lower, growth * (1 - share), "<="),
        # p(x)/x below its value at 0, for x^2 = 1/(1 + v).
        exact(sum(z * share**i for i, z in enumerate(triple)), growth, "<=", witness={v: 10**6}),
    )


@check(SF_N1f)
def linear_phase(triple: Any, ell: Fraction, steps: int, growth: Fraction) -> Evidence:
    """y (1 - k y^2) <= p^K(ell) <= y for y = growth^K ell, in balls."""
    k = _constants(triple)[1]
    require(growth ** (2 * steps) * ell**2 * k <= 1, "k y^2 <= 1")
    with working_precision():
        x, y = iterate([triple] * steps, ball(ell)), ball(growth**steps * ell)
        return every(enclosed(x - y * (1 - ball(k) * y * y), ">="), enclosed(x - y, "<=", ratio=float(x / y)))


@verifies(SF_N1f)
def test_the_linear_phase() -> None:
    assert [_constants(triple)[1] for triple, _ in CLASSICAL] == [Fraction(4, 15), Fraction(128, 483)]
    for triple, _ in CLASSICAL:
        one_step_of_the_linear_phase(triple, triple[0])
        for ell, steps in (
            (Fraction(1, 1000), 5),
            (Fraction(1, 10**6), 18),
            (Fraction(1, 10), 3),
            (Fraction(1), 1),
        ):
            linear_phase(triple, ell, steps, triple[0])


@control(SF_N1f, sharpens="a -> 0.99 a")
def test_the_linear_phase_is_not_slower() -> None:
    for triple, _ in CLASSICAL:
        growth = triple[0] * Fraction(99, 100)
        one_step_of_the_linear_phase(triple, growth)
        linear_phase(triple, Fraction(1, 10**6), 12, growth)


@verifies(SF_N1f)
def test_counts_of_steps_follow_the_logarithm() -> None:
    """K(ell) - ln(1/ell)/ln a stays between 0 and a few steps over nine decades."""
    for triple, _ in CLASSICAL:
        growth = float(triple[0])
        for decades in (1, 3, 6, 9):
            x, steps = 10.0**-decades, 0
            while x < 0.99:
                x, steps = iterate(triple, x), steps + 1
            extra = steps - decades * math.log(10) / math.log(growth)
            assert 0 < extra < 5
            within = math.floor(decades * math.log(10) / math.log(growth))
            linear_phase(triple, Fraction(1, 10**decades), within, triple[0])


# --- SF-N1.g: flat spectra -----------------------------------------------------------------------------------------


@check(SF_N1g)
def flat_spectrum(order: int, rank: int, largest: int) -> Evidence:
    """e_5 <= 1 - 0.99^2 from e_0 = 1 - 1/rank, if rank <= largest; above it, if not."""
    import sympy

    e = sympy.Symbol("e")
    after = [
        Fraction(int(z.p), int(z.q)) for z in sympy.Poly(odd_maps.defect_after(order, e), e).all_coeffs()
    ]
    defect = Fraction(rank - 1, rank)
    for _ in range(5):
        defect = sum((z * defect**i for i, z in enumerate(reversed(after))), Fraction(0))
    return exactly(defect, "<=" if rank <= largest else ">", 1 - Fraction(99, 100) ** 2)


@verifies(SF_N1g)
def test_flat_spectra() -> None:
    for order, largest in ((1, 13), (2, 124)):
        for rank in (1, 2, largest - 1, largest, largest + 1, 2 * largest):
            flat_spectrum(order, rank, largest)


@restates(SF_N1g)
def test_flat_spectra_as_matrices() -> None:
    """The identity of size R comes out as p^5(R^(-1/2)) times itself."""
    for triple, order, largest in ((CUBIC, 1, 13), (PADE5, 2, 124)):
        for n in (largest, largest + 1):
            flat_spectrum(order, n, largest)
            error = abs(1 - newton_schulz(np.eye(n), [triple] * 5)[0, 0])
            assert (error <= 0.01) == (n <= largest)


@control(SF_N1g, sharpens="13 -> 12 and 124 -> 123, or one more")
def test_flat_spectra_one_off() -> None:
    for order, largest in ((1, 13), (2, 124)):
        flat_spectrum(order, largest + 1, largest + 1)
        flat_spectrum(order, largest, largest - 1)
