"""The softmax memory itself: the gradient at any logits, the margins and the loss, without cancellation.

Column j of the logits answers query j.  Its loss splits by the chain rule of the relative entropy into two parts,
neither of which is a difference of larger numbers: how well the own answer is told from all others, by the margin

    m_j = logit_jj - log mean_{i != j} exp(logit_ij)

(where the wrong logits agree, the difference of the two), and how unequal the wrong answers are,

    s_j = log mean_{i != j} exp(logit_ij) - mean_{i != j} logit_ij >= 0:
    L_j - L* = [log1p(pi expm1(e)) - pi e] + (1 - pi) s_j,   e = m_j - m*.
"""

from __future__ import annotations

from dataclasses import dataclass

from labs.associative_memory._memory import Answers, check_logits, read
from labs.associative_memory.margins import item_excess, item_loss, least_loss, optimal_margin
from labs.core.arrays import Array, array_namespace, check_double, check_finite, check_shape, device


@dataclass(frozen=True)
class Losses:
    """Losses of the items, L_j (..., K), and of the whole, L = sum_j p_j L_j (...); `excess` = L - L*."""

    loss: Array
    excess: Array
    item_loss: Array


def answers(logits: Array, p: Array, alpha: float | Array) -> Answers:
    """Kernel: gradient, margins and spread of the memory: Phat_ij = exp(logit_ij)/sum_k exp(logit_kj) against P.

        G_ij = p_j (Phat_ij - alpha/K)  for i != j,    G_jj = -sum_{i != j} G_ij

    logits  (..., K, K), K >= 2: column j belongs to query j
    p       (..., K), the frequencies: not negative, of sum 1 to 1e-12
    alpha   a number or (...), the label noise, in [0, 1]

    The diagonal is the sum of the others, not Phat_jj - P_jj, which rounds to 0 at margins above 36.  No overflow.
    Cost: 2 K^2 exponentials an item.  Raises ValueError for other shapes and values.
    Source: Li et al. 2026, the model; the split of the loss is derived here.
    """
    check_logits(logits, p, alpha)
    return read(logits, p, alpha)


def losses(margins: Array, spread: Array, p: Array, alpha: float | Array) -> Losses:
    """Kernel: the losses of items with these margins and spreads (..., K); p (..., K); alpha a number or (...).

        L_j - L* = [log1p(pi expm1(e)) - pi e] + (1 - pi) s_j,   e = m_j - m*;   log(1 + (K - 1) e^-m_j) if alpha = 0

    Relative errors of the excess are a few eps times (1 + 1/|e|), also where it is far below eps.
    Raises ValueError for other shapes and values.  Source: derived here.
    """
    check_shape((None,), margins=margins)
    K = margins.shape[-1]
    check_shape((K,), spread=spread, p=p)
    check_double(margins=margins, spread=spread, p=p)
    check_finite(margins=margins, spread=spread, p=p)
    xp = array_namespace(margins, p)
    alpha = xp.asarray(alpha, dtype=xp.float64, device=device(margins))[..., None]
    noisy = alpha > 0.0
    excess = item_loss(margins, float(K), 0.0)
    if bool(xp.any(noisy)):
        some = xp.where(noisy, alpha, 0.5)
        noise = item_excess(margins - optimal_margin(float(K), some), float(K), some)
        excess = xp.where(noisy, noise, excess) + alpha * (K - 1.0) / K * spread
    item = excess + least_loss(float(K), alpha)
    return Losses(xp.sum(p * item, axis=-1), xp.sum(p * excess, axis=-1), item)
