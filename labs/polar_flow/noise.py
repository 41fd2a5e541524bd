"""Noise under the polar map: how far P(G + noise) is from P(G), to first order and exactly.

Minibatch gradients are G + xi/sqrt(B), xi with independent entries of mean 0 and variance tau^2, B the batch size.
G = U diag(mu) V^T is m x n, r = min(m, n); P is its polar factor.  The expansions hold where the noise is much
smaller than mu_r; `noisy_polar_expectation` holds for any noise, at the shapes where it has a closed form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labs.core.arrays import (
    Array,
    array_namespace,
    check_double,
    check_finite,
    check_nonnegative,
    check_positive,
    check_shape,
    device,
    require_host,
)
from labs.core.polar import msign
from labs.polar_flow._rice import direction_loss, larger_direction


@dataclass(frozen=True)
class CriticalBatchSizes:
    """Batch sizes below which noise dominates, (...) each, in the units of tau^2/mu^2.

    variance   where E |P(G + xi/sqrt B) - P(G)|^2 reaches |P(G)|^2 = r, to first order
    alignment  B_align of the progress ratio (1 - B_align/B)^2 of a polar step, to first order
    sgd        B_sgd of the progress ratio 1/(1 + B_sgd/B) of a gradient step, exactly
    """

    variance: Array
    alignment: Array
    sgd: Array


def noise_sensitivity(mu: Array, m: int, n: int) -> tuple[Array, Array]:
    """Kernel: S = |DP|_HS^2 and T = tr DP of the derivative of the polar factor at G, (...) each.

        S = 4 sum_{i<j} (mu_i + mu_j)^-2 + |m - n| sum mu_i^-2
        T = 2 sum_{i<j} (mu_i + mu_j)^-1 + |m - n| sum mu_i^-1

    mu   (..., r), nonnegative float64 in any order: the r = min(m, n) singular values of an m x n matrix G
    S    has the unit of mu^-2, T that of mu^-1

    E |DP[xi]|^2 = tau^2 S and E <xi, DP[xi]> = tau^2 T for noise xi of variance tau^2 an entry.  Both are infinite
    where some mu_i = 0: there P jumps.  Both are 0 for 1 x 1.  Cost r^2.  Raises ValueError for bad mu, m or n.
    Source: Beneventano et al. 2026 (S is named there); these forms are derived here.
    """
    r, excess = _shape(m, n)
    check_shape((r,), mu=mu)
    check_double(mu=mu)
    check_nonnegative(mu=mu)
    xp = array_namespace(mu)
    zero = mu <= 0.0
    safe = xp.where(zero, xp.ones_like(mu), mu)
    index = xp.arange(r, device=device(mu))
    sums = xp.where(index[:, None] < index, safe[..., :, None] + safe[..., None, :], math.inf)
    pairs, singles = 1.0 / sums, 1.0 / safe
    jumps = xp.any(zero, axis=-1)
    S, T = 4.0 * xp.sum(pairs * pairs, axis=(-2, -1)), 2.0 * xp.sum(pairs, axis=(-2, -1))
    if excess:
        S = S + float(excess) * xp.sum(singles * singles, axis=-1)
        T = T + float(excess) * xp.sum(singles, axis=-1)
    return xp.where(jumps, math.inf, S), xp.where(jumps, math.inf, T)


def critical_batch_sizes(mu: Array, m: int, n: int, tau: float | Array = 1.0) -> CriticalBatchSizes:
    """Kernel: the batch sizes below which noise undoes a polar step (two readings) and a gradient step.

        B_var = tau^2 S/r,   B_align = tau^2 T/(2 sum mu),   B_sgd = tau^2 m n/sum mu^2

    mu    as in `noise_sensitivity`
    tau   (...), nonnegative: the standard deviation of an entry of the noise at B = 1; broadcasts with the batch

    The first two come from expansions: they say little where they are not far above (tau/mu_r)^2, and nothing
    where a square G is nearly singular (B_var stays bounded there, the error does not fall).
    Cost r^2.  Raises ValueError for bad mu, m, n or tau.  Source: Beneventano et al. 2026; derived here.
    """
    S, T = noise_sensitivity(mu, m, n)
    check_nonnegative(tau=tau)
    xp = array_namespace(mu)
    top = xp.max(mu, axis=-1)
    scale = xp.where(top > 0.0, top, 1.0)
    s = mu / scale[..., None]
    variance = tau * tau
    nuclear, frobenius = xp.sum(s, axis=-1), xp.sum(s * s, axis=-1)
    alive = top > 0.0
    return CriticalBatchSizes(
        variance=variance * S / float(min(m, n)),
        alignment=variance * T / (2.0 * scale * xp.where(alive, nuclear, 1.0)),
        sgd=variance
        * xp.where(alive, float(m * n) / xp.where(alive, frobenius, 1.0) / scale / scale, math.inf),
    )


def noisy_polar(G: Array, noise: Array) -> tuple[Array, Array]:
    """Kernel: (<G, P(G + noise)>, |P(G + noise) - P(G)|_F^2), (...) each.

    G, noise  (..., m, n), finite; batches broadcast

    P is the canonical factor, of the numerical rank of its argument.  Cost: two polar factors.  Raises ValueError
    for bad arguments.  Source: Beneventano et al. 2026 as reported.
    """
    check_shape((None, None), G=G)
    check_finite(G=G, noise=noise)
    check_shape(tuple(G.shape[-2:]), noise=noise)
    xp = array_namespace(G, noise)
    factor = msign(G + noise)
    away = factor - msign(G)
    return xp.sum(G * factor, axis=(-2, -1)), xp.sum(away * away, axis=(-2, -1))


def noisy_polar_expectation(
    mu: Array, tau: Array, m: int | None = None, n: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Host routine: (E<G, P(G + tau xi)>/|G|_*, E|P(G + tau xi) - P(G)|_F^2), xi standard Gaussian, any tau > 0.

    mu    (..., 2): the singular values of a 2 x 2 matrix; or (..., 1) and the sizes m, n, one of which is 1
    tau   (...), positive; broadcasts with the batch of mu

    1 x n, a = mu/tau:  sqrt(2/pi) int_0^a exp(-s^2/2) (1 - s^2/a^2)^((n-1)/2) ds.
    2 x 2, G = diag(mu):  z = ((a+d) + i(c-b))/2 and w = ((a-d) + i(c+b))/2 of [[a, b], [c, d]] are independent
    complex normal variables, and the factor is the rotation by arg z where |z| > |w|, else the reflection by arg w.

    mu = 0 has the factor 0, and alignment 0.  Absolute error about 1e-13.  Cost an item: 96 (2 x 2: 9216) points.
    Raises ValueError for bad mu, tau or sizes.  Source: derived here.
    """
    require_host(mu=mu, tau=tau)
    mu, tau = np.asarray(mu, dtype=float), np.asarray(tau, dtype=float)
    check_shape((None,), mu=mu)
    check_nonnegative(mu=mu)
    check_positive(tau=tau)
    try:
        np.broadcast_shapes(mu.shape[:-1], tau.shape)
    except ValueError:
        raise ValueError(
            f"tau must broadcast with the batch {mu.shape[:-1]} of mu, got shape {tau.shape}"
        ) from None
    m, n = (2 if size is None and mu.shape[-1] == 2 else size for size in (m, n))
    if m is None or n is None:
        raise ValueError("n must be given with m (one of them 1) where mu has one entry, got None")
    r, _ = _shape(m, n)
    check_shape((r,), mu=mu)
    if r == 1:
        return _vector(mu[..., 0] / tau, max(m, n))
    if m == n == 2:
        return _two_by_two(mu / tau[..., None])
    raise ValueError(f"m and n must be 1 x n, m x 1 or 2 x 2, got {m} x {n}")


