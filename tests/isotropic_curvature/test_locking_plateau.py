"""ICM-X7: for how large, and how small, a gradient one kink holds all singular values together."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.isotropic_curvature.kinked import Kink, PiecewiseSlope, PiecewiseWeight
from labs.isotropic_curvature.zonoid import kink_window, minimal_kink
from tests.isotropic_curvature.device import dual_norm, solve
from tests.isotropic_curvature.menu import RATIO_ERROR, Plane, ball
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.isotropic_curvature import ICM_X7a, ICM_X7b, sectors, two_levels, two_pairs

Pair = tuple[Fraction, Fraction]

G: Plane = (Fraction(1), Fraction(3, 5))
LEFT, RIGHT = Fraction(1, 4), Fraction(5, 2)
PRINTED = ("0.2084914", "1.2251728")
FOUR: Pair = (Fraction(2, 5), Fraction(3, 10))  # (g_1, g_1, g_3, g_3)


def _sine(x: Any) -> Any:
    """sin(pi x)/pi of a ball."""
    return x.sin_pi() / type(x).pi()


# --- the interval ----------------------------------------------------------------------------------------------


@check(ICM_X7a)
def window_in_the_plane(low: str, high: str) -> Evidence:
    """n = 2, A = 1/4, B = 5/2, t (1, 3/5): inside Z(A, B) on [low, high] and outside elsewhere, to 5e-8."""
    require(0 <= LEFT < RIGHT, "A1")
    require(len(G) == 2, "k = n")
    digit = Fraction(5, 10**8)
    first, last = LEFT / sum(G), RIGHT / sum(G)  # beyond these already the sum of g is outside [A, B]
    ends = [first, Fraction(low) - digit, Fraction(low) + digit]
    ends += [Fraction(high) - digit, Fraction(high) + digit, last]

    def margin(t: Any) -> Any:
        return sectors.margin(t, (ball(G[0]), ball(G[1])), ball(LEFT), ball(RIGHT), _sine)

    return every(
        enclosed(margin, "<", box=[(ends[0], ends[1])]),
        enclosed(margin, ">", box=[(ends[2], ends[3])]),
        enclosed(margin, "<", box=[(ends[4], ends[5])]),
    )


@check(ICM_X7a)
def window_with_pairs(g: Pair, A: Fraction, B: Fraction, stretch: Fraction) -> Evidence:
    """n = 4, two pairs: t g is in Z(A, B) at the ends stretched by 1 - stretch and 1 + stretch, not just beyond."""
    require(0 < A < B, "A1")
    ends = two_pairs.window(g, A, B)
    moved = (ends[0] * (1 - stretch), ends[1] * (1 + stretch))

    def sides(t: Any) -> tuple[Any, Any]:
        return two_pairs.membership((t * g[0], t * g[1]), A, B)

    return every(
        *(exact(*sides(t), "<=") for t in (*moved, sum(moved) / 2)),
        *(exact(*sides(t), ">") for t in (moved[0] * Fraction(999, 1000), moved[1] * Fraction(1001, 1000))),
    )


@check(ICM_X7a)
def pairs_are_convex(sign: int) -> Evidence:
    """n = 4, two pairs, for all g, A, B: what membership asks for, as a function of t, is a convex quadratic.

    It vanishes at the gradients of h = A + (B - A) 1{t > c}, and it is what (Z) says in the worst direction.
    """
    import sympy

    g = sympy.symbols("g1 g3", positive=True)
    A, jump, t, c = sympy.symbols("A jump t c", positive=True)
    B = A + jump
    low, high = two_pairs.membership((t * g[0], t * g[1]), A, B)
    edge = two_levels.spectrum(two_levels.even_tails(2, 4, c), 2, 4, A, B)
    at = two_pairs.membership(edge, A, B)
    worst = two_pairs.derivative((t * g[0], t * g[1]), A, B, (2 * t * sum(g) - A) / jump)
    return every(
        exact(sympy.diff(low - sign * high, t, 2), 0, ">"),
        exact(at[0], sign * at[1]),
        exact(worst, (sign * high - low) / (2 * jump)),
    )


@check(ICM_X7a)
def window_of_labs(g: np.ndarray, A: float, B: float, ends: Sequence[float], error: float) -> Evidence:
    """labs' window agrees with `ends` to `error`."""
    require(0 <= A <= B, "A1")
    require(g.size > 1, "k = n")
    return measured(kink_window(g, A, B), ends, error)


@check(ICM_X7a)
def gauge_at_the_ends(g: np.ndarray, A: float, B: float, ends: tuple[float, float]) -> Evidence:
    """B_min(t g, A) is B at the ends of the window, less between and more outside; relative errors 1e-12."""
    require(0 <= A <= B, "A1")
    require(g.size > 1, "k = n")
    low, high = ends
    scales = {"==": ends, "<": ((low + high) / 2,), ">": (low * (1 - 1e-6), high * (1 + 1e-6))}
    return every(
        *(measured(minimal_kink(t * g, A)[0], B, 1e-11 * B, sense) for sense in scales for t in scales[sense])
    )


@check(ICM_X7a)
def held(g: np.ndarray, H: Any, t: float) -> Evidence:
    """The solver's update for t g is r (1, ..., 1)."""
    ((r, A, B),) = H.kinks
    require(0 <= A <= B, "A1")
    require(g.size > 1, "k = n")
    return measured(solve(t * g, H).q, r, 100 * RATIO_ERROR * r, margin=1e-4 * r)


