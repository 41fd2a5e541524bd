"""ICM-X8: a kink smoothed over a short ramp, and the curvature function that has one."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.isotropic_curvature.kinked import Kink
from labs.isotropic_curvature.smoothed import SmoothedKink
from tests.isotropic_curvature.device import expect, solve
from tests.isotropic_curvature.menu import gradient_of
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, every, exact, measured, require
from theory.isotropic_curvature import ICM_X8, smoothed

ON_THE_RAMP = "A <= b_i <= B"
A, B = 0.2, 2.4
INSIDE = np.array([0.40, 0.36, 0.33])
PLANE = np.array([0.7, 0.5])
BEYOND = np.array([0.5, 0.36, 0.2])  # b_3 = -0.09 < A


def _density(g: Any, trace: Any, n: Any, offset: Any = 2) -> Any:
    """b_i = n ((n + 2) g_i - sum g)/2, as claimed."""
    return n * ((n + offset) * g - trace) / 2


def _claimed(g: Any, trace: Any, A: Any, B: Any, n: Any, offset: Any = 2) -> Any:
    """(b_i - A)/(B - A) - 1/2."""
    return (_density(g, trace, n, offset) - A) / (B - A) - Fraction(1, 2)


# --- by algebra ------------------------------------------------------------------------------------------------


@check(ICM_X8)
def slopes_for_all_n(offset: int) -> Evidence:
    """To order 0 the gradient is a regular linear function of x, and its inverse is what is claimed: all n, A, B, g.

    Regular: its eigenvalues on vectors of sum zero, and on (1, ..., 1), are positive.
    """
    import sympy

    n, A, jump, g, trace = sympy.symbols("n A jump g trace", positive=True)
    x, total = sympy.symbols("x total")
    B = A + jump
    found = smoothed.slopes(g, trace, A, B, n)
    sum_found = (trace - (A + B) / 2) * n / jump
    gradient = smoothed.linear_gradient(x, total, A, B, n)
    along = sympy.diff(gradient, x)
    return every(
        exact(found, _claimed(g, trace, A, B, n, offset)),
        exact(smoothed.linear_gradient(found, sum_found, A, B, n), g),
        exact(along, 0, ">"),
        exact(along + n * sympy.diff(gradient, total), 0, ">"),
    )


@check(ICM_X8)
def expansion_in_the_width(n: int) -> Evidence:
    """The gradient at r + delta x, a power series in delta, begins with that linear function, for all r, A, B, x.

    By the inverse function theorem q is r + delta x + O(delta^2) where x inverts it.
    """
    import sympy

    x = sympy.symbols(f"x1:{n + 1}")
    A, jump, r = sympy.symbols("A jump r", positive=True)
    (leading,) = smoothed.expansion(x, A, A + jump, r, 0)
    linear = [smoothed.linear_gradient(xi, sum(x), A, A + jump, n) for xi in x]
    return every(*(exact(found, claimed) for found, claimed in zip(leading, linear, strict=True)))


@verifies(ICM_X8)
def test_slopes_by_algebra() -> None:
    slopes_for_all_n(2)
    expansion_in_the_width(3)


@control(ICM_X8, changes="n + 2 -> n + 1")
def test_slopes_with_a_wrong_moment() -> None:
    slopes_for_all_n(1)


# --- measured --------------------------------------------------------------------------------------------------


@check(ICM_X8)
def remainder_is_quadratic(g: np.ndarray, H: SmoothedKink, factor: float = 1.0) -> Evidence:
    """The gradient of q = r + factor delta x misses g by delta times the next coefficient, to O(delta^2).

    In units of g: the coefficients of the series are of order (B - A)/g or less, those of delta^2 at most ten times
    larger for these.
    """
    n, width = g.size, H.delta / H.r
    b = _density(g, g.sum(), n)
    require(n > 1, "k = n")
    require(np.all((b >= H.A) & (b <= H.B)), ON_THE_RAMP)
    x = _claimed(g, g.sum(), H.A, H.B, n)
    (_, following) = smoothed.expansion([float(v) for v in x], H.A, H.B, 1.0, 1)
    missed = (gradient_of(H, H.r * (1 + factor * width * x)) - g) / width
    return measured(missed, [float(v) for v in following], 20 * (H.B - H.A) * width)


def _newton_step(g: np.ndarray, q: np.ndarray, H: Any) -> np.ndarray:
    """By how much Newton's method would move q."""
    _, gradient, hessian = expect(H, q)
    return np.linalg.solve(hessian, g - gradient)


@check(ICM_X8)
def slopes_printed(g: np.ndarray, delta: float, slopes: Any, predicted: Any) -> Evidence:
    """The digits of (q - 1)/delta are those of the optimum: a step of Newton's method from them does not show.

    And they are the prediction x, with the digits given: to O(delta), and x + delta y to O(delta^2), y from the
    series, all |y| < 0.2 here.
    """
    n, found, H = g.size, np.asarray(slopes, dtype=float), SmoothedKink(1.0, A, B, delta)
    b = _density(g, g.sum(), n)
    require(n > 1, "k = n")
    require(np.all((b >= A) & (b <= B)), ON_THE_RAMP)
    x = _claimed(g, g.sum(), A, B, n)
    y = np.array([float(v) for v in smoothed.corrections([float(v) for v in x], A, B, 1.0)])
    digit = 5.1e-7
    return every(
        measured(x, predicted, digit),
        measured(_newton_step(g, 1 + delta * found, H) / delta, 0.0, digit, margin=1e-2),
        measured(found, x, 0.2 * delta),
        measured(found, x + delta * y, delta**2 + digit),
    )


