"""The Makefile: what it lists, what it cleans, and what it says to a Python that is too old."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labs.core.sources import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")

TARGETS = ["help", "figures", "test", "test-full", "claims", "bench", "mutants", "lint", "clean", "clean-all"]


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in `folder` with the project's Makefile, free of the variables of a make that runs the tests."""
    ours = ("MAKE", "VENV", "PYTHON", "SCALE", "BACKEND")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    command = ["make", "-f", str(ROOT / "Makefile"), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def test_every_target_is_phony_and_explained(tmp_path: Path) -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert phony[1].split() == [*TARGETS, "FORCE"]
    listed = make(tmp_path).stdout.splitlines()
    assert [line.split()[0] for line in listed[1:-1]] == TARGETS
    assert all(len(line.split()) > 2 for line in listed[1:-1])


def test_clean_keeps_the_cache_and_clean_all_does_not(tmp_path: Path) -> None:
    kept, gone = tmp_path / "build/cache/numbers", tmp_path / "build/figures/picture"
    environment = tmp_path / ".venv/base"
    for path in (
        kept,
        gone,
        environment,
        *(tmp_path / name / "__pycache__" / "x" for name in ("labs", "theory")),
    ):
        path.parent.mkdir(parents=True)
        path.touch()
    for name in ("figures", "tests"):
        (tmp_path / name).mkdir()
    assert make(tmp_path, "clean").returncode == 0
    assert kept.exists()
    assert environment.exists()
    assert not gone.parent.exists()
    done = make(tmp_path, "clean-all")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["figures", "labs", "tests", "theory"]


def test_an_old_python_is_refused_with_what_to_do(tmp_path: Path) -> None:
    old = tmp_path / "python3.10"
    pretend = "import sys; sys.version_info = (3, 10, 4); exec(sys.argv[1])"
    old.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{pretend}' \"$2\"\n")
    old.chmod(0o755)
    (tmp_path / ".ci").mkdir()
    for name in ("pyproject.toml", ".ci/constraints.txt"):
        (tmp_path / name).touch()
    done = make(tmp_path, "figures", "PYTHON=./python3.10")
    assert done.returncode != 0
    assert (
        "Python 3.11 or later is needed, but ./python3.10 is 3.10; try make PYTHON=python3.12" in done.stderr
    )
    assert not (tmp_path / ".venv").exists()


def test_the_environment_is_made_anew_for_what_goes_into_it(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".venv").mkdir()
    for age, name in enumerate((".venv/base", "pyproject.toml", ".ci/constraints.txt")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    (tmp_path / ".venv" / "made-with").write_text("python3.99\n")

    def would_make(*arguments: str) -> bool:
        done = make(tmp_path, "-n", "figures", *arguments)
        assert done.returncode == 0, done.stderr
        return "-m venv" in done.stdout

    assert not would_make()
    assert not would_make("PYTHON=python3.99")
    assert would_make("PYTHON=python3.98")
    for name in ("pyproject.toml", ".ci/constraints.txt"):
        os.utime(tmp_path / name, (2000, 2000))
        assert would_make()
        os.utime(tmp_path / name, (500, 500))
    assert not would_make()
