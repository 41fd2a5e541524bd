"""Run benchmarks: two ways to answer one question, on the same inputs, in turns, on one core.

A benchmark is a module of this folder with

    TITLE    one line.
    rows()   yields what `compare` returns, one row at a time.

`lab bench` runs them all, prints a table and writes build/bench.json.  A row gives the *ratio* of the times,
because seconds depend on the machine, and the error of *both* sides, because speed alone says nothing.
"""

from __future__ import annotations

import importlib
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from labs.core.arrays import one_blas_thread

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Row:
    """One comparison: medians in seconds, errors as the benchmark's own function measures them.

    `ratio` is their time over ours: above 1, ours is the faster one.
    """

    title: str
    ours: str
    theirs: str
    our_seconds: float
    their_seconds: float
    ratio: float
    our_error: float
    their_error: float
    note: str = ""


# Of one turn, in seconds: some hundred calls of a millisecond function, and one of a slower one.
TURN = 0.05


def _turn(side: Callable[[], Any]) -> float:
    """Mean seconds of a call, over as many calls as fill a turn."""
    calls, start = 0, time.perf_counter()
    while True:
        side()
        calls += 1
        spent = time.perf_counter() - start
        if spent >= TURN:
            return spent / calls


def compare(
    title: str,
    ours: tuple[str, Callable[[], Any]],
    theirs: tuple[str, Callable[[], Any]],
    error: Callable[[Any], float],
    *,
    repeat: int = 5,
    note: str = "",
) -> Row:
    """Time two named functions in turns, A B A B ..., `repeat` times after one call each to warm up.

    In turns, so that a machine that slows down meanwhile slows both.  A turn lasts at least TURN seconds: a
    quicker side is called again and its mean counts, or the other side's cold caches would.  `error` maps
    the answer of either side to its error.  The functions take no arguments and return when their answer is
    there (a GPU's too).
    """
    if repeat < 1:
        raise ValueError(f"repeat must be at least 1, got {repeat}")
    sides = (ours[1], theirs[1])
    seconds: tuple[list[float], list[float]] = ([], [])
    with one_blas_thread():
        answers = [side() for side in sides]
        for _ in range(repeat):
            for side, taken in zip(sides, seconds, strict=True):
                taken.append(_turn(side))
    our_seconds, their_seconds = (statistics.median(taken) for taken in seconds)
    return Row(
        title,
        ours[0],
        theirs[0],
        our_seconds,
        their_seconds,
        their_seconds / our_seconds,
        float(error(answers[0])),
        float(error(answers[1])),
        note,
    )


def find(folder: Path = HERE) -> list[str]:
    """The names of the benchmarks, by listing the folder."""
    return sorted(p.stem for p in folder.glob("*.py") if not p.stem.startswith(("_", "test_", "harness")))


def run(names: list[str], out: Path) -> dict[str, list[Row]]:
    """Run the benchmarks `names`, print each row as it comes, write all of them to `out` as JSON."""
    results: dict[str, list[Row]] = {}
    for name in names:
        module = importlib.import_module(f"{__package__}.{name}")
        print(f"{name}: {module.TITLE}", flush=True)
        results[name] = []
        for row in module.rows():
            results[name].append(row)
            print("\n".join(lines(row)), flush=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = {name: [asdict(row) for row in found] for name, found in results.items()}
    out.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{sum(map(len, results.values()))} rows; {out}")
    return results


def lines(row: Row) -> Iterator[str]:
    """A row as it is printed."""
    yield f"  {row.title}: {row.ratio:.3g} times as fast" + (f" ({row.note})" if row.note else "")
    width = max(len(row.ours), len(row.theirs))
    for name, seconds, error in (
        (row.ours, row.our_seconds, row.our_error),
        (row.theirs, row.their_seconds, row.their_error),
    ):
        yield f"    {name:<{width}}  {seconds:10.3e} s   error {error:.1e}"
