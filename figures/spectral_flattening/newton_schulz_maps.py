"""What five and ten steps make of a singular value, map by map, and the exact range of all that begin above it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import key, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.polar.ranges import float_range
from labs.core.polar.schedules import CUBIC, PADE5, POLAR_EXPRESS, SOFT5, TUNED, as_schedule, iterate
from theory.spectral_flattening import SF_N4, SF_N1c, SF_N2d, SF_N3a, SF_N3g, SF_N6a

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Classical maps come from below; the tuned quintic stays in a band around one that no number of steps closes"
CAPTION = """
Thin lines with marks: the singular value p^K(x) that K steps make of x.  Between thick lines: the exact range of p^K
over [x, 1], that is, what K steps can make of any singular value from x on, found from ends and critical points.  The
classical maps rise, so that the lower end of the range is the curve itself and the upper end is 1 (the soft quintic
overshoots by 0.0018).  The tuned quintic enters the band [0.682, 1.202] at x = 0.00151 after five steps and at 3.1e-6
after ten (dotted), and never leaves it for one: from x = 0.0052 on the upper end is 1.134 (K = 5).  Polar Express, as
deployed, is within 0.124 after five steps, and within 1e-9 after seven, of every singular value above 0.001 (dotted),
for which it was made; smaller ones come later.
"""
CLAIMS = (SF_N1c, SF_N2d, SF_N3a, SF_N3g, SF_N4, SF_N6a)

SCHEDULES: dict[str, Any] = {
    "cubic": CUBIC,
    "Padé-5": PADE5,
    "soft quintic": SOFT5,
    "tuned": TUNED,
    "Polar Express": POLAR_EXPRESS,
}
PANELS = (("cubic", "Padé-5", "soft quintic"), ("tuned",), ("Polar Express",))
STEPS = (5, 10)
# From where on the range is above the local minimum of the tuned map (SF-N6.a); Polar Express is made for 1e-3.
MARKED = {
    ("tuned", 5): 0.00150512,
    ("tuned", 10): 3.10414e-6,
    ("Polar Express", 5): 1e-3,
    ("Polar Express", 10): 1e-3,
}
LOWEST = 1e-7
POINTS = {"smoke": 60, "quick": 1400, "full": 6000}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Table "map": a row per map, K and x, with p^K(x) and the ends of the range over [x, 1]."""
    host = np.unique(np.concatenate([np.geomspace(LOWEST, 1.0, POINTS[scale]), [0.00150512, 0.1]]))
    x = backend.asarray(host)
    ones = backend.asarray(np.ones_like(host))
    blocks = []
    for name, schedule in SCHEDULES.items():
        for steps in STEPS:
            triples = as_schedule(schedule, steps)
            least, greatest = float_range(triples, x, ones)
            values = [backend.to_numpy(y) for y in (iterate(triples, x), least, greatest)]
            columns = dict(zip(("value", "least", "greatest"), values, strict=True))
            blocks.append({"map": name, "K": steps, "x": host, **columns})
    return {"map": table(blocks)}


def draw(tables: Any) -> Figure:
    """A row per number of steps; classical maps, the tuned quintic, Polar Express."""
    from figures.gallery import style

    figure, panels = style.panels(len(STEPS), len(PANELS), width=14.2, height=6.8)
    for index, axes in enumerate(panels):
        steps, names = STEPS[index // len(PANELS)], PANELS[index % len(PANELS)]
        for name in names:
            _draw_map(axes, where(tables["map"], map=name, K=steps), list(SCHEDULES).index(name), style)
            if (name, steps) in MARKED:
                axes.axvline(MARKED[name, steps], color="0.3", linestyle=":", linewidth=1.2)
        reference(axes, [LOWEST, 1], [1, 1])
        axes.set(xscale="log", xlim=(LOWEST, 1), ylim=(-0.03, 1.28))
        axes.set(xlabel="singular value x at the start", ylabel=f"after {steps} steps, $p^{{{steps}}}(x)$")
        axes.set_title("classical maps" if len(names) > 1 else names[0])
    _legend(panels[len(PANELS) - 1], style)
    return figure


def _draw_map(axes: Axes, rows: Any, number: int, style: Any) -> None:
    colour = style.series(number)["color"]
    if rows["map"][0] in ("tuned", "Polar Express"):
        axes.fill_between(rows["x"], rows["least"], rows["greatest"], color=colour, alpha=0.13, linewidth=0)
    for end in ("least", "greatest"):
        style.predicted(axes, rows["x"], rows[end], number, linestyle="-", linewidth=2.0, alpha=0.75)
    every = max(1, rows["x"].size // 28)
    look: dict[str, Any] = {"linestyle": "-", "linewidth": 0.7, "markevery": every, "markersize": 4}
    style.computed(axes, rows["x"], rows["value"], number, **look)


def _legend(axes: Axes, style: Any) -> None:
    """One legend for all panels, to the right of the first row."""
    from matplotlib.lines import Line2D

    handles = []
    for number, name in enumerate(SCHEDULES):
        look = style.series(number) | {"linestyle": "-", "linewidth": 0.7, "markerfacecolor": "none"}
        handles.append(Line2D([], [], label=name, **look))
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, title="map")
    looks: dict[str, dict[str, Any]] = {
        "range_over_[x,_1]": {"linestyle": "-", "linewidth": 2.0},
        "threshold": {"linestyle": ":", "linewidth": 1.2},
    }
    key(axes, **looks)
