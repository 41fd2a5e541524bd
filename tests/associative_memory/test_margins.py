"""The numbers of one margin keep their digits late, near the best margin and at overflow."""

from __future__ import annotations

import numpy as np
import pytest

from labs.associative_memory.descent import gd_margins, ngd_margins
from labs.associative_memory.margins import (
    error_drift,
    item_excess,
    item_loss,
    least_loss,
    margin_drift,
    masses_of_power_law,
    optimal_margin,
    peak,
)

EPS = 2.0**-52


@pytest.mark.parametrize(("K", "alpha"), [(2, 0.99), (1000, 0.2), (10**6, 1e-9), (4, 1.0), (5, 0.5)])
def test_drift_and_excess_have_small_relative_errors(K: int, alpha: float) -> None:
    import mpmath

    with mpmath.workdps(60):
        a = mpmath.mpf(alpha)
        pi = 1 - a + a / K
        for size in (1e-100, 1e-15, 1e-3, 0.49, 0.51, 3.0, 30.0, 700.0, 5000.0):
            for e in (size, -size):
                x = pi * mpmath.expm1(e)
                left = pi * (1 - pi) * mpmath.mpf(e) ** 2 / 2 if size < 1e-20 else mpmath.log1p(x) - pi * e
                assert item_excess(e, K, alpha) == pytest.approx(float(left), rel=32 * EPS)
                drift = float(a * x / (1 + x))
                assert error_drift(e, K, alpha) == pytest.approx(drift, rel=16 * EPS)
        for m in (0.0, 5.0, -5.0, 50.0, -800.0, 700.0):
            w = mpmath.exp(m)
            assert item_loss(m, K, alpha) == pytest.approx(
                float(mpmath.log(w + K - 1) - pi * m), rel=32 * EPS
            )
            # The rounding of m, in a function of slope K/(4 (K - 1)) at most.
            expected = float(K / (w + K - 1) - a)
            assert margin_drift(m, K, alpha) == pytest.approx(expected, rel=8 * EPS, abs=EPS * (1 + abs(m)))


def test_numbers_of_the_worked_example() -> None:
    assert least_loss(4, 0.1) == pytest.approx(0.348780385, abs=5e-10)
    masses = np.array([0.75, 0.25])
    gd = gd_margins(masses / 2, 4, 0.1, 4.0, 8)
    ngd, _ = ngd_margins(masses / 2, np.array([2.0, 2.0]), 4, 0.1, 0.3, 8)
    for run, printed in (
        (gd, (1.386294361, 0.783160016, 0.495370505, 0.380908326)),
        (ngd, (1.386294361, 1.259664888, 1.033090796, 0.635906922)),
    ):
        losses = np.sum(masses * item_loss(run, 4, 0.1), axis=-1)
        np.testing.assert_allclose(losses[[0, 1, 3, 8]], printed, atol=5e-10)


def test_a_memory_of_one_item_has_nothing_to_lose() -> None:
    assert peak(1, 0.3) == 1.0
    assert least_loss(1, 0.3) == 0.0
    assert item_loss(-1e9, 1, 0.3) == 0.0
    assert np.isinf(optimal_margin(7, 0.0))


def test_the_power_law_of_masses() -> None:
    np.testing.assert_allclose(masses_of_power_law(2.0, 3), np.array([36, 9, 4]) / 49, rtol=4 * EPS)
    steep = masses_of_power_law(np.array([0.0, 400.0]), 1000)
    np.testing.assert_allclose(np.sum(steep, axis=-1), 1.0, rtol=8 * EPS)
    assert steep[1, 0] == 1.0
    rising = masses_of_power_law(-200.0, 1000)  # 1000^200 overflows
    assert rising[-1] / rising[-2] == pytest.approx((1000 / 999) ** 200, rel=1e-12)
