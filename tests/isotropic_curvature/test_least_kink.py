"""ICM-T4.2, ICM-T4.3, ICM-T4a: the least kink, its dependence on the slope before it, necessary conditions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import nearly_equal
from labs.isotropic_curvature import kink_closed_forms
from labs.isotropic_curvature.zonoid import minimal_kink
from tests.isotropic_curvature.kinks import KINK_ERROR, graded_by, least_at, zoo_of
from tests.referee import check, control, verifies
from theory.evidence import Evidence, every, exact, measured, require
from theory.isotropic_curvature import sectors, two_levels
from theory.isotropic_curvature.orthogonalisation import (
    ICM_T4_2,
    ICM_T4_3,
    ICM_T4aa,
    ICM_T4ab,
    ICM_T4ac,
    ICM_T4ad,
)

ONE = Fraction(1)


# --- ICM-T4.2: the least kink ----------------------------------------------------------------------------------


@check(ICM_T4_2)
def gauge_of_pairs(share: Fraction) -> Evidence:
    """k0 = 2, every n: labs' closed form is A + J at (g, A), and J at (g - share A/n, 0), for g = E[h u], jump J."""
    import sympy

    p, y, power, A, J = sympy.symbols("p y power A J", positive=True)
    n = 2 * p + 2
    require(J.is_positive, "A3")
    require(n.is_positive, "k = n")
    high, low = two_levels.spectrum(two_levels.pair_tails(p, y, power), 2, n, A, A + J)

    def formula(shift: Any, slope: Any) -> Any:
        found = kink_closed_forms.pair_kink(high - shift, low - shift, n, slope)
        return two_levels.name_power(found, y, p, power)

    return every(exact(formula(0, A), A + J), exact(formula(share * A / n, 0), J))


@check(ICM_T4_2)
def no_kink_is_sharp_enough(n: int, room: Fraction) -> Evidence:
    """k0 = 2, g' = (x, x, -room x, ..., -room x), n even: (Z) fails for every J = B - A > x (B >= n g_1).

    At a = (eps, eps, -1, ..., -1) with eps = x/J, where S(a) = (1 + eps) E(t - tau)_+, tau = 1/(1 + eps).
    """
    import sympy

    x, more = sympy.symbols("x more", positive=True)
    J = x * (1 + more)
    eps = 1 / (1 + more)
    tau = 1 / (1 + eps)
    support = (1 + eps) * two_levels.even_tails(2, n, tau).support
    require(J.is_positive, "A3")
    require(n > 2, "k = n")
    inner = 2 * eps * x + (n - 2) * room * x
    return exact(J * support, inner, "<", witness={x: 1, more: 10**6} if room < 0 else None)


@check(ICM_T4_2)
def shift_on_the_zoo(g: tuple[float, ...], share: float, factor: float = 1.0) -> Evidence:
    """B_min(g, A) = A + B_min(g - A/n, 0), where both are computed by labs."""
    A, B, _ = least_at(g, share)
    require(A < B, "A3")
    require(len(g) > 0, "k = n")
    return measured((A + minimal_kink(np.array(g) - factor * A / len(g))[0]) / B, 1.0, KINK_ERROR)


@check(ICM_T4_2)
def finite_or_not(g: np.ndarray, A: float, finite: bool) -> Evidence:
    """Whether labs finds a kink, as 1 or 0; the tolerance of a count."""
    require(A >= 0, "A3")
    require(g.size > 0, "k = n")
    return measured(float(np.isfinite(minimal_kink(g, A)[0])), float(finite), 0.0)


@verifies(ICM_T4_2)
def test_the_gauge_of_pairs() -> None:
    gauge_of_pairs(ONE)
    for n, room in ((4, Fraction(0)), (4, Fraction(1, 10)), (6, Fraction(0))):
        no_kink_is_sharp_enough(n, room)


@verifies(ICM_T4_2)
def test_a_left_slope_only_shifts() -> None:
    for g in graded_by(5, 1e3)[:3]:
        shift_on_the_zoo(g, 0.5)


@verifies(ICM_T4_2)
@pytest.mark.long
def test_a_left_slope_only_shifts_on_the_zoo() -> None:
    for n in (2, 3, 16, 64):
        for g in graded_by(n, 1e3):
            for share in (0.1, 0.9):
                shift_on_the_zoo(g, share)


@verifies(ICM_T4_2)
def test_finite_or_not() -> None:
    g = np.array([1.0, 0.5, 0.25])
    finite_or_not(g, 0.75 * (1 - 1e-9), True)
    for A in (0.75, 0.8):
        finite_or_not(g, A, False)
    finite_or_not(np.full(3, 0.25), 0.75, True)
    finite_or_not(np.full(3, 0.25), 0.76, False)
    finite_or_not(np.array([1.0, 0.0]), 0.0, False)


