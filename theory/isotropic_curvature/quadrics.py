"""Tails of a.u in balls, for any n: integrals along a line of the complex plane (Imhof 1961).

With s = c + i y, 0 < c < 1/(2 max a), and M(s) = prod_j (1 - 2 a_j s)^(-1/2), the moment generating function of
sum_j a_j z_j^2 for a normal vector z, and u independent of the radius of z,

    n P_i(a) = (1/pi) int_0^inf Re[M/(s (1 - 2 a_i s))] dy,     n S(a) = (1/pi) int_0^inf Re[M/s^2] dy.

No factor has a zero or a cut on the line; |1 - 2 a_j s| >= 2 |a_j| y bounds what lies beyond the last point.  The
a_j must not be zero, and one of them must be positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

DIGITS = 15


def first_moment(a: Sequence[Any], count: Sequence[int], i: int) -> Any:
    """P_i(a) = E[u_i 1{a.u > 0}] for one coordinate of group i, as a ball; a_j stands count_j times."""
    return _along_the_line(a, count, i)


def support(a: Sequence[Any], count: Sequence[int]) -> Any:
    """S(a) = E(a.u)_+ as a ball."""
    return _along_the_line(a, count, None)


def quotient(a: Sequence[Any], count: Sequence[int], g: Sequence[Any]) -> Any:
    """<a, g>/S(a) as a ball: a lower bound of B_min(g, 0)."""
    return sum(m * x * y for x, y, m in zip(a, g, count, strict=True)) / support(a, count)


def _along_the_line(a: Sequence[Any], count: Sequence[int], i: int | None) -> Any:
    from flint import acb, arb

    n, c = sum(count), arb(_crossing([float(x) for x in a], count))

    def integrand(y: Any, analytic: bool) -> Any:
        s = c + acb(0, 1) * y
        value = 1 / s
        for x, m in zip(a, count, strict=True):
            root = (1 - 2 * x * s).rsqrt(analytic=analytic)
            value *= root if m == 1 else root**m
        return value / s if i is None else value / (1 - 2 * a[i] * s)

    def beyond(y: Any) -> Any:
        """A bound of the integral from y on: the integrand there is at most (this) / y^(n/2 + 2)."""
        rest = 1 / y if i is None else 1 / (2 * abs(a[i]) * y)
        for x, m in zip(a, count, strict=True):
            rest /= (2 * abs(x) * y).sqrt() ** m
        return rest / (arb(n) / 2 + 1)

    tiny = arb(10) ** -DIGITS
    total, start, stop = arb(0), arb(0), c
    while True:
        total += acb.integral(integrand, start, stop, rel_tol=tiny, abs_tol=tiny * abs(total)).real
        start, stop = stop, 4 * stop
        if beyond(start) < tiny * abs(total):
            break
    return (total + arb(0, beyond(start).upper())) / (n * arb.pi())


def _crossing(a: Sequence[float], count: Sequence[int]) -> float:
    """Where the line crosses the real axis: near the least M(s)/s^2, which only saves work."""
    low, high = 0.0, 0.5 / max(a)
    for _ in range(40):
        c = (low + high) / 2
        slope = sum(m * x * c / (1 - 2 * x * c) for x, m in zip(a, count, strict=True)) - 2
        low, high = (c, high) if slope < 0 else (low, c)
    return low


def upper_bound(a: Sequence[Any], count: Sequence[int], g: Sequence[Any], nudge: Any) -> Any:
    """An upper bound of B_min(g, 0) from a near-optimal normal a, as a ball; a_j stands count_j times.

    Let a^(k) be a with its k-th entry times 1 + nudge.  Where g = sum_k c_k P(a^(k)) with all c_k > 0, the density
    h = sum_k c_k 1{a^(k).u > 0} has E[h u] = g and is at most sum c.  Multiplied by a that reads <a, g> = sum_k c_k
    <a, P(a^(k))>, so that sum c <= <a, g> / min_k <a, P(a^(k))>.  Infinite (not a number) where some c_k may be <= 0.
    """
    from flint import arb, arb_mat

    groups = range(len(a))
    columns = []
    for k in groups:
        nudged = [x * (1 + nudge) if j == k else x for j, x in enumerate(a)]
        columns.append([first_moment(nudged, count, i) for i in groups])
    c = arb_mat([[columns[k][i] for k in groups] for i in groups]).solve(arb_mat([[x] for x in g]))
    if not all(c[k, 0] > 0 for k in groups):
        return arb("nan")
    inner = sum(m * x * y for x, y, m in zip(a, g, count, strict=True))
    least = [sum(m * x * p for x, p, m in zip(a, column, count, strict=True)) for column in columns]
    lowest = least[0]
    for value in least[1:]:
        lowest = lowest.min(value)
    return inner / lowest
