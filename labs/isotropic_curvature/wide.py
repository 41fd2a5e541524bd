"""A sharp kink with more inputs than outputs: how far from orthogonal the best update stays.

Where the rank m of the gradient is below n no kink makes r U V^T optimal unless all singular values are equal
(ICM-X9): the lengths |Q zeta| have a density, and a kink at r meets none of them in particular.  But q = r (1 + eps),
and eps falls like B^{-2/(n-m)} with the slope B beyond the kink (ICM-X10).  It may be far below the spacing of floats
around q, so eps is the unknown here; it does not depend on r.  Derived here; Su 2025 leaves the case m < n open.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from labs.core.arrays import check_positive, require_host
from labs.core.sphere import weight_moments
from labs.core.sphere._powers import log_gamma_ratio
from labs.isotropic_curvature._contour import saddle_nodes
from labs.isotropic_curvature.curvature import Power
from labs.isotropic_curvature.kinked import Kink
from labs.isotropic_curvature.solver import solve

# The moments are computed to about 1e-14; Newton's method ends where the residual no longer falls by half, and has
# converged if it is below this.
ENOUGH = 1e-12
EPS = 2.0**-52
# Above this the series in eps gives way to the solver: there floats around q resolve eps.
LARGE = 0.05


def _half_step(x: float) -> float:
    """Gamma(x + 1/2) / Gamma(x)."""
    return math.exp(log_gamma_ratio(x, 0.5))


def slope_at_isometry(m: Any, n: Any, half_step: Callable[[Any], Any] = _half_step) -> Any:
    """c = E|(zeta_1, ..., zeta_m)| / m, the gradient of N at q = (1, ..., 1): A c is that of a slope A up to a kink.

    Gamma((m+1)/2) Gamma(n/2) / (m Gamma(m/2) Gamma((n+1)/2)), by half_step(x) = Gamma(x + 1/2)/Gamma(x).
    """
    return half_step(m / 2) / (m * half_step(n / 2))


def two_more_inputs(g: Any, total: Any, m: Any, B: Any) -> Any:
    """Leading order of eps for n = m + 2: ((m + 2) g_i - sum g) / (2 B), right where none of them is negative."""
    return ((m + 2) * g - total) / (2 * B)


def leading_order(g: np.ndarray, n: int, B: float, A: float = 0.0) -> np.ndarray:
    """Host routine: eps to leading order in 1/B, where q = r (1 + eps) is optimal for a kink at r; shape (m,).

        g_i - A c = (B - A) 2^{d/2+1} / (d Beta(d/2, m/2)) E[omega_i^2 (sum_j eps_j omega_j^2)_+^{d/2}],  d = n - m,

    omega uniform on S^{m-1}, c as in `slope_at_isometry`.  So eps is (B - A)^{-2/d} times what does not depend on B.
    Entries may have both signs.  For d = 2 the closed form `two_more_inputs`, where it applies.

    g     (m,), finite, above A c, in any order: all the nonzero singular values.  In units of a slope of H.
    n     number of inputs, above m.
    A, B  slopes of H before and beyond the kink, 0 <= A < B.

    The expectation is a contour integral; Newton's method, 5-20 iterations of O(400 m^2) flops.  Relative error about
    1e-13 of the largest entry.  Raises ValueError for bad g, n, A, B, RuntimeError where Newton's method fails.
    Derived here (ICM-X10.b, ICM-X10.c).
    """
    g, n = _checked(g, n, A, B)
    m, d = g.size, n - g.size
    reduced = g - A * slope_at_isometry(m, n)
    total = float(np.sum(reduced))
    if d == 2 and (m + 2) * np.min(reduced) >= total:
        return two_more_inputs(reduced, total, m, B - A)
    s = d / 2
    # log of the constant, with 1/Beta(d/2, m/2) = Gamma(n/2) / (Gamma(d/2) Gamma(m/2)).
    log_constant = (s + 1) * math.log(2) - math.log(d) + log_gamma_ratio(m / 2, s) - math.lgamma(s)
    unit = math.exp((math.log(total / (B - A)) - log_constant) / s)  # equal g have eps = 1 in this unit
    # E[z_i^2 X_+^s] of a Gaussian z, with the radius taken out: it has the degree s + 1 in |z|^2.
    log_factor = math.lgamma(s + 1) - log_gamma_ratio(m / 2, s + 1) - (s + 1) * math.log(2)

    def system(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        top = float(np.max(x))
        first, slopes = _contour_moments(
            x / top, np.ones(m), s + 1, lambda t: np.exp(log_factor - (s + 1) * np.log(t))
        )
        return top**s * first, top ** (s - 1) * slopes

    # At the saddle point of the contour E z_i^2 = 1/(1 - 2 a_i t), which is to be proportional to g_i.
    eps, residual = _newton(system, reduced / total, 1 - total / ((n + 2) * reduced))
    if not residual <= ENOUGH:
        raise RuntimeError(f"leading_order did not converge: relative residual {residual:.1e}")
    return unit * eps


def near_orthogonal(g: np.ndarray, n: int, B: float, A: float = 0.0) -> np.ndarray:
    """Host routine: eps of the optimum q = r (1 + eps) for H = A x + (B - A)(x - r)_+ and m < n; shape (m,).

    Solves g_i = q_i lambda_i in units r = 1, on which eps does not depend.  With Y = rho^2 - 1

        lambda_i = A E[u_i/rho] + (B - A) E[u_i (1 + Y)^{-1/2} 1{Y > 0}],   (1 + Y)^{-1/2} = sum_k binom(-1/2, k) Y^k,

    and Y is the quadratic form with coefficients eps_j (2 + eps_j), and -1 in the n - m other directions: so the
    relative error of eps is about 1e-13 of its largest entry also where that is 1e-16 and q is r in floats.
    Entries may have both signs: a small g_i keeps q_i below r.  Where the leading order of eps is above 0.05 the
    answer is that of `solve` (relative error about 1e-11).

    g, n, A, B as in `leading_order`; B above the dual norm N^*(g), or the model has no optimum.
    The certificate is the residual max_i |log(q_i lambda_i / g_i)| of a convex problem, required to be at most 1e-12
    (and the rounding of q_i, where that is small).  Cost: that of `leading_order` and 3-10 iterations more.
    Raises ValueError for bad g, n, A, B, RuntimeError where the residual is larger.  Derived here.
    """
    begin = leading_order(g, n, B, A)
    g, n = _checked(g, n, A, B)
    if np.max(begin) > LARGE:
        best = solve(g, Kink(1.0, float(A), float(B)), n=n)
        if best.status != "optimal":
            raise ValueError(
                f"B must be above the dual norm of g, got {float(B)!r}: the model is {best.status}"
            )
        return best.q - 1.0
    counts = np.append(np.ones(g.size), float(n - g.size))

    def system(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        q, form = 1.0 + x, np.append(x * (2.0 + x), -1.0)
        top = float(np.max(form))
        first, slopes = _contour_moments(form / top, counts, 2.0, lambda t: _inverse_root(t, top, n))
        lam, matrix = (B - A) * first[:-1], (B - A) * 2 / top * slopes[:-1, :-1]
        if A > 0:
            _, linear, coupling = weight_moments(Power(1.0), q, n)
            lam, matrix = lam + A * linear, matrix + A * coupling / np.max(q) ** 2
        return q * lam, np.diag(lam) + np.outer(q, q) * matrix

    eps, residual = _newton(system, g, np.maximum(begin, -0.5), lowest=-1.0, highest=4 * LARGE)
    if not residual <= ENOUGH + 8 * EPS / (1 + np.min(eps)):
        raise RuntimeError(f"near_orthogonal did not converge: relative residual {residual:.1e}")
    return eps


def _checked(g: np.ndarray, n: int, A: float, B: float) -> tuple[np.ndarray, int]:
    require_host(g=g)
    g = np.asarray(g, dtype=np.float64)
    if g.ndim != 1 or g.size == 0:
        raise ValueError(f"g must be an array of shape (m,), m >= 1, got shape {g.shape}")
    check_positive(g=g)
    if n != int(n) or n <= g.size:
        raise ValueError(f"n must be an integer above the length {g.size} of g, got {n!r}")
    if not (math.isfinite(A) and A >= 0):
        raise ValueError(f"A must be a finite number >= 0, got {A!r}")
    if not (math.isfinite(B) and B > A):
        raise ValueError(f"B must be a finite number above A = {A!r}, got {B!r}")
    floor = A * slope_at_isometry(g.size, int(n))
    if np.min(g) <= floor:
        raise ValueError(
            f"g must be above A c = {floor!r}, or some q_i stays away from r, got {float(np.min(g))!r}"
        )
    return g, int(n)


def _newton(
    system: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    g: np.ndarray,
    x: np.ndarray,
    lowest: float = -math.inf,
    highest: float = math.inf,
) -> tuple[np.ndarray, float]:
    """x with first(x) = g > 0 for (first, jacobian) = system(x), and its residual max|log(first/g)|.

    Damped Newton steps for log(first) in the logarithm of the largest entry of x and the ratios of the others to it:
    first is nearly homogeneous in x, and the scale may be far off.  Trials stay between `lowest` and `highest`.
    """
    top = int(np.argmax(x))
    first, jacobian = system(x)
    norm = float(np.max(np.abs(np.log(first / g))))
    for _ in range(200):
        direction = -np.linalg.solve(jacobian, first * np.log(first / g)) / x[top]
        growth, ratios = direction[top], x / x[top]
        turn = direction - ratios * growth
        step, halved = min(1.0, 20.0 / (abs(growth) + EPS)), False
        for _ in range(60):
            trial = x[top] * math.exp(step * growth) * (ratios + step * turn)
            if np.min(trial) > lowest and np.max(trial) < highest:
                first_new, jacobian_new = system(trial)
                norm_new = float(np.max(np.abs(np.log(first_new / g)))) if np.min(first_new) > 0 else math.inf
                halved = norm_new < 0.5 * norm
                if norm_new < (1.0 - 0.1 * step) * norm:
                    x, first, jacobian, norm = trial, first_new, jacobian_new, norm_new
                    break
                if norm <= ENOUGH:
                    break
            step /= 2
        else:
            break
        if norm <= ENOUGH and not halved:
            break
    return x, norm


def _inverse_root(t: np.ndarray, top: float, n: int) -> np.ndarray:
    """sum_k binom(-1/2, k) top^k k! t^{-k-1} / (2^{k+1} (n/2)_{k+1}): the kernel of E[u_i (1 + Y)^{-1/2} 1{Y > 0}].

    The kernel k! t^{-k-1} is that of E[z_i^2 Y_+^k], with z a Gaussian; the last factor takes its radius out.
    Terms fall at least like top^k, top < 1/2.
    """
    term = 1 / (n * t)
    total = term
    for k in range(math.ceil(math.log(EPS / 8) / math.log(top))):
        term = term * (-(k + 0.5) * top / ((n + 2 * k + 2) * t))
        total = total + term
    return total


def _contour_moments(
    a: np.ndarray, counts: np.ndarray, order: float, kernel: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """(1/2 pi i) int kernel(t) M(t) / (1 - 2 a_i t) dt on a line 0 < Re t < 1/2, and its derivatives in a_j.

    a (k,) with largest entry 1; a_i stands for counts_i coordinates, and the derivatives are for two different
    coordinates, on the diagonal for one with itself.
    M = prod (1 - 2 a_j t)^{-counts_j/2} = E exp(t X), X = sum a_j z_j^2 with a Gaussian z, so that the kernel
    Gamma(s+1) t^{-s-1} gives E[z_i^2 X_+^s].  The contour goes through the minimum of M t^{-order} on (0, 1/2).
    """
    lo, hi = -90.0, math.log(0.5)
    for _ in range(30):
        middle = (lo + hi) / 2
        s = math.exp(middle)
        rising = float(counts @ (a * s / (1 - 2 * a * s))) > order
        lo, hi = (lo, middle) if rising else (middle, hi)
    c = math.exp(lo)
    u = a / (1 - 2 * a * c)
    z, weight = saddle_nodes(
        lambda z: -0.5 * np.log1p(-2 * u * z[:, None]) @ counts - order * np.log1p(z / c),
        float(2 * counts @ u**2) + order / c**2,
        float(8 * counts @ u**3) - 2 * order / c**3,
    )
    t = c + z
    weight = weight * kernel(t) * (t / c) ** order * math.exp(-0.5 * float(np.log1p(-2 * a * c) @ counts))
    inverse = 1 / (1 - 2 * a * t[:, None])
    slopes = (inverse.T @ (inverse * (weight * t)[:, None])).real
    return (weight @ inverse).real, slopes * (1 + 2 * np.eye(a.size))
