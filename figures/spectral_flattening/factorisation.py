"""Factorising a matrix at steps beyond the sharpness: GD blows up, Muon oscillates with the step size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key, note, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.spectrum import matrix, power_law
from labs.core.streams import stream
from labs.spectral_flattening.models import factorise
from theory.spectral_flattening import SF_E1, SF_T6a, SF_T6b, SF_T6k

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Matrix factorisation beyond the edge: GD blows up, Muon oscillates"
CAPTION = """
f = |Y - W_2 W_1|_F^2/2, Y 20 x 20 with singular values 1/i, eight hidden units, a small random start, fixed steps.
The loss is not convex, and not smooth globally, so that the theorems are silent; what holds is that Muon's factors
move by at most eta a step.  At no minimum is the largest eigenvalue of the Hessian below 2 s_1(Y) = 2, so gradient
descent can settle only below the edge eta = 1 (dotted).  Left: the loss above its minimum at three step sizes;
gradient descent (solid) blows up beyond the edge (just above it it oscillates), Muon (dashed) settles at every step
size.  Middle: where it ends (gradient descent below 0.3 is still on its way).  Muon's floor grows like eta^2 (grey)
as long as eta is small against the factors; normalised gradient descent's is about three times higher for small
steps, and from half the edge on ten times and more.  Right: how far W_2 still travels, the largest spectral
distance of late iterates from their mean, over eta. For Muon it is a half at every step size: a cycle of two steps.
"""
CLAIMS = (SF_T6a, SF_T6b, SF_T6k, SF_E1)
GAPS = ("ends.floor", "ends.travel")  # runs that have left

SHAPE, HIDDEN = 20, 8
RULES = {"gd": "GD", "ngd": "normalised GD", "muon": "Muon"}
MULTIPLES = {
    "smoke": np.array([0.1, 2.0]),
    "quick": np.geomspace(0.003, 8.0, 13),
    "full": np.geomspace(0.001, 16.0, 29),
}
SHOWN = (0.1, 0.5, 2.0)
STEPS = {"smoke": 40, "quick": 1500, "full": 4000}
LATE = {"smoke": 8, "quick": 60, "full": 200}  # even: a cycle of two has its mean in the middle
CEILING = 1e12


def start() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The target, and small factors."""
    draw = stream("spectral flattening: factorisation")
    Y = matrix(power_law(SHAPE), SHAPE, SHAPE, draw)
    return Y, 0.2 * draw.standard_normal((SHAPE, HIDDEN)), 0.2 * draw.standard_normal((HIDDEN, SHAPE))


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "curves" (rule, step size, step) and "ends" (rule, step size)."""
    Y, W2, W1 = (backend.asarray(x) for x in start())
    least = np.sum(power_law(SHAPE)[HIDDEN:] ** 2) / 2
    sizes = np.sort(np.concatenate([MULTIPLES[scale], [eta for eta in SHOWN if eta not in MULTIPLES[scale]]]))
    eta, steps = backend.asarray(sizes), STEPS[scale]
    seen = np.unique(np.round(np.geomspace(1, steps, 50)).astype(int)) - 1
    curves, ends = [], []
    for rule in RULES:
        run = factorise(Y, W2, W1, rule, steps, size=eta)
        losses, now, late = backend.to_numpy(run.losses), run, []
        for _ in range(LATE[scale]):
            now = factorise(Y, now.left, now.right, rule, 1, size=eta)
            late.append(backend.to_numpy(now.left))
        away = np.stack(late) - np.mean(late, axis=0)
        travel = np.max(np.linalg.norm(away, 2, axis=(-2, -1)), axis=0) / sizes
        gone = losses[:, -1] > CEILING
        floor = np.where(gone, np.nan, np.max(losses[:, -LATE[scale] :], axis=-1) - least)
        for i, size in enumerate(sizes):
            pair = np.maximum(losses[i, :-1], losses[i, 1:])[seen] - least
            curves.append({"rule": rule, "eta": size, "step": seen, "loss": pair})
        settled = np.where(gone, np.nan, travel)
        ends.append({"rule": rule, "eta": sizes, "floor": floor, "travel": settled})
    return {"curves": table(curves), "ends": table(ends)}


def draw(tables: Any) -> Figure:
    """Losses of GD and Muon, floors, travel."""
    from figures.gallery import style

    figure, (left, middle, right) = style.panels(1, 3, width=14.6, height=4.5)
    for number, eta in enumerate(SHOWN):
        for rule, line in (("gd", "-"), ("muon", "--")):
            rows = where(tables["curves"], rule=rule, eta=eta)
            alive = (rows["loss"] < CEILING) & (rows["loss"] > 0)
            look: dict[str, Any] = {"linestyle": line, "linewidth": 1.0, "markersize": 3}
            if rule == "gd":
                look["label"] = f"{eta:g}"
            style.computed(left, rows["step"][alive] + 1, rows["loss"][alive], number, **look)
    left.set(xscale="log", yscale="log", ylim=(1e-6, 1e6), xlabel="step + 1", ylabel="loss above its minimum")
    left.set_title("GD (solid) and Muon (dashed)")
    left.legend(title="step size", loc="upper right", fontsize="small")
    for number, (rule, label) in enumerate(RULES.items()):
        rows = where(tables["ends"], rule=rule)
        style.computed(middle, rows["eta"], rows["floor"], number)
        style.computed(right, rows["eta"], rows["travel"], number, label=label)
    muon = where(tables["ends"], rule="muon")
    reference(middle, muon["eta"], muon["floor"][0] * (muon["eta"] / muon["eta"][0]) ** 2, zorder=0)
    note(middle, "slope 2", (muon["eta"][0], muon["floor"][0]), (30, -2))
    reference(right, muon["eta"], 0.5 + 0 * muon["eta"], zorder=0)
    note(right, "cycle of two steps", (muon["eta"][0], 0.5), (0, -14))
    for axes in (middle, right):
        axes.axvline(1.0, color="0.25", linestyle=":", linewidth=1.0)
        axes.set(xscale="log", yscale="log", xlabel="step size η (GD: weight²/loss, others: weight)")
    middle.set(ylim=(1e-6, 1e6), ylabel="loss above its minimum", title="where it ends")
    right.set(ylim=(0.01, 20), ylabel="distance from the mean, over η", title="how far $W_2$ still travels")
    style.legend_outside(right)
    looks: dict[str, dict[str, Any]] = {"edge of gradient descent": {"linestyle": ":"}}
    key(right, computed=COMPUTED, **looks)
    return figure
