"""How much closer the optimal update brings the singular values: condition number over condition number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, THICK, key, note, plain_ticks
from figures.gallery.tables import table, where
from figures.isotropic_curvature._shared import optimal, ratio_at_limit
from labs.core.arrays import Backend
from labs.core.spectrum import power_law
from labs.isotropic_curvature import Power
from theory.isotropic_curvature import ICM_T3a, ICM_X1a, ICM_X1b, ICM_X1d

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Homogenisation stays below p - 1 in every dimension"
CAPTION = """
The homogenisation factor cond(G)/cond(Q) of the optimal update for H(x) = x^p and gradients g_i = i^-s of
length n.  It is at least 1 (the update is never more spread out than the gradient) and at most p - 1 (thick
black line), whatever the spectrum and the dimension.  The thin lines are the sharper limit for the condition
number of that gradient, n^s; it also knows that no factor exceeds cond(G), which Muon reaches.  The
steeper the spectrum, the closer it comes to one dominant direction and to the limit; at s = 0.5 many
directions have similar strength, and at moderate p the factor falls from n = 16 on: the longer the spectrum, the more
the optimal update is plain gradient descent.  Marked: s = 1, n = 16, p = 4, factor 1.82653.
"""
CLAIMS = (ICM_T3a, ICM_X1a, ICM_X1b, ICM_X1d)

SLOPES = (0.5, 1.0, 1.5)
SIZES = {"smoke": (4, 16), "quick": (4, 16, 64, 256), "full": (4, 16, 64, 256)}
_QUICK = (2.1, 2.25, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0, 10.0, 14.0, 20.0, 28.0, 40.0)
EXPONENTS = {
    "smoke": (2.5, 4.0, 10.0),
    "quick": _QUICK,
    "full": tuple(sorted({*_QUICK, *(float(p) for p in 1 + np.geomspace(1.05, 99.0, 40).round(3))})),
}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "factor" (a row per s, n, p) and "limit" (ICM-X1.b on a finer grid of p)."""
    factors, limits = [], []
    grid = np.geomspace(min(EXPONENTS[scale]) - 1, max(EXPONENTS[scale]) - 1, 80) + 1
    for n in SIZES[scale]:
        g = np.stack([power_law(n, s) for s in SLOPES])
        condition = g[:, 0] / g[:, -1]
        for p in EXPONENTS[scale]:
            q = optimal(g, Power(p), backend)
            update = q[:, 0] / q[:, -1]
            factors.append(
                {
                    "s": np.array(SLOPES),
                    "n": n,
                    "p": p,
                    "condition_gradient": condition,
                    "condition_update": update,
                    "factor": condition / update,
                }
            )
        for s, r in zip(SLOPES, condition, strict=True):
            limits.append({"s": s, "n": n, "p": grid, "factor": r / ratio_at_limit(r, grid - 2)})
    return {"factor": table(factors), "limit": table(limits)}


def draw(tables: Any) -> Figure:
    """One panel for each s; colours are dimensions."""
    from figures.gallery import style

    figure, axes = style.panels(1, len(SLOPES), width=12.4, height=4.4)
    sizes = np.unique(tables["factor"]["n"])
    grid = np.unique(tables["limit"]["p"])
    top = 1.15 * np.max(tables["limit"]["factor"])
    for s, panel in zip(SLOPES, axes, strict=True):
        panel.plot(grid - 1, grid - 1, color="black", linewidth=2.2, linestyle="-", marker="")
        for number, n in enumerate(sizes):
            line = where(tables["limit"], s=s, n=n)
            style.predicted(panel, line["p"] - 1, line["factor"], number, linewidth=0.9)
            points = where(tables["factor"], s=s, n=n)
            style.computed(panel, points["p"] - 1, points["factor"], number, label=f"{n:g}")
        panel.set(
            xscale="log", yscale="log", xlabel="$p - 1$", title=f"$g_i = i^{{-{s:g}}}$", ylim=(0.95, top)
        )
        plain_ticks(panel.xaxis, [c for c in (1, 2, 5, 10, 20, 50, 100) if c <= grid[-1]])
        plain_ticks(panel.yaxis, [c for c in (1, 2, 5, 10, 20, 50, 100) if c <= top])
    axes[0].set_ylabel("homogenisation factor, $(g_1/g_n)\\,/\\,(q_1/q_n)$")
    note(axes[0], "limit $p - 1$", (4.0, 4.0), (-6, 6), ha="right", color="black")
    marked = where(tables["factor"], s=1.0, n=16, p=4.0)
    value = float(marked["factor"][0])
    note(axes[1], f"{value:.6g}", (3.0, value), (26, -22), arrowprops={"arrowstyle": "-", "color": "0.35"})
    style.legend_outside(axes[-1], "dimension n")
    key(axes[-1], optimum=COMPUTED, **{"limit for\nthis gradient": THICK | {"linewidth": 0.9}})
    return figure
