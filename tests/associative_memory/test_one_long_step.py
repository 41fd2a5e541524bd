"""AML-X2: without noise one step of gradient descent is enough; with noise it overshoots."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from labs.associative_memory.bounds import margin_for
from labs.associative_memory.descent import gd_errors, gd_margins
from labs.associative_memory.margins import item_excess, item_loss, least_loss, peak
from tests.associative_memory.margin_symbols import memories, symbols
from tests.referee import check, control, verifies
from theory.associative_memory import AML_X2a, AML_X2b
from theory.associative_memory import margin_descent as derived
from theory.evidence import Evidence, every, exact, measured, require

EPS = 2.0**-52


@check(AML_X2a)
def one_step_reaches(p: np.ndarray, eps: float, share: float = 1.0, alpha: float = 0.0) -> Evidence:
    """After one step of size share * m_eps/p_min no item has a loss above eps."""
    require(alpha == 0, "alpha = 0")
    K = len(p)
    eta = share * margin_for(eps, K) / float(np.min(p))
    (margins,) = gd_margins(p, K, alpha, eta, [1])
    # The loss changes by at most 1 per unit of the margin, which is rounded.
    return measured(float(np.max(item_loss(margins, K, alpha))), eps, 16 * EPS * (1 + np.max(margins)), "<=")


@check(AML_X2a)
def one_step_is_the_frequency(noise: Fraction = Fraction(0)) -> Evidence:
    """g(0) = 1 for every K; the loss at the margin m_eps is eps, and it decreases."""
    import sympy

    require(noise == 0, "alpha = 0")
    K, _, w = symbols()
    eps = sympy.Symbol("eps", positive=True)
    there = sympy.log(1 + (K - 1) / ((K - 1) / (sympy.exp(eps) - 1)))
    return every(
        exact(derived.drift(w, K, sympy.Rational(noise)).subs(w, 1), 1),
        exact(sympy.cancel(sympy.exp(there) - sympy.exp(eps)), 0),
        exact(derived.by_margin(derived.loss(w, K, sympy.Integer(0)), w), 0, "<"),
    )


@check(AML_X2b)
def overshoot(p: np.ndarray, alpha: float, eta: float, power: float = 1.0) -> Evidence:
    """The excess after one step is h (1 - alpha) (1 - pi) up to what does not grow with h."""
    K = len(p)
    (errors,) = gd_errors(p, K, alpha, eta, [1])
    h = eta * p
    found = item_excess(errors, K, alpha)
    linear = h * (1 - alpha) * (1 - peak(K, alpha)) ** power
    rest = np.log1p((K - 1) * np.exp(-h * (1 - alpha))) - least_loss(K, alpha)
    return every(
        measured(found, linear + rest, 64 * EPS * (1 + np.max(h))),
        measured(np.abs(found - linear), np.log(K), 64 * EPS * np.max(h), "<="),
    )


@check(AML_X2b)
def overshoot_for_every_memory(power: int = 1) -> Evidence:
    """log(w + K - 1) - pi log w = (1 - pi) log w + log(1 + (K - 1)/w), with log w = (1 - alpha) h."""
    import sympy

    K, alpha, w = symbols()
    pi = derived.peak(K, alpha)
    split = (1 - pi) ** power * sympy.log(w) + sympy.log((w + K - 1) / w)
    difference = derived.loss(w, K, alpha) - split
    point = dict.fromkeys((*K.free_symbols, *alpha.free_symbols), 1) | {w: 3}
    return exact(sympy.expand(sympy.expand_log(difference, force=True)), 0, witness=point)


@verifies(AML_X2a)
def test_one_step_reaches_any_loss() -> None:
    one_step_is_the_frequency()
    for p, K, _ in memories():
        if np.min(p) > 0 and len(p) == K:
            for eps in (1e-1, 1e-10):
                one_step_reaches(p, eps)


@verifies(AML_X2b)
def test_the_overshoot_with_noise() -> None:
    overshoot_for_every_memory()
    p = np.array([0.5, 0.3, 0.15, 0.05])
    for eta in (10.0, 1e3, 1e6):
        overshoot(p, 0.2, eta)


@control(AML_X2a, drops="alpha = 0")
def test_one_step_with_noise_overshoots() -> None:
    one_step_is_the_frequency(Fraction(1, 5))
    one_step_reaches(np.array([0.5, 0.3, 0.15, 0.05]), 1e-3, alpha=0.2)


@control(AML_X2a, sharpens="eta -> 0.99 eta")
def test_a_shorter_step_does_not_reach_it() -> None:
    one_step_reaches(np.array([0.5, 0.3, 0.2]), 1e-3, share=0.99)


@control(AML_X2b, changes="(1 - pi) -> (1 - pi)^2")
def test_the_slope_of_the_overshoot() -> None:
    overshoot_for_every_memory(2)
    overshoot(np.array([0.6, 0.4]), 0.2, 1e3, 2.0)
