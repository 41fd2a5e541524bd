"""The model with H(x) = sum of c_p x^p over even p: phi and its derivatives as exact polynomials.

A curvature function is a mapping {even exponent: coefficient}, for instance {4: 1} or {2: Fraction(1, 2),
4: 1}.  Spectra may hold Fractions or symbols, and n may be a symbol.  All of it is Dirichlet moments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from theory.isotropic_curvature.dirichlet import moment_of_sum, unit

Even = Mapping[int, Any]


def _squares(q: Sequence[Any]) -> list[Any]:
    return [qi * qi for qi in q]


def _half(exponent: int) -> int:
    if exponent < 2 or exponent % 2:
        raise ValueError(f"exponents must be even and at least 2, got {exponent}")
    return exponent // 2


def penalty(H: Even, q: Sequence[Any], n: Any) -> Any:
    """phi(q) = E H(rho)."""
    return sum(c * moment_of_sum(_half(p), _squares(q), n) for p, c in H.items())


def weights(H: Even, q: Sequence[Any], n: Any) -> list[Any]:
    """lambda_i = E[w(rho) u_i], where w(x) = sum of p c_p x^(p-2)."""
    x, k = _squares(q), len(q)
    return [
        sum(p * c * moment_of_sum(_half(p) - 1, x, n, unit(i, k)) for p, c in H.items()) for i in range(k)
    ]


def coupling(H: Even, q: Sequence[Any], n: Any) -> list[list[Any]]:
    """E[(w'(rho)/rho) u_i u_j], where w'(x)/x = sum of p (p-2) c_p x^(p-4)."""
    x, k = _squares(q), len(q)

    def entry(i: int, j: int) -> Any:
        factor = [a + b for a, b in zip(unit(i, k), unit(j, k), strict=True)]
        terms = (p * (p - 2) * c * moment_of_sum(_half(p) - 2, x, n, factor) for p, c in H.items() if p > 2)
        return sum(terms, start=Fraction(0))

    return [[entry(i, j) for j in range(k)] for i in range(k)]


def gradient(H: Even, q: Sequence[Any], n: Any) -> list[Any]:
    """The gradient for which q > 0 is stationary: g_i = q_i lambda_i."""
    return [qi * li for qi, li in zip(q, weights(H, q, n), strict=True)]


def hessian(H: Even, q: Sequence[Any], n: Any) -> list[list[Any]]:
    """diag(lambda) + (q q^T) o E[(w'(rho)/rho) u u^T]."""
    lam, mixed = weights(H, q, n), coupling(H, q, n)
    k = range(len(q))
    return [[q[i] * q[j] * mixed[i][j] + (lam[i] if i == j else 0) for j in k] for i in k]


def objective(H: Even, q: Sequence[Any], g: Sequence[Any], n: Any) -> Any:
    """F at an aligned update: phi(q) - <g, q>."""
    return penalty(H, q, n) - sum(gi * qi for gi, qi in zip(g, q, strict=True))
