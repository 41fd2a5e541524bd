"""NDS-T2d, T2e: who has the lower loss after how many steps; exact line search for both."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from labs.curvature_nds import levels as closed
from tests.curvature_nds.algebra import Point, point, symbols
from tests.referee import check, control, restates, verifies
from theory.curvature_nds import (
    NDS_T2di,
    NDS_T2dii,
    NDS_T2diii,
    NDS_T2div,
    NDS_T2ea,
    NDS_T2eb,
    phases,
)
from theory.evidence import Evidence, enclosed, every, exact, require

ONE = Fraction(1)

# --- the four regions --------------------------------------------------------------------------------------------


@check(NDS_T2di, NDS_T2div)
def order_never_changes(strict: bool, slack: Fraction = Fraction(0)) -> Evidence:
    """(1 + u)(1 + w) against 1, where gamma and g^2 lie on one side of kappa: for all such numbers and every T.

    1 + u is the ratio of gamma and kappa (less `slack`), 1 + w the power T - 1 of that of g^2 and kappa, the larger
    number above; u > 0 where Muon is ahead at once (region I), u >= 0 where it is not (IV), w >= 0.
    """
    import sympy

    u = sympy.Symbol("u", positive=True) if strict else sympy.Symbol("u", nonnegative=True)
    w = sympy.Symbol("w", nonnegative=True)
    ratio = (1 + u - slack) * (1 + w)
    return exact(ratio, 1, ">" if strict else ">=", witness={u: Fraction(1, 1000), w: 0})


@check(NDS_T2di, NDS_T2dii, NDS_T2diii, NDS_T2div)
def order_along_a_run(where: Point, region: int, steps: int, shift: int = 0) -> Evidence:
    """Whether Muon's loss is the lower one after 1, ..., steps steps in fractions, against what its region says.

    In II and III the order changes at the first T at which the powers of the rates say so, moved by `shift`.
    """
    a, rho, s = where
    gd, muon = phases.losses(a, rho, s, steps)
    ahead = region in (1, 2)
    change = phases.change_of_order(phases.run_rates(a, rho, s)) + shift if region in (2, 3) else steps + 1
    found = [int(y < x) for x, y in zip(gd[1:], muon[1:], strict=True)]
    predicted = [int(ahead == (change > T)) for T in range(1, steps + 1)]
    return every(*(exact(x, y) for x, y in zip(found, predicted, strict=True)))


@check(NDS_T2dii, NDS_T2diii)
def order_changes_once(sign: int = 1) -> Evidence:
    """Loss of Muon over loss of GD, gamma g^(2(T-1))/kappa^T, changes by g^2/kappa per step: it is monotone in T."""
    import sympy

    kappa, gamma, g2 = symbols("kappa gamma g2")
    T = sympy.Symbol("T", integer=True, positive=True)
    now, after = (gamma * g2 ** (k - 1) / kappa**k for k in (T, T + 1))
    return exact(sympy.powsimp(sympy.expand_power_exp(after / now)), (g2 / kappa) ** sign)


@check(NDS_T2dii, NDS_T2diii)
def change_is_at_tau(where: Point, shift: int = 0) -> Evidence:
    """T_x = ceil(tau) in region II, floor(tau) + 1 in region III: T_x - 1 < tau < T_x, in balls."""
    rates = phases.run_rates(*where)
    T, tau = phases.change_of_order(rates) + shift, phases.tau(rates)
    return every(enclosed(tau - (T - 1), ">"), enclosed(T - tau, ">"))


# region: (a, rho, s, steps)
RUNS = {
    1: [("1/3", "12", "2", 12), ("1/19", "2", "2", 4), ("1/3", "33/19", "2", 12)],
    2: [("1/19", "2", "3/2", 6), ("1/3", "17/10", "2", 40), ("1/3", "12", "24", 6)],
    3: [("1/3", "6", "1/2", 8), ("1/3", "3", "1/2", 8), ("1/3", "6", "1", 8), ("1/3", "5", "7/10", 8)],
    4: [("1/3", "17/10", "1/2", 8), ("3", "2", "1/2", 8), ("1", "3", "1", 8)],
}
# g = 0, and a tie at T = 1: there tau is 1, and no ball lies on one side of it.
AT_ONE = ("1/3", "3", "1/2", 8), ("1/3", "6", "1", 8)


def runs(region: int) -> None:
    for *where, steps in RUNS[region]:
        order_along_a_run(point(*where), region, steps)


@verifies(NDS_T2di)
def test_region_one() -> None:
    order_never_changes(True)
    runs(1)


@verifies(NDS_T2dii)
def test_region_two() -> None:
    order_changes_once()
    runs(2)
    for *where, _ in RUNS[2]:
        change_is_at_tau(point(*where))


@verifies(NDS_T2diii)
def test_region_three() -> None:
    order_changes_once()
    runs(3)
    for run in RUNS[3]:
        if run not in AT_ONE:
            change_is_at_tau(point(*run[:3]))


@verifies(NDS_T2div)
def test_region_four() -> None:
    order_never_changes(False)
    runs(4)


@control(NDS_T2di, sharpens="gamma < kappa -> gamma < 1.01 kappa")
def test_region_one_needs_the_first_step() -> None:
    order_never_changes(True, Fraction(1, 100))


@control(NDS_T2div, sharpens="gamma >= kappa -> gamma >= 0.99 kappa")
def test_region_four_needs_the_first_step() -> None:
    order_never_changes(False, Fraction(1, 100))


@control(NDS_T2dii, changes="T_x -> T_x - 1")
def test_muon_is_still_ahead_before_the_change() -> None:
    order_along_a_run(point("1/3", "17/10", "2"), 2, 40, shift=-1)
    change_is_at_tau(point("1/3", "17/10", "2"), -1)


@control(NDS_T2diii, changes="T_x -> T_x + 1")
def test_muon_is_ahead_from_the_change_on() -> None:
    order_along_a_run(point("1/3", "6", "1/2"), 3, 8, shift=1)
    change_is_at_tau(point("1/3", "6", "1/2"), 1)


@pytest.mark.parametrize("region", RUNS)
def test_labs_tell_regions_and_changes(region: int) -> None:
    """Signs of labs' polynomials in fractions; `two_level` and `win_region` in floating point, away from ties."""
    for *where, steps in RUNS[region]:
        a, rho, s = point(*where)
        first, late = closed.first_step_margin(a, rho, s), closed.rate_margin(a, rho, s)
        signs = 1 if first > 0 and (late >= 0 or s == rho) else 2 if first > 0 else 3 if late > 0 else 4
        assert signs == region
        if where in (["1/3", "33/19", "2"], ["1", "3", "1"]):  # on a border, where rounding decides
            continue
        labs = closed.two_level(float(a), float(1 + a), float(rho), float(s))
        assert int(labs.region) == int(closed.win_region(float(a / (1 + a)), float(rho), float(s))) == region
        change = phases.change_of_order(phases.run_rates(a, rho, s)) if region in (2, 3) else math.inf
        assert float(labs.crossing) == change, (where, steps)


