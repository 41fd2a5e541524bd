"""POL-X3: the criterion for random measurements: its mean and its variance."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from labs.core.spectrum import geometric
from labs.polar_flow import criterion
from labs.polar_flow.spreads import spread
from tests.polar_flow import rational_models
from tests.polar_flow.spread_exact import positive_symbols as symbols
from tests.referee import check, control, verifies
from theory.evidence import Evidence, every, exact, require
from theory.polar_flow import (
    POL_X3_a,
    POL_X3_b,
    POL_X3_c,
    haar,
    measures,
)

GEOMETRIC = geometric(10, 0.9)


def entropy_gradient(sigma: np.ndarray) -> np.ndarray:
    return spread(sigma, "entropy")[1]


# --- the mean -----------------------------------------------------------------------------------------------------


@check(POL_X3_a)
def mean_of_the_sum(
    projections: Sequence[Any], q: Sequence[int], shape: tuple[int, int], rho: Fraction
) -> Evidence:
    """The mean of sum alpha_i q_i over these P_perp, frames fixed and rational, is rho sum q."""
    import sympy

    mean = haar.mean_over(projections)
    require(mean == mean[0, 0] * sympy.eye(mean.rows), "isotropic")
    m, n = shape
    u, v = rational_models.frame(m, len(q), 5), rational_models.frame(n, len(q), 6)
    P = sympy.Matrix(list(u * v.T))
    Q = sympy.Matrix(list(u * sympy.diag(*q) * v.T))
    total = sum((Q.T * projection * P)[0] for projection in projections)
    return exact(total / len(projections), rho * sum(q))


@check(POL_X3_a)
def positive_mean(q: Sequence[Any], rho: Fraction) -> Evidence:
    """rho sum q >= 0 for the gradient of participation of two values, for all of them."""
    require(0 < rho < 1, "isotropic")
    return exact(rho * sum(q), 0, ">=")


@verifies(POL_X3_a)
def test_the_mean_over_all_masks() -> None:
    for measured_entries in (1, 2, 3):
        rho = 1 - Fraction(measured_entries, 4)
        mean_of_the_sum(haar.masks(4, measured_entries), (-1, 3), (2, 2), rho)
    mean_of_the_sum(haar.masks(6, 2), (-1, 3), (2, 3), Fraction(2, 3))
    sigma = symbols("s1:3")
    positive_mean(measures.gradient("participation", sigma), Fraction(1, 2))


@verifies(POL_X3_a)
def test_the_mean_over_an_irreducible_group() -> None:
    """Every fixed projection, turned by signs and shifts of the coordinates."""
    for p in (1, 3):
        fixed = rational_models.sensing(2, 2, (2, 1), p, 7).perp
        mean_of_the_sum(haar.signed_orbit(fixed), (-1, 3), (2, 2), 1 - Fraction(p, 4))


@verifies(POL_X3_a)
def test_the_mean_over_rotations_of_a_regression() -> None:
    """P_perp acts on the left: only the rows are turned."""
    import sympy

    for rows in ([[1, 2, -1]], [[1, 2, -1], [0, 1, 3]]):
        turned = haar.signed_orbit(rational_models.off(sympy.Matrix(rows)))
        projections = [sympy.Matrix(sympy.kronecker_product(P, sympy.eye(2))) for P in turned]
        mean_of_the_sum(projections, (-1, 3), (3, 2), 1 - Fraction(len(rows), 3))


@control(POL_X3_a, drops="isotropic")
def test_masks_that_prefer_an_entry_have_another_mean() -> None:
    projections = [*haar.masks(4, 2), *haar.masks(4, 2)[:1]]
    mean_of_the_sum(projections, (-1, 3), (2, 2), Fraction(1, 2))


# --- the variance -------------------------------------------------------------------------------------------------


@check(POL_X3_b)
def regression_moments(shift: int) -> Evidence:
    """Variance of tr(P M), M = sum q_i u_i u_i^T, and of one alpha, against labs; all n, p, q."""
    n, p, total, squares = symbols("n p t s")
    found = haar.variance_of_form(n, n - p, total, squares)
    marginal = haar.share_moment(n, n - p, 2) - haar.share_moment(n, n - p, 1) ** 2
    return every(
        exact(criterion.regression_variance(n + shift, p, total, squares), found),
        exact(criterion.marginal_variance(n, p), marginal),
        # One alpha is the case q = (1, 0, ...); the second moments come from traces, the marginal from integrals.
        exact(haar.variance_of_form(n, n - p, 1, 1), marginal),
    )


@check(POL_X3_b)
def marginals_are_beta(order: int, offset: Fraction) -> Evidence:
    """E alpha^order = that of Beta((n-p)/2 + offset, p/2): for all n, p, and integrated over circle and sphere."""
    n, p = symbols("n p")
    half = Fraction(1, 2)
    return every(
        exact(haar.share_moment(n, n - p, order), haar.beta_moment((n - p) / 2 + offset, p / 2, order)),
        exact(haar.circle_moment(order), haar.beta_moment(half + offset, half, order)),
        exact(haar.sphere_moment(order), haar.beta_moment(half + offset, Fraction(1), order)),
    )


@verifies(POL_X3_b)
def test_moments_of_a_regression() -> None:
    regression_moments(0)
    for order in (1, 2, 3, 4):
        marginals_are_beta(order, Fraction(0))


@control(POL_X3_b, changes="d -> d + 1 in the variance")
def test_another_dimension_gives_another_variance() -> None:
    regression_moments(1)


@control(POL_X3_b, changes="(d-N)/2 -> (d-N+1)/2")
def test_another_beta_has_other_moments() -> None:
    marginals_are_beta(1, Fraction(1, 2))


@check(POL_X3_c)
def sensing_moments(factor: int) -> Evidence:
    """Variance of <Q, P_perp P> against labs and against the printed form; all n, p, r, q."""
    n, p, r, total, squares = symbols("n p r t s")
    found = haar.variance_of_pairing(n, n - p, total, squares, r)
    v = criterion.marginal_variance(n, p)
    form = v * (total**2 + factor * r / 2 * n / (n - 1) * (squares - total**2 / r))
    return every(exact(criterion.sensing_variance(n, p, r, total, squares), found), exact(found, form))


@check(POL_X3_c)
def variance_over_a_design(q: tuple[int, int], factor: int) -> Evidence:
    """A plain mean: kernels spanned by three directions at 60 degrees know all second moments of the plane, n = 2."""
    import sympy

    half, height = sympy.Rational(1, 2), sympy.sqrt(3) / 2
    kernels = [sympy.Matrix(k) for k in ((1, 0), (half, height), (-half, height))]
    P, Q = sympy.Matrix([1, 0]), sympy.Matrix(q)
    values = [((Q.T * k)[0] * (k.T * P)[0]) for k in kernels]
    mean = sum(values) / 3
    variance = sympy.expand(sum(x**2 for x in values) / 3 - mean**2)
    # |P|^2 = 1 stands for r, <P, Q> for sum q.
    predicted = criterion.sensing_variance(2, 1, 1, Fraction(q[0]), Fraction(sum(x * x for x in q)))
    return exact(variance, factor * Fraction(predicted))


@verifies(POL_X3_c)
def test_moments_of_sensing() -> None:
    sensing_moments(1)
    for q in ((1, 0), (1, 2), (-1, 3)):
        variance_over_a_design(q, 1)


@control(POL_X3_c, changes="r/2 -> r")
def test_another_factor_is_another_variance() -> None:
    sensing_moments(2)


@control(POL_X3_c, changes="Var -> 2 Var")
def test_the_design_has_one_variance() -> None:
    variance_over_a_design((1, 2), 2)
