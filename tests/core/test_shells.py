"""The sphere in shells: against the tails of quadratic forms, closed forms, and other integrals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labs.core.sphere import expect, tail_moments
from labs.core.sphere.shells import Shells
from labs.isotropic_curvature import PiecewiseSlope, Power

SPECTRA = [
    ([1.0, 0.5, 0.2, 0.1], 4),
    ([1.0, 0.5, 0.2], 7),
    ([0.3, 2.0, 0.1], 3),
    ([1.0, 1.0, 0.5], 3),
    ([1.0, 0.999, 1e-3], 3),
    ([1.0, 0.5, 0.4995], 3),
    ([1.0, 1e-3], 2),
    ([1.0, 1e-2, 1e-4], 4),
    ([1.0, 1.0], 3),
    ([3.0], 2),
]


@pytest.mark.parametrize(("values", "n"), SPECTRA, ids=str)
def test_power_zero_is_the_tail_of_a_quadratic_form(values: list[float], n: int) -> None:
    """E[u_i 1{rho > c}] = P_i(q^2 - c^2), whose contour integral has no quadrature in c."""
    q = np.array(values)
    shells = Shells(q, n)
    low = max(shells.bottom, 0.1 * np.min(q))
    c = np.concatenate(
        [np.geomspace(low, shells.top, 9)[1:-1], shells.top * (1 - np.geomspace(1e-9, 0.03, 5))]
    )
    found = shells.beyond(c, 0.0)
    for radius, row in zip(c, found, strict=True):
        a, count = (q - radius) * (q + radius), np.ones(len(q))
        if n > len(q):
            a, count = np.append(a, -(radius**2)), np.append(count, n - len(q))
        exact = tail_moments(a, count).first[: len(q)]
        np.testing.assert_allclose(row, exact, rtol=0, atol=1e-13 * np.max(exact))


def test_negative_powers_are_the_gradient_of_a_kinked_function() -> None:
    """q_i E[1{rho > c} u_i/rho] is the gradient for H = (x - c)_+, and at c = 0 for H = x."""
    for values, n in (([1.0, 0.5, 0.2, 0.1], 4), ([1.0, 0.5, 0.2], 5)):
        q = np.array(values)
        shells = Shells(q, n)
        for c in (0.15, 0.45, 0.9):
            kinked = expect(PiecewiseSlope((c,), (0.0, 1.0)), q, n, order=1)[1]
            np.testing.assert_allclose(q * shells.beyond(np.array([c]), -1.0)[0], kinked, rtol=1e-12)
        linear = np.asarray(expect(Power(1.0), q, n, order=1)[1])
        for below in (0.0, shells.bottom):
            np.testing.assert_allclose(q * shells.beyond(np.array([below]), -1.0)[0], linear, rtol=1e-12)


def test_the_circle() -> None:
    """n = 2, q = (1, t): rho > c where sin^2 < (1 - c^2)/(1 - t^2)."""
    t = 0.4
    c = np.array([0.41, 0.6, 0.999, 1 - 1e-10])
    angle = np.arcsin(np.sqrt((1 - c) * (1 + c) / (1 - t**2)))
    first = (angle + np.sin(angle) * np.cos(angle)) / np.pi
    np.testing.assert_allclose(Shells(np.array([1.0, t])).beyond(c, 0.0)[:, 0], first, rtol=1e-13)


def test_powers_add_up() -> None:
    """sum_i q_i^2 E[1 rho^(p-2) u_i] = E[1 rho^p], and without q_i^2 too: sum u = 1 for k = n."""
    q = np.array([1.0, 0.6, 0.3])
    c = np.array([0.1, 0.35, 0.7, 0.95])
    shells = Shells(q)
    for power in (0.0, 1.0, 3.0):
        np.testing.assert_allclose(
            shells.beyond(c, power - 2) @ q**2, np.sum(shells.beyond(c, power), axis=1), rtol=1e-12
        )


@pytest.mark.parametrize(
    ("q", "n", "message"),
    [
        (np.ones((2, 2)), None, "q must be an array of shape"),
        (np.array([]), None, "q must be an array of shape"),
        (np.array([1.0, 0.0]), None, "q must be"),
        (np.array([1.0, np.inf]), None, "q must be"),
        (np.array([2.0, 2.0]), None, "q must not be constant"),
        (np.array([1.0, 0.5]), 1, "n must be"),
        (np.array([1.0, 0.5]), 2.5, "n must be"),
    ],
)
def test_bad_spectra_are_refused(q: np.ndarray, n: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Shells(q, n)


@pytest.mark.parametrize("c", [np.array([-0.1]), np.array([1.0]), np.array([np.nan]), np.zeros((1, 1))])
def test_bad_radii_are_refused(c: np.ndarray) -> None:
    with pytest.raises(ValueError, match="c must be an array of shape"):
        Shells(np.array([1.0, 0.5])).beyond(c, 0.0)
