"""E rho^p: from power sums for even p, in every dimension; as balls for real p.

A standard normal z is zeta times an independent radius, so E (sum_i x_i u_i)^r is E (sum_i x_i z_i^2)^r divided by
E |z|^(2r) = 2^r (n/2)_r.  And E exp(t sum_i x_i z_i^2/2) = prod_i (1 - x_i t)^(-1/2) = exp(sum_l s_l t^l/(2 l)) with
the power sums s_l = sum_i x_i^l: the coefficient c_r of t^r gives E (sum_i x_i u_i)^r = r! c_r/(n/2)_r, a polynomial
in s_1, ..., s_r with positive coefficients, however many coordinates there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import factorial
from typing import Any

from theory.isotropic_curvature import even_powers, plane
from theory.isotropic_curvature.dirichlet import HALF, rising


def coefficients(sums: Sequence[Any]) -> list[Any]:
    """c_0, c_1, ... of exp(sum_l s_l t^l/(2 l)), s_1, s_2, ... given, from d/dt exp(f) = f' exp(f)."""
    series: list[Any] = [1 + 0 * sums[0]]  # the 1 of this kind of number
    for j in range(1, len(sums) + 1):
        series.append(sum(sums[l - 1] * series[j - l] for l in range(1, j + 1)) / (2 * j))
    return series


def mean_of_sums(sums: Sequence[Any], n: Any) -> Any:
    """E rho^(2r) from the r power sums s_1, ..., s_r of the squared singular values."""
    order = len(sums)
    return factorial(order) * coefficients(sums)[order] / rising(n * HALF, order)


def weights_of_power(x: Sequence[Any], order: int) -> list[Any]:
    """lambda_i of H = x^(2 order) up to one factor: d c_order/d x_i = (1/2) sum_l x_i^l c_(order - 1 - l)."""
    powers = [[x_i**0 for x_i in x]]
    for _ in range(order - 1):
        powers.append([a * x_i for a, x_i in zip(powers[-1], x, strict=True)])
    series = coefficients([sum(a * x_i for a, x_i in zip(row, x, strict=True)) for row in powers[:-1]])
    return [
        sum(row[i] * c for row, c in zip(powers, reversed(series), strict=True)) / 2 for i in range(len(x))
    ]


def efficiency_power(power: int, q: Sequence[Any], direction: Sequence[Any], n: Any) -> Any:
    """eff(D)^(p-1) for H = x^p, p even, at the gradient for which q is optimal.

    Along a ray t D the best decrease is ((p-1)/p) t <D, g> with t^(p-1) = <D, g>/(p E rho(D)^p) (powers.ray_minimum);
    so its power p - 1 is a constant times <D, g>^p/E rho(D)^p.  The optimum is the best point of its own ray.
    """
    H = {power: 1}
    g = even_powers.gradient(H, q, n)

    def decrease(ray: Sequence[Any]) -> Any:
        inner = sum(a * b for a, b in zip(ray, g, strict=True))
        return inner**power / even_powers.penalty(H, ray, n)

    return decrease(direction) / decrease(q)


def tangent_excess(order: int, y: Any, m: Any) -> Any:
    """y^r - (m^r + r m^(r-1) (y - m)), the height of y^r over its tangent at m.

    Its average over rho^2 = y at m = S/n is E rho^(2r) - (S/n)^r: Jensen's inequality in every dimension.
    """
    return y**order - m**order - order * m ** (order - 1) * (y - m)


def _arb(x: Fraction) -> Any:
    from flint import arb, fmpq

    return arb(fmpq(x.numerator, x.denominator))


