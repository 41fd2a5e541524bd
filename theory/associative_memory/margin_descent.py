"""Gradient descent on one column of logits: derivatives of its loss, and what they imply for margins.

Weights are exponentials of logits: own answer w, wrong answers 1 each, unless said otherwise.  K and alpha are
symbols, so that an identity holds for every number of facts.
"""

from __future__ import annotations

from functools import cache
from typing import Any


def peak(K: Any, alpha: Any) -> Any:
    """pi, the column of P at its own answer."""
    return 1 - alpha + alpha / K


@cache
def gradient(K: Any, alpha: Any, own: Any, other: Any, rest: Any) -> tuple[Any, Any, Any]:
    """The derivatives of L_j by the logit of the own answer, of one wrong answer, and of one of the K - 2 others.

    The three arguments are the weights e^logit.
    """
    import sympy

    a, b, c = sympy.symbols("a b c", real=True)
    total = sympy.exp(a) + sympy.exp(b) + (K - 2) * sympy.exp(c)
    loss = sympy.log(total) - peak(K, alpha) * a - alpha / K * (b + (K - 2) * c)
    weights = {a: sympy.log(own), b: sympy.log(other), c: sympy.log(rest)}
    by_own, by_other, by_rest = (
        sympy.cancel(sympy.diff(loss, z).subs(weights, simultaneous=True)) for z in (a, b, c)
    )
    return by_own, by_other, sympy.cancel(by_rest / (K - 2))


def hessian_on(K: int, alpha: Any) -> Any:
    """The second derivatives of L_j by the logits (K x K) where softmax is the target column itself."""
    import sympy

    z = sympy.symbols(f"z1:{K + 1}", real=True)
    target = [peak(K, alpha)] + [alpha / K] * (K - 1)
    loss = sympy.log(sum(map(sympy.exp, z))) - sum(p * x for p, x in zip(target, z, strict=True))
    optimum = {x: sympy.log(p) for x, p in zip(z, target, strict=True)}
    return sympy.hessian(loss, z).subs(optimum, simultaneous=True).applyfunc(sympy.cancel)


@cache
def drift(w: Any, K: Any, alpha: Any) -> Any:
    """How fast the margin of an item of unit frequency grows, from the derivatives of its loss."""
    import sympy

    by_own, by_other, _ = gradient(K, alpha, w, 1, 1)
    return sympy.cancel(by_other - by_own)


@cache
def error_drift(x: Any, K: Any, alpha: Any) -> Any:
    """gamma, the same downwards, at the error e = log x: the optimum is where the drift vanishes."""
    import sympy

    w = sympy.Symbol("w", positive=True)
    (best,) = sympy.solve(drift(w, K, alpha), w)
    return sympy.cancel(-drift(best * x, K, alpha))


def loss(w: Any, K: Any, alpha: Any) -> Any:
    """L_j at the margin log w."""
    import sympy

    return sympy.log(w + K - 1) - peak(K, alpha) * sympy.log(w)


@cache
def by_margin(f: Any, w: Any) -> Any:
    """The derivative by the margin m = log w."""
    import sympy

    return sympy.cancel(w * sympy.diff(f, w))


@cache
def wave(h: Any, K: Any, alpha: Any) -> tuple[Any, Any, Any]:
    """The first three derivatives at e = 0 of the map e -> e - h gamma(e)."""
    import sympy

    e = sympy.Symbol("e", real=True)
    step = e - h * error_drift(sympy.exp(e), K, alpha)
    first, second, third = (sympy.cancel(sympy.diff(step, e, n).subs(e, 0)) for n in (1, 2, 3))
    return first, second, third


def ramp_integral(slope: Any, height: Any, power: Any) -> Any:
    """int u^(power - 1) slope (height - slope u) du over 0 <= u <= height/slope; all arguments positive."""
    import sympy

    u = sympy.Symbol("u", positive=True)
    integrand = sympy.expand(u ** (power - 1) * slope * (height - slope * u))
    return sympy.integrate(integrand, (u, 0, height / slope))


def exponential_integral(rate: Any, beta: Any) -> Any:
    """int_0^inf i^-beta exp(-rate i^-beta) di, by s = rate i^-beta, i = (rate/s)^(1/beta)."""
    import sympy

    s = sympy.Symbol("s", positive=True)
    i = (rate / s) ** (1 / beta)
    integrand = sympy.powsimp(sympy.expand_power_base(s / rate * sympy.diff(i, s), force=True), force=True)
    power = sympy.simplify(s * sympy.diff(sympy.log(-integrand), s))
    coefficient = sympy.simplify(sympy.powsimp(-integrand / s**power, force=True))
    return coefficient * sympy.gamma(1 + power)


def balanced_jacobian(K: int, step: Any) -> Any:
    """The Jacobian at y = 0 of y_j -> y_j - step e^(y_j)/(mean_i e^(2 y_i))^(1/2), j = 1..K."""
    import sympy

    y = sympy.symbols(f"y1:{K + 1}", real=True)
    size = sympy.sqrt(sum(sympy.exp(2 * v) for v in y) / K)
    after = sympy.Matrix([v - step * sympy.exp(v) / size for v in y])
    return after.jacobian(y).subs(dict.fromkeys(y, 0)).applyfunc(sympy.cancel)
