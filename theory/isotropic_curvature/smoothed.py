"""A kink smoothed over a short ramp: H' rises linearly from A to B on [r - delta/2, r + delta/2].

At q = r + delta x with all of rho on the ramp H' = A + (B - A)(1/2 + (rho - r)/delta), that is w = s + c/rho with
s = (B - A)/delta and c = (A + B)/2 - s r.  Everything is a power series in delta whose coefficients are averages of
polynomials in u.  To order 0 the gradient is E[(b.u) u_i] with b_i = A + (B - A)(x_i + 1/2): a density h that is
linear in u.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from theory.isotropic_curvature.dirichlet import moment


def linear_gradient(x_i: Any, total: Any, A: Any, B: Any, n: Any) -> Any:
    """The gradient to order 0, for every n: x_i one of the slopes x, `total` their sum."""
    second, mixed = moment((2,), n), moment((1, 1), n)
    return (A + B) / 2 * moment((1,), n) + (B - A) * (x_i * second + (total - x_i) * mixed)


def slopes(g: Any, trace: Any, A: Any, B: Any, n: Any) -> Any:
    """x_i for g_i = g and sum g = trace: `linear_gradient` solved for the sum of the x, then for x_i."""
    second, mixed = moment((2,), n), moment((1, 1), n)
    total = (trace - (A + B) / 2) / ((B - A) * moment((1,), n))
    return ((g - (A + B) / 2 * moment((1,), n)) / (B - A) - total * mixed) / (second - mixed)


def expansion(x: Sequence[Any], A: Any, B: Any, r: Any, order: int) -> list[list[Any]]:
    """The gradient at q = r + delta x for n = len(x): its coefficients of delta^0, ..., delta^order."""
    import sympy

    n, delta = len(x), sympy.Symbol("delta")
    u = sympy.symbols(f"u1:{n + 1}")
    # rho^2 = r^2 (1 + y), since sum u = 1.
    y = sum(((1 + delta * xi / r) ** 2 - 1) * ui for xi, ui in zip(x, u, strict=True))
    inverse = sum(sympy.binomial(Fraction(-1, 2), j) * y**j for j in range(order + 2)) / r
    # delta w: its coefficient of delta^0 is zero.
    weight = (B - A) + ((A + B) / 2 * delta - (B - A) * r) * inverse
    found = []
    for xi, ui in zip(x, u, strict=True):
        terms = sympy.Poly(sympy.expand(weight * (r + delta * xi) * ui), *u).terms()
        average = sympy.expand(sum(coefficient * moment(powers, n) for powers, coefficient in terms))
        found.append([average.coeff(delta, j + 1) for j in range(order + 1)])
    return [list(column) for column in zip(*found, strict=True)]


def corrections(x: Sequence[Any], A: Any, B: Any, r: Any) -> list[Any]:
    """y with q = r + delta x + delta^2 y + O(delta^3) for a fixed gradient, n = len(x).

    y answers, as x does to order 0, the coefficient of delta^1 that x leaves behind.
    """
    _, left = expansion(x, A, B, r, 1)
    at_zero = slopes(0, 0, A, B, len(x))
    return [slopes(-gi, -sum(left), A, B, len(x)) - at_zero for gi in left]
