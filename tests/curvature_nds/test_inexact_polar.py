"""NDS-X4.f to h: Muon with a few steps of a polynomial in place of the exact polar factor."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from labs.core.polar import CUBIC, POLAR_EXPRESS, TUNED, iterate, newton_schulz
from labs.core.spectrum import haar, power_law
from labs.core.streams import stream
from labs.curvature_nds.quadratic import descend_dense, structured
from tests.curvature_nds.matrices import fractions
from tests.referee import check, control, restates, verifies
from theory.curvature_nds import NDS_X4f, NDS_X4g, NDS_X4h, modes
from theory.curvature_nds.modes import Mode
from theory.evidence import Evidence, every, exact, measured, require

ONE = Fraction(1)
SCHEDULES: dict[str, Any] = {
    "default": [TUNED] * 5,
    "cubic": [CUBIC] * 5,
    "polar express": POLAR_EXPRESS[:5],
}


@check(NDS_X4f)
def weighted_mean(left_out: int = 0) -> Evidence:
    """Three modes, any curvatures and any values of phi; the covariance over all modes but `left_out`."""
    import sympy

    require(left_out == 0, "every mode counts")
    w, phi = sympy.symbols("w1:4", positive=True), sympy.symbols("phi1:4", positive=True)
    state = [Mode(1, x, y) for x, y in zip(w, phi, strict=True)]
    n = sympy.Integer(3 - left_out)
    mean, square = sum(w) / n, sum(y * y for y in phi) / n
    covariance = sum(x * y * y for x, y in zip(w, phi, strict=True)) / n - mean * square
    return exact(modes.sharpness(state, modes.gd), sum(w) / 3 + covariance / square)


def residuals(q: int, decades: float, reverse: bool) -> tuple[np.ndarray, np.ndarray]:
    """w, and residuals over so many decades, the largest on the largest curvature or on the smallest."""
    r = 10.0 ** -np.linspace(0.0, decades, q)
    return power_law(q, 1.3), r[::-1] if reverse else r


def sharpness(w: np.ndarray, r: np.ndarray, schedule: Any) -> float:
    """sum w phi^2/sum phi^2, phi of the residuals over their norm."""
    phi = iterate(schedule, r / np.linalg.norm(r))
    return float(np.sum(w * phi**2) / np.sum(phi**2))


@check(NDS_X4f)
def in_matrices(name: str, decades: float, reverse: bool) -> Evidence:
    """labs' iteration on dense residuals, one step, against the scalars.

    Rounding of the products, some 40 eps in the norm, grows by the slopes at 0, 3.45^5 = 485 at most and 8.3 * 4.1 *
    3.9 * 3.3 * 2.3 = 1020 for Polar Express.
    """
    w, r = residuals(16, decades, reverse)
    left, right = (haar(n, stream("inexact polar", n), columns=16) for n in (20, 24))
    A, B, D = structured(w, r, left, right)
    found = descend_dense(A, B, D, lambda R: newton_schulz(R, SCHEDULES[name]), 1).nds[0]
    return measured(found / np.mean(w), sharpness(w, r, SCHEDULES[name]) / np.mean(w), 1e5 * 2.0**-52)


@check(NDS_X4g)
def terms_of_the_bound() -> Evidence:
    """phi^2 = (l^2 + k h^2)/(1 + k): how far above l^2 and below h^2; from these both bounds, here for two modes."""
    import sympy

    l, d = sympy.symbols("l d", positive=True)
    k, w = sympy.symbols("k1:3", nonnegative=True), sympy.symbols("w1:3", positive=True)
    low, high = l**2, (l + d) ** 2
    squares = [(low + x * high) / (1 + x) for x in k]
    total, energy = sum(x * y for x, y in zip(w, squares, strict=True)), sum(squares)
    above = sum(w) * (energy - 2 * low) * high + 2 * low * (high * sum(w) - total)
    below = high * 2 * (total - low * sum(w)) + low * sum(w) * (2 * high - energy)
    return every(
        *(exact(x - low, 0, ">=") for x in squares),
        *(exact(high - x, 0, ">=") for x in squares),
        exact(high * sum(w) * energy - 2 * low * total, above),
        exact(2 * high * total - low * sum(w) * energy, below),
    )


@check(NDS_X4g)
def between(
    w: Sequence[Fraction],
    phi: Sequence[Fraction],
    counts: Sequence[int],
    ends: tuple[Fraction, Fraction],
    factor: Fraction = ONE,
) -> Evidence:
    """S/mean(w) between both bounds, `counts` modes of each kind; `factor` multiplies (h/l)^2."""
    low, high = ends
    require(all(low <= x <= high for x in phi), "l <= phi <= h")
    state = [Mode(n, x, y) for n, x, y in zip(counts, w, phi, strict=True)]
    mean = Fraction(sum(n * x for n, x in zip(counts, w, strict=True))) / sum(counts)
    ratio, bound = modes.sharpness(state, modes.gd) / mean, factor * (high / low) ** 2
    return every(exact(ratio, bound, "<="), exact(ratio, 1 / bound, ">="))


# One heavy mode at the one end, a million light ones at the other.
WORST = fractions("1", "1/1000000000"), (1, 1_000_000)
ENDS = Fraction(7, 10), Fraction(12, 10)


@check(NDS_X4h)
def by_range(decades: float, reverse: bool, ratio: float, tolerance: float, steps: int = 5) -> Evidence:
    """S/mean(w) of the default polynomial against a number."""
    require(steps == 5, "five steps")
    w, r = residuals(16, decades, reverse)
    return measured(sharpness(w, r, [TUNED] * steps) / np.mean(w), ratio, tolerance, margin=2 * tolerance)


RANGES = ((6.0, False, 1.58), (6.0, True, 0.255))


@verifies(NDS_X4f, NDS_X4g)
def test_the_weights_are_squares_of_the_map() -> None:
    weighted_mean()
    terms_of_the_bound()
    for phi in (ENDS, ENDS[::-1]):
        between(WORST[0], phi, WORST[1], ENDS)


@restates(NDS_X4f)
def test_inexact_factors_in_matrices() -> None:
    for name in SCHEDULES:
        for decades in (0.0, 2.0, 6.0):
            for reverse in (False, True):
                in_matrices(name, decades, reverse)


@verifies(NDS_X4h)
def test_five_steps_equalise_two_decades() -> None:
    for decades in (0.0, 1.0, 2.0):
        for reverse in (False, True):
            by_range(decades, reverse, 1.0, 0.25)
    for decades, reverse, ratio in RANGES:
        by_range(decades, reverse, ratio, 0.005 * ratio)


@control(NDS_X4f, drops="every mode counts")
def test_the_covariance_is_over_all_modes() -> None:
    weighted_mean(1)


@control(NDS_X4g, sharpens="(h/l)^2 -> 0.99 (h/l)^2")
def test_one_heavy_mode_attains_the_bounds() -> None:
    for phi in (ENDS, ENDS[::-1]):
        between(WORST[0], phi, WORST[1], ENDS, Fraction(99, 100))


@control(NDS_X4g, drops="l <= phi <= h")
def test_a_mode_that_is_not_equalised() -> None:
    between(WORST[0], (ENDS[1], ENDS[0] / 2), WORST[1], ENDS)


@control(NDS_X4h, drops="five steps")
def test_ten_steps_equalise_six_decades() -> None:
    for decades, reverse, ratio in RANGES:
        by_range(decades, reverse, ratio, 0.005 * ratio, steps=10)


def test_longer_schedules_reach_further() -> None:
    """Eight steps of Polar Express: within one per cent of the mean curvature over three decades."""
    w, r = residuals(16, 3.0, True)
    assert abs(sharpness(w, r, POLAR_EXPRESS) / np.mean(w) - 1) < 0.01
    assert sharpness(w, r, [CUBIC] * 5) / np.mean(w) < 0.3
