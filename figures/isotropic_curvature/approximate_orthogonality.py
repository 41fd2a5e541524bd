"""With fewer outputs than inputs: how the distance from orthogonality falls with the sharpness of the kink."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, THICK, THIN, key, note, plain_ticks
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.isotropic_curvature import dual_norm
from labs.isotropic_curvature.wide import leading_order, near_orthogonal, two_more_inputs
from theory.isotropic_curvature import ICM_X9a, ICM_X10a, ICM_X10b, ICM_X10c

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "With d more inputs than outputs a kink orthogonalises up to B^(-2/d)"
CAPTION = """
Two outputs, 2 + d inputs, and a curvature function that is flat up to the length 1 and has the slope B beyond.
With as many inputs as outputs a finite B would make both singular values exactly 1; here q_i = 1 + eps_i, and no B
does.  Left: max |eps| of the optimal update for g = (0.6, 0.4) falls like B^(-2/d) (lines: leading order).  Every
further input makes it fall more slowly: for d = 4 a slope of 10^8 leaves the distance that a slope of 10^2 leaves for
d = 1.  Middle: the leading order is wrong by a fraction of about eps (down to rounding), and fails where B
comes near the dual norm N*(g) of the gradient (dotted), below which there is no optimum at all.  Right: what is left
is no common factor.  The ratio eps_2/eps_1 in the limit (lines; points: B = 10^6) depends on g_2/g_1 and on d, and
is 1 for equal g only.  Where g_2/g_1 is below 1/(d + 1), the weaker direction stays below the kink, and the
closed form for d = 2 (thick grey) fails.
"""
CLAIMS = (ICM_X9a, ICM_X10a, ICM_X10b, ICM_X10c)
GAPS = ("limit.closed_form",)

MORE = (1, 2, 4)  # d = n - m
G = np.array([0.6, 0.4])
SHARP = 1e6
LEAST = 0.1  # g_2/g_1
# Multiples of N*(g): for the smaller ones the expansion fails.
MULTIPLES = {
    "smoke": np.geomspace(1e3, 1e7, 3),
    "quick": np.concatenate([np.geomspace(1.02, 20.0, 6), np.geomspace(60.0, 1e8, 14)]),
    "full": np.concatenate([np.geomspace(1.01, 20.0, 20), np.geomspace(25.0, 1e9, 40)]),
}
RATIOS = {"smoke": 4, "quick": 16, "full": 40}
LINES = {"smoke": 4, "quick": 60, "full": 200}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "rate" (a row per d and B, with the leading order), "shape" and "limit" (a row per d and g_2/g_1)."""
    rate, shape, limit = [], [], []
    for d in MORE:
        norm = float(backend.to_numpy(dual_norm(backend.asarray(G), 2 + d)[0]))
        for B in norm * MULTIPLES[scale]:
            found, leading = near_orthogonal(G, 2 + d, float(B)), leading_order(G, 2 + d, float(B))
            rate.append({"d": d, "B": B, "norm": norm, "eps": np.max(found), "limit": np.max(leading)})
        for ratio in np.linspace(LEAST, 1.0, RATIOS[scale]):
            found = near_orthogonal(np.array([1.0, ratio]), 2 + d, SHARP)
            shape.append({"d": d, "ratio": ratio, "eps": found[1] / found[0]})
        for ratio in np.linspace(LEAST, 1.0, LINES[scale]):
            g = np.array([1.0, ratio])
            first, second = leading_order(g, 2 + d, SHARP)
            closed = two_more_inputs(g, np.sum(g), 2, SHARP) if d == 2 else np.array([np.nan, np.nan])
            limit.append(
                {"d": d, "ratio": ratio, "eps": second / first, "closed_form": closed[1] / closed[0]}
            )
    return {"rate": table(rate), "shape": table(shape), "limit": table(limit)}


def draw(tables: Any) -> Figure:
    """The distance, the error of its leading order, its shape; colours are d."""
    from figures.gallery import style

    rate, shape, limit = tables["rate"], tables["shape"], tables["limit"]
    figure, (left, middle, right) = style.panels(1, 3, width=13.6, height=4.3)
    for number, d in enumerate(MORE):
        rows, ratios, lines = where(rate, d=d), where(shape, d=d), where(limit, d=d)
        style.predicted(left, rows["B"], rows["limit"], number)
        style.computed(left, rows["B"], rows["eps"], number)
        style.computed(middle, rows["B"], np.abs(rows["limit"] / rows["eps"] - 1), number)
        style.predicted(middle, rows["B"], rows["limit"], number, linewidth=0.8)
        style.predicted(right, lines["ratio"], lines["eps"], number)
        style.computed(right, ratios["ratio"], ratios["eps"], number, label=f"{d}")
        for panel in (left, middle):
            panel.axvline(rows["norm"][0], color=style.series(number)["color"], linewidth=0.8, linestyle=":")
        at = int(0.75 * rows["B"].size)
        note(left, f"slope {-2 / d:g}", (rows["B"][at], rows["limit"][at]), (6, 6))
    closed = where(limit, d=2)
    right.plot(
        closed["ratio"], closed["closed_form"], color="0.6", linewidth=3.0, marker="", zorder=0, linestyle="-"
    )
    right.axhline(0.0, color="0.75", linewidth=0.8)
    for panel in (left, middle):
        panel.set(xscale="log", yscale="log", xlabel="slope beyond the kink, B")
    left.set(ylabel="distance, $\\max_i |q_i - 1|$", title="$g = (0.6,\\ 0.4)$")
    middle.set(ylabel="relative error of the leading order", title="$g = (0.6,\\ 0.4)$")
    right.set(xlabel="$g_2/g_1$", ylabel="$\\varepsilon_2/\\varepsilon_1$", title="shape of what is left")
    plain_ticks(right.xaxis, (0.2, 0.4, 0.6, 0.8, 1))
    style.legend_outside(right, "$d = n - m$")
    looks: dict[str, dict[str, Any]] = {
        "optimum": COMPUTED,
        "leading order": THICK,
        "its error ~ $\\varepsilon$": THIN,
        "closed form, $d = 2$": {"color": "0.6", "linewidth": 3.0},
        "$N^*(g)$": {"linestyle": ":", "linewidth": 0.8},
    }
    key(right, **looks)
    return figure
