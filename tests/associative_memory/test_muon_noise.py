"""AML-T6: the two phases of Muon with label noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from labs.associative_memory.margins import item_excess, masses_of_power_law, optimal_margin, peak
from labs.associative_memory.reduced import Reduced
from labs.associative_memory.signs import phase_averaged_excess, sign_errors, stratified_steps, two_cycle
from labs.core.streams import stream
from tests.associative_memory import plain
from tests.referee import check, control, verifies
from tests.tightness import worst_case
from theory.associative_memory import (
    AML_T6a,
    AML_T6b,
    AML_T6c,
    AML_T6d,
    AML_T6e,
    AML_T6f,
)
from theory.associative_memory import sign_descent as derived
from theory.associative_memory.decay import last_error
from theory.evidence import Evidence, every, exact, measured, require

EPS = 2.0**-52
BETWEEN, RESONANT = "m*/eta not an integer", "m*/eta an integer"

# Targets and steps: the two-cycle in its middle, close to either end, and a step longer than the target.
RUNS = [
    (Fraction(83, 10), Fraction(1, 2)),
    (Fraction(5), Fraction(10, 31)),
    (Fraction(5), Fraction(1000, 19999)),
    (Fraction(1), Fraction(7, 2)),
]


# --- (a) descent -------------------------------------------------------------------------------------------------


@check(AML_T6a)
def drift_towards_the_optimum(K: int) -> Evidence:
    """G = -(g/K) (I - J/K) and the loss of AML-T6.a, for all alpha in (0, 1); g > 0 below m*, g < 0 above."""
    import sympy

    E, a, v = sympy.symbols("E a v", positive=True)
    alpha = a / (1 + a)
    G, loss = derived.one_group(K, E, alpha)
    g = K / (E + K - 1) - alpha
    entries = [exact(G[i, j], -g * (int(i == j) - sympy.Rational(1, K))) for i in (0, 1) for j in (0, 1)]
    above = derived.drift_in_units_of_the_optimum(K, alpha, 1 + v)
    below = derived.drift_in_units_of_the_optimum(K, alpha, 1 / (1 + v))
    pi = 1 - alpha + alpha / K
    return every(
        *entries,
        exact(above, 0, "<"),
        exact(below, 0, ">"),
        exact(loss, 1 + (K - 1) / E),
        exact(1 - pi, alpha * (1 - sympy.Rational(1, K))),
    )


@check(AML_T6a)
def rational_descent(target: Fraction, eta: Fraction, later: int = 0) -> Evidence:
    """m_t = eta t up to t = ceil(m*/eta) + later, in rational numbers."""
    end = math.ceil(target / eta) + later
    return every(*(exact(target + last_error(-target, [eta] * t), eta * t) for t in range(end + 1)))


@check(AML_T6a)
def losses_on_the_way(K: int, alpha: float, eta: float) -> Evidence:
    """The loss of the reduced memory of one group until it passes m*, and its contrast."""
    steps = math.ceil(optimal_margin(float(K), alpha) / eta)
    run = Reduced((K,), np.ones(1), alpha).simulate(eta, steps, "muon")
    s = eta * np.arange(steps + 1.0)
    expected = np.log1p((K - 1) * np.exp(-s)) + alpha * (1 - 1 / K) * s
    # t additions of eta; the loss is a sum of numbers of at most log K + s.
    tolerance = (steps + 16) * EPS * (math.log(K) + s)
    return every(measured(run.loss, expected, tolerance), measured(run.contrasts[:, 0], s, steps * EPS * s))


@verifies(AML_T6a)
def test_descent() -> None:
    for K in (2, 5):
        drift_towards_the_optimum(K)
    for target, eta in RUNS:
        rational_descent(target, eta)
    for K, alpha, step in ((1000, 0.2, 0.3), (2, 0.5, 0.01), (10**6, 0.01, 2.0)):
        losses_on_the_way(K, alpha, step)


@control(AML_T6a, changes="t <= ceil(m*/eta) -> one step more")
def test_descent_ends() -> None:
    rational_descent(*RUNS[0], later=1)


# --- (b), (e) afterwards -----------------------------------------------------------------------------------------


@check(AML_T6b)
def alternates(target: Fraction, eta: Fraction) -> Evidence:
    """For t >= n the margin is n eta and (n + 1) eta in turn."""
    require(target % eta != 0, BETWEEN)
    n = target // eta
    return every(
        *(
            exact(target + last_error(-target, [eta] * (n + later)), (n + later % 2) * eta)
            for later in range(5)
        )
    )


@check(AML_T6b)
def labs_alternates(target: float, eta: float, steps: int) -> Evidence:
    """labs: the recursion ends in the pair that `two_cycle` gives."""
    below, above = two_cycle(np.array(target), np.array(eta))
    require(above > 0, BETWEEN)
    errors = np.sort(sign_errors(np.array(-target), np.full(steps, eta))[-2:])
    # The recursion adds steps numbers of at most target + eta.
    return measured(errors, [below, above], steps * EPS * (target + eta))


@verifies(AML_T6b)
def test_two_cycle() -> None:
    for target, eta in RUNS:
        alternates(target, eta)
        labs_alternates(float(target), float(eta), math.ceil(target / eta) + 7)


@control(AML_T6b, drops=BETWEEN)
def test_a_resonant_step_does_not_alternate() -> None:
    alternates(Fraction(5), Fraction(1, 3))


@check(AML_T6e)
def stays(target: Fraction, eta: Fraction) -> Evidence:
    """m_t = m* for t = n, n + 1, ..., n = m*/eta; the excess of an error of 0 is 0."""
    require(target % eta == 0, RESONANT)
    n = target // eta
    errors = [exact(last_error(-target, [eta] * (n + later)), 0) for later in range(4)]
    binary = np.full(n + 3, float(eta))
    found = sign_errors(np.array(-float(target)), binary)[-3:]
    if float(eta).as_integer_ratio() == (eta.numerator, eta.denominator):  # doubles hold eta: no rounding
        errors.append(exact(Fraction(float(np.max(item_excess(found, 1000.0, 0.2)))), 0))
    return every(*errors)


@verifies(AML_T6e)
def test_resonance() -> None:
    stays(Fraction(5), Fraction(1, 3))
    stays(Fraction(5), Fraction(1, 4))


@control(AML_T6e, drops=RESONANT)
def test_beside_a_resonance() -> None:
    stays(Fraction(5), Fraction(100, 401))


# --- (c) Hoeffding -----------------------------------------------------------------------------------------------


@check(AML_T6c)
def second_derivative() -> Evidence:
    """psi(0) = psi'(0) = 0 and psi'' <= 1/4, for pi = a/(1 + a) and every e; psi is the excess."""
    import sympy

    e, E, a, k, b = sympy.symbols("e E a k b", positive=True)
    at, slope, room = derived.hoeffding(e, a / (1 + a))
    K, alpha = 1 + k, b / (1 + b)
    pi = 1 - alpha + alpha / K
    return every(
        exact(at, 0),
        exact(slope, 0),
        exact(sympy.cancel(sympy.together(room.subs(sympy.exp(e), E))), 0, ">="),
        exact(derived.excess_from_losses(E, K, alpha), 1 + pi * (E - 1)),
    )


