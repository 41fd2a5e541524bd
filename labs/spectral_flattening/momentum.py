"""Sign descent with momentum in one dimension: which triangle waves go on forever; and how stale a buffer may be.

    m <- beta m + w,     w <- w - eta sign(m)          (the loss is w^2/2; w and m in units of eta below)

N steps down and N steps up are a wave of amplitude N/2.  Let m_0 > 0 be the buffer at its top w = N/2.  It
decides the signs of the next steps as long as it stays positive, and at the bottom it must be -m_0; so

    m_0 = N/(2 (1 - beta)) - beta T/(1 - beta)^2,   T = (1 - beta^N)/(1 + beta^N),

and the wave is a cycle if and only if 0 < m_0 < N/2, which is N (1 - beta)/2 < T: exactly for N = 1 ... N_max with
N_max about sqrt(6/(1 - beta)).  A shift of w goes on forever; a disturbed buffer is forgotten at the rate beta.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from labs.core.arrays import (
    Array,
    array_namespace,
    check_double,
    check_finite,
    check_positive,
    check_shape,
    require_host,
)
from labs.spectral_flattening._rules import nuclear


def buffer_at_top(N: Any, beta: Any, beta_N: Any) -> Any:
    """m_0 of the wave of N steps down and N up; beta_N = beta^N.  Field arithmetic alone.  Derived here (SF-T7)."""
    gap = 1 - beta
    return N / (2 * gap) - beta * (1 - beta_N) / (gap * gap * (1 + beta_N))


def wave_margin(N: Any, beta: Any, beta_N: Any) -> Any:
    """T - N (1 - beta)/2: positive if and only if the wave is a cycle.  Field arithmetic alone."""
    return (1 - beta_N) / (1 + beta_N) - N * (1 - beta) / 2


def shift_limit(N: Any, beta: Any, beta_N: Any) -> Any:
    """How far a cycle can be shifted: (1 - beta) min(m_0, (N/2 - m_0)/beta), not attained.  Needs an order."""
    top = buffer_at_top(N, beta, beta_N)
    return (1 - beta) * min(top, (N / 2 - top) / beta)


def largest_wave(beta: float | Fraction) -> int:
    """Host routine: N_max, the most steps in one direction that a cycle has; 0 < beta < 1.

    By the sign of `wave_margin`, exactly (a float is taken as the rational number that it is), starting below
    sqrt(6/((1-beta)(1+3(1-beta)/2))) <= N_max + 1 and ending by N_max <= sqrt(6/((1-beta) beta)).
    Raises ValueError for beta outside (0, 1).  Derived here (SF-T7).
    """
    require_host(beta=float(beta))
    if not 0 < beta < 1:
        raise ValueError(f"beta must be in (0, 1), got {beta!r}")
    exact = Fraction(beta)
    gap = 1 - exact
    N = max(1, math.isqrt(math.floor(6 / (gap * (1 + 3 * gap / 2)))))
    while wave_margin(N + 1, exact, exact ** (N + 1)) > 0:
        N += 1
    return N


def sign_momentum(
    w0: Array, m0: Array, beta: float | Array, steps: int, tail: int, eta: float | Array = 1.0
) -> tuple[Array, Array]:
    """Kernel: the largest and the least w over the last `tail` steps of sign descent with momentum.

        m <- beta m + w,   w <- w - eta sign(m)

    w0 (...), m0 (...) the start and its buffer (0: from rest), beta in [0, 1), eta > 0; all broadcast.
    Four operations a step for the whole batch.  Raises ValueError for bad values, tail outside 1 ... steps.
    """
    if isinstance(tail, bool) or not isinstance(tail, int) or not 1 <= tail <= steps:
        raise ValueError(f"tail must be an integer from 1 to steps = {steps}, got {tail!r}")
    check_shape((), w0=w0, m0=m0)
    check_double(w0=w0, m0=m0)
    check_finite(w0=w0, m0=m0)
    check_positive(eta=eta)
    xp = array_namespace(w0, m0)
    if isinstance(beta, float):
        inside = 0.0 <= beta < 1.0
    else:
        check_finite(beta=beta)
        inside = bool(xp.all((beta >= 0.0) & (beta < 1.0)))
    if not inside:
        raise ValueError(f"beta must be in [0, 1), got {beta!r}")
    w, m = w0 + 0.0 * (m0 + beta + eta), m0 + 0.0 * (w0 + beta + eta)
    high, low = w, w
    for step in range(steps):
        m = beta * m + w
        w = w - eta * xp.sign(m)
        if step == steps - tail:
            high, low = w, w
        elif step > steps - tail:
            high, low = xp.where(w > high, w, high), xp.where(w < low, w, low)
    return high, low


def heavy_ball_limit(beta: Any, smoothness: Any) -> Any:
    """GD with the same buffer is stable if and only if eta is below 2 (1 + beta)/L.  Field arithmetic alone."""
    return 2 * (1 + beta) / smoothness


def guaranteed_gain(G: Array, M: Array, scale: Array | float) -> tuple[Array, Array]:
    """Kernel: |G|_* - 2 |G - c M|_*, a lower bound of <G, polar(M)> for every c = scale > 0; and rank M.

    G, M (..., m, n), scale (...).  Muon's step along polar(M) decreases every L-smooth loss with this gradient for
    0 < eta < 2 gain/(L rank M), if the gain is positive (SF-T7).  Raises ValueError for bad shapes and values.
    """
    check_shape((None, None), G=G)
    check_shape(tuple(G.shape[-2:]), M=M)
    check_double(G=G, M=M)
    check_finite(G=G, M=M)
    check_positive(scale=scale)
    lifted = scale if isinstance(scale, float) else scale[..., None, None]
    rest = G - lifted * M
    gain = nuclear(G)[0] - 2.0 * nuclear(rest)[0]
    return gain, nuclear(M)[1] + 0.0 * gain
