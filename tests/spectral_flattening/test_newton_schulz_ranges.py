"""SF-N3.a, c, g, SF-N4, SF-N6: exact ranges of singular values, and the thresholds at which they are entered."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from labs.core.polar import (
    CUBIC,
    PADE5,
    POLAR_EXPRESS,
    SOFT5,
    TUNED,
    as_schedule,
    float_range,
    iterate,
    newton_schulz,
    polynomial_range,
    smallest_preimage,
)
from labs.core.polar.ranges import ball
from labs.core.spectrum import matrix, zoo
from labs.core.streams import stream
from tests.core.whole_polynomials import range_of_whole_polynomial
from tests.referee import check, control, verifies
from tests.spectral_flattening.digits import exactly, rounding_interval, rounds_to, working_precision
from tests.spectral_flattening.tuned import landmarks
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.spectral_flattening.newton_schulz import SF_N3a, SF_N3c, SF_N3g
from theory.spectral_flattening.newton_schulz_optimal import SF_N4, SF_N6a, SF_N6b, SF_N6c, SF_N6d

TINY = Fraction(1, 10**30)


# --- SF-N4: exact ranges -------------------------------------------------------------------------------------------


def ends_only(schedule: Any, lo: Fraction, hi: Fraction) -> tuple[Any, Any]:
    """What comes of following the two ends alone."""
    ends = [iterate(schedule, ball(lo)), iterate(schedule, ball(hi))]
    return ends[0].min(ends[1]), ends[0].max(ends[1])


@check(SF_N4)
def range_is_that_of_the_whole_polynomial(
    schedule: Any, lo: Fraction, hi: Fraction, ranges: Any = polynomial_range
) -> Evidence:
    """Step by step, and from all real critical points of the expanded composition: equal to 1e-30."""
    with working_precision():
        found = ranges(schedule, (lo, hi)) if ranges is polynomial_range else ranges(schedule, lo, hi)
        whole = range_of_whole_polynomial(schedule, lo, hi)
        return every(*(enclosed(abs(x - y) - ball(TINY), "<") for x, y in zip(found, whole, strict=True)))


@check(SF_N4)
def matrices_lie_in_the_range(A: np.ndarray, schedule: Any, ell: float) -> Evidence:
    """Singular values of the iterate, those of A/F in [ell, 1]; rounding of 40 units, slopes up to 4 a step."""
    steps = len(as_schedule(schedule))
    s = np.linalg.svd(newton_schulz(A, schedule), compute_uv=False)
    least, greatest = (float(end) for end in polynomial_range(schedule, (ell, 1)))
    rounding = 40 * 2.0**-52 * steps * 4.0**steps
    return every(measured(s, least, rounding, ">="), measured(s, greatest, rounding, "<="))


@verifies(SF_N4)
def test_ranges_of_compositions() -> None:
    for schedule in (
        [TUNED],
        [TUNED] * 2,
        [SOFT5] * 2,
        [TUNED, PADE5],
        [CUBIC, TUNED],
        list(POLAR_EXPRESS[:2]),
    ):
        for lo, hi in ((Fraction(1, 500), Fraction(1)), (Fraction(-1, 2), Fraction(11, 10))):
            range_is_that_of_the_whole_polynomial(schedule, lo, hi)


@verifies(SF_N4)
@pytest.mark.parametrize(("m", "n"), [(9, 6), (6, 9)])
def test_matrices_of_the_zoo_lie_in_the_range(m: int, n: int) -> None:
    for name, s in zoo(6, stream("SF-N4")).items():
        A = matrix(s, m, n, stream("SF-N4: frames", name))
        # Rounding may make a zero singular value negative in size: the range from 0 holds it.
        ell = 0.0 if np.min(s) < 1e-9 else float(np.min(s) / np.linalg.norm(s)) * (1 - 1e-9)
        for schedule in ([TUNED] * 5, [PADE5] * 5, list(POLAR_EXPRESS[:5])):
            matrices_lie_in_the_range(A, schedule, ell)


@control(SF_N4, changes="the critical points are left out: the range is too small")
def test_ends_alone_are_not_enough() -> None:
    range_is_that_of_the_whole_polynomial([TUNED] * 2, Fraction(1, 500), Fraction(1), ranges=ends_only)
    range_is_that_of_the_whole_polynomial([TUNED], Fraction(3, 10), Fraction(1), ranges=ends_only)


def test_the_worked_example() -> None:
    """[0.002, 1], tuned: lower ends as below; upper end 1.20236861 each time; radii below 1e-55 at 200 bits."""
    lower = ("0.00688896", "0.02372747", "0.08166549", "0.27870347", "0.68183146")
    for steps, text in enumerate(lower, 1):
        least, greatest = polynomial_range(TUNED, (Fraction("0.002"), 1), steps, bits=200)
        assert rounds_to(least, text).verdict == "holds", text
        assert rounds_to(greatest, "1.20236861").verdict == "holds"
        assert max(least.rad(), greatest.rad()) < 1e-55


@pytest.mark.long
def test_a_dense_grid_comes_within_a_millionth_of_the_ends() -> None:
    for schedule in (TUNED, CUBIC, SOFT5, PADE5):
        least, greatest = (float(end) for end in polynomial_range(schedule, (Fraction("0.002"), 1), 5))
        values = iterate([schedule] * 5, np.linspace(0.002, 1.0, 4_000_001))
        assert least - 1e-12 <= np.min(values) <= least + 1e-6
        assert greatest - 1e-6 <= np.max(values) <= greatest + 1e-12


# --- SF-N3.a: the range after five steps ---------------------------------------------------------------------------


def five_steps(triple: Any, ell: Fraction) -> tuple[Any, Any]:
    return polynomial_range(triple, (ell, 1), 5)


@check(SF_N3a)
def range_does_not_depend(triple: Any, first: Fraction, last: Fraction, top: str) -> Evidence:
    """At both ends of an interval of ell the range of p^5 over [ell, 1] is [m, p(x_1)] or [m, M]: so in between."""
    with working_precision():
        _, _, x1, _, m, M = landmarks(triple)
        greatest = {"p(x_1)": iterate(triple, x1), "M": M}[top]
        gaps = [
            abs(x - y)
            for ell in (first, last)
            for x, y in zip(five_steps(triple, ell), (m, greatest), strict=True)
        ]
        return every(*(enclosed(gap - ball(TINY), "<") for gap in gaps))


@check(SF_N3a)
def upper_end_falls(triple: Any, ells: Sequence[Fraction]) -> Evidence:
    """The greatest value of p^5 over [ell, 1] falls as ell grows."""
    tops = [five_steps(triple, ell)[1] for ell in ells]
    return every(*(enclosed(after - before, "<") for before, after in pairwise(tops)))


def test_printed_ends_of_the_plateaus() -> None:
    """ell_5, the fourth preimage of x_1, ell_4."""
    _, _, x1, _, m, _ = landmarks(TUNED)
    for value, steps, text in ((m, 5, "0.00150512"), (x1, 4, "0.00411135"), (m, 4, "0.00518438")):
        assert rounds_to(smallest_preimage(TUNED, value, steps), text).verdict == "holds"


@verifies(SF_N3a)
def test_the_range_after_five_steps_does_not_depend_on_where_it_began() -> None:
    range_does_not_depend(TUNED, Fraction("0.0015051232"), Fraction("0.0041113515"), "p(x_1)")
    range_does_not_depend(TUNED, Fraction("0.0051843802"), Fraction(1, 2), "M")
    upper_end_falls(TUNED, [Fraction(i, 10000) for i in (42, 44, 46, 48, 50)])


def test_printed_ranges_after_five_steps() -> None:
    for ell, low, high in (
        ("0.002", "0.681831", "1.202369"),
        ("0.1", "0.681831", "1.134357"),
        ("0.0042", "0.681831", "1.201838"),
    ):
        least, greatest = five_steps(TUNED, Fraction(ell))
        assert rounds_to(least, low).verdict == rounds_to(greatest, high).verdict == "holds", ell
        floats = float_range(TUNED, np.asarray(float(ell)), np.asarray(1.0), 5)
        np.testing.assert_allclose(floats, [float(least), float(greatest)], rtol=1e-13)


@control(SF_N3a, sharpens="ell from 0.999 ell_5, and up to 1.001 times the preimage of x_1")
def test_the_range_is_wider_or_narrower_just_outside() -> None:
    range_does_not_depend(TUNED, Fraction("0.0015036"), Fraction("0.0041"), "p(x_1)")
    range_does_not_depend(TUNED, Fraction("0.0016"), Fraction("0.0041155"), "p(x_1)")


# --- SF-N3.c: what is true of the largest singular value -----------------------------------------------------------


@check(SF_N3c)
def largest_is_within(srank: Fraction, limit: Fraction) -> Evidence:
    """pade5: e_5 <= 1 - 0.99^2 from e_0 = 1 - 1/srank if srank <= limit, else above it."""
    (a, b, c), defect = PADE5, 1 - 1 / srank
    for _ in range(5):
        square = 1 - defect
        defect = 1 - square * (a + square * (b + square * c)) ** 2
    return exactly(defect, "<=" if srank <= limit else ">", 1 - Fraction(99, 100) ** 2)


@verifies(SF_N3c)
def test_the_largest_singular_value_under_the_pade_map() -> None:
    for srank in ("1", "50", "124.42", "124.43"):
        largest_is_within(Fraction(srank), Fraction("124.425"))
    square = 1 / smallest_preimage(PADE5, Fraction(99, 100), 5) ** 2
    assert rounds_to(square, "124.4").verdict == "holds"


@control(SF_N3c, sharpens="124.4 -> 124.3 and 124.5")
def test_other_limits_of_the_stable_rank() -> None:
    largest_is_within(Fraction("124.4"), Fraction("124.3"))
    largest_is_within(Fraction("124.5"), Fraction("124.5"))


@check(SF_N3g)
def worst_error_of_polar_express(steps: int, text: str, lo: Fraction = Fraction(1, 1000)) -> Evidence:
    """max |1 - p_K(... p_1(x))| over [lo, 1] for the deployed coefficients, exactly as they are."""
    with working_precision():
        ends = polynomial_range(POLAR_EXPRESS, (lo, 1), steps)
        return rounds_to(max((abs(1 - end) for end in ends), key=float), text)


DEPLOYED = ((5, "0.12356"), (6, "1.18493e-3"), (7, "1.03982e-9"))


@verifies(SF_N3g)
def test_worst_errors_of_the_deployed_list() -> None:
    for steps, text in DEPLOYED:
        worst_error_of_polar_express(steps, text)


@control(SF_N3g, sharpens="from [1e-3, 1] to [0.99e-3, 1]")
def test_worst_errors_of_the_deployed_list_on_a_longer_interval() -> None:
    for steps, text in DEPLOYED:
        worst_error_of_polar_express(steps, text, lo=Fraction(99, 100_000))


# --- SF-N6: thresholds ---------------------------------------------------------------------------------------------

ENTRY = (
    *("0.210663", "0.0614810", "0.0178569", "0.00518438", "0.00150512"),
    *("4.36964e-4", "1.26859e-4", "3.68293e-5", "1.06922e-5", "3.10414e-6"),
)


@check(SF_N6a)
def window_is_reached(triple: Any, ell: Fraction, steps: int, reached: bool) -> Evidence:
    """The least value of p^K over [ell, 1] is m (to 1e-30), or above; or it is below m."""
    with working_precision():
        _, _, x1, _, m, _ = landmarks(triple)
        require(ball(ell) < x1, "ell <= x_1")
        least = polynomial_range(triple, (ell, 1), steps)[0]
        if reached:
            return enclosed(least - m + ball(TINY), ">")
        return enclosed(least - m, "<")


@check(SF_N6a)
def matrices_reach_the_window(A: np.ndarray, steps: int, threshold: float) -> Evidence:
    """min phi >= m where 1/(kappa sqrt(srank)) >= threshold; rounding as in SF-N4."""
    s = np.linalg.svd(A, compute_uv=False)
    require(s[-1] / np.linalg.norm(s) <= 0.55, "ell <= x_1")
    phi = np.linalg.svd(newton_schulz(A, [TUNED] * steps), compute_uv=False)
    sense = ">=" if s[-1] / np.linalg.norm(s) >= threshold else "<"
    return measured(np.min(phi), 0.681831462177185, 40 * 2.0**-52 * steps * 4.0**steps, sense)


@verifies(SF_N6a)
def test_the_window_is_reached_from_the_printed_thresholds_on() -> None:
    for steps, text in enumerate(ENTRY, 1):
        low, high = rounding_interval(text)
        window_is_reached(TUNED, low, steps, reached=False)
        window_is_reached(TUNED, high, steps, reached=True)


@verifies(SF_N6a)
def test_matrices_of_the_zoo_reach_the_window_or_not() -> None:
    for name, s in zoo(6, stream("SF-N6.a")).items():
        A = matrix(s[s > 0], 9, 6, stream("SF-N6.a: frames", name))
        for steps in (1, 3, 5):
            matrices_reach_the_window(A, steps, float(ENTRY[steps - 1]))


def test_printed_numbers_about_the_window() -> None:
    m = landmarks(TUNED)[4]
    assert rounds_to(1 / smallest_preimage(TUNED, m, 5), "664").verdict == "holds"
    assert rounds_to(smallest_preimage(TUNED, Fraction(1, 2), 5), "0.00106703").verdict == "holds"
    missed = polynomial_range(TUNED, (Fraction("0.00150512") * Fraction(999, 1000), 1), 5)[0]
    # 0.1 % below the printed threshold; from the exact one it is 0.681242.
    assert rounds_to(missed, "0.681241").verdict == "holds"
    exact_threshold = smallest_preimage(TUNED, m, 5) * ball(Fraction(999, 1000))
    assert rounds_to(iterate([TUNED] * 5, exact_threshold), "0.681242").verdict == "holds"


@control(SF_N6a, sharpens="ell_K -> 0.999 ell_K")
def test_the_window_is_missed_just_below() -> None:
    for steps, text in enumerate(ENTRY, 1):
        window_is_reached(TUNED, Fraction(text) * Fraction(999, 1000), steps, reached=True)


@check(SF_N6b)
def thresholds_fall_by(triple: Any, slope: Fraction, text: str) -> Evidence:
    """slope^K ell_K at K = 30 within its distance from the limit, and the thresholds grow by less than slope.

    slope^(K+1) ell_(K+1)/(slope^K ell_K) = 1/(1 - h x^2 + ...) <= exp(2 h x^2) at x = ell_(K+1), h = -b/a; the x fall
    at least by a factor 3, so that the limit is at most exp(3 h ell_31^2) times the value at 30.
    """
    with working_precision():
        m = landmarks(triple)[4]
        at = {steps: smallest_preimage(triple, m, steps, bits=300) for steps in (30, 31)}
        h = ball(-triple[1] / triple[0])
        value = at[30] * ball(slope) ** 30
        limit = value * (3 * h * at[31] ** 2).exp()
        return every(rounds_to(value.union(limit), text), enclosed(at[31] * ball(slope) / at[30] - 1, ">"))


@verifies(SF_N6b)
def test_thresholds_fall_by_the_slope_at_zero() -> None:
    thresholds_fall_by(TUNED, TUNED[0], "0.7298")


@control(SF_N6b, changes="3.4445 -> 3.4444")
def test_another_slope_at_zero() -> None:
    thresholds_fall_by(TUNED, Fraction("3.4444"), "0.7298")


@check(SF_N6c)
def average_singular_value(n: int, eps: Fraction, rank: int) -> Evidence:
    """sbar of diag(1, eps, ..., eps), N over its rank: (1 + (n-1) eps)/n, and 1 at eps = 0."""
    s = [Fraction(1)] + [eps] * (n - 1)
    predicted = (1 + (n - 1) * eps) / n if eps > 0 else Fraction(1)
    return exact(sum(s, Fraction(0)) / rank, predicted)


@check(SF_N6c)
def jump_at_the_rank_drop() -> Evidence:
    """The limit of sbar as eps -> 0+ is 1/n, the value at 0 is 1: a jump by the factor n, for every n."""
    import sympy

    n, eps = sympy.symbols("n eps", positive=True)
    return exact(sympy.limit((1 + (n - 1) * eps) / n, eps, 0, "+") * n, sympy.Integer(1))


@verifies(SF_N6c)
def test_the_exact_threshold_jumps() -> None:
    jump_at_the_rank_drop()
    for eps in (Fraction(1, 10**12), Fraction(1, 100), Fraction(1)):
        average_singular_value(50, eps, 50)
    average_singular_value(50, Fraction(0), 1)


@control(SF_N6c, changes="rank -> min(m, n) in the count of singular values")
def test_without_counting_the_rank_nothing_jumps() -> None:
    average_singular_value(50, Fraction(0), 50)


@check(SF_N6d)
def threshold_with_iterations(schedule: Any, eps: Fraction, n: int, text: str) -> Evidence:
    """sum s phi/sum phi^2 of diag(1, eps, ..., eps), phi = p^K(s/F)."""
    with working_precision():
        s = [ball(1)] + [ball(eps)] * (n - 1)
        norm = sum((x * x for x in s), start=ball(0)).sqrt()
        phi = [iterate(schedule, x / norm) for x in s]
        top = sum((x * y for x, y in zip(s, phi, strict=True)), start=ball(0))
        return rounds_to(top / sum((y * y for y in phi), start=ball(0)), text)


AT_RANK_DROP = {
    "0": "1.43588",
    "1e-12": "1.43588",
    "1e-4": "1.16082",
    "1e-3": "0.06348",
    "3e-3": "0.01412",
    "1e-2": "0.04275",
}


@verifies(SF_N6d)
def test_the_threshold_with_five_tuned_steps_is_continuous() -> None:
    for eps, text in AT_RANK_DROP.items():
        threshold_with_iterations([TUNED] * 5, Fraction(eps), 50, text)


@control(SF_N6d, changes="five steps -> twenty-five, which see the small singular values")
def test_more_steps_come_nearer_to_the_jump() -> None:
    threshold_with_iterations([TUNED] * 25, Fraction(1, 10**12), 50, "1.43588")
