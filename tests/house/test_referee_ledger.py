"""The ledger's rules, in this process: statuses, structural rules, merging, and the file."""

import json

import pytest

import theory.claims
from tests import ledger
from tests.bindings import Binding
from tests.ledger import Result
from theory.claims import Claim, Paper, Registry
from theory.evidence import HOLDS, VIOLATED

TOY = Paper("TOY", "toys", "On toys", "N. N.", 2025, "nowhere")


@pytest.fixture
def state(monkeypatch):
    """A function that states a claim, in a registry of this test's own."""
    monkeypatch.setattr(theory.claims, "REGISTRY", Registry())

    def state(name, **more):
        return Claim(f"TOY-{name}", TOY, "toys are small", "x <= 2", "<=", "extension", **more)

    return state


def ran(name, role, claim="TOY-T1", outcome="passed", check="below", note="", **more):
    """The result of a test that is bound to one claim and ran one check."""
    verdict = {"control": VIOLATED, "refutes": VIOLATED}.get(role, HOLDS)
    record = {"claim": claim, "check": check, "count": 1, "verdicts": {verdict: 1}}
    record |= {"ranks": {verdict: "measured"}, "ratio": 0.5, "instances": {}}
    return Result(f"t.py::{name}", [Binding(claim, role, note)], outcome=outcome, records=[record], **more)


def judged(*results):
    return ledger.judge(ledger.bound_to("TOY-T1", results))[0]


def entries(claims, *results):
    return {claim.id: ledger.entry(ledger.bound_to(claim.id, results)) for claim in claims}


VERIFIED = (ran("verified", "verifies"), ran("control", "control"))

# --- one claim ---


@pytest.mark.parametrize(
    ("results", "status"),
    [
        (VERIFIED, "verified"),
        ((), "unbound"),
        ([ran("a", "control"), ran("b", "restates")], "unbound"),
        ([ran("a", "verifies")], "uncontrolled"),
        ([ran("a", "verifies"), ran("b", "control", check="other")], "uncontrolled"),
        # The control's check must have run in a test that verifies, not only in one that restates.
        (
            [ran("a", "verifies"), ran("b", "restates", check="c"), ran("d", "control", check="c")],
            "uncontrolled",
        ),
        ([*VERIFIED, ran("a", "restates", outcome="failed")], "broken"),
        ([*VERIFIED, ran("a", "verifies", outcome=None)], "broken"),
        ([*VERIFIED, ran("a", "verifies", outcome="skipped")], "skipped"),
        ([ran("a", "verifies", outcome="skipped"), ran("b", "control", outcome="failed")], "broken"),
        ([*VERIFIED, ran("a", "verifies", outcome=None, selected=False, long=True)], "verified"),
        ([ran("a", "verifies", outcome=None, selected=False, long=True), ran("b", "control")], "not run"),
        ([ran("a", "refutes")], "refuted"),
        ([*VERIFIED, ran("a", "refutes")], "broken"),
        ([ran("a", "reports")], "reported"),
    ],
)
def test_status(results, status):
    assert judged(*results) == status


def test_the_evidence_of_other_claims_does_not_count():
    other = ran("control", "control")
    other.records[0]["claim"] = "TOY-T2"
    assert judged(ran("a", "verifies"), other) == "uncontrolled"


def test_the_best_rank_and_the_largest_ratio_are_those_of_what_verifies():
    exact, sharp = ran("a", "verifies", check="algebra"), ran("b", "control")
    exact.records[0] |= {"ranks": {HOLDS: "exact"}, "ratio": 0.25}
    sharp.records[0] |= {"ranks": {VIOLATED: "exact", HOLDS: "exact"}, "ratio": 0.99}
    entry = ledger.entry(ledger.bound_to("TOY-T1", [ran("c", "verifies"), exact, sharp]))
    assert (entry["rank"], entry["tightness"]) == ("exact", 0.5)
    assert set(entry["instances"]) == {"algebra", "below"}


def test_seconds_are_shared_among_the_claims_of_a_test():
    result = Result("t.py::a", [Binding("TOY-T1", "verifies"), Binding("TOY-T2", "verifies")], seconds=3.0)
    assert ledger.entry(ledger.bound_to("TOY-T1", [result]))["seconds"] == 1.5


# --- the structural rules ---


def test_a_sound_suite_breaks_no_rule(state):
    claims = [state("T1"), state("T2", rests_on=("TOY-T1",))]
    two = (ran("verified", "verifies", "TOY-T2"), ran("control", "control", "TOY-T2"))
    assert ledger.violations(claims, entries(claims, *VERIFIED, *two), [*VERIFIED, *two]) == []


def test_every_claim_that_is_not_decided_is_named(state):
    claims = [state(name) for name in ("T1", "T2", "T3", "T4")]
    results = [
        ran("a", "verifies"),
        ran("b", "verifies", "TOY-T2", outcome="skipped", message="needs flint"),
        ran("c", "verifies", "TOY-T3", outcome=None, selected=False, long=True),
    ]
    assert ledger.violations(claims, entries(claims, *results), results) == [
        "TOY-T1: uncontrolled: it has no control",
        "TOY-T2: skipped: t.py::b: needs flint",
        "TOY-T3: not run: only long tests verify it",
        "TOY-T4: unbound: no test verifies, refutes or reports it",
    ]


