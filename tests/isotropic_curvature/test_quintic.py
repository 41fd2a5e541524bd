"""ICM-X12, a, b and e: the tuned quintic iteration reverses orders, which no optimal update does."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.streams import stream
from labs.isotropic_curvature import Polynomial, Power
from tests.isotropic_curvature.device import solve_matrix
from tests.isotropic_curvature.menu import ball
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.isotropic_curvature import ICM_X12a, ICM_X12b, ICM_X12e, quintic
from theory.isotropic_curvature.even_powers import Even, gradient

Pair = tuple[Fraction, Fraction]

# Where N falls from 1.2 to 0.68, from 1.13 to 0.75, and from 0.77 to 0.70.
REVERSED: list[Pair] = [
    (Fraction("0.0041"), Fraction("0.0093")),
    (Fraction("0.168"), Fraction("0.211")),
    (Fraction(1, 2), Fraction(1)),
]


# --- the order is reversed -----------------------------------------------------------------------------------


@check(ICM_X12a)
def reverses(pair: Pair, steps: int, coefficients: quintic.Coefficients) -> Evidence:
    """N(x) > N(y) for x < y, by the integer parts of a thousand times each."""
    require(pair[0] < pair[1], "x < y")
    first, second = (quintic.thousandths(x, steps, coefficients) for x in pair)
    return exact(first, second, ">")


@check(ICM_X12a)
def falls_on(lo: Fraction, hi: Fraction, steps: int) -> Evidence:
    """N' < 0 on the whole interval."""
    return enclosed(lambda x: quintic.ball(x, steps)[1], "<", box=[(lo, hi)])


@verifies(ICM_X12a)
def test_five_steps_reverse_the_order() -> None:
    for pair in REVERSED:
        reverses(pair, 5, quintic.TUNED)
    for lo, hi in (("0.005", "0.009"),):
        falls_on(Fraction(lo), Fraction(hi), 5)


@restates(ICM_X12a)
def test_the_order_of_a_scaled_matrix() -> None:
    """On the diagonal of a matrix, in floating point: the iteration's own arithmetic."""
    x, y = (float(x) for x in REVERSED[0])
    X = np.diag([y, x])
    a, b, c = (float(c) for c in quintic.TUNED)
    for _ in range(5):
        A = X @ X.T
        X = a * X + (b * A + c * A @ A) @ X
    assert X[1, 1] - X[0, 0] == pytest.approx(0.52, abs=0.01)
    reverses(REVERSED[0], 5, quintic.TUNED)


@control(ICM_X12a, changes="the tuned coefficients -> those of Newton and Schulz")
def test_the_classical_quintic_keeps_the_order() -> None:
    for pair in REVERSED:
        reverses(pair, 5, quintic.CLASSICAL)


def test_the_classical_coefficients() -> None:
    """1 - p has a zero of order three at 1: p = 1, p' = 0, p'' = 0 there."""
    a, b, c = quintic.CLASSICAL
    assert (a + b + c, a + 3 * b + 5 * c, 6 * b + 20 * c) == (1, 0, 0)


@control(ICM_X12a, changes="five steps -> four")
def test_four_steps_keep_the_order_of_this_pair() -> None:
    reverses(REVERSED[2], 4, quintic.TUNED)
    falls_on(Fraction("0.0045"), Fraction("0.009"), 4)


# --- where it falls, and how far it is from one value --------------------------------------------------------


@check(ICM_X12e)
def shape_of_the_iterate(steps: int) -> Evidence:
    """The share of [0, 1] where N falls, the first turning point, the range on [0.01, 1]: to the digits claimed."""
    turns = quintic.turning_points(steps)
    low, high = quintic.extremes(turns, Fraction(1, 100))
    first = ball(turns[0][0]).union(ball(turns[0][1]))
    claimed = [
        (quintic.falling_share(turns), "0.518631", "5e-7"),
        (first, "0.0041114", "5e-8"),
        (low, "0.681831", "5e-7"),
        (high, "1.134357", "5e-7"),
    ]
    return every(
        *(
            enclosed(abs(value - ball(Fraction(number))) - ball(Fraction(half)), "<=")
            for value, number, half in claimed
        )
    )


@verifies(ICM_X12e)
def test_the_shape_of_five_steps() -> None:
    shape_of_the_iterate(5)


