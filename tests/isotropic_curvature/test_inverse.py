"""ICM-X12, c, d and f: which updates some curvature function explains, with a certificate either way."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from labs.core.sphere.shells import Shells
from labs.core.streams import stream
from labs.isotropic_curvature import (
    PiecewiseSlope,
    PiecewiseWeight,
    Polynomial,
    Power,
    Rationalisation,
    rationalise,
    solve,
)
from labs.isotropic_curvature.inverse import ZERO, cap_ratio
from tests.isotropic_curvature.device import expect
from tests.isotropic_curvature.menu import (
    MIXED,
    RATIO_ERROR,
    SUBQUADRATIC,
    SUPERQUADRATIC,
    gradient_of,
    pairs,
    spectra,
)
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, certified, every, exact, measured, require
from theory.isotropic_curvature import (
    ICM_X12c,
    ICM_X12d,
    ICM_X12f,
    any_dimension,
    cap,
    even_powers,
    plane,
)

G4 = np.array([1.0, 0.5, 0.2, 0.1])
TOLERANCE = 1e-5


@cache
def answered(g: tuple[float, ...], q: tuple[float, ...], growth: str, n: int) -> Rationalisation:
    return rationalise(np.array(g), np.array(q), growth=growth, n=n, tolerance=TOLERANCE)


def gain_under_steps(answer: Rationalisation, q: np.ndarray, n: int) -> np.ndarray:
    """q_i lambda_i of the recovered H, by the integrals of `expect`, with what its limit adds."""
    slope = np.asarray(expect(answer.H, q, n, order=1)[1]) if answer.H is not None else 0 * q
    return slope + answer.limit_weight * (q == np.max(q))


# --- under super-quadratic growth the gain falls -------------------------------------------------------------


@check(ICM_X12c)
def gain_falls_by_algebra(power: int) -> Evidence:
    """g_i/q_i = lambda_i >= lambda_j for q_i >= q_j, for H = x^power and any other coordinates."""
    import sympy

    first = any_dimension.pair(power)
    at = any_dimension.gap_over(first, sympy.Symbol("v", nonnegative=True))
    return exact(first.weight_i.subs(at), first.weight_j.subs(at), ">=")


@check(ICM_X12c)
def gain_falls_exactly(H: even_powers.Even, q: tuple[Any, ...]) -> Evidence:
    """The same at a rational spectrum in descending order, n = k."""
    require(all(c >= 0 for c in H.values()), "A2")
    lam = even_powers.weights(H, q, len(q))
    return every(*(exact(a, b, ">=") for a, b in pairwise(lam)))


@check(ICM_X12c)
def gain_falls(H: Any, q: np.ndarray, n: int) -> Evidence:
    """q_i/g_i <= q_j/g_j, in descending order."""
    require(H.superquadratic, "A2")
    return measured(pairs(q / gradient_of(H, q, n)), 1.0, RATIO_ERROR, "<=")


@verifies(ICM_X12c)
def test_the_gain_falls_with_the_singular_value() -> None:
    for power in (4, 6, 8):
        gain_falls_by_algebra(power)
    for name in ("x^2.1", "x^40.0", "x^2/2 + x^5"):
        for q in spectra(4, "gain"):
            for n in (4, 6):
                gain_falls(SUPERQUADRATIC[name], q, n)


@control(ICM_X12c, drops="A2")
def test_the_gain_rises_below_the_quadratic() -> None:
    gain_falls_exactly({2: Fraction(1), 4: Fraction(-1, 100)}, (Fraction(2), Fraction(1)))
    for H in SUBQUADRATIC.values():
        gain_falls(H, np.array([1.0, 0.5, 0.2]), 3)


# --- the cone ------------------------------------------------------------------------------------------------


@check(ICM_X12d)
def is_explained(g: np.ndarray, q: np.ndarray, growth: str, n: int) -> Evidence:
    """g lies in the cone (the program's value is 0), or a Farkas vector shows that it does not."""
    require(n > len(q) or np.ptp(q) > 0, "rho not constant")
    answer = answered(tuple(g), tuple(q), growth, n)
    return certified(answer.residual, 0.0, ZERO, refutation=(answer.lower, 0.0))


@check(ICM_X12d)
def steps_give_the_gradient(g: np.ndarray, q: np.ndarray, growth: str, n: int) -> Evidence:
    """The H that is returned has g as its gradient at q, by other integrals: relative error 1e-12 in `expect`."""
    answer = answered(tuple(g), tuple(q), growth, n)
    return measured(gain_under_steps(answer, q, n) / g, 1.0, ZERO)


@check(ICM_X12d)
def farkas_separates(y: np.ndarray, g: np.ndarray, q: np.ndarray, H: Any) -> Evidence:
    """<y, g> > 0, but <y, .> <= 0 for the gradient that H makes q optimal for; units of sum |y_i g_i| each."""
    other = gradient_of(H, q)
    return every(
        measured(y @ g, 0.0, ZERO, ">"),
        measured(y @ other / np.sum(np.abs(y * other)), 0.0, RATIO_ERROR, "<="),
        measured(np.sum(np.abs(y) * g), 1.0, RATIO_ERROR),
    )


@check(ICM_X12d)
def plane_criterion(t: float, share: float) -> Evidence:
    """n = 2, q = (1, t): the cone lies between e_1 and the gradient of H = x, by hypergeometric functions.

    Where u_1/u_2 is larger so is rho, hence C_1/C_2 rises with c from its value at H = x, r.  For g_1/g_2 = share r,
    share < 1, the best residual is (1 - share)/(1 + share): both errors are equal.
    """
    first, second = plane.weight_balls(1, t)
    g = np.array([share * float(first / (second * t)), 1.0])
    answer = rationalise(g, np.array([1.0, t]), tolerance=TOLERANCE)
    predicted = max((1 - share) / (1 + share), 0.0)
    return every(measured(answer.residual, predicted, ZERO), measured(answer.lower, predicted, TOLERANCE))


EXPLAINED = [
    (Power(1.4), "convex", 4),
    (MIXED, "convex", 5),
    (Polynomial({2: 0.5, 4: 1.0}), "superquadratic", 6),
    (PiecewiseSlope((0.2, 0.6), (0.1, 1.0, 3.0)), "convex", 4),
    (PiecewiseWeight((0.3,), (0.0, 2.0)), "superquadratic", 4),
]


@verifies(ICM_X12d)
@pytest.mark.parametrize(("H", "growth", "n"), EXPLAINED, ids=str)
def test_what_a_curvature_function_makes_optimal_is_explained(H: Any, growth: str, n: int) -> None:
    q = np.array([1.0, 0.55, 0.3, 0.12])
    g = gradient_of(H, q, n)
    is_explained(g, q, growth, n)
    steps_give_the_gradient(g, q, growth, n)


@verifies(ICM_X12d)
@pytest.mark.parametrize(("theta", "growth"), [(0.5, "convex"), (1.3, "convex"), (0.5, "superquadratic")])
def test_what_is_not_explained_is_separated_from_every_curvature_function(theta: float, growth: str) -> None:
    """Smooth ones, and those of one step, which span the cone."""
    answer = answered(tuple(G4), tuple(G4**theta), growth, 4)
    assert answer.farkas is not None
    steps = PiecewiseSlope if growth == "convex" else PiecewiseWeight
    radii = [*answer.breaks, 1.001 * 0.1**theta, 0.999]
    below = [Power(1.2), MIXED] if growth == "convex" else []
    for H in (*below, Power(2.5), Power(10.0), *(steps((c,), (0.0, 1.0)) for c in radii)):
        farkas_separates(answer.farkas, G4, G4**theta, H)


@verifies(ICM_X12d)
def test_two_singular_values() -> None:
    for t in (0.05, 0.6):
        for share in (0.5, 0.999, 1.001):
            plane_criterion(t, share)


@restates(ICM_X12d)
def test_order_units_and_zeros_do_not_matter() -> None:
    """Permuted and in other units; a zero is dropped, n kept."""
    q = 3 * np.array([0.3, 1.0, 0.12])
    g = gradient_of(Power(3.0), q, 4)
    is_explained(7 * g, q, "superquadratic", 4)
    is_explained(np.append(g, 0.0), np.append(q, 0.0), "superquadratic", 4)


@control(ICM_X12d, changes="g^0.89 -> g^0.87, across the end of the cone")
def test_just_outside_the_cone() -> None:
    """g^0.89 is explained, g^0.87 is not."""
    assert rationalise(G4, G4**0.89).possible
    is_explained(G4, G4**0.87, "convex", 4)


# --- the end of the curve ------------------------------------------------------------------------------------


@check(ICM_X12f)
def the_top_takes_nearly_all(factor: Any) -> Evidence:
    """q_1^2 - rho^2 >= v_j u_j and >= v_2 (1 - u_1), v_2 <= v_3, v_4 the drops q_1^2 - q_j^2."""
    import sympy

    x, v, a, b = sympy.symbols("x v a b", positive=True)
    u = sympy.symbols("u2:5", nonnegative=True)
    drops = [v, v + a, v + b]
    below = cap.deficit([x, *(x - drop for drop in drops)], u)
    corner = {x: 2, v: 1, a: 1, b: 1, u[0]: 1, u[1]: 0, u[2]: 0}
    each = (
        exact(below, factor * drop * uj, ">=", witness=corner | dict.fromkeys(u, 0) | {uj: 1})
        for drop, uj in zip(drops, u, strict=True)
    )
    return every(*each, exact(below, factor * v * sum(u), ">=", witness=corner))


@check(ICM_X12f)
def ratio_at_the_end(q: np.ndarray, n: int, power: float) -> Evidence:
    """C_i/C_1 <= cap_ratio on radii up to the end; the columns are right to 1e-13 of C_1."""
    require(bool(np.all(q[1:] < q[0])), "q_1 > q_i")
    shells = Shells(q, n)
    c = q[0] * np.sqrt(1 - shells.D / q[0] ** 2 * np.geomspace(1e-8, 0.99, 30))
    columns = shells.beyond(c, power) * q
    bounds = np.array([cap_ratio(q, float((q[0] - x) * (q[0] + x))) for x in c])
    return measured(columns[:, 1:] / columns[:, :1], bounds[:, 1:], 1e-12 + 1e-6 * bounds[:, 1:], "<=")


@verifies(ICM_X12f)
def test_the_curve_ends_at_the_largest_singular_value() -> None:
    the_top_takes_nearly_all(1)
    for n in (4, 7):
        for power in (-1.0, 0.0):
            ratio_at_the_end(np.array([1.0, 0.9, 0.2, 0.1]), n, power)


@control(ICM_X12f, sharpens="the drop q_1^2 - q_j^2 -> 1.05 times it")
def test_the_bound_on_a_cap_is_sharp() -> None:
    import sympy

    the_top_takes_nearly_all(sympy.Rational(21, 20))


@pytest.mark.parametrize("step", [0.0, 0.4])
def test_the_limit_is_reported_as_one(step: float) -> None:
    """A point between the end of the curve and one of its points where the cone has a face: no other fit is exact."""
    q = np.array([1.0, 0.5, 0.2, 0.1])
    H = PiecewiseSlope((step,), (0.0, 1.0)) if step else Power(1.0)
    g = gradient_of(H, q) + np.array([0.3, 0.0, 0.0, 0.0])
    answer = rationalise(g, q)
    assert answer.residual < ZERO
    assert answer.lower == 0.0
    assert answer.farkas is None
    assert not answer.possible
    assert answer.limit_weight == pytest.approx(0.3, abs=1e-6)
    np.testing.assert_allclose(gain_under_steps(answer, q, 4), g, rtol=ZERO)


# --- what is returned, and what is refused ---------------------------------------------------------------------


def test_the_recovered_function_makes_the_update_optimal() -> None:
    """Through the solver: its answer for g and the recovered super-quadratic H is q."""
    q = np.array([1.0, 0.55, 0.3])
    H = rationalise(gradient_of(Power(3.0), q), q, growth="superquadratic").H
    np.testing.assert_allclose(solve(gradient_of(Power(3.0), q), H).q, q, rtol=1e-7)


def test_ties_and_one_value() -> None:
    tied = rationalise(np.array([1.0, 0.5, 0.3]), np.array([1.0, 1.0, 0.4]))
    assert tied.residual == pytest.approx(1 / 3, abs=ZERO)  # g_1 and g_2 would have to be equal
    single = rationalise(np.array([2.0]), np.array([3.0]), n=4)
    assert single.possible
    np.testing.assert_allclose(gain_under_steps(single, np.array([3.0]), 4), [2.0], rtol=1e-9)
    assert rationalise(np.array([2.0]), np.array([3.0])).heights == pytest.approx((0.0, 2.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"g": np.ones((2, 2))}, "g must be"),
        ({"g": np.array([1.0, np.nan])}, "g must be"),
        ({"g": np.zeros(2), "q": np.zeros(2)}, "g must not be zero"),
        ({"q": np.ones(3)}, "q must be an array of the shape"),
        ({"q": np.array([1.0, 0.0])}, "q must be positive exactly where g is"),
        ({"g": np.array([1.0, 0.0])}, "q must be positive exactly where g is"),
        ({"growth": "linear"}, "growth must be"),
        ({"n": 1}, "n must be"),
        ({"n": 2.5}, "n must be"),
        ({"tolerance": 0.0}, "tolerance must"),
    ],
)
def test_bad_input_is_refused(change: dict[str, Any], message: str) -> None:
    arguments = {"g": np.array([1.0, 0.5]), "q": np.array([1.0, 0.7])} | change
    g, q = arguments.pop("g"), arguments.pop("q")
    with pytest.raises(ValueError, match=message):
        rationalise(g, q, **arguments)


