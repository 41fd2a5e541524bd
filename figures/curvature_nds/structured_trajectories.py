"""Sharpness and loss along runs on the structured quadratic: GD, sign descent, Adam, Muon, and better step rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.curvature_nds._spectra import decades, decimal_logs
from figures.gallery.marks import note, plain_ticks, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.spectrum import haar, power_law
from labs.core.streams import stream
from labs.curvature_nds import levels, spectra
from labs.curvature_nds.baselines import conjugate_gradients, entrywise_descent
from labs.curvature_nds.quadratic import descend
from theory.curvature_nds import NDS_X4a, NDS_X4d, NDS_X5i, NDS_X7a, NDS_X14a, NDS_X15a, NDS_X15c

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "A lower sharpness all the way, and a lower loss for a while"
CAPTION = """
Left and middle: q paired modes of curvature 1/i^1.3, gradients its square root, in random frames (sign descent and
Adam: median of the seeds, shaded: their range); exact line search unless another step is named.  Muon's sharpness
is the mean curvature at every step; that of GD, averaged over the steps so far, is soon the middle of the largest
and the smallest curvature; sign descent lies between, and Adam's direction, an average over past gradients, ends
below Muon's. Muon's loss is far below GD's for hundreds of steps; but one mode lags, the loss falls at the slow
rate that theory gives (thin line), and GD overtakes (at step 1031 for q = 88).  Halving the steps instead of
searching them removes that; theory's bound is the thin line.  Conjugate gradients are what any method in the span
of the gradients could reach.  Right: two levels (1 mode of 4 on the high one, ratio of curvatures 12, of gradients
2).  GD and Muon with line search follow their closed forms (lines); GD with the two steps 1/w_H and 1/w_L, and
conjugate gradients, are exact after two steps.  So the comparison of GD with Muon is one of greedy step rules.
"""
CLAIMS = (NDS_X4a, NDS_X4d, NDS_X5i, NDS_X7a, NDS_X14a, NDS_X15a, NDS_X15c)

SIZES = {"smoke": (12, 8, 40, 40, 2), "quick": (96, 88, 1500, 300, 3), "full": (128, 88, 3000, 1000, 20)}
DECAY = 1.3
LOWEST = -16.0  # losses are shown down to 10^-16 of the first one
M, Q, RHO, S = 1, 4, 12.0, 2.0
TWO_LEVEL_STEPS = 16

LABELS = {
    "gd": "GD",
    "sign": "sign descent",
    "adam": "Adam",
    "muon": "Muon",
    "halving": "Muon, halving steps",
    "cg": "conjugate gradients",
    "two steps": "GD, steps $1/w_H$, $1/w_L$",
}
NUMBERS = {"gd": 0, "muon": 1, "halving": 2, "sign": 3, "adam": 4, "cg": 6, "two steps": 5}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "runs" (rule, seed, step), "lines" (theory), "levels" (two levels) and "constants"."""
    d, q, steps, few, seeds = SIZES[scale]
    w = power_law(q, DECAY)
    on = backend.asarray
    array = on(w), on(np.sqrt(w))
    rows = list(_modewise(array, steps, backend))
    frames = [
        np.stack([haar(d, stream(side, seed), columns=q) for seed in range(seeds)]) for side in ("u", "v")
    ]
    for rule in ("sign", "adam"):
        found = entrywise_descent(array[0], array[1], on(frames[0]), on(frames[1]), rule, few)
        nds, logs = backend.to_numpy(found.nds), decimal_logs(backend.to_numpy(found.log_loss), LOWEST)
        rows += [
            _run(rule, seed, logs[seed], np.cumsum(nds[seed]) / np.arange(1, few + 1))
            for seed in range(seeds)
        ]
    runs = table(rows)
    muon = where(runs, rule="muon")["loss"]
    rate = float(spectra.laggard_rate(w, np.sqrt(w))) / np.log(10.0)
    start = float(np.sum(np.sqrt(w) ** 2 / w)) / 2  # Phi_0
    D = float(np.max(np.sqrt(w) / w))
    T = np.arange(steps + 1)
    bound = np.log10(spectra.geometric_bound(np.sum(w), D, 0, 0.5) / start) - T * np.log10(4.0)
    lines = table(
        [
            {"line": "laggard", "t": T[1:], "loss": muon[-1] + rate * (steps - T[1:])},
            {"line": "bound", "t": T[1:], "loss": np.maximum(bound[1:], LOWEST)},
        ]
    )
    behind = 1 + np.flatnonzero(muon >= where(runs, rule="gd")["loss"])
    constants = {
        "mean": np.array([np.mean(w)]),
        "middle": np.array([(w[0] + w[-1]) / 2]),
        "crossing": np.array([float(behind[0]) if behind.size else 0.0]),
    }
    return {"runs": runs, "lines": lines, "levels": _levels(backend), "constants": constants}


