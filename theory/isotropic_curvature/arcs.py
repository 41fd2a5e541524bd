"""n = 2: the sphere is a circle, and sets of directions are arcs.

zeta = (cos phi, sin phi) with phi uniform, u = (cos^2 phi, sin^2 phi); by symmetry phi runs through
(-pi/2, pi/2).  A vector a with a_1 > 0 > a_2 is, up to its length, a = (sin^2 w, -cos^2 w) with 0 < w < pi/2, and
then a.u = sin(w - phi) sin(w + phi) is positive on the arc |phi| < w.

`arc` integrates with sympy; the other functions take and give Arb balls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from theory.isotropic_curvature import plane


class Arc(NamedTuple):
    """The arc |phi| < w: its normal a, its probability, E[u_i 1], and S(a) = E(a.u)_+."""

    normal: tuple[Any, Any]
    mass: Any
    first: tuple[Any, Any]
    support: Any


def arc(w: Any) -> Arc:
    """All of it for a symbol w, by integration over the arc; u = (1 + cos 2 phi, 1 - cos 2 phi)/2."""
    import sympy

    phi = sympy.Symbol("phi", real=True)
    turned = sympy.cos(2 * w)
    mass = sympy.integrate(sympy.Integer(1), (phi, -w, w)) / sympy.pi
    even = sympy.integrate(sympy.cos(2 * phi), (phi, -w, w)) / sympy.pi
    # a.u = (cos 2 phi - cos 2 w)/2.
    return Arc(
        ((1 - turned) / 2, -(1 + turned) / 2),
        mass,
        ((mass + even) / 2, (mass - even) / 2),
        (even - turned * mass) / 2,
    )


def spectrum(found: Arc, A: Any, B: Any) -> tuple[Any, Any]:
    """E[h u_i] for h = A + (B - A) 1{|phi| < w}: by construction in Z(A, B)."""
    first, second = found.first
    return A / 2 + (B - A) * first, A / 2 + (B - A) * second


def slack(w: Any, g: Sequence[Any], A: Any, B: Any) -> Any:
    """(A/n) sum a + (B - A) S(a) - <a, g> as a ball, at a = (sin^2 w, -cos^2 w), 0 <= w <= pi/2.

    (Z) for all a is slack >= 0 for all w, at g and at g with its entries swapped: a vector without a change of
    sign is a combination, with coefficients >= 0, of vectors at w = 0 and w = pi/2.
    """
    turned = (2 * w).cos()
    support = ((2 * w).sin() - 2 * w * turned) / (2 * type(w).pi())
    inner = ((1 - turned) * g[0] - (1 + turned) * g[1]) / 2
    return -A * turned / 2 + (B - A) * support - inner


def excess(q: Sequence[Any], g: Sequence[Any], A: Any, B: Any) -> Any:
    """F(q) - F(1, 1) for H(x) = A x + (B - A)(x - 1)_+ and q_1 > 1 > q_2 > 0, as a ball.

    E rho is an elliptic integral (plane.py); E(rho - 1)_+ is integrated over the arc where rho > 1, on which
    rho^2 = q_1^2 - (q_1^2 - q_2^2) sin^2 phi.
    """
    from flint import acb, arb

    high, low = q[0] ** 2, q[1] ** 2
    end = ((1 - low) / (high - low)).sqrt().acos()

    def beyond(phi: Any, analytic: bool) -> Any:
        return (high - (high - low) * phi.sin() ** 2).sqrt(analytic=analytic) - 1

    over = 2 / arb.pi() * acb.integral(beyond, 0, end).real
    return (
        A * (plane.norm_ball(q) - 1)
        + (B - A) * over
        - sum(gi * (qi - 1) for gi, qi in zip(g, q, strict=True))
    )
