"""AML-T8.a: an explicit lower bound of gradient descent's excess over a power law of frequencies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from labs.associative_memory.bounds import gd_lower_bound
from tests.associative_memory import margin_balls as balls
from tests.associative_memory.margin_symbols import symbols
from tests.associative_memory.power_laws import NOISE, excess
from tests.referee import check, control, verifies
from theory.associative_memory import AML_T8a
from theory.associative_memory import margin_descent as derived
from theory.evidence import Evidence, enclosed, every, exact, measured

# --- (a) the lower bound -----------------------------------------------------------------------------------------


@check(AML_T8a)
def bound_in_balls(
    beta: int, M: int, C: int, steps: Sequence[Fraction], factor: Fraction = Fraction(1)
) -> Evidence:
    """The bound for steps eta_t p_1, beta an integer, noise 1/5: every quantity enclosed."""
    K, alpha = M * C, Fraction(1, 5)
    with balls.bits(len(steps)):
        weights = [Fraction(1, i**beta) for i in range(1, M + 1)]
        runs = [balls.margins([x * h for h in steps], K, alpha)[-1] for x in weights]
        total = sum(
            (
                balls.ball(x / sum(weights)) * balls.excess(m, K, alpha)
                for x, m in zip(weights, runs, strict=True)
            ),
            balls.ball(0),
        )
        best = balls.best(K, alpha)
        power = 2 * (1 - alpha) * sum(steps)
        # i0 is the first i with power <= m* i^beta; a ball that straddled would be no bound.
        first = next(i for i in range(1, M + 2) if balls.ball(power) <= best * i**beta)
        mass = (Fraction(first) ** (1 - beta) - Fraction(M + 1) ** (1 - beta)) / (sum(weights) * (beta - 1))
        gain = balls.loss(best / 2, K, alpha) - balls.loss(best, K, alpha)
        bound = gain * balls.ball(factor * mass)
        return enclosed(total - bound, ">=", ratio=float(bound / total))


@check(AML_T8a)
def bound_in_floats(beta: float, M: int, C: int, T: int, kappa: float = 1.0, factor: float = 1.0) -> Evidence:
    """`gd_lower_bound` for `gd_errors`; its ratio says how far it is."""
    (found,) = excess(beta, M, C, [T], kappa)
    bound = factor * gd_lower_bound(T, M * C, NOISE, beta, M, kappa)
    # Stable runs round their sums; the bound is a factor of two away.
    return measured(bound, float(found), 1e-9 * float(found), "<=")


@check(AML_T8a)
def pieces_of_the_bound(factor: Fraction = Fraction(1)) -> Evidence:
    """On m >= 0 an increment is at most (1 - alpha) h; l decreases below m*; i^-beta >= int_i^(i+1) x^-beta dx."""
    import sympy

    K, alpha, v = symbols()
    w = 1 + v
    below = K * derived.peak(K, alpha) / alpha / w  # e^m = (K pi/alpha)/w < e^m*
    y = sympy.Symbol("y", positive=True)
    slope = derived.by_margin(derived.loss(y, K, alpha), y)
    return every(
        exact(
            derived.drift(w, K, alpha),
            factor * (1 - alpha),
            "<",
            witness=dict.fromkeys(w.free_symbols, Fraction(1, 999))
            | dict.fromkeys(K.free_symbols | alpha.free_symbols, 1),
        ),
        exact(sympy.cancel(slope.subs(y, below)), 0, "<"),
        *(exact(y**-b - sympy.integrate(y**-b, (y, y, y + 1)), 0, ">") for b in (2, 3, 4)),
    )


@verifies(AML_T8a)
def test_the_explicit_lower_bound() -> None:
    pieces_of_the_bound()
    decaying = [Fraction(1, t) for t in range(1, 21)]
    for steps in ([Fraction(1)] * 20, [Fraction(5, 2)] * 12, decaying, [Fraction(40), Fraction(1, 3)]):
        bound_in_balls(2, 15, 4, steps)
    bound_in_balls(3, 8, 50, [Fraction(1)] * 30)


@verifies(AML_T8a)
def test_the_lower_bound_at_size() -> None:
    for T in (30, 300, 1500):
        bound_in_floats(2.0, 2000, 50, T)
    bound_in_floats(1.5, 500, 20, 300, 0.5)
    bound_in_floats(1.2, 500, 20, 300)


def test_the_bound_is_the_formula() -> None:
    """labs' bound, written out for a few groups: what ends where shows."""
    K, M, beta = 60, 15, 1.5
    best, pi = math.log(1 + 4 * K), 0.8 + 0.2 / K
    loss = [math.log(math.exp(m) + K - 1) - pi * m for m in (best / 2, best)]
    Z = sum(i**-beta for i in range(1, M + 1))
    for T, kappa in ((2.0, 1.0), (20.0, 1.0), (7.0, 4.0)):
        i = math.ceil((1.6 * kappa * T / best) ** (1 / beta))
        assert 1 < i < M or T == 2.0
        expected = (loss[0] - loss[1]) * (i ** (1 - beta) - (M + 1) ** (1 - beta)) / (Z * (beta - 1))
        assert gd_lower_bound(T, K, NOISE, beta, M, kappa) == pytest.approx(expected, rel=1e-12)


def test_the_bound_is_40_to_46_percent_of_a_run() -> None:
    found = excess(2.0, 2000, 50, [30, 100, 300, 1000, 3000])
    times = (30, 100, 300, 1000, 3000)
    bounds = np.array([gd_lower_bound(T, 10**5, NOISE, 2.0, 2000) for T in times])
    np.testing.assert_allclose(bounds / found, [0.440, 0.407, 0.404, 0.431, 0.448], atol=6e-4)


@pytest.mark.long
def test_the_bound_is_46_percent_of_a_long_run() -> None:
    times = [10_000, 30_000]
    bounds = np.array([gd_lower_bound(T, 10**5, NOISE, 2.0, 2000) for T in times])
    np.testing.assert_allclose(bounds / excess(2.0, 2000, 50, times), [0.455, 0.459], atol=6e-4)


@control(AML_T8a, sharpens="the bound -> 2.6 times as much")
def test_the_bound_has_this_constant() -> None:
    pieces_of_the_bound(Fraction(9, 10))
    bound_in_floats(2.0, 2000, 50, 30, factor=2.6)
