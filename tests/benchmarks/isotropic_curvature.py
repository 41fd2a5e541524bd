"""The solver of the isotropic curvature model beside a conic solver, and its batch beside a loop.

The conic side is given its best: the program is compiled once, with g as a parameter, in every formulation
that was found to be the fastest somewhere; those of labs/isotropic_curvature/conic.py say what they are.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from labs.core.arrays import one_blas_thread
from labs.core.spectrum import log_uniform, power_law
from labs.core.streams import stream
from labs.isotropic_curvature import Power, Solution, solve
from labs.isotropic_curvature.conic import Answer, available, conic_solver
from labs.isotropic_curvature.nodes import solve_nodes, sphere_nodes
from tests.benchmarks.harness import Row, compare

TITLE = "Isotropic curvature model: one optimum, and ten thousand"

NODES = 1000
SIZES = (8, 32, 64)
# "moments": for H = x^4 the nodes collapse into one n x n matrix; there conic and Newton are on a par.
FORMULATIONS = ((3.0, "lengths"), (3.0, "powers"), (4.0, "moments"))
SECONDS = 60.0  # what the conic solver may take for the optimum of the true model
BATCH, LOOP = 10_000, 200


def rows() -> Iterator[Row]:
    """The same discretised problem; the same question; a batch."""
    if available():
        for p, formulation in FORMULATIONS:
            for n in SIZES:
                yield same_nodes(n, p, formulation)
        yield same_question(16, 3.0, SECONDS)
        yield quartic_question(16)
    else:
        print("  CVXPY or Clarabel is not installed: only the batches are timed")
    for p in (4.0, 3.0):
        yield batch(16, p, BATCH, LOOP)


def same_nodes(n: int, p: float, formulation: str) -> Row:
    """The optimum for g_i = 1/i on the same nodes; error: relative residual of g_i = q_i lambda_i there."""
    g, H, nodes = power_law(n), Power(p), sphere_nodes(n, NODES)
    program = conic_solver(nodes, p, formulation)
    row = compare(
        f"same {NODES} nodes, H = x^{p:g}, n = {n}",
        ("Newton in log q", lambda: solve_nodes(g, H, nodes).q),
        (f"Clarabel, {formulation}", lambda: program(g).q),
        lambda q: residual(q, g, H, nodes),
        repeat=5,
    )
    return replace(row, note=_accuracy(solve_nodes(g, H, nodes), program(g)))


def residual(q: np.ndarray, g: np.ndarray, H: Power, nodes: np.ndarray) -> float:
    """max_i |g_i - q_i lambda_i| / g_i with lambda_i the mean of w(rho) u_i over the nodes, written out plainly."""
    rho = np.sqrt(nodes @ q**2)
    lam = np.mean(H.weight(rho)[:, None] * nodes, axis=0)
    return float(np.max(np.abs(g - q * lam) / g))


def _accuracy(ours: Solution, theirs: Answer) -> str:
    """Our certificate, which makes our q the reference, and how far the other answer is from it."""
    loss = -float(ours.value)
    gap, excess = float(ours.gap) / loss, (theirs.value - float(ours.value)) / loss
    distance = np.max(np.abs(theirs.q / ours.q - 1))
    return f"relative gap {gap:.0e}; theirs: value {excess:+.0e}, q off by {distance:.0e}"


def same_question(n: int, p: float, budget: float) -> Row:
    """The optimum of the true model: exact integrals, or as many nodes as the conic solver takes in `budget`."""
    g, H = power_law(n), Power(p)
    truth = solve(g, H)
    before = _median_seconds(g, H)
    count, seconds, answer = _largest_sample(g, p, budget)
    our_seconds = (before + _median_seconds(g, H)) / 2
    return Row(
        f"the true optimum, H = x^{p:g}, n = {n}",
        "exact integrals",
        f"Clarabel, powers, {count} nodes",
        our_seconds,
        seconds,
        seconds / our_seconds,
        float(truth.kkt),
        float(np.max(np.abs(answer.q / truth.q - 1))),
        "errors: our residual, their largest relative error in q; their compilation is not timed",
    )


def _median_seconds(g: np.ndarray, H: Power, repeat: int = 15) -> float:
    taken = []
    with one_blas_thread():
        for _ in range(repeat):
            start = time.perf_counter()
            solve(g, H)
            taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def _largest_sample(g: np.ndarray, p: float, budget: float) -> tuple[int, float, Answer]:
    """(nodes, seconds, answer) of the largest sample whose solve stays within `budget` seconds."""
    best: tuple[int, float, Answer] | None = None
    count = 2000
    while True:
        try:
            program = conic_solver(sphere_nodes(len(g), count), p, "powers")
            with one_blas_thread():
                start = time.perf_counter()
                answer = program(g)
                seconds = time.perf_counter() - start
        except RuntimeError:  # Clarabel gives up on some node sets
            seconds = np.inf
        if seconds > budget:
            break
        best = count, seconds, answer
        # The time grows a little faster than the nodes, so aim below the budget, and never far at once.
        growth = min(8.0, 0.85 * budget / seconds)
        if growth < 1.25:
            break
        count = int(count * growth)
    if best is None:
        raise RuntimeError(f"no conic solve on {count} nodes within {budget} s")
    return best


def quartic_question(n: int) -> Row:
    """The one exception: for H = x^4 the true expectation is a polynomial that a conic solver can be given."""
    g, H = power_law(n), Power(4.0)
    moments = (np.ones((n, n)) + 2 * np.eye(n)) / (n * (n + 2))  # E u_i u_j
    # Any n "nodes" with these second moments will do.
    program = conic_solver(np.sqrt(n) * np.linalg.cholesky(moments).T, 4.0, "moments")
    truth = solve(g, H).q
    return compare(
        f"the true optimum, H = x^4, n = {n}",
        ("exact integrals", lambda: solve(g, H).q),
        ("Clarabel, exact moments", lambda: program(g).q),
        lambda q: float(np.max(np.abs(g / (q * 4 * (q @ q + 2 * q**2) / (n * (n + 2))) - 1))),
        note=f"errors: residual; their q is off by {np.max(np.abs(program(g).q / truth - 1)):.0e}",
    )


def batch(n: int, p: float, count: int, looped: int) -> Row:
    """`count` spectra at once, and one by one; the loop is timed on the first `looped` and scaled up."""
    H = Power(p)
    g = log_uniform(n, 2.0, stream("benchmark batch", n), (count,))
    row = compare(
        f"{count} spectra of n = {n}, H = x^{p:g}",
        ("one batch", lambda: np.max(solve(g, H).kkt)),
        ("a loop", lambda: np.max([solve(row, H).kkt for row in g[:looped]])),
        float,
        repeat=2,
    )
    scale = count / looped
    return replace(
        row,
        their_seconds=scale * row.their_seconds,
        ratio=scale * row.ratio,
        note=f"errors: largest residual; the loop was timed on {looped} spectra",
    )
