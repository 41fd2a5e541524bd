"""What line-searched GD and Muon should be compared with: conjugate gradients, and entry-wise rules.

On q modes of curvatures w_i > 0 with the gradient sigma_i at the start; loss above the minimum.
Source: Wang et al. 2026 as reported (Adam on the structured quadratic); the rest is ours.
"""

from __future__ import annotations

import math

from labs.core.arrays import Array, array_namespace, check_finite, check_positive, check_shape
from labs.core.optimisers import adam_step
from labs.curvature_nds._checks import check_orthonormal
from labs.curvature_nds.quadratic import Trajectory


def conjugate_gradients(w: Array, sigma: Array, steps: int) -> Array:
    """Kernel: loss of conjugate gradients after 0, 1, ..., steps steps: (..., steps + 1).

    No method whose steps stay in the span of the gradients has a lower loss; with k different curvatures it is 0
    after k steps, up to rounding.

    w, sigma  (..., q), w > 0; their batches broadcast

    The recurrence of Hestenes and Stiefel 1952, which does not reorthogonalise: rounding delays it where w spreads
    over many decades.  Cost O(q) a step.  Raises ValueError for bad arguments.
    """
    check_shape((None,), w=w)
    check_shape((w.shape[-1],), sigma=sigma)
    check_positive(w=w)
    check_finite(sigma=sigma)
    _check_steps(steps)
    xp = array_namespace(w, sigma)
    r = sigma + 0.0 * w
    d, direction = r / w, r
    energy = xp.sum(r * r, axis=-1, keepdims=True)
    losses = [xp.sum(d * r, axis=-1) / 2.0]
    for _ in range(steps):
        eta = _over(energy, xp.sum(w * direction * direction, axis=-1, keepdims=True))
        d = d - eta * direction
        r = w * d
        before, energy = energy, xp.sum(r * r, axis=-1, keepdims=True)
        direction = r + _over(energy, before) * direction
        losses.append(xp.sum(d * r, axis=-1) / 2.0)
    return xp.stack(losses, axis=-1)


def entrywise_descent(
    w: Array,
    sigma: Array,
    left: Array,
    right: Array,
    rule: str,
    steps: int,
    *,
    momentum: float = 0.9,
    memory: float = 0.95,
) -> Trajectory:
    """Kernel: sign descent and Adam, which see entries and not modes, with exact line search.

    The gradient is R = sum_i r_i u_i v_i^T, the curvature H[Z] = sum_i w_i <u_i v_i^T, Z> u_i v_i^T: w on the paired
    modes and 0 beside them, so that <R, Z>, <Z, H[Z]> and the next R need z_i = u_i^T Z v_i alone.

    w, sigma     (..., q), w > 0
    left, right  (..., m, q), (..., n, q): orthonormal columns u_i, v_i
    rule         "sign": Z = sgn R;  "adam": Adam's direction (bias-corrected) with `momentum` and `memory`

    Cost: three products (m, q) x (q, n) a step.  Raises ValueError for bad arguments.
    """
    check_shape((None,), w=w)
    check_shape((w.shape[-1],), sigma=sigma)
    check_shape((None, w.shape[-1]), left=left, right=right)
    check_positive(w=w)
    check_finite(sigma=sigma, left=left, right=right)
    check_orthonormal(left=left, right=right)
    _check_steps(steps)
    if rule not in ("sign", "adam"):
        raise ValueError(f"rule must be one of ('sign', 'adam'), got {rule!r}")
    xp = array_namespace(w, sigma, left, right)
    r = sigma + 0.0 * w
    first = second = 0.0 * (left * r[..., None, :]) @ xp.matrix_transpose(right)
    # In the shape of the whole batch from the start.
    r = r + 0.0 * xp.sum(first, axis=(-2, -1))[..., None]
    columns: list[list[Array]] = [[xp.sum(r * r / w, axis=-1) / 2.0], [], []]
    for t in range(steps):
        R = (left * r[..., None, :]) @ xp.matrix_transpose(right)
        if rule == "sign":
            Z = xp.sign(R)
        else:
            options = {"momentum": momentum, "memory": memory}
            Z, first, second = adam_step(0.0 * R, -R, first, second, t + 1, 1.0, **options)
        z = xp.sum(left * (Z @ right), axis=-2)
        squares, curvature = xp.sum(Z * Z, axis=(-2, -1)), xp.sum(w * z * z, axis=-1)
        eta = _over(xp.sum(r * z, axis=-1), curvature)
        r = r - eta[..., None] * w * z
        sharpness = xp.where(squares > 0.0, _over(curvature, squares), math.nan)
        for column, value in zip(
            columns,
            (xp.sum(r * r / w, axis=-1) / 2.0, sharpness, xp.abs(eta) * xp.sqrt(squares)),
            strict=True,
        ):
            column.append(value)
    empty = xp.zeros_like(r[..., :0])
    loss, nds, norm = (xp.stack(column, axis=-1) if column else empty for column in columns)
    return Trajectory(
        loss, nds, norm, xp.where(loss > 0.0, xp.log(xp.where(loss > 0.0, loss, 1.0)), -math.inf)
    )


def _over(x: Array, y: Array) -> Array:
    """x/y, and 0 where y = 0."""
    xp = array_namespace(x, y)
    defined = y != 0.0
    return xp.where(defined, x, 0.0) / xp.where(defined, y, 1.0)


def _check_steps(steps: int) -> None:
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 0:
        raise ValueError(f"steps must be an integer >= 0, got {steps!r}")
