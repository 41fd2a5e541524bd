"""The kernel contract: what every public kernel is declared with, so that one suite can try them all.

A kernel is a public function (or method) of `labs` whose docstring begins with "Kernel:".  It is declared by
one entry of the list `KERNELS` in a file `tests/<folder>/kernels.py`; `declared()` finds these files, the
suite tests/core/test_kernel_contract.py runs every entry on every backend, and fails for a kernel that has
no entry.  The other kind of function begins with "Host routine:" and needs none; nor does a closed form in
field arithmetic alone, which names no array library.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import labs
from labs.core.arrays import Backend, backend
from tests.counting import Counts, counting

MARK = "Kernel:"
HOST_MARK = "Host routine:"
SWEEP_MARK = "Kernel of a sweep:"  # takes a Tile: the tests of its sweep try it on every backend
ALWAYS = ("numpy", "strict", "counting")  # and "cupy" where a device allocates


@dataclass(frozen=True)
class Kernel:
    """What the contract asks of one kernel.

    function   the kernel itself; a method is declared as `Class.method` and takes its `self` from `example`.
    example    from a backend to keyword arguments; NumPy arrays among them are moved to that backend, so
               `lambda _: {"s": SPECTRA}` is enough unless an argument holds arrays inside.
    core       for each argument with batch axes: how many axes it has after them (a vector 1, a matrix 2).
    bad        pairs (arguments to replace, name that the ValueError must begin with); NumPy arrays are moved.
    launches, syncs, looped
               the budget on the counting stand-in: what the example may cost, divided by `iterations` of the
               result.  A budget more than twice what is used is no budget, and fails too.
    tolerance  relative to each entry of NumPy's answer; `absolute` is added to it.
    """

    function: Callable[..., Any]
    example: Callable[[Backend], dict[str, Any]]
    core: dict[str, int]
    bad: tuple[tuple[dict[str, Any], str], ...]
    launches: float
    syncs: float = 0
    looped: float = 0
    iterations: Callable[[Any], float] = lambda result: 1
    tolerance: float = 1e-14
    absolute: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.function.__module__}.{self.function.__qualname__}"

    def arguments(self, on: Backend) -> dict[str, Any]:
        """The example on this backend; NumPy's arrays are read-only copies, so that writing to one raises."""
        return {name: move(value, on) for name, value in self.example(on).items()}

    def batch(self, arguments: dict[str, Any]) -> tuple[int, ...]:
        """The batch shape of `arguments`: what the leading axes of the batched ones broadcast to."""
        return np.broadcast_shapes(*(leading(arguments[name], core) for name, core in self.core.items()))


def vectors(
    name: str, good: np.ndarray, *, nonnegative: bool = False
) -> tuple[tuple[dict[str, Any], str], ...]:
    """The ways in which the argument `name`, an array of vectors such as `good`, can be bad."""

    def spoilt(value: float) -> np.ndarray:
        array = np.array(good, dtype=float)
        array.flat[-1] = value
        return array

    wrong: list[Any] = [spoilt(np.nan), spoilt(np.inf), good[..., :0], np.array(1.0)]
    wrong += [np.ones(good.shape, dtype=np.int64), good.tolist(), None]
    if nonnegative:
        wrong.append(spoilt(-1e-300))
    return tuple(({name: value}, name) for value in wrong)


def move(value: Any, on: Backend) -> Any:
    """A NumPy array as an array of this backend (on NumPy a read-only copy); anything else as it is."""
    if not isinstance(value, np.ndarray):
        return value
    if on.name != "numpy":
        return on.asarray(value, dtype=getattr(on.xp, value.dtype.name))
    copy = value.copy()
    copy.flags.writeable = False
    return copy


def leading(x: Any, core: int) -> tuple[int, ...]:
    """The batch shape of an array with `core` axes at the end."""
    return tuple(x.shape[: x.ndim - core])


def outputs(result: Any, path: str = "result") -> dict[str, Any]:
    """The arrays and plain values in a result, by their path: a result may be a tuple or a dataclass."""
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        parts = {f.name: getattr(result, f.name) for f in dataclasses.fields(result)}
    elif isinstance(result, tuple):
        parts = {str(i): part for i, part in enumerate(result)}
    else:
        return {path: result}
    return {
        key: leaf for name, part in parts.items() for key, leaf in outputs(part, f"{path}.{name}").items()
    }


def is_numeric(x: Any) -> bool:
    """Whether an output is an array of numbers (words, a status per item, exist in NumPy alone)."""
    return hasattr(x, "shape") and getattr(x.dtype, "kind", "") != "U"


@cache
def cupy_missing() -> str | None:
    """Why CuPy cannot be used on this machine, or None where it can."""
    try:
        backend("cupy")
    except RuntimeError as error:
        return str(error)
    return None


def backends() -> tuple[str, ...]:
    """The backends of the contract on this machine."""
    return ALWAYS if cupy_missing() else (*ALWAYS, "cupy")


def start(name: str) -> tuple[Backend, Counts]:
    """The backend of this name, and the counts that it keeps (empty for all but "counting")."""
    return counting() if name == "counting" else (backend(name), Counts())


@cache
def declared() -> tuple[Kernel, ...]:
    """Every entry of every list KERNELS in tests/<folder>/kernels.py."""
    root = Path(__file__).parent
    found: list[Kernel] = []
    for path in sorted(root.glob("*/kernels.py")):
        found.extend(importlib.import_module(f"tests.{path.parent.name}.kernels").KERNELS)
    return tuple(found)


# --- what `labs` says of itself -----------------------------------------------------

# Neither kernels nor host routines: what both are made with, and the command line.
MACHINERY = ("labs.core.arrays", "labs.__main__")

_LIBRARY = re.compile(r"\b(np|xp)\.\w|\b(array_namespace|check_\w+|require_host|special)\(")


def public_functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Name and function of every public function and method that a public module of `labs` defines."""
    for info in pkgutil.walk_packages(labs.__path__, "labs."):
        if info.name not in MACHINERY and "._" not in info.name:
            yield from public_in(importlib.import_module(info.name))


def public_in(module: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Name and function of what one module defines: public functions, and those of its public classes."""
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
            continue
        members = vars(thing).items() if inspect.isclass(thing) else [(name, thing)]
        for key, member in members:
            function = inspect.unwrap(member)  # beneath a cache, or a static method
            if inspect.isfunction(function) and (key == "__call__" or not key.startswith("_")):
                yield f"{module.__name__}.{function.__qualname__}", function


def kind(function: Callable[..., Any]) -> str:
    """The mark with which a docstring begins: MARK, HOST_MARK, SWEEP_MARK, or none."""
    doc = inspect.getdoc(function) or ""
    return next((mark for mark in (MARK, HOST_MARK, SWEEP_MARK) if doc.startswith(mark)), "")


def names_an_array_library(function: Callable[..., Any]) -> bool:
    """Whether a function computes with `np.` or `xp.`, asks for a namespace, or checks an array.

    What does none of these is a closed form in field arithmetic (or no numerics at all): it takes arrays as
    it takes fractions and symbols, is proved as a formula, and needs no mark.
    """
    return bool(_LIBRARY.search(inspect.getsource(function)))
