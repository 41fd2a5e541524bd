"""ICM-T3, ICM-T3p: singular values move together under super-quadratic growth, apart under sub-quadratic."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.isotropic_curvature import Power
from tests.isotropic_curvature.device import solve
from tests.isotropic_curvature.menu import (
    COSH,
    RATIO_ERROR,
    SIZES,
    STEPPED,
    SUBQUADRATIC,
    SUPERQUADRATIC,
    gradient_of,
    pairs,
    spectra,
)
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.isotropic_curvature import ICM_T3a, ICM_T3b, ICM_T3p, any_dimension, plane

Side = tuple[Any, Any]
BUDGET = 2**15  # evaluations of a 2F1, 20 microseconds each


def _moved(g: np.ndarray, q: np.ndarray, sense: str) -> Evidence:
    """q_i/q_j against g_i/g_j, and the order kept, for all pairs of descending spectra."""
    order = measured(pairs(q), 1.0, RATIO_ERROR, ">=")
    # In units of g_i/g_j, which may be 1e6 and more.
    return every(measured(pairs(q) / pairs(g), 1.0, RATIO_ERROR, sense), order)


# --- any number of coordinates, even powers: algebra -----------------------------------------------------


@check(ICM_T3a)
def weights_keep_the_order(power: int) -> Evidence:
    """x_i >= x_j implies lambda_i >= lambda_j, for all n: so q_i/q_j <= g_i/g_j."""
    import sympy

    first = any_dimension.pair(power)
    at = any_dimension.gap_over(first, sympy.Symbol("v", nonnegative=True))
    return exact(first.weight_j.subs(at), first.weight_i.subs(at), "<=")


@check(ICM_T3b)
def weights_keep_the_order_strictly(power: int) -> Evidence:
    """x_i > x_j implies lambda_i > lambda_j, for all n; w = p x^(p-2) is strictly increasing for p > 2."""
    import sympy

    require(power > 2, "w strictly increasing")
    first = any_dimension.pair(power)
    at = any_dimension.gap_over(first, sympy.Symbol("v", positive=True))
    return exact(first.weight_j.subs(at), first.weight_i.subs(at), "<")


@verifies(ICM_T3a, ICM_T3b)
@pytest.mark.parametrize("power", [4, 6, 8])
def test_even_powers_in_every_dimension(power: int) -> None:
    weights_keep_the_order(power)
    weights_keep_the_order_strictly(power)


@control(ICM_T3b, drops="w strictly increasing")
def test_the_quadratic_moves_nothing() -> None:
    weights_keep_the_order_strictly(2)


# --- two coordinates, real powers: balls over boxes of (p, q_2/q_1) ---------------------------------------


def _difference(p: Any, t: Any) -> Any:
    first, second = plane.weight_balls(p, t)
    return first - second


@check(ICM_T3a)
def plane_homogenizes(p: Side, t: Side) -> Evidence:
    """lambda_1 > lambda_2 at n = 2, q = (1, t), H = x^p, for all p and t in the box."""
    require(p[0] >= 2, "A2")
    return enclosed(_difference, ">", box=[p, t], budget=BUDGET)


@check(ICM_T3p)
def plane_polarizes(p: Side, t: Side) -> Evidence:
    """lambda_1 < lambda_2 likewise."""
    require(p[1] <= 2, "sub-quadratic")
    return enclosed(_difference, "<", box=[p, t], budget=BUDGET)


# A ball of exponents around an odd number, at small t, is beyond Arb's 2F1: those exponents come one by one.
WIDE: Side = (Fraction(1, 100), Fraction(19, 20))


@verifies(ICM_T3a)
@pytest.mark.parametrize(
    "p", [("3", "3"), ("3.1", "4.9"), pytest.param(("2.1", "2.9"), marks=pytest.mark.long)]
)
def test_plane_above_the_quadratic(p: tuple[str, str]) -> None:
    plane_homogenizes((Fraction(p[0]), Fraction(p[1])), WIDE)


@verifies(ICM_T3p)
@pytest.mark.parametrize("p", [("1", "1"), ("1.1", "1.9")])
def test_plane_below_the_quadratic(p: tuple[str, str]) -> None:
    plane_polarizes((Fraction(p[0]), Fraction(p[1])), WIDE)


@control(ICM_T3a, drops="A2")
def test_just_below_the_quadratic_the_plane_polarizes() -> None:
    plane_homogenizes((Fraction("1.99"), Fraction("1.99")), WIDE)


@control(ICM_T3p, drops="sub-quadratic")
def test_just_above_the_quadratic_the_plane_homogenizes() -> None:
    plane_polarizes((Fraction("2.01"), Fraction("2.01")), WIDE)


# --- the zoo: floating point --------------------------------------------------------------------------------


@check(ICM_T3a)
def homogenizes(H: Any, q: np.ndarray, n: int) -> Evidence:
    """1 <= q_i/q_j <= g_i/g_j for the g whose optimal update is q."""
    require(H.superquadratic, "A2")
    return _moved(gradient_of(H, q, n), q, "<=")


@check(ICM_T3p)
def polarizes(H: Any, q: np.ndarray, n: int) -> Evidence:
    """q_i/q_j >= g_i/g_j for the g whose optimal update is q."""
    require(H.subquadratic, "sub-quadratic")
    return _moved(gradient_of(H, q, n), q, ">=")


@check(ICM_T3a)
def optimum_homogenizes(H: Any, g: np.ndarray, m: int, n: int) -> Evidence:
    """1 <= q_i/q_j <= g_i/g_j for the solver's q (KKT residual 1e-12 at most: so is the error of a ratio)."""
    require(H.superquadratic, "A2")
    return _moved(g, solve(g, H, m=m, n=n).q, "<=")


