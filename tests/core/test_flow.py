"""Batched ODE integration: the table is derived, the answer right, items mind their own steps, zeros are found."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest

from labs.core import flow
from labs.core.flow import FINISHED, STOPPED, TOO_MANY, TOO_SMALL, Event, integrate

TIMES = np.linspace(0.0, 4.0, 17)


# --- the table ---------------------------------------------------------------------------------------------------


def rational(x: float) -> Fraction:
    """The fraction that a coefficient is meant to be."""
    return Fraction(x).limit_denominator(10**11)


def solved(unknowns: list[Any], equations: list[Any]) -> dict[Any, Any]:
    import sympy

    (solution,) = sympy.linsolve(equations, unknowns)
    return dict(zip(unknowns, solution, strict=True))


@cache
def derived() -> tuple[list[Any], list[list[Any]], list[Any]]:
    """Nodes, stages and weights of the method from its nodes 3/10, 4/5, 8/9 (Hairer, Norsett, Wanner, II.5).

    Quadrature of order 5; stage order 2, and 3 from the third stage on; sum_i b_i a_ij = b_j (1 - c_j); and for the
    second stage, which has order 1 alone, sum_i b_i c_i a_i2 = 0.  All are linear, one after the other.
    """
    import sympy

    c = [sympy.Rational(x) for x in ("0", "1/5", "3/10", "4/5", "8/9", "1")]
    assert c[1] == 2 * c[2] / 3  # stage order 3 of the third stage
    b = list(sympy.symbols("b0:6"))
    quadrature = [sum(b[i] * c[i] ** (k - 1) for i in range(6)) - sympy.Rational(1, k) for k in range(1, 6)]
    weights = [solved(b, [*quadrature, b[1]])[x] for x in b]
    a = [[sympy.Symbol(f"a{i}{j}") for j in range(i)] for i in range(6)]
    unknown = [x for row in a for x in row]
    equations = [sum(a[i]) - c[i] for i in range(1, 6)]
    equations += [sum(a[i][j] * c[j] for j in range(i)) - c[i] ** 2 / 2 for i in range(2, 6)]
    equations += [sum(a[i][j] * c[j] ** 2 for j in range(i)) - c[i] ** 3 / 3 for i in range(2, 6)]
    equations += [
        sum(weights[i] * a[i][j] for i in range(j + 1, 6)) - weights[j] * (1 - c[j]) for j in range(1, 6)
    ]
    equations.append(sum(weights[i] * c[i] * a[i][1] for i in range(2, 6)))
    stages = solved(unknown, equations)
    return [*c, sympy.Integer(1)], [[stages[x] for x in row] for row in a] + [weights], weights


def test_stages_are_determined_by_three_nodes() -> None:
    nodes, stages, _ = derived()
    assert [rational(x) for x in flow.NODES] == nodes
    assert [[rational(x) for x in row] for row in flow.STAGES] == stages


def conditions_of_order_four(weights: list[Any], theta: Any = 1) -> list[Any]:
    """Of weights of the seven stages: 0 where the combination is theta + ... of order 4 (the trees up to order 4).

    With stage order 3 but for the second stage, they are quadrature and the weights on what depends on that stage.
    """
    nodes, stages, _ = derived()
    rows = [*stages[:6], stages[6]]
    conditions = [
        sum(w * x ** (k - 1) for w, x in zip(weights, nodes, strict=True)) - theta**k / k for k in range(1, 5)
    ]
    second = sum(w * (row[1] if len(row) > 1 else 0) for w, row in zip(weights, rows, strict=True))
    return [*conditions, second, weights[1]]


def test_the_error_estimate_is_a_difference_to_order_four() -> None:
    """Determined up to its size, which the weight -1/40 of the last stage sets."""
    _, _, weights = derived()
    error = [rational(x) for x in flow.ERROR]
    lower = [w - e for w, e in zip([*weights, 0], error, strict=True)]
    assert conditions_of_order_four(lower) == [0] * 6
    assert error[-1] == Fraction(-1, 40)


def test_the_interpolant_is_of_order_four() -> None:
    """Cubic through both ends, plus theta^2 (1 - theta)^2 times the bow: identically in theta; and as published."""
    import sympy
    from scipy.integrate import RK45

    theta = sympy.Symbol("theta")
    _, _, weights = derived()
    b = [*weights, sympy.Integer(0)]
    start = [sympy.Integer(i == 0) for i in range(7)]
    end = [sympy.Integer(i == 6) for i in range(7)]
    # The published fractions satisfy their conditions to rounding: they are compared as numbers.
    ours = []
    for w, f0, f1, bow in zip(b, start, end, flow.BOW, strict=True):
        cubic = theta**2 * (3 - 2 * theta) * w + theta * (1 - theta) ** 2 * f0 - theta**2 * (1 - theta) * f1
        ours.append(sympy.Poly(cubic + theta**2 * (1 - theta) ** 2 * sympy.Float(bow, 17), theta))
    for condition in conditions_of_order_four([poly.as_expr() for poly in ours], theta):
        coefficients = sympy.Poly(sympy.expand(condition), theta).all_coeffs()
        assert max(abs(float(x)) for x in coefficients) < 1e-13
    for poly, row in zip(ours, RK45.P, strict=True):
        published = [0.0, *row]
        np.testing.assert_allclose(
            [float(poly.coeff_monomial(theta**k)) for k in range(5)], published, atol=1e-13
        )


# --- the answer --------------------------------------------------------------------------------------------------

FREQUENCIES = np.linspace(1.0, 3.0, 5)


def oscillator(t: Any, y: Any) -> Any:
    return np.stack([y[..., 1], -(FREQUENCIES**2) * y[..., 0]], axis=-1)


def start_of_oscillators() -> np.ndarray:
    return np.tile([1.0, 0.0], (5, 1))


@pytest.mark.parametrize("rtol", [1e-5, 1e-8])
def test_states_at_the_times_asked_for(rtol: float) -> None:
    run = integrate(oscillator, start_of_oscillators(), TIMES, rtol=rtol, atol=rtol)
    exact = np.cos(FREQUENCIES[:, None] * TIMES)
    assert np.all(run.status == FINISHED)
    assert np.all(run.reached == TIMES[-1])
    # Errors of the steps add up over at most 12 radians, times the frequency.
    np.testing.assert_allclose(run.states[..., 0], exact, atol=100 * rtol)
    assert np.all(np.abs(run.states[..., 0] - exact) <= run.local_error[:, None])
    np.testing.assert_array_equal(run.states[:, -1], run.last)
    np.testing.assert_array_equal(run.states[:, 0], start_of_oscillators())


def test_the_order_is_five() -> None:
    """Steps of one length, given by `limit`: the error falls 32-fold where the step is halved."""
    errors = []
    for h in (0.1, 0.05):

        def limit(t: Any, y: Any, slope: Any, longest: float = h) -> Any:
            return np.full_like(t, longest)

        run = integrate(
            lambda t, y: y * np.cos(t)[..., None],
            np.ones((1, 1)),
            np.array([0.0, 4.0]),
            rtol=1.0,
            atol=1.0,
            limit=limit,
        )
        errors.append(abs(run.last[0, 0] - np.exp(np.sin(4.0))))
    assert 20 < errors[0] / errors[1] < 50


def test_an_item_depends_on_no_other() -> None:
    together = integrate(lambda t, y: -y * y * y, np.array([[1.0], [5.0], [0.01]]), TIMES)
    for i, y0 in enumerate((1.0, 5.0, 0.01)):
        alone = integrate(lambda t, y: -y * y * y, np.array([[y0]]), TIMES)
        np.testing.assert_array_equal(together.states[i], alone.states[0])
        assert together.steps[i] == alone.steps[0]
    assert len(set(together.steps.tolist())) == 3


def test_matrices_and_no_batch() -> None:
    A = np.array([[0.0, 1.0], [-1.0, 0.0]])
    run = integrate(lambda t, Y: A @ Y, np.eye(2), np.array([0.0, np.pi / 2, np.pi]), axes=2)
    assert run.states.shape == (3, 2, 2)
    np.testing.assert_allclose(run.states[1], A, atol=1e-7)
    np.testing.assert_allclose(run.last, -np.eye(2), atol=1e-7)


def test_items_may_begin_late() -> None:
    begin = np.array([0.0, 1.0, 10.0])
    run = integrate(lambda t, y: 1.0 + 0.0 * y, np.zeros((3, 1)), np.array([0.5, 1.5, 2.0]), begin=begin)
    np.testing.assert_allclose(
        run.states[..., 0], [[0.5, 1.5, 2.0], [0.0, 0.5, 1.0], [0.0, 0.0, 0.0]], atol=1e-12
    )
    assert run.steps[2] == 0


def test_tolerances_of_the_items() -> None:
    run = integrate(
        oscillator, start_of_oscillators(), TIMES, rtol=np.array([1e-3, 1e-4, 1e-5, 1e-6, 1e-7]), atol=1e-12
    )
    assert np.all(np.diff(run.steps) > 0)


def test_projection_keeps_an_invariant() -> None:
    def back(y: np.ndarray) -> np.ndarray:
        return y / np.linalg.norm(y, axis=-1, keepdims=True)

    free, kept = (
        integrate(
            lambda t, y: np.stack([y[..., 1], -y[..., 0]], -1),
            np.array([[1.0, 0.0]]),
            TIMES,
            rtol=1e-4,
            project=p,
        )
        for p in (None, back)
    )
    assert abs(np.linalg.norm(free.last) - 1) > 1e-9
    assert abs(np.linalg.norm(kept.last) - 1) < 1e-15


# --- events ------------------------------------------------------------------------------------------------------


def test_zeros_are_found_in_order() -> None:
    run = integrate(
        oscillator,
        start_of_oscillators(),
        np.array([0.0, 12.0]),
        events=[Event(lambda t, y: y[..., 0]), Event(lambda t, y: y[..., 0], direction=1)],
        room=3,
    )
    zeros = (np.arange(3) + 0.5) * np.pi / FREQUENCIES[:, None]
    np.testing.assert_allclose(run.event_times[:, 0], zeros, atol=1e-6)
    np.testing.assert_allclose(run.event_times[:, 1, 0], zeros[:, 1], atol=1e-6)
    np.testing.assert_array_equal(run.event_counts[:, 0], np.floor(12.0 * FREQUENCIES / np.pi + 0.5))


def test_a_terminal_event_stops_its_item_alone() -> None:
    run = integrate(
        lambda t, y: -y,
        np.array([[2.0], [1.0], [0.5]]),
        TIMES,
        events=[Event(lambda t, y: y[..., 0] - 0.75, terminal=True), Event(lambda t, y: t - 3.0)],
    )
    assert run.status.tolist() == [STOPPED, STOPPED, FINISHED]
    np.testing.assert_allclose(run.reached[:2], np.log([2 / 0.75, 1 / 0.75]), atol=1e-8)
    np.testing.assert_allclose(run.last[:2], 0.75, atol=1e-12)
    np.testing.assert_array_equal(run.states[0, run.reached[0] < TIMES], run.last[:1].repeat(13, axis=0))
    assert np.isinf(run.event_times[:2, 1]).all()
    assert run.event_times[2, 1, 0] == pytest.approx(3.0, abs=1e-12)


def test_an_event_at_the_start_is_none() -> None:
    event = Event(lambda t, y: y[..., 0] - 1.0, terminal=True)
    run = integrate(lambda t, y: -y, np.ones((1, 1)), TIMES, events=[event])
    assert run.status.tolist() == [FINISHED]


# --- failure -----------------------------------------------------------------------------------------------------


def test_what_did_not_go_well_is_said_per_item() -> None:
    """y' = y^2 from 1 blows up at t = 1; from -1 it does not."""
    with np.errstate(over="ignore", invalid="ignore"):
        run = integrate(lambda t, y: y * y, np.array([[1.0], [-1.0]]), np.array([0.0, 2.0]), rtol=1e-3)
    assert run.status.tolist() == [TOO_SMALL, FINISHED]
    assert run.reached[0] == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(run.last[1], -1 / 3, rtol=1e-2)
    few = integrate(oscillator, start_of_oscillators(), TIMES, most_steps=5)
    assert np.all(few.status == TOO_MANY)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"start": np.ones((2, 0))}, "start"),
        ({"start": np.full((5, 2), np.nan)}, "start"),
        ({"times": np.array([1.0, 0.0])}, "times"),
        ({"times": np.array([])}, "times"),
        ({"rtol": -1.0}, "rtol"),
        ({"atol": 0.0}, "atol"),
        ({"rtol": np.full(3, 1e-3)}, "rtol"),
        ({"begin": np.full(5, np.nan)}, "begin"),
        ({"begin": np.zeros((5, 1))}, "begin"),
        ({"axes": -1}, "axes"),
        ({"room": 2.0}, "room"),
        ({"most_steps": True}, "most_steps"),
    ],
)
def test_bad_input(change: dict[str, Any], name: str) -> None:
    arguments: dict[str, Any] = {"start": start_of_oscillators(), "times": TIMES} | change
    with pytest.raises(ValueError, match=rf"^{name} must .*got "):
        integrate(oscillator, **arguments)
