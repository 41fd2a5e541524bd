"""POL-X1': the 2 x 2 example in rational numbers; and the exact flow of the diagonal model, as a program."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from labs.core.streams import stream
from labs.polar_flow.diagonal_model import diagonal_flow, projector, selection
from labs.polar_flow.operators import diagonal
from labs.polar_flow.self_polar import self_polar_flow
from labs.polar_flow.spreads import participation_slope
from tests.polar_flow.flows import DIAGONALS, EXAMPLE, Diagonal
from tests.referee import check, control, verifies
from theory.evidence import Evidence, every, exact, measured
from theory.polar_flow import POL_X1p_a, POL_X1p_b, POL_X1p_c, frames

FIFTH = Fraction(1, 5)


# --- the example -------------------------------------------------------------------------------------------------


@check(POL_X1p_a)
def path_of_the_example(last: Fraction = FIFTH) -> Evidence:
    """labs' flow, at rational times, is (2 - 2t/5, 1 + t/5); flat at 5/3; theory's -Pi (1, 1) is its velocity."""
    import sympy

    flow = diagonal_flow(EXAMPLE.B, EXAMPLE.x0)
    evidence = []
    for t in (Fraction(0), Fraction(1, 3), Fraction(5, 3), Fraction(4), Fraction(5)):
        x = flow.at(t)
        evidence += [exact(x[0], 2 - 2 * FIFTH * t), exact(x[1], 1 + last * t)]
    t = sympy.Symbol("t", positive=True)
    velocity = -frames.kernel_projector(sympy.Matrix(EXAMPLE.B)) * sympy.ones(2, 1)
    at = [x + v * t for x, v in zip(EXAMPLE.x0, velocity, strict=True)]
    flat = sympy.solve(sympy.Eq(at[0], at[1]), t)
    evidence += [
        exact(len(flat), 1),
        exact(flat[0], Fraction(5, 3)),
        exact(at[0].subs(t, flat[0]), Fraction(4, 3)),
    ]
    return every(
        *evidence, *(exact(x, y) for x, y in zip(flow.at(Fraction(5, 3)), [Fraction(4, 3)] * 2, strict=True))
    )


@check(POL_X1p_a)
def computed_path_of_the_example(method: str, error: float, last: float = 0.2) -> Evidence:
    """The flow of 2 x 2 matrices, through the equal singular values, by a method with this error."""
    times = np.array([0.0, 1.0, 5 / 3, 3.0, 4.9])
    flow = self_polar_flow(diagonal(np.array([[1.0, 2.0]])), np.diag([2.0, 1.0]), times, method)
    expected = np.stack([np.diag([2 - 0.4 * t, 1 + last * t]) for t in times])
    return measured(flow.states, expected, error)


@verifies(POL_X1p_a)
def test_the_example_passes_through_flatness() -> None:
    path_of_the_example()
    # The path is a straight line, which steps of any method follow; they end at tolerances of 1e-9.
    computed_path_of_the_example("explicit", 1e-8)
    computed_path_of_the_example("proximal", 1e-8)


@control(POL_X1p_a, changes="1 + t/5 -> 1 + t/4")
def test_the_example_has_this_slope() -> None:
    path_of_the_example(last=Fraction(1, 4))
    computed_path_of_the_example("explicit", 1e-8, last=0.25)


@check(POL_X1p_b)
def end_of_the_example(s: tuple[Fraction, Fraction]) -> Evidence:
    """diag(0, 2) at rest under the subgradient s: labs' selection is s, Pi s = 0; N = 3 -> 2 at t = 5.

    And |Pi (0, 1)|^2 = 1/5: the speed of the polar factor.
    """
    import sympy

    last = diagonal_flow(EXAMPLE.B, EXAMPLE.x0).events[-1]
    Pi = frames.kernel_projector(sympy.Matrix(EXAMPLE.B))
    pulled, canonical = Pi * sympy.Matrix(s), Pi * sympy.Matrix([0, 1])
    evidence = [exact(x, y) for x, y in zip(last.selection, s, strict=True)]
    evidence += [exact(p, -v) for p, v in zip(pulled, last.velocity, strict=True)]
    facts = (
        (last.time, 5),
        (last.state[0], 0),
        (last.state[1], 2),
        (sum(EXAMPLE.x0), 3),
        (sum(last.state), 2),
        (canonical.dot(canonical), FIFTH),
    )
    return every(*evidence, *(exact(a, b) for a, b in facts), *(exact(v, 0) for v in last.velocity))


@verifies(POL_X1p_b)
def test_the_example_ends_at_rank_one() -> None:
    end_of_the_example((Fraction(1, 2), Fraction(1)))


@control(POL_X1p_b, changes="the selection (1/2, 1) -> the polar factor (0, 1)")
def test_the_polar_factor_would_move_on() -> None:
    end_of_the_example((Fraction(0), Fraction(1)))


def test_the_polar_factor_would_move_at_one_over_root_five() -> None:
    """The speed that a code without the selection has at t = 5, along (2/5, -1/5)."""
    Pi = projector(((Fraction(1), Fraction(2)),), 2)
    velocity = [-(row[1]) for row in Pi]
    assert velocity == [Fraction(2, 5), Fraction(-1, 5)]
    assert sum(v * v for v in velocity) == Fraction(1, 5)


@check(POL_X1p_c)
def criterion_for_every_spread(sign: int) -> Evidence:
    """sum alpha_i q_i = q_1 (2 sigma_2 + sigma_1)/(5 sigma_2) where sum sigma_i q_i = 0, which also gives
    q_1 (sigma_1 + sigma_2) = sigma_2 (q_1 - q_2): opposite in sign to sigma_1 - sigma_2 for strictly Schur-concave
    spreads."""
    import sympy

    q1, (s1, s2) = sympy.Symbol("q1", real=True), sympy.symbols("s1:3", positive=True)
    q2 = -q1 * s1 / s2
    alpha = frames.kernel_projector(sympy.Matrix(EXAMPLE.B)) * sympy.ones(2, 1)
    return every(
        exact(alpha[0] * q1 + sign * alpha[1] * q2, q1 * (2 * s2 + s1) / (5 * s2)),
        exact(q1 * (s1 + s2), s2 * (q1 - q2)),
    )


@check(POL_X1p_c)
def criterion_for_participation(holds_before: Fraction) -> Evidence:
    """With labs' slope of the participation, along the path: negative up to the time given, positive after it."""
    flow = diagonal_flow(EXAMPLE.B, EXAMPLE.x0)
    alpha = [-v for v in flow.events[0].velocity]
    evidence = []
    for k in range(1, 50):
        t = Fraction(k, 10)
        x = flow.at(t)
        total, squares = sum(x), sum(v * v for v in x)
        value = sum(a * participation_slope(v, total, squares) for a, v in zip(alpha, x, strict=True))
        evidence.append(exact(value, 0, "<" if t < holds_before else ">"))
    return every(*evidence)


