"""Run a sweep: find out what is missing, compute it, store it, report."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from labs.core.arrays import BACKENDS
from labs.core.sweep import executors
from labs.core.sweep.chunk import agreed
from labs.core.sweep.declaration import Plan, Sweep
from labs.core.sweep.executors import Done
from labs.core.sweep.store import Scan, Store, Trace, untraced

STORE = Path("build/sweeps")

# A chunk should take about so many seconds: that much work is lost at most when a worker is killed, and
# storing it (some milliseconds) does not show.
CHUNK_SECONDS = 5.0
# How often what is missing is looked for: once, and again where another run has set something aside.
ROUNDS = 3


@dataclass(frozen=True)
class Report:
    """How a sweep stands.

    cells, done    cells of this run's share of the grid; how many are there (failed ones too).
    failed         the reasons of failed cells, by their number in the grid.
    chunks         chunks that this run stored.
    torn           files that were not as written and were set aside, with the reason.
    unfinished     files that a killed run had left, removed.
    sources        hashes of the sources that produced the chunks: more than one means that the code has
                   changed meanwhile under one version.
    seconds        that this run took.
    """

    sweep: Sweep
    folder: Path
    cells: int
    done: int
    failed: dict[int, str] = field(default_factory=dict)
    chunks: int = 0
    torn: dict[str, str] = field(default_factory=dict)
    unfinished: int = 0
    sources: tuple[str, ...] = ()
    seconds: float = 0.0

    def __str__(self) -> str:
        lines = [f"{self.sweep.name}: {self.done} of {self.cells} cells are there; {self.folder}"]
        if self.chunks:
            lines.append(f"  {self.chunks} chunks stored in {self.seconds:.1f} s")
        if self.unfinished:
            lines.append(f"  {self.unfinished} unfinished files of killed runs removed")
        lines += [f"  torn: {name}: {why}" for name, why in self.torn.items()]
        if len(self.sources) > 1:
            lines.append(
                f"  by {len(self.sources)} versions of the code ({', '.join(self.sources)}): if the numbers have"
                " changed, raise the sweep's version"
            )
        if self.failed:
            lines.append(f"  {len(self.failed)} cells failed:")
            lines += [
                f"    {describe(self.sweep, cell)}: {why}" for cell, why in sorted(self.failed.items())[:10]
            ]
            if len(self.failed) > 10:
                lines.append(f"    and {len(self.failed) - 10} more: `reason` in the results names all")
        return "\n".join(lines)


def run(
    sweep: Sweep,
    *,
    store: Path | str = STORE,
    backend: str = "numpy",
    workers: int = 1,
    dask: str | None = None,
    shard: tuple[int, int] = (1, 1),
    chunk: int | None = None,
    retry_failed: bool = False,
    progress: bool = False,
    trace: Trace = untraced,
) -> Report:
    """Compute what is missing of a sweep and store it.

    store          folder of all results; the sweep's own lies in it by name, backend and key.
    backend        "numpy", "cupy" or "strict".
    workers, dask  processes of this machine, or the address of a Dask scheduler.
    shard          (i, N): only every N-th tile, from the i-th on, i = 1 ... N.
    chunk          tiles in a file; without it as many as take about five seconds.
    retry_failed   compute the chunks with failed cells again.
    trace          told each of `store.STEPS` as it is reached: for tests that kill.

    The numbers are the same bits whatever the workers, the chunk, the shards and the order; on another
    backend they differ in rounding and lie in another folder.

    Raises ValueError for a bad argument; SweepError where the function or the store fails;
    RuntimeError where the backend is missing.  What was finished before is kept.
    """
    _check(backend, workers, dask, shard, chunk)
    begun = time.perf_counter()
    home = store_of(sweep, store, backend, trace)
    mine = range(shard[0] - 1, sweep.tiles, shard[1])
    unfinished = home.prepare(sweep.declared())
    wanted = set(mine)
    torn: dict[str, str] = {}
    chunks = 0
    for _ in range(ROUNDS):
        found = home.scan()
        torn |= {name: why for name, why in found.torn.items() if home.set_aside(name)}
        if retry_failed:
            for name, held in list(found.chunks.items()):
                if held.reasons and not wanted.isdisjoint(held.tiles):
                    del found.chunks[name]
                    if home.set_aside(name, whole=True):
                        wanted.update(held.tiles)  # of other shards too: they may be finished
            retry_failed = False
        missing = sorted(wanted - found.tiles)
        if not missing:
            break
        chunks += _compute(sweep, home, found.form, missing, wanted, backend, workers, dask, chunk, progress)
    else:
        found = home.scan()
        torn |= found.torn
    trace("before report")
    return _report(sweep, home, found, mine, chunks, torn, unfinished, time.perf_counter() - begun)


def status(sweep: Sweep, *, store: Path | str = STORE, backend: str = "numpy") -> Report:
    """How a sweep stands; nothing is computed, nothing is changed."""
    home = store_of(sweep, store, backend)
    found = home.scan()
    return _report(sweep, home, found, range(sweep.tiles), 0, found.torn, 0, 0.0)


def folder(sweep: Sweep, store: Path | str = STORE, backend: str = "numpy") -> Path:
    """Where the results of a sweep on a backend lie."""
    return Path(store) / sweep.name / f"{backend}-{sweep.key(backend)}"


def store_of(
    sweep: Sweep, store: Path | str = STORE, backend: str = "numpy", trace: Trace = untraced
) -> Store:
    """The store of a sweep's results on a backend."""
    return Store(folder(sweep, store, backend), sweep.key(backend), trace)


