"""Losses of the groups without label noise: shifted copies under gradient descent, one curve under Muon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import key
from figures.gallery.tables import table, where
from labs.associative_memory.descent import gd_margins
from labs.associative_memory.flow_time import flow_margin
from labs.associative_memory.margins import item_loss, masses_of_power_law
from labs.associative_memory.reduced import Reduced
from labs.core.arrays import Backend
from theory.associative_memory import AML_T2d, AML_T3a, AML_T3b, AML_T4a, AML_T4c, AML_T4e

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = (
    "Without label noise: gradient descent learns group after group, like 1/t; Muon all at once, like e^-t"
)
CAPTION = """
K = 1000 facts in 5 groups of 200 with masses a^-2, no noise, full gradients from W = 0; the loss of an item of each
group.  Left: gradient descent at the step 1/p_1.  The curves are copies, moved by the ratio of the frequencies;
each stands still until eta p_j t is about log K and then falls like (1 - 1/K)/(eta p_j t) (dotted).  Bands: between
the two ends of the sandwich of AML-T3, which are the flow of gradient descent at the times t (line) and e^(eta p_j)
t; they close with the step eta p_j.  Right: Muon with the step 0.1.  The five groups fall together, whatever their
frequency, like K e^(-eta t) (dotted) from t = log K/eta on (vertical line); the bounds of AML-T4, which allow
margins against other groups a little less and a little more than eta t, are hardly wider than the points.
"""
CLAIMS = (AML_T2d, AML_T3a, AML_T3b, AML_T4a, AML_T4c, AML_T4e)

M, C, BETA = 5, 200, 2.0
K = M * C
ETA = 0.1
LAST = {"smoke": 200, "quick": 20_000, "full": 200_000}
POINTS = {"smoke": 10, "quick": 22, "full": 40}
MUON_STEPS = {"smoke": 30, "quick": 200, "full": 200}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "gd" and "muon" (a row per group and time, with bounds) and "flow" (the bounds on a fine grid)."""
    masses = masses_of_power_law(BETA, M)
    h = masses / masses[0]  # eta p_j
    times = np.unique(np.geomspace(1, LAST[scale], POINTS[scale]).round().astype(int))
    margins = backend.to_numpy(gd_margins(backend.asarray(h), K, 0.0, 1.0, times.tolist()))
    found = item_loss(margins, K, 0.0)
    fine = np.geomspace(1, times[-1], 120)
    gd, flow = [], []
    for a in range(M):
        top, bottom = _sandwich(times.astype(float), h[a])
        gd.append({"group": a + 1, "t": times, "loss": found[:, a], "upper": top, "lower": bottom})
        top, bottom = _sandwich(fine, h[a])
        tail = (1 - 1 / K) / (h[a] * fine)
        flow.append({"group": a + 1, "t": fine, "upper": top, "lower": bottom, "tail": tail})
    t = np.arange(MUON_STEPS[scale] + 1)
    memory = Reduced((C,) * M, backend.asarray(masses), 0.0)
    losses = backend.to_numpy(memory.simulate(ETA, int(t[-1]), "muon").group_excess)
    slow, fast = 1 - (1 + 2**0.5) / C, 1 + (2**0.5 - 1) / C

    def bound(rate: float) -> np.ndarray:
        return np.log1p((C - 1) * np.exp(-ETA * t) + (K - C) * np.exp(-rate * ETA * t))

    muon = [
        {"group": a + 1, "t": t, "loss": losses[:, a], "upper": bound(slow), "lower": bound(fast)}
        for a in range(M)
    ]
    return {"gd": table(gd), "flow": table(flow), "muon": table(muon)}


def _sandwich(t: np.ndarray, h: float) -> tuple[np.ndarray, np.ndarray]:
    """The losses of the flow at the times t and e^h t (eta = 1, frequency h): above and below descent."""
    above, below = (item_loss(flow_margin(t * factor, K, 0.0, h), K, 0.0) for factor in (1.0, np.exp(h)))
    return above, below


def draw(tables: Any) -> Figure:
    """Gradient descent with its sandwich, Muon with its bounds."""
    from figures.gallery import style

    figure, (left, right) = style.panels(1, 2, width=12.6, height=4.6)
    for a in range(M):
        rows, flow = where(tables["gd"], group=a + 1), where(tables["flow"], group=a + 1)
        color = style.series(a)["color"]
        left.fill_between(flow["t"], flow["lower"], flow["upper"], color=color, alpha=0.3, linewidth=0)
        style.predicted(left, flow["t"], flow["upper"], a, linestyle="-", linewidth=0.9)
        late = flow["tail"] < 0.5
        style.predicted(left, flow["t"][late], flow["tail"][late], a, linestyle=":", linewidth=1.2)
        style.computed(left, rows["t"], rows["loss"], a, markersize=5, label=f"group {a + 1}")
    left.set(xscale="log", yscale="log", xlabel="number of steps $t$", ylabel="loss $L_j$ of an item")
    left.set_title("gradient descent, η = 1/p$_1$")
    for a in range(M):
        rows = where(tables["muon"], group=a + 1)
        shown = slice(2 * a, None, 12)
        style.computed(right, rows["t"][shown], rows["loss"][shown], a, markersize=5, label=f"group {a + 1}")
    band = where(tables["muon"], group=1)
    right.fill_between(band["t"], band["lower"], band["upper"], color="0.75", linewidth=0, zorder=0)
    right.plot(band["t"], K * np.exp(-ETA * band["t"]), color="0.25", linestyle=":", marker="", linewidth=1.2)
    right.axvline(np.log(K) / ETA, color="0.55", linewidth=1.0, linestyle="-.")
    right.set(yscale="log", ylim=(None, 20), xlabel="number of steps $t$", ylabel="loss $L_j$ of an item")
    right.set_title(f"Muon, η = {ETA:g}")
    style.legend_outside(right)
    looks: dict[str, dict[str, Any]] = {
        "bounds": {"linestyle": "-", "linewidth": 5.0, "alpha": 0.4},
        "flow of GD": {"linestyle": "-", "linewidth": 0.9},
        "law, late": {"linestyle": ":", "linewidth": 1.2},
        "log K/η": {"linestyle": "-.", "linewidth": 1.0, "color": "0.55"},
    }
    key(right, **looks)
    return figure
