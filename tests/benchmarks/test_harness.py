"""The harness of the benchmarks: turns, medians, ratios and both errors; never a time."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.benchmarks import harness


class Clock:
    """A clock that stands still unless somebody spends time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(harness.time, "perf_counter", lambda: self.now)


def test_the_sides_take_turns_and_medians_make_the_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, calls = Clock(monkeypatch), []

    def side(name: str, costs: Iterator[float], answer: float) -> tuple[str, object]:
        def call() -> float:
            calls.append(name)
            clock.now += next(costs)
            return answer

        return name, call

    # The first call warms up and does not count; a median is not moved by one slow call.
    row = harness.compare(
        "pi",
        side("ours", iter([90.0, 1.0, 70.0, 1.0]), 3.14),  # type: ignore[arg-type]
        side("theirs", iter([90.0, 6.0, 5.0, 5.0]), 3.0),  # type: ignore[arg-type]
        lambda answer: abs(answer - 3.14159),
        repeat=3,
        note="toy",
    )
    assert calls == ["ours", "theirs"] * 4
    assert (row.our_seconds, row.their_seconds, row.ratio) == (1.0, 5.0, 5.0)
    assert row.our_error == pytest.approx(0.00159)
    assert row.their_error == pytest.approx(0.14159)
    assert list(harness.lines(row)) == [
        "  pi: 5 times as fast (toy)",
        "    ours     1.000e+00 s   error 1.6e-03",
        "    theirs   5.000e+00 s   error 1.4e-01",
    ]


def test_a_quick_side_fills_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, calls = Clock(monkeypatch), {"quick": 0, "slow": 0}

    def side(name: str, cost: float) -> tuple[str, object]:
        def call() -> None:
            calls[name] += 1
            clock.now += cost

        return name, call

    quick, slow = side("quick", harness.TURN / 7.5), side("slow", 2 * harness.TURN)
    row = harness.compare("turns", quick, slow, lambda answer: 0.0, repeat=2)  # type: ignore[arg-type]
    assert calls == {"quick": 1 + 2 * 8, "slow": 1 + 2}
    assert row.ratio == pytest.approx(15.0)


def test_no_repetition_is_refused() -> None:
    with pytest.raises(ValueError, match="repeat must be at least 1, got 0"):
        harness.compare("nothing", ("a", lambda: 0), ("b", lambda: 0), float, repeat=0)


def test_a_run_prints_and_writes_every_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = ModuleType("toy")
    module.TITLE = "A toy"  # type: ignore[attr-defined]
    module.rows = lambda: iter([harness.compare("row", ("a", lambda: 0), ("b", lambda: 1), float)])  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tests.benchmarks.toy", module)
    out = tmp_path / "new" / "bench.json"
    harness.run(["toy"], out)
    (row,) = json.loads(out.read_text())["toy"]
    assert (row["title"], row["our_error"], row["their_error"]) == ("row", 0.0, 1.0)
    printed = capsys.readouterr().out
    assert printed.startswith("toy: A toy\n  row: ")
    assert printed.endswith(f"1 rows; {out}\n")


def test_benchmarks_are_found_by_listing(tmp_path: Path) -> None:
    for name in ("solver", "batch", "harness", "test_harness", "__init__", "_shared"):
        (tmp_path / f"{name}.py").touch()
    assert harness.find(tmp_path) == ["batch", "solver"]


@pytest.mark.parametrize("name", harness.find())
def test_every_benchmark_keeps_the_contract(name: str) -> None:
    module = harness.importlib.import_module(f"tests.benchmarks.{name}")
    assert isinstance(module.TITLE, str)
    assert module.TITLE.strip()
    assert callable(module.rows)
