"""ICM-X13.d, e: the spectra on which gradient descent is worst."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest

from labs.core.streams import stream
from labs.isotropic_curvature import Power, efficiency
from tests.isotropic_curvature.device import expect
from tests.isotropic_curvature.menu import ball, gradient_of, rationals, spectra
from tests.referee import check, control, verifies
from tests.tightness import worst_case
from theory.evidence import Evidence, enclosed, every, exact, measured
from theory.isotropic_curvature import ICM_X13d, ICM_X13e, even_powers, mean_powers, quartic_efficiency

# --- any power, 64 directions ------------------------------------------------------------------------------------


def along_gradient(p: float, q: np.ndarray) -> float:
    """eff(G) for H = x^p where q is optimal: no optimisation is needed."""
    H = Power(p)
    value, g, _ = expect(H, q, order=1)
    unit = g / np.max(g)
    decrease = [float(r @ unit) ** p / float(v) for r, v in ((unit, expect(H, unit, order=0)[0]), (q, value))]
    return float((decrease[0] / decrease[1]) ** (1 / (p - 1)))


@cache
def worst_spike(p: float, n: int) -> tuple[float, float]:
    """(least eff(G), bulk) over q = (1, bulk, ..., bulk); its error is quadratic in that of bulk, 1e-7."""
    from scipy.optimize import minimize_scalar

    def at(log_bulk: float) -> float:
        return along_gradient(p, np.append(1.0, np.full(n - 1, np.exp(log_bulk))))

    best = minimize_scalar(at, bounds=(np.log(1e-3), 0.0), method="bounded", options={"xatol": 1e-7})
    return float(best.fun), float(np.exp(best.x))


def worst_gradient(p: float, n: int) -> np.ndarray:
    """The gradient of the worst spike."""
    return gradient_of(Power(p), np.append(1.0, np.full(n - 1, worst_spike(p, n)[1])))


@check(ICM_X13d)
def worst_case_quoted(p: float, value: str, n: int = 64) -> Evidence:
    """The least efficiency of a spike over a flat bulk, to the digits given; from the solver too."""
    found, half_unit = worst_spike(p, n)[0], 0.5 * 10.0 ** -len(value.split(".")[1])
    return every(
        measured(found, float(value), half_unit),
        measured(efficiency(worst_gradient(p, n), Power(p), "gd"), found, 1e-12),
    )


@check(ICM_X13d)
def nothing_is_worse(p: float, q: np.ndarray, sharpened: float = 1.0) -> Evidence:
    """eff(G) >= the least efficiency of a spike of the same length; 1e-9 for the minimum's own error."""
    return measured(along_gradient(p, q), sharpened * worst_spike(p, len(q))[0], 1e-9, ">=")


@verifies(ICM_X13d)
def test_quoted_worst_cases() -> None:
    for p, value in ((2.2, "0.998"), (2.5, "0.991"), (3.0, "0.974"), (4.0, "0.932"), (8.0, "0.79")):
        worst_case_quoted(p, value)


@verifies(ICM_X13d)
@pytest.mark.parametrize("p", [2.5, 4.0, 8.0])
def test_no_spectrum_is_worse(p: float) -> None:
    for n in (8, 64):
        for q in spectra(n, "worst efficiency"):
            nothing_is_worse(p, q)


def _levels(p: float, n: int) -> Any:
    """Four levels, one to three directions each on top and the rest at the lowest."""

    def instance(levels: np.ndarray) -> tuple[Any, ...]:
        return p, np.repeat([*levels, 1.0], [1, 1, 2, n - 4])

    return instance


@verifies(ICM_X13d)
def test_a_search_finds_the_spike() -> None:
    best = worst_case(
        nothing_is_worse,
        _levels(4.0, 8),
        dimension=3,
        lower=0.2,
        upper=10.0,
        stream=stream("worst efficiency", 4.0),
        starts=3,
    )
    assert best > 0.99


@pytest.mark.long
@verifies(ICM_X13d)
@pytest.mark.parametrize("p", [2.2, 2.5, 3.0, 4.0, 8.0])
def test_a_longer_search_finds_nothing_worse(p: float) -> None:
    best = worst_case(
        nothing_is_worse,
        _levels(p, 64),
        dimension=3,
        lower=0.1,
        upper=100.0,
        stream=stream("worst efficiency, long", p),
        starts=8,
    )
    assert best > 0.999


@control(ICM_X13d, sharpens="the least efficiency -> 1.001 times it")
def test_the_worst_case_is_attained() -> None:
    for p in (2.5, 4.0, 8.0):
        nothing_is_worse(p, np.append(1.0, np.full(63, worst_spike(p, 64)[1])), 1.001)


