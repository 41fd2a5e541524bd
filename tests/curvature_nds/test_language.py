"""Training the language model: its steps are those of the formulas, and every look sees the step that is taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labs.core.networks import NGram
from labs.core.streams import stream
from labs.curvature_nds.language import Point, schedule, train_and_look

NETWORK = NGram(6, 3, (4, 7), context=2)
STEPS = 5
PLAIN: dict[str, Any] = {"warm_up": 0, "decay": 0.0}


def start() -> dict[str, np.ndarray]:
    return NETWORK.initial(stream("test language: start"))


def batch(step: int) -> tuple[np.ndarray]:
    return (stream("test language: batch", step).integers(0, 6, (9, 3)),)


def looks(
    optimiser: str, rate: Any = 0.1, **options: Any
) -> tuple[list[Point], np.ndarray, dict[str, np.ndarray]]:
    """Every point of a run, its losses, and where it ends."""
    seen: list[Point] = []
    losses, end = train_and_look(
        NETWORK,
        start(),
        batch,
        STEPS,
        optimiser,
        np.asarray(rate, dtype=float),
        look=seen.append,
        at=range(STEPS),
        **(PLAIN | options),
    )
    return seen, losses, end


def gradients(points: list[Point]) -> list[dict[str, np.ndarray]]:
    return [NETWORK.loss_and_gradient(point.parameters, *point.data)[1] for point in points]


def test_the_schedule() -> None:
    found = [schedule(step, 10, warm_up=4, decay=0.3) for step in range(10)]
    np.testing.assert_allclose(found, [0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 2 / 3, 1 / 3], rtol=1e-14)
    np.testing.assert_allclose([schedule(step, 1000) for step in (0, 99, 699, 850)], [0.01, 1, 1, 0.5])
    assert schedule(0, 10, warm_up=0, decay=0.0) == schedule(9, 10, warm_up=0, decay=0.0) == 1.0


def test_adam_by_hand() -> None:
    points, _, _ = looks("adam", 0.1)
    first: dict[str, Any] = {}
    second: dict[str, Any] = {}
    for t, (point, g) in enumerate(zip(points, gradients(points), strict=True), start=1):
        first = {k: 0.9 * first.get(k, 0.0) + 0.1 * x for k, x in g.items()}
        second = {k: 0.95 * second.get(k, 0.0) + 0.05 * x * x for k, x in g.items()}
        for k in g:
            m, v = first[k] / (1 - 0.9**t), second[k] / (1 - 0.95**t)
            np.testing.assert_allclose(point.updates["adam"][k], 0.1 * m / (np.sqrt(v) + 1e-8), rtol=1e-12)


@pytest.mark.parametrize("optimiser", ["muon", "muon-heavy-ball"])
def test_muon_by_hand(optimiser: str) -> None:
    points, _, _ = looks(optimiser, 0.1)
    buffer: dict[str, Any] = {}
    for point, g in zip(points, gradients(points), strict=True):
        for k in ("weight1", "weight2"):
            buffer[k] = 0.95 * buffer.get(k, 0.0) + g[k]
            ahead = 0.95 * buffer[k] + g[k] if optimiser == "muon" else buffer[k]
            u, _, vt = np.linalg.svd(ahead, full_matrices=False)
            expected = 0.1 * 0.2 * max(ahead.shape) ** 0.5 * u @ vt
            np.testing.assert_allclose(point.updates[optimiser][k], expected, atol=1e-12)
            # Root mean square 0.2 eta of an entry.
            assert np.sqrt(np.mean(expected**2)) == pytest.approx(0.02)
    adam, _, _ = looks("adam", 0.1)
    for k in ("embedding", "unembedding"):
        np.testing.assert_array_equal(points[0].updates[optimiser][k], adam[0].updates["adam"][k])


@pytest.mark.parametrize("optimiser", ["adam", "muon", "muon-heavy-ball"])
def test_every_look_sees_the_step_that_is_taken(optimiser: str) -> None:
    points, losses, end = looks(optimiser, 0.1, warm_up=2, decay=0.5)
    ends = [*(point.parameters for point in points[1:]), end]
    assert [point.step for point in points] == list(range(STEPS))
    for k, x in start().items():
        np.testing.assert_array_equal(points[0].parameters[k], x)
    for point, after, loss in zip(points, ends, losses, strict=True):
        np.testing.assert_array_equal(point.data[0], batch(point.step)[0])
        assert loss == NETWORK.loss(point.parameters, *point.data)
        for k, x in point.parameters.items():
            np.testing.assert_array_equal(after[k], x - point.updates[optimiser][k])
    shares = [schedule(step, STEPS, 2, 0.5) for step in range(STEPS)]
    constant, _, _ = looks(optimiser, 0.1)
    np.testing.assert_allclose(
        points[0].updates[optimiser]["weight1"], shares[0] * constant[0].updates[optimiser]["weight1"]
    )


def test_the_other_optimiser_is_fed_with_the_same_gradients() -> None:
    """Its first step is the one it would take itself; later ones use the gradients of the run."""
    adam, _, _ = looks("adam", 0.1, others=("muon", "adam"))
    muon, _, _ = looks("muon", 0.1)
    assert set(adam[0].updates) == {"adam", "muon"}
    np.testing.assert_array_equal(adam[0].updates["muon"]["weight1"], muon[0].updates["muon"]["weight1"])
    buffer: Any = 0.0
    for point, g in zip(adam, gradients(adam), strict=True):
        buffer = 0.95 * buffer + g["weight2"]
        u, _, vt = np.linalg.svd(0.95 * buffer + g["weight2"], full_matrices=False)
        np.testing.assert_allclose(point.updates["muon"]["weight2"], 0.02 * 7**0.5 * u @ vt, atol=1e-12)
    for k in ("embedding", "unembedding"):
        np.testing.assert_array_equal(adam[-1].updates["muon"][k], adam[-1].updates["adam"][k])


def test_runs_side_by_side_are_runs_alone() -> None:
    """Sums over samples in another order: 1e-15 a step, which few steps of size 0.1 do not amplify much."""
    _, losses, end = looks("muon", [[0.05], [0.1]])
    assert losses.shape == (2, 1, STEPS)
    for i, rate in enumerate((0.05, 0.1)):
        _, alone, last = looks("muon", rate)
        np.testing.assert_allclose(losses[i, 0], alone, rtol=1e-12)
        np.testing.assert_allclose(end["weight1"][i, 0], last["weight1"], atol=1e-12)


def test_a_run_beyond_the_ceiling_stays() -> None:
    _, losses, end = looks("adam", [0.1, 10.0], ceiling=3.0)
    assert np.all(np.isfinite(losses))
    over = int(np.argmax(losses[1] > 3.0))
    assert losses[1, over] > 3.0
    points, _, _ = looks("adam", [0.1, 10.0], ceiling=3.0)
    np.testing.assert_array_equal(points[-1].parameters["weight1"][1], end["weight1"][1])
    assert np.any(points[-1].parameters["weight1"][0] != end["weight1"][0])
    # The loss is about ln 6 = 1.8 at the start.
    _, _, end = looks("adam", 0.1, ceiling=1.0)
    for k, x in start().items():
        np.testing.assert_array_equal(end[k], x)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"optimiser": "sgd"}, "optimiser must"),
        ({"others": ("lion",)}, "optimiser must"),
        ({"steps": 0}, "steps must"),
        ({"steps": True}, "steps must"),
        ({"rate": np.array([0.1, 0.0])}, "rate must"),
        ({"rate": 0.1}, "rate must"),
        ({"steps": 2.0}, "steps must"),
        ({"warm_up": -1}, "warm_up must"),
        ({"decay": 2.0}, "decay must"),
        ({"decay": np.nan}, "decay must"),
        ({"parameters": {}}, "parameters must"),
    ],
)
def test_bad_arguments(arguments: dict, message: str) -> None:
    good = {"parameters": start(), "batch": batch, "steps": 1, "optimiser": "adam", "rate": np.array(0.1)}
    with pytest.raises(ValueError, match=message):
        train_and_look(NETWORK, **(good | arguments))
