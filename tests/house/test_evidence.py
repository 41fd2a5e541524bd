"""The five kinds of evidence: each holds, is violated and is undecided where it must be, and nowhere else."""

import math
from fractions import Fraction

import numpy as np
import pytest

from theory.evidence import (
    HOLDS,
    RANK_NAMES,
    RANKS,
    UNDECIDED,
    VIOLATED,
    Evidence,
    HypothesisMissing,
    certified,
    enclosed,
    every,
    exact,
    hypotheses,
    measured,
    require,
    sampled,
)

# --- evidence itself ---


def test_evidence_without_a_rank_cannot_be_made():
    with pytest.raises(TypeError, match="has no rank"):
        Evidence(HOLDS, "take my word for it")


def test_evidence_is_neither_true_nor_false():
    with pytest.raises(TypeError, match="three values"):
        bool(exact(1, 1))


def test_verdict_is_one_of_three():
    with pytest.raises(ValueError, match="verdict"):
        RANKS[0]("true", "")


def test_ranks_strongest_first():
    assert RANK_NAMES == ("exact", "enclosed", "certified", "measured", "sampled")


# --- enclosed ---


@pytest.fixture
def arb():
    return pytest.importorskip("flint").arb


@pytest.mark.parametrize(
    ("middle", "radius", "verdicts"),
    [  # "==", "!=", "<=", "<", ">=", ">"
        (0, 0, (HOLDS, VIOLATED, HOLDS, VIOLATED, HOLDS, VIOLATED)),
        (1, 0, (VIOLATED, HOLDS, VIOLATED, VIOLATED, HOLDS, HOLDS)),
        (-1, 0.5, (VIOLATED, HOLDS, HOLDS, HOLDS, VIOLATED, VIOLATED)),
        (0, 1, (UNDECIDED,) * 6),
        (math.nan, 0, (UNDECIDED,) * 6),
        (math.inf, 0, (UNDECIDED,) * 6),
    ],
)
def test_a_ball_is_compared_with_zero(arb, middle, radius, verdicts):
    found = tuple(
        enclosed(arb(middle, radius), sense).verdict for sense in ("==", "!=", "<=", "<", ">=", ">")
    )
    assert found == verdicts


def test_a_ball_that_ends_at_zero_decides_the_weak_inequality_only(arb):
    ball = arb(0, 1).nonnegative_part()
    assert enclosed(ball, ">=").verdict == HOLDS
    assert enclosed(ball, "<").verdict == VIOLATED
    assert {enclosed(ball, sense).verdict for sense in ("==", "!=", "<=", ">")} == {UNDECIDED}


def test_a_box_is_split_until_it_is_decided(arb):
    def parabola(t):
        return t * t - t  # > -0.26, but its ball over [0, 1] is [-1, 1]

    whole = enclosed(parabola(arb(0.5, 0.5)) + 0.26, ">")
    split = enclosed(lambda t: parabola(t) + 0.26, ">", box=[(0, 1)], ratio=0.9)
    assert (whole.verdict, split.verdict) == (UNDECIDED, HOLDS)
    assert split.ratio == 0.9
    assert split.numbers["evaluations"] > 3


def test_a_box_is_violated_by_one_point(arb):
    evidence = enclosed(lambda t, u: (t - 0.75) ** 2 + u, ">", box=[(0, 1), (-Fraction(1, 3), 1)])
    assert evidence.verdict == VIOLATED
    assert "[0." in evidence.numbers["box"]


def test_a_box_is_undecided_when_the_budget_ends(arb):
    calls = []

    def touching(t):
        calls.append(t)
        return (t - arb(1) / 3) ** 2

    assert enclosed(touching, ">", box=[(0, 1)], budget=50).verdict == UNDECIDED
    assert 50 <= len(calls) <= 51


def test_every_point_of_the_box_is_covered(arb):
    seen = []

    def identity(t):
        seen.append(t)
        return t

    enclosed(identity, ">=", box=[(Fraction(1, 3), Fraction(2, 3))])
    assert seen[0].lower() <= arb(1) / 3
    assert seen[0].upper() >= arb(2) / 3


def test_a_box_that_is_a_point_is_not_split(arb):
    assert enclosed(lambda t: t * arb(0, 1), ">", box=[(1, 1)]).verdict == UNDECIDED
    assert enclosed(lambda t: t, ">", box=[(1, 1)]).verdict == HOLDS


@pytest.mark.parametrize("box", [[], [(1, 0)], [(0, math.nan)], [(0, math.inf)]])
def test_enclosed_refuses_a_bad_box(box):
    with pytest.raises((ValueError, OverflowError)):
        enclosed(lambda *t: t[0], ">", box=box)


