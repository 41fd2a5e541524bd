"""The referee at work: whole runs of pytest on a toy theory, in processes of their own."""

import json

import pytest

from labs.core.sources import ROOT
from tests.house.toys import (
    FAILING,
    FEW,
    FEW_TRIALS,
    HEAD,
    INI,
    MANY,
    MANY_TRIALS,
    THEORY,
    expected_statuses,
)


class Toys:
    """A toy project in a folder of its own."""

    def __init__(self, pytester):
        self.pytester = pytester

    def make(self, claims, **files):
        self.pytester.makeini(INI)
        self.pytester.makeconftest('pytest_plugins = ["tests.referee"]')
        self.pytester.mkpydir("toys").joinpath("__init__.py").write_text(THEORY + claims)
        self.pytester.mkdir("trials")
        for name, text in files.items():
            self.write(name, text)

    def write(self, name, text):
        (self.pytester.path / "trials" / f"{name}.py").write_text(HEAD + text)

    def run(self, *arguments):
        """Run pytest; return its result and the ledger that is there afterwards."""
        result = self.pytester.runpytest_subprocess(*arguments)
        path = self.pytester.path / "build" / "ledger.json"
        return result, json.loads(path.read_text()) if path.exists() else None


@pytest.fixture
def toys(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for name in ("LABS_BACKEND", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    return Toys(pytester)


# --- every way to pass and to fail ---


def failed_tests(result):
    words = (line.split() for line in result.outlines if line.startswith(("FAILED", "ERROR")))
    return {line[1].split("::test_")[1] for line in words}


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_every_way_to_pass_and_to_fail(toys, workers):
    pytest.importorskip("flint")  # for the control whose ball is too wide
    toys.make(MANY, test_many=MANY_TRIALS)
    result, ledger = toys.run(*workers)
    claims = ledger["claims"]
    assert {name: entry["status"] for name, entry in claims.items()} == expected_statuses()
    assert failed_tests(result) == FAILING
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert not ledger["partial"]
    blamed = {line.split(":")[0] for line in ledger["violations"]}
    assert blamed == {
        n for n, s in expected_statuses().items() if s not in ("verified", "refuted", "reported")
    }

    one = claims["TOY-T1"]
    assert (one["rank"], one["tightness"], one["backend"]) == ("certified", 0.8, "numpy")
    assert one["controls"] == ["changes nothing", "sharpens 2 -> 1.5"]
    names = ("test_1[0.5]", "test_1[1.6]", "test_1_by_duality", "test_1_sharpened", "test_4")
    assert one["tests"] == [f"trials/test_many.py::{name}" for name in names]
    below = one["instances"]["test_many.at_most_two.<locals>.below"]
    assert (below["rank"], below["count"], below["verdicts"]) == ("measured", 2, {"holds": 2})
    assert below["arguments"]["x"] == {"size": [2, 2], "spread": [4.0, 4.0], "values": [0.125, 1.6]}
    assert one["files"] == ["trials/test_many.py"]
    assert claims["TOY-T14"]["rank"] == claims["TOY-T15"]["rank"] == "measured"
    assert claims["TOY-T22"]["reason"].endswith("needs cvxpy, which is not installed")

    result.stdout.fnmatch_lines(
        [
            "E  *TOY-T23: violated, where @verifies expects holds",
            "E  *claim     every toy obeys T23",
            "E  *formula   x <= 2",
            "E  *value     2.5",
            "E  *predicted 2.0",
            "E  *instance  x = array(?1.5, 2.5?)",
            "E  *again     pytest --claim TOY-T23",
            "paper  claims  *verified by best rank *",
            "TOY    23 theorems, 1 report  2: 1 certified, 1 measured *",
            f"{len(ledger['violations'])} violations:",
            "  TOY-T18: uncontrolled: its control runs test_many.another, which verifies nothing",
            "slowest tests:",
            "*.py::test_16",
            "*1 xfailed*",
        ]
    )


@pytest.mark.long
def test_the_ledger_is_the_same_with_workers(toys):
    pytest.importorskip("flint")
    toys.make(MANY, test_many=MANY_TRIALS)
    both = []
    for workers in ((), ("-n", "2")):
        ledger = toys.run(*workers)[1]
        del ledger["claims"]["TOY-T10"]  # its evidence is lost with the worker
        for entry in (*ledger["claims"].values(), *ledger["papers"].values()):
            entry.pop("seconds"), entry.pop("when", None)
        ledger["violations"] = [line for line in ledger["violations"] if "TOY-T10" not in line]
        both.append(ledger)
    assert both[0] == both[1]


# --- whole and partial runs ---


def test_a_partial_run_updates_its_own_claims_only(toys):
    one, two = (FEW_TRIALS.replace("CLAIM", name) for name in ("T1", "T2"))
    toys.make(FEW, test_one=one, test_two=two)
    result, whole = toys.run()
    assert result.ret == pytest.ExitCode.OK
    assert (whole["partial"], whole["violations"]) == (False, [])
    assert {entry["status"] for entry in whole["claims"].values()} == {"verified"}

    # Half of a claim's tests cannot tell its status.
    result, ledger = toys.run("-k", "test_verified")
    result.assert_outcomes(passed=2, deselected=2)
    result.stdout.fnmatch_lines(["*claims (partial*"])
    assert ledger == whole

    # Now the second claim breaks, and so does the first; only the second is asked for.
    for name, text in (("one", one), ("two", two)):
        toys.write(f"test_{name}", text.replace("0.99)", "1.99)"))
    result, ledger = toys.run("--claim", "TOY-T2")
    result.assert_outcomes(passed=1, failed=1, deselected=2)
    assert ledger["partial"]
    assert ledger["claims"]["TOY-T1"] == whole["claims"]["TOY-T1"]
    assert ledger["claims"]["TOY-T2"]["status"] == "broken"
    assert ledger["claims"]["TOY-T2"]["sources"] != whole["claims"]["TOY-T2"]["sources"]
    assert [line.split(":")[0] for line in ledger["violations"]] == ["TOY-T2"]


def test_structural_rules_are_judged_in_whole_runs_only(toys):
    unbound = 'T3 = state("T3"); T4 = state("T3")'
    toys.make(FEW + unbound, test_one=FEW_TRIALS.replace("CLAIM", "T1"))
    result, ledger = toys.run("trials/test_one.py")
    assert result.ret == pytest.ExitCode.OK
    assert set(ledger["claims"]) == {"TOY-T1"}
    result, ledger = toys.run("trials")
    assert result.ret == pytest.ExitCode.TESTS_FAILED  # although every test passed
    result.assert_outcomes(passed=2)
    assert ledger["violations"] == [
        "TOY-T3: two claims have this id",
        "TOY-T2: unbound: no test verifies, refutes or reports it",
        "TOY-T3: unbound: no test verifies, refutes or reports it",
    ]


def test_an_unknown_claim_is_refused_with_its_neighbours(toys):
    toys.make(FEW, test_one="")
    result, ledger = toys.run("--claim", "toy-t1x")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--claim toy-t1x: no claim has this id, and no paper; near it: TOY-T1*"])
    assert ledger is None


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "worker"])
def test_a_file_that_cannot_be_collected_makes_the_run_red_and_partial(toys, workers):
    toys.make(FEW, test_one=FEW_TRIALS.replace("CLAIM", "T1"), test_two="import no_such_module")
    result, ledger = toys.run("--continue-on-collection-errors", *workers)
    assert result.ret != pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*claims (partial*"])
    assert ledger["partial"]
    assert ledger["claims"]["TOY-T1"]["status"] == "verified"
    assert "TOY-T2" not in ledger["claims"]


def test_a_run_that_stops_early_is_partial(toys):
    one, two = (FEW_TRIALS.replace("CLAIM", name) for name in ("T1", "T2"))
    toys.make(FEW, test_one=one.replace("below(1.0)", "below(3.0)"), test_two=two)
    result, ledger = toys.run("-x")
    result.assert_outcomes(failed=1)
    assert ledger["partial"]
    assert {name: entry["status"] for name, entry in ledger["claims"].items()} == {"TOY-T1": "broken"}
