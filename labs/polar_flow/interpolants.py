"""Interpolants of least norm, between an exactly feasible primal and an exactly feasible dual value.

    primal  min |W|                        over  A W = y
    dual    max <W_0, L>                   over  L in range(A*), |L|_dual <= 1

W_0 = A*(AA*)^{-1} y is the interpolant of least Frobenius norm, and the dual norm of the nuclear norm is the operator
norm, and the other way round.  Any interpolant W and any L in range(A*) bracket the optimum:

    <W_0, L>/max(1, |L|_dual)  <=  optimum  <=  |W|

Splitting (Douglas and Rachford): with Pi the projection on the interpolants, V <- V + Y - X, X = Pi V,
Y = argmin |Y| + |Y - (2X - V)|^2/(2g).  At a fixed point Y = X is optimal, and so is L = (X - V)/g, which lies in
range(A*) at every V.  Anderson's mixing of the last steps takes an order of magnitude off their number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from labs.core.arrays import Array, array_namespace, device
from labs.polar_flow._linear import check_count, perpendicular
from labs.polar_flow.operators import Operator

NORMS = ("nuclear", "frobenius", "operator")

# The scale g over the mean singular value of W_0 (nuclear) or r |W_0|_op (operator): fewest steps, measured.
SCALE = {"nuclear": 1.0, "operator": 0.3}
GROWTH = {
    500: 3.0,
    1500: 3.0,
}  # by what g grows after so many steps: what is slow by then likes it larger (measured)
MEMORY = 25  # steps that are mixed
RIDGE = 1e-13  # of unit vectors: what keeps Anderson's equations solvable
EVERY = 4  # steps between two looks at the bracket


class Bracket(NamedTuple):
    """An interpolant W (..., m, n), and lower and upper bounds of the least norm (...): upper = |W|."""

    W: Array
    lower: Array
    upper: Array


@dataclass(frozen=True)
class Certified:
    """The bracket with its proof: `dual` lies in range(A*), |dual|_dual <= 1, and lower = <W_0, dual>."""

    W: Array
    dual: Array
    lower: Array
    upper: Array


def interpolant(
    operator: Operator, y: Array, norm: str = "nuclear", *, tolerance: float = 1e-9, most_steps: int = 20_000
) -> Bracket:
    """Kernel: an interpolant of least norm, and a bracket of that norm: (..., p) -> (W, lower, upper).

        lower <= min {|W| : A W = y} <= upper = |W|,   upper - lower <= tolerance upper

    norm        "nuclear", "operator" (largest singular value) or "frobenius" (closed form)
    tolerance   relative width of the bracket, at least 1e-12
    most_steps  the most steps of the splitting

    W interpolates to rounding.  The minimiser of the nuclear and of the operator norm need not be unique.  Cost: one
    singular value decomposition and one projection a step, two more of the former every fourth step; some hundred
    steps for random measurements, several thousand where entries of a matrix of low rank are measured.  Raises
    ValueError for bad y, norm, tolerance or most_steps, RuntimeError where the bracket does not close.  Source: the
    splitting is that of Douglas and Rachford 1956, the mixing that of Anderson 1965 (without a proof that it
    converges); the bracket does not depend on either.
    """
    found = certified_interpolant(operator, y, norm, tolerance=tolerance, most_steps=most_steps)
    return Bracket(found.W, found.lower, found.upper)


def certified_interpolant(
    operator: Operator, y: Array, norm: str = "nuclear", *, tolerance: float = 1e-9, most_steps: int = 20_000
) -> Certified:
    """Kernel: `interpolant` with the dual matrix that proves its lower bound: (..., p) -> Certified.

    Arguments, cost, what it raises and source: those of `interpolant`.
    """
    if norm not in NORMS:
        raise ValueError(f"norm must be one of {NORMS}, got {norm!r}")
    if not isinstance(tolerance, int | float) or not 1e-12 <= tolerance < 1.0:
        raise ValueError(f"tolerance must be in [1e-12, 1), got {tolerance!r}")
    check_count(1, most_steps=most_steps)
    least = operator.least(y)
    xp = array_namespace(least)
    if least.size == 0:
        return Certified(least, least, least[..., 0, 0], least[..., 0, 0])
    top = xp.max(xp.abs(least), axis=(-2, -1))[..., None, None]
    W0 = least / xp.where(top > 0.0, top, 1.0)
    if norm == "frobenius":
        size = xp.sqrt(xp.sum(W0 * W0, axis=(-2, -1)))
        dual = W0 / xp.where(size > 0.0, size, 1.0)[..., None, None]
        size = size * top[..., 0, 0]
        return Certified(least, dual, size, size)
    X, dual, lower, upper = _split(operator, W0, norm, tolerance, most_steps)
    excess = upper - lower - tolerance * upper
    if bool(xp.any(excess > 0.0)):
        worst = float(xp.max((upper - lower) / xp.where(upper > 0.0, upper, 1.0)))
        raise RuntimeError(f"the bracket of the {norm} norm closed to {worst:.3g} only in {most_steps} steps")
    top_ = top[..., 0, 0]
    return Certified(operator.corrected(X * top, y), dual, lower * top_, upper * top_)


def _split(
    operator: Operator, W0: Array, norm: str, tolerance: float, most_steps: int
) -> tuple[Array, Array, Array, Array]:
    """(W, dual, lower, upper): the best of each that the splitting met."""
    xp, r = array_namespace(W0), min(W0.shape[-2:])
    other = "operator" if norm == "nuclear" else "nuclear"
    u, s, vt = xp.linalg.svd(W0, full_matrices=False)
    base = xp.mean(s, axis=-1) if norm == "nuclear" else r * s[..., 0]
    g = (SCALE[norm] * xp.where(base > 0.0, base, 1.0))[..., None, None]
    # Optimal at once where the norm's own subgradient at W_0 lies in range(A*).
    aligned = u @ vt if norm == "nuclear" else u[..., :1] @ vt[..., :1, :]
    V = W0 - g * (aligned - perpendicular(operator, aligned))
    best, dual = W0, 0.0 * W0
    upper, lower = _norm(W0, norm), 0.0 * s[..., 0]
    mixing = _Mixing(V)
    for step in range(most_steps):
        X = perpendicular(operator, V) + W0
        if step in GROWTH:
            V, g = X + GROWTH[step] * (V - X), GROWTH[step] * g  # the same X and L
            mixing = _Mixing(V)
        if step % EVERY == 0 or step == most_steps - 1:
            L = (X - V) / g
            size = _norm(L, other)
            L = L / xp.where(size > 1.0, size, 1.0)[..., None, None]
            value, reached = xp.sum(W0 * L, axis=(-2, -1)), _norm(X, norm)
            # A bracket that is closed stays as it is: an item's answer does not depend on its neighbours.
            is_open = upper - lower > tolerance * upper
            above, below = is_open & (reached < upper), is_open & (value > lower)
            best = xp.where(above[..., None, None], X, best)
            dual = xp.where(below[..., None, None], L, dual)
            upper, lower = xp.where(above, reached, upper), xp.where(below, value, lower)
            if bool(xp.all(upper - lower <= tolerance * upper)):
                break
        V = mixing.next(V, _nearest(2.0 * X - V, g, norm) - X)
    return best, dual, lower, upper


class _Mixing:
    """Anderson's mixing for V <- V + F(V), item by item; back to the plain step where |F| doubled."""

    def __init__(self, V: Array) -> None:
        xp = array_namespace(V)
        nothing = xp.reshape(V, (*V.shape[:-2], 1, V.shape[-2] * V.shape[-1]))[..., :0, :]
        self.moves = nothing  # differences of V + F, one a row
        self.changes = nothing  # differences of F, each of length 1 (the moves are scaled alike)
        self.last: tuple[Array, Array, Array] | None = None  # V + F, F, |F|
        self.ridge = RIDGE * xp.eye(MEMORY, dtype=V.dtype, device=device(V))

    def next(self, V: Array, F: Array) -> Array:
        """The next V, from F(V)."""
        xp, shape = array_namespace(V), V.shape
        row = (*shape[:-2], 1, shape[-2] * shape[-1])
        size = xp.sqrt(xp.sum(F * F, axis=(-2, -1), keepdims=True))
        plain = V + F
        if self.last is None:
            self.last = (plain, F, size)
            return plain
        before, F_before, size_before = self.last
        worse = size > 2.0 * size_before
        change, move = F - F_before, plain - before
        length = xp.sqrt(xp.sum(change * change, axis=(-2, -1), keepdims=True))
        length = xp.where(length > 0.0, length, 1.0)
        kept = xp.astype(~worse, V.dtype)  # an item that went wrong starts its memory anew
        first = max(0, self.changes.shape[-2] + 1 - MEMORY)
        C = xp.concat([self.changes, xp.reshape(change / length, row)], axis=-2)[..., first:, :]
        moves = xp.concat([self.moves, xp.reshape(move / length, row)], axis=-2)[..., first:, :]
        self.changes, self.moves = C, moves = kept * C, kept * moves
        count = C.shape[-2]
        gram = C @ xp.matrix_transpose(C) + self.ridge[:count, :count]
        weights = xp.linalg.solve(gram, C @ xp.matrix_transpose(xp.reshape(F, row)))
        mixed = plain - xp.reshape(xp.matrix_transpose(weights) @ moves, shape)
        # Where |F| doubled: on from the last plain step; its own F is not known yet, the old one stands for it.
        after = ((before, plain), (F_before, F), (2.0 * size_before, size))
        self.last = tuple(xp.where(worse, old, new) for old, new in after)
        return xp.where(worse, before, mixed)


def _nearest(M: Array, g: Array, norm: str) -> Array:
    """argmin_Y |Y| + |Y - M|_F^2/(2g), on singular values: all less by g, or the largest cut at a level."""
    xp = array_namespace(M)
    u, s, vt = xp.linalg.svd(M, full_matrices=False)
    zero = xp.zeros_like(s)
    if norm == "nuclear":
        return (u * xp.maximum(s - g[..., 0], zero)[..., None, :]) @ vt
    # The level c with sum (s - c)_+ = g: the largest of (s_1 + ... + s_k - g)/k; 0 if the sum is below g.
    count = xp.cumulative_sum(xp.ones_like(s), axis=-1)
    level = xp.max((xp.cumulative_sum(s, axis=-1) - g[..., 0]) / count, axis=-1, keepdims=True)
    return (u * xp.minimum(s, xp.maximum(level, zero))[..., None, :]) @ vt


def _norm(M: Array, norm: str) -> Array:
    xp = array_namespace(M)
    s = xp.linalg.svdvals(M)
    return xp.sum(s, axis=-1) if norm == "nuclear" else s[..., 0]
