"""A small copy of the project with figures of its own, for tests that run `lab` as a user does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

from labs.core.sources import ROOT
from tests.gallery.conftest import PLAIN

SLOW = """
    import os
    import time
    from pathlib import Path

    from figures.toy.plain import CLAIMS, TITLE, CAPTION, draw


    def data(scale, backend):
        Path("started").write_text(str(os.getpid()))
        time.sleep(60)
"""


def copy(root: Path) -> Path:
    """Copy the project to `root`, without its papers: all but the folders that bear a paper's name."""
    papers = {path.name for path in (ROOT / "figures").iterdir() if path.is_dir()} - {"gallery"}
    for folder in ("theory", "labs", "tests", "figures"):
        hidden = shutil.ignore_patterns("__pycache__", *papers, *(f"{paper}.py" for paper in papers))
        shutil.copytree(ROOT / folder, root / folder, ignore=hidden)
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def make(root: Path) -> Path:
    """Such a copy, with the figures toy/plain, toy/broken and toy/other."""
    copy(root)
    (root / "figures" / "toy").mkdir()
    (root / "figures" / "toy" / "__init__.py").touch()
    for name, text in {
        "plain": PLAIN,
        "other": PLAIN.replace("TOY-T1", "TOY-T2"),
        "broken": PLAIN.replace("ROWS[scale]", "ROWS[scale] / 0"),
    }.items():
        add(root, name, text)
    return root


def add(root: Path, name: str, text: str) -> None:
    (root / "figures" / "toy" / f"{name}.py").write_text(dedent(text), encoding="utf-8")


def start(root: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start `python *arguments` in the project at `root`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=root,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def lab(root: Path, *arguments: str) -> tuple[int, str, str]:
    """Run `lab *arguments` there; return exit status, output, errors."""
    process = start(root, "-m", "labs", *arguments)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err
