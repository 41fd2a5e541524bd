"""Tiles: how the cells of a sweep are cut, what the function sees of them, and what names the results."""

from __future__ import annotations

import math
import pickle
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.core.arrays import backend
from labs.core.streams import stream
from labs.core.sweep import Sweep, SweepError, Tile, listed, product, zipped
from labs.core.sweep.executors import work_of
from tests.sweep.toys import PRODUCTS, draws, products


def nothing(tile: Tile) -> dict[str, Any]:
    """A function for sweeps that are only cut."""
    return {"zero": 0.0 * tile["x"]}


def tile_of(sweep: Sweep, index: int = 0) -> Tile:
    """A tile as the function sees it."""
    return Tile(sweep.plan(index), work_of(sweep, "numpy"), backend("numpy"))


def sweep_of(grid: Any, function: Any = nothing, **options: Any) -> Sweep:
    """A sweep called "toys/cut"."""
    return Sweep("toys/cut", 1, grid, function, **options)


@given(
    n=st.integers(1, 4),
    kinds=st.integers(1, 3),
    x=st.integers(1, 30),
    static_first=st.booleans(),
    tile=st.integers(1, 12),
    memory=st.integers(8, 100),
)
def test_every_cell_is_in_one_tile(
    n: int, kinds: int, x: int, static_first: bool, tile: int, memory: int
) -> None:
    structure = product(n=range(1, n + 1), kind=["gd", "muon", "sign"][:kinds])
    values = product(x=[0.5 * i for i in range(x)])
    grid = structure * values if static_first else values * structure
    sweep = sweep_of(
        grid, tile=tile, static=("n",), cell_bytes=lambda static: 2 * int(static["n"]), memory=memory
    )
    plans = [sweep.plan(i) for i in range(sweep.tiles)]

    assert sorted(cell for plan in plans for cell in plan.cells.tolist()) == list(range(grid.size))
    sizes: dict[int, set[int]] = {}
    for plan in plans:
        assert sweep.static_axes == ("n", "kind") == tuple(name for name in grid.names if name != "x")
        for (
            name,
            value,
        ) in plan.static.items():  # tiles agree on structure, and the function gets plain values
            assert set(grid.column(name, plan.cells).tolist()) == {value}
            assert type(value) in (int, str)
        padding = plan.size - len(plan.cells)
        assert 0 <= padding < plan.size
        column = grid.column("x", plan.cells)
        np.testing.assert_array_equal(plan.columns["x"], [*column, *[column[-1]] * padding])
        assert np.all(np.diff(plan.cells) > 0)  # in grid order
        assert plan.size <= min(tile, x)
        assert plan.size * 2 * int(plan.static["n"]) <= memory
        assert plan.size in (tile, x, memory // (2 * int(plan.static["n"])))  # and no smaller than it must be
        assert sweep.count(plan.index) == len(plan.cells)
        sizes.setdefault(sweep.kind(plan.index), set()).add(plan.size)
        if padding:  # only the last tile of a kind is padded
            last = plan.index == sweep.tiles - 1 or sweep.kind(plan.index + 1) != sweep.kind(plan.index)
            assert last
    assert sorted(sizes) == list(range(n * kinds))
    assert all(len(of_kind) == 1 for of_kind in sizes.values())


def test_kinds_come_in_the_order_of_their_first_cells() -> None:
    sweep = sweep_of(listed([{"kind": k, "x": float(i)} for i, k in enumerate("bbabca")]), tile=2)
    assert [sweep.plan(i).static["kind"] for i in range(sweep.tiles)] == ["b", "b", "a", "c"]
    assert [sweep.cells(i).tolist() for i in range(sweep.tiles)] == [[0, 1], [3], [2, 5], [4]]
    for outside in (-1, 4):
        with pytest.raises(ValueError, match=f"tile must be between 0 and 3, got {outside}"):
            sweep.plan(outside)


def test_a_cell_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="memory must hold a cell: one needs 100 bytes, got memory=99"):
        _ = sweep_of(product(x=[1.0]), cell_bytes=100, memory=99).tiles
    assert sweep_of(product(x=[1.0]), cell_bytes=100, memory=100).tiles == 1
    assert sweep_of(product(x=[1.0, 2.0, 3.0]), cell_bytes=1, memory=2).plan(0).size == 2


