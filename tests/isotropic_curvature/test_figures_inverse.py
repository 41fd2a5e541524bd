"""What the figure on rationalisability shows, in numbers, at smoke scale."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from figures.gallery.tables import where
from figures.isotropic_curvature import rationalisability
from labs.core import arrays
from labs.core.sphere import expect
from labs.isotropic_curvature import PiecewiseSlope, minimal_kink

TOLERANCE = rationalisability.TOLERANCE["smoke"]
# The figure's exact fits are exact to the rounding of the linear program.
ZERO = 1e-9


@cache
def smoke() -> Any:
    return rationalisability.data("smoke", arrays.backend())


def test_the_two_bounds_coincide() -> None:
    for name in ("powers", "maps"):
        rows = smoke()[name]
        assert np.all(rows["proved"] <= rows["residual"] + ZERO)
        assert np.all(rows["residual"] - rows["proved"] <= TOLERANCE)


def test_which_powers_are_explained() -> None:
    convex, steep = (where(smoke()["powers"], growth=growth) for growth in rationalisability.GROWTHS)
    assert convex["theta"].tolist() == [0.5, 0.9, 1.3]
    assert [f"{x:.5f}" for x in convex["residual"]] == ["0.08785", "0.00000", "0.06695"]
    assert np.all(steep["residual"] >= convex["residual"] - ZERO)


def test_above_one_two_singular_values_decide_the_super_quadratic_residual() -> None:
    steep = where(smoke()["powers"], growth="superquadratic", theta=1.3)
    predicted = rationalisability.excluded_by_extremes(1.3)
    assert steep["residual"][0] == pytest.approx(predicted, abs=ZERO)
    assert rationalisability.excluded_by_extremes(1.0) == 0.0


def test_the_quintic_is_not_explained_and_the_polar_map_is() -> None:
    maps = smoke()["maps"]
    assert where(maps, map="polar")["residual"].tolist() == [0.0]
    assert where(maps, map="square root")["residual"][0] < ZERO  # i^-1 is gentle enough
    assert where(maps, map="five quintic steps")["proved"][0] > 0.3


def test_the_slopes_drawn_are_those_that_explain() -> None:
    slopes = smoke()["slopes"]
    kink = where(slopes, theta=0.0)
    assert kink["slope"][-1] == pytest.approx(minimal_kink(rationalisability.GRADIENT)[0])
    assert np.all(kink["slope"][kink["length"] < 1] == 0)
    steps = where(slopes, theta=0.9)
    assert np.all(steps["limit"] == 0)
    breaks, heights = steps["length"][1:-1:2], steps["slope"][::2]
    q = rationalisability.GRADIENT**0.9
    gradient = expect(PiecewiseSlope(tuple(breaks), tuple(heights)), q, order=1)[1]
    np.testing.assert_allclose(gradient, rationalisability.GRADIENT, rtol=ZERO)


def test_the_caption_states_computed_numbers() -> None:
    caption = " ".join(rationalisability.CAPTION.split())
    near = rationalisability.rationalise(
        rationalisability.GRADIENT, rationalisability.GRADIENT**0.001, tolerance=1e-2
    )
    assert f"the residual stays at {near.residual:.3f}" in caption
    # H = x^2 n/2: q = g, that is H' = n x.
    assert "H' = 4x" in caption
