"""Exact means: polynomials in independent standard normal variables, and samples from small finite populations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any


def normals(name: str, rows: int, columns: int) -> Any:
    """A matrix of symbols, to stand for independent standard normal variables."""
    import sympy

    return sympy.Matrix(rows, columns, sympy.symbols(f"{name}:{rows}:{columns}"))


def mean(expression: Any, *variables: Any) -> Any:
    """E of a polynomial, or of a matrix of them, in standard normal variables (matrices of symbols).

    E z^k = (k - 1)!! for even k, 0 for odd ones, factor by factor.
    """
    import sympy

    if isinstance(expression, sympy.MatrixBase):
        return expression.applyfunc(lambda entry: mean(entry, *variables))
    z = [symbol for matrix in variables for symbol in matrix]
    total = sympy.Integer(0)
    for exponents, coefficient in sympy.Poly(sympy.expand(expression), *z).terms():
        if not any(k % 2 for k in exponents):
            total += coefficient * sympy.prod(sympy.factorial2(k - 1) for k in exponents)
    return sympy.expand(total)


def wishart_distance(m: int, a: Sequence[Any]) -> Any:
    """E |Z diag(a) Z^T/sum a - 1|_F^2 for Z (m x n) standard normal, by expansion."""
    import sympy

    Z = normals("z", m, len(a))
    difference = Z * sympy.diag(*a) * Z.T - sum(a) * sympy.eye(m)
    return mean(sum(x * x for x in difference), Z) / sum(a) ** 2


def covariance(B: Any, A: Any, Delta: Any, Z: Any = None, signal: Any = 1, noise: Any = 0) -> Any:
    """E[G G^T] for G = signal B Delta A + noise B^{1/2} Z A^{1/2}; Delta and Z hold standard normal symbols.

    With Z, B and A are diagonal.
    """
    import sympy

    G = signal * B * Delta * A
    variables = Delta.free_symbols
    if Z is not None:
        G += noise * B.applyfunc(sympy.sqrt) * Z * A.applyfunc(sympy.sqrt)
        variables |= Z.free_symbols
    return mean(G * G.T, sorted(variables, key=str))


def batch_covariance(samples: Sequence[Any], batch: int) -> Any:
    """E[G G^T] for G the mean of `batch` gradients drawn with equal probability, with replacement, from `samples`."""
    import sympy

    total = sympy.zeros(samples[0].rows)
    for drawn in product(samples, repeat=batch):
        G = sum(drawn[1:], drawn[0]) / batch
        total += G * G.T
    return (total / len(samples) ** batch).applyfunc(sympy.expand)


def second_moment(vectors: Sequence[Any]) -> Any:
    """E[v v^T] over a list of equally likely column vectors."""
    return sum((v * v.T for v in vectors[1:]), vectors[0] * vectors[0].T) / len(vectors)
