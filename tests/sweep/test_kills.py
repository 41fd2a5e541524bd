"""Sweeps survive SIGKILL at any moment: tests/sweep/kills.py, in a process of its own, which may fork."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labs.core.sources import ROOT
from labs.core.sweep.store import STEPS
from tests.sweep.kills import Trial

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

# Ways to spoil a sweep, each with what the kills must find.
SPOILT = """
import os, sys
from dataclasses import replace
import click
from labs.core.sweep.store import Store
from tests.sweep import kills

def in_place(self, target, data, trace):
    with open(target, "wb") as file:
        file.write(data[:99])
        file.flush()
        trace("mid write")
        file.write(data[99:])
    for step in ("before sync", "before rename", "after rename"):
        trace(step)

def forgetful(tile):
    return {"drawn": tile["x"] + os.getpid()}

def fails(expected):
    try:
        kills.main(["--random", "20", "--together", "1"], standalone_mode=False)
    except click.ClickException as error:
        assert expected in error.message, error.message
    else:
        sys.exit(f"not found: {expected}")

whole, removal, sweep = Store._replace, Store._remove_unfinished, kills.SMALL
Store._replace = in_place
fails("a kill has left torn files")
Store._replace, Store._remove_unfinished = whole, lambda self: 0
fails("unfinished files are left")
Store._remove_unfinished, kills.SMALL = removal, replace(sweep, function=forgetful)
fails("other bits")
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python on the project, its temporary files in memory where that is possible: there are many."""
    memory = {"TMPDIR": "/dev/shm"} if os.access("/dev/shm", os.W_OK) else {}
    environment = os.environ | memory | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, *arguments], env=environment, text=True, capture_output=True)


def kill(wanted: int, together: int, seed: int) -> dict[str, list[int]]:
    """The table that the script prints: how many kills fell where."""
    options = {"--random": wanted, "--together": together, "--seed": seed}
    done = python("-m", "tests.sweep.kills", *(str(part) for pair in options.items() for part in pair))
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    rows = [line.rsplit(maxsplit=3) for line in done.stdout.splitlines()[1:]]
    return {title: [int(part) for part in parts] for title, *parts in rows}


def test_every_step_is_killed_and_survived() -> None:
    table = kill(30, 10, seed=1)
    assert all(min(table[step]) >= 1 for step in STEPS)
    one_by_one, at_random, two_runs = table["all kills"]
    assert one_by_one == len(STEPS)
    assert at_random >= 30
    assert two_runs >= 10
    assert min(table["chunks finished between kills"]) > 0
    assert min(table["stores completed, all in order"]) > 0


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_a_hundred_random_kills(seed: int) -> None:
    assert kill(100, 50, seed)["all kills"][1] >= 100


def test_what_is_spoilt_does_not_survive() -> None:
    done = python("-c", SPOILT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_kills_that_miss_are_no_test(tmp_path: Path) -> None:
    trial = Trial(tmp_path, {})
    trial.fell.update(dict.fromkeys(STEPS[1:], 1))
    assert trial.shortfalls() == [
        "no kill fell in the step 'before temporary'",
        "no chunk was finished between kills",
    ]
    trial.fell[STEPS[0]] += 1
    trial.chunks = 1
    assert not trial.shortfalls()
