"""The command line: `lab`, which is `python -m labs`.

Only click is imported here.  Everything else, figures and theory too, is imported inside the command that
needs it, so that `lab --help` answers at once; nothing imports this module.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from figures.gallery.contract import Figure
    from figures.gallery.ledger import Finding
    from labs.core.sweep import Sweep
    from theory.claims import Claim, Registry

SETTINGS = {"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 100}

_backend = click.option(
    "--backend",
    type=click.Choice(["numpy", "cupy", "strict"]),
    default="numpy",
    envvar="LABS_BACKEND",
    show_envvar=True,
    help="The array library that computes.",
)


@click.group(context_settings=SETTINGS)
def main() -> None:
    """The laboratory: draw figures, look at claims and their evidence, run sweeps and benchmarks."""


@main.command(short_help="Draw the figures that are not up to date.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--scale", type=click.Choice(["smoke", "quick", "full"]), default="quick", help="How much to compute."
)
@_backend
@click.option("--out", type=click.Path(path_type=Path), help="Where pictures go.  [default: build/figures]")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes.  [default: one per core]")
@click.option("--force", is_flag=True, help="Compute and draw even what is up to date.")
@click.option("--list", "only_list", is_flag=True, help="Print the names of the figures and stop.")
def figures(
    names: tuple[str, ...],
    scale: str,
    backend: str,
    out: Path | None,
    jobs: int | None,
    force: bool,
    only_list: bool,
) -> None:
    """Draw figures that are not up to date (all of them, or those NAMEd), and the page that shows them.

    NAME is "paper/figure", the figure's own name where only one paper has it, or a pattern such as "paper/*".
    """
    import time

    from tqdm import tqdm

    from figures.gallery import contract, index, run
    from labs.core.sources import ROOT
    from theory.claims import load

    every = contract.find()
    chosen = _choose_figures(every, names)
    if only_list:
        click.echo("\n".join(figure.name for figure in chosen))
        return
    out = out or ROOT / "build" / "figures"
    start = time.perf_counter()
    failed: list[str] = []
    counts: Counter[str] = Counter()
    try:
        with tqdm(total=len(chosen), desc=f"figures, {scale}", unit="figure", disable=None) as bar:
            for drawn in run.draw_all(chosen, out, scale, backend, jobs=jobs or run.cores(), force=force):
                counts[drawn.action] += 1
                if drawn.action == "failed":
                    failed.append(drawn.name)
                if drawn.action != "current":
                    tqdm.write(f"{drawn.action:>8}  {drawn.name}  {drawn.seconds:.1f} s", file=sys.stdout)
                bar.update()
    except KeyboardInterrupt:
        click.echo("interrupted; the figures finished so far are kept", err=True)
        sys.exit(130)
    page = index.write(every, out, _claims_by_id(load()), _findings(), tuple(failed))
    summary = ", ".join(f"{count} {action}" for action, count in sorted(counts.items())) or "none there are"
    click.echo(f"figures at scale {scale}: {summary}; {time.perf_counter() - start:.1f} s; {page}")
    if failed:
        click.echo(f"failed: {', '.join(failed)}", err=True)
        sys.exit(1)


@main.command(short_help="Show claims and how they stand.")
@click.argument("ids", nargs=-1, metavar="[ID]...")
def claims(ids: tuple[str, ...]) -> None:
    """Show what is claimed and how it stands: a table without IDs, with IDs each claim explained whole.

    ID is a claim ("ICM-T3"), a claim with its parts ("ICM-X12") or a paper ("ICM").  Evidence is that of
    the last run of pytest; it is marked stale where a source behind it has changed since.
    """
    from figures.gallery import explain
    from theory.claims import load

    registry, findings = load(), _findings()
    if not ids:
        click.echo(explain.overview(registry, findings))
        return
    chosen: dict[str, Claim] = {}
    for pattern in ids:
        matches = registry.select(pattern)
        if not matches:
            known = [c.id for c in registry] + list(dict.fromkeys(c.paper.key for c in registry))
            raise click.UsageError(f"no claim has the id {pattern!r}{_near(pattern, known)}")
        chosen |= _claims_by_id(matches)
    click.echo("\n\n".join(explain.explain(claim, findings) for claim in chosen.values()))


@main.group(short_help="Run sweeps, see how they stand, export their results.")
def sweep() -> None:
    """Grids of parameters, computed cell by cell, stored as they go, resumed where they stopped.

    SWEEP is the name of one that the laboratory comes with (`lab sweep status` lists them), or a Python file
    with a sweep in it, FILE.py or FILE.py:NAME.
    """


def _which_sweep(command: Callable[..., None]) -> Callable[..., None]:
    """The argument and options that say which sweep is meant."""
    for decorate in (
        click.option(
            "--store",
            type=click.Path(path_type=Path, file_okay=False),
            default=Path("build/sweeps"),
            help="The folder of all results.",
        ),
        _backend,
        click.option(
            "--axis", "axes", multiple=True, metavar="NAME=V,V,...", help="Other values for an axis."
        ),
        click.option("--scale", help="The grid to use.  [default: the sweep's first, mostly quick]"),
    ):
        command = decorate(command)
    return command


@sweep.command("run", short_help="Compute what is missing of a sweep.")
@click.argument("name", metavar="SWEEP")
@_which_sweep
@click.option("--workers", type=click.IntRange(min=1), default=1, help="Processes, one BLAS thread each.")
@click.option(
    "--dask", metavar="ADDRESS", help="Compute on the Dask cluster with the scheduler at this address."
)
@click.option(
    "--shard", default="1/1", metavar="I/N", help="Only every N-th tile from the I-th on, I = 1 ... N."
)
@click.option("--chunk", type=click.IntRange(min=1), help="Tiles in a file.  [default: five seconds' worth]")
@click.option("--retry-failed", is_flag=True, help="Compute the chunks with failed cells again.")
@click.option("--dry-run", is_flag=True, help="Say what it would cost (some tiles are timed), and stop.")
def sweep_run(
    name: str,
    scale: str | None,
    axes: tuple[str, ...],
    backend: str,
    store: Path,
    workers: int,
    dask: str | None,
    shard: str,
    chunk: int | None,
    retry_failed: bool,
    dry_run: bool,
) -> None:
    """Compute what is missing of SWEEP, and say how it stands.

    It may be interrupted or killed at any moment: the same command goes on where it stopped.  The numbers are
    the same bits whatever the workers, shards and chunks.
    """
    from labs.core.sweep import estimate, run, status

    with _sweep_errors(), _terminated_is_interrupted():
        chosen = _choose_sweep(name, scale, axes)
        if dry_run:
            click.echo(estimate(chosen, store=store, backend=backend))
            return
        try:
            report = run(
                chosen,
                store=store,
                backend=backend,
                workers=workers,
                dask=dask,
                shard=_shard(shard),
                chunk=chunk,
                retry_failed=retry_failed,
                progress=True,
            )
        except KeyboardInterrupt:
            stands = str(status(chosen, store=store, backend=backend)).splitlines()[0]
            click.echo(f"\ninterrupted.  {stands}\nThe same command goes on from there.", err=True)
            sys.exit(130)
    click.echo(report)


@sweep.command("status", short_help="How sweeps stand.")
@click.argument("name", metavar="[SWEEP]", required=False)
@_which_sweep
def sweep_status(
    name: str | None, scale: str | None, axes: tuple[str, ...], backend: str, store: Path
) -> None:
    """How SWEEP stands, or every sweep that the laboratory comes with.  Nothing is changed."""
    from labs.core.sweep import find, status

    with _sweep_errors():
        chosen = [_choose_sweep(name, scale, axes)] if name else list(find.every().values())
        for one in chosen:
            about = f"  {one.about}" if one.about else ""
            scales = f"  scales: {', '.join(one.scales)}" if one.scales else ""
            lines = [str(status(one, store=store, backend=backend)), about, scales]
            click.echo("\n".join(line for line in lines if line))


@sweep.command("export", short_help="Write a sweep's results to a file.")
@click.argument("name", metavar="SWEEP")
@_which_sweep
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="A file: .csv or .npz."
)
def sweep_export(
    name: str, scale: str | None, axes: tuple[str, ...], backend: str, store: Path, out: Path
) -> None:
    """Write the results of SWEEP to a file: a table (.csv) or named arrays over the grid (.npz)."""
    from labs.core.sweep import export, results

    with _sweep_errors():
        data = results(_choose_sweep(name, scale, axes), store=store, backend=backend)
        states = Counter(data["state"].values.ravel().tolist())
        click.echo(f"{export(data, out)}: {', '.join(f'{n} cells {state}' for state, n in states.items())}")


def _choose_sweep(name: str, scale: str | None, axes: tuple[str, ...]) -> Sweep:
    """The sweep of this name, or in this file, at this scale, with these axes."""
    from labs.core.sweep import find

    path, _, inner = name.partition(":")
    if path.endswith(".py"):
        known = find.in_file(Path(path))
        if not inner and len(known) > 1:
            raise click.UsageError(
                f"{path} has several sweeps, say which: {path}:NAME{_near('', list(known))}"
            )
        inner = inner or next(iter(known))
    else:
        known, inner = find.every(), name
    if inner not in known:
        raise click.UsageError(f"no sweep is called {inner!r}{_near(inner, list(known))}")
    chosen = known[inner]
    if scale is not None:
        chosen = chosen.at(scale)
    replaced = {}
    for text in axes:
        axis, equals, values = text.partition("=")
        if not equals:
            raise click.UsageError(f"--axis must be NAME=V,V,..., got {text!r}")
        kind = type(chosen.grid.axis(axis)[0])
        try:
            replaced[axis] = [kind(value) for value in values.split(",")]
        except ValueError:
            raise click.UsageError(
                f"axis {axis!r} has values of type {kind.__name__}, got {values!r}"
            ) from None
    return chosen.with_axes(**replaced) if replaced else chosen


def _shard(text: str) -> tuple[int, int]:
    try:
        i, n = map(int, text.split("/"))
    except ValueError:
        raise click.UsageError(f"--shard must be I/N with 1 <= I <= N, got {text!r}") from None
    return i, n


@contextmanager
def _sweep_errors() -> Iterator[None]:
    """What a user can mend is told in a line."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _terminated_is_interrupted() -> Iterator[None]:
    """A job that its scheduler ends (SIGTERM) ends as by Ctrl-C: cleanly."""
    import signal

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@main.command(short_help="Run the benchmarks.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--out", type=click.Path(path_type=Path), help="The results.  [default: build/bench.json]")
def bench(names: tuple[str, ...], out: Path | None) -> None:
    """Run the benchmarks (all, or those NAMEd): time ratio and accuracy, ours beside the alternative's."""
    from labs.core.sources import ROOT

    # The benchmarks belong to the tests, which are not installed: they are there in a checkout only.
    if not (ROOT / "tests" / "benchmarks" / "harness.py").is_file():
        raise click.ClickException(
            f"the benchmarks are in tests/benchmarks of a checkout, and {ROOT} is none"
        )
    sys.path.insert(0, str(ROOT))
    harness = importlib.import_module("tests.benchmarks.harness")
    known = harness.find()
    for name in names:
        if name not in known:
            raise click.UsageError(f"no benchmark is called {name!r}{_near(name, known)}")
    harness.run(list(names) or known, out or ROOT / "build" / "bench.json")


