"""POL-T1ii': what the self-polar flow spends, that it slows down, and that no two flows move apart."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from labs.core.streams import stream
from labs.polar_flow.diagonal_model import DiagonalFlow, diagonal_flow
from labs.polar_flow.self_polar import self_polar_flow
from tests.polar_flow.flows import (
    DIAGONALS,
    EXAMPLE,
    KINDS,
    TIMES,
    Diagonal,
    followed,
    kernel_projector,
)
from tests.referee import check, control, verifies
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.polar_flow import POL_T1iip_a, POL_T1iip_b, POL_T1iip_c, POL_T1iip_d, POL_T1iip_e, frames

Vector = tuple[Fraction, ...]


def dot(a: Vector, b: Vector) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def nuclear(x: Vector) -> Fraction:
    return sum(map(abs, x), Fraction(0))


def moments_of(*flows: DiagonalFlow) -> list[Fraction]:
    """The times of all events, and one after the last."""
    times = sorted({event.time for flow in flows for event in flow.events})
    return [*times, times[-1] + 1]


def velocity_at(flow: DiagonalFlow, t: Fraction) -> Vector:
    return max((e for e in flow.events if e.time <= t), key=lambda e: e.time).velocity


# --- value, squared norm, speed ----------------------------------------------------------------------------------


@check(POL_T1iip_a)
def value_falls_at_the_squared_speed(example: Diagonal, factor: int = 1) -> Evidence:
    """N falls by the squared speed times the span, from event to event, exactly."""
    events = diagonal_flow(example.B, example.x0).events
    return every(
        *(
            exact(
                nuclear(a.state) - nuclear(b.state), factor * dot(a.velocity, a.velocity) * (b.time - a.time)
            )
            for a, b in pairwise(events)
        )
    )


@check(POL_T1iip_a)
def decay_adds_up_to_the_squared_speed(one: bool) -> Evidence:
    """sum alpha_i = |Pi P|^2 for all rational frames, 2 x 2: all kernels of dimension 1, or one of codimension 1."""
    import sympy

    t = sympy.symbols("t1:3", positive=True)
    U, V = (frames.orthogonal([x], 2) for x in t)
    k = sympy.Matrix([sympy.symbols("k1:5", positive=True) if one else [1, 2, -1, 3]])
    Pi = frames.kernel_projector(k)
    if one:
        Pi = sympy.eye(4) - Pi
    pulled = Pi * sum(frames.units(U, V)[1:], frames.units(U, V)[0])
    return exact(sum(frames.decay(U, V, Pi)), (pulled.T * pulled)[0])


@check(POL_T1iip_a)
def energy_balance(kind: str, eta: float = 1.0) -> Evidence:
    """N(W0) - N(W(t)) - integral |W'|^2 along a computed flow; N does not grow; wrong for another eta."""
    found = followed(kind)
    spectra = found.flow.spectra.sum(axis=-1)
    start = float(np.linalg.svd(found.W0, compute_uv=False).sum())
    spent = start - spectra[-1]
    defect = float(found.flow.invariants["energy defect"]) + abs(eta - 1.0) * spent
    # An event moves the state by about 1e-7 |W0|, and each changes the sum of the singular values by as much.
    limit = 1e-6 * start * (1 + len(found.flow.events))
    return every(
        measured(defect, 0.0, limit), measured(found.flow.invariants["nuclear norm increase"], 0.0, limit)
    )


@check(POL_T1iip_a)
def slope_of_the_value(example: Diagonal, sign: int = 1) -> Evidence:
    """<P(W), W'> = -|Pi P(W)|^2 <= 0 along W' = -Pi P(sign W), at a start without zeros; Pi is theory's."""
    import sympy

    Pi, s = kernel_projector(example), sympy.Matrix([1 if x > 0 else -1 for x in example.x0])
    slope, pulled = -sign * (s.T * Pi * s)[0], Pi * s
    return every(exact(slope, -(pulled.T * pulled)[0]), exact(slope, 0, "<="))


@verifies(POL_T1iip_a)
def test_value_falls_at_the_squared_speed() -> None:
    for example in DIAGONALS:
        value_falls_at_the_squared_speed(example)
    decay_adds_up_to_the_squared_speed(True)
    decay_adds_up_to_the_squared_speed(False)
    for kind in KINDS:
        energy_balance(kind)


