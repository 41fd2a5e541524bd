"""AML-X4: what a schedule makes of sign descent, and of Muon with several groups."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pytest

from labs.associative_memory.margins import item_excess, masses_of_power_law, optimal_margin, peak
from labs.associative_memory.reduced import Reduced
from labs.associative_memory.schedules import constant, cosine, halving, polynomial
from labs.associative_memory.signs import sign_errors, stratified_steps
from labs.core.fit import phases, scaling_exponent
from tests.referee import check, control, verifies
from theory.associative_memory import AML_X4a, AML_X4b, AML_X4c, AML_X4d, AML_X4e, AML_X4f
from theory.associative_memory.decay import last_error, sharp_multiple
from theory.evidence import Evidence, every, exact, measured, require

EPS = 2.0**-52
REACHED, SLOW, LARGE = "|e| within a step once", "eta_{t-1} <= 2 eta_t", "eta_0 >= m*/2"
MOVING = "no e_t = 0"
K, ALPHA = 1000.0, 0.2
TARGET, PI = optimal_margin(K, ALPHA), peak(K, ALPHA)


def decay(q: int, T: int, last: Fraction = Fraction(1)) -> list[Fraction]:
    """Steps of power q: T^q, ..., 2^q, 1 times the last."""
    return [last * k**q for k in range(T, 0, -1)]


# --- (a) ---------------------------------------------------------------------------------------------------------


@check(AML_X4a)
def within_the_last_step() -> Evidence:
    """For 0 <= |e| <= eta' <= 2 eta:  eta - (|e| - eta) >= 0 and eta - (eta - |e|) >= 0."""
    import sympy

    size, slack, short = sympy.symbols("size slack short", nonnegative=True)
    eta = (size + slack + short) / 2  # 2 eta = eta' + short, eta' = |e| + slack
    return every(exact(eta - (size - eta), 0, ">="), exact(eta - (eta - size), 0, ">="))


@check(AML_X4a)
def rational_run(start: Fraction, steps: Sequence[Fraction], waived: bool = False) -> Evidence:
    """|e_t| <= eta_{t-1} for all t after the first time, in rational numbers."""
    require(all(a <= 2 * b for a, b in itertools.pairwise(steps)), SLOW)
    reached = [t for t in range(1, len(steps)) if abs(last_error(start, list(steps[:t]))) <= steps[t - 1]]
    require(bool(reached), REACHED)
    after = range(reached[0], len(steps) + 1)
    worst = max(abs(last_error(start, list(steps[:t]))) / steps[t - 1] for t in after)
    return exact(worst, 1, "<=")


@verifies(AML_X4a)
def test_errors_stay_within_the_last_step() -> None:
    within_the_last_step()
    for start in (Fraction(-83, 10), Fraction(-1, 1000)):
        rational_run(start, decay(1, 9))
        rational_run(start, [Fraction(10) / 2**t for t in range(7)])
        rational_run(start, decay(2, 9)[:-2])


@control(AML_X4a, drops=SLOW)
def test_steps_that_fall_faster_are_overtaken() -> None:
    rational_run(Fraction(-8), [Fraction(4) / Fraction(21, 10) ** t for t in range(5)])


# --- (b) linear decay --------------------------------------------------------------------------------------------


@check(AML_X4b)
def known_modulo_two(start: Fraction, T: int, units: int = 2) -> Evidence:
    """e_T of the steps T, ..., 2, 1: within [-1, 1], and an even number away from e_0 + T(T+1)/2."""
    steps = decay(1, T)
    require(sum(steps[:-1]) >= abs(start), REACHED)
    require(all(last_error(start, steps[:t]) != 0 for t in range(T)), MOVING)
    e = last_error(start, steps)
    apart = (e - start - Fraction(T * (T + 1), 2)) / units
    return every(exact(abs(e), 1, "<="), exact(apart.denominator, 1))


@check(AML_X4b)
def mean_square() -> Evidence:
    """The mean of u^2 over u even in [-1, 1]; eta_t = c (m*/T) (1 - t/T) ends with c m*/T^2."""
    import sympy

    u, c, m, T = sympy.symbols("u c m T", positive=True)
    last = c * m / T * (1 - (T - 1) / T)
    return every(
        exact(sympy.integrate(u**2, (u, -1, 1)) / 2, sympy.Rational(1, 3)), exact(last, c * m / T**2)
    )


