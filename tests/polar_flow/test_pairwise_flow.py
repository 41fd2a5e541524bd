"""POL-X4: pairwise spreads along a regression, and why no spread is a Lyapunov function."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from labs.polar_flow.reduced import commuting_flow
from labs.polar_flow.spreads import spread
from tests.polar_flow.spread_exact import ball, entropy_ball, pairwise_ball, prints
from tests.polar_flow.spread_exact import positive_symbols as symbols
from tests.referee import check, control, verifies
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.polar_flow import (
    POL_X4_a,
    POL_X4_b,
    POL_X4_c,
    POL_X4_d,
    measures,
    pairwise,
)


def reciprocal(k: int, x: Any) -> Any:
    return x**-k


# --- along a regression -------------------------------------------------------------------------------------------


@check(POL_X4_a)
def pairs_grow(k: int, alpha: Sequence[Any]) -> Evidence:
    """dR_k/dt = k sum (alpha_i + alpha_j)(sigma_i + sigma_j)^(-k-1) >= 0, eta = 1."""
    r = len(alpha)
    require(all(a.is_nonnegative if hasattr(a, "is_nonnegative") else a >= 0 for a in alpha), "alpha >= 0")
    sigma = symbols(f"s1:{r + 1}")
    found = pairwise.rate(measures.pair_sum(sigma, partial(reciprocal, k)), sigma, alpha)
    terms = sum(
        (alpha[i] + alpha[j]) * (sigma[i] + sigma[j]) ** (-k - 1) for i, j in combinations(range(r), 2)
    )
    return every(exact(found, k * terms), exact(found, 0, ">="))


@verifies(POL_X4_a)
def test_the_pairwise_spread_grows_in_a_regression() -> None:
    pairs_grow(1, symbols("a1:3", nonnegative=True))
    pairs_grow(2, symbols("a1:3", nonnegative=True))
    pairs_grow(1, (Fraction(1, 3), Fraction(0), Fraction(1)))


@control(POL_X4_a, drops="alpha >= 0")
def test_it_need_not_grow_where_some_values_increase() -> None:
    """In sensing alpha may have negative entries; sum alpha >= 0 always."""
    pairs_grow(1, (Fraction(1), Fraction(-1, 2), Fraction(-1, 2)))


@check(POL_X4_b)
def threshold(coefficient: Fraction) -> Evidence:
    """d/dsigma (alpha/sigma) = (coefficient kappa^2 - sigma^2)/sigma^4."""
    sigma, kappa = symbols("sigma kappa")
    slope = pairwise.contraction(sigma, kappa).diff(sigma)
    return exact(slope, (coefficient * kappa**2 - sigma**2) / sigma**4)


@verifies(POL_X4_b)
def test_close_values_approach_below_the_threshold() -> None:
    threshold(Fraction(3))


@control(POL_X4_b, sharpens="3 -> 2.97")
def test_the_threshold_is_sharp() -> None:
    threshold(Fraction(297, 100))


@check(POL_X4_c)
def ratios_contract(square: Fraction) -> Evidence:
    """f(sigma_i) >= f(sigma_j), f = alpha/sigma, wherever sigma_j <= sigma_i <= sqrt(square) kappa."""
    low, u, v = symbols("s u v", nonnegative=True)
    high = low + u
    kappa_square = high**2 / square + v
    require(v.is_nonnegative, "sigma <= sqrt 3 kappa")

    def f(sigma: Any) -> Any:
        return (1 - kappa_square / sigma**2) / sigma

    near = {low: 1, u: Fraction(1, 1000), v: 0}  # where it fails first, if it does
    return exact((f(high) - f(low)) * low**3 * high**3, 0, ">=", witness=near)


@verifies(POL_X4_c)
def test_below_the_threshold_all_ratios_contract() -> None:
    ratios_contract(Fraction(3))


@control(POL_X4_c, sharpens="sqrt 3 -> sqrt 3.03")
def test_above_the_threshold_close_ratios_grow() -> None:
    ratios_contract(Fraction(303, 100))


# --- the example that dips ----------------------------------------------------------------------------------------

START = (10, 5, 3)


def elapsed(start: Any, end: Any, log: Callable[[Any], Any]) -> Any:
    """The time that d sigma/dt = -(1 - 1/sigma^2) takes from 1 + start down to 1 + end; accurate for small ends."""
    return start - end + (log(start / end) - log((start + 2) / (end + 2))) / 2


def sigma_at(start: int, early: Fraction, late: Fraction) -> tuple[Any, Any]:
    """(sigma, sigma - 1), enclosed, for all times between early and late: kappa = 1, eta = 1.

    sigma falls with t: candidates by bisection in floats, proved by balls.
    """
    from flint import arb

    def candidate(t: Fraction) -> float:
        low, high = -60.0, math.log(start - 1)
        for _ in range(60):
            middle = (low + high) / 2
            late_enough = elapsed(start - 1, math.exp(middle), math.log) >= float(t)
            low, high = (middle, high) if late_enough else (low, middle)
        return math.exp(low)

    above = Fraction(start - 1) if early == 0 else Fraction(candidate(early) * (1 + 1e-9))
    below = Fraction(candidate(late) * (1 - 1e-9))

    def time(excess: Fraction) -> Any:
        return elapsed(arb(start - 1), ball(excess), lambda x: x.log())

    if not (time(below) >= ball(late) and (early == 0 or time(above) <= ball(early))):
        raise ArithmeticError(f"no proof that sigma({early}) and sigma({late}) lie where floats have them")
    excess = ball(below).union(ball(above))
    return 1 + excess, excess


def state(t: Fraction) -> list[Any]:
    return [sigma_at(s, t, t)[0] if t else ball(s) for s in START]


@check(POL_X4_d)
def printed(t: int, H: str, R: str) -> Evidence:
    """H and Rbar_1 at time t, to the digits printed."""
    sigma = state(Fraction(t))
    return every(prints(entropy_ball(sigma), H), prints(pairwise_ball(sigma), R))


@check(POL_X4_d)
def entropy_slope_on(early: Fraction, late: Fraction, sense: str) -> Evidence:
    """The sign of dH/dt = Cov_p(alpha/sigma, log sigma) on a span of times."""

    def slope(t: Any) -> Any:
        lower, upper = (_fraction(end) for end in (t.lower(), t.upper()))
        spans = [sigma_at(s, max(lower, early), min(upper, late)) for s in START]
        total = sum((sigma for sigma, _ in spans[1:]), spans[0][0])
        logs = [excess.log1p() for _, excess in spans]
        falls = [excess * (1 + sigma) / sigma**2 for sigma, excess in spans]  # alpha = 1 - 1/sigma^2
        # sum_{i<j} (sigma_j alpha_i - sigma_i alpha_j)(log sigma_i - log sigma_j)/total^2
        covariance = [
            (spans[j][0] * falls[i] - spans[i][0] * falls[j]) * (logs[i] - logs[j])
            for i, j in combinations(range(3), 2)
        ]
        return sum(covariance[1:], covariance[0]) / total**2

    return enclosed(slope, sense, box=[(early, late)], budget=4000)


def _fraction(x: Any) -> Fraction:
    mantissa, exponent = x.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


TABLE = [
    (0, "0.980990", "3.109151"),
    (2, "0.884815", "3.600688"),
    (4, "0.809250", "4.190966"),
    (6, "0.860145", "3.867711"),
    (8, "1.008341", "3.010075"),
    (10, "1.095759", "2.609495"),
    (12, "1.098610", "2.598083"),
]


@check(POL_X4_d)
def dip_of_labs(shift: float) -> Evidence:
    """Entropy by the flow of labs at the times of the table, and at its minimum."""
    times = np.array([float(t) for t, _, _ in TABLE] + [4.45313])
    sigma = commuting_flow(np.array(START, dtype=float), np.ones(3), times[:, None])
    entropies = [float(H) for _, H, _ in TABLE] + [0.80543]
    return measured(spread(sigma, "entropy")[0], np.array(entropies) + shift, np.array([5e-7] * 7 + [5e-6]))


@verifies(POL_X4_d)
def test_the_printed_trajectory() -> None:
    dip_of_labs(0.0)
    for row in TABLE:
        printed(*row)
    least = entropy_ball(state(Fraction("4.45313")))
    assert prints(least, "0.80543").verdict == "holds"


@verifies(POL_X4_d)
def test_entropy_falls_and_then_rises() -> None:
    entropy_slope_on(Fraction(0), Fraction("4.4531"), "<")
    entropy_slope_on(Fraction("4.4532"), Fraction(12), ">")


@control(POL_X4_d, changes="entropy is nondecreasing")
def test_entropy_is_not_monotone() -> None:
    entropy_slope_on(Fraction(0), Fraction(2), ">=")


def test_the_elapsed_time_solves_the_equation() -> None:
    import sympy

    start, end = symbols("a b")
    rate = elapsed(start, end, sympy.log).diff(end)
    assert exact(-rate * (1 - 1 / (1 + end) ** 2), 1).verdict == "holds"
    assert elapsed(start, start, sympy.log) == 0
