"""NDS-T2c: when Muon's loss is the lower one after every number of steps; exact line search for both."""

from __future__ import annotations

from fractions import Fraction

import pytest

from labs.curvature_nds import levels as closed
from tests.curvature_nds.algebra import Point, point, symbols
from tests.referee import check, control, verifies
from theory.curvature_nds import NDS_T2ca, NDS_T2cb, NDS_T2cc, phases
from theory.evidence import Evidence, every, exact, require

ONE = Fraction(1)


def always_lower(of: phases.Rates) -> bool:
    """Whether Muon's loss is lower for every T >= 1: both are geometric, so the first step and the rates decide."""
    return of.gamma < of.kappa and (of.later <= of.kappa or of.gamma == 0)


@check(NDS_T2ca)
def sharp_condition(where: Point, lowest: str = "y_1", exact_step: bool = True) -> Evidence:
    """Whether Muon's loss is always lower along runs in fractions, against the thresholds of s and of a rho.

    lowest      what a rho is compared with: y_1, or the paper's 1
    exact_step  whether s = rho is counted
    """
    a, rho, s = where
    require(a < 1 or s == rho, "a < 1")
    x = a * s * s
    y_1 = (1 + 2 * a * s + x) / (1 + 2 * s + x) if lowest == "y_1" else ONE
    below = 1 - 2 * s + x <= 0 or a * rho <= (1 - 2 * a * s + x) / (1 - 2 * s + x)
    aligned = s > 1 and closed.first_step_sign(a, rho, s) > 0  # 1 < s < s*, by NDS-T2a.b
    predicted = (exact_step and s == rho) or (aligned and y_1 <= a * rho and below)
    return exact(int(always_lower(phases.run_rates(a, rho, s))), int(predicted))


@check(NDS_T2ca)
def signs_for_all_parameters(lower: Fraction = ONE) -> Evidence:
    """Both margins, from the recursion in modes: positive numbers times what the condition compares, for all points.

    kappa - gamma has the sign of (s - 1) D, and kappa - g^2 that of a rho - y_1 times that of y_2 - a rho, written
    without a quotient; that decides every T (NDS-T2d.i, ii).  `lower` multiplies y_1.
    """
    a, rho, s = symbols("a rho s")
    x = a * s * s
    y_1 = lower * (1 + 2 * a * s + x) / (1 + 2 * s + x)
    first = a * rho / ((a * rho + 1) * (x + rho) * (x * rho + 1))
    late = rho * (1 + 2 * s + x) / ((1 + a * rho) ** 2 * (x * rho + 1) * (x + rho))
    below = (1 - 2 * a * s + x) - a * rho * (1 - 2 * s + x)
    return every(
        exact(phases.first_margin(a, rho, s), first * (s - 1) * closed.first_step_sign(a, rho, s)),
        exact(phases.late_margin(a, rho, s), late * (a * rho - y_1) * below),
    )


# What the paper's condition, a s < 1 < a rho, covers; what only the sharp one does; what neither does.
COVERED = [("1/3", "12", "2"), ("1/19", "1000000", "18"), ("2/3", "8/5", "4/3"), ("1/20", "21", "19")]
BETWEEN = [
    ("1/3", "9/5", "2"),  # a rho < 1
    ("1/3", "33/19", "2"),  # at y_1
    ("1/3", "12", "6"),  # a s = 2
    ("1/2", "12", "5/2"),  # a s > 1
    ("99/100", "101/100", "1001/1000"),
    ("1/19", "2", "2"),  # s = rho below y_1
    ("3", "2", "2"),  # s = rho with a > 1
]
NEITHER = [
    ("1/3", "17/10", "2"),
    ("1/3", "12", "24"),
    ("1/3", "12", "25"),
    ("1/3", "12", "1"),
    ("1/3", "6", "1/2"),
    ("3/4", "7/5", "2"),
    ("3/4", "4/3", "2"),
    ("1/19", "2", "3/2"),
    ("1/2", "5/2", "8"),
]


@verifies(NDS_T2ca)
@pytest.mark.parametrize("region", [COVERED, BETWEEN, NEITHER], ids=["covered", "between", "neither"])
def test_both_sides_of_the_sharp_condition(region: list[tuple[str, str, str]]) -> None:
    for where in region:
        sharp_condition(point(*where))


@verifies(NDS_T2ca)
def test_the_sharp_condition_for_all_parameters() -> None:
    signs_for_all_parameters()


@control(NDS_T2ca, sharpens="y_1 -> 1.01 y_1")
def test_another_lower_end() -> None:
    signs_for_all_parameters(Fraction(101, 100))


@pytest.mark.parametrize("region", [COVERED, BETWEEN, NEITHER], ids=["covered", "between", "neither"])
def test_where_the_points_are(region: list[tuple[str, str, str]]) -> None:
    """Which of them the paper's condition covers, and labs' regions; at y_1 itself rounding decides."""
    for where in region:
        a, rho, s = point(*where)
        assert (a * s < 1 < a * rho and s > 1) is (region is COVERED)
        if where != ("1/3", "33/19", "2"):
            labs = closed.win_region(float(a / (1 + a)), float(rho), float(s))
            assert (int(labs) == 1) is (region is not NEITHER)


