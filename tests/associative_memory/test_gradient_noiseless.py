"""AML-T3: gradient descent without noise: the sandwich of its potential, 1/t, numbers of steps, the late start."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.associative_memory.bounds import gd_constant, gd_excess, margin_for, potential, steps_to
from labs.associative_memory.descent import gd_margins
from labs.associative_memory.flow_time import flow_margin
from labs.associative_memory.margins import item_loss, masses_of_power_law
from labs.core.streams import stream
from tests.associative_memory import margin_balls as balls
from tests.associative_memory.margin_symbols import memories, symbols
from tests.referee import check, control, verifies
from tests.tightness import worst_case
from theory.associative_memory import AML_T3a, AML_T3b, AML_T3c, AML_T3d
from theory.associative_memory import margin_descent as derived
from theory.evidence import Evidence, enclosed, every, exact, measured, require

EPS = 2.0**-52
NOISELESS = "alpha = 0"

# Steps h = eta p and facts: small, moderate, huge.
RUNS = [
    (Fraction(1, 1000), 2),
    (Fraction(1, 3), 7),
    (Fraction(1), 40),
    (Fraction(6), 3),
    (Fraction(20), 1000),
]


# --- (a) the sandwich ---------------------------------------------------------------------------------------------


@check(AML_T3a)
def one_step_of_the_potential(factor: Fraction = Fraction(1), noise: Fraction = Fraction(0)) -> Evidence:
    """h K <= Phi(m + d) - Phi(m) <= e^d h K and d <= h for every K, m >= 0 and d = h K/Phi'(m) > 0.

    With s = (e^d - 1)/d the increase is d (w s + K - 1), w = e^m; s = 1 + r, e^d = factor (s + q), and r, q > 0
    because their series are: the coefficients of d^n are 1/(n+1)! and 1/n! - 1/(n+1)!.
    """
    import sympy

    require(noise == 0, NOISELESS)
    K, _, v = symbols()
    r, q = sympy.symbols("r q", positive=True)
    n = sympy.Symbol("n", positive=True, integer=True)
    w, s = 1 + v, 1 + r
    slope = sympy.cancel(K / (w * derived.drift(w, K, sympy.Rational(noise)))) * w  # Phi' for h = 1: K/d
    ratio = (w * s + K - 1) / slope
    small = dict.fromkeys(K.free_symbols, 1) | {v: 1000, r: 1, q: Fraction(1, 1000)}
    return every(
        exact(slope, w + K - 1),
        exact(ratio, 1, ">"),
        exact(ratio, factor * (s + q), "<", witness=small),
        exact(sympy.gammasimp(sympy.factorial(n + 1) / sympy.factorial(n)), 1, ">"),
        exact(K / slope, 1, "<"),
    )


@check(AML_T3a)
def run_in_balls(h: Fraction, K: int, steps: int, exponent: Fraction = Fraction(1)) -> Evidence:
    """h K t <= Phi(m_t) <= e^(exponent h) h K t for t = 1..steps, enclosed."""
    with balls.bits(steps):
        found = [balls.potential(m, K) for m in balls.margins([h] * steps, K, Fraction(0))]
        size = balls.ball(h * K)
        top = (balls.ball(exponent * h)).exp()
        below = [enclosed(found[t] - size * t, ">") for t in range(2, steps + 1)]
        above = [enclosed(found[t] - top * size * t, "<") for t in range(1, steps + 1)]
    return every(*below, *above)


@check(AML_T3a)
def run_in_floats(h: float, K: int, steps: int) -> Evidence:
    """The upper half for `gd_margins`; its ratio is how sharp it is."""
    margins = gd_margins(np.array([1.0]), K, 0.0, h, steps)[1:, 0]
    t = np.arange(1, steps + 1)
    ratio = potential(margins, float(K)) / (h * K * t)
    worst = float(np.max(ratio))
    # Phi is rounded by eps Phi' m at most, and the margin by eps m a step.
    error = 8 * EPS * steps * (1 + float(np.max(margins)))
    return every(
        measured(worst, math.exp(h), error * math.exp(h), "<="),
        measured(float(np.min(ratio)), 1.0, error, ">="),
    )


@check(AML_T3a)
def zoo_in_floats(p: np.ndarray, K: int) -> Evidence:
    """The sandwich for all items of a spectrum at once, at a step of eta p_1 = 2."""
    steps, eta = 200, 2.0 / float(np.max(p))
    margins = gd_margins(p, K, 0.0, eta, steps)[1:]
    bottom = eta * p * K * np.arange(1, steps + 1)[:, None]
    error = 8 * EPS * steps * np.maximum(bottom, 1.0) * math.exp(2)
    found = potential(margins, float(K))
    return every(measured(found, bottom, error, ">="), measured(found, np.exp(eta * p) * bottom, error, "<="))


@verifies(AML_T3a)
def test_the_sandwich() -> None:
    one_step_of_the_potential()
    for h, K in RUNS:
        run_in_balls(h, K, 40)


@verifies(AML_T3a)
def test_the_sandwich_for_the_zoo() -> None:
    for p, K, _ in memories():
        zoo_in_floats(p, K)


@verifies(AML_T3a)
def test_how_sharp_the_upper_half_is() -> None:
    worst = worst_case(
        lambda h, K: run_in_floats(h, K, 30),
        lambda x: (float(x[0]), 2 + round(float(x[1]))),
        dimension=2,
        lower=1e-3,
        upper=20.0,
        stream=stream("sandwich"),
        starts=2,
        steps=20,
    )
    assert worst > 0.999  # reached as h -> 0, where both ends meet


@control(AML_T3a, sharpens="e^h -> e^(h/10)")
def test_the_factor_of_the_upper_half() -> None:
    one_step_of_the_potential(factor=Fraction(99, 100))
    run_in_balls(Fraction(1), 2, 40, exponent=Fraction(0))
    run_in_balls(Fraction(1, 2), 2, 10, exponent=Fraction(1, 10))


@control(AML_T3a, drops=NOISELESS)
def test_noise_stops_the_potential() -> None:
    one_step_of_the_potential(noise=Fraction(1, 5))


# --- (b) 1/t --------------------------------------------------------------------------------------------------------


@check(AML_T3b)
def limits_of_a_step(share: int = 1) -> Evidence:
    """As the margin grows a step raises Phi by h K, L Phi -> K - 1, and the sum over items forgets p."""
    import sympy

    K, _, _ = symbols()
    h, y, p, eta = sympy.symbols("h y p eta", positive=True)  # y = e^-m
    step = h * derived.drift(1 / y, K, sympy.Integer(0))
    rise = sympy.limit((sympy.exp(step) - 1) / y + (K - 1) * step, y, 0, "+")
    loss = sympy.log(1 + (K - 1) * y)
    weight = sympy.cancel(sympy.exp(sympy.expand_log(loss - derived.loss(1 / y, K, sympy.Integer(0)))))
    product = sympy.limit(loss * (1 / y - 1 - (K - 1) * sympy.log(y)), y, 0, "+")
    each = (K - 1) / (eta * p * K)
    return every(
        exact(weight, 1),
        exact(rise, h * K),
        exact(product, share * (K - 1)),
        exact(K * p * each, (K - 1) / eta),
    )


@check(AML_T3b)
def losses_times_t(p: np.ndarray) -> Evidence:
    """t L_j eta p_j/(1 - 1/K) and t L eta/(K - 1) are 1 within 0.1 % at t = 1000 K/(eta p_min), for eta p_1 = 1."""
    K, eta = len(p), 1.0 / float(np.max(p))
    t = math.ceil(1000 * K / (eta * np.min(p)))
    losses = item_loss(gd_margins(p, K, 0.0, eta, [t])[0], K, 0.0)
    each = t * losses * eta * p / (1 - 1 / K)
    total = t * float(np.sum(p * losses)) * eta / (K - 1)
    # Steps d_s <= 1/(s + 1) raise Phi above h K t by a share of (1 + log t)/t at most; e^m is less than Phi + 1 by
    # (K - 1) m, m <= log(K (h t + 1)), which is its largest share where h t is least: 1000 K.
    error = (1 + math.log(t)) / t + (1 + math.log(K * (1000 * K + 1))) / (1000 * K)
    assert error < 1e-3
    return every(measured(each, 1.0, error), measured(total, 1.0, error))


@verifies(AML_T3b)
def test_losses_fall_like_one_over_t() -> None:
    limits_of_a_step()
    losses_times_t(np.linspace(1.0, 1.2, 30) / 33)


@control(AML_T3b, changes="K - 1 -> 2 (K - 1)")
def test_the_constant_of_the_decay() -> None:
    limits_of_a_step(2)


# --- (c) numbers of steps -------------------------------------------------------------------------------------------


@check(AML_T3c)
def steps_in_balls(h: Fraction, K: int, eps: Fraction, factor: Fraction = Fraction(1)) -> Evidence:
    """The first t at which the loss is certainly at most eps, between the two bounds."""
    found = steps_to(float(eps), "gd", K=K, eta=float(h), p=1.0)
    most = max(found.upper, 1) + 1
    with balls.bits(most):
        run = balls.margins([h] * most, K, Fraction(0))
        m_eps = (balls.ball(K - 1) / (balls.ball(eps).exp() - 1)).log()
        first = next(t for t, m in enumerate(run) if balls.loss(m, K, Fraction(0)) <= balls.ball(eps))
        time = balls.potential(m_eps, K) / balls.ball(h * K)
        before = enclosed(balls.loss(run[max(first - 1, 0)], K, Fraction(0)) - balls.ball(eps), ">")
        lower = enclosed(time * balls.ball(-h).exp() - balls.ball(factor * first), "<=")
        upper = enclosed(balls.ball(factor * first) - time - 1, "<")
    numbers = exact(max(first, found.lower), first), exact(min(first, found.upper), first)
    return every(before, lower, upper, *numbers)


@verifies(AML_T3c)
def test_the_number_of_steps() -> None:
    for h, K in RUNS[1:]:
        for eps in (Fraction(1, 2), Fraction(1, 30)):
            steps_in_balls(h, K, eps)


@control(AML_T3c, sharpens="T -> 1.05 T")
def test_more_steps_than_needed() -> None:
    steps_in_balls(Fraction(1, 3), 7, Fraction(1, 30), Fraction(21, 20))


def test_the_margin_for_a_loss_has_small_errors() -> None:
    for K in (2, 1000):
        for eps in (1e-12, 0.3, 5.0, 40.0):
            margin = margin_for(eps, K)
            if margin > -700:
                assert item_loss(margin, K, 0.0) == pytest.approx(eps, rel=64 * EPS * (1 + abs(margin)))
    assert steps_to(1.0, "muon", K=5, eta=0.1).upper == math.ceil(math.log(4 / (math.e - 1)) / 0.1)
    assert steps_to(10.0, "gd", K=5, eta=0.1).upper == 0
    two = steps_to(1e-2, "gd", K=2, eta=1.0)  # h = 1/2, h K = 1
    assert two.upper == math.ceil(potential(margin_for(1e-2, 2), 2))
    assert two.lower == math.ceil(math.exp(-0.5) * potential(margin_for(1e-2, 2), 2))
    with pytest.raises(ValueError, match="p must be left out"):
        steps_to(1.0, "muon", K=5, eta=0.1, p=0.2)
    with pytest.raises(ValueError, match="rule must be"):
        steps_to(1.0, "adam", K=5, eta=0.1)
    with pytest.raises(ValueError, match="K must be an integer"):
        steps_to(1.0, "gd", K=1, eta=0.1)
    good: dict[str, Any] = {"eps": 1.0, "rule": "gd", "K": 5, "eta": 0.1, "p": 0.2}
    for name in ("eps", "eta", "p"):
        for value in (0.0, np.nan, np.array([0.1, 0.2])):
            with pytest.raises(ValueError, match=f"^{name} must be"):
                steps_to(**(good | {name: value}))


# --- (d) where 1/t begins -------------------------------------------------------------------------------------------


def slope_at(T: float, beta: float = 2.0, M: int = 300, C: int = 30, window: float = 1.02) -> float:
    """The local slope of the loss at eta = 1/p_1: descent up to T = 2000, flow beyond (they differ by 1e-4 there)."""
    masses, K = masses_of_power_law(beta, M), M * C
    p = masses / masses[0]
    if T <= 2000:
        steps = [round(T / window), round(T * window)]
        ends = np.array(steps, dtype=float)
        margins = gd_margins(p, K, 0.0, 1.0, steps)
    else:
        ends = np.array([T / window, T * window])
        margins = flow_margin(ends[:, None], K, 0.0, p)
    first, last = np.log(np.sum(masses * item_loss(margins, K, 0.0), axis=-1))
    return float((last - first) / math.log(ends[1] / ends[0]))


@check(AML_T3d)
def local_slope(T: float, low: float, high: float, window: float = 1.02) -> Evidence:
    slope = slope_at(T, window=window)
    # What is printed is rounded to its last digit.
    return every(measured(slope, low, 0.0051, ">="), measured(slope, high, 0.0051, "<="))


# T, slopes seen, window (at T = 30 a window of a few steps is noise of the head's first steps).
SLOPES = [
    (30, -0.56, -0.53, 1.3),
    (100, -0.51, -0.50, 1.3),
    (300, -0.52, -0.51, 1.3),
    (1000, -0.53, -0.52, 1.3),
    (1e5, -0.92, -0.91, 1.02),
    (5e5, -2.40, -2.40, 1.02),
    (8e5, -2.53, -2.53, 1.02),
    (5e6, -1.09, -1.09, 1.02),
]


@verifies(AML_T3d)
def test_where_the_decay_begins() -> None:
    for case in SLOPES:
        local_slope(*case)


@control(AML_T3d, changes="slope -> -1 from the beginning")
def test_the_decay_has_not_begun() -> None:
    local_slope(5e5, -1.01, -0.99)


def test_the_early_loss_follows_the_law_of_a_power_law() -> None:
    masses, K, T = masses_of_power_law(2.0, 300), 9000, 1000
    found = float(np.sum(masses * item_loss(gd_margins(masses / masses[0], K, 0.0, 1.0, [T])[0], K, 0.0)))
    assert found == pytest.approx(gd_excess(T, K, 0.0, 2.0, 300), rel=2e-3)
    # Without an end of the groups the law has some more to lose.
    assert 1.0 < gd_constant(K, 0.0, 2.0, M=300) * T**-0.5 / found < 1.1
