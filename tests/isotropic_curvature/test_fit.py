"""Curvature functions from measurements: the fit, the spline it uses, and the slopes that data leave open."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from labs.core.sphere import expect
from labs.core.streams import stream
from labs.isotropic_curvature import CurvatureFit, Polynomial, Power, fit_curvature, slope_intervals, solve
from labs.isotropic_curvature.fit import _elasticity
from labs.isotropic_curvature.spline import ConvexSpline

X = np.geomspace(1e-2, 1e2, 25)
MIXED = Polynomial({2: 0.5, 4: 1.0})


def noisy(H: Any, size: float) -> np.ndarray:
    return np.asarray(H(X)) * np.exp(size * stream("fit", size).standard_normal(X.size))


# --- the spline ----------------------------------------------------------------------------------------------

SPLINES = [
    ConvexSpline((0.5, 1.0, 3.0), 0.2, (0.3, 0.0, 2.0), 1),
    ConvexSpline((0.5, 1.0, 3.0), 0.2, (0.3, 0.0, 2.0), 2),
    ConvexSpline((0.1, 2.0), 0.0, (1.0, 1.0), 2),
]


@pytest.mark.parametrize("H", SPLINES, ids=str)
def test_a_spline_is_consistent(H: ConvexSpline) -> None:
    """Central differences with step 1e-5 x err by 1e-10 and rounding 1e-11, but 1e-5 at the corners of H''."""
    x = np.geomspace(0.02, 9, 101)
    step = 1e-5 * x
    np.testing.assert_allclose((H(x + step) - H(x - step)) / (2 * step), H.slope(x), rtol=1e-7, atol=1e-9)
    rise = (H.weight(x + step) - H.weight(x - step)) / (2 * step)
    np.testing.assert_allclose(rise, H.weight_slope(x), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(H.slope(x), x * H.weight(x), rtol=1e-14)
    steep = x[H.slope(x) > 0]
    np.testing.assert_allclose(
        H.elasticity(steep), steep * H.weight_slope(steep) / H.weight(steep), rtol=1e-9, atol=1e-12
    )
    below = np.array([1e-3, 1e-2])
    np.testing.assert_allclose(H.weight(below), H.weight_at_zero, rtol=1e-14)
    np.testing.assert_allclose(H(below), H.weight_at_zero * below**2 / 2, rtol=1e-14)
    assert H.weight(1e3) == pytest.approx(float(H.weight(H.knots[-1])), rel=1e-14)


def test_a_spline_says_what_it_is() -> None:
    convex, steep, flat = SPLINES
    assert (convex.superquadratic, steep.superquadratic) == (False, True)
    assert (convex.strictly_convex, steep.strictly_convex, flat.strictly_convex) == (False, True, False)
    assert ConvexSpline((1.0, 2.0), 1.0, (0.0, 0.0), 2).subquadratic
    assert not steep.subquadratic
    assert flat.elasticity(0.05) == 0.0
    assert flat.elasticity(0.1) == math.inf


def test_a_quartic_is_a_spline() -> None:
    """f(s) = a s + b s^2 has a constant f''; the solver and the integrals take it."""
    H = ConvexSpline((1e-3, 10.0), 0.5 + 2e-6, (2.0, 2.0), 2)
    q = np.array([1.2, 0.5])
    np.testing.assert_allclose(expect(H, q, 3, order=1)[1], expect(MIXED, q, 3, order=1)[1], rtol=1e-9)
    g = np.array([1.0, 0.3])
    np.testing.assert_allclose(solve(g, H).q, solve(g, MIXED).q, rtol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((1.0,), 1.0, (1.0,)), "knots"),
        (((2.0, 1.0), 1.0, (1.0, 1.0)), "knots"),
        (((0.0, 1.0), 1.0, (1.0, 1.0)), "knots"),
        (((1.0, 2.0), -1.0, (1.0, 1.0)), "start and rates"),
        (((1.0, 2.0), 1.0, (1.0,)), "start and rates"),
        (((1.0, 2.0), 0.0, (0.0, 0.0)), "start and rates"),
        (((1.0, 2.0), 1.0, (1.0, 1.0), 3), "e must be"),
    ],
)
def test_bad_splines_are_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ConvexSpline(*arguments)


# --- the fit -------------------------------------------------------------------------------------------------


def limits(fit: CurvatureFit) -> tuple[float, ...]:
    return (*fit.elasticity, *fit.slope_range)


def test_exact_data_give_the_function_and_its_limits() -> None:
    """x^2/2 + x^4 is in the class: kappa = 8 x^2/(1 + 4 x^2) up to 2, slopes from 2 to 4."""
    fit = fit_curvature(X, MIXED(X), growth="superquadratic")
    assert fit.log_error < 1e-9
    np.testing.assert_allclose(fit.slopes, X * MIXED.slope(X) / MIXED(X), rtol=1e-6)
    np.testing.assert_allclose(limits(fit), (0.0, 2.0, 2.0, 4.0), atol=2e-3)
    assert fit.homogenization_limit == pytest.approx(3.0, abs=2e-3)
    # 1/E max(Z^2, Z^4): 0.324.
    assert fit.gradient_descent_guarantee == pytest.approx(0.324, abs=1e-3)
    assert fit.transfer == pytest.approx(1.0, abs=1e-8)
    x = np.geomspace(0.02, 80, 50)
    np.testing.assert_allclose(fit.H(x), MIXED(x), rtol=1e-6)


@pytest.mark.parametrize("p", [1.4, 2.3, 3.0])
def test_powers_are_met_to_a_per_cent(p: float) -> None:
    """One knot an octave: f'' = x^(p-2) is linear there to (p-2)(p-3)(log 2)^2/8, 3 % at most, its integrals less."""
    fit = fit_curvature(X, Power(p)(X))
    assert fit.log_error < 0.01
    np.testing.assert_allclose(fit.slopes, p, atol=0.03)
    np.testing.assert_allclose(fit.elasticity, (min(p - 2, 0.0), max(p - 2, 0.0)), atol=0.1)
    assert fit.gradient_descent_guarantee == 0.0
    assert not fit.H.superquadratic


@pytest.mark.parametrize("growth", ["convex", "superquadratic"])
def test_noise_is_averaged_and_order_does_not_matter(growth: str) -> None:
    y = noisy(MIXED, 0.03)
    fit = fit_curvature(X, y, growth=growth)
    assert np.max(np.abs(np.log(fit.H(X) / MIXED(X)))) < 0.06
    assert fit.log_error == pytest.approx(float(np.max(np.abs(np.log1p(fit.residuals)))))
    assert fit.transfer == pytest.approx(math.exp(-2 * fit.log_error))
    order = stream("order").permutation(X.size)
    again = fit_curvature(X[order], y[order], growth=growth)
    np.testing.assert_allclose(again.residuals, fit.residuals[order], atol=1e-9)
    assert fit.homogenization_limit < 5
    # Nonnegative rises of H' or w: the class is kept.
    x = np.geomspace(1e-3, 1e3, 500)
    rises = fit.H.slope(x) if growth == "convex" else fit.H.weight(x)
    assert np.all(np.diff(rises) >= -1e-12 * rises[:-1])


def test_no_other_function_of_the_class_is_nearer() -> None:
    """The optimum of least squares: no small change of the parameters lowers the sum."""
    y, knots = noisy(MIXED, 0.05), np.geomspace(1e-3, 1e2, 9)
    fit = fit_curvature(X, y, growth="superquadratic", knots=knots)
    numbers = np.array([fit.H.start, *fit.H.rates])
    least = float(np.sum(fit.residuals**2))
    for i in range(numbers.size):
        for factor in (0.99, 1.01):
            moved = numbers.copy()
            moved[i] = factor * moved[i] if moved[i] > 0 else 1e-6
            H = ConvexSpline(tuple(knots), float(moved[0]), tuple(moved[1:]), 2)
            assert np.sum((H(X) / y - 1) ** 2) >= least * (1 - 1e-12)


def test_a_knot_beyond_the_lengths_changes_nothing() -> None:
    knots = np.array([0.5, 2.0, 8.0])
    inside = (X > 0.4) & (X < 8)
    near = fit_curvature(X[inside], MIXED(X[inside]), growth="superquadratic", knots=knots)
    far = fit_curvature(
        X[inside], MIXED(X[inside]), growth="superquadratic", knots=np.append(knots, [20.0, 50.0])
    )
    np.testing.assert_allclose(far.residuals, near.residuals, atol=1e-9)
    assert far.H.rates[-1] == 0.0


def test_a_fit_that_vanishes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the rate at the last knot is not 0: H is 0 up to the knot before it."""
    monkeypatch.setattr("scipy.optimize.nnls", lambda A, b: (np.eye(A.shape[1])[-1], 0.0))
    with pytest.raises(RuntimeError, match=r"the nearest superquadratic H is 0 at the length 1\.0"):
        fit_curvature(X, X**3, growth="superquadratic", knots=np.array([0.5, 1.1, 200.0]))


