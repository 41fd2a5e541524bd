"""Inverses of a batch of square matrices, some of which may be singular."""

from __future__ import annotations

import numpy as np

from labs.core.arrays import Array
from labs.core.polar._scratch import Scratch

# From this size on LAPACK's getrf and getri, called matrix by matrix, are faster than NumPy's batched `inv`, which
# solves for the identity: measured 1.6 times at 32, 1.9 at 512.
ONE_BY_ONE = 24


def inverse(X: Array, scratch: Scratch) -> Array:
    """The inverse of each X (b, n, n), in an array that may be written to; inf for what is exactly singular."""
    xp = scratch.xp
    if scratch.on_host and X.shape[-1] >= ONE_BY_ONE:
        return _by_lapack(scratch.multiply(X, 1.0))
    try:
        return xp.linalg.inv(X)
    except np.linalg.LinAlgError:  # NumPy refuses the batch for one of them
        singular = (xp.linalg.slogdet(X)[0] == 0.0)[:, None, None]
        return xp.where(singular, xp.inf, xp.linalg.inv(xp.where(singular, scratch.identity(X), X)))


def _by_lapack(X: np.ndarray) -> np.ndarray:
    """The inverses of X, which they overwrite."""
    from scipy.linalg import lapack

    getrf, getri = lapack.get_lapack_funcs(("getrf", "getri"), dtype=X.dtype)
    for x in X:
        # LAPACK reads in Fortran's order, so x is its transpose there; nothing is copied.
        lu, pivots, singular = getrf(x.T, overwrite_a=True)
        if singular:
            x[...] = np.inf
        else:
            getri(lu, pivots, lwork=64 * x.shape[0], overwrite_lu=True)
    return X
