"""What matrices must be beyond their shapes (labs.core.arrays has the checks of shapes and numbers)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce

from labs.core.arrays import Array, array_namespace, device


def check_symmetric(**named: Array) -> None:
    """Raise ValueError unless each (..., n, n) is symmetric, to half of the digits of its largest entry."""

    def excess(X: Array) -> Array:
        xp = array_namespace(X)
        largest = xp.max(xp.abs(X), axis=(-2, -1), keepdims=True)
        return xp.abs(X - xp.matrix_transpose(X)) - xp.finfo(X.dtype).eps ** 0.5 * largest

    _check(excess, "be symmetric", named)


def check_orthonormal(**named: Array) -> None:
    """Raise ValueError unless the columns of each (..., n, q) are orthonormal, to half of the digits."""

    def excess(U: Array) -> Array:
        xp = array_namespace(U)
        one = xp.eye(U.shape[-1], dtype=U.dtype, device=device(U))
        return xp.abs(xp.matrix_transpose(U) @ U - one) - xp.finfo(U.dtype).eps ** 0.5

    _check(excess, "have orthonormal columns", named)


def _check(excess: Callable[[Array], Array], expected: str, named: dict[str, Array]) -> None:
    """One host sync for all arguments; where it fails, one more for each."""
    found = {name: excess(x) for name, x in named.items()}
    xp = array_namespace(*found.values())
    if bool(reduce(operator.and_, (xp.all(x <= 0.0) for x in found.values()))):
        return
    name, x = next((name, x) for name, x in found.items() if not bool(xp.all(x <= 0.0)))
    raise ValueError(f"{name} must {expected}, got an error of {float(xp.max(x)):.1e}")
