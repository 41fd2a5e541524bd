"""ICM-P5: equal singular values need a kink, of a certain size, unless the gradient has them too."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from labs.isotropic_curvature import Polynomial, Power
from labs.isotropic_curvature.kinked import Kink, PiecewiseWeight
from labs.isotropic_curvature.zonoid import minimal_kink
from tests.isotropic_curvature.device import solve
from tests.isotropic_curvature.menu import RATIO_ERROR, spectra
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, every, exact, measured, require
from theory.isotropic_curvature import ICM_P5a, ICM_P5b, even_powers, sectors

BETWEEN = "H'_- <= n gamma <= H'_+"


# --- ICM-P5.a: a spread spectrum needs a kink ------------------------------------------------------------------


@check(ICM_P5a)
def jump_of_a_sector(factor: Fraction) -> Evidence:
    """B - A >= factor (pi n/2)(g_1 - g_2) for g = E[h u], h = A + (B - A) 1{u_2 < t^2 u_1}; all n and t."""
    import sympy

    n, t, jump = sympy.symbols("n t jump", positive=True)
    spread = jump * sectors.difference(t, n)
    require(spread.is_positive, "g_1 > g_n")
    return every(
        exact(jump, factor * sympy.pi * n / 2 * spread, ">=", witness={t: 1, n: 2, jump: 1}),
        exact(sectors.difference(sympy.Integer(1), n), sectors.mean_positive_part(n)),
    )


@check(ICM_P5a)
def slope_between_extremes(factor: Fraction) -> Evidence:
    """The derivative along e_1 - e_n is (2/(pi n)) (jump - factor (pi n/2)(g_1 - g_n)): it must not be negative."""
    import sympy

    n, jump, spread = sympy.symbols("n jump spread", positive=True)
    require(spread.is_positive, "g_1 > g_n")
    derivative = jump * sectors.mean_positive_part(n) - spread
    return exact(derivative, 2 / (sympy.pi * n) * (jump - factor * sympy.pi * n / 2 * spread))


@check(ICM_P5a)
def least_jump(g: np.ndarray, A: float, factor: float = 1.0) -> Evidence:
    """The smallest kink that orthogonalises g, from labs; relative error 1e-12 of B."""
    n, spread = g.size, float(np.ptp(g))
    require(A >= 0, "A1")
    require(n > 1, "k = n")
    require(spread > 0, "g_1 > g_n")
    B = minimal_kink(g, A)[0]
    return measured(B - A, factor * np.pi * n / 2 * spread, 1e-12 * B, ">=")


@check(ICM_P5a)
def solver_spreads(g: np.ndarray, H: Any) -> Evidence:
    """An H whose jumps are all smaller than (pi n/2)(g_1 - g_n) gives q_1 > q_n."""
    require(H.slope_at_zero >= 0, "A1")
    require(np.all(g > 0), "k = n")
    require(np.ptp(g) > 0, "g_1 > g_n")
    jumps = [B - A for _, A, B in H.kinks]
    assert all(jump < np.pi * g.size / 2 * np.ptp(g) for jump in jumps)
    q = solve(g, H).q
    return measured(np.max(q) - np.min(q), 0.0, RATIO_ERROR * np.max(q), ">")


# Half of the directions have u_1 > u_3: where h jumps there, the bound is attained (n = 3, A = 0, B = 1).
SHARP = np.array([1 / 6 + 1 / (3 * np.pi), 1 / 6, 1 / 6 - 1 / (3 * np.pi)])


@verifies(ICM_P5a)
def test_a_kink_is_needed_in_every_dimension() -> None:
    jump_of_a_sector(Fraction(1))
    slope_between_extremes(Fraction(1))


@verifies(ICM_P5a)
def test_least_jumps() -> None:
    least_jump(SHARP, 0.0)
    for g in spectra(5, "least jump"):
        if len(g) == 5 and 1.01 < g[0] / g[-1] < 1e2:
            least_jump(g, 2 * float(g[-1]))


@verifies(ICM_P5a)
def test_without_enough_of_a_kink_the_update_is_spread() -> None:
    for g in (np.array([0.65, 0.35]), np.array([1.0, 0.9, 0.5])):
        low = g.size * float(g[-1]) / 2
        jump = np.pi * g.size / 2 * float(np.ptp(g))
        solver_spreads(g, PiecewiseWeight((1.0,), (low, low + 0.98 * jump)))
        solver_spreads(g, Polynomial({2: 0.5, 4: 1.0}))


@control(ICM_P5a, sharpens="pi n/2 -> 1.01 pi n/2")
def test_the_least_jump_is_sharp() -> None:
    jump_of_a_sector(Fraction(101, 100))
    slope_between_extremes(Fraction(101, 100))
    least_jump(SHARP, 0.0, factor=1.01)


# --- ICM-P5.b: a constant one does not -------------------------------------------------------------------------


@check(ICM_P5b)
def derivative_at_a_constant_gradient(below: Any, above: Any) -> Evidence:
    """F'(c 1; d) >= 0 for every d and n, where A = n gamma - below and B = n gamma + above.

    With E_+ and E_- the means of (d.u)_+ and (d.u)_-: sum d = n (E_+ - E_-).
    """
    import sympy

    n, gamma = sympy.symbols("n gamma", positive=True)
    plus, minus = sympy.symbols("plus minus", nonnegative=True)
    below, above = map(sympy.sympify, (below, above))
    require(below.is_nonnegative and above.is_nonnegative, BETWEEN)
    A, B, total = n * gamma - below, n * gamma + above, n * (plus - minus)
    return exact(A / n * total + (B - A) * plus - gamma * total, 0, ">=")


@check(ICM_P5b)
def smooth_powers_at_a_constant_gradient(power: int, n: int) -> Evidence:
    """q = c 1 has the gradient gamma 1 with n gamma = H'(c)."""
    import sympy

    c = sympy.Symbol("c", positive=True)
    return every(
        *(exact(n * gi, power * c ** (power - 1)) for gi in even_powers.gradient({power: 1}, [c] * n, n))
    )


