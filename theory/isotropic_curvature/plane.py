"""n = 2: a power law's weights are hypergeometric functions, and its norm is an elliptic integral.

At q = (1, t) put m = 1 - t^2.  Then rho^2 = 1 - m u_2 with u_2 ~ Beta(1/2, 1/2), and Euler's integral gives

    E[(1 - m u_2)^s u_1] = (1/2) 2F1(-s, 1/2; 2; m),     E[(1 - m u_2)^s u_2] = (1/2) 2F1(-s, 3/2; 2; m),
    E[(1 - m u_2)^s u_1 u_2] = (1/8) 2F1(-s, 3/2; 3; m),     E (1 - m u_2)^s = 2F1(-s, 1/2; 1; m).

With H = x^p the weights take s = (p - 2)/2, and N takes s = 1/2.  Functions of balls: `arb` in, `arb` out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Euler(NamedTuple):
    """E[(1 - m u_2)^s u_1^a u_2^b] = scale * 2F1(-s, b_parameter; c_parameter; m)."""

    scale: tuple[int, int]
    b: tuple[int, int]
    c: int


AVERAGE = Euler((1, 1), (1, 2), 1)  # a = b = 0
FIRST = Euler((1, 2), (1, 2), 2)  # a = 1, b = 0
SECOND = Euler((1, 2), (3, 2), 2)  # a = 0, b = 1
BOTH = Euler((1, 8), (3, 2), 3)  # a = b = 1


def ball(value: Euler, s: Any, m: Any) -> Any:
    """The average above as an Arb ball, for balls s and m < 1."""
    from flint import arb

    top, bottom = value.scale
    b_top, b_bottom = value.b
    return arb(top) / bottom * arb(m).hypgeom_2f1(-arb(s), arb(b_top) / b_bottom, arb(value.c))


def coefficient(value: Euler, s: Any, order: int) -> Any:
    """The coefficient of m^order, as a rational function of the symbol s."""
    import sympy

    rational = [sympy.Rational(*value.scale), sympy.Rational(*value.b)]
    rise = sympy.rf(-s, order) * sympy.rf(rational[1], order) / sympy.rf(value.c, order)
    return sympy.expand_func(rational[0] * rise / sympy.factorial(order))


def weight_balls(p: Any, t: Any) -> tuple[Any, Any]:
    """lambda_1 and lambda_2 of H = x^p at q = (1, t), as balls."""
    from flint import arb

    p, t = arb(p), arb(t)
    s, m = (p - 2) / 2, 1 - t * t
    return p * ball(FIRST, s, m), p * ball(SECOND, s, m)


def norm_ball(q: Sequence[Any]) -> Any:
    """N(q) = E rho for q_1 >= q_2 > 0, n = 2, as a ball: (2/pi) q_1 times the elliptic integral E(m)."""
    from flint import arb

    high, low = (arb(x) for x in q)
    m = 1 - (low / high) ** 2
    return high * ball(AVERAGE, arb(1) / 2, m)


def norm_gradient_balls(q: Sequence[Any]) -> list[Any]:
    """The gradient of N at q_1 >= q_2 > 0: the weights of H = x, times q (degree 0 in q)."""
    from flint import arb

    t = arb(q[1]) / arb(q[0])
    first, second = weight_balls(arb(1), t)
    return [first, t * second]


def dual_norm_bracket(g: Sequence[Any], q: Sequence[Any]) -> tuple[Any, Any]:
    """Balls around a lower and an upper bound of N*(g), from any trial spectrum q > 0.

    Below: <g, q> / N(q), by definition.  Above: max_i g_i / (d_i N)(q), since N is convex of degree one, so
    that N(x) >= <grad N(q), x> for all x >= 0.  Both are equalities where q attains the maximum.
    """
    from flint import arb

    g = [arb(x) for x in g]
    slope = norm_gradient_balls(q)
    below = (g[0] * arb(q[0]) + g[1] * arb(q[1])) / norm_ball(q)
    above = (g[0] / slope[0]).max(g[1] / slope[1])
    return below, above
