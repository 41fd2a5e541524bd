"""SF-N2.f-k, SF-C6: under repetition Muon's default quintic ends on four numbers, none of them one."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from labs.core.polar import PADE5, TUNED, iterate, newton_schulz
from labs.core.polar.ranges import ball
from labs.core.spectrum import matrix, zoo
from labs.core.streams import stream
from tests.referee import check, control, refutes, verifies
from tests.spectral_flattening.digits import rounding_interval, rounds_to, working_precision
from tests.spectral_flattening.tuned import FOUR, landmarks, the_cycle
from theory.evidence import Evidence, enclosed, every, exact, measured, require, sampled
from theory.spectral_flattening import odd_maps, orbits, preimages
from theory.spectral_flattening.newton_schulz import (
    SF_C6,
    SF_N2f,
    SF_N2g,
    SF_N2h,
    SF_N2i,
    SF_N2j,
    SF_N2k,
)

Triple = Sequence[Fraction]
TWO = ("0.709264", "1.103977")


# --- SF-N2.f, SF-N2.g: the cycles ----------------------------------------------------------------------------------


def _cycle(triple: Triple, printed: Sequence[str], multiplier: str, radius: Fraction, sense: str) -> Evidence:
    """The one cycle near the printed points, its digits, and |multiplier| < 1 or > 1."""
    found = orbits.cycle(triple, Fraction(printed[0]), radius, len(printed))
    with working_precision():
        if found is None:  # p^n(x) - x has no zero in the box
            box = orbits.ball(Fraction(printed[0]), radius)
            return enclosed(orbits.power_and_slope(triple, box, len(printed))[0] - box, "==")
        return every(
            enclosed(abs(found.multiplier) - 1, sense),
            rounds_to(found.multiplier, multiplier),
            *(rounds_to(point, text) for point, text in zip(found.points, printed, strict=True)),
        )


@check(SF_N2f)
def attracting_cycle(triple: Triple, printed: Sequence[str], multiplier: str, radius: Fraction) -> Evidence:
    """|multiplier| < 1."""
    return _cycle(triple, printed, multiplier, radius, "<")


@check(SF_N2f)
def matrices_end_on_it(A: np.ndarray, steps: int, nearest: float) -> Evidence:
    """After many steps each singular value of the iterate is one of the four, relative to rounding.

    Near the cycle errors shrink: 1e-10 is far above rounding.  `nearest` is how far the start has to be on its way
    (|multiplier|^(steps/4) from there).
    """
    found = np.linalg.svd(newton_schulz(A, [TUNED] * steps), compute_uv=False)
    points = np.array([float(x) for x in the_cycle(TUNED).points])
    return measured(np.min(np.abs(found[:, None] - points), axis=1), 0.0, nearest)


@check(SF_N2g)
def repelling_cycle(triple: Triple, printed: Sequence[str], multiplier: str, radius: Fraction) -> Evidence:
    """|multiplier| > 1."""
    return _cycle(triple, printed, multiplier, radius, ">")


@verifies(SF_N2f)
def test_the_cycle_of_four_attracts() -> None:
    attracting_cycle(TUNED, FOUR, "-0.142804151797", Fraction(1, 10**12))


@verifies(SF_N2f)
def test_orthogonal_matrices_end_on_the_cycle() -> None:
    for n in (1, 2, 3, 4, 8):
        matrices_end_on_it(np.eye(n), 200, 1e-10)


@control(SF_N2f, changes="tuned -> pade5, which has no cycle there")
def test_the_pade_map_has_no_cycle_of_four() -> None:
    attracting_cycle(PADE5, FOUR, "-0.142804151797", Fraction(1, 10**12))


@verifies(SF_N2g)
def test_the_cycle_of_two_repels() -> None:
    repelling_cycle(TUNED, TWO, "-1.279", Fraction(1, 10**5))


@control(SF_N2g, changes="the cycle of two -> the cycle of four")
def test_the_cycle_of_four_does_not_repel() -> None:
    repelling_cycle(TUNED, FOUR, "-0.142804151797", Fraction(1, 10**12))


# --- SF-N2.h, SF-N2.k, SF-N2.i: what the cycle attracts ------------------------------------------------------------


@check(SF_N2h)
def negative_schwarzian(triple: Triple, points: Sequence[Fraction]) -> Evidence:
    """2 p' p''' - 3 p''^2 = -2 sum q_i^2 - (sum q_i)^2, q_i = p'/(x - r_i), r_i real; and its sign at some points."""
    import sympy

    a, b, c = (sympy.Rational(z.numerator, z.denominator) for z in triple)
    require(9 * b**2 > 20 * a * c and b < 0 < a and c > 0, "real critical points")
    x, r, s, top = sympy.symbols("x r s top", real=True)
    slope = top * (x - r) * (x + r) * (x - s) * (x + s)
    parts = [sympy.cancel(slope / (x - z)) for z in (r, -r, s, -s)]
    general = odd_maps.schwarzian_numerator(sympy.integrate(sympy.expand(slope), x), x)
    here = odd_maps.schwarzian_numerator(a * x + b * x**3 + c * x**5, x)
    return every(
        exact(general, -2 * sum(q**2 for q in parts) - sum(parts) ** 2),
        *(exact(here.subs(x, sympy.Rational(z.numerator, z.denominator)), 0, "<") for z in points),
    )


