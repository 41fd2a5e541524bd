"""`lab sweep`: what it prints, what it refuses, and how it ends when it is interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from labs.__main__ import main
from labs.core.sources import ROOT

# Three cells that are finished at once, and as many as there are that take a tenth of a second each.
SWEEPS = '''"""Two sweeps."""

import time

from labs.core.sweep import Sweep, product


def double(tile):
    return {"twice": 2.0 * tile["x"], "thrice": 3 * tile["i"]}


def linger(tile):
    time.sleep(0.1)
    return {"same": tile["x"]}


GRIDS = {"small": product(x=[0.5, 1.5], i=[1]), "large": product(x=[0.5], i=[1, 2, 3])}
QUICK = Sweep("toys/quick", 1, GRIDS, double)
SLOW = Sweep("toys/slow", 1, product(x=[float(i) for i in range(500)]), linger, tile=1)
'''


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "toy_sweeps.py"
    path.write_text(SWEEPS, encoding="utf-8")
    return path


def lab(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["sweep", *arguments], prog_name="lab", catch_exceptions=False)


def test_run_status_export(file: Path) -> None:
    quick = f"{file}:toys/quick"
    assert "toys/quick: 0 of 2 cells are there" in lab("status", quick).output
    first = lab("run", quick)
    assert (first.exit_code, first.stderr) == (0, "")  # no progress bar: this is no terminal
    assert "toys/quick: 2 of 2 cells are there" in first.output
    assert "1 chunks stored" in first.output
    assert "stored" not in lab("run", quick).output
    assert "2 of 2" in lab("status", quick).output
    assert "scales: small, large" in lab("status", quick).output
    done = lab("export", quick, "--out", "a.csv")
    assert done.output == "a.csv: 2 cells done\n"
    assert Path("a.csv").read_text(encoding="utf-8") == (
        "x,i,state,reason,twice,thrice\n0.5,1,done,,1.0,3\n1.5,1,done,,3.0,3\n"
    )


def test_scale_and_axis_choose_cells(file: Path) -> None:
    quick = f"{file}:toys/quick"
    assert "3 of 3" in lab("run", quick, "--scale", "large").output
    assert "4 of 4" in lab("run", quick, "--axis", "x=2,4", "--axis", "i=3,5").output
    lab("export", quick, "--axis", "x=2,4", "--axis", "i=3,5", "--out", "a.npz")
    with np.load("a.npz") as arrays:
        np.testing.assert_array_equal(arrays["twice"], [[4.0, 4.0], [8.0, 8.0]])
        np.testing.assert_array_equal(arrays["thrice"], [[9, 15], [9, 15]])


def test_a_dry_run_stores_nothing(file: Path) -> None:
    done = lab("run", f"{file}:toys/slow", "--dry-run")
    assert "500 cells in 500 tiles; 500 cells are missing" in done.output
    assert "MiB of results" in done.output
    seconds = float(done.output.split("about ")[2].split(" s on one worker")[0])
    assert 50.0 <= seconds < 250.0  # 500 cells of a tenth of a second
    assert not Path("build").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "isotropic"), "no sweep is called 'isotropic'"),
        (("run", "{file}"), "toy_sweeps.py:NAME; there are toys/quick, toys/slow"),
        (("run", "{file}:toys/quik"), "did you mean toys/quick or"),
        (("run", "nowhere.py"), "nowhere.py is not a Python file"),
        (("run", "{file}:toys/quick", "--axis", "y=1"), "there is no axis 'y'; the axes are x, i"),
        (("run", "{file}:toys/quick", "--axis", "y"), "--axis must be NAME=V,V,..., got 'y'"),
        (("run", "{file}:toys/quick", "--axis", "i=0.5"), "axis 'i' has values of type int, got '0.5'"),
        (("run", "{file}:toys/quick", "--scale", "huge"), "has no scale 'huge'; it has small, large"),
        (("run", "{file}:toys/quick", "--shard", "3/2"), "shard must be (i, N) with 1 <= i <= N"),
        (("run", "{file}:toys/quick", "--shard", "two"), "--shard must be I/N"),
        (("run", "{file}:toys/quick", "--dask", "nonsense://x"), "no Dask scheduler answers"),
        (("run", "{file}:toys/quick", "--store", "{file}/below"), "a part of the path is a file"),
        (("export", "{file}:toys/quick", "--out", "a.csv"), "nothing is there of sweep 'toys/quick'"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(file: Path, arguments: tuple[str, ...], message: str) -> None:
    if "--dask" in arguments:
        pytest.importorskip("distributed")
    done = lab(*(argument.format(file=file) for argument in arguments))
    assert done.exit_code != 0
    assert message in done.output, done.output
    assert "Traceback" not in done.output
    assert not list(Path().rglob("*.npz"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_how_to_go_on(file: Path, number: int) -> None:
    command = [sys.executable, "-m", "labs", "sweep", "run", f"{file}:toys/slow", "--chunk", "1"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not list(Path().rglob("*.npz")) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted.  toys/slow: " in err
    assert "The same command goes on from there." in err
    assert "Traceback" not in err
    assert not list(Path().rglob("*.writing"))
    there = int(err.split("toys/slow: ")[1].split()[0])
    assert there == len(list(Path().rglob("*.npz"))) > 0
