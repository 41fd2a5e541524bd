"""Where the optimisers end, between the interpolants of least nuclear, Frobenius and operator norm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.tables import table, where
from figures.polar_flow._literal import FLOW, FROBENIUS, MATCHED, MUON, OPERATOR, ends, norms, on, problems
from labs.core.arrays import Backend
from labs.polar_flow.interpolants import interpolant
from labs.polar_flow.literal import descend, profile
from theory.polar_flow import POL_C2_b, POL_X6p

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Literal Muon ends near the least operator norm, the self-polar flow at the least nuclear norm"
CAPTION = """
Matrix sensing, 10 x 10, rank 2, p = 60; a point per seed.  Each norm of an interpolant over the least value that any
interpolant has: 1 is optimal.  The three minimisers (filled) span a triangle, drawn for one seed.  Norm-matched
gradient descent lies on the min-Frobenius corner and the self-polar flow on the min-nuclear one.  Literal Muon lies
beside the min-operator corner, the closer the smaller its steps: a few per cent above the least operator norm for
steps from 0.02 (nobody has proved how close it comes as they shrink), more for 0.1 with momentum 0.95.  Descent
by the sign of the gradient is elsewhere.
"""
CLAIMS = (POL_C2_b, POL_X6p)

NUCLEAR = "min-nuclear"
SMALL, LARGE, SIGN = "Muon, steps 0.02", "Muon, steps 0.1, momentum 0.95", "sign descent"
# (seeds, steps at 0.02, steps at 0.1, time of the self-polar flow)
SIZES = {"smoke": (2, 200, 100, 12.0), "quick": (7, 1500, 600, 40.0), "full": (20, 3000, 1500, 60.0)}
CORNERS = (NUCLEAR, FROBENIUS, OPERATOR)
METHODS = (FLOW, MATCHED, SMALL, LARGE, SIGN)


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Table "ratios": a row per seed and method, the three norms over the least."""
    seeds, small, large, time = SIZES[scale]
    sensed = problems(10, 60, 2, seeds)
    h = 0.02 * 3000 / small
    found, brackets = ends(backend, sensed, step=h, steps=small, momentum=0.0, flow=time)
    found[SMALL] = found.pop(MUON)
    operator, y, noise = on(backend, sensed)
    for name, rule, first, momentum in ((LARGE, "muon", 0.1, 0.95), (SIGN, "sign", 0.02, 0.0)):
        sizes = backend.asarray(first * profile("cosine", large) * (1500 / large))
        run = descend(operator, y, 1e-3 * noise, sizes, rule, momentum=momentum)
        found[name] = backend.to_numpy(run.W)
    found[NUCLEAR] = backend.to_numpy(interpolant(operator, y).W)
    blocks = []
    for name in (*CORNERS, *METHODS):
        ratios = {norm: size / brackets[norm][1] for norm, size in norms(found[name]).items()}
        blocks.append({"seed": np.arange(seeds), "method": name, **ratios})
    return {"ratios": table(blocks)}


def draw(tables: Any) -> Figure:
    """Operator ratio against nuclear ratio, and against Frobenius ratio."""
    from figures.gallery import style

    figure, axes = style.panels(1, 2, width=12.0, height=4.6)
    rows = tables["ratios"]
    for panel, across in zip(axes, ("nuclear", "frobenius"), strict=True):
        first = [where(rows, method=name, seed=0) for name in (*CORNERS, NUCLEAR)]
        panel.plot(
            [corner[across][0] for corner in first],
            [corner["operator"][0] for corner in first],
            color="0.6",
            linewidth=0.9,
            linestyle="-",
            marker="",
            zorder=1,
        )
        for marker, name in zip("svd", CORNERS, strict=True):
            corner = where(rows, method=name)
            panel.plot(
                corner[across],
                corner["operator"],
                linestyle="",
                marker=marker,
                color="0.45",
                label=name,
                markersize=5,
            )
        for number, name in enumerate(METHODS):
            points = where(rows, method=name)
            style.computed(panel, points[across], points["operator"], number, label=name, markersize=7)
        panel.set(xlabel=f"{'Frobenius' if across == 'frobenius' else across} norm over the least")
    axes[0].set_ylabel("operator norm over the least")
    style.legend_outside(axes[1])
    return figure
