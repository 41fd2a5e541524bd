"""Normalised gradient descent with label noise: at the edge of stability, unless rounding hides it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import key
from figures.gallery.tables import table, where
from labs.associative_memory.bounds import critical_step, gd_excess
from labs.associative_memory.descent import gd_errors, ngd_errors, ngd_margins
from labs.associative_memory.margins import item_excess, masses_of_power_law, optimal_margin
from labs.core.arrays import Backend
from labs.core.streams import stream
from theory.associative_memory import AML_P9a, AML_T8b, AML_X5ba, AML_X5bb

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Normalised gradient descent comes to the edge of stability, and so to gradient descent's law"
CAPTION = """
1000 groups of 20 facts, masses a^-2, noise 0.2, full gradients; quick scale stops at 3000 steps.  Left: the
effective step eta/|grad|_F of normalised gradient descent with eta = 0.8.  It grows as the gradient falls, until
the most frequent item becomes unstable at 2/(p_1 alpha pi) (line), and comes back to stay there.  In exact
arithmetic an instability grows from anything; in floating point the residual of the head can become exactly zero.
Computed in margins without any jitter the head stays at its optimum and the step grows without end; in errors m -
m*, which keep more digits, it is found late; with a jitter of 1e-12 in every margin it is found at once.  Right:
the least excess over eight step sizes.  At the edge it is that of gradient descent near its threshold (0.95 of it;
line: its law with the sharp constant).  What margins without jitter seem to reach, far below, is rounding and no
property of the method.
"""
CLAIMS = (AML_P9a, AML_T8b, AML_X5ba, AML_X5bb)

M, C, BETA, ALPHA = 1000, 20, 2.0, 0.2
LAST = {"smoke": 600, "quick": 3000, "full": 10_000}
GROUPS = {"smoke": 60, "quick": M, "full": M}
POINTS = {"smoke": 6, "quick": 24, "full": 40}
ETAS = np.array([0.45, 0.58, 0.8, 1.1, 1.5, 2.0, 3.0, 4.0])
SHOWN = 2
JITTER = 1e-12
GD_SHARE = 0.95
RUNS = {"jitter": "margins, jitter", "margins": "margins, no jitter", "errors": "errors, no jitter"}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "steps" (run, t, effective, threshold), "excess" (run, t, least, eta), "gd" and "law"."""
    groups = GROUPS[scale]
    facts, masses = groups * C, masses_of_power_law(BETA, groups)
    times = np.unique(np.geomspace(3, LAST[scale], POINTS[scale]).round().astype(int)).tolist()
    p, counts = backend.asarray(masses / C), backend.asarray(np.full(groups, float(C)))
    etas, best = backend.asarray(ETAS), float(optimal_margin(facts, ALPHA))
    rng = stream("jitter of the figure on the edge of stability")

    def jitter(_: int) -> Any:
        return backend.asarray(JITTER * rng.standard_normal((ETAS.size, groups)))

    same = (p, counts, facts, ALPHA, etas, times)
    found = {
        "jitter": ngd_margins(*same, jitter=jitter),
        "margins": ngd_margins(*same),
        "errors": ngd_errors(*same),
    }
    threshold = float(critical_step(facts, ALPHA)) * C / float(masses[0])
    steps, excess = [], []
    for run, (state, effective) in found.items():
        errors = backend.to_numpy(state) - (0.0 if run == "errors" else best)
        left = np.sum(masses * item_excess(errors, facts, ALPHA), axis=-1)
        seen = backend.to_numpy(effective)[SHOWN]
        steps.append({"run": run, "t": times, "effective": np.minimum(seen, 1e12), "threshold": threshold})
        least = np.argmin(left, axis=0)
        excess.append({"run": run, "t": times, "least": np.min(left, axis=0), "eta": ETAS[least]})
    kappa = GD_SHARE * float(critical_step(facts, ALPHA))
    errors = backend.to_numpy(gd_errors(backend.asarray(masses / masses[0]), facts, ALPHA, kappa, times))
    gd = {"t": np.array(times), "excess": np.sum(masses * item_excess(errors, facts, ALPHA), axis=-1)}
    law = np.array([gd_excess(float(t), facts, ALPHA, BETA, groups, kappa) for t in times])
    return {
        "steps": table(steps),
        "excess": table(excess),
        "gd": gd,
        "law": {"t": np.array(times), "excess": law},
    }


def draw(tables: Any) -> Figure:
    """Effective steps; excess."""
    from figures.gallery import style

    figure, (left, right) = style.panels(1, 2, width=13.6, height=4.6)
    for number, (run, label) in enumerate(RUNS.items()):
        look: dict[str, Any] = {
            "linestyle": "-",
            "linewidth": 0.7,
            "markersize": 9 - 2 * number,
            "label": label,
        }
        rows = where(tables["steps"], run=run)
        style.computed(left, rows["t"], rows["effective"], number, **look)
        rows = where(tables["excess"], run=run)
        style.computed(right, rows["t"], rows["least"], number, **look)
    left.axhline(tables["steps"]["threshold"][0], color="0.25", linewidth=1.2)
    left.set(
        xscale="log",
        yscale="log",
        xlabel="number of steps $t$",
        ylabel="effective step $\\eta/|\\nabla L|_F$",
    )
    right.plot(
        tables["law"]["t"], tables["law"]["excess"], color="0.25", linestyle="-", marker="", linewidth=1.2
    )
    style.computed(
        right, tables["gd"]["t"], tables["gd"]["excess"], 3, markersize=9, label="GD, 0.95 of threshold"
    )
    right.set(
        xscale="log", yscale="log", xlabel="number of steps $t$", ylabel="least excess over the step sizes"
    )
    style.legend_outside(right, "normalised GD in")
    key(right, **{"threshold; law of GD": {"linestyle": "-", "linewidth": 1.2}})
    return figure
