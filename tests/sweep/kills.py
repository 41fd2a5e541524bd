"""Kill a sweep at each step of the store, then at random, resume it each time, and look at what is left.

    python -m tests.sweep.kills [--random 100] [--together 40] [--seed 0]

One warm process forks children that run a small sweep; a killed one is followed by another on the same store,
until the sweep is finished; then the store is judged and an empty one follows.  A child says in shared memory
which of `store.STEPS` it has reached last, and dwells there for a moment, so that each gets its share of the
random kills, which come from outside at any time.  The table says how many fell where.

It fails unless every step got a kill; chunks were finished between kills; a kill never left a torn file; and
every finished store has every cell, the bits of an undisturbed run, and nothing that is unfinished.
"""

from __future__ import annotations

import mmap
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import click

from labs.core.sweep import run
from labs.core.sweep.run import store_of
from labs.core.sweep.store import STEPS
from tests.sweep.toys import SMALL, contents, undisturbed

OUTSIDE = "between chunks"
# Seconds in a step; a report comes once in a run, the others with each chunk.
DWELL = dict.fromkeys(STEPS, 1e-3) | {"before report": 4e-3}
SPAN = (0.1, 0.6)  # of the time of a run: a random kill comes between (it takes about a fifth to begin)
PATIENCE = 10  # times the random kills asked for: after so many every step must have had one


class Watch:
    """Which step a child has reached, in memory that its parent shares."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, 1)

    def trace(self, step: str) -> None:
        """What the child tells its steps to."""
        self.memory[0] = 1 + STEPS.index(step)
        time.sleep(DWELL[step])
        if step in ("after rename", "before report"):
            self.memory[0] = 0

    def step(self) -> str:
        """What the child has reached last."""
        return (OUTSIDE, *STEPS)[self.memory[0]]


def kills_itself(step: str, after: int) -> Callable[[str], None]:
    """A trace that kills its process when it has come to this step for the `after`-th time."""
    left = [after]

    def trace(reached: str) -> None:
        left[0] -= reached == step
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    return trace


def fork(store: Path, trace: Callable[[str], None]) -> int:
    """Run the sweep in a child; its process id."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            report = run(SMALL, store=store, chunk=1, trace=trace)
            status = 0 if report.done == report.cells and not report.torn else 1
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return pid


def ended(pid: int) -> bool:
    """Wait for the child; whether it finished the sweep (or was killed).  RuntimeError if it did neither."""
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code not in (0, -signal.SIGKILL):
        raise RuntimeError(f"a run ended with status {code}")
    return code == 0


