"""The dense memory: a batch of runs at once, beside a loop over runs by the formulas as they are printed.

Errors are relative, of the losses at all times, against the reduced model, which has neither a matrix of K x K nor a
difference of large numbers.  Without label noise the losses fall to 1e-9, and the plain residual Phat - P with it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from labs.associative_memory.dense import simulate
from labs.associative_memory.margins import masses_of_power_law
from labs.associative_memory.reduced import Reduced
from tests.benchmarks.harness import Row, compare

TITLE = "Associative memory: dense runs in a batch against a loop over runs"

GROUPS, BETA = 4, 1.5
# K, runs in the batch, steps.
SIZES = ((16, 32, 40), (64, 16, 20), (256, 2, 4))
RULES = {"gd": (20.0, 60.0), "ngd": (0.5, 2.0), "muon": (0.2, 0.6)}


def rows() -> Iterator[Row]:
    """Three rules at three sizes; step sizes differ within a batch."""
    for K, runs, steps in SIZES:
        for rule in RULES:
            yield batch(K, runs, steps, rule)


def batch(K: int, runs: int, steps: int, rule: str) -> Row:
    """`runs` runs of one rule, at step sizes of a geometric grid, without label noise."""
    C = K // GROUPS
    masses = masses_of_power_law(BETA, GROUPS)
    p, eta = np.repeat(masses / C, C), np.geomspace(*RULES[rule], runs)
    truth = Reduced((C,) * GROUPS, masses, 0.0).simulate(eta, steps, rule).loss
    return compare(
        f"{rule}, K = {K}, {runs} runs of {steps} steps",
        ("simulate", lambda: simulate(p, 0.0, eta, steps, rule).loss),
        ("plain loop", lambda: np.stack([plain(p, rate, steps, rule) for rate in eta])),
        lambda loss: float(np.max(np.abs(loss / truth - 1))),
        repeat=3,
    )


def plain(p: np.ndarray, eta: float, steps: int, rule: str) -> np.ndarray:
    """Losses of one run: softmax, residual Phat - P, singular value decomposition."""
    K = len(p)
    W, found = np.zeros((K, K)), []
    for _ in range(steps + 1):
        Z = np.exp(W)
        probability = Z / Z.sum(axis=0)
        found.append(-np.sum(p * np.log(np.diag(probability))))
        G = (probability - np.eye(K)) * p
        if rule == "muon":
            U, s, Vt = np.linalg.svd(G)
            G = (U * (s > K * 2.0**-52 * s[0])) @ Vt
        elif rule == "ngd":
            G = G / np.linalg.norm(G)
        W = W - eta * G
    return np.array(found)
