"""One item of the memory in one number: its margin, the best margin, and what is lost where they differ.

A column whose K - 1 wrong logits agree is described by its margin m = (own logit) - (wrong logit).  With label noise
alpha the best margin is m* = log(K pi/alpha), pi = 1 - alpha + alpha/K, and in the error e = m - m*

    g(m) = K/(e^m + K - 1) - alpha = -gamma(e),      gamma(e) = alpha pi expm1(e)/(1 + pi expm1(e)),
    L_j - L* = log1p(pi expm1(e)) - pi e.

K, alpha, m and e are numbers or arrays of float64 that broadcast; if all are numbers, so is the answer.
Cost of each: some tens of elementary operations per number.
"""

from __future__ import annotations

import math
from typing import Any

from labs.associative_memory import _drifts
from labs.associative_memory._drifts import checked, off_peak
from labs.core.arrays import Array, device

# Up to this |e| the excess is summed from its series, whose terms do not cancel.
SERIES = 0.5

# exp of more than this may overflow in a product.
LARGE = 600.0


def peak(K: Array, alpha: Array) -> Array:
    """Kernel: pi = 1 - alpha + alpha/K, the probability of an item's own answer.

    K >= 1 and alpha in [0, 1] broadcast.  Raises ValueError for anything else.
    Source: Li et al. 2026, the model.
    """
    _, [K, alpha], back = _checked(K, alpha)
    return back(1.0 - off_peak(K, alpha))


def optimal_margin(K: Array, alpha: Array) -> Array:
    """Kernel: m* = log(K pi/alpha) = log(1 + K (1 - alpha)/alpha), infinite where alpha = 0.

    K >= 1 and alpha in [0, 1] broadcast.  Raises ValueError for anything else.
    Source: Li et al. 2026, the model.
    """
    xp, [K, alpha], back = _checked(K, alpha)
    noisy = alpha > 0.0
    some = xp.where(noisy, alpha, 1.0)
    return back(xp.where(noisy, xp.log1p(K * (1.0 - some) / some), math.inf))


def least_loss(K: Array, alpha: Array) -> Array:
    """Kernel: L* = -pi log pi - (K - 1) (alpha/K) log(alpha/K), the entropy of an item's answers and its least loss.

    K >= 1 and alpha in [0, 1] broadcast.  Raises ValueError for anything else.
    Source: Li et al. 2026, the model.
    """
    xp, [K, alpha], back = _checked(K, alpha)
    off = off_peak(K, alpha)
    noisy = alpha > 0.0
    wrong = xp.where(noisy, alpha, 1.0) / K
    return back(-(1.0 - off) * xp.log1p(-off) - xp.where(noisy, off * xp.log(wrong), 0.0))


def margin_drift(m: Array, K: Array, alpha: Array) -> Array:
    """Kernel: g(m) = K/(e^m + K - 1) - alpha: a step of gradient descent adds eta p_j g(m) to the margin of item j.

    m any finite margin; K >= 1; alpha in [0, 1]; they broadcast.  No overflow (beyond 708 the answer is that at 708);
    the relative error is eps (1 + |m|) without noise, and the absolute one that times alpha near m*
    (`error_drift` has a small relative error there).
    Raises ValueError for anything else.
    Source: derived here (AML-T2).
    """
    xp, [K, alpha, m], back = _checked(K, alpha, m=m)
    return back(_drifts.margin_drift(xp, m, K, alpha))


def error_drift(e: Array, K: Array, alpha: Array) -> Array:
    """Kernel: gamma(e) = alpha pi expm1(e)/(1 + pi expm1(e)): a step of gradient descent takes eta p_j gamma from e.

    e any finite error of the margin, e = m - m*; K >= 1; alpha in (0, 1]; they broadcast.  No overflow; the relative
    error is a few eps for every e.  gamma(0) = 0, gamma'(0) = alpha pi, -pi K/(K - 1) < gamma < alpha.
    Raises ValueError for anything else.
    Source: derived here (AML-T2).
    """
    xp, [K, alpha, e], back = _checked(K, alpha, noisy=True, e=e)
    return back(_drifts.error_drift(xp, e, K, alpha))


