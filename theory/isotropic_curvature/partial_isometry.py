"""At c U V^T with k = rank G: what a kink at c can hold, for k = n and for k < n.

Write (zeta_1, ..., zeta_k) = s omega, with omega uniform on S^{k-1}, v_i = omega_i^2, and s^2 ~ Beta(k/2, d/2)
independent of it, d = n - k (s = 1 if d = 0).  At q = c (1, ..., 1) every length is rho = c s.  Along e_i - e_j the
one-sided derivative of F is, for any convex H with slopes A < B on the two sides of c,

    E[H'(c s) s; s < 1] E[v_i - v_j] + P(s = 1) E[B (v_i - v_j)_+ - A (v_j - v_i)_+] - (g_i - g_j).

The first term is zero by symmetry, whatever H is.  The second is what holds the singular values together; it lives
on the sphere {s = 1} alone, which has probability 1 for d = 0 and 0 for d > 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from theory.isotropic_curvature.dirichlet import HALF, moment, rising, unit


def cap(k: int, d: Any, delta: Any) -> Any:
    """P(s^2 >= 1 - delta) for even k and d > 0 (a symbol or a number): the Beta density, integrated term by term.

    It grows with k (move a coordinate into the first group), so an odd k lies between its neighbours.
    """
    import sympy

    if k < 2 or k % 2:
        raise ValueError(f"k must be even and at least 2, got {k}")
    x = sympy.Symbol("x", positive=True)
    half = sympy.sympify(d) / 2
    density = sympy.Poly((1 - x) ** (k // 2 - 1), x)  # of 1 - s^2, without the factor x^(d/2 - 1)

    def integral(end: Any) -> Any:
        return sum(a * end ** (half + power) / (half + power) for (power,), a in density.terms())

    return integral(delta) / integral(sympy.Integer(1))


def atom(k: int, d: Any) -> Any:
    """P(s = 1): the limit of `cap` for d > 0, and 1 for d = 0, where s = 1 always."""
    import sympy

    if d == 0:
        return sympy.Integer(1)
    delta = sympy.Symbol("delta", positive=True)
    return sympy.limit(cap(k + k % 2, d, delta), delta, 0, "+")


def positive_part_of_difference(k: Any) -> Any:
    """E(v_1 - v_2)_+ on S^{k-1}: in polar coordinates of the plane v_1 - v_2 = (v_1 + v_2) cos 2 theta."""
    import sympy

    theta = sympy.Symbol("theta", real=True)
    positive = sympy.integrate(sympy.cos(2 * theta), (theta, -sympy.pi / 4, sympy.pi / 4)) / sympy.pi
    return 2 * moment((1,), k) * positive


def slope_of_transfer(k: Any, mass: Any, smooth: Any, A: Any, B: Any, gap: Any) -> Any:
    """The one-sided derivative of F at c U V^T along e_1 - e_2; mass = P(s = 1), gap = g_1 - g_2.

    `smooth` stands for E[H'(c s) s; s < 1], any number.
    """
    difference = moment((1, 0), k) - moment((0, 1), k)
    positive = positive_part_of_difference(k)
    return smooth * difference + mass * (B * positive - A * (positive - difference)) - gap


def slopes_along_axes(g: Sequence[Any], smooth: Any) -> list[Any]:
    """The derivatives of F at c U V^T along the e_i for d > 0 (or no kink at c): smooth E v_i - g_i."""
    k = len(g)
    return [smooth * moment(unit(i, k), k) - gi for i, gi in enumerate(g)]


def length_moment(power: int, k: Any, n: Any) -> Any:
    """E s^power for an even power."""
    return rising(k * HALF, power // 2) / rising(n * HALF, power // 2)


# --- an infinite wall --------------------------------------------------------------------------------------------


def wall_slope(g: Sequence[Any], shortfall: Sequence[Any], slope: Any) -> Any:
    """The one-sided derivative of F at q = r 1 towards r 1 - shortfall, where H = A x up to the wall at r.

    `slope` is A c, c the gradient of N at 1.  F is convex: r 1 is optimal if and only if this is nonnegative for
    all shortfalls >= 0.  For A = 0 it is the difference of F itself.
    """
    return sum((gi - slope) * si for gi, si in zip(g, shortfall, strict=True))


def quadratic_excess(g: Any, q: Any, r: Any, n: Any) -> Any:
    """F_i(q) - F_i(r) for one singular value, H = x^2/2 up to the wall: Phi = |q|^2/(2n) falls into one term each."""
    return (q**2 - r**2) / (2 * n) - g * (q - r)