@control(POL_T1iip_a, changes="eta -> 1.02 eta, |W'|^2 -> 2 |W'|^2")
def test_value_falls_no_faster() -> None:
    value_falls_at_the_squared_speed(EXAMPLE, factor=2)
    energy_balance("gaussian", eta=1.02)


@verifies(POL_T1iip_a)
def test_value_falls_along_the_polar_factor() -> None:
    for example in DIAGONALS:
        slope_of_the_value(example)


@control(POL_T1iip_a, changes="P(W) -> P(-W)")
def test_value_grows_along_the_polar_factor_of_the_opposite() -> None:
    for example in DIAGONALS:
        slope_of_the_value(example, sign=-1)


@check(POL_T1iip_b)
def squared_norm_for_all_kernels() -> Evidence:
    """<W, Pi P> = sum alpha_i sigma_i for every symmetric Pi, every spectrum, rational frames, 2 x 2."""
    import sympy

    t, s = sympy.symbols("t1:3", positive=True), sympy.symbols("s1:3", positive=True)
    U, V = (frames.orthogonal([x], 2) for x in t)
    Pi = sympy.Matrix(4, 4, lambda i, j: sympy.Symbol(f"p{min(i, j)}{max(i, j)}"))
    E = frames.units(U, V)
    W, P = s[0] * E[0] + s[1] * E[1], E[0] + E[1]
    alpha = frames.decay(U, V, Pi)
    return exact((W.T * Pi * P)[0], sum(a * x for a, x in zip(alpha, s, strict=True)))


@check(POL_T1iip_b)
def squared_norm_of_a_diagonal_flow(example: Diagonal, factor: int = 2) -> Evidence:
    """|x(t + h)|^2 - |x(t)|^2 = -2 h sum alpha_i |x_i| + h^2 |v|^2, on pieces where no entry is zero."""
    evidence = []
    for a, b in pairwise(diagonal_flow(example.B, example.x0).events):
        if 0 in a.state:
            continue
        h = (b.time - a.time) / 2
        alpha = [-v * s for v, s in zip(a.velocity, a.selection, strict=True)]
        moved = tuple(x + h * v for x, v in zip(a.state, a.velocity, strict=True))
        change = dot(moved, moved) - dot(a.state, a.state) - h**2 * dot(a.velocity, a.velocity)
        evidence.append(
            exact(change, -factor * h * sum(x * abs(y) for x, y in zip(alpha, a.state, strict=True)))
        )
    return every(*evidence)


@verifies(POL_T1iip_b)
def test_squared_norm() -> None:
    squared_norm_for_all_kernels()
    for example in DIAGONALS:
        squared_norm_of_a_diagonal_flow(example)


@control(POL_T1iip_b, changes="2 -> 1")
def test_squared_norm_has_its_factor() -> None:
    squared_norm_of_a_diagonal_flow(EXAMPLE, factor=1)


@check(POL_T1iip_c)
def speed_falls(example: Diagonal, reverse: bool = False) -> Evidence:
    """The squared speed from event to event, in rationals; reversed: along -x', the flow that polarises -W."""
    squares = [dot(e.velocity, e.velocity) for e in diagonal_flow(example.B, example.x0).events]
    pairs = pairwise(reversed(squares) if reverse else squares)
    return every(*(exact(after, before, "<=") for before, after in pairs))


@check(POL_T1iip_c)
def mean_speed_falls(kind: str) -> Evidence:
    """The root mean square speed over intervals of a computed flow, to the error of the events (as above)."""
    found = followed(kind)
    size = float(np.linalg.svd(found.W0, compute_uv=False).sum())
    spans = float(np.diff(TIMES).min())
    return measured(
        found.flow.invariants["speed increase"], 0.0, 1e-6 * size * (1 + len(found.flow.events)) / spans
    )


@verifies(POL_T1iip_c)
def test_the_flow_slows_down() -> None:
    for example in DIAGONALS:
        speed_falls(example)
    for kind in KINDS:
        mean_speed_falls(kind)


