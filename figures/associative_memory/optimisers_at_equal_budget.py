"""Five optimisers, the same number of steps: the loss along the run, and what each group has learned at its end."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.associative_memory._dense import LABELS, Problem, runs, settled, tuned
from figures.gallery.tables import table, where
from labs.associative_memory.descent import gd_margins
from labs.associative_memory.margins import item_excess, item_loss, margin_drift, optimal_margin
from labs.core.arrays import Backend
from theory.associative_memory import AML_T2a, AML_T10a, AML_T10c, AML_X8c

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Five optimisers at equal budget"
CAPTION = """
M groups of 4 facts with masses a^-2 (steep: p_1/p_M = M^2), full gradients, W = 0, K facts.  Without noise (left) the
steps are set: 1/p_1 for GD, 0.1 for Muon, 0.1 sqrt(K - 1) for normalised GD (Muon's Frobenius norm), 0.05 for both
sign methods; a longer step is always better there.  Lines are the theory: the scalar recursion of each item for GD,
m + 2 eta sgn g(m) for sign descent in the task basis, which Muon follows at twice the step.  Random bases do no harm
here: they even move the margins faster, by about sqrt(2 K/pi) eta a step.  With label noise 0.2 (middle) each method
has the best constant step of a grid, by the largest excess of the last tenth of the run, so that neither a resonance
nor a lucky moment is picked.  Now signs in random bases mix the items: like GD and normalised GD they leave the tail
unlearned, and one group's margins scatter; Muon and sign descent in the task basis bring all groups to m*.  Right:
how the excess depends on the step (in units of m*/T; of 1/p_1 for GD).  The order is no law: for a mild spectrum
(below; 8 groups of 8, masses a^-1.5) GD near its stability threshold 2/(alpha pi p_1) is far ahead of all.
"""
CLAIMS = (AML_T2a, AML_T10a, AML_T10c, AML_X8c)

# Groups, their size, steps, points of a grid.
SCALES = {"smoke": (4, 4, 30, 4), "quick": (24, 4, 100, 24), "full": (48, 4, 200, 32)}
MILD = {"smoke": (2, 4, 30, 4), "quick": (8, 8, 200, 16), "full": (8, 8, 200, 48)}
BETA, MILD_BETA, NOISE = 2.0, 1.5, 0.2
RULES = tuple(LABELS)


def unit(rule: str, problem: Problem, steps: int) -> float:
    """What the steps of the grids are multiples of."""
    return (
        1 / float(np.max(problem.frequencies))
        if rule == "gd"
        else optimal_margin(problem.facts, NOISE) / steps
    )


def grid(rule: str, points: int) -> np.ndarray:
    low, high = {
        "gd": (0.1, 40.0),
        "ngd": (1.0, 100.0),
        "signgd": (0.1, 3.0),
        "tra-signgd": (0.52, 5.0),
        "muon": (1.05, 10.0),
    }[rule]
    return np.geomspace(low, high, points)


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "excess" (alpha, rule, t), "margins" (alpha, rule, item), "grid" (spectrum, rule, eta), "theory"."""
    M, C, steps, points = SCALES[scale]
    steep = Problem(M, C, BETA)
    K = steep.facts
    group = np.repeat(np.arange(1.0, M + 1), C)
    t = np.arange(steps + 1.0)
    excesses, margins, grids, theory = [], [], [], []
    for rule in RULES:
        one = {"gd": unit("gd", steep, steps), "ngd": 0.1 * (K - 1) ** 0.5, "muon": 0.1}.get(rule, 0.05)
        for alpha, eta in ((0.0, np.array([one])), (NOISE, unit(rule, steep, steps) * grid(rule, points))):
            excess, final = runs(steep, alpha, eta, steps, rule, backend)
            best = tuned(excess)
            row = {"alpha": alpha, "rule": rule, "eta": eta[best]}
            excesses.append(row | {"t": t, "excess": excess[best]})
            margins.append(row | {"group": group, "margin": final[best]})
            if rule in ("gd", "tra-signgd"):
                theory.append(
                    row | {"t": t, "excess": predicted(rule, steep, alpha, float(eta[best]), steps)}
                )
        grids.append(
            {"spectrum": "steep", "rule": rule, "step": grid(rule, points), "excess": settled(excess)}
        )
        M2, C2, steps2, points2 = MILD[scale]
        mild = Problem(M2, C2, MILD_BETA)
        found, _ = runs(mild, NOISE, unit(rule, mild, steps2) * grid(rule, points2), steps2, rule, backend)
        grids.append(
            {"spectrum": "mild", "rule": rule, "step": grid(rule, points2), "excess": settled(found)}
        )
    return {name: table(rows) for name, rows in zip(TABLES, (excesses, margins, grids, theory), strict=True)}


TABLES = ("excess", "margins", "grid", "theory")


def predicted(rule: str, problem: Problem, alpha: float, eta: float, steps: int) -> np.ndarray:
    """The excess by the scalar recursions, (T + 1,)."""
    K = problem.facts
    if rule == "gd":
        m = gd_margins(problem.masses / problem.size, K, alpha, eta, steps)
    else:
        walk = [0.0]
        for _ in range(steps):
            walk.append(walk[-1] + 2 * eta * math.copysign(1.0, float(margin_drift(walk[-1], K, alpha))))
        m = np.array(walk)[:, None]
    loss = item_loss(m, K, 0.0) if alpha == 0.0 else item_excess(m - optimal_margin(K, alpha), K, alpha)
    return np.sum(problem.masses * loss, axis=-1)


def draw(tables: Any) -> Figure:
    """Above the excess along the run, below the margins at its end, without noise and with it; right the grids."""
    from figures.gallery import style

    figure, panels = style.panels(2, 3, width=17.6, height=8.0)
    for column, alpha in enumerate((0.0, NOISE)):
        _draw_runs(panels[column], tables, alpha, style)
        _draw_margins(panels[3 + column], tables, alpha, style)
    for axes, spectrum in ((panels[2], "steep"), (panels[5], "mild")):
        for number, rule in enumerate(RULES):
            rows = where(tables["grid"], spectrum=spectrum, rule=rule)
            look = {"linestyle": "-", "linewidth": 0.8, "label": LABELS[rule]}
            style.computed(axes, rows["step"], rows["excess"], number, **look)
        axes.set(xscale="log", yscale="log", ylim=(1e-7, 10), ylabel="excess, last tenth of T steps (nats)")
        axes.set(
            xlabel="step size in m*/T (GD: in 1/p$_1$)", title=f"label noise {NOISE:g}, {spectrum} spectrum"
        )
    style.legend_outside(panels[2], "markers: computed")
    _key(panels[5])
    return figure


def _draw_runs(axes: Axes, tables: Any, alpha: float, style: Any) -> None:
    for number, rule in enumerate(RULES):
        rows = where(tables["excess"], alpha=alpha, rule=rule)
        sparse = slice(number, None, max(1, rows["t"].size // 25))
        style.computed(axes, rows["t"][sparse], rows["excess"][sparse], number, label=LABELS[rule])
        known = where(tables["theory"], alpha=alpha, rule=rule)
        if known["t"].size:
            style.predicted(axes, known["t"], known["excess"], number, linestyle="-", linewidth=1.0)
    axes.set(yscale="log", xlabel="step t", ylabel="loss above its minimum (nats)")
    axes.set_ylim(bottom=1e-6 if alpha else None)
    axes.set_title(f"label noise {alpha:g}: the best step of a grid" if alpha else "no noise, steps as set")


def _draw_margins(axes: Axes, tables: Any, alpha: float, style: Any) -> None:
    groups = np.unique(tables["margins"]["group"])
    for number, rule in enumerate(RULES):
        rows = where(tables["margins"], alpha=alpha, rule=rule)
        shift = 0.14 * (number - 2)
        style.computed(axes, rows["group"] + shift, rows["margin"], number, alpha=0.7)
    if alpha:
        best = optimal_margin(rows["margin"].size, alpha)
        axes.axhline(best, color="0.4", linestyle=":", linewidth=1.2, marker="")
    axes.set(xlabel="group a (1: the most frequent)", ylabel="margin at the end (nats)")
    shown = groups[:: max(1, groups.size // 8)]
    axes.set_xticks(shown, [f"{a:g}" for a in shown])


def _key(axes: Axes) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [],
            [],
            color="0.25",
            linestyle="-",
            linewidth=1.0,
            marker="",
            label="scalar recursions\n(GD, TRA-SignGD)",
        ),
        Line2D([], [], color="0.4", linestyle=":", marker="", label="best margin m*"),
    ]
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)
