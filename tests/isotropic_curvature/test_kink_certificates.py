"""ICM-T4c.e, ICM-T4d.a-b: the least kink of any spectrum, and what certifies it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from labs.core.spectrum import log_uniform, power_law, zoo
from labs.core.sphere import tail_moments
from labs.core.streams import stream
from labs.isotropic_curvature.zonoid import minimal_kink
from tests.isotropic_curvature.kinks import KINK_ERROR, bracket_within, least
from tests.isotropic_curvature.menu import rationals
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, every, exact, measured, require
from theory.isotropic_curvature import doubled_levels, quadrics, two_levels
from theory.isotropic_curvature.minimal_kink import (
    ICM_T4ce,
    ICM_T4da,
    ICM_T4db,
)

ONE = Fraction(1)


# --- ICM-T4c.e: in general -------------------------------------------------------------------------------------


@check(ICM_T4ce)
def three_doubled_levels(a: Sequence[Fraction], B: Fraction, factor: Fraction = ONE) -> Evidence:
    """n = 6, g = factor B P(a), in rational numbers: P is the gradient of S, and a has the best quotient, B.

    The other points are near a and far from it.
    """
    import sympy

    sign = [1 if ai > 0 else -1 for ai in a]
    size = sympy.symbols("x1:4", positive=True)
    support = doubled_levels.support([si * xi for si, xi in zip(sign, size, strict=True)])
    at = {xi: sympy.Rational(abs(ai).numerator, ai.denominator) for xi, ai in zip(size, a, strict=True)}
    slopes = [si * support.diff(xi).subs(at) / 2 for si, xi in zip(sign, size, strict=True)]
    g = doubled_levels.spectrum(a, Fraction(0), factor * B)
    require(B > 0, "A3")
    require(len(a) == len(g), "k = n")

    def inner(other: Sequence[Fraction]) -> Fraction:
        return 2 * sum((x * y for x, y in zip(other, g, strict=True)), start=Fraction(0))

    steps = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (3, -1, 2), (-1, 1, 6)]
    others = [
        [ai + Fraction(s, scale) for ai, s in zip(a, step, strict=True)]
        for step in steps
        for scale in (7, 500)
    ]
    return every(
        *(exact(p, slope) for p, slope in zip(doubled_levels.first_moments(a), slopes, strict=True)),
        exact(B * doubled_levels.support(a), inner(a)),
        *(exact(B * doubled_levels.support(other), inner(other), ">") for other in others),
    )


@check(ICM_T4ce)
def kink_of_doubled_levels(a: Sequence[Fraction], A: Fraction, J: Fraction) -> Evidence:
    """labs' B_min and normal for the g that the jump J at a.u = 0 makes, exactly known."""
    g = np.repeat([float(x) for x in doubled_levels.spectrum(a, A, A + J)], 2)
    B, normal = minimal_kink(g, float(A))
    require(J > 0, "A3")
    require(normal is not None, "k = n")
    assert normal is not None
    expected = np.repeat([float(x / max(a)) for x in a], 2)
    # The normal is as well determined as the inverse of the Hessian of S says: 1e2 here.
    return every(measured(B, float(A + J), KINK_ERROR), measured(normal, expected, 1e2 * KINK_ERROR))


@check(ICM_T4ce)
def bracket_quoted(g: tuple[str, ...], digits: str) -> Evidence:
    """Rigorous bounds of B_min(g, 0) on both sides, from labs' normal, within half a unit of the digits quoted."""
    from flint import arb

    normal = least(tuple(float(x) for x in g))[1]
    levels, a, count = [arb(x) for x in g], [arb(float(x)) for x in normal], [1] * len(g)
    require(len(g) > 0, "k = n")
    require(True, "A3")
    return bracket_within(
        quadrics.quotient(a, count, levels), quadrics.upper_bound(a, count, levels, arb("1e-7")), digits
    )


@check(ICM_T4ce)
def density_on_the_zoo(g: tuple[float, ...], factor: float = 1.0) -> Evidence:
    """factor B E[u_i 1{a.u > 0}] = g_i for labs' B and a, relative to g_i."""
    B, normal = least(g)
    require(B > 0, "A3")
    require(len(g) > 0, "k = n")
    return measured(factor * B * tail_moments(normal).first / np.array(g), 1.0, 1e-10)