@control(POL_T1iip_c, changes="P(W) -> P(-W)")
def test_the_reversed_flow_speeds_up() -> None:
    for example in DIAGONALS:
        if len(diagonal_flow(example.B, example.x0).events) > 2:
            speed_falls(example, reverse=True)


# --- two flows ---------------------------------------------------------------------------------------------------


def shifted(example: Diagonal, by: int) -> Diagonal:
    """Another start with the same B x: moved in the kernel (the last events of the flow tell one such vector)."""
    events = diagonal_flow(example.B, example.x0).events
    kernel = [b - a for a, b in zip(events[0].state, events[-1].state, strict=True)]
    scale = Fraction(by, 1)
    return Diagonal(example.B, tuple(x - scale * v for x, v in zip(example.x0, kernel, strict=True)))


@check(POL_T1iip_d)
def distance_in_rationals(first: Diagonal, second: Diagonal) -> Evidence:
    """d|x - y|^2/dt = 2 <x - y, x' - y'> <= 0 at both ends of every piece; linear in between."""
    gaps = [sum(b * (x - y) for b, x, y in zip(row, first.x0, second.x0, strict=True)) for row in first.B]
    require(not any(gaps), "A2")
    flows = [diagonal_flow(example.B, example.x0) for example in (first, second)]
    evidence = []
    for start, end in pairwise(moments_of(*flows)):
        v = [velocity_at(flow, start) for flow in flows]
        slope = tuple(a - b for a, b in zip(*v, strict=True))
        for t in (start, end):
            apart = tuple(a - b for a, b in zip(*(flow.at(t) for flow in flows), strict=True))
            evidence.append(exact(dot(apart, slope), 0, "<="))
    return every(*evidence)


@check(POL_T1iip_d)
def distance_of_computed_flows(kind: str, other: np.ndarray) -> Evidence:
    """|W_1 - W_2|_F from time to time, to the error of the events."""
    found = followed(kind)
    missed = found.operator.apply(other) - found.operator.apply(found.W0)
    require(np.linalg.norm(missed) <= 1e-9 * np.linalg.norm(other), "A2")
    flow = self_polar_flow(found.operator, other, TIMES)
    apart = np.linalg.norm(flow.states - found.flow.states, axis=(-2, -1))
    events = len(flow.events) + len(found.flow.events)
    size = np.linalg.norm(other) + np.linalg.norm(found.W0)
    return measured(apart[1:], apart[:-1], 1e-6 * size * (1 + events), "<=", margin=1e-3)


def other_start(kind: str, parallel: float = 0.0) -> np.ndarray:
    found = followed(kind)
    drawn = stream("polar flow: second starts", kind).standard_normal(found.W0.shape)
    if kind == "diagonal":
        drawn = drawn * np.eye(len(drawn))
    return found.W0 + found.operator.perp(drawn) + parallel * found.operator.parallel(drawn)


@verifies(POL_T1iip_d)
def test_two_flows_do_not_move_apart() -> None:
    for example in DIAGONALS:
        for by in (1, -2):
            distance_in_rationals(example, shifted(example, by))
    for kind in ("regression", "gaussian", "mask"):
        distance_of_computed_flows(kind, other_start(kind))


@control(POL_T1iip_d, drops="A2")
def test_flows_with_other_measurements_may_move_apart() -> None:
    distance_in_rationals(Diagonal(((1, 2),), (2, 1)), Diagonal(((1, 2),), (-1, 1)))


# --- rates -------------------------------------------------------------------------------------------------------


@check(POL_T1iip_e)
def rates_in_rationals(
    example: Diagonal, value: Fraction, speed: Fraction, least: Vector | None = None
) -> Evidence:
    """2 t (N - N_*) <= value D^2 and t^2 |x'|^2 <= speed D^2 at ends and middles of pieces; |x - x_*| falls.

    least  x_*, any minimiser; the limit of the flow if not given
    """
    flow = diagonal_flow(example.B, example.x0)
    end = flow.events[-1].state
    limit = end if least is None else least
    evidence, last = [exact(nuclear(limit), nuclear(end))], None
    start = tuple(x - y for x, y in zip(flow.events[0].state, limit, strict=True))
    evidence += [exact(dot(tuple(map(Fraction, row)), start), 0) for row in example.B]
    D2 = dot(start, start)
    times = moments_of(flow)
    for t in sorted([*times, *((a + b) / 2 for a, b in pairwise(times))]):
        x = flow.at(t)
        apart = tuple(a - b for a, b in zip(x, limit, strict=True))
        # The speed just before t, which is the larger one; it is 0 after the end.
        v = velocity_at(flow, max((e.time for e in flow.events if e.time < t), default=Fraction(0)))
        evidence.append(exact(2 * t * (nuclear(x) - nuclear(limit)), value * D2, "<="))
        evidence.append(exact(t**2 * dot(v, v), speed * D2, "<="))
        if last is not None:
            evidence.append(exact(dot(apart, apart), last, "<="))
        last = dot(apart, apart)
    return every(*evidence)