@dataclass
class Trial:
    """Kills, and what they left.

    runs        how many runs share the store.
    whole       seconds that a run takes, about; it is learnt.
    fell        how many kills fell in each step.
    chunks      chunks that killed runs had finished.
    completed   stores that were completed, and found in order.
    """

    folder: Path
    expected: dict[str, bytes]
    runs: int = 1
    whole: float = 0.05
    fell: Counter[str] = field(default_factory=Counter)
    chunks: int = 0
    completed: int = 0
    there: int = 0

    @property
    def store(self) -> Path:
        """The store in use."""
        return self.folder / str(self.completed)

    def at(self, step: str) -> None:
        """Kill a run at this step (the second time that it comes there, if it does), and resume it."""
        if ended(fork(self.store, kills_itself(step, 1 if step == STEPS[-1] else 2))):
            raise RuntimeError(f"a run never came to the step {step!r}")
        self.fell[step] += 1
        self.look()
        self.resume()

    def at_random(self, moments: random.Random) -> None:
        """Start a run, or several at once, and kill each at a random moment."""
        watches = [Watch() for _ in range(self.runs)]
        children = [fork(self.store, watch.trace) for watch in watches]
        begun, finished = time.monotonic(), False
        due = sorted(begun + self.whole * moments.uniform(*SPAN) for _ in children)
        for moment, pid, watch in zip(due, children, watches, strict=True):
            time.sleep(max(0.0, moment - time.monotonic()))
            os.kill(pid, signal.SIGKILL)
            if ended(pid):
                finished = True
            else:
                self.fell[watch.step()] += 1
        before = self.chunks
        self.look()
        if finished:
            self.judge()
        # A machine may be busy, now and then: what got through is killed sooner, what got nothing done later.
        self.whole *= 0.9 if finished else 1.1 if self.chunks == before else 1.0

    def resume(self) -> None:
        """Run the sweep to its end on the store, and judge it."""
        if not ended(fork(self.store, lambda step: None)):
            raise RuntimeError("a run was killed by somebody else")
        if left := list(self.store.rglob("*.writing")):
            raise RuntimeError(f"unfinished files are left: {left}")
        self.judge()

    def look(self) -> None:
        """Look at the store after a kill."""
        home = store_of(SMALL, self.store)
        found = home.scan()
        if found.torn or (home.folder / "aside").exists():
            raise RuntimeError(f"a kill has left torn files: {found.torn}")
        self.chunks += len(found.chunks) - self.there
        self.there = len(found.chunks)

    def judge(self) -> None:
        """Look at the numbers of a finished store, and begin another."""
        if contents(SMALL, self.store, twice=self.runs > 1) != self.expected:
            raise RuntimeError("other bits than those of an undisturbed run")
        shutil.rmtree(self.store)
        self.completed += 1
        self.there = 0

    def shortfalls(self) -> list[str]:
        """What the kills missed."""
        missed = [f"no kill fell in the step {step!r}" for step in STEPS if not self.fell[step]]
        return missed + ([] if self.chunks else ["no chunk was finished between kills"])


def random_kills(trial: Trial, wanted: int, moments: random.Random) -> None:
    """At least `wanted` kills at random, and so many more as it takes that every step has one."""
    while (total := trial.fell.total()) < wanted or (trial.shortfalls() and total < PATIENCE * wanted):
        trial.at_random(moments)
    trial.resume()


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option(
    "--random", "wanted", type=click.IntRange(min=1), default=100, help="Kills at random, at least."
)
@click.option(
    "--together", type=click.IntRange(min=1), default=40, help="Kills of two runs that share a store."
)
@click.option("--seed", type=int, default=0, help="Of the random moments.")
def main(wanted: int, together: int, seed: int) -> None:
    """Kill a sweep at each step of the store, then at random; resume it each time; judge what is left."""
    moments = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        folder = Path(name)
        expected = undisturbed(SMALL, folder / "undisturbed")
        titles = {"one by one": 1, "at random": 1, "two runs": 2}
        trials = {title: Trial(folder / title, expected, runs) for title, runs in titles.items()}
        try:
            for step in STEPS:
                trials["one by one"].at(step)
            random_kills(trials["at random"], wanted, moments)
            random_kills(trials["two runs"], together, moments)
        except (RuntimeError, AssertionError) as error:
            raise click.ClickException(str(error)) from error
    click.echo(table(trials))
    if missed := [f"{title}: {what}" for title, trial in trials.items() for what in trial.shortfalls()]:
        raise click.ClickException("; ".join(missed))


def table(trials: dict[str, Trial]) -> str:
    """How many kills fell in each step, and what was finished between them."""
    rows = [("SIGKILL", list(trials))]
    rows += [(step, [str(trial.fell[step]) for trial in trials.values()]) for step in (*STEPS, OUTSIDE)]
    rows += [("all kills", [str(trial.fell.total()) for trial in trials.values()])]
    rows += [("chunks finished between kills", [str(trial.chunks) for trial in trials.values()])]
    rows += [("stores completed, all in order", [str(trial.completed) for trial in trials.values()])]
    return "\n".join(f"{title:<32}" + "".join(f"{part:>12}" for part in parts) for title, parts in rows)


if __name__ == "__main__":
    sys.exit(main(prog_name="python -m tests.sweep.kills"))
