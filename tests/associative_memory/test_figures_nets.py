"""What the figures on trained networks and crowded embeddings show, in numbers, at smoke scale."""

from __future__ import annotations

import math
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from figures.associative_memory import (
    fact_transformer,
    long_tail_classification,
    near_orthogonal_embeddings,
    optimiser_grid,
)
from figures.associative_memory._networks import best, grid_rows, rates_around
from figures.gallery.tables import where
from labs.associative_memory.longtail import RULES
from labs.associative_memory.margins import optimal_margin
from labs.core import arrays


@cache
def smoke(module: ModuleType) -> Any:
    return module.data("smoke", arrays.backend())


def test_the_best_step_size_is_the_least_mean_and_known_to_be_inside() -> None:
    objective = np.array([[3.0, 2.0], [1.0, 2.0], [1.0, 1.0]])
    rates = np.array([0.1, 1.0, 10.0])
    assert best(objective) == 2
    rows = grid_rows(objective, rates)
    assert [row["best"] for row in rows] == [False, False, True]
    assert not any(row["inside"] for row in rows)
    assert all(row["inside"] for row in grid_rows(objective[[0, 2, 1]], rates))
    np.testing.assert_allclose(
        rates_around(2.0, 4, 2), 2 * 10 ** np.array([-1.0, -0.5, 0.0, 0.5]), rtol=1e-14
    )


def one_best_each(grid: Any, **keys: Any) -> None:
    rows = where(grid, **keys)
    chosen = np.unique(rows["rate"][rows["best"]])
    assert chosen.size == 1
    means = {rate: np.mean(rows["objective"][rows["rate"] == rate]) for rate in np.unique(rows["rate"])}
    assert min(means, key=lambda rate: means[rate]) == chosen[0]
    assert np.all(np.unique(rows["seed"]) == np.arange(3))


@pytest.mark.parametrize("problem", long_tail_classification.PROBLEMS)
def test_the_long_tail_is_followed_at_the_best_step_size(problem: str) -> None:
    tables = smoke(long_tail_classification)
    for rule in RULES:
        one_best_each(tables["grid"], problem=problem, rule=rule)
        curve = where(tables["curves"], problem=problem, rule=rule)
        start, end = (curve["loss"][curve["step"] == step] for step in (0, np.max(curve["step"])))
        if problem == "linear":
            np.testing.assert_allclose(start, math.log(10), rtol=1e-14)  # ten classes, from zero
        groups = where(tables["groups"], problem=problem, rule=rule)
        np.testing.assert_allclose(groups["loss"][groups["group"] == 5], end, rtol=1e-13)
        assert np.all((groups["accuracy"] >= 0) & (groups["accuracy"] <= 1))
        head, tail = (np.mean(groups["loss"][groups["group"] == a]) for a in (1, 5))
        assert head < tail


def test_facts_are_followed_at_the_best_step_size() -> None:
    tables = smoke(fact_transformer)
    for optimiser in fact_transformer.LABELS:
        one_best_each(tables["grid"], optimiser=optimiser)
        curve = where(tables["curves"], optimiser=optimiser)
        end = curve["loss"][curve["step"] == np.max(curve["step"])]
        deciles = where(tables["deciles"], optimiser=optimiser)
        np.testing.assert_allclose(deciles["loss"][deciles["decile"] == 10], end, rtol=1e-13)
        assert np.array_equal(np.unique(deciles["decile"]), np.arange(1, 11))


def test_the_full_transformer_is_of_the_stated_size() -> None:
    from labs.core.networks import Transformer

    size = fact_transformer.SIZES["full"]
    network = Transformer(size.task.vocabulary, 2, size.width, size.heads, blocks=2, last_only=True)
    assert 1e6 < sum(math.prod(shape) for shape in network.shapes.values()) < 2e6
    assert size.task.facts == 2000


def test_muon_ends_near_the_best_memory() -> None:
    tables = smoke(near_orthogonal_embeddings)
    best_ones, runs = tables["best"], tables["runs"]
    assert np.all((best_ones["gap"] >= -1e-13) & (best_ones["gap"] <= 1e-12))
    whole = where(best_ones, kind="haar", share=1.0)
    np.testing.assert_allclose(whole["floor"], 0.0, atol=2e-12)
    margin = float(optimal_margin(8.0, 0.2))
    np.testing.assert_allclose(whole["radius"], margin, rtol=1e-4)  # m* (I - J/K), turned twice
    crowded = where(best_ones, kind="haar", share=0.25)
    assert np.all(crowded["floor"] > 0.1)
    muon = where(runs, rule="muon")
    assert np.all(muon["excess"] > 0)
    ratio = muon["excess"] / muon["eta"] ** 2
    assert np.all((ratio > 0.005) & (ratio < 0.3))
    gd = where(runs, rule="gd")
    for kind, share in near_orthogonal_embeddings.cases():
        early, late = (where(gd, kind=kind, share=share, steps=steps)["excess"] for steps in (10, 30))
        assert np.all(late < early)


def test_the_slice_of_the_sweep_has_every_optimiser_in_every_kind_of_embeddings() -> None:
    cells = smoke(optimiser_grid)["cells"]
    assert cells["size"].size == 7 * 3 * 3
    for kind in optimiser_grid.KINDS:
        for optimiser in optimiser_grid.LABELS:
            rows = where(cells, kind=kind, optimiser=optimiser)
            assert np.array_equal(rows["size"], [0.464, 1.0, 2.15])
            assert np.all(rows["excess"] > 0)
            assert np.all(rows["least"] <= rows["excess"])
    # Four steps of log K/4 nearly reach the margin log(1 + 4 K); steps of half the length do not.
    muon = where(cells, kind="identity", optimiser="muon")["excess"]
    assert muon[1] < muon[0]
