"""The length rho of a spectrum that is not constant has no atoms: a bound for the law of rho^2.

Take the coordinates 1 and n, with q_1 > q_n, and condition on all but the angle in their plane:
rho^2 = R + s (q_n^2 + (q_1^2 - q_n^2) cos^2 a), where s = u_1 + u_n, and a is uniform.  cos^2 a has the arcsine law,
whose largest mass on an interval of length e <= 1 is at the ends, (2/pi) asin(sqrt e) <= sqrt e.  Hence

    P(c^2 <= rho^2 <= c^2 + eps) <= E s^(-1/2) sqrt(eps / (q_1^2 - q_n^2))      for every c.
"""

from __future__ import annotations

from typing import Any


def modulus(n: Any) -> Any:
    """E s^(-1/2), s = u_1 + u_n: for a normal vector E (z_1^2 + z_n^2)^(-1/2) is this times E |z|^(-1)."""
    import sympy

    x = sympy.Symbol("x", positive=True)

    def inverse_length(dimension: Any) -> Any:
        """E |z|^(-1), the chi density being proportional to x^(dimension - 1) exp(-x^2/2)."""
        weights = [
            sympy.integrate(x ** (dimension - p) * sympy.exp(-(x**2) / 2), (x, 0, sympy.oo)) for p in (2, 1)
        ]
        return weights[0] / weights[1]

    return inverse_length(sympy.Integer(2)) / inverse_length(n)


def shell_in_the_plane(width: Any, middle: Any) -> tuple[Any, Any]:
    """n = 2, in balls: P(c^2 <= rho^2 <= c^2 + eps) and eps/(q_1^2 - q_2^2), for a shell between two angles.

    rho^2 = q_2^2 + (q_1^2 - q_2^2) sin^2 a lies in the shell for a between `middle`/2 -+ `width`/2, and
    sin^2 x - sin^2 y = sin(x - y) sin(x + y); 0 < width <= middle <= pi - width.
    """
    from flint import arb

    return 2 / arb.pi() * width, width.sin() * middle.sin()
