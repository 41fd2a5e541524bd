"""What the figures of runs show, in numbers, at smoke scale."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from figures.gallery.tables import where
from figures.spectral_flattening import (
    _training,
    alignment_angle,
    factorisation,
    momentum_waves,
    steps_to_target,
    training_curves,
    trajectories,
)
from labs.core import arrays
from labs.spectral_flattening.dynamics import descend
from labs.spectral_flattening.momentum import largest_wave

BACKEND = arrays.backend()


@cache
def smoke(module: ModuleType) -> Any:
    return module.data("smoke", BACKEND)


# --- trajectories --------------------------------------------------------------------------------------------------


def test_gradient_descent_leaves_after_the_printed_steps() -> None:
    """131, 12 and 5 steps at 1.05 times 2/L, 4 and 20: the first needs more steps than smoke scale has."""
    tails = where(smoke(trajectories)["tails"], rule="gd")
    left = dict(zip(tails["eta"], tails["left"], strict=True))
    assert (left[4.0], left[20.0]) == (12.0, 5.0)
    assert np.all(np.isnan(tails["left"][tails["eta"] < 4.0]))
    A, delta = trajectories.problem(1.0)
    edge = 2 / np.linalg.eigvalsh(A)[-1]
    run = descend(np.eye(20), A, delta, "gd", 140, size=1.05 * edge)
    assert int(np.argmax(run.values > 1e12)) == 131


@pytest.mark.long
def test_printed_tails() -> None:
    """The largest loss of steps 1500 ... 1999; normalised descent's at small steps is irregular: a few per cent."""
    A, delta = trajectories.problem(1.0)
    eta = np.array([0.01, 0.05, 0.1, 0.3, 1.0, 1.5, 1.05 * 2 / np.linalg.eigvalsh(A)[-1], 4.0, 20.0])

    def tail(rule: str) -> np.ndarray:
        return descend(np.eye(20), A, delta, rule, 2000, size=eta).values[:, 1500:2000].max(axis=1)

    printed = [
        "4.8e-05",
        "1.3e-03",
        "5.2e-03",
        "4.3e-02",
        "5.0e-01",
        "1.2e+00",
        "2.4e+00",
        "1.1e+01",
        "4.1e+02",
    ]
    found = tail("muon")
    assert [f"{x:.1e}" for x in found] == printed
    assert [f"{x:.3g}" for x in found[6:]] == ["2.35", "11.5", "408"]
    normalised = tail("ngd")
    assert 0.0165 < normalised[1] < 0.0190  # 0.018 is one such number
    assert f"{normalised[5]:.1f}" == "7.3"
    assert f"{tail('gd')[3]:.2g}" in ("1.2e-11", "1.3e-11")  # rounding has a say at 1e-12 of the start


def test_tails_stay_below_the_bound() -> None:
    tables = smoke(trajectories)
    for rule in ("muon", "ngd"):
        rows = where(tables["tails"], rule=rule)
        bound = np.exp(
            np.interp(np.log(rows["eta"]), np.log(tables["bounds"]["eta"]), np.log(tables["bounds"][rule]))
        )
        late = rows["eta"] >= 1.0  # at smoke scale shorter steps have not arrived yet
        assert np.all(rows["tail"][late] <= bound[late])
    assert np.all(tables["bounds"]["ngd"] > tables["bounds"]["muon"])  # L_op is below 20 L


# --- alignment -----------------------------------------------------------------------------------------------------


def test_angles_follow_the_formula_and_its_maximum() -> None:
    tables = smoke(alignment_angle)
    for rows in (tables["turns"], tables["worst"]):
        np.testing.assert_allclose(rows["theta"], rows["predicted"], atol=1e-12)
        np.testing.assert_allclose(rows["first"], np.sqrt(1.25 - np.cos(rows["predicted"])), atol=1e-12)
        assert np.all(rows["whitened"] < 1e-13)
    for a, top in zip(tables["peak"]["a"], tables["peak"]["theta"], strict=True):
        assert np.max(where(tables["turns"], a=a)["theta"]) <= top
        np.testing.assert_allclose(where(tables["worst"], a=a)["theta"], top, atol=1e-12)


def test_the_printed_errors_lie_on_the_curve() -> None:
    worst = smoke(alignment_angle)["worst"]
    found = [f"{where(worst, a=a)['last'][0]:.4f}" for a in (2.0, 5.0, 10.0, 100.0)]
    assert found == ["0.0792", "0.5204", "0.7939", "0.9898"]
    assert [number in alignment_angle.CAPTION for number in found] == [True] * 4


def test_aligned_starts_arrive() -> None:
    turns = smoke(alignment_angle)["turns"]
    assert np.all(turns["last"][turns["phi"] == 0.0] <= 2.0**-59)
    between = (turns["phi"] > 0.2) & (turns["phi"] < 1.3) & (turns["a"] >= 5.0)
    assert np.all(turns["last"][between] > 0.1)


# --- steps to a target ---------------------------------------------------------------------------------------------