# --- certified ---


def test_certified_holds_with_a_closed_gap():
    evidence = certified([1.0, 2.0 + 1e-9], [1.0, 2.0], 1e-8)
    assert evidence.verdict == HOLDS
    assert evidence.numbers["gap"] == pytest.approx(1e-9, rel=1e-6)


@pytest.mark.parametrize(
    ("upper", "lower", "defects"),
    [
        (1.1, 1.0, (0,)),  # the gap is open
        (1.0, 1.1, (0,)),  # below the dual value: one of the two is not feasible
        ([1.0, 1.0], [1.0, 1.1], (0,)),
        (1.0, 1.0, (Fraction(1, 10**30),)),  # a constraint is missed, by however little
        (1.0, 1.0, (0, math.nan)),
        (1.0, 1.0, ()),
        (math.nan, 1.0, (0,)),
        (math.inf, math.inf, (0,)),
        ([], [], (0,)),
    ],
)
def test_certified_is_undecided_without_both_certificates(upper, lower, defects):
    assert certified(upper, lower, 1e-8, defects=defects).verdict == UNDECIDED


def test_certified_takes_slack_and_exact_numbers():
    assert certified(Fraction(1, 3), Fraction(1, 3), 0, defects=(Fraction(-1, 7), 0.0)).verdict == HOLDS


def test_certified_is_violated_only_by_a_certificate():
    assert certified(2.0, 1.0, 1e-8, refutation=(1.5, 1.0)).verdict == VIOLATED
    assert certified(2.0, 1.0, 1e-8, refutation=(1.0 + 1e-15, 1.0)).verdict == UNDECIDED
    assert certified(2.0, 1.0, 1e-8, refutation=(math.inf, 1.0)).verdict == UNDECIDED
    assert certified(2.0, 1.0, 1e-8, refutation=(math.nan, 1.0)).verdict == UNDECIDED
    assert certified(1.0, 1.0, 1e-8, refutation=(0.5, 1.0)).verdict == HOLDS


# --- measured ---


@pytest.mark.parametrize(
    ("value", "sense", "verdict"),
    [
        (1.0, "==", HOLDS),
        (1.0009, "==", HOLDS),
        (0.998, "==", UNDECIDED),
        (1.2, "==", VIOLATED),
        (0.8, "==", VIOLATED),
        (-5.0, "<=", HOLDS),
        (1.0009, "<=", HOLDS),
        (1.05, "<=", UNDECIDED),
        (1.2, "<=", VIOLATED),
        (0.9995, "<", UNDECIDED),
        (0.998, "<", HOLDS),
        (1.0, "<", UNDECIDED),
        (1.2, "<", VIOLATED),
        (0.9995, ">=", HOLDS),
        (0.8, ">=", VIOLATED),
        (1.002, ">", HOLDS),
        (1.0, ">", UNDECIDED),
        (0.8, ">", VIOLATED),
    ],
)
def test_measured_against_one_with_tolerance_a_thousandth(value, sense, verdict):
    assert measured(value, 1.0, 1e-3, sense).verdict == verdict
    assert measured([value, value], np.ones(2), 1e-3, sense).verdict == verdict


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, [1.0, math.nan], [], np.empty((0, 3))])
def test_measured_is_undecided_on_what_is_no_number(value):
    for sense in ("==", "<=", "<", ">=", ">"):
        assert measured(value, 1.0, 1e-3, sense).verdict == UNDECIDED
        assert measured(1.0, value, 1e-3, sense).verdict == UNDECIDED
    assert measured([5.0, math.nan], 1.0, 1e-3).verdict == UNDECIDED  # one violated, one unknown
    assert measured(5.0, 1.0, math.nan).verdict == UNDECIDED


def test_one_violated_element_is_enough_and_is_the_one_shown():
    evidence = measured([[1.0, 1.0], [1.0, 1.5]], 1.0, 1e-3)
    assert evidence.verdict == VIOLATED
    assert evidence.numbers == {
        "value": 1.5,
        "predicted": 1.0,
        "excess": 0.5,
        "tolerance": 1e-3,
        "index": "(1, 1)",
    }


def test_each_element_is_judged_by_its_own_tolerance():
    assert measured([1.1, 1.0], 1.0, [0.2, 0.0]).verdict == HOLDS
    assert measured([1.0, 1.1], 1.0, [0.2, 0.0]).verdict == VIOLATED
    assert measured([1.1, 1.0 + 1e-9], 1.0, [0.2, 0.0]).numbers["index"] == "(1,)"


