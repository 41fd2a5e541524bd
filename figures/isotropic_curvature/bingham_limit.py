"""How the optimal update of x^p becomes Muon's: p (1 - q_i/q_1) tends to the parameters of a Bingham distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, THICK, key, plain_ticks
from figures.gallery.tables import table, where
from figures.isotropic_curvature._shared import optimal
from labs.core.arrays import Backend
from labs.isotropic_curvature import Power, bingham_parameters
from theory.isotropic_curvature import ICM_X5a, ICM_X5b

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Steep power laws tend to Muon, with a Bingham distribution as the first correction"
CAPTION = """
H(x) = x^p, n = 3, g = (1, 0.6, 0.3).  Left: p (1 - q_i/q_1) of the optimal update (markers) tends to b_i - b_1
(dashes), where b solves E[exp(-b.u) u_i]/E[exp(-b.u)] = g_i/sum g: b - b_1 = (0, 1.16532, 3.26718).  Every steep
power law gives nearly Muon, and this is by how much it misses.  Middle: the error times p is bounded (it tends to a
constant), so that the error is of order 1/p.  Right: two directions, g = (1, r), where b is a ratio of Bessel
functions.  In units of b the spectra nearly follow one curve: the correction is right where p is large against b, and
b is about 1/(2 r).  Below p = b it fails, as it must: 1 - q_2/q_1 cannot exceed 1 (thin line).
"""
CLAIMS = (ICM_X5a, ICM_X5b)

GRADIENT = (1.0, 0.6, 0.3)
RATIOS = (0.6, 0.3, 0.1, 0.03, 0.01)
EXPONENTS = {
    "smoke": (10, 20, 40, 80),
    "quick": (3, 4, 6, 10, 16, 24, 40, 64, 100, 160, 320, 640),
    "full": (
        3,
        4,
        5,
        6,
        8,
        10,
        13,
        16,
        20,
        26,
        32,
        40,
        52,
        64,
        80,
        100,
        130,
        160,
        226,
        320,
        452,
        640,
        904,
        1280,
    ),
}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "three" (a row per p and i) and "two" (a row per p and r), each with the limit b."""
    three, two = [], []
    limit = bingham_parameters(np.array(GRADIENT))
    pairs = np.array([(1.0, r) for r in RATIOS])
    limits = np.array([bingham_parameters(pair)[1] for pair in pairs])
    for p in EXPONENTS[scale]:
        q = optimal(np.array(GRADIENT), Power(float(p)), backend)
        three.append({"p": p, "i": np.array([2, 3]), "scaled": p * (1 - q[1:] / q[0]), "limit": limit[1:]})
        q = optimal(pairs, Power(float(p)), backend)
        two.append({"p": p, "r": np.array(RATIOS), "scaled": p * (1 - q[:, 1] / q[:, 0]), "limit": limits})
    return {"three": table(three), "two": table(two)}


def draw(tables: Any) -> Figure:
    """The limit, the error, and where the correction fails."""
    from figures.gallery import style

    figure, (left, middle, right) = style.panels(1, 3, width=13.6, height=4.3)
    for number, i in enumerate(np.unique(tables["three"]["i"])):
        rows = where(tables["three"], i=i)
        style.computed(left, rows["p"], rows["scaled"], number)
        style.predicted(left, rows["p"], rows["limit"], number, linestyle="--")
        style.computed(
            middle, rows["p"], rows["p"] * (rows["limit"] - rows["scaled"]), number, label=f"{i:g}"
        )
    for panel in (left, middle):
        panel.set(xscale="log", xlabel="exponent p", ylim=(0, None))
        plain_ticks(panel.xaxis, [c for c in (3, 10, 40, 160, 640) if c <= rows["p"][-1]])
    left.set(ylabel="$p\\,(1 - q_i/q_1)$", title="g = (1, 0.6, 0.3)")
    middle.set(ylabel="p times the distance from $b_i - b_1$", title="the error times p")
    style.legend_outside(middle, "direction i")
    key(middle, optimum=COMPUTED, limit=THICK)
    for number, r in enumerate(np.unique(tables["two"]["r"])[::-1]):
        rows = where(tables["two"], r=r)
        style.computed(
            right, rows["p"] / rows["limit"], rows["scaled"] / rows["limit"], number, label=f"{r:g}"
        )
    reach = np.geomspace(1e-2, 1.0)
    right.plot(reach, reach, color="0.35", linewidth=0.8, linestyle="-", marker="")
    low = float(np.min(tables["two"]["p"] / tables["two"]["limit"]))
    right.plot([0.8 * low, 1e4], [1, 1], color="0.35", linestyle="--", marker="")
    right.set(
        xscale="log",
        xlabel="exponent in units of b, $p/b$",
        ylabel="$p\\,(1 - q_2/q_1)\\,/\\,b$",
        ylim=(0, 1.1),
    )
    right.set(
        title="g = (1, r)", xlim=(0.8 * low, 2 * float(np.max(tables["two"]["p"] / tables["two"]["limit"])))
    )
    style.legend_outside(right, "ratio r")
    key(right, optimum=COMPUTED, limit=THICK, **{"p/b": {"linestyle": "-", "linewidth": 0.8}})
    return figure
