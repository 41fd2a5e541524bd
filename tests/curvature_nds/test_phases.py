"""NDS-T2a, T2b: the first step and the late rate, where GD and Muon both search their lines exactly."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest

from labs.curvature_nds import levels as closed
from tests.curvature_nds.algebra import Point, point, symbols
from tests.curvature_nds.matrices import fractions
from tests.referee import check, control, verifies
from theory.curvature_nds import (
    NDS_T2aa,
    NDS_T2ab,
    NDS_T2ac,
    NDS_T2ad,
    NDS_T2ba,
    NDS_T2bb,
    NDS_T2bc,
    NDS_T2bd,
    NDS_T2be,
    phases,
)
from theory.evidence import Evidence, every, exact, require

ONE = Fraction(1)


# --- the first step ------------------------------------------------------------------------------------------------


@check(NDS_T2aa)
def margin_of_the_first_step(factor: Fraction = ONE) -> Evidence:
    """kappa - gamma, both from the recursion in modes, against labs' product."""
    a, rho, s = symbols("a rho s")
    return exact(phases.first_margin(a, rho, s), factor * closed.first_step_margin(a, rho, s))


@check(NDS_T2ab)
def one_threshold(shift: int = 0) -> Evidence:
    """D > 0 on 0 < s <= rho; beyond, D at rho + u has the sign of u* - u if it vanishes at rho + u*.

    u* D(u) - u D(u*) = (u* - u)(D(0) + u u*(a (rho + 1) + a (u + u*))): all coefficients of the last bracket are
    positive for rho > 1.  `shift` moves the power of u* u.
    """
    a, r, u, v, star = symbols("a r u v u_*")
    rho = 1 + r
    below = closed.first_step_sign(a, rho, rho / (1 + v))

    def D(u: Any) -> Any:
        return closed.first_step_sign(a, rho, rho + u)

    bracket = D(0) + u * star ** (1 + shift) * a * (rho + 1 + u + star)
    return every(
        exact(below, 0, ">"),
        exact(D(0), 0, ">"),
        exact(star * D(u) - u * D(star), (star - u) * bracket),
        exact(bracket, 0, ">"),
    )


@check(NDS_T2ab)
def order_at_the_first_step(
    where: Point, star: tuple[Fraction, Fraction], factor: Fraction = ONE
) -> Evidence:
    """Muon's first step in fractions is the better one iff s is below s*, which `star` brackets: D changes sign.

    `factor` multiplies the s* that s is compared with.
    """
    a, rho, s = where
    require(s > 1, "s > 1")
    low, high = (closed.first_step_sign(a, rho, end) for end in star)
    assert not star[0] <= s <= star[1]
    gd, muon = phases.losses(a, rho, s, 1)
    return every(
        exact(low, 0, ">"), exact(high, 0, "<"), exact(int(muon[1] < gd[1]), int(s < factor * star[0]))
    )


@check(NDS_T2ac)
def without_alignment(excess: Fraction = Fraction(0)) -> Evidence:
    """kappa - gamma < 0 for s = 1/(1 + v) < 1, and 0 at s = 1; `excess` raises both s."""
    a, rho, s, r, v = symbols("a rho s r v")
    margin = phases.first_margin(a, rho, s).subs(rho, 1 + r)
    below = margin.subs(s, (1 + excess) / (1 + v))
    return every(
        exact(below, 0, "<", witness={a: 1, r: 1, v: Fraction(1, 1000)}),
        exact(margin.subs(s, 1 + excess), 0),
    )


@check(NDS_T2ad)
def threshold_at_the_square(power: int = 3) -> Evidence:
    """D(s = rho^2)."""
    a, rho = symbols("a rho")
    return exact(closed.first_step_sign(a, rho, rho**2), rho * (rho - 1) ** 2 * (1 - a * rho**power))


@verifies(NDS_T2aa, NDS_T2ab, NDS_T2ac, NDS_T2ad)
def test_first_step() -> None:
    margin_of_the_first_step()
    one_threshold()
    without_alignment()
    threshold_at_the_square()


THRESHOLD = (Fraction(242957, 10_000), Fraction(242959, 10_000))  # of a = 1/3, rho = 12


