"""Mutants: change one sign, exponent, comparison or constant of the code, and see whether a test notices.

    python -m tests.mutants [--count 40] [--seed 0] [--jobs 2] [PATH...]

A suite that passes says little if it would also pass with a wrong formula.  Every mutant is one small error
in `theory/` or `labs/`; the tests that execute its line are run in a copy of the checkout (the files here are
never touched).  What survives is printed: either a claim is checked too weakly, or the change does not matter
(a tolerance, the size of a chunk), and someone should be able to say which.

Why not a library.  mutmut 3 changes code inside functions only, through wrappers that it writes into every
one of them, selects tests by function, and has no seeded sample.  Cosmic Ray runs one fixed command, that is
the whole suite, for every mutant.  Here a line is run by few tests out of many: coverage's contexts say by
which, and what is left to write is this file (and mutations.py, which lists the changes).

The first run measures which test executes which line, and how long each test takes; that is kept in
build/mutants-map.json for as long as no source changes.
"""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from labs.core.sources import PACKAGES, ROOT, digest
from tests.mutations import Mutant, mutants_of, sample

COPIED = (*PACKAGES, "pyproject.toml", "README.md", "Makefile", ".ci")
MUTATED = ("theory", "labs")

# A mutant may loop for ever.  It is given this many times what its tests take when nothing is wrong, and the
# time to start Python and import everything on a busy machine.
PATIENCE, START_UP = 10.0, 60.0

# A test that reads the clock says nothing while coverage counts lines.
CLOCK = "tests/gallery/test_figures.py::test_data_are_quick_at_smoke_scale"


# --- which tests execute them ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Executed:
    """Which tests execute a line (`lines[file][line]`), and the seconds that each takes."""

    lines: dict[str, dict[str, list[str]]]
    seconds: dict[str, float]

    def tests_for(self, mutant: Mutant) -> list[str]:
        """The tests that execute the mutant's statement, the quick ones first.

        A statement that runs when its module is imported belongs to no test: then it is the tests that
        execute any line of the file, because all of them need it.
        """
        of_file = self.lines.get(mutant.file, {})
        touched = [of_file[str(k)] for k in range(mutant.first, mutant.last + 1) if str(k) in of_file]
        tests = {test for line in touched for test in line if test}
        if touched and not tests:
            tests = {test for line in of_file.values() for test in line if test}
        return sorted(tests, key=lambda test: (self.seconds.get(test, 0.0), test))


class BaselineError(Exception):
    """The tests do not pass on the unchanged code, so nothing can be said about changes."""


def copy_checkout(target: Path, root: Path = ROOT) -> Path:
    """A copy of the files that the tests need, without caches."""
    for name in COPIED:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.is_file():
            shutil.copy2(source, target / name)
    return target


def pytest_in(folder: Path, *arguments: str, timeout: float | None = None) -> tuple[int, str]:
    """Run pytest in a copy; return its exit status (124 if it took longer than `timeout`) and its output."""
    # No bytecode: a mutant may have the size of the original and be written within one tick of the clock,
    # and Python would then run the old code.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            timeout=timeout,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except subprocess.TimeoutExpired as error:
        output = error.stdout or ""
        return 124, output if isinstance(output, str) else output.decode(errors="replace")
    return done.returncode, done.stdout


def measure(folder: Path, jobs: int, paths: tuple[str, ...] = ("tests",)) -> Executed:
    """Run the whole suite once on the unchanged code, under coverage, in the copy `folder`."""
    report = folder / "coverage.json"
    code, output = pytest_in(
        folder,
        *(
            "-q",
            "-n",
            str(jobs if jobs > 1 else 0),
            "--durations=0",
            "--durations-min=0",
            "-o",
            "console_output_style=classic",
        ),
        *(f"--cov={name}" for name in MUTATED),
        *("--cov-context=test", f"--cov-report=json:{report}", "--cov-config", _coverage_settings(folder)),
        *("--deselect", CLOCK),
        *paths,
    )
    if code != 0:
        raise BaselineError(output[-4000:])
    files = json.loads(report.read_text(encoding="utf-8"))["files"]
    lines = {
        name: {
            line: sorted({c.split("|")[0] for c in contexts}) for line, contexts in found["contexts"].items()
        }
        for name, found in files.items()
    }
    seconds: dict[str, float] = {}
    for spent, test in re.findall(
        r"^\s*([0-9.]+)s (?:setup|call|teardown)\s+(\S.*?)\s*$", output, re.MULTILINE
    ):
        seconds[test] = seconds.get(test, 0.0) + float(spent)
    return Executed(lines, seconds)


def _coverage_settings(folder: Path) -> str:
    """Ask coverage to write, for every line, the tests that executed it."""
    path = folder / "coverage.ini"
    path.write_text("[json]\nshow_contexts = true\n[run]\nrelative_files = true\n", encoding="utf-8")
    return str(path)


def executed_lines(jobs: int, root: Path = ROOT) -> Executed:
    """What `measure` found, from build/mutants-map.json if no source has changed since."""
    path = root / "build" / "mutants-map.json"
    key = digest(frozenset(file for name in PACKAGES for file in (root / name).rglob("*.py")), root)
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["key"] == key:
            return Executed(kept["lines"], kept["seconds"])
    except (OSError, ValueError, KeyError):
        pass
    click.echo("running the whole suite once, to see which test executes which line ...")
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        measured = measure(copy_checkout(Path(folder), root), jobs)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"key": key, **asdict(measured)}), encoding="utf-8")
    return measured


# --- what becomes of them ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fate:
    """What became of a mutant: "killed", "timeout" (killed too), "survived" or "not executed"."""

    mutant: Mutant
    fate: str
    tests: int
    killer: str
    seconds: float


