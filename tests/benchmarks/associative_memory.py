"""The reduced memory beside the whole one: one step of Muon, from K = 256 to a million facts.

Beside the dense step of this laboratory up to K = 4096 (its decomposition takes K^3); then the reduced step alone,
a larger memory beside a smaller one: its cost grows with the number M of groups, and not with the number K of facts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from labs.associative_memory import dense
from labs.associative_memory.margins import masses_of_power_law
from labs.associative_memory.reduced import Reduced
from labs.core.arrays import one_blas_thread
from tests.benchmarks.harness import Row, compare

TITLE = "One step of Muon in the associative memory: reduced, dense, and up to a million facts"

FACTS = (256, 512, 1024, 2048, 4096)
GROUPS = 16
BETA, NOISE, STEPS = 2.0, 0.2, 5
# Above so many facts a dense step takes so long that it runs once, and warming up would not show.
LONG = 2048


def rows() -> Iterator[Row]:
    """Against the dense step; against K; against M; Newton-Schulz steps against the exact factor."""
    for K in FACTS:
        yield against_dense(K)
    for K in (10**5, 10**6, 10**8):
        yield against_itself(f"K = {K:.0e} beside K = 1e4, M = 100", (K, 100), (10**4, 100))
    for M in (10, 30, 300):
        yield against_itself(f"M = {M} beside M = 100, K = 10^6", (10**6, M), (10**6, 100))
    yield against_itself(
        "five quintics beside the exact factor, K = 10^6, M = 100", (10**6, 100), rule="muon-ns5"
    )
    yield against_itself("beta = 3 beside beta = 2, K = 10^6, M = 100", (10**6, 100), beta=3.0)


def memory(K: int, M: int, beta: float = BETA) -> Reduced:
    """Groups of one size, or nearly."""
    sizes = tuple(K // M + (a < K % M) for a in range(M))
    return Reduced(sizes, masses_of_power_law(beta, M), NOISE)


def middle(reduced: Reduced, eta: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """The state of a run of Muon after ten steps."""
    run = reduced.simulate(eta, 10, "muon", last=True)
    return run.contrasts[-1], run.blocks


def step(reduced: Reduced, rule: str = "muon") -> Callable[[], float]:
    """STEPS steps in the middle of a run, and the loss at their end."""
    start = middle(reduced)
    return lambda: float(reduced.simulate(0.5, STEPS, rule, start=start, last=True).loss[-1])


def against_dense(K: int) -> Row:
    """One step of both from the same state; the error is the difference of the losses after it."""
    reduced = memory(K, GROUPS)
    start = middle(reduced)
    logits = reduced.logits(*start)
    p = np.repeat(reduced.masses / np.array(reduced.sizes), reduced.sizes)
    p = p / p.sum()

    def small() -> float:
        return float(reduced.simulate(0.5, 1, "muon", start=start, last=True).loss[-1])

    def whole() -> float:
        return float(dense.simulate(p, NOISE, 0.5, 1, "muon", start=logits, last=True).loss[-1])

    reference = small()

    def error(loss: float) -> float:
        return abs(loss - reference) / reference

    title, note = f"K = {K}, M = {GROUPS}", "the error of both is their difference"
    if K <= LONG:
        sides = ("reduced step", small), ("dense step", whole)
        return compare(title, *sides, error, repeat=1 if K > 1024 else 3, note=note)
    row = compare(title, ("reduced step", small), ("dense step", small), error, repeat=3)
    with one_blas_thread():
        began = time.perf_counter()
        loss = whole()
        seconds = time.perf_counter() - began
    return replace(
        row,
        their_seconds=seconds,
        ratio=seconds / row.our_seconds,
        their_error=error(loss),
        note=f"{note}; the dense step runs once",
    )


def against_itself(
    title: str,
    ours: tuple[int, int],
    theirs: tuple[int, int] = (10**6, 100),
    *,
    rule: str = "muon",
    beta: float = BETA,
) -> Row:
    """Two reduced memories (K, M), STEPS steps each; the error is the drift |c^T S| of the mean block."""
    first, second = memory(*ours, beta), memory(*theirs)
    row = compare(title, (rule, step(first, rule)), ("muon", step(second)), lambda loss: 0.0, repeat=3)
    note = f"{1e3 * row.our_seconds / STEPS:.2f} ms a step beside {1e3 * row.their_seconds / STEPS:.2f}"
    return Row(**{**vars(row), "our_error": drift(first, rule), "their_error": drift(second), "note": note})


def drift(reduced: Reduced, rule: str = "muon") -> float:
    """|c^T S| after the run, which is 0 in exact arithmetic."""
    run = reduced.simulate(0.5, 10 + STEPS, rule, last=True)
    sizes = np.array(reduced.sizes)
    return float(np.max(np.abs(np.sqrt(sizes / sizes.sum()) @ run.blocks)))