@check(POL_T1iip_e)
def rates_of_computed_flows(kind: str, factor: float = 1.0) -> Evidence:
    """The same along a computed flow, with its own end in place of a minimiser."""
    found = followed(kind, "proximal")
    states, times = found.flow.states, found.flow.times
    ends = self_polar_flow(found.operator, found.W0, np.array([40.0]), "proximal", step=0.05, tolerance=1e-7)
    limit, values = ends.states[-1], found.flow.spectra.sum(axis=-1)
    apart = np.linalg.norm(states - limit, axis=(-2, -1))
    D2, size = apart[0] ** 2, float(values[0])
    error = 1e-4 * size  # of the limit: what is left at time 40, and the proximal steps (see test_limits)
    spans, moved = np.diff(times), np.linalg.norm(np.diff(states, axis=0), axis=(-2, -1))
    return every(
        # The mean speed over an interval is at most that at its start, and so at most D over that time.
        measured(moved * times[:-1], factor * np.sqrt(D2) * spans, error * times[-1], "<="),
        measured(2 * times * (values - ends.spectra[-1].sum()), factor * D2, error * times[-1], "<="),
        measured(apart[1:], apart[:-1], error, "<="),
    )


def cone_of_one_value(c: Any, D: Any, t: Any) -> Any:
    """N - N_* of the flow x' = -c at distance D - c t along a cone of slope c."""
    return c * (D - c * t)


@check(POL_T1iip_e)
def rate_on_a_cone(factor: Fraction) -> Evidence:
    """2 t c (D - c t) < factor D^2 for all slopes and times, D = 1 (it is homogeneous): u = c t in [0, 1]."""

    def room(u: Any) -> Any:
        return factor.numerator - 2 * factor.denominator * u * cone_of_one_value(1, 1, u)

    return enclosed(room, ">", box=[(0, 1)])


@verifies(POL_T1iip_e)
def test_rates() -> None:
    for example in DIAGONALS:
        rates_in_rationals(example, Fraction(1), Fraction(1))
    rate_on_a_cone(Fraction(1))


@verifies(POL_T1iip_e)
def test_rates_hold_for_every_minimiser() -> None:
    """A segment of minimisers, whose nearest point is not where the flow ends, and which it gets no further from."""
    example = Diagonal(((-2, 1, -2, -1),), (-1, -1, 1, -3))
    assert diagonal_flow(example.B, example.x0).events[-1].state == (Fraction(-1, 2), 0, Fraction(-1, 2), 0)
    for k in range(5):
        share = Fraction(k, 4)
        least = (-share, Fraction(0), share - 1, Fraction(0))
        rates_in_rationals(example, Fraction(1), Fraction(1), least)


@verifies(POL_T1iip_e)
@pytest.mark.parametrize(
    "kind", ["gaussian", *(pytest.param(kind, marks=pytest.mark.long) for kind in ("regression", "mask"))]
)
def test_rates_of_computed_flows(kind: str) -> None:
    rates_of_computed_flows(kind)


@control(POL_T1iip_e, sharpens="D^2/(2t) -> 0.98 D^2/(4t), D/t -> 0.99 D/t")
def test_rates_are_attained() -> None:
    """One value on its way to zero: N - N_* = D^2/(4t) half-way, |x'| = D/t at the end."""
    rates_in_rationals(Diagonal((), (1,)), Fraction(49, 100), Fraction(1))
    rates_in_rationals(Diagonal((), (1,)), Fraction(1), Fraction(98, 100))
    rate_on_a_cone(Fraction(49, 100))
