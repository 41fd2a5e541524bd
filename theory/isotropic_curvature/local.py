"""Near the isotropic point q = s (1, ..., 1), k = n, with n a symbol: since sum u = 1 the others drop out.

Put q_i^2 = s^2 + x_i for a few coordinates and x = 0 for the rest.  Then rho^2 = s^2 + sum x_i u_i, and a
binomial expansion leaves moments of the few coordinates only, rational in n.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import comb
from typing import Any

from theory.isotropic_curvature.dirichlet import moment, moment_of_sum, unit


def shifted_weights(power: int, s: Any, x: Sequence[Any], n: Any) -> list[Any]:
    """lambda_i of H = x^power (even) for the coordinates with q_i^2 = s^2 + x_i; all others have q = s."""
    order = power // 2 - 1

    def average(i: int) -> Any:
        terms = [
            comb(order, j) * s ** (2 * (order - j)) * moment_of_sum(j, x, n, unit(i, len(x)))
            for j in range(order + 1)
        ]
        return sum(terms)

    return [power * average(i) for i in range(len(x))]


def opposite_weights(power: int, s: Any, eps: Any, n: Any) -> list[Any]:
    """The weights of the first two coordinates at q = (s + eps, s - eps, s, ..., s)."""
    return shifted_weights(power, s, [2 * s * eps + eps**2, -2 * s * eps + eps**2], n)


def stiffness(slope: Any, curvature: Any, s: Any, n: Any) -> Any:
    """d(g_i - g_j)/d(q_i - q_j) at the isotropic point, from the Hessian of phi there.

    On vectors of sum zero the Hessian diag(lambda) + q q^T o E[(w'/rho) u u^T] acts as the scalar
    w/n + s^2 (w'/s)(E u_1^2 - E u_1 u_2), with w = H'/s and w' = H''/s - H'/s^2.
    """
    w = slope / s
    w_slope = curvature / s - slope / s**2
    return w / n + s * w_slope * (moment((2,), n) - moment((1, 1), n))


def local_exponent(kappa: Any, n: Any) -> Any:
    """d log(q_i/q_j) / d log(g_i/g_j) at the isotropic point, as a function of kappa(s).

    H' = 1, s = 1 and H'' = 1 + kappa, without loss of generality: then g = 1/n there, and
    d log g = n dg, d log q = dq.
    """
    one = Fraction(1)
    return 1 / (n * stiffness(one, one + kappa, one, n))
