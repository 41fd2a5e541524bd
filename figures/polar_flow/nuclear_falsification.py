"""Which interpolant has a small nuclear norm: literal Muon's has not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.tables import table, where
from figures.polar_flow._literal import FLOW, FROBENIUS, MATCHED, MUON, OPERATOR, ends, norms, problems
from labs.core.arrays import Backend
from theory.polar_flow import POL_C2_a, POL_C2_b, POL_C2_c

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Literal Muon does not minimise the nuclear norm; the self-polar flow does"
CAPTION = """
Matrix sensing: a matrix of low rank seen by Gaussian measurements.  Bars: the nuclear norm of the interpolant that
each method finds, over the least one (whose bracket is closed to 1e-8), seed by seed.  Literal Muon (momentum 0.9,
cosine steps) ends far above 1 on every seed, near the interpolant of least operator norm; norm-matched gradient
descent ends at the interpolant of least Frobenius norm.  The self-polar flow, started where Muon ended, comes back to
1, as theory says (line).  Grey: the interval 1.29 to 2.02 that was reported over ten seeds of unknown size; other
sizes and ranks give other ratios.
"""
CLAIMS = (POL_C2_a, POL_C2_b, POL_C2_c)

METHODS = (FLOW, MATCHED, FROBENIUS, MUON, OPERATOR)
# (n, p, rank, seeds)
SIZES = {
    "smoke": ((10, 60, 2, 2),),
    "quick": ((10, 60, 2, 6), (20, 200, 5, 2)),
    "full": ((10, 60, 2, 10), (20, 200, 2, 10), (20, 200, 5, 10)),
}
STEPS = {"smoke": 250, "quick": 1000, "full": 1500}
TIME = {"smoke": 30.0, "quick": 40.0, "full": 120.0}  # of the self-polar flow
REPORTED = (1.29, 2.02)


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Table "ratios": a row per size, seed and method; gap: the relative width of the bracket."""
    blocks = []
    for n, p, rank, seeds in SIZES[scale]:
        sensed = problems(n, p, rank, seeds)
        steps, step = STEPS[scale], 0.05 * 1500 / STEPS[scale]
        found, brackets = ends(backend, sensed, step=step, steps=steps, momentum=0.9, flow=TIME[scale])
        lower, upper = brackets["nuclear"]
        for method in METHODS:
            ratio = norms(found[method])["nuclear"] / upper
            case = {"n": n, "p": p, "rank": rank, "seed": np.arange(seeds), "method": method}
            blocks.append({**case, "ratio": ratio, "gap": (upper - lower) / upper})
    return {"ratios": table(blocks)}


def draw(tables: Any) -> Figure:
    """A panel per size, a group of bars per seed."""
    from matplotlib.patches import Patch

    from figures.gallery import style

    rows = tables["ratios"]
    cases = list(dict.fromkeys(zip(rows["n"], rows["p"], rows["rank"], strict=True)))
    counts = [where(rows, n=n, p=p, rank=rank)["seed"].max() + 1 for n, p, rank in cases]
    figure, axes = style.panels(1, len(cases), width=1.8 + 0.75 * sum(counts) + 1.0 * len(cases), height=4.2)
    for panel, (n, p, rank), count in zip(axes, cases, counts, strict=True):
        panel.axhspan(*REPORTED, color="0.9", zorder=0)
        for number, method in enumerate(METHODS):
            bars = where(rows, n=n, p=p, rank=rank, method=method)
            offset = (number - 2) * 0.16
            colour = style.series(number)["color"]
            panel.bar(bars["seed"] + offset, bars["ratio"], 0.15, color=colour, label=method, zorder=2)
        panel.axhline(1.0, color="black", linewidth=1.2, zorder=3)
        panel.set(xlabel="seed", ylim=(0.9, None), title=f"{n} × {n}, rank {rank}, p = {p}")
        panel.set_xticks(range(count))
    axes[0].set_ylabel("nuclear norm over the least")
    handles = axes[-1].get_legend_handles_labels()[0]
    handles.append(Patch(color="0.9", label="reported for Muon"))
    axes[-1].legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)
    return figure