def _run(rule: str, seed: int, logs: np.ndarray, mean_nds: np.ndarray) -> dict[str, Any]:
    """Rows of one run from its first step on: loss after t steps, mean NDS of these."""
    return {"rule": rule, "seed": seed, "t": np.arange(1, len(logs)), "loss": logs[1:], "nds": mean_nds}


def _modewise(array: tuple[Any, Any], steps: int, on: Backend) -> Iterator[dict[str, Any]]:
    for name, rule, step in (
        ("gd", "gd", "line-search"),
        ("muon", "muon", "line-search"),
        ("halving", "muon", "halving"),
    ):
        found = descend(*array, rule, steps, step)
        nds = on.to_numpy(found.nds)
        logs = decimal_logs(on.to_numpy(found.log_loss), LOWEST)
        yield _run(name, 0, logs, np.cumsum(nds) / np.arange(1, steps + 1))
    with np.errstate(divide="ignore"):
        logs = np.log(np.abs(on.to_numpy(conjugate_gradients(*array, min(steps, 3 * len(array[0]))))))
    shown = decimal_logs(logs, LOWEST)
    yield _run("cg", 0, shown, np.zeros(len(shown) - 1))


def _levels(on: Backend) -> dict[str, np.ndarray]:
    """Losses on two levels, computed; and the closed forms of GD and Muon."""
    high = np.arange(Q) < M
    w, sigma = on.asarray(np.where(high, RHO, 1.0)), on.asarray(np.where(high, S, 1.0))
    T = TWO_LEVEL_STEPS
    inverse = on.asarray([1.0 / RHO, 1.0] + [0.0] * (T - 2))
    rules: dict[str, tuple[str, Any]] = {
        "gd": ("gd", "line-search"),
        "muon": ("muon", "line-search"),
        "halving": ("muon", "halving"),
        "two steps": ("gd", inverse),
    }
    forms = levels.two_level(M, Q, RHO, S)
    rows = []
    for name, (rule, step) in rules.items():
        logs = decimal_logs(on.to_numpy(descend(w, sigma, rule, T, step).log_loss), LOWEST)
        form = {"gd": forms.loss_gd, "muon": forms.loss_muon}.get(name)
        predicted = [np.log10(float(form(t))) if form else 0.0 for t in range(T + 1)]
        rows.append(
            {"rule": name, "t": np.arange(T + 1), "loss": logs, "closed": np.maximum(predicted, LOWEST)}
        )
    with np.errstate(divide="ignore"):
        logs = np.log(np.maximum(on.to_numpy(conjugate_gradients(w, sigma, T)), 0.0))
    # Rounding is no loss: 4 modes, 2 steps.
    logs = np.where(logs < logs[0] - 60.0, -np.inf, logs)
    rows.append({"rule": "cg", "t": np.arange(T + 1), "loss": decimal_logs(logs, LOWEST), "closed": 0.0})
    return table(rows)


