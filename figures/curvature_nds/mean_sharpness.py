"""The sharpness of the updates of GD and Muon, averaged over the first steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key, plain_ticks, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.curvature_nds.levels import mean_sharpness_gd, mean_sharpness_muon
from labs.curvature_nds.quadratic import descend
from theory.curvature_nds import NDS_T1, NDS_T1sa, NDS_T1sb, NDS_T1sc, NDS_T1sd, NDS_T1se

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Averaged sharpness: GD goes to the middle of the spectrum, Muon stays at its mean"
CAPTION = """
Two levels of curvature, 6 and 1, exact line search for both.  Circles and crosses: averages of the sharpness <Z,
H[Z]>/|Z|^2 over the first T steps of a run; lines: closed forms.  GD exchanges the gradient's energy between the
levels at every step, so that its average is (6 + 1)/2 for every even T and tends to it for odd T; Muon's is the
mean curvature at every step.  With fewer than half of the modes on the high level and an aligned gradient (left)
Muon's average is the lower one for every T.  Against alignment (middle, s = 1/2) it is higher at T = 1, 2.25
against 1.385, and lower ever after.  With more than half of the modes on the high level (right) it is higher in the
long run. Small dots: the gradient varies within the levels by 30 %, at equal energies; the averages do not change.
"""
CLAIMS = (NDS_T1, NDS_T1sa, NDS_T1sb, NDS_T1sc, NDS_T1sd, NDS_T1se)

RHO = 6.0
# m of q modes on the high level, and the alignment.
SETTINGS = ((1, 4, 2.0), (1, 4, 0.5), (6, 10, 2.0))
HORIZON = {"smoke": 6, "quick": 20, "full": 40}
SPREAD = 0.3


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Table "averages": a row per setting, rule ("gd", "muon") and T; runs, runs with spread, closed forms."""
    T = np.arange(1, HORIZON[scale] + 1)
    blocks = []
    for m, q, s in SETTINGS:
        a = m / (q - m)
        forms = {
            "gd": [mean_sharpness_gd(a, RHO, s, int(t)) for t in T],
            "muon": [mean_sharpness_muon(a, RHO)] * T.size,
        }
        for rule, form in forms.items():
            plain, spread = (averages(*problem(m, q, s, x), rule, T.size, backend) for x in (0.0, SPREAD))
            blocks.append(
                {
                    "m": m,
                    "q": q,
                    "s": s,
                    "rule": rule,
                    "T": T,
                    "run": plain,
                    "spread": spread,
                    "form": np.array(form),
                }
            )
    return {"averages": table(blocks)}


def problem(m: int, q: int, s: float, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Curvatures and gradients of 4 q modes; gradients vary by +-spread within a level, at its mean square."""
    high = np.arange(4 * q) < 4 * m
    ripple = 1 + spread * np.cos(2.0 * np.arange(4.0 * q))
    sigma = np.where(high, s, 1.0) * ripple
    for level, size in ((high, s), (~high, 1.0)):
        sigma[level] *= size / np.sqrt(np.mean(sigma[level] ** 2))
    return np.where(high, RHO, 1.0), sigma


def averages(w: np.ndarray, sigma: np.ndarray, rule: str, steps: int, backend: Backend) -> np.ndarray:
    """Of the sharpness over the first T steps, T = 1, ..., steps."""
    found = backend.to_numpy(descend(backend.asarray(w), backend.asarray(sigma), rule, steps).nds)
    return np.cumsum(found) / np.arange(1, steps + 1)


MARKS = {"gd": "o", "muon": "x"}
LABELS = {"gd": "GD", "muon": "Muon"}


def draw(tables: Any) -> Figure:
    """A panel per setting."""
    from figures.gallery import style

    figure, panels = style.panels(1, 3, width=14.4, height=4.2)
    rows = tables["averages"]
    last = rows["T"].max()
    for axes, (m, q, s) in zip(panels, SETTINGS, strict=True):
        for number, rule in enumerate(MARKS):
            points = where(rows, m=m, q=q, s=s, rule=rule)
            style.predicted(axes, points["T"], points["form"], number, linestyle="-", linewidth=1.0)
            style.computed(axes, points["T"], points["run"], number, marker=MARKS[rule], label=LABELS[rule])
            colour = style.series(number)["color"]
            axes.plot(points["T"], points["spread"], linestyle="", marker=".", markersize=3, color=colour)
        reference(axes, [0, last + 1], [(RHO + 1) / 2] * 2, linestyle="--")
        axes.set(xlabel="steps T", xlim=(0, last + 1), ylim=(1, RHO))
        axes.set_title(f"α = {m / q:g}, s = {s:g}")
        plain_ticks(axes.xaxis, [T for T in (1, 2, 3, 5, 10, 15, 20, 30, 40) if last >= T])
    panels[0].set_ylabel("sharpness averaged over T steps")
    style.legend_outside(panels[-1])
    looks: dict[str, dict[str, Any]] = {
        "run": COMPUTED,
        "with spread": {"linestyle": "", "marker": ".", "markersize": 3},
        "closed form": {"linestyle": "-", "linewidth": 1.0},
        "mid-range": {"linestyle": "--", "linewidth": 1.0, "color": "0.55"},
    }
    key(panels[-1], **looks)
    return figure