@control(ICM_T4_2, changes="A/n -> 0.98 A/n, and A = n g_n -> A = 0.99 n g_n")
def test_another_shift() -> None:
    gauge_of_pairs(Fraction(98, 100))
    no_kink_is_sharp_enough(4, Fraction(-1, 100))
    shift_on_the_zoo((1.0, 0.5, 0.25), 0.5, factor=0.98)


# --- ICM-T4.3: monotone in the left slope ----------------------------------------------------------------------


@check(ICM_T4_3)
def slope_of_pairs(rate: Fraction) -> Evidence:
    """k0 = 2, every n = 2p + 2: d B_min/dA >= rate at n g_b = A + z, sum g = A + (1 + v) z, for all v >= 0."""
    import sympy

    p, high, low, A, z = sympy.symbols("p high low A z", positive=True)
    v = sympy.Symbol("v", nonnegative=True)
    n = 2 * p + 2
    slope = kink_closed_forms.pair_kink(high, low, n, A).diff(A)
    at = {high: (A + (1 + v) * z - (n - 2) * (A + z) / n) / 2, low: (A + z) / n}
    slope = two_levels.name_power(slope.subs(at, simultaneous=True), 1 + v, p, (1 + v) ** p)
    require(z.is_positive, "A3")
    require(n.is_positive, "k = n")
    return every(exact(slope.subs(v, 0), rate, ">="), exact(slope.diff(v), 0, ">="))


@check(ICM_T4_3)
def slope_on_the_zoo(g: tuple[float, ...], shares: tuple[float, float], rate: float = 0.0) -> Evidence:
    """(B_min(A') - B_min(A))/(A' - A) >= rate, each B_min with its relative error."""
    (A, B, _), (larger, other, _) = (least_at(g, share) for share in shares)
    require(A <= larger < other, "A3")
    require(len(g) > 0, "k = n")
    return measured(other - B, rate * (larger - A), KINK_ERROR * other, ">=")


@verifies(ICM_T4_3)
def test_a_steeper_beginning_needs_more() -> None:
    slope_of_pairs(Fraction(0))
    for g in graded_by(5, 1e3):
        slope_on_the_zoo(g, (0.0, 0.5))


@verifies(ICM_T4_3)
@pytest.mark.long
def test_a_steeper_beginning_needs_more_on_the_zoo() -> None:
    for n in (2, 16):
        for g in graded_by(n, 1e3):
            for shares in ((0.0, 0.3), (0.3, 0.31), (0.31, 0.95)):
                slope_on_the_zoo(g, shares)


@control(ICM_T4_3, sharpens="slope >= 0 -> slope >= 0.01")
def test_a_nearly_constant_spectrum_needs_no_more() -> None:
    slope_of_pairs(Fraction(1, 100))
    slope_on_the_zoo((1.0, 0.97), (0.0, 0.5), rate=0.01)


# --- ICM-T4a: four necessary conditions ------------------------------------------------------------------------


def _averages() -> tuple[Any, Any, Any, Any]:
    """(n, A, J, x, y): any h between A and A + J; x and y are averages of (h - A)/J, or of what it lacks of 1."""
    import sympy

    n, A, J = sympy.symbols("n A J", positive=True)
    return n, A, J, sympy.symbols("x y", nonnegative=True)


@check(ICM_T4aa)
def lower_slope(factor: Fraction) -> Evidence:
    """g_n = A/n + (J/n) x, x the average of (h - A)/J with the weight n u_n, for every h and n."""
    n, A, J, (x, _) = _averages()
    require(J.is_positive, "A3")
    require(n.is_positive, "k = n")
    return exact(
        factor * A, n * (A / n + J / n * x), "<=", witness={A: 1, J: 1, x: 0, n: 2} if factor > 1 else None
    )


@check(ICM_T4ab)
def upper_slope(factor: Fraction) -> Evidence:
    """g_1 = B/n - (J/n) x, x the average of (B - h)/J with the weight n u_1, for every h and n."""
    n, A, J, (x, _) = _averages()
    require(J.is_positive, "A3")
    require(n.is_positive, "k = n")
    return exact(A + J, factor * n * ((A + J) / n - J / n * x), ">=")


@check(ICM_T4ac)
def total_between(low: Fraction, high: Fraction) -> Evidence:
    """sum g = A + J x = B - J y, x and y the averages of (h - A)/J and (B - h)/J."""
    n, A, J, (x, y) = _averages()
    require(J.is_positive, "A3")
    require(n.is_positive, "k = n")
    return every(exact(low * A, A + J * x, "<="), exact(high * (A + J - J * y), A + J, "<="))


