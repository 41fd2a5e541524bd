"""AML-T2.d, e: gradient flow of a margin in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from labs.associative_memory.descent import gd_margins
from labs.associative_memory.flow_time import flow_margin, flow_time, wright_omega
from labs.associative_memory.margins import optimal_margin
from tests.associative_memory.margin_symbols import symbols
from tests.referee import check, control, verifies
from theory.associative_memory import AML_T2d, AML_T2e
from theory.associative_memory import margin_descent as derived
from theory.evidence import Evidence, every, exact, measured

EPS = 2.0**-52


@check(AML_T2d)
def time_of_the_flow(noisy: bool, wrong: int = 1) -> Evidence:
    """du/dm = 1/g and u(0) = 0 for all K and alpha; `wrong` multiplies the logarithm, or m without noise."""
    import sympy

    K, alpha, w = symbols()
    if noisy:
        log = sympy.log(1 - alpha * (w - 1) / (K * (1 - alpha)))
        u = ((K - 1) * sympy.log(w) - wrong * K / alpha * log) / (K * derived.peak(K, alpha))
    else:
        alpha = sympy.Integer(0)
        u = (w - 1 + wrong * (K - 1) * sympy.log(w)) / K
    return every(exact(derived.by_margin(u, w) * derived.drift(w, K, alpha), 1), exact(u.subs(w, 1), 0))


@check(AML_T2d)
def time_by_quadrature(K: int, alpha: float, share: float, scale: float = 1.0) -> Evidence:
    """`flow_time` against the integral of 1/g with 22 digits, and `flow_margin` back."""
    import mpmath

    best = min(optimal_margin(K, alpha), 60.0)
    margin, p = share * best, 0.3
    with mpmath.workdps(22):
        a = mpmath.mpf(alpha)
        pieces = [margin * (1 - 10.0**-k) for k in range(4)] + [margin * i / 9 for i in range(1, 10)]
        pieces = [*sorted(x for x in pieces if x < margin), margin]
        expected = mpmath.quad(lambda m: 1 / (K / (mpmath.exp(m) + K - 1) - a), [0, *pieces]) / mpmath.mpf(p)
    found = scale * flow_time(margin, K, alpha, p)
    # Near m* the time is that of a gap m* - m that the margin, rounded, leaves open by eps m*.
    error = (16 + 4 / (1 - share) if alpha else 16) * EPS
    back = flow_margin(flow_time(margin, K, alpha, p), K, alpha, p)
    return every(measured(found / float(expected), 1.0, error), measured(back / margin, 1.0, 16 * EPS))


@check(AML_T2e)
def omega_is_the_weight(wrong: int = 1) -> Evidence:
    """omega = e^m/(K - 1) solves omega + log omega = A - log(K - 1), A = (K u + 1)/(K - 1), so m = A - omega."""
    import sympy

    K, _, w = symbols()
    u = (w - 1 + (K - 1) * sympy.log(w)) / K
    A, omega = (K * u + wrong) / (K - 1), w / (K - 1)
    solved = sympy.expand(omega + sympy.expand_log(sympy.log(omega), force=True) - A + sympy.log(K - 1))
    return every(exact(solved, 0), exact(A - omega, sympy.log(w)))


@check(AML_T2e)
def omega_in_floats(z: np.ndarray, K: int, u: np.ndarray, scale: float = 1.0) -> Evidence:
    """`wright_omega` against SciPy's, and `flow_margin` against the formula where it does not cancel."""
    from scipy.special import wrightomega

    A = (K * u + 1) / (K - 1)
    formula = A - scale * wrightomega(A - np.log(K - 1))
    # exp(z) rounds z by eps |z|; omega of large A is subtracted from it.
    return every(
        measured(wright_omega(z) / (scale * wrightomega(z)), 1.0, 8 * EPS * (1 + np.max(np.abs(z)))),
        measured(flow_margin(u, float(K), 0.0, 1.0), formula, 16 * EPS * (1 + np.max(A))),
    )


@verifies(AML_T2d)
def test_the_time_of_the_flow() -> None:
    for noisy in (False, True):
        time_of_the_flow(noisy)


@verifies(AML_T2d)
@pytest.mark.parametrize(
    ("K", "alpha"), [(2, 0.0), (1000, 0.0), (1000, 0.2), (2, 0.99), (10**6, 1e-9), (40, 1e-14)]
)
def test_the_time_by_quadrature(K: int, alpha: float) -> None:
    for share in (1e-12, 0.5, 0.999):
        time_by_quadrature(K, alpha, share)


@verifies(AML_T2e)
def test_omega() -> None:
    omega_is_the_weight()
    for K in (2, 30, 10**6):
        omega_in_floats(np.linspace(-500.0, 500.0, 999), K, np.geomspace(1e-3, 5.0, 30))


@control(AML_T2d, changes="K/alpha -> 2 K/alpha, K - 1 -> 2 (K - 1)")
def test_the_coefficients_of_the_time() -> None:
    time_of_the_flow(noisy=True, wrong=2)
    time_of_the_flow(noisy=False, wrong=2)
    time_by_quadrature(1000, 0.2, 0.5, 1 + 1e-9)


@control(AML_T2e, changes="A = (K u + 1)/(K - 1) -> (K u + 2)/(K - 1)")
def test_the_constant_in_omega() -> None:
    omega_is_the_weight(2)
    omega_in_floats(np.array([1.0, 2.0]), 10, np.array([1.0]), 1 + 1e-9)


def test_flow_and_descent_meet_at_small_steps() -> None:
    p = np.array([0.5, 0.05])
    for alpha in (0.0, 0.2):
        found = gd_margins(p, 50, alpha, 1e-2, [1000])[0]
        np.testing.assert_allclose(found, flow_margin(np.full(2, 10.0), 50.0, alpha, p), rtol=1e-3)


def test_a_margin_beyond_the_best_is_never_reached() -> None:
    with pytest.raises(ValueError, match="margin must be below"):
        flow_time(optimal_margin(50, 0.2), 50, 0.2, 1.0)


def test_late_and_extreme_times_of_the_flow() -> None:
    assert flow_margin(1e12, 10, 0.1, 1.0) == optimal_margin(10, 0.1)
    assert flow_margin(0.0, 10, 0.1, 1.0) == 0.0
    assert flow_margin(1e300, 10, 0.0, 1.0) == pytest.approx(np.log(1e301), rel=1e-15)
