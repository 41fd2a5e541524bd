"""Small sweeps for the tests of sweeps, and what their results are, read back cell by cell."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from labs.core.streams import stream
from labs.core.sweep import Sweep, Tile, product, run, zipped
from labs.core.sweep.chunk import Chunk
from labs.core.sweep.run import store_of

SIDE = 33  # odd: rows at the edge of a block are computed otherwise than those inside
SHARED = stream("toys/products", seed=0).standard_normal((SIDE, SIDE)) / SIDE**0.5


def products(tile: Tile) -> dict[str, Any]:
    """Matrix products over the batch: the kind of arithmetic whose bits depend on the size of the batch."""
    xp = tile.xp
    a = tile.draw(lambda stream: stream.standard_normal((SIDE, SIDE)))
    x = tile["scale"][:, None] * tile.draw(lambda stream: stream.standard_normal(SIDE))
    moved = xp.matmul(x, tile.backend.asarray(SHARED))  # one product for all cells
    each = xp.matmul(a, xp.matrix_transpose(a))  # one for each
    return {"moved": moved, "trace": xp.sum(each * xp.eye(SIDE, device=a.device), axis=(1, 2))}


PRODUCTS = Sweep(
    name="toys/products",
    version=1,
    grid=product(kind=["a", "b"], scale=[0.5 * i for i in range(1, 12)])
    * zipped(seed=[0, 1, 2], shift=[5, 7, 9]),
    function=products,
    tile=8,
    dims={"moved": ("i",)},
)


def draws(tile: Tile) -> dict[str, Any]:
    """A number per cell, drawn: as cheap as a cell can be."""
    return {"drawn": tile["x"] + tile.draw(lambda stream: stream.random())}


SMALL = Sweep("toys/small", 1, product(x=[float(i) for i in range(8)]), draws, tile=2)


def deadly(tile: Tile) -> dict[str, Any]:
    """A cell, the one at 5.0, ends the process that computes it."""
    if bool(tile.xp.any(tile["x"] == 5.0)):
        os.kill(os.getpid(), signal.SIGKILL)
    return draws(tile)


DEADLY = replace(SMALL, function=deadly)


def chunks(sweep: Sweep, store: Path, backend: str = "numpy") -> Iterator[Chunk]:
    """The chunks that are there, each checked."""
    home = store_of(sweep, store, backend)
    for path in sorted(home.folder.glob("*.npz")):
        yield home.read(path.name)


def contents(sweep: Sweep, store: Path, *, twice: bool = False, backend: str = "numpy") -> dict[str, bytes]:
    """The bits of every output in grid order.  Fails unless every cell is there, once (or, if `twice`, alike)."""
    held = list(chunks(sweep, store, backend))
    cells = np.concatenate([chunk.cells for chunk in held])
    counts = np.bincount(cells, minlength=sweep.grid.size)
    assert counts.shape == (sweep.grid.size,)
    assert counts.min() >= 1, f"cells that are missing: {np.flatnonzero(counts == 0)}"
    assert twice or counts.max() == 1, f"cells that are there more than once: {np.flatnonzero(counts > 1)}"
    bits = {}
    for name in held[0].outputs:
        got = np.concatenate([chunk.outputs[name] for chunk in held])
        whole = np.empty((sweep.grid.size, *got.shape[1:]), got.dtype)
        whole[cells] = got
        assert whole[cells].tobytes() == got.tobytes(), f"{name}: a cell is there with two different results"
        bits[name] = whole.tobytes()
    return bits


def undisturbed(sweep: Sweep, store: Path) -> dict[str, bytes]:
    """The bits of every output after a run in this process, tile after tile."""
    run(sweep, store=store, chunk=1)
    return contents(sweep, store)