@check(ICM_T4ad)
def difference_of_levels(factor: Fraction) -> Evidence:
    """g_1 - g_n = J (1 - x - y) E(u_1 - u_n)_+ for every h and n.

    x and y are the averages of (B - h)/J where u_1 > u_n and of (h - A)/J where u_1 < u_n, weight |u_1 - u_n|.
    """
    import sympy

    n, _, J, (x, y) = _averages()
    require(J.is_positive, "A3")
    require(n.is_positive, "k = n")
    spread = J * (1 - x - y) * sectors.mean_positive_part(n)
    return exact(
        J, factor * sympy.pi * n / 2 * spread, ">=", witness={J: 1, x: 0, y: 0, n: 2} if factor > 1 else None
    )


@check(ICM_T4aa)
def largest_left_slope(g: tuple[float, ...], share: float) -> Evidence:
    """A = share n g_n has a kink that is sharp enough, where share <= 1: as 1 or 0."""
    A = share * len(g) * min(g)
    require(A >= 0, "A3")
    require(len(g) > 0, "k = n")
    return measured(float(np.isfinite(minimal_kink(np.array(g), A)[0])), float(share < 1), 0.0)


@check(ICM_T4ab, ICM_T4ac, ICM_T4ad)
def least_kink_is_above(g: tuple[float, ...], share: float, what: str, factor: float = 1.0) -> Evidence:
    """labs' B_min against n g_1, sum g, or A + (pi n/2)(g_1 - g_n)."""
    A, B, _ = least_at(g, share)
    require(A <= B, "A3")
    require(len(g) > 0, "k = n")
    claimed = {
        "largest": len(g) * max(g),
        "sum": sum(g),
        "spread": A + np.pi * len(g) / 2 * (max(g) - min(g)),
    }[what]
    return measured(B, factor * claimed, KINK_ERROR * B, ">=")


def half_jump(n: int) -> tuple[float, ...]:
    """g = E[u 1{u_1 > u_n}] (A = 0, B = 1): half of all directions."""
    middle, shift = 1 / (2 * n), 1 / (np.pi * n)
    return (middle + shift, *[middle] * (n - 2), middle - shift)


@verifies(ICM_T4aa, ICM_T4ab, ICM_T4ac, ICM_T4ad)
def test_necessary_conditions_for_every_density() -> None:
    lower_slope(ONE)
    upper_slope(ONE)
    total_between(ONE, ONE)
    difference_of_levels(ONE)


@verifies(ICM_T4aa)
def test_the_left_slope_on_the_zoo() -> None:
    for g in graded_by(5, 1e2)[:2]:
        for share in (0.99, 1.01):
            largest_left_slope(g, share)


@verifies(ICM_T4ab, ICM_T4ac, ICM_T4ad)
def test_the_least_kink_on_the_zoo() -> None:
    for what in ("largest", "sum", "spread"):
        for g in zoo_of(5):
            least_kink_is_above(g, 0.0, what)
        for g in graded_by(5, 1e3):
            least_kink_is_above(g, 0.5, what)


@verifies(ICM_T4ab, ICM_T4ac, ICM_T4ad)
@pytest.mark.long
def test_the_least_kink_on_the_whole_zoo() -> None:
    for n in (2, 3, 16):
        for g in (*graded_by(n, 1e3), tuple(nearly_equal(n))):
            for share in (0.0, 0.5):
                for what in ("largest", "sum", "spread"):
                    least_kink_is_above(g, share, what)


@verifies(ICM_T4ad)
def test_half_of_all_directions_attain_the_spread() -> None:
    for n in (2, 3):
        assert least_kink_is_above(half_jump(n), 0.0, "spread").ratio == pytest.approx(1.0, abs=1e-11)


@control(ICM_T4aa, sharpens="A <= n g_n -> 1.01 A <= n g_n")
def test_the_left_slope_is_sharp() -> None:
    lower_slope(Fraction(101, 100))


@control(ICM_T4ab, sharpens="n g_1 -> 1.01 n g_1")
def test_the_right_slope_is_sharp() -> None:
    upper_slope(Fraction(101, 100))
    least_kink_is_above((1.0, 0.97), 0.0, "largest", factor=1.01)


@control(ICM_T4ac, sharpens="A <= sum g <= B -> 1.01 A <= sum g, 1.01 sum g <= B")
def test_the_sum_is_sharp() -> None:
    total_between(Fraction(101, 100), ONE)
    total_between(ONE, Fraction(101, 100))
    least_kink_is_above((1.0, 0.99), 0.0, "sum", factor=1.01)


@control(ICM_T4ad, sharpens="pi n/2 -> 1.01 pi n/2")
def test_the_jump_is_sharp() -> None:
    difference_of_levels(Fraction(101, 100))
    for n in (2, 3):
        least_kink_is_above(half_jump(n), 0.0, "spread", factor=1.01)
