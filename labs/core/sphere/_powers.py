"""Moments of a weighted sum of squares on the sphere, for power weights: one-dimensional and exact.

zeta is uniform on the sphere S^{n-1}, u_i = zeta_i^2, rho^2 = sum_i x_i u_i with x_i = q_i^2.  By
homogeneity the sphere is replaced by a Gaussian vector z, X = sum_i x_i z_i^2, and a factor that depends
on n alone:

    E[rho^{2b} u_i]     = E[X^b z_i^2]       Gamma(n/2) / (2^{b+1} Gamma(n/2 + b + 1)),
    E[rho^{2b} u_i u_j] = E[X^b z_i^2 z_j^2] Gamma(n/2) / (2^{b+2} Gamma(n/2 + b + 2)).

Natural powers X^j come from the power sums of x (Newton's identities for the series
prod_i (1 - 2 tau x_i)^{-1/2} = sum_r c_r (2 tau)^r; every term is positive, so nothing cancels).  Any
other power is X^{j-s} = X^j (1/Gamma(s)) int_0^inf t^{s-1} e^{-tX} dt with a natural j: the factor
e^{-tX} tilts the Gaussian (z_i^2 -> v_i z_i^2, v_i = 1/(1 + 2 t x_i)), and the trapezoidal rule in
y = log t converges like exp(-pi^2 / step) or faster, however graded x is.  Su 2025, section 2, states the model;
these formulas are derived here.
"""

from __future__ import annotations

import math
from typing import Any

from labs.core.arrays import array_namespace, device, to_numpy

Array = Any

# The integrand in y = log t is analytic in |Im y| < pi (its nearest singularities are at t = -1/(2 x_i)); with
# many coordinates it looks like t^s e^{-tX}, which is bounded only in |Im y| < pi/2.  There the trapezoidal
# rule errs by about exp(-pi^2 / STEP) = 1e-16.
STEP = 0.27
# Where the integrand has fallen to exp(-TAIL) of its size it is cut: exp(-38) = 3e-17.
TAIL = 38.0
# s = j - b lies in [SMALLEST_S, SMALLEST_S + 1): the left tail falls like t^s, so a larger s needs fewer
# nodes there, and costs one more term in the series (2.5 was the fastest of 1.5, 2.5, 3.5).
SMALLEST_S = 2.5


def log_gamma_ratio(a: Array, b: Array, log: Any = math.log, log1p: Any = math.log1p) -> Array:
    """log(Gamma(a + b) / Gamma(a)) for a > 0, a + b > 0, without the cancellation of two large logarithms.

    Both arguments are moved up by 16 (a product of 16 ratios), where Stirling's series with four terms errs
    by less than 1e-16; the difference of the two series is then taken term by term.
    Works on floats and, with the `log`, `log1p` of a namespace, on arrays.
    """
    shift = 16
    ratio = 1.0
    for r in range(shift):
        ratio = ratio * ((a + r) / (a + b + r))
    lo, hi = a + float(shift), a + b + float(shift)
    stirling = (hi - 0.5) * log1p(b / lo) + b * log(lo) - b
    for power, coefficient in ((1, 1 / 12), (3, -1 / 360), (5, 1 / 1260), (7, -1 / 1680), (9, 1 / 1188)):
        stirling = stirling + coefficient * (hi**-power - lo**-power)
    return log(ratio) + stirling


def split_exponent(b: float) -> tuple[int, float]:
    """(j, s) with b = j - s: s = 0 where b is a natural number, else SMALLEST_S <= s and j >= 0 least."""
    if b >= 0 and b == math.floor(b):
        return int(b), 0.0
    j = max(0, math.ceil(b + SMALLEST_S))
    return j, j - b


def _log_nodes(xp: Any, x: Array, b: float, s: float, second: bool) -> list[float]:
    """The nodes of the trapezoidal rule in y = log t, for max(x) = 1.

    `b` is the exponent in E[X^b z_i^2].  Left end: the integrand falls like t^s once t E X << 1.  Right
    end: beyond 1 / min(x) (over x > 0) it falls like t^-(b + k/2), k the number of positive entries, and by
    one more power in the coordinates with x > 0; beyond 1 / max(x) at least like t^-(b + 1/2).  The second
    moments, with X^{b-1} z_i^2 z_j^2, have the same end, but only t^-(b - 1/2) on the way there.
    """
    positive = x > 0
    ends_of_x = xp.stack(
        [
            xp.min(xp.where(positive, x, xp.ones_like(x))),
            xp.min(xp.sum(xp.astype(positive, x.dtype), axis=-1)),
            xp.max(xp.sum(x, axis=-1)),
        ]
    )
    smallest, k, total = (float(e) for e in to_numpy(ends_of_x))  # the one host sync of this file
    decay = b + k / 2.0
    if k == x.shape[-1] or decay <= 0.0:  # no zero, or their moments are infinite (see `expect`)
        decay += 1.0
    ends = [-math.log(smallest) + TAIL / decay]
    slowest = b - 0.5 if second else b + 0.5
    if slowest > 0:
        ends.append(TAIL / slowest)
    low, high = -TAIL / s - math.log(total), 2.0 + min(ends)
    return [low + STEP * i for i in range(math.ceil((high - low) / STEP) + 1)]


