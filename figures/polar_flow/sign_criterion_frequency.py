"""How often measurements that know nothing of W let its spectrum flatten: frequency, law, normal approximation."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key, plain_ticks
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.sweep import results, run
from labs.polar_flow import criterion
from labs.polar_flow.spreads import spread
from labs.polar_flow.sweeps import MODELS, RANK, SIGN_CRITERION
from theory.polar_flow import POL_X3_b, POL_X3_c, POL_X3_f, POL_X3_g, POL_X3_h, POL_X3_i

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Random measurements let a spectrum flatten only where it is nearly flat already"
CAPTION = """
How often the sign criterion sum alpha_i q_i <= 0 holds for the entropy at the start of the self-polar flow, for ten
singular values exp(-decay i).  First panel: the frequency in the sweep, 10 x 10 matrices with Gaussian
measurements; the lines are levels of the exact law (an integral), which it knows nothing of.  Second: what the
normal approximation with the exact mean and variance makes of it, as a difference to the exact law: it is too large
by up to 0.03 where the spectrum is steep and nearly everything is measured.  Third: the same against the decay for
three ensembles (points, with one standard error) and three numbers of measurements; solid: exact law of sensing,
dashed: normal approximation for sensing, dotted: for regression (d = 20).  All of them tend to 1/2 (thin line) for
flat spectra, whatever is measured.
"""
CLAIMS = (POL_X3_b, POL_X3_c, POL_X3_f, POL_X3_g, POL_X3_h, POL_X3_i)

_FULL = SIGN_CRITERION.at("full")
SWEEPS = {
    "smoke": SIGN_CRITERION.at("quick").with_axes(
        fraction=[0.5, 0.9], replicate=range(2), decay=[0.003, 0.05, 0.5]
    ),
    "quick": SIGN_CRITERION.at("quick"),
    "full": _FULL.with_axes(spectrum=["geometric"]),
}
CUTS = (0.1, 0.5, 0.9)
LEVELS = (0.01, 0.1, 0.2, 0.3, 0.4)
CURVE = {"smoke": 7, "quick": 40, "full": 120}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "cells" (a row per model, fraction, decay: how often, of how many draws, predictions) and "curves"."""
    sweep = SWEEPS[scale]
    with tempfile.TemporaryDirectory() as store:
        run(sweep, store=store, backend=backend.name)
        found = results(sweep, store=store, backend=backend.name)
    held = found["entropy"].squeeze(["spectrum", "draws"], drop=True)
    draws = int(found.draws.values[0]) * held.sizes["replicate"]
    counts = held.sum("replicate").to_dataframe().reset_index()
    cells = {name: counts[name].to_numpy() for name in ("fraction", "decay")}
    cells["model"] = counts["model"].to_numpy().astype(str)
    cells["frequency"] = counts["entropy"].to_numpy() / draws
    cells["draws"] = np.full(cells["decay"].size, draws)
    exact = {(f, d): law(f, d) for f, d in set(zip(cells["fraction"], cells["decay"], strict=True))}
    pairs = list(zip(cells["fraction"], cells["decay"], strict=True))
    cells["law"] = np.array([exact[pair] for pair in pairs])
    cells["normal"] = np.array([normal("sensing", f, d) for f, d in pairs])
    decays = np.geomspace(cells["decay"].min(), cells["decay"].max(), CURVE[scale])
    curves = [
        {
            "fraction": fraction,
            "decay": decays,
            "law": np.array([law(fraction, d) for d in decays]),
            "normal": np.array([normal("sensing", fraction, d) for d in decays]),
            "regression": np.array([normal("regression", fraction, d) for d in decays]),
        }
        for fraction in CUTS
        if fraction in cells["fraction"]
    ]
    return {"cells": cells, "curves": table(curves)}


def gradient(decay: float) -> np.ndarray:
    """q of the entropy."""
    return spread(np.exp(-decay * np.arange(float(RANK))), "entropy")[1]


