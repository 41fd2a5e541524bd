"""The README keeps its word: its table is current, its commands exist, its code runs."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from figures.gallery import readme
from figures.gallery.contract import Figure, find
from labs.__main__ import main as lab
from labs.core.sources import ROOT
from tests.gallery import project
from theory.claims import REGISTRY, Claim, Paper, load

TEXT = readme.README.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_the_table_is_current() -> None:
    expected = readme.renewed(TEXT, readme.table(load(), find()))
    assert expected == TEXT, "the table is out of date: run `python -m figures.gallery.readme`"


def test_the_table_counts_claims_and_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(REGISTRY, "_claims", [])
    paper = Paper("TOY", "toy", "A toy", "Nobody", 2000, "nowhere")
    for number, kind in enumerate(("theorem", "report", "theorem")):
        Claim(f"TOY-T{number}", paper, "s", "f", "==", "paper" if number else "extension", kind=kind)
    figures = [Figure("toy/a", Path("a.py")), Figure("toy/b", Path("b.py")), Figure("other/a", Path("a.py"))]
    assert readme.table(REGISTRY, figures).splitlines()[2:] == [
        "| `TOY` Nobody 2000, *A toy* (nowhere) | 3 | 2 theorem, 1 report | 2 paper, 1 extension | 2 |"
    ]


def test_a_readme_without_the_marks_is_refused() -> None:
    assert readme.renewed(f"a\n{readme.BEGIN}old\n{readme.END}b\n", "new\n") == (
        f"a\n{readme.BEGIN}new\n{readme.END}b\n"
    )
    with pytest.raises(ValueError, match="the README must hold the lines"):
        readme.renewed(f"a\n{readme.BEGIN}", "new\n")


def test_every_command_exists(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    load()
    (tmp_path / "edge.py").write_text(examples()["edge.py"], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = [shlex.split(line) for block in blocks("sh") for line in block.splitlines()]
    commands += [shlex.split(text) for text in re.findall(r"(?<!`)`((?:make|lab|pytest) [^`\n]*)`", TEXT)]
    assert len(commands) > 10
    for program, *arguments in commands:
        if program == "make":
            target, *variables = arguments
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
            for variable in variables:
                assert f"$({variable.split('=')[0]}" in makefile, variable
        elif program == "lab":
            extra = ["--list"] if arguments[0] == "figures" and "--list" not in arguments else []
            if arguments[0] == "bench":
                extra = ["--help"]
            if arguments[:2] == ["sweep", "export"]:
                arguments[-1] = str(tmp_path / "edge.npz")
            result = CliRunner().invoke(lab, [*arguments, *extra])
            assert result.exit_code == 0, result.output
        elif program == "pytest":
            assert arguments[0] == "--claim"
            assert REGISTRY.select(arguments[1]), arguments
        else:
            assert (program, arguments[:2]) == ("pip", ["install", "-e"])
            assert arguments[2] in (".[gpu]", ".[cluster]")
    with np.load(tmp_path / "edge.npz") as arrays:  # what the commands above have left
        assert arrays["smallest"].shape == (3, 200)
        assert (arrays["state"] == "done").all()


def test_the_transcripts_are_what_python_prints() -> None:
    """One after the other in one Python, as a reader types them in."""
    names: dict[str, Any] = {}
    for block in blocks("pycon"):
        test = doctest.DocTestParser().get_doctest(block, names, "README", "README.md", 0)
        assert test.examples
        output: list[str] = []
        result = doctest.DocTestRunner().run(test, out=output.append, clear_globs=False)
        assert result.failed == 0, "".join(output)
        names = test.globs


def examples() -> dict[str, str]:
    """The files that the README shows whole, by their path, which their first line names."""
    found = {}
    for block in blocks("python"):
        first, text = block.split("\n", 1)
        assert first.startswith("# ")
        found[first.removeprefix("# ")] = text
    return found


def test_the_examples_are_short_and_in_style() -> None:
    assert [path.split("/")[0] for path in examples()] == ["theory", "labs", "tests", "figures", "edge.py"]
    assert examples()["edge.py"].count("\n") < 30
    ruff = [sys.executable, "-m", "ruff"]
    for path, text in examples().items():
        assert text.count("\n") < 40, path
        for command in (["check", "--quiet"], ["format", "--check", "--quiet"]):
            done = subprocess.run(
                [*ruff, *command, "--stdin-filename", str(ROOT / path), "-"],
                input=text,
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert done.returncode == 0, f"{path}: ruff {command[0]}\n{done.stdout}{done.stderr}"


def test_the_job_array_of_the_readme_computes_every_shard(tmp_path: Path) -> None:
    """The script as it stands, once per task, with the variables that Slurm sets."""
    (script,) = blocks("bash")
    assert script.count("\n") <= 10
    (tmp_path / "edge.py").write_text(examples()["edge.py"], encoding="utf-8")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    activate = f'export PATH="{Path(sys.executable).parent}:$PATH" PYTHONPATH="{ROOT}"\n'
    (tmp_path / ".venv" / "bin" / "activate").write_text(activate, encoding="utf-8")
    sums = []
    for task in ("1", "2"):
        slurm = {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_COUNT": "2", "SLURM_CPUS_PER_TASK": "1"}
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=os.environ | slurm,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        found = re.match(r"edge: (\d+) of (\d+) cells are there", done.stdout)
        assert found, done.stdout
        assert found[1] == found[2]
        sums.append(int(found[1]))
    assert sum(sums) == 600


@pytest.fixture(scope="module")
def enlarged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the README's paper in it and no other."""
    root = project.copy(tmp_path_factory.mktemp("readme"))
    for path, text in examples().items():
        if "/" not in path:
            continue
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).parent.joinpath("__init__.py").touch()
        (root / path).write_text(text, encoding="utf-8")
    return root


def test_the_paper_of_the_readme_is_verified(enlarged: Path) -> None:
    process = project.start(enlarged, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/means")
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    code, out, err = project.lab(enlarged, "claims", "MEAN-T1")
    assert code == 0, err
    assert "evidence      verified (exact)\n" in out


def test_the_figure_of_the_readme_is_drawn(enlarged: Path) -> None:
    code, out, err = project.lab(enlarged, "figures", "ratio", "--scale", "smoke")
    assert code == 0, err
    assert "computed  means/ratio" in out
