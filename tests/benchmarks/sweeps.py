"""Sweeps: what storing costs, what a second worker brings, what tiles bring; beside what a user would write instead.

The cell is bound by the processor: the largest eigenvalue of a random covariance by power iteration, on blocks of
vectors, so that both sides have an error of their own.  Times include everything: the start of processes too.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from labs.core.arrays import Array, array_namespace, backend, to_numpy
from labs.core.streams import stream
from labs.core.sweep import Sweep, Tile, product, results, run
from labs.core.sweep.executors import work_of
from labs.core.sweep.tile import compute
from tests.benchmarks.harness import Row, compare

TITLE = "Sweeps: storing, two workers, tiles"

SIDE = 64
TILE = 8
SECONDS = 1.0  # of a chunk


def matrices(draws: list[int]) -> np.ndarray:
    """Random covariances of SIDE variables, one for each number."""
    samples = np.stack([stream("benchmark of sweeps", draw).standard_normal((SIDE, SIDE)) for draw in draws])
    return samples @ np.swapaxes(samples, -1, -2) / SIDE


def largest(a: Array, steps: int) -> Array:
    """The largest eigenvalue of each a (..., SIDE, SIDE), by power iteration on as many vectors."""
    xp = array_namespace(a)
    x, size = a, xp.ones_like(a[..., 0, 0])
    for _ in range(steps):
        x = xp.matmul(a, x / size[..., None, None])
        size = xp.sqrt(xp.sum(x * x, axis=(-2, -1)))
    return size


def eigenvalues(tile: Tile) -> dict[str, Array]:
    """The benchmark's cell: `largest` of the matrix number `draw` in `steps` steps."""
    draws = [int(draw) for draw in to_numpy(tile["draw"])]
    return {"largest": largest(tile.backend.asarray(matrices(draws)), tile["steps"])}


def single(draw: int, steps: int) -> float:
    """The same as a user writes it: one matrix."""
    return float(largest(matrices([draw])[0], steps))


EIGENVALUES = Sweep(
    name="benchmark/eigenvalues",
    version=1,
    grid=product(steps=[1], draw=range(TILE)),
    function=eigenvalues,
    tile=TILE,
    static=("steps",),
)


def rows() -> Iterator[Row]:
    """Storing; two workers; tiles."""
    steps = steps_for(SECONDS)
    yield storing(steps, tiles=2)
    yield two_workers(steps, tiles=10)
    yield plain_map(steps // 2, tiles=4)
    yield tiles_against_cells([2.5, 4.0, 10.0], [8, 32])


def steps_for(seconds: float) -> int:
    """How many steps a tile takes in about so many seconds."""
    sweep = EIGENVALUES.with_axes(steps=[100])
    computed(sweep)
    start = time.perf_counter()
    computed(sweep)
    return max(100, int(100 * seconds / (time.perf_counter() - start)))


def storing(steps: int, tiles: int) -> Row:
    """A stored run, a tile in each chunk, against the same tiles one after another."""
    sweep = eigenvalues_of(steps, tiles)
    with tempfile.TemporaryDirectory() as folder:
        return compare(
            f"storing chunks of about {SECONDS:g} s: {tiles} of them",
            ("a stored run", fresh(sweep, folder)),
            ("a loop over its tiles", lambda: computed(sweep)["largest"]),
            partial(error, sweep),
            repeat=2,
            note="wanted: 0.98",
        )


def two_workers(steps: int, tiles: int) -> Row:
    """Two workers against one."""
    sweep = eigenvalues_of(steps, tiles)
    with tempfile.TemporaryDirectory() as folder:
        return compare(
            f"two workers, {tiles} chunks of about {SECONDS:g} s",
            ("workers=2", fresh(sweep, folder, workers=2)),
            ("workers=1", fresh(sweep, folder)),
            partial(error, sweep),
            repeat=1,
            note=f"wanted: 1.8 on two free cores; load {os.getloadavg()[0]:.1f} before",
        )


def plain_map(steps: int, tiles: int) -> Row:
    """Two workers against what the standard library gives: a map over cells, nothing stored."""
    sweep = eigenvalues_of(steps, tiles)

    def mapped() -> np.ndarray:
        with ProcessPoolExecutor(2) as executor:
            found = executor.map(partial(single, steps=steps), range(TILE * tiles))
            return np.array(list(found))

    with tempfile.TemporaryDirectory() as folder:
        return compare(
            f"two workers, {TILE * tiles} cells",
            ("a stored run, workers=2", fresh(sweep, folder, workers=2)),
            ("ProcessPoolExecutor(2).map over cells", mapped),
            partial(error, sweep),
            repeat=1,
        )


def tiles_against_cells(exponents: list[float], sizes: list[int]) -> Row:
    """The homogenisation sweep, in its tiles and cell by cell; errors: the largest residual of the solver."""
    from labs.isotropic_curvature.sweeps import HOMOGENISATION  # here, so that workers need not load it

    sweep = HOMOGENISATION.at("quick").with_axes(p=exponents, n=sizes)
    alone = replace(sweep, tile=1)
    factors = [computed(one)["factor"] for one in (sweep, alone)]
    return compare(
        f"homogenisation, {sweep.grid.size} cells",
        (f"{sweep.tiles} tiles", lambda: computed(sweep)),
        ("one by one", lambda: computed(alone)),
        lambda outputs: float(np.max(outputs["kkt"])),
        repeat=2,
        note=f"factors differ by {np.max(np.abs(factors[0] / factors[1] - 1)):.0e} at most",
    )


def eigenvalues_of(steps: int, tiles: int) -> Sweep:
    return EIGENVALUES.with_axes(steps=[steps], draw=range(TILE * tiles))


def computed(sweep: Sweep) -> dict[str, np.ndarray]:
    """The outputs of all cells in grid order, tile by tile in this process, nothing stored."""
    work, on = work_of(sweep, "numpy"), backend()
    parts = [compute(sweep.plan(tile), work, on) for tile in range(sweep.tiles)]
    order = np.argsort(np.concatenate([part.plan.cells for part in parts]))
    return {name: np.concatenate([part.outputs[name] for part in parts])[order] for name in parts[0].outputs}


def fresh(sweep: Sweep, folder: str, **options: Any) -> Callable[[], Path]:
    """A run into a store of its own, which it returns; one tile in a chunk."""

    def side() -> Path:
        store = Path(tempfile.mkdtemp(dir=folder))
        run(sweep, store=store, chunk=1, **options)
        return store

    return side


def error(sweep: Sweep, found: Path | np.ndarray) -> float:
    """The largest relative error of the eigenvalues, in an array or in a store."""
    if isinstance(found, Path):
        found = results(sweep, store=found)["largest"].values.ravel()
    truth = np.linalg.eigvalsh(matrices(list(range(sweep.grid.size))))[:, -1]
    return float(np.max(np.abs(found / truth - 1)))
