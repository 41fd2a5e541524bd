"""Tiles on a device: what they launch and wait for, on the counting stand-in; and the same sweep on every backend."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labs.core.arrays import backend
from labs.core.sweep import product, run, zipped
from labs.core.sweep.executors import work_of
from labs.core.sweep.run import folder
from labs.core.sweep.tile import Computed, Tile, compute
from tests.counting import Counts, counting
from tests.kernels import cupy_missing
from tests.sweep.test_failed import NAN, failing, sweep_of
from tests.sweep.toys import PRODUCTS, chunks, contents


def counted(size: int) -> tuple[Computed, Counts]:
    """A tile of PRODUCTS of this many cells, and what it cost."""
    grid = product(kind=["a"], scale=[0.5 * i for i in range(1, size + 1)]) * zipped(seed=[0], shift=[5])
    sweep = replace(PRODUCTS, grid=grid, tile=size)
    on, counts = counting()
    return compute(sweep.plan(0), work_of(sweep, "numpy"), on), counts


def test_what_a_tile_costs_on_a_device() -> None:
    done, counts = counted(8)
    assert done.outputs.keys() == {"moved", "trace"}
    assert counts.syncs == {"to host": 2}, counts  # one for each output, and none besides
    assert counts.looped.total() == 0, counts
    # Moved there: an axis, two draws, the shared matrix.
    assert counts.launches == {"asarray": 4, "eye": 1, "matmul": 2, "mul": 2, "sum": 1}, counts


def test_the_cost_of_a_tile_does_not_depend_on_its_cells() -> None:
    small, large = counted(2)[1], counted(40)[1]
    assert small.launches == large.launches
    assert small.syncs == large.syncs


def test_parameters_that_are_not_used_are_not_moved() -> None:
    """PRODUCTS has the axes seed and shift too, and reads neither."""
    bare = replace(PRODUCTS, grid=product(kind=["a"], scale=[0.5]))
    on, counts = counting()
    compute(bare.plan(0), work_of(bare, "numpy"), on)
    assert counts.launches == counted(8)[1].launches


def test_a_failed_cell_costs_one_more_tile() -> None:
    sweep = sweep_of(product(kind=["a"], scale=[NAN, 20.0, 20.5]), failing)
    sound = sweep_of(product(kind=["a"], scale=[19.5, 20.0, 20.5]), failing)
    costs = []
    for each in (sound, sweep):
        on, counts = counting()
        done = compute(each.plan(0), work_of(each, "numpy"), on)
        assert list(done.reasons) == ([] if each is sound else [0])
        costs.append((counts.launches.total(), counts.syncs.total()))
    assert costs[1] == (2 * costs[0][0], 2 * costs[0][1])


@pytest.mark.parametrize("name", ["strict", "cupy"])
def test_the_same_sweep_on_another_backend(tmp_path: Path, name: str) -> None:
    """The same numbers but for rounding, in a folder of their own; the same bits whatever the chunks."""
    if name == "cupy" and (missing := cupy_missing()):
        pytest.skip(missing)
    run(PRODUCTS, store=tmp_path)
    bits = []
    for size in (1, 3, 100):
        store = tmp_path / str(size)
        report = run(PRODUCTS, store=store, backend=name, chunk=size)
        assert (report.done, report.failed) == (66, {})
        assert report.folder == folder(PRODUCTS, store, name) != folder(PRODUCTS, store)
        assert {chunk.produced["backend"] for chunk in chunks(PRODUCTS, store, name)} == {name}
        bits.append(contents(PRODUCTS, store, backend=name))
    assert bits[0] == bits[1] == bits[2]
    for output, want in contents(PRODUCTS, tmp_path).items():
        got = np.frombuffer(bits[0][output])
        # 33 products of numbers of order 1, added up (in `trace` 33^2); errors of 1e-14 are far above rounding.
        np.testing.assert_allclose(got, np.frombuffer(want), rtol=1e-12, atol=1e-13)


def test_float32_is_float32_on_every_backend() -> None:
    single = replace(PRODUCTS, dtype="float32", function=as_they_come)
    for on in (backend("numpy"), backend("strict"), counting()[0]):
        outputs = compute(single.plan(0), work_of(single, "numpy"), on).outputs
        assert {name: array.dtype.name for name, array in outputs.items()} == {
            "real": "float32",
            "integer": "int64",
            "drawn": "float32",
            "whole": "int64",
        }


def as_they_come(tile: Tile) -> dict[str, Any]:
    """The parameters and draws themselves."""
    return {
        "real": tile["scale"],
        "integer": tile["seed"],
        "drawn": tile.draw(lambda stream: stream.random()),
        "whole": tile.draw(lambda stream: stream.integers(9)),
    }
