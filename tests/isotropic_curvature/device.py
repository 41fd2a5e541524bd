"""The kernels that claims are asked of, on the array library of the run (--backend).

Instances are NumPy arrays, and so is the evidence: these stand-ins move the arrays there and the answers back.
A curvature function without `terms` lives on NumPy, and stays there.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from labs.core import sphere
from labs.core.arrays import Backend, backend, to_numpy
from labs.isotropic_curvature import anisotropic, closed_forms, duality, solver

_backend: Backend = backend("numpy")


def use(chosen: Backend) -> None:
    """From now on, compute on this backend (called once, by conftest)."""
    global _backend
    _backend = chosen


def _returned(result: Any) -> Any:
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        parts = {f.name: getattr(result, f.name) for f in dataclasses.fields(result)}
        return dataclasses.replace(result, **{name: _returned(part) for name, part in parts.items()})
    if isinstance(result, tuple):
        return tuple(map(_returned, result))
    return result if result is None or isinstance(result, str) else to_numpy(result)


def _on_device(kernel: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(kernel)
    def call(*arguments: Any, **options: Any) -> Any:
        if _backend.name == "numpy" or any(getattr(a, "terms", ()) is None for a in arguments):
            return kernel(*arguments, **options)
        moved = [_backend.asarray(a) if isinstance(a, np.ndarray) else a for a in arguments]
        return _returned(kernel(*moved, **options))

    return call


expect = _on_device(sphere.expect)
solve = _on_device(solver.solve)
solve_matrix = _on_device(solver.solve_matrix)
solve_anisotropic = _on_device(anisotropic.solve_anisotropic)
dual_norm = _on_device(duality.dual_norm)
duality_gap = _on_device(duality.duality_gap)
quartic_update = _on_device(closed_forms.quartic_update)
