"""The two sensitivities to noise (POL-D6), and which spectra make them small or large (POL-T4.d)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from labs.core.polar import polar_derivative
from labs.core.spectrum import geometric, graded
from labs.polar_flow.noise import critical_batch_sizes, noise_sensitivity
from tests.polar_flow.noises import EPS, FULL_RANK, SHAPES, diagonal, full_rank
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, every, exact, measured, require
from theory.polar_flow import POL_D6_a, POL_D6_b, POL_T4_d1, POL_T4_d2, POL_T4_d3
from theory.polar_flow import noise_derivative as theory

Numbers = tuple[Fraction, ...]
FLAT, SPREAD = (Fraction(2),) * 3, (Fraction(5), Fraction(3), Fraction(2))


def stated(mu: Any, excess: Any) -> tuple[Any, Any]:
    """The two sums of the definition, in field arithmetic."""
    sums = [mu[i] + mu[j] for i in range(len(mu)) for j in range(i + 1, len(mu))]
    S = 4 * sum(1 / x**2 for x in sums) + excess * sum(1 / x**2 for x in mu)
    T = 2 * sum(1 / x for x in sums) + excess * sum(1 / x for x in mu)
    return S, T


def exactly(s: np.ndarray) -> Numbers:
    return tuple(Fraction(float(x)) for x in s)


# --- the definitions -------------------------------------------------------------------------------------


@check(POL_D6_a, POL_D6_b)
def traces_of_the_derivative(m: int, n: int, dropped: int = 0) -> Evidence:
    """Both sums over the m n unit matrices, from the equations of the polar factor, for all mu > 0."""
    import sympy

    mu = sympy.symbols(f"mu1:{min(m, n) + 1}", positive=True)
    found = theory.traces(mu, m, n)
    return every(*(exact(a, b) for a, b in zip(found, stated(mu, abs(m - n) - dropped), strict=True)))


@check(POL_D6_a, POL_D6_b)
def code_has_the_sums(s: np.ndarray, m: int, n: int, factor: float = 1.0) -> Evidence:
    """noise_sensitivity against the same sums of fractions: a sum of positive numbers, each right to 3 eps."""
    require(bool(np.all(s > 0)), FULL_RANK)
    sums = [float(x) for x in stated(exactly(s), abs(m - n))]
    return measured(np.array(noise_sensitivity(s, m, n)) / np.array(sums), factor, 2 * len(s) ** 2 * EPS)


@check(POL_D6_a, POL_D6_b)
def code_has_the_traces(s: np.ndarray, m: int, n: int, factor: float = 1.0) -> Evidence:
    """noise_sensitivity against the m n columns of labs.core.polar.polar_derivative."""
    units = np.eye(m * n).reshape(m * n, m, n)
    columns = polar_derivative(diagonal(s, m, n), units)
    found = np.array([np.sum(columns**2), np.sum(columns * units)])
    # At a diagonal matrix the frames are exact, and what is left is rounding of m n terms.
    return measured(found / np.array(noise_sensitivity(s, m, n)), factor, 10 * m * n * EPS)


@verifies(POL_D6_a, POL_D6_b)
def test_sums_are_traces() -> None:
    for m, n in SHAPES:
        traces_of_the_derivative(m, n)


@verifies(POL_D6_a, POL_D6_b)
def test_code_on_the_zoo() -> None:
    for r, m, n in ((2, 2, 2), (3, 3, 5), (5, 7, 5)):
        for s in full_rank(r, 1e15):
            code_has_the_sums(s, m, n)
            code_has_the_traces(np.maximum(s, 1e-7), m, n)
    code_has_the_sums(graded(64), 64, 64)


@restates(POL_D6_a, POL_D6_b)
def test_order_and_transposition_do_not_matter() -> None:
    s = np.array([2.0, 5.0, 3.0])
    assert np.allclose(noise_sensitivity(s, 3, 4), noise_sensitivity(np.sort(s), 4, 3), rtol=1e-15)
    code_has_the_sums(s, 4, 3)


@control(POL_D6_a, changes="|m - n| -> |m - n| - 1 on 4 x 3")
def test_variance_without_rectangular_terms() -> None:
    traces_of_the_derivative(4, 3, dropped=1)
    code_has_the_sums(np.array([5.0, 3.0, 2.0]), 4, 3, factor=1.01)


@control(POL_D6_b, changes="|m - n| -> |m - n| - 1 on 4 x 3")
def test_trace_without_rectangular_terms() -> None:
    traces_of_the_derivative(4, 3, dropped=1)
    code_has_the_traces(np.array([5.0, 3.0, 2.0]), 4, 3, factor=1.01)


# --- the flat spectrum is the best ------------------------------------------------------------------------


@check(POL_T4_d1)
def flat_is_least_for_all_sizes(tangent: int = 2) -> Evidence:
    """The chain of the proof, for every r and every |m - n|; x, y, s, c > 0 are entries, a sum and its flat value."""
    import sympy

    x, y, s, c, r, e, f = sympy.symbols("x y s c r e f", positive=True)
    above = sympy.Rational(tangent, 2)
    # 1/s and 1/s^2 as functions of q = s^2, above their tangents at c^2.
    first = sympy.factor(1 / s - (3 / (2 * c) - above * s**2 / (2 * c**3)))
    second = sympy.factor(1 / s**2 - (2 / c**2 - above * s**2 / c**4))
    # sums of the tangents: 2(x^2 + y^2) over pairs is 2 (r - 1) f^2 in all, c^2 = 4 f^2/r there, f^2/r for singles.
    pair, single = 4 * f**2 / r, f**2 / r
    pairs = r * (r - 1) / 2
    S = 4 * (2 * pairs / pair - 2 * (r - 1) * f**2 / pair**2) + e * (2 * r / single - f**2 / single**2)
    roots = 2 * f / sympy.sqrt(r), f / sympy.sqrt(r)
    T = 2 * (3 * pairs / (2 * roots[0]) - (r - 1) * f**2 / roots[0] ** 3)
    T += e * (3 * r / (2 * roots[1]) - f**2 / (2 * roots[1] ** 3))
    nuclear = sympy.sqrt(r) * f  # the largest at this Frobenius norm
    sgd = r * (r + e) / f**2  # B_sgd/tau^2
    return every(
        exact(2 * (x**2 + y**2) - (x + y) ** 2, (x - y) ** 2),
        exact(first * 2 * s * c**3 / (s - c) ** 2, s + 2 * c),
        exact(second * s**2 * c**4 / (s - c) ** 2, (s + c) ** 2),
        exact(S / r, ((r - 1) / 2 + e) / (r + e) * sgd),
        exact(T / (2 * nuclear), ((r - 1) / 2 + e) / (2 * (r + e)) * sgd),
    )


@check(POL_T4_d1)
def not_below_the_share(mu: Numbers, excess: int, factor: Fraction = Fraction(1)) -> Evidence:
    """B_var >= share B_sgd and B_align >= share B_sgd/2, in fractions."""
    require(all(x > 0 for x in mu), FULL_RANK)
    r, size = len(mu), len(mu) + excess
    share = factor * (Fraction(r - 1, 2) + excess) / size
    sgd = Fraction(r * size) / sum(x**2 for x in mu)
    S, T = stated(mu, excess)
    return every(exact(S / r, share * sgd, ">="), exact(T / (2 * sum(mu)), share * sgd / 2, ">="))


@check(POL_T4_d1)
def code_has_the_share(r: int, m: int, n: int, factor: float = 1.0) -> Evidence:
    """critical_batch_sizes at a flat spectrum, in rounded arithmetic."""
    sizes = critical_batch_sizes(np.full(r, 0.3), m, n, 0.7)
    share = ((r - 1) / 2 + abs(m - n)) / max(m, n)
    found = np.array([sizes.variance, sizes.alignment]) / sizes.sgd
    return measured(found, factor * np.array([share, share / 2]), 4 * r**2 * EPS)


@verifies(POL_T4_d1)
def test_flat_spectra_are_least() -> None:
    flat_is_least_for_all_sizes()
    for excess in (0, 1, 3):
        for mu in (FLAT, SPREAD, (Fraction(1), Fraction(1, 10**6)), *map(exactly, full_rank(5))):
            not_below_the_share(mu, excess)
    for r, m, n in ((1, 1, 1), (2, 2, 2), (3, 3, 4), (40, 60, 40)):
        code_has_the_share(r, m, n)


@control(POL_T4_d1, sharpens="1 -> 101/100")
def test_flat_share_is_sharp() -> None:
    not_below_the_share(FLAT, 0, Fraction(101, 100))
    not_below_the_share(FLAT, 2, Fraction(101, 100))
    code_has_the_share(3, 3, 4, factor=1.01)
    flat_is_least_for_all_sizes(tangent=1)


# --- small singular values --------------------------------------------------------------------------------


@check(POL_T4_d2)
def variance_sensitivity_between(r: int, excess: int, factor: Fraction = Fraction(1)) -> Evidence:
    """Both bounds term by term, for all mu_1 >= ... >= mu_r > 0."""
    import sympy

    steps = sympy.symbols(f"v1:{r + 1}", positive=True)
    mu = [sum(steps[i:]) for i in range(r)]
    scale = sympy.Rational(factor.numerator, factor.denominator)
    low = 1 / mu[-1] ** 2 if excess else 4 / (mu[-2] + mu[-1]) ** 2
    pairs = [4 / (mu[i] + mu[j]) ** 2 for i in range(r) for j in range(i + 1, r)]
    singles = [1 / x**2 for x in mu] if excess else []
    # The largest term is one of them, and bounds the terms of its kind; 4/(mu_i + mu_j)^2 <= 1/mu_r^2.
    largest = any(sympy.cancel(x - low) == 0 for x in (*pairs, *singles))
    return every(exact(int(largest), 1), *(exact(x, scale * low, "<=") for x in (*pairs, *singles)))


@check(POL_T4_d2)
def code_is_blind_to(small: float, m: int, n: int, power: int) -> Evidence:
    """S small^power at mu = (3, 2, small) stays between the two bounds."""
    S = float(noise_sensitivity(np.array([3.0, 2.0, small]), m, n)[0]) * small**power
    low, high = (4 / 2.1**2, 12 / 2**2) if power == 0 else (abs(m - n), 3 + 3 * abs(m - n))
    return every(measured(S, low, 1e-14 * low, ">="), measured(S, high, 1e-14 * high, "<="))


@verifies(POL_T4_d2)
def test_square_matrices_do_not_see_it() -> None:
    for r, excess in ((2, 0), (2, 1), (3, 0), (3, 2), (4, 0)):
        variance_sensitivity_between(r, excess)
    for small in (1e-1, 1e-3, 1e-9):
        code_is_blind_to(small, 3, 3, 0)
        code_is_blind_to(small, 3, 4, 2)


@control(POL_T4_d2, sharpens="1 -> 99/100")
def test_bounds_of_the_terms_are_sharp() -> None:
    variance_sensitivity_between(2, 0, Fraction(99, 100))
    variance_sensitivity_between(1, 1, Fraction(99, 100))


@control(POL_T4_d2, changes="square -> rectangular")
def test_square_law_on_rectangles() -> None:
    code_is_blind_to(1e-3, 3, 4, 0)


@check(POL_T4_d3)
def slope_of_geometric_spectra(r: int, excess: int, off: int = 0) -> Evidence:
    """B_var/B_sgd times k^(2 slope (r-1)) has a positive limit at k = 0, mu_i = k^i, kappa = k^-(r-1)."""
    import sympy

    k = sympy.Symbol("k", positive=True)
    mu = [k**i for i in range(r)]
    exponent = 2 * (r - 1) if excess else 2 * (r - 2)
    ratio = stated(mu, excess)[0] * sum(x**2 for x in mu) / (r**2 * (r + excess))
    limit = sympy.cancel(ratio * k ** (exponent - off)).subs(k, 0)
    return exact(limit, sympy.Rational(excess or 4, r**2 * (r + excess)))


@check(POL_T4_d3)
def two_by_two_ratio(factor: Fraction = Fraction(1)) -> Evidence:
    """r = 2: the formula in kappa, and its limit 1/2 from below."""
    import sympy

    kappa = sympy.Symbol("kappa", positive=True)
    mu = [sympy.Integer(1), 1 / kappa]
    ratio = stated(mu, 0)[0] * (mu[0] ** 2 + mu[1] ** 2) / 8
    half = sympy.Rational(factor.numerator, 2 * factor.denominator)
    bounded = exact(ratio, half, "<", witness=None if factor == 1 else {kappa: 10**6})
    return every(exact(ratio, (1 + kappa**2) / (2 * (1 + kappa) ** 2)), bounded)


@check(POL_T4_d3)
def code_has_the_slope(r: int, m: int, n: int, slope: float) -> Evidence:
    """The log-log slope of B_var/B_sgd between condition numbers 1e8 and 1e10."""
    conditions = (1e8, 1e10)
    values = [critical_batch_sizes(geometric(r, c ** (-1 / (r - 1))), m, n) for c in conditions]
    found = np.log(values[1].variance / values[0].variance * values[0].sgd / values[1].sgd) / np.log(100)
    # What is left out falls like k = kappa^(-1/(r-1)), 0.01 for r = 5, between its ends.
    error = 3 * conditions[0] ** (-1 / (r - 1))
    return measured(found, slope, error, margin=5 * error)


@verifies(POL_T4_d3)
def test_slopes_in_the_condition_number() -> None:
    for r, excess in ((2, 0), (2, 1), (3, 0), (3, 1), (4, 0), (5, 2)):
        slope_of_geometric_spectra(r, excess)
    two_by_two_ratio()
    for r, m, n, slope in ((2, 2, 2, 0.0), (3, 3, 3, 1.0), (5, 5, 5, 1.5), (3, 3, 4, 2.0)):
        code_has_the_slope(r, m, n, slope)


@control(POL_T4_d3, changes="the exponent of kappa")
def test_other_slopes() -> None:
    slope_of_geometric_spectra(3, 0, off=-1)
    slope_of_geometric_spectra(3, 1, off=-1)
    two_by_two_ratio(Fraction(99, 100))
    code_has_the_slope(3, 3, 3, 2.0)


# --- the code itself --------------------------------------------------------------------------------------


def test_where_the_factor_jumps_the_sensitivities_are_infinite() -> None:
    assert noise_sensitivity(np.array([1.0, 0.0]), 2, 2) == (np.inf, np.inf)
    sizes = critical_batch_sizes(np.zeros((2, 3)), 3, 4, 2.0)
    assert np.all(np.isinf([sizes.variance, sizes.alignment, sizes.sgd]))


def test_a_scalar_has_none() -> None:
    assert noise_sensitivity(np.array([3.0]), 1, 1) == (0.0, 0.0)


def test_critical_batch_sizes_scale_with_the_noise_to_signal_ratio() -> None:
    mu = np.array([5.0, 3.0, 2.0])
    one = critical_batch_sizes(mu, 3, 4, 2.0)
    for c in (1e-150, 1e100):
        other = critical_batch_sizes(c * mu, 3, 4, 2.0)
        assert np.allclose(other.sgd * c * c, one.sgd, rtol=1e-13) or c < 1e-100
    assert np.isclose(one.sgd, 4 * 12 / 38, rtol=1e-14)
