"""Many steps at a fixed step size: GD converges or leaves, Muon and normalised GD stay and do not converge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key, note, reference
from figures.gallery.tables import table, where
from figures.spectral_flattening.stable_step_map import problem
from labs.core.arrays import Backend
from labs.spectral_flattening.dynamics import constants, descend, ultimate_bound
from theory.spectral_flattening import SF_T6b, SF_T6c, SF_T6e, SF_T6f, SF_T6g, SF_T6k

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Muon cannot diverge, and at a fixed step size it does not converge"
CAPTION = """
Linear regression (30 inputs of variances 1/i, 20 outputs, 400 samples) from W = 0 at fixed step sizes.  Left and
middle: the loss above its minimum, the larger one of each two consecutive steps.  Gradient descent converges below
2/L = 1.99 and passes 1e12 after 131, 12 and 5 steps at 2.09, 4 and 20; Muon gets down to a floor, mostly a cycle of
two steps, and stays there.  Right: the tail, the largest loss of the last quarter of the run (GD's at 0.3 and above
are below the panel, or have left).  Muon's falls like the square of the step size (grey), below the bound of
theory, which knows L_op and mu only and is about a hundred times too high here, by its factor L_op/(4 mu) = 33.
Normalised gradient descent is bounded as well, but its floor is 4 to 14 times higher: not diverging is
normalisation, the low floor is flattening.  Its tails at small steps are those of an irregular orbit and differ by
several per cent from rounding to rounding.
"""
CLAIMS = (SF_T6b, SF_T6c, SF_T6e, SF_T6f, SF_T6g, SF_T6k)
GAPS = ("tails.tail", "tails.left")  # a run that has left has no tail, the others did not leave

RULES = {"gd": "GD", "ngd": "normalised GD", "muon": "Muon"}
PRINTED = (0.01, 0.05, 0.1, 0.3, 1.0, 1.5, 4.0, 20.0)  # and 1.05 times 2/L
SHOWN = {"gd": (0.1, 1.0, 4.0), "muon": (0.01, 0.1, 1.0, 4.0, 20.0)}
STEPS = {"smoke": 40, "quick": 2000, "full": 2000}
CEILING = 1e12


def step_sizes(scale: str, edge: float) -> np.ndarray:
    """Those that are printed in the caption, and at full scale as many in between."""
    sizes = np.array([*PRINTED[:6], 1.05 * edge, *PRINTED[6:]])
    return sizes if scale != "full" else np.sort(np.concatenate([sizes, np.sqrt(sizes[1:] * sizes[:-1])]))


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "curves" (rule, step size, step), "tails" (rule, step size) and "bounds" (step size)."""
    A, delta = (backend.asarray(x) for x in problem(1.0))
    B = backend.asarray(np.eye(20))
    known = constants(B, A)
    L = float(known.smoothness)
    steps, sizes = STEPS[scale], step_sizes(scale, 2 / L)
    seen = np.unique(np.round(np.geomspace(1, steps, 60)).astype(int)) - 1
    curves, tails = [], []
    for rule in RULES:
        run = descend(B, A, delta, rule, steps, size=backend.asarray(sizes), ceiling=CEILING)
        losses = backend.to_numpy(run.values)
        for eta, loss in zip(sizes, losses, strict=True):
            gone = bool(np.any(loss > CEILING))
            left = float(np.argmax(loss > CEILING)) if gone else np.nan
            tail = np.nan if gone else np.max(loss[-1 - steps // 4 : -1])
            pair = np.maximum(loss[:-1], loss[1:])
            curves.append({"rule": rule, "eta": eta, "step": seen, "loss": pair[seen]})
            tails.append({"rule": rule, "eta": eta, "tail": tail, "left": left})
    eta = np.geomspace(sizes[0], sizes[-1], 25)

    def bound(K: Any, times: float = 1.0) -> np.ndarray:
        return backend.to_numpy(ultimate_bound(K, known.convexity, backend.asarray(times * eta)))

    bounds = {"eta": eta, "muon": bound(known.spectral), "ngd": bound(known.smoothness, 20**0.5)}
    return {"curves": table(curves), "tails": table(tails), "bounds": bounds}


def draw(tables: Any) -> Figure:
    """Losses of GD, losses of Muon, tails against the step size."""
    from figures.gallery import style

    figure, (left, middle, right) = style.panels(1, 3, width=14.6, height=4.5)
    sizes = np.unique(tables["curves"]["eta"])
    for axes, rule in ((left, "gd"), (middle, "muon")):
        for number, eta in enumerate(e for e in SHOWN[rule] if e in sizes):
            rows = where(tables["curves"], rule=rule, eta=eta)
            alive = (rows["loss"] <= CEILING) & (rows["loss"] > 1e-20)
            x, y = rows["step"][alive] + 1, rows["loss"][alive]
            look: dict[str, Any] = {"linestyle": "-", "linewidth": 1.0, "markersize": 3, "label": f"{eta:g}"}
            style.computed(axes, x, y, number, **look)
        axes.set(xscale="log", yscale="log", xlabel="step + 1", ylabel="loss above its minimum")
        axes.set(ylim=(1e-6, 1e6), title=RULES[rule])
        axes.legend(title="step size", loc="lower left", fontsize="small")
    draw_tails(right, tables, style)
    return figure


def draw_tails(axes: Axes, tables: Any, style: Any) -> None:
    """Markers: what is left at the end; lines: the bounds; a grey line of slope two."""
    bounds = tables["bounds"]
    for number, (rule, label) in enumerate(RULES.items()):
        rows = where(tables["tails"], rule=rule)
        style.computed(axes, rows["eta"], rows["tail"], number, label=label)
        if rule in bounds:
            style.predicted(axes, bounds["eta"], bounds[rule], number, linestyle="-")
    muon = where(tables["tails"], rule="muon")
    reference(axes, muon["eta"], muon["tail"][0] * (muon["eta"] / muon["eta"][0]) ** 2, zorder=0)
    note(axes, "slope 2", (muon["eta"][1], muon["tail"][0] * 2), (8, -12))
    axes.set(xscale="log", yscale="log", xlabel="step size η (GD: weight²/loss, others: weight)")
    axes.set(ylabel="largest loss of the last quarter", ylim=(1e-6, 1e6), title="what is left")
    style.legend_outside(axes)
    key(axes, computed=COMPUTED, **{"bound of theory": {"linestyle": "-"}})
