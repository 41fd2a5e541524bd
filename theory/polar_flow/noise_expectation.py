"""Expectations of the polar factor of a noisy matrix: vectors and 2 x 2 matrices, where it can be written down.

Vectors: P(x) = x/|x|, and 1/|x| = sqrt(2/pi) int_0^inf exp(-|x|^2 s^2/2) ds.  With x = a e_1 + standard noise in
R^n the expectation under the integral is Gaussian, a (1 + s^2)^(-n/2-1) exp(-a^2 u^2/2), u = s/sqrt(1 + s^2):

    E[x_1/|x|] = sqrt(2/pi) a int_0^1 (1 - u^2)^((n-1)/2) exp(-a^2 u^2/2) du.

2 x 2: [[a, b], [c, d]] acts on the plane of complex numbers as v -> z v + w conj(v), z = ((a+d) + i(c-b))/2 and
w = ((a-d) + i(c+b))/2; the rotation by arg z or the reflection by arg w is the polar factor, by |z| > |w| or not.
"""

from __future__ import annotations

from functools import cache
from math import factorial
from typing import Any


def vector_power_coefficient(n: Any, k: Any) -> Any:
    """The coefficient of a^(2k+1) in E[x_1/|x|]: exp(-a^2 u^2/2) expanded, each power a Beta integral."""
    import sympy

    beta = sympy.gamma(k + sympy.Rational(1, 2)) * sympy.gamma((n + 1) / 2) / (2 * sympy.gamma(k + 1 + n / 2))
    return sympy.sqrt(2 / sympy.pi) * sympy.Rational(-1, 2) ** k / sympy.factorial(k) * beta


def hypergeometric_coefficient(n: Any, k: Any) -> Any:
    """The same of Gamma((n+1)/2)/(sqrt 2 Gamma(n/2+1)) a 1F1(1/2; n/2+1; -a^2/2)."""
    import sympy

    top = sympy.gamma(k + sympy.Rational(1, 2)) / sympy.gamma(sympy.Rational(1, 2))
    bottom = sympy.gamma(n / 2 + 1 + k) / sympy.gamma(n / 2 + 1)
    front = sympy.gamma((n + 1) / 2) / (sympy.sqrt(2) * sympy.gamma(n / 2 + 1))
    return front * top / bottom * sympy.Rational(-1, 2) ** k / sympy.factorial(k)


def smoothed_norm_coefficient(n: Any, k: int) -> Any:
    """The coefficient of a^(2k) in E|x|, which is a mixture of chi variables with Poisson weights, mean a^2/2."""
    import sympy

    def moment(count: int) -> Any:
        """The mean of a chi variable with n + 2 count degrees of freedom, over that with n."""
        return sympy.rf((n + 1) / 2, count) / sympy.rf(n / 2, count)

    front = sympy.sqrt(2) * sympy.gamma((n + 1) / 2) / sympy.gamma(n / 2) * sympy.Rational(1, 2) ** k
    terms = [(-1) ** (k - j) * moment(j) / (factorial(j) * factorial(k - j)) for j in range(k + 1)]
    return front * sum(terms)