GRID = [Fraction(i, 50) for i in range(-75, 76)]


@verifies(SF_N2h)
def test_the_schwarzian_is_negative() -> None:
    negative_schwarzian(TUNED, GRID)


@control(SF_N2h, drops="real critical points")
def test_the_schwarzian_without_real_critical_points() -> None:
    negative_schwarzian((Fraction("3.4445"), Fraction("-4.7750"), Fraction("3.7")), GRID)


@check(SF_N2k)
def critical_orbit_is_caught(triple: Triple, which: int) -> Evidence:
    """The orbit of a critical point comes, in balls, into the neighbourhood that the tuned map contracts."""
    traps = orbits.neighbourhood(TUNED, the_cycle(TUNED), Fraction(1, 500))
    with working_precision():
        x = preimages.critical_points(triple)[which]
        steps = orbits.steps_into(triple, x, traps, 400)
        x = orbits.power_and_slope(triple, x, 400 if steps is None else steps)[0]
        gaps = [abs(x - trap.mid()) - trap.rad() for trap in traps]
        return enclosed(min(gaps, key=float), "<")


@verifies(SF_N2k)
def test_critical_orbits_are_caught() -> None:
    for which in (0, 1):
        critical_orbit_is_caught(TUNED, which)


@control(SF_N2k, changes="tuned -> pade5, whose critical point stays at one")
def test_the_critical_point_of_the_pade_map_is_not_caught() -> None:
    critical_orbit_is_caught(PADE5, 0)


@check(SF_N2i)
def all_but(triple: Triple, lo: Fraction, hi: Fraction, share: float, halvings: int = 28) -> Evidence:
    """The length of [lo, hi] that is not proved to be caught is less than this share of [0, hi].

    What lies above x_+ is proved to escape.
    """
    with working_precision():
        high = landmarks(triple)[1]
        require(lo > 0 and ball(hi) < high, "0 < x < x_+")
        if ball(hi) > high:
            return enclosed((ball(hi) - high) / ball(hi) - share, "<")
        traps = orbits.neighbourhood(triple, the_cycle(triple), Fraction(1, 500))
        left, _ = preimages.caught(triple, traps, lo, hi, 400, halvings)
        bound = ball(Fraction(left) + lo) / ball(hi)  # an upper bound: the share lies in [0, bound]
        return enclosed(bound.union(ball(0)) - share, "<")


def far_from_the_cycle(starts: int, steps: int) -> int:
    """Of uniform starts on (0, x_+), how many are not within 1e-6 of the cycle after so many steps."""
    x = stream("SF-N2.i: starts").uniform(0, float(landmarks(TUNED)[1]), starts)
    for _ in range(steps):
        x = iterate(TUNED, x)
    points = np.sort([float(point) for point in the_cycle(TUNED).points])
    edges = np.sort(np.concatenate([points - 1e-6, points + 1e-6]))
    return int(np.sum(np.searchsorted(edges, x) % 2 == 0))