def test_the_margin_of_violation_can_be_stated():
    assert measured(1.002, 1.0, 1e-3).verdict == UNDECIDED
    assert measured(1.002, 1.0, 1e-3, margin=1e-3).verdict == VIOLATED
    with pytest.raises(ValueError, match="margin"):
        measured(1.0, 1.0, 1e-3, margin=1e-4)
    with pytest.raises(ValueError, match="tolerance"):
        measured(1.0, 1.0, -1e-3)


def test_measured_takes_integers_booleans_and_complex_numbers():
    assert measured(np.uint8(1), 2, 0, "<").verdict == HOLDS
    assert measured(True, True, 0).verdict == HOLDS
    assert measured(Fraction(1, 2), 0.5, 0).verdict == HOLDS
    assert measured(1j, 1j, 1e-12).verdict == HOLDS
    assert measured([1j, 2j], 1j, 1e-12).verdict == VIOLATED


@pytest.mark.parametrize("sense", ["!=", "=", "exists"])
def test_measured_refuses_other_senses(sense):
    with pytest.raises(ValueError, match="sense"):
        measured(1.0, 1.0, 0, sense)


def test_measured_ratio_of_an_inequality():
    assert measured([1.0, 3.0], 4.0, 0, "<=").ratio == 0.75
    assert measured([4.0, 5.0], 3.0, 0, ">=").ratio == 0.75
    assert measured([-1.0, 1.0], [4.0, 4.0], 0, "<").ratio == 0.25
    assert measured(-1.0, 4.0, 0, "<").ratio is None
    assert measured(1.0, 1.0, 0).ratio is None


# --- sampled ---


@pytest.mark.parametrize(
    ("failures", "trials", "verdict"),
    [
        (0, 0, UNDECIDED),
        (0, 10, UNDECIDED),
        (0, 100, UNDECIDED),
        (0, 200, HOLDS),
        (100, 1000, UNDECIDED),
        (200, 1000, VIOLATED),
        (10, 10, VIOLATED),
    ],
)
def test_sampled_against_one_tenth(failures, trials, verdict):
    assert sampled(failures, trials, 0.1).verdict == verdict


def test_sampled_bounds_are_those_of_clopper_and_pearson():
    def probability(counts, p):
        return sum(math.comb(50, k) * p**k * (1 - p) ** (50 - k) for k in counts)

    evidence = sampled(7, 50, 0.5, level=0.01)
    assert probability(range(8), evidence.numbers["upper"]) == pytest.approx(0.01, rel=1e-9)
    assert probability(range(7, 51), evidence.numbers["lower"]) == pytest.approx(0.01, rel=1e-9)


@pytest.mark.parametrize("arguments", [(-1, 5, 0.1), (6, 5, 0.1), (1, 5, 0.0), (1, 5, 1.5), (1, 5, 0.1, 0.7)])
def test_sampled_refuses_impossible_counts(arguments):
    with pytest.raises(ValueError, match="sampled needs"):
        sampled(*arguments)


# --- several at once, and hypotheses ---


def test_every_takes_the_worst_verdict_and_the_weakest_rank():
    good, bad, open_ = exact(1, 1), exact(1, 2), certified(2, 1, 0)
    assert every(good).verdict == HOLDS
    assert every(good, open_).verdict == UNDECIDED
    assert every(good, open_, bad).verdict == VIOLATED
    assert every(good, measured(1, 1, 0), open_).rank == "measured"
    assert every(good, bad).rank == "exact"
    assert every(good, bad).numbers == bad.numbers


def test_every_takes_the_sharpest_ratio():
    together = every(measured(1, 4, 0, "<="), measured(3, 4, 0, "<="), exact(1, 1))
    assert together.ratio == 0.75
    assert together.numbers["value"] == 3.0
    assert every(exact(1, 1)).ratio is None


@pytest.mark.parametrize("parts", [(), (True,), (None,)])
def test_every_refuses_what_is_no_evidence(parts):
    with pytest.raises(TypeError, match="one or more pieces of evidence"):
        every(*parts)


def test_require_raises_unless_it_is_waived():
    require(True, "A2")
    with pytest.raises(HypothesisMissing, match="A2"):
        require(False, "A2")
    with hypotheses(waive="A2") as seen:
        require(np.bool_(False), "A2")
        require(True, "A1")
        with pytest.raises(HypothesisMissing, match="A1"):
            require(False, "A1")
    assert seen == [("A2", False), ("A1", True), ("A1", False)]
    with pytest.raises(HypothesisMissing):
        require(False, "A2")


def test_a_comparison_with_nan_is_a_missing_hypothesis():
    with pytest.raises(HypothesisMissing):
        require(math.nan > 0, "positive")
