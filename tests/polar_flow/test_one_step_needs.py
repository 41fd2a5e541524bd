"""POL-P1: what the optimality of the polar update needs; participation; searches in floating point."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, permutations
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import participation_ratio, stable_rank
from labs.core.streams import stream
from labs.polar_flow.spreads import spread
from tests.polar_flow.spread_exact import ball, entropy_ball, prints
from tests.polar_flow.spread_exact import nonnegative_symbols as symbols
from tests.referee import check, control, refutes, verifies
from tests.tightness import worst_case
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.polar_flow import (
    POL_P1_a,
    POL_P1_b,
    POL_P1_bayes,
    POL_P1_c,
    POL_P1_e,
    POL_P1_minimax,
    POL_P1_open,
    POL_P1_pr,
    POL_P1_ratios,
    measures,
    orderings,
)

NEAR = Fraction(101, 100)  # a bound that is missed by one per cent
Rationals = Sequence[Fraction | int]


# --- what the hypotheses are for ----------------------------------------------------------------------------------


@check(POL_P1_a)
def leaving_one_alone(alone: int) -> Evidence:
    """d = 1 but for d_alone = 0: the ratio of the largest value to any other is below that of the polar update."""
    s_j, h = symbols("s", positive=True), symbols("h", positive=True)
    room = symbols("g")
    s_1 = s_j + h + room
    require(room.is_nonnegative, "h <= s_1 - s_2")
    x = (s_1, s_j + h) if alone == 1 else (s_1 + h, s_j)
    still_largest = exact(x[0], x[1], ">=")
    return every(still_largest, exact(x[0] * (s_j + h), (s_1 + h) * x[1], "<"))


@check(POL_P1_a, POL_P1_b, POL_P1_c)
def printed_entropies(values: Sequence[Sequence[Any]], printed: Sequence[str]) -> Evidence:
    """Entropies of exact spectra, in descending order, to the digits printed."""
    entropies = [entropy_ball(s) for s in values]
    order = [enclosed(a - b, ">") for a, b in pairwise(entropies)]
    return every(*order, *(prints(H, text) for H, text in zip(entropies, printed, strict=True)))


@verifies(POL_P1_a)
def test_who_knows_the_spectrum_does_better() -> None:
    leaving_one_alone(1)
    printed_entropies([(3, 2), (4, 2)], ["0.673012", "0.636514"])  # s = (3, 1), h = 1, d = (0, 1) and (1, 1)


@control(POL_P1_a, changes="which value is left alone")
def test_leaving_the_other_alone_does_not() -> None:
    leaving_one_alone(2)


@verifies(POL_P1_b)
def test_a_polar_step_that_shrinks_concentrates() -> None:
    """s = (3, 1), h = 1/2, d = -1."""
    printed_entropies([(3, 1), (Fraction(5, 2), Fraction(1, 2))], ["0.562335", "0.450561"])


@check(POL_P1_c)
def rotation_concentrates(t: Any) -> Evidence:
    """The spectrum of 1 + h D, and that it is not flat: t = tan(theta/2)."""
    import sympy

    h, x = symbols("h", positive=True), sympy.Symbol("x")
    t = sympy.sympify(t)
    cos = (1 - t**2) / (1 + t**2)
    large, small = (1 + h) ** 2, 1 + h**2 + 2 * h * cos
    found = orderings.rotation_gram(h, t).charpoly(x).as_expr()
    return every(exact(found, (x - large) * (x - small) ** 2), exact(large, small, ">"))


@verifies(POL_P1_c)
def test_a_rotation_concentrates_the_flat_spectrum() -> None:
    rotation_concentrates(symbols("t", positive=True))
    # By 1 rad, h = 1/2: the printed values, and the entropy below log 3.
    from flint import arb

    small = (arb(5) / 4 + arb(1).cos()).sqrt()
    value = entropy_ball([ball(Fraction(3, 2)), small, small])
    printed_entropies([(1, 1, 1), (ball(Fraction(3, 2)), small, small)], ["1.098612", f"{float(value):.6f}"])
    assert prints(small, "1.33802").verdict == "holds"


@control(POL_P1_c, changes="angle -> 0")
def test_without_an_angle_nothing_is_lost() -> None:
    rotation_concentrates(0)


@check(POL_P1_e)
def average_in_rationals(functional: Any, s: Rationals, h: int, d: Sequence[Fraction]) -> Evidence:
    """The mean over both orders against the polar update, in rational numbers."""
    require(all(abs(x) <= 1 for x in d), "|d| <= 1")
    values = [functional(order) for order in orderings.reordered(s, d, h)]
    return exact(sum(values) * Fraction(1, len(values)), functional([x + h for x in s]), "<=")


SIXTEEN = ((16, 1), 14, (Fraction(1), Fraction(-1, 14)))


@refutes(POL_P1_e, corrected=POL_P1_ratios)
def test_the_average_form_fails_for_the_stable_rank() -> None:
    s, h, d = SIXTEEN
    assert sorted(map(sorted, orderings.reordered(s, d, h))) == [[0, 30], [15, 15]]
    for functional, polar in (
        (measures.stable_rank, Fraction(5, 4)),
        (measures.energy_participation, Fraction(25, 17)),
    ):
        assert functional([Fraction(30), Fraction(15)]) == polar
        average_in_rationals(functional, tuple(map(Fraction, s)), h, d)


# --- participation ------------------------------------------------------------------------------------------------


@check(POL_P1_pr)
def participation_of_two(factor: Fraction) -> Evidence:
    """(g(a + e) + g(a - e))/2 <= g(a/(1 + e)), g(u) = 2/(1 + u^2), a + e <= 1, with the 1 of 1 + e times factor."""
    A, E, W = symbols("A E W")
    whole = A + E + W
    a, e = A / whole, E / whole

    def g(u: Any) -> Any:
        return 2 / (1 + u**2)

    return exact((g(a + e) + g(a - e)) / 2, g(a / (factor + e)), "<=")


@check(POL_P1_pr)
def two_numbers_decide(sign: int) -> Evidence:
    """PR of two values is g(u); u of the orders and of the polar update, with S_1 - S_c >= h |d_1 - d_2|."""
    s, gap, h, v, step = symbols("s u h v e")
    upper = 1 - v
    d = (upper, upper - step)  # d_1 >= d_2; the constraint is d_1 <= 1
    orders = [(s + gap + h * d[0], s + h * d[1]), (s + gap + h * d[1], s + h * d[0])]
    S_c = sum(orders[0])
    a, e = gap / S_c, h * step / S_c
    spreads = [
        exact(measures.functional("participation", order), 2 / (1 + (a + turn * sign * e) ** 2))
        for order, turn in zip(orders, (1, -1), strict=True)
    ]
    polar = (s + gap + h, s + h)
    u = gap / sum(polar)
    largest = exact(sum(polar) - S_c, h * step, ">=")
    return every(*spreads, exact(measures.functional("participation", polar), 2 / (1 + u**2)), largest)


@verifies(POL_P1_pr)
def test_participation_of_two_values() -> None:
    participation_of_two(Fraction(1))
    two_numbers_decide(1)


@control(POL_P1_pr, sharpens="1 + e -> 1.01 + e")
def test_the_growth_of_the_sum_is_needed() -> None:
    participation_of_two(1 / NEAR)


# --- in floating point --------------------------------------------------------------------------------------------

FUNCTIONALS = {
    "entropy": lambda s: spread(s, "entropy")[0],
    "squared entropy": lambda s: spread(s, "squared entropy")[0],
    "participation": lambda s: spread(s, "participation")[0],
    "stable rank": stable_rank,
    "energy participation": participation_ratio,
}
# Sums of at most five terms of order one, and their logarithms.
ROUNDING = 1e-14


def admissible(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """s, h, d from 2 r + 1 positive numbers (..., 2 r + 1): |d| <= 1 and s_min + h d_min >= 0."""
    r = parameters.shape[-1] // 2
    s, x, h = parameters[..., :r], parameters[..., r : 2 * r], parameters[..., -1]
    d = (1 - x) / (1 + x)
    down = np.maximum(-np.min(d, axis=-1), 1e-300)
    return s, np.minimum(h, np.min(s, axis=-1) / down), d


def orders_of(s: np.ndarray, h: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Every pi s + h d: (..., r!, r)."""
    places = np.array(list(permutations(range(s.shape[-1]))))
    return np.maximum(s[..., places] + h[..., None, None] * d[..., None, :], 0.0)