def _choose_figures(every: list[Figure], names: tuple[str, ...]) -> list[Figure]:
    """The figures that `names` mean, each once, in the order of `every`."""
    chosen: set[str] = set()
    for name in names:
        found = [f.name for f in every if name == f.name or fnmatchcase(f.name, name)]
        found = found or [f.name for f in every if name == f.name.split("/")[1]]
        if not found:
            known = [f.name for f in every]
            near = _near(name, known + [n.split("/")[1] for n in known])
            raise click.UsageError(f"no figure is called {name!r}{near}")
        if len(found) > 1 and name in {f.split("/")[1] for f in found}:
            raise click.UsageError(f"{name!r} is ambiguous: {', '.join(found)}")
        chosen.update(found)
    return [f for f in every if f.name in chosen or not names]


def _near(name: str, known: list[str]) -> str:
    """What the user may have meant, as the end of an error message."""
    matches = difflib.get_close_matches(name.lower(), [k.lower() for k in known], n=3, cutoff=0.5)
    meant = [k for k in dict.fromkeys(known) if k.lower() in matches]
    if meant:
        return f"; did you mean {' or '.join(meant)}?"
    return "; there are " + ", ".join(dict.fromkeys(known)) if known else "; there is none yet"


def _claims_by_id(claims: Registry | list[Claim]) -> dict[str, Claim]:
    return {claim.id: claim for claim in claims}


def _findings() -> dict[str, Finding]:
    from figures.gallery import ledger

    try:
        return ledger.read()
    except ledger.LedgerError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main(prog_name="lab")
