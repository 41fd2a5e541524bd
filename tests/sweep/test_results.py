"""Results as named arrays over the grid, and as files that are read back to the last bit."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labs.core.sweep import Sweep, SweepError, Tile, export, listed, product, results, run, zipped
from labs.core.sweep.run import folder
from tests.sweep.test_failed import NAN, failing, sweep_of
from tests.sweep.toys import PRODUCTS, SIDE, SMALL, contents


@pytest.fixture(autouse=True)
def xarray() -> None:
    """A machine for the GPU tests alone may lack it."""
    pytest.importorskip("xarray")


def outputs(tile: Tile) -> dict[str, Any]:
    """One output of each kind."""
    xp, x = tile.xp, tile["x"]
    return {
        "third": x / 3.0,
        "count": xp.astype(tile["n"] + 1, xp.int32),
        "large": x > 0.6,
        "pair": xp.stack([x, -x / 7.0], axis=1),
    }


EVERY = Sweep(
    "toys/every",
    1,
    product(n=[1, 2], rule=["gd", "muon"]) * zipped("point", x=[0.1, 0.7, 1.1], allow_pickle=[5, 6, 7]),
    outputs,
    tile=2,
    dims={"pair": ("side",)},
)


def test_results_are_named_arrays_over_the_grid(tmp_path: Path) -> None:
    run(EVERY, store=tmp_path)
    data = results(EVERY, store=tmp_path)
    assert dict(data.sizes) == {"n": 2, "rule": 2, "point": 3, "side": 2}
    assert set(data.coords) == {"n", "rule", "x", "allow_pickle"}
    assert data["x"].dims == ("point",)
    assert data["pair"].dims == ("n", "rule", "point", "side")
    x = np.asarray([0.1, 0.7, 1.1])
    for n in (1, 2):
        for rule in ("gd", "muon"):
            cell = data.sel(n=n, rule=rule)
            np.testing.assert_array_equal(cell["third"], x / 3.0, strict=True)
            np.testing.assert_array_equal(cell["count"], np.full(3, n + 1, np.int32), strict=True)
            np.testing.assert_array_equal(cell["large"], x > 0.6, strict=True)
            np.testing.assert_array_equal(cell["pair"], np.stack([x, -x / 7.0], axis=1), strict=True)
    assert set(data["state"].values.ravel()) == {"done"}
    assert set(data["reason"].values.ravel()) == {""}
    assert data.attrs == {"sweep": "toys/every", "version": 1, "backend": "numpy", "key": EVERY.key("numpy")}


def test_results_are_the_bits_that_are_stored(tmp_path: Path) -> None:
    run(PRODUCTS, store=tmp_path, chunk=3)
    data = results(PRODUCTS, store=tmp_path)
    assert {name: data[name].values.tobytes() for name in ("moved", "trace")} == contents(PRODUCTS, tmp_path)
    assert data["moved"].dims == ("kind", "scale", "seed_shift", "i")
    unnamed = replace(PRODUCTS, dims={})
    assert results(unnamed, store=tmp_path)["moved"].dims[-1] == "moved_0"


def test_missing_and_failed_cells_are_nan(tmp_path: Path) -> None:
    sweep = sweep_of(product(kind=["a", "b"], scale=[0.5, NAN]), failing)
    run(sweep, store=tmp_path, shard=(1, 2))
    data = results(sweep, store=tmp_path)
    assert data["state"].values.tolist() == [["done", "failed"], ["missing", "missing"]]
    assert data["reason"].values.tolist() == [["", "not finite: moved, trace"], ["", ""]]
    assert data["moved"].shape == (2, 2, SIDE)
    lost = np.asarray([[False, True], [True, True]])
    for name in ("moved", "trace", "count", "large", "single"):
        whole = data[name].values.reshape(2, 2, -1)
        np.testing.assert_array_equal(np.isnan(whole).all(axis=2), lost)
        assert np.isfinite(whole[~lost]).all()
    assert data["single"].dtype == np.float32
    assert data["count"].dtype == data["large"].dtype == np.float64


def test_all_cells_failed(tmp_path: Path) -> None:
    sweep = sweep_of(product(kind=["a"], scale=[3.5]), failing)
    run(sweep, store=tmp_path)
    data = results(sweep, store=tmp_path)
    assert list(data.data_vars) == ["state", "reason"]
    assert data["reason"].item() == "ArithmeticError: no answer at 3.5"


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match=r"nothing is there of sweep 'toys/small' in .*; run it first"):
        results(SMALL, store=tmp_path)
    run(SMALL, store=tmp_path, chunk=1)
    path = min(folder(SMALL, tmp_path).glob("*.npz"))
    path.write_bytes(path.read_bytes()[1:])
    with pytest.raises(
        SweepError, match=f"torn: {path.name} in .*; run the sweep again, it computes them anew"
    ):
        results(SMALL, store=tmp_path)
    run(PRODUCTS, store=tmp_path)
    with pytest.raises(
        SweepError, match=re.escape("dims must name the 1 further axes of 'moved', got ('i', 'j')")
    ):
        results(replace(PRODUCTS, dims={"moved": ("i", "j")}), store=tmp_path)


def other_names(tile: Tile) -> dict[str, Any]:
    """The names of the outputs depend on the kind of tile."""
    return {f"y{tile['kind']}": tile["x"]}


def test_chunks_of_two_forms_are_no_results(tmp_path: Path) -> None:
    """Two shards have made them, neither of which has seen the other's."""
    sweep = Sweep("toys/forms", 1, listed([{"kind": k, "x": 1.0} for k in "ab"]), other_names)
    home, kept = folder(sweep, tmp_path), tmp_path / "kept"
    run(sweep, store=tmp_path, shard=(1, 2))
    home.rename(kept)
    run(sweep, store=tmp_path, shard=(2, 2))
    for path in kept.glob("*.npz"):
        path.rename(home / path.name)
    with pytest.raises(SweepError, match="outputs must have the same names, shapes and dtypes in all cells"):
        results(sweep, store=tmp_path)


