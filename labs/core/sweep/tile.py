"""A tile of cells: what the function of a sweep sees, and what becomes of cells that fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labs.core.arrays import Array, Backend, Namespace, to_numpy
from labs.core.streams import stream
from labs.core.sweep.declaration import Plan
from labs.core.sweep.errors import SweepError
from labs.core.sweep.grid import Value

Function = Callable[["Tile"], Mapping[str, Any]]


@dataclass(frozen=True)
class Work:
    """What the tiles of a sweep share: plain data that travels to whoever computes."""

    name: str
    function: Function
    seed: int
    dtype: str
    infinite: tuple[str, ...]
    taken: tuple[str, ...]  # names that no output may have
    key: str  # of the results on this backend
    code: str


class Tile:
    """The cells that a sweep's function computes at once.

    tile["p"]      the axis p: an array of shape (size,) on the backend, or a plain value where p is static.
    tile.size      how many cells (the padding included).
    tile.xp        the array namespace; `tile.backend` makes arrays from the host's: `tile.backend.asarray`.
    tile.streams   a random stream per cell, keyed by the cell's parameters alone.
    tile.draw(f)   f(stream) of each cell, stacked, as one array on the backend; with by=("n", "seed") the streams
                   are keyed by these axes alone: cells that agree on them draw the same (the same data for every
                   optimiser, say).
    """

    def __init__(self, plan: Plan, work: Work, backend: Backend) -> None:
        self.plan = plan
        self.work = work
        self.backend = backend
        self._arrays: dict[str, Array] = {}  # axes that were asked for
        self._streams: dict[tuple[str, ...], list[np.random.Generator]] = {}  # by the axes that key them

    @property
    def size(self) -> int:
        """The number of cells, the padding included."""
        return self.plan.size

    @property
    def xp(self) -> Namespace:
        """The namespace of the arrays."""
        return self.backend.xp

    def __getitem__(self, axis: str) -> Any:  # an array, or a static axis's plain value
        if axis in self.plan.static:
            return self.plan.static[axis]
        self._check(axis)
        if axis not in self._arrays:
            self._arrays[axis] = self._moved(self.plan.columns[axis])
        return self._arrays[axis]

    def _check(self, axis: str) -> None:
        if axis not in self.plan.columns:
            known = ", ".join([*self.plan.static, *self.plan.columns])
            raise SweepError(f"sweep {self.work.name!r} has no axis {axis!r}; its axes are {known}")

    def _moved(self, host: np.ndarray) -> Array:
        xp = self.xp
        dtype = getattr(xp, self.work.dtype) if host.dtype.kind == "f" else xp.int64
        return self.backend.asarray(host.copy(), dtype=dtype)  # the plan is not the function's to write to

    @property
    def streams(self) -> list[np.random.Generator]:
        """A random stream per cell.  It is keyed by the sweep's name, its seed and the cell's parameters.

        2 and 2.0 are one parameter here: a finer grid, which has to write its integers as floats, draws the same.
        """
        return self.streams_by([*self.plan.static, *self.plan.columns])

    def streams_by(self, axes: Iterable[str]) -> list[np.random.Generator]:
        """Host routine: a random stream per cell, keyed by the sweep's name, its seed and these axes alone.

        Each cell has its own generator; those of cells that agree on the axes give the same numbers.  Asked for
        again they go on where they were.  Raises SweepError for an axis that the sweep has not.
        """
        names = tuple(sorted(set(axes)))
        if names not in self._streams:
            columns = {name: self._host(name) for name in names}
            rows = [[part for name in names for part in (name, columns[name][i])] for i in range(self.size)]
            purpose = f"sweep {self.work.name}"
            self._streams[names] = [stream(purpose, *row, seed=self.work.seed) for row in rows]
        return self._streams[names]

    def _host(self, axis: str) -> list[Value]:
        """The values of an axis in the tile, as a stream is keyed by them."""
        if axis in self.plan.static:
            return [_plain(self.plan.static[axis])] * self.size
        self._check(axis)
        return [_plain(value) for value in self.plan.columns[axis].tolist()]

    def draw(self, function: Callable[[np.random.Generator], Any], by: Iterable[str] | None = None) -> Array:
        """Host routine: `function(stream)` for each cell, stacked into one array (size, ...) on the backend.

        by   the axes that key the streams; without it all of them.
        """
        streams = self.streams if by is None else self.streams_by(by)
        return self._moved(np.stack([np.asarray(function(each)) for each in streams]))


def _plain(value: Value) -> Value:
    """A float that is an integer, as that integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True)
class Computed:
    """What came of a tile, on the host and without padding.

    outputs    arrays of shape (cells, ...); NaN (0 in an array of integers or truth values) where a cell failed;
               empty where all did and nothing is known of the shapes.
    reasons    why a cell failed, by its position in the tile.
    """

    plan: Plan
    outputs: dict[str, np.ndarray]
    reasons: dict[int, str]


