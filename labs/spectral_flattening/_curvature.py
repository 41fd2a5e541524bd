"""The spectrum of a curvature matrix: checked, scaled, its rank decided."""

from __future__ import annotations

from labs.core.arrays import Array, array_namespace, check_double, check_finite, check_shape

EPS = 2.0**-52
# Symmetric means: up to the rounding of a product of matrices of a few thousand rows.
ASYMMETRY = 1e-12


def spectrum_of(name: str, S: Array, size: int | None) -> tuple[Array, Array, Array]:
    """Eigenvalues of S over its largest entry, decreasing, those up to n eps of the first 0; eigenvectors; the scale.

    Raises ValueError unless S is a symmetric positive semidefinite matrix (..., size, size) of float64.
    """
    check_shape((size, size), **{name: S})
    check_double(**{name: S})
    check_finite(**{name: S})
    n = S.shape[-1]
    if S.shape[-2] != n:
        raise ValueError(f"{name} must be square, got shape {tuple(S.shape)}")
    xp = array_namespace(S)
    scale = xp.max(xp.abs(S), axis=(-2, -1))
    scale = xp.where(scale > 0.0, scale, 1.0)
    unit = S / scale[..., None, None]
    skew = unit - xp.matrix_transpose(unit)
    values, vectors = xp.linalg.eigh((unit + xp.matrix_transpose(unit)) / 2.0)
    values, vectors = xp.flip(values, axis=-1), xp.flip(vectors, axis=-1)
    negligible = n * EPS * values[..., :1]
    symmetric = xp.all(xp.abs(skew) <= ASYMMETRY)
    if not bool(symmetric & xp.all(values >= -negligible)):
        flaw = "symmetric" if not bool(symmetric) else "positive semidefinite"
        worst = xp.max(xp.abs(skew)) if not bool(symmetric) else xp.min(values)
        raise ValueError(
            f"{name} must be {flaw}, got {'asymmetry' if flaw == 'symmetric' else 'an eigenvalue'} "
            f"{float(worst):.1e} in units of the largest entry"
        )
    return xp.where(values > negligible, values, 0.0), vectors, scale
