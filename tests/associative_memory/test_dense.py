"""The dense memory: printed runs, edge cases, every rule and option on more than one backend."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from labs.associative_memory import dense
from labs.associative_memory.dense import RULES, simulate
from labs.associative_memory.margins import item_loss, least_loss, optimal_margin
from labs.associative_memory.memory import answers, losses
from labs.core.arrays import backend, to_numpy
from labs.core.spectrum import haar
from labs.core.streams import stream

P = np.array([0.375, 0.375, 0.125, 0.125])
PRINTED = {
    ("gd", 4.0): ("1.386294361", "0.783160016", "0.495370505", "0.380908326"),
    ("muon", 0.3): ("1.386294361", "1.185846230", "0.851653499", "0.417199613"),
    ("ngd", 0.3): ("1.386294361", "1.259664888", "1.033090796", "0.635906922"),
    ("tra-signgd", 0.15): ("1.386294361", "1.192643387", "0.864876097", "0.420711417"),
}


@pytest.mark.parametrize("rule", PRINTED, ids=str)
def test_printed_losses(rule: tuple[str, float]) -> None:
    loss = simulate(P, 0.1, rule[1], 8, rule[0]).loss
    assert tuple(f"{loss[t]:.9f}" for t in (0, 1, 3, 8)) == PRINTED[rule]
    assert f"{least_loss(4, 0.1):.9f}" == "0.348780385"


def test_printed_state_of_muon() -> None:
    """x = (0.9, 0.9) and the mean block, read off the logits after 3 updates."""
    W = simulate(P, 0.1, 0.3, 3, "muon").logits
    own, inside, cross = W[0, 0], W[1, 0], W[2, 0]
    assert own - inside == pytest.approx(0.9, abs=1e-14)
    assert W[2, 2] - W[3, 2] == pytest.approx(0.9, abs=1e-14)
    S = [[0.9 + 2 * inside, 2 * W[0, 2]], [2 * cross, 0.9 + 2 * W[3, 2]]]
    np.testing.assert_allclose(S, [[0.598003833, -0.217224094], [-0.598003833, 0.217224094]], atol=5e-10)


@pytest.mark.parametrize(("rule", "eta", "factor"), [("muon", 0.3, 0.603), ("gd", 4.0, 3.90)])
def test_printed_split_of_unequal_frequencies(rule: str, eta: float, factor: float) -> None:
    for d in (1e-3, 1e-4):
        W = simulate(np.array([0.375 + d, 0.375 - d, 0.125, 0.125]), 0.1, eta, 5, rule).logits
        assert abs(W[0, 0] - W[1, 1]) / d == pytest.approx(factor, rel=2e-3)


# --- against a plain loop ----------------------------------------------------------------------------------------


def plain(
    p: np.ndarray, alpha: float, eta: float, steps: int, rule: str, momentum: float = 0.0
) -> np.ndarray:
    """Losses of the same run by the formulas of the paper, one matrix at a time."""
    K = len(p)
    target = (1 - alpha) * np.eye(K) + alpha / K
    W, V, found = np.zeros((K, K)), np.zeros((K, K)), []
    for _ in range(steps + 1):
        probability = np.exp(W - W.max(axis=0))
        probability /= probability.sum(axis=0)
        found.append(-np.sum(p * np.sum(target * np.log(probability), axis=0)))
        V = momentum * V + (probability - target) * p
        W = W - eta * plain_direction(V, rule)
    return np.array(found)


def plain_direction(V: np.ndarray, rule: str) -> np.ndarray:
    if rule in ("signgd", "tra-signgd"):
        return np.sign(V)
    if rule == "muon":
        U, _, Vt = np.linalg.svd(V)
        return (U[:, :-1]) @ Vt[:-1]
    if rule == "muon-ns5":
        X = V / np.linalg.norm(V)
        for _ in range(5):
            S = X @ X.T
            X = 3.4445 * X + (-4.7750 * S + 2.0315 * S @ S) @ X
        return X
    return V if rule == "gd" else V / np.linalg.norm(V)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "polar-express"])
@pytest.mark.parametrize("momentum", [0.0, 0.6])
def test_a_plain_loop_gives_the_same(rule: str, momentum: float) -> None:
    p = np.array([0.4, 0.25, 0.2, 0.1, 0.05])
    for alpha in (0.0, 0.3):
        eta = 1.0 if rule == "gd" else 0.11
        found = simulate(p, alpha, eta, 12, rule, momentum=momentum).loss
        np.testing.assert_allclose(found, plain(p, alpha, eta, 12, rule, momentum), rtol=1e-9)


def test_losses_are_those_of_the_probabilities() -> None:
    draw = stream("logits of the memory")
    for spread in (1e-9, 1e-3, 1.0, 30.0):
        W = spread * draw.standard_normal((6, 6)) + 2.0 * np.eye(6)
        p = np.full(6, 1 / 6)
        target = 0.7 * np.eye(6) + 0.05
        probability = np.exp(W) / np.exp(W).sum(axis=0)
        got = simulate(p, 0.3, 1.0, 0, "gd", start=W)
        np.testing.assert_allclose(
            got.item_loss[0], -np.sum(target * np.log(probability), axis=0), rtol=1e-13
        )
        kl = np.sum(target * np.log(target / probability)) / 6
        assert got.excess[0] == pytest.approx(kl, abs=1e-14, rel=1e-13)
        np.testing.assert_allclose(answers(W, p, 0.3).gradient, (probability - target) / 6, atol=1e-16)


def test_small_excesses_are_not_rounding() -> None:
    """Variance/2 of the deviation under the targets: of 1e-18, where L - L* would give 0 or 4e-16."""
    K, alpha = 5, 0.2
    target = 0.8 * np.eye(K) + 0.04
    optimal = optimal_margin(K, alpha) * np.eye(K)
    deviation = 1e-9 * stream("small deviations").standard_normal((K, K))
    got = simulate(np.full(K, 0.2), alpha, 1.0, 0, "gd", start=optimal + deviation)
    variance = np.sum(target * deviation**2, axis=0) - np.sum(target * deviation, axis=0) ** 2
    assert got.excess[0] == pytest.approx(float(np.mean(variance)) / 2, rel=1e-5)


def test_late_and_overflowing_margins() -> None:
    for m in (40.0, 600.0, 5000.0):
        start = m * np.eye(3)
        run = simulate(np.array([0.5, 0.3, 0.2]), 0.0, 1e-3, 1, "gd", start=start)
        np.testing.assert_allclose(run.margins[0], m)
        assert run.loss[0] == pytest.approx(item_loss(m, 3, 0.0), rel=1e-12)
        assert np.all(np.isfinite(run.logits))
    late = answers(40.0 * np.eye(3), np.full(3, 1 / 3), 0.0).gradient
    assert late[0, 0] == pytest.approx(-2 * math.exp(-40.0) / 3, rel=1e-14)


@pytest.mark.parametrize("size", [1.0, 50.0, 900.0])
def test_wrong_logits_that_differ_by_much(size: float) -> None:
    """A single wrong logit stands out: L_0 = log(e^size + K - 1) - (alpha/K) size, without overflow."""
    W = np.zeros((4, 4))
    W[1, 0] = size
    run = simulate(np.full(4, 0.25), 0.4, 1.0, 0, "gd", start=W)
    expected = size + math.log1p(3 * math.exp(-size)) - 0.1 * size
    assert run.item_loss[0, 0] == pytest.approx(expected, rel=1e-13)
    assert np.all(np.isfinite(answers(W, np.full(4, 0.25), 0.4).gradient))


# --- options -----------------------------------------------------------------------------------------------------


def test_a_schedule_multiplies_the_step_and_a_batch_is_a_loop() -> None:
    shape = np.array([1.0, 0.5, 0.25, 0.0])
    whole = simulate(P, np.array([0.0, 0.2]), np.array([[0.1], [0.3]]), 4, "muon", schedule=shape)
    assert whole.loss.shape == (2, 2, 5)
    assert whole.margins.shape == whole.item_loss.shape == (2, 2, 5, 4)
    for i, eta in enumerate((0.1, 0.3)):
        for j, alpha in enumerate((0.0, 0.2)):
            alone = simulate(P, alpha, eta, 4, "muon", schedule=shape)
            np.testing.assert_allclose(whole.loss[i, j], alone.loss, rtol=1e-14)
    np.testing.assert_array_equal(whole.loss[..., 3], whole.loss[..., 4])


@pytest.mark.parametrize("shared", [True, False])
def test_runs_may_be_taken_a_few_at_a_time(shared: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every argument with batch axes, and embeddings with and without; pairs are the same for all runs."""
    draw = stream("runs in parts")
    E, W = (haar(4, draw) if shared else np.stack([haar(4, draw) for _ in range(3)]) for _ in range(2))

    def run(batch: int | None) -> dense.Trajectory:
        p, alpha = np.stack([P, P[::-1]])[:, None, :], np.array([0.0, 0.2, 0.4])
        options: dict[str, Any] = {"schedule": np.array([[1.0, 0.5], [0.5, 0.25]])[:, None, :], "start": W}
        pairs = None if batch is None else stream("pairs in parts")
        return simulate(p, alpha, 0.1, 2, "muon", queries=E, **options, batch=batch, stream=pairs)

    whole = [run(batch) for batch in (None, 5)]
    monkeypatch.setattr(dense, "CHUNK", 32)
    for one, other in zip(whole, [run(batch) for batch in (None, 5)], strict=True):
        for field in fields(one):
            found, wanted = getattr(other, field.name), getattr(one, field.name)
            assert found.shape[:2] == (2, 3)
            np.testing.assert_allclose(found, wanted, atol=1e-13)


