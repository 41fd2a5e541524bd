"""The mutants: which changes are made, that each changes nothing else, and what becomes of them."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner

from labs.core.sources import ROOT
from tests import mutants
from tests.mutations import Mutant, mutants_of, sample


def changes(source: str) -> list[tuple[str, str, str]]:
    """(kind, before, line after the change) of every mutant of a text."""
    text = dedent(source).encode()
    found = []
    for mutant in mutants_of("labs/toy.py", text):
        changed = mutant.applied_to(text)
        ast.parse(changed)
        lines, before = changed.decode().splitlines(), text.decode().splitlines()
        assert len(lines) == len(before)
        assert [k for k in range(len(lines)) if lines[k] != before[k]] == [mutant.line - 1]
        found.append((mutant.kind, mutant.before, lines[mutant.line - 1].strip()))
    return found


def test_signs_exponents_comparisons_and_constants_are_changed() -> None:
    assert changes("y = -x + a*b - c/d") == [
        ("sign", "-", "y = +x + a*b - c/d"),
        ("sign", "+", "y = -x - a*b - c/d"),
        ("exponent", "*", "y = -x + a/b - c/d"),
        ("sign", "-", "y = -x + a*b + c/d"),
        ("exponent", "/", "y = -x + a*b - c*d"),
    ]
    assert changes("y = x**2 * z**(p - q)") == [
        ("exponent", "2", "y = x**3 * z**(p - q)"),
        ("exponent", "*", "y = x**2 / z**(p - q)"),
        ("exponent", "p - q", "y = x**2 * z**((p - q + 1))"),
        ("sign", "-", "y = x**2 * z**(p + q)"),
    ]
    assert changes("y = a <= b < c != d == e > f >= g") == [
        ("comparison", before, f"y = {after}")
        for before, after in (
            ("<=", "a > b < c != d == e > f >= g"),
            ("<", "a <= b >= c != d == e > f >= g"),
            ("!=", "a <= b < c == d == e > f >= g"),
            ("==", "a <= b < c != d != e > f >= g"),
            (">", "a <= b < c != d == e <= f >= g"),
            (">=", "a <= b < c != d == e > f < g"),
        )
    ]
    assert [after for _, _, after in changes("y = f(0, 1.0, 0.5, 1e-9, True)")] == [
        "y = f(1, 1.0, 0.5, 1e-9, True)",
        "y = f(0, 2.0, 0.5, 1e-9, True)",
        "y = f(0, 1.0, 1.0, 1e-9, True)",
        "y = f(0, 1.0, 0.5, 2e-09, True)",
        "y = f(0, 1.0, 0.5, 1e-9, False)",
    ]
    assert changes("x -= d") == [("sign", "-", "x += d")]


def test_the_operator_is_found_among_brackets_comments_and_wide_characters() -> None:
    source = """
        λ = (  # - not this one, nor the + in here
            (α)
            # * - +
            - (β)
        )
    """
    assert changes(source) == [("sign", "-", "+ (β)")]


def test_what_decides_nothing_is_left_alone() -> None:
    source = '''
        """Docstring with 1 + 1."""
        from __future__ import annotations
        PAPER = Paper("ICM", 2025)
        @cache(size=1)
        def f(x: Literal[1] = None) -> Tuple[2]:
            """1 < 2"""
            y: Array[3] = None
            assert x > 0
            if x is None:
                raise ValueError(f"{x + 1} is not -1" + "!")
            return "=" * n + f"{x - 1}" + [a] * n
    '''
    assert changes(source) == []


def test_lines_are_those_of_the_statement_itself() -> None:
    text = b"if (a <\n    b):\n    c = (1 +\n        d)\nfor i in range(3):\n    pass\n"
    lines = {(m.before, m.line): (m.first, m.last) for m in mutants_of("labs/toy.py", text)}
    assert lines == {("<", 1): (1, 2), ("1", 3): (3, 4), ("+", 3): (3, 4), ("3", 5): (5, 5)}


def test_a_mutant_of_the_project_is_a_program_that_differs() -> None:
    for file in mutants.files_under(()):
        source = file.read_bytes()
        for mutant in sample(mutants_of(file.name, source), 5, seed=0):
            assert ast.dump(ast.parse(mutant.applied_to(source))) != ast.dump(ast.parse(source))


def test_a_sample_is_seeded_spread_and_without_repetition() -> None:
    many = [Mutant(f"{f}.py", k, k, k + 1, "sign", "-", "+", k, k) for f in "ab" for k in range(100)]
    one = sample(many, 20, seed=0)
    assert one == sample(list(reversed(many)), 20, seed=0)
    assert one != sample(many, 20, seed=1)
    assert [m.file for m in one] == ["a.py"] * 10 + ["b.py"] * 10
    assert {m.line // 10 for m in one[:10]} == set(range(10))
    assert sample(many, 1000, seed=0) == many


def test_the_quick_tests_of_a_statement_come_first() -> None:
    executed = mutants.Executed(
        {"labs/toy.py": {"1": [""], "5": ["", "slow", "quick"], "7": ["other"]}},
        {"slow": 2.0, "quick": 0.1, "other": 1.0},
    )

    def tests(first: int, last: int, file: str = "labs/toy.py") -> list[str]:
        return executed.tests_for(Mutant(file, first, 0, 1, "sign", "-", "+", first, last))

    assert tests(4, 6) == ["quick", "slow"]
    assert tests(1, 1) == ["quick", "other", "slow"]  # runs at import: everything that imports the file
    assert tests(2, 3) == tests(1, 1, "labs/unseen.py") == []


TOY = """
    SCALE = 3

    def scaled(x):
        return SCALE * x

    def tolerance(x):
        return abs(x) < 1e-9

    def unused(x):
        return x + 1

    def endless(x):
        while x < 10:
            x += 1
        return x
