"""The numbers of the figures on the reduction: Newton-Schulz depth, and the error of the polar factor."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

import numpy as np

from figures.associative_memory import graded_polar_error, newton_schulz_depth
from labs.core.arrays import backend


@functools.cache
def smoke(figure: ModuleType) -> Any:
    return figure.data("smoke", backend("numpy"))


def rows(table: Any, **equal: Any) -> dict[str, np.ndarray]:
    keep = np.all([table[name] == value for name, value in equal.items()], axis=0)
    return {name: values[keep] for name, values in table.items()}


# --- newton_schulz_depth -----------------------------------------------------------------------------------------


def test_the_exact_factor_learns_all_groups_alike() -> None:
    share = rows(smoke(newton_schulz_depth)["groups"], rule="exact")["share"]
    assert np.ptp(share) < 1e-12
    assert abs(share[0] - 1) < 0.05


def test_predicted_shares_are_a_lower_estimate() -> None:
    groups = smoke(newton_schulz_depth)["groups"]
    quintics = rows(groups, rule="quintic")
    # Steps end within eta of m*, 4 per cent, and five quintics are 1 up to a quarter.
    assert np.all(quintics["share"] >= 0.9 * quintics["predicted"])
    first = rows(groups, rule="quintic", k=1)
    np.testing.assert_allclose(first["share"], first["predicted"], rtol=0.05)


def test_more_steps_learn_more_groups() -> None:
    tables = smoke(newton_schulz_depth)
    depth = rows(tables["depth"], rule="quintic")
    assert np.all(np.diff(depth["learned"]) >= 0)
    assert np.all(np.diff(depth["excess"]) < 0)
    predicted = np.interp(depth["slope"], tables["predicted"]["slope"], tables["predicted"]["learned"])
    assert np.all(depth["learned"] >= np.floor(predicted))


def test_the_caption_counts_what_five_steps_leave() -> None:
    assert "leave 97\nof 100 groups behind" in newton_schulz_depth.CAPTION  # three learned: AML-X6.d


# --- graded_polar_error ------------------------------------------------------------------------------------------


def test_accepted_factors_meet_the_certificate() -> None:
    error = smoke(graded_polar_error)["error"]
    best = rows(error, method="sorted, then Jacobi")
    assert np.all(best["error"] <= 50 * best["M"] * 2.0**-52)


def test_the_certificate_follows_the_error() -> None:
    error = smoke(graded_polar_error)["error"]
    for method in graded_polar_error.METHODS[:2]:
        found = rows(error, method=method)
        wrong = found["error"] > 1e-12
        ratio = found["certificate"][wrong] / found["error"][wrong]
        assert np.all((ratio > 0.1) & (ratio < 100))


def test_the_square_decomposition_is_wrong_below_the_cutoff() -> None:
    error = smoke(graded_polar_error)["error"]
    plain = rows(error, method="square, cutoff", M=8)
    assert plain["error"][0] < 1e-13
    assert plain["error"][-1] > 0.1
    assert np.all(rows(error, method="sorted", M=8)["error"] < 1e-12)


def test_the_graded_limit_is_approached_at_the_predicted_rate() -> None:
    limit = smoke(graded_polar_error)["limit"]
    small = limit["rho"] < 0.05
    np.testing.assert_allclose(limit["distance"][small], limit["predicted"][small], rtol=0.02)
    assert np.all(limit["plain"][limit["rho"] < 5e-3] > 0.1)


def test_both_are_drawn() -> None:
    for figure, count in ((newton_schulz_depth, 2), (graded_polar_error, 3)):
        drawn = figure.draw(smoke(figure))
        assert len(drawn.axes) == count
        assert all(axes.get_xlabel() and axes.get_ylabel() for axes in drawn.axes)
