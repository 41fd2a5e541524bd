"""What the four kinds of operators have in common (see operators.py): unfolding, gathering, factors, bad input.

A matrix W is unfolded to Z, on which the operator's small matrix acts from the left: W itself for a regression, all
of it as one column for dense measurements, its diagonal as one column for a diagonal operator.  Masks, and the
entries off a diagonal, are gathered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labs.core.arrays import (
    Array,
    array_namespace,
    check_double,
    check_finite,
    check_shape,
    device,
    to_numpy,
)

if TYPE_CHECKING:
    from labs.polar_flow.operators import Operator

# Of the norm of y: the rounding of A W outside the range of a rank-deficient A, with room.
INCONSISTENT = 1e-10


def perpendicular(op: Operator, W: Array) -> Array:
    """P_perp W, without a look at W."""
    if op.kind == "mask":
        return (1.0 - op.matrix) * W
    xp, Z = array_namespace(W, op.basis), unfolded(op, W)
    Z = Z - xp.matrix_transpose(op.basis) @ (op.basis @ Z)
    return Z * eye(W, W.shape[-1]) if op.kind == "diagonal" else folded(op, Z, W)


def measured(op: Operator, W: Array) -> Array:
    """A(W): the small matrix on the unfolded W, flattened, and the measured entries after it."""
    if op.kind == "mask":
        return gathered(op, W)
    xp = array_namespace(W, op.matrix)
    top = op.matrix @ unfolded(op, W)
    top = xp.reshape(top, (*top.shape[:-2], top.shape[-2] * top.shape[-1]))
    return xp.concat([top, gathered(op, W)], axis=-1) if op.kind == "diagonal" else top


def adjoint_of(op: Operator, dual: Array) -> Array:
    """A*(dual)."""
    if op.kind == "mask":
        return scattered(op, dual)
    xp = array_namespace(dual, op.matrix)
    return folded(op, xp.matrix_transpose(op.matrix) @ top_of(op, dual), dual)


def unfolded(op: Operator, W: Array) -> Array:
    """Z, on which the small matrix acts: (..., c, width)."""
    xp = array_namespace(W)
    if op.kind == "regression":
        return W
    if op.kind == "dense":
        return xp.reshape(W, (*W.shape[:-2], W.shape[-2] * W.shape[-1], 1))
    return xp.sum(W * eye(W, W.shape[-1]), axis=-1)[..., None]


def folded(op: Operator, Z: Array, data: Array) -> Array:
    """The matrix that unfolds to Z; off the diagonal of a diagonal operator stands the end of `data` (..., p)."""
    xp = array_namespace(Z)
    if op.kind == "regression":
        return Z
    if op.kind == "dense":
        return xp.reshape(Z, (*Z.shape[:-2], *op.shape))
    return Z * eye(Z, Z.shape[-2]) + scattered(op, data[..., data.shape[-1] - op.entries :])


def top_of(op: Operator, data: Array) -> Array:
    """What of `data` (..., p) came from the small matrix: (..., q, width)."""
    xp, q = array_namespace(data), op.matrix.shape[-2]
    kept = data[..., : data.shape[-1] - op.entries]
    return xp.reshape(kept, (*kept.shape[:-1], q, kept.shape[-1] // q))


def gathered(op: Operator, W: Array) -> Array:
    """The measured entries of W, in the order of the flattened matrix: (..., entries)."""
    xp = array_namespace(W, op.order)
    batch = broadcast(W.shape[:-2], op.order.shape[:-1])
    flat = xp.reshape(W, (*W.shape[:-2], W.shape[-2] * W.shape[-1]))
    order = xp.broadcast_to(op.order[..., : op.entries], (*batch, op.entries))
    return xp.take_along_axis(xp.broadcast_to(flat, (*batch, flat.shape[-1])), order, axis=-1)


def scattered(op: Operator, values: Array) -> Array:
    """The matrix with these measured entries, and zeros elsewhere: the adjoint of `gathered`."""
    xp, count = array_namespace(values, op.order), op.order.shape[-1]
    batch = broadcast(values.shape[:-1], op.order.shape[:-1])
    zeros = xp.zeros((*batch, count - op.entries), dtype=values.dtype, device=device(values))
    flat = xp.concat([xp.broadcast_to(values, (*batch, op.entries)), zeros], axis=-1)
    back = xp.broadcast_to(xp.argsort(op.order, axis=-1), (*batch, count))
    return xp.reshape(xp.take_along_axis(flat, back, axis=-1), (*batch, *op.shape))


def order_of(name: str, mask: Array) -> tuple[Array, int]:
    """Positions in the flattened matrix, those where `mask` is true first; and how many these are."""
    xp, (m, n) = array_namespace(mask), mask.shape[-2:]
    flat = xp.reshape(xp.astype(mask, xp.int64), (*mask.shape[:-2], m * n))
    counts = {int(count) for count in to_numpy(xp.sum(flat, axis=-1)).flat} or {0}
    if len(counts) > 1:
        problem = f"{name} must measure equally many entries in every item"
        raise ValueError(f"{problem}, got between {min(counts)} and {max(counts)}")
    return xp.argsort(flat, axis=-1, descending=True, stable=True), counts.pop()


def factors(name: str, matrix: Array) -> tuple[Array, Array, Array]:
    """U, s, Q of matrix = U diag(s) Q, without the singular values that are rounding."""
    xp = array_namespace(matrix)
    left, scale, basis = xp.linalg.svd(matrix, full_matrices=False)
    floor = max(matrix.shape[-2:]) * float(xp.finfo(matrix.dtype).eps)
    kept = (scale > floor * scale[..., :1]) & (scale > 0.0)
    ranks = {int(k) for k in to_numpy(xp.sum(xp.astype(kept, xp.int64), axis=-1)).flat} or {scale.shape[-1]}
    if 0 in ranks or len(ranks) > 1:
        got = ", ".join(map(str, sorted(ranks)))
        raise ValueError(f"{name} must not vanish, and have the same rank in every item, got rank {got}")
    rank = ranks.pop()
    return left[..., :rank], scale[..., :rank], basis[..., :rank, :]


def check_matrix(op: Operator, **named: Any) -> None:
    """Raise ValueError unless the one named argument holds finite matrices of the operator's shape."""
    check_shape(op.shape, **named)
    check_double(**named)
    check_finite(**named)


