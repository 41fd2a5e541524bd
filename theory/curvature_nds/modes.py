"""Descent in coordinates, step by step, on fractions or symbols: what the closed forms are derived from.

A problem is a list of modes (weight, w, r): `weight` many modes of curvature w with residual r.  Two levels are
two such entries, with formal weights m and q - m, so that one step of symbols covers every q.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Number = Any


class Mode(NamedTuple):
    """`weight` many modes of curvature `w` and residual `r` = w d."""

    weight: Number
    w: Number
    r: Number


State = Sequence[Mode]
Update = Callable[[Mode], Number]


def gd(mode: Mode) -> Number:
    """The update of GD."""
    return mode.r


def sign_by(positive: Callable[[Number], bool]) -> Update:
    """Muon's update, where `positive` tells the sign of a residual that is not 0."""
    return lambda mode: 0 if mode.r == 0 else 1 if positive(mode.r) else -1


muon = sign_by(lambda r: r > 0)


def loss(state: State) -> Number:
    """sum r^2/(2 w), above the minimum."""
    return sum(x.weight * x.r * x.r / x.w for x in state) / 2


def energy(state: State) -> Number:
    """|R|^2."""
    return sum(x.weight * x.r * x.r for x in state)


def sharpness(state: State, update: Update) -> Number:
    """S(Z) = sum w z^2/sum z^2."""
    z = [update(x) for x in state]
    above = sum(x.weight * x.w * y * y for x, y in zip(state, z, strict=True))
    return above / sum(x.weight * y * y for x, y in zip(state, z, strict=True))


def searched(state: State, update: Update) -> Number:
    """The step of the exact line search, <R, Z>/<Z, H[Z]>: where the derivative of the loss along Z vanishes."""
    z = [update(x) for x in state]
    above = sum(x.weight * x.r * y for x, y in zip(state, z, strict=True))
    return above / sum(x.weight * x.w * y * y for x, y in zip(state, z, strict=True))


def moved(state: State, update: Update, eta: Number) -> list[Mode]:
    """The state after one step of length eta."""
    return [Mode(x.weight, x.w, x.r - eta * x.w * update(x)) for x in state]


def run(
    state: State, update: Update, steps: int, length: Callable[[State, Update], Number] = searched
) -> list[State]:
    """The states 0, 1, ..., steps; at the minimum they repeat."""
    states = [state]
    for _ in range(steps):
        here = states[-1]
        done = all(x.r == 0 for x in here)
        states.append(here if done else moved(here, update, length(here, update)))
    return states


def stepped(state: State, update: Update) -> list[Mode]:
    """The state of symbols after one line-searched step, residuals as quotients of polynomials."""
    import sympy

    return [x._replace(r=sympy.cancel(x.r)) for x in moved(state, update, searched(state, update))]


def two_levels(m: Number, q: Number, rho: Number, s: Number) -> list[Mode]:
    """The start of the two-level problem, in units of the low level."""
    one = rho / rho
    return [Mode(m, rho, s), Mode(q - m, one, one)]
