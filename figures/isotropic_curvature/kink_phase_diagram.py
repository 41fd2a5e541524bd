"""Which kinks make the orthogonalised update optimal for which gradients, n = 2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import note
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.isotropic_curvature import Kink, PiecewiseWeight, solve
from theory.isotropic_curvature import ICM_P5a, ICM_P5b, ICM_X6b, ICM_X7a, sectors

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Full orthogonalisation is optimal only at a kink, and the kink must be sharp"
CAPTION = """
First panel: curvature functions H whose slope H' jumps from A to B at the length 1.  Thin: H' constant on both
sides.  Thick: the one computed with, H' = A x and then B x; only the two slopes at the kink matter here.  The
other panels, for n = 2 and three values of A: a cell is a gradient, by its spread (g_1 - g_2)/(g_1 + g_2), and a
kink, by its right slope B.  Slopes are in units of g_1 + g_2.  The colour is q_2/q_1 for the update that the solver
finds; cells with q_2 = q_1, where the update is the orthogonalised gradient, are white.  The black line is where
theory has the edge of the white region, spread = ((B-A)/pi) sin(pi (1-A)/(B-A)): the cells whose middle
lies to its left are white, and no others.  Dashed: the simpler bound spread <= (B-A)/pi, necessary everywhere and
sharp at one point.  Dotted: to the right of it, where A > 2 g_2, no kink serves.  Beyond the edge the two singular
values part at once but gradually: next to the white region the colour is close to 1.
"""
CLAIMS = (ICM_X7a, ICM_P5a, ICM_P5b, ICM_X6b)

LEFT = (0.0, 0.2, 0.5)
CELLS = {"smoke": (3, 1), "quick": (14, 9), "full": (40, 36)}
LARGEST = 4.0
EQUAL = 1e-10  # of q, which the solver knows to about 1e-12


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "cells" (q_2/q_1 by spread, A and B in units of g_1 + g_2), "edge" and "shape" (H and H')."""
    across, up = CELLS[scale]
    spreads = (np.arange(across) + 0.5) / across
    cells, edges = [], []
    grid = np.linspace(1.0, LARGEST, 121)
    for A in LEFT:
        for B in 1 + (LARGEST - 1) * (np.arange(up) + 0.5) / up:
            q = solve(np.stack([1 + spreads, 1 - spreads], axis=1) / 2, PiecewiseWeight((1.0,), (A, B))).q
            cells.append({"A": A, "B": B, "spread": spreads, "ratio": q[:, 1] / q[:, 0]})
        edges.append({"A": A, "B": grid, "spread": edge(A, grid), "bound": (grid - A) / np.pi})
    x = np.linspace(0.0, 1.6, 161)
    kinds: dict[str, Any] = {
        "constant": Kink(1.0, 0.5, 2.0),
        "computed": PiecewiseWeight((1.0,), (0.5, 2.0)),
    }
    shapes = [{"kind": kind, "x": x, "H": H(x), "slope": H.slope(x)} for kind, H in kinds.items()]
    return {"cells": table(cells), "edge": table(edges), "shape": table(shapes)}


def edge(A: float, B: Any) -> Any:
    """The largest spread for which g_1 + g_2 = 1 is held: how far (1/2, 1/2) lies inside Z(A, B)."""
    return sectors.margin(1.0, (0.5, 0.5), A, B, lambda x: np.sin(np.pi * x) / np.pi)


def draw(tables: Any) -> Figure:
    """The two kinds of kink; for each A the solver's ratio with the edge from theory."""
    from figures.gallery import style

    figure, (first, *panels) = style.panels(1, 4, width=14.6, height=4.0)
    for kind, width in (("constant", 0.8), ("computed", 2.0)):
        rows = where(tables["shape"], kind=kind)
        for number, column in enumerate(("slope", "H")):
            style.predicted(first, rows["x"], rows[column], number, linewidth=width)
    note(first, "slope H'", (1.3, 2.6), (-56, 4), color="C0")
    note(first, "H", (1.35, 0.95), (6, -8), color="C1")
    note(first, "B", (1.0, 2.0), (-12, -4))
    note(first, "A", (1.0, 0.5), (5, -4))
    first.set(xlabel="length x", ylabel="curvature H and its slope H'", title="a kink at length 1")
    cells = tables["cells"]
    spreads, slopes = np.unique(cells["spread"]), np.unique(cells["B"])
    ends = [np.linspace(0.0, 1.0, spreads.size + 1), np.linspace(1.0, LARGEST, slopes.size + 1)]
    for panel, A in zip(panels, np.unique(cells["A"]), strict=True):
        ratio = where(cells, A=A)["ratio"].reshape(slopes.size, spreads.size)
        shown = np.ma.masked_where(ratio >= 1 - EQUAL, ratio)
        colours = panel.pcolormesh(*ends, shown, vmin=0.0, vmax=1.0)
        line = where(tables["edge"], A=A)
        black: dict[str, Any] = {"color": "black", "marker": ""}
        panel.plot(line["spread"], line["B"], linestyle="-", label="edge, theory", **black)
        panel.plot(line["bound"], line["B"], linestyle="--", linewidth=1.0, label="simpler bound", **black)
        panel.plot([1 - A] * 2, [1, LARGEST], linestyle=":", label="$A = 2 g_2$", **black)
        note(panel, "$q_1 = q_2$", (0.1, 2.2), (0, 0))
        panel.set(
            xlim=(0, 1),
            ylim=(1, LARGEST),
            title=f"$A\\,/\\,(g_1 + g_2) = {A:g}$",
            xlabel="$(g_1 - g_2)\\,/\\,(g_1 + g_2)$",
        )
        panel.grid(False)
    panels[0].set_ylabel("right slope of the kink, $B\\,/\\,(g_1 + g_2)$")
    panels[0].legend(loc="upper left")
    figure.colorbar(colours, ax=panels, label="$q_2/q_1$ (white: 1)", shrink=0.9)
    return figure