@cache
def vector_expectation(n: int, a: Any) -> Any:
    """E[x_1/|x|] for odd n, by integrating (1 - s^2/a^2)^((n-1)/2) exp(-s^2/2) from 0 to a."""
    import sympy

    s = sympy.Dummy("s", positive=True)
    integrand = sympy.expand((1 - s**2 / a**2) ** ((n - 1) // 2)) * sympy.exp(-(s**2) / 2)
    return sympy.sqrt(2 / sympy.pi) * sympy.integrate(sympy.expand(integrand), (s, 0, a))


def vector_tail_coefficients(n: Any, count: int) -> list[Any]:
    """The coefficients of a^0, a^-2, a^-4, ... of E[x_1/|x|] as a -> inf (Watson's lemma)."""
    import sympy

    half = (n - 1) / sympy.Integer(2)
    return [
        (-1) ** k * sympy.ff(half, k) / sympy.factorial(k) * sympy.factorial2(2 * k - 1) for k in range(count)
    ]


def vector_ball(a: Any, n: int) -> Any:
    """E[x_1/|x|] as an Arb ball: the density of |x| = R times the mean cosine given R.

    a/(2^(n/2) Gamma(n/2 + 1)) int_0^inf R^n exp(-(R^2 + a^2)/2) 0F1(n/2 + 1; a^2 R^2/4) dR
    """
    from flint import acb, arb

    a, order = arb(a), arb(n) / 2

    def integrand(R: Any, analytic: bool) -> Any:
        return R**n * (-(R**2 + a**2) / 2).exp() * (a**2 * R**2 / 4).hypgeom_0f1(order + 1)

    inner = acb.integral(integrand, 0, acb(a + 16)).real * a / (arb(2) ** order * (order + 1).gamma())
    # Pr(|x| > a + 16) is at most the chance that n normal variables have a norm above 16.
    return inner + arb(0).union((arb(16) ** 2 / 2).gamma_upper(order, regularized=1))


def two_by_two_ball(a: Any, b: Any, terms: int) -> Any:
    """E[cos arg Z 1{|Z| > |W|}] as an Arb ball; Z, W complex normal with means a, b, unit variance a component.

        sum_{j,k} w_j p_k I_{1/2}(k + 1, j + 3/2),   p_k = exp(-b^2/2) (b^2/2)^k/k!,
        w_j = exp(-a^2/2) (a/2)^(2j+1) 2^(j+1/2) Gamma(j + 3/2)/(j! (j+1)!):

    I_0 and I_1 by their series; |Z|^2/2 and |W|^2/2 become gamma variables, and a Beta one says which is larger.
    All terms are positive, and what is left out is at most the tails of the two sums of weights.
    """
    from flint import arb

    a, b = arb(a), arb(b)
    half = arb(1) / 2
    w, p = [], []
    weight = (-(a**2) / 2).exp() * (a / 2) * arb(2).sqrt() * (half * 3).gamma()
    mass = (-(b**2) / 2).exp()
    for j in range(terms):
        w.append(weight)
        p.append(mass)
        weight = weight * (a**2 / 2) * (j + 3 * half) / ((j + 1) * (j + 2))
        mass = mass * (b**2 / 2) / (j + 1)
    # From here on each weight is at most a quarter of the one before it.
    if not ((a**2 / 2) < arb(terms) / 8 and (b**2 / 2) < arb(terms) / 8):
        raise ValueError(f"terms must exceed 4 a^2 and 4 b^2, got {terms} for a = {a}, b = {b}")
    left_out = 2 * (weight + mass)
    total = arb(0)
    for j in range(terms):
        # I_{1/2}(1, q) = 1 - 2^-q, and I(k+2, q) = I(k+1, q) - (1/2)^(k+1+q) Gamma(k+1+q)/(Gamma(k+2) Gamma(q)).
        q = j + 3 * half
        beta = 1 - arb(2) ** (-q)
        step = arb(2) ** (-(q + 1)) * q
        inner = arb(0)
        for k in range(terms):
            inner += p[k] * beta
            beta -= step
            step = step * (k + 1 + q) / (2 * (k + 2))
        total += w[j] * inner
    return total + left_out.union(arb(0))


def complex_parts(a: Any, b: Any, c: Any, d: Any) -> tuple[Any, Any, Any, Any]:
    """Re z, Im z, Re w, Im w of [[a, b], [c, d]]."""
    import sympy

    half = sympy.Rational(1, 2)
    return (a + d) * half, (c - b) * half, (a - d) * half, (c + b) * half


def rotation(x: Any, y: Any) -> Any:
    """The rotation by arg(x + i y)."""
    import sympy

    return sympy.Matrix([[x, -y], [y, x]]) / sympy.sqrt(sympy.cancel(x**2 + y**2))


def reflection(x: Any, y: Any) -> Any:
    """v -> exp(i arg(x + i y)) conj(v)."""
    import sympy

    return sympy.Matrix([[x, y], [y, -x]]) / sympy.sqrt(sympy.cancel(x**2 + y**2))
