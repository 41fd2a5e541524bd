"""What the tests of noise share: shapes, spectra of full rank, and noise with finitely many values.

An expectation over noise with finitely many values is a finite sum: no sampling.  Independent signs +-1 have mean 0
and variance 1 an entry, which is all that the first-order laws ask for.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from labs.core.spectrum import zoo
from labs.core.streams import stream

EPS = 2.0**-52
FULL_RANK = "full rank"
SHAPES = ((1, 3), (3, 3), (4, 3), (2, 4))


def full_rank(r: int, condition: float = 1e7) -> Iterator[np.ndarray]:
    """The spectra of the zoo of length r without zeros, in descending order, up to this condition number."""
    for s in zoo(r, stream("noise: spectra", r)).values():
        if s.min() > 0 and s.max() <= condition * s.min():
            yield np.sort(s)[::-1]


def signs(m: int, n: int) -> np.ndarray:
    """All sign matrices: (2^(m n), m, n)."""
    return np.array(list(product((1.0, -1.0), repeat=m * n))).reshape(-1, m, n)


def diagonal(mu: np.ndarray, m: int, n: int) -> np.ndarray:
    """The m x n matrix with mu on its diagonal."""
    G = np.zeros((m, n))
    G[range(len(mu)), range(len(mu))] = mu
    return G
