"""Moments of a projection on a uniformly random k-dimensional subspace of R^n, derived (sympy inside).

By invariance E P = (k/n) 1 and E P_ij P_kl = a d_ij d_kl + b (d_ik d_jl + d_il d_jk); the traces of P and P^2 are k.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from typing import Any


def second_moments(n: Any, k: Any) -> tuple[Any, Any]:
    """(a, b): from E (tr P)^2 = k^2 and E tr P^2 = k."""
    import sympy

    a, b = sympy.symbols("a b")
    found = sympy.solve([a * n**2 + 2 * b * n - k**2, a * n + b * (n**2 + n) - k], [a, b], dict=True)[0]
    return found[a], found[b]


def variance_of_form(n: Any, k: Any, trace: Any, squares: Any) -> Any:
    """Var tr(P M) for symmetric M with these tr M and tr M^2."""
    a, b = second_moments(n, k)
    return a * trace**2 + 2 * b * squares - (k * trace / n) ** 2


def variance_of_pairing(n: Any, k: Any, cross: Any, first: Any, second: Any) -> Any:
    """Var <x, P y> for vectors with these <x, y>, |x|^2, |y|^2: the form of M = (x y^T + y x^T)/2."""
    return variance_of_form(n, k, cross, (first * second + cross**2) / 2)


def share_moment(n: Any, k: Any, order: int) -> Any:
    """E |P u|^(2 order) for a unit vector u: of chi^2_k/(chi^2_k + chi^2_(n-k)), which is independent of the sum.

    So it is E (chi^2_k)^order/E (chi^2_n)^order, integrals of Gaussian densities.
    """
    return _chi_square_moment(k, order) / _chi_square_moment(n, order)


def _chi_square_moment(degrees: Any, order: int) -> Any:
    """int x^order x^(degrees/2 - 1) e^(-x/2) dx / (2^(degrees/2) Gamma(degrees/2)), by parts: x -> degrees + 2 i."""
    import sympy

    return sympy.prod([degrees + 2 * i for i in range(order)])


def beta_moment(a: Any, b: Any, order: int) -> Any:
    """E x^order of Beta(a, b), by its recurrence."""
    import sympy

    return sympy.prod([(a + i) / (a + b + i) for i in range(order)])


def circle_moment(order: int) -> Any:
    """n = 2, k = 1: E cos^(2 order) of a uniform angle, integrated."""
    import sympy

    angle = sympy.Symbol("x", real=True)
    return sympy.integrate(sympy.cos(angle) ** (2 * order), (angle, 0, sympy.pi)) / sympy.pi


def sphere_moment(order: int) -> Any:
    """n = 3, k = 1: E z^(2 order), z uniform on [-1, 1] (Archimedes), integrated."""
    import sympy

    z = sympy.Symbol("z", real=True)
    return sympy.integrate(z ** (2 * order), (z, -1, 1)) / 2


def split_moments(n: Any, k: Any) -> tuple[Any, Any, Any]:
    """E b, E b^2, E b (1-b) z^2 of the law in POL-X3.f: b ~ Beta(k/2, (n-k)/2), z a coordinate in R^(n-1)."""
    first, second = beta_moment(k / 2, (n - k) / 2, 1), beta_moment(k / 2, (n - k) / 2, 2)
    return first, second, (first - second) / (n - 1)


def sign_change_share(cosine: Any) -> Any:
    """The share of angles t with cos t cos(t - phi) <= 0: it changes sign at pi/2, pi/2 + phi, and opposite."""
    import sympy

    phi, pi = sympy.acos(cosine), sympy.pi
    edges = [pi / 2, pi / 2 + phi, 3 * pi / 2, 3 * pi / 2 + phi]
    return ((edges[1] - edges[0]) + (edges[3] - edges[2])) / (2 * pi)


def plane_in_four_dimensions(t: Any) -> Any:
    """Prob(<f, P g> <= 0) for a random plane in R^4, tan of the angle between f and g being t > 0: by quaternions.

    2 P - 1 is x -> a x b with unit imaginary a and b, independent and uniform on S^2.  At f = 1, g = cos + i sin the
    sum is negative iff cos (1 - a.b) <= sin (b x a)_1; a.b is uniform on [-1, 1], and so is (b x a)_1/|b x a|.  With
    x = tan of half the angle between a and b: density 2x/(1 + x^2)^2, probability (1 - x/t)/2 given x <= t.
    """
    import sympy

    x = sympy.Symbol("x", positive=True)
    return sympy.integrate(sympy.apart(2 * x / (1 + x**2) ** 2 * (1 - x / t) / 2, x), (x, 0, t))


def law_in_four_dimensions(t: Any) -> Any:
    """POL-X3.f at n = 4, k = p = 2: I_x(1, 1) = x, and a coordinate in R^3 is uniform on [-1, 1]."""
    import sympy

    z = sympy.Symbol("z", positive=True)
    return sympy.integrate(z**2 / (z**2 + 1 / t**2), (z, 0, 1)) / 2


def mean_over(projections: Sequence[Any]) -> Any:
    """The mean of sympy matrices."""
    import sympy

    first = projections[0]
    return sum(projections, sympy.zeros(*first.shape)) / len(projections)


def signed_orbit(projection: Any) -> list[Any]:
    """G P G^T for all sign changes and cyclic shifts G of the coordinates: n 2^(n-1) turns, irreducible."""
    import sympy

    n = projection.rows
    orbit = []
    for shift in range(n):
        places = [(i + shift) % n for i in range(n)]
        moved = projection.extract(places, places)
        for signs in product((1, -1), repeat=n - 1):
            diagonal = sympy.diag(1, *signs)
            orbit.append(diagonal * moved * diagonal)
    return orbit


def masks(count: int, measured: int) -> list[Any]:
    """P_perp of every set of `measured` entries out of `count`."""
    import sympy

    return [
        sympy.diag(*(0 if i in seen else 1 for i in range(count)))
        for seen in combinations(range(count), measured)
    ]
