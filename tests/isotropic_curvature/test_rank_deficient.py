"""ICM-X11: without full rank (m >= n) no kink is sharp enough."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.sphere import tail_moments
from labs.isotropic_curvature.kinked import PiecewiseWeight
from labs.isotropic_curvature.zonoid import minimal_kink
from tests.isotropic_curvature.device import solve
from tests.referee import check, control, verifies
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.isotropic_curvature import ICM_X11, rank_deficient, two_pairs


@check(ICM_X11)
def refuted_for_all_n() -> Evidence:
    """A vector that violates (Z), for all n >= 2, A, B and trace: s = n + (B - A) f / trace.

    f bounds the density of |zeta_n| on [0, 1/s].
    """
    import sympy

    A, more = sympy.symbols("A more", nonnegative=True)
    jump, trace, f = sympy.symbols("jump trace f", positive=True)
    n = 2 + more
    s = n + jump * f / trace
    bound = rank_deficient.support_bound(s, f)
    return exact(rank_deficient.excess(s, bound, trace, A, A + jump, n), 0, ">")


@check(ICM_X11)
def density_bounds_the_support(n: int) -> Evidence:
    """E(1 - s^2 u_n)_+ by integration, against the bound by the density at 0, its leading order; odd n, all s > 1."""
    import sympy

    v = sympy.Symbol("v", positive=True)
    density = sympy.gammasimp(rank_deficient.density_at_zero(sympy.Integer(n)))
    found, bound = (
        rank_deficient.support(1 + v, n),
        rank_deficient.support_bound(1 + v, density),
    )
    return every(exact(found, bound, "<="), exact(sympy.limit(found / bound, v, sympy.oo), 1))


@check(ICM_X11)
def refuted_in_numbers(g: np.ndarray, A: float, B: float, s: float) -> Evidence:
    """The same vector for one g with an odd number of entries: (Z) is violated, by the tails of labs too."""
    n, a = g.size, np.append(np.ones(g.size - 1), 1 - s**2)
    require(0 <= A <= B, "A1")
    require(g[-1] == 0, "g_n = 0")
    support = float(a @ tail_moments(a).first)
    found = float(a @ g) - A / n * float(np.sum(a)) - (B - A) * support
    exactly = rank_deficient.excess(s, rank_deficient.support(s, n), float(g.sum()), A, B, n)
    return every(measured(found, float(exactly), 1e-12 * B), measured(found, 0.0, 1e-12 * B, ">"))


@check(ICM_X11)
def outside_in_the_plane(g_2: Fraction) -> Evidence:
    """n = 2, g = (1, g_2), A = 0: (1 - g_2)/(1 + g_2) <= sin(x)/x fails for x = pi (1 + g_2)/B in [1/300, pi]."""
    from flint import arb, fmpq

    require(g_2 == 0, "g_n = 0")
    ratio = (1 - g_2) / (1 + g_2)
    ball = arb(fmpq(ratio.numerator, ratio.denominator))
    return enclosed(lambda x: ball - x.sinc(), ">", box=[(Fraction(1, 300), Fraction(355, 113))])


@check(ICM_X11)
def outside_with_pairs(g: tuple[Any, Any], A: Any, B: Any) -> Evidence:
    """n = 4, (g_1, g_1, g_3, g_3): outside Z(A, B), exactly; 4 g_3 < A already is."""
    require(g[1] == 0, "g_n = 0")
    if A != 0:
        return exact(4 * g[1], A, "<")
    low, high = two_pairs.membership(g, A, B)
    return exact(low, high, ">")


@verifies(ICM_X11)
def test_no_kink_for_a_deficient_rank() -> None:
    import sympy

    refuted_for_all_n()
    for n in (3, 5):
        density_bounds_the_support(n)
    refuted_in_numbers(np.array([0.5, 0.3, 0.0]), 0.1, 2.0, 4.0)
    refuted_in_numbers(np.array([0.5, 0.3, 0.2, 0.1, 0.0]), 0.2, 3.0, 5.0)
    outside_in_the_plane(Fraction(0))
    A, B, g = sympy.symbols("A B g", positive=True)
    outside_with_pairs((g, 0), 0, B)
    outside_with_pairs((g, 0), A, B)


@control(ICM_X11, drops="g_n = 0")
def test_a_little_of_the_last_direction_is_enough() -> None:
    """g_3 = 1/1000: B_min = (g_1 + g_3)^2/g_3 is finite."""
    g = (Fraction(1), Fraction(1, 1000))
    outside_with_pairs(g, 0, Fraction(101, 100) * (g[0] + g[1]) ** 2 / g[1])
    outside_in_the_plane(Fraction(1, 1000))


@pytest.mark.parametrize("g", [[1.0, 0.0], [3.0, 2.0, 1.0, 0.0]])
def test_labs_says_that_no_kink_serves(g: list[float]) -> None:
    assert minimal_kink(np.array(g)) == (np.inf, None)
    best = solve(np.array(g), PiecewiseWeight((1.0,), (0.01, 20.0)))
    assert best.status == "optimal"
    assert best.q[-1] == 0