def test_noise_weighs_the_points() -> None:
    y = np.asarray(MIXED(X)) * np.where(X > 10, 2.0, 1.0)
    trusting = np.where(X > 10, 1e3, 1.0)
    fit = fit_curvature(X, y, growth="superquadratic", noise=trusting)
    np.testing.assert_allclose(fit.residuals[X <= 10], 0.0, atol=1e-3)
    assert np.max(np.abs(fit_curvature(X, y, growth="superquadratic").residuals[X <= 10])) > 0.01
    same = fit_curvature(X, y, growth="superquadratic", noise=0.1)
    np.testing.assert_allclose(
        same.residuals, fit_curvature(X, y, growth="superquadratic").residuals, atol=1e-9
    )


@pytest.mark.parametrize("H", SPLINES, ids=str)
def test_bounds_on_the_elasticity_hold_everywhere(H: ConvexSpline) -> None:
    lo, hi = 0.3, 2.9
    low, high = _elasticity(H, lo, hi)
    kappa = H.elasticity(np.append(np.geomspace(lo, hi, 20001), [c for c in H.knots if lo < c < hi]))
    assert low == pytest.approx(min(0.0, float(np.min(kappa))), abs=1e-5)
    assert high == pytest.approx(max(0.0, float(np.max(kappa))), abs=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lengths": X[:3]}, "values must be"),
        ({"lengths": np.ones(25)}, "lengths must be"),
        ({"lengths": -X}, "lengths must be"),
        ({"values": 0 * X}, "values must be"),
        ({"growth": "any"}, "growth must be"),
        ({"knots": np.array([1.0])}, "knots must be"),
        ({"knots": np.array([2.0, 1.0])}, "knots must be"),
        ({"noise": 0.0}, "noise must be"),
        ({"noise": np.ones(3)}, "noise must be"),
    ],
)
def test_bad_measurements_are_refused(change: dict[str, Any], message: str) -> None:
    arguments = {"lengths": X, "values": X**2} | change
    lengths, values = arguments.pop("lengths"), arguments.pop("values")
    with pytest.raises(ValueError, match=message):
        fit_curvature(lengths, values, **arguments)