@check(SF_N2i)
def few_are_far_from_the_cycle(starts: int, steps: int, at_most: float) -> Evidence:
    """The share of uniform starts that is not within 1e-6 of the cycle."""
    return sampled(far_from_the_cycle(starts, steps), starts, at_most)


@verifies(SF_N2i)
def test_all_but_a_share_of_starts_end_on_the_cycle() -> None:
    """The rest halves with every halving: about as many pieces are left each time."""
    all_but(TUNED, Fraction(1, 10**9), Fraction("1.263729067"), 3e-8)


@verifies(SF_N2i)
def test_few_starts_are_far_from_the_cycle_after_many_steps() -> None:
    few_are_far_from_the_cycle(20_000, 120, 1e-3)


@pytest.mark.parametrize(("steps", "share"), [(20, "0.258"), (40, "0.922"), (80, "0.9994"), (120, "0.99999")])
def test_printed_shares_after_some_steps(steps: int, share: str) -> None:
    """As far as 2e5 starts can tell: half a unit of the last digit and four standard deviations."""
    starts, printed = 200_000, float(share)
    found = 1 - far_from_the_cycle(starts, steps) / starts
    low, high = map(float, rounding_interval(share))
    assert abs(found - printed) <= (high - low) / 2 + 4 * np.sqrt(printed * (1 - printed) / starts)


@control(SF_N2i, drops="0 < x < x_+")
def test_a_wider_interval_has_starts_that_escape() -> None:
    all_but(TUNED, Fraction(1, 10**6), Fraction("1.27"), 3e-4)


# --- SF-N2.j: averages ---------------------------------------------------------------------------------------------


@check(SF_N2j)
def averages_as_printed(triple: Triple, deviation: str, mean: str, square: str) -> Evidence:
    """max |1 - x|, mean x, mean x^2 over the cycle."""
    with working_precision():
        points = the_cycle(triple).points
        largest = max((abs(1 - x) for x in points), key=float)
        return every(
            rounds_to(largest, deviation),
            rounds_to(sum(points, start=ball(0)) / 4, mean),
            rounds_to(sum((x * x for x in points), start=ball(0)) / 4, square),
        )


@verifies(SF_N2j)
def test_averages_over_the_cycle() -> None:
    averages_as_printed(TUNED, "0.318081", "0.904003", "0.853619")


@control(SF_N2j, changes="the last digit of the mean square")
def test_other_averages_over_the_cycle() -> None:
    averages_as_printed(TUNED, "0.318081", "0.904003", "0.853618")


# --- SF-C6: it does not converge to the polar factor ---------------------------------------------------------------


@check(SF_C6)
def limit_is_one(triple: Triple, x: Fraction) -> Evidence:
    """p^k(x) -> 1: the orbit is caught by the cycle, so that its limit points are the four, which must be 1."""
    found = the_cycle(triple)
    steps = orbits.steps_into(triple, ball(x), orbits.neighbourhood(triple, found, Fraction(1, 500)), 400)
    assert steps is not None
    with working_precision():
        return every(*(enclosed(point - 1, "==") for point in found.points))


@refutes(SF_C6, corrected=SF_N2f)
def test_orthogonal_matrices_do_not_converge() -> None:
    """G = I of size 1 and 4: singular values 1 and 1/2 after normalisation."""
    limit_is_one(TUNED, Fraction(1))
    limit_is_one(TUNED, Fraction(1, 2))


@pytest.mark.parametrize(("m", "n"), [(10, 7), (7, 10)])
def test_no_matrix_of_the_zoo_converges(m: int, n: int) -> None:
    for name, s in zoo(7, stream("SF-C6")).items():
        A = matrix(s, m, n, stream("SF-C6: frames", name))
        found = np.linalg.svd(newton_schulz(A, [TUNED] * 200), compute_uv=False)
        distance = np.min(np.abs(found[found > 0.1] - 1))
        assert distance > 0.04, name