@verifies(NDS_T2ab)
@pytest.mark.parametrize("s", ["1001/1000", "2", "12", "24", "25", "1000"])
def test_orders_around_the_threshold(s: str) -> None:
    order_at_the_first_step(point("1/3", "12", s), THRESHOLD)


@control(NDS_T2aa, changes="kappa - gamma -> 0.99 of it")
def test_another_margin() -> None:
    margin_of_the_first_step(Fraction(99, 100))


@control(NDS_T2ab, changes="u u* -> u u*^2")
def test_another_bracket() -> None:
    one_threshold(1)


@control(NDS_T2ab, sharpens="s* -> 1.03 s*")
def test_a_little_beyond_the_threshold_the_first_step_loses() -> None:
    """s* = 24.296, and s = 25 is below 1.03 of it."""
    order_at_the_first_step(point("1/3", "12", "25"), THRESHOLD, Fraction(103, 100))


@control(NDS_T2ab, drops="s > 1")
def test_without_alignment_the_threshold_means_nothing() -> None:
    order_at_the_first_step(point("1/3", "12", "1/2"), THRESHOLD)


@control(NDS_T2ac, sharpens="s < 1 -> s < 1.01")
def test_one_is_the_limit_of_alignment() -> None:
    without_alignment(Fraction(1, 100))


@control(NDS_T2ad, changes="rho^3 -> rho^2")
def test_another_power_at_the_square() -> None:
    threshold_at_the_square(2)


# --- the late rate -----------------------------------------------------------------------------------------------


@check(NDS_T2ba)
def margin_of_the_late_rate(factor: Fraction = ONE) -> Evidence:
    """kappa - g^2, both from the recursion in modes, against labs' product."""
    a, rho, s = symbols("a rho s")
    return exact(phases.late_margin(a, rho, s), factor * closed.rate_margin(a, rho, s))


@check(NDS_T2bb)
def two_thresholds(limit: Fraction = ONE) -> Evidence:
    """The factors L and U: not both negative; L has the sign of rho - rho_lo; U that of rho_hi - rho, or is positive.

    U > 0 where 1 - 2 s + x <= 0, because 1 - 2 a s + x > 0 for a = limit/(1 + v), s = 1 + t and s = 1/(1 + t).
    """
    a, rho, s, v, t = symbols("a rho s v t")
    L, U, x = closed.lower_rate_sign(a, rho, s), closed.upper_rate_sign(a, rho, s), a * s * s
    few = limit / (1 + v)
    near = {v: Fraction(1, 1000), t: Fraction(1, 1000)}
    numerators = [1 - 2 * few * z + few * z * z for z in (1 + t, 1 / (1 + t))]
    return every(
        exact(L + U, 4 * a * s * (rho - 1)),
        exact(L, a * (1 + 2 * s + x) * (rho - closed.lowest_ratio(a, s))),
        exact(U, a * (1 - 2 * s + x) * (closed.highest_ratio(a, s) - rho)),
        exact(U - (1 - 2 * a * s + x), -a * rho * (1 - 2 * s + x)),
        *(exact(numerator, 0, ">", witness=near) for numerator in numerators),
    )


@check(NDS_T2bb)
def order_of_the_late_rates(where: Point, lower: Fraction = ONE, upper: Fraction = ONE) -> Evidence:
    """g^2 < kappa along runs in fractions, against y_1 < a rho < y_2; `lower` and `upper` multiply these."""
    a, rho, s = where
    require(a < 1, "a < 1")
    found = phases.run_rates(a, rho, s)
    x = a * s * s
    y_1 = lower * (1 + 2 * a * s + x) / (1 + 2 * s + x)
    bounded = 1 - 2 * s + x > 0
    between = y_1 < a * rho and (not bounded or a * rho < upper * (1 - 2 * a * s + x) / (1 - 2 * s + x))
    return exact(int(found.later < found.kappa), int(between))


