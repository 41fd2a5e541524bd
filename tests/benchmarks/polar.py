"""The polar factor beside the singular value decomposition, as NumPy and SciPy give it.

The panel: square matrices, singular values from 1 down to 1/condition in equal ratios, Haar frames; one matrix, and
as many as have 2^15 entries.  NumPy's side is `u @ vt` of one batched `numpy.linalg.svd`, without a look at its
argument or its answer; ours is `msign`, with both.  `lab bench polar` ends with the share of the panel that each
method would have won.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import scipy.linalg

from labs.core.arrays import one_blas_thread
from labs.core.polar import certify, factor, msign, polar
from labs.core.spectrum import matrix
from labs.core.streams import stream
from tests.benchmarks.harness import Row, compare

TITLE = "The polar factor: one matrix and many, beside numpy.linalg.svd and scipy.linalg.polar"

SIZES = (4, 8, 16, 32, 64, 128, 256, 512)
CONDITIONS = (1e1, 1e4, 1e8)
MANY = 2**15  # entries of a batch
ROUTE = "numpy.linalg.svd"


def rows() -> Iterator[Row]:
    """The panel; tall matrices; single precision; SciPy's routine."""
    panel: list[Row] = []
    winners: Counter[str] = Counter()
    for n in SIZES:
        for condition in CONDITIONS:
            for batch in sorted({1, max(2, MANY // n**2)}):
                A = matrices(batch, n, n, condition)
                panel.append(against_numpy(A, condition))
                winners[fastest(A)] += 1
                yield panel[-1]
    yield against_numpy(matrices(8, 512, 16, 1e4), 1e4)
    yield against_numpy(matrices(8, 16, 512, 1e4), 1e4)
    for n in (16, 128):
        yield against_numpy(matrices(max(1, MANY // n**2), n, n, 1e2).astype(np.float32), 1e2)
    for n in (8, 64, 512):
        yield against_scipy(matrices(max(1, MANY // n**2), n, n, 1e4))
    print("\n".join(summary(panel, winners)))


def matrices(batch: int, m: int, n: int, condition: float) -> np.ndarray:
    """(batch, m, n)."""
    spectrum = np.geomspace(1.0, 1.0 / condition, min(m, n)) * np.ones((batch, 1))
    return matrix(spectrum, m, n, stream("benchmark polar", batch, m, n, str(condition)))


def by_svd(A: np.ndarray) -> np.ndarray:
    """What one writes without us."""
    u, _, vt = np.linalg.svd(A, full_matrices=False)
    return u @ vt


def error(A: np.ndarray, q: np.ndarray) -> float:
    """The largest of the certificate's five errors over the batch, in units of max(m, n) eps."""
    return float(max(np.max(e) for e in vars(certify(A, q)).values()))


def against_numpy(A: np.ndarray, condition: float) -> Row:
    """One cell of the panel."""
    batch, m, n = A.shape
    kind = "" if A.dtype == np.float64 else ", single precision"
    row = compare(
        f"{batch} of {m} x {n}, condition {condition:.0e}{kind}",
        ("msign", lambda: msign(A)),
        (ROUTE, lambda: by_svd(A)),
        lambda q: error(A, q),
        repeat=3,
    )
    chosen = factor.choice(batch, m, n)
    left = int(np.sum(polar(A).by_svd)) if chosen != "svd" else 0
    return replace(row, note=f"by {chosen}" + (f", {left} left to the SVD" if left else ""))


def against_scipy(A: np.ndarray) -> Row:
    """Beside a loop of `scipy.linalg.polar`, which gives H too."""
    batch, m, n = A.shape
    return compare(
        f"{batch} of {m} x {n}",
        ("msign", lambda: msign(A)),
        ("scipy.linalg.polar", lambda: np.stack([scipy.linalg.polar(a)[0] for a in A])),
        lambda q: error(A, q),
        repeat=2,
    )


def fastest(A: np.ndarray, turn: float = 0.02) -> str:
    """Which of the methods, and NumPy's route, is the fastest here: least mean of two turns each."""
    sides: dict[str, Callable[[], np.ndarray]] = {ROUTE: lambda: by_svd(A)}
    for method in factor.METHODS[1:]:
        sides[method] = lambda method=method: msign(A, method)  # type: ignore[misc]
    best = dict.fromkeys(sides, np.inf)
    with one_blas_thread():
        for _ in range(2):
            for name, side in sides.items():
                calls, start = 0, time.perf_counter()
                while (spent := time.perf_counter() - start) < turn or not calls:
                    side()
                    calls += 1
                best[name] = min(best[name], spent / calls)
    return min(best, key=best.__getitem__)


def summary(panel: list[Row], winners: Counter[str]) -> Iterator[str]:
    """Where "auto" stands, by method and by size; and which method is the fastest in how many cells."""
    for title, group in (
        ("n <= 16, many", [r for r in panel if _cell(r)[1] <= 16 and _cell(r)[0] > 1]),
        ("n > 16, many", [r for r in panel if _cell(r)[1] > 16 and _cell(r)[0] > 1]),
        ("one matrix", [r for r in panel if _cell(r)[0] == 1]),
    ):
        if not group:
            continue
        ratios = [row.ratio for row in group]
        shares = ", ".join(
            f"{sum(r >= bound for r in ratios)} at {bound:g} or more" for bound in (1.5, 1.0, 0.8)
        )
        yield (
            f"  {title}: {len(ratios)} cells, {shares}; median {statistics.median(ratios):.2f}, "
            f"least {min(ratios):.2f}; largest error {max(row.our_error for row in group):.1f}, "
            f"theirs {max(row.their_error for row in group):.1f}"
        )
    total = sum(winners.values())
    yield "  fastest: " + ", ".join(f"{name} in {count} of {total}" for name, count in winners.most_common())


def _cell(row: Row) -> tuple[int, int]:
    """(batch, n) of a row of the panel."""
    batch, _, m, *_ = row.title.split()
    return int(batch), int(m)
