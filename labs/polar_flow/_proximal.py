"""The self-polar flow by implicit Euler steps: proximal points of the nuclear norm on the interpolants."""

from __future__ import annotations

import math

import numpy as np

from labs.core.arrays import Array, array_namespace, device
from labs.polar_flow._linear import perpendicular
from labs.polar_flow.operators import Operator


def proximal_flow(
    operator: Operator, W0: Array, times: np.ndarray, step: float, tolerance: float
) -> tuple[Array, Array]:
    """States (..., T, m, n) and sums of |W_{k+1} - W_k|^2/h (..., T) at eta = 1, by steps h <= `step`."""
    xp = array_namespace(W0)
    fixed = W0 - perpendicular(operator, W0)
    W, dual = W0, 0.0 * W0
    energy = xp.sum(dual, axis=(-2, -1))
    states, spent = [], []
    for span in np.diff(times, prepend=0.0):
        count = math.ceil(span / step)
        for _ in range(count):
            h = float(span) / count
            new, dual = proximal_step(operator, W, fixed, h, dual, tolerance)
            energy = energy + xp.sum((new - W) ** 2, axis=(-2, -1)) / h
            W = new
        states.append(W)
        spent.append(energy)
    return xp.stack(states, axis=-3), xp.stack(spent, axis=-1)


def proximal_step(
    operator: Operator,
    W: Array,
    fixed: Array,
    h: float | Array,
    dual: Array,
    tolerance: float,
    most: int = 100_000,
) -> tuple[Array, Array]:
    """argmin {h N(V) + |V - W|_F^2/2 : P_par V = fixed}, and its multiplier.

    V = shrunk(W + Z, h) with Z in range(A*), the maximiser of a concave function with the gradient fixed - P_par V,
    whose Lipschitz constant is 1: accelerated ascent from `dual`, restarted where it turns back, item by item, until
    |P_par V - fixed|_F <= tolerance (|fixed|_F + |W|_F).
    """
    xp = array_namespace(W)
    Z = ahead = dual
    weight = xp.ones(W.shape[:-2], dtype=W.dtype, device=device(W))
    limit = tolerance * (_norm(fixed) + _norm(W))
    excess = limit
    for _ in range(most):
        V = shrunk(W + ahead, h)
        missed = fixed - (V - perpendicular(operator, V))
        excess = _norm(missed) - limit
        done = excess <= 0.0
        if bool(xp.all(done)):
            return V, ahead
        new = ahead + missed
        move = new - Z
        weight = xp.where(xp.sum(missed * move, axis=(-2, -1)) < 0.0, 1.0, weight)
        heavier = 0.5 * (1.0 + xp.sqrt(1.0 + 4.0 * weight * weight))
        further = new + ((weight - 1.0) / heavier)[..., None, None] * move
        frozen = done[..., None, None]  # an item that is done waits for the others
        Z, ahead = xp.where(frozen, Z, new), xp.where(frozen, ahead, further)
        weight = xp.where(done, weight, heavier)
    raise RuntimeError(
        f"a proximal step did not converge: residual {float(xp.max(excess)):.3g} above its limit"
    )


def shrunk(W: Array, h: float | Array) -> Array:
    """U diag(max(sigma - h, 0)) V^T, h a number or (...)."""
    xp = array_namespace(W)
    h = h if isinstance(h, float) else h[..., None]
    u, s, vt = xp.linalg.svd(W, full_matrices=False)
    return (u * xp.maximum(s - h, xp.zeros_like(s))[..., None, :]) @ vt


def _norm(Z: Array) -> Array:
    xp = array_namespace(Z)
    return xp.sqrt(xp.sum(Z * Z, axis=(-2, -1)))
