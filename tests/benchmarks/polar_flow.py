"""Interpolants of least norm: our splitting against CVXPY and Clarabel, at an equal certified gap.

Both brackets are made the same way, from a primal and a dual point that are feasible; ours is asked for the gap that
Clarabel reached.  The conic program is usable to about 30 x 30 with 450 measurements (10 s); 40 x 40 with 800 took
it 40 s and a gigabyte, and ours 0.1 s.  Ours stops where the p x m n matrix of measurements does not fit, or takes
minutes to factor: by its size (not timed) about 100 x 100 with 5000; entries are
measured without a matrix, and have no such limit.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from labs.core.streams import stream
from labs.polar_flow.conic import available, conic_interpolant
from labs.polar_flow.ensembles import gaussian_sensing
from labs.polar_flow.interpolants import certified_interpolant
from labs.polar_flow.operators import Operator
from tests.benchmarks.harness import Row, compare

TITLE = "Interpolants of least nuclear and operator norm"

# (n, p): n x n matrices of rank 2; for both solvers, and for ours alone.
BOTH = ((6, 20), (10, 60), (20, 200), (28, 392))
OURS = ((40, 800), (56, 1600))


def rows() -> Iterator[Row]:
    """A row per size and norm; then how our own time grows."""
    if available():
        for n, p in BOTH:
            for norm in ("nuclear", "operator"):
                yield against_clarabel(n, p, norm)
    else:
        print("  CVXPY or Clarabel is not installed: only our sizes are timed")
    for n, p in OURS:
        yield alone(n, p)


def problem(n: int, p: int) -> tuple[Operator, np.ndarray]:
    """A target of rank 2, seen by p Gaussian measurements."""
    draw = stream("benchmark: interpolant", n, p)
    operator = gaussian_sensing(p, (n, n), draw)
    return operator, operator.apply(draw.standard_normal((n, 2)) @ draw.standard_normal((2, n)))


def against_clarabel(n: int, p: int, norm: str) -> Row:
    """Error: the relative width of the bracket."""
    operator, y = problem(n, p)
    theirs = conic_interpolant(operator, y, norm)
    tolerance = float(np.clip((theirs.upper - theirs.lower) / theirs.upper, 1e-11, 1e-3))
    return compare(
        f"{norm} norm, {n} x {n}, p = {p}",
        ("splitting, mixed", lambda: certified_interpolant(operator, y, norm, tolerance=tolerance)),
        ("CVXPY, Clarabel", lambda: conic_interpolant(operator, y, norm)),
        lambda found: float((found.upper - found.lower) / found.upper),
        repeat=1,
        note="errors: relative width of the bracket",
    )


def alone(n: int, p: int) -> Row:
    """The nuclear norm beside the operator norm, at sizes beyond the conic solver."""
    operator, y = problem(n, p)
    return compare(
        f"beyond Clarabel, {n} x {n}, p = {p}",
        ("nuclear norm", lambda: certified_interpolant(operator, y, "nuclear", tolerance=1e-6)),
        ("operator norm", lambda: certified_interpolant(operator, y, "operator", tolerance=1e-6)),
        lambda found: float((found.upper - found.lower) / found.upper),
        repeat=1,
        note="both ours; errors: relative width of the bracket",
    )
