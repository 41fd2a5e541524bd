"""What the figures of the flows show, in numbers, at smoke scale."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from figures.gallery import render
from figures.polar_flow import exact_dynamics, passing_flatness, rank_events, regularisation_error
from labs.core import arrays

FIGURES = (exact_dynamics, passing_flatness, rank_events, regularisation_error)


@cache
def smoke(module: ModuleType) -> Any:
    return module.data("smoke", arrays.backend())


def where(table: Any, **equal: Any) -> dict[str, np.ndarray]:
    keep = np.all([table[name] == value for name, value in equal.items()], axis=0)
    return {name: column[keep] for name, column in table.items()}


# --- exact dynamics ----------------------------------------------------------------------------------------------


def test_the_rows_of_k_predict_the_singular_values() -> None:
    values = smoke(exact_dynamics)["values"]
    # 1e-6 is the tolerance of a step at this scale: errors of two integrations of some ten steps.
    np.testing.assert_allclose(values["rows"], values["sigma"], atol=1e-4)


@pytest.mark.parametrize("scale", ["quick", "full"])
def test_the_rows_of_k_predict_the_singular_values_to_six_digits(scale: str) -> None:
    """At full scale for matrices 40 x 10 too."""
    values = exact_dynamics.data(scale, arrays.backend())["values"]
    assert (exact_dynamics.LARGE in values["problem"]) == (scale == "full")
    np.testing.assert_allclose(values["rows"], values["sigma"], atol=1e-6)


def test_the_diagonal_drifts_in_sensing_only() -> None:
    values = smoke(exact_dynamics)["values"]
    regression, sensing = (
        where(values, problem=name) for name in (exact_dynamics.REGRESSION, exact_dynamics.SENSING)
    )
    np.testing.assert_allclose(regression["diagonal"], regression["rows"], atol=1e-12)
    drift = np.abs(sensing["diagonal"] - sensing["sigma"])
    assert drift[sensing["t"] == 0].max() == 0
    assert drift.max() > 0.3
    # It lets the largest fall, while that grows.
    largest = where(sensing, index=0)
    assert largest["sigma"][-1] > largest["sigma"][0] > largest["diagonal"][-1]


def test_singular_values_fall_in_regression_to_the_limit() -> None:
    regression = where(smoke(exact_dynamics)["values"], problem=exact_dynamics.REGRESSION)
    limit = smoke(exact_dynamics)["limit"]
    for i, value in zip(limit["index"], limit["sigma"], strict=True):
        sigma = where(regression, index=i)["sigma"]
        assert np.all(np.diff(sigma) <= 1e-9)
        assert value - 1e-6 <= sigma[-1] < value + 0.05


# --- passing flatness --------------------------------------------------------------------------------------------


def test_the_computed_flow_lies_on_the_exact_one() -> None:
    tables = smoke(passing_flatness)
    exact, computed = tables["exact"], tables["computed"]
    lines = [np.interp(computed["t"], exact["t"], exact[name]) for name in ("x1", "x2")]
    expected = np.sort(lines, axis=0)[::-1]
    np.testing.assert_allclose([computed["sigma1"], computed["sigma2"]], expected, atol=1e-7)


def test_it_is_flat_at_five_thirds_and_ends_at_rank_one() -> None:
    exact = smoke(passing_flatness)["exact"]
    (flat,) = np.flatnonzero(exact["x1"] == exact["x2"])
    assert exact["t"][flat] == pytest.approx(5 / 3)
    assert exact["x1"][flat] == pytest.approx(4 / 3)
    computed = smoke(passing_flatness)["computed"]
    assert computed["nuclear"][0] == pytest.approx(1.0)
    assert computed["nuclear"][-1] == pytest.approx(2 / 3, abs=1e-7)
    assert computed["participation"][-1] == pytest.approx(0.5, abs=1e-6)
    late = computed["t"] > 5 / 3
    assert np.all(np.diff(computed["entropy"][late]) <= 1e-12)


def test_the_polar_factor_chatters() -> None:
    naive = smoke(passing_flatness)["naive"]
    first = (naive["x1"][1] / passing_flatness.NAIVE, (naive["x2"][1] - 2.0) / passing_flatness.NAIVE)
    assert first == pytest.approx((2 / 5, -1 / 5))
    np.testing.assert_allclose(naive["x1"][::2], 0.0, atol=1e-12)


# --- rank events -------------------------------------------------------------------------------------------------


def test_the_diagonal_flow_meets_its_exact_events() -> None:
    tables = smoke(rank_events)
    rows = where(tables["flow"], problem=rank_events.DIAGONAL)
    exact = tables["exact"]
    for name in ("x1", "x2", "x3"):
        assert np.isfinite(exact[name]).all()
    lines = [np.interp(rows["t"], exact["t"], exact[f"x{i}"]) for i in (1, 2, 3)]
    found = np.stack([rows[f"sigma{i}"] for i in (1, 2, 3)])
    np.testing.assert_allclose(found, np.sort(lines, axis=0)[::-1], atol=2e-5)
    events = where(tables["event"], problem=rank_events.DIAGONAL)
    for t in (9 / 7, 2.0, 17 / 4):
        assert np.min(np.abs(events["t"] - t)) < 1e-5
    assert np.abs(events["t"][events["leaves"]] - 2.0).max() < 1e-5


def test_the_certificate_is_inside_the_ball_and_the_speed_falls() -> None:
    for name in (rank_events.DIAGONAL, rank_events.SENSING):
        rows = where(smoke(rank_events)["flow"], problem=name)
        norm = rows["norm"][np.isfinite(rows["norm"])]
        assert norm.size
        assert np.all(norm <= 1 + 1e-6)
        assert np.all(np.diff(rows["speed"]) <= 1e-6)
    diagonal = where(smoke(rank_events)["flow"], problem=rank_events.DIAGONAL)
    assert diagonal["norm"][-1] == pytest.approx(0.5, abs=1e-6)
    assert diagonal["speed"][-1] == pytest.approx(0.0, abs=1e-6)


# --- regularisation ----------------------------------------------------------------------------------------------


def test_the_error_is_within_the_bound_and_of_the_size_of_eps() -> None:
    rows = smoke(regularisation_error)["error"]
    assert np.all(rows["error"] <= rows["bound"] + 1e-4)
    sensing = rows["problem"] == "sensing, 4 x 3, p = 5"
    ratio = rows["error"][sensing] / rows["eps"][sensing]
    assert np.all((ratio > 0.4) & (ratio < 1.1))  # about half of eps to eps
    others = where(rows, problem="diagonal, 4 x 4", eps=0.1)
    assert np.all(others["error"] > 2 * others["eps"])  # but more elsewhere


@pytest.mark.parametrize("module", FIGURES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_the_figure_is_drawn(module: ModuleType) -> None:
    picture = render.draw(module, module.__name__.removeprefix("figures.").replace(".", "/"), smoke(module))
    for axes in picture.axes:
        assert axes.get_xlabel() or axes.get_ylabel()
        assert axes.lines
