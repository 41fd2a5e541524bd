"""The polar factor of batches that overflow and underflow on the way: no warning, and the certificate holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labs.core.polar import polar
from labs.core.polar.factor import FEW, METHODS
from labs.core.streams import stream

# What is done to Gaussian matrices (b, m, n) of sizes from 1e-300 to 1e300.
SPOILT = {
    "as they are": lambda A, rng: A,
    "rows over 160 decades": lambda A, rng: A * 10.0 ** rng.uniform(-160, 0, (*A.shape[:2], 1)),
    "columns over 160 decades": lambda A, rng: A * 10.0 ** rng.uniform(-160, 0, (len(A), 1, A.shape[2])),
    "a row of zeros": lambda A, rng: A * (np.arange(A.shape[1]) > 0)[:, None],
    "most entries zero": lambda A, rng: A * (rng.random(A.shape) < 0.2),
    "some matrices zero": lambda A, rng: A * (rng.random((len(A), 1, 1)) < 0.5),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", SPOILT)
def test_nothing_overflows_unseen(kind: str, method: str, dtype: Any) -> None:
    """Warnings are errors here; an answer that overflowed on the way must have been left to the SVD."""
    for m, n in ((1, 5), (6, 6), (20, 1), (3, 17), (31, 24)):
        rng = stream("polar: extremes", kind, m, n)
        A = rng.standard_normal((FEW // (m * n) + 1, m, n))
        A = SPOILT[kind](A * 10.0 ** rng.uniform(-300, 300, (len(A), 1, 1)), rng)
        if dtype == np.float32:
            top = np.max(np.abs(A), axis=(1, 2), keepdims=True)
            scale = 10.0 ** rng.uniform(-37, 37, (len(A), 1, 1))
            A = (A / np.where(top > 0, top, 1.0) * scale).astype(dtype)
        for name, error in vars(polar(A, method).certificate).items():
            assert np.max(error) < 30.0, (m, n, name)


def test_the_smallest_and_the_largest_numbers() -> None:
    """polar(c A) = polar(A): at subnormal c the entries are rounded to one or two bits, so integers are used."""
    A = np.array([[3.0, -1.0, 0.0], [2.0, 5.0, 1.0], [0.0, 1.0, -4.0]])
    q = polar(A).q
    for scale in (2.0**-1074, 2.0**-1022, 2.0**1020):
        np.testing.assert_allclose(polar(A * scale).q, q, rtol=0, atol=4e-16)