def test_printed_examples() -> None:
    """Region II at alpha = 1/20, rho = 2, s = 3/2; region III at a = 1/3, s = 1/2, rho = 6."""
    two = phases.run_rates(*point("1/19", "2", "3/2"))
    assert (two.later, two.kappa, two.gamma) == (Fraction(289, 441), Fraction(684, 15134), Fraction(19, 3381))
    assert (f"{float(two.later):.3f}", f"{float(two.kappa):.4f}") == ("0.655", "0.0452")
    assert phases.change_of_order(two) == 2
    sharpness = closed.mean_sharpness_muon(Fraction(1, 19), 2)
    assert sharpness == Fraction(21, 20)
    assert closed.mean_sharpness_gd(Fraction(1, 19), Fraction(2), Fraction(3, 2), 2) == Fraction(3, 2)
    assert all(
        closed.mean_sharpness_gd(Fraction(1, 19), Fraction(2), Fraction(3, 2), T) > sharpness
        for T in range(1, 99)
    )
    three = phases.run_rates(*point("1/3", "6", "1/2"))
    assert three.later == Fraction(1, 9)
    assert (f"{float(three.gamma):.4f}", f"{float(three.kappa):.4f}") == ("0.5525", "0.2283")
    assert phases.change_of_order(three) == 3
    assert phases.run_rates(*point("1/3", "3", "3"))[1:] == (0, 0)


