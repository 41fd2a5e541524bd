"""What the figures on the dense memory show, in numbers, at smoke scale."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from figures.associative_memory import (
    heat_maps,
    optimisers_at_equal_budget,
    polar_near_identity,
    sign_in_rotated_bases,
)
from figures.associative_memory._dense import Problem, settled, tuned
from figures.gallery.tables import where
from labs.core import arrays


@cache
def smoke(module: ModuleType) -> Any:
    return module.data("smoke", arrays.backend())


# --- optimisers_at_equal_budget ----------------------------------------------------------------------------------


def test_runs_follow_their_scalar_recursions() -> None:
    tables = smoke(optimisers_at_equal_budget)
    for alpha in (0.0, optimisers_at_equal_budget.NOISE):
        for rule in ("gd", "tra-signgd"):
            found, known = (where(tables[name], alpha=alpha, rule=rule) for name in ("excess", "theory"))
            # 30 steps of rounding; excesses near a cycle's lower point move with the error of the margin.
            np.testing.assert_allclose(found["excess"], known["excess"], rtol=1e-8, atol=1e-13)


def test_muon_treats_the_groups_alike_and_gd_does_not() -> None:
    rows = smoke(optimisers_at_equal_budget)["margins"]
    quiet = {rule: where(rows, alpha=0.0, rule=rule)["margin"] for rule in optimisers_at_equal_budget.RULES}
    assert np.ptp(quiet["tra-signgd"]) < 1e-12
    assert np.ptp(quiet["muon"]) < 0.3 * np.max(quiet["muon"])
    assert np.min(quiet["gd"]) < 0.3 * np.max(quiet["gd"])
    assert quiet["tra-signgd"][0] == pytest.approx(2 * 0.05 * 30)


def test_the_step_that_is_shown_is_the_best_of_its_grid() -> None:
    tables = smoke(optimisers_at_equal_budget)
    for rule in optimisers_at_equal_budget.RULES:
        shown = where(tables["excess"], alpha=optimisers_at_equal_budget.NOISE, rule=rule)["excess"]
        grid = where(tables["grid"], spectrum="steep", rule=rule)["excess"]
        assert max(shown[-3:]) == np.min(grid)  # a tenth of 30 steps


def test_a_step_is_chosen_by_the_worst_of_its_last_points() -> None:
    excess = np.array([[1.0, 0.0, 0.5], [1.0, 0.3, 0.2], [1.0, np.nan, np.nan]])
    np.testing.assert_array_equal(settled(excess)[:2], [0.5, 0.3])
    assert tuned(excess) == 1
    assert Problem(3, 4, 2.0).frequencies.sum() == pytest.approx(1.0)


# --- sign_in_rotated_bases ---------------------------------------------------------------------------------------


def test_rotations_go_from_the_identity_to_the_given_one() -> None:
    Q = sign_in_rotated_bases.rotation(8, 0)
    assert np.linalg.det(Q) == pytest.approx(1.0)
    first, half, last = sign_in_rotated_bases.rotations(Q, (0.0, 0.5, 1.0))
    np.testing.assert_allclose(first, np.eye(8), atol=1e-13)
    np.testing.assert_allclose(half @ half, Q, atol=1e-13)
    np.testing.assert_allclose(last, Q, atol=1e-13)


def test_in_the_task_basis_the_cases_agree_and_equal_frequencies_make_hadamard_muon() -> None:
    tables = smoke(sign_in_rotated_bases)
    start = where(tables["angles"], theta=0.0)["excess"]
    np.testing.assert_allclose(start, start[0], rtol=1e-9)
    equal = {
        name: where(tables["steps"], spectrum="equal", basis=name)["excess"] for name in ("Hadamard", "Muon")
    }
    np.testing.assert_allclose(equal["Hadamard"], equal["Muon"], rtol=1e-9)
    unequal = {
        name: where(tables["steps"], spectrum="unequal", basis=name)["excess"]
        for name in ("Hadamard", "Muon")
    }
    assert np.max(np.abs(unequal["Hadamard"] / unequal["Muon"] - 1)) > 0.1


# --- heat_maps ---------------------------------------------------------------------------------------------------


def test_the_gradient_falls_with_the_frequency_and_the_update_does_not() -> None:
    rows = smoke(heat_maps)["summary"]
    gradient, update = (where(rows, basis="task", quantity=name) for name in ("G", "U"))
    assert gradient["own"][0] / gradient["own"][-1] > 5
    size = heat_maps.SCALES["smoke"][1]
    assert np.all(update["own"] > 1 - 2 / size)
    assert np.all(update["largest_other"] < 2 / size)


def test_the_random_basis_shows_no_diagonal() -> None:
    rows = smoke(heat_maps)["summary"]
    random = where(rows, basis="random", quantity="U")
    assert np.all(np.abs(random["own"]) < random["largest_other"])
    entries = where(smoke(heat_maps)["entries"], basis="random", quantity="U")["value"]
    task = where(smoke(heat_maps)["entries"], basis="task", quantity="U")["value"]
    assert np.sum(entries**2) == pytest.approx(np.sum(task**2), rel=1e-12)


# --- polar_near_identity -----------------------------------------------------------------------------------------


def test_distances_stay_below_the_bound_and_jump_after() -> None:
    tables = smoke(polar_near_identity)
    rows = tables["sizes"]
    assert np.all(rows["distance"] <= rows["bound"] * (1 + 1e-13))
    quiet = where(rows, alpha=0.0)
    assert np.all(quiet["distance"] * quiet["size"] < 1)
    along = where(tables["runs"], alpha=polar_near_identity.NOISE, groups=3)
    assert np.all(along["distance"][~along["rising"]] > 1.5)
    assert not np.all(along["rising"])


def test_the_steep_run_uses_nearly_all_of_the_bound() -> None:
    """1.91/C at step 15 for M = 6, C = 2, beta = 8, eta = 0.3 and noise 0.1; the constant 1.7 fails."""
    rows = where(smoke(polar_near_identity)["runs"], groups=6, alpha=polar_near_identity.NOISE)
    assert f"{2 * rows['distance'][15]:.2f}" == "1.91"
    assert rows["rising"][15]
    assert "all but a hundredth" in polar_near_identity.CAPTION
