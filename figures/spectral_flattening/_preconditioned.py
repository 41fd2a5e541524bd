"""Random gradients and the condition number that they leave; the name begins with "_": this is no figure."""

from __future__ import annotations

from typing import Any

import numpy as np

from labs.core.arrays import Backend
from labs.core.streams import stream
from labs.spectral_flattening.conditioning import preconditioned_condition_number

SHORT = 4  # rows: the size of B


def curvature(spread: float) -> np.ndarray:
    """The eigenvalues of B: 1 down to 1/spread in equal ratios."""
    return np.geomspace(1.0, 1.0 / spread, SHORT)


def inputs(n: int, draws: int, *cell: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(a, Delta, Z): eigenvalues exp U(-1, 1) of A, and two normal matrices, for each draw."""
    rng = stream("preconditioned gradients", n, *cell)
    a = np.exp(rng.uniform(-1, 1, (draws, 1, n)))
    return a, rng.standard_normal((draws, SHORT, n)), rng.standard_normal((draws, SHORT, n))


def left_over(G: np.ndarray, b: np.ndarray, backend: Backend) -> np.ndarray:
    """kappa(C^{-1/2} B C^{-1/2}) for C = (G G^T)^{1/2}, B = diag(b)."""
    frames, s, _ = np.linalg.svd(G, full_matrices=False)
    C = (frames * s[..., None, :]) @ frames.mT
    C = (C + C.mT) / 2
    return backend.to_numpy(preconditioned_condition_number(backend.asarray(np.diag(b)), backend.asarray(C)))
