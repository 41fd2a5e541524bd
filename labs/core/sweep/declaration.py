"""Sweeps: what is computed over a grid, and how its cells are cut into tiles.

A tile is what the sweep's function sees at once: cells that agree on the static axes, in grid order, always
as many as the sweep says (the last tile of a kind is padded by repeating its last cell).  So a cell always
meets the same shapes and the same neighbours, whoever computes it and in whatever order; and that makes its
numbers the same, bit for bit: a batched matrix product gives other bits for another batch size.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from labs.core.sweep.grid import RESERVED, Grid, Value

if TYPE_CHECKING:
    from labs.core.sweep.tile import Tile

DTYPES = ("float64", "float32")


@dataclass(frozen=True)
class Plan:
    """One tile as it is sent to whoever computes it: plain data, nothing of the grid beyond its cells."""

    index: int
    cells: np.ndarray  # the numbers of its cells in the grid, without padding
    static: dict[str, Value]
    columns: dict[str, np.ndarray]  # the other axes, padded to the tile's size
    size: int


@dataclass(frozen=True, eq=False)
class Sweep:
    """A grid of cells and a pure function from a tile of them to arrays.

    name       words separated by slashes: where its results lie.
    version    raise it when the function's numbers change: results of another version are not used.
    grid       `product`, `zipped`, `listed` and their products, or a mapping from scale ("quick", "full", ...)
               to such a grid, the first one being the default.
    function   tile -> {output: array}, the first axis of each array being the tile.  It reads axes by
               `tile["p"]` (an array, or a plain value where the axis is static), draws by `tile.draw`, takes
               `tile.xp` as its namespace, and depends on nothing else.
    tile       cells in a tile, at most.
    static     axes that decide structure (a dimension, an exponent, a rule): all cells of a tile agree on them
               and the function gets them as plain values.  Axes of words always are static.
    cell_bytes what a cell needs while it is computed: a number, or a function of the static axes (a dict).
    memory     bytes that a tile may need: tiles are made small enough.  Part of the sweep, not of the machine,
               because the tile decides bits.
    dims       names for the further axes of an output: {"spectrum": ("i",)}.
    infinite   outputs for which NaN and infinity are answers; in any other they mean a failed cell.
    seed       of the streams; the same cell under another seed draws other numbers.
    dtype      of the parameters that the function gets: "float64" or "float32".
    about      one line for people.

    Raises ValueError for anything of another kind.
    """

    name: str
    version: int
    grid: Any  # a Grid, once made
    function: Callable[[Tile], Mapping[str, Any]]
    tile: int = 256
    static: tuple[str, ...] = ()
    cell_bytes: int | Callable[[dict[str, Value]], int] = 0
    memory: int = 2**30
    dims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    infinite: tuple[str, ...] = ()
    seed: int = 0
    dtype: str = "float64"
    about: str = ""
    scales: Mapping[str, Grid] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.grid, Mapping):
            if not self.grid:
                raise ValueError(
                    "grid must be a grid, or a mapping from scales to grids, got an empty mapping"
                )
            object.__setattr__(self, "scales", dict(self.grid))
            object.__setattr__(self, "grid", next(iter(self.grid.values())))
        for grid in (self.grid, *self.scales.values()):
            if not isinstance(grid, Grid):
                raise ValueError(f"grid must be a grid (product, zipped, listed), got {type(grid).__name__}")
            for name in self.static:
                grid.axis(name)
        if not re.fullmatch(r"\w+([/-]\w+)*", self.name):
            raise ValueError(f"name must be words separated by slashes or hyphens, got {self.name!r}")
        if not inspect.isfunction(self.function):
            raise ValueError(f"function must be a plain function, got {type(self.function).__name__}")
        if self.function.__closure__:  # its values would decide numbers, and nothing would tell
            held = ", ".join(self.function.__code__.co_freevars)
            raise ValueError(f"function must depend on its tile alone, got one that holds {held}: use axes")
        if len(inspect.signature(self.function).parameters) != 1:
            raise ValueError(
                f"function must take a tile and nothing else, got {inspect.signature(self.function)}"
            )
        for what in ("version", "tile", "memory", "seed"):
            value = getattr(self, what)
            if isinstance(value, bool) or not isinstance(value, int) or value < (what in ("tile", "memory")):
                raise ValueError(f"{what} must be an integer, positive where it is a size, got {value!r}")
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {DTYPES}, got {self.dtype!r}")
        for output, names in self.dims.items():
            taken = [name for name in names if name in self.taken]
            if isinstance(names, str) or taken or len(set(names)) < len(names):
                raise ValueError(
                    f"dims must name the further axes of {output!r}, each by a new name, got {names!r}"
                )

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def at(self, scale: str) -> Sweep:
        """The sweep at this scale.  Raises ValueError where it has no such scale."""
        if scale not in self.scales:
            known = ", ".join(self.scales) or "none: its grid is one"
            raise ValueError(f"sweep {self.name!r} has no scale {scale!r}; it has {known}")
        return replace(self, grid=self.scales[scale], scales={})

    def with_axes(self, **axes: Any) -> Sweep:
        """The sweep with other values for these axes.  Raises ValueError for an unknown axis."""
        return replace(self, grid=self.grid.replaced(**axes), scales={})

    @property
    def taken(self) -> tuple[str, ...]:
        """The names that the results carry already: no output and no further axis may have them."""
        dimensions = (dimension.name for dimension in self.grid.dimensions)
        return tuple(dict.fromkeys([*RESERVED, *self.grid.names, *dimensions]))

    @property
    def static_axes(self) -> tuple[str, ...]:
        """The static axes: those declared, and those of words."""
        words = [name for name in self.grid.names if isinstance(self.grid.axis(name)[0], str)]
        return tuple(name for name in self.grid.names if name in self.static or name in words)

    @property
    def tiles(self) -> int:
        """The number of tiles."""
        return len(self._layout[2])

    def kind(self, tile: int) -> int:
        """Which kind of tile this is: tiles of a kind agree on the static axes."""
        return int(self._layout[2][tile][0])

    def count(self, tile: int) -> int:
        """How many cells a tile has, padding not counted."""
        _, first, last = self._layout[2][tile]
        return last - first

    def cells(self, tile: int) -> np.ndarray:
        """Host routine: the numbers of a tile's cells in the grid.  Raises ValueError for no such tile."""
        if not 0 <= tile < self.tiles:
            raise ValueError(f"tile must be between 0 and {self.tiles - 1}, got {tile}")
        order, _, spans = self._layout
        _, first, last = spans[tile]
        return order[first:last]

    def plan(self, tile: int) -> Plan:
        """Host routine: one tile, as it is sent to whoever computes it.  Raises ValueError for no such tile."""
        cells, sizes, kind = self.cells(tile), self._layout[1], self.kind(tile)
        padded = np.concatenate([cells, np.repeat(cells[-1:], sizes[kind] - len(cells))])
        static = {name: self.grid.column(name, cells[:1])[0].item() for name in self.static_axes}
        columns = {name: self.grid.column(name, padded) for name in self.grid.names if name not in static}
        return Plan(tile, cells, static, columns, int(sizes[kind]))

    @cached_property
    def _layout(self) -> tuple[np.ndarray, list[int], list[tuple[int, int, int]]]:
        """Cells sorted by kind (kinds in order of appearance), the tile size of each kind, the spans of tiles."""
        cells = np.arange(self.grid.size)
        kinds = np.zeros(self.grid.size, dtype=np.int64)
        for name in self.static_axes:
            values, codes = np.unique(self.grid.column(name, cells), return_inverse=True)
            kinds = np.unique(kinds * len(values) + codes, return_inverse=True)[1]
        order = np.argsort(kinds, kind="stable")
        bounds = np.flatnonzero(np.diff(kinds[order])) + 1
        groups = sorted(np.split(order, bounds), key=lambda group: group[0])
        sizes = [min(self._tile_size(group[0]), len(group)) for group in groups]
        spans, start = [], 0
        for kind, group in enumerate(groups):
            for first in range(0, len(group), sizes[kind]):
                spans.append((kind, start + first, start + min(first + sizes[kind], len(group))))
            start += len(group)
        return np.concatenate(groups), sizes, spans

    def _tile_size(self, cell: int) -> int:
        """How many cells of the kind of this one fit into the memory of a tile."""
        if callable(self.cell_bytes):
            static = {name: self.grid.column(name, np.asarray([cell]))[0].item() for name in self.static_axes}
            need = self.cell_bytes(static)
        else:
            need = self.cell_bytes
        if need > self.memory:
            raise ValueError(f"memory must hold a cell: one needs {need} bytes, got memory={self.memory}")
        return min(self.tile, int(self.memory // need)) if need > 0 else self.tile

    def declared(self) -> dict[str, Any]:
        """What decides the numbers, as plain data: two sweeps that agree in it share their results."""
        return {
            "name": self.name,
            "version": self.version,
            "function": self.function.__qualname__,
            "grid": [[d.name, {name: list(v) for name, v in d.axes.items()}] for d in self.grid.dimensions],
            "static": list(self.static_axes),
            "tiles": self._layout[1],
            "infinite": sorted(self.infinite),
            "seed": self.seed,
            "dtype": self.dtype,
        }

    def key(self, backend: str) -> str:
        """Twelve hexadecimal digits that name the sweep's results on this backend."""
        return hashlib.sha256(f"{backend} {self._text}".encode()).hexdigest()[:12]

    @cached_property
    def _text(self) -> str:
        """What is declared, in writing (Python writes a float by its shortest repr)."""
        return json.dumps(self.declared(), sort_keys=True)
