"""What the figures of the small language model show, in numbers, at smoke scale; and the pieces of its experiment."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from figures.curvature_nds import (
    _language,
    hidden_hessian,
    imbalance,
    layer_shares,
    matched_loss,
    one_step_prediction,
    point_and_direction,
)
from figures.curvature_nds._language import BATCHES, LAYERS, OPTIMISERS, SIZES
from figures.gallery.tables import where
from labs.core import arrays
from labs.curvature_nds.language import Point
from labs.curvature_nds.one_step import taylor

SMOKE = SIZES["smoke"]
RUNS = len(OPTIMISERS) * SMOKE.rates.size * SMOKE.seeds


@cache
def data(module: ModuleType) -> Any:
    return module.data("smoke", arrays.backend())


# --- the experiment -------------------------------------------------------------------------------------------------


def test_the_grid_of_rates_has_factors_of_root_ten() -> None:
    rates = SIZES["full"].rates
    np.testing.assert_allclose(rates[1:] / rates[:-1], 10**0.5, rtol=1e-14)
    assert 0.02 in rates
    assert {size.rates.size for size in SIZES.values()} == {2, 3, 5}


def test_the_full_size_is_that_of_the_protocol() -> None:
    full = SIZES["full"]
    network = _language.problem(full, 1.0).network
    assert sum(int(np.prod(shape)) for shape in network.shapes.values()) == 14848
    assert network.shapes["weight1"] == (64, 48)
    assert (full.batch, full.steps, full.warm_up) == (256, 500, 100)
    assert full.seeds >= 3


def test_pieces_are_words_and_what_follows_them() -> None:
    text = np.arange(20).reshape(2, 10)
    found = _language.pieces(text, np.array([0, 6]))
    np.testing.assert_array_equal(found, [[[0, 1, 2, 3], [6, 7, 8, 9]], [[10, 11, 12, 13], [16, 17, 18, 19]]])


def test_problems_differ_in_words_alone() -> None:
    """The exponent leaves starts and grammar as they are; held-out and validation pieces do not overlap but at the
    border; the even pieces are those of exponent 0."""
    even, uneven = (_language.problem(SMOKE, s) for s in (0.0, 1.0))
    for name in even.start:
        np.testing.assert_array_equal(even.start[name], uneven.start[name])
    in_class = SMOKE.words // 8
    np.testing.assert_array_equal(even.text // in_class, uneven.text // in_class)
    assert np.any(even.text != uneven.text)
    np.testing.assert_array_equal(uneven.even, even.validation)
    assert uneven.held_out.shape == (SMOKE.seeds, SMOKE.held_out, 4)
    np.testing.assert_array_equal(uneven.held_out[:, -1, 1:], uneven.validation[:, 0, :-1])


def test_the_best_rate_is_that_of_the_mean_over_seeds() -> None:
    grid = {
        "optimiser": np.array(["adam"] * 4 + ["muon"] * 2),
        "rate": np.array([0.1, 0.1, 0.2, 0.2, 0.1, 0.2]),
        "seed": np.array([0, 1, 0, 1, 0, 0]),
        "validation": np.array([1.0, 5.0, 2.0, 2.0, 3.0, 4.0]),
    }
    assert _language.best_rate(grid, "adam") == 0.2
    assert _language.best_rate(grid, "muon") == 0.1
    kept = _language.tuned(grid, grid)
    assert kept["validation"].tolist() == [2.0, 2.0, 3.0]


def test_the_grid_keeps_the_lowest_loss_of_each_run() -> None:
    rows = {
        "optimiser": np.array(["adam"] * 3),
        "rate": np.full(3, 0.1),
        "seed": np.zeros(3, dtype=int),
        "validation": np.array([3.0, 1.0, 2.0]),
    }
    assert _language.grid_of(rows)["validation"].tolist() == [1.0]


# --- predicted against realised -------------------------------------------------------------------------------------


def test_every_step_is_there_on_both_batches() -> None:
    steps = data(one_step_prediction)["steps"]
    assert steps["rate"].size == RUNS * SMOKE.looks * len(BATCHES)
    best = data(one_step_prediction)["best"]
    assert len(np.unique(best["rate"][best["optimiser"] == "adam"])) == 1


def test_errors_are_what_the_columns_say() -> None:
    rows = data(one_step_prediction)["steps"]
    size = np.abs(rows["gain"]) + np.abs(rows["penalty"])
    missing = rows["realised"] - rows["gain"] + rows["penalty"]
    np.testing.assert_allclose(rows["error"], np.abs(missing) / size, rtol=1e-9)
    np.testing.assert_allclose(
        rows["error_third"], np.abs(missing + rows["third"]) / size, rtol=1e-6, atol=1e-12
    )
    at_one = one_step_prediction.SCALES.index(1.0)
    np.testing.assert_array_equal(rows[f"at_{at_one}"], rows["realised"])


def test_the_prediction_is_close_and_the_third_term_makes_it_closer() -> None:
    rows = data(one_step_prediction)["steps"]
    assert np.median(rows["error"]) < 1e-2
    assert np.median(rows["error_third"]) < 0.2 * np.median(rows["error"])


def test_the_error_by_scale_is_that_of_the_next_terms() -> None:
    for optimiser in OPTIMISERS:
        found = one_step_prediction.error_by_scale(
            where(data(one_step_prediction)["best"], optimiser=optimiser, batch="held_out")
        )
        np.testing.assert_allclose(found["measured"][:3], found["predicted"][:3], rtol=0.1)
        assert np.all(np.diff(found["measured"][:4]) > 0)


# --- at equal loss --------------------------------------------------------------------------------------------------


def test_all_runs_are_compared_at_the_same_losses() -> None:
    curves = data(matched_loss)["curves"]
    for exponent in matched_loss.EXPONENTS:
        for batch in BATCHES:
            losses = _language.by_seed(
                where(curves, exponent=exponent, batch=batch, optimiser="adam"), "loss"
            )
            others = _language.by_seed(
                where(curves, exponent=exponent, batch=batch, optimiser="muon"), "loss"
            )
            assert np.all(losses == losses[0])
            np.testing.assert_array_equal(losses, others)
            assert np.all(np.diff(losses[0]) < 0)


def test_ratios_are_of_means_and_norms_are_positive() -> None:
    ratios = data(matched_loss)["ratios"]
    assert ratios["rate"].size == len(matched_loss.EXPONENTS) * len(BATCHES) * SMOKE.rates.size * SMOKE.seeds
    assert np.all(ratios["norm2"] > 0)
    # The norm does not depend on the batch.
    held_out, training = (where(ratios, batch=batch)["norm2"] for batch in BATCHES)
    np.testing.assert_allclose(held_out, training, rtol=1e-12)


def test_ratios_of_a_run_to_itself_are_one() -> None:
    rows = {
        "optimiser": np.repeat(["adam", "muon"], 3),
        "rate": np.full(6, 0.1),
        "seed": np.zeros(6, dtype=int),
        "validation": np.array([3.0, 2.0, 1.0] * 2),
    }
    rows |= {
        name: np.array([1.0, 3.0, 2.0] * 2) for name in (*matched_loss.QUANTITIES, matched_loss.HIDDEN_NDS)
    }
    rows["nds"] = np.array([2.0, 6.0, 4.0, 1.0, 3.0, 2.0])
    (found,) = matched_loss.ratios_of(rows)
    assert found["gain"] == pytest.approx(1.0)
    assert found["nds"] == pytest.approx(2.0)
    rows["validation"] = np.array([3.0, 4.0, 5.0, 3.0, 2.0, 1.0])  # one of them learns nothing
    assert matched_loss.ratios_of(rows) == []


def test_every_optimiser_has_its_grid() -> None:
    grid = data(matched_loss)["grid"]
    assert grid["rate"].size == len(matched_loss.EXPONENTS) * RUNS
    assert np.all(grid["validation"] < np.log(SMOKE.words) + 0.5)


# --- layers ---------------------------------------------------------------------------------------------------------


def test_shares_are_of_the_two_parts() -> None:
    shares = data(layer_shares)["shares"]
    total = shares["within"] + shares["cross"]
    known = np.isfinite(shares["share"])
    np.testing.assert_array_equal(known, total > 0)
    np.testing.assert_allclose(shares["share"][known], (shares["within"] / total)[known], rtol=1e-9)


def test_layers_add_up() -> None:
    tables = data(layer_shares)
    for optimiser in OPTIMISERS:
        for seed in range(SMOKE.seeds):
            layers = where(tables["layers"], optimiser=optimiser, seed=seed)
            run = where(tables["shares"], optimiser=optimiser, seed=seed)
            assert layers["layer"].tolist() == list(LAYERS)
            assert np.sum(layers["weight"]) == pytest.approx(1.0)
            assert np.sum(layers["within"]) == pytest.approx(np.mean(run["within"]))
    np.testing.assert_allclose(np.sum(layer_shares.gap_by_layer(tables["layers"]), axis=-1), 1.0)


# --- imbalance ------------------------------------------------------------------------------------------------------


def test_the_memory_is_the_closed_form() -> None:
    memory = data(imbalance)["memory"]
    at = {s: float(memory["gd"][np.argmin(np.abs(memory["s"] - s))]) for s in (0.0, 0.5, 1.0)}
    assert [round(x, 3) for x in at.values()] == [1.0, 2.184, 9.952]
    assert np.all(np.diff(memory["gd"]) > 0)
    rotated = data(imbalance)["rotated"]
    # The arcsine of a correlation 1 - eps is wrong by sqrt(2 eps).
    np.testing.assert_allclose(rotated["sign"][rotated["s"] == 0.0], 1.0, rtol=1e-7)


def test_the_network_is_in_units_of_muon_at_even_data() -> None:
    network = data(imbalance)["network"]
    for scope in imbalance.SCOPES:
        found = imbalance.normalised(network, scope)
        assert np.mean(found["muon"][0]) == pytest.approx(1.0)
        assert found["adam"].shape == (len(imbalance.EXPONENTS["smoke"]), SMOKE.seeds)


# --- point and direction --------------------------------------------------------------------------------------------


def test_effects_of_direction_and_place_multiply() -> None:
    found = point_and_direction.effects(data(point_and_direction)["means"], "norm2")
    both = found["both: Adam's / Muon's"]
    np.testing.assert_allclose(
        both, found["direction, at Adam's points"] * found["place, along Muon's direction"], rtol=1e-12
    )
    np.testing.assert_allclose(
        both, found["direction, at Muon's points"] * found["place, along Adam's direction"], rtol=1e-12
    )


def test_both_directions_are_looked_at_in_both_runs() -> None:
    curves = data(point_and_direction)["curves"]
    for point in OPTIMISERS:
        for direction in OPTIMISERS:
            mine = where(curves, point=point, direction=direction)
            assert len(np.unique(mine["seed"])) == SMOKE.seeds
            assert np.all(mine["norm2"] > 0)
    # At the first step both runs stand at the start.
    first = [
        where(curves, point=p, direction="muon", loss=np.max(curves["loss"]), seed=0)["nds"]
        for p in OPTIMISERS
    ]
    np.testing.assert_allclose(first[0], first[1], rtol=1e-9)


# --- the Hessian of a hidden matrix ---------------------------------------------------------------------------------


def test_a_hessian_in_chunks_is_the_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chunks need not divide the pieces."""
    of = _language.problem(hidden_hessian.SIZES["smoke"], 1.0)
    at = {name: x[None] for name, x in of.start.items()}
    point = Point(0, at, {}, ())
    H, G = hidden_hessian.hessians(of, point, of.held_out, arrays.backend())
    monkeypatch.setattr(hidden_hessian, "CHUNK", 12)
    chunked = hidden_hessian.hessians(of, point, of.held_out, arrays.backend())
    np.testing.assert_allclose(chunked[0], H, atol=1e-15)
    np.testing.assert_allclose(chunked[1], G, atol=1e-15)
    Z = {"weight2": of.start["weight2"][0]}
    found = taylor(
        lambda p: of.network.loss(p, of.held_out[0]), {k: x[0] for k, x in of.start.items()}, Z, layers={}
    )
    z = Z["weight2"].ravel()
    assert z @ H[0] @ z == pytest.approx(2 * found.penalty, rel=1e-10)
    assert np.sum(G[0] * Z["weight2"]) == pytest.approx(found.gain, rel=1e-12)


def test_products_explain_more_and_more_of_the_hessian() -> None:
    tables = data(hidden_hessian)
    for stage in hidden_hessian.STAGES:
        error = where(tables["error"], stage=stage)["error"]
        assert error[0] == pytest.approx(1.0)
        assert np.all(np.diff(error) <= 1e-12)
        assert error[-1] < 1.0
    assert np.all((tables["scores"]["score"] > tables["scores"]["alone"]) & (tables["scores"]["score"] < 1))


def test_pairs_hold_a_part_of_the_gradient() -> None:
    modes = data(hidden_hessian)["modes"]
    for stage in hidden_hessian.STAGES:
        energy = {
            bases: np.sum(where(modes, stage=stage, bases=bases, seed=0)["energy"])
            for bases in ("joint", "random")
        }
        assert all(0 < share < 1 for share in energy.values())
        assert np.all(np.diff(where(modes, stage=stage, bases="joint", seed=0)["w"]) <= 0)