# --- files --------------------------------------------------------------------------------------------------


def test_npz_is_read_back(tmp_path: Path) -> None:
    run(EVERY, store=tmp_path)
    data = results(EVERY, store=tmp_path)
    path = export(data, tmp_path / "a" / "b" / "every.npz")
    assert path == tmp_path / "a" / "b" / "every.npz"
    with np.load(path, allow_pickle=False) as archive:
        assert sorted(archive.files) == sorted(map(str, data.variables))
        for name in archive.files:
            np.testing.assert_array_equal(archive[name], data[name].values)
            assert archive[name].dtype.kind == ("U" if name == "reason" else data[name].dtype.kind)
    assert [file.name for file in path.parent.iterdir()] == ["every.npz"]


def test_csv_is_read_back(tmp_path: Path) -> None:
    run(EVERY, store=tmp_path)
    data = results(EVERY, store=tmp_path)
    with open(export(data, str(tmp_path / "every.csv")), encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 24  # a row per cell and side
    assert list(table[0])[:6] == ["n", "rule", "point", "side", "x", "allow_pickle"]
    for row in table:
        cell = data.sel(n=int(row["n"]), rule=row["rule"]).isel(point=int(row["point"]))
        assert float(row["x"]) == cell["x"].item()
        assert float(row["pair"]) == cell["pair"].values[int(row["side"])]
        assert float(row["third"]) == cell["third"].item()
        for name in ("allow_pickle", "count", "large", "state", "reason"):
            assert row[name] == str(cell[name].item())


def two_lengths(tile: Tile) -> dict[str, Any]:
    """Two outputs with further axes of their own."""
    return {"a": tile.xp.zeros((tile.size, 2)), "b": tile.xp.zeros((tile.size, 3))}


def test_a_table_has_one_kind_of_row(tmp_path: Path) -> None:
    sweep = replace(SMALL, function=two_lengths)
    run(sweep, store=tmp_path)
    data = results(sweep, store=tmp_path)
    with pytest.raises(ValueError, match=r"must have the same further axes, got a: a_0; b: b_0; write .npz"):
        export(data, tmp_path / "a.csv")
    assert not list(tmp_path.glob("*.csv"))
    assert export(data, tmp_path / "a.npz").is_file()


def test_a_file_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(SMALL, store=tmp_path)
    data = results(SMALL, store=tmp_path)
    with pytest.raises(ValueError, match=r"path must end in .csv or .npz, got 'a.txt'"):
        export(data, tmp_path / "a.txt")
    (tmp_path / "file").touch()
    with pytest.raises(SweepError, match=r"file/a.npz cannot be written: "):
        export(data, tmp_path / "file" / "a.npz")
    (tmp_path / "a.npz").write_bytes(b"old")

    def full(*arguments: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises(SweepError, match=r"a.npz cannot be written: No space left on device"):
        export(data, tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_bytes() == b"old"
    assert not list(tmp_path.glob(".a.npz*"))