@check(POL_P1_bayes, POL_P1_open)
def average_form(name: str, parameters: np.ndarray) -> Evidence:
    """E_pi F(pi s + h d) <= F(s + h 1)."""
    s, h, d = admissible(parameters)
    require(np.all(np.abs(d) <= 1), "|d| <= 1")
    found = np.mean(FUNCTIONALS[name](orders_of(s, h, d)), axis=-1)
    return measured(found, FUNCTIONALS[name](s + h[..., None]), ROUNDING * s.shape[-1], "<=")


@check(POL_P1_minimax, POL_P1_ratios)
def worst_order_form(name: str, parameters: np.ndarray) -> Evidence:
    """min_pi F(pi s + h d) <= F(s + h 1)."""
    s, h, d = admissible(parameters)
    found = np.min(FUNCTIONALS[name](orders_of(s, h, d)), axis=-1)
    return measured(found, FUNCTIONALS[name](s + h[..., None]), ROUNDING * s.shape[-1], "<=")


def drawn(r: int, count: int) -> np.ndarray:
    """Log-uniform over eight decades."""
    return 10.0 ** (8 * stream("one step", r).random((count, 2 * r + 1)) - 4)


@verifies(POL_P1_bayes, POL_P1_minimax)
@pytest.mark.parametrize("r", [2, 3, 4, 5])
def test_entropy_on_random_spectra(r: int) -> None:
    parameters = drawn(r, 1000)
    average_form("entropy", parameters)
    for name in ("entropy", "participation", "squared entropy"):
        worst_order_form(name, parameters)


