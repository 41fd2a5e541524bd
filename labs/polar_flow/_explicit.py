"""The self-polar flow in smooth pieces, by Runge-Kutta steps, with what happens between them.

On a piece the rank is constant and the field smooth: -P_perp (P(W) + N) with N of least norm, |N|_op < 1, which keeps
the zero singular values at zero.  Two events end a piece: the least singular value above zero has come down to the
floor, or |N|_op has come up to 1.  How it goes on is decided by the selection with the bound |N|_op <= 1.

Values that leave zero at once do so by one Euler step; others, slowly, by _release.py.  What is cut at an event moves
the state by a few FLOOR, and no later error is larger for it: the exact flow brings no two solutions further apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from labs.core.arrays import Array, array_namespace, device, to_numpy
from labs.core.flow import FINISHED, STOPPED, Event, Trajectory, integrate
from labs.polar_flow._linear import perpendicular
from labs.polar_flow._release import FlowEvent, Moving, follow_release
from labs.polar_flow._selection import Frame, selected, unbounded
from labs.polar_flow.operators import Operator

Monitor = Callable[[Array], Array]

# In units of the largest singular value at the start:
FLOOR = 1e-8  # a singular value that has come down to zero
ZERO = 1e-7  # what is cut then
STEP = 1e-6  # the Euler step by which singular values leave zero

HELD = 1e-6  # |N|_op from 1 - HELD on: this singular value may leave zero
LATE = 1e-7  # |N|_op = 1 + LATE: it has begun to
REST = 1e-9  # speed below which a state is at rest, per sqrt(min(m, n))


def explicit_flow(
    operator: Operator,
    W0: Array,
    times: Array,
    tolerance: float,
    monitors: Mapping[str, Monitor],
    most_pieces: int = 200,
) -> tuple[Array, Array, list[FlowEvent]]:
    """States (..., T, m, n) and integrals of |W'|^2 (..., T) at eta = 1, and the events; see `self_polar_flow`."""
    xp, (m, n) = array_namespace(W0), W0.shape[-2:]
    piece = _Piece(operator, W0, monitors)
    packed = xp.broadcast_to(piece.packed()[..., None, :], (*W0.shape[:-2], times.shape[0], m * n + 1))
    events: list[FlowEvent] = []
    unsettled = xp.ones(piece.t.shape, dtype=xp.bool, device=device(W0))
    for _ in range(most_pieces):
        slow, happened = piece.settle(unsettled)
        events += happened
        if bool(xp.any(slow)):
            packed, happened = piece.release(slow, times, packed)
            events += happened
            unsettled = slow
            continue
        run = piece.follow(times, tolerance)
        packed = xp.where((times > piece.t[..., None])[..., None], run.states, packed)
        events += piece.monitored(run)
        unsettled = run.status == STOPPED
        piece.take(run)
        if not bool(xp.any(unsettled)):
            break
    else:
        raise RuntimeError(f"the explicit flow was not over after {most_pieces} pieces")
    failed = run.status != FINISHED
    if bool(xp.any(failed)):
        items = [int(i) for i in to_numpy(xp.reshape(failed, (-1,))).nonzero()[0]]
        reached = float(xp.min(xp.where(failed, run.reached, times[-1])))
        raise RuntimeError(f"the explicit flow of items {items} did not get beyond t = {reached:.6g}")
    states = xp.reshape(packed[..., :-1], (*packed.shape[:-1], m, n))
    return states, packed[..., -1], sorted(events, key=lambda event: (event.item, event.time))


