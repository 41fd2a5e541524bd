"""Memory for products of small matrices, and the array library that makes them."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from labs.core.arrays import Array, Namespace, device, on_host

# Bytes that a thread keeps from one call to the next, at most.
KEPT = 2**25


class Scratch:
    """Results in arrays that were used before.

    For NumPy a fresh array of some 100 kB costs as much as the product that fills it: the pages were given back
    to the system with the last one.  Other libraries keep what is freed, and get plain operations.
    """

    def __init__(self, xp: Namespace) -> None:
        self.xp = xp
        self.on_host = on_host(xp)
        self._free: dict[tuple[tuple[int, ...], Any], list[np.ndarray]] = {}
        self._eye: Array = None

    def matmul(self, a: Array, b: Array) -> Array:
        """a @ b, for two batches of one shape."""
        if not self.on_host:
            return a @ b
        return np.matmul(a, b, out=self._take((*a.shape[:-1], b.shape[-1]), a.dtype))

    def multiply(self, a: Array, b: Any) -> Array:
        """a * b, for arrays that broadcast."""
        return np.multiply(a, b, out=self._take_for(a, b)) if self.on_host else a * b

    def add(self, a: Array, b: Array) -> Array:
        """a + b, for arrays that broadcast."""
        return np.add(a, b, out=self._take_for(a, b)) if self.on_host else a + b

    def give(self, *arrays: Array) -> None:
        """Say that these are not needed any more."""
        if self.on_host:
            for array in arrays:
                self._free.setdefault((array.shape, array.dtype), []).append(array)

    def identity(self, like: Array) -> Array:
        """The identity of the size of `like` (..., n, n)."""
        n, eye = like.shape[-1], self._eye
        if eye is None or eye.shape[-1] != n or eye.dtype != like.dtype:
            self._eye = eye = self.xp.eye(n, dtype=like.dtype, device=device(like))
        return eye

    def close(self) -> None:
        """The end of a call: forget all if it is much."""
        if sum(array.nbytes for arrays in self._free.values() for array in arrays) > KEPT:
            self._free.clear()

    def _take_for(self, a: Array, b: Any) -> np.ndarray:
        return self._take(np.broadcast_shapes(a.shape, getattr(b, "shape", ())), a.dtype)

    def _take(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        free = self._free.get((shape, dtype))
        return free.pop() if free else np.empty(shape, dtype=dtype)


_of_thread = threading.local()


def scratch_for(xp: Namespace) -> Scratch:
    """For NumPy the scratch of this thread."""
    if not on_host(xp):
        return Scratch(xp)
    if not hasattr(_of_thread, "scratch"):
        _of_thread.scratch = Scratch(xp)
    return _of_thread.scratch
