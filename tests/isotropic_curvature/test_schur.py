"""ICM-X15: at a given Frobenius norm a flat spectrum costs least under super-quadratic growth, most under sub-."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.isotropic_curvature import PiecewiseWeight, Power
from tests.isotropic_curvature.device import expect
from tests.isotropic_curvature.menu import COSH, SUBQUADRATIC, SUPERQUADRATIC, spectra
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.isotropic_curvature import (
    ICM_X15a,
    ICM_X15b,
    ICM_X15c,
    any_dimension,
    dirichlet,
    mean_powers,
    plane,
)

BELOW = "sub-quadratic"


# --- the cost falls, or rises, as the spectrum is evened out ------------------------------------------------------


@check(ICM_X15a)
def slopes_in_every_dimension(H: dict[int, int], sign: int = 1) -> Evidence:
    """sign (d phi/d x_i - d phi/d x_j) >= 0 where x_i = x_j + v, v >= 0, for all n and k; H a sum of even powers."""
    import sympy

    require(min(H) >= 2 and all(c > 0 for c in H.values()), "A2")
    v = sympy.Symbol("v", nonnegative=True)
    found = []
    for power in H:
        # A sum of terms of one sign has that sign.
        two = any_dimension.pair(power)
        at = {two.x_i: two.x_j + v}
        found.append(exact(sign * sympy.expand((two.weight_i - two.weight_j).subs(at)), 0, ">="))
    return every(*found)


@check(ICM_X15a)
def convex_in_the_plane(p: str) -> Evidence:
    """lambda_1 > lambda_2 at n = 2, q = (1, t), for 1/100 <= t <= 99/100."""
    return _order_of_weights(p, ">", float(p) >= 2, "A2")


@check(ICM_X15c)
def concave_in_the_plane(p: str) -> Evidence:
    """lambda_1 < lambda_2 there."""
    return _order_of_weights(p, "<", float(p) <= 2, BELOW)


def _order_of_weights(p: str, sense: str, satisfied: bool, hypothesis: str) -> Evidence:
    from flint import arb

    require(satisfied, hypothesis)

    def difference(t: Any) -> Any:
        first, second = plane.weight_balls(arb(p), t)
        return first - second

    return enclosed(difference, sense, box=[(Fraction(1, 100), Fraction(99, 100))])


@check(ICM_X15a)
def transfer_costs_less(H: Any, q: np.ndarray, i: int, j: int, part: float, n: int) -> Evidence:
    """phi falls when `part` (at most 1/2) of x_i - x_j moves from x_i to x_j; relative rounding 1e-13 p."""
    require(H.superquadratic, "A2")
    before, after = _transferred(H, q, i, j, part, n)
    return _unrated(measured(after, before, _error(before), "<=", margin=1e-9 * before))


@check(ICM_X15c)
def transfer_costs_more(H: Any, q: np.ndarray, i: int, j: int, part: float, n: int) -> Evidence:
    """phi rises in such a transfer."""
    require(H.subquadratic, BELOW)
    before, after = _transferred(H, q, i, j, part, n)
    return _unrated(measured(after, before, _error(before), ">=", margin=1e-9 * before))


def _unrated(evidence: Evidence) -> Evidence:
    """Without its ratio: the two sides agree where nothing is moved, which says nothing."""
    return replace(evidence, ratio=None)


def _transferred(H: Any, q: np.ndarray, i: int, j: int, part: float, n: int) -> tuple[float, float]:
    """phi before and after a transfer of Robin Hood's, x_i > x_j."""
    x = q**2
    moved = part * (x[i] - x[j])
    evened = x.copy()
    evened[i], evened[j] = x[i] - moved, x[j] + moved
    values = [float(expect(H, np.sqrt(y), n, order=0)[0]) for y in (x, evened)]
    return values[0], values[1]


def _error(value: float) -> float:
    """`expect` errs by 1e-14 relative, and the rounding of x by eps times the log-log slope of H, at most 40 here."""
    return 5e-14 * value


@verifies(ICM_X15a)
def test_super_quadratic_cost_is_schur_convex() -> None:
    slopes_in_every_dimension({2: 1, 4: 3, 6: 1})
    for p in ("2.1", "2.5", "4", "20"):
        convex_in_the_plane(p)


@verifies(ICM_X15c)
def test_sub_quadratic_cost_is_schur_concave() -> None:
    for p in ("1.2", "1.5", "1.9"):
        concave_in_the_plane(p)


STEPS = (1e-3, 0.4)


