"""What the memory answers at given logits, without cancellation, and the checks of its arguments."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from labs.core.arrays import Array, array_namespace, check_double, check_finite, check_shape, device

# Frequencies must sum to one up to this.
WHOLE = 1e-12
# exp of this does not overflow, nor does a sum of such.
LARGE = 600.0
# Exponentials of logits up to this are summed as they are; two of them differ by LARGE at most.
SAFE = LARGE / 2.0


@dataclass(frozen=True)
class Answers:
    """What the memory answers at some logits (..., K, K).

    gradient  (..., K, K), G = (Phat - P) diag(p), the gradient of the loss in the logits; 1^T G = 0
    margins   (..., K)
    spread    (..., K), s_j >= 0: 0 where the wrong logits of the column agree
    """

    gradient: Array
    margins: Array
    spread: Array


def read(
    logits: Array, p: Array, alpha: float | Array, *, noisy: bool = True, spread: bool = True
) -> Answers:
    """`labs.associative_memory.memory.answers` for arguments that have been checked; without `spread` it is zeros.

    noisy  False says that alpha is 0: what noise alone costs is left out
    """
    xp = array_namespace(logits, p)
    K, home = logits.shape[-1], device(logits)
    own = xp.linalg.diagonal(logits)
    if bool(xp.all((logits < SAFE) & (logits > -SAFE))):
        top = xp.zeros_like(own)
        wrong = with_diagonal(xp.exp(logits), 0.0)
    else:
        others = with_diagonal(xp.asarray(logits, copy=True), -math.inf)
        top = xp.max(others, axis=-2)
        others -= top[..., None, :]
        wrong = xp.exp(others)
    ones = xp.ones((K,), dtype=xp.float64, device=home)
    total = ones @ wrong  # of K rows, which `sum` would take one by one
    level = top + xp.log(total / (K - 1.0))
    margins = own - level

    # 1 - Phat_jj = 1/(1 + e^m/(K - 1)), by the exponential that does not overflow.
    odds = margins - math.log(K - 1.0)
    small = xp.exp(-xp.abs(odds))
    residual = p * xp.where(odds > 0.0, small, 1.0) / (1.0 + small)
    wrong *= (residual / total)[..., None, :]
    if noisy:
        # The own entry of `wrong` is 0; it becomes -noise, which the sum of the column contains.
        noise = xp.asarray(alpha, dtype=xp.float64, device=home)[..., None] / K * p
        wrong -= noise[..., None, :]
        residual = ones @ wrong + noise
    gradient = with_diagonal(wrong, -residual)
    return Answers(gradient, margins, _spread(xp, logits, own, top, level) if spread else 0.0 * margins)


def with_diagonal(A: Array, diagonal: Array | float) -> Array:
    """A (..., K, K) with these numbers (..., K) on its diagonal; A is used up."""
    xp, K = array_namespace(A), A.shape[-1]
    flat = xp.reshape(A, (*A.shape[:-2], K * K))
    flat[..., :: K + 1] = diagonal
    return xp.reshape(flat, A.shape)


def _spread(xp: Any, logits: Array, own: Array, top: Array, level: Array) -> Array:
    """log mean e^u for u = logit - mean logit over i != j, as log(1 + mean(e^u - 1 - u)) where e^u does not overflow.

    Rounding of u, eps |logit|, and of expm1(u), eps |u|, both change e^u - 1 - u by that times |u|.
    """
    others = logits.shape[-1] - 1.0
    mean = (xp.sum(logits, axis=-2) - own) / others
    near = top - mean <= LARGE
    u = with_diagonal(logits - xp.where(near, mean, top)[..., None, :], 0.0)
    return xp.where(near, xp.log1p(xp.sum(xp.expm1(u) - u, axis=-2) / others), level - mean)


def check_logits(logits: Array, p: Array, alpha: float | Array) -> None:
    """Raise ValueError unless logits (..., K, K), p (..., K) and alpha are those of a memory of K >= 2 facts."""
    check_memory(p, alpha)
    K = p.shape[-1]
    check_shape((K, K), logits=logits)
    check_double(logits=logits)
    check_finite(logits=logits)


def check_memory(p: Array, alpha: float | Array) -> None:
    """Raise ValueError unless p (..., K), K >= 2, are frequencies of sum 1 and alpha is in [0, 1]."""
    check_shape((None,), p=p)
    check_double(p=p)
    check_finite(p=p, alpha=alpha)
    xp = array_namespace(p)
    if p.shape[-1] < 2:
        raise ValueError(f"p must be an array of shape (..., K), K >= 2, got shape {tuple(p.shape)}")
    if bool(xp.any(p < 0.0)):
        raise ValueError(f"p must be nonnegative, got {float(xp.min(p))}")
    if bool(xp.any(xp.abs(xp.sum(p, axis=-1) - 1.0) > WHOLE)):
        raise ValueError(f"p must be of sum 1 to {WHOLE:g}, got a sum off by more")
    a = xp.asarray(alpha, dtype=xp.float64, device=device(p))
    if bool(xp.any((a < 0.0) | (a > 1.0))):
        raise ValueError(f"alpha must be in [0, 1], got {alpha}")
