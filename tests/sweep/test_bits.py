"""The same bits, whoever computes and in whatever order: shards, processes, clusters, chunks."""

from __future__ import annotations

import gc
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from labs.core.arrays import backend
from labs.core.sweep import product, run
from labs.core.sweep.chunk import decode
from labs.core.sweep.declaration import Plan
from labs.core.sweep.executors import _unpacked, compute_chunk, work_of
from labs.core.sweep.run import Pace
from labs.core.sweep.tile import Tile, compute
from tests.sweep.toys import PRODUCTS, SMALL, chunks, contents, undisturbed


@cache
def expected() -> dict[str, bytes]:
    """The bits of PRODUCTS, computed tile after tile."""
    with TemporaryDirectory() as store:
        return undisturbed(PRODUCTS, Path(store))


@pytest.mark.parametrize("chunk", [1, 3, 100, None])
def test_chunks_of_any_size(tmp_path: Path, chunk: int | None) -> None:
    report = run(PRODUCTS, store=tmp_path, chunk=chunk)
    assert (report.done, report.cells, report.failed) == (66, 66, {})
    assert report.chunks == {1: 10, 3: 4, 100: 1}.get(chunk or 0, report.chunks)
    assert contents(PRODUCTS, tmp_path) == expected()


@pytest.mark.parametrize("shards", [1, 2, 7])
def test_any_number_of_shards_in_any_order(tmp_path: Path, shards: int) -> None:
    reports = [run(PRODUCTS, store=tmp_path, shard=(i, shards), chunk=2) for i in range(shards, 0, -1)]
    assert sum(report.cells for report in reports) == 66
    assert all(report.done == report.cells for report in reports)
    assert contents(PRODUCTS, tmp_path) == expected()


def test_tiles_in_reverse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forwards = Pace.groups

    def backwards(pace: Pace) -> Iterator[list[Plan]]:
        pace.missing.reverse()
        return forwards(pace)

    monkeypatch.setattr(Pace, "groups", backwards)
    run(PRODUCTS, store=tmp_path, chunk=3)
    assert [chunk.tiles for chunk in chunks(PRODUCTS, tmp_path)] == [[0], [3, 2, 1], [6, 5, 4], [9, 8, 7]]
    assert contents(PRODUCTS, tmp_path) == expected()


@pytest.mark.parametrize("chunk", [2, pytest.param(None, marks=pytest.mark.long)])
def test_processes(tmp_path: Path, chunk: int | None) -> None:
    pytest.importorskip("loky")
    report = run(PRODUCTS, store=tmp_path, workers=2, chunk=chunk)
    assert report.done == 66
    assert contents(PRODUCTS, tmp_path) == expected()


@contextmanager
def cluster(**options: Any) -> Iterator[str]:
    """The address of a scheduler of a Dask cluster on this machine.

    Nothing is collected while its event loop starts: a finalizer of an older client would wait there for a lock
    that this thread holds, and the start would give up after ten seconds.
    """
    distributed = pytest.importorskip("distributed")
    gc.collect()
    gc.disable()
    try:
        local = distributed.LocalCluster(dashboard_address=None, **options)
    finally:
        gc.enable()
    with local:
        yield local.scheduler_address


def test_threads_of_a_dask_cluster(tmp_path: Path) -> None:
    with cluster(processes=False, n_workers=1, threads_per_worker=3, protocol="tcp://") as address:
        report = run(PRODUCTS, store=tmp_path, dask=address, chunk=2)
    assert report.done == 66
    assert contents(PRODUCTS, tmp_path) == expected()


@pytest.mark.long
def test_processes_of_a_dask_cluster(tmp_path: Path) -> None:
    with cluster(processes=True, n_workers=2, threads_per_worker=1) as address:
        run(PRODUCTS, store=tmp_path, dask=address)
    assert contents(PRODUCTS, tmp_path) == expected()


def threads(tile: Tile) -> dict[str, Any]:
    """How many threads the BLAS libraries of this process may use, at most."""
    blas = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    return {"threads": tile["x"] * 0.0 + max(blas)}


def test_one_blas_thread(tmp_path: Path) -> None:
    """Here, and in a worker for good: one thread of it must not give back what another still needs."""
    sweep = replace(SMALL, function=threads, grid=product(x=[1.0]))
    task = partial(compute_chunk, work=work_of(sweep, "numpy"), backend="numpy")
    with threadpool_limits(2, "blas"):
        before = max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        if before < 2:
            pytest.skip("the BLAS here has one thread")
        assert decode(task([sweep.plan(0)]).data).outputs["threads"].tolist() == [1.0]
        assert max(pool["num_threads"] for pool in threadpool_info()) == before  # given back
        _unpacked(pickle.dumps(task), [sweep.plan(0)])
        assert {p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"} == {1}


# --- what it hangs on ---------------------------------------------------------------------------------------


def test_control_another_tile_gives_other_bits(tmp_path: Path) -> None:
    """A product of a matrix with one vector is not computed as one with several."""
    other = undisturbed(replace(PRODUCTS, tile=1), tmp_path)
    got, want = (np.frombuffer(bits["moved"]) for bits in (other, expected()))
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)  # 33 products, of numbers of order 1
    assert (got != want).mean() > 0.1


def test_control_without_padding_the_bits_differ() -> None:
    plan = PRODUCTS.plan(4)  # the last tile of its kind has one cell
    assert (len(plan.cells), plan.size) == (1, 8)
    work, on = work_of(PRODUCTS, "numpy"), backend("numpy")
    short = replace(plan, size=1, columns={name: column[:1] for name, column in plan.columns.items()})
    padded, bare = (compute(one, work, on).outputs["moved"] for one in (plan, short))
    np.testing.assert_allclose(bare, padded, rtol=1e-12, atol=1e-13)
    assert bare.tobytes() != padded.tobytes()


def test_the_results_do_not_depend_on_what_else_is_in_the_tile() -> None:
    """Nor on who failed beside: each cell alone, at its own place in a tile filled with it, has the same bits."""
    plan, work, on = PRODUCTS.plan(1), work_of(PRODUCTS, "numpy"), backend("numpy")
    whole = compute(plan, work, on).outputs
    for i in range(plan.size):
        alone = {name: np.repeat(column[[i]], plan.size) for name, column in plan.columns.items()}
        filled = compute(replace(plan, columns=alone), work, on).outputs
        for name, array in whole.items():
            assert filled[name][i].tobytes() == array[i].tobytes()
