"""The subgradient of the nuclear norm whose projection on ker A is shortest (see sliding.py)."""

from __future__ import annotations

from dataclasses import dataclass

from labs.core.arrays import Array, array_namespace, device
from labs.polar_flow._linear import perpendicular
from labs.polar_flow.operators import Operator


@dataclass(frozen=True)
class Selection:
    """The velocity of the flow at eta = 1, and the subgradient that it comes from.

    velocity   (..., m, n), -P_perp (P(W) + N)
    normal     (..., m, n), N: zero where W has full rank
    norm       (...), |N|_op
    rank       (...), integers: the rank of W
    error      (...), a bound on |velocity - exact velocity|_F, from a dual value (see `sliding_velocity`)
    """

    velocity: Array
    normal: Array
    norm: Array
    rank: Array
    error: Array


def selected(operator: Operator, u: Array, vt: Array, kept: Array, most_steps: int = 20_000) -> Selection:
    """The selection where the columns of u and rows of vt that are `kept` belong to singular values above zero."""
    xp = array_namespace(u)
    frame = Frame(u, vt, kept)
    factor, rank = frame.polar(), xp.sum(xp.astype(kept, xp.int64), axis=-1)
    if bool(xp.all(kept)):
        pulled = perpendicular(operator, factor)
        zero = 0.0 * xp.sum(pulled, axis=(-2, -1))
        return Selection(-pulled, 0.0 * pulled, zero, rank, zero)
    limit = 1e-6 * xp.sqrt(xp.astype(rank, u.dtype) + 1.0)
    N = unbounded(operator, frame, factor)
    pulled = perpendicular(operator, factor + N)
    error = _error(frame.normal(pulled), N)
    if bool(xp.any((_norm(N) > 1.0) | (error > limit))):
        N = _bounded(operator, frame, factor, N, most_steps)
        pulled = perpendicular(operator, factor + N)
        error = _error(frame.normal(pulled), N)
    if bool(xp.any(error > limit)):
        worst = float(xp.max(error - limit))
        raise RuntimeError(f"the selection is not certain: its error may exceed the limit by {worst:.3g}")
    return Selection(-pulled, N, _norm(N), rank, error)


@dataclass(frozen=True)
class Frame:
    """The singular directions that count: columns of u and rows of vt where `kept`."""

    u: Array
    vt: Array
    kept: Array

    def polar(self) -> Array:
        """P(W), from these directions alone."""
        xp = array_namespace(self.u)
        return (self.u * xp.astype(self.kept, self.u.dtype)[..., None, :]) @ self.vt

    def normal(self, Z: Array) -> Array:
        """(I - U U^T) Z (I - V V^T): what of Z maps null space to null space."""
        xp = array_namespace(self.u)
        weights = xp.astype(self.kept, self.u.dtype)
        u, vt = self.u * weights[..., None, :], self.vt * weights[..., :, None]
        Z = Z - u @ (xp.matrix_transpose(u) @ Z)
        return Z - (Z @ xp.matrix_transpose(vt)) @ vt


def unbounded(operator: Operator, frame: Frame, factor: Array) -> Array:
    """The N of least |P_perp (P + N)|, then of least |N|_F, without the bound on |N|_op: conjugate gradients.

    For N -> normal(P_perp N), symmetric with eigenvalues in [0, 1], from 0 on: N stays in its range.
    """
    xp, (m, n) = array_namespace(factor), factor.shape[-2:]
    residual = -frame.normal(perpendicular(operator, factor))
    N, direction = 0.0 * residual, residual
    energy = _dot(residual, residual)
    for _ in range(2 * m * n):
        # The first residual is a difference of numbers of the size of P: below this it is rounding.
        going = energy > 1e-28 * min(m, n)
        if not bool(xp.any(going)):
            break
        moved = frame.normal(perpendicular(operator, direction))
        curvature = _dot(direction, moved)
        going = going & (curvature > 1e-14 * _dot(direction, direction))
        length = xp.where(going, energy / xp.where(going, curvature, 1.0), 0.0)[..., None, None]
        N, residual = N + length * direction, residual - length * moved
        before, energy = energy, xp.where(going, _dot(residual, residual), 0.0)
        share = xp.where(going, energy / xp.where(before > 0.0, before, 1.0), 0.0)[..., None, None]
        direction = residual + share * direction
    return N


def _bounded(operator: Operator, frame: Frame, factor: Array, N: Array, most_steps: int) -> Array:
    """The N of least |P_perp (P + N)| with |N|_op <= 1."""
    xp = array_namespace(N)
    N = ahead = _clipped(N)
    weight = xp.ones(N.shape[:-2], dtype=N.dtype, device=device(N))
    for step in range(most_steps):
        pulled = frame.normal(perpendicular(operator, factor + ahead))
        new = _clipped(frame.normal(ahead - pulled))
        move = new - N
        # A step against the last one's direction: forget the momentum (O'Donoghue and Candes 2015).
        weight = xp.where(_dot(ahead - new, move) > 0.0, 1.0, weight)
        heavier = 0.5 * (1.0 + xp.sqrt(1.0 + 4.0 * weight * weight))
        ahead = new + ((weight - 1.0) / heavier)[..., None, None] * move
        N, weight = new, heavier
        if step % 8 == 0 and bool(xp.all(_dot(move, move) <= 1e-30)):
            break
    return N


def _clipped(N: Array) -> Array:
    """The nearest matrix with |N|_op <= 1."""
    xp = array_namespace(N)
    u, s, vt = xp.linalg.svd(N, full_matrices=False)
    return (u * xp.minimum(s, xp.ones_like(s))[..., None, :]) @ vt


def _error(G: Array, N: Array) -> Array:
    """The bound of `sliding_velocity`."""
    xp = array_namespace(N)
    gap = _dot(G, N) + xp.sum(xp.linalg.svdvals(G), axis=-1)
    return xp.sqrt(xp.maximum(gap, xp.zeros_like(gap)))


def _norm(N: Array) -> Array:
    return array_namespace(N).linalg.svdvals(N)[..., 0]


def _dot(a: Array, b: Array) -> Array:
    return array_namespace(a).sum(a * b, axis=(-2, -1))
