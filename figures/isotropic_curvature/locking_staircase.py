"""A kink holds all singular values together while the gradient grows: plateaus of the update, n = 2."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key, note, plain_ticks, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.isotropic_curvature import PiecewiseWeight, SmoothedKink, solve
from theory.isotropic_curvature import ICM_Q, ICM_X8, ICM_X7a, ICM_X7b, sectors, smoothed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Between its kinks the update follows the gradient; at a kink it waits, orthogonalised"
CAPTION = """
The singular values q_1, q_2 of the optimal update for the gradient t (1, 0.6), as t grows.  Left: the slope of H
jumps from A = 0.25 to B = 2.5 at the length 1 (H' = 0.25 x, then 2.5 x).  In the shaded window, whose ends theory
puts at t = 0.2085 and 1.2252, both are exactly 1: neither the size nor the shape of the gradient matters.  Solid
lines: where all lengths lie on one side of the kink H is quadratic, and theory has q = 2 t g/w (w = 0.25 or 2.5),
plain gradient descent.  In between the two part gradually.  Middle: a second kink at the length 4 (slopes 10 and 80)
makes a second plateau, with a stretch of gradient descent between the two.  Right: the kink smoothed over a ramp of
width delta around the length 1 (H' linear from 0.25 to 2.5, constant outside).  The plateau becomes a slope,
q_i = 1 + delta x_i + O(delta^2), with x_i linear in t (lines); the points close in on it as delta falls.  The formula
is for the shaded range, where -1/2 <= x_i <= 1/2 and all lengths lie on the ramp; beyond, it fails.
"""
CLAIMS = (ICM_X7a, ICM_X7b, ICM_X8, ICM_Q)

G = np.array([1.0, 0.6])
LEFT, RIGHT = 0.25, 2.5
ONE, TWO = "one kink", "two kinks"
WEIGHTS = {ONE: ((1.0,), (LEFT, RIGHT)), TWO: ((1.0, 4.0), (LEFT, RIGHT, 20.0))}
RANGE = {ONE: (0.06, 5.0), TWO: (0.06, 100.0)}
POINTS = {"smoke": 4, "quick": 30, "full": 80}
WIDTHS = {"smoke": (0.4,), "quick": (0.4, 0.1), "full": (0.4, 0.2, 0.1)}
SLOPES = {
    "smoke": [0.6],
    "quick": np.linspace(0.25, 1.2, 11).tolist(),
    "full": np.linspace(0.25, 1.2, 31).tolist(),
}
HELD: dict[str, Any] = {"color": "black", "linestyle": "-", "marker": "", "linewidth": 2.0}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "stairs" (q by t), "window" and "stretch" (the theory's plateaus and gradient descent), "ramp"."""
    stairs, windows, stretches = [], [], []
    for name, (breaks, weights) in WEIGHTS.items():
        t = np.geomspace(*RANGE[name], POINTS[scale])
        q = solve(t[:, None] * G, PiecewiseWeight(breaks, weights)).q
        stairs.append({"H": name, "t": t, "q1": q[:, 0], "q2": q[:, 1]})
        for r, (low, high) in zip(breaks, pairwise(weights), strict=True):
            ends = window(r * low, r * high)
            windows.append({"H": name, "r": r, "low": ends[0], "high": ends[1]})
        radii = (0.0, *breaks, np.inf)
        for w, (inner, outer) in zip(weights, pairwise(radii), strict=True):
            # All of rho in (inner, outer): 2 t g_2/w >= inner and 2 t g_1/w <= outer.
            first, last = max(inner * w / 2 / G[1], RANGE[name][0]), min(outer * w / 2 / G[0], RANGE[name][1])
            if first < last:
                t = np.array([first, last])
                stretches.append({"H": name, "t": t, "q1": 2 * t * G[0] / w, "q2": 2 * t * G[1] / w})
    ramps = []
    for delta in WIDTHS[scale]:
        for size in SLOPES[scale]:
            q = solve(size * G, SmoothedKink(1.0, LEFT, RIGHT, delta)).q
            ramps.append({"delta": delta, "t": size, "x1": (q[0] - 1) / delta, "x2": (q[1] - 1) / delta})
    t = np.linspace(0.2, 1.2, 51)
    x1, x2 = (smoothed.slopes(t * gi, t * np.sum(G), LEFT, RIGHT, 2).astype(float) for gi in G)
    return {
        "stairs": table(stairs),
        "window": table(windows),
        "stretch": table(stretches),
        "ramp": table(ramps),
        "slope": {"t": t, "x1": x1, "x2": x2},
    }


def window(A: float, B: float) -> tuple[float, float]:
    """The ends of {t : t G in Z(A, B)}, by bisection of the theory's margin from its middle outwards."""
    total = float(np.sum(G))

    def inside(t: float) -> bool:
        return bool(sectors.margin(t, (G[0], G[1]), A, B, lambda x: np.sin(np.pi * x) / np.pi) > 0)

    ends = []
    for outer in (A / total, B / total):
        inner = (A + B) / 2 / total
        for _ in range(60):
            middle = (inner + outer) / 2
            inner, outer = (middle, outer) if inside(middle) else (inner, middle)
        ends.append(inner)
    return ends[0], ends[1]


def draw(tables: Any) -> Figure:
    """One kink; two kinks; a smoothed kink."""
    from figures.gallery import style

    figure, (left, middle, right) = style.panels(1, 3, width=14.2, height=4.3)
    for panel, name in ((left, ONE), (middle, TWO)):
        rows, stretch = where(tables["stairs"], H=name), where(tables["stretch"], H=name)
        plateaus = where(tables["window"], H=name)
        for r, low, high in zip(*(plateaus[c] for c in ("r", "low", "high")), strict=True):
            panel.axvspan(low, high, color="0.92", linewidth=0)
            panel.plot([low, high], [r, r], **HELD)
        for number, column in enumerate(("q1", "q2")):
            style.computed(panel, rows["t"], rows[column], number, label=f"$q_{number + 1}$")
            for start in range(0, stretch["t"].size, 2):
                piece = slice(start, start + 2)
                style.predicted(panel, stretch["t"][piece], stretch[column][piece], number, linestyle="-")
        panel.set(xscale="log", yscale="log", xlabel="size t of the gradient t (1, 0.6)", title=name)
        plain_ticks(panel.xaxis, (0.1, 0.3, 1, 3) if name == ONE else (0.1, 1, 10))
        plain_ticks(panel.yaxis, (0.5, 1, 2, 4))
        panel.set_ylabel("singular values of the update")
    ends = where(tables["window"], H=ONE)
    for column, offset in (("low", (4, 26)), ("high", (-40, 26))):
        note(left, f"{ends[column][0]:.4f}", (ends[column][0], 1.0), offset)
    ramp, line = tables["ramp"], tables["slope"]
    held = np.all([np.abs(line[c]) <= 0.5 for c in ("x1", "x2")], axis=0)
    right.axvspan(line["t"][held][0], line["t"][held][-1], color="0.92", linewidth=0)
    for end in (-0.5, 0.5):
        reference(right, line["t"][[0, -1]], [end, end])
    note(right, "ends of the ramp", (0.2, 0.5), (2, 4))
    for number, column in enumerate(("x1", "x2")):
        style.predicted(right, line["t"], line[column], number, linestyle="-")
        for shade, delta in enumerate(np.unique(ramp["delta"])):
            rows = where(ramp, delta=delta)
            label = f"$q_{number + 1}$, $\\delta$ = {delta:g}"
            style.computed(right, rows["t"], rows[column], number, marker="os^"[shade], label=label)
    right.set(
        xlabel="size t of the gradient t (1, 0.6)", ylabel="$(q_i - 1)\\,/\\,\\delta$", title="smoothed kink"
    )
    style.legend_outside(right)
    key(right, optimum=COMPUTED, theory={"linestyle": "-"}, **{"held, theory": HELD})
    left.legend(loc="lower right")
    return figure
