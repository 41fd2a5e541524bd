"""Closed forms of the isotropic curvature model.

The small functions are field arithmetic alone: they take floats, arrays, fractions, sympy symbols and balls, so
that the tests compare them symbolically with the derivations in theory/isotropic_curvature.
"""

from __future__ import annotations

from typing import Any

from labs.core.arrays import array_namespace, check_double, check_nonnegative, check_shape

Array = Any


def quadratic_update(g: Any, n: Any, c: Any = 1) -> Any:
    """q for H = c x^2: q_i = n g_i / (2 c), plain gradient descent (ICM-Q)."""
    return n * g / (2 * c)


def quartic_weight(x: Any, S: Any, n: Any, c: Any = 1) -> Any:
    """lambda_i for H = c x^4: 4 c (S + 2 x_i) / (n (n + 2)), x_i = q_i^2, S = sum x."""
    return 4 * c * (S + 2 * x) / (n * (n + 2))


def sextic_weight(x: Any, S: Any, S2: Any, n: Any, c: Any = 1) -> Any:
    """lambda_i for H = c x^6: 6 c (S^2 + 2 S2 + 4 S x_i + 8 x_i^2) / (n (n+2) (n+4)), S2 = sum x^2."""
    return 6 * c * (S * S + 2 * S2 + 4 * S * x + 8 * x * x) / (n * (n + 2) * (n + 4))


def local_exponent(n: Any, kappa: Any) -> Any:
    """d log(q_i/q_j) / d log(g_i/g_j) where all q are equal: 1 / (1 + 2 kappa / (n + 2)) (ICM-X4.a).

    kappa is the elasticity of H at the common value of q; for x^p, kappa = p - 2.
    """
    return (n + 2) / (n + 2 + 2 * kappa)


def local_slope(n: Any, weight: Any, second: Any) -> Any:
    """d(q_i - q_j) / d(g_i - g_j) where all q are equal: n (n+2) / (n w + 2 H''), w = H'/x (ICM-X4.a)."""
    return n * (n + 2) / (n * weight + 2 * second)


def largest_gradient_ratio(t: Any, kappa: Any) -> Any:
    """The largest g_i/g_j that allows q_i/q_j = t where the elasticity is at most kappa: t + kappa (t - 1/t).

    The sharper form of ICM-X1; with the least elasticity it is the smallest.
    """
    return t + kappa * (t - 1 / t)


def quartic_update(g: Array, n: int | None = None, c: float = 1.0) -> Array:
    """Kernel: q for H = c x^4 without iterating on q: one bracketed scalar equation an item (ICM-E4).

        q_i^3 + (S/2) q_i = n (n + 2) g_i / (8 c) =: b_i,   S = sum q_i^2

    At given S the cubic has one real root, q_i = 2 h sinh(asinh(b_i / (2 h^3)) / 3) with h = sqrt(S/6), which
    falls with S; so S - sum q_i(S)^2 is increasing.  Its root lies between ((2 b_1)/(k + 2))^{2/3} and
    k b_1^{2/3}, and 60 bisections in log S leave rounding.
    g (..., k), finite, nonnegative; n >= k, default k.  Cost O(60 k).  Raises ValueError for bad g, n, c.
    Source: Su 2025 as reported; the stable form is derived here.
    """
    check_shape((None,), g=g)
    check_double(g=g)
    check_nonnegative(g=g)
    if not c > 0:
        raise ValueError(f"c must be positive, got {c!r}")
    xp = array_namespace(g)
    k = g.shape[-1]
    n = k if n is None else n
    if n < k:
        raise ValueError(f"n must be at least the length {k} of g, got {n}")
    if not g.size:
        return g
    top = xp.max(g, axis=-1, keepdims=True)
    safe = xp.where(top > 0, top, xp.ones_like(top))
    b = g / safe  # in units of the cube root of b_1 the largest b is 1

    def entries(S: Array) -> Array:
        h = xp.sqrt(S / 6.0)
        return 2.0 * h * xp.sinh(xp.asinh(b / (2.0 * h**3)) / 3.0)

    lo = xp.full_like(top, (2.0 / (k + 2.0)) ** (2.0 / 3.0))
    hi = xp.full_like(top, float(k))
    for _ in range(60):
        mid = xp.sqrt(lo * hi)
        below = mid < xp.sum(entries(mid) ** 2, axis=-1, keepdims=True)
        lo, hi = xp.where(below, mid, lo), xp.where(below, hi, mid)
    unit = (n * (n + 2) / (8.0 * c) * safe) ** (1.0 / 3.0)
    return xp.where(top > 0, unit * entries(lo), xp.zeros_like(g))
