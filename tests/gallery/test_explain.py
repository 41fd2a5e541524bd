"""Claims in words: the overview, and one claim explained whole."""

from __future__ import annotations

import pytest

from figures.gallery.explain import explain, overview
from figures.gallery.ledger import Finding
from theory.claims import REGISTRY, Claim, Paper

RECORD = {
    "status": "verified",
    "reason": "",
    "rank": "exact",
    "tightness": 0.98765432,
    "checks": ["ratio_within"],
    "instances": {
        "ratio_within": {
            "count": 12,
            "verdicts": {"holds": 11, "violated": 1},
            "arguments": {
                "g": {"size": [2, 256], "spread": [1.0, 1e6], "values": [0.001, 3.5]},
                "H": {"among": ["Power(4)", "Power(6)"]},
                "n": {"values": [4.0, 4.0]},
            },
        }
    },
    "controls": ["1 + kappa -> 0.99 (1 + kappa)"],
    "tests": ["tests/toy/test_toy.py::test_ratio"],
    "seconds": 0.254,
    "backend": "numpy",
    "when": "2030-01-01T00:00:00+00:00",
}
FOUND = Finding("verified", "exact", 0.98765432, False, RECORD)


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> list[Claim]:
    """Two toy claims, forgotten afterwards."""
    monkeypatch.setattr(REGISTRY, "_claims", [])
    paper = Paper("TOY", "toy", "A toy", "Nobody", 2000, "nowhere")
    Claim("TOY-T1", paper, "Squares are not negative.", "x^2 >= 0", ">=", "paper")
    Claim(
        "TOY-T2",
        paper,
        "Cubes are not negative where the number is not, " + "and so on " * 20,
        "x^3 >= 0",
        ">=",
        "extension",
        hypotheses=("x >= 0",),
        kind="law",
        rests_on=("TOY-T1",),
        corrects="TOY-T0",
        proof="Multiply.",
    )
    return list(REGISTRY)


def test_a_claim_is_explained_whole(claims: list[Claim]) -> None:
    assert explain(claims[0], {"TOY-T1": FOUND}).splitlines() == [
        "TOY-T1  (theorem, paper)",
        "========================",
        "statement     Squares are not negative.",
        "formula       x^2 >= 0",
        "sense         >=",
        "hypotheses    none",
        "paper         Nobody 2000, A toy (nowhere)",
        "rests on      nothing else",
        "proof         not given",
        "evidence      verified (exact)",
        "tightness     0.987654 (1 is sharp)",
        "checks        ratio_within: 12 instances, 11 holds, 1 violated",
        "                g: size 2 to 256; spread 1 to 1e+06; values 0.001 to 3.5",
        "                H: among Power(4), Power(6)",
        "                n: values 4",
        "controls      1 + kappa -> 0.99 (1 + kappa)",
        "tests         tests/toy/test_toy.py::test_ratio",
        "run           2030-01-01T00:00:00+00:00, backend numpy, 0.25 s",
        "check again   pytest --claim TOY-T1",
    ]


def test_a_claim_without_evidence_says_so_and_what_it_rests_on(claims: list[Claim]) -> None:
    text = explain(claims[1], {"TOY-T1": FOUND})
    assert "hypotheses    x >= 0" in text
    assert "rests on      TOY-T1 [verified (exact)]" in text
    assert "corrects      TOY-T0 [not run]" in text
    assert "evidence      not run\ncheck again" in text
    assert max(map(len, text.splitlines())) <= 100


def test_stale_and_broken_evidence_is_marked(claims: list[Claim]) -> None:
    stale = Finding("broken", None, None, True, RECORD | {"reason": "test_x: 1 != 2", "controls": []})
    text = explain(claims[0], {"TOY-T1": stale})
    for line in ("evidence      broken, stale", "because       test_x: 1 != 2", "tightness     not measured"):
        assert line in text.splitlines()
    assert "controls      none" in text
    assert "make test" in overview(claims, {"TOY-T1": stale})


def test_the_overview_counts_by_paper_and_lists_every_claim(claims: list[Claim]) -> None:
    lines = overview(claims, {"TOY-T1": FOUND}).splitlines()
    assert lines[0].split() == ["paper", "claims", "kinds", "findings"]
    assert lines[1].split("  ")[0] == "TOY"
    assert "1 theorem, 1 law" in lines[1]
    assert "1 verified (exact), 1 not run" in lines[1]
    assert lines[3] == "TOY  A toy (Nobody 2000, nowhere)"
    assert lines[4].split()[:3] == ["TOY-T1", "theorem", "paper"]
    assert lines[5].endswith(" ...")
    assert max(map(len, lines)) <= 100
    assert "No evidence yet" in overview(claims, {})
    assert overview([], {}) == "No claim is stated yet."