def mean_ball(x: Sequence[Fraction], half: Fraction, terms: int, bits: int = 256) -> Any:
    """E (sum_i x_i u_i)^half as a ball, half > 0, 0 < x_i <= 1 = max x, k = n.

    sum_i x_i u_i = 1 - Y, Y = sum_i (1 - x_i) u_i in [0, 1), and (1 - Y)^b = sum_j (-b)_j Y^j/j!.  From j > b on all
    terms have one sign and E Y^j falls, so that the tail is at most E Y^J |sum_{j >= J} (-b)_j/j!|; and the sum of
    the coefficients before J is (1 - b)_(J-1)/(J-1)!, that of all is 0.
    """
    from flint import arb, ctx

    if not half < terms:
        raise ValueError(f"terms must exceed the exponent, got {terms} for {half}")
    with ctx.workprec(bits):
        y, b = [_arb(1 - a) for a in x], _arb(half)
        powers, sums, series = [arb(1)] * len(y), [], [arb(1)]
        total, moment, coefficient, partial = arb(1), arb(1), arb(1), arb(1)
        for j in range(1, terms):
            powers = [a * c for a, c in zip(powers, y, strict=True)]
            sums.append(sum(powers, start=arb(0)))
            pairs = zip(sums, reversed(series), strict=True)
            series.append(sum((s * c for s, c in pairs), start=arb(0)) / (2 * j))
            # j!/(n/2)_j, (-b)_j/j! and (1-b)_j/j!, each from the one before.
            moment = moment * j / (arb(len(y)) / 2 + j - 1)
            coefficient = coefficient * (j - 1 - b) / j
            partial = partial * (j - b) / j
            total += coefficient * moment * series[j]
        # E Y^J <= E Y^(J-1), the last one above.
        return total + arb(0, 1) * abs(moment * series[-1] * partial)


def norm_ball(g: Sequence[Fraction], p: Fraction, terms: int) -> Any:
    """N_p(g) = (E rho(g)^p)^(1/p) as a ball, k = n."""
    from flint import ctx

    top = max(g)
    mean = mean_ball([(a / top) ** 2 for a in g], p / 2, terms)
    with ctx.workprec(256):
        return _arb(top) * (mean.log() / _arb(p)).exp()


def crossover_excess_ball(g: Sequence[Fraction], p: Fraction, terms: int) -> Any:
    """N_p(g) - sum g^2/sum g as a ball, k = n: positive where Muon beats gradient descent."""
    from flint import ctx

    norm = norm_ball(g, p, terms)
    with ctx.workprec(256):
        return norm - _arb(sum((x * x for x in g), start=Fraction(0)) / sum(g))


def plane_efficiency_ball(p: Any, t: Any) -> Any:
    """eff(G)^(p-1) for H = x^p at n = 2, at the gradient for which q = (1, t) is optimal, as a ball.

    g is proportional to (1, r), r = t lambda_2/lambda_1, and E rho^p at (1, t) is one hypergeometric function.
    """
    from flint import arb

    p, t = arb(p), arb(t)
    first, second = plane.weight_balls(p, t)
    r = t * second / first

    def mean(s: Any) -> Any:
        return plane.ball(plane.AVERAGE, p / 2, 1 - s * s)

    return ((1 + r * r) / (1 + t * r)) ** p * mean(t) / mean(r)


def coordinate_moment_ball(p: Any, n: int) -> Any:
    """n^(p/2) E|zeta_1|^p on S^(n-1): the moment of order p/2 of n u_1, u_1 ~ Beta(1/2, (n-1)/2)."""
    from flint import arb

    half = arb(p) / 2
    beta = (
        (half + arb(1) / 2).gamma() * (arb(n) / 2).gamma() / (arb.pi().sqrt() * (half + arb(n) / 2).gamma())
    )
    return arb(n) ** half * beta


def absolute_moment_ball(p: Any) -> Any:
    """E|Z|^p = 2^(p/2) Gamma((p+1)/2)/sqrt(pi)."""
    from flint import arb

    p = arb(p)
    return 2 ** (p / 2) * ((p + 1) / 2).gamma() / arb.pi().sqrt()


def mixed_moment_ball(alpha: Any) -> Any:
    """C_alpha = E max(Z^2, |Z|^(2+alpha)) = E|Z|^(2+alpha) + 2 int_0^1 (z^2 - z^(2+alpha)) density(z) dz.

    int_0^1 z^s exp(-z^2/2) dz = sum_k (-1/2)^k/(k! (s + 2k + 1)), alternating and falling: the error is below the
    first term left out.
    """
    from flint import arb

    alpha = arb(alpha)
    total, term = arb(0), arb(1)
    for k in range(40):
        total += term / (2 * k + 3) - term / (2 * k + 3 + alpha)
        term = -term / (2 * (k + 1))
    below = 2 * (total + arb(0, 1) * abs(term)) / (2 * arb.pi()).sqrt()
    return absolute_moment_ball(2 + alpha) + below
