"""The host routines for the least kink: bad input, where none is sharp enough, nearly equal and graded levels."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from labs.isotropic_curvature.kink_closed_forms import pair_kink, plane_kink, two_level_kink
from labs.isotropic_curvature.zonoid import minimal_kink


@pytest.mark.parametrize("kink", [plane_kink, minimal_kink])
def test_bad_spectra_are_refused(kink: Callable[..., Any]) -> None:
    for bad in ([1.0, np.nan], [1.0, -0.1], [[1.0, 0.5]], [np.inf, 1.0]):
        with pytest.raises(ValueError, match=r"g\b.*got"):
            kink(np.array(bad))
    for A in (-0.1, np.nan, np.inf):
        with pytest.raises(ValueError, match="A must be"):
            kink(np.array([1.0, 0.5]), A)


def test_bad_levels_are_refused() -> None:
    for levels in ((0.5, 1.0), (1.0, -0.1), (np.nan, 0.5), (np.inf, 0.5)):
        with pytest.raises(ValueError, match="g_a and g_b must be"):
            two_level_kink(*levels, 1, 3)
    for k0, n in ((0, 3), (3, 3), (1.5, 3), (1, 2.5)):
        with pytest.raises(ValueError, match="k0 and n must be"):
            two_level_kink(1.0, 0.5, k0, n)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="A must be"):
        two_level_kink(1.0, 0.5, 1, 3, -1.0)
    with pytest.raises(RuntimeError, match="beyond"):
        two_level_kink(1.0, 1e-12, 64, 128)


def test_where_no_kink_is_sharp_enough() -> None:
    assert plane_kink(np.array([1.0, 0.0])) == math.inf
    assert plane_kink(np.array([1.0, 0.5]), 1.0) == math.inf
    assert plane_kink(np.array([0.5, 0.5]), 1.0) == 1.0
    assert plane_kink(np.array([0.5, 0.5]), 1.1) == math.inf
    assert plane_kink(np.array([0.5, 0.5]), 0.3) == 1.0
    assert two_level_kink(1.0, 0.0, 1, 3) == math.inf
    assert two_level_kink(1.0, 0.5, 1, 3, 1.5) == math.inf
    assert two_level_kink(0.5, 0.5, 1, 4, 2.0) == 2.0
    assert two_level_kink(0.5, 0.5, 1, 4, 2.1) == math.inf
    assert two_level_kink(0.5, 0.5, 1, 4, 0.3) == 2.0


@pytest.mark.parametrize("gap", [1e-2, 1e-5, 1e-8, 1e-11])
def test_nearly_equal_levels(gap: float) -> None:
    """B_min is at least n g_1, and for k0 = n - 1 it is little more: both routes agree to rounding."""
    low = 1.0 - gap
    assert two_level_kink(1.0, low, 1, 2) == pytest.approx(plane_kink(np.array([low, 1.0])), rel=1e-14)
    assert plane_kink(np.array([1.0, low])) == pytest.approx(2.0, rel=max(1e-14, gap**2))
    assert two_level_kink(1.0, low, 2, 6) == pytest.approx(pair_kink(1.0, low, 6), rel=1e-14)


@pytest.mark.parametrize("low", [1e-3, 1e-9, 1e-15, 1e-60])
def test_graded_levels(low: float) -> None:
    assert two_level_kink(1.0, low, 1, 2) == pytest.approx(plane_kink(np.array([low, 1.0])), rel=1e-13)
    # 1 - sin(y)/y = y^2/6 to relative y^2/20.
    y = math.sqrt(12 * low / (1 + low))
    assert plane_kink(np.array([1.0, low])) == pytest.approx(math.pi * (1 + low) / y, rel=1e-14 + y**2 / 20)
    assert two_level_kink(1.0, low, 2, 6) == pytest.approx(pair_kink(1.0, low, 6), rel=1e-13)