def _vector(a: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    lost = direction_loss(a, n)
    return np.where(a > 0, 1 - lost, 0.0), np.where(a > 0, 2 * lost, 1.0)


def _two_by_two(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half the sum and half the difference are the means of z and w, whose components have variance 1/2."""
    large, small = np.max(a, axis=-1), np.min(a, axis=-1)
    total = large + small
    z, w = total / math.sqrt(2), (large - small) / math.sqrt(2)
    rotated, turned = larger_direction(z, w)
    reflected, reflected_rest = larger_direction(w, z)
    alive = total > 0
    share = np.where(alive, (large - small) / np.where(alive, total, 1.0), 0.0)
    alignment = rotated + share * reflected
    # |P - I|^2 is 4 (1 - cos arg z) for a rotation and 4 for a reflection.
    flipped = reflected + reflected_rest
    error = np.where(small > 0, 4 * (turned + flipped), np.where(alive, 3 - 2 * (rotated + reflected), 2.0))
    return np.where(alive, alignment, 0.0), error


def _shape(m: int, n: int) -> tuple[int, int]:
    """min(m, n) and |m - n| of a matrix shape."""
    for name, size in (("m", m), ("n", n)):
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
            raise ValueError(f"{name} must be an integer >= 1, got {size!r}")
    return int(min(m, n)), int(abs(m - n))
