"""What no odd polynomial, and no composition of them, can do better: lower bounds in rational arithmetic.

Odd polynomials of degree 2 k - 1 span a space of dimension k in which only 0 has k positive zeros.  So among
all of them the error at any k + 1 points of (0, inf) is at least the levelled error there: the |E| of the one
that is 1 - E, 1 + E, 1 - E, ... at these points (de la Vallee Poussin).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

Points = Sequence[Fraction]


def levelled_error(points: Points) -> Fraction:
    """|E| at k + 1 increasing positive points, by elimination in the k + 1 linear equations."""
    if not all(0 < x < y for x, y in pairwise(points)):
        raise ValueError(f"points must be positive and increasing, got {[float(x) for x in points]}")
    size = len(points)
    rows = [
        [*(x ** (2 * k + 1) for k in range(size - 1)), Fraction((-1) ** i), Fraction(1)]
        for i, x in enumerate(points)
    ]
    for column in range(size):
        pivot = next(i for i in range(column, size) if rows[i][column] != 0)
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for i in range(size):
            if i != column:
                factor = rows[i][column] / rows[column][column]
                rows[i] = [x - factor * y for x, y in zip(rows[i], rows[column], strict=True)]
    return abs(rows[-1][-1] / rows[-1][-2])


def composition_bound(reference: Sequence[Points]) -> list[Fraction]:
    """e_1, ..., e_T: no composition of t odd polynomials has an error below e_t on the span of the first points.

    reference   for each step k + 1 points; those of step t + 1 must span a ratio (last over first) of at most
                (1 + e_t)/(1 - e_t)

    Induction: the image of the interval under t polynomials holds 0 (then it always will, and the error is at
    least 1), or it is an interval of one sign whose ends have a ratio of at least (1 + e_t)/(1 - e_t): with a
    smaller one a multiple of the last polynomial would have a smaller error than e_t.  It holds a multiple of the
    next points, and multiples do not matter.  Raises ValueError where a span is too wide.
    """
    bounds: list[Fraction] = []
    for points in reference:
        ratio = points[-1] / points[0]
        if bounds and not ratio * (1 - bounds[-1]) <= 1 + bounds[-1]:
            raise ValueError(
                f"points of step {len(bounds) + 1} span {float(ratio)}: more than the image must"
            )
        bounds.append(levelled_error(points))
    return bounds
