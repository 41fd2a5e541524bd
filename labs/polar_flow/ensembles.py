"""Measurements to draw: Gaussian, rank-one, and random entries."""

from __future__ import annotations

import numpy as np

from labs.polar_flow._linear import check_count, check_sizes
from labs.polar_flow.operators import Operator, dense_sensing, mask_sensing


def gaussian_sensing(p: int, shape: tuple[int, int], stream: np.random.Generator) -> Operator:
    """Host routine: p measurements whose range is uniformly random: orthonormal rows, from a Gaussian matrix by QR.

    Only range(A*) matters to a flow.  Cost p^2 m n.  Raises ValueError for a bad shape, or unless 1 <= p <= m n.
    Source: the matrix sensing of Beneventano et al. 2026.
    """
    m, n = _checked(p, shape, 1)
    rows = np.linalg.qr(stream.standard_normal((m * n, p)))[0].T
    return dense_sensing(np.ascontiguousarray(rows), shape)


def rank_one_sensing(p: int, shape: tuple[int, int], stream: np.random.Generator) -> Operator:
    """Host routine: p measurements a_l^T W b_l with Gaussian a_l, b_l.

    Cost p^2 m n.  Raises ValueError for a bad shape, or unless 1 <= p <= m n.
    """
    m, n = _checked(p, shape, 1)
    a, b = stream.standard_normal((p, m, 1)), stream.standard_normal((p, 1, n))
    return dense_sensing((a * b).reshape(p, m * n), shape)


def entry_sensing(p: int, shape: tuple[int, int], stream: np.random.Generator) -> Operator:
    """Host routine: p entries drawn without replacement.

    Cost m n.  Raises ValueError for a bad shape, or unless 0 <= p <= m n.
    """
    m, n = _checked(p, shape, 0)
    return mask_sensing((stream.permutation(m * n) < p).reshape(m, n))


def _checked(p: int, shape: tuple[int, int], least: int) -> tuple[int, int]:
    m, n = check_sizes(shape)
    check_count(least, p=p)
    if p > m * n:
        raise ValueError(f"p must be at least {least} and at most m n = {m * n}, got {p}")
    return m, n
