"""AML-T4.d, e, g: the loss of Muon without label noise, one group, and when its law begins, for any number."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from labs.associative_memory.margins import masses_of_power_law
from labs.associative_memory.reduced import Reduced
from tests.referee import check, control, verifies
from theory.associative_memory import AML_T4d, AML_T4e, AML_T4g
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


# --- (g) the law of every group ----------------------------------------------------------------------------------

LATE = "eta t >= log K"


@check(AML_T4g)
def sums_when_s_is_log_K(share: Fraction = Fraction(1)) -> Evidence:
    """The sums of AML-T4.c for e^s = K (1 + late), any C = 1 + c, M = 1 + n; `share` multiplies K e^(-h- s).

    e^(-h+ s) = e^-s/(1 + v), e^(-h- s) = e^-s (1 + v): h- <= 1 <= h+.
    """
    import sympy

    c, n, v, late, y, k = sympy.symbols("c n v late y k", positive=True)
    C, K = 1 + c, (1 + c) * (1 + n)
    slow, fast, small = 1 + v, 1 / (1 + v), 1 / (K * (1 + late))
    upper, lower = (((C - 1) + (K - C) * weight) * small for weight in (slow, fast))
    many = {c: 1, n: 1000, v: 1000, late: 1}
    log, x = sympy.log(1 + y), 1 / (1 + y)  # 0 < y, 0 < x < 1
    return every(
        exact(upper, sympy.Rational(share) * K * slow * small, "<", witness=many),
        exact(lower, (K - 1) * fast * small, ">"),
        exact(lower, 1, "<"),
        exact(sympy.diff(y - log, y), 0, ">"),
        exact(sympy.diff(log - y / (1 + y), y), 0, ">"),
        exact(x / (1 + x), x / 2, ">"),
        exact((2 + k) - 1, (2 + k) / 2, ">"),
    )


@check(AML_T4g)
def losses_follow_the_law(C: int, M: int, beta: float, eta: float, first: int) -> Evidence:
    """The losses of 40 steps from `first` on, between the two ends; their ratio to K e^(-h- s) is recorded."""
    K = C * M
    require(eta * first >= math.log(K), LATE)
    run = Reduced((C,) * M, masses_of_power_law(beta, M), 0.0).simulate(eta, first + 40, "muon")
    s = eta * np.arange(first, first + 41.0)[:, None]
    slow, fast = (np.exp(-(1 + sign / C) * s) for sign in (-1 - math.sqrt(2), math.sqrt(2) - 1))
    L = run.group_excess[first:]
    # Logits are right to 50 M eps (1 + s), the loss to as much relative to itself.
    tolerance = (50 * M + first + 40) * EPS * (1 + s) * L
    return every(measured(L, K * slow, tolerance, "<="), measured(L, K / 4 * fast, tolerance, ">="))


@verifies(AML_T4g)
def test_every_group_follows_the_law() -> None:
    sums_when_s_is_log_K()
    for C, M, beta, eta in ((4, 5, 1.5, 0.1), (50, 3, 3.0, 0.3), (2, 6, 8.0, 1.0), (1, 8, 2.0, 0.3)):
        losses_follow_the_law(C, M, beta, eta, math.ceil(math.log(C * M) / eta))


@control(AML_T4g, sharpens="K e^(-h- s) -> 0.99 K e^(-h- s)")
def test_the_law_of_the_groups_has_no_room() -> None:
    sums_when_s_is_log_K(Fraction(99, 100))


@control(AML_T4g, drops=LATE)
def test_the_law_has_a_beginning() -> None:
    losses_follow_the_law(4, 5, 1.5, 0.1, 0)