@check(AML_X4b)
def mean_of_linear_decay(T: int, c: float, strata: int = 32) -> Evidence:
    """The mean excess over strata of m*/eta_last modulo 2, over (pi (1-pi)/6) eta_last^2."""
    last = stratified_steps(TARGET / 2, c * TARGET / T**2, strata)
    e = sign_errors(np.full(strata, -TARGET), last[:, None] * np.arange(T, 0, -1.0))[:, -1]
    found = np.mean(item_excess(e, K, ALPHA) / last**2) / (PI * (1 - PI) / 6)
    # Midpoints of strata: 1/strata^2, and the next order of the excess; T additions of numbers of at most m*:
    # T eps m*/eta_last, twice relative to e^2.
    return measured(found, 1.0, 2 / strata**2 + 4 * T**3 * EPS, margin=0.2)


@verifies(AML_X4b)
def test_linear_decay() -> None:
    mean_square()
    for T in (5, 12, 30):
        for start in (Fraction(-83, 10), Fraction(-1, 3), Fraction(-131, 10)):
            known_modulo_two(start, T)
    for T in (30, 200, 1000):
        mean_of_linear_decay(T, 3.0)


@control(AML_X4b, changes="modulo 2 -> modulo 4")
def test_linear_decay_is_not_known_modulo_four() -> None:
    known_modulo_two(Fraction(-83, 10), 12, units=4)


# --- (c) any power -----------------------------------------------------------------------------------------------


@check(AML_X4c)
def multiple(q: int, T: int, starts: Sequence[Fraction], sharper: Fraction = Fraction(1)) -> Evidence:
    """|e_T| <= B_q in units of the last step, in rational numbers."""
    steps = decay(q, T)
    for start in starts:
        slow = [t for t in range(1, T) if steps[t - 1] <= 2 * steps[t]]
        reached = any(abs(last_error(start, steps[:t])) <= steps[t - 1] for t in slow)
        require(reached, REACHED)
    worst = max(abs(last_error(start, steps)) for start in starts)
    return exact(worst, sharper * sharp_multiple(q), "<=")


@check(AML_X4c)
def power_law_bound(q: int, T: int, c: float) -> Evidence:
    """The excess after T steps of power q against B_q^2 c^2 m*^2/(8 T^(2 (1 + q))), at 64 phases."""
    rates = c + phases(64)
    e = sign_errors(np.full(64, -TARGET), rates[:, None] * TARGET / T * polynomial(T, float(q)))[:, -1]
    bound = (sharp_multiple(q) * rates * TARGET) ** 2 / (8 * T ** (2.0 + 2 * q))
    # T additions move the error by T eps m*.
    tolerance = bound * 1e-12 + (T * EPS * TARGET) ** 2
    return measured(item_excess(e, K, ALPHA), bound, tolerance, "<=")


@check(AML_X4c)
def aligned_sign_descent(sizes: tuple[int, ...], q: int, T: int, c: float) -> Evidence:
    """The same bound for aligned sign descent with groups of any sizes and frequencies: half the step sizes."""
    items = float(sum(sizes))
    best = optimal_margin(items, ALPHA)
    at = Reduced(sizes, masses_of_power_law(1.5, len(sizes)), ALPHA)
    run = at.simulate(c * best / (2 * T), T, "tra-signgd", schedule=polynomial(T, float(q)), last=True)
    bound = (sharp_multiple(q) * c * best) ** 2 / (8 * T ** (2.0 + 2 * q))
    return measured(run.excess[-1], bound, bound * 1e-12 + (T * EPS * best) ** 2, "<=")


def grid(q: int, T: int, points: int) -> list[Fraction]:
    """Starts that the steps reach, half a percent of the last step apart."""
    total = sum(decay(q, T)) // 3
    return [-total + Fraction(n, 100) for n in range(points)]


@verifies(AML_X4c)
def test_multiples_of_the_last_step() -> None:
    assert [sharp_multiple(q) for q in range(4)] == [1, 1, 4, 28]
    for q, T in ((0, 9), (1, 9), (2, 12), (3, 14)):
        multiple(q, T, grid(q, T, 200))
    for q in range(4):
        power_law_bound(q, 100, 3.0 + q)
        aligned_sign_descent((5, 3, 1), q, 60, 3.0 + q)


@control(AML_X4b, drops=MOVING)
def test_an_error_of_zero_stays() -> None:
    known_modulo_two(Fraction(-14), 5)


@control(AML_X4c, sharpens="B_2 = 4 -> 3.96")
def test_the_multiple_has_no_room() -> None:
    """Backwards from an error just below 4: 1, then 4, 9, 16, ... where the error is as large as it can be."""
    multiple(2, 12, [worst_start(2, 12)], Fraction(99, 100))