def test_a_gradient_whose_square_underflows_has_a_direction() -> None:
    start = 500.0 * np.eye(3)
    moved = simulate(np.array([0.5, 0.3, 0.2]), 0.0, 30.0, 1, "ngd", start=start).logits - start
    assert np.linalg.norm(moved) == pytest.approx(30.0, rel=1e-12)


@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_large_logits_are_answered_as_small_ones(alpha: float) -> None:
    """A constant added to a column changes nothing: on both sides of where exponentials are taken as they are."""
    W = 3.0 * stream("columns that are moved").standard_normal((4, 4))
    small, large = (answers(W + shift, P, alpha) for shift in (0.0, 1000.0))
    np.testing.assert_allclose(large.gradient, small.gradient, rtol=1e-11)
    np.testing.assert_allclose(large.margins, small.margins, atol=1e-12)
    np.testing.assert_allclose(large.spread, small.spread, rtol=1e-11)


def test_the_end_alone_is_the_end() -> None:
    whole, end = (simulate(P, 0.2, 0.1, 70, "ngd", last=last) for last in (False, True))
    assert whole.loss.shape == (71,)
    for field in fields(end):
        found, wanted = getattr(end, field.name), getattr(whole, field.name)
        axis = {"loss": 0, "excess": 0, "margins": 0, "item_loss": 0}.get(field.name)
        np.testing.assert_array_equal(found, wanted if axis is None else wanted[-1:])