NORMALS = [rationals("1", "1/3", "-1/2"), rationals("1", "-1/20", "-2")]


@verifies(ICM_T4ce)
def test_three_doubled_levels() -> None:
    for a in NORMALS:
        three_doubled_levels(a, Fraction(3))
        kink_of_doubled_levels(a, Fraction(1, 5), Fraction(3))


@verifies(ICM_T4ce)
@pytest.mark.parametrize(
    ("g", "digits"),
    [(("0.5", "0.3", "0.2"), "1.60476545647"), (("1", "0.7", "0.4", "0.2", "0.1"), "9.67055133304")],
)
def test_quoted_kinks(g: tuple[str, ...], digits: str) -> None:
    bracket_quoted(g, digits)


@verifies(ICM_T4ce)
def test_the_density_of_graded_spectra() -> None:
    for n, decades in ((5, 6.0), (12, 2.0)):
        density_on_the_zoo(tuple(map(float, log_uniform(n, decades, stream("density", n)))))


@verifies(ICM_T4ce)
@pytest.mark.long
@pytest.mark.parametrize("n", [2, 3, 8, 32])
def test_the_density_on_the_zoo(n: int) -> None:
    for g in zoo(n, stream("density, zoo")).values():
        if np.min(g) > 1e-9 and np.ptp(g) > 1e-6:
            density_on_the_zoo(tuple(map(float, g)))


@control(ICM_T4ce, changes="P(a) = g/B -> g/(1.01 B)")
def test_another_density() -> None:
    three_doubled_levels(NORMALS[0], Fraction(3), factor=Fraction(101, 100))
    density_on_the_zoo((1.0, 0.7, 0.4, 0.2, 0.1), factor=1.01)


@restates(ICM_T4ce)
def test_the_order_of_the_entries_does_not_matter() -> None:
    for g in ((0.1, 1.0, 0.2, 0.7, 0.4), (1e6, 3e5, 1e6)):
        density_on_the_zoo(g)


# --- ICM-T4d.a: every vector certifies -------------------------------------------------------------------------


@check(ICM_T4da)
def every_two_levels(factor: Fraction) -> Evidence:
    """n = 4, g' = E[h u], h = J 1{t > tau}: J S(a) >= factor <a, g'> for all a = (alpha, alpha, -beta, -beta)."""
    import sympy

    alpha, beta, s, J = sympy.symbols("alpha beta s J", positive=True)
    tau = s / (1 + s)
    high, low = two_levels.spectrum(two_levels.even_tails(2, 4, tau), 2, 4, 0, J)
    support = doubled_levels.support([alpha, -beta])
    require(J.is_positive, "A3")
    require(True, "k = n")
    return exact(
        J * support,
        factor * 2 * (alpha * high - beta * low),
        ">=",
        witness={alpha: 1, beta: 1, s: 1, J: 1} if factor > 1 else None,
    )


@check(ICM_T4da)
def certified_from_below(n: int, s: str, digits: str) -> Evidence:
    """g_i = i^-s: labs' normal certifies B_min/sum g to the digits quoted, rigorously, and labs' value is no more."""
    from flint import arb

    B, normal = least(tuple(map(float, power_law(n, float(s)))))
    levels = [arb(i) ** -arb(s) for i in range(1, n + 1)]
    below = quadrics.quotient([arb(float(x)) for x in normal], [1] * n, levels) / sum(levels)
    require(n > 0, "k = n")
    require(True, "A3")
    value = B / float(sum(levels))
    return every(bracket_within(below, below, digits), measured(value / float(below), 1.0, KINK_ERROR))


@check(ICM_T4da)
def any_vector(g: tuple[float, ...], share: float, a: np.ndarray, factor: float = 1.0) -> Evidence:
    """labs' B_min against factor <a, g'>/S(a), S from labs."""
    A = share * len(g) * min(g)
    reduced = np.array(g) - A / len(g)
    B = least(g, A)[0]
    support = float(a @ tail_moments(a).first)
    require(support > 0, "A3")
    require(a.size == len(g), "k = n")
    return measured(B - A, factor * float(a @ reduced) / support, KINK_ERROR * B, ">=")


