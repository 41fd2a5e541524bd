"""Which signs can an expression, or a ball, have?  The arithmetic under exact and enclosed evidence.

A set of signs is a subset of {-1, 0, 1} that contains every sign the value takes where it is defined; it may
be too large (then nothing can be concluded), never too small.  Works on sympy expressions without floating
point numbers and on Arb balls; imports nothing of the project.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

Signs = frozenset[int]

# The signs of (left - right) that each relation allows.
SENSES: dict[str, Signs] = {
    "==": frozenset({0}),
    "!=": frozenset({-1, 1}),
    "<=": frozenset({-1, 0}),
    "<": frozenset({-1}),
    ">=": frozenset({0, 1}),
    ">": frozenset({1}),
}
ANY: Signs = frozenset({-1, 0, 1})


def add(a: Signs, b: Signs) -> Signs:
    """Signs that a sum can have."""
    if any(s * t < 0 for s in a for t in b):
        return ANY
    return frozenset(max(-1, min(1, s + t)) for s in a for t in b)


def multiply(a: Signs, b: Signs) -> Signs:
    """Signs that a product can have."""
    return frozenset(s * t for s in a for t in b)


def of_ball(ball: Any) -> Signs:
    """Signs of the numbers in an Arb ball; every sign if it is not finite."""
    if not ball.is_finite():
        return ANY
    # flint answers True to a comparison only where it is true of the whole ball.
    impossible = {1: ball <= 0, 0: ball > 0 or ball < 0, -1: ball >= 0}
    return frozenset(sign for sign, certain in impossible.items() if not certain)


def expression(value: Any) -> Any:
    """An integer, Fraction or sympy expression as a sympy expression; floating point numbers are refused."""
    import sympy

    # A bool is the outcome of a comparison, perhaps of floats: that is no exact number.
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return sympy.Integer(int(value))
    if isinstance(value, Fraction):
        return sympy.Rational(value.numerator, value.denominator)
    if not isinstance(value, sympy.Expr) or value.has(sympy.Float):
        raise TypeError(
            f"exact takes integers, Fractions and sympy expressions without floats, got {value!r}"
        )
    return value


def of_number(number: Any) -> int | None:
    """The sign of an expression without symbols, or None if it is undefined or cannot be decided exactly."""
    import sympy

    if number.free_symbols or number.has(sympy.nan, sympy.zoo, sympy.oo):
        return None
    # sympy evaluates with tracked accuracy.  Where digits do not settle the sign it finds the zeros among
    # algebraic numbers by their minimal polynomial, and gives no answer for others.
    if number.is_positive:
        return 1
    if number.is_negative:
        return -1
    return 0 if number.is_zero else None


def of_expression(quotient: Any) -> Signs:
    """Signs that an expression can have where it is defined, read from its cancelled form."""
    import sympy

    numerator, denominator = sympy.fraction(sympy.cancel(quotient))
    below = _of_polynomial(denominator) - {0}  # it does not vanish where the expression is defined
    return multiply(_of_polynomial(numerator), below) if below else ANY


def _of_polynomial(polynomial: Any) -> Signs:
    """Signs read term by term, or else factor by factor."""
    import sympy

    signs = _of_sum(polynomial)
    if signs != ANY or not polynomial.free_symbols:
        return signs
    coefficient, factors = sympy.factor_list(polynomial)
    signs = _of_sum(coefficient)
    for factor, multiplicity in factors:
        signs = multiply(signs, _of_power(_of_sum(factor), factor, multiplicity))
    return signs


def _of_sum(polynomial: Any) -> Signs:
    """Signs of a polynomial, from the signs of its coefficients and from what its symbols assume."""
    import sympy

    if not polynomial.free_symbols:
        sign = of_number(polynomial)
        return ANY if sign is None else frozenset({sign})
    # Numbers such as sqrt(2) belong to the coefficients, whose sign is decided exactly.
    generators = [g for g in sympy.Poly(polynomial).gens if g.free_symbols]
    total: Signs = frozenset({0})
    for exponents, coefficient in sympy.Poly(polynomial, *generators).terms():
        term = _of_sum(coefficient)
        for generator, exponent in zip(generators, exponents, strict=True):
            term = multiply(term, _of_power(_assumed(generator), generator, exponent))
        total = add(total, term)
    return total


def _assumed(generator: Any) -> Signs:
    """Signs that sympy's assumptions leave to a symbol, root or function value."""
    possible = {1: generator.is_positive, 0: generator.is_zero, -1: generator.is_negative}
    return frozenset(sign for sign, assumed in possible.items() if assumed is not False)


def _of_power(base: Signs, generator: Any, exponent: int) -> Signs:
    if exponent % 2:
        return base
    if exponent == 0:
        return frozenset({1})
    return frozenset(sign * sign for sign in base) if generator.is_real else ANY


def check_point(point: Mapping[Any, Any], symbols: Sequence[Any]) -> None:
    """Raise ValueError unless `point` gives every symbol a value that fits what the symbol assumes."""
    missing = [str(symbol) for symbol in symbols if symbol not in point]
    if missing:
        raise ValueError(f"witness must give a value to every symbol; missing: {', '.join(missing)}")
    for symbol, value in point.items():
        if not _fits(symbol, value):
            raise ValueError(f"witness {symbol} = {value} breaks what {symbol} assumes")


def _fits(symbol: Any, value: Any) -> bool:
    """Whether a value has everything that its symbol assumes."""
    return all(getattr(value, f"is_{name}") == assumed for name, assumed in symbol.assumptions0.items())


def points(symbols: Sequence[Any], limit: int = 128) -> Iterator[dict[Any, Any]]:
    """Small rational points that fit the assumptions: all of them, or `limit` spread evenly over them."""
    import sympy

    small = [
        sympy.Rational(*pq)
        for pq in ((1, 1), (2, 1), (1, 2), (3, 1), (0, 1), (-1, 1), (-1, 2), (7, 3), (1, 9))
    ]
    values = [[value for value in small if _fits(symbol, value)] for symbol in symbols]
    count = math.prod(map(len, values))
    step = count // limit + 1
    while math.gcd(step, count) > 1:  # so that every symbol runs through all its values
        step += 1
    for k in range(min(limit, count)):
        index, point = k * step % count, {}
        for symbol, choices in zip(symbols, values, strict=True):
            index, which = divmod(index, len(choices))
            point[symbol] = choices[which]
        yield point