def test_a_proof_that_does_not_end_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labs.isotropic_curvature.inverse.LARGEST", 100)
    with pytest.raises(RuntimeError, match="not proved feasible"):
        rationalise(G4, G4**0.5)


def test_the_bound_on_a_cap_by_hand() -> None:
    """q = (1, 1/2), d = 1/4: (1/2) (1/3)/(1 - 1/3) = 1/4; twice that where the top is shared by two."""
    np.testing.assert_allclose(cap_ratio(np.array([1.0, 0.5]), 0.25), [1.0, 0.25])
    np.testing.assert_allclose(cap_ratio(np.array([0.5, 1.0, 1.0]), 0.25), [0.5, 1.0, 1.0])
    np.testing.assert_allclose(cap_ratio(np.array([2.0, 1.0]), 1.0), [1.0, 0.25])


def test_random_gradients_have_bounds_that_meet() -> None:
    draw = stream("inverse")
    for n in (3, 5):
        g = np.sort(np.exp(-draw.uniform(0, 2, n)))[::-1]
        answer = rationalise(g, g**1.5, tolerance=1e-4)
        assert 0 <= answer.residual - answer.lower <= 1e-4
        np.testing.assert_allclose(
            np.max(np.abs(gain_under_steps(answer, g**1.5, n) / g - 1)), answer.residual, atol=ZERO
        )
