"""The polar factor made Lipschitz, in two ways, and the energies whose gradients these are."""

from __future__ import annotations

from labs.core.arrays import Array, array_namespace, check_double, check_finite, check_positive, check_shape

KINDS = ("huber", "smooth")


def regularised_polar(W: Array, eps: float, kind: str = "huber") -> Array:
    """Kernel: U diag(f(sigma)) V^T with f = min(sigma/eps, 1) or sigma/sqrt(sigma^2 + eps^2): (..., m, n).

    "huber" is the gradient of the Moreau envelope of the nuclear norm, and the polar factor itself where every
    sigma_i >= eps; "smooth" is (W W^T + eps^2 I)^{-1/2} W.  Both have the Lipschitz constant 1/eps.
    Cost: one singular value decomposition.  Raises ValueError for bad W, eps, kind.  Source: derived here.
    """
    _check(W, eps, kind)
    xp = array_namespace(W)
    u, s, vt = xp.linalg.svd(W, full_matrices=False)
    f = xp.minimum(s / eps, xp.ones_like(s)) if kind == "huber" else s / xp.sqrt(s * s + eps * eps)
    return (u * f[..., None, :]) @ vt


def regularised_nuclear_norm(W: Array, eps: float, kind: str = "huber") -> Array:
    """Kernel: the energy whose gradient is `regularised_polar`: (..., m, n) -> (...).

    "huber": sum of sigma^2/(2 eps) up to eps, sigma - eps/2 beyond; "smooth": sum sqrt(sigma^2 + eps^2).
    Cost: one list of singular values.  Raises ValueError for bad W, eps, kind.  Source: derived here.
    """
    _check(W, eps, kind)
    xp = array_namespace(W)
    s = xp.linalg.svdvals(W)
    if kind == "smooth":
        return xp.sum(xp.sqrt(s * s + eps * eps), axis=-1)
    return xp.sum(xp.where(s <= eps, s * s / (2.0 * eps), s - eps / 2.0), axis=-1)


def _check(W: Array, eps: float, kind: str) -> None:
    check_shape((None, None), W=W)
    check_double(W=W)
    check_finite(W=W)
    check_positive(eps=eps)
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}, got {kind!r}")
