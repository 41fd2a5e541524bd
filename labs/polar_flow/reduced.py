"""The self-polar flow of a regression in k x k matrices, and in closed form where these commute.

W = W_par + Z with W_par = pinv(X) Y fixed, and W_par^T Z = 0.  With C = W_par^T W_par and B = Z^T Z

    dZ/dt = -eta Z (C + B)^{-1/2},   dB/dt = -eta (B (C + B)^{-1/2} + (C + B)^{-1/2} B),
    sigma_i(W) = sqrt(eigenvalue_i(C + B))

so that a flow of d x k matrices costs k^3 a stage whatever d is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from labs.core.arrays import (
    Array,
    array_namespace,
    check_double,
    check_finite,
    check_nonnegative,
    check_positive,
    check_shape,
)
from labs.core.flow import FINISHED, integrate
from labs.polar_flow._linear import check_broadcast

# Eigenvalues of C + B up to this times the largest at the start are zeros: there Z is at rest.
ZERO = 1e-24

# Of the Frobenius norm: what a product such as Z^T Z may miss of symmetry and of nonnegative eigenvalues.
ROUNDING = 1e-12

MOST_NEWTON = 100


@dataclass(frozen=True)
class Reduced:
    """B (..., T, k, k) and sigma (..., T, k), descending, at the times."""

    B: Array
    sigma: Array


def reduced_flow(C: Array, B0: Array, times: Array, *, eta: float = 1.0, tolerance: float = 1e-10) -> Reduced:
    """Kernel: the flow of B = Z^T Z from B0 at time 0, to the ascending `times` (T,) >= 0.

    C, B0   (..., k, k), symmetric positive semidefinite (to ROUNDING of their size), of one shape
    Cost: an eigenvalue decomposition a stage, six stages a step.  Raises ValueError for bad arguments, RuntimeError
    where it does not come to the end.
    Source: derived here, from the regression model of Beneventano et al. 2026.
    """
    check_shape((None, None), C=C)
    check_shape((C.shape[-1], C.shape[-1]), C=C, B0=B0)
    check_shape((None,), times=times)
    check_double(C=C, B0=B0, times=times)
    check_finite(C=C, B0=B0)
    check_nonnegative(times=times)
    check_positive(eta=eta, tolerance=tolerance)
    _check_semidefinite(C=C, B0=B0)
    xp = array_namespace(C, B0, times)
    B0 = B0 + 0.0 * C
    top = xp.linalg.eigvalsh(C + B0)[..., -1]

    def field(t: Array, B: Array) -> Array:
        values, vectors = xp.linalg.eigh(C + B)
        root = (
            xp.where(values > ZERO * top[..., None], xp.maximum(values, ZERO * top[..., None]), xp.inf)
            ** -0.5
        )
        pulled = B @ ((vectors * root[..., None, :]) @ xp.matrix_transpose(vectors))
        return -eta * (pulled + xp.matrix_transpose(pulled))

    run = integrate(field, B0, times, axes=2, begin=0.0 * top, rtol=tolerance, atol=tolerance * top + 1e-300)
    if bool(xp.any(run.status != FINISHED)):
        raise RuntimeError(f"the reduced flow did not get beyond t = {float(xp.min(run.reached)):.6g}")
    values = xp.linalg.eigvalsh(C[..., None, :, :] + run.states)
    sigma = xp.sqrt(xp.maximum(xp.flip(values, axis=-1), xp.zeros_like(values)))
    return Reduced(run.states, sigma)


def _check_semidefinite(**named: Array) -> None:
    """Raise ValueError unless each argument is symmetric with no negative eigenvalue, to rounding."""
    for name, M in named.items():
        xp = array_namespace(M)
        size = xp.sqrt(xp.sum(M * M, axis=(-2, -1)))
        skew, least = M - xp.matrix_transpose(M), xp.linalg.eigvalsh(M)[..., 0]
        skew = xp.sqrt(xp.sum(skew * skew, axis=(-2, -1)))
        if bool(xp.any((skew > ROUNDING * size) | (least < -ROUNDING * size))):
            got = f"an asymmetry of {float(xp.max(skew)):.3g} and a least eigenvalue of {float(xp.min(least)):.3g}"
            raise ValueError(f"{name} must be symmetric positive semidefinite, got {got}")


def commuting_level(d: Any, log: Any) -> Any:
    """What falls by eta t/kappa: sigma/kappa - artanh(kappa/sigma) at sigma = kappa (1 + d), log = log(d/(2 + d))."""
    return 1 + d + log / 2


def commuting_flow(sigma0: Array, kappa: Array, t: Array, eta: float = 1.0) -> Array:
    """Kernel: the singular value sigma(t) where C and B commute, kappa^2 the eigenvalue of C: broadcast -> (...).

        d sigma/dt = -eta (1 - kappa^2/sigma^2)
        sigma - kappa artanh(kappa/sigma) = sigma0 - kappa artanh(kappa/sigma0) - eta t,  kappa > 0
        sigma = max(sigma0 - eta t, 0),                                                   kappa = 0

    sigma0   >= kappa: sigma0 = kappa is at rest;   kappa, t   >= 0

    Solved for u = log(sigma/kappa - 1), in which the left side, over kappa, is 1 + e^u - log(2 + e^u)/2 + u/2: convex
    and increasing with a slope of at least 1/2, so that Newton's method from above descends to the zero, and sigma -
    kappa keeps its relative accuracy for large t.  Cost: about ten exponentials an item.  Raises ValueError for bad
    arguments.  Source: derived here.
    """
    check_nonnegative(sigma0=sigma0, kappa=kappa, t=t)
    check_broadcast(sigma0=sigma0, kappa=kappa, t=t)
    check_positive(eta=eta)
    xp = array_namespace(sigma0, kappa, t)
    zero = 0.0 * (sigma0 + kappa + t)
    sigma0, kappa, t = sigma0 + zero, kappa + zero, t + zero
    if bool(xp.any(sigma0 < kappa)):
        raise ValueError(
            f"sigma0 must be at least kappa, got a difference of {float(xp.min(sigma0 - kappa))}"
        )
    # A kappa below 1e-200 sigma0 is zero; what else is masked gets any values that are safe.
    moving = (kappa > 1e-200 * sigma0) & (sigma0 > kappa)
    scale = xp.where(moving, kappa, 1.0)
    above = xp.where(moving, (sigma0 - kappa) / scale, 1.0)
    level = commuting_level(above, -xp.log1p(2.0 / above)) - eta * t / scale
    # Both ends lie above the zero: the left side exceeds 1 - log(2)/2 + u/2, and e^u beyond u = 0.
    u = xp.minimum(2.0 * (level - 1.0) + math.log(2.0), xp.log(xp.maximum(level, xp.ones_like(level))))
    for _ in range(MOST_NEWTON):
        d = xp.exp(u)
        step = (commuting_level(d, u - xp.log(2.0 + d)) - level) / (0.5 + d - 0.5 * d / (2.0 + d))
        u = u - step
        if bool(xp.all(abs(step) <= 1e-15 * (1.0 + abs(u)))):
            break
    # A large e^u has lost the digits of u: once more in d = level - 1 + log(1 + 2/d)/2, which contracts threefold.
    d = xp.exp(u)
    d = xp.where(u > 0.0, level - 1.0 + 0.5 * xp.log1p(2.0 / xp.maximum(d, xp.ones_like(d))), d)
    gone = xp.maximum(sigma0 - eta * t, zero)
    return xp.where(moving, kappa + kappa * d, xp.where(kappa > 1e-200 * sigma0, sigma0, gone))
