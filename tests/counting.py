"""A stand-in for CuPy that counts: launches, host syncs, and decompositions that CuPy does one by one.

`counting()` gives a backend whose arrays live on array-api-strict's second device (so it is as strict) and
whose operations leave a count.  The counts are upper bounds: operations are counted as if nothing were
fused, and array-api-compat does not take the stand-in for CuPy, so that a generic route is counted where
CuPy might have a shorter one.  A composite routine (`var`, `linalg.solve`) counts as one launch.

What CuPy does and the standard does not say: `svd` and its kin loop over a batch of matrices larger than
32 x 32, `qr` over any batch; `solve` does not broadcast; where the shape of a result depends on values
(`nonzero`, a boolean index) the host waits for the device.
"""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import array_api_strict
import numpy as np

from labs.core.arrays import SPECIAL, Backend, special

HOME = array_api_strict.Device("device1")
HOST = array_api_strict.Device("CPU_DEVICE")

# Results that share memory with an argument: nothing is launched.  (`reshape` may copy, so it counts.)
VIEWS = frozenset(
    (
        "broadcast_arrays",
        "broadcast_to",
        "diagonal",
        "expand_dims",
        "flip",
        "matrix_transpose",
        "moveaxis",
        "permute_dims",
        "squeeze",
        "unstack",
    )
)
# The shape of the result depends on values.
WAITS = frozenset(("nonzero", "unique_all", "unique_counts", "unique_inverse", "unique_values"))
# Decompositions that CuPy loops over in a batch, and the largest side up to which it does not.
LOOPS = dict.fromkeys(("svd", "svdvals", "eigh", "eigvalsh", "pinv", "matrix_rank"), 32) | {"qr": 0}
LOOPING_NORMS = (2, -2, "nuc")  # `matrix_norm` takes an SVD for these


@dataclass
class Counts:
    """What was counted since the last `reset`, by the name of the operation."""

    launches: Counter[str] = field(default_factory=Counter)
    syncs: Counter[str] = field(default_factory=Counter)
    looped: Counter[str] = field(default_factory=Counter)  # matrices that were looped over; in launches too

    def reset(self) -> None:
        for counter in (self.launches, self.syncs, self.looped):
            counter.clear()

    def __str__(self) -> str:
        parts = []
        for title in ("launches", "syncs", "looped"):
            counter: Counter[str] = getattr(self, title)
            names = ", ".join(f"{name} {count}" for name, count in counter.most_common())
            parts.append(f"{title} {counter.total()}" + (f" ({names})" if names else ""))
        return "; ".join(parts) + " [upper bounds: operations are counted unfused]"


def counting() -> tuple[Backend, Counts]:
    """A fresh counting backend and its counts.  Moving arrays there and back counts too: `reset` between."""
    counts = Counts()
    return Backend("counting", Namespace(array_api_strict, counts), HOME), counts