@check(AML_T6c)
def excess_at_most(e: float, K: float, alpha: float, sharper: float = 1.0) -> Evidence:
    """labs' excess of an error against e^2/8."""
    bound = sharper * e * e / 8
    return measured(item_excess(e, K, alpha), bound, 16 * EPS * bound, "<=")


@check(AML_T6c)
def run_stays_within_a_step(K: int, alpha: float, eta: float) -> Evidence:
    """The excess of the reduced memory of one group over 20 steps after it passed m*, against eta^2/8."""
    first = math.ceil(optimal_margin(float(K), alpha) / eta)
    run = Reduced((K,), np.ones(1), alpha).simulate(eta, first + 20, "muon")
    return measured(run.excess[first:], eta**2 / 8, 1e-12 * eta**2, "<=")


@verifies(AML_T6c)
def test_excess_is_at_most_an_eighth_of_the_square() -> None:
    second_derivative()
    for K, alpha in ((2.0, 1e-6), (2.0, 1.0), (1e6, 0.5), (1000.0, 0.2)):
        for e in (-50.0, -1.0, -1e-9, 1e-4, 3.0, 300.0):
            excess_at_most(e, K, alpha)
    for K, alpha, eta in ((1000, 0.2, 0.3), (2, 0.9, 0.05), (100, 0.5, 3.0)):
        run_stays_within_a_step(K, alpha, eta)
    ratio = worst_case(
        excess_at_most,
        lambda z: (float(z[0]), 1 + float(z[1]), min(1.0, float(z[2]))),
        dimension=3,
        lower=1e-3,
        upper=1e3,
        stream=stream("Hoeffding"),
        starts=2,
        steps=60,
    )
    assert ratio > 0.999  # sharp at pi = 1/2, e -> 0


