"""Matrices that a method for the polar factor must master, and the polar factor the slow way."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from labs.core.spectrum import matrix, zoo
from labs.core.streams import stream


def matrices(m: int, n: int, dtype: Any = np.float64) -> dict[str, np.ndarray]:
    """By name: every spectrum of the zoo, near-singular, Gaussian, Hilbert, graded by rows, zeros."""
    k = min(m, n)
    rng = stream("polar zoo", m, n)
    spectra = zoo(k, rng) | {"one small": np.append(np.ones(k - 1), 1e-9 if k > 1 else 1.0)}
    found = {name: matrix(s, m, n, rng) for name, s in spectra.items()}
    found["gaussian"] = rng.standard_normal((m, n))
    found["hilbert"] = 1.0 / (1.0 + np.arange(m)[:, None] + np.arange(n))
    found["rows"] = rng.standard_normal((m, n)) * np.logspace(0.0, -12.0, m)[:, None]
    found["clustered"] = matrix(1.0 + 1e-13 * np.arange(k), m, n, rng)
    found["zeros"] = np.zeros((m, n))
    return {name: A.astype(dtype) for name, A in found.items()}


def by_mpmath(A: np.ndarray, digits: int = 60) -> np.ndarray:
    """The polar factor of one square matrix of full rank: Newton's iteration X <- (X + X^{-T})/2 with many digits."""
    with mpmath.workdps(digits):
        X = mpmath.matrix(A.tolist())
        while True:
            step = (X + (X**-1).T) / 2
            if mpmath.mnorm(step - X, 1) < mpmath.mpf(10) ** (-digits // 2):
                return np.array(step.tolist(), dtype=float)
            X = step