class Namespace:
    """array-api-strict, or a part of it such as `linalg`, with every function counted."""

    __name__ = "tests.counting"

    def __init__(self, module: Any, counts: Counts, root: Namespace | None = None) -> None:
        self._module = module
        self._counts = counts
        self._root = root or self

    def __getattr__(self, name: str) -> Any:
        if name == "special":  # one launch each, as with cupyx.scipy.special
            inner = special(array_api_strict)
            return SimpleNamespace(**{n: self._counted(n, getattr(inner, n)) for n in SPECIAL})
        value = getattr(self._module, name)
        if name in ("linalg", "fft"):
            return Namespace(value, self._counts, self._root)
        if isinstance(value, type) or not callable(value):  # dtypes, devices, constants
            return value
        return self._counted(name, value)

    def _counted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **kwargs: self._call(name, function, *args, **kwargs)

    def _call(self, name: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call `function` on the arrays inside `args`, count it under `name`, wrap what comes back."""
        if name == "solve":
            _refuse_broadcast(*args)
        result = function(*_unwrapped(args), **_unwrapped(kwargs))
        if name in WAITS or (name == "repeat" and _holds_array(args[1:])):
            self._counts.syncs[name] += 1
        if name not in VIEWS and _holds_array(result):
            self._counts.launches[name] += self._launches(name, args, kwargs)
        return self._wrapped(result)

    def _launches(self, name: str, args: Any, kwargs: Any) -> int:
        """How often this call launches: once, or once for every matrix of the batch."""
        limit = LOOPS.get(name)
        if name == "matrix_norm" and kwargs.get("ord", "fro") in LOOPING_NORMS:
            limit = LOOPS["svdvals"]
        if limit is None or max(args[0].shape[-2:]) <= limit or math.prod(args[0].shape[:-2]) <= 1:
            return 1
        matrices = math.prod(args[0].shape[:-2])
        self._counts.looped[name] += matrices
        return matrices

    def _wrapped(self, value: Any) -> Any:
        if hasattr(value, "__array_namespace__"):
            return CountedArray(value, self._root)
        if isinstance(value, tuple | list):
            inner = [self._wrapped(v) for v in value]
            return type(value)(*inner) if hasattr(value, "_fields") else type(value)(inner)
        return value


class CountedArray:
    """An array of array-api-strict whose operators are counted by the namespace it came from."""

    __array_ufunc__ = None  # NumPy must not make us an array of objects: `numpy + counted` is an error
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, inner: Any, namespace: Namespace) -> None:
        self._inner = inner
        self._namespace = namespace

    def __array_namespace__(self, *, api_version: str | None = None) -> Namespace:
        return self._namespace

    dtype = property(lambda self: self._inner.dtype)
    device = property(lambda self: self._inner.device)
    shape = property(lambda self: self._inner.shape)
    ndim = property(lambda self: self._inner.ndim)
    size = property(lambda self: self._inner.size)
    T = property(lambda self: CountedArray(self._inner.T, self._namespace))
    mT = property(lambda self: CountedArray(self._inner.mT, self._namespace))

    def __repr__(self) -> str:
        return f"Counted{self._inner!r}"

    def __getitem__(self, key: Any) -> CountedArray:
        parts = key if isinstance(key, tuple) else (key,)
        arrays = [k for k in parts if isinstance(k, CountedArray)]
        counts = self._namespace._counts
        if arrays:  # a slice is a view, a gather is not
            counts.launches["getitem"] += 1
        if any(k.dtype == array_api_strict.bool for k in arrays):
            counts.syncs["boolean index"] += 1
        return CountedArray(self._inner[_unwrapped(key)], self._namespace)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._namespace._counts.launches["setitem"] += 1
        self._inner[_unwrapped(key)] = _unwrapped(value)

    def __iter__(self) -> Iterator[CountedArray]:
        return (CountedArray(row, self._namespace) for row in self._inner)

    def to_device(self, device: Any, /, *, stream: None = None) -> CountedArray:
        if device == HOST and self.device != HOST:
            self._namespace._counts.syncs["to host"] += 1
        return CountedArray(self._inner.to_device(device, stream=stream), self._namespace)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self._inner, dtype=dtype)  # refused unless it was brought to the host first


def _holds_array(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return any(_holds_array(v) for v in value)
    return hasattr(value, "__array_namespace__")


def _unwrapped(value: Any) -> Any:
    if isinstance(value, CountedArray):
        return value._inner
    if isinstance(value, tuple | list):
        return type(value)(_unwrapped(v) for v in value)
    if isinstance(value, dict):
        return {k: _unwrapped(v) for k, v in value.items()}
    return value


def _refuse_broadcast(a: Any, b: Any) -> None:
    """CuPy's `solve`: `a` and `b` have the same batch (a vector `b` has none)."""
    if a.shape[:-2] != b.shape[:-2]:
        raise ValueError(f"solve does not broadcast on CuPy: a has shape {a.shape}, b has shape {b.shape}")


def _operator(name: str) -> Callable[..., Any]:
    function = getattr(operator, f"__{name}__")

    def forward(self: CountedArray, *other: Any) -> Any:
        return self._namespace._call(name, function, self, *other)

    return forward


def _reflected(name: str) -> Callable[..., Any]:
    function = getattr(operator, f"__{name}__")
    return lambda self, other: self._namespace._call(name, function, other, self)


def _in_place(name: str) -> Callable[..., Any]:
    function = getattr(operator, f"__i{name}__")

    def update(self: CountedArray, other: Any) -> CountedArray:
        self._namespace._counts.launches[name] += 1
        self._inner = function(self._inner, _unwrapped(other))
        return self

    return update


def _wait(name: str) -> Callable[..., Any]:
    def convert(self: CountedArray) -> Any:
        self._namespace._counts.syncs[name] += 1
        return getattr(self._inner, f"__{name}__")()

    return convert


_ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
_BITWISE = ("and", "or", "xor", "lshift", "rshift")
for _name in _ARITHMETIC + _BITWISE:
    setattr(CountedArray, f"__{_name}__", _operator(_name))
    setattr(CountedArray, f"__r{_name}__", _reflected(_name))
    setattr(CountedArray, f"__i{_name}__", _in_place(_name))
for _name in ("neg", "pos", "abs", "invert", "eq", "ne", "lt", "le", "gt", "ge"):
    setattr(CountedArray, f"__{_name}__", _operator(_name))
for _name in ("bool", "int", "float", "complex", "index"):
    setattr(CountedArray, f"__{_name}__", _wait(_name))
