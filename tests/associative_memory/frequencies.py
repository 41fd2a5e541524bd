"""Frequencies of queries: a power law, and the zoo of spectra."""

from __future__ import annotations

import numpy as np

from labs.core.spectrum import power_law, zoo
from labs.core.streams import stream

# Twelve queries, p_j ~ j^-1.5.
POWER_LAW = power_law(12, 1.5) / np.sum(power_law(12, 1.5))


def frequencies(size: int, least: float) -> np.ndarray:
    """The zoo as frequencies, a row each; shares below `least` of the largest are queries that nobody asks."""
    spectra = np.stack(list(zoo(size, stream("zoo of frequencies")).values()))
    p = np.where(spectra > least * np.max(spectra, axis=-1, keepdims=True), spectra, 0.0)
    return p / np.sum(p, axis=-1, keepdims=True)
