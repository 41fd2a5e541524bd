"""Steep power laws near a flat spectrum: the limit of the weight, and the moments that it needs.

Where q_i = 1 - b_i/p, rho^2 = sum q_i^2 u_i = 1 - 2 B/p + C/p^2 with B = b.u, C = b^2.u, as sum u = 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import factorial
from typing import Any

from theory.isotropic_curvature import plane
from theory.isotropic_curvature.dirichlet import moment


def log_weight() -> tuple[Any, tuple[Any, Any, Any]]:
    """log rho^(p - 2) as a function of e = 1/p, and the symbols e, B, C."""
    import sympy

    e = sympy.Symbol("e", positive=True)
    B, C = sympy.symbols("B C", nonnegative=True)
    return (1 / e - 2) / 2 * sympy.log(1 - 2 * e * B + e**2 * C), (e, B, C)


def plane_coefficients(order: int, index: int) -> list[Fraction]:
    """The coefficients of d^j, j < order, in E[exp(-d u_2) u_index] at n = 2, index 1 or 2."""
    exponents = [(1, j) if index == 1 else (0, j + 1) for j in range(order)]
    return [Fraction((-1) ** j, factorial(j)) * moment(a, 2) for j, a in enumerate(exponents)]


def bessel_coefficients(order: int, first: int, second: int) -> list[Fraction]:
    """The coefficients of d^j, j < order, in exp(-d/2) (first I_0(d/2) + second I_1(d/2))/2.

    I_0(x) = sum_k (x/2)^(2k)/k!^2 and I_1 is its derivative.
    """

    def bessel(j: int) -> Fraction:
        # The coefficient of x^j in first I_0 + second I_1.
        k, odd = divmod(j, 2)
        value = Fraction(1, 2**j * factorial(k) * factorial(k + odd))
        return (second if odd else first) * value

    half = [bessel(j) * Fraction(1, 2) ** (j + 1) for j in range(order)]
    decay = [Fraction((-1) ** j, 2**j * factorial(j)) for j in range(order)]
    return [sum((half[i] * decay[j - i] for i in range(j + 1)), start=Fraction(0)) for j in range(order)]


def moment_balls(b: Sequence[Fraction], terms: int, bits: int = 256) -> list[Any]:
    """E[exp(-b.u) u_i]/E[exp(-b.u)] as balls, n = len(b), b in [0, terms/4].

    Up to a factor that cancels the exponent is c.u with c_i = max b - b_i >= 0, and a power series has positive
    terms only.  With the power sums of c, E (c.u)^j = j! s_j/(n/2)_j (mean_powers), and E (c.u)^j u_i is its
    derivative by c_i over j + 1.  The first term left out is E (c.u)^J/J! at most c_max^J/J!, the next ones fall
    at least geometrically with ratio c_max/J <= 1/4.
    """
    from flint import arb, ctx, fmpq

    n, top = len(b), max(b)
    if not 0 <= top <= Fraction(terms, 4):
        raise ValueError(f"b must lie between 0 and {terms / 4:g}, got {float(top):g}")
    with ctx.workprec(bits):
        c = [arb(fmpq((top - x).numerator, (top - x).denominator)) for x in b]
        powers = [[arb(1)] * n]
        series = [arb(1)]
        total = [arb(0)] * n
        ratio = 2 / arb(n)  # 1/(n/2)_(j+1) at j = 0
        for j in range(terms):
            # Coefficient j + 1, and its derivatives (1/2) sum_l c_i^l s_(j-l).
            for i in range(n):
                slope = sum((powers[l][i] * series[j - l] for l in range(j + 1)), start=arb(0)) / 2
                total[i] += ratio * slope
            powers.append([x * y for x, y in zip(powers[-1], c, strict=True)])
            sums = [sum(p, start=arb(0)) for p in powers[1:]]
            series.append(sum((sums[l] * series[j - l] for l in range(j + 1)), start=arb(0)) / (2 * (j + 1)))
            ratio = ratio / (arb(n) / 2 + j + 1)
        largest = arb(fmpq(top.numerator, top.denominator))
        tail = 2 * largest**terms / factorial(terms)
        total = [x + arb(0, 1) * tail for x in total]
        whole = sum(total, start=arb(0))
        return [x / whole for x in total]


def plane_ratio_ball(p: Any, t: Any) -> Any:
    """g_2/g_1 of the gradient for which q = (1, t) is optimal, H = x^p, n = 2."""
    first, second = plane.weight_balls(p, t)
    return t * second / first


def bessel_excess_ball(x: Fraction, ratio: Fraction) -> Any:
    """I_1(x)/I_0(x) - (1 - ratio)/(1 + ratio)."""
    from flint import arb, ctx, fmpq

    with ctx.workprec(256):
        target = (1 - ratio) / (1 + ratio)
        ball = arb(fmpq(x.numerator, x.denominator))
        return ball.bessel_i(1) / ball.bessel_i(0) - arb(fmpq(target.numerator, target.denominator))
