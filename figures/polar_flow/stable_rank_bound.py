"""How flat literal Muon must be, and how flat it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.tables import table, where
from figures.polar_flow._literal import on, problems
from labs.core.arrays import Backend
from labs.core.spectrum import stable_rank
from labs.polar_flow.literal import descend
from theory.polar_flow import POL_X6_b, POL_X6_c

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "A flat interpolant by construction: the bound (|y|/T)^2 on the stable rank of literal Muon"
CAPTION = """
Matrix sensing from zero with steps of constant size h until the residual is of the order of a step.  Across: the
bound ((|y| - |res|)/T)^2, T the sum of the steps taken.  Up: the stable rank reached.  Theory keeps literal Muon
above the diagonal, with and without momentum, at every step size, for every measurement; it stays within a factor
of two of it.  Norm-matched gradient descent, to which the bound does not apply, takes the straight way to the min-
Frobenius interpolant in T = |y|/sqrt(r) and lies below the diagonal: its "bound" is the full rank r.
"""
CLAIMS = (POL_X6_b, POL_X6_c)

# (n, p, rank)
CASES = ((10, 60, 2), (10, 20, 2), (10, 90, 1), (20, 40, 1))
SEEDS = {"smoke": 2, "quick": 5, "full": 20}
STEP = {"smoke": 0.1, "quick": 0.05, "full": 0.02}
RUNS = {
    "Muon": ("muon", 0.0),
    "Muon, momentum 0.5": ("muon", 0.5),
    "norm-matched descent": ("norm-matched", 0.0),
}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Table "runs": a row per case, seed and run."""
    blocks = []
    for n, p, rank in CASES[:2] if scale == "smoke" else CASES:
        sensed = problems(n, p, rank, SEEDS[scale])
        operator, y, noise = on(backend, sensed)
        size, h = np.linalg.norm(sensed.y, axis=-1), STEP[scale]
        steps = backend.asarray(np.full(int(1.2 * size.max() / h), h))
        for name, (rule, momentum) in RUNS.items():
            # With momentum the residual overshoots: it is stopped three steps before its end.
            stop = np.sqrt(n) * h * (3 if momentum else 1) / size
            run = descend(
                operator, y, 0.0 * noise, steps, rule, momentum=momentum, stop=backend.asarray(stop)
            )
            left = backend.to_numpy(run.residuals)[:, -1]
            sigma = np.linalg.svd(backend.to_numpy(run.W), compute_uv=False)
            bound = ((size - left) / backend.to_numpy(run.spent)) ** 2
            case = {"n": n, "p": p, "rank": rank, "seed": np.arange(size.size), "run": name}
            blocks.append({**case, "bound": bound, "stable": stable_rank(sigma), "residual": left / size})
    return {"runs": table(blocks)}


def draw(tables: Any) -> Figure:
    """Stable rank against bound; a colour per case, a marker per run."""
    from matplotlib.lines import Line2D

    from figures.gallery import style

    figure, (panel,) = style.panels(width=8.4, height=4.8)
    rows = tables["runs"]
    cases = list(dict.fromkeys(zip(rows["n"], rows["p"], rows["rank"], strict=True)))
    ends = np.array([min(rows["bound"].min(), 1.0) * 0.8, rows["n"].max() * 1.3])
    panel.plot(ends, ends, color="black", linewidth=1.2, linestyle="-", marker="")
    for number, (n, p, rank) in enumerate(cases):
        for marker, name in zip("o^x", RUNS, strict=True):
            points = where(rows, n=n, p=p, rank=rank, run=name)
            label = f"{n} × {n}, p = {p}, rank {rank}" if name == "Muon" else "_"
            style.computed(panel, points["bound"], points["stable"], number, marker=marker, label=label)
    panel.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
    panel.set(xlabel="bound $((|y| - |res|)/T)^2$", ylabel="stable rank of the interpolant")
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter(lambda x, _: f"{x:g}")
        axis.set_ticks([t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if ends[0] <= t <= ends[1]])
        axis.set_ticks([], minor=True)
    style.legend_outside(panel)
    key = [
        Line2D([], [], color="0.25", linestyle="", marker=marker, markerfacecolor="none", label=name)
        for marker, name in zip("o^x", RUNS, strict=True)
    ]
    key.append(
        Line2D([], [], color="black", linewidth=1.2, linestyle="-", marker="", label="theory: not below")
    )
    legend = panel.get_legend()
    panel.legend(handles=key, loc="lower left", bbox_to_anchor=(1.01, 0.0), borderaxespad=0.0)
    if legend is not None:
        panel.add_artist(legend)
    return figure
