"""Expectations over the sphere, against routes that share no formula with them.

References: 2F1 for two-level spectra (any n, any power), exact rationals for even powers (Dirichlet moments by
convolution), one-dimensional mpmath integrals for other functions, and the two routes against each other.
"""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from labs.core.spectrum import zoo
from labs.core.sphere import expect, weight_moments
from labs.core.sphere._general import general_moments
from labs.core.sphere._powers import log_gamma_ratio, power_moments
from labs.core.streams import stream
from labs.isotropic_curvature import Custom, Polynomial, Power

# Every sum behind these numbers has positive terms; what is left is the rounding of some hundred operations.
ROUNDING = 2e-14
# The general route adds a quadrature in x, whose nodes cluster at the ends of steep pieces.
QUADRATURE = 1e-13


def as_custom(p: float) -> Custom:
    """x^p without the tag that sends it to the power route."""
    return Custom(
        lambda x: x**p,
        lambda x: p * x ** (p - 1),
        lambda x: p * (p - 1) * x ** (p - 2),
        weight_slope_function=lambda x: p * (p - 2) * x ** (p - 3),
        weight_at_zero=None if p >= 2 else np.inf,
        slope_at_zero=1.0 if p == 1 else 0.0,
    )


def two_level(p: float, a: float, b: float, k0: int, n: int) -> tuple[float, float, float]:
    """(E rho^p, E rho^{p-2} u_a, E rho^{p-2} u_b): rho^2 = a^2 t + b^2 (1-t), t ~ Beta(k0/2, (n-k0)/2)."""
    with mpmath.workdps(40 + 2 * math.ceil(math.log10(a / b))):  # 1 - (b/a)^2 must not round to 1
        x, y = mpmath.mpf(a) ** 2, mpmath.mpf(b) ** 2
        alpha, beta, power = mpmath.mpf(k0) / 2, mpmath.mpf(n - k0) / 2, mpmath.mpf(p) / 2

        def moment(e, alpha, beta):  # E (x t + y (1-t))^e, t ~ Beta(alpha, beta)
            return x**e * mpmath.hyp2f1(-e, beta, alpha + beta, 1 - y / x)

        value = moment(power, alpha, beta)
        first = moment(power - 1, alpha + 1, beta) / n
        last = moment(power - 1, alpha, beta + 1) / n
        return float(value), float(first), float(last)


@pytest.mark.parametrize("p", [1.0, 1.2, 2.5, 3.98, 7.0, 40.0])
@pytest.mark.parametrize(
    ("a", "b", "k0", "n"),
    [(1.0, 0.5, 1, 2), (3.0, 3e-6, 1, 4), (1.0, 1e-90, 1, 3), (1.0, 0.999999, 8, 16), (1.0, 0.1, 100, 256)],
)
def test_powers_against_hypergeometric_functions(p, a, b, k0, n):
    """Clustered spectra of any size: the law of rho^2 is a Beta law."""
    q = np.array([a] * k0 + [b] * (n - k0))
    value, lam, _ = weight_moments(Power(p), q, n)
    expected = two_level(p, a, b, k0, n)
    np.testing.assert_allclose([value, lam[0] / p, lam[-1] / p], expected, rtol=ROUNDING)


def rising(a: Fraction, m: int) -> Fraction:
    """a (a + 1) ... (a + m - 1)."""
    return math.prod((a + i for i in range(m)), start=Fraction(1))


def dirichlet_moment(x: list[Fraction], power: int, extra: tuple[int, ...]) -> Fraction:
    """E[(sum x_i u_i)^power prod_i u_i^extra_i], u ~ Dirichlet(1/2, ...): the multinomial theorem as a convolution.

    E prod u_i^{b_i} = prod (1/2)_{b_i} / (n/2)_{sum b}; the coordinate i gives the factors (1/2)_{a+e} x^a / a!.
    """
    series = [Fraction(1)] + [Fraction(0)] * power
    for xi, e in zip(x, extra, strict=True):
        factor = [rising(Fraction(1, 2), a + e) * xi**a / math.factorial(a) for a in range(power + 1)]
        series = [
            sum((series[i] * factor[r - i] for i in range(r + 1)), start=Fraction(0))
            for r in range(power + 1)
        ]
    return series[power] * math.factorial(power) / rising(Fraction(len(x), 2), power + sum(extra))


