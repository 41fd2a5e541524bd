"""The commutant of the permutations inside groups: its logits, gradient, losses and steps, a group at a time.

A matrix that commutes with the permutations inside groups of C_1, ..., C_M items has in column b one entry on the
diagonal, one at the other items of group b, one at the items of each group a != b.  Two ways to write it:

    entries    own (..., M), and an array (..., M, M): (a, b) across groups, (b, b) inside group b;
    spectral   x (..., M), S (..., M, M):  sum_a x_a (I_a - J_a/C_a) + sum_ab S_ab 1_a 1_b^T/sqrt(C_a C_b).

A group of one item has no x (it is kept at 0) and no entry inside the group (whatever stands there is not used).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from labs.associative_memory.graded import graded_polar
from labs.core.arrays import Array, Namespace
from labs.core.polar.newton_schulz import newton_schulz
from labs.core.polar.schedules import POLAR_EXPRESS, TUNED, Schedule, as_schedule, iterate

STEPS = 5
POLYNOMIALS: dict[str, Schedule] = {"muon-ns5": (TUNED,) * STEPS, "polar-express": POLAR_EXPRESS[:STEPS]}
RULES = ("gd", "ngd", "tra-signgd", "muon", *POLYNOMIALS)


@dataclass(frozen=True)
class Groups:
    """Sizes C (M,) and what is made of them; `noise` is alpha (..., 1); all as floats on the device of a run."""

    xp: Namespace
    C: Array
    others: Array  # (M, M): how many items of group a are wrong answers to a query of group b
    root: Array  # (M, M): sqrt(C_a C_b)
    eye: Array  # (M, M)
    apart: Array  # (M, M): 1 - eye
    several: Array  # (M,): 1.0 where C_a >= 2
    null: Array  # (M,): c_a = sqrt(C_a/K)
    K: float
    noise: Array
    p: Array  # (..., M): the frequency of an item of each group


def groups(xp: Namespace, home: Any, sizes: tuple[int, ...], masses: Array, alpha: Array) -> Groups:
    """Made once per run."""
    C = xp.asarray([float(c) for c in sizes], dtype=xp.float64, device=home)
    eye = xp.eye(len(sizes), dtype=xp.float64, device=home)
    K = float(sum(sizes))
    root = xp.sqrt(C)
    several = xp.astype(C > 1.0, xp.float64)
    return Groups(
        xp=xp,
        C=C,
        others=C[:, None] - eye,
        root=root[:, None] * root[None, :],
        eye=eye,
        apart=1.0 - eye,
        several=several,
        null=root / K**0.5,
        K=K,
        noise=alpha[..., None],
        p=masses / C,
    )


def diagonal(g: Groups, A: Array) -> Array:
    """The diagonal of each matrix (..., M, M) -> (..., M)."""
    return g.xp.sum(g.eye * A, axis=-2)


def entries(g: Groups, x: Array, S: Array) -> tuple[Array, Array]:
    """(own, the other entries) of a matrix in spectral form."""
    inside = (diagonal(g, S) - x) / g.C
    return x + inside, S / g.root * g.apart + inside[..., None, :] * g.eye


def gradient(g: Groups, x: Array, S: Array) -> Array:
    """The entries p_b (Phat - alpha/K) of the gradient that are not on its diagonal: (..., M, M).

    They are enough: every column of the gradient sums to zero.  The diagonal itself, Q_b - pi, would round to 0 at
    margins above 36.
    """
    xp = g.xp
    own, other = entries(g, x, S)
    used = g.others > 0.0
    top = xp.maximum(own, xp.max(xp.where(used, other, -math.inf), axis=-2))
    wrong = xp.exp(xp.where(used, other, -math.inf) - top[..., None, :])
    total = xp.exp(own - top) + xp.sum(g.others * wrong, axis=-2)
    return xp.where(used, g.p[..., None, :] * (wrong / total[..., None, :] - g.noise[..., None] / g.K), 0.0)


def spectral(g: Groups, other: Array) -> tuple[Array, Array]:
    """(x, S) of the matrix with these entries off its diagonal whose columns sum to zero."""
    across = other * g.apart
    corner = -g.xp.sum(g.C[:, None] * across, axis=-2)
    x = g.several * (corner - g.C * diagonal(g, other))
    return x, g.root * across + corner[..., None, :] * g.eye


def schedule_of(rule: Any) -> tuple[str, Schedule]:
    """A rule by name, or by a schedule of odd polynomials, as (name, schedule)."""
    if isinstance(rule, str):
        if rule not in RULES:
            raise ValueError(f"rule must be one of {RULES} or a schedule of triples, got {rule!r}")
        return (rule, ()) if rule not in POLYNOMIALS else ("polynomial", POLYNOMIALS[rule])
    return "polynomial", as_schedule(rule, name="rule")


def direction(g: Groups, rule: str, schedule: Schedule, other: Array) -> tuple[Array, Array]:
    """What an optimiser subtracts, times the step size, in spectral form, from the gradient's entries `other`."""
    xp = g.xp
    if rule == "tra-signgd":
        own, sign = xp.sign(-xp.sum(g.others * other, axis=-2)), xp.sign(other)
        corner = own + diagonal(g, g.others * sign)
        S = g.root * sign * g.apart + corner[..., None, :] * g.eye
        return g.several * (own - diagonal(g, sign)), S
    x, S = spectral(g, other)
    if rule == "gd":
        return x, S
    if rule == "muon":
        return xp.sign(x), graded_polar(S, g.null).q
    top = xp.maximum(xp.max(xp.abs(x), axis=-1), xp.max(xp.abs(S), axis=(-2, -1)))[..., None]
    top = xp.where(top > 0.0, top, 1.0)
    x, S = x / top, S / top[..., None]
    squares = xp.sum((g.C - 1.0) * x * x, axis=-1) + xp.sum(S * S, axis=(-2, -1))
    norm = xp.sqrt(xp.where(squares > 0.0, squares, 1.0))[..., None]
    x, S = x / norm, S / norm[..., None]
    if rule == "ngd":
        return x, S
    return iterate(schedule, x), newton_schulz(S, schedule, normalise=None)


