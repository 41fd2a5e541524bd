"""Two symmetric positive matrices B and C: the condition number of the pencil, M = C^{-1/2} B C^{-1/2}, by algebra.

Two by two, a condition number is known from trace and determinant: tr^2/det = kappa + 2 + 1/kappa =: spread(kappa),
which increases for kappa >= 1.  Up to scale and a common rotation C = diag(c, 1) and B = R diag(b, 1) R^T.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any


def spread(kappa: Any) -> Any:
    """kappa + 2 + 1/kappa."""
    return (kappa + 1) ** 2 / kappa


def pencil_spread(B: Any, C: Any) -> Any:
    """spread(kappa(C^{-1/2} B C^{-1/2})) of two by two matrices, from trace and determinant of C^{-1} B."""
    return (C.adjugate() * B).trace() ** 2 / (B.det() * C.det())


def pencil_condition_number(B: Any, C: Any) -> Any:
    """kappa from the spread: the larger root of kappa + 1/kappa = spread - 2."""
    import sympy

    x = pencil_spread(B, C) - 2
    return (x + sympy.sqrt(x**2 - 4)) / 2


def rotated(largest: Any, y: Any) -> Any:
    """R diag(largest, 1) R^T for the rotation R by phi with tan(phi)^2 = y."""
    import sympy

    cos2, sin2, cross = 1 / (1 + y), y / (1 + y), sympy.sqrt(y) / (1 + y)
    off = (largest - 1) * cross
    return sympy.Matrix([[largest * cos2 + sin2, off], [off, largest * sin2 + cos2]])


def symmetric(name: str) -> Any:
    """A two by two symmetric matrix of symbols."""
    import sympy

    p, q, r = sympy.symbols(f"{name}11 {name}12 {name}22")
    return sympy.Matrix([[p, q], [q, r]])


def frozen_step(B: Any, A: Any, K: Any, delta: Any, eta: Any) -> Any:
    """Y = K Delta after one step Delta - eta C^{-1} B Delta A with C = K^2."""
    return K * (delta - eta * (K * K).inv() * B * delta * A)


def kronecker_spectrum(a: Sequence[Any], M: Any, x: Any) -> tuple[Any, Any]:
    """The characteristic polynomial of Y -> M Y diag(a) on entries; and the product over j of det(x - a_j M)."""
    import sympy

    whole = sympy.kronecker_product(sympy.diag(*a), M)  # acts on the columns of Y, one below the other
    product = sympy.Integer(1)
    for value in a:
        product *= (x * sympy.eye(M.rows) - value * M).det()
    return whole.charpoly(x).as_expr(), product


def step_count_series(order: int) -> list[tuple[Any, Any]]:
    """Coefficients of x, x^3, ... of l_eff - g l_GD and of g l_GD - (1 - x^2) l_eff, below x^order.

    l = -ln((kappa - 1)/(kappa + 1)), x = 1/kappa_eff, kappa_GD = g/x.
    """
    import sympy

    x, g = sympy.symbols("x g", positive=True)

    def logarithm(y: Any) -> Any:  # -ln rho at kappa = 1/y
        return sympy.series(sympy.log(1 + x) - sympy.log(1 - x), x, 0, order).removeO().subs(x, y)

    lower = sympy.Poly(sympy.expand(logarithm(x) - g * logarithm(x / g)), x)
    upper = sympy.Poly(sympy.expand(g * logarithm(x / g) - (1 - x**2) * logarithm(x)), x)
    return [(lower.coeff_monomial(x**k), upper.coeff_monomial(x**k)) for k in range(1, order, 2)]


def eigenvalue_sums(S: Any) -> list[Any]:
    """The elementary symmetric functions e_1, ..., e_n of the eigenvalues, S an array of fractions (Leverrier).

    A symmetric S is positive semidefinite if and only if none of them is negative.
    """
    import numpy as np

    unit = np.array([[Fraction(i == j) for j in range(len(S))] for i in range(len(S))], dtype=object)
    power, coefficient, sums = 0 * S, Fraction(1), []
    for k in range(1, len(S) + 1):
        power = S @ power + coefficient * unit
        coefficient = -(S @ power).trace() / k
        sums.append((-1) ** k * coefficient)
    return sums


def condition_number(values: Sequence[Any]) -> Any:
    """Largest over smallest of exact positive numbers."""
    return max(values) / min(values)


@dataclass(frozen=True)
class Readings:
    """Condition numbers of three readings of Muon's update, and of GD; the two-sided one squared: it is a root."""

    left: Any
    right: Any
    two_sided_squared: Any
    gd: Any


def readings(b: Sequence[Any], a: Sequence[Any], left: Sequence[Any], right: Sequence[Any]) -> Readings:
    """From the definitions: B = diag(b), A = diag(a), P_L = diag(left), P_R = diag(right), exact positive numbers."""

    def pencil(x: Sequence[Any], p: Sequence[Any]) -> Any:
        return condition_number([y / z for y, z in zip(x, p, strict=True)])

    # P_L^{-1/4} B P_L^{-1/4} has the eigenvalues b/p^(1/2), the roots of b^2/p.
    squares = [[x * x for x in values] for values in (b, a)]
    return Readings(
        left=condition_number(a) * pencil(b, left),
        right=condition_number(b) * pencil(a, right),
        two_sided_squared=pencil(squares[0], left) * pencil(squares[1], right),
        gd=condition_number(a) * condition_number(b),
    )
