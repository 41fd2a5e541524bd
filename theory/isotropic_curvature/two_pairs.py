"""n = 4 and two pairs of equal singular values, q = (a, a, b, b): a kink's penalty is a rational function.

The sum of two of four squared coordinates, t = u_1 + u_2, is uniform on [0, 1] (Beta(1, 1)), and given t the mean
of u_1 is t/2.  So rho^2 = b^2 + (a^2 - b^2) t is uniform too, and E f(rho) = int_b^a f(x) 2 x dx / (a^2 - b^2).  The
points of Z(A, B) with two pairs of equal entries come from densities h of t, and the extreme ones with g_1 > g_3 from
h = A + (B - A) 1{t > c} (two_levels.py).  All functions take Fractions or symbols.
"""

from __future__ import annotations

from typing import Any


def kink_penalty(A: Any, B: Any, r: Any, a: Any, b: Any, lower: Any) -> Any:
    """phi(a, a, b, b) for H' = A up to r and B beyond, a > b; `lower` is r cut off at b and a: r, b or a.

    With r below b the lower limit is b, with r above a it is a.
    """
    import sympy

    x = sympy.Symbol("x", positive=True)
    linear = sympy.integrate(2 * A * x**2, (x, b, a))
    kink = sympy.integrate(sympy.expand(2 * (B - A) * (x - r) * x), (x, lower, a))
    return sympy.cancel((linear + kink) / (a**2 - b**2))


def kink_gradient(A: Any, B: Any, r: Any, a: Any, b: Any) -> dict[str, tuple[Any, Any]]:
    """(g_1, g_3), each entry of its pair half the derivative, where r is "below" b, "between", or "above" a.

    a, b, r are symbols.
    """
    import sympy

    cuts = {"below": b, "between": r, "above": a}
    penalty = {place: kink_penalty(A, B, r, a, b, cut) for place, cut in cuts.items()}
    return {
        place: (sympy.cancel(phi.diff(a) / 2), sympy.cancel(phi.diff(b) / 2))
        for place, phi in penalty.items()
    }


def membership(g: tuple[Any, Any], A: Any, B: Any) -> tuple[Any, Any]:
    """Two numbers, the first at most the second exactly if (g_1, g_1, g_3, g_3), g_1 >= g_3, is in Z(A, B).

    In units x = (4 g_1 - A)/(B - A), y = (4 g_3 - A)/(B - A) an edge has x = 1 - c^2, y = (1 - c)^2, so that
    (x + y)/2 = 1 - c: the points inside have y >= ((x + y)/2)^2.  Multiplied by (B - A)^2.
    """
    first, third = g
    return (2 * (first + third) - A) ** 2, (4 * third - A) * (B - A)


def derivative(g: tuple[Any, Any], A: Any, B: Any, z: Any) -> Any:
    """F'(r 1; d) for the direction d = (z, z, z - 1, z - 1), 0 <= z <= 1, in which d.u = t - (1 - z).

    E[B (d.u)_+ - A (d.u)_-] = A E d.u + (B - A) E (d.u)_+, with the two means z - 1/2 and z^2/2.
    """
    first, third = g
    return A * (2 * z - 1) / 2 + (B - A) * z**2 / 2 - 2 * first * z - 2 * third * (z - 1)


def window(g: tuple[Any, Any], A: Any, B: Any) -> tuple[Any, Any]:
    """The ends of {t : t g in Z(A, B)}, the roots of a quadratic (`membership` as an equation); AB > 0, real.

    Raises ValueError where they are not real, that is where no t serves.
    """
    import sympy

    t = sympy.Symbol("t", real=True)
    low, high = membership((t * g[0], t * g[1]), A, B)
    roots = sympy.Poly(low - high, t).all_roots()
    if not all(root.is_real for root in roots):
        raise ValueError(f"no multiple of {g} lies in Z({A}, {B})")
    return min(roots), max(roots)
