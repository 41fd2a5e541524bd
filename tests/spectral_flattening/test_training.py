"""Training by one rule, and what its steps look like; SF-E1 and SF-E2 on a small perceptron, recorded."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any

import numpy as np
import pytest

from labs.core.networks import MLP, mixture
from labs.core.polar import msign
from labs.core.polar.newton_schulz import newton_schulz
from labs.core.polar.schedules import TUNED
from labs.core.streams import stream
from labs.spectral_flattening.dynamics import RULES
from labs.spectral_flattening.training import StepMeasures, train_matrices
from tests.referee import check, reports
from theory.evidence import Evidence, every, measured
from theory.spectral_flattening.dynamics import SF_E1, SF_E2

NETWORK = MLP((6, 8, 3), "relu")
DATA = mixture(60, 6, 3, stream("test training: matrices"))
START = NETWORK.initial(stream("test training: start of matrices"))


class Bowl:
    """f = <W, B W A>/2 + |b|^2/2: a network whose Hessian is known."""

    shapes = {"weight": (3, 4), "bias": (3,)}  # noqa: RUF012
    B = np.diag([3.0, 1.0, 0.5])
    A = np.diag([2.0, 1.0, 0.3, 0.1]) + 0.05

    def loss_and_gradient(self, parameters: dict[str, Any], *_: Any) -> tuple[Any, dict[str, Any]]:
        W, b = parameters["weight"], parameters["bias"]
        slope = self.B @ W @ self.A
        loss = np.sum(W * slope, axis=(-2, -1)) / 2 + np.sum(b * b, axis=-1) / 2
        return loss, {"weight": slope, "bias": b}


BOWL = {"weight": stream("test training: bowl").standard_normal((3, 4)), "bias": np.ones(3)}


def run(rule: str, rates: Any, steps: int = 20, **options: Any) -> Any:
    return train_matrices(NETWORK, START, lambda _: DATA, steps, rule, np.asarray(rates), **options)


def test_gradient_descent_is_heavy_ball_on_the_matrices_and_adam_on_the_rest() -> None:
    log = train_matrices(
        Bowl(), BOWL, lambda _: (), 3, "gd", np.asarray(0.1), momentum=0.5, checkpoints=range(3)
    )
    W, M = BOWL["weight"], 0.0
    kept = log.training.checkpoints
    for step in range(3):
        np.testing.assert_allclose(kept[step]["weight"], W, atol=1e-14)
        M = 0.5 * M + Bowl.B @ W @ Bowl.A
        W = W - 0.1 * M
    np.testing.assert_allclose(kept[3]["weight"], W, atol=1e-14)
    np.testing.assert_allclose(kept[1]["bias"], 1 - 0.01, rtol=1e-7)  # Adam's first step is its rate


def test_muon_moves_by_polar_factors() -> None:
    log = run("muon", (0.1,), steps=1, momentum=0.0)
    _, gradient = NETWORK.loss_and_gradient(START, *DATA)
    for name in ("weight1", "weight2"):
        moved = START[name] - log.training.checkpoints[1][name][0]
        np.testing.assert_allclose(moved, 0.1 * msign(gradient[name]), atol=1e-13)


@pytest.mark.parametrize("rule", RULES)
def test_every_run_of_a_batch_is_the_run_alone(rule: str) -> None:
    rates = (0.05, 0.003)
    together = run(rule, rates, checkpoints=(0, 10), measured=(5,))
    assert together.training.losses.shape == (2, 20)
    assert list(together.training.checkpoints) == [0, 10, 20]
    for i, rate in enumerate(rates):
        alone = run(rule, rate, measured=(5,))
        # Twenty steps of a map that is smooth but for kinks: rounding grows by a small factor a step.
        np.testing.assert_allclose(together.training.losses[i], alone.training.losses, rtol=1e-9)
        for name in ("weight1", "weight2"):
            for field in fields(StepMeasures):
                both = getattr(together.measures[5][name], field.name)
                single = getattr(alone.measures[5][name], field.name)
                # A central difference over 1e-4 keeps about eleven digits of the gradient.
                np.testing.assert_allclose(both[i], single, rtol=1e-6, atol=1e-8)
    assert together.training.losses[0, -1] < together.training.losses[0, 0]


def test_a_multiple_of_the_loss_is_a_multiple_of_the_rate_for_gd_and_nothing_for_muon() -> None:
    scaled, plain = run("gd", (0.02,), loss_scale=4.0), run("gd", (0.08,))
    np.testing.assert_allclose(scaled.training.losses, plain.training.losses, rtol=1e-5)  # Adam's epsilon
    scaled, plain = run("muon", (0.02,), loss_scale=4.0), run("muon", (0.02,))
    np.testing.assert_allclose(scaled.training.losses, plain.training.losses, rtol=1e-5)


@pytest.mark.parametrize("rule", ["muon", "muon-ns5", "gd"])
def test_measures_of_a_known_hessian(rule: str) -> None:
    small = {"weight": 0.1 * BOWL["weight"], "bias": BOWL["bias"]}  # so that |G|_F is below one
    log = train_matrices(Bowl(), small, lambda _: (), 1, rule, np.asarray(0.3), momentum=0.0, measured=(0,))
    found = log.measures[0]["weight"]
    G = Bowl.B @ small["weight"] @ Bowl.A
    X = {"muon": msign(G), "muon-ns5": newton_schulz(G, [TUNED] * 5), "gd": G}[rule]
    s, phi = np.linalg.svd(G, compute_uv=False), np.linalg.svd(X, compute_uv=False)
    curved, gain = np.sum(X * (Bowl.B @ X @ Bowl.A)), np.sum(G * X)
    expected = {
        "average": np.mean(s),
        "largest": s[0],
        "nuclear_rank": np.sum(s) ** 2 / np.sum(s**2),
        "stable_rank": np.sum(s**2) / s[0] ** 2,
        "spread": np.linalg.norm(s) / s[-1],
        "lowest": phi[-1],
        "highest": phi[0],
        "alignment": gain / np.sum(s),
        "curvature": curved / np.sum(X * X),
        "share": 0.3 * curved / (2 * gain),
        "joint_share": 0.3 * curved / (2 * gain),
    }
    assert set(expected) == {field.name for field in fields(StepMeasures)}
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(found, name), value, rtol=1e-9, err_msg=name)


def test_shares_of_a_multiple_of_the_loss() -> None:
    """eta/eta_exact is the same for Muon, whatever the loss is multiplied by, and for GD at a step size over c."""
    for rule, other in (("muon", 0.3), ("gd", 0.1)):
        plain, scaled = (
            train_matrices(
                Bowl(), BOWL, lambda _: (), 3, rule, np.asarray(rate), loss_scale=c, measured=(2,)
            ).measures[2]["weight"]
            for rate, c in ((0.3, 1.0), (other, 3.0))
        )
        np.testing.assert_allclose(scaled.share, plain.share, rtol=1e-8)
        np.testing.assert_allclose(scaled.average, plain.average, rtol=1e-12)


def test_a_run_that_has_left_stays_where_it_is() -> None:
    log = run("gd", (0.01, 30.0), ceiling=5.0)
    above = log.training.losses[1] > 5.0
    first = int(np.argmax(above))
    assert 0 < first < 15
    assert np.all(log.training.losses[1, first:] == log.training.losses[1, first])
    assert np.all(log.training.losses[0] < 5.0)


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"rule": "lion"}, "rule"),
        ({"steps": 0}, "steps"),
        ({"momentum": 1.0}, "momentum"),
        ({"rates": (0.0,)}, "rate"),
        ({"loss_scale": -1.0}, "loss_scale"),
    ],
)
def test_bad_training_is_refused(options: dict[str, Any], argument: str) -> None:
    with pytest.raises(ValueError, match=rf"^{argument} must .*got "):
        run(**({"rule": "gd", "rates": (0.1,)} | options))


# --- what is seen on a small perceptron: recorded, not judged -------------------------------------------------------

PERCEPTRON = MLP((16, 32, 10), "relu")
SEEDS, EPOCHS, SAMPLES, BATCH = 3, 12, 300, 60
RATES = (0.001, 0.01, 0.1, 1.0, 3.0)


@cache
def accuracies(rule: str, scale: float) -> np.ndarray:
    """Accuracy on the training data after each epoch: (rates, seeds, epochs)."""
    drawn = [mixture(SAMPLES, 16, 10, stream("E: mixture", seed), clusters=1) for seed in range(SEEDS)]
    X = 1.8 * np.stack([x for x, _ in drawn])  # coordinates of variance 1/i
    Y = np.stack([y for _, y in drawn])
    starts = [PERCEPTRON.initial(stream("E: start", seed)) for seed in range(SEEDS)]
    start = {name: 2**0.5 * np.stack([s[name] for s in starts]) for name in PERCEPTRON.shapes}
    an_epoch = SAMPLES // BATCH

    def batch(step: int) -> tuple[np.ndarray, np.ndarray]:
        order = stream("E: order", step // an_epoch).permutation(SAMPLES)
        chosen = order[BATCH * (step % an_epoch) :][:BATCH]
        return X[:, chosen], Y[:, chosen]

    steps = EPOCHS * an_epoch
    rates = np.array(RATES)[:, None] * np.ones(SEEDS)
    ends = range(an_epoch, steps, an_epoch)
    log = train_matrices(PERCEPTRON, start, batch, steps, rule, rates, loss_scale=scale, checkpoints=ends)
    kept = [log.training.checkpoints[step] for step in (*ends, steps)]
    right = [np.argmax(PERCEPTRON.outputs(now, X), axis=-1) == Y for now in kept]
    return np.stack([np.mean(hits, axis=-1) for hits in right], axis=-1)


def epochs_to(rule: str, rate: float, mark: float = 0.95, scale: float = 1.0) -> np.ndarray:
    """Epochs until the mark, per seed; one more than there were where it was not reached."""
    reached = accuracies(rule, scale)[RATES.index(rate)] >= mark
    return np.where(np.any(reached, axis=-1), np.argmax(reached, axis=-1) + 1, EPOCHS + 1)


@check(SF_E1)
def survives(rule: str, rate: float, seed: int) -> Evidence:
    """SGD at chance at the end of the run, where this rule has reached 95 %."""
    sgd = accuracies("gd", 1.0)[RATES.index(rate), seed, -1]
    other = np.max(accuracies(rule, 1.0)[RATES.index(rate), seed])
    return every(measured(sgd, 0.2, 0.0, "<=", margin=0.3), measured(other, 0.95, 0.0, ">=", margin=0.3))


@check(SF_E2)
def is_earlier(rule: str, rate: float, seed: int, scale: float) -> Evidence:
    """Epochs to 95 % at the same step size, the loss multiplied by `scale`, against SGD."""
    other, sgd = (epochs_to(name, rate, scale=scale)[seed] for name in (rule, "gd"))
    return measured(other, sgd, 0.0, "<", margin=2.0)


@reports(SF_E1)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_step_sizes_that_are_survived(seed: int) -> None:
    for rule in ("muon-ns5", "muon", "ngd"):
        survives(rule, 3.0, seed)


@reports(SF_E2)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_epochs_to_a_mark(seed: int) -> None:
    for rate in (0.001, 0.01, 0.1):
        is_earlier("muon-ns5", rate, seed, 1.0)
    for scale in (0.1, 10.0):
        is_earlier("muon-ns5", 0.01, seed, scale)
