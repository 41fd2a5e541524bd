"""Claims and their registry."""

import sys

import pytest

import theory.claims
from theory.claims import REGISTRY, Claim, Paper, Registry, load

TOY = Paper("TOY", "toys", "On toys", "N. N.", 2025, "nowhere")


@pytest.fixture
def registry(monkeypatch):
    registry = Registry()
    monkeypatch.setattr(theory.claims, "REGISTRY", registry)
    return registry


def state(name, **more):
    fields = {"statement": "toys are small", "formula": "x <= 2", "sense": "<=", "provenance": "extension"}
    return Claim(name, TOY, **fields | more)


@pytest.mark.parametrize("name", ["TOY-T1", "TOY-T3p", "TOY-X12.b", "TOY-C", "TOY-T4a"])
def test_an_id_is_the_paper_a_dash_and_a_name(registry, name):
    assert registry[state(name).id].paper is TOY


@pytest.mark.parametrize(
    "name", ["T1", "TOY", "TOY-", "TOY-T1'", "TOYS-T1", "TOY-T1.B", "toy-T1", "TOY-T1.b.c"]
)
def test_other_ids_are_refused(registry, name):
    with pytest.raises(ValueError, match="must look like TOY-T1"):
        state(name)
    assert len(registry) == 0


@pytest.mark.parametrize("change", [{"sense": "="}, {"kind": "lemma"}, {"provenance": "folklore"}])
def test_words_outside_the_lists_are_refused(registry, change):
    (field,) = change
    with pytest.raises(ValueError, match=f"claim TOY-T1: {field} must be one of"):
        state("TOY-T1", **change)


def test_a_pattern_selects_a_claim_its_parts_or_a_paper(registry):
    for name in ("TOY-X1", "TOY-X12.a", "TOY-X12.b", "TOY-X12"):
        state(name)

    def selected(pattern):
        return [claim.id for claim in registry.select(pattern)]

    assert selected("TOY-X1") == ["TOY-X1"]
    assert selected("TOY-X12") == ["TOY-X12.a", "TOY-X12.b", "TOY-X12"]
    assert selected("TOY-X12.b") == ["TOY-X12.b"]
    assert len(selected("TOY")) == 4
    assert selected("TO") == selected("TOY-X") == []


def test_duplicates_are_kept_for_the_referee_to_report(registry):
    first, _ = state("TOY-T1"), state("TOY-T1", statement="toys are large")
    assert len(registry) == 2
    assert registry["TOY-T1"] is first
    with pytest.raises(KeyError, match="no claim has the id 'TOY-T2'"):
        registry["TOY-T2"]


def test_load_imports_every_module_of_a_package(registry, tmp_path, monkeypatch):
    for name in ("__init__", "one", "deep/__init__", "deep/two"):
        path = tmp_path / "toybox" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    load("toybox")
    loaded = {name for name in sys.modules if name.split(".")[0] == "toybox"}
    for name in loaded:
        monkeypatch.delitem(sys.modules, name)
    assert loaded == {"toybox", "toybox.one", "toybox.deep", "toybox.deep.two"}


def test_the_papers_own_claims_are_there():
    assert len(load()) == len(REGISTRY) > 0
    assert all(claim.id.startswith(claim.paper.key) for claim in REGISTRY)
