"""What the exact self-polar flow keeps, and by how much a computed one fails to (see `self_polar_flow`)."""

from __future__ import annotations

import numpy as np

from labs.core.arrays import Array, array_namespace
from labs.polar_flow._linear import perpendicular
from labs.polar_flow.operators import Operator

# Of the largest singular value of Z(0): below, a direction of its column space is rounding.
ROUNDING = 1e-13


def monitored(
    operator: Operator, path: Array, values: Array, energy: Array, times: np.ndarray
) -> dict[str, Array]:
    """Defects per item, from a path (1 + T, ..., m, n) that begins at time 0.

    values   (1 + T, ...), the function that the flow descends, along the path
    energy   (T, ...), integrals of |W'|^2 from 0 to the times (T,), at eta = 1
    """
    xp = array_namespace(path)
    spent = xp.concat([0.0 * energy[:1, ...], energy])
    moved = path - path[:1, ...]
    affine = moved - perpendicular(operator, moved)
    spans = np.diff(times, prepend=0.0)
    # An interval of no length has no speed.
    mean_squares = [
        (spent[j + 1, ...] - spent[j, ...]) / float(span) for j, span in enumerate(spans) if span > 0.0
    ]
    speeds = xp.sqrt(_above_zero(xp.stack([*mean_squares, 0.0 * spent[0, ...]])))
    found = {
        "affine residual": xp.max(_norm(affine), axis=0),
        "nuclear norm increase": _largest_rise(values),
        "energy defect": xp.max(abs(values[:1, ...] - values - spent), axis=0),
        "speed increase": _largest_rise(speeds),
    }
    return found | _of_a_regression(operator, path, times) if operator.kind == "regression" else found


def _of_a_regression(operator: Operator, path: Array, times: np.ndarray) -> dict[str, Array]:
    """What only holds where P_perp acts from the left: W = W_par + Z, and Z shrinks in its column space."""
    xp, Z = array_namespace(path), perpendicular(operator, path)
    spectra = xp.linalg.svdvals(path)
    limit = xp.linalg.svdvals(path[0, ...] - Z[0, ...])
    u, s, _ = xp.linalg.svd(Z[0, ...], full_matrices=False)
    basis = u * xp.astype(s > ROUNDING * s[..., :1], u.dtype)[..., None, :]
    outside = Z - basis @ (xp.matrix_transpose(basis) @ Z)
    size, top = _norm(Z), spectra[0, ..., 0]
    top = xp.where(top > 0.0, top, 1.0)
    bounds = [size[0, ...] * xp.exp(-float(t) / top) for t in (0.0, *times)]
    return {
        "singular value increase": xp.max(_largest_rise(spectra), axis=-1),
        "singular value deficit": _above_zero(xp.max(limit - spectra, axis=(0, -1))),
        "column space defect": xp.max(_norm(outside), axis=0),
        "distance excess": _above_zero(xp.max(size - xp.stack(bounds), axis=0)),
    }


def _largest_rise(values: Array) -> Array:
    """The largest increase from one row (of the first axis) to the next; 0 where there is none, or one row."""
    xp = array_namespace(values)
    rises = values[1:, ...] - values[:-1, ...]
    return _above_zero(xp.max(xp.concat([rises, 0.0 * values[:1, ...]]), axis=0))


def _norm(Z: Array) -> Array:
    xp = array_namespace(Z)
    return xp.sqrt(xp.sum(Z * Z, axis=(-2, -1)))


def _above_zero(x: Array) -> Array:
    xp = array_namespace(x)
    return xp.maximum(x, xp.zeros_like(x))