@check(ICM_T3p)
def optimum_polarizes(H: Any, g: np.ndarray, m: int, n: int) -> Evidence:
    """q_i/q_j >= g_i/g_j for the solver's q."""
    require(H.subquadratic, "sub-quadratic")
    return _moved(g, solve(g, H, m=m, n=n).q, ">=")


@check(ICM_T3b)
def homogenizes_strictly(H: Any, q: np.ndarray, n: int) -> Evidence:
    """q_i/q_j < g_i/g_j for well separated q, by more than rounding."""
    require(H.superquadratic and H.elasticity(q[-1]) > 0, "w strictly increasing")
    return measured(pairs(q) / pairs(gradient_of(H, q, n)), 1.0, RATIO_ERROR, "<")


@verifies(ICM_T3a)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("H", SUPERQUADRATIC.values(), ids=SUPERQUADRATIC)
def test_zoo_homogenizes(H: Any, sizes: tuple[int, ...]) -> None:
    for k in sizes:
        for q in spectra(k, "homogenization"):
            for n in (k, k + 3):
                homogenizes(H, q, n)
    for g in spectra(5, "homogenization, solved"):
        for m, n in ((5, 5), (5, 9), (9, 5)):
            optimum_homogenizes(H, g, m, n)


@verifies(ICM_T3a)
@pytest.mark.parametrize("H", STEPPED.values(), ids=STEPPED)
def test_weights_that_jump_homogenize(H: Any) -> None:
    for k in (2, 3, 5, 8):
        for q in spectra(k, "homogenization"):
            for n in (k, k + 3):
                homogenizes(H, q, n)
    for g in spectra(4, "homogenization, solved"):
        optimum_homogenizes(H, g, 4, 6)


@verifies(ICM_T3a)
@pytest.mark.parametrize("n", [64, pytest.param(256, marks=pytest.mark.long)])
def test_large_spectra_homogenize(n: int) -> None:
    for g in spectra(n, "homogenization, large"):
        for p in (2.5, 4.0, 40.0):
            optimum_homogenizes(Power(p), g, n, n)


@verifies(ICM_T3a)
def test_hyperbolic_cosine_homogenizes() -> None:
    for n in (2, 3, 5):
        for q in ([3.0, 2.9999], [3.0, 1e-6], [0.01, 0.004]):
            homogenizes(COSH, np.array(q), n)
    homogenizes(COSH, np.array([3.0, 1.0, 1.0, 0.1]), 4)
    optimum_homogenizes(COSH, np.array([2.0, 1.0, 0.25]), 4, 3)


@verifies(ICM_T3b)
@pytest.mark.parametrize("H", [*SUPERQUADRATIC.values(), COSH], ids=[*SUPERQUADRATIC, "cosh x - 1"])
def test_separated_spectra_move_strictly(H: Any) -> None:
    homogenizes_strictly(H, np.array([1.3, 0.9, 0.4]), 3)
    homogenizes_strictly(H, np.array([1.3, 1.2, 0.1]), 5)


@verifies(ICM_T3p)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("H", SUBQUADRATIC.values(), ids=SUBQUADRATIC)
def test_zoo_polarizes(H: Any, sizes: tuple[int, ...]) -> None:
    for k in sizes:
        for q in spectra(k, "polarisation"):
            for n in (k, k + 3):
                polarizes(H, q, n)
    for g in spectra(5, "polarisation, solved"):
        for m, n in ((5, 5), (5, 9), (9, 5)):
            optimum_polarizes(H, g, m, n)


@control(ICM_T3a, drops="A2")
@pytest.mark.parametrize("p", [1.5, 1.99])
def test_below_the_quadratic_spectra_polarize(p: float) -> None:
    g = np.array([1.0, 0.6, 0.3])
    homogenizes(Power(p), g, 3)
    optimum_homogenizes(Power(p), g, 3, 3)


@control(ICM_T3p, drops="sub-quadratic")
@pytest.mark.parametrize("p", [2.01, 3.0])
def test_above_the_quadratic_spectra_homogenize(p: float) -> None:
    g = np.array([1.0, 0.6, 0.3])
    polarizes(Power(p), g, 3)
    optimum_polarizes(Power(p), g, 3, 3)


@restates(ICM_T3a, ICM_T3b)
def test_scale_and_order_of_the_input_do_not_matter() -> None:
    """The same problem with units changed, and shuffled: H(Lx) for inputs of length L, and g in any order."""
    shuffle = np.array([2, 0, 3, 1])
    g = np.array([1.0, 0.5, 0.2, 0.01])
    for length in (1e-6, 1.0, 1e6):
        H = Power(3.0, c=length**3)
        q = solve(g[shuffle], H).q[np.argsort(shuffle)]
        homogenizes(H, q, 4)
        homogenizes_strictly(H, q, 4)
        optimum_homogenizes(H, g * length, 4, 4)
