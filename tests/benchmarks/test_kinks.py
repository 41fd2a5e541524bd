"""The benchmark of kinks at toy size: its errors and its bookkeeping, not its times."""

from __future__ import annotations

import numpy as np
import pytest

from labs.isotropic_curvature import minimal_kink
from labs.isotropic_curvature.conic import available
from labs.isotropic_curvature.nodes import sphere_nodes
from tests.benchmarks import kinks as benchmark


def test_the_sampled_kink_comes_near() -> None:
    """N^{-1/2} and less for cyclic nodes; where no node has u_1 large enough, no density serves."""
    g = np.array([0.5, 0.3, 0.2])
    assert benchmark.sampled_kink(g, sphere_nodes(3, 600)) == pytest.approx(minimal_kink(g)[0], rel=0.02)
    assert benchmark.sampled_kink(np.array([1.0, 1e-9]), np.full((4, 2), 0.5)) == np.inf


def test_rows_give_the_accuracy_of_both_sides() -> None:
    row = benchmark.least_kink(3, 300)
    assert row.our_error < 1e-12
    assert 1e-6 < row.their_error < 0.1


@pytest.mark.skipif(not available(), reason="CVXPY or Clarabel is not installed")
def test_the_optimum_below_the_kink() -> None:
    row = benchmark.free_optimum(3, 60)
    assert row.our_error < 1e-11
    assert 1e-9 < row.their_error < 0.5
