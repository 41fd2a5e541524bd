"""Matrices of low rank to recover, seen by Gaussian measurements: batches of instances for experiments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from labs.polar_flow._linear import check_count, check_sizes
from labs.polar_flow.operators import Operator, dense_sensing


class Problems(NamedTuple):
    """A batch of instances.

    operator   with orthonormal rows, a set of its own for each item
    y          (items, p), the data of `target`
    target     (items, m, n), of the rank asked for
    noise      (items, m, n), standard normal: times a scale, where a run may start
    """

    operator: Operator
    y: np.ndarray
    target: np.ndarray
    noise: np.ndarray


def sensing_problems(
    shape: tuple[int, int], p: int, rank: int, streams: Sequence[np.random.Generator]
) -> Problems:
    """Host routine: one instance per stream; targets are products of Gaussian m x rank and rank x n matrices.

    The rows of A are orthonormal, their span uniformly random.  Cost p^2 m n an item.  Raises ValueError for a bad
    shape, and unless 1 <= p <= m n, rank >= 1 and there is a stream.
    Source: the matrix sensing of Beneventano et al. 2026 as reported; the sizes are ours to choose.
    """
    m, n = check_sizes(shape)
    check_count(1, p=p, rank=rank)
    if p > m * n:
        raise ValueError(f"p must be between 1 and m n = {m * n}, got {p}")
    if not streams:
        raise ValueError("streams must hold at least one generator, got none")
    rows = np.stack([np.linalg.qr(s.standard_normal((m * n, p)))[0].T for s in streams])
    target = np.stack([s.standard_normal((m, rank)) @ s.standard_normal((rank, n)) for s in streams])
    noise = np.stack([s.standard_normal((m, n)) for s in streams])
    operator = dense_sensing(rows, (m, n))
    return Problems(operator, operator.apply(target), target, noise)
