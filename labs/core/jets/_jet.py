"""A truncated Taylor series that behaves like an array."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any

from labs.core.arrays import Array, array_namespace, device


class Jet:
    """x(t) = c_0 + c_1 t + c_2 t^2 + ..., exact up to t^order; the coefficients are arrays of one shape.

    Coefficients that are missing at the end are zeros, and cost nothing: a constant has c_0 alone and is exact to
    every order.  Of the array API it has the operators, and a namespace with the functions that have a series
    (labs.core.jets), so that code written for arrays takes jets.  What decides (comparisons, shapes, dtypes) looks
    at c_0: the series of a function with branches is that of the branch at t = 0.
    """

    __array_ufunc__ = None  # NumPy's operators leave the work to ours
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, coefficients: Iterable[Array], order: float = math.inf) -> None:
        kept = [c for k, c in enumerate(coefficients) if k <= order]
        if not kept:
            raise ValueError(f"coefficients must hold c_0, and order be >= 0, got none up to order {order!r}")
        if any(c.shape != kept[0].shape for c in kept):
            kept = list(array_namespace(*kept).broadcast_arrays(*kept))
        self.coefficients = tuple(kept)
        self.order = order

    shape = property(lambda self: self.coefficients[0].shape)
    ndim = property(lambda self: self.coefficients[0].ndim)
    dtype = property(lambda self: self.coefficients[0].dtype)
    device = property(lambda self: device(self.coefficients[0]))

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        from labs.core.jets._namespace import Namespace

        return Namespace(array_namespace(self.coefficients[0]))

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("a jet is not an array of NumPy: use the functions of its own namespace")

    def __repr__(self) -> str:
        return f"Jet(order {self.order}, shape {self.shape}, {len(self.coefficients)} coefficients)"

    def map(self, function: Callable[[Array], Array]) -> Jet:
        """The jet whose coefficients are those of this one under a linear function."""
        return Jet(map(function, self.coefficients), self.order)

    @property
    def degrees(self) -> range:
        """1, 2, ...: the powers of t that a smooth function of this jet has; none for a constant."""
        return range(1, 1 + int(self.order)) if len(self.coefficients) > 1 else range(0)

    # --- linear operations

    def __getitem__(self, key: Any) -> Jet:
        return self.map(lambda c: c[key])

    def __neg__(self) -> Jet:
        return self.map(operator.neg)

    def __add__(self, other: Any) -> Jet:
        return self._joined(other, operator.add)

    def __radd__(self, other: Any) -> Jet:
        return self + other

    def __sub__(self, other: Any) -> Jet:
        return self + -other

    def __rsub__(self, other: Any) -> Jet:
        return -self + other

    def _joined(self, other: Any, add: Callable[[Array, Array], Array]) -> Jet:
        theirs, order = (
            ((other,), math.inf) if not isinstance(other, Jet) else (other.coefficients, other.order)
        )
        pairs = zip_longest(self.coefficients, theirs)
        return Jet(
            (a if b is None else b if a is None else add(a, b) for a, b in pairs), min(self.order, order)
        )

    # --- products and quotients

    def __mul__(self, other: Any) -> Jet:
        return _product(self, other, operator.mul)

    def __rmul__(self, other: Any) -> Jet:
        return self * other

    def __matmul__(self, other: Any) -> Jet:
        return _product(self, other, operator.matmul)

    def __rmatmul__(self, other: Any) -> Jet:
        return self.map(lambda c: other @ c)

    def __truediv__(self, other: Any) -> Jet:
        if not isinstance(other, Jet):
            return self.map(lambda c: c / other)
        # y = a/b:  y_k = (a_k - sum_{j=1..k} b_j y_{k-j})/b_0
        a, b, order = self.coefficients, other.coefficients, min(self.order, other.order)
        y: list[Array] = [a[0] / b[0]]
        longest = len(a) if len(b) == 1 else 1 + int(order)
        for k in range(1, longest):
            rest = [b[j] * y[k - j] for j in range(1, min(k + 1, len(b)))]
            above = ([a[k]] if k < len(a) else []) + [-x for x in rest]
            y.append(total(above) / b[0])
        return Jet(y, order)

    def __rtruediv__(self, other: Any) -> Jet:
        return constant(other * _one_like(self)) / self

    def __pow__(self, exponent: int) -> Jet:
        if not isinstance(exponent, int) or exponent < 1:
            raise ValueError(f"exponent must be an integer >= 1, got {exponent!r}")
        half = self ** (exponent // 2) if exponent > 1 else None
        if half is None:
            return self
        return half * half * self if exponent % 2 else half * half

    # --- what looks at t = 0 alone

    def __lt__(self, other: Any) -> Array:
        return self.coefficients[0] < _at_zero(other)

    def __le__(self, other: Any) -> Array:
        return self.coefficients[0] <= _at_zero(other)

    def __gt__(self, other: Any) -> Array:
        return self.coefficients[0] > _at_zero(other)

    def __ge__(self, other: Any) -> Array:
        return self.coefficients[0] >= _at_zero(other)

    def __eq__(self, other: Any) -> Any:
        return self.coefficients[0] == _at_zero(other)

    def __ne__(self, other: Any) -> Any:
        return self.coefficients[0] != _at_zero(other)


def constant(x: Array) -> Jet:
    """The jet of what does not depend on t."""
    return Jet((x,))


def line(x: Array, v: Array, order: int) -> Jet:
    """The jet of x + t v."""
    return Jet((x, v), order)


def lines(at: Mapping[str, Array], along: Mapping[str, Array], order: int) -> dict[str, Jet]:
    """The jets of at + t along, by name; what `along` leaves out is constant.

    The arrays may hold numbers of any kind that can be added and multiplied (fractions, symbols).
    """
    return {name: line(x, along[name], order) if name in along else constant(x) for name, x in at.items()}


def total(terms: list[Array]) -> Array:
    """The sum of a list that is not empty."""
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result


def _product(x: Jet, y: Any, times: Callable[[Array, Array], Array]) -> Jet:
    """Cauchy's product."""
    if not isinstance(y, Jet):
        return x.map(lambda c: times(c, y))
    a, b, order = x.coefficients, y.coefficients, min(x.order, y.order)

    def coefficients() -> Iterator[Array]:
        for k in range(len(a) + len(b) - 1):
            if k <= order:
                yield total([times(a[i], b[k - i]) for i in range(len(a)) if 0 <= k - i < len(b)])

    return Jet(coefficients(), order)


def _at_zero(x: Any) -> Any:
    return x.coefficients[0] if isinstance(x, Jet) else x


def _one_like(x: Jet) -> Array:
    return array_namespace(x.coefficients[0]).ones_like(x.coefficients[0])