def test_defaults_decide_bits_too() -> None:
    """So they are not changed lightly."""
    many = sweep_of(product(x=[float(i) for i in range(999)]))
    assert (many.plan(0).size, many.seed, many.dtype, many.infinite) == (256, 0, "float64", ())
    assert replace(many, cell_bytes=2**28).plan(0).size == 4


def test_the_function_sees_plain_values_and_arrays() -> None:
    grid = product(rule=["gd"], n=[3], x=[0.5, 1.5], i=[7, 8])
    tile = tile_of(sweep_of(grid, static=("n",), tile=4))
    assert (tile["rule"], tile["n"], tile.size) == ("gd", 3, 4)
    np.testing.assert_array_equal(tile["x"], [0.5, 0.5, 1.5, 1.5], strict=True)
    np.testing.assert_array_equal(tile["i"], np.asarray([7, 8, 7, 8]), strict=True)
    with pytest.raises(SweepError, match="sweep 'toys/cut' has no axis 'y'; its axes are rule, n, x, i"):
        tile["y"]
    single = tile_of(sweep_of(grid, static=("n",), dtype="float32"))
    assert (single["x"].dtype, single["i"].dtype, single.draw(stream_random).dtype) == ("f4", "i8", "f4")


def stream_random(stream: np.random.Generator) -> float:
    """One number."""
    return float(stream.random())


# --- streams ------------------------------------------------------------------------------------------------


def drawn(sweep: Sweep) -> dict[tuple, float]:
    """What each cell draws, by its parameters."""
    found = {}
    for index in range(sweep.tiles):
        plan = sweep.plan(index)
        numbers = tile_of(sweep, index).draw(stream_random)
        for i, cell in enumerate(plan.cells):
            at = np.asarray([cell])
            found[tuple((n, sweep.grid.column(n, at)[0].item()) for n in sorted(sweep.grid.names))] = numbers[
                i
            ]
    return found


def test_the_same_cell_draws_the_same_in_any_grid() -> None:
    one = drawn(sweep_of(product(x=[0.5, 1, 2], kind=["a", "b"]), tile=2))
    others = (
        sweep_of(product(kind=["b", "c", "a"], x=[2, 3, 1]), tile=7),  # integers this time, and another order
        sweep_of(zipped(x=[1.0, 2.0, 7.5], kind=["a", "b", "a"]), static=("x",)),
        sweep_of(product(x=[1.0, 2.0], kind=["a", "b"]), tile=1, memory=9),
    )
    for other in others:
        shared = drawn(other)
        assert len(one.keys() & shared.keys()) >= 2
        assert all(one[cell] == shared[cell] for cell in one.keys() & shared.keys())
    assert len(set(one.values())) == len(one)


def test_cells_that_agree_on_the_axes_asked_for_draw_the_same() -> None:
    sweep = sweep_of(product(kind=["a", "b"], x=[0.5, 1.0], seed=[0, 1]), tile=4)
    tiles = [tile_of(sweep, index) for index in range(sweep.tiles)]
    by_seed = np.concatenate([tile.draw(stream_random, by=["seed"]) for tile in tiles])
    seeds = np.concatenate([tile["seed"] for tile in tiles])
    for seed in (0, 1):
        assert set(by_seed[seeds == seed]) == {stream("sweep toys/cut", "seed", seed).random()}
    by_all = tiles[0].draw(stream_random, by=["x", "seed", "kind"])
    np.testing.assert_array_equal(by_all, tile_of(sweep, 0).draw(stream_random))
    again = tiles[0].draw(stream_random, by=["seed"])
    assert not set(again) & set(by_seed)  # the streams go on
    with pytest.raises(SweepError, match="no axis 'sede'; its axes are kind, x, seed"):
        tiles[0].draw(stream_random, by=["sede"])


def test_streams_are_keyed_by_name_seed_and_parameters() -> None:
    sweep = sweep_of(product(x=[0.5, 2.0], kind=["a"]))
    assert drawn(sweep)[("kind", "a"), ("x", 0.5)] == stream("sweep toys/cut", "kind", "a", "x", 0.5).random()
    assert drawn(sweep)[("kind", "a"), ("x", 2.0)] == stream("sweep toys/cut", "kind", "a", "x", 2).random()
    for other in (replace(sweep, seed=1), replace(sweep, name="toys/other")):
        assert not set(drawn(other).values()) & set(drawn(sweep).values())


# --- the key ------------------------------------------------------------------------------------------------


