"""Finite-size collapse of Muon's law: the ratio to the constant of one group, against T/C and against T/K."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.associative_memory._muon import mean_excess, memory
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from theory.associative_memory import AML_X9a, AML_X9b, AML_X9c, AML_X9d, AML_X9f

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Muon's law holds until T is about K, not C: the ratio to its constant collapses in T/K"
CAPTION = """
M groups of C items, noise .2, masses a^-1.2, steps of 3 m*/T; the mean excess over (pi (1 - pi)/6) eta^2, the
constant of one group, over stratified phases and the last two steps.  If the size of a group ended the law the curves
would fall together on the left; they fan out by the number of groups.  Against T/K (right) all leave 1 together: at
T = K/2 with 64 groups, T = 32 C, the law still holds.  Beyond, the ratio rises (there the local slope of the excess
is about -1.2) and settles, the higher the more groups.  Grey: what one group predicts;
dash-dotted: T = C, T = K.
"""
CLAIMS = (AML_X9a, AML_X9b, AML_X9c, AML_X9d, AML_X9f)

BETA, C_STEP = 1.2, 3.0
SIZES = ((2, 8), (2, 32), (8, 4), (8, 16), (32, 4))
FRACTIONS = {
    "smoke": (0.5, 2.0),
    "quick": (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0),
    "full": tuple(2.0 ** np.arange(-3, 8)),
}
PHASES = {"smoke": 2, "quick": 4, "full": 16}
LONGEST = {"smoke": 64, "quick": 1100, "full": 20_000}
GAPS = ("ratio.slope",)  # the first time has none before


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Table "ratio": a row per memory and T, with the local slope of the excess since the T before."""
    rows = []
    for M, C in SIZES:
        times = [round(f * M * C) for f in FRACTIONS[scale]]
        times = [T for T in times if 16 <= T <= LONGEST[scale]]
        of = memory(M, C, (BETA,), backend)
        found = [mean_excess(of, C_STEP, T, PHASES[scale], backend) for T in times]
        excess = np.array([float(mean[0]) for mean, _ in found])
        slope = np.concatenate([[np.nan], np.diff(np.log(excess)) / np.diff(np.log(times))])
        ratio = [float(relative[0]) for _, relative in found]
        rows.append({"M": M, "C": C, "T": times, "excess": excess, "ratio": ratio, "slope": slope})
    return {"ratio": table(rows)}


def draw(tables: Any) -> Figure:
    """The same points twice."""
    from figures.gallery import style

    figure, panels = style.panels(1, 2, width=12.0, height=4.4)
    for axes, size in zip(panels, ("C", "K"), strict=True):
        for number, (M, C) in enumerate(SIZES):
            rows = where(tables["ratio"], M=M, C=C)
            scaled = rows["T"] / (C if size == "C" else M * C)
            look: dict[str, Any] = {"linestyle": "-", "linewidth": 0.8, "label": f"{M} × {C}"}
            style.computed(axes, scaled, rows["ratio"], number, **look)
        axes.axhline(1.0, color="0.55", linewidth=1.0, zorder=1)
        axes.axvline(1.0, color="0.75", linewidth=1.0, linestyle="-.", zorder=1)
        axes.set(xscale="log", ylim=(0.0, None))
        axes.set(ylabel="mean excess / (π(1 − π) η²/6)")
    panels[0].set(xlabel="T/C", title="against the size of a group")
    panels[1].set(xlabel="T/K", title="against the number of items")
    style.legend_outside(panels[1], "groups × items")
    return figure