def draw(tables: Any) -> Figure:
    """Mean sharpness, loss, and two levels."""
    from figures.gallery import style

    figure, panels = style.panels(1, 3, width=15.0, height=4.6)
    runs, constants = tables["runs"], tables["constants"]
    sharpness, loss, levels = panels
    for column, axes in (("nds", sharpness), ("loss", loss)):
        for rule, number in NUMBERS.items():
            rows = where(runs, rule=rule)
            if rows["t"].size and (rule, column) not in {("cg", "nds"), ("halving", "nds")}:
                _lines(axes, rows, column, number, rule)
    grey: dict[str, Any] = {"color": "0.35", "linewidth": 0.9, "linestyle": "-"}
    loss.set(xscale="log", xlabel="steps T", ylabel="loss after T steps over the loss at the start")
    sharpness.set(xscale="log", yscale="log", xlabel="steps T")
    sharpness.set_ylabel("mean NDS of the first T steps (largest curvature = 1)")
    for name, text in (("mean", "mean curvature"), ("middle", "middle of the spectrum")):
        value = float(constants[name][0])
        sharpness.axhline(value, **grey)
        note(sharpness, text, (sharpness.get_xlim()[1], value), (-2, 4), ha="right")
    plain_ticks(sharpness.yaxis, (0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5))
    for name, rule, first in (("laggard", "muon", 0.1), ("bound", "halving", 0.0)):
        rows = where(tables["lines"], line=name)
        shown = rows["t"] >= first * rows["t"][-1]
        color = style.series(NUMBERS[rule])["color"]
        reference(loss, rows["t"][shown], rows["loss"][shown], color=color, linewidth=0.8)
    crossing = float(constants["crossing"][0])
    if crossing:
        loss.axvline(crossing, **(grey | {"linestyle": ":"}))
        note(loss, f"GD\nahead\nfrom\nstep\n{crossing:.0f}", (crossing, -0.2), (4, 0), va="top")
        loss.set_xlim(right=6 * crossing)
    loss.set_ylim(-8.2, 0.4)
    decades(loss.yaxis, range(-8, 1, 2))
    sharpness.set_title("sharpness")
    loss.set_title("loss")
    for rule in ("gd", "muon", "halving", "two steps", "cg"):
        rows = where(tables["levels"], rule=rule)
        number = NUMBERS[rule]
        shown = rows["loss"] > LOWEST
        if rule in ("gd", "muon"):
            style.predicted(levels, rows["t"], rows["closed"], number)
            style.computed(levels, rows["t"], rows["loss"], number, label=LABELS[rule])
        else:
            look = {"linestyle": "-", "linewidth": 0.8}
            style.computed(levels, rows["t"][shown], rows["loss"][shown], number, label=LABELS[rule], **look)
        if not shown.all() and rule in ("two steps", "cg"):
            end = rows["t"][shown][-1]
            levels.plot(
                [end, end + 1], [rows["loss"][shown][-1], -9.4], **_fall(style.series(number)["color"])
            )
    note(levels, "exact at T = 2", (2, -8.2), (6, 0))
    levels.set(xlabel="steps T", ylabel="loss after T steps over the loss at the start", ylim=(-9.2, 0.4))
    decades(levels.yaxis, range(-8, 1, 2))
    levels.set_title("two levels")
    _legend(figure, panels)
    return figure


def _fall(color: str) -> dict[str, Any]:
    return {"color": color, "linestyle": ":", "linewidth": 1.0, "marker": ""}


def _lines(axes: Axes, rows: dict[str, np.ndarray], column: str, number: int, rule: str) -> None:
    """The median over seeds, and their range."""
    from figures.gallery import style

    values = np.stack([where(rows, seed=seed)[column] for seed in np.unique(rows["seed"])])
    t = where(rows, seed=rows["seed"][0])["t"]
    look = style.series(number) | {"marker": "", "linewidth": 1.8}
    axes.plot(t, np.median(values, axis=0), label=LABELS[rule], **look)
    if len(values) > 1:
        axes.fill_between(
            t, values.min(axis=0), values.max(axis=0), color=look["color"], alpha=0.25, linewidth=0
        )


def _legend(figure: Figure, panels: list[Axes]) -> None:
    """One legend for all panels, to the right."""
    handles: dict[str, Any] = {}
    for axes in panels[1:]:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    panels[-1].legend(
        handles.values(), handles.keys(), loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0
    )
