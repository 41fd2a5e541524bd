"""The benchmark of the polar factor at toy size: its errors and its bookkeeping, not its times."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from labs.core.polar import factor
from tests.benchmarks import polar as benchmark


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.benchmarks.harness.TURN", 0.001)


def test_both_sides_are_accurate_and_the_note_says_which_method_it_was() -> None:
    for A, chosen in (
        (benchmark.matrices(1, 4, 4, 1e4), "svd"),
        (benchmark.matrices(60, 8, 8, 1e4), "newton"),
        (benchmark.matrices(2, 112, 112, 1e8), "eigen, 2 left to the SVD"),
        (benchmark.matrices(60, 8, 8, 1e2).astype(np.float32), "newton"),
    ):
        row = benchmark.against_numpy(A, 1e4)
        assert row.note == f"by {chosen}"
        assert row.our_error < 30.0
        assert row.their_error < 30.0
        assert ("single" in row.title) == (A.dtype == np.float32)
    assert benchmark.against_scipy(benchmark.matrices(3, 5, 5, 1e2)).their_error < 30.0


def test_the_error_is_the_certificates() -> None:
    A = benchmark.matrices(3, 5, 5, 1e2)
    q = benchmark.by_svd(A)
    assert benchmark.error(A, q) < 30.0
    q[1] += 1e-6
    assert benchmark.error(A, q) > 1e8
    np.testing.assert_allclose(np.linalg.svd(A, compute_uv=False), np.geomspace(1, 1e-2, 5) * np.ones((3, 1)))


def test_the_fastest_is_one_of_them() -> None:
    winner = benchmark.fastest(benchmark.matrices(2, 3, 3, 1e2), turn=0.0)
    assert winner in (benchmark.ROUTE, *factor.METHODS[1:])


def test_the_shares_are_counted() -> None:
    row = benchmark.against_numpy(benchmark.matrices(2, 4, 4, 1e2), 1e2)
    panel = [
        replace(row, title=title, ratio=ratio, our_error=error)
        for title, ratio, error in (
            ("7 of 4 x 4, condition", 2.0, 1.0),
            ("7 of 16 x 16, condition", 1.2, 3.0),
            ("7 of 8 x 8, condition", 0.7, 2.0),
            ("2 of 32 x 32, condition", 0.9, 1.0),
            ("1 of 4 x 4, condition", 0.4, 1.0),
        )
    ]
    few, many, one, winners = benchmark.summary(panel, Counter({"newton": 3, "svd": 2}))
    assert "3 cells, 1 at 1.5 or more, 2 at 1 or more, 2 at 0.8 or more; median 1.20, least 0.70" in few
    assert "largest error 3.0" in few
    assert "1 cells, 0 at 1.5 or more, 0 at 1 or more, 1 at 0.8 or more" in many
    assert "1 cells, 0 at 1.5 or more" in one
    assert winners.endswith("newton in 3 of 5, svd in 2 of 5")
    assert len(list(benchmark.summary(panel[:1], Counter()))) == 2


def test_the_panel_is_whole(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(benchmark, "SIZES", (4,))
    monkeypatch.setattr(benchmark, "CONDITIONS", (1e1, 1e8))
    monkeypatch.setattr(benchmark, "MANY", 64)
    monkeypatch.setattr(benchmark, "fastest", lambda A: "newton")
    monkeypatch.setattr(benchmark, "against_scipy", lambda A: benchmark.against_numpy(A[:, :2, :2], 1.0))
    titles = [row.title for row in benchmark.rows()]
    assert titles[:4] == [f"{b} of 4 x 4, condition {c}" for c in ("1e+01", "1e+08") for b in (1, 4)]
    assert len(titles) == 4 + 2 + 2 + 3
    assert "fastest: newton in 4 of 4" in capsys.readouterr().out