def describe(sweep: Sweep, cell: int) -> str:
    """Host routine: a cell by its parameters."""
    at = np.asarray([cell])
    return ", ".join(f"{name}={sweep.grid.column(name, at)[0].item()!r}" for name in sweep.grid.names)


def _check(backend: str, workers: int, dask: str | None, shard: tuple[int, int], chunk: int | None) -> None:
    if backend not in BACKENDS:
        raise ValueError(f"backend must be one of {BACKENDS}, got {backend!r}")
    if not isinstance(workers, int) or workers < 1:
        raise ValueError(f"workers must be an integer, at least 1, got {workers!r}")
    if dask is not None and workers > 1:
        raise ValueError("workers must be left out where dask is given: the cluster has its own")
    if not (len(shard) == 2 and all(isinstance(i, int) for i in shard) and 1 <= shard[0] <= shard[1]):
        raise ValueError(f"shard must be (i, N) with 1 <= i <= N, got {shard!r}")
    if chunk is not None and (not isinstance(chunk, int) or chunk < 1):
        raise ValueError(f"chunk must be a number of tiles, at least one, got {chunk!r}")


def _compute(
    sweep: Sweep,
    home: Store,
    form: dict[str, str],
    missing: list[int],
    wanted: set[int],
    backend: str,
    workers: int,
    dask: str | None,
    chunk: int | None,
    progress: bool,
) -> int:
    """Compute and store these tiles; the number of chunks stored."""
    pace = Pace(sweep, missing, chunk)
    task = partial(executors.compute_chunk, work=executors.work_of(sweep, backend), backend=backend)
    chunks = 0
    total, there = cells_in(sweep, wanted), cells_in(sweep, wanted.difference(missing))
    shown = progress and sys.stderr.isatty()
    with (
        _progress(sweep.name, total, there, shown) as tell,
        closing(_chunks(pace, task, workers, dask)) as done,
    ):
        for one in done:
            form = agreed(form, one.form)
            home.write(one.data, one.tiles)
            pace.learn(one)
            chunks += 1
            tell(one)
    return chunks


@contextmanager
def _progress(name: str, total: int, there: int, shown: bool) -> Iterator[Callable[[Done], None]]:
    """What is told of each chunk, and shows how many cells are there, the rate, and the time left."""
    if not shown:  # and no tqdm: it starts a thread even where it is disabled
        yield lambda done: None
        return
    from tqdm import tqdm

    with tqdm(total=total, initial=there, desc=name, unit="cell", unit_scale=True) as bar:
        failed = 0

        def tell(done: Done) -> None:
            nonlocal failed
            failed += done.failed
            if failed:
                bar.set_postfix(failed=failed, refresh=False)
            bar.update(done.cells)

        yield tell


def _chunks(pace: Pace, task: Any, workers: int, dask: str | None) -> Generator[Done, None, None]:
    """The chunks as they are finished, by whoever was asked."""
    groups = pace.groups()
    if dask is not None:
        with executors.dask(dask) as (executor, threads):
            yield from executors.by_executor(groups, task, executor, lambda: max(2, 2 * threads()))
    elif workers > 1:
        with executors.cores(workers) as executor:
            yield from executors.by_executor(groups, task, executor, lambda: 2 * workers)
    else:
        yield from executors.in_process(groups, task)


class Pace:
    """Cuts the missing tiles into groups, one chunk each.

    Without a wish (`chunk`) a group takes about CHUNK_SECONDS, as far as is known: it has at most twice as many
    tiles as the largest one so far, and a tile of a kind not yet seen is expected to take twice as long as the
    slowest.
    """

    def __init__(self, sweep: Sweep, missing: list[int], chunk: int | None) -> None:
        self.sweep = sweep
        self.missing = missing
        self.chunk = chunk
        self.most = 1
        self.seconds: dict[int, float] = {}  # of a tile, by its kind

    def learn(self, done: Done) -> None:
        """Take note of how long the tiles of a chunk took."""
        self.most = max(self.most, 2 * len(done.tiles))
        for tile, seconds in zip(done.tiles, done.seconds, strict=True):
            self.seconds[self.sweep.kind(tile)] = seconds

    def groups(self) -> Iterator[list[Plan]]:
        """The groups, each cut when it is asked for."""
        at = 0
        while at < len(self.missing):
            group = self.missing[at : at + (self.chunk or self._reach(at))]
            at += len(group)
            yield [self.sweep.plan(tile) for tile in group]

    def _reach(self, at: int) -> int:
        """How many tiles from the `at`-th on take about CHUNK_SECONDS: at least one."""
        unknown = 2.0 * max(self.seconds.values(), default=0.0)
        spent = 0.0
        for count, tile in enumerate(self.missing[at : at + self.most]):
            spent += self.seconds.get(self.sweep.kind(tile), unknown)
            if spent > CHUNK_SECONDS:
                return max(1, count)
        return self.most


def cells_in(sweep: Sweep, tiles: Any) -> int:
    """How many cells these tiles hold."""
    return sum(map(sweep.count, tiles))


def _report(
    sweep: Sweep,
    home: Store,
    found: Scan,
    mine: range,
    chunks: int,
    torn: dict[str, str],
    unfinished: int,
    seconds: float,
) -> Report:
    there = found.tiles & set(mine)
    failed = found.failed
    if failed and mine.step > 1:
        own = {int(cell) for tile in there for cell in sweep.cells(tile)}
        failed = {cell: why for cell, why in failed.items() if cell in own}
    sources = tuple(sorted({held.produced["code"] for held in found.chunks.values()}))
    return Report(
        sweep,
        home.folder,
        cells_in(sweep, mine),
        cells_in(sweep, there),
        failed,
        chunks,
        torn,
        unfinished,
        sources,
        seconds,
    )
