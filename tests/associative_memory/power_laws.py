"""Gradient descent over a power law of frequencies, with label noise 0.2: what the tests of its law run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labs.associative_memory.descent import gd_errors
from labs.associative_memory.margins import item_excess, masses_of_power_law

NOISE = 0.2


def excess(beta: float, M: int, C: int, times: Sequence[int], kappa: float = 1.0) -> np.ndarray:
    """L(T) - L* of gradient descent at the step kappa/p_1."""
    masses = masses_of_power_law(beta, M)
    errors = gd_errors(masses / masses[0], M * C, NOISE, kappa, list(times))
    return np.sum(masses * item_excess(errors, M * C, NOISE), axis=-1)
