"""Muon as gradient descent with a preconditioner that the gradient builds of itself."""

from __future__ import annotations

from labs.associative_memory._drifts import check_numbers
from labs.core.arrays import Array, array_namespace, check_double, check_finite, check_shape


def preconditioner(G: Array, power: float = 0.0, *, rtol: float | None = None) -> Array:
    """Kernel: D = (G^T G)^{+(s-1)/2}, s = power: the update G D has the singular values of G to that power.

        G = U diag(s_i) V^T   ->   D = V diag(s_i^(power - 1)) V^T over s_i > 0;   G D = U diag(s_i^power) V^T

    power 0 is Muon: G D = msgn(G);  power 1 is gradient descent, D the projection on the row space of G.
    G (..., m, n), float64; D (..., n, n), symmetric, positive semidefinite.  Singular values up to rtol times the
    largest (default max(m, n) eps) count as zeros.
    Cost: one singular value decomposition.  Raises ValueError for a G that is not finite or of another kind, and
    for a power or rtol outside [0, 1].  Source: Li et al. 2026 (in words); the form is derived here (AML-P10).
    """
    check_shape((None, None), G=G)
    check_double(G=G)
    check_finite(G=G)
    rtol = max(G.shape[-2:]) * 2.0**-52 if rtol is None else rtol
    for name, value in (("power", power), ("rtol", rtol)):
        check_numbers(**{name: value})
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name} must be in [0, 1], got {value!r}")
    xp = array_namespace(G)
    _, s, vt = xp.linalg.svd(G, full_matrices=False)
    kept = (s > rtol * s[..., :1]) & (s > 0.0)
    weight = xp.where(kept, xp.where(kept, s, 1.0) ** (power - 1.0), 0.0)
    return vt.mT @ (weight[..., None] * vt)
