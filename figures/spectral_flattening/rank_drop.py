"""The stable step where the rank of the gradient drops: it jumps with the polar factor, not with a few steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import key, plain_ticks, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.polar.schedules import CUBIC, TUNED, iterate
from theory.spectral_flattening import SF_T5, SF_N6c, SF_N6d, SF_T1d

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "At a drop of the rank the stable step of the exact polar factor jumps; a few steps of an iteration smooth it"
CAPTION = """
G = diag(1, eps, ..., eps), 50 x 50.  The guaranteed step times L/2 is the average singular value for the exact
polar factor: 1/50 for every small eps > 0 (black line), and 1 at eps = 0 (grey line).  With K tuned steps in its
place it is sum s phi/sum phi^2 (points), which tends to 1/p^K(1) as eps -> 0: faint directions are not yet
followed.  The jump is spread around eps = p^K(1)/(sqrt(49) 3.4445^K) (dotted lines), where the faint directions
take up half of the update. More steps follow fainter directions: the regularisation is a matter of K.  The cubic
iteration, whose slope at 0 is 3/2, does the same later.
"""
CLAIMS = (SF_N6c, SF_N6d, SF_T1d, SF_T5)

SIZE = 50
ITERATIONS: dict[str, tuple[Any, int]] = {
    "tuned, K = 3": (TUNED, 3),
    "tuned, K = 5": (TUNED, 5),
    "tuned, K = 8": (TUNED, 8),
    "cubic, K = 5": (CUBIC, 5),
}
POINTS = {"smoke": 25, "quick": 97, "full": 385}
QUOTED = (1e-12, 1e-4, 1e-3, 3e-3, 1e-2)


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "step" (a row per iteration and eps), "exact" (per eps) and "transition" (per iteration)."""
    eps = np.unique(np.concatenate([np.geomspace(1e-12, 1.0, POINTS[scale]), QUOTED]))
    s = np.column_stack([np.ones_like(eps), *[eps] * (SIZE - 1)])
    x = backend.asarray(s / np.linalg.norm(s, axis=-1, keepdims=True))
    steps, transitions = [], []
    for name, (schedule, count) in ITERATIONS.items():
        phi = backend.to_numpy(iterate([schedule] * count, x))
        step = np.sum(s * phi, axis=-1) / np.sum(phi * phi, axis=-1)
        steps.append({"iteration": name, "eps": eps, "step": step})
        top = float(iterate([schedule] * count, 1.0))
        middle = top / ((SIZE - 1) ** 0.5 * float(schedule[0]) ** count)
        transitions.append({"iteration": name, "limit": 1 / top, "middle": middle})
    return {
        "step": table(steps),
        "exact": {"eps": eps, "step": np.mean(s, axis=-1)},
        "transition": table(transitions),
    }


def draw(tables: Any) -> Figure:
    """One panel."""
    from figures.gallery import style

    figure, (axes,) = style.panels(width=9.2, height=4.8)
    for number, name in enumerate(ITERATIONS):
        rows = where(tables["step"], iteration=name)
        style.computed(axes, rows["eps"], rows["step"], number, markersize=4, label=name)
        row = where(tables["transition"], iteration=name)
        style.predicted(
            axes, row["middle"][[0, 0]], np.array([0.008, 3.0]), number, linestyle=":", linewidth=1.2
        )
        style.predicted(
            axes, np.array([1e-12, 1e-9]), row["limit"][[0, 0]], number, linestyle="-", linewidth=2.2
        )
    exact = tables["exact"]
    axes.plot(exact["eps"], exact["step"], color="black", linestyle="-", linewidth=1.5, marker="")
    reference(axes, [1e-12, 1.0], [1, 1], linestyle="--")
    axes.set(xscale="log", yscale="log", ylim=(0.008, 3.0), xlim=(5e-13, 2.0))
    axes.set(xlabel="small singular values ε", ylabel="stable step × L/2")
    plain_ticks(axes.yaxis, (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2))
    style.legend_outside(axes, "update")
    looks: dict[str, dict[str, Any]] = {
        "exact, ε > 0": {"linestyle": "-", "color": "black"},
        "exact, ε = 0": {"linestyle": "--", "color": "0.55"},
        "1/p$^K$(1)": {"linestyle": "-", "linewidth": 2.2},
        "transition": {"linestyle": ":"},
    }
    key(axes, **looks)
    return figure
