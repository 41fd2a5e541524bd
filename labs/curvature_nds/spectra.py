"""Line search beyond two exact levels: spread within the levels, whole spectra, and the mode that lags behind.

u_i = |d_i| is a mode's distance to the minimum, pi_i = w_i/sum(w).  Muon's line search is the map u <- |u - mean|,
the mean with the weights pi.  Two levels are in units of the low one: curvatures rho and 1, gradients s and 1.

All but the kernel is field arithmetic: floats, fractions, sympy symbols and balls.
Source: derived here, for the model of Wang et al. 2026.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from labs.core.arrays import Array, array_namespace, check_finite, check_positive, check_shape
from labs.curvature_nds.levels import muon_first_factor, muon_root_factor

Number = Any


# --- any spectrum ------------------------------------------------------------------------------------------


def laggard_rate(w: Array, sigma: Array) -> Array:
    """Kernel: the late rate of line-searched Muon, -log(loss_{t+1}/loss_t) in the long run: -log(1 - 4 pi_j).

    j is the laggard, the mode that starts farthest from its minimum, argmax |sigma_i|/w_i (the first of equals).

    w      (..., q), curvatures > 0
    sigma  (..., q), the gradient at the start; the batches of both broadcast
    Returns (...); inf where pi_j >= 1/4.  It is an observation, for small pi_j where no other mode starts nearly as
    far (NDS-X5.i).  Cost O(q).  Raises ValueError for bad arguments.
    """
    check_shape((None,), w=w)
    check_shape((w.shape[-1],), sigma=sigma)
    check_positive(w=w)
    check_finite(sigma=sigma)
    xp = array_namespace(w, sigma)
    distance = xp.abs(sigma) / w
    share = w / xp.sum(w, axis=-1, keepdims=True) + 0.0 * distance
    farthest = xp.argmax(distance, axis=-1, keepdims=True)
    left = 1.0 - 4.0 * xp.sum(xp.where(_places(share) == farthest, share, 0.0), axis=-1)
    return xp.where(left > 0.0, -xp.log(xp.where(left > 0.0, left, 1.0)), math.inf)


def _places(x: Array) -> Array:
    """0, 1, ... along the last axis."""
    xp = array_namespace(x)
    return xp.cumulative_sum(xp.ones_like(x, dtype=xp.int64), axis=-1) - 1


def worst_searched_factor(w: Sequence[Number]) -> Number:
    """The bound on Muon's factor of the loss in one line-searched step: 1 - pi_min (NDS-X5.d)."""
    return 1 - min(w) / sum(w)


def kantorovich_factor(rho: Number) -> Number:
    """The bound on GD's factor of the loss in one line-searched step: ((rho - 1)/(rho + 1))^2, rho = w_max/w_min."""
    return ((rho - 1) / (rho + 1)) ** 2


def gd_lower_bound(loss: Number, after_one: Number, T: int) -> Number:
    """A lower bound on GD's loss after T line-searched steps, from its first two losses: Phi_0 (Phi_1/Phi_0)^T."""
    return loss * (after_one / loss) ** T


def geometric_bound(trace: Number, D: Number, T: int, theta: Number) -> Number:
    """The bound on Muon's loss with the steps D (1 - theta) theta^t: trace D^2 theta^(2T)/2 (NDS-X14).

    trace = sum w;  D >= max |d_i(0)|;  1/2 <= theta < 1.  Halving is theta = 1/2.
    """
    return trace * D * D * theta ** (2 * T) / 2


# --- spread within the two levels --------------------------------------------------------------------------


def synchronised_loss(high: Sequence[Number], low: Sequence[Number], rho: Number, T: int) -> Number:
    """Muon's loss after T line-searched steps, as long as each mode has the sign of its level's mean (NDS-X6s).

        gamma g^(2 (T - 1)) (m rho D_H^2 + n D_L^2)/2 + sum w_i e_i^2/2,     T >= 1

    high, low  gradients of the m and n modes on the two levels;  D the mean distance on a level, e_i what is left
    """
    one, (D_H, e_H), (D_L, e_L) = rho / rho, _distances(high, rho), _distances(low, rho / rho)
    means = (len(high) * rho * D_H * D_H + len(low) * D_L * D_L) / 2
    spread = (rho * sum(e * e for e in e_H) + sum(e * e for e in e_L)) / 2
    if T:
        a = one * len(high) / len(low)
        means = means * muon_first_factor(a, rho, rho * D_H / D_L) * muon_root_factor(a, rho) ** (2 * (T - 1))
    return means + spread


def synchronised_steps(high: Sequence[Number], low: Sequence[Number], rho: Number) -> int | float:
    """T_sync: up to it `synchronised_loss` is exact, if all gradients are positive (NDS-X6s.b).

    The first T >= 1 with |g|^(T - 1) A <= max |e_i| on one of the levels, A its mean distance after the first step;
    inf if there is none.  Cost O(T_sync).
    """
    one, (D_H, e_H), (D_L, e_L) = rho / rho, _distances(high, rho), _distances(low, rho / rho)
    a = one * len(high) / len(low)
    g, after = abs(muon_root_factor(a, rho)), D_L * abs(rho - rho * D_H / D_L) / (a * rho + 1)
    levels = [(after / rho, max(map(abs, e_H))), (a * after, max(map(abs, e_L)))]
    if all(spread == 0 < distance for distance, spread in levels) and g > 0:
        return math.inf
    T = 1
    while all(distance > spread for distance, spread in levels):
        levels, T = [(distance * g, spread) for distance, spread in levels], T + 1
    return T


def _distances(sigma: Sequence[Number], w: Number) -> tuple[Number, list[Number]]:
    """The mean of sigma/w, and the deviations from it."""
    mean = sum(sigma) / (len(sigma) * w)
    return mean, [x / w - mean for x in sigma]


def fragile_spread(m: int, q: int, rho: Number, s: Number, K: int) -> Number:
    """delta_K = n (1 - s/rho) g^K, n = q - m, K = 0, 1, ...: a spread that spoils Muon's late rate (NDS-X6.b).

    With the gradients s, and 1 - delta/n on all low modes but one, 1 + delta - delta/n there, line-searched Muon is
    after K + 1 steps on the ray on which that mode lags for ever.
    """
    n = q - m
    return n * (1 - s / rho) * ((m * rho - n) / (m * rho + n)) ** K


def fragile_loss(m: int, q: int, rho: Number, s: Number, K: int, T: int) -> Number:
    """Muon's loss on that ray, T > K: delta_K^2 (1 - pi)(1 - 2 pi)^(2 (T - K - 1))/2, pi = 1/(m rho + n)."""
    pi = 1 / (m * rho + (q - m))
    return fragile_spread(m, q, rho, s, K) ** 2 * (1 - pi) * (1 - 2 * pi) ** (2 * (T - K - 1)) / 2


def steps_per_decade(early: float, late: float, gd: float) -> float:
    """How many steps later GD overtakes Muon for every factor of ten in the spread (NDS-X6.f).

    2 ln 10 (1 - late/early)/(gd - late), from rates -log(loss_{t+1}/loss_t): Muon's before and after the spread
    shows, and GD's; late < gd.
    """
    return 2.0 * math.log(10.0) * (1.0 - late / early) / (gd - late)
