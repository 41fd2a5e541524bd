"""Densities that look at one coordinate plane only: E[h u_i] for every n at once.

Write (zeta_1, zeta_2) = sqrt(s) (cos a, sin a).  The angle a is uniform and independent of all else, and
s = u_1 + u_2 has the mean 2/n.  So for h = A + (B - A) 1{u_2 < t^2 u_1}, t > 0,

    E[h u_1] - E[h u_2] = (B - A) (2/n) mean of cos(2 a) over the sector |tan a| < t,

and for n = 2, where s = 1, these h fill the boundary of Z(A, B): an arc of length L (out of 1) around the first
axis gives E[h (u_1 + u_2)] = A + (B - A) L and E[h (u_1 - u_2)] = (B - A) sin(pi L)/pi.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from theory.isotropic_curvature.dirichlet import moment


def difference(t: Any, n: Any) -> Any:
    """E[1{u_2 < t^2 u_1} (u_1 - u_2)], a rational function of t (over pi), by integration over x = tan a.

    The sector is two arcs, da = dx/(1 + x^2) and cos(2 a) = (1 - x^2)/(1 + x^2).
    """
    import sympy

    x = sympy.Symbol("x", real=True)
    plane = moment((1,), n) * 2
    arc = sympy.integrate((1 - x**2) / (1 + x**2) ** 2, (x, -t, t))
    return plane * 2 * sympy.cancel(arc) / (2 * sympy.pi)


def mean_positive_part(n: Any) -> Any:
    """E(u_1 - u_2)_+, another way: half of E|u_1 - u_2|.

    For a standard normal vector z the rotation (z_1 -+ z_2)/sqrt(2) gives E|z_1^2 - z_2^2| = 2 (E|z_1|)^2, and
    the square of the radius has the mean n.
    """
    import sympy

    z = sympy.Symbol("z", positive=True)
    absolute = sympy.integrate(2 * z * sympy.exp(-(z**2) / 2), (z, 0, sympy.oo)) / sympy.sqrt(2 * sympy.pi)
    return absolute**2 / n


def margin(t: Any, g: tuple[Any, Any], A: Any, B: Any, sine: Callable[[Any], Any]) -> Any:
    """n = 2: how far t g (g_1 >= g_2) lies inside Z(A, B), measured along e_1 - e_2.

    (B - A) sin(pi L)/pi - t (g_1 - g_2) at the arc with t (g_1 + g_2) = A + (B - A) L; for 0 <= L <= 1, a
    concave function of t.  Floats or balls; sine(x) = sin(pi x)/pi for such numbers.
    """
    arc = ((g[0] + g[1]) * t - A) / (B - A)
    return (B - A) * sine(arc) - (g[0] - g[1]) * t
