"""Steps of the optimisers against their recursions; training; the data that are made here."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from labs.core.networks import MLP, Transformer, mixture, text, train, two_letter_source
from labs.core.networks.training import OPTIMISERS
from labs.core.optimisers import adam_step, momentum_step, muon_step
from labs.core.spectrum import matrix
from labs.core.streams import stream

ROUNDING = 1e-14


# --- steps ------------------------------------------------------------------------------------------------------


def gradients(count: int, shape: tuple[int, ...] = (4, 3)) -> list[np.ndarray]:
    return list(stream("test training: gradients").standard_normal((count, *shape)))


def test_momentum_is_a_geometric_sum_of_gradients() -> None:
    w, v = np.zeros((4, 3)), np.zeros((4, 3))
    steps = gradients(5)
    for g in steps:
        w, v = momentum_step(w, g, v, 0.1, 0.5)
    total = sum((1 - 0.5 ** (5 - i)) / 0.5 * g for i, g in enumerate(steps))  # 1 + 0.5 + ... from step i on
    np.testing.assert_allclose(w, -0.1 * np.asarray(total), rtol=0, atol=ROUNDING)


def test_adam_number_by_number() -> None:
    w, first, second = np.ones(()), np.zeros(()), np.zeros(())
    expected, m, s = 1.0, 0.0, 0.0
    for step, g in enumerate([0.3, -2.0, 0.7], start=1):
        w, first, second = adam_step(w, np.asarray(g), first, second, step, 0.1, 0.8, 0.95, 1e-3)
        m, s = 0.8 * m + 0.2 * g, 0.95 * s + 0.05 * g * g
        expected -= 0.1 * (m / (1 - 0.8**step)) / (math.sqrt(s / (1 - 0.95**step)) + 1e-3)
        assert float(w) == pytest.approx(expected, rel=ROUNDING)


def test_the_first_step_of_adam_is_the_sign() -> None:
    g = gradients(1)[0]
    w, _, _ = adam_step(np.zeros((4, 3)), g, np.zeros((4, 3)), np.zeros((4, 3)), 1, 0.1)
    np.testing.assert_allclose(w, -0.1 * np.sign(g), rtol=1e-6)  # epsilon over |g|, which is above 0.01


@pytest.mark.parametrize("shape", [(4, 3), (3, 3), (3, 5)])
def test_muon_steps_by_the_polar_factor_of_nesterovs_average(shape: tuple[int, int]) -> None:
    first, second = gradients(2, shape)
    w, v = muon_step(np.zeros(shape), first, np.zeros(shape), 1.0, 0.9)
    w, v = muon_step(np.zeros(shape), second, v, 0.5, 0.9)
    np.testing.assert_allclose(v, 0.09 * first + 0.1 * second, rtol=0, atol=ROUNDING)
    average = 0.9 * v + 0.1 * second
    polar = -w / 0.5 / math.sqrt(max(1.0, shape[0] / shape[1]))
    np.testing.assert_allclose(np.linalg.svd(polar, compute_uv=False), 1.0, rtol=ROUNDING)
    product = polar.T @ average if shape[0] >= shape[1] else average @ polar.T
    # The polar factor of a matrix with condition 10 or so, from its singular vectors.
    np.testing.assert_allclose(product, product.T, rtol=0, atol=1e-13)
    assert np.min(np.linalg.eigvalsh((product + product.T) / 2)) > 0


def test_muon_leaves_alone_what_has_no_gradient_and_ignores_scale() -> None:
    g = matrix(np.array([2.0, 0.5]), 4, 5, stream("test training: rank 2"))
    zero = np.zeros((4, 5))
    for scale in (1.0, 1e-100, 1e100):
        w, _ = muon_step(zero, scale * g, zero, 1.0)
        np.testing.assert_allclose(np.linalg.svd(w, compute_uv=False), [1, 1, 0, 0], rtol=0, atol=ROUNDING)
    assert np.all(muon_step(zero, zero, zero, 1.0)[0] == 0.0)


def test_every_item_of_a_batch_has_its_own_rate() -> None:
    g, zero = gradients(1)[0], np.zeros((4, 3))
    rates = np.array([0.1, 0.3])[:, None, None]
    for step in (momentum_step, muon_step):
        together = step(zero, g, zero, rates)[0]
        for i, rate in enumerate((0.1, 0.3)):
            np.testing.assert_allclose(together[i], step(zero, g, zero, rate)[0], rtol=ROUNDING)


@pytest.mark.parametrize(
    ("change", "argument"), [({"memory": 1.0}, "memory"), ({"step": 0}, "step"), ({"rate": 0.0}, "rate")]
)
def test_adam_refuses(change: dict[str, Any], argument: str) -> None:
    zero = np.zeros(2)
    given: dict[str, Any] = {
        "weights": zero,
        "gradient": zero,
        "first": zero,
        "second": zero,
        "step": 1,
        "rate": 0.1,
    }
    with pytest.raises(ValueError, match=rf"^{argument} must .*got "):
        adam_step(**(given | change))


# --- training -----------------------------------------------------------------------------------------------


NETWORK = MLP((6, 8, 3))
DATA = mixture(60, 6, 3, stream("test training: mixture"))
START = NETWORK.initial(stream("test training: start"))
RATES = {"sgd": (0.3, 0.03), "adam": (0.05, 0.003), "muon": (0.1, 0.01)}


def run(optimiser: str, rates: Any, steps: int = 30, **options: Any) -> Any:
    return train(NETWORK, START, lambda _: DATA, steps, optimiser, np.asarray(rates), **options)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_every_run_of_a_batch_is_the_run_alone(optimiser: str) -> None:
    together = run(optimiser, RATES[optimiser], checkpoints=(0, 10))
    assert together.losses.shape == (2, 30)
    assert list(together.checkpoints) == [0, 10, 30]
    for i, rate in enumerate(RATES[optimiser]):
        alone = run(optimiser, rate)
        # Thirty steps of a smooth map: rounding grows by a small factor a step at these rates.
        np.testing.assert_allclose(together.losses[i], alone.losses, rtol=1e-10)
        for name, value in alone.checkpoints[30].items():
            np.testing.assert_allclose(together.checkpoints[30][name][i], value, rtol=0, atol=1e-10)
    assert together.losses[0, -1] < 0.7 * together.losses[0, 0]


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_checkpoints_are_the_parameters_before_their_step(optimiser: str) -> None:
    trained = run(optimiser, RATES[optimiser], checkpoints=(0, 7))
    for step, parameters in trained.checkpoints.items():
        loss = NETWORK.loss(parameters, *DATA)
        if step < 30:
            np.testing.assert_allclose(loss, trained.losses[:, step], rtol=1e-13)
    for name, value in START.items():
        np.testing.assert_array_equal(trained.checkpoints[0][name], np.stack([value, value]))


def test_rates_fall_linearly_and_muon_steps_the_hidden_matrices_alone() -> None:
    trained = run("muon", (0.1,), steps=4, checkpoints=range(4), others_rate=0.02)
    kept = [trained.checkpoints[step] for step in range(5)]
    for step, left in enumerate((1.0, 0.75, 0.5, 0.25)):
        moved = {name: kept[step + 1][name][0] - kept[step][name][0] for name in START}
        size = 0.1 * left * math.sqrt(8 / 6)
        # A difference of two steps' weights: the step's relative error is that of the weights over its size.
        np.testing.assert_allclose(np.linalg.svd(moved["weight1"], compute_uv=False), size, rtol=1e-12)
        assert np.max(np.abs(moved["bias2"])) <= 0.021 * left * 2
    first = kept[1]["weight2"][0] - kept[0]["weight2"][0]
    np.testing.assert_allclose(np.abs(first), 0.02, rtol=1e-4)  # Adam's first step; epsilon over |g|


def test_a_run_that_has_left_stays_where_it_is() -> None:
    trained = run("sgd", (0.1, 30.0), ceiling=5.0)
    above = trained.losses[1] > 5.0
    first = int(np.argmax(above))
    assert 0 < first < 25
    assert np.all(trained.losses[1, first:] == trained.losses[1, first])
    assert np.all(trained.losses[0] < 5.0)


@pytest.mark.parametrize(
    ("options", "argument"), [({"optimiser": "lion"}, "optimiser"), ({"steps": 0}, "steps")]
)
def test_training_refuses(options: dict[str, Any], argument: str) -> None:
    with pytest.raises(ValueError, match=rf"^{argument} must .*got "):
        run(**({"optimiser": "sgd", "rates": (0.1,)} | options))


def test_a_transformer_learns_its_source() -> None:
    """Below the entropy of the letters alone, with few steps."""
    source = two_letter_source(4, stream("test training: source"), sharpness=3.0)
    pieces = text(source, 64, 9, stream("test training: text"))
    network = Transformer(4, 8, 8, heads=2, hidden=16)
    start = network.initial(stream("test training: transformer"))
    trained = train(network, start, lambda step: (pieces[8 * (step % 8) :][:8],), 60, "muon", np.asarray(0.1))
    share = np.bincount(pieces.ravel()) / pieces.size
    assert network.loss(trained.checkpoints[60], pieces) < -0.9 * np.sum(share * np.log(share))


# --- data ------------------------------------------------------------------------------------------------------


def test_the_mixture_has_the_variances_that_it_promises() -> None:
    inputs, labels = mixture(20000, 4, 3, stream("test training: variances"), clusters=40, separation=0.5)
    assert (inputs.shape, set(labels)) == ((20000, 4), {0, 1, 2})
    # E x_i^2 = (1 + 0.25) / i / sum 1/i; 120 centres: relative deviation sqrt(2/120) of a fifth, noise 1 %; five
    # of them.
    expected = 1.25 / np.arange(1, 5) / np.sum(1 / np.arange(1, 5))
    np.testing.assert_allclose(np.mean(inputs**2, axis=0), expected, rtol=0.15)
    again, _ = mixture(20000, 4, 3, stream("test training: variances"), clusters=40, separation=0.5)
    np.testing.assert_array_equal(inputs, again)


def test_text_follows_its_source() -> None:
    source = two_letter_source(3, stream("test training: three letters"))
    assert source.shape == (3, 3, 3)
    np.testing.assert_allclose(np.sum(source, axis=-1), 1.0, rtol=ROUNDING)
    pieces = text(source, 500, 40, stream("test training: long text"))
    assert pieces.shape == (500, 40)
    counts = np.zeros((3, 3, 3))
    np.add.at(counts, (pieces[:, :-2], pieces[:, 1:-1], pieces[:, 2:]), 1)
    total = np.sum(counts, axis=-1, keepdims=True)
    deviation = np.sqrt(source * (1 - source) / np.maximum(total, 1))
    assert np.max(np.abs(counts / total - source) / deviation) < 5  # 27 binomial counts


def test_letters_follow_zipf_on_average() -> None:
    source = two_letter_source(30, stream("test training: many letters"), sharpness=0.5)
    share = np.mean(source, axis=(0, 1))
    # A mean over 900 contexts, each factor with relative deviation 0.53 and its normalisation: 3 %; four of them.
    np.testing.assert_allclose(share / share[0], 1 / np.arange(1, 31), rtol=0.12)


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (lambda: mixture(0, 2, 2, stream("x")), "samples"),
        (lambda: mixture(2, 2, 0, stream("x")), "classes"),
        (lambda: mixture(2, 2, 2, stream("x"), clusters=0), "clusters"),
        (lambda: text(np.ones((2, 2, 2)), 1, 1, stream("x")), "source"),
        (lambda: text(np.full((2, 3, 2), 0.5), 1, 1, stream("x")), "source"),
    ],
)
def test_bad_data_are_refused(make: Any, argument: str) -> None:
    with pytest.raises(ValueError, match=rf"^{argument} must .*got "):
        make()
