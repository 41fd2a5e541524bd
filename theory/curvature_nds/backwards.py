"""Where a small spread within the levels takes Muon: found by walking back from the ray on which one mode lags.

A state is (u_H, u, u_j): distances of the m high modes, of n - 1 low ones, and of the lagging one.  A step back
chooses which modes were above the mean E and which below, u = E + sign u', and E itself, which the balance
sum w sign u' = 0 leaves free.  Numbers are fractions or symbols; curvatures rho and 1.
"""

from __future__ import annotations

from typing import Any

Number = Any
State = tuple[Number, Number, Number]


def balance(m: Number, n: Number, rho: Number, signs: State, state: State) -> Number:
    """sum w sign u', which is 0 for what a line-searched step leaves behind."""
    weights = (m * rho, n - 1, 1)
    return sum(w * sign * u for w, sign, u in zip(weights, signs, state, strict=True))


def ray(m: Number, n: Number, rho: Number) -> State:
    """The lagging mode at 1 - pi, the others at pi."""
    pi = 1 / (m * rho + n)
    return pi, pi, 1 - pi


def before(state: State, signs: State, E: Number) -> State:
    """The state one step earlier."""
    return tuple(E + sign * u for sign, u in zip(signs, state, strict=True))


def mean_that_balances(
    m: Number, n: Number, rho: Number, state: State, signs: State, earlier: State
) -> Number:
    """E of a step back to a state that another step back, with the signs `earlier`, can follow."""
    weights = (m * rho, n - 1, 1)
    slope = sum(w * e for w, e in zip(weights, earlier, strict=True))
    return -sum(w * e * s * u for w, e, s, u in zip(weights, earlier, signs, state, strict=True)) / slope


LAG = (-1, -1, 1)  # the lagging mode above the mean
LEVELS = (-1, 1, 1)  # the low level above the mean


def start(m: Number, n: Number, rho: Number, s: Number, K: int) -> State:
    """Gradients that are on the ray after K + 1 steps, with s on the high level and 1 in the mean of the low one."""
    state, signs = ray(m, n, rho), LAG
    for _ in range(K):
        state = before(state, signs, mean_that_balances(m, n, rho, state, signs, LEVELS))
        signs = LEVELS
    # The first E is free: it makes the ratio of the mean gradients s.
    shape = [sign * u for sign, u in zip(signs, state, strict=True)]
    low = ((n - 1) * shape[1] + shape[2]) / n
    E = (s * low - rho * shape[0]) / (rho - s)
    u = before(state, signs, E)
    unit = E + low
    return rho * u[0] / unit, u[1] / unit, u[2] / unit
