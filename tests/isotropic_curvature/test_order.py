"""ICM-T2: the order of the singular values, zeros and ties; and nothing is left out once a step is taken."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import zoo
from labs.core.streams import stream
from labs.isotropic_curvature import Power
from tests.isotropic_curvature.device import dual_norm, expect, solve
from tests.isotropic_curvature.menu import FLAT, KINKED, STEPPED, SUBQUADRATIC, SUPERQUADRATIC, ball
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.isotropic_curvature import (
    ICM_T2a,
    ICM_T2b,
    ICM_T2c,
    ICM_T2d,
    any_dimension,
    even_powers,
    plane,
)

Even = Mapping[int, Any]
MENU = {**SUPERQUADRATIC, **SUBQUADRATIC}
NONCONVEX: Even = {4: 1, 2: -3}


# --- order -----------------------------------------------------------------------------------------------------


@check(ICM_T2a)
def sorting_helps(H: Even, stretch: Fraction) -> Evidence:
    """q_1 < q_2 and g_1 > g_2: swapping q_1 and q_2 lowers F, whatever H is; three coordinates among any n.

    Inputs whose first coordinate is `stretch` times as long are not isotropic: then q_1 stands for stretch q_1.
    """
    import sympy

    require(stretch == 1, "isotropic")
    n = sympy.Symbol("n", positive=True)
    low, step, other, drop, g2, g3 = sympy.symbols("low step other drop g2 g3", positive=True)
    g = (g2 + drop, g2, g3)

    def objective(first: Any, second: Any) -> Any:
        q = (first, second, other)
        phi = even_powers.penalty(H, (stretch * first, second, other), n)
        return phi - sum(a * b for a, b in zip(g, q, strict=True))

    return exact(sympy.expand(objective(low + step, low) - objective(low, low + step)), 0, "<")


@check(ICM_T2a)
def gradients_are_ordered(power: int) -> Evidence:
    """q_i > q_j implies q_i lambda_i > q_j lambda_j for every n, so that g_i <= g_j is impossible there."""
    import sympy

    q, v = sympy.symbols("q v", positive=True)
    first = any_dimension.pair(power)
    at = {first.x_i: (q + v) ** 2, first.x_j: q**2}
    g_i, g_j = (q + v) * first.weight_i.subs(at), q * first.weight_j.subs(at)
    return exact(sympy.expand(g_i - g_j), 0, ">")


@check(ICM_T2a)
def optimum_is_ordered(H: Any, g: np.ndarray, n: int) -> Evidence:
    """g_i >= g_j implies q_i >= q_j up to rounding of q, for g in any order."""
    q = solve(g, H, n=n).q
    along = q[np.argsort(g, kind="stable")]
    return measured(along[1:], along[:-1], 1e-13 * along[1:], ">=")


@verifies(ICM_T2a)
def test_order_by_algebra() -> None:
    for H in ({4: 1}, {6: 1}, NONCONVEX):
        sorting_helps(H, Fraction(1))
    for power in (4, 6):
        gradients_are_ordered(power)


@verifies(ICM_T2a)
@pytest.mark.parametrize("H", [*STEPPED.values(), *KINKED.values()], ids=[*STEPPED, *KINKED])
def test_order_of_the_optimum_at_kinks(H: Any) -> None:
    """Scaled between the dead zone and where F is unbounded."""
    for name, n in (("repeated", 4), ("rank-deficient", 6)):
        g = zoo(4, stream("order", 4))[name]
        scaled = 2.0 / float(dual_norm(g, n)[0]) * g
        optimum_is_ordered(H, stream("order, shuffled", 4, n).permutation(scaled), n)


@verifies(ICM_T2a)
@pytest.mark.parametrize("H", MENU.values(), ids=MENU)
def test_order_of_the_optimum(H: Any) -> None:
    for k, n in ((5, 5), (8, 9)):
        for g in zoo(k, stream("order", k)).values():
            optimum_is_ordered(H, stream("order, shuffled", k, n).permutation(g), n)


@restates(ICM_T2a)
def test_order_of_large_shuffled_spectra() -> None:
    for g in zoo(64, stream("order, large")).values():
        optimum_is_ordered(Power(3.0), 1e-3 * stream("order, large, shuffled").permutation(g), 100)


@control(ICM_T2a, drops="isotropic")
def test_inputs_longer_in_one_direction_reverse_the_order() -> None:
    sorting_helps({4: 1}, Fraction(101, 100))


# --- zeros -----------------------------------------------------------------------------------------------------


@check(ICM_T2b)
def zero_costs_least(H: Even) -> Evidence:
    """phi(q_1, q_2, 0) <= phi(q_1, q_2, q_3) for all q, while <g, q> is the same where g_3 = 0."""
    import sympy

    require(all(c > 0 for c in H.values()), "nondecreasing")
    n = sympy.Symbol("n", positive=True)
    q = sympy.symbols("q1:4", nonnegative=True)
    full = even_powers.penalty(H, q, n)
    return exact(full.subs(q[2], 0), full, "<=")


def _minimum(H: Even, free: bool) -> tuple[float, np.ndarray]:
    """min F over q (q_2 = 0 unless `free`) for g = (1, 0), n = 2: polynomial BFGS from a grid of starts."""
    from scipy.optimize import minimize

    def objective(x: np.ndarray) -> float:
        q = [float(x[0]), float(x[1]) if free else 0.0]
        return float(even_powers.objective({p: float(c) for p, c in H.items()}, q, [1.0, 0.0], 2))

    starts = [np.array([a, b]) for a in (0.3, 1.2) for b in (0.1, 0.8)]
    found = [minimize(objective, x, method="BFGS", options={"gtol": 1e-9}) for x in starts]
    best = min(found, key=lambda r: r.fun)
    return float(best.fun), np.abs(best.x)


@check(ICM_T2b)
def zero_is_optimal(H: Even) -> Evidence:
    """min {F : q_2 = 0} = min F for g = (1, 0), to the square of the final gradient and rounding."""
    require(all(c > 0 for c in H.values()), "nondecreasing")
    return measured(_minimum(H, free=False)[0], _minimum(H, free=True)[0], 1e-11)


@check(ICM_T2b)
def zeros_stay(H: Any, g: np.ndarray, n: int) -> Evidence:
    """The solver leaves q_i = 0 where g_i = 0, and its value is that without those entries."""
    require(H.slope(1.0) > 0, "nondecreasing")
    best, reduced = solve(g, H, n=n), solve(g[g > 0], H, n=n)
    return every(
        measured(best.q[g == 0], 0.0, 0.0),
        measured(best.value, reduced.value, 1e-13 * abs(reduced.value)),
    )


@verifies(ICM_T2b)
def test_zeros() -> None:
    for H in ({4: 1}, {2: Fraction(1, 2), 6: 3}):
        zero_costs_least(H)
        zero_is_optimal(H)
    for law in MENU.values():
        zeros_stay(law, np.array([1.0, 0.0, 0.4, 0.0, 1e-6]), 7)


@control(ICM_T2b, drops="nondecreasing")
def test_a_dip_fills_zeros() -> None:
    """H = x^4 - dip x^2; q_2 = 0 stops being optimal at dip = 1/2."""
    just_enough = {4: 1, 2: Fraction(-52, 100)}
    zero_costs_least(just_enough)
    zero_is_optimal(just_enough)


@control(ICM_T2b, drops="nondecreasing")
def test_the_filled_zero_as_quoted() -> None:
    zero_is_optimal(NONCONVEX)
    np.testing.assert_allclose(_minimum(NONCONVEX, free=True)[1], [1.42366, 1.15082], rtol=0, atol=5e-6)


# --- ties ------------------------------------------------------------------------------------------------------


@check(ICM_T2c)
def ties_are_kept(power: int) -> Evidence:
    """q_i lambda_i = q_j lambda_j only if q_i = q_j: the difference is (q_i - q_j) times a positive number."""
    import sympy

    require(power >= 2, "A1")
    q, v = sympy.symbols("q v", positive=True)
    first = any_dimension.pair(power)
    at = {first.x_i: (q + v) ** 2, first.x_j: q**2}
    g_i, g_j = (q + v) * first.weight_i.subs(at), q * first.weight_j.subs(at)
    return exact(sympy.cancel((g_i - g_j) / v), 0, ">")


@check(ICM_T2c)
def minimiser_has_ties(H: Any, g: np.ndarray, q: np.ndarray) -> Evidence:
    """q solves the stationarity equations of a convex problem, so it is a minimiser: then ties in g are in q."""
    slope = expect(H, q, order=1)[1]
    require(bool(np.all(np.abs(slope - g) <= 1e-11 * np.maximum(g, 1.0))), "A1")
    require(float(H.slope(1e-3)) > 0, "strictly increasing")
    i, j = np.nonzero(np.triu(g[:, None] == g[None, :], 1))
    return measured(q[i], q[j], 1e-12 * np.maximum(q[i], q[j]))


TIED = (np.array([1.0, 0.3, 1.0, 0.3]), np.array([1.0, 1e-6, 1e-6]), np.array([2.0, 2.0]))


@verifies(ICM_T2c)
def test_ties() -> None:
    for power in (4, 6):
        ties_are_kept(power)
    for g in TIED:
        for H in (Power(1.5), Power(4.0), Power(40.0)):
            minimiser_has_ties(H, g, solve(g, H).q)
        # H = A x with A = N*(g): minimisers form a ray, and each of them keeps the ties.
        value, q = dual_norm(g)
        for scale in (1.0, 5.0):
            minimiser_has_ties(Power(1.0, float(value)), g, scale * q)


@control(ICM_T2c, drops="strictly increasing")
def test_a_flat_start_allows_anything() -> None:
    minimiser_has_ties(FLAT, np.zeros(2), np.array([0.5, 0.2]))


# --- zero or all positive --------------------------------------------------------------------------------------


@check(ICM_T2d)
def a_small_move_helps(p: Fraction, g2: Fraction, step: Fraction) -> Evidence:
    """F(1, step) < F(1, 0) at n = 2 for H = x^p and a second singular value g_2, by enclosures."""
    from flint import arb

    require(p >= 1, "A1")
    s, t = ball(p) / 2, ball(step)
    # E |zeta_1|^p = Gamma(s + 1/2)/(sqrt(pi) Gamma(s + 1)), the average at m = 1.
    still = (s + arb(1) / 2).gamma() / (arb.pi().sqrt() * (s + 1).gamma())
    moved = plane.ball(plane.AVERAGE, s, 1 - t * t)
    return enclosed(moved - ball(g2) * t - still, "<")


@check(ICM_T2d)
def moves_where_the_gradient_does(H: Any, g: np.ndarray, n: int) -> Evidence:
    """q_j > 0 wherever g_j > 0, be it 1e-14 of the largest."""
    require(H.strictly_convex, "A1")
    return measured(solve(g, H, n=n).q[g > 0], 0.0, 0.0, ">")


@verifies(ICM_T2d)
def test_every_direction_moves() -> None:
    for p in ("1", "3/2", "2", "4"):
        for g2 in (Fraction(1), Fraction(1, 10**3)):
            a_small_move_helps(Fraction(p), g2, g2 / 100)


@verifies(ICM_T2d)
@pytest.mark.parametrize("H", MENU.values(), ids=MENU)
def test_faint_directions_move(H: Any) -> None:
    for k, n in ((2, 3), (8, 8)):
        for g in zoo(k, stream("faint", k)).values():
            moves_where_the_gradient_does(H, g, n)


@control(ICM_T2d, sharpens="g_j > 0 -> g_j >= 0")
def test_directions_without_gradient_do_not() -> None:
    for p in ("1", "2", "4"):
        a_small_move_helps(Fraction(p), Fraction(0), Fraction(1, 100))