@control(AML_T6c, sharpens="1/8 -> 0.96/8")
def test_hoeffding_has_no_room() -> None:
    excess_at_most(0.01, 1e6, 0.5, sharper=0.96)


# --- (d) the mean over the phase ---------------------------------------------------------------------------------


@check(AML_T6d)
def series() -> Evidence:
    """The coefficients of the mean over the phase, and of the excess at the end of the cycle, in powers of eta."""
    import sympy

    eta, pi = sympy.symbols("eta pi", positive=True)
    mean = sympy.Poly(derived.phase_average(eta, pi, 4), eta)
    variance = pi * (1 - pi)
    known = {0: 0, 1: 0, 2: variance / 6, 3: 0, 4: variance * (1 - 6 * variance) / 120}
    top = sympy.series(derived.excess(eta, pi), eta, 0, 3).removeO()
    return every(
        *(exact(mean.coeff_monomial(eta**n), value) for n, value in known.items()),
        exact(top, variance * eta**2 / 2),
    )


@check(AML_T6d)
def mean_of_runs(target: float, eta: np.ndarray, K: float, alpha: float) -> Evidence:
    """The mean excess of runs at these phases (the last two steps of each) over pi (1 - pi) eta^2/6."""
    ratio = target / eta
    require(np.all(ratio != np.round(ratio)), BETWEEN)
    steps = math.ceil(np.max(ratio)) + 5
    errors = sign_errors(np.full(eta.shape, -target), np.broadcast_to(eta[:, None], (eta.size, steps)))[
        :, -2:
    ]
    pi = peak(K, alpha)
    found = np.mean(item_excess(errors, K, alpha) / eta[:, None] ** 2) / (pi * (1 - pi) / 6)
    # Midpoints of m strata: 1/(4 m^2) of the mean square; the next order is below eta^2/24 |1 - 6 pi (1 - pi)|/2.
    tolerance = 1 / (2 * eta.size**2) + np.max(eta) ** 2 / 24
    return measured(found, 1.0, tolerance, margin=0.5)


@check(AML_T6d)
def quadrature(eta: float, K: float, alpha: float) -> Evidence:
    """labs' phase average against the same mean of many phases of the two-cycle."""
    thetas = (np.arange(4000) + 0.5) / 4000
    both = item_excess(-thetas * eta, K, alpha) + item_excess((1 - thetas) * eta, K, alpha)
    # The midpoint rule: eta^2 psi''/(24 * 4000^2).
    found = phase_averaged_excess(np.array(eta), K, alpha)
    return measured(found, np.mean(both) / 2, eta**2 / (24 * 4000**2) + 1e-14 * eta**2)


@verifies(AML_T6d)
def test_mean_over_the_phase() -> None:
    series()
    for K, alpha in ((1000.0, 0.2), (2.0, 0.9), (1e6, 0.01)):
        mean_of_runs(5.0, stratified_steps(5.0, 0.05, 32), K, alpha)
        for eta in (0.01, 1.0, 8.0):
            quadrature(eta, K, alpha)


@control(AML_T6d, drops=BETWEEN)
def test_a_resonance_is_not_the_mean() -> None:
    mean_of_runs(5.0, np.array([0.25, 0.125]), 1000.0, 0.2)


# --- (f) several groups ------------------------------------------------------------------------------------------


@check(AML_T6f)
def crossing(M: int) -> Evidence:
    """r_b Z_b = alpha (X - 1 + K_eff) - K_eff: it vanishes at X = 1 + (1 - alpha) K_eff/alpha, X = e^x."""
    import sympy

    X, a = sympy.symbols("X a", positive=True)
    alpha, C = a / (1 + a), sympy.Symbol("C", positive=True)
    weights = sympy.symbols(f"w2:{M + 1}", positive=True)
    residual, effective = derived.contrast_residual(X, alpha, [C] * M, weights)
    end = 1 + (1 - alpha) * effective / alpha
    return every(
        exact(residual * (X - 1 + effective), alpha * (X - 1 + effective) - effective),
        exact(residual.subs(X, end), 0),
        exact(sympy.diff(residual, X), 0, ">"),
    )


