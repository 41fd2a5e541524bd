"""How flat the matrices in the range of A* are: what bounds the stable rank of literal Muon's answer."""

from __future__ import annotations

from typing import NamedTuple

from labs.core.arrays import Array, array_namespace
from labs.polar_flow._linear import check_count, check_matrix
from labs.polar_flow.interpolants import certified_interpolant
from labs.polar_flow.operators import Operator


class Flatness(NamedTuple):
    """The ratio |L|_*/|L|_F (...) of a matrix L (..., m, n) in range(A*)."""

    ratio: Array
    matrix: Array


def least_flatness(operator: Operator, start: Array, iterations: int = 20) -> Flatness:
    """Kernel: a local minimum of |L|_*/|L|_F over L in range(A*), from a matrix (..., m, n): an upper bound of c_A.

        c_A = min {|L|_*/|L|_F : 0 != L in range(A*)},   1 <= c_A <= sqrt(min(m, n))

    Largest |L|_F on |L|_* <= 1, a convex function on a convex set: each iteration maximises its linear part, which is
    the dual of the interpolant of least operator norm, and the ratio never rises.  The start is projected on
    range(A*).  Cost: an `interpolant` an iteration.  Raises ValueError for bad start or iterations.
    Source: derived here.
    """
    check_count(1, iterations=iterations)
    check_matrix(operator, start=start)
    L = operator.parallel(start)
    xp = array_namespace(L)
    ratio = _ratio(L)
    for _ in range(iterations):
        new = certified_interpolant(operator, operator.apply(L), "operator", tolerance=1e-6).dual
        found = _ratio(new)
        lower = found < ratio
        gain = xp.where(lower, ratio - found, 0.0)
        L, ratio = xp.where(lower[..., None, None], new, L), xp.where(lower, found, ratio)
        if bool(xp.all(gain <= 1e-9)):
            break
    return Flatness(ratio, L)


def _ratio(L: Array) -> Array:
    """|L|_*/|L|_F; infinite for zero."""
    xp = array_namespace(L)
    s = xp.linalg.svdvals(L)
    size = xp.sqrt(xp.sum(s * s, axis=-1))
    return xp.where(size > 0.0, xp.sum(s, axis=-1), xp.inf) / xp.where(size > 0.0, size, 1.0)
