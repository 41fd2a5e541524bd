"""Grids: which cells a sweep has.

A grid is a product of dimensions; a dimension has one axis, or several that go together (zipped, or listed
row by row).  Cells are numbered in C order: the last dimension runs fastest.

    product(p=[3.0, 4.0], n=[4, 16]) * zipped("schedule", rate=[0.1, 0.2], decay=[0.0, 0.5])
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

Value = int | float | str

# Names that the results carry beside the axes.
RESERVED = ("cell", "file", "reason", "state", "tile")


@dataclass(frozen=True)
class Dimension:
    """One dimension of a grid: its name, and the values of its axes, all of one length."""

    name: str
    axes: Mapping[str, tuple[Value, ...]]

    def __len__(self) -> int:
        return len(next(iter(self.axes.values())))

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """The values of each axis as an array."""
        return {name: np.asarray(values) for name, values in self.axes.items()}


@dataclass(frozen=True)
class Grid:
    """A product of dimensions.  `grid * other` is the product of both."""

    dimensions: tuple[Dimension, ...]

    def __post_init__(self) -> None:
        for what, names in (("axis", self.names), ("dimension", [d.name for d in self.dimensions])):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"grid must name every {what} once, got {twice} more than once")

    def __mul__(self, other: Grid) -> Grid:
        return Grid(self.dimensions + other.dimensions)

    @property
    def names(self) -> list[str]:
        """The names of the axes, in order."""
        return [name for dimension in self.dimensions for name in dimension.axes]

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the dimensions."""
        return tuple(len(dimension) for dimension in self.dimensions)

    @property
    def size(self) -> int:
        """The number of cells."""
        return math.prod(self.shape)

    def axis(self, name: str) -> tuple[Value, ...]:
        """The values of the axis `name` along its dimension; ValueError where there is none of that name."""
        return self._dimension(name).axes[name]

    def column(self, name: str, cells: np.ndarray) -> np.ndarray:
        """Host routine: the values of the axis `name` at these cells (numbers in C order), an array."""
        dimension = self._dimension(name)
        position = next(i for i, other in enumerate(self.dimensions) if other is dimension)
        return dimension.columns[name][np.unravel_index(cells, self.shape)[position]]

    def replaced(self, **axes: Iterable[Value]) -> Grid:
        """The grid with other values for these axes.

        They are of the kind that the axis has: integers given for an axis of floats become floats.
        Raises ValueError for an unknown axis, for one of several that go together, and for another kind.
        """
        new = {}
        for name, values in axes.items():
            dimension = self._dimension(name)
            if len(dimension.axes) > 1:
                raise ValueError(
                    f"axis {name!r} goes together with others in {dimension.name!r}: replace none"
                )
            kind = type(dimension.axes[name][0])
            column = _values(name, values)
            if kind is float and isinstance(column[0], int):
                column = tuple(float(value) for value in column)
            if not isinstance(column[0], kind):
                raise ValueError(f"axis {name!r} must have values of type {kind.__name__}, got {column[0]!r}")
            new[dimension.name] = Dimension(dimension.name, {name: column})
        return Grid(tuple(new.get(d.name, d) for d in self.dimensions))

    def _dimension(self, name: str) -> Dimension:
        for dimension in self.dimensions:
            if name in dimension.axes:
                return dimension
        raise ValueError(f"there is no axis {name!r}; the axes are {', '.join(self.names)}")


def product(**axes: Iterable[Value]) -> Grid:
    """The grid of all combinations: a dimension per axis, the last one running fastest.

    Values are numbers or words, one kind per axis, each once (integers beside floats become floats).
    Raises ValueError for an empty axis, a value twice, a NaN, or a name that is no identifier.
    """
    if not axes:
        raise ValueError("axes must be one or more, got none: the grid is empty")
    return Grid(tuple(Dimension(name, {name: _values(name, values)}) for name, values in axes.items()))


def zipped(dimension: str = "", /, **axes: Iterable[Value]) -> Grid:
    """The grid of one dimension whose axes go together: the i-th cell has the i-th value of each.

    The dimension is called `dimension`, or by the names of its axes.  Raises ValueError as `product`, and for
    axes of different lengths or equal cells.
    """
    if not axes:
        raise ValueError("axes must be one or more, got none: the grid is empty")
    columns = {name: _values(name, values, once=False) for name, values in axes.items()}
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"zipped axes must have one length, got {lengths}")
    rows = list(zip(*columns.values(), strict=True))
    if len(set(rows)) < len(rows):
        twice = Counter(rows).most_common(1)[0][0]
        raise ValueError(f"cells must differ, got {dict(zip(columns, twice, strict=True))} twice")
    name = dimension or "_".join(columns)
    _check_name("dimension", name)
    return Grid((Dimension(name, columns),))


def listed(rows: Iterable[Mapping[str, Value]], dimension: str = "row") -> Grid:
    """The grid of these cells, one mapping from axis to value each, along one dimension.

    Raises ValueError as `zipped`, and for rows that name different axes.
    """
    rows = list(rows)
    if not rows:
        raise ValueError("rows must be one or more cells, got none: the grid is empty")
    names = list(rows[0])
    for i, row in enumerate(rows):
        if set(row) != set(names):
            raise ValueError(f"rows must name the same axes: row 0 names {names}, row {i} {list(row)}")
    return zipped(dimension, **{name: [row[name] for row in rows] for name in names})


def _values(name: str, values: Iterable[Value], *, once: bool = True) -> tuple[Value, ...]:
    """The values of an axis as Python numbers or words, checked."""
    _check_name("axis", name)
    if isinstance(values, str):
        raise ValueError(f"axis {name!r} must be a list of values, got the word {values!r}")
    got: Sequence[Value] = [v.item() if isinstance(v, np.generic) else v for v in values]
    if not got:
        raise ValueError(f"axis {name!r} must have a value, got none: the grid is empty")
    kinds = {type(v) for v in got}
    if not (kinds <= {int, float} or kinds == {str}):
        raise ValueError(
            f"axis {name!r} must have numbers or words, one kind of them, got {sorted(k.__name__ for k in kinds)}"
        )
    if any(v != v for v in got):
        raise ValueError(f"axis {name!r} must have no NaN")
    if any(isinstance(v, int) and not -(2**63) <= v < 2**63 for v in got):
        raise ValueError(f"axis {name!r} must have integers of 64 bits, got {max(got, key=abs)}")  # type: ignore[arg-type]
    if kinds == {int, float}:
        got = [float(v) for v in got]
    if once and len(set(got)) < len(got):
        twice = Counter(got).most_common(1)[0][0]
        raise ValueError(f"axis {name!r} must have each value once, got {twice!r} twice")
    return tuple(got)


def _check_name(what: str, name: str) -> None:
    if not name.isidentifier() or name.startswith("_") or name in RESERVED:
        raise ValueError(
            f"the name of the {what} must be an identifier other than {', '.join(RESERVED)}, got {name!r}"
        )
