"""Critical batch sizes (POL-T4): the first-order laws, and the bound for every batch size.

Where the noise takes finitely many values the expectation is a finite sum: nothing is sampled.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from labs.polar_flow.noise import (
    critical_batch_sizes,
    noise_sensitivity,
    noisy_polar,
)
from tests.polar_flow.noises import EPS, FULL_RANK, diagonal, full_rank, signs
from tests.referee import check, control, verifies
from theory.evidence import Evidence, every, exact, measured, require
from theory.polar_flow import (
    POL_T4_a,
    POL_T4_b,
    POL_T4_b2,
    POL_T4_b3,
    POL_T4_e,
    noise_derivative,
)
from theory.polar_flow import noise_expectation as theory

SYMMETRIC = "symmetric noise"


def moments(expression: Any, entries: Any, third: Any = 0) -> Any:
    """The expectation over independent entries of mean 0, variance 1 and third moment `third`; degree at most 3."""
    import sympy

    values = {0: 1, 1: 0, 2: 1, 3: third}
    terms = sympy.Poly(sympy.expand(expression), *entries).terms()
    return sum(c * sympy.prod([values[p] for p in powers]) for powers, c in terms)


def taylor(function: Any, t: Any, order: int) -> list[Any]:
    """The Taylor coefficients of a function of t at 0."""
    import sympy

    return [
        sympy.cancel(sympy.diff(function, t, k).subs(t, 0) / sympy.factorial(k)) for k in range(order + 1)
    ]


def two_by_two(t: Any) -> tuple[Any, Any, Any, Any]:
    """mu, the noise, <G, P> and |P - 1|^2 of P = P(diag(mu) + t noise), where the determinant is positive."""
    import sympy

    mu, noise = sympy.symbols("mu1 mu2", positive=True), sympy.symbols("a b c d", real=True)
    a, b, c, d = noise
    x, y, _, _ = theory.complex_parts(mu[0] + t * a, t * b, t * c, mu[1] + t * d)
    cosine = x / sympy.sqrt(x**2 + y**2)
    return mu, noise, (mu[0] + mu[1]) * cosine, 4 - 4 * cosine


def vector(t: Any, n: int) -> tuple[Any, Any, Any, Any]:
    """The same for 1 x n, G = (mu, 0, ..., 0)."""
    import sympy

    mu, noise = sympy.Symbol("mu", positive=True), sympy.symbols(f"x1:{n + 1}", real=True)
    x = mu + t * noise[0]
    cosine = x / sympy.sqrt(x**2 + t**2 * sum(y**2 for y in noise[1:]))
    return (mu,), noise, mu * cosine, 2 - 2 * cosine


# --- the first-order laws --------------------------------------------------------------------------------


@check(POL_T4_a, POL_T4_b)
def laws_by_expansion(n: int, error: int = 1, loss: int = 1) -> Evidence:
    """Second-order terms at 2 x 2 (n = 0) or 1 x n, for all mu and any independent noise of variance 1."""
    import sympy

    t = sympy.Symbol("t", positive=True)
    mu, noise, aligned, away = vector(t, n) if n else two_by_two(t)
    S = (n - 1) / mu[0] ** 2 if n else 4 / (mu[0] + mu[1]) ** 2
    T = (n - 1) / mu[0] if n else 2 / (mu[0] + mu[1])
    first, second = taylor(aligned, t, 2), taylor(away, t, 2)
    return every(
        *(exact(moments(x, noise), y) for x, y in zip(first, [sum(mu), 0, -loss * T / 2], strict=True)),
        *(exact(moments(x, noise), y) for x, y in zip(second, [0, 0, error * S], strict=True)),
    )


@check(POL_T4_a)
def laws_for_a_covariance(m: int, n: int, factor: int = 1) -> Evidence:
    """E|DP[xi]|^2 = tr(DP Sigma DP) for every covariance Sigma of the entries; DP from its equations."""
    import sympy

    size = m * n
    mu, noise = sympy.symbols(f"mu1:{min(m, n) + 1}", positive=True), sympy.symbols(f"x0:{size}")
    D = noise_derivative.derivative(mu, sympy.Matrix(m, n, noise))
    J = sympy.Matrix(size, size, lambda i, j: sympy.diff(D[i], noise[j]))
    sigma = sympy.Matrix(size, size, lambda i, j: sympy.Symbol(f"c{min(i, j)}_{max(i, j)}"))
    square = sympy.Poly(sympy.expand(sum(x**2 for x in D)), *noise)
    expected = 0
    for powers, coefficient in square.terms():
        i, *rest = [k for k, p in enumerate(powers) for _ in range(p)]
        expected += coefficient * sigma[i, rest[0]]
    return exact(expected, factor * (J * sigma * J).trace())


@check(POL_T4_a)
def error_over_all_signs(s: np.ndarray, m: int, n: int, factor: float = 1.0, h: float = 1e-3) -> Evidence:
    """E|P(G + t xi) - P(G)|^2/(t^2 S) for all sign matrices, t = h mu_r/sqrt(m n)."""
    require(bool(np.all(s > 0)), FULL_RANK)
    t = h * s.min() / np.sqrt(m * n)
    _, error = noisy_polar(diagonal(s, m, n), t * signs(m, n))
    # Even in t: the next term is h^2 times a number of order one (Cauchy's estimate on |t xi| < mu_r/2), and the
    # factors are right to cond eps, against a difference of size t sqrt(S).
    S = float(noise_sensitivity(s, m, n)[0])
    # A law that is off by more than half is none, however large the noise.
    slack = min(0.5, 10 * h**2 + 100 * EPS * (s.max() / s.min()) / (t * np.sqrt(S)))
    return measured(error.mean() / (t * t * S), factor, slack, margin=max(slack, 0.005))


@check(POL_T4_b)
def loss_over_all_signs(s: np.ndarray, m: int, n: int, factor: float = 1.0, h: float = 1e-2) -> Evidence:
    """(|G|_* - E<G, P(G + t xi)>)/(t^2 T/2) for all sign matrices."""
    require(bool(np.all(s > 0)), FULL_RANK)
    t = h * s.min() / np.sqrt(m * n)
    aligned, _ = noisy_polar(diagonal(s, m, n), t * signs(m, n))
    T = float(noise_sensitivity(s, m, n)[1])
    # As above; here rounding of |G|_* stands against t^2 T/2.
    slack = min(0.5, 10 * h**2 + 10 * m * n * EPS * s.sum() / (t * t * T / 2))
    return measured((s.sum() - aligned.mean()) / (t * t * T / 2), factor, slack, margin=max(slack, 0.005))


@verifies(POL_T4_a, POL_T4_b)
def test_expansions() -> None:
    for n in (0, 1, 2, 3, 4):
        laws_by_expansion(n)


@verifies(POL_T4_a)
def test_covariances_and_signs() -> None:
    for m, n in ((1, 2), (2, 2), (2, 3)):
        laws_for_a_covariance(m, n)
    for r, m, n in ((2, 2, 2), (2, 2, 3), (3, 3, 3)):
        for s in full_rank(r):
            error_over_all_signs(s, m, n)


@verifies(POL_T4_b)
def test_alignment_over_signs() -> None:
    for r, m, n in ((2, 2, 2), (2, 3, 2), (3, 3, 3)):
        for s in full_rank(r, 100.0):
            loss_over_all_signs(s, m, n)


@control(POL_T4_a, changes="S -> 2 S in the expansion, S -> 1.01 S in numbers")
def test_other_error_constants() -> None:
    laws_by_expansion(0, error=2)
    laws_by_expansion(3, error=2)
    laws_for_a_covariance(2, 2, factor=2)
    error_over_all_signs(np.array([1.0, 0.5]), 2, 3, factor=1.01)


@control(POL_T4_b, changes="T/2 -> T")
def test_other_alignment_constants() -> None:
    laws_by_expansion(0, loss=2)
    laws_by_expansion(3, loss=2)
    loss_over_all_signs(np.array([1.0, 0.5]), 2, 3, factor=2.0)


NEARLY = np.array([3.0, 2.0, 1e-3])
AT_ONE = 0.01 * 3 / 1e-3  # the h at which t = 0.01


@control(POL_T4_a, changes="B -> inf -> B = 1, G = diag(3, 2, 1e-3), tau = 0.01")
def test_the_error_of_a_nearly_singular_gradient_is_another() -> None:
    error_over_all_signs(NEARLY, 3, 3, h=AT_ONE)


@control(POL_T4_b, changes="B -> inf -> B = 1, G = diag(3, 2, 1e-3), tau = 0.01")
def test_the_alignment_of_a_nearly_singular_gradient_is_another() -> None:
    loss_over_all_signs(NEARLY, 3, 3, h=AT_ONE)


@check(POL_T4_b2)
def progress_ratios(power: int = 2) -> Evidence:
    """max over h of h <G, E D> - ell h^2 E|D|^2/2 with and without noise, D the polar factor or the gradient."""
    import sympy

    norm, frobenius, T, tau, ell, r, mn, B, h = sympy.symbols("N F T tau ell r mn B h", positive=True)

    def best(slope: Any, square: Any) -> Any:
        progress = h * slope - ell * h**2 * square / 2
        return progress.subs(h, sympy.solve(sympy.diff(progress, h), h)[0])

    polar = best(norm - tau**2 * T / (2 * B), r) / best(norm, r)
    gradient = best(frobenius**2, frobenius**2 + tau**2 * mn / B) / best(frobenius**2, frobenius**2)
    align, sgd = tau**2 * T / (2 * norm), tau**2 * mn / frobenius**2
    return every(exact(polar, (1 - align / B) ** power), exact(gradient, 1 / (1 + sgd / B)))


@check(POL_T4_b2)
def code_has_the_sizes(s: np.ndarray, m: int, n: int, tau: float, factor: float = 1.0) -> Evidence:
    """critical_batch_sizes from the sensitivities and norms."""
    found = critical_batch_sizes(s, m, n, tau)
    S, T = noise_sensitivity(s, m, n)
    stated = [tau**2 * S / len(s), tau**2 * T / (2 * s.sum()), tau**2 * m * n / np.sum(s**2)]
    return measured(
        [found.variance, found.alignment, found.sgd] / np.array(stated), factor, 20 * len(s) * EPS
    )


@verifies(POL_T4_b2)
def test_progress() -> None:
    progress_ratios()
    for s in full_rank(5):
        code_has_the_sizes(s, 5, 8, 0.3)


@control(POL_T4_b2, changes="(1 - B_align/B)^2 -> (1 - B_align/B)")
def test_other_progress() -> None:
    progress_ratios(power=1)
    code_has_the_sizes(np.array([3.0, 1.0]), 2, 2, 0.3, factor=1.01)


@check(POL_T4_b3)
def third_order_term(u: tuple[Any, Any], third: int) -> Evidence:
    """The coefficient of B^(-3/2) at 1 x 2 along a rational unit vector u: 0 for symmetric noise."""
    import sympy

    require(third == 0, SYMMETRIC)
    t, norm = sympy.symbols("t g", positive=True)
    noise = sympy.symbols("x y", real=True)
    point = [norm * ui + t * x for ui, x in zip(u, noise, strict=True)]
    aligned = (
        norm * sum(ui * p for ui, p in zip(u, point, strict=True)) / sympy.sqrt(sum(p**2 for p in point))
    )
    return exact(moments(taylor(aligned, t, 3)[3], noise, third), 0)


@check(POL_T4_b3)
def third_order_constant(u: tuple[Any, Any], third: int, factor: int = 1) -> Evidence:
    """The same coefficient for noise of this third moment, against the formula."""
    import sympy

    t, norm = sympy.symbols("t g", positive=True)
    noise = sympy.symbols("x y", real=True)
    point = [norm * ui + t * x for ui, x in zip(u, noise, strict=True)]
    aligned = (
        norm * sum(ui * p for ui, p in zip(u, point, strict=True)) / sympy.sqrt(sum(p**2 for p in point))
    )
    stated = third * (u[0] * u[1] ** 2 + u[1] * u[0] ** 2) / norm**2
    return exact(moments(taylor(aligned, t, 3)[3], noise, third), factor * stated)


def unit() -> tuple[Any, Any]:
    import sympy

    return sympy.Rational(3, 5), sympy.Rational(4, 5)


@verifies(POL_T4_b3)
def test_third_moments_come_next() -> None:
    third_order_term(unit(), 0)
    third_order_constant(unit(), 2)


@control(POL_T4_b3, drops=SYMMETRIC)
def test_skewed_noise() -> None:
    third_order_term(unit(), 2)


@control(POL_T4_b3, changes="c -> 2 c")
def test_another_constant_of_the_third_moment() -> None:
    third_order_constant(unit(), 2, factor=2)


# --- for every batch size ---------------------------------------------------------------------------------


@check(POL_T4_e)
def vectors_turn_no_further(factor: int = 1) -> Evidence:
    """|P(x) - P(y)|^2 (|x| + |y|)^2 <= 4 |x - y|^2 at any angle, 1 x n for all n: (|x|, |y|, 1 + cos) free."""
    import sympy

    p, q, above = sympy.symbols("p q w", positive=True)
    cosine = above - 1
    left = 2 * (1 - cosine) * (p + q) ** 2
    right = 4 * (p**2 + q**2 - 2 * p * q * cosine)
    gap = sympy.factor(right - factor * left)
    return exact(gap, 2 * above * (p - q) ** 2) if factor == 1 else exact(gap, 0, ">=")


@check(POL_T4_e)
def error_below_the_bound(s: np.ndarray, m: int, n: int, t: float, factor: float = 1.0) -> Evidence:
    """E|P(G + t xi) - P(G)|^2 <= 4 t^2 m n/mu_r^2 over all sign matrices."""
    require(bool(np.all(s > 0)), FULL_RANK)
    _, error = noisy_polar(diagonal(s, m, n), t * signs(m, n))
    bound = factor * 4 * t * t * m * n / s.min() ** 2
    # The factors are right to cond eps each.
    return measured(error.mean(), bound, 1e-2 * bound * EPS + (100 * EPS * s.max() / s.min()) ** 2, "<=")


@verifies(POL_T4_e)
def test_bound_for_every_batch_size() -> None:
    vectors_turn_no_further()
    for r, m, n in ((1, 1, 4), (2, 2, 2), (2, 3, 2), (3, 3, 3)):
        for s in full_rank(r):
            for t in (1e-2, 0.3, 1.0, 10.0):
                error_below_the_bound(s, m, n, t * s.min())


@control(POL_T4_e, sharpens="4 -> the share of it that S leaves, less 5 percent")
def test_bound_is_not_below_the_first_order_law() -> None:
    # 1 x 9, small noise: the error is t^2 S = 8 t^2/mu^2, the bound 36 t^2/mu^2.
    error_below_the_bound(np.array([1.0]), 1, 9, 1e-3, factor=0.95 * 8 / 36)
    vectors_turn_no_further(factor=2)


def test_how_loose_the_bound_is() -> None:
    """4 m n/(mu_r^2 S): 17 at 3 x 4 and mu = (5, 3, 2), only 8 at a flat 3 x 4 and 4.5 at 1 x 9."""
    looseness = [
        4 * m * n / (min(mu) ** 2 * float(noise_sensitivity(np.array(mu), m, n)[0]))
        for mu, m, n in (([5.0, 3.0, 2.0], 3, 4), ([1.0] * 3, 3, 4), ([1.0], 1, 9))
    ]
    assert np.allclose(looseness, [17.0154, 8.0, 4.5], rtol=1e-4)
