"""The self-polar flow as a program: its methods agree, its events are where they are, edges, bad input, backends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labs.core import arrays
from labs.core.streams import stream
from labs.polar_flow._proximal import proximal_step
from labs.polar_flow.diagonal_model import diagonal_flow
from labs.polar_flow.ensembles import gaussian_sensing
from labs.polar_flow.operators import diagonal, mask_sensing, regression
from labs.polar_flow.self_polar import METHODS, FlowEvent, self_polar_flow
from labs.polar_flow.sliding import sliding_velocity
from labs.polar_flow.spreads import decay, spread
from tests.polar_flow.flows import DIAGONALS, EXAMPLE, KINDS, TIMES, Diagonal, followed


def happened(events: tuple[FlowEvent, ...]) -> list[str]:
    return [event.kind for event in events]


@pytest.mark.parametrize("kind", ["regression", "mask", "rank-one"])
def test_explicit_and_proximal_flow_agree(kind: str) -> None:
    """Within the first-order error of the proximal steps: |W'|^2 h, and Richardson's value between them."""
    explicit, proximal = followed(kind), followed(kind, "proximal")
    size = float(np.linalg.norm(explicit.W0))
    np.testing.assert_allclose(explicit.flow.states, proximal.flow.states, atol=2e-2 * size)
    found = self_polar_flow(explicit.operator, explicit.W0, TIMES, "proximal", step=0.05, tolerance=1e-7)
    refined = 2 * proximal.flow.states - found.states
    first_order = float(np.abs(proximal.flow.states - found.states).max())
    assert np.abs(explicit.flow.states - refined).max() < 0.2 * first_order + 1e-6 * size


@pytest.mark.parametrize("example", DIAGONALS[:-1], ids=str)
def test_events_of_the_explicit_flow_are_those_of_the_exact_one(example: Diagonal) -> None:
    """Times, and states; in the diagonal model, whose events come from rational arithmetic."""
    exact = diagonal_flow(example.B, example.x0)
    times = np.array([float(event.time) for event in exact.events] + [float(exact.events[-1].time) + 1.0])
    operator = diagonal(np.array(example.B, dtype=float))
    W0 = np.diag(np.array(example.x0, dtype=float))
    flow = self_polar_flow(operator, W0, times)
    # An event comes when the value is 1e-8 of the largest, and an Euler step of 1e-6 leaves from it.
    error = 1e-5 * np.abs(W0).max()
    for event, W in zip(exact.events, flow.states, strict=False):
        np.testing.assert_allclose(np.diagonal(W), np.array(event.state, dtype=float), atol=error)
    found = [event.time for event in flow.events if event.kind != "stationary"]
    assert all(np.min(np.abs(times - t)) < error for t in found)
    assert all(np.min(np.abs(np.array(found) - t)) < error for t in times[1:-1])
    assert flow.events[-1].kind == "stationary"


def test_an_entry_is_released_and_one_crosses() -> None:
    for example, kind in ((DIAGONALS[5], "release"), (DIAGONALS[6], "crossing")):
        operator = diagonal(np.array(example.B, dtype=float))
        flow = self_polar_flow(operator, np.diag(np.array(example.x0, dtype=float)), np.array([20.0]))
        assert kind in happened(flow.events)
        last = diagonal_flow(example.B, example.x0).events[-1].state
        np.testing.assert_allclose(np.diagonal(flow.states[-1]), np.array(last, dtype=float), atol=1e-4)


def test_a_value_is_let_go_where_the_norm_reaches_one() -> None:
    """Long after it came to zero, and while nothing else happens: |N|_op grows to 1 and ends the piece."""
    drawn = stream("polar flow: late release", 2, 2, 2, 35)
    operator, W0 = gaussian_sensing(2, (2, 2), drawn), drawn.standard_normal((2, 2))
    times = np.array([1.2, 1.4, 1.5, 2.5])
    flow = self_polar_flow(operator, W0, times, tolerance=1e-7)
    assert happened(flow.events) == ["rank drop", "release"]
    drop, release = flow.events
    assert drop.time < 1.2
    assert 1.5 < release.time < 1.6
    assert release.norm == pytest.approx(1.0, abs=1e-5)
    # What the steps leave of a value that is zero is less than 1e-5 of the others.
    norms = [float(sliding_velocity(operator, W, rtol=1e-5).norm) for W in flow.states[:3]]
    assert drop.norm < norms[0] < norms[1] < norms[2] < 1.0
    assert flow.spectra[2, -1] < 1e-6 < 0.1 < flow.spectra[3, -1]
    slow = self_polar_flow(operator, W0, times, "proximal", step=0.02)
    np.testing.assert_allclose(flow.states, slow.states, atol=0.02)  # the step, and speeds of at most 1.4


def test_invariants_are_small() -> None:
    for kind in KINDS:
        found = followed(kind)
        size = np.linalg.norm(found.W0)
        names = {"affine residual", "nuclear norm increase", "energy defect", "speed increase"}
        if kind == "regression":
            names |= {"singular value increase", "singular value deficit"}
            names |= {"column space defect", "distance excess"}
        assert set(found.flow.invariants) == names
        for name, value in found.flow.invariants.items():
            assert 0.0 <= value < 1e-5 * size, name


def test_the_energy_defect_of_a_proximal_flow_is_of_first_order() -> None:
    found = followed("gaussian")
    coarse, fine = (
        self_polar_flow(found.operator, found.W0, TIMES, "proximal", step=step, tolerance=1e-7).invariants[
            "energy defect"
        ]
        for step in (0.1, 0.05)
    )
    assert 1.5 < coarse / fine < 2.5


def test_the_rate_rescales_time() -> None:
    found = followed("gaussian")
    fast = self_polar_flow(found.operator, found.W0, TIMES / 3.0, eta=3.0)
    np.testing.assert_allclose(fast.states, found.flow.states, atol=1e-9)
    np.testing.assert_allclose(
        [event.time for event in fast.events], [event.time / 3.0 for event in found.flow.events], rtol=1e-9
    )


def test_a_batch_is_a_loop_over_its_items() -> None:
    """Items of different ranks, with their own events."""
    found = followed("gaussian")
    drawn = stream("polar flow: batch").standard_normal(found.W0.shape)
    stack = np.stack([found.W0, found.W0 + found.operator.perp(drawn), found.flow.states[-1]])
    together = self_polar_flow(found.operator, stack, TIMES[:9])
    for item, W0 in enumerate(stack):
        alone = self_polar_flow(found.operator, W0, TIMES[:9])
        np.testing.assert_allclose(together.states[item], alone.states, atol=1e-6)
        assert happened(alone.events) == [e.kind for e in together.events if e.item == item]
    together = self_polar_flow(found.operator, stack, TIMES[:3], "smooth", eps=0.1, tolerance=1e-6)
    alone = self_polar_flow(found.operator, stack[1], TIMES[:3], "smooth", eps=0.1, tolerance=1e-6)
    np.testing.assert_allclose(together.states[1], alone.states, atol=1e-12)
    np.testing.assert_allclose(
        together.invariants["energy defect"][1], alone.invariants["energy defect"], atol=1e-12
    )


def test_monitors_are_noted() -> None:
    """The sign of sum alpha_i q_i along the 2 x 2 example changes at t = 5/3, where the spectrum is flat."""
    operator = diagonal(np.array([[1.0, 2.0]]))

    def criterion(W: np.ndarray) -> np.ndarray:
        sigma, alpha = decay(operator, W)
        return np.sum(alpha * spread(sigma, "entropy")[1], axis=-1)

    flow = self_polar_flow(
        operator, np.diag([2.0, 1.0]), np.linspace(0.0, 4.0, 5), monitors={"criterion": criterion}
    )
    (event,) = flow.events
    assert event.kind == "criterion"
    assert event.time == pytest.approx(5 / 3, abs=1e-6)


def test_edges() -> None:
    """Nothing measured: all values fall at rate eta; everything measured: nothing moves; zero stays zero."""
    W0 = np.diag([3.0, 2.0, 0.5])
    nothing, everything = (mask_sensing(np.full((3, 3), value)) for value in (False, True))
    times = np.array([0.0, 1.0, 2.5, 4.0])
    for method, error in (("explicit", 1e-6), ("proximal", 1e-6)):
        flow = self_polar_flow(nothing, W0, times, method)
        np.testing.assert_allclose(
            flow.spectra, np.maximum(np.diagonal(W0) - times[:, None], 0.0), atol=error
        )
        np.testing.assert_allclose(self_polar_flow(everything, W0, times, method).states[-1], W0, atol=error)
        still = self_polar_flow(nothing, np.zeros((3, 3)), times, method)
        np.testing.assert_array_equal(still.states, 0.0)
    column = mask_sensing(np.zeros((2, 1), dtype=bool))
    row = self_polar_flow(column, np.array([[3.0], [4.0]]), np.array([1.0, 6.0]))
    np.testing.assert_allclose(row.states[0].ravel(), [2.4, 3.2], atol=1e-7)
    np.testing.assert_allclose(row.states[1], 0.0, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_flow_of_no_time_stays_where_it_is(method: str) -> None:
    W0 = np.diag([2.0, 1.0])
    flow = self_polar_flow(diagonal(np.array([[1.0, 2.0]])), W0, np.zeros(2), method)
    np.testing.assert_allclose(flow.states, np.stack([W0, W0]), atol=1e-15)
    assert all(float(value) == 0.0 for value in flow.invariants.values())
    assert flow.events == ()


def test_exact_multiplicities_do_no_harm() -> None:
    operator = regression(stream("polar flow: multiplicities").standard_normal((2, 4)))
    W0 = np.eye(4, 3)
    flow = self_polar_flow(operator, W0, np.linspace(0.0, 3.0, 7))
    assert np.all(np.isfinite(flow.states))
    assert float(flow.invariants["energy defect"]) < 1e-5


def test_energy_is_counted_while_a_value_leaves_zero() -> None:
    """N(W0) - N(W(t)) = (1/eta) int |W'|^2 through two rank drops and a release, where steps are implicit."""
    draw = stream("figure: rank events", 6, 6, 20, 15)
    operator = gaussian_sensing(20, (6, 6), draw)
    W0 = draw.standard_normal((6, 6))
    flow = self_polar_flow(operator, W0, np.array([0.0, 2.0, 3.0]), tolerance=1e-7)
    assert [event.kind for event in flow.events] == ["rank drop", "rank drop", "release"]
    # Each of the three events costs 1e-7 |W0|, |W0| = 6, in W, and N changes by at most sqrt(6) times that.
    assert float(flow.invariants["energy defect"]) < 3 * 6**0.5 * 6e-7