@check(AML_T6f)
def logarithms() -> Evidence:
    """log(1 + k A) - log(1 + A) lies between 0 and log k: 1 + k A <= k (1 + A) for k >= 1, and the other way
    round.
    """
    import sympy

    A, k = sympy.symbols("A k", positive=True)
    larger, smaller = 1 + k, 1 / (1 + k)
    return every(
        exact(1 + larger * A, larger * (1 + A), "<"),
        exact(1 + larger * A, 1 + A, ">"),
        exact(1 + smaller * A, smaller * (1 + A), ">"),
        exact(1 + smaller * A, 1 + A, "<"),
    )


@check(AML_T6f)
def logits_apart(S: Sequence[Sequence[Fraction]], x: Fraction, sharper: Fraction = Fraction(1)) -> Evidence:
    """(S_ab - S_bb)^2 <= 2 x^2 for |S|_op <= x, so that C (y_ab - y_bb) is within (1 -+ sqrt 2) x."""
    import sympy

    block = sympy.Matrix([[sympy.Rational(entry) for entry in row] for row in S])
    room = sympy.Rational(x) ** 2 * sympy.eye(2) - block.T * block
    require(room.is_positive_semidefinite, "A2")
    differences = (S[1][0] - S[0][0], S[0][1] - S[1][1])
    return every(*(exact(d**2, 2 * sharper * x**2, "<=") for d in differences))


@check(AML_T6f)
def first_change_of_sign(C: int, M: int, beta: float, alpha: float, eta: float) -> Evidence:
    """x_b is eta t until it no longer grows, and is then between the two ends."""
    require(C >= 3, "equal C >= 3")
    best = optimal_margin(float(M * C), alpha)
    steps = math.ceil(2 * best / eta) + 2
    masses = masses_of_power_law(beta, M)
    x = Reduced((C,) * M, masses, alpha).simulate(eta, steps, "muon").contrasts
    last = np.argmax(np.diff(x, axis=0) <= 0, axis=0)
    turned = x[last, np.arange(M)]
    tolerance = steps * eta * steps * EPS
    return every(
        measured(turned, eta * last, tolerance),
        measured(turned * (1 + (math.sqrt(2) - 1) / C), best, tolerance, ">="),
        measured(turned * (1 - (1 + math.sqrt(2)) / C), best + eta, tolerance, "<="),
    )


TURN = [[Fraction(3, 5), Fraction(-4, 5)], [Fraction(4, 5), Fraction(3, 5)]]
NEARLY = [[Fraction(20, 29), Fraction(0)], [Fraction(-21, 29), Fraction(0)]]  # (41/29)^2 = 1.9988


@verifies(AML_T6f)
def test_when_the_sign_changes() -> None:
    for M in (1, 2, 3):
        crossing(M)
    logarithms()
    logits_apart(TURN, Fraction(1))
    logits_apart(NEARLY, Fraction(1))


@verifies(AML_T6f)
@pytest.mark.parametrize(("C", "M", "beta"), [(3, 2, 1.5), (4, 4, 2.0), (16, 8, 1.2), (64, 4, 6.0)])
def test_runs_turn_near_the_best_margin(C: int, M: int, beta: float) -> None:
    for alpha in (0.02, 0.5):
        first_change_of_sign(C, M, beta, alpha, 0.3)


@pytest.mark.parametrize(
    ("C", "M", "beta", "alpha", "seen"),
    [(8, 2, 3.0, 0.2, (-0.145, 0.319)), (16, 4, 6.0, 0.1, (-0.020, 0.583))],
)
def test_where_runs_turn_by_a_plain_loop(
    C: int, M: int, beta: float, alpha: float, seen: tuple[float, float]
) -> None:
    """The two ends of where x turns, in units of x/C from m* and from m* + eta: proved are -0.415 and 2.415."""
    best, eta = optimal_margin(float(M * C), alpha), 0.05
    p = np.repeat(masses_of_power_law(beta, M) / C, C)
    steps = np.full(math.ceil(1.2 * best / eta), eta)
    x = np.array([plain.contrasts(W, C) for W in plain.muon(p, alpha, steps)])
    turned = x[np.argmax(np.diff(x, axis=0) <= 0, axis=0), np.arange(M)]
    ends = np.min((turned - best) * C / turned), np.max((turned - best - eta) * C / turned)
    np.testing.assert_allclose(ends, seen, atol=1e-3)


@control(AML_T6f, sharpens="(S_ab - S_bb)^2 <= 2 x^2 -> 1.99 x^2")
def test_logits_apart_have_no_room() -> None:
    logits_apart(NEARLY, Fraction(1), Fraction(199, 200))