class _Piece:
    """Where the items are, at which rank, and the field that they follow from there."""

    def __init__(self, operator: Operator, W0: Array, monitors: Mapping[str, Monitor]) -> None:
        xp = self.xp = array_namespace(W0)
        self.operator, self.monitors, (self.m, self.n) = operator, monitors, W0.shape[-2:]
        self.r = min(self.m, self.n)
        s = xp.linalg.svdvals(W0)
        self.top, self.t = s[..., 0], 0.0 * s[..., 0]
        self.fixed = W0 - perpendicular(operator, W0)
        self.W, self.energy = W0, self.t
        self.rank = self._count(s, ZERO)
        self.resting = self.t > 0.0

    def _count(self, s: Array, floor: float) -> Array:
        """How many of the singular values s (..., r) exceed the floor."""
        return self.xp.sum(self.xp.astype(s > floor * self.top[..., None], self.xp.int64), axis=-1)

    def _first(self, count: Array) -> Array:
        """(..., r), true for the first `count` places."""
        places = self.xp.arange(self.r, dtype=self.xp.int64, device=device(self.W))
        return places < count[..., None]

    def _interpolating(self, W: Array) -> Array:
        return self.fixed + perpendicular(self.operator, W)

    # --- between pieces

    def settle(self, here: Array) -> tuple[Array, list[FlowEvent]]:
        """Decide how the items `here` go on: in which of them values leave zero slowly, and what happened."""
        xp, operator = self.xp, self.operator
        u, s, vt = xp.linalg.svd(self.W, full_matrices=False)
        # What lies beyond the present rank is zero, whatever the errors of the steps have left there.
        rank = xp.minimum(self._count(s, ZERO), self.rank)
        kept = self._first(rank)
        cut = self._interpolating((u * xp.where(kept, s, 0.0)[..., None, :]) @ vt)
        choice = selected(operator, u, vt, kept)
        speed = _norm(choice.velocity)
        rests = here & (speed <= REST * self.r**0.5)

        lengths = xp.linalg.svdvals(choice.normal)
        loose = (lengths >= 1.0 - HELD) & ~rests[..., None]
        lifted_rank = rank + xp.sum(xp.astype(loose, xp.int64), axis=-1)
        leaving = here & (lifted_rank > rank)
        wait = xp.where(leaving, STEP * self.top / xp.where(speed > 0.0, speed, 1.0), 0.0)
        moved = self._interpolating(cut + wait[..., None, None] * choice.velocity)
        # Above what the errors of the steps have left beyond the present rank, too.
        noise = xp.max(xp.where(kept, 0.0, xp.linalg.svdvals(cut)), axis=-1)
        clear = xp.linalg.svdvals(moved) > (ZERO * self.top + 2.0 * noise)[..., None]
        lifted = leaving & (xp.sum(xp.astype(clear, xp.int64), axis=-1) >= lifted_rank)
        wait = xp.where(lifted, wait, 0.0)

        before, time = self.rank, self.t
        new = xp.where(lifted[..., None, None], moved, cut)
        self.W = xp.where((here & (rank < self.r))[..., None, None], new, self.W)
        self.rank = xp.where(here, lifted_rank, self.rank)
        self.t, self.energy = self.t + wait, self.energy + wait * speed * speed
        self.resting = self.resting | rests
        happened = self._happenings(here, time, before, lifted_rank, rests, leaving, choice.norm)
        return leaving & ~lifted, happened

    def release(self, slow: Array, times: Array, packed: Array) -> tuple[Array, list[FlowEvent]]:
        """Take the items `slow` on until explicit steps can follow them; the outputs with what they pass, events."""
        start = Moving(self.W, self.t, self.energy, self.rank, packed)
        end, happened = follow_release(self.operator, self.fixed, self.top, start, times, slow)
        self.W, self.t, self.energy, self.rank = end.W, end.t, end.energy, end.rank
        return end.outputs, happened

    def _happenings(self, *columns: Array) -> list[FlowEvent]:
        rows = zip(*(to_numpy(self.xp.reshape(column, (-1,))) for column in columns), strict=True)
        found = []
        for item, (is_here, t, old, new, rests, leaves, length) in enumerate(rows):
            kind = "rank drop" if new < old else "release" if new > old else "crossing" if leaves else ""
            names = [kind] * bool(kind) + ["stationary"] * bool(rests)
            found += [FlowEvent(item, float(t), name, int(new), float(length)) for name in names if is_here]
        return found

    # --- one piece

    def packed(self) -> Array:
        """(..., m n + 1): the entries of W, and the energy."""
        flat = self.xp.reshape(self.W, (*self.W.shape[:-2], self.m * self.n))
        return self.xp.concat([flat, self.energy[..., None]], axis=-1)

    def _matrix(self, y: Array) -> Array:
        return self.xp.reshape(y[..., :-1], (*y.shape[:-1], self.m, self.n))

    def _pull(self, W: Array) -> tuple[Array, Array]:
        """The velocity at the present rank, and N."""
        xp, kept = self.xp, self._first(self.rank)
        u, _, vt = xp.linalg.svd(W, full_matrices=False)
        frame = Frame(u, vt, kept)
        factor = frame.polar()
        N = unbounded(self.operator, frame, factor) if self.sliding else 0.0 * factor
        return -perpendicular(self.operator, factor + N), N

    def follow(self, times: Array, tolerance: float) -> Trajectory:
        """All items to their next event."""
        xp = self.xp
        begin = xp.where(self.resting, times[-1] + 0.0 * self.t, self.t)
        self.sliding = bool(xp.any(self.rank < self.r))
        is_least = self._first(self.rank) & ~self._first(self.rank - 1)

        def field(t: Array, y: Array) -> Array:
            velocity, _ = self._pull(self._matrix(y))
            flat = xp.reshape(velocity, (*velocity.shape[:-2], self.m * self.n))
            return xp.concat([flat, xp.sum(flat * flat, axis=-1)[..., None]], axis=-1)

        def height(t: Array, y: Array) -> Array:
            """The least singular value above zero, above the floor."""
            s = xp.linalg.svdvals(self._matrix(y))
            least = xp.sum(xp.where(is_least, s, 0.0), axis=-1)
            return xp.where(self.rank > 0, least - FLOOR * self.top, 1.0)

        def room(t: Array, y: Array) -> Array:
            """How far |N|_op is below 1."""
            if not self.sliding:
                return 1.0 + 0.0 * t
            N = self._pull(self._matrix(y))[1]
            return 1.0 + LATE - xp.linalg.svdvals(N)[..., 0]

        def limit(t: Array, y: Array, slope: Array) -> Array:
            """No step takes the least singular value to zero: it falls no faster than the state moves."""
            u, s, vt = xp.linalg.svd(self._matrix(y), full_matrices=False)
            velocity = self._matrix(slope)
            rates = xp.sum((xp.matrix_transpose(u) @ velocity) * vt, axis=-1)
            rate, least = (xp.sum(xp.where(is_least, x, 0.0), axis=-1) for x in (rates, s))
            longest = xp.maximum(0.9 * least, 0.5 * FLOOR * self.top) / xp.maximum(_norm(velocity), REST)
            return xp.where(rate < 0.0, longest, xp.inf)

        def project(y: Array) -> Array:
            W = self._matrix(y)
            if self.sliding:
                u, s, vt = xp.linalg.svd(W, full_matrices=False)
                W = (u * xp.where(self._first(self.rank), s, 0.0)[..., None, :]) @ vt
            W = self._interpolating(W)
            flat = xp.reshape(W, (*W.shape[:-2], self.m * self.n))
            return xp.concat([flat, y[..., -1:]], axis=-1)

        def watched(monitor: Monitor) -> Event:
            return Event(lambda t, y: monitor(self._matrix(y)))

        return integrate(
            field,
            self.packed(),
            times,
            begin=begin,
            rtol=tolerance,
            atol=tolerance * self.top + 1e-300,  # a matrix of zeros stays
            events=[Event(height, True, -1), Event(room, True, -1), *map(watched, self.monitors.values())],
            room=16,
            limit=limit,
            project=project,
        )

    def monitored(self, run: Trajectory) -> list[FlowEvent]:
        """Zeros of the monitors."""
        if not self.monitors:
            return []
        xp, found = self.xp, []
        ranks = to_numpy(xp.reshape(self.rank, (-1,)))
        table = to_numpy(xp.reshape(run.event_times, (-1, *run.event_times.shape[-2:])))
        for item, (rank, rows) in enumerate(zip(ranks, table, strict=True)):
            for name, row in zip(self.monitors, rows[2:], strict=True):
                found += [FlowEvent(item, float(t), name, int(rank), 0.0) for t in row if t < float("inf")]
        return found

    def take(self, run: Trajectory) -> None:
        """Go to where the items came."""
        self.W, self.energy, self.t = self._matrix(run.last), run.last[..., -1], run.reached


def _norm(Z: Array) -> Array:
    xp = array_namespace(Z)
    return xp.sqrt(xp.sum(Z * Z, axis=(-2, -1)))
