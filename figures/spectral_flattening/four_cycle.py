"""Where the tuned quintic goes when it is repeated: to four numbers, none of which is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.polar.schedules import TUNED, iterate
from labs.core.streams import stream
from theory.spectral_flattening import SF_C6, SF_N2a, SF_N2c, SF_N2f, SF_N2i, SF_N2j

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Repeated, Muon's quintic sends almost every singular value to a cycle of four numbers"
CAPTION = """
Left: the orbit of x = 0.02 under p(x) = 3.4445 x - 4.775 x^3 + 2.0315 x^5 (thin steps).  Both fixed points (crosses)
repel; the interval J (grey square) is mapped onto itself, and in it four numbers (black) follow each other, with
multiplier -0.1428.  Middle: histograms of p^K(x) for x spread evenly over (0, x_+), x_+ = 1.2637, from five steps to
eighty: four spikes grow on the four numbers (vertical lines), none at 1.  Right: the median distance from the nearest
of the four falls by 0.1428^(1/4) a step (line) to rounding; the share of starts that is farther than 1e-6 falls
more slowly, because the fixed point and a cycle of two in between repel slowly too (squares: 0.742, 0.078, 0.0006
are left after 20, 40, 80 steps).
"""
CLAIMS = (SF_C6, SF_N2a, SF_N2c, SF_N2f, SF_N2i, SF_N2j)

CYCLE = (0.68191932080621439, 1.13426764038253, 0.752916213732907, 1.04690703407586)
FIXED = (0.868025797655531, 1.26372906729838)
INTERVAL = (0.681831462177185, 1.13435726456247)
MULTIPLIER = -0.142804151797
START = 0.02
SHOWN = (5, 10, 20, 80)
LAST = 120
STARTS = {"smoke": 5_000, "quick": 200_000, "full": 2_000_000}
EDGES = np.linspace(0.62, 1.24, 156)


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "curve" (p), "orbit" (of one start), "histogram" (per K and bin) and "distance" (per K)."""
    grid = np.linspace(0.0, 1.3, 400)
    x = backend.asarray(stream("four cycle: starts").uniform(0.0, FIXED[1], STARTS[scale]))
    orbit = [START]
    histograms, distances = [], []
    middles = (EDGES[1:] + EDGES[:-1]) / 2
    for k in range(1, LAST + 1):
        x = iterate(TUNED, x)
        orbit.append(iterate(TUNED, orbit[-1]))
        here = backend.to_numpy(x)
        if k in SHOWN:
            share = np.histogram(here, EDGES)[0] / here.size
            histograms.append({"K": k, "x": middles, "share": share})
        nearest = np.min([np.abs(here - point) for point in CYCLE], axis=0)
        distances.append({"K": k, "median": np.median(nearest), "far": np.mean(nearest > 1e-6)})
    return {
        "curve": {"x": grid, "y": iterate(TUNED, grid)},
        "orbit": {"x": np.array(orbit)},
        "histogram": table(histograms),
        "distance": table(distances),
    }


def draw(tables: Any) -> Figure:
    """Cobweb, histograms, approach."""
    from figures.gallery import style

    figure, (left, middle, right) = style.panels(1, 3, width=15.4, height=5.0)
    _draw_cobweb(left, tables)
    _draw_histograms(middle, tables["histogram"], style)
    _draw_approach(right, tables["distance"], style)
    return figure


def _draw_cobweb(axes: Axes, tables: Any) -> None:
    low, high = INTERVAL
    box = {"color": "0.5", "linewidth": 0.9, "linestyle": "--"}
    reference(axes, [low, high, high, low, low], [low, low, high, high, low], **box)
    reference(axes, [0, 1.3], [0, 1.3])
    axes.plot(tables["curve"]["x"], tables["curve"]["y"], color="#0072B2", linestyle="-", marker="")
    x = tables["orbit"]["x"][:60]
    steps = np.repeat(x, 2)
    axes.plot(
        steps[:-1],
        np.concatenate([[0.0], steps[2:]]),
        color="#D55E00",
        linewidth=0.7,
        linestyle="-",
        marker="",
    )
    axes.plot(CYCLE, np.roll(CYCLE, -1), linestyle="", marker="o", color="black", markersize=5, zorder=5)
    axes.plot(
        FIXED, FIXED, linestyle="", marker="x", color="black", markersize=8, markeredgewidth=1.8, zorder=5
    )
    axes.set(xlabel="singular value x", ylabel="next, p(x)", xlim=(0, 1.3), ylim=(0, 1.3))
    axes.set_aspect("equal")
    axes.set_title("the orbit of 0.02")


def _draw_histograms(axes: Axes, rows: Any, style: Any) -> None:
    for number, k in enumerate(SHOWN):
        here = where(rows, K=k)
        height = here["share"] / np.max(here["share"])
        base = len(SHOWN) - 1 - number
        colour = style.series(number)["color"]
        axes.fill_between(
            here["x"], base, base + 0.85 * height, step="mid", color=colour, alpha=0.6, linewidth=0
        )
        reference(axes, EDGES[[0, -1]], [base, base], linewidth=0.6)
        axes.text(1.235, base + 0.42, f"K = {k}", color=colour, ha="right")
    for point in CYCLE:
        axes.axvline(point, color="black", linewidth=0.8, linestyle="-", zorder=0)
    axes.axvline(1.0, color="0.4", linewidth=1.2, linestyle=":", zorder=0)
    axes.set(xlabel="singular value after K steps", ylabel="share of starts (each scaled to its largest bin)")
    axes.set(xlim=EDGES[[0, -1]], ylim=(-0.05, len(SHOWN)), yticks=[])
    axes.grid(visible=False)
    axes.set_title("four spikes, none at 1 (dotted)")


def _draw_approach(axes: Axes, rows: Any, style: Any) -> None:
    look: dict[str, Any] = {"markevery": 4}
    style.computed(axes, rows["K"], np.maximum(rows["median"], 1e-17), 0, label="median distance", **look)
    # From the step on from which the median start is near the cycle.
    k = rows["K"]
    first = int(np.argmax(rows["median"] < 1e-3))
    line = rows["median"][first] * abs(MULTIPLIER) ** ((k - k[first]) / 4)
    shown = (k >= k[first]) & (line > 1e-17)
    style.predicted(axes, k[shown], line[shown], 0, label="$0.1428^{K/4}$", linestyle="-")
    far = rows["far"] > 0
    style.computed(axes, k[far], rows["far"][far], 1, label="share farther\nthan $10^{-6}$", **look)
    axes.set(yscale="log", ylim=(1e-17, 3), xlabel="number of steps K", ylabel="distance; share of starts")
    axes.set_title("approach to the four numbers")
    style.legend_outside(axes)