def test_noise_without_signal_and_queries_without_frequency() -> None:
    still = simulate(P, 1.0, 0.3, 5, "muon")
    assert np.max(np.abs(still.logits)) == 0.0
    assert np.max(np.abs(still.excess)) < 1e-15
    for rule in ("gd", "ngd", "muon", "muon-ns5", "tra-signgd"):
        unasked = simulate(np.array([0.6, 0.4, 0.0]), 0.1, 0.2, 5, rule)
        np.testing.assert_allclose(unasked.logits[:, 2], 0.0, atol=1e-15)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_on_the_standard_alone(rule: str) -> None:
    E, Et = haar(5, stream("embeddings", 0)), haar(5, stream("embeddings", 1))
    p = np.array([0.4, 0.25, 0.2, 0.1, 0.05])
    kinds: list[dict[str, Any]] = [{}, {"momentum": 0.5, "schedule": np.array([1.0, 0.5, 0.2])}]
    if rule != "tra-signgd":
        kinds += [
            {"queries": E, "answers": Et},
            {"queries": E[:3], "answers": 2 * Et[:4], "start": 0.1 * E[1:, 2:]},
        ]
    strict = backend("strict")
    for options in kinds:
        moved = {k: strict.asarray(x) if isinstance(x, np.ndarray) else x for k, x in options.items()}
        found = simulate(strict.asarray(p), 0.2, 0.1, 3, rule, **moved)
        wanted = simulate(p, 0.2, 0.1, 3, rule, **options)
        np.testing.assert_allclose(to_numpy(found.loss), wanted.loss, rtol=1e-9)