def _series(xp: Any, y: Array, terms: int) -> list[Array]:
    """c_0 ... c_terms of prod_i (1 - tau y_i)^{-1/2} = sum c_r tau^r, from r c_r = (1/2) sum_l p_l c_{r-l}."""
    sums, power = [], y
    for _ in range(terms):
        sums.append(xp.sum(power, axis=-1))
        power = power * y
    c = [xp.ones(y.shape[:-1], dtype=y.dtype, device=device(y))]
    for r in range(1, terms + 1):
        acc = sums[0] * c[r - 1]
        for l in range(2, r + 1):
            acc = acc + sums[l - 1] * c[r - l]
        c.append(acc * (0.5 / r))
    return c


def power_moments(x: Array, p: float, n: int, *, second: bool = True) -> tuple[Array, Array | None]:
    """First and second moments of u under the weights rho^{p-2} and rho^{p-4} on the sphere S^{n-1}.

        first_i   = E[rho^{p-2} u_i],           shape (..., k)
        second_ij = E[rho^{p-4} u_i u_j],       shape (..., k, k), or None if `second` is false

    x     (..., k), nonnegative, largest entry of each item 1 (q^2 in units of its largest entry); k <= n,
          the n - k coordinates that are not listed have x = 0.  Positive entries at least 1e-200.
    p     exponent of the power H = rho^p whose weight w = H'/rho this is, p >= 1.
    Relative error about 1e-14 in each entry.  Cost O(N k (j + k j)) an item with j about p/2 + 1 and
    N = 1 node for even p, else about 100-200.  Not checked here: the callers check.
    Source: derived here, see the head of the file.
    """
    xp = array_namespace(x)
    b = p / 2.0 - 2.0  # exponent of rho^2 in the second moments; the first moments have b + 1
    j, s = split_exponent(b) if second else split_exponent(b + 1.0)
    if not second:
        j -= 1  # below, the first moments use j + 1
    # The factor t^s of the integrand and the powers of t that the series loses for large t (y ~ 1/(2t)) would
    # overflow apart: the series is taken in units of 1 / max(t, 1), which leaves t^{s - j - 1} there.
    if s == 0.0:
        t, weights, units = [0.0], [1.0], [1.0]
    else:
        log_t = _log_nodes(xp, x, b + 1.0, s, second)
        constant = math.log(STEP) + log_gamma_ratio(s, 1.0 - s)  # STEP / Gamma(s)
        t, units = [math.exp(y) for y in log_t], [math.exp(max(y, 0.0)) for y in log_t]
        weights = [math.exp(constant + s * y - (j + 1) * max(y, 0.0)) for y in log_t]
    nodes, unit = (xp.asarray(a, dtype=x.dtype, device=device(x))[:, None] for a in (t, units))
    weight = xp.asarray(weights, dtype=x.dtype, device=device(x))
    # Arrays below have shape (..., nodes, k) or (..., nodes).
    v = 1.0 / (1.0 + 2.0 * nodes * x[..., None, :])
    y = x[..., None, :] * v * unit
    c = _series(xp, y, j + 1)
    weight = weight * xp.sqrt(xp.prod(v, axis=-1))
    # Horner: sum_a y_i^a c_{j+1-a}, the coefficient of tau^{j+1} in series / (1 - tau y_i).
    horner = xp.broadcast_to(c[0][..., None], y.shape)
    for r in range(1, j + 2):
        horner = horner * y + c[r][..., None]
    first = xp.sum(weight[..., None] * v * horner, axis=-2)
    # Constants: 2^j j! of the series, 1/2^b and the Gammas of the head; 2^{j - b} = 2^s.
    log_first = math.lgamma(j + 2) + (s - 1.0) * math.log(2.0) - log_gamma_ratio(n / 2, b + 2.0)
    first = first * math.exp(log_first)
    if not second:
        return first, None
    # e_m(i) = sum_a y_i^a c_{j-a-m}, so that the coefficient of tau^j in series / ((1-tau y_i)(1-tau y_j))
    # is sum_m e_m(i) y_j^m.  Going down in m: e_m = c_{j-m} + y e_{m+1}.
    k = x.shape[-1]
    powers = [xp.ones_like(y)]
    for _ in range(j):
        powers.append(powers[-1] * y)
    inner = xp.zeros_like(y)
    weight = weight * unit[:, 0]  # one power of y less than above
    total = xp.zeros((*x.shape, k), dtype=x.dtype, device=device(x))
    for m in range(j, -1, -1):
        inner = inner * y + c[j - m][..., None]
        left = xp.matrix_transpose(weight[..., None] * v * inner)
        total = total + left @ (v * powers[m])
    eye = xp.eye(k, dtype=x.dtype, device=device(x))
    log_second = math.lgamma(j + 1) + (s - 2.0) * math.log(2.0) - log_gamma_ratio(n / 2, b + 2.0)
    return first, total * (1.0 + 2.0 * eye) * math.exp(log_second)
