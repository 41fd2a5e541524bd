"""Data made here: a classification problem, and text from a source with a memory of two letters."""

from __future__ import annotations

import numpy as np

from labs.core.arrays import require_host
from labs.core.spectrum import power_law


def mixture(
    samples: int,
    dimension: int,
    classes: int,
    stream: np.random.Generator,
    *,
    clusters: int = 3,
    separation: float = 2.0,
    decay: float = 0.5,
) -> tuple[np.ndarray, np.ndarray]:
    """Host routine: inputs (samples, dimension) and labels (samples,) of a mixture of Gaussians.

    Every class has `clusters` of them, with random centres, so that no linear map separates the classes.  Both
    centres and noise have variance i^(-2 decay) along axis i, scaled to sum to separation^2 and to 1 (decay 0:
    isotropic inputs).  Raises ValueError for sizes below 1.
    """
    for name, size in (("samples", samples), ("classes", classes), ("clusters", clusters)):
        if size < 1:
            raise ValueError(f"{name} must be an integer >= 1, got {size!r}")
    deviation = power_law(dimension, decay)
    deviation = deviation / np.sqrt(np.sum(deviation**2))
    centres = separation * deviation * stream.standard_normal((classes, clusters, dimension))
    labels = stream.integers(0, classes, samples)
    which = stream.integers(0, clusters, samples)
    return centres[labels, which] + deviation * stream.standard_normal((samples, dimension)), labels


def two_letter_source(letters: int, stream: np.random.Generator, sharpness: float = 1.5) -> np.ndarray:
    """Host routine: the probabilities p[a, b, c] that c follows a, b: (letters, letters, letters).

    Zipf's law, 1/rank, times exp(sharpness * normal), each context with normal numbers of its own.
    """
    weights = power_law(letters) * np.exp(sharpness * stream.standard_normal((letters,) * 3))
    return weights / np.sum(weights, axis=-1, keepdims=True)


def text(source: np.ndarray, samples: int, length: int, stream: np.random.Generator) -> np.ndarray:
    """Host routine: `samples` pieces of text, (samples, length) integers, from a `two_letter_source`.

    The first two letters are uniform, and the first 20 are thrown away, so that a piece starts as it goes on.
    """
    require_host(source=source)
    cumulative = np.cumsum(np.asarray(source, dtype=float), axis=-1)
    if cumulative.ndim != 3 or len(set(cumulative.shape)) > 1 or not np.allclose(cumulative[..., -1], 1.0):
        raise ValueError(
            f"source must be probabilities p[a, b, c] that sum to 1 over c, got shape {cumulative.shape}"
        )
    letters = len(cumulative)
    made = [stream.integers(0, letters, samples), stream.integers(0, letters, samples)]
    for _ in range(length + 18):
        drawn = stream.random(samples)[:, None] > cumulative[made[-2], made[-1], :-1]
        made.append(np.sum(drawn, axis=-1))
    return np.stack(made[-length:], axis=-1)
