"""Roles and checks, in this process: what a role refuses, and what a check records."""

import numpy as np
import pytest

import theory.claims
from tests import bindings
from tests.bindings import ClaimFailed, Misuse, Trial, check, control, refutes, reports, restates, verifies
from theory.claims import Claim, Paper, Registry
from theory.evidence import HOLDS, certified, measured, require

TOY = Paper("TOY", "toys", "On toys", "N. N.", 2025, "nowhere")


@pytest.fixture
def state(monkeypatch):
    """A function that states a claim, in a registry of this test's own."""
    registry = Registry()
    monkeypatch.setattr(theory.claims, "REGISTRY", registry)
    monkeypatch.setattr(bindings, "REGISTRY", registry)

    def state(name, **more):
        return Claim(f"TOY-{name}", TOY, "toys are small", "x <= 2", "<=", "extension", **more)

    return state


@pytest.fixture
def run():
    """Run a function as a test in the given roles; return its trial."""

    def run(function, *roles):
        trial = Trial([binding for role in roles for binding in role.args])
        bindings.run_as(trial)
        try:
            function()
        finally:
            bindings.run_as(None)
        trial.must_be_complete()
        return trial

    return run


@pytest.fixture
def claim(state):
    return state("T1", hypotheses=("A1", "A2"))


@pytest.fixture
def below(claim):
    @check(claim)
    def below(x, bound=2.0):
        require(np.min(x) > 0, "A1")
        return measured(x, bound, 1e-12, "<=")

    return below


# --- roles ---


@pytest.mark.parametrize("ways", [{}, {"drops": "A1", "sharpens": "2 -> 1"}, {"changes": ""}])
def test_a_control_says_exactly_one_thing_that_it_changes(claim, ways):
    with pytest.raises(ValueError, match="exactly one of sharpens, drops and changes"):
        control(claim, **ways)


def test_a_control_drops_a_hypothesis_of_its_claim(claim):
    with pytest.raises(ValueError, match="no hypothesis 'A3'"):
        control(claim, drops="A3")


def test_a_role_takes_claims_of_its_kind(state, claim):
    report = state("R1", kind="report")
    for role in (
        verifies,
        restates,
        lambda c: control(c, changes="sign"),
        lambda c: refutes(c, corrected=claim),
    ):
        with pytest.raises(ValueError, match="TOY-R1 is a report"):
            role(report)
    with pytest.raises(ValueError, match="TOY-T1 is a theorem"):
        reports(claim)


def test_roles_and_checks_need_a_claim():
    for role in (verifies, restates, reports, check):
        with pytest.raises(ValueError, match="at least one claim"):
            role()


def test_one_role_per_claim_and_test(claim, below, run):
    with pytest.raises(Misuse, match="bound twice to TOY-T1"):
        run(lambda: below(1.0), verifies(claim), control(claim, changes="sign"))


# --- checks ---


def test_outside_of_a_test_a_check_is_a_function(below):
    assert below(1.0).verdict == HOLDS
    assert below(3.0).verdict != HOLDS
    assert below.__name__ == "below"


def test_a_check_returns_evidence(claim, run):
    @check(claim)
    def careless(x):
        return x < 2

    with pytest.raises(Misuse, match=r"careless must return Evidence, it returned True"):
        careless(1)
    with pytest.raises(Misuse, match="must return Evidence"):
        run(lambda: careless(1), verifies(claim))


def test_evidence_is_recorded_for_the_claims_of_the_test(state, claim, run):
    other = state("T2")

    @check(claim, other)
    def both(x):
        return measured(x, 2.0, 1e-12, "<=")

    trial = run(lambda: both(1.0), verifies(claim))
    assert [record["claim"] for record in trial.records.values()] == ["TOY-T1"]
    trial = run(lambda: both(1.0), verifies(claim, other))
    assert [record["claim"] for record in trial.records.values()] == ["TOY-T1", "TOY-T2"]


def test_a_record_keeps_the_weakest_rank_and_the_largest_ratio(claim, run):
    @check(claim)
    def either(x, dual):
        return certified(x, dual, 1.0) if dual is not None else measured(x, 2.0, 1e-12, "<=")

    def test():
        either(1.0, None)
        either(1.5, None)
        either(1.0, 1.0)

    (record,) = run(test, verifies(claim)).records.values()
    assert record["count"] == 3
    assert record["verdicts"] == {HOLDS: 3}
    assert record["ranks"] == {HOLDS: "measured"}
    assert record["ratio"] == 0.75
    assert record["instances"]["x"] == {"values": [1.0, 1.5]}


def test_a_check_inside_a_check_is_a_function(state, below, run):
    outer_claim = state("T2")

    @check(outer_claim)
    def outer(x):
        return below(x)  # decides another claim, which this test does not bind

    trial = run(lambda: outer(1.0), verifies(outer_claim))
    assert [record["claim"] for record in trial.records.values()] == ["TOY-T2"]


def test_after_an_exception_checks_are_recorded_again(claim, below, run):
    def test():
        with pytest.raises(TypeError):
            below([1, object()])
        below(1.0)

    (record,) = run(test, verifies(claim)).records.values()
    assert record["count"] == 1


def test_a_test_cannot_hide_a_failure(claim, below, run):
    def test():
        below(1.0)
        with pytest.raises(ClaimFailed):
            below(3.0)

    with pytest.raises(Misuse, match="caught the failure of TOY-T1"):
        run(test, verifies(claim))


def test_every_claim_of_a_test_needs_evidence(state, claim, below, run):
    with pytest.raises(Misuse, match="no evidence for TOY-T2"):
        run(lambda: below(1.0), verifies(claim, state("T2")))


def test_a_report_is_never_judged(state, run):
    report = state("R1", kind="report")

    @check(report)
    def seen(x):
        return measured(x, 2.0, 1e-12, "<=")

    (record,) = run(lambda: [seen(1.0), seen(9.0), seen(np.nan)], reports(report)).records.values()
    assert record["count"] == 3


def test_claims_that_drop_different_hypotheses_need_tests_of_their_own(state, claim, run):
    other = state("T2", hypotheses=("A1",))

    @check(claim, other)
    def both(x):
        return measured(x, 2.0, 1e-12, "<=")

    with pytest.raises(Misuse, match="drop different hypotheses"):
        run(lambda: both(3.0), control(claim, drops="A1"), control(other, changes="sign"))
