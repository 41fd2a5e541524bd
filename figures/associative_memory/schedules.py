"""Optimiser and schedule: the best excess after T steps of GD, Muon and aligned sign descent, as a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.associative_memory._muon import ALPHA, memory, target, unit
from figures.gallery.tables import table, where
from labs.associative_memory.bounds import critical_step
from labs.associative_memory.margins import masses_of_power_law
from labs.associative_memory.schedules import constant, cosine, halving, polynomial
from labs.core.arrays import Backend
from labs.core.fit import phases
from theory.associative_memory import AML_T7b, AML_X3a, AML_X4b, AML_X4c, AML_X4d, AML_X4f, AML_X4g

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "What a schedule is worth: optimiser by schedule, each at its best step size"
CAPTION = """
16 groups of 10^4 items, masses a^-1.5, noise .2; the excess after T steps at the best peak step size of a grid (for
halving also at the best number of stages).  Every entry of the grid is a mean over nearby step sizes, so that no
resonance wins.  In brackets: the law of one group at that step size, for the rules that have one.  At a constant step
Muon keeps its law, (log K/T)^2, far ahead of GD at T = 50; by T = 200 GD has learned the last of the 16 groups and
left its power law.  Every decay gains orders of magnitude, most for GD: its best peaks are 5 to 50 times longer than
a constant step may be, rare groups are learned at once and frequent ones settle later, exponentially fast.  So the
gap at constant steps speaks of constant steps, not of schedules; and gradients are exact here.  Muon and aligned
sign descent (an oracle's basis) hardly differ.
"""
CLAIMS = (AML_T7b, AML_X3a, AML_X4b, AML_X4c, AML_X4d, AML_X4f, AML_X4g)

M, C, BETA = 16, 10_000, 1.5
TIMES = {"smoke": (12,), "quick": (50, 200), "full": (50, 200, 800)}
AVERAGED = {"smoke": 1, "quick": 8, "full": 16}
OPTIMISERS = {"gd": "GD", "muon": "Muon", "tra-signgd": "TRA-SignGD"}
SHAPES: dict[str, Callable[[int], np.ndarray]] = {
    "constant": constant,
    "linear": lambda T: polynomial(T, 1.0),
    "cosine": cosine,
}
SCHEDULES = (*SHAPES, "halving")
# What one group is left with, over (pi (1-pi)/6) eta_last^2 (AML-T7.b, AML-X4.b, AML-X4.f).
LAWS = {"constant": 1.0, "linear": 1.0, "cosine": 7.2}
REACH = (1.3, 2.2, 3.0, 4.0)  # the sum of Muon's steps over m*
STAGES = (5, 8, 12)
GD_STEPS = np.geomspace(0.3, 1000.0, 12)  # eta p_1 over the critical step
FLOOR = 1e-30  # below it the excess is rounding of the logits
GAPS = ("best.predicted",)  # GD and halving have no law of one group


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Table "best": a row per optimiser, schedule and T."""
    rows = []
    for T in TIMES[scale]:
        for rule in OPTIMISERS:
            for schedule in SCHEDULES:
                shapes = [SHAPES[schedule](T)] if schedule in SHAPES else [_halved(n, T) for n in STAGES]
                found = _best(rule, shapes, T, scale, backend)
                law = LAWS.get(schedule, np.nan) if rule != "gd" else np.nan
                law *= unit(M * C) * found["last"] ** 2
                rows.append({"T": T, "optimiser": rule, "schedule": schedule, **found, "predicted": law})
    return {"best": table(rows)}


def _halved(stages: int, T: int) -> np.ndarray:
    """T steps in `stages` stages; what does not divide is added to the last."""
    shape = halving(stages, max(1, T // stages))[:T]
    return np.concatenate([shape, np.full(T - shape.size, shape[-1])])


def _best(rule: str, shapes: list[np.ndarray], T: int, scale: str, backend: Backend) -> dict[str, Any]:
    """The least mean excess over peaks and shapes; the peak step and the last one (of the margin, for sign
    descent).
    """
    best_margin = target(M * C)
    if rule == "gd":
        p_first = masses_of_power_law(BETA, M)[0] / C
        peaks = [GD_STEPS * float(critical_step(float(M * C), ALPHA)) / p_first for _ in shapes]
    else:
        peaks = [np.array(REACH) * best_margin / np.sum(shape) for shape in shapes]
    nearby = 1.0 + 0.1 * phases(AVERAGED[scale])
    eta = np.stack(peaks)[:, :, None] * nearby  # (shapes, peaks, nearby)
    schedule = np.broadcast_to(np.stack(shapes)[:, None, None, :], (*eta.shape, T))
    of = memory(M, C, (BETA,), backend)
    run = of.simulate(
        backend.asarray(eta.reshape(1, -1) / (2.0 if rule == "tra-signgd" else 1.0)),
        T,
        rule,
        schedule=backend.asarray(schedule.reshape(1, -1, T)),
        last=True,
    )
    excess = np.mean(backend.to_numpy(run.excess)[0, :, -1].reshape(eta.shape), axis=-1)
    i, j = np.unravel_index(int(np.argmin(excess)), excess.shape)
    peak = float(peaks[i][j])
    return {"excess": max(float(excess[i, j]), FLOOR), "peak": peak, "last": peak * float(shapes[i][-1])}


def draw(tables: Any) -> Figure:
    """A table per T, coloured by the excess."""
    from figures.gallery import style

    rows = tables["best"]
    times = sorted(set(rows["T"].tolist()))
    figure, panels = style.panels(1, len(times), width=5.6 * len(times) + 0.8, height=3.6)
    levels = np.clip(np.log10(rows["excess"]), -16.0, None)
    for axes, T in zip(panels, times, strict=True):
        image = _draw_table(axes, where(rows, T=T), (float(levels.min()), float(levels.max())))
        axes.set_title(f"T = {T}")
    figure.colorbar(image, ax=panels, label="log$_{10}$ of the excess loss", shrink=0.9)
    return figure


def _draw_table(axes: Axes, rows: Any, limits: tuple[float, float]) -> Any:
    names = list(OPTIMISERS)
    excess, predicted = (
        rows[column].reshape(len(names), len(SCHEDULES)) for column in ("excess", "predicted")
    )
    levels = np.log10(excess)
    image = axes.imshow(levels, cmap="viridis", vmin=limits[0], vmax=limits[1], aspect="auto")
    for i in range(len(names)):
        for j in range(len(SCHEDULES)):
            text = f"{excess[i, j]:.1e}" if excess[i, j] > FLOOR else f"< {FLOOR:.0e}"
            if np.isfinite(predicted[i, j]):
                text += f"\n({predicted[i, j]:.1e})"
            dark = levels[i, j] < sum(limits) / 2
            axes.text(j, i, text, ha="center", va="center", color="white" if dark else "black", fontsize=9)
    axes.set_xticks(range(len(SCHEDULES)), list(SCHEDULES))
    axes.set_yticks(range(len(names)), [OPTIMISERS[name] for name in names])
    axes.set(xlabel="schedule (in brackets: the law of one group)", ylabel="optimiser")
    axes.grid(False)
    return image
