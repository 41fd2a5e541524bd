"""A run: what it reports and shows, how it cuts chunks, what it would cost."""

from __future__ import annotations

import io
import sys
import time
from concurrent.futures import Executor, Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from labs.core.sweep import Sweep, SweepError, Tile, estimate, listed, product, run, status
from labs.core.sweep.executors import Done, by_executor, compute_chunk, work_of
from labs.core.sweep.run import CHUNK_SECONDS, Pace, folder
from labs.core.sweep.store import STEPS
from tests.sweep.test_failed import NAN, RAISES, failing, sweep_of
from tests.sweep.toys import PRODUCTS, SMALL, chunks


def test_a_report(tmp_path: Path) -> None:
    before = status(SMALL, store=tmp_path)
    assert (before.done, before.cells, before.sources) == (0, 8, ())
    assert str(before) == f"toys/small: 0 of 8 cells are there; {folder(SMALL, tmp_path)}"
    assert not list(tmp_path.iterdir())  # a look leaves nothing

    first = run(SMALL, store=tmp_path, shard=(1, 2), chunk=1)
    assert (first.done, first.cells, first.chunks) == (4, 4, 2)
    lines = str(first).splitlines()
    assert lines[0] == f"toys/small: 4 of 4 cells are there; {folder(SMALL, tmp_path)}"
    assert lines[1] == f"  2 chunks stored in {first.seconds:.1f} s"
    assert len(lines) == 2
    assert 0.0 < first.seconds < 60.0

    half = status(SMALL, store=tmp_path)
    assert (half.done, half.cells, half.chunks, half.seconds) == (4, 8, 0, 0.0)
    assert (tmp_path / "toys" / "small").is_dir()


def test_steps_come_in_order(tmp_path: Path) -> None:
    steps: list[str] = []
    run(SMALL, store=tmp_path, chunk=2, trace=steps.append)
    assert steps == [*STEPS[:-1], *STEPS[:-1], STEPS[-1]]
    steps.clear()
    run(SMALL, store=tmp_path, trace=steps.append)
    assert steps == [STEPS[-1]]


def test_a_shard_reports_its_own_failures(tmp_path: Path) -> None:
    sweep = sweep_of(product(kind=["a", "b"], scale=[0.5, NAN]))
    run(sweep, store=tmp_path)
    assert list(run(sweep, store=tmp_path, shard=(1, 2)).failed) == [1]
    assert list(run(sweep, store=tmp_path, shard=(2, 2)).failed) == [3]
    assert list(status(sweep, store=tmp_path).failed) == [1, 3]


