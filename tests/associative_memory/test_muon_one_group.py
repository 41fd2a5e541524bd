"""AML-T4, one group: the loss of Muon without label noise, and when its law begins."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from labs.associative_memory.reduced import Reduced
from tests.referee import check, control, verifies
from theory.associative_memory import AML_T4d, AML_T4e
from theory.associative_memory import sign_descent as derived
from theory.evidence import Evidence, enclosed, every, exact, measured, require

EPS = 2.0**-52
NOISELESS = "alpha = 0"


@check(AML_T4d)
def gradient_of_one_group(K: int, noise: Fraction = Fraction(0)) -> Evidence:
    """G is a negative multiple of I - J/K at every m (I - J/K); the loss is log(1 + (K-1) e^-m)."""
    import sympy

    require(noise == 0, NOISELESS)
    E = sympy.Symbol("E", positive=True)
    G, loss = derived.one_group(K, E, sympy.Rational(noise))
    scale = K * G[0, 1]  # minus the eigenvalue on the contrasts
    shape = [G[i, j] - scale * (sympy.Rational(1, K) - int(i == j)) for i in range(K) for j in range(K)]
    return every(
        *(exact(entry, 0) for entry in shape),
        exact(scale, 0, ">", witness={E: 1000}),
        exact(loss, 1 + (K - 1) / E),
    )


@check(AML_T4d)
def steps_needed(K: int, eps: Fraction, eta: Fraction, later: int = 0) -> Evidence:
    """L <= eps at t = ceil(log((K-1)/(e^eps - 1))/eta) + later, and not one step before (as balls)."""
    from flint import arb, fmpq

    def ball(x: Fraction | int) -> arb:
        return arb(fmpq(Fraction(x).numerator, Fraction(x).denominator))

    t = math.ceil(math.log((K - 1) / math.expm1(eps)) / eta) + later

    def excess(steps: int) -> arb:
        return (1 + (K - 1) * (-ball(eta * steps)).exp()).log() - ball(eps)

    return every(enclosed(excess(t), "<="), enclosed(excess(t - 1), ">"))


@check(AML_T4d)
def loss_of_one_group(K: int, eta: float, steps: int) -> Evidence:
    """The reduced memory of one group, to margins of hundreds."""
    found = Reduced((K,), np.ones(1), 0.0).simulate(eta, steps, "muon").loss
    s = eta * np.arange(steps + 1.0)
    expected = np.log1p((K - 1) * np.exp(-s))
    return measured(found, expected, (4 + steps) * (1 + s) * EPS * expected)


@verifies(AML_T4d)
def test_one_group() -> None:
    for K in (2, 3, 5):
        gradient_of_one_group(K)
    for K in (2, 1000, 10**6):
        for eps in (Fraction(1, 10), Fraction(1, 10**6)):
            for eta in (Fraction(1, 10), Fraction(3, 2)):
                steps_needed(K, eps, eta)
    loss_of_one_group(1000, 0.1, 100)
    loss_of_one_group(12, 7.0, 60)


@control(AML_T4d, changes="the number of steps -> one more")
def test_one_step_more_is_not_needed() -> None:
    steps_needed(1000, Fraction(1, 10), Fraction(1, 10), later=1)


@control(AML_T4d, drops=NOISELESS)
def test_with_noise_the_gradient_turns() -> None:
    gradient_of_one_group(3, Fraction(1, 10))


# --- when the law begins -------------------------------------------------------------------------------------


@check(AML_T4e)
def between_two_rationals() -> Evidence:
    """x/(1 + x) <= log(1 + x) <= x: equal at 0, ordered derivatives; 1 + (K-1)/E >= K/E and <= K for E = 1 + v."""
    import sympy

    x, v, k = sympy.symbols("x v k", positive=True)
    parts = []
    for low, high in ((x / (1 + x), sympy.log(1 + x)), (sympy.log(1 + x), x)):
        parts.append(exact((high - low).subs(x, 0), 0))
        parts.append(exact(sympy.diff(high - low, x), 0, ">"))
    K, E = 1 + k, 1 + v
    return every(*parts, exact(1 + (K - 1) / E, K / E, ">"), exact(1 + (K - 1) / E, K, "<"))


@check(AML_T4e)
def at_a_point(K: int, s: Fraction, sharper: Fraction = Fraction(1)) -> Evidence:
    """The four inequalities as balls; `sharper` multiplies the upper law x."""
    from flint import arb, fmpq

    s_ball = arb(fmpq(s.numerator, s.denominator))
    x = (K - 1) * (-s_ball).exp()
    loss, sharp = x.log1p(), arb(fmpq(sharper.numerator, sharper.denominator))
    return every(
        enclosed(loss - x / (1 + x), ">="),
        enclosed(loss - sharp * x, "<=", ratio=float(loss / (sharp * x))),
        enclosed(loss - (arb(K).log() - s_ball), ">="),
        enclosed(loss - arb(K).log(), "<="),
    )


@verifies(AML_T4e)
def test_when_the_law_begins() -> None:
    between_two_rationals()
    for K in (2, 1000, 10**6):
        for s in (Fraction(1, 100), Fraction(5), Fraction(30)):
            at_a_point(K, s)


@control(AML_T4e, sharpens="L <= x -> L <= 0.99 x")
def test_the_law_has_no_room() -> None:
    at_a_point(1000, Fraction(30), Fraction(99, 100))