def test_a_null_vector_along_an_axis() -> None:
    """Et 1 = -+ sqrt K e_1 for a Hadamard matrix: where the reflection must not cancel."""
    H = np.array([[1.0, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2
    wanted = simulate(P, 0.2, 0.1, 10, "muon").loss
    for answer in (H, -H):
        np.testing.assert_allclose(simulate(P, 0.2, 0.1, 10, "muon", answers=answer).loss, wanted, rtol=1e-13)


def test_batches_of_pairs_have_the_full_gradient_as_their_mean() -> None:
    """One step of GD from W = 0 over many batches; errors by the central limit: sqrt(p/(B n)) < 0.0032 an entry."""
    p = np.array([0.5, 0.3, 0.2])
    for alpha in (0.0, 0.5):
        full = simulate(p, alpha, 1.0, 1, "gd").logits
        draw = stream("pairs", str(alpha))
        mean = np.mean(
            [simulate(p, alpha, 1.0, 1, "gd", batch=500, stream=draw).logits for _ in range(100)], axis=0
        )
        np.testing.assert_allclose(mean, full, atol=6 * 0.0032)
        assert np.max(np.abs(mean - full)) > 0.0


def test_a_batch_of_pairs_by_hand() -> None:
    """The same uniforms, pair by pair."""
    p, alpha, count = np.array([0.5, 0.3, 0.2]), 0.4, 7
    got = simulate(p, alpha, 1.0, 1, "gd", batch=count, stream=stream("by hand")).logits
    which, true, other = stream("by hand").random((3, count))
    gradient = np.zeros((3, 3))
    for u, kept, v in zip(which, true, other, strict=True):
        j = int(np.searchsorted(np.cumsum(p), u, side="right"))
        i = j if kept < 1 - alpha else int(3 * v)
        gradient[:, j] += (1 / 3 - np.eye(3)[i]) / count
    np.testing.assert_allclose(got, -gradient, atol=1e-15)


def test_minibatch_muon_learns_and_leaves_queries_that_were_not_drawn() -> None:
    p = np.array([0.7, 0.29, 0.01])
    run = simulate(p, 0.0, 0.05, 1, "muon", batch=4, stream=stream("four pairs"))
    assert np.max(np.abs(run.logits[:, 2])) == 0.0
    long = simulate(p, 0.0, 0.05, 300, "muon", batch=32, stream=stream("more pairs"))
    assert long.loss[-1] < 0.05 * long.loss[0]


def test_losses_of_margins_and_spreads() -> None:
    m = np.array([[0.3, 2.0]])
    found = losses(m, np.zeros((1, 2)), np.array([0.5, 0.5]), 0.3)
    np.testing.assert_allclose(found.item_loss, item_loss(m, 2, 0.3), rtol=1e-14)
