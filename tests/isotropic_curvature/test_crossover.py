"""ICM-X14: how bad Muon can be, and from which exponent on it beats gradient descent."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from labs.core.spectrum import nearly_equal, power_law, two_level
from labs.core.streams import stream
from labs.isotropic_curvature import Power
from labs.isotropic_curvature.efficiency import best_step, crossover_exponent, efficiency
from tests.isotropic_curvature.device import solve
from tests.isotropic_curvature.menu import rationals, spectra
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, certified, enclosed, every, exact, measured, require
from theory.isotropic_curvature import ICM_X14a, ICM_X14b, ICM_X14c, any_dimension, even_powers, mean_powers
from theory.isotropic_curvature.dirichlet import moment

SQUARE = "k = n"
VARIED = "g not constant"


# --- one strong direction ----------------------------------------------------------------------------------------


@check(ICM_X14a)
def muon_on_a_spike(power: int, shift: int) -> Evidence:
    """eff(U V^T)^(p-1) at g = (1, eps, ..., eps), n a symbol, tends to E u_1^(p/2), n + shift in place of n.

    q = (1, d, ..., d) is optimal for g = (lambda_1, d lambda_2, ...), and g_2/g_1 -> 0 as d -> 0.
    eff(1)^(p-1) = (sum g/<q, g>)^p E rho(q)^p/E rho(1)^p.
    """
    import sympy

    n = sympy.Symbol("n", positive=True)
    d = sympy.Symbol("d", nonnegative=True)
    order = power // 2
    two = any_dimension.pair(power)
    point = {two.x_i: 1, two.x_j: d**2} | {A: (n - 2) * d ** (2 * l) for l, A in enumerate(two.rest, start=1)}
    first, second = (w.subs(point, simultaneous=True) for w in (two.weight_i, two.weight_j))
    inner = first + (n - 1) * d**2 * second
    mean = mean_powers.mean_of_sums([1 + (n - 1) * d ** (2 * l) for l in range(1, order + 1)], n)
    flat = mean_powers.mean_of_sums([n] * order, n)
    reached = ((first + (n - 1) * d * second) / inner) ** power * mean / flat
    return every(
        exact(reached.subs(d, 0), moment((order,), n + shift)),
        exact((d * second / first).subs(d, 0), 0),
    )


@check(ICM_X14a)
def quartic_limit(shift: int) -> Evidence:
    """E u_1^2 = 3/(n (n + 2)), n + shift in place of n."""
    import sympy

    n = sympy.Symbol("n", positive=True)
    return exact(moment((2,), n), 3 / ((n + shift) * (n + shift + 2)))


@check(ICM_X14a)
def muon_on_a_faint_rest(p: float, n: int, eps: float, power: float = 1.0) -> Evidence:
    """eff(U V^T) at g = (1, eps, ..., eps) against (E|zeta_1|^p)^(power/(p-1)).

    The distance is of first order in eps: sum g = 1 + (n-1) eps, the rest is of order eps^2; p/(p-1) <= 3 times that.
    """
    g = np.append(1.0, np.full(n - 1, eps))
    limit = float((mean_powers.coordinate_moment_ball(p, n) / n ** (p / 2)).mid()) ** (power / (p - 1))
    return measured(efficiency(g, Power(p), "muon") / limit, 1.0, 3 * n * eps)


@verifies(ICM_X14a)
def test_muon_can_be_arbitrarily_bad() -> None:
    quartic_limit(0)
    for power in (4, 6):
        muon_on_a_spike(power, 0)
    for p, n in ((1.6, 3), (2.5, 8), (4.0, 4), (4.0, 64), (7.3, 8)):
        muon_on_a_faint_rest(p, n, 1e-6)


@control(ICM_X14a, changes="n -> n + 1")
def test_muon_in_another_dimension() -> None:
    quartic_limit(1)
    muon_on_a_spike(4, 1)


@control(ICM_X14a, changes="exponent 1/(p-1) -> 1/p")
def test_muon_with_another_exponent() -> None:
    muon_on_a_faint_rest(4.0, 8, 1e-6, 3 / 4)


# --- the crossover -----------------------------------------------------------------------------------------------


@check(ICM_X14b)
def muon_against_gradient_descent(power: int, q: list[Fraction]) -> Evidence:
    """eff(U V^T)/eff(G), to the power p - 1, is (N_p(g) sum g/sum g^2)^p: the optimum cancels; k = n, exactly."""
    n = len(q)
    g = even_powers.gradient({power: 1}, q, n)
    muon, descent = (mean_powers.efficiency_power(power, q, d, n) for d in ([Fraction(1)] * n, g))
    mean = even_powers.penalty({power: 1}, g, n)
    return exact(muon / descent, mean * (sum(g) / sum(x * x for x in g)) ** power)


@check(ICM_X14b)
def norms_increase(power: int, count: int) -> Evidence:
    """N_p(g) < N_(p+2)(g) for p even and k = n = count, to the power p (p+2)/2; g_i^2 = g_(i+1)^2 + v_i, v_i > 0."""
    import sympy

    steps = sympy.symbols(f"v1:{count + 1}", positive=True)
    x = [sum(steps[i:]) for i in range(count)]
    low, high = (
        mean_powers.mean_of_sums([sum(a**l for a in x) for l in range(1, order + 1)], count)
        for order in (power // 2, power // 2 + 1)
    )
    return exact(sympy.expand(low ** (power // 2 + 1)), sympy.expand(high ** (power // 2)), "<")


@check(ICM_X14b)
def ends_of_the_range(count: int) -> Evidence:
    """N_2(g) < sum g^2/sum g < g_1, by squares, for g with all differences positive: a crossover exists."""
    import sympy

    steps = sympy.symbols(f"v1:{count + 1}", positive=True)
    g = [sum(steps[i:]) for i in range(count)]
    squares, total = sum(x**2 for x in g), sum(g)
    return every(
        exact(sympy.expand(total**2), sympy.expand(count * squares), "<"),
        exact(sympy.expand(squares), sympy.expand(g[0] * total), "<"),
    )


@check(ICM_X14b)
def crosses(g: list[Fraction], low: Fraction, high: Fraction, terms: int = 300) -> Evidence:
    """N_p(g) - sum g^2/sum g changes sign between low and high, by balls."""
    return every(
        enclosed(mean_powers.crossover_excess_ball(g, low, terms), "<"),
        enclosed(mean_powers.crossover_excess_ball(g, high, terms), ">"),
    )


@check(ICM_X14b)
def muon_wins_above(g: np.ndarray, shift: float = 0.0) -> Evidence:
    """The sign of eff(U V^T) - eff(G) is that of p - p_c, measured one part in 50 on both sides of p_c (1 + shift).

    The ratio of the two decreases errs by 1e-13 p, as `expect` does by 1e-14 and its slope in q is p.
    """
    require(np.all(g > 0), SQUARE)
    require(np.ptp(g) > 0, VARIED)
    found = []
    for side in (-1.0, 1.0):
        p = crossover_exponent(g) * (1 + shift) * (1 + 0.02 * side)
        muon, descent = (best_step(g, Power(p), d)[1] for d in ("muon", "gd"))
        found.append(measured(side * (muon / descent - 1), 0.0, 1e-11, ">", margin=1e-9))
    return every(*found)


# (n, s, p_c): g_i = i^-s.
PRINTED = [
    (8, 1.0, "7.598909"),
    (32, 1.0, "14.980398"),
    (32, 0.5, "10.317184"),
    (128, 1.0, "34.0375"),
    (128, 0.5, "16.9208"),
]


def _power_law(n: int, s: float) -> list[Fraction]:
    """i^-1 exactly, i^-s rounded to a double."""
    return [Fraction(1, i) if s == 1 else Fraction(float(i) ** -s) for i in range(1, n + 1)]


@verifies(ICM_X14b)
@pytest.mark.parametrize(("n", "s", "value"), PRINTED)
def test_printed_crossovers(n: int, s: float, value: str) -> None:
    half_unit = Fraction(1, 2 * 10 ** len(value.split(".")[1]))
    crosses(_power_law(n, s), Fraction(value) - half_unit, Fraction(value) + half_unit)


@verifies(ICM_X14b)
def test_computed_crossovers_are_roots() -> None:
    cases = (
        [*rationals("1", "1/2", "1/3", "1/7")],
        rationals("1", "999/1000"),
        rationals("1", "1", "1", "1/50"),
    )
    for g in cases:
        found = Fraction(crossover_exponent([float(x) for x in g]))
        crosses(g, found * (1 - Fraction(1, 10**11)), found * (1 + Fraction(1, 10**11)))


@verifies(ICM_X14b)
def test_comparison_and_monotonicity_by_algebra() -> None:
    for power in (4, 6):
        muon_against_gradient_descent(power, rationals("1", "1/2", "1/5"))
        muon_against_gradient_descent(power, rationals("1", "1", "1/1000", "1/2000"))
    for power, count in ((2, 3), (4, 2)):
        norms_increase(power, count)
    ends_of_the_range(4)


@verifies(ICM_X14b)
def test_muon_wins_above_the_crossover() -> None:
    muon_wins_above(np.array([1.0, 0.4]))
    for g in spectra(8, "crossover"):
        # Nearly equal entries: a difference below double precision.  A large exponent: long sums.
        if np.ptp(g) > 1e-3 and crossover_exponent(g) < 15:
            muon_wins_above(g)


@control(ICM_X14b, changes="p_c -> 1.001 p_c")
def test_another_crossover() -> None:
    for n, s, value in PRINTED[:3]:
        crosses(
            _power_law(n, s), Fraction(value) * Fraction(1001, 1000), Fraction(value) * Fraction(1002, 1000)
        )


@control(ICM_X14b, changes="p_c -> 1.05 p_c")
def test_muon_wins_below_another_crossover() -> None:
    muon_wins_above(power_law(8), shift=0.05)


@check(ICM_X14b)
def efficiencies_quoted(p: float, descent: float, muon: float) -> Evidence:
    """eff(G) and eff(U V^T) at n = 16, g_i = 1/i, to the four digits given, certified; their order is that of p_c."""
    g, H = power_law(16), Power(p)
    best = solve(g, H)
    require(p > 2, VARIED)
    most, least = -float(best.value) + float(best.gap), -float(best.value)
    reached = [best_step(g, H, d)[1] for d in ("gd", "muon")]
    # Half a unit of the fourth digit, on both sides.
    defects = [
        max(abs(r / most - e), abs(r / least - e)) - 5e-5
        for r, e in zip(reached, (descent, muon), strict=True)
    ]
    defects.append((reached[1] - reached[0]) * (-1 if p > crossover_exponent(g) else 1))
    return certified(most, least, 1e-12 * most, defects=defects)


@verifies(ICM_X14b)
def test_printed_efficiencies() -> None:
    for p, descent, muon in (
        (2.5, 0.9948, 0.5412),
        (4.0, 0.9568, 0.6655),
        (8.0, 0.8575, 0.7806),
        (16.0, 0.7498, 0.8607),
    ):
        efficiencies_quoted(p, descent, muon)


@restates(ICM_X14b)
def test_crossovers_of_scaled_shuffled_and_padded_gradients() -> None:
    g = power_law(8)
    value = crossover_exponent(g)
    for other in (1e-150 * g, 1e150 * g, g[::-1], np.append(g, [0.0, 0.0])):
        assert crossover_exponent(other) == pytest.approx(value, rel=1e-12)
    muon_wins_above(1e-9 * g[::-1])


# --- nearly constant gradients -----------------------------------------------------------------------------------


@check(ICM_X14c)
def crossover_near_isotropy(offset: int) -> Evidence:
    """The eps^2-terms of log N_p(g) and of log(sum g^2/sum g) agree at p = (n + offset)/2, for real p and any n.

    g = 1 + eps h with sum h = 0, sum h^2 = n.  rho^2 = 1 + delta.u, delta = 2 eps h + eps^2 h^2, and to this order
    E (1 + delta.u)^(p/2) = 1 + (p/2) E delta.u + (p/2)(p/2 - 1)/2 E (delta.u)^2.
    """
    import sympy

    n = sympy.Symbol("n", positive=True)
    p = (n + offset) / 2
    first = n * moment((1,), n)  # of sum delta = eps^2 n
    # E (h.u)^2 with sum h = 0: (E u_1^2 - E u_1 u_2) sum h^2, times 2^2.
    second = 4 * n * (moment((2,), n) - moment((1, 1), n))
    log_mean = (p / 2 * first + p / 2 * (p / 2 - 1) / 2 * second) / p
    return exact(sympy.expand(log_mean), 1)


@check(ICM_X14c)
def crossover_of_nearly_equal(g: np.ndarray, offset: float = 6.0) -> Evidence:
    """p_c -> (n + offset)/2: the distance is of first order in the spread, 3 n times it at most here.

    Rounding of g changes its spread by eps, and so p_c by a multiple of eps/spread.
    """
    spread = float(np.ptp(g) / np.max(g))
    require(spread > 0, VARIED)
    return measured(crossover_exponent(g), (len(g) + offset) / 2, 3 * len(g) * (spread + 1e-15 / spread))


@verifies(ICM_X14c)
def test_the_crossover_of_nearly_constant_gradients() -> None:
    crossover_near_isotropy(6)
    for n in (2, 5, 32, 256):
        for spread in (1e-8, 1e-4):
            crossover_of_nearly_equal(nearly_equal(n, spread))
    crossover_of_nearly_equal(two_level(7, 1 - 1e-5))
    crossover_of_nearly_equal(1 + 1e-6 * stream("nearly equal").random(9))


@control(ICM_X14c, changes="n + 6 -> n + 5")
def test_another_limit_of_the_crossover() -> None:
    crossover_near_isotropy(5)
    crossover_of_nearly_equal(nearly_equal(8, 1e-6), 5.0)