@control(ICM_X12e, changes="five steps -> four")
def test_the_shape_of_four_steps() -> None:
    shape_of_the_iterate(4)


def test_between_turning_points_the_slope_has_one_sign() -> None:
    """The second way: the derivative itself on a grid, against the laps."""
    turns = [float(a) for a, _ in quintic.turning_points()]
    assert len(turns) == 23
    x = np.linspace(1e-6, 1, 20001)
    laps = np.searchsorted(turns, x)
    far = np.min(np.abs(x[:, None] - turns), axis=1) > 1e-9
    slope = np.gradient(quintic.iterate(x), x)
    inside = far & (laps == np.roll(laps, 1)) & (laps == np.roll(laps, -1))
    inside[[0, -1]] = False
    np.testing.assert_array_equal((slope < 0)[inside], (laps % 2 == 1)[inside])
    assert np.mean(laps % 2) == pytest.approx(0.518631, abs=23 * 5e-5)
    assert [len(quintic.turning_points(steps)) for steps in (1, 2)] == [1, 4]


# --- a monotone map ------------------------------------------------------------------------------------------


@check(ICM_X12b)
def pairing_of_even_powers(H: Even, squares: int) -> Evidence:
    """<q - q', g - g'> at three singular values and any n, g the gradient for which q is stationary.

    In means m and differences d the pairing of H = x^4 is a sum of even powers and (8/(n(n+2))) (sum m d)^2.
    """
    import sympy

    require(all(c >= 0 for c in H.values()), "optimal")
    n = sympy.Symbol("n", positive=True)
    m, d = sympy.symbols("m1:4", real=True), sympy.symbols("d1:4", real=True)
    above, below = ([mi + sign * di / 2 for mi, di in zip(m, d, strict=True)] for sign in (1, -1))
    terms = zip(d, gradient(H, above, n), gradient(H, below, n), strict=True)
    pairing = sympy.expand(sum(di * (gi - hi) for di, gi, hi in terms))
    cross = sum(mi * di for mi, di in zip(m, d, strict=True)) ** 2
    return exact(pairing, squares * 8 * cross / (n * (n + 2)), ">=", witness=dict.fromkeys((n, *m, *d), 2))


@check(ICM_X12b)
def pairing_of_matrices(
    update: Callable[[np.ndarray], np.ndarray], G: np.ndarray, other: np.ndarray
) -> Evidence:
    """<Q(G) - Q(G'), G - G'> >= 0, up to the solver's error of 1e-12 in Q."""
    Q, step = update(G), G - other
    return measured(
        np.sum((Q - update(other)) * step), 0.0, 1e-12 * np.linalg.norm(Q) * np.linalg.norm(step), ">="
    )


def optimum(H: Any) -> Callable[[np.ndarray], np.ndarray]:
    return lambda G: np.asarray(solve_matrix(G, H))


def five_steps(G: np.ndarray) -> np.ndarray:
    u, s, vt = np.linalg.svd(G, full_matrices=False)
    return (u * quintic.iterate(s)) @ vt


@verifies(ICM_X12b)
def test_the_optimum_is_monotone_in_the_gradient() -> None:
    pairing_of_even_powers({4: Fraction(1)}, 1)
    draw = stream("monotone")
    for H in (Power(1.4), Power(4.0), Polynomial({2: 0.5, 4: 1.0})):
        for shape in ((4, 3), (2, 3)):
            G = draw.standard_normal(shape)
            for size in (1.0, 1e-3):
                pairing_of_matrices(optimum(H), G, G + size * draw.standard_normal(shape))


@control(ICM_X12b, changes="Q* -> five steps of the quintic")
def test_the_quintic_is_not_monotone() -> None:
    turn = np.linalg.qr(stream("turn").standard_normal((2, 2)))[0]
    for x, y in REVERSED:
        pairing_of_matrices(five_steps, turn * [float(x), 0.5], turn * [float(y), 0.5])


@control(ICM_X12b, drops="optimal")
def test_stationary_points_need_not_be_monotone() -> None:
    """H = x^2 - x^4 has stationary updates that are no minima."""
    pairing_of_even_powers({2: Fraction(1), 4: Fraction(-1)}, 0)
