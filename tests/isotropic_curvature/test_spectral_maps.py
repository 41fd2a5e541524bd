"""ICM-X12.g: the spectral maps in use, powers, the polar map and the quintic, put to the inverse problem."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from labs.isotropic_curvature import (
    PiecewiseSlope,
    PiecewiseWeight,
    Rationalisation,
    minimal_kink,
    rationalise,
    solve,
)
from labs.isotropic_curvature.inverse import ZERO
from tests.referee import check, control, verifies
from theory.evidence import Evidence, certified
from theory.isotropic_curvature import ICM_X12g, quintic

G4 = np.array([1.0, 0.5, 0.2, 0.1])
TOLERANCE = 1e-5


@cache
def power_map(theta: float, growth: str = "convex", tolerance: float = TOLERANCE) -> Rationalisation:
    return rationalise(G4, G4**theta, growth=growth, tolerance=tolerance)


@check(ICM_X12g)
def least_residual(theta: float, growth: str, printed: float, tolerance: float) -> Evidence:
    """The infimum over H lies between the two bounds, and both round to the number printed (half a digit: 5e-6)."""
    answer = power_map(theta, growth, tolerance)
    ends = printed - 5e-6, printed + 5e-6
    far = (answer.lower, ends[1]) if answer.lower > printed else (ends[0], answer.residual)
    return certified(
        answer.residual,
        answer.lower,
        2 * tolerance,
        defects=(answer.residual - ends[1], ends[0] - answer.lower if printed else 0.0),
        refutation=far,
    )


PRINTED = {1 / 3: 0.11393, 0.5: 0.08785, 0.8: 0.02135, 0.9: 0.0, 1.3: 0.06695}


@verifies(ICM_X12g)
@pytest.mark.parametrize(("theta", "printed"), PRINTED.items())
def test_strong_power_maps_are_never_optimal(theta: float, printed: float) -> None:
    least_residual(theta, "convex", printed, 5e-6)


@control(ICM_X12g, changes="theta = 0.8 -> 0.801, 0.9 -> 0.87")
def test_other_power_maps_have_other_residuals() -> None:
    least_residual(0.801, "convex", PRINTED[0.8], 5e-6)
    least_residual(0.87, "convex", PRINTED[0.9], TOLERANCE)


def test_super_quadratic_growth_leaves_less() -> None:
    for theta in (0.5, 1.3):
        assert power_map(theta, "superquadratic").lower > power_map(theta).residual
        assert power_map(theta).limit_weight > 0  # the best fit is no function, but a limit
    for theta in (0.9, 1.0):
        assert power_map(theta, "superquadratic").possible


@pytest.mark.parametrize("growth", ["convex", "superquadratic"])
def test_the_polar_map_is_explained_by_a_kink(growth: str) -> None:
    answer = rationalise(G4, np.full(4, 2.0), growth=growth)
    assert answer.possible
    assert answer.breaks == (2.0,)
    assert answer.heights[0] == 0.0
    slope = answer.heights[1] * (2.0 if growth == "superquadratic" else 1.0)
    assert slope == pytest.approx(minimal_kink(G4)[0], rel=1e-12)
    # A steeper kink locks too; the update is then the polar map's.
    steeper = (answer.heights[0], 1.01 * answer.heights[1])
    steps = PiecewiseSlope if growth == "convex" else PiecewiseWeight
    np.testing.assert_allclose(solve(G4, steps(answer.breaks, steeper)).q, 2.0, rtol=1e-9)


def test_the_polar_map_is_isolated_and_needs_full_rank() -> None:
    """Close to it the residual is far from 0, and with m < n it is that of the spread of g: (g_1-g_4)/(g_1+g_4)."""
    assert rationalise(G4, G4**0.01, tolerance=1e-2).lower > 0.12
    wide = rationalise(G4, np.ones(4), n=5, tolerance=TOLERANCE)
    assert wide.residual == pytest.approx(0.9 / 1.1, abs=ZERO)
    assert wide.lower == pytest.approx(0.9 / 1.1, abs=TOLERANCE)


def test_the_quintic_is_not_explained() -> None:
    """Its output is close to one value, but in the wrong order and for no kink."""
    q = quintic.iterate(G4 / np.linalg.norm(G4))
    assert np.argmax(q) == 1
    for growth in ("convex", "superquadratic"):
        assert rationalise(G4, q, growth=growth, tolerance=1e-4).lower > 0.78


def test_the_steps_are_few_and_gentle() -> None:
    """Two radii that stand for one are merged; of all exact fits the one with the least final slope is taken.

    For q = g one fit is the quadratic, whose slope 4 x ends at 4.
    """
    assert len(power_map(0.5).breaks) == 1
    assert power_map(1.0).heights[-1] < 4