@check(NDS_T2be)
def balance_of_traces(constant: Fraction = ONE) -> Evidence:
    """kappa - g^2 from the recursion has the sign of (2 a s (rho - 1))^2 - ((a rho - 1)(1 + x))^2."""
    a, rho, s = symbols("a rho s")
    x = a * s * s
    squares = (constant * 2 * a * s * (rho - 1)) ** 2 - ((a * rho - 1) * (1 + x)) ** 2
    positive = rho / ((1 + a * rho) ** 2 * (x * rho + 1) * (x + rho))
    return exact(phases.late_margin(a, rho, s), squares * positive)


@check(NDS_T2be)
def order_by_balance(where: Point) -> Evidence:
    """g^2 < kappa along runs in fractions, against |a rho - 1|(1 + x) < 2 a s (rho - 1)."""
    a, rho, s = where
    found = phases.run_rates(a, rho, s)
    balanced = abs(a * rho - 1) * (1 + a * s * s) < 2 * a * s * (rho - 1)
    return exact(int(found.later < found.kappa), int(balanced))


@check(NDS_T2bc)
def condition_is_not_sharp(limit: Fraction = ONE) -> Evidence:
    """a < y_1 < 1 < y_2 for a = limit/(1 + v), with y = a rho at labs' thresholds."""
    s, v = symbols("s v")
    a = limit / (1 + v)
    y_1, y_2 = a * closed.lowest_ratio(a, s), a * closed.highest_ratio(a, s)
    near = {s: 1, v: Fraction(1, 1000)}
    return every(
        exact(y_1 - a, 0, ">", witness=near),
        exact(1 - y_1, 0, ">", witness=near),
        exact((y_2 - 1) * (1 - 2 * s + a * s * s), 2 * s * (1 - a)),
        exact(2 * s * (1 - a), 0, ">", witness=near),
    )


@check(NDS_T2bd)
def few_modes(constant: int = 1) -> Evidence:
    """a rho_lo at a = 0."""
    a, s = symbols("a s")
    import sympy

    return exact(sympy.cancel(a * closed.lowest_ratio(a, s)).subs(a, 0), 1 / (2 * s + constant))


@verifies(NDS_T2ba, NDS_T2bb, NDS_T2bc, NDS_T2bd)
def test_late_rate() -> None:
    margin_of_the_late_rate()
    two_thresholds()
    condition_is_not_sharp()
    few_modes()


# Around rho_lo = 33/19 of a = 1/3, s = 2; around rho_hi = 27 of a = 1/3, s = 1/2; rho_hi of a = 1/2, s = 8.
BOTH_SIDES = [
    *(("1/3", rho, "2") for rho in ("1.7", "33/19", "1.8", "3", "1000")),
    *(("1/3", rho, "1/2") for rho in ("2", "51/25", "5/2", "26", "27", "28")),
    *(("1/2", rho, "8") for rho in ("3/2", "2", "5/2", "3")),
]


@verifies(NDS_T2bb, NDS_T2be)
def test_orders_of_the_late_rates() -> None:
    balance_of_traces()
    for where in BOTH_SIDES:
        order_of_the_late_rates(point(*where))
        order_by_balance(point(*where))
    for where in (("1", "2", "1"), ("2", "3", "1"), ("101/100", "2", "99/100")):
        order_by_balance(point(*where))


@control(NDS_T2ba, changes="kappa - g^2 -> 0.99 of it")
def test_another_late_margin() -> None:
    margin_of_the_late_rate(Fraction(99, 100))


@control(NDS_T2bb, sharpens="a < 1 -> a < 1.01")
def test_the_upper_end_needs_few_modes() -> None:
    two_thresholds(Fraction(101, 100))


@control(NDS_T2bb, sharpens="y_1 -> 0.97 y_1")
def test_a_little_below_the_lower_end() -> None:
    """rho_lo = 33/19 = 1.737, and 1.7 is above 0.97 of it."""
    order_of_the_late_rates(point("1/3", "1.7", "2"), lower=Fraction(97, 100))


@control(NDS_T2bb, sharpens="y_2 -> 1.03 y_2")
def test_a_little_above_the_upper_end() -> None:
    """rho_hi = 27."""
    order_of_the_late_rates(point("1/3", "27.5", "1/2"), upper=Fraction(103, 100))


