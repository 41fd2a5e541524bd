"""The expected polar factor of a noisy vector and a noisy 2 x 2 matrix (POL-T4.c), for every noise level."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labs.core.streams import stream
from labs.polar_flow.noise import noise_sensitivity, noisy_polar, noisy_polar_expectation
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, every, exact, measured, require
from theory.polar_flow import POL_T4_c1, POL_T4_c2, POL_T4_c3
from theory.polar_flow import noise_expectation as theory

# Absolute error of the two quadratures (labs/polar_flow/_rice.py): rounding of about a hundred terms.
QUADRATURE = 1e-13


# --- vectors ---------------------------------------------------------------------------------------------


@check(POL_T4_c1)
def coefficients_agree(shift: int = 0) -> Evidence:
    """Term by term in a, for every n > 0 and every power: the integral and the hypergeometric form."""
    import sympy

    n, k = sympy.Symbol("n", positive=True), sympy.Symbol("k", integer=True, nonnegative=True)
    found, stated = theory.vector_power_coefficient(n, k), theory.hypergeometric_coefficient(n + shift, k)
    return exact(sympy.gammasimp(found / stated), 1)


@check(POL_T4_c1)
def slope_of_the_smoothed_norm(terms: int, shift: int = 0) -> Evidence:
    """d/da E|a e_1 + xi| from the moments of chi variables, for every n."""
    import sympy

    n = sympy.Symbol("n", positive=True)
    parts = []
    for k in range(terms):
        slope = (2 * k + 2) * theory.smoothed_norm_coefficient(n, k + 1)
        ratio = sympy.gammasimp(slope / theory.hypergeometric_coefficient(n + shift, k))
        parts.append(exact(sympy.cancel(sympy.expand_func(ratio)), 1))
    return every(*parts)


@check(POL_T4_c1)
def special_cases(sign: int = -1) -> Evidence:
    """n = 1 and n = 3 by integration."""
    import sympy

    a = sympy.Symbol("a", positive=True)
    erf = sympy.erf(a / sympy.sqrt(2))
    three = (1 + sign / a**2) * erf + sympy.sqrt(2 / sympy.pi) * sympy.exp(-(a**2) / 2) / a
    return every(
        exact(theory.vector_expectation(1, a), erf),
        exact(sympy.expand(theory.vector_expectation(3, a) - three), 0),
    )


@check(POL_T4_c1)
def first_order_law_is_its_tail() -> Evidence:
    """As a -> inf, 2 - 2 E = (n - 1)/a^2 + O(a^-4) for every n: S tau^2."""
    import sympy

    n = sympy.Symbol("n", positive=True)
    one, first, *_ = theory.vector_tail_coefficients(n, 3)
    return every(exact(one, 1), exact(-2 * first, n - 1))


@check(POL_T4_c1)
def code_is_in_the_ball(a: float, n: int, shift: int = 0) -> Evidence:
    """noisy_polar_expectation against the integral over |x| in ball arithmetic."""
    ball = theory.vector_ball(a, n + shift)
    alignment, error = noisy_polar_expectation(np.array([a]), 1.0, 1, n)
    middle, radius = float(ball.mid()), float(ball.rad())
    return every(
        measured(alignment, middle, QUADRATURE + radius, margin=1e-6),
        measured(error, 2 - 2 * middle, 2 * (QUADRATURE + radius), margin=1e-6),
    )


@verifies(POL_T4_c1)
def test_vectors_exactly() -> None:
    coefficients_agree()
    slope_of_the_smoothed_norm(4)
    special_cases()
    first_order_law_is_its_tail()


@verifies(POL_T4_c1)
def test_vectors_in_balls() -> None:
    for n in (1, 2, 3, 10):
        for a in (1e-3, 0.3, 2.0, 7.5):
            code_is_in_the_ball(a, n)


@restates(POL_T4_c1)
def test_columns_are_rows() -> None:
    row, column = (noisy_polar_expectation(np.array([2.0]), 0.7, *size) for size in ((1, 5), (5, 1)))
    assert row == column
    code_is_in_the_ball(2.0, 5)


@control(POL_T4_c1, changes="n -> n + 1; a sign")
def test_another_dimension() -> None:
    coefficients_agree(shift=1)
    slope_of_the_smoothed_norm(2, shift=1)
    special_cases(sign=1)
    code_is_in_the_ball(2.0, 5, shift=1)


# --- 2 x 2 -----------------------------------------------------------------------------------------------


@check(POL_T4_c2)
def factor_of_the_plane(swapped: int = 0) -> Evidence:
    """P^T X is symmetric with trace 2 max(|z|, |w|) and determinant of the sign of |z|^2 - |w|^2, for all z and w.

    Angles are rational points of the circle; |z| = p + q > p = |w| for the rotation, and the other way round.
    """
    import sympy

    p, q = sympy.symbols("p q", positive=True)
    s, t = sympy.symbols("s t", real=True)
    large, small = p + q, p
    first, second = [((1 - x**2) / (1 + x**2), 2 * x / (1 + x**2)) for x in (s, t)]
    parts = []
    for rotates in (True, False):
        z, w = (large, small) if rotates else (small, large)
        x, y, u, v = (z * first[0], z * first[1], w * second[0], w * second[1])
        X = sympy.Matrix([[x + u, v - y], [y + v, x - u]])
        factor = theory.rotation(*first) if rotates != bool(swapped) else theory.reflection(*second)
        H = (factor.T * X).applyfunc(sympy.cancel)
        parts += [
            exact(H[0, 1], H[1, 0]),
            exact(H.trace(), 2 * large),
            exact(sympy.cancel(H.det()), large**2 - small**2),
        ]
    return every(*parts)


@check(POL_T4_c2)
def parts_are_independent(sign: int = 1) -> Evidence:
    """The covariance of the four real parts under noise of variance 1 an entry: 1/2 times the identity."""
    import sympy

    entries = sympy.symbols("a b c d")
    parts = theory.complex_parts(entries[0], sign * entries[1], entries[2], entries[3])
    if sign < 0:
        parts = (*parts[:3], (entries[1] + entries[2] * 2) / 2)
    rows = sympy.Matrix([[sympy.diff(part, x) for x in entries] for part in parts])
    return every(*(exact(a, b) for a, b in zip(rows * rows.T, sympy.eye(4) / 2, strict=True)))


@check(POL_T4_c2)
def code_is_a_rotation(X: np.ndarray, angle: float = 0.0) -> Evidence:
    """msign of a 2 x 2 matrix is the rotation by arg z, where |z| > |w|."""
    from labs.core.polar import msign

    z = complex(X[0, 0] + X[1, 1], X[1, 0] - X[0, 1]) / 2
    w = complex(X[0, 0] - X[1, 1], X[1, 0] + X[0, 1]) / 2
    require(abs(z) > abs(w), "|z| > |w|")
    c, s = np.cos(np.angle(z) + angle), np.sin(np.angle(z) + angle)
    # The factor is right to eps sigma_1/(sigma_1 + sigma_2) < eps; a few roundings.
    return measured(msign(X), np.array([[c, -s], [s, c]]), 1e-14, margin=1e-3)


@verifies(POL_T4_c2)
def test_rotations_and_reflections() -> None:
    factor_of_the_plane()
    parts_are_independent()
    for X in stream("noisy polar: 2 x 2").standard_normal((20, 2, 2)):
        code_is_a_rotation(X if np.linalg.det(X) > 0 else X[::-1])


@control(POL_T4_c2, changes="rotations and reflections change places")
def test_exchanged() -> None:
    factor_of_the_plane(swapped=1)
    parts_are_independent(sign=-1)


@control(POL_T4_c2, drops="|z| > |w|")
def test_reflections_are_no_rotations() -> None:
    code_is_a_rotation(np.diag([3.0, -1.0]))


@check(POL_T4_c3)
def code_is_in_the_balls(
    mu: tuple[float, float], tau: float, terms: int = 80, factor: float = 1.0
) -> Evidence:
    """noisy_polar_expectation against the double series in ball arithmetic."""
    from flint import arb

    root = arb(2).sqrt()
    z, w = ((arb(mu[0]) + arb(s) * arb(mu[1])) / (root * arb(tau)) for s in (1, -1))
    C, mirrored = theory.two_by_two_ball(z, w, terms), theory.two_by_two_ball(w, z, terms)
    total, difference = arb(mu[0]) + arb(mu[1]), arb(mu[0]) - arb(mu[1])
    stated = [(total * C + difference * mirrored) / total, 4 - 4 * C]
    found = noisy_polar_expectation(np.array(mu), tau)
    return every(
        *(
            measured(x, factor * float(y.mid()), 4 * QUADRATURE + float(y.rad()), margin=1e-6)
            for x, y in zip(found, stated, strict=True)
        )
    )


@check(POL_T4_c3)
def code_is_the_mean(mu: tuple[float, float], tau: float, draws: int, factor: float = 1.0) -> Evidence:
    """The same by sampling polar factors: five standard errors."""
    noise = tau * stream("noisy polar: sampled", *mu, tau).standard_normal((draws, 2, 2))
    stated = noisy_polar_expectation(np.array(mu), tau)
    found = [x / scale for x, scale in zip(noisy_polar(np.diag(mu), noise), (sum(mu), 1.0), strict=True)]
    error = [5 * x.std() / np.sqrt(draws) for x in found]
    return measured(
        [x.mean() for x in found], factor * np.array(stated), error, margin=[2 * e for e in error]
    )


@check(POL_T4_c3)
def code_is_the_slope_of_the_smoothed_norm(
    mu: tuple[float, float], tau: float, factor: float = 1.0
) -> Evidence:
    """d/ds E|s G + tau xi|_* at s = 1, |X|_* = 2 max(|z|, |w|), whose squares are noncentral chi-squares."""
    from scipy.integrate import quad
    from scipy.stats import ncx2

    def smoothed(s: float) -> float:
        centres = [(s * (mu[0] + sign * mu[1]) / 2) ** 2 / (tau**2 / 2) for sign in (1, -1)]

        def above(x: float) -> float:
            return 1.0 - float(np.prod([ncx2.cdf(x * x, 2, c) for c in centres]))

        whole, _ = quad(above, 0.0, np.sqrt(max(centres)) + 9.0, epsabs=1e-11, epsrel=1e-11, limit=200)
        return 2 * tau / np.sqrt(2) * whole

    h = 2e-2
    ends = [smoothed(1 + k * h) for k in (-2, -1, 1, 2)]
    found = (ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * h)
    # h^4/30 times the fifth derivative, at most 20 for mu <= 2 tau; and the quadrature over h.
    stated = noisy_polar_expectation(np.array(mu), tau)[0] * sum(mu)
    return measured(found, factor * stated, 20 * h**4 / 30 + 1e-8, margin=1e-2)


@verifies(POL_T4_c3)
def test_two_by_two_is_the_slope_of_the_smoothed_norm() -> None:
    for mu, tau in (((2.0, 1.0), 1.0), ((1.0, 0.1), 1.0)):
        code_is_the_slope_of_the_smoothed_norm(mu, tau)


@verifies(POL_T4_c3)
def test_two_by_two_in_balls() -> None:
    for mu, tau in (((2.0, 1.0), 1.0), ((1.0, 1.0), 0.5), ((3.0, 0.1), 1.0), ((1.0, 0.5), 10.0)):
        code_is_in_the_balls(mu, tau)


@verifies(POL_T4_c3)
def test_two_by_two_sampled() -> None:
    for mu, tau in (((2.0, 1.0), 1.0), ((3.0, 0.1), 1.0), ((1.0, 1.0), 0.2)):
        code_is_the_mean(mu, tau, 20000)


@control(POL_T4_c3, changes="1 -> 1.05")
def test_two_by_two_with_a_factor() -> None:
    code_is_in_the_balls((2.0, 1.0), 1.0, factor=1.05)
    code_is_the_mean((2.0, 1.0), 1.0, 20000, factor=1.05)
    code_is_the_slope_of_the_smoothed_norm((2.0, 1.0), 1.0, factor=1.05)


# --- the routine itself ----------------------------------------------------------------------------------


def test_small_noise_gives_the_first_order_laws() -> None:
    mu = np.array([[2.0, 1.0], [1.0, 1.0], [5.0, 0.5]])
    S, T = noise_sensitivity(mu, 2, 2)
    alignment, error = noisy_polar_expectation(mu, 1e-3)
    # The next terms are smaller by (tau/mu_r)^2; rounding of 1e-15 stands against 1e-6.
    assert np.allclose(error, 1e-6 * S, rtol=1e-4)
    assert np.allclose(1 - alignment, 1e-6 * T / 2 / mu.sum(-1), rtol=1e-4, atol=1e-14)


def test_at_corank_one_the_alignment_sees_only_the_other_directions() -> None:
    """The error tends to 1, but the alignment has the expansion with T = 2/(mu_1 + 0)."""
    tau = np.array([1e-2, 1e-3])
    alignment, error = noisy_polar_expectation(np.array([1.0, 0.0]), tau)
    # Here the next terms are smaller by tau alone: the determinant may come out negative.
    assert np.all(np.abs(error - 1) < 2 * tau)
    assert np.all(np.abs((1 - alignment) / tau**2 - 1) < 2 * tau)


def test_vectors_without_a_mean_have_no_direction() -> None:
    assert [float(x) for x in noisy_polar_expectation(np.array([0.0]), 1.0, 1, 3)] == [0.0, 1.0]
    assert [round(float(x), 12) for x in noisy_polar_expectation(np.zeros(2), 1.0)] == [0.0, 2.0]


def test_batches_broadcast() -> None:
    mu, tau = np.array([[2.0, 1.0], [1.0, 0.3]]), np.array([[0.5], [1.0], [3.0]])
    alignment, error = noisy_polar_expectation(mu, tau)
    assert alignment.shape == error.shape == (3, 2)
    one = noisy_polar_expectation(mu[1], 3.0)
    assert np.allclose([alignment[2, 1], error[2, 1]], one, rtol=1e-14)
    assert np.allclose(noisy_polar_expectation(mu[:, ::-1], tau)[1], error, rtol=1e-14)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"mu": np.ones(1)}, "n"),
        ({"mu": np.ones(3), "m": 3, "n": 3}, "m and n"),
        ({"mu": -np.ones(2)}, "mu"),
        ({"mu": np.ones(2), "m": 1, "n": 2}, "mu"),
        ({"tau": 0.0}, "tau"),
        ({"tau": np.ones(3), "mu": np.ones((2, 2))}, "tau"),
        ({"mu": np.ones(1), "m": 1, "n": 0}, "n"),
    ],
)
def test_bad_input_is_named(arguments: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=rf"\A{name}"):
        noisy_polar_expectation(**({"mu": np.ones(2), "tau": 1.0} | arguments))  # type: ignore[arg-type]
