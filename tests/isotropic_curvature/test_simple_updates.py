"""labs: the tuned step along a direction, and its share of the optimal decrease, for every kind of H."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import power_law
from labs.isotropic_curvature import (
    Kink,
    PiecewiseSlope,
    PiecewiseWeight,
    Polynomial,
    Power,
    best_step,
    efficiency,
    minimal_kink,
    solve,
)
from labs.isotropic_curvature.efficiency import gradient_descent_guarantee, gradient_descent_guarantee_mixed
from tests.isotropic_curvature.device import expect
from tests.isotropic_curvature.menu import COSH
from theory.isotropic_curvature import even_powers, mean_powers

G = np.array([0.7, 0.6, 0.4])
EVERY: dict[str, Any] = {
    "power": Power(2.5, 3.0),
    "sub-quadratic": Power(1.4),
    "mixture": Polynomial({1: 0.3, 2: 0.5, 4.5: 1.0}),
    "cosh": COSH,
    "kink": Kink(1.0, 0.3, 2.4),
    "slopes": PiecewiseSlope((0.5, 1.0), (0.0, 1.2, 2.5)),
    "weights": PiecewiseWeight((0.8,), (1.0, 2.0)),
}
DIRECTIONS: dict[str, Any] = {"gd": "gd", "muon": "muon", "spectrum": np.array([1.0, 0.5, 0.2])}


def decrease(H: Any, t: float, direction: np.ndarray, n: int) -> float:
    """-F(t D)."""
    return t * float(direction @ G) - float(expect(H, t * direction, n, order=0)[0])


def every_function() -> list[Any]:
    """Those whose expectations take a double integral are left to the long run."""
    slow = ("cosh", "kink", "slopes")
    return [
        pytest.param(H, id=name, marks=[pytest.mark.long] if name in slow else [])
        for name, H in EVERY.items()
    ]


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
@pytest.mark.parametrize("H", every_function())
def test_the_step_is_the_best_on_its_ray(H: Any, direction: Any) -> None:
    n = 4
    spectrum = np.asarray(direction)
    if isinstance(direction, str):
        spectrum = {"gd": G, "muon": np.ones(3)}[direction]
    t, found = best_step(G, H, direction, n)
    assert found == pytest.approx(decrease(H, t, spectrum, n), rel=1e-12)
    # F is convex along the ray: no better than here on either side is no better anywhere.
    for near in (0.999 * t, 1.001 * t):
        assert decrease(H, near, spectrum, n) <= found + 1e-13
    assert 0 < efficiency(G, H, direction, n) <= 1 + 1e-12


@pytest.mark.parametrize("H", every_function())
def test_the_optimum_is_a_direction_too(H: Any) -> None:
    best = solve(G, H, n=3)
    t, found = best_step(G, H, 7 * best.q)
    assert efficiency(G, H, 7 * best.q) == pytest.approx(1.0, abs=1e-11)
    # Along the ray F is flat to second order: t to the square root of the error of F, except for powers.
    assert 7 * t == pytest.approx(1.0, abs=1e-5)
    assert found == pytest.approx(-float(best.value), rel=1e-11)


def test_a_power_is_a_sum_of_one_power() -> None:
    """The closed form for one power, and the root-finder through a second term that hardly counts."""
    for direction in DIRECTIONS.values():
        one, other = (best_step(G, H, direction) for H in (Power(3.0), Polynomial({3: 1.0, 5: 1e-14})))
        assert one == pytest.approx(other, rel=1e-12)


def test_exact_efficiencies() -> None:
    """Rational numbers from Dirichlet moments, n > k, and a spectrum as direction."""
    q, d = [Fraction(1), Fraction(1, 2), Fraction(1, 7)], [Fraction(2), Fraction(1), Fraction(1)]
    for power, n in ((4, 3), (6, 5)):
        g = even_powers.gradient({power: 1}, q, n)
        for direction, asked in ((g, "gd"), ([Fraction(1)] * 3, "muon"), (d, [2.0, 1.0, 1.0])):
            exact = float(mean_powers.efficiency_power(power, q, direction, n)) ** (1 / (power - 1))
            found = efficiency([float(x) for x in g], Power(float(power)), asked, n)
            assert found == pytest.approx(exact, rel=1e-12)


def test_muon_is_optimal_from_the_minimal_kink_on() -> None:
    least, _ = minimal_kink(G, 0.2)
    assert efficiency(G, Kink(1.0, 0.2, 1.01 * least), "muon") == pytest.approx(1.0, abs=1e-12)


@pytest.mark.long
def test_below_the_minimal_kink_muon_is_not_optimal() -> None:
    least, _ = minimal_kink(G, 0.2)
    assert efficiency(G, Kink(1.0, 0.2, 0.9 * least), "muon") < 1 - 1e-6


def test_scale_and_order() -> None:
    for c in (1e-12, 1e12):
        for law in (Power(3.5), Polynomial({4: 1.0, 4.5: c**-0.5})):
            assert 0 < efficiency(c * G, law, "gd") <= 1 + 1e-12
        assert efficiency(c * G, Power(3.5), "muon") == pytest.approx(
            efficiency(G, Power(3.5), "muon"), rel=1e-12
        )
        assert best_step(G, Power(3.5), c * G)[1] == pytest.approx(
            best_step(G, Power(3.5), "gd")[1], rel=1e-12
        )
    H = EVERY["weights"]
    assert efficiency(G[::-1], H, "muon") == pytest.approx(efficiency(G, H, "muon"), rel=1e-12)
    padded = np.append(G, 0.0)
    assert efficiency(padded, Power(3.0), "muon") == pytest.approx(
        efficiency(G, Power(3.0), "muon", 4), rel=1e-12
    )


def test_dead_zones_and_edges() -> None:
    H = Polynomial({1: 1.0, 3: 1.0})
    assert best_step([0.01, 0.01], H, "gd") == (0.0, 0.0)
    assert best_step([0.0, 0.0], H, "gd") == (0.0, 0.0)
    # N*(0.8, 0.3) = 1.2869, but only 1.1 is earned along the ones: GD moves where Muon stays.
    g, edge = [0.8, 0.3], Polynomial({1: 1.2, 3: 1.0})
    assert best_step(g, edge, "muon") == (0.0, 0.0)
    assert efficiency(g, edge, "muon") == 0.0
    assert 0 < efficiency(g, edge, "gd") < 1
    with pytest.raises(ValueError, match='got the status "zero"'):
        efficiency([0.01, 0.01], H, "gd")
    with pytest.raises(ValueError, match='got the status "unbounded"'):
        efficiency([2.0, 2.0], Kink(1.0, 0.1, 1.0), "gd")
    with pytest.raises(ValueError, match="finite best step"):
        best_step([2.0, 2.0], Kink(1.0, 0.1, 1.0), "gd")


def test_bad_input() -> None:
    H = Power(3.0)
    for bad in ("GD", [1.0, 1.0], [0.0, 0.0, 0.0], [1.0, -1.0, 1.0], [[1.0, 1.0, 1.0]]):
        with pytest.raises(ValueError, match="direction must"):
            efficiency(G, H, bad)
    for bad_g in ([1.0, np.nan], [-1.0], [], [[1.0]]):
        with pytest.raises(ValueError, match="g must be"):
            efficiency(bad_g, H, "gd")
    with pytest.raises(ValueError, match="n must be"):
        efficiency(G, H, "gd", 2)
    for p in (1.5, np.inf, "4"):
        with pytest.raises(ValueError, match="p must be"):
            gradient_descent_guarantee(p)  # type: ignore[arg-type]
    for n in (0, 2.5, True):
        with pytest.raises(ValueError, match="n must be"):
            gradient_descent_guarantee(3.0, n)  # type: ignore[arg-type]
    for alpha in (-0.1, np.nan):
        with pytest.raises(ValueError, match="alpha must be"):
            gradient_descent_guarantee_mixed(alpha)


def test_guarantees_are_ordered() -> None:
    """Better for fewer dimensions, for slower growth, and for one power than for any growth between."""
    assert gradient_descent_guarantee(2.0) == pytest.approx(1.0, rel=1e-14)
    assert gradient_descent_guarantee_mixed(0.0) == pytest.approx(1.0, rel=1e-14)
    for p in (2.3, 4.0, 11.0):
        values = [gradient_descent_guarantee(p, n) for n in (1, 2, 8, 1000)] + [gradient_descent_guarantee(p)]
        assert np.all(np.diff(values) < 0)
        assert gradient_descent_guarantee_mixed(p - 2) < values[-1] < gradient_descent_guarantee(p - 0.1)
        assert efficiency(power_law(8), Power(p), "gd") > values[2]