"""
TESTS = """
    from labs import toy

    def test_scaled():
        assert toy.scaled(2) == 6

    def test_tolerance():
        assert toy.tolerance(0.0)

    def test_endless():
        assert toy.endless(7) == 10
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one module, whose tests let one mutant through."""
    for name, text in {
        "labs/__init__.py": "",
        "labs/toy.py": TOY,
        "theory/__init__.py": "",
        "tests/__init__.py": "",
        "tests/test_toy.py": TESTS,
        "pyproject.toml": "[tool.pytest.ini_options]\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(dedent(text))
    return tmp_path


def chosen(project: Path, *befores: str) -> list[Mutant]:
    source = (project / "labs" / "toy.py").read_bytes()
    return [m for m in mutants_of("labs/toy.py", source) if m.before in befores]


def test_a_mutant_is_killed_or_survives_and_the_checkout_is_untouched(project: Path) -> None:
    source = (project / "labs" / "toy.py").read_bytes()
    executed = mutants.Executed(
        {
            "labs/toy.py": {
                "5": ["tests/test_toy.py::test_scaled"],
                "8": ["tests/test_toy.py::test_tolerance"],
            }
        },
        {},
    )
    found = list(mutants.try_all(chosen(project, "*", "1e-9"), executed, 2, project))
    assert {(f.mutant.before, f.fate, f.killer) for f in found} == {
        ("*", "killed", "tests/test_toy.py::test_scaled"),
        ("1e-9", "survived", ""),
    }
    assert (project / "labs" / "toy.py").read_bytes() == source


@pytest.mark.long
def test_a_whole_run_measures_and_tries(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutants, "START_UP", 15.0)  # the endless one waits that long
    executed = mutants.executed_lines(2, project)
    found = list(mutants.try_all(chosen(project, "*", "1e-9", "+", "3"), executed, 2, project))
    assert {(f.mutant.line, f.mutant.before): (f.fate, f.tests) for f in found} == {
        (2, "3"): ("killed", 3),  # runs at import
        (5, "*"): ("killed", 1),
        (8, "1e-9"): ("survived", 1),
        (11, "+"): ("not executed", 0),
        (15, "+"): ("timeout", 1),
    }


def test_the_report_names_every_survivor(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    times, bound, plus, _ = chosen(project, "*", "1e-9", "+")
    mutants.report(
        [
            mutants.Fate(times, "killed", 2, "tests/test_toy.py::test_scaled", 0.1),
            mutants.Fate(bound, "survived", 1, "", 0.1),
            mutants.Fate(plus, "not executed", 0, "", 0.0),
        ],
        population=9,
        seed=3,
        root=project,
    )
    printed = capsys.readouterr().out
    assert "3 mutants: 1 killed, 1 survived, 1 not executed" in printed
    assert "labs/toy.py:8: constant: 1e-9 -> 2e-09 (1 tests)\n      return abs(x) < [1e-9]" in printed
    assert "labs/toy.py:11: sign: + -> -\n      return x [+] 1" in printed
    assert "toy.py:5" not in printed
    written = json.loads((project / "build" / "mutants.json").read_text())
    assert (written["population"], written["seed"]) == (9, 3)
    assert [m["fate"] for m in written["mutants"]] == ["killed", "survived", "not executed"]


def test_what_was_measured_is_kept_until_a_source_changes(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[Path] = []
    empty = mutants.Executed({"labs/toy.py": {"1": ["a"]}}, {"a": 0.5})

    def measure(folder: Path, jobs: int) -> mutants.Executed:
        runs.append(folder)
        return empty

    monkeypatch.setattr(mutants, "measure", measure)
    assert mutants.executed_lines(1, project) == mutants.executed_lines(1, project) == empty
    assert len(runs) == 1
    (project / "tests" / "test_toy.py").write_text("# changed\n")
    assert mutants.executed_lines(1, project) == empty
    assert len(runs) == 2
    assert not runs[0].exists()


@pytest.mark.long
def test_a_suite_that_fails_on_the_unchanged_code_is_an_error(project: Path) -> None:
    (project / "tests" / "test_toy.py").write_text("def test_nothing():\n    assert 1 == 2\n")
    with pytest.raises(mutants.BaselineError, match="assert 1 == 2"):
        mutants.executed_lines(1, project)


def test_the_command_reports_a_failing_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(jobs: int) -> None:
        raise mutants.BaselineError("1 failed")

    monkeypatch.setattr(mutants, "executed_lines", fail)
    result = CliRunner().invoke(mutants.main, ["--count", "2", "--seed", "5", str(ROOT / "labs" / "core")])
    assert result.exit_code == 1
    assert "2 of " in result.output
    assert "the tests fail on the unchanged code:\n1 failed" in result.output
    assert "--seed INTEGER" in CliRunner().invoke(mutants.main, ["--help"]).output
