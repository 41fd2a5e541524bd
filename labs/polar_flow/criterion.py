"""How likely is it that measurements which know nothing of W let its spectrum flatten?  (POL-X3)

The spread F grows at W iff sum alpha_i q_i <= 0.  Let P_perp be a random projection of rank k = n - p in R^n, its
range uniformly random (Gaussian measurements): n = d, p = N for a regression, n = the number of entries of W for
sensing.  Then sum alpha_i q_i has mean rho sum q, rho = k/n, and the variances below.

    regression   sum_i q_i <u_i, P_perp u_i>          sensing   <Q, P_perp P>,  Q = sum q_i E_i,  P = sum E_i

The moments are field arithmetic alone: `total` = sum q_i, `squares` = sum q_i^2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from labs.core.arrays import Array, check_finite, check_positive, check_shape, require_host


def marginal_variance(n: Any, p: Any) -> Any:
    """Var alpha_i for a regression, alpha_i ~ Beta((n-p)/2, p/2): rho (1 - rho)/(n/2 + 1)."""
    return 2 * (n - p) * p / (n * n * (n + 2))


def regression_variance(n: Any, p: Any, total: Any, squares: Any) -> Any:
    """Var sum_i q_i <u_i, P_perp u_i> = v (n sum q^2 - (sum q)^2)/(n - 1), v = `marginal_variance`."""
    return marginal_variance(n, p) * (n * squares - total**2) / (n - 1)


def sensing_variance(n: Any, p: Any, r: Any, total: Any, squares: Any) -> Any:
    """Var <Q, P_perp P> = v ((n - 2) (sum q)^2 + n r sum q^2)/(2 (n - 1)), v = `marginal_variance`."""
    return marginal_variance(n, p) * ((n - 2) * total**2 + n * r * squares) / (2 * (n - 1))


def cantelli_bound(mean: Any, variance: Any) -> Any:
    """The largest probability of a value <= 0 that a positive mean and a variance allow."""
    return variance / (variance + mean**2)


def sensing_probability(q: Array, p: int, n: int) -> float:
    """Host routine: the probability that sum alpha_i q_i <= 0 for p Gaussian measurements of n entries.

        E I_x(k/2, p/2) / 2,   x = z^2/(z^2 + cot^2 phi),   cos phi = sum q/(sqrt r |q|),   k = n - p,

    z a coordinate of a uniformly random unit vector of R^{n-1}, I the regularised incomplete beta function.  (In the
    plane of P and Q, turn Q's part along P away: <P, P_perp P>/|P|^2 is Beta(k/2, p/2), and given that, P_perp P
    leaves P in a uniformly random direction.)  k = 1: phi/pi.

    q     (r,), r >= 2, the gradient of a spread, not all 0
    p, n  1 <= p < n, n >= r^2

    Error 1e-10.  Cost: an adaptive quadrature, about a millisecond.  Raises ValueError for bad q, p, n.
    Source: derived here.
    """
    q = _gradient(q)
    r = q.size
    if not (
        isinstance(p, int | np.integer) and isinstance(n, int | np.integer) and n >= r * r and 1 <= p < n
    ):
        raise ValueError(
            f"p and n must be integers with 1 <= p < n and n at least r^2 = {r * r}, got p = {p} and n = {n}"
        )
    from scipy.integrate import quad
    from scipy.special import betainc, betaln

    cosine = float(np.sum(q)) / math.sqrt(r * float(q @ q))
    sine = math.sqrt(max((1 - cosine) * (1 + cosine), 0.0))
    cot = abs(cosine) / sine if sine else math.inf  # q a multiple of 1: the sum has its sign
    k = n - p

    def weighted(z: float) -> float:
        share = z * z / (z * z + cot * cot) if z else 0.0
        return float(betainc(k / 2, p / 2, share)) * ((1 - z) * (1 + z)) ** ((n - 4) / 2)

    # Where the share passes its median, and a few widths of the density.
    turns = sorted({min(0.5, cot * math.sqrt(k / p)), min(0.6, 3 / math.sqrt(n)), min(0.7, 9 / math.sqrt(n))})
    area, error = quad(weighted, 0.0, 1.0, points=turns, epsabs=1e-13, epsrel=1e-11, limit=400)
    density = math.exp(-betaln(0.5, (n - 2) / 2))
    if error * density > 1e-10:
        raise RuntimeError(f"the quadrature may be wrong by {error * density:.3g}")
    return area * density if cosine >= 0 else 1 - area * density


def normal_probability(mean: float, variance: float) -> float:
    """Host routine: the probability of a value <= 0 of a normal variable, Phi(-mean/sqrt(variance)).

    Cost: one evaluation of Phi.  Raises ValueError unless the mean is finite and the variance finite and positive.
    """
    from scipy.special import ndtr

    check_finite(mean=mean)
    check_positive(variance=variance)
    return float(ndtr(-mean / math.sqrt(variance)))


def _gradient(q: Array) -> np.ndarray:
    require_host(q=q)
    q = np.asarray(q, dtype=np.float64)
    check_shape((None,), q=q)
    check_finite(q=q)
    if q.ndim != 1 or q.size < 2 or not np.any(q != 0):
        raise ValueError(f"q must be one vector of at least 2 entries, not all 0, got {q}")
    return q
