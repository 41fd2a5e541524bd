"""g_n = 0 with m >= n: no kink makes all singular values of the update equal.

Farkas vectors for condition (Z), <a, g> <= (A/n) sum a + (B - A) E(a.u)_+: with a = (1, ..., 1, 1 - s^2), s >= 1,

    a.u = 1 - s^2 u_n,     <a, g> = sum g,     (A/n) sum a = A (1 - s^2/n),

and E(a.u)_+ falls like 1/s, because |zeta_n| has a bounded density near 0.
"""

from __future__ import annotations

from typing import Any


def density_at_zero(n: Any) -> Any:
    """The density of |zeta_n| at 0, for n >= 3 its maximum: proportional to (1 - x^2)^((n-3)/2) on [0, 1]."""
    import sympy

    return 2 * sympy.gamma(n / 2) / (sympy.sqrt(sympy.pi) * sympy.gamma((n - 1) / 2))


def support(s: Any, n: int) -> Any:
    """E(1 - s^2 u_n)_+ for odd n >= 3 and s > 1, a polynomial in 1/s, by integration over x = |zeta_n|."""
    import sympy

    x = sympy.Symbol("x", positive=True)
    density = sympy.expand((1 - x**2) ** ((n - 3) // 2))
    mass = sympy.integrate(density, (x, 0, 1))
    return sympy.cancel(sympy.integrate(sympy.expand((1 - s**2 * x**2) * density), (x, 0, 1 / s)) / mass)


def support_bound(s: Any, density: Any) -> Any:
    """An upper bound of E(1 - s^2 u_n)_+ where |zeta_n| has at most this density on [0, 1/s]."""
    import sympy

    x = sympy.Symbol("x", positive=True)
    return sympy.integrate((1 - s**2 * x**2) * density, (x, 0, 1 / s))


def excess(s: Any, support_value: Any, trace: Any, A: Any, B: Any, n: Any) -> Any:
    """<a, g> - (A/n) sum a - (B - A) E(a.u)_+: positive refutes (Z)."""
    return trace - A * (1 - s**2 / n) - (B - A) * support_value
