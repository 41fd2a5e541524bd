"""The diagonal model, in rational numbers: W = diag(x), B x = b, dx/dt = -eta Pi s with s in sign(x).

Pi = I - pinv(B) B projects on ker B.  The selection s is sign(x_i) where x_i != 0, and elsewhere in [-1, 1] such
that |Pi s| is least: the flow is the l1 shadow of the self-polar flow, piecewise linear, and ends after finitely
many events at an x of least sum |x_i|.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from numbers import Rational

Vector = tuple[Fraction, ...]
Rows = tuple[Vector, ...]

# 3^6 faces of a box are quickly tried.
MOST_ZEROS = 6


@dataclass(frozen=True)
class DiagonalEvent:
    """A time at which the velocity changes: the state there, and velocity and selection from there on."""

    time: Fraction
    state: Vector
    velocity: Vector
    selection: Vector


@dataclass(frozen=True)
class DiagonalFlow:
    """The whole flow: its events, the first at time 0, the last where it comes to rest."""

    events: tuple[DiagonalEvent, ...]

    def at(self, time: Rational | int) -> Vector:
        """The state at `time` >= 0.  Raises ValueError for another time."""
        moment = _fraction("time", time)
        if moment < 0:
            raise ValueError(f"time must be at least 0, got {moment}")
        last = max((event for event in self.events if event.time <= moment), key=lambda event: event.time)
        return _moved(last.state, last.velocity, moment - last.time)


def diagonal_flow(
    B: Sequence[Sequence[Rational | int]], x0: Sequence[Rational | int], *, eta: Rational | int = 1
) -> DiagonalFlow:
    """The flow from x0 under the constraints B x = B x0, in exact rational numbers.

        dx/dt = -eta Pi s,   s = argmin {|Pi s| : s_i = sign(x_i) if x_i != 0, |s_i| <= 1 else}

    B    rows of r integers or Fractions each, linearly independent; no row: no constraint
    x0   r integers or Fractions
    eta  a positive rate

    The speed decreases strictly from event to event (asserted here, exactly).  Cost: r^3 operations on fractions per
    event, times up to 3^z where z entries are zero.  Raises ValueError for floats, bad shapes, dependent rows, and
    where more than MOST_ZEROS entries vanish at once.  Source: derived here, from the gradient flow of sum |x_i|.
    """
    x = tuple(_fraction("x0", value) for value in x0)
    rows = tuple(tuple(_fraction("B", value) for value in row) for row in B)
    rate = _fraction("eta", eta)
    if not x or any(len(row) != len(x) for row in rows):
        lengths = sorted({len(row) for row in rows})
        raise ValueError(f"B must be rows of as many numbers as x0 has, {len(x)}, got rows of {lengths}")
    if rate <= 0:
        raise ValueError(f"eta must be positive, got {eta}")
    Pi = projector(rows, len(x))
    events: list[DiagonalEvent] = []
    time = Fraction(0)
    while True:
        s = selection(Pi, x)
        velocity = tuple(-rate * value for value in _times(Pi, s))
        if events and _squares(velocity) >= _squares(events[-1].velocity):
            raise RuntimeError(f"the speed did not decrease at t = {time}, x = {x}")
        events.append(DiagonalEvent(time, x, velocity, s))
        waits = [-value / slope for value, slope in zip(x, velocity, strict=True) if value * slope < 0]
        if not waits:  # only a flow at rest never meets a zero: sum |x_i| falls at a constant rate
            return DiagonalFlow(tuple(events))
        time += min(waits)
        x = _moved(x, velocity, min(waits))


def selection(Pi: Rows, x: Vector) -> Vector:
    """The s of least |Pi s| with s_i = sign(x_i) where x_i != 0 and |s_i| <= 1 elsewhere.

    Face by face of the box, until one has a stationary point inside at which no coordinate wants to leave its bound:
    convexity makes it the minimum.  A face on which it is not unique is skipped: it meets a smaller one.
    """
    zeros = [i for i, value in enumerate(x) if value == 0]
    if len(zeros) > MOST_ZEROS:
        raise ValueError(f"x must have at most {MOST_ZEROS} zeros at one time, got {len(zeros)}")
    for face in sorted(product((0, 1, -1), repeat=len(zeros)), key=lambda bounds: sum(map(abs, bounds))):
        s = [Fraction((value > 0) - (value < 0)) for value in x]
        for i, bound in zip(zeros, face, strict=True):
            s[i] = Fraction(bound)
        free = [i for i, bound in zip(zeros, face, strict=True) if bound == 0]
        pull = _times(Pi, s)
        inner = _solved([[Pi[i][j] for j in free] for i in free], [-pull[i] for i in free])
        if inner is None or any(abs(value) > 1 for value in inner):
            continue
        for i, value in zip(free, inner, strict=True):
            s[i] = value
        pull = _times(Pi, s)
        if all(bound * pull[i] <= 0 for i, bound in zip(zeros, face, strict=True)):
            return tuple(s)
    raise RuntimeError(f"no face of the box holds the least selection at x = {x}")


def projector(rows: Rows, r: int) -> Rows:
    """Pi = I - B^T (B B^T)^{-1} B for independent rows of r fractions; no rows: the identity."""
    gram = [[_dot(a, b) for b in rows] for a in rows]
    columns = []
    for j in range(r):
        inner = _solved(gram, [row[j] for row in rows])
        if inner is None:
            raise ValueError(f"B must have linearly independent rows, got {len(rows)} that are not")
        columns.append([Fraction(i == j) - _dot(inner, [row[i] for row in rows]) for i in range(r)])
    return tuple(map(tuple, zip(*columns, strict=True)))


def _solved(matrix: Sequence[Sequence[Fraction]], right: Sequence[Fraction]) -> list[Fraction] | None:
    """The solution of a square linear system (Gauss and Jordan); None where the matrix is singular."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for k in range(len(rows)):
        pivot = next((i for i in range(k, len(rows)) if rows[i][k] != 0), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [value / rows[k][k] for value in rows[k]]
        for i, row in enumerate(rows):
            if i != k and row[k] != 0:
                rows[i] = [value - row[k] * top for value, top in zip(row, rows[k], strict=True)]
    return [row[-1] for row in rows]


def _dot(a: Sequence[Fraction], b: Sequence[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def _times(matrix: Rows, vector: Sequence[Fraction]) -> Vector:
    return tuple(_dot(row, vector) for row in matrix)


def _moved(x: Vector, velocity: Vector, span: Fraction) -> Vector:
    return tuple(value + span * slope for value, slope in zip(x, velocity, strict=True))


def _squares(vector: Vector) -> Fraction:
    return _dot(vector, vector)


def _fraction(name: str, value: object) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, Rational):
        raise ValueError(f"{name} must be made of integers or Fractions, got {value!r}")
    return Fraction(
        int(value.numerator), int(value.denominator)
    )  # NumPy's integers stay no integers of NumPy