# --- the quartic: the best constant ------------------------------------------------------------------------------

LEAST, MOST = Fraction(9303505, 10**7), Fraction(9303515, 10**7)  # what 0.930351 stands for


@check(ICM_X13e)
def two_numbers_decide() -> Evidence:
    """f(a, b) > LEAST^3 for all 0 <= b <= a <= 1 with a^4 <= b^3, b = a beta (so a <= beta^3).

    Where a <= 11/20, beta >= 1/2, f falls as b grows, and on b = a a polynomial without a root in [0, 1] decides
    (Sturm).  Where beta <= 1/2, a <= 1/8; where a >= 11/20, beta >= 4/5: there f is larger by itself.
    """
    import sympy

    constant = LEAST**3
    a = sympy.Symbol("a", nonnegative=True)
    b = sympy.Symbol("b", positive=True)
    slope = sympy.diff(sympy.log(quartic_efficiency.cube(quartic_efficiency.two_numbers(a, b))), b)
    _, T, U = quartic_efficiency.moments(quartic_efficiency.two_numbers(a, b))
    spike = quartic_efficiency.cube(quartic_efficiency.two_numbers(a, a))
    numerator = sympy.fraction(sympy.cancel(spike - sympy.Rational(constant)))[0]
    half, low, high = Fraction(1, 2), Fraction(1, 8), Fraction(11, 20)

    def room(x: Any, beta: Any) -> Any:
        return quartic_efficiency.room(quartic_efficiency.two_numbers(x, x * beta), ball(constant))

    return every(
        exact(slope, -8 * b**2 * quartic_efficiency.fall(a, b) / (T * (T**2 + 2 * U))),
        enclosed(lambda x, beta: quartic_efficiency.fall(x, x * beta), ">", box=[(0, high), (half, 1)]),
        exact(sympy.Poly(numerator, a).count_roots(0, 1), 0),
        exact(spike.subs(a, 0), sympy.Rational(constant), ">"),
        enclosed(room, ">", box=[(0, low), (0, half)]),
        enclosed(room, ">", box=[(high, 1), (Fraction(4, 5), 1)], budget=2**14),
    )


@check(ICM_X13e)
def a_spectrum_is_above(a: Fraction, copies: int, least: Fraction) -> Evidence:
    """eff(G)^3 >= least^3 for one x_i = a over `copies` equal others, exactly."""
    found = exact(quartic_efficiency.cube(quartic_efficiency.spike(a, copies)), least**3, ">=")
    return found if found.ratio is None else replace(found, ratio=found.ratio ** (1 / 3))


@check(ICM_X13e)
def constant_is_approached(a: Fraction, copies: int) -> Evidence:
    """A spectrum with eff(G) < MOST, and the minimiser of f(a, a) to the digits given, 0.436368."""
    import sympy

    x = sympy.Symbol("x", positive=True)
    spike = quartic_efficiency.cube(quartic_efficiency.two_numbers(x, x))
    _, slope = sympy.Poly(sympy.fraction(sympy.cancel(sympy.diff(spike, x)))[0], x).terms_gcd()
    low, high = sympy.Rational(4363675, 10**7), sympy.Rational(4363685, 10**7)
    return every(
        exact(quartic_efficiency.cube(quartic_efficiency.spike(a, copies)), MOST**3, "<"),
        exact(slope.count_roots(0, 1), 1),
        exact(slope.count_roots(low, high), 1),
    )


@check(ICM_X13e)
def power_sums_suffice(q: list[Fraction]) -> Evidence:
    """eff(G)^3 from power sums is that from Dirichlet moments, for any n."""
    S = sum(x * x for x in q)
    g = even_powers.gradient({4: 1}, q, len(q) + 1)
    found = quartic_efficiency.cube([sum((x * x / S) ** l for x in q) for l in range(1, 7)])
    return exact(found, mean_powers.efficiency_power(4, q, g, len(q) + 1))


@verifies(ICM_X13e)
def test_the_quartic_constant() -> None:
    two_numbers_decide()
    constant_is_approached(Fraction(436368, 10**6), 10**7)
    for q in (rationals("1", "1/2", "1/5"), rationals("1", "1", "1/10", "1/1000")):
        power_sums_suffice(q)
    for copies in (1, 63, 10**7):
        a_spectrum_is_above(Fraction(436368, 10**6), copies, LEAST)


@control(ICM_X13e, sharpens="0.930351 -> 0.93036")
def test_the_quartic_constant_is_sharp() -> None:
    a_spectrum_is_above(Fraction(436368, 10**6), 10**7, Fraction(93036, 10**5))
