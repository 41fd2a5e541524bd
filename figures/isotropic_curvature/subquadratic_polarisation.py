"""Below the quadratic the direction turns: the optimal update is more spread out than the gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import note, plain_ticks, reference
from figures.gallery.tables import table, where
from figures.isotropic_curvature._shared import optimal, ratio_at_limit
from labs.core.arrays import Backend
from labs.core.spectrum import power_law
from labs.isotropic_curvature import Power
from theory.isotropic_curvature import ICM_Q, ICM_T3a, ICM_T3p, ICM_X1a, ICM_X1b

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "A curvature that grows slower than the quadratic polarises the spectrum"
CAPTION = """
Left: singular values of the optimal update for H(x) = x^p with p < 2 and a gradient g_i = 1/i (n = 16), in
units of the largest.  The order is kept, but weak directions get less than their share: every curve runs
below gradient descent.  Middle: the same as a widening, (q_1/q_i)/(g_1/g_i).  Thick lines are the limit
g_1/g_i = t - (2-p)(t - 1/t) at t = q_1/q_i, thin ones its plain form 1/(p-1): the smaller p, the more room,
and none of it is used up by this spectrum.  Right: widening of the condition number through p = 2, where it
is exactly 1 and turns into homogenisation; for every dimension it stays on its side of 1 and within 1/(p-1),
the black line.
"""
CLAIMS = (ICM_T3p, ICM_T3a, ICM_Q, ICM_X1a, ICM_X1b)

LENGTH = 16
BELOW = (1.2, 1.5, 1.8)
SIZES = {"smoke": (4, 16), "quick": (4, 16, 64), "full": (4, 16, 64, 256)}
THROUGH = {"smoke": 5, "quick": 13, "full": 33}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "spectra" (p < 2, n = 16), "limit" (ICM-X1.b for them) and "through" (p on both sides of 2)."""
    g = power_law(LENGTH)
    grid = g[-1] ** np.linspace(0.0, 1.0, 60) ** 2  # denser near 1, where the limit rises steeply
    spectra, limits, through = [], [], []
    for p in BELOW:
        q = optimal(g, Power(p), backend)
        spectra.append({"p": p, "g": g, "q": q, "widening": (q[0] / q) / (g[0] / g)})
        limits.append({"p": p, "g": grid, "widening": grid * ratio_at_limit(1 / grid, p - 2)})
    for n in SIZES[scale]:
        g = power_law(n)
        for p in 1 + np.geomspace(0.1, 10.0, THROUGH[scale]):
            q = optimal(g, Power(float(p)), backend)
            through.append({"n": n, "p": p, "widening": (q[0] / q[-1]) / (g[0] / g[-1])})
    return {"spectra": table(spectra), "limit": table(limits), "through": table(through)}


def draw(tables: Any) -> Figure:
    """The spectra; their widening with its limits; the widening through p = 2."""
    from figures.gallery import style

    spectra, limit, through = tables["spectra"], tables["limit"], tables["through"]
    figure, (left, middle, right) = style.panels(1, 3, width=13.6, height=4.3)
    ends = np.array([1.0, 1.0 / LENGTH])
    reference(left, ends, ends)
    note(left, "gradient descent", (0.25, 0.25), (8, 4))
    reference(middle, ends, [1, 1])
    for number, p in enumerate(np.unique(spectra["p"])):
        points, line = where(spectra, p=p), where(limit, p=p)
        style.computed(
            left,
            points["g"],
            points["q"] / points["q"][0],
            number,
            linestyle="-",
            linewidth=0.6,
            label=f"{p:g}",
        )
        style.computed(middle, points["g"], points["widening"], number)
        style.predicted(middle, line["g"], line["widening"], number)
        style.predicted(middle, ends, np.full(2, 1 / (p - 1)), number, linewidth=0.6, linestyle="-")
    for panel in (left, middle):
        panel.set(xscale="log", yscale="log", xlabel="gradient, $g_i / g_1$")
        panel.invert_xaxis()
        plain_ticks(panel.xaxis, (1, 0.5, 0.2, 0.1))
    left.set(ylabel="optimal update, $q_i / q_1$", title=f"spectra below the quadratic, n = {LENGTH}")
    plain_ticks(left.yaxis, (1, 0.5, 0.2, 0.1, 0.05))
    left.legend(loc="lower left", title="exponent p")
    note(middle, "thick: sharper limit; thin: limit $1/(p-1)$", (1.0, 3.3), (2, 0))
    middle.set(
        ylabel="widening, $(q_1/q_i)\\,/\\,(g_1/g_i)$", title="widening (points) and its limits (lines)"
    )
    plain_ticks(middle.yaxis, (1, 1.25, 2, 3, 5))
    grid = np.unique(through["p"])
    right.plot(grid - 1, 1 / (grid - 1), color="black", linewidth=2.2, linestyle="-", marker="")
    reference(right, grid - 1, np.ones_like(grid))
    reference(right, [1, 1], 1 / (grid[[0, -1]] - 1))
    for number, n in enumerate(np.unique(through["n"])):
        points = where(through, n=n)
        style.computed(right, points["p"] - 1, points["widening"], number + 3, label=f"{n:g}")
    right.set(xscale="log", yscale="log", xlabel="$p - 1$", ylabel="widening, $(q_1/q_n)\\,/\\,(g_1/g_n)$")
    right.set_title("through p = 2")
    plain_ticks(right.xaxis, (0.1, 0.2, 0.5, 1, 2, 5, 10))
    plain_ticks(right.yaxis, (0.1, 0.2, 0.5, 1, 2, 5, 10))
    note(right, "limit $1/(p-1)$", (0.2, 5), (8, 2), color="black")
    note(right, "polarises", (0.1, 1), (0, 5))
    note(right, "homogenises", (10, 1), (0, -14), ha="right")
    style.legend_outside(right, "dimension n")
    return figure
