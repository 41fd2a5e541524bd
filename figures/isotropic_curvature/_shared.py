"""What several of these figures need; the name begins with "_": this is no figure."""

from __future__ import annotations

from typing import Any

import numpy as np

from labs.core.arrays import Backend
from labs.isotropic_curvature import solve


def optimal(g: np.ndarray, H: Any, backend: Backend) -> np.ndarray:
    """The optimal singular values for gradients g (..., n) of square matrices, computed on `backend`."""
    return backend.to_numpy(solve(backend.asarray(g), H).q)


def ratio_at_limit(r: Any, kappa: Any) -> Any:
    """The t > 0 with t + kappa (t - 1/t) = r: as far as ICM-X1.b lets q_i/q_j go where g_i/g_j = r >= 1.

    The least q_i/q_j if the elasticity is at most kappa >= 0, the largest if it is at least kappa, with
    -1 < kappa <= 0.
    """
    return (r + np.sqrt(r**2 + 4 * kappa * (1 + kappa))) / (2 * (1 + kappa))