@control(NDS_T2bb, drops="a < 1")
def test_half_of_the_modes_and_no_alignment_tie() -> None:
    """a = s = 1: 1 - 2 s + x = 0, so y_2 would be infinite; but g^2 = kappa."""
    order_of_the_late_rates(point("1", "2", "1"))


@control(NDS_T2be, sharpens="2 -> 2.02")
def test_the_balance_is_sharp() -> None:
    balance_of_traces(Fraction(101, 100))


@control(NDS_T2bc, sharpens="a < 1 -> a < 1.01")
def test_the_ends_need_few_modes() -> None:
    condition_is_not_sharp(Fraction(101, 100))


@control(NDS_T2bd, changes="2 s + 1 -> 2 s + 2")
def test_another_limit() -> None:
    few_modes(2)


def test_printed_thresholds() -> None:
    """s* of a = 1/3, rho = 12, rho_lo of a = 1/3, s = 2, D of three printed points; labs and the polynomials."""
    third = Fraction(1, 3)
    low, high = fractions("24.2957", "24.2959")
    assert closed.first_step_sign(third, 12, low) > 0 > closed.first_step_sign(third, 12, high)
    s = Fraction(17, 3)
    assert -3 * closed.first_step_sign(third, 12, s) == s**3 - 23 * s**2 - 30 * s - 36
    labs = closed.two_level(1, 4, 12.0, 2.0)
    assert f"{float(labs.s_star):.4f}" == "24.2958"
    assert closed.lowest_ratio(third, 2) == Fraction(33, 19)
    assert f"{float(labs.rho_lo):.3f}" == f"{33 / 19:.3f}" == "1.737"
    assert closed.first_step_sign(Fraction(3, 4), Fraction(7, 5), 2) == Fraction(-2, 5)
    assert closed.first_step_sign(Fraction(3, 4), Fraction(4, 3), 2) == -1
    gd, muon = phases.losses(*point("3/4", "7/5", "2"), 1)
    assert muon[1] > gd[1]
    gd, muon = phases.losses(*point("3/4", "4/3", "2"), 2)  # a rho = 1: exact after two steps
    assert muon[1] > gd[1]
    assert muon[2] == 0
    # a = 1/3, s = 1/2: y_1 and y_2.
    half = Fraction(1, 2)
    assert [third * f(third, half) for f in (closed.lowest_ratio, closed.highest_ratio)] == fractions(
        "17/25", "9"
    )


@pytest.mark.parametrize("a", [0.02, 1 / 3, 0.9])
def test_ends_of_the_late_rate_are_where_it_ties(a: float) -> None:
    """Labs' rho_lo and rho_hi against changes of sign of the margin in fractions, 2^-40 to either side."""
    for s in (0.1, 0.4, 0.5, 1.2, 2.0, 8.0, 500.0):
        labs = closed.two_level(a, 1 + a, 1.0, s)
        ratio, S = Fraction(float(labs.a)), Fraction(s)
        ends = [(float(labs.rho_lo), 1)]
        if 1 - 2 * S + ratio * S * S > 0:
            ends.append((float(labs.rho_hi), -1))
        else:
            assert float(labs.rho_hi) == math.inf
        for end, sign in ends:
            below, above = (
                closed.rate_margin(ratio, Fraction(end) * (1 + Fraction(k, 2**40)), S) for k in (-1, 1)
            )
            assert sign * below < 0 < sign * above


@pytest.mark.parametrize("a", [1e-6, 0.01, 1 / 3, 1.0, 30.0])
def test_largest_alignment_solves_its_cubic(a: float) -> None:
    """Labs' s* against a change of sign of D in fractions, 4 eps to either side."""
    for rho in (1.0 + 1e-9, 1.5, 2.0, 12.0, 1e6):
        labs = closed.two_level(a, 1 + a, rho, 1.0)
        ratio, star = Fraction(float(labs.a)), Fraction(float(labs.s_star))
        below, above = (
            closed.first_step_sign(ratio, Fraction(rho), star * (1 + Fraction(k, 2**50))) for k in (-1, 1)
        )
        assert below > 0 > above