@verifies(POL_P1_ratios)
@pytest.mark.parametrize("r", [2, 3, 4, 5])
def test_the_worst_order_of_other_spreads(r: int) -> None:
    for name in ("stable rank", "energy participation"):
        worst_order_form(name, drawn(r, 1000))


@verifies(POL_P1_open)
@pytest.mark.parametrize("name", ["participation", "squared entropy"])
def test_the_average_form_of_other_spreads(name: str) -> None:
    for r in (2, 3, 4):
        average_form(name, drawn(r, 1000))


@pytest.mark.long
@verifies(POL_P1_open)
@pytest.mark.parametrize("name", ["participation", "squared entropy"])
@pytest.mark.parametrize("r", [2, 3, 4])
def test_no_search_finds_a_counterexample(name: str, r: int) -> None:
    best = worst_case(
        average_form,
        lambda x: (name, x[None, :]),
        dimension=2 * r + 1,
        lower=1e-4,
        upper=1e4,
        stream=stream("one step, search", r),
        starts=10,
        steps=300,
    )
    assert 0.999 < best <= 1 + ROUNDING


@control(POL_P1_open, changes="F = PR -> stable rank")
def test_the_average_form_fails_for_other_spreads() -> None:
    # s = (16, 1), d = (1, -1/14) = (1 - x)/(1 + x), h = 14
    parameters = np.array([[16.0, 1.0, 0.0, 15 / 13, 14.0]])
    for name in ("stable rank", "energy participation"):
        average_form(name, parameters)


def test_the_entropy_of_the_update_itself_is_largest_for_equal_entries() -> None:
    d = np.abs(drawn(4, 100)[:, :4])
    assert np.all(spread(d, "entropy")[0] <= np.log(4) + ROUNDING)
    assert spread(np.ones(4), "entropy")[0] == pytest.approx(np.log(4), rel=1e-15)
