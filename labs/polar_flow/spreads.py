"""How spread out singular values are, in which direction that grows, and how fast the self-polar flow shrinks each.

A spread F is symmetric, of degree 0 and largest for flat spectra.  Along dW/dt = -eta P_perp P(W) it changes by
-eta sum alpha_i q_i, with q = grad F and the decay vector alpha: two numbers per singular value decide the sign.

The four `_slope` functions are field arithmetic alone: they take floats, arrays, fractions, symbols and balls.
"""

from __future__ import annotations

import math
from typing import Any

from labs.core.arrays import (
    Array,
    array_namespace,
    check_double,
    check_finite,
    check_nonnegative,
    check_shape,
    device,
)
from labs.core.spectrum import entropy, participation_ratio
from labs.polar_flow.operators import Operator

KINDS = ("entropy", "squared entropy", "participation", "pairwise")


def entropy_slope(log: Any, mean_log: Any, total: Any) -> Any:
    """dH/ds for H = -sum p log p, p = s/total: -(log p + H)/total, log = log s, mean_log = sum p log s."""
    return (mean_log - log) / total


def squared_entropy_slope(s: Any, log: Any, mean_log: Any, squares: Any) -> Any:
    """dH/ds for p = s^2/squares: -2 s (log p + H)/squares, log = log s, mean_log = sum p log s."""
    return 4 * s * (mean_log - log) / squares


def participation_slope(s: Any, total: Any, squares: Any) -> Any:
    """d(total^2/squares)/ds: 2 total/squares - 2 s total^2/squares^2."""
    return 2 * total * (squares - s * total) / squares**2


def pairwise_slope(s: Any, k: int, length: Any, pairs: Any, own: Any) -> Any:
    """d(-length^k R_k)/ds: pairs = R_k = sum_{i<j} (s_i + s_j)^-k, own = sum_{j != i} (s + s_j)^-(k+1)."""
    return k * length**k * (own - s * pairs / length**2)


def spread(sigma: Array, kind: str, power: int = 1) -> tuple[Array, Array]:
    """Kernel: a spread of the singular values and its gradient: (..., r) -> (value (...), q (..., r)).

        entropy          H = -sum p log p,  p = sigma/sum sigma        q = -(log p + H)/sum sigma
        squared entropy  the same with p = sigma^2/sum sigma^2         q = -2 sigma (log p + H)/sum sigma^2
        participation    PR = S^2/F,  S = sum sigma, F = sum sigma^2   q = 2 S/F - 2 sigma S^2/F^2
        pairwise         -F^(k/2) R_k,  R_k = sum_{i<j} (sigma_i + sigma_j)^-k,  k = power >= 1

    sigma  (..., r), finite, nonnegative, in any order.  Zeros are left out of every sum, and their q is 0.

    sum sigma_i q_i = 0 (degree 0), and (sigma_i - sigma_j)(q_i - q_j) <= 0 (Schur-concave; the squared entropy is so
    in sigma^2, not in sigma: (sigma_i - sigma_j)(q_i/sigma_i - q_j/sigma_j) <= 0).  Exact in
    scale from 1e-150 to 1e150.  q is known relatively, and to a few eps r (1 + |value|)/max sigma, which counts near
    flat spectra, where q = 0.  No entry is positive: the value is 0, for the entropies -inf.
    Cost O(r), pairwise O(r^2).  Raises ValueError for bad sigma, kind, power.
    Source: Beneventano et al. 2026 as reported; the normalisation of the pairwise one is derived here.
    """
    check_shape((None,), sigma=sigma)
    check_double(sigma=sigma)
    check_nonnegative(sigma=sigma)
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}, got {kind!r}")
    if isinstance(power, bool) or not isinstance(power, int) or power < 1:
        raise ValueError(f"power must be an integer >= 1, got {power!r}")
    xp = array_namespace(sigma)
    top = xp.max(sigma, axis=-1, keepdims=True)
    scale = xp.where(top > 0.0, top, 1.0)
    t = sigma / scale
    total, squares = xp.sum(t, axis=-1, keepdims=True), xp.sum(t * t, axis=-1, keepdims=True)
    total, squares = xp.where(total > 0.0, total, 1.0), xp.where(squares > 0.0, squares, 1.0)
    kept = t > 0.0
    if kind == "participation":
        value, q = participation_ratio(sigma, power=1.0), participation_slope(t, total, squares)
    elif kind == "pairwise":
        value, q = _pairwise(t, kept, xp.sqrt(squares), power)
    else:
        logs = xp.log(xp.where(kept, t, 1.0))
        share = t / total if kind == "entropy" else t * t / squares
        mean_log = xp.sum(share * logs, axis=-1, keepdims=True)
        if kind == "entropy":
            value, q = entropy(sigma), entropy_slope(logs, mean_log, total)
        else:
            value, q = entropy(sigma, power=2.0), squared_entropy_slope(t, logs, mean_log, squares)
    return value, xp.where(kept, q, 0.0) / scale


