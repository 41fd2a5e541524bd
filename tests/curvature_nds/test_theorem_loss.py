"""NDS-T2: the paper's theorem on the loss, for every T.  Both use exact line search."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from labs.core.streams import stream
from labs.curvature_nds import levels as closed
from labs.curvature_nds.quadratic import descend
from tests.curvature_nds.algebra import symbols
from tests.curvature_nds.matrices import fractions
from tests.referee import check, control, restates, verifies
from theory.curvature_nds import NDS_T2, modes
from theory.evidence import Evidence, every, exact, measured, require, sampled

ONE = Fraction(1)


def under_the_condition(mass: Fraction, trace: Fraction) -> tuple[Any, ...]:
    """u, v, t > 0 and the (a, rho, s) that they stand for: s > 1, a s < mass, a rho > trace."""
    u, v, t = symbols("u v t")
    s = 1 + u
    a = mass / (s * (1 + v))
    return u, v, t, (a, trace * (1 + t) / a, s)


@check(NDS_T2)
def first_margin_is_positive(mass: Fraction = ONE) -> Evidence:
    """kappa > gamma under the condition: no coefficient of the numerator of labs' margin is negative."""
    u, v, t, point = under_the_condition(mass, ONE)
    corner = {u: Fraction(3, 200), v: Fraction(1, 10_000), t: Fraction(1, 10_000)}
    return exact(closed.first_step_margin(*point), 0, ">", witness=corner)


@check(NDS_T2)
def late_margin_is_positive(trace: Fraction = ONE) -> Evidence:
    """kappa > g^2 under the condition, in the same way.  With the first margin that decides every T (NDS-T2d.i)."""
    u, v, t, point = under_the_condition(ONE, trace)
    corner = {u: Fraction(1, 1000), v: Fraction(1, 70), t: Fraction(1, 1000)}
    return exact(closed.rate_margin(*point), 0, ">", witness=corner)


@check(NDS_T2)
def lower_along_a_run(m: int, q: int, rho: Fraction, s: Fraction, *, steps: int) -> Evidence:
    """Losses of both for T = 1, ..., steps, in fractions."""
    require(2 * m < q, "A3")
    require(s > 1, "A4")
    require(Fraction(q, m) > 1 + s, "a s < 1")
    require(rho + 1 > Fraction(q, m), "a rho > 1")
    start = modes.two_levels(m, q, rho, s)
    gd, muon = ([modes.loss(x) for x in modes.run(start, rule, steps)] for rule in (modes.gd, modes.muon))
    return every(*(exact(x, y, "<") for x, y in zip(muon[1:], gd[1:], strict=True)))


@check(NDS_T2)
def lower_by_simulation(m: int, q: int, rho: float, s: float, steps: int) -> Evidence:
    """The same in floating point, mode by mode, in logarithms."""
    a = m / (q - m)
    require(s > 1 and a * s < 1, "a s < 1")
    require(a * rho > 1, "a rho > 1")
    high = np.arange(q) < m
    w, sigma = np.where(high, rho, 1.0), np.where(high, s, 1.0)
    gd, muon = (descend(w, sigma, rule, steps).log_loss[1:] for rule in ("gd", "muon"))
    # Rounding of the logarithms: steps^2 eps over the lesser share of the energy.
    share = a * s * s / (1 + a * s * s)
    return measured(muon, gd, steps**2 * 2.0**-52 / min(share, 1 - share), "<")


@verifies(NDS_T2)
def test_muon_loses_nowhere_under_the_condition() -> None:
    first_margin_is_positive()
    late_margin_is_positive()
    for m, q, rho, s in (
        (1, 4, "12", "2"),
        (3, 7, "7/5", "5/4"),
        (1, 20, "1000000", "18"),
        (2, 5, "1501/1000", "101/100"),
    ):
        lower_along_a_run(m, q, *fractions(rho, s), steps=12)
        lower_by_simulation(m, q, float(Fraction(rho)), float(Fraction(s)), 100)


@control(NDS_T2, drops="a s < 1")
def test_without_low_mass_the_first_step_may_lose() -> None:
    lower_along_a_run(3, 7, *fractions("7/5", "2"), steps=1)


@control(NDS_T2, drops="a rho > 1")
def test_without_high_trace_gd_overtakes() -> None:
    lower_along_a_run(1, 20, *fractions("2", "3/2"), steps=12)


@control(NDS_T2, sharpens="a s < 1 -> a s < 1.01, and a rho > 1 -> a rho > 0.99")
def test_both_constants_are_sharp_near_one_level() -> None:
    """Near a = s = rho = 1, so as constants; the conditions themselves are not (NDS-T2c)."""
    first_margin_is_positive(Fraction(101, 100))
    late_margin_is_positive(Fraction(99, 100))


@check(NDS_T2)
def inside_region_one(points: int) -> Evidence:
    """How many random points of the condition are outside region I, by labs' `win_region`."""
    draw = stream("paper's condition", points)
    s = 1 + 10.0 ** draw.uniform(-3, 3, points)
    a = 10.0 ** -draw.uniform(1e-3, 3, points) / s
    rho = (1 + 10.0 ** draw.uniform(-3, 6, points)) / a
    require(bool(np.all((a * s < 1) & (s > 1))), "a s < 1")
    require(bool(np.all(a * rho > 1)), "a rho > 1")
    region = closed.win_region(a / (1 + a), rho, s)
    return sampled(int(np.sum(region != 1)), points, at_most=1e-3)


@restates(NDS_T2)
def test_random_points_of_the_condition() -> None:
    inside_region_one(20_000)