def test_what_decides_numbers_decides_the_key() -> None:
    base = sweep_of(product(x=[0.5, 1.5, 2.5], n=[1, 2]), tile=4)
    same = (
        replace(base, about="other words", dims={"zero": ()}),
        replace(base, memory=2**20, cell_bytes=8),  # as long as the tiles are the same
        sweep_of({"quick": base.grid, "full": base.grid}, tile=4),
        pickle.loads(pickle.dumps(base)),
    )
    others = (
        replace(base, version=2),
        replace(base, name="toys/other"),
        replace(base, function=draws),
        replace(base, tile=3),
        replace(base, cell_bytes=2**29),
        replace(base, static=("n",)),
        replace(base, seed=1),
        replace(base, dtype="float32"),
        replace(base, infinite=("zero",)),
        base.with_axes(x=[0.5, 1.5]),
        base.with_axes(x=[0.5, 1.5, math.nextafter(2.5, 3.0)]),
        replace(base, grid=product(n=[1, 2], x=[0.5, 1.5, 2.5])),
        replace(base, grid=product(x=[0.5, 1.5, 2.5], n=[1.0, 2.0])),
    )
    _ = base.tiles
    assert {one.key("numpy") for one in same} == {base.key("numpy")}
    keys = [one.key("numpy") for one in (base, *others)] + [base.key("strict")]
    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch("[0-9a-f]{12}", key) for key in keys)


def test_scales_are_grids_by_name() -> None:
    sweep = sweep_of({"quick": product(x=[0.5]), "full": product(x=[0.5, 1.0])})
    assert (sweep.grid.size, sweep.at("quick").grid.size, sweep.at("full").grid.size) == (1, 1, 2)
    assert sweep.key("numpy") == sweep.at("quick").key("numpy") != sweep.at("full").key("numpy")
    with pytest.raises(ValueError, match="sweep 'toys/cut' has no scale 'huge'; it has quick, full"):
        sweep.at("huge")
    with pytest.raises(ValueError, match="has no scale 'quick'; it has none: its grid is one"):
        PRODUCTS.at("quick")


# --- what is no sweep ---------------------------------------------------------------------------------------


def holds_a_value() -> Any:
    """A function that depends on more than its tile."""
    factor = 3.0
    return lambda tile: {"y": factor * tile["x"]}


ONE = product(x=[0.5])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "a b"}, "name must be words separated by slashes or hyphens, got 'a b'"),
        ({"name": "/a"}, "name must be words"),
        ({"name": "../a"}, "name must be words"),
        ({"name": ""}, "name must be words"),
        ({"grid": [1]}, "grid must be a grid (product, zipped, listed), got list"),
        ({"grid": {}}, "grid must be a grid, or a mapping from scales to grids, got an empty mapping"),
        ({"grid": {"quick": ONE, "full": 3}}, "grid must be a grid (product, zipped, listed), got int"),
        ({"grid": {"quick": ONE, "full": product(y=[1])}, "static": ("x",)}, "there is no axis 'x'; the axes are y"),
        ({"function": np.sin}, "function must be a plain function, got ufunc"),
        ({"function": holds_a_value()}, "function must depend on its tile alone, got one that holds factor"),
        ({"function": lambda tile, k=3: {}}, "function must take a tile and nothing else, got (tile, k=3)"),
        ({"version": 1.0}, "version must be an integer"),
        ({"version": True}, "version must be an integer"),
        ({"version": -1}, "version must be an integer"),
        ({"tile": 0}, "tile must be an integer, positive where it is a size, got 0"),
        ({"memory": 0}, "memory must be an integer"),
        ({"seed": "a"}, "seed must be an integer"),
        ({"dtype": "float16"}, "dtype must be one of ('float64', 'float32'), got 'float16'"),
        ({"static": ("y",)}, "there is no axis 'y'; the axes are x"),
        ({"dims": {"a": ("x",)}}, "dims must name the further axes of 'a', each by a new name, got ('x',)"),
        ({"dims": {"a": ("i", "i")}}, "dims must name"),
        ({"dims": {"a": "i"}}, "dims must name"),
        ({"dims": {"a": ("state",)}}, "dims must name"),
    ],
)  # fmt: skip
def test_what_is_no_sweep_is_refused(options: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"name": "toys/good", "version": 0, "grid": ONE, "function": products}
    Sweep(**good)
    with pytest.raises(ValueError, match=re.escape(message)):
        Sweep(**good | options)
