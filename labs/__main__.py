"""The command line: `lab`, which is `python -m labs`.

Only click is imported here.  Everything else, figures and theory too, is imported inside the command that
needs it, so that `lab --help` answers at once; nothing imports this module.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from figures.gallery.contract import Figure
    from figures.gallery.ledger import Finding
    from theory.claims import Claim, Registry

SETTINGS = {"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 100}


@click.group(context_settings=SETTINGS)
def main() -> None:
    """The laboratory: draw figures, look at claims and their evidence, run benchmarks."""


@main.command(short_help="Draw the figures that are not up to date.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--scale", type=click.Choice(["smoke", "quick", "full"]), default="quick", help="How much to compute."
)
@click.option(
    "--backend",
    type=click.Choice(["numpy", "cupy", "strict"]),
    default="numpy",
    envvar="LABS_BACKEND",
    show_envvar=True,
    help="The array library that computes.",
)
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
