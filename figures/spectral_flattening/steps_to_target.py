"""How many steps to a target, at identical step sizes, and what happens to the order when the loss is multiplied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key, plain_ticks
from figures.gallery.tables import table, where
from figures.spectral_flattening.stable_step_map import problem
from labs.core.arrays import Backend
from labs.spectral_flattening.dynamics import constants, descend
from theory.spectral_flattening import SF_C5, SF_E2, SF_K8a, SF_T3a

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "At the same step size: who is faster is a question of units"
CAPTION = """
Steps until the loss of a linear regression (30 inputs of variances 1/i, 20 outputs, 400 samples) has fallen to a
tenth, a hundredth, a thousandth of its start, against the step size; the loss as it is, and multiplied by c = 0.1
and 10. Gradient descent's points lie on one curve moved by 1/c (lines: c = 1, moved), up to its edge at 2/(c L)
(dotted); those of Muon and normalised gradient descent do not move at all.  So with c = 0.1 Muon is faster than
gradient descent, and with c = 10 slower, at nearly every step size that both can use: "faster at the same step
size" says nothing.  Muon is not faster than normalised gradient descent either; what it has is the lower floor, so
that it reaches a target at longer steps.  Above a step size of its own neither reaches it.
"""
CLAIMS = (SF_C5, SF_K8a, SF_E2, SF_T3a)
GAPS = ("steps.needed", "plain.needed")  # not reached

RULES = {"gd": "GD", "ngd": "normalised GD", "muon": "Muon"}
SCALES = (0.1, 1.0, 10.0)
TARGETS = (0.1, 0.01, 0.001)
POINTS = {"smoke": 4, "quick": 15, "full": 31}
STEPS = {"smoke": 100, "quick": 300, "full": 2000}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "steps" (rule, c, target, step size), "plain" (GD at c = 1 on a finer grid) and "edges" (c)."""
    A, delta = (backend.asarray(x) for x in problem(1.0))
    eta = np.geomspace(1e-2, 10.0, POINTS[scale])
    L = float(constants(backend.asarray(np.eye(20)), A).smoothness)
    wide = np.geomspace(1e-3, 0.99 * 2 / L, 4 * POINTS[scale])

    def needed(rule: str, c: np.ndarray, sizes: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
        """Targets, and the steps (c, step size) until they are reached."""
        B = backend.asarray(c[:, None, None, None] * np.eye(20))
        each = backend.asarray(sizes + 0.0 * c[:, None])
        losses = backend.to_numpy(descend(B, A, delta, rule, STEPS[scale], size=each).values)
        for target in TARGETS:
            reached = losses <= target * losses[..., :1]
            yield target, np.where(np.any(reached, axis=-1), np.argmax(reached, axis=-1), np.nan)

    rows = []
    for rule in RULES:
        for target, counts in needed(rule, np.array(SCALES), eta):
            for value, line in zip(SCALES, counts, strict=True):
                rows.append({"rule": rule, "c": value, "target": target, "eta": eta, "needed": line})
    plain = [
        {"target": target, "eta": wide, "needed": counts[0]}
        for target, counts in needed("gd", np.ones(1), wide)
    ]
    edges = {"c": np.array(SCALES), "edge": 2 / (L * np.array(SCALES))}
    return {"steps": table(rows), "plain": table(plain), "edges": edges}


def draw(tables: Any) -> Figure:
    """A panel per target: colours are rules, markers the multiples of the loss."""
    from figures.gallery import style

    figure, panels = style.panels(1, 3, width=14.6, height=4.5)
    markers = dict(zip(SCALES, "v^s", strict=True)) | {1.0: "o"}
    for axes, target in zip(panels, TARGETS, strict=True):
        for number, (rule, label) in enumerate(RULES.items()):
            own = where(tables["steps"], rule=rule, c=1.0, target=target)
            one = where(tables["plain"], target=target) if rule == "gd" else own
            for value in SCALES:
                rows = where(tables["steps"], rule=rule, c=value, target=target)
                moved = one["eta"] / (value if rule == "gd" else 1.0)
                style.predicted(axes, moved, one["needed"], number, linestyle="-", linewidth=0.8)
                look: dict[str, Any] = {"marker": markers[value], "markersize": 4.5}
                if axes is panels[-1] and value == 1.0:
                    look["label"] = label
                style.computed(axes, rows["eta"], rows["needed"], number, **look)
        for edge in tables["edges"]["edge"]:
            axes.axvline(edge, color=style.series(0)["color"], linestyle=":", linewidth=0.8)
        axes.set(xscale="log", yscale="log", xlim=(8e-3, 13.0))
        axes.set(xlabel="step size η (GD: weight²/loss, others: weight)", ylabel="steps")
        axes.set_ylim(2, 500)
        plain_ticks(axes.yaxis, (3, 10, 30, 100, 300))
        axes.set_title(f"loss down to {target:g} of its start")
    style.legend_outside(panels[-1])
    looks = {f"loss times {value:g}": COMPUTED | {"marker": markers[value]} for value in SCALES}
    key(panels[-1], **looks, **{"c = 1, moved by 1/c": {"linestyle": "-"}, "2/(c L)": {"linestyle": ":"}})
    return figure