def try_mutant(mutant: Mutant, folder: Path, tests: Executed) -> Fate:
    """Run the tests that execute `mutant`, with it in place, in the copy `folder`; then undo it."""
    chosen = tests.tests_for(mutant)
    if not chosen:
        return Fate(mutant, "not executed", 0, "", 0.0)
    path, start = folder / mutant.file, time.perf_counter()
    original = path.read_bytes()
    listing = folder / "tests.txt"
    listing.write_text("\n".join(chosen) + "\n", encoding="utf-8")
    try:
        path.write_bytes(mutant.applied_to(original))
        limit = START_UP + PATIENCE * sum(tests.seconds.get(test, 0.0) for test in chosen)
        code, output = pytest_in(folder, "-x", "-q", "-n", "0", f"@{listing}", timeout=limit)
    finally:
        path.write_bytes(original)
    fate = {0: "survived", 124: "timeout"}.get(code, "killed")
    failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", output, re.MULTILINE)
    killer = "" if code == 0 else failed[1] if failed else f"exit status {code}"
    return Fate(mutant, fate, len(chosen), killer, time.perf_counter() - start)


def try_all(mutants: list[Mutant], tests: Executed, jobs: int, root: Path = ROOT) -> Iterator[Fate]:
    """The fates of the mutants as they are known; every one of `jobs` workers has a copy of its own."""
    with ExitStack() as stack:
        copies: queue.Queue[Path] = queue.Queue()
        for _ in range(min(jobs, len(mutants))):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mutants-"))
            copies.put(copy_checkout(Path(folder), root))

        def work(mutant: Mutant) -> Fate:
            folder = copies.get()
            try:
                return try_mutant(mutant, folder, tests)
            finally:
                copies.put(folder)

        pool = stack.enter_context(ThreadPoolExecutor(max(1, min(jobs, len(mutants)))))
        stack.callback(pool.shutdown, cancel_futures=True)
        for done in as_completed([pool.submit(work, mutant) for mutant in mutants]):
            yield done.result()


def files_under(paths: tuple[str, ...], root: Path = ROOT) -> list[Path]:
    """The Python files that are mutated: those of `theory` and `labs`, or of the paths given."""
    chosen = [root / path for path in paths or MUTATED]
    files = {file for path in chosen for file in ([path] if path.is_file() else path.rglob("*.py"))}
    return sorted(file for file in files if file.name != "__main__.py")


def describe(fate: Fate) -> str:
    m = fate.mutant
    return f"{m.file}:{m.line}: {m.kind}: {' '.join(m.before.split())} -> {' '.join(m.after.split())}"


def in_context(mutant: Mutant, root: Path = ROOT) -> str:
    """The line of the mutant, with the change marked."""
    source = (root / mutant.file).read_bytes()
    begin = source.rfind(b"\n", 0, mutant.start) + 1
    end = source.find(b"\n", mutant.stop)
    end = len(source) if end < 0 else end
    shown = (
        source[begin : mutant.start]
        + b"["
        + source[mutant.start : mutant.stop]
        + b"]"
        + source[mutant.stop : end]
    )
    return " ".join(shown.decode().split())


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--count", type=click.IntRange(min=1), default=40, help="How many mutants to try.")
@click.option("--seed", type=int, default=0, help="Which ones: another seed, another sample.")
@click.option("--jobs", type=click.IntRange(min=1), default=2, help="Processes.")
@click.argument("paths", nargs=-1, type=click.Path(exists=True))
def main(count: int, seed: int, jobs: int, paths: tuple[str, ...]) -> None:
    """Change one sign, exponent, comparison or constant at a time; print the changes that no test notices.

    PATHs (files or folders, by default theory and labs) say where.  The result is in build/mutants.json.
    """
    files = files_under(tuple(str(Path(path).resolve()) for path in paths))
    every = [m for f in files for m in mutants_of(f.relative_to(ROOT).as_posix(), f.read_bytes())]
    chosen = sample(every, count, seed)
    click.echo(f"{len(chosen)} of {len(every)} mutants of {len(files)} files, seed {seed}")
    try:
        tests = executed_lines(jobs)
    except BaselineError as error:
        raise click.ClickException(f"the tests fail on the unchanged code:\n{error}") from error
    fates = []
    with tqdm(total=len(chosen), unit="mutant", disable=None) as bar:
        for fate in try_all(chosen, tests, jobs):
            fates.append(fate)
            if fate.fate in ("survived", "not executed"):
                tqdm.write(f"{fate.fate:>12}  {describe(fate)}", file=sys.stdout)
            bar.update()
    report(sorted(fates, key=lambda fate: fate.mutant), len(every), seed)


def report(fates: list[Fate], population: int, seed: int, root: Path = ROOT) -> None:
    """Print what survived and write everything to build/mutants.json."""
    counts = Counter(fate.fate for fate in fates)
    click.echo(f"\n{len(fates)} mutants: " + ", ".join(f"{n} {what}" for what, n in counts.most_common()))
    for what, heading in (
        ("survived", "Survivors: every test that executes the line passed"),
        ("not executed", "No test executes this line"),
    ):
        found = [fate for fate in fates if fate.fate == what]
        if found:
            click.echo(f"\n{heading}:")
        for fate in found:
            tests = f" ({fate.tests} tests)" if fate.tests else ""
            click.echo(f"  {describe(fate)}{tests}\n      {in_context(fate.mutant, root)}")
    result: dict[str, Any] = {
        "seed": seed,
        "population": population,
        "counts": dict(counts),
        "mutants": [
            {**asdict(f.mutant), **{k: v for k, v in asdict(f).items() if k != "mutant"}} for f in fates
        ],
    }
    path = root / "build" / "mutants.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    click.echo(f"\n{path}")


if __name__ == "__main__":
    main(prog_name="python -m tests.mutants")
