"""ICM-C1, ICM-C2: when a minimiser exists, and when it is zero."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from labs.isotropic_curvature import Custom, Polynomial
from tests.isotropic_curvature.device import dual_norm, solve
from tests.isotropic_curvature.menu import Plane, ball, dual_norm_ball, spectra
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, enclosed, every, measured, require
from theory.isotropic_curvature import ICM_C2, ICM_C1b, ICM_C1c, ICM_C1d, plane

G: Plane = (Fraction(8, 10), Fraction(3, 10))
DUAL_NORM = "1.28691897457"  # N*(G), n = 2


# --- existence -------------------------------------------------------------------------------------------------


def _linear_decrease(g: Plane, slope: Any, q: list[Any]) -> Any:
    """slope N(q) - <g, q>: what F does along a ray with H = slope x."""
    return slope * plane.norm_ball(q) - sum(ball(a) * b for a, b in zip(g, q, strict=True))


@check(ICM_C1b)
def final_slope_suffices(g: Plane, factor: Fraction) -> Evidence:
    """H'(inf) = factor N*(g): is the recession function -<g, q> + H'(inf) N(q) positive for all q?

    Yes if H'(inf) exceeds an upper bound of N*(g); no if it is less than a lower bound (the ray that shows it
    has slope <= 0).
    """
    value, _ = dual_norm_ball(g)
    return enclosed(ball(factor) * value.mid() - value, ">")


def _rounded(slope: float) -> Custom:
    """slope (sqrt(1 + x^2) - 1): quadratic at 0, with final slope `slope`."""
    return Custom(
        lambda x: slope * x * x / (1 + np.sqrt(1 + x * x)),
        lambda x: slope * x / np.sqrt(1 + x * x),
        lambda x: slope / (1 + x * x) ** 1.5,
        weight_slope_function=lambda x: -slope * x / (1 + x * x) ** 1.5,
        weight_at_zero=slope,
        slope_at_infinity=slope,
        name=f"{slope:.6g} (sqrt(1 + x^2) - 1)",
    )


@check(ICM_C1b, ICM_C1c)
def solver_agrees(g: np.ndarray, n: int, factor: float, threshold: float = 1.0) -> Evidence:
    """A minimiser is found (KKT residual below 1e-10) if factor > threshold, and "unbounded" is said if not."""
    H = _rounded(factor * float(dual_norm(g, n)[0]))
    require(bool(np.all(np.diff(H.slope(np.geomspace(1e-3, 1e3, 50))) >= 0)), "A1")
    best = solve(g, H, n=n)
    found = best.status == "optimal" and float(best.kkt) < 1e-10
    answered = found or best.status == "unbounded"
    return measured([float(found), float(answered)], [float(factor > threshold), 1.0], 0.1, margin=0.5)


@check(ICM_C1b)
def dual_norm_quoted(g: Plane, digits: str) -> Evidence:
    """N*(g), which decides, to the eleven digits given; and the labs value inside its enclosure."""
    from flint import arb

    value, _ = dual_norm_ball(g)
    labs = float(dual_norm(np.array([float(x) for x in g]))[0])
    return every(
        enclosed(abs(value - arb(digits)) - arb("0.000000000005"), "<="),
        measured(labs, float(value), 1e-13 * labs),
    )


@check(ICM_C1c)
def descends_for_ever(g: Plane, factor: Fraction) -> Evidence:
    """H(x) <= A x with A = factor N*(g): F(t q) <= t (A N(q) - <g, q>), a negative slope, at the maximiser q."""
    value, q = dual_norm_ball(g)
    slope = ball(factor) * value.mid()
    require(bool(value > slope), "N*(g) > H'(inf)")
    return enclosed(_linear_decrease(g, slope, q), "<")


PLANE: list[Plane] = [G, (Fraction(1), Fraction(1, 1000)), (Fraction(1), Fraction(99, 100))]
TRIPLE = np.array([1.0, 0.4, 0.1])


@verifies(ICM_C1b)
def test_existence_in_the_plane() -> None:
    for g in PLANE:
        final_slope_suffices(g, Fraction(101, 100))
    dual_norm_quoted(G, DUAL_NORM)


@verifies(ICM_C1b, ICM_C1c)
def test_existence_by_the_solver() -> None:
    solver_agrees(np.array([0.8, 0.3]), 2, 1.01)
    solver_agrees(np.array([0.8, 0.3]), 2, 0.99)
    solver_agrees(TRIPLE, 4, 1.01)
    solver_agrees(TRIPLE, 4, 0.99)


@verifies(ICM_C1c)
def test_no_lower_bound_in_the_plane() -> None:
    for g in PLANE:
        descends_for_ever(g, Fraction(99, 100))


@control(ICM_C1b, sharpens="N*(g) < H'(inf) -> 0.99 N*(g) < H'(inf)")
def test_one_percent_less_slope_is_not_enough() -> None:
    for g in PLANE:
        final_slope_suffices(g, Fraction(995, 1000))
    solver_agrees(np.array([0.8, 0.3]), 2, 0.995, threshold=0.99)


@control(ICM_C1c, drops="N*(g) > H'(inf)")
def test_one_percent_more_slope_is_too_much() -> None:
    for g in PLANE:
        descends_for_ever(g, Fraction(101, 100))


# --- the dual norm ---------------------------------------------------------------------------------------------


@check(ICM_C1d)
def exceeds_the_trace_norm(g: np.ndarray, n: int, factor: float = 1.0) -> Evidence:
    """N*(g) >= factor sum g, with equality for a constant g of length n."""
    value = float(dual_norm(g, n)[0])
    total = factor * float(g.sum())
    bound = measured(value, total, 1e-13 * total, ">=")
    if len(g) < n or np.ptp(g) > 0:
        return bound
    return every(bound, measured(value, total, 1e-13 * total))


@check(ICM_C1d)
def exceeds_the_trace_norm_in_the_plane(g: Plane, factor: Fraction = Fraction(1)) -> Evidence:
    """N*(g) > factor (g_1 + g_2) at n = 2 where g_1 > g_2, by an enclosure of N*."""
    value, _ = dual_norm_ball(g)
    return enclosed(value - ball(factor * (g[0] + g[1])), ">")


@verifies(ICM_C1d)
def test_dual_norm_and_trace_norm() -> None:
    for pair in PLANE:
        exceeds_the_trace_norm_in_the_plane(pair)
    for k in (2, 5, 8):
        for g in spectra(k, "dual norm"):
            for n in (k, k + 3):
                exceeds_the_trace_norm(g, n)
        exceeds_the_trace_norm(np.full(k, 0.7), k)


@control(ICM_C1d, sharpens="sum g -> 1.01 sum g")
def test_dual_norm_of_a_constant_spectrum() -> None:
    exceeds_the_trace_norm(np.full(4, 0.7), 4, 1.01)
    exceeds_the_trace_norm_in_the_plane(PLANE[2], Fraction(101, 100))


# --- the dead zone ---------------------------------------------------------------------------------------------


@check(ICM_C2)
def rests_at_zero(g: Plane, factor: Fraction) -> Evidence:
    """H'(0+) = factor N*(g), H = H'(0+) x + x^2/2: is F >= 0 = F(0) for all q?

    Yes if H'(0+) reaches an upper bound of N*(g); no if some ray from 0 starts downwards.
    """
    value, q = dual_norm_ball(g)
    slope = ball(factor) * value.mid()
    if bool(slope < value):
        return enclosed(_linear_decrease(g, slope, q), ">=")
    return enclosed(slope - value, ">=")


@check(ICM_C2)
def solver_rests_at_zero(g: np.ndarray, n: int, factor: float, threshold: float = 1.0) -> Evidence:
    """The solver answers 0 if factor > threshold, else a nonzero optimum."""
    slope = factor * float(dual_norm(g, n)[0])
    H = Polynomial({1: slope, 2: 0.5})
    require(slope >= 0, "A1")
    best = solve(g, H, n=n)
    zero = best.status == "zero" and not best.q.any()
    moved = best.status == "optimal" and bool((best.q > 0).all()) and float(best.value) < 0
    return measured(
        [float(zero), float(moved)], np.array([1.0, 0.0]) == float(factor > threshold), 0.1, margin=0.5
    )


@verifies(ICM_C2)
def test_dead_zone() -> None:
    for g in PLANE:
        rests_at_zero(g, Fraction(101, 100))
    for spectrum, n in ((np.array([0.8, 0.3]), 2), (TRIPLE, 3), (TRIPLE, 5), (np.ones(4), 4)):
        for factor in (1.01, 0.99):
            solver_rests_at_zero(spectrum, n, factor)


@control(ICM_C2, sharpens="N*(g) -> 0.99 N*(g)")
def test_one_percent_less_starts_to_move() -> None:
    for g in PLANE:
        rests_at_zero(g, Fraction(995, 1000))
    solver_rests_at_zero(TRIPLE, 3, 0.995, threshold=0.99)


@restates(ICM_C1b, ICM_C1c, ICM_C2)
def test_thresholds_in_other_units() -> None:
    for scale, factor in ((1e-6, 1.01), (1e6, 0.99)):
        solver_agrees(scale * TRIPLE, 4, factor)
        solver_rests_at_zero(scale * TRIPLE, 4, factor)