@pytest.mark.parametrize("reference", [{"rests_on": ("TOY-T9",)}, {"corrects": "TOY-T9"}])
def test_a_reference_to_nothing(state, reference):
    claims = [state("T1", **reference)]
    (found,) = ledger.violations(claims, entries(claims, *VERIFIED), VERIFIED)
    assert found == "TOY-T1: refers to TOY-T9, which no claim has as its id"


def test_two_claims_with_one_id(state):
    claims = [state("T1"), state("T1")]
    found = ledger.violations(claims, entries(claims, *VERIFIED), VERIFIED)
    assert found == ["TOY-T1: two claims have this id"]


def test_a_claim_that_rests_on_itself(state):
    claims = [
        state("T1", rests_on=("TOY-T2",)),
        state("T2", rests_on=("TOY-T3",)),
        state("T3", rests_on=("TOY-T1",)),
    ]
    found = ledger.violations(claims, entries(claims), [])
    (cycle,) = (line for line in found if "rests on itself" in line)
    assert all(claim.id in cycle for claim in claims)


def test_a_refuted_claim_needs_a_verified_correction(state):
    claims = [state("T1"), state("T2")]
    refuted = ran("a", "refutes", "TOY-T2", note="TOY-T1")
    sound, unsound = (refuted, *VERIFIED), (refuted, VERIFIED[0])
    assert ledger.violations(claims, entries(claims, *sound), sound) == []
    found = ledger.violations(claims, entries(claims, *unsound), unsound)
    assert "TOY-T2: refuted, but its correction TOY-T1 is not verified" in found


def test_a_binding_to_a_claim_that_the_theory_does_not_state(state):
    results = [*VERIFIED, ran("a", "verifies", "TOY-T7")]
    claims = [state("T1")]
    found = ledger.violations(claims, entries(claims, *results), results)
    assert found == ["TOY-T7: a test is bound to it, but the theory does not state it"]


# --- partial runs ---

FILES = {"t.py"}


def test_a_claim_is_updated_when_all_its_tests_ran():
    before = {"tests": ["t.py::verified", "t.py::control", "t.py::since removed"]}
    long = ran("slow", "verifies", long=True, selected=False, outcome=None)
    assert ledger.updated_by(ledger.bound_to("TOY-T1", [*VERIFIED, long]), before, FILES)


@pytest.mark.parametrize("outcome", ["passed", "failed"])
def test_from_some_of_its_tests_only_a_failure_is_known(outcome):
    some = [ran("verified", "verifies", outcome=outcome), ran("control", "control", selected=False)]
    assert ledger.updated_by(ledger.bound_to("TOY-T1", some), {}, FILES) == (outcome == "failed")


def test_a_test_in_a_file_that_was_not_collected_is_missed():
    before = {"tests": ["t.py::verified", "t.py::control", "elsewhere.py::test"]}
    bound = ledger.bound_to("TOY-T1", VERIFIED)
    assert not ledger.updated_by(bound, before, FILES)
    assert ledger.updated_by(bound, before, {*FILES, "elsewhere.py"})


def test_a_claim_of_which_nothing_ran_is_left_alone():
    unselected = ran("verified", "verifies", selected=False, outcome=None, long=True)
    assert not ledger.updated_by(ledger.bound_to("TOY-T1", [unselected]), {}, FILES)


# --- papers and the file ---


def test_a_row_per_paper(state):
    claims = [state("T1"), state("T2", kind="law"), state("T3")]
    one = entries(claims, *VERIFIED)
    rows = ledger.papers(claims, one)
    assert rows["TOY"]["claims"] == {"theorem": 2, "law": 1}
    assert rows["TOY"]["verified"] == {"measured": 1}
    assert rows["TOY"]["unbound"] == 2
    heading, line = ledger.table(rows)
    assert heading.split()[:2] == ["paper", "claims"]
    assert line.split()[:7] == ["TOY", "2", "theorems,", "1", "law", "1:", "1"]
    assert ledger.papers(claims, {}) == {}


def test_a_ledger_is_read_back_as_it_was_written(tmp_path):
    path = tmp_path / "build" / "ledger.json"
    found = {"version": ledger.VERSION, "claims": {"TOY-T1": {"status": "verified"}}, "violations": []}
    ledger.write(path, found)
    assert ledger.read(path) == found
    assert [file.name for file in path.parent.iterdir()] == ["ledger.json"]


@pytest.mark.parametrize("text", [None, "", "{", "[]", json.dumps({"version": 0, "claims": {"a": 1}})])
def test_a_ledger_that_cannot_be_read_is_empty(tmp_path, text):
    path = tmp_path / "ledger.json"
    if text is not None:
        path.write_text(text)
    assert ledger.read(path)["claims"] == {}


def test_a_ledger_that_cannot_be_written_whole_leaves_the_old_one(tmp_path):
    path = tmp_path / "ledger.json"
    ledger.write(path, {"version": ledger.VERSION, "claims": {}, "violations": []})
    with pytest.raises(ValueError, match="JSON"):
        ledger.write(path, {"tightness": float("nan")})
    assert ledger.read(path) == {"version": ledger.VERSION, "claims": {}, "violations": []}