@pytest.mark.parametrize("p", [4, 6, 12])
def test_even_powers_against_exact_rationals(p):
    for q in ([8, 4, 2, 1], [1, 1, 1, 1, 1], [1000000, 1000, 1], [3, 0, 2]):
        exact = [Fraction(v) ** 2 for v in q]
        value, first, second = weight_moments(Power(float(p)), np.array(q, dtype=float), len(q))

        def moment(power: int, *at: int, exact: list[Fraction] = exact) -> float:
            return float(dirichlet_moment(exact, power, tuple(at.count(i) for i in range(len(exact)))))

        assert value == pytest.approx(moment(p // 2), rel=ROUNDING)
        for i in range(len(q)):
            assert first[i] == pytest.approx(p * moment(p // 2 - 1, i), rel=ROUNDING)
            for j in range(len(q)):
                expected = max(q) ** 2 * p * (p - 2) * moment(p // 2 - 2, i, j)
                assert second[i, j] == pytest.approx(expected, rel=ROUNDING)


@pytest.mark.parametrize("p", [1.2, 2.5, 40.0])
@pytest.mark.parametrize(("n", "dimension"), [(2, 2), (3, 5), (5, 5)])
def test_both_routes_agree_on_the_zoo(p, n, dimension):
    """Graded, repeated, nearly equal, spiked, rank-deficient spectra, alone and inside a larger sphere."""
    for spectrum in zoo(n, stream("sphere zoo", n)).values():
        q = spectrum[spectrum > 0]
        m = general_moments(as_custom(p), q, dimension)
        value, first, second = weight_moments(Power(p), q, dimension)
        np.testing.assert_allclose(m.value, value, rtol=QUADRATURE)
        np.testing.assert_allclose(m.first, first, rtol=QUADRATURE)
        np.testing.assert_allclose(np.max(q) ** 2 * m.second, second, rtol=QUADRATURE)


def random_spectrum(n: int) -> np.ndarray:
    return np.exp(stream("many dimensions", n).uniform(-3, 0, n))


@pytest.mark.parametrize(
    ("q", "n", "p"),
    [
        (random_spectrum(20), 20, 3.0),
        (random_spectrum(40), 40, 2.5),
        (random_spectrum(70), 70, 30.0),
        (random_spectrum(130), 130, 5.0),
        (np.repeat([1.0, 0.05], 20), 40, 3.5),  # a wide gap between two clusters
        (np.array([1.0, 0.7, 0.1]), 200, 1.5),  # few directions in a large space
    ],
    ids=["20", "40", "70", "130", "a gap", "few"],
)
def test_both_routes_agree_in_many_dimensions(q, n, p):
    m = general_moments(as_custom(p), q, n, second=False)
    value, first, _ = weight_moments(Power(p), q, n, second=False)
    np.testing.assert_allclose(m.value, value, rtol=QUADRATURE)
    np.testing.assert_allclose(m.first, first, rtol=QUADRATURE)


@pytest.mark.parametrize(
    ("a", "b", "k0", "n"), [(2.0, 0.5, 1, 2), (2.0, 2e-6, 1, 3), (3.0, 1.0, 2, 6), (1.5, 1.49, 20, 40)]
)
def test_general_functions_against_mpmath(a, b, k0, n):
    """cosh x - 1 on two-level spectra, as one mpmath integral against the Beta density."""
    H = Custom(lambda x: 2 * np.sinh(x / 2) ** 2, np.sinh, np.cosh)
    with mpmath.workdps(30):
        alpha, beta = mpmath.mpf(k0) / 2, mpmath.mpf(n - k0) / 2

        def mean(f, alpha, beta):
            # t = sin^2(theta) removes the end-point singularities of the Beta density.
            def integrand(theta):
                t = mpmath.sin(theta) ** 2
                rho = mpmath.sqrt(mpmath.mpf(a) ** 2 * t + mpmath.mpf(b) ** 2 * (1 - t))
                return f(rho) * mpmath.sin(theta) ** (2 * alpha - 1) * mpmath.cos(theta) ** (2 * beta - 1)

            return 2 * mpmath.quad(integrand, mpmath.linspace(0, mpmath.pi / 2, 7)) / mpmath.beta(alpha, beta)

        expected = (
            mean(lambda x: mpmath.cosh(x) - 1, alpha, beta),
            mean(lambda x: mpmath.sinh(x) / x, alpha + 1, beta) / n,
            mean(lambda x: mpmath.sinh(x) / x, alpha, beta + 1) / n,
        )
    value, gradient, _ = expect(H, np.array([a] * k0 + [b] * (n - k0)), order=1)
    np.testing.assert_allclose(
        [value, gradient[0] / a, gradient[-1] / b], [float(e) for e in expected], rtol=QUADRATURE
    )


def test_a_break_in_the_weight_is_resolved():
    """w rises linearly between 1 and 1.5 and is constant outside; n = 4 with two pairs, where t is uniform."""

    def weight_slope(x):
        return np.where((x > 1) & (x < 1.5), 2.0, 0.0)

    def weight(x):
        return 1 + np.clip(2 * (x - 1), 0, 1)

    def value(x):  # int_0^x s w(s) ds
        y = np.clip(x, 1, 1.5)
        middle = (2 * y**3 / 3 - y**2 / 2) - (2 / 3 - 1 / 2)
        return np.minimum(x, 1) ** 2 / 2 + middle + (np.maximum(x, 1.5) ** 2 - 2.25)

    H = Custom(value, lambda x: x * weight(x), lambda x: weight(x) + x * weight_slope(x), breaks=(1.0, 1.5))
    assert H.superquadratic
    got, gradient, _ = expect(H, np.array([2.0, 2.0, 0.5, 0.5]), order=1)
    with mpmath.workdps(25):
        # rho^2 = 4 t + (1 - t)/4, t uniform on [0, 1]; breaks at rho = 1 and 1.5.
        cuts = [0, mpmath.mpf(3) / 15, mpmath.mpf(8) / 15, 1]

        def rho(t):
            return mpmath.sqrt(4 * t + (1 - t) / 4)

        def w(x):
            return 1 + min(max(2 * (x - 1), 0), 1)

        first = float(mpmath.quad(lambda t: w(rho(t)) * t / 2, cuts))
        last = float(mpmath.quad(lambda t: w(rho(t)) * (1 - t) / 2, cuts))
    np.testing.assert_allclose(gradient, [2 * first, 2 * first, last / 2, last / 2], rtol=QUADRATURE)
    assert got > 0


def test_order_padding_batch_and_zeros():
    H, q = Polynomial({2: 0.5, 4.5: 1.0}), np.array([0.3, 2.0, 0.0, 1.0])
    value, gradient, hessian = expect(H, q, 6)
    padded = expect(H, np.append(q, [0.0, 0.0]), 6)
    np.testing.assert_allclose(padded[0], value, rtol=ROUNDING)
    np.testing.assert_allclose(padded[1][:4], gradient, rtol=ROUNDING)
    order = np.array([2, 0, 3, 1])
    shuffled = expect(H, q[order], 6)
    np.testing.assert_allclose(shuffled[1], gradient[order], rtol=ROUNDING)
    np.testing.assert_allclose(shuffled[2], hessian[np.ix_(order, order)], rtol=ROUNDING, atol=1e-300)
    assert gradient[2] == 0
    batch = expect(H, np.stack([q, np.zeros(4), 3 * q])[None], 6)
    assert batch[0].shape == (1, 3)
    assert batch[2].shape == (1, 3, 4, 4)
    np.testing.assert_allclose(batch[0][0], [value, 0.0, expect(H, 3 * q, 6)[0]], rtol=ROUNDING)
    np.testing.assert_allclose(batch[2][0, 1], np.eye(4) / 6, rtol=ROUNDING)  # w(0)/n = 1/6
    assert expect(H, q, 6, order=0)[1:] == (None, None)


def test_a_constant_length_and_a_batch_of_a_function_without_terms():
    """rho = 2 on the whole sphere needs no quadrature; shapes of a batch are those of the kernel."""
    q = np.array([[[2.0, 2.0, 2.0]], [[0.5, 0.2, 0.2]], [[0.0, 0.0, 0.0]]])
    in_general, by_powers = expect(as_custom(3.5), q), expect(Power(3.5), q)
    for got, expected in zip(in_general, by_powers, strict=True):
        assert got.shape == expected.shape
        np.testing.assert_allclose(got[:2], expected[:2], rtol=QUADRATURE)
    assert not in_general[0][2].any()
    assert not in_general[1][2].any()


def test_zero_entries_have_the_weight_of_a_limit():
    """The Hessian at q_i = 0 is lambda_i, by both routes, and infinite where the integral diverges."""
    q = np.array([1.0, 0.5, 0.0])
    for p in (1.5, 2.5, 4.0):
        by_powers, in_general = expect(Power(p), q)[2], expect(as_custom(p), q)[2]
        np.testing.assert_allclose(in_general, by_powers, rtol=QUADRATURE)
        near = expect(Power(p), np.array([1.0, 0.5, 1e-12]))[2]
        np.testing.assert_allclose(near[2, 2], by_powers[2, 2], rtol=1e-10)  # error of order 1e-12^min(p, 2)
    assert np.isinf(expect(Power(1.0), np.array([1.0, 0.0]))[2][1, 1])
    assert np.isinf(expect(Power(1.5), np.zeros(2))[2][0, 0])


def test_scale_does_not_matter():
    """E rho^p is homogeneous of degree p, from 1e-60 to 1e60."""
    q = np.array([1.0, 0.2, 0.05])
    for p in (1.5, 4.0):
        base = expect(Power(p), q, order=1)
        for scale in (1e-60, 1e60):
            value, gradient, _ = expect(Power(p), scale * q, order=1)
            np.testing.assert_allclose(value, scale**p * base[0], rtol=1e-13)
            np.testing.assert_allclose(gradient, scale ** (p - 1) * base[1], rtol=1e-13)


def test_log_gamma_ratio():
    """Absolute error below 2 eps times the largest term of the two series, b log(a + b)."""
    for a, b in [(0.5, 1.3), (1.5, -0.5), (1.0, 1.5), (128.0, 20.3), (128.0, 0.1), (3.0, 400.0)]:
        expected = mpmath.loggamma(mpmath.mpf(a) + mpmath.mpf(b)) - mpmath.loggamma(mpmath.mpf(a))
        error = abs(log_gamma_ratio(a, b) - float(expected))
        assert error <= 2 * 2.3e-16 * (10 + abs(b) * np.log(a + 32 + b))


def test_the_second_moments_fill_no_time_when_not_asked_for():
    x = np.array([1.0, 0.25, 0.01])
    alone, nothing = power_moments(x, 3.3, 3, second=False)
    both, _ = power_moments(x, 3.3, 3)
    assert nothing is None
    np.testing.assert_allclose(alone, both, rtol=ROUNDING)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"q": np.array([1.0, -1.0])}, "q must be finite and nonnegative"),
        ({"q": np.array([1.0, np.nan])}, "q must be finite and nonnegative"),
        ({"q": np.zeros((3, 0))}, "q must be an array of shape"),
        ({"q": np.ones(3), "n": 2}, "n must be an integer >= the length 3 of q"),
        ({"q": np.ones(3), "order": 3}, "order must be 0, 1 or 2"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        expect(Power(4.0), **arguments)
