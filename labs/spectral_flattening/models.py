"""Losses of matrices: linear regression, which is a Kronecker quadratic, and the factorisation of a matrix."""

from __future__ import annotations

from dataclasses import dataclass

from labs.core.arrays import (
    Array,
    Namespace,
    array_namespace,
    check_double,
    check_finite,
    check_positive,
    check_shape,
    device,
)
from labs.spectral_flattening._descent import CEILING
from labs.spectral_flattening._rules import check_rule, direction


@dataclass(frozen=True)
class Regression:
    """|W X - Y|_F^2/(2 N) = <Delta, Delta A>/2 + floor, Delta = W - solution: Kronecker curvature with B = 1.

    A (..., n, n) is X X^T/N, solution (..., m, n) the one of least Frobenius norm, floor (...) the least loss.
    """

    A: Array
    solution: Array
    floor: Array


def regression(inputs: Array, targets: Array) -> Regression:
    """Kernel: the quadratic of least squares with inputs X (..., n, N) and targets Y (..., m, N), samples in columns.

    The solution is Y X^+ by the singular value decomposition of X, singular values up to max(n, N) eps of the
    largest being zeros.  Raises ValueError for bad shapes and values.
    """
    check_shape((None, None), inputs=inputs)
    n, count = inputs.shape[-2:]
    check_shape((None, count), targets=targets)
    check_double(inputs=inputs, targets=targets)
    check_finite(inputs=inputs, targets=targets)
    xp = array_namespace(inputs, targets)
    u, s, vt = xp.linalg.svd(inputs, full_matrices=False)
    kept = s > max(n, count) * xp.finfo(s.dtype).eps * s[..., :1]
    inverse = xp.where(kept, 1.0 / xp.where(kept, s, 1.0), 0.0)
    solution = ((targets @ vt.mT) * inverse[..., None, :]) @ u.mT
    rest = targets - solution @ inputs
    return Regression((u * (s * s)[..., None, :]) @ u.mT / count, solution, _half_square(xp, rest) / count)


@dataclass(frozen=True)
class Factorisation:
    """A run of `factorise`: losses (..., steps + 1); at its end the factors left (..., m, k), right (..., k, n)."""

    losses: Array
    left: Array
    right: Array


def factorise(
    target: Array,
    left: Array,
    right: Array,
    rule: str,
    steps: int,
    *,
    size: float | Array = 1.0,
    ceiling: float = CEILING,
) -> Factorisation:
    """Kernel: run a rule on both factors of f = |Y - W_2 W_1|_F^2/2, at a fixed step.

        R = W_2 W_1 - Y,   W_2 <- W_2 - size X(R W_1^T),   W_1 <- W_1 - size X(W_2^T R)   (both from the old factors)

    target Y (..., m, n), left W_2 (..., m, k), right W_1 (..., k, n), size > 0 a number or one a run (...); rules and
    ceiling as in `dynamics.descend`.  Raises ValueError for bad shapes and values.
    """
    check_rule(rule)
    _check_factors(target, left, right)
    check_positive(size=size)
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps must be an integer >= 1, got {steps!r}")
    xp = array_namespace(target, left, right)
    rest = left @ right - target
    value = _half_square(xp, rest) + 0.0 * size
    left, right = (factor + 0.0 * value[..., None, None] for factor in (left, right))
    eta = (size + 0.0 * value)[..., None, None]
    losses = [value]
    for _ in range(steps):
        going = (value <= ceiling)[..., None, None]
        second, first = direction(rule, rest @ right.mT), direction(rule, left.mT @ rest)
        left = xp.where(going, left - eta * second, left)
        right = xp.where(going, right - eta * first, right)
        rest = left @ right - target
        value = _half_square(xp, rest)
        losses.append(value)
    return Factorisation(xp.stack(losses, axis=-1), left, right)


def sharpness(target: Array, left: Array, right: Array) -> Array:
    """Kernel: the largest eigenvalue of the Hessian of f = |Y - W_2 W_1|_F^2/2: (...).  GD needs a step below 2/it.

        H(V_2, V_1) = (dR W_1^T + R V_1^T, W_2^T dR + V_2^T R),   dR = V_2 W_1 + W_2 V_1

    The whole Hessian, of size k (m + n), column by column, and its eigenvalues.  Raises ValueError as `factorise`.
    """
    m, n = _check_factors(target, left, right)
    xp = array_namespace(target, left, right)
    k = left.shape[-1]
    rest = (left @ right - target)[..., None, :, :]
    W2, W1 = left[..., None, :, :], right[..., None, :, :]
    unit = xp.eye(k * (m + n), dtype=left.dtype, device=device(left))
    V2 = xp.reshape(unit[:, : m * k], (-1, m, k))
    V1 = xp.reshape(unit[:, m * k :], (-1, k, n))
    moved = V2 @ W1 + W2 @ V1
    second, first = moved @ W1.mT + rest @ V1.mT, W2.mT @ moved + V2.mT @ rest
    rows = [xp.reshape(x, (*x.shape[:-2], x.shape[-2] * x.shape[-1])) for x in (second, first)]
    hessian = xp.concat(rows, axis=-1)
    return xp.linalg.eigvalsh((hessian + hessian.mT) / 2.0)[..., -1]


def _check_factors(target: Array, left: Array, right: Array) -> tuple[int, int]:
    check_shape((None, None), target=target, left=left)
    m, n = target.shape[-2:]
    check_shape((m, None), left=left)
    check_shape((left.shape[-1], n), right=right)
    check_double(target=target, left=left, right=right)
    check_finite(target=target, left=left, right=right)
    return m, n


def _half_square(xp: Namespace, X: Array) -> Array:
    return 0.5 * xp.sum(X * X, axis=(-2, -1))
