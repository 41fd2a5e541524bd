"""The means behind POL-P1: spectra in an unknown order, in field arithmetic (symbols, fractions)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations
from typing import Any


def reordered(s: Sequence[Any], d: Sequence[Any], h: Any) -> list[list[Any]]:
    """For every permutation pi the spectrum pi s + h d, permuted back so that s stands in its own order."""
    return [[a + h * b for a, b in zip(s, order, strict=True)] for order in permutations(d)]


def mean(points: Sequence[Sequence[Any]]) -> list[Any]:
    """Entry by entry."""
    return [sum(entries) * Fraction(1, len(points)) for entries in zip(*points, strict=True)]


def weight_on_uniform(target: Sequence[Any], start: Sequence[Any]) -> Any:
    """The w with target = (1 - w) start + w/r: from its first two entries, target_1 - target_2 = (1 - w)(...)."""
    return 1 - (target[0] - target[1]) / (start[0] - start[1])


def normalised(s: Sequence[Any]) -> list[Any]:
    """s/sum s."""
    total = sum(s)
    return [entry / total for entry in s]


def variance(points: Sequence[Sequence[Any]], centre: Sequence[Any]) -> Any:
    """The mean of |x|^2 less |centre|^2: the variance about `centre`, if that is the mean of permutations of x."""
    square = sum(entry**2 for point in points for entry in point) * Fraction(1, len(points))
    return square - sum(entry**2 for entry in centre)


def rotation_gram(h: Any, t: Any) -> Any:
    """(1 + h D)^T (1 + h D), D the rotation of R^3 by theta about an axis, t = tan(theta/2): a sympy matrix."""
    import sympy

    t = sympy.sympify(t)
    cos, sin = (1 - t**2) / (1 + t**2), 2 * t / (1 + t**2)
    D = sympy.Matrix([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    step = sympy.eye(3) + h * D
    return step.T * step
