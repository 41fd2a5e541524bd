"""The language of facts; AML-F7 recorded on a transformer of two blocks."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from labs.associative_memory.transformer import Facts
from labs.core.networks import Transformer, train
from labs.core.streams import stream
from tests.referee import check, reports
from theory.associative_memory.networks import AML_F7
from theory.evidence import Evidence, measured


def test_a_book_has_every_pair_once_and_words_of_three_kinds() -> None:
    task = Facts(50, 8, 5)
    book = task.book(stream("test facts: book"))
    assert book.shape == (50, 3)
    assert len({(first, last) for first, last, _ in book.tolist()}) == 50
    for column, low, high in ((0, 0, 8), (1, 8, 16), (2, 16, 21)):
        assert np.array_equal(np.unique(book[:, column]), np.arange(low, high))
    assert task.vocabulary == 21
    every = Facts(16, 4, 2).book(stream("test facts: every pair"))
    assert len(np.unique(every[:, :2], axis=0)) == 16


def test_facts_are_asked_about_by_zipfs_law() -> None:
    task = Facts(20, 5, 4, exponent=1.5)
    ranks = np.arange(1.0, 21.0)
    np.testing.assert_allclose(task.frequencies, ranks**-1.5 / np.sum(ranks**-1.5), rtol=1e-14)
    book = task.book(stream("test facts: small book"))
    asked = task.batch(book, 20000, stream("test facts: batch"))
    number = np.argmax(np.all(asked[:, None] == book, axis=-1), axis=-1)
    # Four standard deviations of a share of 20000 samples.
    np.testing.assert_allclose(
        np.bincount(number, minlength=20) / 20000, task.frequencies, atol=4 * 0.5 / 20000**0.5
    )
    assert np.array_equal(task.deciles(book)[3], book[6:8])


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"facts": 0}, "facts"),
        ({"names": 2.5}, "names"),
        ({"answers": -1}, "answers"),
        ({"facts": 26}, "facts"),
        ({"facts": float("inf")}, "facts"),
        ({"exponent": float("nan")}, "exponent"),
    ],
)
def test_bad_languages(options: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must"):
        Facts(**({"facts": 20, "names": 5, "answers": 4} | options))


def test_deciles_need_a_multiple_of_ten() -> None:
    task = Facts(12, 5, 4)
    with pytest.raises(ValueError, match="facts must be a multiple of ten, got 12"):
        task.deciles(task.book(stream("test facts: deciles")))


# --- what is seen on a small transformer: recorded, not judged ------------------------------------------------------

TASK, SEEDS, STEPS = Facts(30, 6, 6), 3, 40
RATES = {
    "sgd": (0.02, 0.05, 0.1, 0.2),
    "adam": (0.01, 0.02, 0.04, 0.08),
    "muon": (0.02, 0.05, 0.1, 0.2),
}


@cache
def rare_losses(optimiser: str) -> tuple[np.ndarray, bool]:
    """The rarest decile's loss at the step size that is best for all facts, per seed; is that inside the grid?"""
    network = Transformer(TASK.vocabulary, 2, 16, heads=2, blocks=2, last_only=True)
    books = [TASK.book(stream("F7: book", seed)) for seed in range(SEEDS)]
    starts = [network.initial(stream("F7: start", seed)) for seed in range(SEEDS)]
    start = {name: np.stack([s[name] for s in starts]) for name in network.shapes}

    def batch(step: int, size: int = 32) -> tuple[np.ndarray]:
        asked = [TASK.batch(book, size, stream("F7: batch", step, s)) for s, book in enumerate(books)]
        return (np.stack(asked),)

    rates = np.array(RATES[optimiser])[:, None] * np.ones(SEEDS)
    end = train(network, start, batch, STEPS, optimiser, rates).checkpoints[STEPS]
    chosen = int(np.argmin(np.mean(network.loss(end, *batch(-1, 400)), axis=-1)))
    rare = np.stack([TASK.deciles(book)[-1] for book in books])
    return network.loss(end, rare)[chosen], 0 < chosen < len(rates) - 1


@pytest.mark.parametrize("optimiser", RATES)
def test_no_best_step_size_is_at_the_end_of_its_grid(optimiser: str) -> None:
    assert rare_losses(optimiser)[1]


@check(AML_F7)
def knows_rare_facts_better(optimiser: str, other: str, seed: int) -> Evidence:
    """The loss of the rarest decile, each at its best step size of four."""
    return measured(rare_losses(optimiser)[0][seed], rare_losses(other)[0][seed], 0.0, "<", margin=2.0)


@reports(AML_F7)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_order_of_the_optimisers_on_rare_facts(seed: int) -> None:
    for optimiser, other in (("muon", "adam"), ("adam", "sgd")):
        knows_rare_facts_better(optimiser, other, seed)