@control(NDS_T2ca, sharpens="y_1 -> 1, the paper's condition")
def test_the_papers_lower_end_is_too_high() -> None:
    sharp_condition(point("1/3", "9/5", "2"), lowest="1")


@control(NDS_T2ca, changes="without s = rho")
def test_the_exact_step_needs_a_case_of_its_own() -> None:
    sharp_condition(point("1/19", "2", "2"), exact_step=False)


@check(NDS_T2cb)
def simple_condition(room: int = 1) -> Evidence:
    """a rho >= 1, x <= room (2 s - 1), 1 < s <= rho: both margins are positive; a s < 1 < s gives x < 2 s - 1.

    s = 1 + u; x = room (2 s - 1)/(1 + v); a rho = 1 + t, where a < 1 and 1 - 2 s + x <= 0 leave positive terms.
    """
    u, v, t, r = symbols("u v t r")
    s = 1 + u
    a = room * (2 * s - 1) / (s * s * (1 + v))
    near = {u: Fraction(1, 100), v: Fraction(1, 100), t: 1}
    rho = 1 + r
    return every(
        exact(1 - a, 0, ">", witness=near),
        exact(closed.lower_rate_sign(a, (1 + t) / a, s), 0, ">", witness=near | {u: 9}),
        exact(closed.upper_rate_sign(a, (1 + t) / a, s), 0, ">", witness=near),
        exact(closed.first_step_sign(v, rho, rho / (1 + u)), 0, ">"),
        exact(2 * s - 1 - s / (1 + v), 0, ">"),
    )


@check(NDS_T2cb)
def simple_condition_at(where: Point) -> Evidence:
    """One point of the condition: Muon's loss is lower for every T."""
    a, rho, s = where
    require(s > 1 and a * rho >= 1 and a * s * s <= 2 * s - 1, "A3")
    require(s <= rho, "s <= rho")
    return exact(int(always_lower(phases.run_rates(a, rho, s))), 1)


@verifies(NDS_T2cb)
def test_simple_condition() -> None:
    simple_condition()
    for where in (*COVERED, ("3/4", "3/2", "3/2"), ("3/4", "2", "2"), ("5/9", "9/5", "9/5")):
        simple_condition_at(point(*where))


@control(NDS_T2cb, drops="s <= rho")
def test_too_much_alignment_loses_the_first_step() -> None:
    simple_condition_at(point("3/4", "4/3", "2"))


@control(NDS_T2cb, changes="x <= 2 s - 1 -> x <= 2 (2 s - 1)")
def test_more_energy_is_too_much() -> None:
    simple_condition(2)


@check(NDS_T2cc)
def thresholds_meet(mass: Fraction = ONE) -> Evidence:
    """D = 0 at rho_1; rho_1 - rho_lo over a positive number is (s + 1)((a s)^2 - 1); y_2 = inf for a s <= mass."""
    a, rho, s, u, v = symbols("a rho s u v")
    x = a * s * s
    above, below = x * (1 + s) + 2 * s, 2 * x + 1 + s
    meet = (s + 1) * (a * s - mass) * (a * s + 1) * (1 + x) / (a * (1 + 2 * s + x) * below)
    light = mass / ((1 + u) * (1 + v))
    return every(
        exact(closed.first_step_sign(a, rho, s), rho * below - above),
        exact(above / below - closed.lowest_ratio(a, s), meet),
        exact(
            1 - 2 * (1 + u) + light * (1 + u) ** 2,
            0,
            "<",
            witness={u: Fraction(1, 1000), v: Fraction(1, 10_000)},
        ),
    )


@check(NDS_T2cc)
def only_the_late_rate_counts(where: Point) -> Evidence:
    """For 1 < s < 1/a: whether Muon's loss is always lower along runs in fractions, against rho >= rho_lo."""
    a, rho, s = where
    require(a * s < 1, "a s < 1")
    return exact(
        int(always_lower(phases.run_rates(a, rho, s))), int(s > 1 and rho >= closed.lowest_ratio(a, s))
    )


@verifies(NDS_T2cc)
def test_where_the_two_thresholds_meet() -> None:
    thresholds_meet()
    points = [
        *COVERED,
        ("1/3", "9/5", "2"),
        ("1/3", "33/19", "2"),
        ("1/3", "17/10", "2"),
        ("1/3", "5/2", "29/10"),
    ]
    for where in points:
        only_the_late_rate_counts(point(*where))


@control(NDS_T2cc, drops="a s < 1")
def test_from_there_on_the_first_step_counts() -> None:
    """a s = 1 at rho_lo = rho_1, a tie at T = 1; and a s = 5/4: 1.452 = rho_lo < 3/2 < rho_1 = 1.634."""
    only_the_late_rate_counts(point("1/2", "10/7", "2"))
    only_the_late_rate_counts(point("1/2", "3/2", "5/2"))


@control(NDS_T2cc, sharpens="a s = 1 -> a s = 1.01")
def test_they_meet_there_only() -> None:
    thresholds_meet(Fraction(101, 100))