@pytest.mark.parametrize("rho", [2.0, 12.0, 1e6])
def test_changes_on_a_grid(rho: float) -> None:
    """Labs' change of order against powers of the rates, at every point of a grid that has one, in logarithms."""
    alpha, s = np.meshgrid(np.linspace(0.01, 0.99, 25), np.geomspace(0.05, 20, 25))
    labs = closed.two_level(alpha, np.asarray(1.0), np.asarray(rho), s)
    changes = np.isfinite(labs.crossing)
    assert changes.any()
    T = labs.crossing[changes]
    muon = labs.log_gamma[changes] + (T - 1) * labs.log_g2[changes]
    before = np.where(T > 1, muon - labs.log_g2[changes] - (T - 1) * labs.log_kappa[changes], np.nan)
    after = muon - T * labs.log_kappa[changes]
    ahead_first = labs.region[changes] == 2
    # Up to rounding of the logarithms: T eps times their size.
    room = 8 * 2.0**-52 * T * (np.abs(labs.log_g2[changes]) + np.abs(labs.log_kappa[changes]))
    assert np.all(np.where(ahead_first, after, -after) > -room)
    assert np.all(np.where(ahead_first, before, -before) < room)


# --- half of the modes or more -----------------------------------------------------------------------------------


@check(NDS_T2ea)
def late_rate_with_many_modes(least: Fraction = ONE) -> Evidence:
    """2 a s (rho - 1) <= (a rho - 1)(1 + x), for a = least + b >= least, s = 1 + t and 1/(1 + t); by NDS-T2b.e.

    Strictly where b > 0 or t > 0.
    """
    import sympy

    r = symbols("r")
    b_0, t_0 = sympy.symbols("b t", nonnegative=True)
    b_1, t_1 = symbols("b t")
    found: list[Evidence] = []
    for b, t, sense in ((b_0, t_0, "<="), (b_1, t_0, "<"), (b_0, t_1, "<")):
        for s in (1 + t, 1 / (1 + t)):
            near = {b: Fraction(1, 1000), t: Fraction(1, 1000), r: Fraction(1, 1000)}
            found.append(exact(closed.upper_rate_sign(least + b, 1 + r, s), 0, sense, witness=near))
    return every(*found)


@check(NDS_T2eb)
def gd_is_ahead_for_good(where: Point) -> Evidence:
    """gamma > 0 and g^2 > kappa, and so does a run show it; at s = rho, gamma = 0."""
    a, rho, s = where
    require(a >= 1, "a >= 1")
    rates = phases.run_rates(a, rho, s)
    if s == rho:
        return exact(rates.gamma, 0)
    if rates.later <= rates.kappa:
        return exact(rates.later, rates.kappa, ">")
    T = 1 if not phases.lower_after(rates, 1) else phases.change_of_order(rates)
    gd, muon = phases.losses(a, rho, s, T + 2)
    return every(
        exact(rates.gamma, 0, ">"),
        exact(rates.later, rates.kappa, ">"),
        *(exact(muon[k], gd[k], ">") for k in (-2, -1)),
    )


@verifies(NDS_T2ea)
def test_late_rate_with_half_of_the_modes_or_more() -> None:
    late_rate_with_many_modes()


@verifies(NDS_T2eb)
@pytest.mark.parametrize(
    "where",
    [
        ("1", "3", "11/10"),
        ("1", "3", "9/10"),
        ("2", "5", "4"),
        ("9", "100", "90"),
        ("2", "5", "1"),
        ("2", "5", "5"),
    ],
)
def test_muon_loses_in_the_long_run(where: tuple[str, str, str]) -> None:
    gd_is_ahead_for_good(point(*where))


@control(NDS_T2ea, sharpens="a >= 1 -> a >= 0.99")
def test_half_of_the_modes_is_the_limit() -> None:
    late_rate_with_many_modes(Fraction(99, 100))


@control(NDS_T2eb, drops="a >= 1")
def test_just_below_half_of_the_modes() -> None:
    gd_is_ahead_for_good(point("99/100", "101/100", "1"))


@restates(NDS_T2eb)
def test_muon_on_its_best_points() -> None:
    """Close to s = rho, where gamma is almost 0, the change only comes later."""
    gd_is_ahead_for_good(point("2", "5", "5001/1000"))
