"""The series of functions of a jet, from recurrences in its coefficients.

They are all one idea: y = f(x) has the derivative y' = f'(x) x', whose coefficient of t^(k-1) reads
k y_k = sum_{j=1..k} j x_j g_{k-j} with g the jet of f'(x).
Source: Griewank and Walther 2008, "Evaluating Derivatives", chapter 13.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from labs.core.arrays import Array, array_namespace, special
from labs.core.jets._jet import Jet, total


def _chain(x: Jet, g: list[Array], k: int) -> Array:
    """(1/k) sum_{j=1..k} j x_j g_{k-j}."""
    c = x.coefficients
    return total([(j / k) * (c[j] * g[k - j]) for j in range(1, min(k + 1, len(c)))])


def _value(x: Jet) -> tuple[Any, Array]:
    """The namespace of the coefficients, and c_0."""
    return array_namespace(x.coefficients[0]), x.coefficients[0]


def primitive(first: Array, derivative: Jet, x: Jet) -> Jet:
    """The jet of F(x), from F(c_0) and the jet of F'(x)."""
    f = list(derivative.coefficients)
    return Jet([first, *(_chain(x, f, k) for k in x.degrees)], x.order)


def _exponential(x: Jet, first: Array) -> list[Array]:
    e = [first]
    for k in x.degrees:
        e.append(_chain(x, e, k))
    return e


def exp(x: Jet) -> Jet:
    xp, c = _value(x)
    return Jet(_exponential(x, xp.exp(c)), x.order)


def expm1(x: Jet) -> Jet:
    xp, c = _value(x)
    return Jet([xp.expm1(c), *_exponential(x, xp.exp(c))[1:]], x.order)


def _logarithm(x: Jet, first: Array, a_0: Array) -> Jet:
    """l_k = (a_k - (1/k) sum_{0<j<k} j l_j a_{k-j})/a_0."""
    a, y = x.coefficients, [first]
    for k in x.degrees:
        terms = [a[k]] if k < len(a) else []
        terms += [(-j / k) * (y[j] * a[k - j]) for j in range(1, k) if k - j < len(a)]
        y.append(total(terms) / a_0)
    return Jet(y, x.order)


def log(x: Jet) -> Jet:
    xp, c = _value(x)
    return _logarithm(x, xp.log(c), c)


def log1p(x: Jet) -> Jet:
    xp, c = _value(x)
    return _logarithm(x, xp.log1p(c), 1.0 + c)


def tanh(x: Jet) -> Jet:
    xp, c = _value(x)
    y = [xp.tanh(c)]
    g = [1.0 - y[0] * y[0]]  # the jet of 1 - tanh^2
    for k in x.degrees:
        y.append(_chain(x, g, k))
        g.append(-total([y[i] * y[k - i] for i in range(k + 1)]))
    return Jet(y, x.order)


def _sine_and_cosine(x: Jet) -> tuple[Jet, Jet]:
    xp, c = _value(x)
    sine, cosine = [xp.sin(c)], [xp.cos(c)]
    for k in x.degrees:
        up, down = _chain(x, cosine, k), -_chain(x, sine, k)
        sine.append(up)
        cosine.append(down)
    return Jet(sine, x.order), Jet(cosine, x.order)


def sin(x: Jet) -> Jet:
    return _sine_and_cosine(x)[0]


def cos(x: Jet) -> Jet:
    return _sine_and_cosine(x)[1]


def sqrt(x: Jet) -> Jet:
    """r_k = (a_k - sum_{0<j<k} r_j r_{k-j})/(2 r_0)."""
    xp, c = _value(x)
    a, r = x.coefficients, [xp.sqrt(c)]
    for k in x.degrees:
        terms = [a[k]] if k < len(a) else []
        terms += [-(r[j] * r[k - j]) for j in range(1, k)]
        r.append(total(terms) / (2.0 * r[0]) if terms else 0.0 * c)
    return Jet(r, x.order)


def erf(x: Jet) -> Jet:
    """2/sqrt(pi) times the integral of exp(-y^2) from 0 to x."""
    xp, c = _value(x)
    return primitive(special(xp).erf(c), exp(-x * x) * (2.0 / math.sqrt(math.pi)), x)


def gelu(x: Jet) -> Jet:
    """x times the normal distribution function."""
    return 0.5 * x * (1.0 + erf(x * math.sqrt(0.5)))


def logsumexp(x: Jet, axis: int = -1, keepdims: bool = False) -> Jet:
    """log sum exp(x); the largest entry at t = 0 is taken out as a constant."""
    xp, c = _value(x)
    top = xp.max(c, axis=axis, keepdims=True)
    outside = top if keepdims else xp.max(c, axis=axis)
    shares = exp(x - top)
    return log(shares.map(lambda y: xp.sum(y, axis=axis, keepdims=keepdims))) + outside


def absolute(x: Jet) -> Jet:
    """|x|; where c_0 = 0, which has no series, all coefficients are taken to be 0."""
    xp, c = _value(x)
    return x * xp.sign(c)


def maximum(x: Jet, axis: int | None = None, keepdims: bool = False) -> Jet:
    """The largest entry at t = 0, as it goes on; of several that tie, which have no series, the mean."""
    xp, c = _value(x)
    top = xp.max(c, axis=axis, keepdims=True)
    chosen = xp.astype(c == top, c.dtype)
    chosen = chosen / xp.sum(chosen, axis=axis, keepdims=True)
    first = top if keepdims else xp.max(c, axis=axis)
    rest = (xp.sum(chosen * y, axis=axis, keepdims=keepdims) for y in x.coefficients[1:])
    return Jet([first, *rest], x.order)


def where(condition: Array, x: Any, y: Any) -> Jet:
    """Coefficient by coefficient; a number stands for a constant."""
    jets = [z for z in (x, y) if isinstance(z, Jet)]
    order = min(z.order for z in jets)
    xp, _ = _value(jets[0])

    def coefficient(z: Any, k: int) -> Any:
        c = z.coefficients if isinstance(z, Jet) else (z,)
        return c[k] if k < len(c) else 0.0

    longest = max(len(z.coefficients) for z in jets)
    return Jet([xp.where(condition, coefficient(x, k), coefficient(y, k)) for k in range(longest)], order)


def linear(name: str) -> Callable[..., Jet]:
    """A function of the namespace that is linear in its first argument: it maps the coefficients."""

    def call(x: Jet, *args: Any, **kwargs: Any) -> Jet:
        return x.map(lambda c: getattr(array_namespace(c), name)(c, *args, **kwargs))

    return call
