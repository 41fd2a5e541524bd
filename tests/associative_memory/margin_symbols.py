"""Memories of one margin: symbols for every number of facts and every noise, and frequencies of the zoo."""

from __future__ import annotations

from typing import Any

import numpy as np

from labs.core.spectrum import zoo
from labs.core.streams import stream


def symbols() -> tuple[Any, Any, Any]:
    """K = 2 + k, alpha = 1/(1 + v) in (0, 1), w: positive."""
    import sympy

    k, v, w = sympy.symbols("k v w", positive=True)
    return 2 + k, 1 / (1 + v), w


def memories() -> list[tuple[np.ndarray, int, float]]:
    """Frequencies of the zoo (zeros among them), facts and noise; one fact of each spectrum or several."""
    rng = stream("scalar descent")
    found = []
    for s in zoo(6, rng).values():
        p = s / np.sum(s)
        found += [(p, 6, alpha) for alpha in (0.0, 0.2)]
    return [*found, (np.array([0.5, 0.5]), 2, 0.99), (rng.dirichlet(np.ones(40)), 40, 1e-6)]
