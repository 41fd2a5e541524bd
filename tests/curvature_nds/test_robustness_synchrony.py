"""NDS-X6s: what remains true of Muon when gradients vary within the two levels, and for how long."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np

from labs.curvature_nds import spectra
from labs.curvature_nds.levels import muon_root_factor
from labs.curvature_nds.quadratic import descend
from tests.curvature_nds.matrices import fractions
from tests.curvature_nds.test_robustness import EXAMPLE, Vector, drawn_exactly
from tests.referee import check, control, restates, verifies
from theory.curvature_nds import NDS_X6sa, NDS_X6sb, NDS_X6sc, integers, modes
from theory.curvature_nds.modes import Mode
from theory.evidence import Evidence, every, exact, require

ONE = Fraction(1)

# --- X6s: what remains true --------------------------------------------------------------------------------------


def example_levels(draw: int, digits: int) -> tuple[list[Fraction], list[Fraction], Fraction]:
    sigma = drawn_exactly(draw, digits)
    return sigma[:4], sigma[4:], EXAMPLE[2]


LEVELS = [
    example_levels(0, 2),
    (fractions("2", "21/10"), fractions("1", "11/10", "4/5", "19/20", "1"), Fraction(40)),
    # g < 0: the low level is the one that crosses.
    (fractions("2"), fractions("1", "101/100", "99/100", "1"), Fraction(3, 2)),
    # s > rho.
    (fractions("30", "301/10"), fractions("1", "101/100", "99/100", "1", "1"), Fraction(10)),
]


@check(NDS_X6sa)
def means_and_deviations(high: Vector, low: Vector, rho: Fraction, steps: int) -> Evidence:
    """Labs' closed form against losses in integers, T <= steps."""
    require(min(*high, *low) > 0, "sigma_i > 0")
    require(steps <= spectra.synchronised_steps(high, low, rho), "T <= T_sync")
    losses = integers.losses([rho] * len(high) + [ONE] * len(low), [*high, *low], steps)
    return every(*(exact(x, spectra.synchronised_loss(high, low, rho, T)) for T, x in enumerate(losses)))


@check(NDS_X6sb)
def signs_of_the_levels(high: Vector, low: Vector, rho: Fraction, spread: Fraction = ONE) -> Evidence:
    """d_i times its level's mean, 1 <= t < T_sync, along a run in fractions; T_sync for `spread` times the e_i."""
    require(min(*high, *low) > 0, "sigma_i > 0")
    m, curvatures = len(high), [rho] * len(high) + [ONE] * len(low)
    steps = int(spectra.synchronised_steps(scaled(high, spread), scaled(low, spread), rho))
    states = modes.run(
        [Mode(ONE, *pair) for pair in zip(curvatures, [*high, *low], strict=True)], modes.muon, steps - 1
    )
    found = [exact(steps, 1, ">=")]
    for state in states[1:]:
        d = [mode.r / mode.w for mode in state]
        for level in (d[:m], d[m:]):
            found += [exact(x * sum(level), 0, ">") for x in level]
    return every(*found)


def scaled(level: Vector, factor: Fraction) -> list[Fraction]:
    """The same mean, deviations times `factor`."""
    mean = sum(level, start=Fraction(0)) / len(level)
    return [mean + factor * (x - mean) for x in level]


@check(NDS_X6sc)
def one_step_more(high: Vector, low: Vector, rho: Fraction, power: int = 1) -> Evidence:
    """T_sync with all deviations times |g|^power, against T_sync + 1."""
    require(min(*high, *low) > 0, "sigma_i > 0")
    shrink = abs(muon_root_factor(Fraction(len(high), len(low)), rho)) ** power
    more = spectra.synchronised_steps(scaled(high, shrink), scaled(low, shrink), rho)
    return exact(more, spectra.synchronised_steps(high, low, rho) + 1)


@verifies(NDS_X6sa)
def test_means_move_and_deviations_stay() -> None:
    for levels in LEVELS:
        means_and_deviations(*levels, int(spectra.synchronised_steps(*levels)))
    means_and_deviations(*example_levels(1, 30), 130)
    # A deviation that is larger than the mean: the first step is in step all the same.
    means_and_deviations(fractions("2"), fractions("1/10", "1/10", "3"), Fraction(12), 1)


@verifies(NDS_X6sb)
def test_levels_stay_together() -> None:
    for levels in LEVELS:
        signs_of_the_levels(*levels)


@verifies(NDS_X6sc)
def test_synchrony_lasts_one_step_more() -> None:
    for levels in LEVELS[:3]:
        one_step_more(*levels)
        assert spectra.synchronised_steps(*levels) > 1


@restates(NDS_X6sa)
def test_synchrony_in_floats() -> None:
    high, low, rho = example_levels(2, 4)
    steps = int(spectra.synchronised_steps(high, low, rho))
    w, sigma = np.array([12.0] * 4 + [1.0] * 12), np.array([float(x) for x in [*high, *low]])
    closed = [float(spectra.synchronised_loss(high, low, rho, T)) for T in range(steps + 1)]
    np.testing.assert_allclose(descend(w, sigma, "muon", steps).loss, closed, rtol=1e-10)
    means_and_deviations(high, low, rho, steps)


@control(NDS_X6sa, drops="T <= T_sync")
def test_one_step_too_many() -> None:
    for levels in LEVELS[:2]:
        means_and_deviations(*levels, int(spectra.synchronised_steps(*levels)) + 1)


@control(NDS_X6sb, changes="max|e_i| -> max|e_i|/2")
def test_deviations_count_fully() -> None:
    signs_of_the_levels(*LEVELS[1], Fraction(1, 2))


@control(NDS_X6sc, changes="|g| -> |g|^3")
def test_three_times_as_small_takes_three_steps() -> None:
    one_step_more(*LEVELS[0], 3)


def test_printed_synchrony() -> None:
    """T_sync = 19 at 1e-4 and 37 at 1e-8, for one draw; others differ by a step or two."""
    found = [[spectra.synchronised_steps(*example_levels(k, digits)) for digits in (4, 8)] for k in range(6)]
    assert [19, 37] in found
    assert all(x in (18, 19, 20, 21) and y - x == 18 for x, y in found)


def test_no_spread_is_for_ever_in_step() -> None:
    assert spectra.synchronised_steps(fractions("2"), fractions("1", "1"), Fraction(12)) == float("inf")
    # Where the second one is, a rho = 1, neither.
    assert spectra.synchronised_steps(fractions("3"), fractions("1", "1"), Fraction(2)) == 2
    # Where the first step is exact nothing is left to be in step.
    assert spectra.synchronised_steps(fractions("12"), fractions("1", "1"), Fraction(12)) == 1


def test_deviations_do_not_move() -> None:
    """Along a run: differences within a level are what they were."""
    high, low, rho = LEVELS[1]
    state = [Mode(ONE, c, s) for c, s in zip([rho] * 2 + [ONE] * 5, [*high, *low], strict=True)]
    for before, after in pairwise(modes.run(state, modes.muon, int(spectra.synchronised_steps(*LEVELS[1])))):
        assert before[0].r - before[1].r == after[0].r - after[1].r
