"""What decides how much an update homogenises, over kinds of spectra and dimensions.

The line is a bound.  By ICM-X1.e, lambda_i is proportional to 1 + (p - 2) a_i with shares a_i that add up to one;
and by the swap that proves ICM-T3.a, asked of p - 2 in place of p, a_i/q_i^2 rises with q_i for p > 4 and falls for
p < 4.  So a_1 >= q_1^2/S for p > 4, and a_1 <= q_1^2/S for p < 4; equality where all but the negligible are equal.
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key, plain_ticks
from figures.gallery.tables import where
from labs.core.arrays import Backend
from labs.core.sweep import results, run
from labs.isotropic_curvature.sweeps import HOMOGENISATION, KINDS
from theory.isotropic_curvature import ICM_E4e, ICM_X1a, ICM_X1c, ICM_X1e

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "For the quartic the stable rank of the update alone decides how much it homogenises"
CAPTION = """
Optimal updates for H(x) = x^p and gradients of six kinds, in dimensions from 2 on, that all span three decades or
more.  Across: the stable rank of the update, sum q^2/q_1^2, 1 for a spike and n for Muon.  Up: how much closer the
two ends of the spectrum have come, as a share of what theory allows: 0 is gradient descent, 1 the limit p - 1.
Whatever the exponent, r equal directions above a faint rest reach 1/r (line), for the influences of all directions
add up to one; and a single one reaches the limit.  For p = 4 every gradient lies on the line, of whatever kind and
dimension.  For other exponents it does not: below the line for p < 4, above it for p > 4, where at the same stable
rank the kinds come apart.
"""
CLAIMS = (ICM_E4e, ICM_X1a, ICM_X1c, ICM_X1e)

SWEEPS = {
    "smoke": HOMOGENISATION.at("quick").with_axes(p=[4.0, 10.0], n=[2, 16], decades=[3.0, 6.0]),
    "quick": HOMOGENISATION.at("quick").with_axes(
        p=[1.5, 4.0, 10.0, 40.0], n=[2, 4, 8, 16, 32, 64, 128], decades=[3.0, 3.5, 4.0, 5.0, 6.0]
    ),
    "full": HOMOGENISATION.at("full").with_axes(
        p=[1.5, 4.0, 10.0, 40.0], decades=[3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0]
    ),
}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Table "cells": a row per cell of the sweep."""
    with tempfile.TemporaryDirectory() as store:
        run(SWEEPS[scale], store=store, backend=backend.name)
        rows = results(SWEEPS[scale], store=store, backend=backend.name).to_dataframe().reset_index()
    table = {name: rows[name].to_numpy() for name in ("p", "n", "decades", "factor", "flatness")}
    table["kind"] = rows["kind"].to_numpy().astype(str)
    table["share"] = (table["factor"] - 1) / (table["p"] - 2)
    return {"cells": table}


def draw(tables: Any) -> Figure:
    """A panel for each exponent; colours are kinds of spectra."""
    from figures.gallery import style

    cells = tables["cells"]
    exponents = np.unique(cells["p"])
    figure, axes = style.panels(1, len(exponents), width=3.4 * len(exponents) + 1.8, height=4.2)
    ranks = np.geomspace(1, 1.2 * np.max(cells["flatness"]), 50)
    for p, panel in zip(exponents, axes, strict=True):
        panel.plot(ranks, 1 / ranks, color="black", linewidth=1.2, linestyle="-", marker="", zorder=3)
        for number, kind in enumerate(KINDS):
            points = where(cells, p=p, kind=kind)
            style.computed(
                panel, points["flatness"], points["share"], number, label=kind, markersize=4, alpha=0.7
            )
        panel.set(xscale="log", yscale="log", xlabel="stable rank of the update", title=f"p = {p:g}")
        panel.set(xlim=(0.9, ranks[-1]), ylim=(0.8 / ranks[-1], 1.25))
        plain_ticks(panel.xaxis, [r for r in (1, 2, 4, 8, 16, 32, 64, 128, 256) if r <= ranks[-1]])
        plain_ticks(
            panel.yaxis, [s for s in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1) if s >= 0.8 / ranks[-1]]
        )
    axes[0].set_ylabel("share of the limit, $[(g_1/g_n)/(q_1/q_n) - 1]\\,/\\,(p - 2)$")
    style.legend_outside(axes[-1], "gradient")
    key(axes[-1], optimum=COMPUTED, **{"1/stable rank": {"color": "black", "linewidth": 1.2}})
    return figure