def test_a_multiple_of_the_loss_moves_gradient_descent_and_nothing_else() -> None:
    steps = smoke(steps_to_target)["steps"]
    for rule in ("ngd", "muon"):
        counts = [where(steps, rule=rule, c=c)["needed"] for c in steps_to_target.SCALES]
        np.testing.assert_array_equal(counts[0], counts[1])
        np.testing.assert_array_equal(counts[2], counts[1])
    # The grid is 10^-2, 10^-1, 1, 10: ten times the loss at a tenth of the step is the same run.
    one, ten = (where(steps, rule="gd", c=c, target=0.1) for c in (1.0, 10.0))
    np.testing.assert_array_equal(one["needed"][1:], ten["needed"][:-1])
    assert np.any(np.isfinite(one["needed"][1:]))


def test_gradient_descent_reaches_nothing_beyond_its_edge() -> None:
    tables = smoke(steps_to_target)
    for c, edge in zip(tables["edges"]["c"], tables["edges"]["edge"], strict=True):
        rows = where(tables["steps"], rule="gd", c=c)
        assert np.all(np.isnan(rows["needed"][rows["eta"] > edge]))
    rows = where(tables["plain"], target=0.1)
    assert np.nanmin(rows["needed"]) < 30


# --- momentum ------------------------------------------------------------------------------------------------------


def test_waves_last_up_to_the_largest_and_no_longer() -> None:
    tables = smoke(momentum_waves)
    waves, largest = tables["waves"], tables["largest"]
    most = dict(zip(largest["gap"], largest["N"], strict=True))
    limit = np.array([most[gap] for gap in waves["gap"]])
    assert [most[gap] for gap in largest["gap"]] == [largest_wave(float(1 - gap)) for gap in largest["gap"]]
    inside = waves["N"] <= limit
    np.testing.assert_allclose(waves["amplitude"][inside], waves["N"][inside] / 2, atol=1e-9)
    assert not np.any(
        waves["amplitude"][~inside & (waves["N"] < 400 / 4)] == waves["N"][~inside & (waves["N"] < 100)] / 2
    )
    assert inside.any()
    assert not inside.all()


def test_from_rest_amplitudes_are_half_integers_where_the_run_has_settled() -> None:
    rest = smoke(momentum_waves)["rest"]
    settled = (rest["gap"] > 0.1) & (rest["ratio"] > 0.05)
    steps = 2 * rest["amplitude"][settled]
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)
    assert np.all(rest["amplitude"][settled] * np.sqrt(rest["gap"][settled]) < 1.5**0.5)


# --- factorisation -------------------------------------------------------------------------------------------------


def test_muon_cycles_and_gradient_descent_leaves() -> None:
    ends = smoke(factorisation)["ends"]
    muon, gd = (where(ends, rule=rule) for rule in ("muon", "gd"))
    # At the smallest step forty steps are not enough to arrive.
    np.testing.assert_allclose(muon["travel"][muon["eta"] >= 0.5], 0.5, atol=0.01)
    assert np.all(np.isnan(gd["floor"][gd["eta"] >= 2.0]))
    assert np.all(gd["floor"][gd["eta"] < 1.0] < muon["floor"][muon["eta"] < 1.0].max())


# --- training ------------------------------------------------------------------------------------------------------


def test_training_tables_have_every_run() -> None:
    tables, size = smoke(training_curves), _training.SIZES["smoke"]
    runs = len(size.rates) * size.seeds
    assert len(tables["accuracy"]["epoch"]) == len(_training.RULES) * runs * size.epochs
    assert len(tables["marks"]["rate"]) == (len(_training.RULES) + 4) * runs
    assert np.all((tables["accuracy"]["accuracy"] >= 0) & (tables["accuracy"]["accuracy"] <= 1))
    last = where(tables["accuracy"], epoch=size.epochs)
    final = where(tables["marks"], c=1.0)["final"]
    np.testing.assert_array_equal(last["accuracy"], final)


def test_first_measures_are_those_of_the_same_gradient() -> None:
    """Before the first step all rules see the same gradient; exact Muon flattens it, and aligns with it fully."""
    steps = where(smoke(training_curves)["steps"], step=0, matrix="weight1")
    for column in ("average", "largest", "nuclear_rank", "stable_rank"):
        values = [where(steps, rule=rule)[column] for rule in _training.RULES]
        for other in values[1:]:
            np.testing.assert_allclose(other, values[0], rtol=1e-10)
    muon = where(steps, rule="muon")
    np.testing.assert_allclose(muon["alignment"], 1.0, rtol=1e-9)
    np.testing.assert_allclose(muon["highest"], 1.0, rtol=1e-9)
    five = where(steps, rule="muon-ns5")
    assert np.all(five["highest"] < 1.21)


def test_muon_does_not_see_the_unit_of_the_loss() -> None:
    """One step at a time the runs are the same but for rounding, and for Adam's epsilon on the biases."""
    least = _training.SIZES["smoke"].rates[0]
    marks = where(smoke(training_curves)["marks"], rule="muon-ns5", rate=least)
    finals = [where(marks, c=c)["final"] for c in (0.1, 1.0, 10.0)]
    assert finals[0].size == 2
    np.testing.assert_array_equal(finals[0], finals[1])
    np.testing.assert_array_equal(finals[2], finals[1])


def test_epochs_to_the_mark() -> None:
    accuracy = np.array([[0.2, 0.96, 0.4], [0.95, 1.0, 1.0], [0.1, 0.2, 0.9]])
    np.testing.assert_array_equal(_training.epochs_to_mark(accuracy), [2.0, 1.0, np.nan])
