"""The benchmark of the reduced memory at toy size: its errors and its bookkeeping, not its times."""

from __future__ import annotations

import pytest

from tests.benchmarks import associative_memory as benchmark


@pytest.mark.parametrize("long", [20, 2048])
def test_the_reduced_step_is_the_dense_step(long: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "LONG", long)
    row = benchmark.against_dense(48)
    assert row.our_error == 0.0
    assert row.their_error < 1e-13
    assert row.ratio == row.their_seconds / row.our_seconds
    assert ("once" in row.note) == (long < 48)


@pytest.mark.parametrize("rule", ["muon", "muon-ns5"])
def test_the_mean_block_does_not_drift(rule: str) -> None:
    row = benchmark.against_itself("toy", (300, 5), (1000, 4), rule=rule)
    assert row.our_error < 1e-12
    assert row.their_error < 1e-12
    assert row.note.startswith(f"{1e3 * row.our_seconds / benchmark.STEPS:.2f} ms a step")
