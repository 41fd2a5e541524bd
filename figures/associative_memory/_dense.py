"""What the figures on the dense memory share; the name begins with "_": this is no figure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labs.associative_memory.dense import simulate
from labs.associative_memory.margins import masses_of_power_law
from labs.associative_memory.reduced import Reduced
from labs.core.arrays import Backend
from labs.core.spectrum import haar
from labs.core.streams import stream

LABELS = {
    "gd": "GD",
    "ngd": "normalised GD",
    "signgd": "SignGD, random bases",
    "tra-signgd": "TRA-SignGD",
    "muon": "Muon",
}


@dataclass(frozen=True)
class Problem:
    """M groups of C facts with masses a^-beta."""

    groups: int
    size: int
    beta: float

    @property
    def facts(self) -> int:
        return self.groups * self.size

    @property
    def masses(self) -> np.ndarray:
        return masses_of_power_law(self.beta, self.groups)

    @property
    def frequencies(self) -> np.ndarray:
        """p_j, (K,)."""
        return np.repeat(self.masses / self.size, self.size)


def runs(
    problem: Problem, alpha: float, eta: np.ndarray, steps: int, rule: str, backend: Backend
) -> tuple[np.ndarray, np.ndarray]:
    """Excess (etas, T + 1) and margins of all items at the end (etas, K), by the cheaper of the two models."""
    if rule == "signgd":
        draw = stream("random bases of the figures", problem.facts)
        E, Et = (backend.asarray(haar(problem.facts, draw)) for _ in range(2))
        p = backend.asarray(problem.frequencies)
        dense = simulate(p, alpha, backend.asarray(eta), steps, rule, queries=E, answers=Et)
        return backend.to_numpy(dense.excess), backend.to_numpy(dense.margins)[:, -1]
    memory = Reduced((problem.size,) * problem.groups, backend.asarray(problem.masses), alpha)
    run = memory.simulate(backend.asarray(eta), steps, rule)
    margins = np.repeat(backend.to_numpy(run.margins)[:, -1], problem.size, axis=-1)
    return backend.to_numpy(run.excess), margins


def settled(excess: np.ndarray) -> np.ndarray:
    """The largest excess of the last tenth of a run, (...): a cycle counts by its worst point, so that neither a
    resonance nor a lucky moment of an unstable run is picked."""
    return np.max(excess[..., -max(2, (excess.shape[-1] - 1) // 10) :], axis=-1)


def tuned(excess: np.ndarray) -> int:
    """The place of the step size with the least settled excess."""
    found = settled(excess)
    return int(np.argmin(np.where(np.isfinite(found), found, math.inf)))
