"""What a step of the best length leaves: the loss as a parabola in the step size; modes; the series of a root."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def loss(B: Any, A: Any, delta: Any) -> Any:
    """<Delta, B Delta A>/2."""
    return (delta.T * B * delta * A).trace() / 2


def least_share(B: Any, A: Any, delta: Any, D: Any) -> Any:
    """min over eta of f(Delta - eta D)/f(Delta): the vertex of a parabola in eta."""
    import sympy

    eta = sympy.Symbol("eta")
    parabola = sympy.Poly(sympy.expand(loss(B, A, delta - eta * D)), eta)
    second, first, zeroth = (parabola.coeff_monomial(eta**k) for k in (2, 1, 0))
    return (zeroth - first**2 / (4 * second)) / zeroth


def forms(B: Any, A: Any, G: Any, D: Any) -> tuple[Any, Any, Any]:
    """<G, D>, <D, H[D]> and <G, H^{-1}[G]>, with the inverse as an inverse."""
    energy = (G.T * B.inv() * G * A.inv()).trace()
    return (G.T * D).trace(), (D.T * B * D * A).trace(), energy


def preconditioned_forms(B: Any, A: Any, left: Any, right: Any, Q: Any) -> list[tuple[Any, Any]]:
    """The three forms of G = P_1 Q P_2 along Q, P_1 = left^2, P_2 = right^2, and those of Y = left Q right along Y.

    In the coordinates of Y the curvature is left^{-1} B left^{-1}, right^{-1} A right^{-1}: there Q is the gradient.
    """
    G, Y = left * left * Q * right * right, left * Q * right
    inner_left, inner_right = left.inv(), right.inv()
    seen = forms(inner_left * B * inner_left, inner_right * A * inner_right, Y, Y)
    return list(zip(forms(B, A, G, Q), seen, strict=True))


def mode_room(x: Any, kappa: Any) -> Any:
    """What x + kappa/x falls short of 1 + kappa by: not negative for 1 <= x <= kappa.

    Averaged over modes x_i with weights w, sum w = 1: X + Y <= 1 + kappa for X = sum w x, Y = kappa sum w/x, and
    4 X Y <= (X + Y)^2 makes it Kantorovich's inequality, sum w x sum w/x <= (1 + kappa)^2/(4 kappa).
    """
    return 1 + kappa - x - kappa / x


def aligned_step(h: Sequence[Any], d: Sequence[Any], direction: Sequence[Any]) -> list[Any]:
    """The errors of aligned modes after the step along `direction` that makes the derivative along it vanish."""
    import sympy

    eta = sympy.Symbol("eta")
    moved = [x - eta * y for x, y in zip(d, direction, strict=True)]
    slope = sum(k * x * y for k, x, y in zip(h, moved, direction, strict=True))
    (best,) = sympy.solve(slope, eta)
    return [sympy.cancel(x.subs(eta, best)) for x in moved]


def aligned_loss(h: Sequence[Any], d: Sequence[Any]) -> Any:
    """sum h d^2/2."""
    return sum(k * x * x for k, x in zip(h, d, strict=True)) / 2


def mean_residue_from_series(a: Sequence[Any]) -> tuple[Any, Any]:
    """1 - (tr (A N A)^{1/2})^2/(tr A tr(N A)), N = 1 + E: its value at E = 0, m times the mean of its second order.

    A = diag(a).  The root A + X_1 + X_2 + ... of A N A solves A X_1 + X_1 A = A E A and A X_2 + X_2 A = -X_1^2, entry
    by entry; E is symmetric with independent entries of mean 0 and variance 2/m on the diagonal, 1/m off it.
    """
    import sympy

    n, t = len(a), sympy.Symbol("t")
    E = sympy.Matrix(n, n, lambda i, j: sympy.Symbol(f"e{min(i, j)}{max(i, j)}"))
    A = sympy.diag(*a)
    right = A * E * A
    first = sympy.Matrix(n, n, lambda i, j: right[i, j] / (a[i] + a[j]))
    square = first * first
    second = sympy.Matrix(n, n, lambda i, j: -square[i, j] / (a[i] + a[j]))
    root = A.trace() + t * first.trace() + t**2 * second.trace()
    factor = 1 - root**2 / (A.trace() * (A.trace() + t * (E * A).trace()))
    return _mean_of_second_order(factor, t, E)


def mean_residue_from_invariants(a: Sequence[Any]) -> tuple[Any, Any]:
    """The same for n = 2 from tr (A N A)^{1/2} = (tr(A N A) + 2 det A (det N)^{1/2})^{1/2}."""
    import sympy

    t = sympy.Symbol("t")
    E = sympy.Matrix(2, 2, lambda i, j: sympy.Symbol(f"e{min(i, j)}{max(i, j)}"))
    A, N = sympy.diag(*a), sympy.eye(2) + t * E
    squared_trace = (A * N * A).trace() + 2 * A.det() * sympy.sqrt(N.det())
    return _mean_of_second_order(1 - squared_trace / (A.trace() * (N * A).trace()), t, E)


def _mean_of_second_order(factor: Any, t: Any, E: Any) -> tuple[Any, Any]:
    import sympy

    entries = sorted(E.free_symbols, key=str)
    second = sympy.Poly(sympy.expand(sympy.diff(factor, t, 2).subs(t, 0) / 2), *entries)
    variance = {E[i, j]: (2 if i == j else 1) for i in range(E.rows) for j in range(i, E.rows)}
    squares = {x: second.coeff_monomial(x**2) for x in entries}  # mixed products have mean 0
    mean = sympy.cancel(sum(variance[x] * value for x, value in squares.items()))
    return sympy.cancel(factor.subs(t, 0)), mean