@verifies(POL_X1p_c)
def test_the_criterion_holds_up_to_flatness() -> None:
    criterion_for_every_spread(1)
    criterion_for_participation(Fraction(5, 3))


@control(POL_X1p_c, changes="5/3 -> 2; alpha_2 -> -alpha_2")
def test_the_criterion_fails_after_flatness() -> None:
    criterion_for_every_spread(-1)
    criterion_for_participation(Fraction(2))


# --- the program -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("example", DIAGONALS, ids=str)
def test_the_flow_ends_at_the_least_sum(example: Diagonal) -> None:
    last = diagonal_flow(example.B, example.x0).events[-1]
    B, x0 = np.array(example.B, dtype=float).reshape(-1, len(example.x0)), np.array(example.x0, dtype=float)
    least = linprog(np.ones(2 * len(x0)), A_eq=np.hstack([B, -B]), b_eq=B @ x0, bounds=(0, None)).fun
    assert float(sum(map(abs, last.state))) == pytest.approx(least, abs=1e-9)
    assert not any(last.velocity)


def test_events_of_many_small_flows() -> None:
    """Speeds fall strictly, entries are released, signs change: all are met."""
    drawn = stream("diagonal flow: small integers")
    released = crossed = 0
    for _ in range(60):
        r = int(drawn.integers(2, 5))
        B = drawn.integers(-3, 4, (int(drawn.integers(1, r)), r)).tolist()
        x0 = drawn.integers(-4, 5, r).tolist()
        if np.linalg.matrix_rank(np.array(B)) < len(B):
            continue
        events = diagonal_flow(B, x0).events
        squares = [sum(v * v for v in event.velocity) for event in events]
        assert all(a > b for a, b in pairwise(squares))
        for before, after in pairwise(events):
            for x, v, w in zip(after.state, before.velocity, after.velocity, strict=True):
                released += x == 0 and v == 0 and w != 0
                crossed += x == 0 and v != 0 and w != 0
    for example in DIAGONALS[5:7]:
        events = diagonal_flow(example.B, example.x0).events
        for before, after in pairwise(events):
            for x, v, w in zip(after.state, before.velocity, after.velocity, strict=True):
                released += x == 0 and v == 0 and w != 0
                crossed += x == 0 and v != 0 and w != 0
    assert released
    assert crossed


def test_the_rate_rescales_time() -> None:
    slow, fast = (diagonal_flow(EXAMPLE.B, EXAMPLE.x0, eta=eta) for eta in (1, Fraction(7, 2)))
    assert [e.time for e in fast.events] == [e.time / Fraction(7, 2) for e in slow.events]
    assert slow.at(Fraction(7, 2)) == fast.at(1)


def test_integers_of_numpy_are_integers() -> None:
    B: Any = np.array([[1, 2]])
    x0: Any = np.array([2, 1])
    assert diagonal_flow(B, x0) == diagonal_flow([[1, 2]], [2, 1])


def test_the_least_selection_meets_the_conditions_of_its_box() -> None:
    """-Pi s points out of the box, or along it: for starts with two zeros."""
    Pi = projector(((Fraction(1), Fraction(2), Fraction(-1), Fraction(1)),), 4)
    for x in ((0, 0, 1, 2), (0, 3, 0, -1), (0, 0, 0, 1), (0, 0, 0, 0)):
        s = selection(Pi, tuple(map(Fraction, x)))
        pulled = [sum(p * v for p, v in zip(row, s, strict=True)) for row in Pi]
        for value, sign, pull in zip(x, s, pulled, strict=True):
            if value:
                assert sign == (1 if value > 0 else -1)
            else:
                assert abs(sign) <= 1
                assert pull == 0 if abs(sign) < 1 else pull * sign <= 0


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (([[1, 2.0]], [2, 1]), "B"),
        (([[1, 2]], [2.0, 1]), "x0"),
        (([[1, 2, 3]], [2, 1]), "B"),
        (([[1, 2], [2, 4]], [2, 1]), "B"),
        (([[1, 2]], []), "B"),
        (([[1] * 8], [0] * 8), "x"),
    ],
)
def test_bad_input(arguments: Any, name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must .*got "):
        diagonal_flow(*arguments)
    with pytest.raises(ValueError, match=r"^eta must .*got "):
        diagonal_flow([[1, 2]], [2, 1], eta=0)
    with pytest.raises(ValueError, match=r"^time must .*got "):
        diagonal_flow([[1, 2]], [2, 1]).at(-1)
