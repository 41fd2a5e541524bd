"""Excess of the groups with label noise: sigmoids in turn, a common drop, and the same by the signs of an oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import key
from figures.gallery.tables import table, where
from labs.associative_memory.descent import gd_errors
from labs.associative_memory.flow_time import flow_margin
from labs.associative_memory.margins import item_excess, masses_of_power_law, optimal_margin
from labs.associative_memory.reduced import Reduced
from labs.core.arrays import Backend
from theory.associative_memory import AML_T2b, AML_T2d, AML_T5a, AML_T6a, AML_T6c, AML_T10a

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "With label noise: gradient descent learns the groups in turn, Muon at once, down to a floor of eta^2"
CAPTION = """
K = 1000 facts in 5 groups of 200 with masses a^-2, noise 0.2, full gradients from W = 0; the excess loss of an item
of each group.  Left: gradient descent at the step 1/p_1.  The sigmoids are one curve, moved by the ratio of the
frequencies (lines: gradient flow, in closed form); none comes to its best margin before m*/((1 - alpha) eta p_j)
(ticks on the axis).  Right: Muon with the step 0.05 (circles), and sign descent in the basis that an oracle
supplies with half of that step (crosses): they fall together, for all groups, at t = m*/eta (vertical line), and
then go to and fro between two points around the best margin.  Dashed: eta^2/8, a bound of both points where all
frequencies are equal, and here as well.
"""
CLAIMS = (AML_T2b, AML_T2d, AML_T5a, AML_T6a, AML_T6c, AML_T10a)

M, C, BETA, ALPHA = 5, 200, 2.0, 0.2
K = M * C
ETA = 0.05
LAST = {"smoke": 200, "quick": 1500, "full": 1500}
POINTS = {"smoke": 12, "quick": 34, "full": 60}
MUON_STEPS = 250


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "gd" (group, t, excess), "flow" (the same by flow), "signs" (rule, group, t, excess), "marks"."""
    masses = masses_of_power_law(BETA, M)
    h, best = masses / masses[0], float(optimal_margin(K, ALPHA))
    times = np.unique(np.geomspace(1, LAST[scale], POINTS[scale]).round().astype(int))
    errors = backend.to_numpy(gd_errors(backend.asarray(h), K, ALPHA, 1.0, times.tolist()))
    fine = np.geomspace(1, times[-1], 160)
    gd, flow = [], []
    for a in range(M):
        gd.append({"group": a + 1, "t": times, "excess": item_excess(errors[:, a], K, ALPHA)})
        left = item_excess(flow_margin(fine, K, ALPHA, h[a]) - best, K, ALPHA)
        flow.append({"group": a + 1, "t": fine, "excess": left})
    memory = Reduced((C,) * M, backend.asarray(masses), ALPHA)
    steps, t = MUON_STEPS, np.arange(MUON_STEPS + 1)
    signs = []
    for rule, eta in (("muon", ETA), ("tra-signgd", ETA / 2)):
        found = backend.to_numpy(memory.simulate(eta, steps, rule).group_excess)
        signs += [{"rule": rule, "group": a + 1, "t": t, "excess": found[:, a]} for a in range(M)]
    marks = {"group": np.arange(1, M + 1), "least": best / ((1 - ALPHA) * h), "muon": np.full(M, best / ETA)}
    return {"gd": table(gd), "flow": table(flow), "signs": table(signs), "marks": marks}


def draw(tables: Any) -> Figure:
    """Sigmoids in turn; a common drop and its floor."""
    from figures.gallery import style

    figure, (left, right) = style.panels(1, 2, width=12.6, height=4.6)
    for a in range(M):
        rows, flow = where(tables["gd"], group=a + 1), where(tables["flow"], group=a + 1)
        style.predicted(left, flow["t"], flow["excess"], a, linestyle="-", linewidth=1.0)
        style.computed(left, rows["t"], rows["excess"], a, marker="o", markersize=5)
        (least,) = where(tables["marks"], group=a + 1)["least"]
        left.plot(
            [least] * 2, [0.0, 0.35], linestyle="-", marker="", linewidth=2.0, color=style.series(a)["color"]
        )
    left.set(xscale="log", xlabel="number of steps $t$", ylabel="excess loss $L_j - L^*$", ylim=(0.0, None))
    left.set_title("gradient descent, η = 1/p$_1$")
    for a in range(M):
        for rule, marker in (("muon", "o"), ("tra-signgd", "x")):
            rows = where(tables["signs"], group=a + 1, rule=rule)
            shown = slice((2 if rule == "muon" else 5) * a, None, 11)
            look: dict[str, Any] = {"marker": marker, "markersize": 4.5}
            look |= {"label": f"group {a + 1}"} if rule == "muon" else {}
            style.computed(right, rows["t"][shown], rows["excess"][shown], a, **look)
    right.axhline(ETA**2 / 8, color="0.25", linestyle="--", linewidth=1.2)
    right.axvline(tables["marks"]["muon"][0], color="0.55", linestyle="-.", linewidth=1.0)
    right.set(yscale="log", xlabel="number of steps $t$", ylabel="excess loss $L_j - L^*$")
    right.set_title(f"Muon, η = {ETA:g}; signs in the task basis, η/2")
    style.legend_outside(right)
    looks: dict[str, dict[str, Any]] = {
        "flow of GD": {"linestyle": "-", "linewidth": 1.0},
        "Muon": {"linestyle": "", "marker": "o", "markerfacecolor": "none"},
        "TRA-SignGD": {"linestyle": "", "marker": "x"},
        "η²/8": {"linestyle": "--", "linewidth": 1.2},
        "m*/η": {"linestyle": "-.", "linewidth": 1.0, "color": "0.55"},
    }
    key(right, **looks)
    return figure
