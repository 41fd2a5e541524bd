"""ICM-X18: estimate the curvature function, solve with the estimate, shrink: nearly all of the decrease is kept."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import power_law
from labs.core.streams import stream
from labs.isotropic_curvature import Custom, Polynomial, Power, efficiency, fit_curvature
from tests.isotropic_curvature.device import expect, solve
from tests.isotropic_curvature.menu import spectra
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, every, exact, measured, require
from theory.isotropic_curvature import ICM_X18, estimated
from theory.isotropic_curvature.even_powers import Even, penalty

BAND = "|log(Hhat/H)| <= eps"
WEAK = "A2-weak"


def off_by(H: Any, estimate: Any, lo: float, hi: float) -> float:
    """max |log(Hhat/H)| on [lo, hi], on 300 radii."""
    x = np.geomspace(lo, hi, 300)
    return float(np.max(np.abs(np.log(np.asarray(estimate(x)) / np.asarray(H(x))))))


def weakly_superquadratic(H: Any) -> bool:
    """x H' >= 2 H, on radii from 1e-3 to 1e3."""
    x = np.geomspace(1e-3, 1e3, 300)
    return bool(np.all(x * H.slope(x) >= (2 - 1e-12) * H(x)))


# --- the proof, by algebra -----------------------------------------------------------------------------------


@check(ICM_X18)
def shrinking_by_algebra(H: Even, k: int, power: int) -> Evidence:
    """With v = E - 1 >= 0, for even powers, k singular values and any n: the two inequalities of the proof.

    E phihat(q/E) <= phihat(q)/E, and so (floor of -F(qhat/E)) >= (ceiling of -min F)/E^power for power = 2.
    """
    import sympy

    require(all(p >= 2 and c > 0 for p, c in H.items()), WEAK)
    n, q = sympy.Symbol("n", positive=True), sympy.symbols(f"q1:{k + 1}", positive=True)
    v = sympy.Symbol("v", nonnegative=True)
    E = 1 + v
    bounds = estimated.bounds(H, q, E, n)
    shrunk = E * penalty(H, [x / E for x in q], n)
    return every(
        exact(penalty(H, q, n) / E, shrunk, ">="),
        exact(bounds.floor * E**power, bounds.ceiling, ">=", witness={n: 2, v: 1} | dict.fromkeys(q, 1)),
    )


@check(ICM_X18)
def sharp_instance(exponent: int) -> Evidence:
    """-F(qhat/E) >= E^(-exponent/10) (-min F) where H is x/2 between the two lengths; E = t^10."""
    import sympy

    v = sympy.Symbol("v", nonnegative=True)
    t = 1 + v
    sharp = estimated.sharp_instance(t**10)
    return every(
        *(exact(ratio, end, "==") for ratio, end in zip(sharp.ratios, (t**10, t**-10), strict=True)),
        exact(sharp.shrunk_value * t**exponent, sharp.best_value, ">=", witness={v: 1}),
    )


@verifies(ICM_X18)
def test_shrinking_by_algebra() -> None:
    for H in ({4: 1}, {2: 1, 4: 3}, {6: 1}):
        shrinking_by_algebra(H, 2, 2)
    sharp_instance(20)


@control(ICM_X18, sharpens="e^(-2 eps) -> e^(-1.9 eps)")
def test_the_guarantee_is_sharp() -> None:
    sharp_instance(19)


# --- through the solver --------------------------------------------------------------------------------------


@check(ICM_X18)
def decrease_kept(H: Any, estimate: Any, g: np.ndarray, n: int, eps: float) -> Evidence:
    """-F(e^-eps qhat)/(-min F) >= e^(-2 eps); the solver and `expect` err by 1e-12."""
    require(weakly_superquadratic(estimate), WEAK)
    best, found = solve(g, H, n=n), solve(g, estimate, n=n)
    shrunk = math.exp(-eps) * np.asarray(found.q)
    # |Q zeta| runs through [q_k, q_1] for k = n, from 0 for k < n, where both are nearly quadratic.
    lo = 1e-3 if n > len(g) else 0.99 * float(min(np.min(best.q), np.min(shrunk)))
    require(off_by(H, estimate, lo, float(max(np.max(best.q), np.max(shrunk)))) <= eps, BAND)
    value = float(g @ shrunk - expect(H, shrunk, n, order=0)[0])
    return measured(value / -float(best.value), math.exp(-2 * eps), 1e-11, ">=")


@check(ICM_X18)
def tuned_decrease_kept(H: Any, estimate: Any, g: np.ndarray, eps: float) -> Evidence:
    """The same with the best step along the estimate's optimum, which cannot be worse than the shrunk one."""
    q = np.asarray(solve(g, estimate).q)
    require(off_by(H, estimate, 0.9 * np.min(q), 1.1 * np.max(q)) <= eps, BAND)
    return measured(efficiency(g, H, q), math.exp(-2 * eps), 1e-11, ">=")


