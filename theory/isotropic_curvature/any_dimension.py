"""Two coordinates among arbitrarily many: lambda_i and lambda_j of H = x^(2r) for every n and k at once.

E exp(t sum_i x_i z_i^2 / 2) = prod_i (1 - x_i t)^(-1/2) = exp(sum_l p_l t^l / (2 l)) with the power sums
p_l = sum_i x_i^l.  So E rho^(2r) is, up to a positive factor that depends on n and r alone, the
coefficient of t^r, a polynomial in the power sums.  Write p_l = x_i^l + x_j^l + A_l: the other coordinates,
however many there are, enter through A_1, ..., A_r >= 0 only.  A polynomial inequality in x_i, x_j and A
with coefficients of one sign therefore holds in every dimension.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Pair(NamedTuple):
    """Symbols x_i, x_j (squared singular values), A (the rest), and the two weights, up to one factor."""

    x_i: Any
    x_j: Any
    rest: tuple[Any, ...]
    weight_i: Any
    weight_j: Any


def pair(power: int) -> Pair:
    """lambda_i and lambda_j of H = x^power (power even), as polynomials in x_i, x_j and A_1, A_2, ..."""
    import sympy

    order = power // 2
    x_i, x_j = sympy.symbols("x_i x_j", nonnegative=True)
    rest = sympy.symbols(f"A1:{order + 1}", nonnegative=True)
    sums = [x_i**l + x_j**l + rest[l - 1] for l in range(1, order + 1)]
    # d/dt exp(f) = f' exp(f), coefficient by coefficient.
    series = [sympy.Integer(1)]
    for j in range(1, order + 1):
        series.append(sympy.expand(sum(sums[l - 1] * series[j - l] for l in range(1, j + 1)) / (2 * j)))
    # lambda_i = (1/q_i) d phi / d q_i = 2 d phi / d x_i.
    return Pair(x_i, x_j, rest, sympy.expand(series[order].diff(x_i)), sympy.expand(series[order].diff(x_j)))


def gap_over(first: Pair, v: Any) -> dict[Any, Any]:
    """The substitution x_i = x_j + v, which turns the hypothesis x_i >= x_j into v >= 0."""
    return {first.x_i: first.x_j + v}
