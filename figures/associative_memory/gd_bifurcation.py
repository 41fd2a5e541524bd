"""Where gradient descent with label noise goes when its step passes the threshold of stability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import key
from figures.gallery.tables import table, where
from labs.associative_memory.bounds import critical_step, global_step
from labs.associative_memory.descent import gd_errors
from labs.associative_memory.margins import peak
from labs.core.arrays import Backend
from theory.associative_memory import AML_P9a, AML_P9b, AML_P9d, AML_P9e, AML_P9f

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = (
    "Beyond its threshold gradient descent does not diverge: it doubles its period, and may become chaotic"
)
CAPTION = """
The error e = m - m* of an item's margin under gradient descent, K = 1000, against the step over its threshold, eta
p_j alpha pi/2: 200 successive values after 3000 steps from W = 0.  Below 1 the optimum attracts (from every start
at steps below 8 (K - 1)/K, the dash-dotted line; at noise 0.5 the two coincide).  At 1 a stable cycle of two is
born, whatever the noise; red: its two points to second order in the root of s - 1, s the abscissa.  Left, noise
0.2: the cycle doubles, at 1.3 it has four points, and from about 1.4 on it is chaotic with windows, the last of
them a cycle of five.  Right, noise 0.5, where pi is near 1/2 and the map nearly odd: the cycle of two persists to
ten times the threshold.  Dashed: -eta p_j alpha and eta p_j pi K/(K - 1), the interval that no run leaves again.
"""
CLAIMS = (AML_P9a, AML_P9b, AML_P9d, AML_P9e, AML_P9f)

K = 1000
NOISE = (0.2, 0.5)
RANGE = {0.2: (0.5, 4.0), 0.5: (0.5, 10.0)}
STEPS = {"smoke": 24, "quick": 500, "full": 1200}
BEGIN, SEEN = 3000, 200
BEGIN_SMOKE = 600


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "orbit" (noise, share, error), "ends" (the interval), "cycle" (to second order), "marks"."""
    orbit, ends, cycle, marks = [], [], [], []
    begin = BEGIN_SMOKE if scale == "smoke" else BEGIN
    seen = 20 if scale == "smoke" else SEEN
    for alpha in NOISE:
        threshold, pi = float(critical_step(K, alpha)), float(peak(K, alpha))
        shares = np.linspace(*RANGE[alpha], STEPS[scale])
        eta = backend.asarray(shares * threshold)
        one = backend.asarray(np.array([1.0]))
        errors = backend.to_numpy(gd_errors(one, K, alpha, eta, range(begin, begin + seen)))[..., 0]
        kept, places = zip(*(_distinct(row, s) for row, s in zip(errors, shares, strict=True)), strict=True)
        orbit.append({"noise": alpha, "share": np.concatenate(places), "error": np.concatenate(kept)})
        h = shares * threshold
        ends.append({"noise": alpha, "share": shares, "lower": -h * alpha, "upper": h * pi * K / (K - 1)})
        near = np.linspace(1.0, 1.35, 60)
        size = np.sqrt((near - 1) / (pi**2 - pi + 1 / 3))
        middle = (pi - 0.5) * size**2
        cycle.append({"noise": alpha, "share": near, "upper": middle + size, "lower": middle - size})
        marks.append(
            {"noise": alpha, "safe": float(global_step(float(K))) / threshold, "threshold": threshold}
        )
    return {"orbit": table(orbit), "ends": table(ends), "cycle": table(cycle), "marks": table(marks)}


def _distinct(row: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """The values of an orbit that differ by more than a picture shows, and as many shares."""
    values = np.unique(row.round(4))
    return values, np.full(values.shape, share)


def draw(tables: Any) -> Figure:
    """A panel for each noise."""
    from figures.gallery import style

    figure, axes_of = style.panels(1, 2, width=13.0, height=4.8)
    for axes, alpha in zip(axes_of, NOISE, strict=True):
        rows, ends = where(tables["orbit"], noise=alpha), where(tables["ends"], noise=alpha)
        cycle, marks = where(tables["cycle"], noise=alpha), where(tables["marks"], noise=alpha)
        axes.plot(
            rows["share"],
            rows["error"],
            linestyle="",
            marker=".",
            markersize=1.4,
            markeredgewidth=0,
            color="0.1",
            rasterized=True,
            zorder=2,
        )
        for side in ("lower", "upper"):
            axes.plot(ends["share"], ends[side], color="0.45", linestyle="--", marker="", linewidth=1.1)
            axes.plot(cycle["share"], cycle[side], color="#d55e00", linestyle="-", marker="", linewidth=1.6)
        axes.axvline(1.0, color="0.55", linewidth=1.0, linestyle=":")
        axes.axvline(float(marks["safe"][0]), color="0.55", linewidth=1.0, linestyle="-.")
        axes.set(
            xlabel="step over its threshold, $\\eta p_j \\alpha \\pi/2$",
            ylabel="error of the margin, $m - m^*$",
        )
        axes.set_xlim(RANGE[alpha][0], RANGE[alpha][1])
        axes.set_title(f"noise {alpha:g}, π = {float(peak(K, alpha)):.3f}")
    looks: dict[str, dict[str, Any]] = {
        "gradient descent": {"linestyle": "", "marker": ".", "color": "0.15"},
        "cycle, second order": {"linestyle": "-", "linewidth": 1.6, "color": "#d55e00"},
        "interval": {"linestyle": "--", "linewidth": 1.1, "color": "0.45"},
        "threshold": {"linestyle": ":", "linewidth": 1.0, "color": "0.55"},
        "safe for all noise": {"linestyle": "-.", "linewidth": 1.0, "color": "0.55"},
    }
    key(axes_of[1], **looks)
    return figure
