"""Taylor terms by differentiation: of polynomials, two linear layers, softmax regression; and psi by integration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Expression = Any


def polynomial(degree: int, variables: Sequence[Any]) -> Expression:
    """The polynomial of two variables with a symbol for every coefficient."""
    import sympy

    x, y = variables
    return sum(
        sympy.Symbol(f"k{i}{j}") * x**i * y**j for i in range(degree + 1) for j in range(degree + 1 - i)
    )


def gain(loss: Expression, at: Sequence[Any], update: Sequence[Any]) -> Expression:
    """<G, Z>."""
    import sympy

    return sum(sympy.diff(loss, w) * z for w, z in zip(at, update, strict=True))


def curvature(loss: Expression, at: Sequence[Any], update: Sequence[Any]) -> Expression:
    """<Z, H[Z]>, entry by entry."""
    import sympy

    pairs = list(zip(at, update, strict=True))
    return sum(sympy.diff(loss, w, v) * z * y for w, z in pairs for v, y in pairs)


def decrease(loss: Expression, at: Sequence[Any], update: Sequence[Any], scale: Any = 1) -> Expression:
    """L(W) - L(W - scale Z)."""
    moved = {w: w - scale * z for w, z in zip(at, update, strict=True)}
    return loss - loss.subs(moved, simultaneous=True)


def coefficients(loss: Expression, at: Sequence[Any], update: Sequence[Any], order: int) -> list[Expression]:
    """c_0, ..., c_order of t -> L(W - t Z), by differentiation in t at 0."""
    import sympy

    t = sympy.Symbol("t")
    along = loss.subs({w: w - t * z for w, z in zip(at, update, strict=True)}, simultaneous=True)
    return [sympy.diff(along, t, k).subs(t, 0) / sympy.factorial(k) for k in range(order + 1)]


def matrix(name: str, rows: int, columns: int) -> Any:
    """A matrix of symbols."""
    import sympy

    return sympy.Matrix(rows, columns, lambda i, j: sympy.Symbol(f"{name}{i}{j}"))


def inner(X: Any, Y: Any) -> Expression:
    """<X, Y>."""
    return sum(x * y for x, y in zip(X, Y, strict=True))


def two_layers(W_1: Any, W_2: Any, T: Any) -> Expression:
    """|W_2 W_1 - T|^2/2."""
    E = W_2 * W_1 - T
    return inner(E, E) / 2


def moments(weights: Sequence[Any], values: Sequence[Any]) -> tuple[Expression, Expression, Expression]:
    """Mean, variance and third central moment (the third cumulant) of values with these weights."""
    total = sum(weights)
    shares = [w / total for w in weights]
    mean = sum(p * u for p, u in zip(shares, values, strict=True))
    second, third = (sum(p * (u - mean) ** k for p, u in zip(shares, values, strict=True)) for k in (2, 3))
    return mean, second, third


def log_partition_terms(weights: Sequence[Any], values: Sequence[Any], order: int) -> list[Expression]:
    """c_1, ..., c_order of t -> log sum_k w_k exp(-t u_k), by differentiation."""
    import sympy

    t = sympy.Symbol("t")
    phi = sympy.log(sum(w * sympy.exp(-t * u) for w, u in zip(weights, values, strict=True)))
    return [sympy.diff(phi, t, k).subs(t, 0) / sympy.factorial(k) for k in range(1, order + 1)]


def psi(x: Any) -> Expression:
    """The integral of (1 - t) e^(x t) over 0 < t < 1."""
    import sympy

    t = sympy.Symbol("t")
    return sympy.integrate((1 - t) * sympy.exp(x * t), (t, 0, 1))


def damped_slope(rate: Any) -> tuple[Expression, Expression]:
    """d/dt [f(t) e^(-rate t)], and (f' - rate f) e^(-rate t), for any f."""
    import sympy

    t = sympy.Symbol("t")
    f = sympy.Function("f")(t)
    return sympy.diff(f * sympy.exp(-rate * t), t), (sympy.diff(f, t) - rate * f) * sympy.exp(-rate * t)


def variance_along(c: Any, growth: Any) -> Expression:
    """phi''(t)/phi''(0) for two classes whose odds are c at first and c growth at t."""
    first, later = c / (1 + c), c * growth / (1 + c * growth)
    return later * (1 - later) / (first * (1 - first))


def psi_slope_numerator(x: Any) -> Expression:
    """x^3 psi'(x)."""
    import sympy

    return sympy.expand(x**3 * sympy.diff((sympy.exp(x) - 1 - x) / x**2, x))
