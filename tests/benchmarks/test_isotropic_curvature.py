"""The benchmark of the isotropic curvature model at toy size: its errors and its bookkeeping, not its times."""

from __future__ import annotations

import numpy as np
import pytest

from labs.isotropic_curvature import Power
from labs.isotropic_curvature.conic import available
from labs.isotropic_curvature.nodes import solve_nodes, sphere_nodes
from tests.benchmarks import isotropic_curvature as benchmark

needs_cvxpy = pytest.mark.skipif(not available(), reason="CVXPY or Clarabel is not installed")


def test_the_residual_is_relative_and_vanishes_at_the_optimum() -> None:
    g, H, nodes = np.array([1.0, 0.1, 1e-3]), Power(3.0), sphere_nodes(3, 30)
    q = solve_nodes(g, H, nodes).q
    assert benchmark.residual(q, g, H, nodes) < 1e-13
    # In the smallest entry too: at H = x^3, q_i lambda_i is nearly linear in a small q_i.
    off = q * [1.0, 1.0, 1.01]
    assert benchmark.residual(off, g, H, nodes) == pytest.approx(0.01, rel=1e-3)


def test_a_loop_that_was_timed_in_part_is_scaled_up() -> None:
    row = benchmark.batch(4, 4.0, 40, 4)
    assert row.ratio == pytest.approx(row.their_seconds / row.our_seconds)
    assert row.title.startswith("40 spectra of n = 4")
    assert max(row.our_error, row.their_error) < 1e-12


@needs_cvxpy
def test_rows_give_the_accuracy_of_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "NODES", 40)
    for row in (benchmark.same_nodes(4, 3.0, "powers"), benchmark.quartic_question(4)):
        assert row.our_error < 1e-13
        assert 1e-13 < row.their_error < 1e-2


@needs_cvxpy
def test_the_largest_sample_stays_within_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    # A clock that charges a hundredth of a second a node, whatever the solver does.
    counts: list[int] = []

    def toy_solver(nodes: np.ndarray, p: float, formulation: str):
        counts.append(len(nodes))
        return lambda g: clock.append(clock[-1] + 0.01 * counts[-1])

    clock = [0.0]
    monkeypatch.setattr(benchmark, "conic_solver", toy_solver)
    monkeypatch.setattr(benchmark.time, "perf_counter", lambda: clock[-1])
    count, seconds, _ = benchmark._largest_sample(np.ones(2), 3.0, 1000.0)
    assert counts == [2000, 16000, 85000]
    assert (count, seconds) == (85000, 850.0)