def worst_start(q: int, T: int) -> Fraction:
    """A start from which e_T is within 1/1000 of B_q: the sharp case of the recursion, followed backwards."""
    e = sharp_multiple(q) - Fraction(1, 1000)
    for k in range(1, T + 1):
        # Before a step of k^q the error was |e| + k^q, or k^q - |e| where that does not lie beyond zero.
        e = e + k**q if (k + 1) ** q > 2 * k**q else k**q - e
        e = abs(e)
    return -e


# --- (d) halving -------------------------------------------------------------------------------------------------


@check(AML_X4d)
def halved(target: Fraction, first: Fraction, stages: int) -> Evidence:
    """|e_T| <= eta_0 2^(1-T) after every number of steps."""
    require(2 * first >= target, LARGE)
    steps = [first / 2**t for t in range(stages)]
    return every(*(exact(abs(last_error(-target, steps[: t + 1])), steps[t], "<=") for t in range(stages)))


@check(AML_X4d)
def labs_halves(first: float, stages: int) -> Evidence:
    """The same by labs' schedule."""
    require(2 * first >= TARGET, LARGE)
    e = sign_errors(np.array(-TARGET), first * halving(stages))
    return measured(np.abs(e[1:]), first * halving(stages), 4 * EPS * TARGET, "<=")


@verifies(AML_X4d)
def test_halving() -> None:
    for first in (Fraction(83, 20), Fraction(5), Fraction(83, 10), Fraction(166, 10), Fraction(40)):
        halved(Fraction(83, 10), first, 12)
        labs_halves(float(first), 40)


@control(AML_X4d, drops=LARGE)
def test_halving_from_less_never_arrives() -> None:
    halved(Fraction(83, 10), Fraction(49, 100) * Fraction(83, 10), 12)


# --- (e), (f) laws -----------------------------------------------------------------------------------------------

SHAPES: dict[str, Callable[[int], np.ndarray]] = {
    "constant": constant,
    "linear": lambda T: polynomial(T, 1.0),
    "cosine": cosine,
}
POWERS, CONSTANTS = (
    {"constant": 0, "linear": 1, "cosine": 2},
    {"constant": 1 / 3, "linear": 1 / 3, "cosine": 2.4},
)
TIMES = np.unique(np.geomspace(100, 1000, 12).round())
LONG_TIMES = np.unique(np.geomspace(100, 10_000, 18).round())


def means(shape: str, times: np.ndarray, strata: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """Excess at every time, at c = 3..4 in strata; and over (pi (1-pi)/2) eta_last^2, in the mean over strata."""
    c = 3.0 + phases(strata)
    found, relative = [], []
    for T in times:
        steps = c[:, None] * TARGET / T * SHAPES[shape](int(T))
        excess = item_excess(sign_errors(np.full(strata, -TARGET), steps)[:, -1], K, ALPHA)
        found.append(excess)
        relative.append(np.mean(excess / steps[:, -1] ** 2) / (PI * (1 - PI) / 2))
    return np.stack(found), np.array(relative)


@check(AML_X4e)
def slope(shape: str, power: int, times: np.ndarray) -> Evidence:
    """The fitted exponent of the mean over phases."""
    excess, _ = means(shape, times)
    fitted = scaling_exponent(times, excess, lower=10.0, upper=np.inf)
    return measured(fitted.value, -2.0 * (1 + power), 0.1, margin=0.5)


@check(AML_X4f)
def constant_of(shape: str, expected: float, times: np.ndarray) -> Evidence:
    """The mean over times and phases; 1/3 to 3 %, 2.4 ("about") to 10 %."""
    _, relative = means(shape, times)
    return measured(np.mean(relative), expected, (0.1 if shape == "cosine" else 0.03) * expected, margin=0.5)


@verifies(AML_X4e)
@pytest.mark.parametrize("shape", SHAPES)
def test_slopes(shape: str) -> None:
    slope(shape, POWERS[shape], TIMES)


@verifies(AML_X4e)
@pytest.mark.long
@pytest.mark.parametrize("shape", SHAPES)
def test_slopes_over_two_decades(shape: str) -> None:
    slope(shape, POWERS[shape], LONG_TIMES)


@control(AML_X4e, changes="cosine -> constant steps")
def test_a_constant_step_is_no_cosine() -> None:
    slope("constant", POWERS["cosine"], TIMES)


@verifies(AML_X4f)
@pytest.mark.parametrize("shape", SHAPES)
def test_constants(shape: str) -> None:
    constant_of(shape, CONSTANTS[shape], TIMES)


@control(AML_X4f, changes="2.4 -> 1/3 for the cosine")
def test_the_cosine_leaves_more() -> None:
    constant_of("cosine", 1 / 3, TIMES)
