"""Constant steps: GD's sharpness jumps from one end of the spectrum to the other, Muon's loss ends at a floor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key, note, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.curvature_nds.levels import mean_sharpness_muon
from labs.curvature_nds.quadratic import descend
from labs.curvature_nds.steps import constant_step_sharpness, floor_of_mode, last_distance
from theory.curvature_nds import NDS_X8a, NDS_X8b, NDS_X8c, NDS_X8d, NDS_X9a, NDS_X9b, NDS_X9d

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Constant steps reverse both halves of the comparison"
CAPTION = """
Two levels of curvature, 12 on one mode and 1 on three, s = 2.  Left: the sharpness of GD's update after T steps of
constant length eta, runs (circles) and the closed form (lines).  Below eta = 2/(w_H + w_L) it tends to the low
curvature, under Muon's mean curvature (dotted): with small steps the theorem on the averaged sharpness is reversed.
Above it tends to the high one, until GD becomes unstable at 2/w_H; exactly there it does not move.  The exact line
search, which the theorem assumes, keeps GD at the threshold on average.  Right: losses on a power-law spectrum, 32
modes i^-1, gradients i^-1/2.  Muon with a constant step (circles) walks down and then hops across the minimum for
ever: its mean loss is the closed form (thick lines), proportional to eta^2, although its sharpness is the mean
curvature all the time.  GD with a constant stable step (black) passes below every floor.
"""
CLAIMS = (NDS_X8a, NDS_X8b, NDS_X8c, NDS_X8d, NDS_X9a, NDS_X9b, NDS_X9d)

M, Q, RHO, S = 1, 4, 12.0, 2.0
TIMES = (3, 30, 1000)
SWEEP = {"smoke": 31, "quick": 121, "full": 241}
LENGTHS = (0.31, 0.11, 0.031)  # no multiple of one is a distance: that mode would stop at its minimum
STEPS = {"smoke": 60, "quick": 400, "full": 2000}
MODES = 32


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "sweep" (a row per T, eta), "floors" (per eta of Muon) and "losses" (per rule, eta, t)."""
    eta = np.linspace(0.004, 2 / RHO, SWEEP[scale])
    high = np.arange(Q) < M
    w, sigma = np.where(high, RHO, 1.0), np.where(high, S, 1.0)
    found = descend(
        backend.asarray(w), backend.asarray(sigma), "gd", max(TIMES) + 1, backend.asarray(eta[:, None])
    )
    nds, x = backend.to_numpy(found.nds), M / (Q - M) * S * S
    sweep = [
        {"T": T, "eta": eta, "run": nds[:, T], "form": constant_step_sharpness(x, RHO, eta, T)} for T in TIMES
    ]
    i = np.arange(1.0, MODES + 1)
    w, sigma = 1 / i, i**-0.5
    losses, floors = [], []
    runs = [("muon", length) for length in LENGTHS] + [("gd", 1.0)]
    for rule, length in runs:
        run = descend(backend.asarray(w), backend.asarray(sigma), rule, STEPS[scale], length)
        losses.append(
            {
                "rule": rule,
                "eta": length,
                "t": np.arange(STEPS[scale] + 1),
                "loss": backend.to_numpy(run.loss),
            }
        )
        if rule == "muon":
            left = last_distance(sigma / w, length)
            floors.append({"eta": length, "floor": float(np.sum(floor_of_mode(w, left, length)))})
            floors[-1]["arrival"] = int(np.max(sigma / w) // length)
    return {"sweep": table(sweep), "losses": table(losses), "floors": table(floors)}


def draw(tables: Any) -> Figure:
    """The sweep; the losses."""
    from figures.gallery import style

    figure, (left, right) = style.panels(1, 2, width=13.6, height=4.6)
    _draw_sweep(left, tables["sweep"], style)
    _draw_losses(right, tables, style)
    return figure


def _draw_sweep(axes: Axes, rows: Any, style: Any) -> None:
    for number, T in enumerate(TIMES):
        points = where(rows, T=T)
        style.predicted(axes, points["eta"], points["form"], number, linestyle="-", linewidth=1.0)
        sparse = slice(number, None, max(1, points["eta"].size // 40))
        style.computed(axes, points["eta"][sparse], points["run"][sparse], number, marker="o", label=f"{T}")
    jump = 2 / (RHO + 1)
    reference(axes, [jump, jump], [1, RHO])
    note(axes, "$2/(w_H + w_L)$", (jump, 9.0), (-76, 0))
    end = 2 / RHO
    mean = float(mean_sharpness_muon(M / (Q - M), RHO))
    axes.plot([0, end], [mean, mean], color="black", linestyle=":", marker="")
    note(axes, "Muon", (0.02, mean), (0, 5))
    axes.set(
        xlabel="step of GD η, up to $2/w_H$",
        ylabel="sharpness of GD's update",
        xlim=(0, end),
        ylim=(0.5, RHO + 0.5),
    )
    axes.set_title("GD: curvatures 12 and 1")
    style.legend_outside(axes, "after T steps")
    key(axes, run=COMPUTED, closed_form={"linestyle": "-", "linewidth": 1.0})


def _draw_losses(axes: Axes, tables: Any, style: Any) -> None:
    rows, floors = tables["losses"], tables["floors"]
    for number, length in enumerate(LENGTHS):
        points = where(rows, rule="muon", eta=length)
        floor = where(floors, eta=length)
        arrival = int(floor["arrival"][0])
        # A dozen points of the walk; then two neighbours of each ten, both ends of a hop.
        walk = points["t"] % (arrival // 12) == 0
        keep = np.where(points["t"] < arrival, walk, points["t"] % 10 < 2)
        look: dict[str, Any] = {"marker": "o", "markersize": 3, "label": f"Muon, η = {length:g}"}
        style.computed(axes, points["t"][keep], points["loss"][keep], number, **look)
        colour = style.series(number)["color"]
        ends = [arrival, int(points["t"][-1])]
        if ends[0] < ends[1]:
            axes.plot(ends, [floor["floor"][0]] * 2, color=colour, linestyle="-", linewidth=2.5, marker="")
    points = where(rows, rule="gd")
    axes.plot(
        points["t"],
        points["loss"],
        color="black",
        linestyle="-",
        linewidth=1.2,
        marker="",
        label="GD, η = 1/$w_1$",
    )
    axes.set(yscale="log", xlabel="steps", ylabel="loss above the minimum", xlim=(0, points["t"][-1]))
    axes.set_title("Muon: $w_i = i^{-1}$, $σ_i = i^{-1/2}$, 32 modes")
    style.legend_outside(axes, "constant step")
    key(axes, run=COMPUTED | {"markersize": 3}, floor={"linestyle": "-", "linewidth": 2.5})
