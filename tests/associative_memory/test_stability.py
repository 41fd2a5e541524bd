"""AML-P9: for which steps gradient descent with label noise settles, and what it does beyond."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from labs.associative_memory.bounds import critical_step, global_step
from labs.associative_memory.descent import gd_errors
from labs.associative_memory.margins import error_drift, optimal_margin, peak
from tests.associative_memory.margin_symbols import memories, symbols
from tests.referee import check, control, restates, verifies
from theory.associative_memory import AML_P9a, AML_P9b, AML_P9c, AML_P9d, AML_P9e, AML_P9f, AML_P9g
from theory.associative_memory import margin_descent as derived
from theory.evidence import Evidence, every, exact, measured

EPS = 2.0**-52
ONE = np.array([1.0])


# --- (a) the threshold -------------------------------------------------------------------------------------------


@check(AML_P9a)
def multiplier(share: Fraction = Fraction(1)) -> Evidence:
    """f'(0) = 1 - h alpha pi for every K and alpha, and -1 at share * 2/(alpha pi)."""
    import sympy

    K, alpha, _ = symbols()
    h, pi = sympy.Symbol("h", positive=True), derived.peak(K, alpha)
    first, _, _ = derived.wave(h, K, alpha)
    return every(exact(first, 1 - h * alpha * pi), exact(first.subs(h, share * 2 / (alpha * pi)), -1))


@check(AML_P9a)
def settles(K: np.ndarray, alpha: np.ndarray, share: float, steps: int = 800) -> Evidence:
    """From W = 0 at share * critical_step the errors end below 1e-6, as the claim says they do below share = 1."""
    (final,) = np.moveaxis(gd_errors(ONE, K, alpha, share * critical_step(K, alpha), [steps]), -2, 0)
    # The multiplier is 1 - 2 share: at 0.98 it leaves 0.96^800 = 7e-15 of an error of order one.
    return measured(np.abs(final), 0.0, 1e-6)


# Facts and noise: a peaked target, the smallest memory, pi near 1/2, little noise.
FACTS, NOISE = np.array([1000.0, 2.0, 7.0, 100.0]), np.array([0.2, 0.99, 0.5, 0.02])


@verifies(AML_P9a)
def test_the_threshold() -> None:
    multiplier()
    settles(FACTS, NOISE, 0.98)


@control(AML_P9a, sharpens="2/(alpha pi) -> 1.02 times as much")
def test_just_beyond_the_threshold() -> None:
    multiplier(Fraction(51, 50))
    for i in range(len(FACTS)):
        settles(FACTS[i : i + 1], NOISE[i : i + 1], 1.02)


# --- (b) for every noise -----------------------------------------------------------------------------------------


@check(AML_P9b)
def slope_everywhere(factor: Fraction = Fraction(1)) -> Evidence:
    """0 < gamma' <= factor K/(4 (K - 1)): the difference is a square; it vanishes at pi e^e = 1 - pi."""
    import sympy

    k, v, x, alpha = sympy.symbols("k v x alpha", positive=True)
    K = 2 + k
    slope = derived.by_margin(derived.error_drift(x, K, alpha), x)
    pi = sympy.cancel(derived.peak(K, alpha))
    room = factor * K / (4 * (K - 1)) - slope
    square = alpha * (1 - pi - pi * x) ** 2 / (4 * (1 - pi) * (1 - pi + pi * x) ** 2)
    return every(
        exact(slope.subs(alpha, 1 / (1 + v)), 0, ">"),
        exact(sympy.cancel(room - square), 0),
        exact(sympy.cancel(alpha / (1 - pi)), 0, ">"),
    )


@check(AML_P9b)
def every_start_settles(K: int, alpha: float, share: float) -> Evidence:
    """|e| falls at each step from any start, at share * 8 (K - 1)/K."""
    starts = np.concatenate([-np.geomspace(1e-3, 40.0, 60), np.geomspace(1e-3, 40.0, 60)])
    after = starts - share * global_step(float(K)) * error_drift(starts, K, alpha)
    # 0.01 of the step is left at the steepest point, where a step of twice the error is forbidden.
    return measured(np.abs(after) / np.abs(starts), 1.0, 8 * EPS, "<=")


