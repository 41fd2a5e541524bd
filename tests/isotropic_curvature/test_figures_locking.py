"""What the figures about kinks show, in numbers, at smoke scale: edges, windows, printed values."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from figures.gallery.tables import where
from figures.isotropic_curvature import kink_phase_diagram, locking_staircase
from labs.core import arrays

# The solver's relative error in q is about 1e-14, and 1e-12 at a kink.
ROUNDING = 1e-11


@cache
def smoke(module: ModuleType) -> Any:
    return module.data("smoke", arrays.backend())


# --- the phase diagram -------------------------------------------------------------------------------------------


def test_cells_are_held_left_of_the_edge_only() -> None:
    cells = smoke(kink_phase_diagram)["cells"]
    edges = [kink_phase_diagram.edge(A, B) for A, B in zip(cells["A"], cells["B"], strict=True)]
    held = np.abs(cells["ratio"] - 1) < ROUNDING
    np.testing.assert_array_equal(held, cells["spread"] <= edges)
    assert set(held) == {True, False}
    assert np.all(cells["ratio"][~held] < 1 - 1e-3)


def test_the_edge_is_the_formula_within_the_simpler_bound() -> None:
    rows = smoke(kink_phase_diagram)["edge"]
    jump = rows["B"] - rows["A"]
    np.testing.assert_allclose(
        rows["spread"], jump / np.pi * np.sin(np.pi * (1 - rows["A"]) / jump), rtol=1e-13, atol=1e-13
    )
    assert np.all(rows["spread"] <= rows["bound"] * (1 + ROUNDING))
    assert np.max(rows["spread"] / rows["bound"]) > 0.999  # sharp at one point
    assert np.all(rows["spread"] < 1 - rows["A"])


def test_the_printed_least_slope_lies_on_the_edge() -> None:
    """A = 0.2, g = (0.65, 0.35): B_min = 1.35142776927."""
    assert kink_phase_diagram.edge(0.2, 1.35142776927) == pytest.approx(0.3, abs=1e-11)


def test_the_schematic_kink_has_the_slopes_it_says() -> None:
    for kind in ("constant", "computed"):
        rows = where(smoke(kink_phase_diagram)["shape"], kind=kind)
        at = int(np.argmin(np.abs(rows["x"] - 1)))
        assert rows["slope"][at] == 2
        assert rows["slope"][at - 1] == pytest.approx(0.5, rel=0.011)
        assert np.all(np.diff(rows["H"]) >= 0)


# --- the staircase -----------------------------------------------------------------------------------------------


def test_plateaus_stand_where_the_window_is() -> None:
    tables = smoke(locking_staircase)
    for name in (locking_staircase.ONE, locking_staircase.TWO):
        rows, windows = where(tables["stairs"], H=name), where(tables["window"], H=name)
        held = np.zeros(rows["t"].shape, dtype=bool)
        for r, low, high in zip(*(windows[c] for c in ("r", "low", "high")), strict=True):
            inside = (rows["t"] > low) & (rows["t"] < high)
            np.testing.assert_allclose(rows["q1"][inside], r, rtol=ROUNDING)
            np.testing.assert_allclose(rows["q2"][inside], r, rtol=ROUNDING)
            held |= inside
        assert held.any()
        assert np.all(rows["q1"][~held] > rows["q2"][~held] * (1 + 1e-3))


def test_the_printed_window() -> None:
    found = locking_staircase.window(0.25, 2.5)
    assert [f"{t:.7f}" for t in found] == ["0.2084914", "1.2251728"]
    assert [f"{t:.4f}" in locking_staircase.CAPTION for t in found] == [True, True]


def test_beside_the_kinks_the_update_is_gradient_descent() -> None:
    tables = smoke(locking_staircase)
    for name in (locking_staircase.ONE, locking_staircase.TWO):
        rows, stretch = where(tables["stairs"], H=name), where(tables["stretch"], H=name)
        seen = 0
        for start in range(0, stretch["t"].size, 2):
            first, last = stretch["t"][start : start + 2]
            inside = (rows["t"] >= first) & (rows["t"] <= last)
            for column in ("q1", "q2"):
                slope = stretch[column][start] / first
                np.testing.assert_allclose(rows[column][inside], slope * rows["t"][inside], rtol=1e-10)
            seen += int(np.sum(inside))
        assert seen > 0


def test_the_smoothed_kink_follows_the_line() -> None:
    tables = smoke(locking_staircase)
    ramp, line = tables["ramp"], tables["slope"]
    for column in ("x1", "x2"):
        predicted = np.interp(ramp["t"], line["t"], line[column])
        assert np.all(np.abs(ramp[column] - predicted) < 0.25 * ramp["delta"])
