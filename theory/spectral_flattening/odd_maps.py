"""Odd polynomial maps of a singular value, derived: classical maps, what they leave of the defect, limits."""

from __future__ import annotations

from typing import Any


def classical(order: int, x: Any) -> Any:
    """x times the Taylor polynomial of (1 - e)^(-1/2) at e = 0, of this order, where e = 1 - x^2: near sign x."""
    import sympy

    e = sympy.Symbol("e")
    series = sympy.series((1 - e) ** sympy.Rational(-1, 2), e, 0, order + 1).removeO()
    return sympy.expand(x * series.subs(e, 1 - x**2))


def defect_after(order: int, e: Any) -> Any:
    """The defect 1 - p(x)^2 after a classical step from the defect e = 1 - x^2, factored."""
    import sympy

    x = sympy.Symbol("x", positive=True)
    square = sympy.Poly(sympy.expand(classical(order, x) ** 2), x)
    after = sum(z * (1 - e) ** (power // 2) for (power,), z in square.terms())
    return sympy.factor(1 - after)


def fixed_squares(a: Any, b: Any, c: Any) -> list[Any]:
    """t = x^2 at the fixed points x != 0 of a x + b x^3 + c x^5, in increasing order (numbers, not symbols)."""
    import sympy

    t = sympy.Symbol("t")
    return sorted(sympy.roots(sympy.Poly(a + b * t + c * t**2 - 1, t)), key=sympy.re)


def critical_squares(a: Any, b: Any, c: Any) -> list[Any]:
    """t = x^2 at the critical points of a x + b x^3 + c x^5, in increasing order (numbers, not symbols)."""
    import sympy

    x, t = sympy.symbols("x t")
    slope = sympy.diff(a * x + b * x**3 + c * x**5, x).subs(x, sympy.sqrt(t))
    return sorted(sympy.roots(sympy.Poly(sympy.expand(slope), t)), key=sympy.re)


def schwarzian_numerator(p: Any, x: Any) -> Any:
    """2 (p')^2 times the Schwarzian derivative p'''/p' - (3/2) (p''/p')^2: it has the Schwarzian's sign."""
    import sympy

    first, second, third = (sympy.diff(p, x, order) for order in (1, 2, 3))
    return sympy.expand(2 * first * third - 3 * second**2)


def best_cubic(lo: Any, q: Any) -> tuple[Any, Any, Any]:
    """(a, b, E) of a x + b x^3 with the values 1 - E at lo and 1 + E at its critical point q.

    It comes back to 1 - E at the hi with lo^2 + lo hi + hi^2 = 3 q^2: three levels for an odd cubic, the best.
    """
    import sympy

    a, b, E = sympy.symbols("a b E")
    equations = [a * lo + b * lo**3 - (1 - E), a * q + b * q**3 - (1 + E), a + 3 * b * q**2]
    (solution,) = sympy.linsolve(equations, [a, b, E])
    return tuple(sympy.factor(part) for part in solution)


def cubic_interval(w: Any) -> tuple[Any, Any, Any]:
    """(lo, q, hi) with lo^2 + lo hi + hi^2 = 3 q^2, up to a factor every one: rational in 0 < w < 2/sqrt 3 - 1.

    With s = (lo + hi)/2 and d = (hi - lo)/2 it says q^2 - s^2 = d^2/3: s = 1 - 3 w^2, q = 1 + 3 w^2, d = 6 w.
    """
    s, d = 1 - 3 * w**2, 6 * w
    return s - d, 1 + 3 * w**2, s + d


def quintic_growth() -> tuple[Any, Any]:
    """(growth, polynomial in y): the factor by which the best quintic on [lo, 1] raises lo/hi as lo -> 0.

    There E -> 1: the levels are 0, 2, 0, 2 at 0 < q < r < 1, so p = c x (x^2 - r^2)^2.  p'(q) = 0 at x != r gives
    r^2 = 5 q^2, and p(q) = p(1) = 2 one equation for q = y^2.  lo/hi becomes p(lo)/2 = (c r^4/2) lo.
    """
    import sympy

    x, c, y = sympy.symbols("x c y", positive=True)
    r2 = sympy.Symbol("r2", positive=True)
    p = c * x * (x**2 - r2) ** 2
    turning = sympy.factor(sympy.diff(p, x) / (c * (x**2 - r2)))
    (r2_value,) = sympy.solve(turning.subs(x, y**2), r2)
    (c_value,) = sympy.solve(p.subs(x, y**2).subs(r2, r2_value) - 2, c)
    growth = sympy.simplify((c * r2**2 / 2).subs(c, c_value).subs(r2, r2_value))
    closing = sympy.numer(sympy.together(p.subs(x, 1).subs(r2, r2_value).subs(c, c_value) - 2))
    return growth, sympy.factor(closing)


def cubic_growth() -> Any:
    """The factor by which the best cubic on [lo, hi] raises lo/hi as lo -> 0: a hi/(1 + E) there."""
    import sympy

    hi = sympy.Symbol("hi", positive=True)
    a, _, E = best_cubic(sympy.Integer(0), hi / sympy.sqrt(3))
    return sympy.simplify(a * hi / (1 + E))
