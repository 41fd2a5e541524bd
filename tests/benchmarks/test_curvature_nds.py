"""The benchmark of the two-level model at toy size: its errors and its bookkeeping, not its times."""

from __future__ import annotations

import numpy as np
import pytest

from labs.curvature_nds.levels import win_region
from tests.benchmarks import curvature_nds as benchmark


def test_both_sides_give_the_same_losses() -> None:
    for row in (benchmark.closed_form_against_modes(10), benchmark.closed_form_against_matrices(8, 5)):
        assert row.our_error < 1e-15
        assert row.their_error < 1e-12


def test_simulated_regions_are_the_closed_ones() -> None:
    points = [(0.25, 12.0, 2.0), (0.25, 1.5, 2.0), (0.25, 6.0, 0.5), (0.25, 1.5, 0.5)]
    assert [benchmark.simulated_region(*point) for point in points] == [1, 2, 3, 4]
    assert [benchmark.exact_region(*point) for point in points] == [1, 2, 3, 4]
    assert win_region(*np.array(points).T).tolist() == [1, 2, 3, 4]


def test_a_phase_diagram_says_how_many_points_a_second() -> None:
    row = benchmark.phase_diagram(200, 20)
    assert row.our_error == row.their_error == 0.0
    assert row.note.startswith(f"{200 / row.our_seconds:.2g} points a second")
    assert row.ratio == pytest.approx(row.their_seconds / row.our_seconds * 10)
