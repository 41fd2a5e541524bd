"""What the figures on noise show, in numbers, at smoke scale."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from figures.gallery import render
from figures.polar_flow import noise_batch_size as figure
from figures.polar_flow import teacher_rank
from labs.core import arrays
from tests.referee import check, reports
from theory.evidence import Evidence, measured
from theory.polar_flow import POL_R7


@cache
def smoke() -> Any:
    return figure.data("smoke", arrays.backend())


def of(name: str) -> dict[str, np.ndarray]:
    rows = smoke()["noise"]
    return {column: values[rows["gradient"] == name] for column, values in rows.items()}


@pytest.mark.parametrize("name", ["2 x 2, mu = 3, 1", "3 x 4, mu = 5, 3, 2"])
def test_large_batches_obey_the_laws(name: str) -> None:
    rows = of(name)
    late = rows["batch"] > 1e4
    for column in ("error", "lost"):
        slack = 5 * rows[column + "_deviation"] + 1e-3 * rows[column + "_law"] + 1e-15
        assert np.all(np.abs(rows[column] - rows[column + "_law"])[late] < slack[late])


@pytest.mark.parametrize("name", figure.GRADIENTS)
def test_small_batches_saturate(name: str) -> None:
    r, rows = len(figure.GRADIENTS[name][0]), of(name)
    assert rows["batch"][0] == pytest.approx(1e-2)
    assert r < rows["error"][0] < 2 * r


def test_a_nearly_singular_gradient_is_far_above_its_law() -> None:
    rows = of("3 x 3, mu = 3, 2, 0.01")
    middle = (rows["batch"] > 30) & (rows["batch"] < 1e3)
    assert np.any(middle)
    assert np.all(rows["error"][middle] > 50 * rows["error_law"][middle])


def test_a_singular_gradient_keeps_an_error_of_one() -> None:
    rows = of("3 x 3, mu = 3, 2, 0")
    assert rows["error"][-1] == pytest.approx(1.0, abs=1e-2)
    assert np.all(rows["error"] > 0.95)
    assert np.all(np.isnan(rows["error_law"]))


def test_samples_of_two_by_two_are_the_exact_expectation() -> None:
    rows, exact = of(figure.EXACT), smoke()["exact"]
    for column in ("error", "lost"):
        curve = np.exp(np.interp(np.log(rows["batch"]), np.log(exact["batch"]), np.log(exact[column])))
        # Linear interpolation on 120 points: within 2 percent.
        assert np.all(np.abs(rows[column] - curve) < 5 * rows[column + "_deviation"] + 0.02 * curve)


def test_critical_batch_sizes_grow_with_the_stated_powers() -> None:
    rows = smoke()["condition"]
    for r, excess in figure.SHAPES:
        ratio = rows["ratio"][(rows["r"] == r) & (rows["excess"] == excess)]
        flat = ((r - 1) / 2 + excess) / (r + excess)
        assert ratio[0] == pytest.approx(flat, rel=1e-12)
        found = np.log10(ratio[-1] / ratio[-3])  # one decade of kappa
        assert found == pytest.approx(figure.slope(r, excess), abs=0.06)
    assert np.all(rows["ratio"][(rows["r"] == 2)] < 0.5)


def test_what_is_drawn() -> None:
    picture = render.draw(figure, "polar_flow/noise_batch_size", smoke())
    panels = picture.axes
    assert [panel.get_xscale() for panel in panels] == ["log"] * 3
    assert all(panel.get_xlabel() and panel.get_ylabel() for panel in panels)


# --- teachers of low and of high effective rank -------------------------------------------------------------


@cache
def teachers() -> Any:
    return teacher_rank.data("smoke", arrays.backend())


def least(teacher: str, optimiser: str) -> float:
    rows = teachers()["sweep"]
    return float(np.min(rows["loss"][(rows["teacher"] == teacher) & (rows["optimiser"] == optimiser)]))


@check(POL_R7)
def muon_against_adam(teacher: str) -> Evidence:
    """The least loss over the step sizes, Muon's and Adam's."""
    return measured(least(teacher, "muon"), least(teacher, "adam"), 0.0, "<=")


@reports(POL_R7)
def test_least_losses() -> None:
    for teacher in teacher_rank.SPECTRA:
        muon_against_adam(teacher)


def test_both_optimisers_learn() -> None:
    for teacher in teacher_rank.SPECTRA:
        _, outputs = teacher_rank.samples(teacher, "held out", 1000, arrays.backend())
        silent = np.mean(np.sum(outputs**2, axis=-1)) / 2
        for optimiser in teacher_rank.RATES:
            assert least(teacher, optimiser) < 0.5 * silent


def test_teachers_have_the_same_norm_and_different_ranks() -> None:
    rows = teachers()["best"]
    assert np.all((rows["effective_rank"] > 1) & (rows["effective_rank"] <= teacher_rank.WIDTH))
    picture = render.draw(teacher_rank, "polar_flow/teacher_rank", teachers())
    assert [axes.get_title() for axes in picture.axes[:2]] == list(teacher_rank.LABELS.values())
