"""POL-X1: the self-polar flow goes to an interpolant of least nuclear norm, in finite time where that is sharp."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.streams import stream
from labs.polar_flow.diagonal_model import diagonal_flow
from labs.polar_flow.interpolants import certified_interpolant
from labs.polar_flow.literal import descend
from labs.polar_flow.operators import Operator, diagonal
from labs.polar_flow.self_polar import self_polar_flow
from labs.polar_flow.sliding import nuclear_norm_bound
from tests.polar_flow.flows import EXAMPLE, LINES, Diagonal, kernel_of, operator_of
from tests.referee import check, control, verifies
from theory.evidence import EPS, Evidence, certified, exact, measured, require
from theory.polar_flow import POL_X1_a, POL_X1_b, POL_X1_c

# Kind, shape, share of the measurements.
INSTANCES = (
    ("regression", 6, 4, 0.5),
    ("gaussian", 6, 6, 0.3),
    ("gaussian", 6, 6, 0.6),
    ("gaussian", 6, 4, 0.8),
    ("mask", 6, 6, 0.5),
    ("mask", 5, 7, 0.6),
    ("rank-one", 6, 5, 0.5),
    ("diagonal", 5, 5, 0.5),
)
Case = tuple[str, int, int, float]


def instance(case: Case, *cell: int) -> tuple[Operator, np.ndarray]:
    kind, m, n, share = case
    W0 = stream("polar flow: limits", *case, *cell).standard_normal((m, n))
    return operator_of(kind, m, n, share, "limits", *cell), W0 * np.eye(m) if kind == "diagonal" else W0


def flow_to(time: float, operator: Operator, W0: np.ndarray) -> np.ndarray:
    """The flow at this time, by 200 implicit steps."""
    return self_polar_flow(
        operator, W0, np.array([time]), "proximal", step=time / 200, tolerance=1e-9
    ).states[-1]


def muon_to(time: float, operator: Operator, W0: np.ndarray) -> np.ndarray:
    """Muon from the same start to the same measurements of another matrix: it too ends near an interpolant."""
    steps = 0.05 * np.cos(0.5 * np.pi * np.linspace(0.0, 1.0, 400)) ** 2
    return descend(operator, operator.apply(W0), 1e-3 * W0, steps, momentum=0.9).W


# --- the limit ---------------------------------------------------------------------------------------------------


@check(POL_X1_a)
def ends_at_the_minimum(case: Case, follow: Any, *cell: int, time: float = 400.0) -> Evidence:
    """The nuclear norm at the end of a run, moved to the nearest interpolant, against a dual of the optimum."""
    operator, W0 = instance(case, *cell)
    y = operator.apply(W0)
    W = operator.corrected(follow(time, operator, W0), y)
    best = certified_interpolant(operator, y)
    L = np.asarray(best.dual)
    upper, lower = (float(np.linalg.svd(W, compute_uv=False).sum()), float(np.sum(W * L)))
    rounding = 1e3 * EPS
    defects = [
        np.linalg.norm(operator.apply(W) - y) - rounding * np.linalg.norm(y),
        np.linalg.norm(operator.perp(L)) - rounding * np.linalg.norm(L),
        np.linalg.norm(L, 2) - 1 - rounding,
    ]
    # What counts as there.  The bound that holds for every convex function, D^2/(2t), is 0.1 at this time.
    tolerance = 1e-4 * upper
    return certified(
        upper, lower, tolerance, defects=defects, refutation=(upper, float(best.upper) + tolerance)
    )


@check(POL_X1_a)
def end_certifies_itself(case: Case, time: float = 400.0) -> Evidence:
    """The bound that the selected subgradient at the end gives, without any other solver."""
    operator, W0 = instance(case)
    end = flow_to(time, operator, W0)
    upper = float(np.linalg.svd(end, compute_uv=False).sum())
    lower = float(nuclear_norm_bound(operator, end, rtol=1e-3))
    # Values that are still below 1e-3 of the largest count as zeros, and cost the bound as much.
    return certified(upper, lower, 1e-3 * upper)


@verifies(POL_X1_a)
@pytest.mark.parametrize("case", INSTANCES, ids=str)
def test_the_flow_ends_at_the_minimum(case: Case) -> None:
    ends_at_the_minimum(case, flow_to)


@verifies(POL_X1_a)
def test_the_end_of_the_flow_certifies_itself() -> None:
    for case in (INSTANCES[0], INSTANCES[3], INSTANCES[7]):
        end_certifies_itself(case)


@pytest.mark.long
@verifies(POL_X1_a)
@pytest.mark.parametrize("case", INSTANCES, ids=str)
def test_many_flows_end_at_the_minimum(case: Case) -> None:
    for cell in range(1, 7):
        ends_at_the_minimum(case, flow_to, cell)


@control(POL_X1_a, changes="the self-polar flow -> literal Muon")
def test_muon_does_not_end_at_the_minimum() -> None:
    ends_at_the_minimum(INSTANCES[2], muon_to)
    ends_at_the_minimum(INSTANCES[4], muon_to)


# --- finite time -------------------------------------------------------------------------------------------------


@check(POL_X1_b)
def arrives_in_time(example: Diagonal, factor: Fraction = Fraction(1)) -> Evidence:
    """T <= D/c, squared: x0 - x_* = z k, and N rises from x_* by at least `slope` a unit of k: T slope <= |z| k.k."""
    events = diagonal_flow(example.B, example.x0).events
    k, limit = kernel_of(example), events[-1].state
    require(len(example.B) == len(example.x0) - 1, "sharp")
    slopes = []
    for sign in (1, -1):
        leaving = [sign * v * (-1 if x < 0 else 1) if x else abs(v) for x, v in zip(limit, k, strict=True)]
        slopes.append(sum(leaving, Fraction(0)))
    require(min(slopes) > 0, "sharp")
    i = next(i for i, v in enumerate(k) if v)
    z = abs((events[0].state[i] - limit[i]) / k[i])
    square = sum((v * v for v in k), Fraction(0))
    return exact(events[-1].time * min(slopes), factor * z * square, "<=")


@verifies(POL_X1_b)
@pytest.mark.parametrize("example", LINES, ids=str)
def test_the_flow_arrives_in_time(example: Diagonal) -> None:
    arrives_in_time(example)


@control(POL_X1_b, sharpens="dist/c -> 0.99 dist/c")
def test_the_time_of_arrival_is_sharp() -> None:
    arrives_in_time(EXAMPLE, Fraction(99, 100))


# --- how near by when --------------------------------------------------------------------------------------------


@check(POL_X1_c)
def gap_by_the_time(operator: Operator, W0: np.ndarray, time: float, within: float = 5e-3) -> Evidence:
    require(operator.kind != "diagonal", "random measurements")
    value = np.linalg.svd(flow_to(time, operator, W0), compute_uv=False).sum()
    lower = certified_interpolant(operator, operator.apply(W0)).lower
    return measured(value / lower - 1, within, 0.0, "<=", margin=within)


@verifies(POL_X1_c)
@pytest.mark.parametrize("case", INSTANCES[3:6:2], ids=str)
def test_gaps_are_small_by_time_twelve(case: Case) -> None:
    for time in (12.0, 20.0):
        gap_by_the_time(*instance(case, 1), time)


@pytest.mark.long
@verifies(POL_X1_c)
@pytest.mark.parametrize("case", INSTANCES[:-1], ids=str)
def test_gaps_of_every_kind_are_small_by_time_twelve(case: Case) -> None:
    for cell in (1, 2, 3):
        gap_by_the_time(*instance(case, cell), 12.0)


@control(POL_X1_c, changes="eta t = 12 -> 1")
def test_gaps_are_large_early() -> None:
    gap_by_the_time(*instance(INSTANCES[1], 1), 1.0)


@control(POL_X1_c, drops="random measurements")
def test_gaps_may_last() -> None:
    """ker A = span diag(11, -10): the sum of the values falls at 1/221, from 21 at t = 0 to 211/11 at t = 4420/11."""
    events = diagonal_flow(((10, 11),), (20, 1)).events
    assert [(e.time, sum(e.state)) for e in events] == [(0, 21), (Fraction(4420, 11), Fraction(211, 11))]
    gap_by_the_time(diagonal(np.array([[10.0, 11.0]])), np.diag([20.0, 1.0]), 20.0)