def item_loss(m: Array, K: Array, alpha: Array) -> Array:
    """Kernel: L_j = log(e^m + K - 1) - pi m = log(1 + (K - 1) e^-m) + (1 - pi) m, the loss of an item of margin m.

    m any finite margin; K >= 1; alpha in [0, 1]; they broadcast.  Without noise its relative error is eps (1 + |m|),
    however small it is; what noise leaves above L* is `item_excess`.  Raises ValueError for anything else.
    Source: Li et al. 2026, the model.
    """
    xp, [K, alpha, m], back = _checked(K, alpha, m=m)
    alone = K <= 1.0
    log_wrong = xp.log(xp.where(alone, 1.0, K - 1.0)) - m
    missed = xp.logaddexp(xp.zeros_like(log_wrong), log_wrong)
    return back(xp.where(alone, 0.0, missed) + off_peak(K, alpha) * m)


def item_excess(e: Array, K: Array, alpha: Array) -> Array:
    """Kernel: L_j - L* = log1p(pi expm1(e)) - pi e, what an item loses by the error e = m - m* of its margin.

    e any finite error; K >= 1; alpha in (0, 1]; they broadcast.  Not negative, at most e^2/8, near 0
    pi (1 - pi) e^2/2; the relative error is a few eps for every e, however small (e -> -e and pi -> 1 - pi change
    nothing, so that pi may be taken at most 1/2, and then the terms of its series hardly cancel).
    Raises ValueError for anything else.
    Source: derived here (AML-T2).
    """
    xp, [K, alpha, e], back = _checked(K, alpha, noisy=True, e=e)
    off = off_peak(K, alpha)
    mirrored = off < 0.5
    q, s = xp.where(mirrored, off, 1.0 - off), xp.where(mirrored, -e, e)
    near = xp.clip(s, -SERIES, SERIES)
    u = q * xp.expm1(near)
    small = q * _exp_tail(near) + _log_tail(u)
    moderate = xp.clip(s, None, LARGE)
    direct = xp.log1p(q * xp.expm1(moderate)) - q * moderate
    inner = xp.where(q > 0.0, q, 1.0) + (1.0 - q) * xp.exp(-xp.abs(s))
    far = (1.0 - q) * s + xp.log(inner)
    beyond = xp.where((s > LARGE) & (q > 0.0), far, direct)
    return back(xp.where(xp.abs(s) <= SERIES, small, beyond))


def masses_of_power_law(beta: Array, M: int) -> Array:
    """Kernel: the masses ptilde_a = a^(-beta)/Z of M groups, a = 1..M, Z = sum_a a^(-beta): (...) -> (..., M).

    Raises ValueError unless beta is finite and M a positive integer.
    Source: Li et al. 2026, the model.
    """
    xp, [beta], _ = checked(beta=beta)
    if isinstance(M, bool) or not isinstance(M, int) or M < 1:
        raise ValueError(f"M must be a positive integer, got {M!r}")
    logarithms = -beta[..., None] * xp.log(xp.arange(1, M + 1, dtype=xp.float64, device=device(beta)))
    weights = xp.exp(logarithms - xp.max(logarithms, axis=-1, keepdims=True))
    return weights / xp.sum(weights, axis=-1, keepdims=True)


def _exp_tail(x: Array) -> Array:
    """e^x - 1 - x for |x| <= SERIES: the sixteenth term is below 2^-53 of the first."""
    total = 0.0 * x
    for n in range(17, 2, -1):
        total = (1.0 + total) * x / n
    return x * x / 2.0 * (1.0 + total)


def _log_tail(u: Array) -> Array:
    """log(1 + u) - u for |u| <= 1/3, by r = u/(2 + u) <= 1/5: 2 artanh(r) - u = -u r + 2 (r^3/3 + r^5/5 + ...)."""
    r = u / (2.0 + u)
    square, total = r * r, 0.0 * u
    for n in range(25, 1, -2):
        total = (total + 1.0 / n) * square
    return r * (2.0 * total - u)


def _checked(K: Array, alpha: Array, *, noisy: bool = False, **others: Array) -> tuple[Any, list[Array], Any]:
    """The same with K >= 1 and alpha in [0, 1], above 0 where there must be noise."""
    xp, values, back = checked(K=K, alpha=alpha, **others)
    least = values[1] > 0.0 if noisy else values[1] >= 0.0
    for name, x, expected, good in (
        ("K", K, ">= 1", values[0] >= 1.0),
        ("alpha", alpha, f"{'above' if noisy else 'at least'} 0 and at most 1", least & (values[1] <= 1.0)),
    ):
        if not bool(xp.all(good)):
            raise ValueError(f"{name} must be {expected}, got {x}")
    return xp, values, back
