"""H = c x^4, solved: derivations behind the scalar equation for S."""

from __future__ import annotations

from typing import Any

from theory.isotropic_curvature.dirichlet import moment


def weight(x_i: Any, S: Any, c: Any, n: Any) -> Any:
    """lambda_i = 4 c E[rho^2 u_i] for x_i = q_i^2 and S = sum_j x_j, from the second moments of u."""
    square, mixed = moment((2,), n), moment((1, 1), n)
    return 4 * c * (S * mixed + x_i * (square - mixed))


def monic_cubic(S: Any, c: Any, n: Any, g: Any) -> tuple[Any, Any]:
    """(D, K) such that the stationarity equation g = q lambda reads q^3 + D q = K."""
    import sympy

    q = sympy.Symbol("q")
    cubic = sympy.Poly(sympy.expand(q * weight(q**2, S, c, n) - g), q).monic()
    _, square, linear, constant = cubic.all_coeffs()
    if square != 0:
        raise ArithmeticError("the stationarity equation of the quartic has no quadratic term")
    return sympy.cancel(linear), sympy.cancel(-constant)


def slope_of_root(q: Any, S: Any) -> Any:
    """d(q^2)/dS along q^3 + (S/2) q = constant, by implicit differentiation."""
    import sympy

    root, total = sympy.symbols("root total", positive=True)
    left = root**3 + total * root / 2
    return sympy.cancel(2 * root * (-left.diff(total) / left.diff(root))).subs({root: q, total: S})
