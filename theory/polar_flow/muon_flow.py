"""Exact flows of literal Muon, and the algebra behind the bounds on it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

Vector = tuple[Fraction, ...]


def diagonal_run(y: Sequence[Fraction]) -> list[tuple[Fraction, Vector]]:
    """The flow of literal Muon from zero where the r diagonal entries are measured: (time, diagonal) at its events.

    A* res is diagonal, and its polar factor has the signs of the residual on the diagonal, zero where it vanishes.
    Followed from event to event, an event being a residual that vanishes; it ends where all do.
    """
    time, x = Fraction(0), (Fraction(0),) * len(y)
    events = [(time, x)]
    while any(a != b for a, b in zip(x, y, strict=True)):
        left = [a - b for a, b in zip(x, y, strict=True)]
        signs = [(v > 0) - (v < 0) for v in left]
        step = min(abs(v) for v in left if v)
        time, x = time + step, tuple(a - step * s for a, s in zip(x, signs, strict=True))
        events.append((time, x))
    return events


def state(events: Sequence[tuple[Fraction, Vector]], time: Fraction) -> Vector:
    """The diagonal at a time, on the line between two events."""
    for (t0, x0), (t1, x1) in pairwise(events):
        if t0 <= time <= t1:
            return tuple(a + (time - t0) / (t1 - t0) * (b - a) for a, b in zip(x0, x1, strict=True))
    return events[-1][1]


def norm_squares(sigma: Sequence[Any]) -> tuple[Any, Any]:
    """N^2 - |W|_F^2 and r |W|_F^2 - N^2 of a spectrum."""
    total, squares = sum(sigma), sum(s * s for s in sigma)
    return total * total - squares, len(sigma) * squares - total * total


def polar_pair(t: Any, a: Any, b: Any, c: Any) -> tuple[Any, Any, Any]:
    """(M, Q, H) with M = Q H: the rotation by 2 arctan t and H = [[a, b], [b, c]], in rational functions."""
    import sympy

    Q = sympy.Matrix([[1 - t * t, -2 * t], [2 * t, 1 - t * t]]) / (1 + t * t)
    H = sympy.Matrix([[a, b], [b, c]])
    return Q * H, Q, H


def unseen(X: Any) -> Any:
    """P_perp on the W of X W = Y, for X of full row rank: from a basis B of the null space, B (B^T B)^{-1} B^T."""
    import sympy

    basis = sympy.Matrix.hstack(*X.nullspace())
    return (basis * (basis.T * basis).inv() * basis.T).applyfunc(sympy.cancel)