def wavy(amplitude: float) -> Custom:
    """x^4/4 exp(amplitude sin(3 log x)): its log-log slope is 4 + 3 amplitude cos(3 log x)."""

    def value(x: Any) -> Any:
        return x**4 / 4 * np.exp(amplitude * np.sin(3 * np.log(x)))

    def rate(x: Any) -> Any:
        return 4 + 3 * amplitude * np.cos(3 * np.log(x))

    return Custom(
        value,
        lambda x: value(x) * rate(x) / x,
        lambda x: value(x) / x**2 * (rate(x) ** 2 - rate(x) - 9 * amplitude * np.sin(3 * np.log(x))),
        weight_at_zero=0.0,
        name=f"x^4/4 exp({amplitude} sin(3 log x))",
    )


@verifies(ICM_X18)
def test_estimates_of_powers() -> None:
    quartic = Power(4.0, 0.25)
    for n in (2, 4, 8):
        for g in spectra(n, "estimated"):
            g = g / np.max(g)
            decrease_kept(quartic, Power(4.0, 0.25 * math.exp(0.1)), g, n, 0.1001)
            decrease_kept(quartic, Power(4.0, 0.25 * math.exp(-0.1)), g, n, 0.1001)
    for at in np.array([[1.0, 0.9, 0.8], [1.0, 0.3, 0.1]]):
        decrease_kept(Polynomial({2: 0.5, 4: 0.25}), Polynomial({2: 0.55, 4: 0.23}), at, 3, 0.1)
        tuned_decrease_kept(quartic, Power(3.8, 0.25), at, 0.4)


@verifies(ICM_X18)
def test_a_wavy_estimate() -> None:
    decrease_kept(Power(4.0, 0.25), wavy(0.1), np.array([1.0, 0.3]), 2, 0.1001)


@verifies(ICM_X18)
@pytest.mark.parametrize("n", [2, pytest.param(3, marks=pytest.mark.long)])
def test_an_estimate_from_noisy_measurements(n: int) -> None:
    """H = x^2/2 + x^4 measured at 25 lengths with 3 % noise, fitted, solved with; for a wide layer too."""
    H = Polynomial({2: 0.5, 4: 1.0})
    x = np.geomspace(0.1, 10, 25)
    y = H(x) * np.exp(0.03 * stream("measured").standard_normal(25))
    fitted = fit_curvature(x, y, growth="superquadratic", knots=np.geomspace(0.05, 10, 4))
    eps = off_by(H, fitted.H, 1e-3, 10) + 1e-3  # between the radii that are looked at
    assert eps < 0.1
    decrease_kept(H, fitted.H, np.array([3.0, 0.5]), n, eps)


@restates(ICM_X18)
def test_an_estimate_in_other_units() -> None:
    """Losses in units of 1000, lengths in units of 1/7."""
    for unit, length in ((1000.0, 1.0), (1.0, 7.0)):
        scale = unit * length**4
        g = unit * length * np.array([1.0, 0.4])
        decrease_kept(Power(4.0, scale / 4), Power(4.0, scale / 4 * math.exp(0.2)), g, 2, 0.2001)


@control(ICM_X18, drops=BAND)
def test_a_quadratic_estimate_of_a_wall() -> None:
    """H = x^16 taken for x^2: even the tuned step, which is gradient descent, keeps 0.75 only."""
    g = power_law(16)
    assert f"{efficiency(g, Power(16.0), np.asarray(solve(g, Power(2.0)).q)):.4f}" == "0.7498"
    tuned_decrease_kept(Power(16.0), Power(2.0), g, 0.1)


@control(ICM_X18, drops=WEAK)
def test_below_the_quadratic_a_wrong_scale_is_fatal() -> None:
    """H = x^1.2: half a unit too low in log H makes the step e^2.5 times too long."""
    decrease_kept(Power(1.2), Power(1.2, math.exp(-0.5)), np.array([1.0, 0.5]), 2, 0.5001)


@pytest.mark.parametrize("eps", [0.01, 0.1, 0.5])
def test_a_wrong_factor_alone_costs_less(eps: float) -> None:
    """Hhat = e^eps H, H = x^2: the shrunk step is e^(-2 eps) of the best, which keeps 1 - (1 - e^(-2 eps))^2."""
    g = np.array([1.0, 0.3])
    shrunk = math.exp(-eps) * np.asarray(solve(g, Power(2.0, math.exp(eps))).q)
    best = float(solve(g, Power(2.0)).value)
    kept = (g @ shrunk - float(expect(Power(2.0), shrunk, order=0)[0])) / -best
    assert kept == pytest.approx(1 - (1 - math.exp(-2 * eps)) ** 2, rel=1e-12)
