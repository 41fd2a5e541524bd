"""Polarising a matrix that is not W: how far P(M) is from P(W), and where the flow goes then.

delta_P = |P(M) - P(W)|_F knows nothing of the choice of singular vectors.  Angles between singular subspaces are no
substitute: M = -W has none, and delta_P = 2 sqrt(rank).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from labs.core.arrays import Array, array_namespace, check_double, check_finite, check_positive, check_shape
from labs.core.polar import msign
from labs.polar_flow._linear import check_count, check_matrix
from labs.polar_flow.operators import Operator


def best_scale(cross: Any, squares: Any, floor: Any, other_floor: Any, other_squares: Any) -> Any:
    """The c at which |M - c W|_F/(b + c a) is least, for a = floor = sigma_r(W) and b = other_floor = sigma_r(M).

    cross = <M, W>, squares = |W|_F^2, other_squares = |M|_F^2:  c = (a |M|^2 + b <M, W>)/(b |W|^2 + a <M, W>).
    """
    return (floor * other_squares + other_floor * cross) / (other_floor * squares + floor * cross)


def alignment_defect(W: Array, M: Array) -> tuple[Array, Array]:
    """Kernel: delta_P = |P(M) - P(W)|_F and what bounds it: (..., m, n) each -> ((...), (...)).

        delta_P <= 2 |M - c W|_F/(sigma_r(M) + c sigma_r(W))   for every c > 0,   r = min(m, n)

    The bound is the least over c, c -> 0 and c -> infinity included, and at most 2 sqrt r.  It holds at every rank,
    with sigma_r = 0 for deficient ones.  P is the canonical factor, U V^T over the singular values that are not 0.
    Cost: two polar factors, two lists of singular values.  Raises ValueError for bad W, M, or unequal shapes.
    Source: derived here (Beneventano et al. 2026 measure misalignment by delta_P, as reported).
    """
    for name, X in (("W", W), ("M", M)):
        check_shape((None, None), **{name: X})
        check_double(**{name: X})
        check_finite(**{name: X})
    if W.shape[-2:] != M.shape[-2:]:
        raise ValueError(f"M must have the shape {tuple(W.shape[-2:])} of W, got {tuple(M.shape[-2:])}")
    xp = array_namespace(W, M)
    distance = _norm(msign(M) - msign(W))
    W, M = _scaled(W), _scaled(M)  # the defect and the bound are the same for every multiple
    a, b = xp.linalg.svdvals(W)[..., -1], xp.linalg.svdvals(M)[..., -1]
    cross, squares, other = _dot(M, W), _dot(W, W), _dot(M, M)
    numerator, denominator = a * other + b * cross, b * squares + a * cross
    inside = (numerator > 0.0) & (denominator > 0.0)
    c = xp.where(inside, numerator, 1.0) / xp.where(inside, denominator, 1.0)
    bound = 2.0 * math.sqrt(min(W.shape[-2:]))
    for above, below in (
        (_norm(M - c[..., None, None] * W), b + c * a),
        (_norm(M), b + 0.0 * a),
        (_norm(W), a + 0.0 * b),
    ):
        usable = below > 0.0
        quotient = 2.0 * above / xp.where(usable, below, 1.0)
        bound = xp.where(usable & (quotient < bound), quotient, bound)
    return distance, bound


def misaligned_flow(
    operator: Operator,
    V0: Array,
    polarised: Callable[[float, Array], Array],
    step: float,
    steps: int,
    *,
    eta: float = 1.0,
) -> tuple[Array, Array]:
    """Kernel: dV/dt = -eta P_perp P(M), M = polarised(t, V), from V0 (..., m, n), by Runge-Kutta steps of order 4.

    Returns the states at 0, step, ..., (..., steps + 1, m, n), and (..., steps + 1) what the misalignment adds up to:
    eta times the integral of |P_perp (P(M) - P(V))|_F from 0 on.

    The step is fixed: where M loses rank P(M) jumps, and an adaptive scheme would stall.  `polarised` returns a
    matrix of V's shape; V itself gives the self-polar flow (while V has full rank), without misalignment.
    Error step^4 while M and V keep full rank, step beyond.  Cost: eight polar factors a step.
    Raises ValueError for bad V0, step, steps, eta, and where what `polarised` returns at the start is no such matrix.
    Source: Beneventano et al. 2026 as reported; what adds up is derived here.
    """
    check_matrix(operator, V0=V0)
    check_positive(step=step, eta=eta)
    check_count(1, steps=steps)
    xp, first = array_namespace(V0), polarised(0.0, V0)
    check_shape(tuple(V0.shape[-2:]), polarised=first)
    check_double(polarised=first)
    check_finite(polarised=first)

    def rate(t: float, V: Array) -> tuple[Array, Array]:
        factor = msign(polarised(t, V))
        return -eta * operator.perp(factor), eta * _norm(operator.perp(factor - msign(V)))

    V = V0 + 0.0 * operator.perp(V0)  # in the shape that the operator's own batch asks for
    defect = 0.0 * _norm(V)
    states, defects = [V], [defect]
    for i in range(steps):
        t = i * step
        v1, d1 = rate(t, V)
        v2, d2 = rate(t + step / 2, V + step / 2 * v1)
        v3, d3 = rate(t + step / 2, V + step / 2 * v2)
        v4, d4 = rate(t + step, V + step * v3)
        V = V + step / 6 * (v1 + 2.0 * v2 + 2.0 * v3 + v4)
        defect = defect + step / 6 * (d1 + 2.0 * d2 + 2.0 * d3 + d4)
        states.append(V)
        defects.append(defect)
    return xp.stack(states, axis=-3), xp.stack(defects, axis=-1)


def _scaled(X: Array) -> Array:
    xp = array_namespace(X)
    top = xp.max(xp.abs(X), axis=(-2, -1), keepdims=True)
    return X / xp.where(top > 0.0, top, 1.0)


def _dot(X: Array, Y: Array) -> Array:
    return array_namespace(X, Y).sum(X * Y, axis=(-2, -1))


def _norm(X: Array) -> Array:
    return array_namespace(X).sqrt(_dot(X, X))