@verifies(AML_P9b)
def test_the_step_for_every_noise() -> None:
    slope_everywhere()
    for K in (2, 12, 10**6):
        for alpha in (1e-3, 0.2, 0.5, 0.97):
            every_start_settles(K, alpha, 0.999)


@control(AML_P9b, sharpens="K/(4 (K - 1)) -> 0.99 K/(4 (K - 1))")
def test_the_steepest_slope() -> None:
    slope_everywhere(Fraction(99, 100))
    every_start_settles(2, 1.0 - 1e-9, 1.05)


# --- (c) the Hessian ---------------------------------------------------------------------------------------------


@check(AML_P9c)
def hessian_of_a_column(K: int, noise: int = 1) -> Evidence:
    """The characteristic polynomial (for unit frequency), for every alpha."""
    import sympy

    _, alpha, _ = symbols()
    z = sympy.Symbol("z")
    polynomial = derived.hessian_on(K, alpha).charpoly(z).as_expr()
    claimed = z * (z - noise * alpha * derived.peak(sympy.Integer(K), alpha)) * (z - alpha / K) ** (K - 2)
    return exact(sympy.expand(polynomial), sympy.expand(claimed))


@verifies(AML_P9c)
def test_the_hessian() -> None:
    for K in (2, 4):
        hessian_of_a_column(K)


@control(AML_P9c, changes="alpha pi -> 2 alpha pi")
def test_the_largest_eigenvalue() -> None:
    hessian_of_a_column(3, 2)


# --- (d) no divergence -------------------------------------------------------------------------------------------


@check(AML_P9d)
def interval_is_kept(factor: Fraction = Fraction(1)) -> Evidence:
    """A step lands above -h alpha from e >= 0, below h pi K/(K - 1) from e < 0, and goes towards 0.

    gamma at e = log(1 + y) and at e = -log(1 + y), y > 0; the step's length is h |gamma|.
    """
    import sympy

    K, alpha, _ = symbols()
    y, h = sympy.symbols("y h", positive=True)
    pi = derived.peak(K, alpha)
    above = derived.error_drift(1 + y, K, alpha)
    below = derived.error_drift(1 / (1 + y), K, alpha)
    ones = dict.fromkeys((*K.free_symbols, *alpha.free_symbols, h), 1) | {y: 1000}
    return every(
        exact(above, 0, ">"),
        exact(h * above, factor * h * alpha, "<", witness=ones),
        exact(below, 0, "<"),
        exact(-h * below, factor * h * pi * K / (K - 1), "<", witness=ones),
    )


@check(AML_P9d)
def run_ends_in_the_interval(p: np.ndarray, K: int, alpha: float, h: float, factor: float = 1.0) -> Evidence:
    """The last half of a run at eta p_1 = h, for every item that came near its optimum."""
    errors = gd_errors(p, K, alpha, h / float(np.max(p)), 400)[200:]
    size = h * p / np.max(p)
    lowest, highest = -size * alpha, size * peak(K, alpha) * K / (K - 1)
    come = errors[0] >= lowest
    slack = 8 * EPS * (1 + h)
    return every(
        measured(errors[:, come], factor * lowest[come], slack, ">="),
        measured(errors[:, come], factor * highest[come], slack, "<="),
    )


@verifies(AML_P9d)
def test_descent_never_diverges() -> None:
    interval_is_kept()
    for p, K, alpha in [*memories()[1:-2:4], memories()[-2]]:
        if alpha > 0.1:  # with little noise the optimum is far away
            for h in (30.0, 1e4):
                run_ends_in_the_interval(p, K, alpha, h)


@control(AML_P9d, sharpens="both ends -> 0.97 of them")
def test_the_ends_of_the_interval() -> None:
    interval_is_kept(Fraction(97, 100))
    run_ends_in_the_interval(ONE, 1000, 0.2, 1e4, 0.97)


# --- (e) the cycle of two ----------------------------------------------------------------------------------------


@check(AML_P9e)
def cycle_is_stable(constant: Fraction = Fraction(1, 3)) -> Evidence:
    """f''^2/2 + f'''/3 at the threshold, as 4 (pi^2 - pi + constant), which is a square and 1/3."""
    import sympy

    K, alpha, _ = symbols()
    alpha = sympy.Symbol("alpha", positive=True)  # the identities hold for any
    pi = derived.peak(K, alpha)
    first, second, third = derived.wave(2 / (alpha * pi), K, alpha)
    found, y = sympy.cancel(second**2 / 2 + third / 3), sympy.Symbol("y", real=True)
    return every(
        exact(first, -1),
        exact(found, 4 * (pi**2 - pi + constant)),
        exact(4 * (y**2 - y + constant), (2 * y - 1) ** 2 + Fraction(1, 3)),
    )