# --- what is shown ------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    """What stands for one."""

    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, sweep: Sweep, **options: Any) -> str:
    """What a run shows on this stream."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        run(sweep, **options)
    return stream.getvalue()


def test_progress_on_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = sweep_of(product(kind=["a", "b"], scale=[0.5, NAN, RAISES]))
    run(sweep, store=tmp_path, shard=(1, 2))
    text = shown(monkeypatch, Terminal(), sweep, store=tmp_path, progress=True)
    assert "toys/products" in text
    assert "50%" in text  # what is there already counts
    assert "3.00/6.00" in text
    assert "6.00/6.00" in text
    assert "cell/s" in text
    assert "failed=2" in text


def test_quiet_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, io.StringIO(), SMALL, store=tmp_path / "file", progress=True) == ""
    assert shown(monkeypatch, Terminal(), SMALL, store=tmp_path / "unasked") == ""


def test_no_thread_is_left_behind(tmp_path: Path) -> None:
    """Who forks afterwards is glad of it."""
    import threading

    before = threading.active_count()
    run(SMALL, store=tmp_path)
    assert threading.active_count() == before


# --- how chunks are cut -------------------------------------------------------------------------------------


def cut(pace: Pace, seconds: dict[str, float]) -> list[str]:
    """The groups that are cut, by the kinds of their tiles, where a tile of a kind takes these seconds."""
    groups = []
    for plans in pace.groups():
        kinds = [str(plan.static["kind"]) for plan in plans]
        groups.append("".join(kinds))
        tiles = [plan.index for plan in plans]
        pace.learn(Done(b"", tiles, {}, len(tiles), 0, [seconds[kind] for kind in kinds]))
    return groups


def kinds_of_tiles(count: int) -> Sweep:
    """A sweep of one-cell tiles of the kinds a, b, c: `count` of each."""
    grid = product(kind=["a", "b", "c"], x=[float(i) for i in range(count)])
    return Sweep("toys/pace", 1, grid, failing, tile=1)


def test_chunks_grow_to_five_seconds() -> None:
    pace = Pace(kinds_of_tiles(40), list(range(120)), None)
    seconds = {"a": CHUNK_SECONDS / 10, "b": CHUNK_SECONDS * 2, "c": CHUNK_SECONDS / 1.5}
    assert cut(pace, seconds) == [
        *("a" * size for size in (1, 2, 4, 8, 10, 10)),
        "a" * 5 + "bb",  # half a second each for a; b, not yet seen, is taken for twice that
        *["b"] * 38,
        *["c"] * 40,
    ]


def test_a_chunk_holds_several_kinds_if_they_are_cheap() -> None:
    pace = Pace(kinds_of_tiles(3), list(range(9)), None)
    assert cut(pace, dict.fromkeys("abc", 0.0)) == ["a", "aa", "bbbc", "cc"]


def test_a_dear_tile_is_known_when_it_comes_again() -> None:
    pace = Pace(kinds_of_tiles(3), [0, 3, 1, 4, 2, 5], None)
    seconds = {"a": CHUNK_SECONDS / 100, "b": CHUNK_SECONDS}
    assert cut(pace, seconds) == ["a", "ba", "b", "a", "b"]


def test_a_chunk_of_a_given_size_may_hold_several_kinds(tmp_path: Path) -> None:
    run(PRODUCTS, store=tmp_path, chunk=7)
    assert [chunk.tiles for chunk in chunks(PRODUCTS, tmp_path)] == [[0, 1, 2, 3, 4, 5, 6], [7, 8, 9]]
    first = next(chunks(PRODUCTS, tmp_path))
    assert set(first.axes["kind"]) == {"a", "b"}


# --- what it would cost -------------------------------------------------------------------------------------


def slow(tile: Tile) -> dict[str, Any]:
    """A tile takes as long as its axis says."""
    time.sleep(float(tile["seconds"]))
    return {"same": tile["x"]}


def test_an_estimate(tmp_path: Path) -> None:
    grid = product(seconds=[0.001, 0.02], x=[float(i) for i in range(30)])
    sweep = Sweep("toys/slow", 1, grid, slow, tile=3, static=("seconds",))
    cost = estimate(sweep, store=tmp_path)
    assert not list(tmp_path.iterdir())
    assert (cost.cells, cost.tiles, cost.missing, cost.timed, cost.kinds) == (60, 20, 60, 2, 2)
    assert 0.21 <= cost.seconds < 30.0
    run(sweep, store=tmp_path, shard=(1, 2), chunk=1)
    held = sum(path.stat().st_size for path in folder(sweep, tmp_path).glob("*.npz"))
    assert held < cost.bytes < 4 * held  # half is there
    half = estimate(sweep, store=tmp_path)
    assert (half.missing, half.cells) == (30, 60)
    assert half.seconds >= 0.1
    assert str(half).startswith("toys/slow: 60 cells in 20 tiles; 30 cells are missing\n  about ")
    assert "s on one worker (timed: a tile of 2 of 2 kinds)" in str(half)


def test_an_estimate_of_what_is_finished(tmp_path: Path) -> None:
    run(SMALL, store=tmp_path)
    cost = estimate(SMALL, store=tmp_path)
    assert (cost.missing, cost.seconds, cost.bytes, cost.timed) == (0, 0.0, 0, 0)


def test_an_estimate_does_not_take_for_ever(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clock = [0.0]

    def tick() -> float:
        clock[0] += 6.0
        return clock[0]

    monkeypatch.setattr(time, "perf_counter", tick)
    sweep = replace(SMALL, grid=listed([{"x": float(i), "kind": k} for i, k in enumerate("abcde")]))
    cost = estimate(sweep, store=tmp_path)
    assert (cost.timed, cost.kinds, cost.seconds) == (2, 5, 30.0)


# --- who computes -------------------------------------------------------------------------------------------


class AtOnce(Executor):
    """An executor that has everything done at once, but for the calls that it fails."""

    def __init__(self, *failing: int) -> None:
        self.calls = 0
        self.failing = failing

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.calls += 1
        if self.calls in self.failing:
            future.set_exception(SweepError("lost"))
        else:
            future.set_result(function(*arguments, **options))
        return future


def test_groups_are_cut_as_late_as_possible() -> None:
    pytest.importorskip("cloudpickle")
    task = partial(compute_chunk, work=work_of(SMALL, "numpy"), backend="numpy")
    groups = ([SMALL.plan(i % 4)] for i in range(99))
    room = [3]
    executor = AtOnce()
    done = by_executor(groups, task, executor, lambda: room[0])
    next(done)
    assert executor.calls == 3
    room[0] = 5  # a cluster may grow
    for _ in range(3):
        next(done)
    assert executor.calls == 8


def test_what_is_finished_comes_before_what_failed() -> None:
    pytest.importorskip("cloudpickle")
    task = partial(compute_chunk, work=work_of(SMALL, "numpy"), backend="numpy")
    done = by_executor(([SMALL.plan(i)] for i in range(4)), task, AtOnce(2, 3), lambda: 4)
    assert sorted(one.tiles for one in (next(done), next(done))) == [[0], [3]]
    with pytest.raises(SweepError, match="lost"):
        next(done)
