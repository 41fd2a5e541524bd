"""The benchmark of sweeps at toy size: its errors and its bookkeeping, not its times."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks import sweeps as benchmark

STEPS = 100  # too few for the closest pair of eigenvalues: there is an error to be seen


def test_a_cell_is_an_eigenvalue_in_a_tile_and_alone() -> None:
    sweep = benchmark.eigenvalues_of(STEPS, tiles=1)
    together = benchmark.computed(sweep)["largest"]
    alone = np.array([benchmark.single(draw, STEPS) for draw in range(benchmark.TILE)])
    assert benchmark.error(sweep, together) == pytest.approx(benchmark.error(sweep, alone), abs=1e-12)
    assert benchmark.error(sweep, together) < 0.01
    assert benchmark.error(sweep, 1.02 * together) > 0.01


def test_a_stored_run_answers_as_the_loop_does() -> None:
    row = benchmark.storing(STEPS, tiles=2)
    assert row.our_error == row.their_error < 0.01


def test_steps_fill_the_time_asked_for() -> None:
    assert benchmark.steps_for(0.0) == 100 < benchmark.steps_for(1.0)


def test_tiles_and_cells_are_solved_alike() -> None:
    row = benchmark.tiles_against_cells([4.0], [2])
    assert 0 < row.our_error < 1e-12
    assert 0 < row.their_error < 1e-12


@pytest.mark.long
def test_two_workers_answer_as_one() -> None:
    row = benchmark.two_workers(STEPS, tiles=2)
    assert row.our_error == row.their_error < 0.01
    mapped = benchmark.plain_map(STEPS, tiles=1)
    assert mapped.our_error == pytest.approx(mapped.their_error, abs=1e-12)
