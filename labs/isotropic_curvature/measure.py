"""Curvature measured on a network: the even part of its loss along directions of one weight matrix.

    even(r) = (L(W + r D) + L(W - r D))/2 - L(W)

is what H(|r D zeta|) stands for in the model (Su 2025, Figure 1): all of the loss's change but what is odd in the
step.  A direction is scaled to |D|_F = sqrt(n), n columns; then |D zeta| has root mean square 1 over unit
inputs, and r is the length of the perturbed output.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from labs.core.arrays import (
    Array,
    array_namespace,
    check_double,
    check_finite,
    check_positive,
    check_shape,
    require_host,
)

# A loss in float64 is wrong by a few units of rounding, in units of itself: a mean of costs, each from logits
# that carry errors of the length of their sums.  Tests look at lengths where nothing but rounding is left.
ROUNDING = 8 * 2.0**-52
# A point counts where the even part is so many times its rounding: then a slope over a factor 1.5 in length
# is wrong by less than 2e-3/log(1.5) = 0.005.
CLEAR = 1e3


def unit_direction(D: Array) -> Array:
    """Kernel: D scaled to |D|_F = sqrt(n): (..., m, n) -> (..., m, n).

    Raises ValueError for a D that is zero, not finite, or no matrix.
    """
    check_shape((None, None), D=D)
    check_double(D=D)
    check_finite(D=D)
    xp = array_namespace(D)
    top = xp.max(xp.abs(D), axis=(-2, -1), keepdims=True)
    if not bool(xp.all(top > 0.0)):
        raise ValueError("D must not be zero, got a direction of zeros")
    scaled = D / top
    return scaled * (math.sqrt(D.shape[-1]) / xp.sqrt(xp.sum(scaled * scaled, axis=(-2, -1), keepdims=True)))


def even_part(
    loss: Callable[[Array], Array], W: Array, D: Array, lengths: Array, *, at_a_time: int | None = None
) -> tuple[Array, Array]:
    """Kernel: the even part of the loss along each direction at each length, and the size of its rounding error.

    loss       (batch, m, n) -> (batch,): the loss with each of these matrices in place of W (m, n).
    D          (..., m, n), directions, taken as they are.
    lengths    (k,), positive.
    at_a_time  how many pairs of matrices W + r D, W - r D go into one call of `loss` (default all).

    Returns even (..., k) and rounding (..., k), an estimate of the error: ROUNDING times what was subtracted.
    The even part falls like r^2, its rounding does not: at short lengths nothing else is left, and what is
    below CLEAR times `rounding` should not be used.  Costs 2 k losses a direction, and the memory of k D.
    Raises ValueError for bad W, D, lengths.  Source: Su 2025 (the measured quantity, as reported).
    """
    check_shape((None, None), W=W)
    check_shape(tuple(W.shape[-2:]), D=D)
    check_shape((None,), lengths=lengths)
    check_double(W=W, D=D, lengths=lengths)
    check_finite(W=W, D=D)
    check_positive(lengths=lengths)
    xp = array_namespace(W, D, lengths)
    batch, count = D.shape[:-2], math.prod(D.shape[:-2]) * lengths.shape[0]
    moves = xp.reshape(lengths[:, None, None] * D[..., None, :, :], (count, *W.shape))
    step = at_a_time or max(count, 1)
    chunks = [moves[i : min(i + step, count), ...] for i in range(0, count, step)] or [moves]
    here = loss(W[None, ...])
    both = [xp.reshape(loss(xp.concat([W + move, W - move], axis=0)), (2, -1)) for move in chunks]
    mean = xp.reshape(xp.mean(xp.concat(both, axis=-1), axis=0), (*batch, lengths.shape[0]))
    return mean - here[0], ROUNDING * (xp.abs(mean) + xp.abs(here[0]))


def local_slopes(lengths: Any, even: Any, rounding: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Host routine: the log-log slope of the mean over directions, with its 95 % half-width.

    lengths (k,), increasing; even, rounding (directions, k).  Returns the middles of the intervals (geometric),
    the slopes between neighbouring lengths, and their half-widths: Student's t times the jackknife's standard
    error (each direction left out once; NaN for a single direction), all (k - 1,).  A slope is NaN where the
    mean at either end is not CLEAR times its rounding, or would not be positive with some direction left out.
    """
    require_host(lengths=lengths, even=even, rounding=rounding)
    r, e, floor = (np.asarray(x, dtype=float) for x in (lengths, even, rounding))
    if r.ndim != 1 or r.size < 2 or np.any(r <= 0) or np.any(np.diff(r) <= 0):
        raise ValueError(f"lengths must be at least two increasing positive numbers, got {lengths!r}")
    if e.ndim != 2 or e.shape[1] != r.size or e.shape[0] < 1 or floor.shape != e.shape:
        raise ValueError(
            f"even must be (directions, {r.size}) and rounding like it, got {e.shape} and {floor.shape}"
        )
    check_finite(even=e, rounding=floor)
    from scipy.special import stdtrit

    count, steps = len(e), np.diff(np.log(r))
    without = (np.sum(e, axis=0) - e) / (count - 1) if count > 1 else e
    clear = (np.mean(e, axis=0) > CLEAR * np.mean(floor, axis=0)) & np.all(without > 0, axis=0)
    logs = np.log(np.where(clear, np.stack([np.mean(e, axis=0), *without]), np.nan))
    slopes = np.diff(logs, axis=-1) / steps
    if count == 1:
        return np.sqrt(r[1:] * r[:-1]), slopes[0], np.full(r.size - 1, np.nan)
    spread = slopes[1:] - np.mean(slopes[1:], axis=0)
    error = np.sqrt((count - 1) / count * np.sum(spread**2, axis=0))
    return np.sqrt(r[1:] * r[:-1]), slopes[0], stdtrit(count - 1, 0.975) * error
