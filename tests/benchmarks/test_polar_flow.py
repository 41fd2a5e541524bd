"""The benchmark of interpolants at toy size: its errors and its bookkeeping, not its times."""

from __future__ import annotations

import pytest

from labs.polar_flow.conic import available
from tests.benchmarks import polar_flow as benchmark


@pytest.mark.skipif(not available(), reason="CVXPY or Clarabel is not installed")
def test_both_sides_reach_the_same_gap() -> None:
    row = benchmark.against_clarabel(3, 6, "nuclear")
    assert 0 <= row.our_error <= max(row.their_error, 1e-11)
    assert row.their_error < 1e-5


def test_our_sizes_are_timed_alone() -> None:
    row = benchmark.alone(5, 12)
    assert 0 <= row.our_error <= 1e-6
    assert 0 <= row.their_error <= 1e-6