@verifies(AML_P9e)
def test_the_cycle_of_two_is_stable() -> None:
    cycle_is_stable()


@control(AML_P9e, changes="1/3 -> 1/4, where it would vanish at pi = 1/2")
def test_the_constant_of_the_doubling() -> None:
    cycle_is_stable(Fraction(1, 4))


# --- (f), (g) regularities ---------------------------------------------------------------------------------------


def periods(K: int, alpha: float, shares: list[float], longest: int = 300) -> list[int]:
    """The periods after 4000 steps at shares * critical_step; 0 where there is none up to `longest`."""
    begin = 4000
    eta = np.array(shares) * critical_step(K, alpha)
    runs = gd_errors(ONE, K, alpha, eta, range(begin, begin + 2 * longest))[..., 0]

    def period(e: np.ndarray) -> int:
        # Cycles are reached to about eps times their multiplier; chaos comes back to 1e-9 in no 300 steps.
        return next((k for k in range(1, longest) if np.max(np.abs(e[k:] - e[:-k])) < 1e-9), 0)

    return [period(e) for e in runs]


@check(AML_P9f)
def periods_are(alpha: float, shares: list[float], expected: list[int]) -> Evidence:
    # Periods are whole: a hundredth stands for equality.
    return measured(np.array(periods(1000, alpha, shares), dtype=float), np.array(expected), 0.005)


@verifies(AML_P9f)
def test_the_periods() -> None:
    periods_are(0.2, [0.98, 1.02, 1.2, 1.3, 2.0], [1, 2, 2, 4, 0])
    periods_are(0.5, [1.02, 3.0, 10.0], [2, 2, 2])


@control(AML_P9f, changes="alpha = 0.5 -> 0.2")
def test_a_peaked_target_leaves_the_cycle_of_two() -> None:
    periods_are(0.2, [3.0], [2])


@check(AML_P9g)
def no_second_attractor(alpha: np.ndarray, share: float) -> Evidence:
    """From starts over the whole interval of (d), with K = 100."""
    K, alpha = 100, alpha[:, None]
    h = share * critical_step(K, alpha)
    top = peak(K, alpha) * K / (K - 1)
    e = h * (-alpha + (alpha + top) * np.linspace(0.0, 1.0, 101))
    for _ in range(1000):
        e = e - h * error_drift(e, K, alpha)
    # The multiplier is at least 1 - 2 share = -0.96: 0.96^1000 = 2e-18 of an error of order one.
    return measured(np.abs(e), 0.0, 1e-9)


@verifies(AML_P9g)
def test_no_second_attractor() -> None:
    for share in (0.5, 0.9, 0.98):
        no_second_attractor(np.array([0.02, 0.1, 0.2, 0.5, 0.8, 0.97]), share)


@control(AML_P9g, changes="0.98 -> 1.02 of the threshold")
def test_beyond_the_threshold_starts_end_elsewhere() -> None:
    no_second_attractor(np.array([0.02, 0.5, 0.97]), 1.02)


@restates(AML_P9a)
def test_one_item_of_many() -> None:
    masses = np.array([0.6, 0.3, 0.1])
    step = 0.98 * critical_step(30, 0.2) / masses[0]
    head = gd_errors(masses, 30, 0.2, step, [800])[0, 0]
    alone = gd_errors(ONE, 30, 0.2, 0.98 * critical_step(30, 0.2), [800])[0, 0]
    settles(np.array([30.0]), np.array([0.2]), 0.98)
    assert abs(head - alone) < 1e-12


def test_the_steps_are_ordered() -> None:
    for K in (2, 12, 1000):
        for alpha in (1e-3, 0.2, 0.5, 0.97):
            assert global_step(float(K)) <= critical_step(K, alpha) * (1 + 4 * EPS)
    assert critical_step(12, 0.0) == np.inf
    assert optimal_margin(2, 0.99) > 0
