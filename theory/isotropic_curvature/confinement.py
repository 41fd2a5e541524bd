"""Ever sharper transitions: in how small a box around r (1, ..., 1) all minimisers lie.

In units r = 1, with trace = sum g.  Suppose H(1 - eta) <= eta and H(1 + eta) = beta.  Put q_1 = (1 + eta)(1 + y) and
compare with q = 1 - eta, whose F is at most eta - trace (1 - eta):

    F(q) >= E H(q_1 |zeta_1|) - trace q_1,     H(x) >= beta (x/(1 + eta) - 1)_+   (convexity and H(0) = 0),

so that F(q) - F(1 - eta) >= beta E((1+y)|zeta_1| - 1)_+ - trace ((1+eta)(1+y) - 1 + eta) - eta.  Where that is
positive q is no minimiser; it bounds q_1, and then <g, q> >= trace (1 - eta) - eta bounds q_k from below.

|zeta_1| is stochastically smaller the larger n is, so that for even n the box for n + 1 serves.
"""

from __future__ import annotations

from typing import Any


def overshoot(y: Any, n: int) -> Any:
    """E((1 + y)|zeta_1| - 1)_+ for odd n >= 3, a rational function of y > 0."""
    import sympy

    x = sympy.Symbol("x", positive=True)
    density = sympy.expand((1 - x**2) ** ((n - 3) // 2))
    mass = sympy.integrate(density, (x, 0, 1))
    integral = sympy.integrate(sympy.expand(((1 + y) * x - 1) * density), (x, 1 / (1 + y), 1))
    return sympy.factor(integral / mass)


def excess(y: Any, over: Any, eta: Any, beta: Any, trace: Any) -> Any:
    """The lower bound of F(q) - F(1 - eta) at q_1 = (1 + eta)(1 + y), where `over` is `overshoot` at y."""
    return beta * over - trace * ((1 + eta) * (1 + y) - 1 + eta) - eta


def lowest(top: Any, g_k: Any, eta: Any, trace: Any) -> Any:
    """The least q_k that g_k q_k + (trace - g_k) top >= trace (1 - eta) - eta allows, for q_1 <= top."""
    return (trace * (1 - eta) - eta - (trace - g_k) * top) / g_k