@check(ICM_X8)
def solved(g: np.ndarray, delta: float) -> Evidence:
    """(q - 1)/delta of the solver's update, with the error 0.2 delta as above."""
    n = g.size
    b = _density(g, g.sum(), n)
    require(n > 1, "k = n")
    require(np.all((b >= A) & (b <= B)), ON_THE_RAMP)
    found = (solve(g, SmoothedKink(1.0, A, B, delta)).q - 1) / delta
    return measured(found, _claimed(g, g.sum(), A, B, n), 0.2 * delta)


@verifies(ICM_X8)
def test_printed_slopes() -> None:
    predicted = (0.029545, -0.106818, -0.209091)
    slopes_printed(INSIDE, 0.002, (0.029346, -0.106795, -0.208932), predicted)


@pytest.mark.long
@verifies(ICM_X8)
@pytest.mark.parametrize("delta", [2e-2, 2e-3, 2e-4])
def test_the_solver_finds_the_slopes(delta: float) -> None:
    solved(INSIDE, delta)


@verifies(ICM_X8)
def test_the_remainder_is_quadratic() -> None:
    remainder_is_quadratic(INSIDE, SmoothedKink(1.0, A, B, 1e-4))
    remainder_is_quadratic(PLANE, SmoothedKink(1.0, 0.0, B, 1e-2))


@restates(ICM_X8)
def test_the_remainder_in_other_units() -> None:
    remainder_is_quadratic(1e6 * PLANE, SmoothedKink(1e-3, 1e6 * A, 1e6 * B, 1e-7))


@control(ICM_X8, drops=ON_THE_RAMP)
def test_slopes_of_a_density_below_the_left_slope() -> None:
    remainder_is_quadratic(BEYOND, SmoothedKink(1.0, A, B, 1e-4))


def test_the_third_slope_without_the_hypothesis() -> None:
    """b_3 < A: it is -0.697, not the formula's -0.632; found as above, by a step of Newton's method."""
    delta, slopes = 0.002, np.array([0.4055, -0.0730, -0.6967])
    step = _newton_step(BEYOND, 1 + delta * slopes, SmoothedKink(1.0, A, B, delta)) / delta
    assert np.max(np.abs(step)) < 5e-5
    assert f"{slopes[2] + step[2]:.3f}" == "-0.697"
    assert f"{_claimed(BEYOND, BEYOND.sum(), A, B, 3)[2]:.3f}" == "-0.632"


# --- the curvature function ------------------------------------------------------------------------------------

SMOOTHED = [
    SmoothedKink(1.0, A, B, 0.2),
    SmoothedKink(1.0, 0.0, B, 0.2),
    SmoothedKink(2.0, 0.0, B, 4.0),
    SmoothedKink(0.5, 1.0, 1.1, 0.3),
]


@pytest.mark.parametrize("H", SMOOTHED, ids=str)
def test_a_smoothed_kink_fits_its_derivatives(H: SmoothedKink) -> None:
    x = H.r * np.array([0.3, 0.8, 0.93, 0.98, 1.05, 1.08, 1.4, 5.0])
    h = 1e-6
    pairs: list[tuple[Any, Any]] = [(H, H.slope), (H.weight, H.weight_slope)]
    for f, slope in pairs:
        # Central differences: h^2 times third derivatives (at most 1e3), rounding 1e-16/h.
        np.testing.assert_allclose((f(x + h) - f(x - h)) / (2 * h), slope(x), atol=3e-9)
    np.testing.assert_allclose(H.weight(x), H.slope(x) / x, rtol=1e-15)
    rising = H.slope(x) > 0
    kappa = x * H.weight_slope(x) / np.where(rising, H.weight(x), 1.0)
    np.testing.assert_allclose(H.elasticity(x), np.where(rising, kappa, -1.0), rtol=1e-14)
    assert H.subquadratic == bool(np.all(H.weight_slope(x) <= 0))
    assert float(H(0.0)) == 0
    assert (H.slope_at_zero, H.slope_at_infinity) == (H.A, H.B)


def test_a_smoothed_kink_is_the_kink_away_from_it() -> None:
    smooth, sharp = SmoothedKink(1.0, A, B, 0.2), Kink(1.0, A, B)
    x = np.array([1e-3, 0.5, 0.89, 1.11, 2.0, 10.0])
    for f in ("__call__", "slope", "weight", "weight_slope"):
        np.testing.assert_allclose(getattr(smooth, f)(x), getattr(sharp, f)(x), rtol=1e-14)
    assert smooth.breaks == (0.9, 1.1)
    assert smooth.kinks == ()


def test_the_weight_of_a_smoothed_kink_at_zero() -> None:
    assert [H.weight_at_zero for H in SMOOTHED[:3]] == [math.inf, 0.0, B / 4]
    assert SMOOTHED[2].breaks == (4.0,)
    assert float(SMOOTHED[2].weight(1e-9)) == pytest.approx(B / 4)


@pytest.mark.parametrize(
    ("r", "left", "right", "delta", "words"),
    [
        (-1.0, A, B, 0.1, "r must be"),
        (1.0, math.nan, B, 0.1, "A must be"),
        (1.0, A, math.inf, 0.1, "B must be"),
        (1.0, B, B, 0.1, "A < B"),
        (1.0, A, B, 0.0, "0 < delta"),
        (1.0, A, B, 2.1, "delta <= 2 r"),
    ],
)
def test_smoothed_kinks_that_are_none(r: float, left: float, right: float, delta: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SmoothedKink(r, left, right, delta)