@verifies(ICM_T4da)
def test_every_vector_certifies() -> None:
    every_two_levels(ONE)
    g, draw = (1.0, 0.7, 0.4, 0.2, 0.1), stream("any vector")
    for share in (0.0, 0.5):
        normal = least(g, share * 0.5)[1]
        for scale in (1e-3, 0.3, 3.0):
            any_vector(g, share, normal + scale * draw.standard_normal(5))


@verifies(ICM_T4da)
@pytest.mark.parametrize(
    ("n", "s", "digits"),
    [
        (16, "1", "71.5898022407"),
        (128, "1", "1.82260170e21"),
        pytest.param(128, "0.5", "51996.5331", marks=pytest.mark.long),
    ],
)
def test_quoted_values(n: int, s: str, digits: str) -> None:
    certified_from_below(n, s, digits)


@control(ICM_T4da, sharpens="bound -> 1.01 times it")
def test_no_vector_certifies_more() -> None:
    every_two_levels(Fraction(101, 100))
    g = (1.0, 0.7, 0.4, 0.2, 0.1)
    any_vector(g, 0.0, least(g)[1], factor=1.01)


# --- ICM-T4d.b: a family of one parameter ----------------------------------------------------------------------


@check(ICM_T4db)
def best_of_the_family(g: tuple[float, ...], share: float) -> Evidence:
    """max over delta of <a, g>/S(a), a_i = 1 - gbar/g_i + delta, is at least `share` of labs' B_min.

    The maximum over 40 values of log delta; a finer grid raises it by less than 1 %.
    """
    spectrum = np.array(g)
    shape = 1 - np.mean(spectrum) / spectrum
    require(min(g) > 0, "k = n")
    require(max(g) > min(g), "A3")

    def quotient(delta: float) -> float:
        a = (shape + delta) / (np.max(shape) + delta)
        return float(a @ spectrum / (a @ tail_moments(a).first))

    top = -float(np.min(shape))
    deltas = np.append(
        np.geomspace(1e-3 * min(top, 1.0), top, 36)[:-1], top * (1 - np.geomspace(1e-6, 0.1, 5))
    )
    return measured(max(map(quotient, deltas)) / least(g)[0], share, 0.0, ">=", margin=0.01)


BULK = (1.0, *[0.45] * 30, 1e-3)


@verifies(ICM_T4db)
def test_the_family_comes_near() -> None:
    best_of_the_family((1.0, 0.7, 0.4, 0.2, 0.1), 0.85)
    best_of_the_family((1.0, 0.45, 0.45, 0.45, 2e-3), 0.7)


@verifies(ICM_T4db)
@pytest.mark.long
def test_the_family_comes_near_on_the_zoo() -> None:
    best_of_the_family(BULK, 0.7)
    for n in (2, 3, 5, 16, 64):
        draw = stream("start", n)
        for g in (*zoo(n, draw).values(), *log_uniform(n, 3.0, draw, (4,))):
            if np.min(g) > 0 and np.ptp(g) > 1e-6 and np.min(g) > 1e-9:
                best_of_the_family(tuple(map(float, g)), 0.8)


@control(ICM_T4db, sharpens="0.7 -> 0.8")
def test_the_family_misses_a_bulk_between_two() -> None:
    best_of_the_family(BULK, 0.8)


# --- the balls -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [(1, 1, 1), (2, 1, 3)])
def test_balls_cut_short_contain_the_integral(
    monkeypatch: pytest.MonkeyPatch, count: tuple[int, ...]
) -> None:
    """The integral is cut off where the bound of the rest is below 10^-DIGITS of it, and the bound is added."""
    from flint import arb

    a = [arb(1), arb("0.2"), arb("-0.7")]
    values = {i: quadrics.first_moment(a, count, i) for i in range(3)}
    for digits in (1, 2, 3):
        monkeypatch.setattr(quadrics, "DIGITS", digits)
        for i, value in values.items():
            ball = quadrics.first_moment(a, count, i)
            assert ball.contains(value)
            assert ball.rad() < 10.0**-digits
    expected = tail_moments(np.array([1.0, 0.2, -0.7]), np.array(count)).first
    np.testing.assert_allclose([float(v) for v in values.values()], expected, rtol=1e-13)
