"""SF-N5.c, SF-N5.d, SF-N3.b: the best compositions, and what no coefficients can do."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from labs.core.polar import (
    CUBIC,
    PADE5,
    POLAR_EXPRESS,
    SOFT5,
    TUNED,
    as_schedule,
    chebyshev_newton_schulz,
    minimax_cubic,
    minimax_quintic,
    polar_express,
)
from labs.core.polar.ranges import ball
from labs.core.streams import stream
from tests.referee import check, control, verifies
from tests.spectral_flattening.compositions import COMPOSE, Best, bounds, worst_error
from tests.spectral_flattening.digits import rounding_interval, rounds_to, working_precision
from tests.tightness import worst_case
from theory.evidence import Evidence, enclosed, exact
from theory.spectral_flattening.newton_schulz import SF_N3b
from theory.spectral_flattening.newton_schulz_optimal import (
    SF_N5c,
    SF_N5d,
)

# --- SF-N5.c: the greedy composition is the best -------------------------------------------------------------------


def test_the_induction_step() -> None:
    """[m, M] scaled by 2/(m + M) has the error (M - m)/(M + m), which falls in rho = m/M: only the ratio matters."""
    import sympy

    m, width, rho = sympy.symbols("m width rho", positive=True)
    M = m + width
    scale, error = 2 / (m + M), (M - m) / (M + m)
    fall = sympy.diff((1 - rho) / (1 + rho), rho)
    steps = (exact(1 - scale * m, error), exact(scale * M - 1, error), exact(fall, 0, "<"))
    assert all(step.verdict == "holds" for step in steps)


@check(SF_N5c)
def no_composition_is_better(
    schedule: Any, best: Best, lo: Fraction, factor: Fraction = Fraction(1)
) -> Evidence:
    """max |1 - p_T(... p_1)| >= factor E_T: the exact range of this one against T equioscillating references."""
    triples = as_schedule(schedule)
    bound = bounds(best, lo, len(triples))[-1]
    with working_precision():
        error, least = worst_error(triples, lo), ball(factor * bound)
        return enclosed(error - least, ">=", ratio=float(least / error))


@verifies(SF_N5c)
def test_no_composition_is_better() -> None:
    for lo in (Fraction(1, 10), Fraction(1, 1000)):
        for steps in (1, 2, 5):
            for schedule in (TUNED, PADE5, SOFT5, CUBIC):
                no_composition_is_better([schedule] * steps, minimax_quintic, lo)
            no_composition_is_better(POLAR_EXPRESS[:steps], minimax_quintic, lo)
            no_composition_is_better(polar_express(lo, steps, cushion=0.05), minimax_quintic, lo)
            no_composition_is_better([CUBIC] * steps, minimax_cubic, lo)
            for best, compose in COMPOSE.items():
                no_composition_is_better(compose(lo, steps), best, lo)
                # Best for another interval, and cubics among the quintics.
                no_composition_is_better(compose(2 * lo, steps), best, lo)
                no_composition_is_better(chebyshev_newton_schulz(lo, steps), minimax_quintic, lo)


@verifies(SF_N5c)
def test_a_search_around_the_best_composition_finds_none_better() -> None:
    lo = Fraction(1, 10)
    greedy = polar_express(lo, 2)

    def nearby(factors: Any) -> tuple[Any, Best, Fraction]:
        numbers = [Fraction(float(f)) * z for f, z in zip(factors, greedy[0] + greedy[1], strict=True)]
        return [tuple(numbers[:3]), tuple(numbers[3:])], minimax_quintic, lo

    sharpest = worst_case(
        no_composition_is_better,
        nearby,
        dimension=6,
        lower=0.99,
        upper=1.01,
        stream=stream("SF-N5.c: search"),
        starts=2,
        steps=60,
    )
    assert 0.3 < sharpest < 1


@control(SF_N5c, sharpens="E_T -> 1.0001 E_T")
def test_the_greedy_composition_attains_it() -> None:
    for best, compose in COMPOSE.items():
        for steps in (1, 3, 5):
            lo = Fraction(1, 100)
            no_composition_is_better(compose(lo, steps), best, lo, factor=Fraction(10001, 10000))


ERRORS = {
    ("5", "1e-1"): ".453417 .0626752 1.54074e-4 2.28595e-12",
    ("5", "1e-2"): ".919090 .707203 .269436 .0125283 1.22907e-6",
    ("5", "1e-3"): ".991530 .964572 .859771 .545893 .113448 9.16472e-4 4.81103e-10",
    ("5", "1e-4"): ".999149 .996384 .984721 .936986 .763896 .353388 .0287953 1.49267e-5",
    ("3", "1e-2"): ".949607 .875752 .715797 .444121 .156317 .0184512 2.55360e-4",
}


@pytest.mark.parametrize(("degree", "lo"), ERRORS)
def test_printed_errors_of_the_best_compositions(degree: str, lo: str) -> None:
    """The greedy composition above, the references below: both round to the printed digits."""
    best = {"5": minimax_quintic, "3": minimax_cubic}[degree]
    printed = ERRORS[degree, lo].split()
    schedule = COMPOSE[best](Fraction(lo), len(printed))
    below = bounds(best, Fraction(lo), len(printed))
    for t, (bound, text) in enumerate(zip(below, printed, strict=True), 1):
        assert rounds_to(worst_error(schedule[:t], Fraction(lo)), text).verdict == "holds", text
        low, high = rounding_interval(text)
        assert low <= bound <= high, text


def test_printed_errors_of_the_classical_maps() -> None:
    printed = (".981251", ".964854", ".934156", ".876899", ".771507", ".586254", ".308214", ".057320")
    for steps, text in enumerate(printed, 1):
        assert rounds_to(worst_error([PADE5] * steps, Fraction(1, 100)), text).verdict == "holds"
    assert rounds_to(worst_error([CUBIC] * 12, Fraction(1, 100)), ".106647").verdict == "holds"


# --- SF-N5.d: never worse than the classical maps ------------------------------------------------------------------


@check(SF_N5d)
def not_worse_than_classical(
    best: Best, lo: Fraction, steps: int, factor: Fraction = Fraction(1)
) -> Evidence:
    """The error of the greedy composition is at most factor (1 - lo^2)^((q+1)^T)."""
    order = 2 if best is minimax_quintic else 1
    with working_precision():
        error = worst_error(COMPOSE[best](lo, steps), lo)
        bound = ball(factor) * (1 - ball(lo) ** 2) ** ((order + 1) ** steps)
        return enclosed(error - bound, "<=", ratio=float(error / bound))


@verifies(SF_N5d)
def test_best_compositions_are_never_worse_than_the_classical_maps() -> None:
    for best in COMPOSE:
        for lo in (Fraction(1, 10**4), Fraction(1, 100), Fraction(1, 2), Fraction(9, 10)):
            for steps in (1, 2, 3):
                not_worse_than_classical(best, lo, steps)


@control(SF_N5d, sharpens="1 -> 0.99")
def test_best_compositions_are_hardly_better_for_small_ell() -> None:
    for best in COMPOSE:
        not_worse_than_classical(best, Fraction(1, 10**4), 1, factor=Fraction(99, 100))


# --- SF-N3.b: what no coefficients can do --------------------------------------------------------------------------


@check(SF_N3b)
def within_one_per_cent(best: Best, steps: int, ell: Fraction, possible: bool) -> Evidence:
    """Possible: the greedy composition has an error below 0.01.  Not: the bound for all compositions is above."""
    limit = Fraction(1, 100)
    if possible:
        return enclosed(worst_error(COMPOSE[best](ell, steps), ell) - ball(limit), "<")
    return exact(bounds(best, ell, steps)[-1], limit, ">")


LIMITS: dict[tuple[Best, int], str] = {
    (minimax_quintic, 3): "22.292",
    (minimax_quintic, 4): "93.923",
    (minimax_quintic, 5): "398.90",
    (minimax_quintic, 6): "1697.3",
    (minimax_cubic, 5): "32.233",
    (minimax_cubic, 6): "83.227",
    (minimax_cubic, 8): "559.96",
    (minimax_cubic, 10): "3777.9",
}


@verifies(SF_N3b)
def test_what_no_coefficients_can_do() -> None:
    """At both ends of the rounding interval of each printed limit on 1/ell."""
    for (best, steps), text in LIMITS.items():
        low, high = rounding_interval(text)
        within_one_per_cent(best, steps, 1 / low, possible=True)
        within_one_per_cent(best, steps, 1 / high, possible=False)
    low, high = rounding_interval("0.002506879712")
    within_one_per_cent(minimax_quintic, 5, high, possible=True)
    within_one_per_cent(minimax_quintic, 5, low, possible=False)


@control(SF_N3b, sharpens="398.90 -> 398.8, and possible up to 399")
def test_other_limits() -> None:
    within_one_per_cent(minimax_quintic, 5, 1 / Fraction("398.8"), possible=False)
    within_one_per_cent(minimax_quintic, 5, 1 / Fraction(399), possible=True)