def check_data(op: Operator, **named: Any) -> None:
    """Raise ValueError unless the one named argument holds finite data (..., p)."""
    ((name, y),) = named.items()
    p = op.entries + (0 if op.kind == "mask" else op.matrix.shape[-2])
    if p:
        check_shape((None,) if op.kind == "regression" else (p,), **named)
    check_double(**named)
    check_finite(**named)
    if op.kind == "regression" and y.shape[-1] % p:
        raise ValueError(f"{name} must be an array of N k = {p} k numbers per item, got {y.shape[-1]}")


def check_count(least: int, **named: Any) -> None:
    """Raise ValueError unless each argument is an integer, at least `least`."""
    for name, count in named.items():
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < least:
            raise ValueError(f"{name} must be an integer >= {least}, got {count!r}")


def check_sizes(shape: Any) -> tuple[int, int]:
    """(m, n), or ValueError unless `shape` is two integers >= 1."""
    pair = isinstance(shape, tuple | list) and len(shape) == 2
    if not pair or any(isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1 for k in shape):
        raise ValueError(f"shape must be two integers >= 1, got {shape!r}")
    return int(shape[0]), int(shape[1])


def check_broadcast(**named: Any) -> None:
    """Raise ValueError unless the arguments, numbers or arrays, broadcast."""
    shapes = [tuple(getattr(value, "shape", ())) for value in named.values()]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        got = ", ".join(map(str, shapes))
        raise ValueError(f"{', '.join(named)} must broadcast, got shapes {got}") from None


def check_consistent(op: Operator, y: Array) -> None:
    """Raise ValueError where y lies outside the range of A, which is possible only for dependent rows."""
    if op.kind == "mask" or op.left.shape[-2] == op.left.shape[-1]:
        return
    xp, top = array_namespace(y, op.left), top_of(op, y)
    outside = top - op.left @ (xp.matrix_transpose(op.left) @ top)
    excess = xp.sqrt(xp.sum(outside * outside, axis=(-2, -1)))
    excess = excess - INCONSISTENT * xp.sqrt(xp.sum(top * top, axis=(-2, -1)))
    if bool(xp.any(excess > 0.0)):
        got = f"a distance of {float(xp.max(excess)):.3g}"
        raise ValueError(f"y must be in the range of A, whose rows are dependent, got {got}")


def broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """numpy.broadcast_shapes, for shapes that fit."""
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    return tuple(next((k for k in column if k != 1), 1) for column in zip(*padded, strict=True))


def eye(like: Array, n: int) -> Array:
    """The identity of size n, where `like` lives."""
    return array_namespace(like).eye(n, dtype=like.dtype, device=device(like))
