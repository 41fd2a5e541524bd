"""The command line: what it says, what it refuses, and what it does not import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from figures.gallery import contract, ledger
from labs.__main__ import main
from labs.core.sources import ROOT
from theory.claims import load

HEAVY = ("sympy", "scipy", "cvxpy", "matplotlib", "numpy")


def lab(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="lab", catch_exceptions=False)


@pytest.fixture
def figure_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing that does not depend on which figures the project has."""
    names = ("first/homogenization", "first/timing", "second/timing")
    figures = [contract.Figure(name, Path(f"{name}.py")) for name in names]
    monkeypatch.setattr(contract, "find", lambda: figures)


@pytest.mark.parametrize("command", ["", "figures", "claims", "bench", "sweep", "sweep run"])
def test_help_answers_without_heavy_imports(command: str) -> None:
    code = (
        "import sys; from labs.__main__ import main\n"
        f"main([*{command.split()!r}, '--help'], prog_name='lab', standalone_mode=False)\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: lab {command}".rstrip())
    assert done.stdout.endswith("[]\n")


def test_python_m_labs_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "labs", "-h"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == lab("--help").output


def test_help_shows_defaults_and_where_they_come_from() -> None:
    text = " ".join(lab("figures", "--help").output.split())
    for words in (
        "[smoke|quick|full]",
        "[default: quick]",
        "[env var: LABS_BACKEND; default: numpy]",
        "[default: build/figures]",
        "[default: one per core]",
    ):
        assert words in text
    assert "[default: build/bench.json]" in lab("bench", "--help").output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("figures", "homogenisation"), "no figure is called 'homogenisation'; did you mean"),
        (("figures", "first/timings"), "no figure is called 'first/timings'; did you mean"),
        (("figures", "timing"), "'timing' is ambiguous: first/timing, second/timing"),
        (("figures", "--scale", "huge"), "'huge' is not one of 'smoke', 'quick', 'full'"),
        (("figures", "--backend", "torch"), "'torch' is not one of 'numpy', 'cupy', 'strict'"),
        (("figures", "--jobs", "0"), "0 is not in the range"),
        (("claims", "NOPE-X9"), "no claim has the id 'NOPE-X9'"),
        (("bench", "nothing_of_the_kind"), "no benchmark is called 'nothing_of_the_kind'"),
        (("figure",), "No such command 'figure'"),
    ],
)
@pytest.mark.usefixtures("figure_names")
def test_what_is_unknown_is_refused_with_what_is_near(arguments: tuple[str, ...], message: str) -> None:
    result = lab(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), ["first/homogenization", "first/timing", "second/timing"]),
        (("homogenization",), ["first/homogenization"]),
        (("second/*", "first/timing"), ["first/timing", "second/timing"]),
        (("*",), ["first/homogenization", "first/timing", "second/timing"]),
    ],
)
@pytest.mark.usefixtures("figure_names")
def test_figures_are_chosen_by_name_or_pattern(names: tuple[str, ...], expected: list[str]) -> None:
    assert lab("figures", "--list", *names).output.splitlines() == expected


def test_every_claim_is_listed_and_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "read", dict)
    stated = list(load())
    overview = lab("claims").output
    assert all(claim.id in overview for claim in stated)
    if stated:
        claim = stated[0]
        one = lab("claims", claim.id)
        assert one.exit_code == 0
        assert one.output.startswith(claim.id + "  (")
        assert f"pytest --claim {claim.id}\n" in one.output
        whole_paper = lab("claims", claim.paper.key, claim.id).output
        for other in stated:
            if other.paper == claim.paper:
                assert whole_paper.count(f"\ncheck again   pytest --claim {other.id}\n") == 1
        assert f"did you mean {claim.id}" in lab("claims", claim.id + "x").stderr


def test_a_damaged_ledger_is_a_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    path.write_text(json.dumps({"version": 99}))
    read = ledger.read
    monkeypatch.setattr(ledger, "read", lambda: read(path))
    result = lab("claims")
    assert result.exit_code == 1
    assert "version 1 was expected, got 99" in result.stderr
