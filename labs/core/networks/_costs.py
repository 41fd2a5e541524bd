"""Costs of a network's outputs, with their derivatives: per sample, and accurate relative to themselves."""

from __future__ import annotations

from typing import Any

from labs.core.arrays import Array, device


def one_hot(xp: Any, labels: Array, count: int, dtype: Any) -> Array:
    """(...) integers -> (..., count) zeros and ones."""
    numbers = xp.arange(count, dtype=labels.dtype, device=device(labels))
    return xp.astype(labels[..., None] == numbers, dtype)


def cross_entropy(xp: Any, logits: Array, chosen: Array) -> tuple[Array, Array]:
    """log sum_j exp(z_j - z_label) and its derivative in z; (..., c) -> (...), (..., c).

    `chosen` is the label as zeros and ones.  With z measured from the label's own logit and t = max z >= 0 it
    is t + log1p(sum_{j not label} exp(z_j - t) + expm1(-t)): a small loss keeps its relative accuracy, which
    differences of losses need.
    """
    z = logits - xp.sum(logits * chosen, axis=-1, keepdims=True)
    top = xp.max(z, axis=-1, keepdims=True)
    others = xp.exp(z - top) * (1.0 - chosen)
    rest = xp.sum(others, axis=-1, keepdims=True) + xp.expm1(-top)
    value = top + xp.log1p(rest)
    wrong = others / (1.0 + rest)
    return value[..., 0], wrong - chosen * xp.sum(wrong, axis=-1, keepdims=True)


def squared(xp: Any, outputs: Array, targets: Array) -> tuple[Array, Array]:
    """|z - target|^2 / 2 and its derivative in z."""
    difference = outputs - targets
    return 0.5 * xp.sum(difference * difference, axis=-1), difference
