"""POL-P1: the polar update spreads a spectrum most, among updates that do not know it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest

from tests.polar_flow.spread_exact import entropy_ball
from tests.polar_flow.spread_exact import nonnegative_symbols as symbols
from tests.referee import check, control, verifies
from theory.evidence import Evidence, enclosed, every, exact, require
from theory.polar_flow import (
    POL_P1_b,
    POL_P1_bayes,
    POL_P1_d,
    POL_P1_f,
    POL_P1_minimax,
    POL_P1_ratios,
    POL_P1_unique,
    orderings,
)

NEAR = Fraction(101, 100)  # a bound that is missed by one per cent
Rationals = Sequence[Fraction | int]


# --- every concave spread at once: the polar spectrum is a mean ---------------------------------------------------


@check(POL_P1_bayes, POL_P1_minimax, POL_P1_b, POL_P1_d)
def best_constant_is_a_mean(r: int, best: Any, cap: Any) -> Evidence:
    """(s + h best 1)/sum is a mean of permutations of all pi s + h d and of the uniform vector, for mean d <= cap.

    Then Jensen needs nothing of the spread but symmetry and (quasi-)concavity.  All orders have the same weight.
    """
    s, d = symbols(f"s1:{r + 1}"), symbols(f"d1:{r + 1}", real=True)
    h, v = symbols("h", positive=True), symbols("v")
    centre = sum(d) / r
    same_mean = [
        exact(found, entry + h * centre)
        for found, entry in zip(orderings.mean(orderings.reordered(s, d, h)), s, strict=True)
    ]
    same_sum = [exact(sum(point), sum(s) + h * r * centre) for point in orderings.reordered(s, d, h)]
    start = orderings.normalised([entry + h * (cap - v) for entry in s])
    target = orderings.normalised([entry + h * best for entry in s])
    w = orderings.weight_on_uniform(target, start)
    mixed = [exact(x, (1 - w) * y + w / r) for x, y in zip(target, start, strict=True)]
    # 1 - w = S_c/S_best, which the hypothesis makes nonnegative: all entries of pi s + h d are.
    rest = exact((1 - w) * (sum(s) + h * r * best), sum(s) + h * r * (cap - v))
    first = (
        {v: 0, h: 1}
        | ({best: 1} if hasattr(best, "name") else {})
        | {entry: r - i for i, entry in enumerate(s)}
    )  # where it fails first, if it does
    return every(*same_mean, *same_sum, *mixed, rest, exact(w, 0, ">=", witness=first))


@check(POL_P1_d)
def euclidean_bound(r: int, factor: Fraction) -> Evidence:
    """|d|^2 = r c^2 + sum (d_i - c)^2: so |d| <= b allows c <= b/sqrt r and no more."""
    d = symbols(f"d1:{r + 1}", real=True)
    c = sum(d) / r
    return exact(sum(x**2 for x in d), factor * r * c**2 + sum((x - c) ** 2 for x in d))


@verifies(POL_P1_bayes, POL_P1_minimax)
@pytest.mark.parametrize("r", [2, 3, pytest.param(4, marks=pytest.mark.long)])
def test_the_polar_spectrum_is_a_mean(r: int) -> None:
    best_constant_is_a_mean(r, 1, 1)


@control(POL_P1_bayes, sharpens="|d_i| <= 1 -> |d_i| <= 1.01")
def test_the_bound_one_is_needed_on_average() -> None:
    best_constant_is_a_mean(2, 1, NEAR)


@control(POL_P1_minimax, sharpens="|d_i| <= 1 -> |d_i| <= 1.01")
def test_the_bound_one_is_needed_in_the_worst_order() -> None:
    best_constant_is_a_mean(2, 1, NEAR)


@verifies(POL_P1_b)
@pytest.mark.parametrize("r", [2, 3])
def test_standing_still_beats_every_step_that_shrinks(r: int) -> None:
    best_constant_is_a_mean(r, 0, 0)


@control(POL_P1_b, sharpens="d <= 0 -> d <= 0.01")
def test_any_growth_beats_standing_still() -> None:
    best_constant_is_a_mean(2, 0, NEAR - 1)


@verifies(POL_P1_d)
def test_other_bounds_give_multiples_of_the_polar_update() -> None:
    largest = symbols("C", positive=True)
    for r in (2, 3):
        best_constant_is_a_mean(r, largest, largest)
        euclidean_bound(r, Fraction(1))


@control(POL_P1_d, changes="r c^2 -> 1.01 r c^2")
def test_the_euclidean_bound_is_sharp() -> None:
    euclidean_bound(3, NEAR)


@check(POL_P1_d)
def box_of_updates(s: Rationals, h: Fraction, sides: Rationals, d: Rationals) -> Evidence:
    """|d_i| <= sides_i: the mean entropy of the orders against that of the largest multiple of 1 in the box."""
    require(len(set(sides)) == 1, "no order")
    orders = orderings.reordered(s, d, h)
    entropies = [entropy_ball(order) for order in orders]
    mean = sum(entropies[1:], entropies[0]) / len(orders)
    return enclosed(entropy_ball([x + h * min(sides) for x in s]) - mean, ">=")


@verifies(POL_P1_d)
def test_a_cube_of_updates() -> None:
    for d in ((1, 2), (2, Fraction(-1, 2)), (Fraction(3, 2), Fraction(7, 4))):
        box_of_updates((3, 1), Fraction(1), (2, 2), d)


@control(POL_P1_d, drops="no order")
def test_a_box_with_unequal_sides_has_another_optimum() -> None:
    box_of_updates((3, 1), Fraction(1), (1, 2), (1, 2))


# --- ratios: spreads that are not concave -------------------------------------------------------------------------


@check(POL_P1_ratios, POL_P1_minimax)
def aligned_ratios(cap: Any) -> Evidence:
    """(s_i + h d_i)(s_j + h) >= (s_i + h)(s_j + h d_j) for s_i >= s_j, cap >= d_i >= d_j: any two of r values."""
    low, gap, v, w = symbols("b u v w")
    h = symbols("h", positive=True)
    high, d_high = low + gap, cap - w
    return exact((high + h * d_high) * (low + h), (high + h) * (low + h * (d_high - v)), ">=")


@check(POL_P1_ratios)
def ratios_majorise(r: int, sign: int) -> Evidence:
    """sum_{i<=k} x_i sum y - sum_{i<=k} y_i sum x = sum_{i<=k<j} (x_i y_j - y_i x_j) for every k."""
    x, y = symbols(f"x1:{r + 1}"), symbols(f"y1:{r + 1}")
    parts = []
    for k in range(1, r):
        crossing = sum(x[i] * y[j] - sign * y[i] * x[j] for i in range(k) for j in range(k, r))
        parts.append(exact(sum(x[:k]) * sum(y) - sum(y[:k]) * sum(x), crossing))
    return every(*parts)


@verifies(POL_P1_ratios)
def test_aligned_orders_have_the_larger_ratios() -> None:
    aligned_ratios(1)
    for r in (2, 3, 5):
        ratios_majorise(r, 1)


@verifies(POL_P1_minimax)
def test_the_worst_order_by_ratios() -> None:
    """A second proof: a symmetric quasi-concave function is Schur-concave."""
    aligned_ratios(1)


@control(POL_P1_ratios, sharpens="|d_i| <= 1 -> |d_i| <= 1.01")
def test_the_bound_one_is_needed_for_the_ratios() -> None:
    aligned_ratios(NEAR)


@control(POL_P1_ratios, changes="sign in the identity of partial sums")
def test_another_sign_is_no_identity() -> None:
    ratios_majorise(3, -1)


# --- uniqueness ---------------------------------------------------------------------------------------------------


@check(POL_P1_unique)
def points_averaged_differ(gaps: Sequence[Any], steps: Sequence[Any], short: Any) -> Evidence:
    """The variance about the polar spectrum is positive; r = 3.

    gaps   s_1 - s_2, s_2 - s_3;  steps  d_1 - d_2, d_2 - d_3;  short  1 - mean d; numbers or symbols, >= 0
    """
    require(not all(gap == 0 for gap in gaps), "s not flat")
    h, total = symbols("h S", positive=True)  # S: the common sum of the pi s + h d
    c = 1 - short

    def centred(middle: Any, first: Any, second: Any) -> list[Any]:
        third = Fraction(1, 3)
        return [
            middle + (2 * first + second) * third,
            middle + (second - first) * third,
            middle - (first + 2 * second) * third,
        ]

    s = centred((total - 3 * h * c) / 3, *gaps)
    orders = orderings.reordered(s, centred(c, *steps), h)
    points = [[entry / total for entry in order] for order in orders]
    polar = orderings.normalised([entry + h for entry in s])
    return exact(orderings.variance(points, polar), 0, ">")


@check(POL_P1_unique)
def some_ratio_is_larger(gap: Any, step: Any, short: Any) -> Evidence:
    """The inequality of POL-P1.ratios, strictly: gap = s_i - s_j, step = d_i - d_j, short = 1 - d_i."""
    require(gap != 0, "s not flat")
    low, h = symbols("b"), symbols("h", positive=True)
    high, d_high = low + gap, 1 - short
    return exact((high + h * d_high) * (low + h), (high + h) * (low + h * (d_high - step)), ">")


@verifies(POL_P1_unique)
def test_only_the_polar_update_reaches_the_optimum() -> None:
    u, v, w = symbols("u v w")
    positive = symbols("g", positive=True)
    some_ratio_is_larger(u, positive, w)  # d not constant
    some_ratio_is_larger(positive, 0, symbols("x", positive=True))  # d constant, not 1
    points_averaged_differ((u, positive), (0, 0), symbols("x", positive=True))
    points_averaged_differ((positive, u), (symbols("x", positive=True), v), w)


@control(POL_P1_unique, drops="s not flat")
def test_on_a_flat_spectrum_all_multiples_are_optimal() -> None:
    some_ratio_is_larger(0, 0, symbols("x", positive=True))
    points_averaged_differ((0, 0), (0, 0), symbols("x", positive=True))


@check(POL_P1_f)
def flat_stays_flat(r: int, excess: Any) -> Evidence:
    """(s + h c 1)/sum is uniform for s = b 1 (+ excess in the first place)."""
    require(excess == 0, "s flat")
    b, h, c = symbols("b h c", positive=True)
    shares = orderings.normalised([b + h * c + (excess if i == 0 else 0) for i in range(r)])
    return every(*(exact(share, Fraction(1, r)) for share in shares))


@verifies(POL_P1_f)
def test_multiples_tie_on_a_flat_spectrum() -> None:
    for r in (2, 5):
        flat_stays_flat(r, 0)


@control(POL_P1_f, drops="s flat")
def test_multiples_do_not_tie_elsewhere() -> None:
    flat_stays_flat(3, Fraction(1, 100))
