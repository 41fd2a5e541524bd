"""How near Muon's step is to the identity in the task basis: along runs, and against the size of the groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.associative_memory._dense import Problem
from figures.gallery.tables import table, where
from labs.associative_memory.reduced import Reduced
from labs.core.arrays import Backend
from theory.associative_memory import AML_P8a, AML_P8b, AML_P8c, AML_P8d, AML_P8f

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Muon's step is close to the identity, in the task basis, until a residual changes its sign"
CAPTION = """
Largest entry of -msgn(G) - I in the task basis, along runs of Muon with eta = 0.3 from W = 0; M groups of C facts,
masses a^-beta.  Left: against the step, times C, for C = 2.  Without noise (dots) it stays below 1.  With noise 0.1
it may grow, but not beyond the bound 1 + sqrt(1 - 1/M) < 2 (dashed) as long as every contrast residual is negative;
when the first margin has overshot, its sign flips, and the distance jumps to about 2, here 2 C = 4.  Right: the
largest value before that jump, against C.  The bound has no factor M (lines, all but on each other); the reported
one, (1 + M)/C (dotted), has.  The steep spectrum, M = 6 and beta = 8, uses all but a hundredth of the bound at C = 2;
groups of 5 and more stay below half of it.
"""
CLAIMS = (AML_P8a, AML_P8b, AML_P8c, AML_P8d, AML_P8f)

ETA, NOISE, SHOWN_SIZE = 0.3, 0.1, 2
# Groups and exponent of the masses, by series.
SPECTRA = ((3, 2.0), (6, 8.0), (16, 2.0))
SCALES = {
    "smoke": ((2, 20), 16),
    "quick": ((2, 3, 5, 10, 20, 50, 100, 200, 500), 40),
    "full": ((2, 3, 4, 5, 7, 10, 15, 20, 35, 50, 75, 100, 150, 200, 350, 500), 60),
}


def bound(groups: int, size: Any) -> Any:
    """(1 + sqrt(1 - 1/M))/C."""
    return (1 + (1 - 1 / groups) ** 0.5) / size


def distances(problem: Problem, alpha: float, steps: int, backend: Backend) -> tuple[np.ndarray, np.ndarray]:
    """Before each step the largest entry of -msgn(G) - I, and whether all contrasts still grow: (steps,) each."""
    memory = Reduced((problem.size,) * problem.groups, backend.asarray(problem.masses), alpha)
    M, C = problem.groups, problem.size
    x, S = backend.asarray(np.zeros(M)), backend.asarray(np.zeros((M, M)))
    found, rising = [], []
    for _ in range(steps):
        run = memory.simulate(ETA, 1, "muon", start=(x, S), last=True)
        after, block = run.contrasts[..., -1, :], run.blocks
        contrast, Q = (backend.to_numpy(d) / ETA for d in (after - x, block - S))
        inside = (np.diag(Q) - contrast) / C
        across = Q - np.diag(np.diag(Q))
        entries = [np.abs(contrast + inside - 1), np.abs(inside), np.abs(across) / C]
        found.append(max(float(np.max(e)) for e in entries))
        rising.append(bool(np.all(contrast > 0.5)))
        x, S = after, block
    return np.array(found), np.logical_and.accumulate(rising)


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "runs" (groups, alpha, step) and "sizes" (groups, alpha, size)."""
    sizes, steps = SCALES[scale]
    along, largest = [], []
    for M, beta in SPECTRA:
        for alpha in (0.0, NOISE):
            for size in sizes:
                distance, rising = distances(Problem(M, size, beta), alpha, steps, backend)
                row = {"groups": M, "beta": beta, "alpha": alpha, "size": size}
                largest.append(row | {"distance": np.max(distance[rising]), "bound": bound(M, size)})
                if size == SHOWN_SIZE:
                    along.append(row | {"step": np.arange(steps), "distance": distance, "rising": rising})
    return {"runs": table(along), "sizes": table(largest)}


def draw(tables: Any) -> Figure:
    """Left runs, right the largest distances; hollow markers with noise, small dots without."""
    from figures.gallery import style

    figure, (left, right) = style.panels(1, 2, width=13.4, height=4.6)
    for number, (M, beta) in enumerate(SPECTRA):
        label = f"M = {M}, β = {beta:g}"
        _draw_run(left, tables, number, M, style)
        rows = where(tables["sizes"], groups=M, alpha=NOISE)
        quiet = where(tables["sizes"], groups=M, alpha=0.0)
        style.predicted(right, rows["size"], rows["bound"], number, linestyle="-", linewidth=1.0)
        style.predicted(right, rows["size"], (1 + M) / rows["size"], number, linestyle=":", linewidth=1.2)
        style.computed(right, rows["size"], rows["distance"], number, label=label, markersize=6)
        style.computed(right, quiet["size"], quiet["distance"], number, marker=".", markersize=6)
    left.set(yscale="log", xlabel="step t", ylabel="C |−msgn(G$_t$) − I|$_{max}$", title=f"C = {SHOWN_SIZE}")
    ticks = [0.2, 0.5, 1, 2, 4]
    left.set_yticks(ticks, [f"{t:g}" for t in ticks])
    left.set_yticks([], minor=True)
    right.set(xscale="log", yscale="log", xlabel="size C of the groups", ylabel="|−msgn(G$_t$) − I|$_{max}$")
    right.set_title("largest, while all residuals are negative")
    _key(right)
    return figure


def _draw_run(axes: Axes, tables: Any, number: int, M: int, style: Any) -> None:
    for alpha, look in ((NOISE, {}), (0.0, {"marker": ".", "markersize": 5})):
        rows = where(tables["runs"], groups=M, alpha=alpha)
        style.computed(axes, rows["step"], SHOWN_SIZE * rows["distance"], number, **look)
    limit = np.array([1.0, 1.0]) * SHOWN_SIZE * bound(M, SHOWN_SIZE)
    style.predicted(axes, np.array([0, np.max(rows["step"])]), limit, number, linestyle="--", linewidth=1.0)


def _key(axes: Axes) -> None:
    from matplotlib.lines import Line2D

    plain: dict[str, Any] = {"color": "0.25"}
    looks: dict[str, dict[str, Any]] = {
        "noise 0.1": {"linestyle": "", "marker": "o", "markerfacecolor": "none"},
        "no noise": {"linestyle": "", "marker": "."},
        "bound, 1 + √(1 − 1/M) over C": {"linestyle": "-", "marker": ""},
        "reported, (1 + M)/C": {"linestyle": ":", "marker": ""},
    }
    handles, labels = axes.get_legend_handles_labels()
    handles += [Line2D([], [], **(plain | look)) for look in looks.values()]
    axes.legend(handles, [*labels, *looks], loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)