def _pairwise(t: Array, kept: Array, length: Array, k: int) -> tuple[Array, Array]:
    xp, r = array_namespace(t), t.shape[-1]
    places = xp.arange(r, device=device(t))
    counted = kept[..., :, None] & kept[..., None, :] & (places[:, None] != places)
    sums = xp.where(counted, t[..., :, None] + t[..., None, :], math.inf)
    pairs = 0.5 * xp.sum(sums**-k, axis=(-2, -1))[..., None]
    own = xp.sum(sums ** -(k + 1), axis=-1)
    return -((length**k * pairs)[..., 0]), pairwise_slope(t, k, length, pairs, own)


def decay(operator: Operator, W: Array) -> tuple[Array, Array]:
    """Kernel: the singular values of W and how fast the self-polar flow shrinks each, (sigma, alpha), both (..., r).

        alpha_i = <u_i v_i^T, P_perp P(W)>,   d sigma_i/dt = -eta alpha_i   where sigma_i > 0 is simple

    W (..., m, n), r = min(m, n).  P(W) and alpha leave out singular values up to max(m, n) eps sigma_1: their alpha
    is 0.  Where sigma_i is repeated, alpha_i depends on the frame; sum alpha_i q_i does not.
    Cost: one singular value decomposition and one projection.  Raises ValueError for bad W.
    Source: Beneventano et al. 2026 as reported (regression); for general measurements derived here.
    """
    u, sigma, vt = _frames(W)
    xp = array_namespace(W)
    pulled = operator.perp(u @ vt)
    return sigma, xp.sum((xp.matrix_transpose(u) @ pulled) * vt, axis=-1)


def frame_gram(operator: Operator, W: Array) -> Array:
    """Kernel: K (..., r, r), K_ij = <E_i, P_perp E_j> for E_i = u_i v_i^T; alpha_i of `decay` is sum_j K_ij.

    Rows and columns of singular values that count as zeros (see `decay`) are 0.  0 <= K <= I; for a regression K is
    diagonal.  Cost: one singular value decomposition and r projections.  Raises ValueError for bad W.
    Source: derived here.
    """
    u, _, vt = _frames(W)
    xp = array_namespace(W)
    # The E_j stand in front of the batch, so that an operator's own batch axes meet those of W.
    columns, rows = xp.moveaxis(u, -1, 0), xp.moveaxis(vt, -2, 0)
    pulled = operator.perp(columns[..., :, None] * rows[..., None, :])
    inner = xp.sum((xp.matrix_transpose(u) @ pulled) * vt, axis=-1)
    return xp.moveaxis(inner, 0, -1)


def _frames(W: Array) -> tuple[Array, Array, Array]:
    """u, sigma, vt, with zeros for the columns of u whose singular values count as zeros."""
    check_shape((None, None), W=W)
    check_double(W=W)
    check_finite(W=W)
    xp = array_namespace(W)
    u, sigma, vt = xp.linalg.svd(W, full_matrices=False)
    floor = max(W.shape[-2:]) * float(xp.finfo(W.dtype).eps)
    kept = (sigma > floor * sigma[..., :1]) & (sigma > 0.0)
    return u * xp.astype(kept, u.dtype)[..., None, :], sigma, vt