def test_the_array_libraries_agree_through_an_event() -> None:
    """Sliding too, in the standard's own library on its second device."""
    strict = arrays.backend("strict")
    B, W0, times = np.array([[1.0, 2.0]]), np.diag([2.0, 1.0]), np.array([4.0, 6.0])
    for method in METHODS:
        options: dict[str, Any] = {"eps": 0.2, "step": 0.5, "tolerance": 1e-5}
        here = self_polar_flow(diagonal(B), W0, times, method, **options)
        there = self_polar_flow(
            diagonal(strict.asarray(B)), strict.asarray(W0), strict.asarray(times), method, **options
        )
        np.testing.assert_allclose(strict.to_numpy(there.states), here.states, atol=1e-6)
        assert happened(there.events) == happened(here.events)


def test_an_impossible_tolerance_is_told() -> None:
    operator, W = regression(stream("polar flow: hopeless").standard_normal((2, 4))), np.eye(4, 3)
    with pytest.raises(RuntimeError, match="did not converge"):
        proximal_step(operator, W, operator.parallel(W), 1.0, 0.0 * W, 1e-30, most=50)


def test_the_example_flows_as_it_does() -> None:
    """EXAMPLE: one event, at 5, where it comes to rest at rank one with |N|_op = 1/2."""
    operator = diagonal(np.array(EXAMPLE.B, dtype=float))
    flow = self_polar_flow(operator, np.diag([2.0, 1.0]), np.array([6.0]))
    assert happened(flow.events) == ["rank drop", "stationary"]
    assert flow.events[0].time == pytest.approx(5.0, abs=1e-6)
    assert flow.events[0].rank == 1
    assert flow.events[0].norm == pytest.approx(0.5, abs=1e-9)
