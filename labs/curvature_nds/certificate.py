"""Bounds on what one step does to a softmax regression: how far the Taylor prediction can be off.

Logits move along a line, z - t u; then phi(t) = mean_n [log sum_k exp(z_nk - t u_nk) - z_ny + t u_ny] has

    phi'' = E Var_p(u),   phi''' = -E kappa_3(u),   |phi'''| <= R phi'',   R = max_n (max_k u_nk - min_k u_nk),

p the softmax at z - t u, E the mean over samples, kappa_3 the third cumulant.  So phi'' changes by a factor between
e^(-R t) and e^(R t), sample by sample too, and integrating twice bounds the decrease phi(0) - phi(1) from both sides.
Source: derived here (phi is a self-concordant-like function, Bach 2010).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from labs.core.arrays import Array, array_namespace, check_finite, check_shape, device


@dataclass(frozen=True)
class SoftmaxStep:
    """A step of softmax regression, by its Taylor terms and its bounds; all (...).

    gain, penalty   mean(E_p u - u_label) and mean(Var_p u)/2
    third           c_3 = -mean(kappa_3)/6
    lower, upper    of the decrease: gain - mean(Var_p(u) psi(R_n)) and gain - mean(Var_p(u) psi(-R_n)), R_n the
                    sample's own range
    lower_by_range, upper_by_range  the same with the largest R_n for all: weaker, but needs two numbers alone;
                    a lower bound is -inf where a range is above 700
    """

    gain: Array
    penalty: Array
    third: Array
    lower: Array
    upper: Array
    lower_by_range: Array
    upper_by_range: Array


def softmax_step(logits: Array, change: Array, labels: Array) -> SoftmaxStep:
    """Kernel: Taylor terms and certified bounds of cross-entropy when the logits go from z to z - u.

    logits  (..., samples, classes), z
    change  (..., samples, classes), u; where the logits are not linear in the parameters, it is their derivative
            along the update, and the bounds need not hold
    labels  (..., samples), integers in 0 ... classes - 1
    Cost O(samples classes).  Raises ValueError for bad arguments.
    """
    check_shape((None, None), logits=logits)
    check_shape(tuple(logits.shape[-2:]), change=change)
    check_shape((logits.shape[-2],), labels=labels)
    check_finite(logits=logits, change=change)
    xp = array_namespace(logits, change, labels)
    if not xp.isdtype(labels.dtype, "integral") or not bool(
        xp.all((labels >= 0) & (labels < logits.shape[-1]))
    ):
        raise ValueError(f"labels must be integers in 0 ... {logits.shape[-1] - 1}, got others")
    share = xp.exp(logits - xp.max(logits, axis=-1, keepdims=True))
    share = share / xp.sum(share, axis=-1, keepdims=True)
    classes = xp.arange(logits.shape[-1], dtype=labels.dtype, device=device(labels))
    chosen = xp.astype(labels[..., None] == classes, logits.dtype)
    mean = xp.sum(share * change, axis=-1, keepdims=True)
    away = change - mean
    variance, cumulant = (xp.sum(share * away**k, axis=-1) for k in (2, 3))
    R = xp.max(change, axis=-1) - xp.min(change, axis=-1)
    gain = -xp.mean(xp.sum(chosen * away, axis=-1), axis=-1)
    penalty, widest = 0.5 * xp.mean(variance, axis=-1), xp.max(R, axis=-1)
    # Where nothing varies psi, which may be inf, does not count.
    R, widest = xp.where(variance > 0.0, R, 0.0), xp.where(penalty > 0.0, widest, 0.0)
    return SoftmaxStep(
        gain=gain,
        penalty=penalty,
        third=-xp.mean(cumulant, axis=-1) / 6.0,
        lower=gain - xp.mean(variance * psi(R), axis=-1),
        upper=gain - xp.mean(variance * psi(-R), axis=-1),
        lower_by_range=gain - 2.0 * penalty * psi(widest),
        upper_by_range=gain - 2.0 * penalty * psi(-widest),
    )


def psi(x: Array) -> Array:
    """Kernel: psi(x) = (e^x - 1 - x)/x^2, psi(0) = 1/2: the mean of e^(x t) over 0 < t < 1 with the weight 1 - t.

    By its series for |x| < 1, where the difference loses digits; accurate to a few units of rounding, and inf for
    x > 700.  Cost O(1) an entry.  Raises ValueError for x that is not finite.
    """
    check_finite(x=x)
    xp = array_namespace(x)
    small = xp.abs(x) < 1.0
    near = xp.where(small, x, 0.0)
    # sum x^k/(k + 2)!: the first term left out is below 1/20! = 4e-19.
    series = 0.0 * near
    for k in range(17, -1, -1):
        series = 1.0 + near / (k + 3) * series
    beyond = x > 700.0
    far = xp.where(small | beyond, 1.0, x)
    value = xp.where(small, 0.5 * series, (xp.expm1(far) - far) / far / far)
    return xp.where(beyond, math.inf, value)
