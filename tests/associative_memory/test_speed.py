"""AML-T5: how many steps gradient descent and Muon need to a margin, at the same step and at its own."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from labs.associative_memory.descent import gd_margins
from labs.associative_memory.margins import masses_of_power_law, optimal_margin
from labs.associative_memory.reduced import Reduced
from tests.associative_memory import margin_balls as balls
from tests.associative_memory.margin_symbols import symbols
from tests.referee import check, control, verifies
from theory.associative_memory import AML_T5a, AML_T5b, AML_T5c, AML_T5d
from theory.associative_memory import margin_descent as derived
from theory.evidence import Evidence, enclosed, every, exact, measured, require

EPS = 2.0**-52
BEFORE = math.sqrt(2) - 1  # the first sign change of Muon comes at a margin x with x (1 + BEFORE/C) >= m*
SAME, BELOW = "the same eta", "m below the first sign change"


def gd_steps(p: np.ndarray, K: int, alpha: float, eta: float, m: float, most: int) -> np.ndarray:
    """For each item the first t <= most with a margin >= m (most + 1 where there is none)."""
    reached = gd_margins(p, K, alpha, eta, most) >= m
    return np.where(np.any(reached, axis=0), np.argmax(reached, axis=0), most + 1)


def muon_steps(sizes: tuple[int, ...], masses: np.ndarray, alpha: float, eta: float, m: float) -> np.ndarray:
    """For each group the first t at which its contrast, the in-group margin, is m up to rounding."""
    run = Reduced(sizes, masses, alpha).simulate(eta, math.ceil(m / eta) + 2, "muon")
    return np.argmax(run.contrasts >= m * (1 - 8 * EPS), axis=0)


# --- (a) gradient descent ----------------------------------------------------------------------------------------


@check(AML_T5a)
def increments_are_bounded(factor: Fraction = Fraction(1)) -> Evidence:
    """g <= factor (1 - alpha) for all m >= 0, with equality at 0."""
    K, alpha, v = symbols()
    start = dict.fromkeys((*K.free_symbols, *alpha.free_symbols), 1) | {v: Fraction(1, 1000)}
    return exact(derived.drift(1 + v, K, alpha), factor * (1 - alpha), "<", witness=start)


@check(AML_T5a)
def margin_in_balls(
    h: Fraction, K: int, alpha: Fraction, steps: int, factor: Fraction = Fraction(1)
) -> Evidence:
    """m(t) <= factor (1 - alpha) h t along an enclosed run."""
    with balls.bits(steps):
        run = balls.margins([h] * steps, K, alpha)
        slope = balls.ball(factor * (1 - alpha) * h)
        return every(*(enclosed(run[t] - slope * t, "<") for t in range(2, steps + 1)))


@verifies(AML_T5a)
def test_the_number_of_steps_of_gradient_descent() -> None:
    increments_are_bounded()
    for h, K, alpha in ((Fraction(1), 7, Fraction(1, 5)), (Fraction(1, 100), 1000, Fraction(0))):
        margin_in_balls(h, K, alpha, 40)


@control(AML_T5a, sharpens="1 - alpha -> 0.98 (1 - alpha)")
def test_the_first_steps_are_as_long() -> None:
    increments_are_bounded(Fraction(98, 100))
    margin_in_balls(Fraction(1, 100), 1000, Fraction(0), 5, Fraction(98, 100))


# --- (b) Muon ----------------------------------------------------------------------------------------------------


@check(AML_T5b)
def muon_needs(M: int, C: int, beta: float, alpha: float, eta: float, m: float) -> Evidence:
    """ceil(m/eta) in every group."""
    best = optimal_margin(M * C, alpha)
    require(m * (1 + (BEFORE / C if M > 1 else 0.0)) <= best, BELOW)
    found = muon_steps((C,) * M, masses_of_power_law(beta, M), alpha, eta, m)
    # Whole numbers: a hundredth stands for equality.
    return measured(found.astype(float), float(math.ceil(m / eta * (1 - 8 * EPS))), 0.005)


@verifies(AML_T5b)
def test_the_number_of_steps_of_muon() -> None:
    for M, C, beta, alpha in ((1, 12, 1.0, 0.2), (5, 4, 2.0, 0.2), (6, 3, 8.0, 0.1), (3, 50, 1.5, 0.6)):
        best = optimal_margin(M * C, alpha)
        for share in (0.5, 0.999 / (1 + BEFORE / C)):
            muon_needs(M, C, beta, alpha, 0.1, share * best)


@control(AML_T5b, drops=BELOW)
def test_muon_stops_at_the_best_margin() -> None:
    for M, C, beta, alpha in ((1, 12, 1.0, 0.2), (5, 40, 2.0, 0.2)):
        muon_needs(M, C, beta, alpha, 0.02, 1.03 * optimal_margin(M * C, alpha))


# --- (c), (d) the ratio ------------------------------------------------------------------------------------------


@check(AML_T5c, AML_T5d)
def ratio_of_bounds(factor: Fraction = Fraction(1)) -> Evidence:
    """T_GD >= m/(eta_GD p (1 - alpha)) over T_Muon <= m/eta + 1, at the same step and at eta_GD = 1/p_1."""
    import sympy

    m, eta, C, mass, p, p1, rest = sympy.symbols("m eta C mass p p1 rest", positive=True)
    _, alpha, _ = symbols()
    slow = sympy.Symbol("slow", nonnegative=True)  # how much later than the bound
    muon = m / eta + 1 / (1 + rest)
    point = dict.fromkeys((m, eta, C, mass, p, p1, *alpha.free_symbols), 1) | {
        slow: 0,
        rest: Fraction(1, 100),
    }
    same = (m * C / (eta * mass * (1 - alpha)) + slow) / muon
    own = (m * p1 / (p * (1 - alpha)) + slow) / muon
    return every(
        exact(same, sympy.Rational(factor) * C / ((1 - alpha) * mass) / (1 + eta / m), ">=", witness=point),
        exact(
            own, sympy.Rational(factor) * eta * p1 / ((1 - alpha) * p) / (1 + eta / m), ">=", witness=point
        ),
    )


@check(AML_T5c)
def ratio_at_the_same_step(C: int, eta: float, *, matched: bool = False) -> Evidence:
    """The measured ratio over its bound, for the groups of a power law; matched: gradient descent takes eta/p_1."""
    M, beta, alpha = 4, 1.5, 0.2
    require(not matched, SAME)
    masses = masses_of_power_law(beta, M)
    p, m = masses / C, 0.5 * optimal_margin(M * C, alpha)
    step = eta / float(p[0]) if matched else eta
    gd = gd_steps(p, M * C, alpha, step, m, math.ceil(6 * m / ((1 - alpha) * step * float(p[-1]))))
    muon = muon_steps((C,) * M, masses, alpha, eta, m)
    bound = C / ((1 - alpha) * masses) / (1 + eta / m)
    # Whole numbers of steps, on the safe side already.
    return measured(gd / muon, bound, 1e-12 * bound, ">=")


@check(AML_T5d)
def ratio_at_its_own_step(C: int, eta: float, factor: float = 1.0) -> Evidence:
    """eta_GD = 1/p_1: the ratio does not contain C."""
    M, beta, alpha = 4, 1.5, 0.2
    masses = masses_of_power_law(beta, M)
    p, m = masses / C, 0.5 * optimal_margin(M * C, alpha)
    gd = gd_steps(p, M * C, alpha, 1 / float(p[0]), m, 200)
    muon = muon_steps((C,) * M, masses, alpha, eta, m)
    bound = factor * eta * p[0] / ((1 - alpha) * p) / (1 + eta / m)
    return every(
        measured(gd / muon, bound, 1e-12 * bound, ">="), measured(gd / muon, 4 * bound, 1e-12 * bound, "<=")
    )


@verifies(AML_T5c)
def test_the_speed_at_the_same_step() -> None:
    ratio_of_bounds()
    for C in (3, 20):
        ratio_at_the_same_step(C, 0.5)


@verifies(AML_T5d)
def test_the_speed_at_its_own_step() -> None:
    ratio_of_bounds()
    for C in (3, 20, 300):
        ratio_at_its_own_step(C, 0.1)


@control(AML_T5c, drops=SAME)
def test_the_group_size_is_lost_with_the_step_over_the_frequency() -> None:
    ratio_at_the_same_step(20, 0.5, matched=True)


@control(AML_T5d, sharpens="the bound -> 1.04 times as much")
def test_the_ratio_has_this_constant() -> None:
    ratio_of_bounds(Fraction(26, 25))
    ratio_at_its_own_step(300, 0.1, 1.04)