def law(fraction: float, decay: float) -> float:
    """The exact probability for Gaussian sensing."""
    n = RANK * RANK
    return criterion.sensing_probability(gradient(decay), round(fraction * n), n)


def normal(model: str, fraction: float, decay: float) -> float:
    """The normal approximation."""
    q = gradient(decay)
    total, squares = float(np.sum(q)), float(q @ q)
    if model == "regression":
        n = 2 * RANK
        variance = criterion.regression_variance(n, round(fraction * n), total, squares)
    else:
        n = RANK * RANK
        variance = criterion.sensing_variance(n, round(fraction * n), RANK, total, squares)
    return criterion.normal_probability((1 - round(fraction * n) / n) * total, variance)


def draw(tables: Any) -> Figure:
    """The map, the error of the normal approximation, and cuts."""
    from figures.gallery import style

    figure, (left, middle, right) = style.panels(1, 3, width=15.4, height=4.5)
    cells = where(tables["cells"], model="sensing")
    fractions, decays = np.unique(cells["fraction"]), np.unique(cells["decay"])
    grids = {
        name: cells[name].reshape(fractions.size, decays.size) for name in ("frequency", "law", "normal")
    }
    mesh = left.pcolormesh(decays, fractions, grids["frequency"], vmin=0, vmax=0.5, shading="nearest")
    lines = left.contour(decays, fractions, grids["law"], levels=LEVELS, colors="white", linewidths=1.0)
    left.clabel(lines, fmt="%g", fontsize="small")
    figure.colorbar(mesh, ax=left, label="frequency of the criterion")
    left.set_title("frequency (colour), exact law (lines)")
    difference = grids["normal"] - grids["law"]
    mesh = middle.pcolormesh(
        decays, fractions, difference, cmap="PuOr", vmin=-0.03, vmax=0.03, shading="nearest"
    )
    figure.colorbar(mesh, ax=middle, label="normal approximation − exact law")
    middle.set_title("where the normal approximation errs")
    for panel in (left, middle):
        panel.set(xscale="log", xlabel="decay of the spectrum", ylabel="share of measurements, p/(mn)")
        plain_ticks(panel.xaxis, (0.003, 0.01, 0.03, 0.1, 0.3, 1))
        panel.grid(False)
    _draw_cuts(right, tables, style)
    return figure


def _draw_cuts(axes: Axes, tables: Any, style: Any) -> None:
    markers = dict(zip(MODELS, ("o", "s", "^"), strict=True))
    axes.axhline(0.5, color="0.55", linewidth=0.8)
    shown = [f for f in CUTS if f in tables["curves"]["fraction"]]
    for number, fraction in enumerate(shown):
        curve = where(tables["curves"], fraction=fraction)
        style.predicted(axes, curve["decay"], curve["law"], number, linestyle="-", label=f"{fraction:g}")
        style.predicted(axes, curve["decay"], curve["normal"], number, linestyle="--", linewidth=1.0)
        style.predicted(axes, curve["decay"], curve["regression"], number, linestyle=":", linewidth=1.2)
        for model in MODELS:
            points = where(tables["cells"], model=model, fraction=fraction)
            share = points["frequency"]
            axes.errorbar(
                points["decay"],
                share,
                np.sqrt(share * (1 - share) / points["draws"]),
                color=style.series(number)["color"],
                linestyle="",
                marker=markers[model],
                markerfacecolor="none",
                elinewidth=0.8,
            )
    axes.set(
        xscale="log",
        xlabel="decay of the spectrum",
        ylabel="probability of the criterion",
        ylim=(-0.01, 0.56),
    )
    plain_ticks(axes.xaxis, (0.003, 0.01, 0.03, 0.1, 0.3, 1))
    axes.set_title("three ensembles")
    style.legend_outside(axes, "p/(mn)")
    looks = {model: COMPUTED | {"marker": markers[model]} for model in MODELS}
    key(
        axes,
        **looks,
        exact_law={"linestyle": "-"},
        normal={"linestyle": "--", "linewidth": 1.0},
        **{"normal, regression": {"linestyle": ":"}},
    )
