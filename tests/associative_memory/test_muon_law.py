"""AML-T7: the scaling law of Muon, one group."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from labs.associative_memory.margins import item_excess, optimal_margin, peak
from labs.associative_memory.reduced import Reduced
from labs.associative_memory.signs import sign_errors, stratified_steps
from labs.core.fit import scaling_exponent
from tests.referee import check, control, verifies
from theory.associative_memory import AML_T7a, AML_T7b, AML_T7c
from theory.associative_memory import sign_descent as derived
from theory.associative_memory.decay import last_error
from theory.evidence import Evidence, every, exact, measured, require

EPS = 2.0**-52


@check(AML_T7a)
def rational_bound(target: Fraction, T: int, c: Fraction) -> Evidence:
    """|e_T| <= c m*/T in rational numbers; AML-T6.c makes an excess of it."""
    require(c >= 1, "c >= 1")
    eta = c * target / T
    return exact(abs(last_error(-target, [eta] * T)), eta, "<=")


@check(AML_T7a)
def law_bounds_the_excess(K: int, alpha: float, T: int, c: float) -> Evidence:
    """The excess of the reduced memory of one group after T steps."""
    require(c >= 1, "c >= 1")
    eta = c * optimal_margin(float(K), alpha) / T
    run = Reduced((K,), np.ones(1), alpha).simulate(eta, T, "muon", last=True)
    return measured(run.excess[-1], eta**2 / 8, T * EPS * eta, "<=")


@verifies(AML_T7a)
def test_law_is_a_bound() -> None:
    for c in (Fraction(1), Fraction(101, 100), Fraction(5, 2), Fraction(31, 10)):
        for T in (1, 7, 100):
            rational_bound(Fraction(83, 10), T, c)
    for K, alpha in ((1000, 0.2), (2, 0.9)):
        for near in (1.05, 3.3):
            law_bounds_the_excess(K, alpha, 40, near)


@control(AML_T7a, drops="c >= 1")
def test_a_short_budget_does_not_arrive() -> None:
    rational_bound(Fraction(83, 10), 100, Fraction(9, 10))
    law_bounds_the_excess(1000, 0.2, 100, 0.9)


@check(AML_T7b)
def limit_of_the_mean() -> Evidence:
    """T^2 times the mean at eta = c m*/T, as a series in 1/T."""
    import sympy

    c, m, pi, h = sympy.symbols("c m pi h", positive=True)
    mean = sympy.expand(derived.phase_average(c * m * h, pi, 4) / h**2)
    return exact(mean.subs(h, 0), pi * (1 - pi) / 6 * c**2 * m**2)


@check(AML_T7b)
def coefficient(K: float, alpha: float, T: int, c: float, phases: int = 16) -> Evidence:
    """The mean over stratified phases and the last two of T steps, over (c m*/T)^2."""
    require(c > 1, "c > 1")
    target, pi = optimal_margin(K, alpha), peak(K, alpha)
    found = mean_after(K, alpha, T, c, phases)
    # The next order of the mean is eta^2/24 |1 - 6 pi (1 - pi)|/2 at most; midpoints of strata 1/(4 m^2); the
    # steps differ from c m*/T by up to one part in c/T.
    tolerance = (c * target / T) ** 2 / 24 + 1 / (2 * phases**2) + 4 * c / T
    return measured(found / (pi * (1 - pi) / 6), 1.0, tolerance, margin=0.9)


def mean_after(K: float, alpha: float, T: int, c: float, phases: int = 16) -> float:
    """The mean of excess/eta^2 over phases and the last two steps, after T steps of about c m*/T."""
    target = optimal_margin(K, alpha)
    near = c * target / T
    eta = stratified_steps(target, near, phases) if c > 1 else near * (1 + np.arange(phases) / phases / T)
    errors = sign_errors(np.full(phases, -target), np.broadcast_to(eta[:, None], (phases, T)))[:, -2:]
    return float(np.mean(item_excess(errors, K, alpha) / eta[:, None] ** 2))


@verifies(AML_T7b)
def test_constant_of_the_law() -> None:
    limit_of_the_mean()
    for K, alpha in ((1000.0, 0.2), (2.0, 0.9), (1e6, 0.01)):
        coefficient(K, alpha, 1000, 3.0)


@control(AML_T7b, drops="c > 1")
def test_the_law_needs_the_optimum() -> None:
    coefficient(1000.0, 0.2, 1000, 0.9)


TIMES = (100, 130, 180, 240, 320, 420, 560, 750, 1000, 1800, 3200, 5600, 10_000)


@check(AML_T7c)
def printed_law(times: Sequence[int], c: float = 3.0) -> Evidence:
    """The coefficient 0.02665 (3 %) at every time, the slope, and the interval of the fit around it."""
    require(c > 1, "c > 1")
    K, alpha = 1000.0, 0.2
    target = optimal_margin(K, alpha)
    over = np.array([mean_after(K, alpha, T, c) for T in times])
    excess = over * (c * target / np.array(times)) ** 2
    # Steps below 1 need T >= c m*; no size ends the law of one group.
    fitted = scaling_exponent(
        np.array(times, dtype=float), excess, lower=c * target, upper=np.inf, factor=1.0
    )
    return every(
        measured(over, 0.02665, 0.03 * 0.02665, margin=0.02665),
        measured(fitted.value, -2.0, 0.1, margin=0.5),
        measured(fitted.value, -2.0, fitted.half_width, margin=0.5),
        measured(fitted.half_width, 0.02, 0.0, "<=", margin=0.5),  # so that the interval says something
    )


@verifies(AML_T7c)
def test_printed_coefficient_and_slope() -> None:
    assert f"{0.8002 * 0.1998 / 6:.5f}" == "0.02665"
    printed_law(TIMES[:9])


@verifies(AML_T7c)
@pytest.mark.long
def test_printed_slope_over_two_decades() -> None:
    printed_law(TIMES)


@control(AML_T7c, drops="c > 1")
def test_no_law_below_the_optimum() -> None:
    printed_law(TIMES[:9], c=0.9)
