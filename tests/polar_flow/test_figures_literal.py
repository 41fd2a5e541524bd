"""What the figures on literal optimisers show, in numbers, at smoke scale; and the sweep behind one of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from figures.gallery.tables import where
from figures.polar_flow import (
    interpolant_triangle,
    norm_matched,
    nuclear_falsification,
    optimiser_ablation,
    stable_rank_bound,
)
from figures.polar_flow._literal import FLOW, FROBENIUS, MATCHED, MUON, OPERATOR
from labs.core import arrays
from labs.core.spectrum import effective_rank
from labs.core.streams import stream
from labs.core.sweep import results, run
from labs.polar_flow.ablation import ABLATION, MOST
from labs.polar_flow.literal import descend, profile
from labs.polar_flow.operators import dense_sensing


@cache
def smoke(module: ModuleType) -> Any:
    return module.data("smoke", arrays.backend())


def test_muon_is_above_the_least_nuclear_norm_and_the_flow_comes_back() -> None:
    rows = smoke(nuclear_falsification)["ratios"]
    assert np.all(rows["gap"] < 1e-8)
    ratio = {method: where(rows, method=method)["ratio"] for method in nuclear_falsification.METHODS}
    assert np.all(ratio[MUON] > 1.1)
    # Time 30: not yet at rest; from 1.9 and 2.2 to within a per cent.
    assert np.all((ratio[FLOW] > 1 - 1e-8) & (ratio[FLOW] < 1.01))
    np.testing.assert_allclose(ratio[MATCHED], ratio[FROBENIUS], rtol=5e-3)
    assert np.all(ratio[FROBENIUS] < ratio[MUON])
    assert np.all(ratio[MUON] < 1.05 * ratio[OPERATOR])


def test_norm_matched_descent_is_less_flat_on_every_seed() -> None:
    rows = smoke(norm_matched)["ends"]
    muon, matched = where(rows, method=MUON), where(rows, method=MATCHED)
    assert np.all(muon["seed"] == matched["seed"])
    assert np.all(muon["effective"] > matched["effective"])
    assert np.all(muon["stable"] > matched["stable"])
    assert np.all(rows["residual"] < 2e-3)
    assert np.all(smoke(norm_matched)["targets"]["effective"] <= 2 + 1e-12)


def test_corners_are_optimal_and_muon_is_near_one() -> None:
    rows = smoke(interpolant_triangle)["ratios"]
    for name, norm in zip(interpolant_triangle.CORNERS, ("nuclear", "frobenius", "operator"), strict=True):
        np.testing.assert_allclose(where(rows, method=name)[norm], 1.0, rtol=1e-8)
    for name in (interpolant_triangle.SMALL, FLOW, MATCHED):
        # None is better than the optimum, up to what a run misses of the data.
        assert all(
            np.all(where(rows, method=name)[n] > 1 - 2e-3) for n in ("nuclear", "frobenius", "operator")
        )
    small = where(rows, method=interpolant_triangle.SMALL)
    assert np.all(small["operator"] < 1.3)
    assert np.all(small["nuclear"] > 1.3)


def test_muon_lies_above_the_bound_and_norm_matched_descent_below() -> None:
    rows = smoke(stable_rank_bound)["runs"]
    for name in stable_rank_bound.RUNS:
        points = where(rows, run=name)
        if name == MATCHED:
            np.testing.assert_allclose(points["bound"], points["n"], rtol=1e-9)
            assert np.all(points["stable"] < points["bound"])
        else:
            assert np.all(points["stable"] >= points["bound"] * (1 - 1e-12))
            assert np.all(points["stable"] < 2.5 * points["bound"])


def test_muon_is_flatter_in_every_cell() -> None:
    tables = smoke(optimiser_ablation)
    for name in ("map", "options"):
        rows = tables[name]
        np.testing.assert_allclose(rows["flatter"], rows["muon"] / rows["matched"], rtol=1e-14)
        settled = rows["start"] < 0.1
        assert np.all(rows["flatter"][settled] > 1)
    full = where(tables["options"], start=1.0)["flatter"].mean()
    assert full < where(tables["options"], start=1e-3)["flatter"].mean()


def test_a_cell_of_the_sweep_is_a_run_of_its_own() -> None:
    """Rank 2 of the first drawn parts; the same instance for every momentum."""
    rows = smoke(optimiser_ablation)["map"]
    draw = stream("sweep polar_flow/ablation", "replicate", 0, "shape", "10 x 10", "share", 0.3)
    A = np.linalg.qr(draw.standard_normal((100, 30)))[0].T
    left, right = draw.standard_normal((MOST, 10, 1)), draw.standard_normal((MOST, 1, 10))
    noise = draw.standard_normal((10, 10))
    target = np.sum((left * right)[:2], axis=0)
    target *= 10 / np.linalg.norm(target)
    operator = dense_sensing(A, (10, 10))
    y = operator.apply(target)
    for momentum in (0.0, 0.9):
        cell = where(rows, share=0.3, rank=2, momentum=momentum)
        for name, rule in (("muon", "muon"), ("matched", "norm-matched")):
            found_run = descend(
                operator, y, 1e-3 * noise, 0.6 * profile("cosine", 60), rule, momentum=momentum
            )
            found = effective_rank(np.linalg.svd(found_run.W, compute_uv=False))
            # A polar factor of a nearly singular buffer amplifies rounding, over sixty steps.
            assert cell[name][0] == pytest.approx(float(found), rel=1e-6)


def test_the_sweep_refuses_no_cell_of_its_grid() -> None:
    assert ABLATION.at("quick").grid.size == 216
    assert max(ABLATION.at("full").grid.names, key=len) == "replicate"


@pytest.mark.parametrize("backend", ["strict"])
def test_the_sweep_runs_in_any_library(backend: str, tmp_path: Path) -> None:
    part = ABLATION.at("quick").with_axes(
        share=[0.5], shape=["7 x 14"], rank=[1, 5], steps=[6], step=[4.0], momentum=[0.0, 0.9], replicate=[0]
    )
    found = {}
    for name in ("numpy", backend):
        report = run(part, store=tmp_path / name, backend=name)
        assert not report.failed, report
        found[name] = results(part, store=tmp_path / name, backend=name).to_dataframe()
    for column in ("muon", "matched", "bound", "flatter"):
        np.testing.assert_allclose(found[backend][column], found["numpy"][column], rtol=1e-9)
