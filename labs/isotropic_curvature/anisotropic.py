"""The model with inputs and outputs that are not isotropic: whiten, solve, and undo the whitening."""

from __future__ import annotations

from typing import Any

from labs.core.arrays import array_namespace, check_double, check_finite, check_shape
from labs.isotropic_curvature.solver import solve_matrix

Array = Any

# Symmetric means: up to the rounding of a product of matrices of a few thousand rows.
ASYMMETRY = 1e-12
EPS = 2.0**-52


def solve_anisotropic(G: Array, H: Any, C: Array | None = None, M: Array | None = None) -> Array:
    """Kernel: the optimal update for inputs C^{1/2} zeta and output lengths |y|_M = (y^T M y)^{1/2}.

        min over Q of E H(|M^{1/2} Q C^{1/2} zeta|) - <Q, G>,   zeta uniform on the sphere S^{n-1}

    is the isotropic problem for Q' = M^{1/2} Q C^{1/2} and G' = M^{-1/2} G C^{-1/2}.  So with T = `solve_matrix`

        Q = M^{-1/2} T(M^{-1/2} G C^{-1/2}) C^{-1/2}.

    For H = c x^2 that is n M^{-1} G C^{-1} / (2 c); where a kink holds all singular values of Q' at r, it is a
    whitened polar factor.

    G  (..., m, n), rows are outputs, columns inputs.
    C  (..., n, n) symmetric positive definite: n times the covariance of the inputs; default the identity.
    M  (..., m, m) symmetric positive definite; default the identity.  Both broadcast against the batch of G.

    Cost: that of `solve_matrix` and one symmetric eigendecomposition of each C and M.  The relative error grows with
    the condition numbers of C^{1/2} and M^{1/2}.
    Raises ValueError for a G, C or M that is not finite or not of these shapes, a C or M that is not symmetric (to
    1e-12) or not positive definite (smallest eigenvalue above n eps times the largest); RuntimeError as
    `solve_matrix`.
    Source: derived here (ICM-X16).
    """
    check_shape((None, None), G=G)
    check_double(G=G)
    check_finite(G=G)
    m, n = G.shape[-2:]
    left = None if M is None else _inverse_root("M", M, m, G)
    right = None if C is None else _inverse_root("C", C, n, G)
    whitened = G if left is None else left @ G
    whitened = whitened if right is None else whitened @ right
    Q = solve_matrix(whitened, H)
    Q = Q if left is None else left @ Q
    return Q if right is None else Q @ right


def _inverse_root(name: str, S: Array, size: int, G: Array) -> Array:
    """S^{-1/2} for symmetric positive definite S (..., size, size); ValueError naming the argument otherwise."""
    check_shape((size, size), **{name: S})
    check_double(**{name: S})
    check_finite(**{name: S})
    xp = array_namespace(S, G)
    if int(S.size) == 0:
        return S
    largest = xp.max(xp.abs(S), axis=(-2, -1))
    skew = xp.max(xp.abs(S - xp.matrix_transpose(S)), axis=(-2, -1))
    if not bool(xp.all(skew <= ASYMMETRY * largest)):
        raise ValueError(
            f"{name} must be symmetric, got a difference of {float(xp.max(skew)):.1e} from its transpose"
        )
    values, vectors = xp.linalg.eigh((S + xp.matrix_transpose(S)) / 2.0)
    if not bool(xp.all(values[..., 0] > size * EPS * values[..., -1])):
        raise ValueError(
            f"{name} must be positive definite, got eigenvalues down to {float(xp.min(values)):.3g}"
        )
    return (vectors / xp.sqrt(values)[..., None, :]) @ xp.matrix_transpose(vectors)