@dataclass(frozen=True)
class Losses:
    """Per group (..., M): the margin, and what the loss exceeds the least loss by."""

    margin: Array
    excess: Array


def losses(g: Groups, x: Array, S: Array, best: Array) -> Losses:
    """Margins and losses of every group; `best` is m* (..., 1)."""
    xp = g.xp
    own, other = entries(g, x, S)
    logarithms = xp.where(g.others > 0.0, xp.log(xp.where(g.others > 0.0, g.others, 1.0)), -math.inf)
    wrong = _log_sum_exp(xp, logarithms + xp.where(g.others > 0.0, other - own[..., None, :], 0.0))
    missed = xp.logaddexp(xp.zeros_like(wrong), wrong)
    margin = math.log(max(g.K - 1.0, 1.0)) - wrong
    noisy = g.noise > 0.0
    above = _excess(g, other - own[..., None, :] + xp.where(noisy, best, 0.0)[..., None])
    return Losses(margin, xp.where(noisy, above, missed))


def _log_sum_exp(xp: Namespace, y: Array) -> Array:
    top = xp.max(y, axis=-2)
    top = xp.where(top > -math.inf, top, 0.0)
    total = xp.sum(xp.exp(y - top[..., None, :]), axis=-2)
    return xp.where(total > 0.0, top + xp.log(xp.where(total > 0.0, total, 1.0)), -math.inf)


def _excess(g: Groups, delta: Array) -> Array:
    """log sum P exp(delta) - sum P delta for the errors delta (..., M, M) of the logits beside the own one's.

    With the mean of delta taken off it is log(1 + sum P phi), phi(d) = e^d - 1 - d >= 0, which does not cancel.
    """
    xp = g.xp
    weights = g.noise[..., None] / g.K * g.others
    rest = xp.sum(weights, axis=-2)
    own = -xp.sum(weights * delta, axis=-2)
    delta = xp.where(g.others > 0.0, delta + own[..., None, :], 0.0)
    small = xp.log1p((1.0 - rest) * _phi(xp, own) + xp.sum(weights * _phi(xp, delta), axis=-2))
    top = xp.maximum(own, xp.max(delta, axis=-2))
    total = (1.0 - rest) * xp.exp(own - top) + xp.sum(weights * xp.exp(delta - top[..., None, :]), axis=-2)
    return xp.where(top < 1.0, small, top + xp.log(xp.where(total > 0.0, total, 1.0)))


def _phi(xp: Namespace, d: Array) -> Array:
    """e^d - 1 - d = 2 sinh(d/2)^2 + (sinh d - d) for d < 1, not negative for any rounding."""
    d = xp.clip(d, -40.0, 1.0)
    return 2.0 * xp.sinh(0.5 * d) ** 2 + (xp.sinh(d) - d)