@check(ICM_P5b)
def solver_keeps_a_constant_gradient(H: Any, c: float, gamma: float, n: int) -> Evidence:
    """The solver's q is c (1, ..., 1)."""
    left = {r: A for r, A, _ in H.kinks}.get(c, float(H.slope(c)))
    require(H.slope_at_zero >= 0, "A1")
    require(n >= 1, "k = n")
    require(left * (1 - 1e-12) <= n * gamma <= float(H.slope(c)) * (1 + 1e-12), BETWEEN)
    return measured(solve(np.full(n, gamma), H).q, c, RATIO_ERROR * c)


@verifies(ICM_P5b)
def test_a_constant_gradient_needs_no_kink() -> None:
    import sympy

    below, above = sympy.symbols("below above", nonnegative=True)
    derivative_at_a_constant_gradient(below, above)
    derivative_at_a_constant_gradient(0, 0)
    for power, n in ((2, 3), (4, 3), (6, 2)):
        smooth_powers_at_a_constant_gradient(power, n)
    solver_keeps_a_constant_gradient(Power(4.0), 0.5, 0.125, 4)
    for gamma in (0.21, 0.5, 0.79):
        solver_keeps_a_constant_gradient(Kink(1.5, 0.8, 3.2), 1.5, gamma, 4)


@control(ICM_P5b, drops=BETWEEN)
def test_slopes_on_one_side_do_not_hold_it() -> None:
    import sympy

    over = Fraction(1, 100)
    derivative_at_a_constant_gradient(-over, 1 + over)
    derivative_at_a_constant_gradient(1, sympy.Rational(-1, 100))
    solver_keeps_a_constant_gradient(PiecewiseWeight((1.5,), (0.5, 2.0)), 1.5, 0.76, 4)


@restates(ICM_P5b)
def test_a_constant_gradient_in_other_units() -> None:
    """Lengths a million times smaller: H(L x) in place of H(x), slopes L times larger."""
    L = 1e6
    solver_keeps_a_constant_gradient(Kink(1.5 / L, 0.8 * L, 3.2 * L), 1.5 / L, 0.5 * L, 4)
