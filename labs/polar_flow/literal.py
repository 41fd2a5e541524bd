"""Optimisers as they are run: literal Muon, gradient descent, its norm-matched form, and the sign of the gradient.

    G = A*(A W - y),   M <- b M + (1 - b) G,   W <- (1 - h_k w) W - h_k U(M)     (Nesterov: U(b M + (1 - b) G))

on the loss |A W - y|^2/2.  Nothing here is the self-polar flow, which polarises W and keeps its interpolation: these
polarise (or scale) the gradient's running mean, and stop where they interpolate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labs.core.arrays import (
    Array,
    array_namespace,
    check_nonnegative,
    check_shape,
    device,
)
from labs.core.polar import msign
from labs.core.polar.newton_schulz import newton_schulz
from labs.core.polar.schedules import POLAR_EXPRESS, TUNED
from labs.polar_flow._linear import adjoint_of, check_count, check_data, check_matrix, measured
from labs.polar_flow.operators import Operator

PROFILES = ("constant", "cosine", "inverse sqrt")


def _norm_matched(M: Array) -> Array:
    """sqrt(r) M/|M|_F: as long as the polar factor of a matrix of full rank."""
    xp = array_namespace(M)
    size = xp.sqrt(xp.sum(M * M, axis=(-2, -1), keepdims=True))
    return math.sqrt(min(M.shape[-2:])) * M / xp.where(size > 0.0, size, 1.0)


# The update U(M) by the name of the rule: three maps that are called Muon, and what they are compared with.
RULES: dict[str, Callable[[Array], Array]] = {
    "muon": msign,
    "muon, five tuned steps": lambda M: newton_schulz(M, [TUNED] * 5),
    "muon, polar express": lambda M: newton_schulz(M, POLAR_EXPRESS),
    "norm-matched": _norm_matched,
    "gradient": lambda M: M,
    "sign": lambda M: array_namespace(M).sign(M),
}


@dataclass(frozen=True)
class Descent:
    """The end of a run, per item.

    W          (..., m, n)
    residuals  (..., T + 1), |A W - y| before the first step and after each
    spent      (...), the sum of the steps taken
    buffer     (..., m, n), M
    moved      (...), |W - W0|_op: at most `spent` for the exact polar factor without decay, whatever the momentum
    """

    W: Array
    residuals: Array
    spent: Array
    buffer: Array
    moved: Array


def descend(
    operator: Operator,
    y: Array,
    W0: Array,
    steps: Array,
    rule: str | Callable[[Array], Array] = "muon",
    *,
    momentum: float | Array = 0.0,
    nesterov: bool = False,
    decay: float | Array = 0.0,
    stop: float | Array = 0.0,
) -> Descent:
    """Kernel: T steps of one rule from W0: (..., m, n) -> Descent.

    y         (..., p)
    steps     (..., T), the step sizes, in turn; at least 0
    rule      a name of RULES, or the update U as a function of M
    momentum  b in [0, 1), a number or (...); the buffer starts at zero
    nesterov  whether U gets b M + (1 - b) G
    decay     w, decoupled weight decay, a number or (...)
    stop      an item whose residual is at most stop |y| takes no further step; a number or (...)

    A constant step cannot interpolate: the
    residual stays of the size of the step.  Cost a step: two products with A, one application of U.  Raises
    ValueError for bad arguments, RuntimeError where an item diverged.
    Source: Muon as Jordan et al. 2024 run it; norm-matched descent as in Beneventano et al. 2026, as reported.
    """
    update = RULES.get(rule) if isinstance(rule, str) else rule
    if not callable(update):
        raise ValueError(f"rule must be one of {tuple(RULES)} or a function, got {rule!r}")
    check_data(operator, y=y)
    check_matrix(operator, W0=W0)
    check_shape((None,), steps=steps)
    check_nonnegative(steps=steps, momentum=momentum, decay=decay, stop=stop)
    xp = array_namespace(y, W0, steps)
    b = xp.asarray(momentum, dtype=W0.dtype, device=device(W0))[..., None, None]
    if not bool(xp.all(b < 1.0)):
        raise ValueError(f"momentum must be below 1, got {float(xp.max(b))}")
    residual = measured(operator, W0) - y
    limit = stop * _length(y)
    size = _length(residual)
    spent = 0.0 * (steps[..., 0] + size + b[..., 0, 0] + decay)
    W, M, sizes = W0 + spent[..., None, None], spent[..., None, None] + 0.0 * W0, [size + spent]
    for k in range(steps.shape[-1]):
        G = adjoint_of(operator, residual)
        M = b * M + (1.0 - b) * G
        h = xp.where(size > limit, steps[..., k], 0.0) + 0.0 * spent
        kept = (1.0 - h * decay)[..., None, None]
        W = kept * W - h[..., None, None] * update(b * M + (1.0 - b) * G if nesterov else M)
        residual = measured(operator, W) - y
        size = _length(residual)
        spent = spent + h
        sizes.append(size)
    residuals = xp.stack(sizes, axis=-1)
    if not bool(xp.all(residuals < math.inf)):
        raise RuntimeError("a run diverged: its residual is not finite; the steps are too large")
    return Descent(W, residuals, spent, M, xp.linalg.svdvals(W - W0)[..., 0])


def profile(kind: str, count: int) -> np.ndarray:
    """Host routine: `count` factors of a step size: 1; (1 + cos(pi k/count))/2; (k + 1)^(-1/2); k = 0, 1, ...

    kind   "constant", "cosine" or "inverse sqrt"
    Cost: count.  Raises ValueError for another kind, or a count that is no integer >= 1.
    """
    check_count(1, count=count)
    k = np.arange(count)
    if kind == "constant":
        return np.ones(count)
    if kind == "cosine":
        return 0.5 * (1.0 + np.cos(np.pi * k / count))
    if kind == "inverse sqrt":
        return (k + 1.0) ** -0.5
    raise ValueError(f"kind must be one of {PROFILES}, got {kind!r}")


def _length(vector: Array) -> Array:
    xp = array_namespace(vector)
    return xp.sqrt(xp.sum(vector * vector, axis=-1))
