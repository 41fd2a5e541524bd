"""Cells that fail are named, with the reason, and the others keep their numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labs.core.sweep import Sweep, SweepError, Tile, listed, product, run
from labs.core.sweep.grid import Grid
from tests.sweep.toys import chunks, contents, products, undisturbed

# Which cells fail, and how: by the parameters alone, as in a real sweep.
NAN, INFINITE, RAISES, HALF = 1.5, 2.5, 3.5, 4.5
WHY = {
    NAN: "not finite: moved, trace",
    INFINITE: "not finite: trace",
    RAISES: "ArithmeticError: no answer at 3.5",
    HALF: "not finite: moved",
}


def failing(tile: Tile) -> dict[str, Any]:
    """`products`, but for cells that fail; one of them (HALF) in one entry of one output."""
    xp, scale = tile.xp, tile["scale"]
    if bool(xp.any(scale == RAISES)):
        raise ArithmeticError(f"no answer at {RAISES}\n(a second line)")
    outputs = products(tile)
    moved = xp.where((scale == NAN)[:, None], xp.nan, outputs["moved"])
    first = xp.arange(moved.shape[1], device=scale.device) == 0
    moved = xp.where((scale == HALF)[:, None] & first[None, :], -xp.inf, moved)
    trace = xp.where((scale == INFINITE) | (scale == NAN), xp.inf, outputs["trace"])
    return {
        "moved": moved,
        "trace": trace,
        "count": xp.astype(scale * 2, xp.int64),
        "large": scale > 2.0,
        "single": xp.astype(scale, xp.float32),
    }


def sweep_of(grid: Grid, function: Any = failing, **options: Any) -> Sweep:
    """A sweep that draws as PRODUCTS does, in tiles of ten."""
    return Sweep("toys/products", 1, grid, function, tile=10, **options)


def read(sweep: Sweep, store: Path) -> tuple[dict[str, np.ndarray], dict[int, str]]:
    """Outputs and `failed` in grid order, and the reasons."""
    held = list(chunks(sweep, store))
    order = np.argsort(np.concatenate([chunk.cells for chunk in held]))
    names = next(chunk.outputs for chunk in held if chunk.outputs)
    arrays = {name: np.concatenate([chunk.outputs[name] for chunk in held])[order] for name in names}
    arrays["failed"] = np.concatenate([chunk.failed for chunk in held])[order]
    return arrays, {cell: why for chunk in held for cell, why in chunk.reasons.items()}


@pytest.mark.parametrize(
    "bad", [{NAN}, {INFINITE}, {RAISES}, {HALF}, {NAN, RAISES}, {NAN, INFINITE, RAISES, HALF}]
)
@pytest.mark.parametrize("chunk", [1, 99])
def test_the_others_keep_their_bits(tmp_path: Path, bad: set[float], chunk: int) -> None:
    """Those of a sweep in which nothing fails: the same cells in the same places of the same tiles."""
    scales = [0.5 * i for i in range(1, 12)]
    grid = product(kind=["a", "b"], scale=[s if s in bad or s not in WHY else s + 20.0 for s in scales])
    sweep, sound = sweep_of(grid), sweep_of(grid, products)
    undisturbed(sound, tmp_path / "sound")
    report = run(sweep, store=tmp_path, chunk=chunk)
    arrays, reasons = read(sweep, tmp_path)
    whole, _ = read(sound, tmp_path / "sound")

    scale = np.tile(grid.axis("scale"), 2)
    lost = np.isin(scale, list(bad))
    np.testing.assert_array_equal(arrays["failed"], lost)
    assert reasons == report.failed == {int(c): WHY[scale[c]] for c in np.flatnonzero(lost)}
    assert (report.done, report.cells) == (22, 22)
    for name in ("moved", "trace"):
        assert arrays[name][~lost].tobytes() == whole[name][~lost].tobytes()
        assert np.isnan(arrays[name][lost]).all()  # all of a failed cell, not only what is not finite
    np.testing.assert_array_equal(arrays["count"], np.where(lost, 0, (2 * scale).astype(int)), strict=True)
    np.testing.assert_array_equal(arrays["large"], ~lost & (scale > 2.0), strict=True)
    np.testing.assert_array_equal(arrays["single"], np.where(lost, np.nan, scale).astype("f4"), strict=True)


def test_a_report_names_ten_of_them(tmp_path: Path) -> None:
    sweep = sweep_of(product(kind=list("abcdefghijk"), scale=[NAN, 1.0]) * product(shift=[0.0]))
    text = str(run(sweep, store=tmp_path))
    assert "22 of 22 cells are there" in text
    assert "  11 cells failed:" in text
    assert "    kind='a', scale=1.5, shift=0.0: not finite: moved, trace\n" in text
    assert text.count("scale=") == 10
    assert text.endswith("    and 1 more: `reason` in the results names all")


@pytest.mark.parametrize("chunk", [1, 9])
def test_all_cells_failed(tmp_path: Path, chunk: int) -> None:
    """Nothing is known of the outputs then; beside tiles with sound cells they are NaN and 0."""
    sweep = sweep_of(product(kind=["a"], scale=[RAISES]))
    assert run(sweep, store=tmp_path).failed == {0: WHY[RAISES]}
    assert [chunk.outputs for chunk in chunks(sweep, tmp_path)] == [{}]
    beside = sweep_of(listed([{"kind": "a", "scale": RAISES}, {"kind": "b", "scale": 1.0}]))
    assert list(run(beside, store=tmp_path, chunk=chunk).failed) == [0]
    assert run(beside, store=tmp_path).chunks == 0


def at_length(tile: Tile) -> dict[str, Any]:
    """An error that says a lot."""
    raise ValueError("x" * 1000)


def test_a_reason_is_short(tmp_path: Path) -> None:
    report = run(sweep_of(product(scale=[1.0]), at_length), store=tmp_path)
    assert report.failed == {0: f"ValueError: {'x' * 288}"}


def test_infinity_may_be_an_answer(tmp_path: Path) -> None:
    grid = product(kind=["a"], scale=[NAN, INFINITE, 1.0])
    sweep = sweep_of(grid, infinite=("trace",))
    report = run(sweep, store=tmp_path)
    assert report.failed == {0: "not finite: moved"}
    arrays, _ = read(sweep, tmp_path)
    assert np.isnan(arrays["trace"][0])
    assert arrays["trace"][1] == np.inf


def test_failed_cells_are_tried_again_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = sweep_of(product(kind=["a", "b", "c"], scale=[0.5, 1.0, RAISES]))
    whole = undisturbed(sweep_of(sweep.grid, products), tmp_path / "sound")
    first = run(sweep, store=tmp_path, chunk=1)
    assert (first.chunks, list(first.failed)) == (3, [2, 5, 8])
    assert run(sweep, store=tmp_path).chunks == 0
    still = run(sweep, store=tmp_path, retry_failed=True, chunk=2)
    assert (still.chunks, still.failed) == (2, first.failed)
    monkeypatch.setattr(f"{__name__}.RAISES", -1.0)  # the cause is gone
    done = run(sweep, store=tmp_path, retry_failed=True)
    assert (done.done, done.failed) == (9, {})
    got = contents(sweep, tmp_path)
    assert {name: got[name] for name in whole} == whole
    assert run(sweep, store=tmp_path, retry_failed=True).chunks == 0


def test_a_shard_that_tries_again_takes_no_results_from_others(tmp_path: Path) -> None:
    """A chunk that holds tiles of other shards, which may have ended, is computed again as a whole."""
    sweep = sweep_of(product(kind=["a", "b", "c", "d"], scale=[0.5, RAISES]))
    run(sweep, store=tmp_path, chunk=4)
    for shard in ((1, 2), (2, 2)):
        report = run(sweep, store=tmp_path, shard=shard, retry_failed=True)
        assert report.chunks > 0
        assert (report.done, report.cells, len(report.failed)) == (4, 4, 2)
        assert run(sweep, store=tmp_path).chunks == 0  # nothing is missing
    assert report.failed.keys() == {3, 7}  # those of this shard alone


# --- what is wrong with the function itself -----------------------------------------------------------------


def no_memory(tile: Tile) -> Any:
    """A tile that is too large."""
    raise MemoryError("9 TB")


def memory_for_none_alone(tile: Tile) -> Any:
    """No memory, but only when the cells of a tile are looked at alone."""
    if bool(tile.xp.all(tile["scale"] == tile["scale"][0])):
        raise MemoryError
    raise ArithmeticError


def unknown_axis(tile: Tile) -> Any:
    """It asks for an axis that is not there."""
    return {"y": tile["scales"]}


def other_shape_alone(tile: Tile) -> Any:
    """The shape of the output depends on the values."""
    alone = bool(tile.xp.all(tile["scale"] == tile["scale"][0]))
    return {"y": tile.xp.zeros((tile.size, 2 if alone else 3)) / (1.0 if alone else 0.0)}


def other_dtype_alone(tile: Tile) -> Any:
    """The dtype of the output depends on the values."""
    if bool(tile.xp.any(tile["scale"] != tile["scale"][0])):
        raise ArithmeticError
    kind = tile.xp.int64 if float(tile["scale"][0]) == 0.5 else tile.xp.float64
    return {"y": tile.xp.astype(tile["scale"], kind)}


def other_shape_by_tile(tile: Tile) -> Any:
    """The shape of the output depends on the kind of tile."""
    return {"y": tile.xp.zeros((tile.size, 2 if tile["kind"] == "a" else 3))}


def other_names_by_tile(tile: Tile) -> Any:
    """The names of the outputs depend on the kind of tile."""
    return {"y": tile["scale"]} | ({"z": tile["scale"]} if tile["kind"] == "a" else {})


def form_of(outputs: str) -> Any:
    """A function that returns what is written there."""
    scope: dict[str, Any] = {"np": np}
    exec(f"def function(tile):\n    return {outputs}", scope)
    return scope["function"]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (no_memory, "no memory for a tile of 2 cells; make `tile` or `memory` smaller"),
        (memory_for_none_alone, "no memory for a tile of 2 cells"),
        (unknown_axis, "sweep 'toys/products' has no axis 'scales'; its axes are kind, scale"),
        (other_shape_alone, "outputs must have the same names, shapes and dtypes in all cells"),
        (other_dtype_alone, "outputs must have the same names, shapes and dtypes in all cells"),
        (other_shape_by_tile, r"got {'y': '\(2,\) float64'} and {'y': '\(3,\) float64'}"),
        (other_names_by_tile, "outputs must have the same names, shapes and dtypes in all cells"),
        (form_of("None"), "must return a dict of arrays, got NoneType"),
        (form_of("{}"), "must return a dict of arrays, got dict"),
        (form_of("{'y': 1.0}"), r"first axis is the tile of 2 cells, got shape \(\), dtype float64"),
        (form_of("{'y': np.zeros(3)}"), r"got shape \(3,\), dtype float64"),
        (form_of("{'y': np.zeros(2) + 1j}"), "must be an array of real numbers .* dtype complex128"),
        (form_of("{'y': ['a', 'b']}"), "must be an array of real numbers"),
        (form_of("{'scale': np.zeros(2)}"), "name of an output must be an identifier other than .*'scale'"),
        (form_of("{'state': np.zeros(2)}"), "name of an output must be an identifier other than .*'state'"),
        (form_of("{'a b': np.zeros(2)}"), "name of an output must be an identifier other than .*'a b'"),
        (form_of("{3: np.zeros(2)}"), "name of an output must be an identifier other than .*got 3"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 9])
def test_what_is_wrong_with_the_function_ends_the_run(
    tmp_path: Path, function: Any, message: str, chunk: int
) -> None:
    sweep = sweep_of(product(kind=["a", "b"], scale=[0.5, 1.0]), function)
    with pytest.raises(SweepError, match=message):
        run(sweep, store=tmp_path, chunk=chunk)
    assert not list(tmp_path.rglob("*.writing"))


def test_another_form_is_noticed_across_runs(tmp_path: Path) -> None:
    """The chunks of one sweep agree, also where another run has made them."""
    sweep = sweep_of(product(kind=["a", "b"], scale=[0.5, 1.0]), other_names_by_tile)
    assert run(sweep, store=tmp_path, shard=(1, 2)).done == 2
    with pytest.raises(SweepError, match="outputs must have the same names"):
        run(sweep, store=tmp_path, shard=(2, 2))
    assert run(sweep, store=tmp_path, shard=(1, 2)).done == 2


def writes_to_its_input(tile: Tile) -> dict[str, Any]:
    """Not what a pure function does; it must not change what is stored of the parameters."""
    scale = tile["scale"]
    scale *= 2.0
    return {"y": tile["scale"] + tile.draw(lambda stream: 0.0)}


def test_the_parameters_are_not_the_functions_to_change(tmp_path: Path) -> None:
    sweep = sweep_of(product(kind=["a"], scale=[0.5, 1.0]), writes_to_its_input)
    run(sweep, store=tmp_path)
    (chunk,) = chunks(sweep, tmp_path)
    np.testing.assert_array_equal(chunk.axes["scale"], [0.5, 1.0])
    np.testing.assert_array_equal(chunk.outputs["y"], [1.0, 2.0])