@verifies(ICM_X15a)
@pytest.mark.parametrize("H", SUPERQUADRATIC.values(), ids=SUPERQUADRATIC)
def test_transfers_under_super_quadratic_growth(H: Any) -> None:
    for q in spectra(6, "Schur"):
        if q[0] > q[-1]:
            transfer_costs_less(H, q, 0, len(q) - 1, 0.4, len(q))
            transfer_costs_less(H, q, len(q) // 2 - 1, len(q) - 1, 1e-3, 9)


@verifies(ICM_X15a)
def test_transfers_with_other_functions() -> None:
    for H in (COSH, PiecewiseWeight((1.0,), (1.0, 3.0))):
        transfer_costs_less(H, np.array([2.0, 1.0, 0.2]), 0, 2, 0.3, 3)


@verifies(ICM_X15c)
@pytest.mark.parametrize("H", SUBQUADRATIC.values(), ids=SUBQUADRATIC)
def test_transfers_under_sub_quadratic_growth(H: Any) -> None:
    for q in spectra(7, "Schur"):
        if q[0] > q[-1]:
            for part in STEPS:
                transfer_costs_more(H, q, 0, len(q) - 1, part, 9)


@restates(ICM_X15a, ICM_X15c)
def test_transfers_of_scaled_and_padded_spectra() -> None:
    for q in (1e-6 * np.array([1.0, 0.5, 0.1]), np.array([3.0, 1.0, 0.0])):
        transfer_costs_less(Power(3.0), q, 0, 2, 0.4, 5)
        transfer_costs_more(Power(1.5), q, 0, 2, 0.4, 5)


@control(ICM_X15a, drops="A2")
def test_below_the_quadratic_transfers_cost_more() -> None:
    convex_in_the_plane("1.5")
    for part in STEPS:
        transfer_costs_less(Power(1.9), np.array([1.0, 0.5, 0.1]), 0, 2, part, 3)


@control(ICM_X15a, changes=">= -> <=")
def test_the_order_of_the_slopes_turned() -> None:
    slopes_in_every_dimension({4: 1}, -1)


@control(ICM_X15c, drops=BELOW)
def test_above_the_quadratic_transfers_cost_less() -> None:
    concave_in_the_plane("2.1")
    for part in STEPS:
        transfer_costs_more(Power(2.1), np.array([1.0, 0.5, 0.1]), 0, 2, part, 3)


# --- two moments -------------------------------------------------------------------------------------------------


@check(ICM_X15b)
def moments_in_every_dimension(shift: int) -> Evidence:
    """E rho^2 and Var rho^2 from power sums, for all n and k; n + shift in place of n + 2."""
    import sympy

    n, S, fourth = sympy.symbols("n S s2", positive=True)
    mean = mean_powers.mean_of_sums([S], n)
    variance = mean_powers.mean_of_sums([S, fourth], n) - mean**2
    return every(exact(mean, S / n), exact(variance, 2 * (fourth - S**2 / n) / (n * (n + shift))))


@check(ICM_X15b)
def moments_from_dirichlet(count: int, shift: int) -> Evidence:
    """The same by the multinomial theorem, for `count` coordinates among n."""
    import sympy

    n = sympy.Symbol("n", positive=True)
    q = sympy.symbols(f"q1:{count + 1}", positive=True)
    x = [a**2 for a in q]
    mean, square = (dirichlet.moment_of_sum(order, x, n) for order in (1, 2))
    S = sum(x)
    claimed = 2 * (sum(a**4 for a in q) - S**2 / n) / (n * (n + shift))
    return every(exact(mean, S / n), exact(sympy.expand(square - mean**2), sympy.expand(claimed)))


@check(ICM_X15b)
def moments_measured(q: np.ndarray, n: int) -> Evidence:
    """By quadrature: E rho^4 errs by 1e-14 of itself."""
    S, fourth = float(q @ q), float((q**2) @ (q**2))
    mean, square = (float(expect(Power(p), q, n, order=0)[0]) for p in (2.0, 4.0))
    return every(
        measured(mean, S / n, 1e-13 * mean),
        measured(square - mean**2, 2 / (n * (n + 2)) * (fourth - S**2 / n), 1e-13 * square),
    )


@verifies(ICM_X15b)
def test_two_moments() -> None:
    moments_in_every_dimension(2)
    moments_from_dirichlet(3, 2)
    for q in spectra(7, "moments"):
        for n in (len(q), 12):
            moments_measured(q, n)


@control(ICM_X15b, changes="n + 2 -> n + 1")
def test_another_variance() -> None:
    moments_in_every_dimension(1)
    moments_from_dirichlet(2, 1)
