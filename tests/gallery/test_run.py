"""Drawing many figures: in one process, on two, with one that fails, and interrupted."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from figures.gallery import run
from figures.gallery.contract import find
from tests.gallery import project
from tests.gallery.conftest import Toy


def test_a_failing_figure_does_not_stop_the_others(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    toy.plain("a", replace=("ROWS[scale])", "ROWS[scale] / 0)"))
    toy.plain("b")
    toy.plain("c", replace=('TITLE = "A parabola"', ""))
    figures = find(toy.root)
    done = list(run.draw_all(figures, toy.out, "smoke", "numpy", root=toy.root))
    assert [(d.name, d.action) for d in done] == [
        ("toy/a", "failed"),
        ("toy/b", "computed"),
        ("toy/c", "failed"),
    ]
    errors = capsys.readouterr().err
    assert "toy/a failed:\nTraceback" in errors
    assert "ZeroDivisionError" in errors
    assert "toy/c failed:\ntoy/c: TITLE must be a string that says something, got None\n" in errors
    again = list(run.draw_all(figures[1:2], toy.out, "smoke", "numpy", root=toy.root))
    assert [d.action for d in again] == ["current"]


@pytest.mark.long  # in one process: the test above; two, and the command line: test_ctrl_c..., test_cli
def test_two_processes_draw_what_they_can_and_the_exit_status_tells(tmp_path: Path) -> None:
    root = project.make(tmp_path)
    code, out, err = project.lab(root, "figures", "--scale", "smoke", "--jobs", "2")
    assert code == 1
    assert "computed  toy/plain" in out
    assert "computed  toy/other" in out
    assert "figures at scale smoke: 2 computed, 1 failed" in out
    assert "ZeroDivisionError" in err
    assert err.endswith("failed: toy/broken\n")
    assert (root / "build/figures/toy/plain.png").is_file()
    assert "The last attempt to draw it failed." in (root / "build/figures/index.html").read_text()

    # The second run only reads small files: neither matplotlib nor NumPy nor a figure is imported.
    look = (
        "import sys; from labs.__main__ import main\n"
        "main(['figures', 'plain', 'other', '--scale', 'smoke'], standalone_mode=False)\n"
        "print([m for m in ('numpy', 'matplotlib', 'figures.toy') if m in sys.modules])"
    )
    out, err = project.start(root, "-c", look).communicate(timeout=60)
    assert "2 current" in out, err
    assert out.endswith("[]\n")


def test_ctrl_c_ends_the_run_and_its_workers(tmp_path: Path) -> None:
    root = project.make(tmp_path)
    project.add(root, "slow", project.SLOW)
    project.add(root, "slower", project.SLOW.replace('"started"', '"started too"'))
    process = project.start(root, "-m", "labs", "figures", "slow", "slower", "--jobs", "2")
    files = (root / "started", root / "started too")
    deadline = time.monotonic() + 30
    while not all(f.is_file() and f.read_text() for f in files):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)  # to the parent alone: it must end its workers itself
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert err.endswith("interrupted; the figures finished so far are kept\n")
    assert "Traceback" not in err
    for f in files:
        with pytest.raises(ProcessLookupError):
            os.kill(int(f.read_text()), 0)
