"""The results of a sweep as named arrays over its grid, and as files."""

from __future__ import annotations

import os
import secrets
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from labs.core.sweep.chunk import agreed
from labs.core.sweep.declaration import Sweep
from labs.core.sweep.errors import SweepError
from labs.core.sweep.run import STORE, store_of

if TYPE_CHECKING:
    import xarray

STATES = ("missing", "done", "failed")
MISSING, DONE, FAILED = range(3)
FORMATS = (".csv", ".npz")


def results(sweep: Sweep, *, store: Path | str = STORE, backend: str = "numpy") -> xarray.Dataset:
    """Host routine: what is there of a sweep, as an xarray.Dataset over the dimensions of its grid.

    The axes are its coordinates and the outputs its variables; `state` says of each cell whether it is
    "missing", "done" or "failed", and `reason` why it failed.  Where a cell is missing or failed its outputs are
    NaN (arrays of integers and truth values become floats then).  Cost: every chunk is read and checked.

    Raises SweepError where nothing is there, where a file is torn (a run sets it aside), or where chunks have
    outputs of different shapes.
    """
    import xarray

    home = store_of(sweep, store, backend)
    found = home.scan()
    if found.torn:
        raise SweepError(
            f"torn: {', '.join(found.torn)} in {home.folder}; run the sweep again, it computes them anew"
        )
    if not found.chunks:
        raise SweepError(f"nothing is there of sweep {sweep.name!r} in {home.folder}; run it first")
    size, shape = sweep.grid.size, sweep.grid.shape
    state, reason = np.full(size, MISSING), np.full(size, "", dtype=object)
    outputs: dict[str, np.ndarray] = {}
    form: dict[str, str] = {}
    for name in found.chunks:
        try:
            chunk = home.read(name)
        except FileNotFoundError:  # another run has set it aside: its cells are missing now
            continue
        form = agreed(form, chunk.form)
        state[chunk.cells[~chunk.failed]] = DONE
        for key, array in chunk.outputs.items():
            whole = outputs.setdefault(key, np.zeros((size, *array.shape[1:]), array.dtype))
            whole[chunk.cells[~chunk.failed]] = array[~chunk.failed]
    for cell, why in found.failed.items():
        state[cell], reason[cell] = FAILED, why
    dims = [dimension.name for dimension in sweep.grid.dimensions]
    variables = {
        "state": (dims, np.asarray(STATES)[state].reshape(shape)),
        "reason": (dims, reason.reshape(shape)),
    }
    for key, array in outputs.items():
        lost = state != DONE
        if lost.any():
            array = array if array.dtype.kind == "f" else array.astype(float)
            array[lost] = np.nan
        further = tuple(sweep.dims.get(key, (f"{key}_{i}" for i in range(array.ndim - 1))))
        if len(further) != array.ndim - 1:
            raise SweepError(f"dims must name the {array.ndim - 1} further axes of {key!r}, got {further}")
        variables[key] = ([*dims, *further], array.reshape(*shape, *array.shape[1:]))
    coordinates = {
        name: (d.name, np.asarray(values)) for d in sweep.grid.dimensions for name, values in d.axes.items()
    }
    about = {"sweep": sweep.name, "version": sweep.version, "backend": backend, "key": sweep.key(backend)}
    return xarray.Dataset(variables, coordinates, attrs=about)


def export(dataset: xarray.Dataset, path: Path | str) -> Path:
    """Host routine: write results to a file: .csv (a row per cell and further index) or .npz (the named arrays).

    The file appears whole or not at all.  Raises ValueError for another suffix, and for a table where outputs
    have different further axes; SweepError where the file cannot be written.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise ValueError(f"path must end in {' or '.join(FORMATS)}, got {path.name!r}")
    table = _table(dataset) if path.suffix == ".csv" else None
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            if table is not None:
                table.to_csv(file, index=False)
            else:
                _savez(file, {str(name): variable.values for name, variable in dataset.variables.items()})
        os.replace(temporary, path)
    except OSError as error:
        raise SweepError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return path


def _savez(file: IO[bytes], arrays: dict[str, np.ndarray]) -> None:
    """As `numpy.savez`, which does not take every name."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            plain = array.astype(str) if array.dtype.kind == "O" else array
            with archive.open(f"{name}.npy", "w", force_zip64=True) as part:
                np.lib.format.write_array(part, plain, allow_pickle=False)


def _table(dataset: xarray.Dataset):  # a pandas.DataFrame
    """One row per cell (and index of further axes), the axes first."""
    grid = dataset["state"].dims
    further = {str(name): tuple(d for d in v.dims if d not in grid) for name, v in dataset.data_vars.items()}
    if len(set(further.values()) - {()}) > 1:
        axes = "; ".join(f"{name}: {', '.join(map(str, dims))}" for name, dims in further.items() if dims)
        raise ValueError(f"outputs in one table must have the same further axes, got {axes}; write .npz")
    table = dataset.reset_coords().to_dataframe().reset_index()
    first = [str(name) for name in (*dataset.dims, *dataset.coords)]
    return table[list(dict.fromkeys([*first, *table.columns]))]