# --- which slopes the data leave open ------------------------------------------------------------------------


def test_the_true_slope_is_never_excluded_and_super_quadratic_growth_excludes_more() -> None:
    x, H = X[::2], MIXED
    y, truth = np.asarray(H(x)), x * H.slope(x) / H(x)
    convex, steep = (slope_intervals(x, y, 0.05, growth=growth) for growth in ("convex", "superquadratic"))
    for intervals in (convex, steep):
        assert np.all((intervals[:, 0] <= truth) & (truth <= intervals[:, 1]))
    assert np.all(steep[:, 0] >= np.maximum(convex[:, 0], 2 - 1e-9))
    assert np.all(steep[:-1, 1] <= convex[:-1, 1] + 1e-9)
    assert steep[-1, 1] == math.inf


def test_two_lengths_by_hand() -> None:
    """Convex, lengths 1 and 2, values 1 and 3: at 1 the chords are H(1) and H(2) - H(1), at 2 the left one is."""
    up = math.exp(0.1)
    least, most = 1.0, (3 * up - 1 / up) * up
    second = 2 * (3 / up - up) / (3 / up)
    np.testing.assert_allclose(
        slope_intervals(np.array([1.0, 2.0]), np.array([1.0, 3.0]), 0.1),
        [[least, most], [second, math.inf]],
        rtol=1e-9,
    )


def test_curvature_that_no_function_of_the_class_has_is_refused() -> None:
    with pytest.raises(ValueError, match="tolerance must leave some H"):
        slope_intervals(X, X**1.5, 0.1, growth="superquadratic")
    assert slope_intervals(X[:5], X[:5] ** 1.5, 0.1).shape == (5, 2)
    with pytest.raises(ValueError, match="tolerance must be"):
        slope_intervals(X, X**2, 0.0)