@verifies(ICM_X7a)
def test_the_printed_window() -> None:
    window_in_the_plane(*PRINTED)
    g, A, B = np.array([1.0, 0.6]), 0.25, 2.5
    window_of_labs(g, A, B, [float(t) for t in PRINTED], 5e-8)
    for t in (0.2084915, 0.5, 1.2251727):
        held(g, PiecewiseWeight((1.0,), (A, B)), t)


@verifies(ICM_X7a)
def test_the_window_with_two_pairs() -> None:
    pairs_are_convex(1)
    window_with_pairs(FOUR, LEFT, RIGHT, Fraction(0))
    window_with_pairs(FOUR, LEFT, Fraction(40), Fraction(0))
    low, high = (float(t) for t in two_pairs.window(FOUR, LEFT, RIGHT))
    gauge_at_the_ends(np.repeat([float(x) for x in FOUR], 2), 0.25, 2.5, (low, high))


@pytest.mark.long
@verifies(ICM_X7a)
def test_a_window_for_more_directions() -> None:
    g = np.array([1.0, 0.9, 0.9, 0.7])
    gauge_at_the_ends(g, 0.2, 1.0, kink_window(g, 0.2, 1.0))


@control(ICM_X7a, sharpens="[t_-, t_+] -> [0.97 t_-, 1.03 t_+]")
def test_a_wider_window() -> None:
    window_in_the_plane("0.2022", "1.2619")
    window_with_pairs(FOUR, LEFT, RIGHT, Fraction(3, 100))
    for t in (0.2022, 1.2619):
        held(np.array([1.0, 0.6]), PiecewiseWeight((1.0,), (0.25, 2.5)), t)


@restates(ICM_X7a)
def test_the_window_in_other_units() -> None:
    """Slopes and gradients a million times larger, lengths a thousand times smaller."""
    g = 1e6 * np.array([0.6, 1.0])
    for t in (0.2085, 1.225):
        held(g, Kink(1e-3, 0.25e6, 2.5e6), t)


def test_an_empty_window() -> None:
    """n = 4: the quadratic has real roots from B = 4/9 on."""
    B = Fraction(44, 100)
    assert np.isnan(kink_window(np.repeat([float(x) for x in FOUR], 2), 0.25, float(B))).all()
    with pytest.raises(ValueError, match="no multiple"):
        two_pairs.window(FOUR, LEFT, B)
    low, high = two_pairs.window(FOUR, LEFT, Fraction(45, 100))
    assert low < high


# --- outside ---------------------------------------------------------------------------------------------------


@check(ICM_X7b)
def no_equal_values_are_optimal(g: Pair, kinks: Sequence[tuple[Fraction, Fraction]], t: Fraction) -> Evidence:
    """n = 4, t g = (g_1, g_1, g_3, g_3): c (1, 1, 1, 1) is not optimal, at any c > 0, for these kinks (A, B).

    Beside the kinks F falls along (1, 1, -1, -1); at a kink t g is outside Z(A, B).
    """
    require(all(A < B for A, B in kinks), "A1")
    require(len(kinks) == 1, "one kink")
    require(2 * t * sum(g) > kinks[0][0], "q != 0")  # N* is at least the sum of g
    sides = [two_pairs.membership((t * g[0], t * g[1]), A, B) for A, B in kinks]
    return every(exact(-2 * t * (g[0] - g[1]), 0, "<"), *(exact(*side, ">") for side in sides))


@check(ICM_X7b)
def solver_spreads_outside(g: np.ndarray, H: Any, t: float) -> Evidence:
    """q_1 > q_n by more than rounding; for the kink and the g whose window is printed."""
    require(H.slope_at_zero >= 0, "A1")
    require(g.size > 1, "k = n")
    require(len(H.kinks) == 1, "one kink")
    require(t * float(dual_norm(g)[0]) > H.slope_at_zero, "q != 0")
    assert not float(PRINTED[0]) <= t <= float(PRINTED[1])
    q = solve(t * g, H).q
    return measured(q[0] / q[-1], 1.0, 100 * RATIO_ERROR, ">")


@verifies(ICM_X7b)
def test_nothing_equal_outside_with_two_pairs() -> None:
    low, high = (Fraction(float(t)) for t in two_pairs.window(FOUR, LEFT, RIGHT))
    for t in (low * Fraction(999, 1000), high * Fraction(1001, 1000), 2 * high):
        no_equal_values_are_optimal(FOUR, [(LEFT, RIGHT)], t)


@verifies(ICM_X7b)
def test_the_solver_spreads_outside() -> None:
    for t in (0.17, 1.4):
        solver_spreads_outside(np.array([1.0, 0.6]), PiecewiseWeight((1.0,), (0.25, 2.5)), t)


@control(ICM_X7b, drops="one kink")
def test_a_second_kink_holds_them_again() -> None:
    no_equal_values_are_optimal(FOUR, [(LEFT, RIGHT), (RIGHT, Fraction(8))], Fraction(11, 4))


def test_labs_is_held_by_the_second_kink() -> None:
    best = solve(1.5 * np.array([1.0, 0.6]), PiecewiseSlope((1.0, 2.0), (0.2, 1.5, 4.0)))
    np.testing.assert_allclose(best.q, 2.0, rtol=RATIO_ERROR)