def compute(plan: Plan, work: Work, backend: Backend) -> Computed:
    """Host routine: one tile, from its plan to arrays on the host.

    A cell whose numbers are not finite, or any cell of a tile that raises, is computed again alone: in a tile
    of the same size filled with it, read at its own place, so that its numbers do not depend on who else
    failed.  What fails alone is a failed cell, with its reason; the other cells keep their numbers.
    Raises SweepError for what is wrong with the function rather than with a cell: an axis that does not exist,
    a result that is no dict of arrays over the tile, no memory.
    """
    count = len(plan.cells)
    try:
        outputs = _called(plan, work, backend)
    except (SweepError, MemoryError):
        raise
    except Exception:  # whose it is, the cells alone will tell
        alone = {i: _alone(i, plan, work, backend) for i in range(count)}
        outputs = _blank(alone, count)
    else:
        outputs = {name: array[:count].copy() for name, array in outputs.items()}
        bad = np.flatnonzero(_not_finite(outputs, work.infinite).any(axis=0))
        alone = {int(i): _alone(int(i), plan, work, backend) for i in bad}
    reasons: dict[int, str] = {}
    for i, answer in alone.items():
        if isinstance(answer, str):
            reasons[i] = answer
            for array in outputs.values():
                array[i] = np.nan if array.dtype.kind == "f" else 0
            continue
        if forms(answer) != forms(outputs, 1):
            raise SweepError(
                f"sweep {work.name!r}: outputs must have the same names, shapes and dtypes in all cells (pad what is"
                f" shorter), got {forms(answer)} and {forms(outputs, 1)}"
            )
        for name, array in outputs.items():
            array[i] = answer[name]
    return Computed(plan, outputs, reasons)


def _called(plan: Plan, work: Work, backend: Backend) -> dict[str, np.ndarray]:
    """The function's answer for a tile, on the host, its form checked."""
    try:
        answer = work.function(Tile(plan, work, backend))
        if not isinstance(answer, Mapping) or not answer:
            raise SweepError(
                f"the function of sweep {work.name!r} must return a dict of arrays, got {type(answer).__name__}"
            )
        outputs = {name: to_numpy(array) for name, array in answer.items()}
    except MemoryError as error:
        raise SweepError(
            f"sweep {work.name!r}: no memory for a tile of {plan.size} cells; make `tile` or `memory` smaller,"
            " or say in `cell_bytes` what a cell needs"
        ) from error
    for name in outputs:
        if not isinstance(name, str) or not name.isidentifier() or name in work.taken:
            raise SweepError(
                f"sweep {work.name!r}: the name of an output must be an identifier other than"
                f" {', '.join(work.taken)}, got {name!r}"
            )
    for name, array in outputs.items():
        if array.shape[:1] != (plan.size,) or array.dtype.kind not in "fiub":
            raise SweepError(
                f"sweep {work.name!r}: output {name!r} must be an array of real numbers whose first axis is the"
                f" tile of {plan.size} cells, got shape {array.shape}, dtype {array.dtype}"
            )
    return outputs


def _alone(position: int, plan: Plan, work: Work, backend: Backend) -> dict[str, np.ndarray] | str:
    """The outputs of one cell in a tile filled with it, or the reason why it fails."""
    columns = {name: np.repeat(column[[position]], plan.size) for name, column in plan.columns.items()}
    try:
        outputs = _called(replace(plan, columns=columns), work, backend)
    except SweepError:
        raise
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0][:300]
    own = {name: array[position] for name, array in outputs.items()}
    bad = _not_finite({name: array[None] for name, array in own.items()}, work.infinite)[:, 0]
    checked = [name for name in outputs if name not in work.infinite]
    names = [name for name, is_bad in zip(checked, bad, strict=True) if is_bad]
    return f"not finite: {', '.join(names)}" if names else own


def forms(outputs: Mapping[str, np.ndarray], skip: int = 0) -> dict[str, str]:
    """Host routine: the shape (without the first `skip` axes) and the dtype of each output, in words."""
    return {name: f"{array.shape[skip:]} {array.dtype}" for name, array in sorted(outputs.items())}


def _not_finite(outputs: dict[str, np.ndarray], infinite: tuple[str, ...]) -> np.ndarray:
    """For each output that must be finite and each cell: is a number of it not finite?  (outputs, cells)."""
    count = len(next(iter(outputs.values())))
    rows = [
        ~np.isfinite(array).reshape(count, -1).all(axis=1)
        for name, array in outputs.items()
        if name not in infinite
    ]
    return np.asarray(rows).reshape(len(rows), count)


def _blank(alone: dict[int, dict[str, np.ndarray] | str], count: int) -> dict[str, np.ndarray]:
    """Outputs of the shape of the first cell that has any; none where all cells failed."""
    for answer in alone.values():
        if not isinstance(answer, str):
            return {name: np.zeros((count, *array.shape), array.dtype) for name, array in answer.items()}
    return {}
