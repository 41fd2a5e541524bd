"""What the figures on Muon's laws share: a memory in even groups, its mean excess over phases, grey keys."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labs.associative_memory.margins import masses_of_power_law, optimal_margin, peak
from labs.associative_memory.reduced import Reduced
from labs.associative_memory.signs import stratified_steps
from labs.core.arrays import Backend

ALPHA = 0.2  # label noise


def memory(M: int, C: int, betas: Sequence[float], backend: Backend, alpha: float = ALPHA) -> Reduced:
    """M groups of C items, masses a^-beta: (betas, 1, M), so that step sizes are the second axis of a run."""
    masses = np.stack([masses_of_power_law(beta, M) for beta in betas])
    return Reduced((C,) * M, backend.asarray(masses)[:, None, :], alpha)


def target(K: float, alpha: float = ALPHA) -> float:
    """The optimal margin."""
    return float(optimal_margin(float(K), alpha))


def unit(K: float, alpha: float = ALPHA) -> float:
    """pi (1 - pi)/6: what a step of 1 leaves of the loss of one group, in the mean over the phase (AML-T7.b)."""
    pi = float(peak(float(K), alpha))
    return pi * (1.0 - pi) / 6.0


def last_two(of: Reduced, eta: np.ndarray, T: int, backend: Backend) -> np.ndarray:
    """The excess after T - 1 and after T steps of Muon of sizes eta: (2, ...)."""
    steps = backend.asarray(eta)
    before = of.simulate(steps, T - 1, "muon", last=True)
    after = of.simulate(steps, 1, "muon", start=(before.contrasts[..., -1, :], before.blocks), last=True)
    return np.stack([backend.to_numpy(run.excess)[..., -1] for run in (before, after)])


def mean_excess(
    of: Reduced, c: float, T: int, phases: int, backend: Backend
) -> tuple[np.ndarray, np.ndarray]:
    """Per beta, the mean over stratified phases and the last two of T steps of about c m*/T: of excess, of
    excess/(pi (1 - pi) eta^2/6)."""
    K, alpha = sum(of.sizes), float(of.alpha)
    best = target(K, alpha)
    eta = stratified_steps(best, c * best / T, phases)
    excess = last_two(of, eta, T, backend)
    return np.mean(excess, axis=(0, 2)), np.mean(excess / eta**2, axis=(0, 2)) / unit(K, alpha)
