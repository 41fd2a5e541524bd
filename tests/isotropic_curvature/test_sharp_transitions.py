"""ICM-X17: as the curvature turns into a wall, every update tends to the orthogonalised gradient."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.isotropic_curvature import Power
from labs.isotropic_curvature.kinked import Kink
from labs.isotropic_curvature.wide import near_orthogonal
from tests.isotropic_curvature.device import expect, solve
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, every, exact, measured, require
from theory.isotropic_curvature import ICM_X17, confinement

BELOW, BEYOND = "H_j -> 0 below r", "H_j -> inf beyond r"
FULL = "rank G = min(m, n)"


def _reach(trace: Any) -> Any:
    """q_1 <= (1 + eta)(1 + reach eta)."""
    return 4 * (1 + trace)


@check(ICM_X17)
def largest_is_confined(n: int, exponent: int) -> Evidence:
    """If H(1 - eta) <= eta and H(1 + eta) >= eta^-exponent, no minimiser has q_1 > (1 + eta)(1 + reach eta).

    For odd n (and n - 1), every k, every g (by its sum) and all eta <= 1/reach; H_j has such eta tending to 0.
    """
    import sympy

    trace = sympy.Symbol("trace", positive=True)
    v, more = sympy.symbols("v more", nonnegative=True)
    require(exponent > 0, BEYOND)
    require(trace.is_positive, FULL)
    eta = 1 / (_reach(trace) + more)
    y = _reach(trace) * eta + v
    over = confinement.overshoot(y, n)
    far = {trace: 1, v: 0, more: 10**6}  # small eta
    return exact(confinement.excess(y, over, eta, eta**-exponent, trace), 0, ">", witness=far)


@check(ICM_X17)
def smallest_is_confined() -> Evidence:
    """Then 1 - q_k <= C eta/g_k, C = trace (2 + reach) + 1 + trace, for g_k > 0; the rest of g is arbitrary."""
    import sympy

    g_k = sympy.Symbol("g_k", positive=True)
    rest, more = sympy.symbols("rest more", nonnegative=True)
    require(g_k.is_positive, FULL)
    trace = g_k + rest
    reach = _reach(trace)
    eta = 1 / (reach + more)
    lowest = confinement.lowest((1 + eta) * (1 + reach * eta), g_k, eta, trace)
    return exact(1 - lowest, eta * (trace * (2 + reach) + 1 + trace) / g_k, "<=")


@check(ICM_X17)
def lower_bound_in_numbers(q: np.ndarray, g: np.ndarray, n: int, H: Any, eta: float) -> Evidence:
    """F(q) - F(1 - eta) by labs against the lower bound that the two checks above use; rounding 1e-12 of F."""
    require(H.slope_at_zero >= 0, "A1")
    require(H(1 - eta) <= eta, BELOW)
    require(np.all(g > 0), FULL)
    y = float(np.max(q)) / (1 + eta) - 1

    def objective(x: np.ndarray) -> float:
        return float(expect(H, x, n, order=0)[0]) - float(g @ x)

    found = objective(q) - objective(np.full(g.size, 1 - eta))
    over = float(confinement.overshoot(Fraction(y), n))
    bound = confinement.excess(y, over, eta, float(H(1 + eta)), float(g.sum()))
    return measured(found, bound, 1e-12 * (abs(found) + abs(bound) + 1), ">=")


def _eta(H: Any, exponent: float) -> float:
    """The least eta with H(1 - eta) <= eta and H(1 + eta) >= eta^-exponent, to 1e-12: both hold beyond it."""
    low, high = 0.0, 1.0
    while high - low > 1e-12:
        eta = (low + high) / 2
        good = H(1 - eta) <= eta and H(1 + eta) >= eta**-exponent
        low, high = (low, eta) if good else (eta, high)
    return high


def _optimum(g: np.ndarray, H: Any, n: int) -> np.ndarray:
    """q; for a kink with m < n from the equations for q/r - 1, which may be below the spacing of floats around q."""
    if isinstance(H, Kink) and g.size < n and np.all(g > 0):
        return H.r * (1 + near_orthogonal(g, n, H.B, H.A))
    return solve(g, H, n=n).q


@check(ICM_X17)
def tends_to_the_wall(g: np.ndarray, n: int, laws: Sequence[Any], within: float) -> Evidence:
    """The distance max |q_i - 1| falls along the laws, to `within` at least; the box of the two checks above holds
    where it says something.  Rounding: 1e-10.
    """
    reach = _reach(float(g.sum()))
    require(all(H.slope_at_zero >= 0 for H in laws), "A1")
    require(laws[-1](0.9) < 0.02, BELOW)
    require(laws[-1](1.1) >= 4 * laws[0](1.1), BEYOND)
    require(np.all(g > 0), FULL)
    q = [_optimum(g, H, n) for H in laws]
    distance = np.array([np.max(np.abs(item - 1)) for item in q])
    parts = [
        measured(distance[1:], distance[:-1], 1e-10, "<="),
        measured(distance[-1], within, 1e-10, "<="),
    ]
    eta = np.array([_eta(H, n // 2) for H in laws])  # n/2: that of the next odd number
    if np.any(says := eta * reach <= 1):
        top = ((1 + eta) * (1 + reach * eta))[says]
        parts.append(measured(np.max(q, axis=1)[says], top, 1e-10, "<="))
    return every(*parts)


KINKS = [Kink(1.0, 1 / B, B) for B in (10.0, 1e2, 1e3)]
POWERS = [Power(p) for p in (40.0, 160.0)]


@verifies(ICM_X17)
def test_minimisers_are_confined() -> None:
    largest_is_confined(3, 1)
    smallest_is_confined()


@pytest.mark.long
@verifies(ICM_X17)
@pytest.mark.parametrize("n", [5, 7])
def test_minimisers_are_confined_in_more_dimensions(n: int) -> None:
    largest_is_confined(n, (n - 1) // 2)


@verifies(ICM_X17)
def test_the_lower_bound_in_numbers() -> None:
    g = np.array([0.6, 0.4])
    for second in (0.01, 1.0, 1.5):
        lower_bound_in_numbers(np.array([1.5, second]), g, 3, Kink(1.0, 0.01, 100.0), 0.1)


@verifies(ICM_X17)
def test_kinks_tend_to_a_wall() -> None:
    """m < n, where no kink is enough, and m = n, where the second and the third are."""
    g = np.array([0.6, 0.4])
    for n, within in ((3, 1e-6), (2, 0.0)):
        tends_to_the_wall(g, n, KINKS, within)
    sharper = [Kink(1.0, 1 / B, B) for B in (1e2, 1e3, 1e4)]
    for n, within in ((4, 1e-4), (5, 1e-2)):
        tends_to_the_wall(g, n, sharper, within)


@verifies(ICM_X17)
def test_powers_tend_to_a_wall() -> None:
    tends_to_the_wall(np.array([1.0, 0.5, 0.2]), 5, POWERS, 0.025)


@restates(ICM_X17)
def test_the_wall_in_another_order() -> None:
    tends_to_the_wall(np.array([0.2, 1.0, 0.5]), 3, POWERS, 0.1)


@control(ICM_X17, drops=FULL)
def test_a_direction_without_gradient_stays_behind() -> None:
    tends_to_the_wall(np.array([0.6, 0.4, 0.0]), 3, POWERS, 0.1)


@control(ICM_X17, drops=BEYOND)
def test_a_kink_that_grows_no_sharper() -> None:
    largest_is_confined(3, 0)
    tends_to_the_wall(np.array([0.6, 0.4]), 3, [Kink(1.0, A, 10.0) for A in (0.1, 0.01)], 1e-3)


def test_the_box_in_numbers() -> None:
    """n = 3: E((1 + y)|zeta| - 1)_+ = y^2/(2 (1 + y)); and eta of a kink is B^(-1/2)."""
    assert confinement.overshoot(Fraction(1, 2), 3) == Fraction(1, 12)
    assert confinement.overshoot(Fraction(1), 5) == Fraction(7, 64)
    assert confinement.overshoot(Fraction(1, 2), 5) == Fraction(11, 432)
    tenth, one = Fraction(1, 10), Fraction(1)
    # 100/12 - (1.1 * 1.5 - 0.9) - 0.1, and (0.9 - 0.1 - 0.6 * 1.2)/0.4.
    assert confinement.excess(Fraction(1, 2), Fraction(1, 12), tenth, 100, one) == Fraction(449, 60)
    assert confinement.lowest(Fraction(6, 5), Fraction(2, 5), tenth, one) == Fraction(1, 5)
    assert _eta(Kink(1.0, 0.0, 100.0), 1) == pytest.approx(0.1)
