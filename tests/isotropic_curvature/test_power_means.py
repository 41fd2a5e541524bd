"""labs: N_p for any exponent, and the crossover exponent where it is distant or does not exist."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import power_law
from labs.isotropic_curvature import Polynomial, Power, crossover_exponent, efficiency
from labs.isotropic_curvature.power_means import mean_power
from tests.isotropic_curvature.device import expect
from tests.isotropic_curvature.menu import spectra
from theory.isotropic_curvature import mean_powers


@pytest.mark.parametrize("p", ["2", "2.5", "7.3", "34.0375"])
def test_mean_powers_are_the_balls_of_theory(p: str) -> None:
    laws = [[Fraction(1, i) for i in range(1, n + 1)] for n in (3, 32)]
    for g in (*laws, [Fraction(1)] * 2 + [Fraction(1, 3)] * 3):
        norm = mean_powers.norm_ball(g, Fraction(p), 300)  # the series converges slowly for small p
        error = float(norm.rad()) + 2e-14 * (1 + len(g) / float(p))
        found = mean_power(np.array([float(x) for x in g]), float(p))
        assert found == pytest.approx(float(norm.mid()), abs=error)


@pytest.mark.parametrize("n", [2, 5, 256])
def test_mean_powers_are_those_of_the_sphere(n: int) -> None:
    bulks = [np.append(1.0, np.full(n - 1, bulk)) for bulk in (0.03, 0.3)]
    for q in [*bulks, *list(spectra(n, "mean powers"))[::3]]:
        for p in (2.0, 5.3, 20.0):
            value = float(expect(Power(p), q, n + 1, order=0)[0])
            # log N_p errs by 2e-14 (1 + n/p), `expect` by 1e-14.
            assert mean_power(q, p, n + 1) == pytest.approx(value ** (1 / p), rel=3e-14 * (1 + n / p))


def test_mean_powers_of_any_exponent() -> None:
    g = np.array([1.0, 1e-3, 1e-6])
    for p in (2.5, 9.0):  # zeros and scale
        assert mean_power(np.append(2 * g, 0.0), p) == pytest.approx(2 * mean_power(g, p, 4), rel=1e-14)
    assert mean_power([0.0, 3.0], 2.0) == pytest.approx(3 / np.sqrt(2), rel=1e-14)
    assert mean_power([3.0], 123.4) == pytest.approx(3.0, rel=1e-14)
    # p -> infinity at q = e_1, n = 3: (1/(p + 1))^(1/p), as zeta_1 is uniform.
    for power in (1e3, 1e7, 1e13):
        assert np.log(mean_power([1.0], power, 3)) == pytest.approx(-np.log1p(power) / power, rel=1e-10)


@pytest.mark.parametrize("n", [2, 8])
def test_faint_rests_have_distant_crossovers(n: int) -> None:
    """log N_p is about -((n-1)/2) log(p)/p, the target -(n-1) eps: p_c (1 + o(1)) = log(p_c)/(2 eps)."""
    eps = np.array([1e-3, 1e-6, 1e-9])
    found = np.array([crossover_exponent(np.append(1.0, np.full(n - 1, e))) for e in eps])
    assert np.all(np.abs(2 * eps * found / np.log(found) - 1) < 0.5)
    assert np.all(np.diff(np.abs(2 * eps * found / np.log(found) - 1)) < 0)


def test_a_quadrature_that_fails_says_so() -> None:
    """One spike over thousands of faint directions: every second node is no longer enough for six digits."""
    with pytest.raises(RuntimeError, match="did not converge"):
        mean_power(np.append(1.0, np.full(4095, 0.03)), 2.0)


def test_no_crossover() -> None:
    for g in ([1.0, 1.0], [2.0], [0.0, 3.0], [0.0, 0.0]):
        with pytest.raises(ValueError, match="two different positive entries"):
            crossover_exponent(g)
    for bad in ([1.0, np.nan], [1.0, -1.0], [[1.0, 2.0]], []):
        with pytest.raises(ValueError, match="g must be"):
            crossover_exponent(bad)
    arguments: list[tuple[Any, ...]] = [
        ([0.0], 2.0),
        ([1.0], 0.0),
        ([1.0, 0.5], 2.0, 1),
        ([1.0], 2.0, 2.5),
        ([-1.0], 2.0),
    ]
    for bad_call in arguments:
        with pytest.raises(ValueError, match=r"(q|p|n) must be"):
            mean_power(*bad_call)


def test_the_crossover_is_of_power_laws_only() -> None:
    """For a mixture Muon's rank among the updates depends on the size of the gradient too."""
    H = Polynomial({2: 1.0, 40: 1.0})
    order = [
        efficiency(c * power_law(8), H, "muon") > efficiency(c * power_law(8), H, "gd") for c in (1e-3, 1e6)
    ]
    assert order == [False, True]
