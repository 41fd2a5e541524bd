"""The curvature of two small networks, measured: how it grows with length, in which directions, for which spectra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import note, reference
from figures.gallery.tables import table, where
from figures.isotropic_curvature._network_measures import BOUNDS, DECADES, measured, steepest
from figures.isotropic_curvature._networks import (
    FLAT,
    GRADIENT,
    OPTIMISERS,
    OWN,
    POLAR,
    SINGLE,
    SIZES,
    Layer,
    checkpoints,
    held_out_loss,
    one,
    problems,
    trained,
)
from labs.core.arrays import Backend
from labs.isotropic_curvature.measure import CLEAR
from theory.isotropic_curvature import ICM_R1, ICM_R2, ICM_R3, ICM_N1a, ICM_N1c

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Curvature of two small networks: quadratic, then faster along random directions, and not isotropic"
CAPTION = """
A tanh perceptron and a one-block character transformer, trained in float64 by SGD, Adam and Muon (the exact polar
factor; the rate is the best of a grid, table "grid"), several seeds, measured on data held out, after the run with
the lowest loss.  One matrix W is moved by r D, |D|_F^2 = n, and what is shown is the even part of the loss,
(L(W + rD) + L(W - rD))/2 - L(W).  Top left: against the length, as in the paper (first seed; shaded, the range of
the random directions with a flat spectrum).  Top middle: local slopes along those, median and range of the seeds.
They are 2 up to a tenth of the matrix's own length, rise above 2 as that length is neared, and end below 2, since
the losses saturate.  Top right: along G itself they leave 2 at shorter lengths, downwards as often as upwards
(thin: single seeds).  Bottom left: random directions of one spectrum differ by less than their mean (lines: relative
standard deviation), but the curvature along G, and along its polar factor, is from five to more than a hundred times
that of random directions with the same spectrum (markers; medians of the seeds).  Bottom middle: the H read off along
flat directions predicts the mean over random directions with other spectra, each in units of its value at the least
length (bars: 95 % for the directions sampled).  For a matrix that each sample's loss sees through one vector that is
a theorem (weight1, query, merge, up; not key), and at short lengths it is one for every matrix.  Bottom right: slopes
above 2 come with training, under every optimiser, and in the perceptron they grow as the loss falls.
"""
CLAIMS = (ICM_R1, ICM_R2, ICM_R3, ICM_N1a, ICM_N1c)
# A curve whose sign is not sure has no slope, a single direction no interval; a prediction ends where H does.
GAPS = (
    "growth.slope",
    "slopes.slope",
    "slopes.half",
    "isotropy.spread",
    "isotropy.gradient",
    "isotropy.polar",
    *(f"fit.{column}" for column in BOUNDS),
    "spectra.ratio",
    "spectra.half",
)

REPORTED = (2.2, 2.5)  # local slopes of GPT-2 small beyond its quadratic range, as told of the paper
RANDOM = {FLAT: "random, flat", OWN: "random, spectrum of G", SINGLE: "random, rank one"}
SHOWN = RANDOM | {GRADIENT: "G", POLAR: "polar factor of G"}

Names = dict[tuple[str, str], int]  # (network, matrix) -> number of its colour


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "grid" (of rates), "growth" (along training); at the end even, slopes, isotropy, fit and spectra."""
    names = ("grid", "growth", "even", "slopes", "isotropy", "fit", "spectra")
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    size = SIZES[scale]
    for problem in problems(scale):
        ends = {}
        for optimiser in OPTIMISERS:
            run = trained(problem, optimiser, backend)
            final = held_out_loss(problem, run.checkpoints[problem.steps], backend)
            best = int(np.argmin(np.mean(final, axis=1)))
            same = {"network": problem.name, "optimiser": optimiser}
            for rate, loss in zip(problem.rates[optimiser], final, strict=True):
                rows["grid"].append(same | {"rate": rate, "seed": np.arange(size.seeds), "loss": loss})
            ends[float(np.mean(final[best]))] = one(run.checkpoints[problem.steps], best)
            for step in checkpoints(problem)[optimiser != "sgd" :]:  # all start from the same
                parameters = one(run.checkpoints[step], best)
                losses = held_out_loss(problem, parameters, backend)
                for seed in range(size.seeds):
                    layer = Layer(problem, one(parameters, seed), problem.layers[-1], seed, backend)
                    place = {"layer": layer.name, "seed": seed, "step": step, "loss": losses[seed]}
                    rows["growth"].append(same | place | steepest(layer, scale))
        parameters = ends[min(ends)]
        for seed in range(size.seeds):
            for name in problem.layers:
                layer = Layer(problem, one(parameters, seed), name, seed, backend)
                place = {"network": problem.name, "layer": name, "seed": seed}
                for which, blocks in measured(layer, scale).items():
                    rows[which] += [place | block for block in blocks]
    return {name: table(blocks) for name, blocks in rows.items()}


def draw(tables: Any) -> Figure:
    """As in the paper; slopes along random directions and along G; isotropy; one H for several spectra; training."""
    from figures.gallery import style

    figure, panels = style.panels(2, 3, width=15.0, height=8.4)
    slopes = tables["slopes"]
    pairs = dict.fromkeys(zip(slopes["network"].tolist(), slopes["layer"].tolist(), strict=True))
    names = {pair: number for number, pair in enumerate(pairs)}
    draw_even(panels[0], tables["even"], *list(names)[-1])
    draw_slopes(panels[1], slopes, FLAT, names)
    draw_slopes(panels[2], slopes, GRADIENT, names)
    draw_isotropy(panels[3], tables["isotropy"], names)
    draw_spectra(panels[4], tables["spectra"], names)
    draw_growth(panels[5], tables["growth"])
    for panel in panels[:5]:
        panel.set(xscale="log", xlim=DECADES, xlabel="length $r$, in lengths of the matrix itself")
    style.legend_outside(panels[2], "matrix")
    return figure


def over_seeds(rows: Any, column: str, **equal: Any) -> tuple[np.ndarray, np.ndarray]:
    """The lengths, and a column as (seeds, lengths), of the rows with these values."""
    chosen = where(rows, **equal)
    values = [where(chosen, seed=seed)[column] for seed in np.unique(chosen["seed"])]
    return where(chosen, seed=chosen["seed"][0])["length"], np.stack(values)


def of_most(values: np.ndarray) -> np.ndarray:
    """(seeds, lengths) -> (3, lengths): median, least and largest, where most seeds have a value."""
    most = 2 * np.sum(np.isfinite(values), axis=0) > len(values)
    known = np.where(most, values, 0.0)
    return np.where(most, [f(known, axis=0) for f in (np.nanmedian, np.nanmin, np.nanmax)], np.nan)


def draw_even(axes: Axes, even: Any, network: str, layer: str) -> None:
    """One matrix of the first seed: means over random directions, the range of one spectrum, G, its polar factor."""
    from figures.gallery import style

    for number, (kind, label) in enumerate(SHOWN.items()):
        rows = where(even, network=network, layer=layer, seed=0, direction=kind)
        r, clear = rows["length"], rows["mean"] > CLEAR * rows["rounding"]
        if kind == FLAT:
            band = {"color": style.series(number)["color"], "alpha": 0.2, "linewidth": 0}
            axes.fill_between(r, rows["low"], rows["high"], where=rows["low"] > 0, **band)
            reference(axes, r, rows["mean"][0] * (r / r[0]) ** 2, label="slope 2", zorder=0)
        look = {"linestyle": "-", "linewidth": 0.8, "label": label}
        style.computed(axes, r, np.where(clear, rows["mean"], np.nan), number, **look)
    axes.set(
        yscale="log",
        ylabel="even part of the loss (nats)",
        title=f"{network}, {layer}",
    )
    axes.legend(loc="lower right")


def draw_slopes(axes: Axes, slopes: Any, kind: str, names: Names) -> None:
    """By matrix: the median of the seeds and their range."""
    from figures.gallery import style

    axes.axhspan(*REPORTED, color="0.9", linewidth=0)
    reference(axes, DECADES, [2, 2])
    for (network, layer), number in names.items():
        x, y = over_seeds(slopes, "slope", network=network, layer=layer, direction=kind)
        middle, low, high = of_most(y)
        colour = style.series(number)["color"]
        if kind == FLAT:
            axes.fill_between(x, low, high, where=np.isfinite(middle), color=colour, alpha=0.15, linewidth=0)
        else:
            axes.plot(x, y.T, color=colour, alpha=0.5, linestyle="-", linewidth=0.5, marker="")
        look = {"linestyle": "-", "linewidth": 0.8, "label": f"{network}, {layer}"}
        style.computed(axes, x, middle, number, **look)
    note(axes, "reported for GPT-2 small", (DECADES[0], 2.35), (4, -4))
    axes.set(ylabel="local slope of the even part", ylim=(0, 3.6), title=f"slope along: {SHOWN[kind]}")


def draw_isotropy(axes: Axes, isotropy: Any, names: Names) -> None:
    """How much random directions differ, and how far G and its polar factor are from them: medians over the seeds."""
    from figures.gallery import style

    reference(axes, DECADES, [1, 1])
    for (network, layer), number in names.items():
        for column in ("spread", "gradient", "polar"):
            x, y = over_seeds(isotropy, column, network=network, layer=layer)
            middle = of_most(np.where(y > 0, y, np.nan))[0]
            if column == "spread":
                style.predicted(axes, x, middle, number, linestyle="-", linewidth=1.0)
            else:
                filled = {} if column == "gradient" else {"markerfacecolor": style.series(number)["color"]}
                style.computed(axes, x, middle, number, markersize=3.5, **filled)
    grey: dict[str, Any] = {"color": "0.25", "linestyle": "", "marker": "o", "markersize": 3.5}
    axes.plot([], [], **grey, markerfacecolor="none", label="G / random, spectrum of G")
    axes.plot([], [], **grey, label="polar factor of G / random, flat")
    axes.plot([], [], color="0.25", linewidth=1.0, linestyle="-", marker="", label="spread of random, flat")
    axes.set(yscale="log", ylabel="ratio of even parts; relative deviation", title="isotropy")
    low, high = axes.get_ylim()
    axes.set_ylim(low, 30 * high)  # room for the legend
    axes.legend(loc="upper right")


def draw_spectra(axes: Axes, spectra: Any, names: Names) -> None:
    """Measured over predicted, for the spectra that H was not read off from: the seeds' mean with its interval."""
    from figures.gallery import style

    reference(axes, DECADES, [1, 1])
    for (network, layer), number in names.items():
        colour = style.series(number)["color"]
        if not np.any((spectra["network"] == network) & (spectra["layer"] == layer)):
            continue
        for kind, fill in ((OWN, "none"), (SINGLE, colour)):
            rows = {"network": network, "layer": layer, "direction": kind}
            x, ratio = over_seeds(spectra, "ratio", **rows)
            # A seed whose curvature is hardly of one sign says little; one without a prediction, nothing.
            weight = np.nan_to_num(1 / (over_seeds(spectra, "half", **rows)[1] ** 2 + 1e-6))
            total = np.where(np.any(weight > 0, axis=0), np.sum(weight, axis=0), np.nan)
            middle, half = np.sum(weight * np.nan_to_num(ratio), axis=0) / total, total**-0.5
            apart = x * 1.08 ** (number - 2)
            style.computed(axes, apart, middle, number, markersize=3.5, markerfacecolor=fill)
            axes.errorbar(apart, middle, half, color=colour, linestyle="", linewidth=0.7)
    grey: dict[str, Any] = {"color": "0.25", "linestyle": "", "marker": "o", "markersize": 3.5}
    axes.plot([], [], **grey, markerfacecolor="none", label="random, spectrum of G")
    axes.plot([], [], **grey, label="random, rank one")
    axes.set(ylabel="mean even part / prediction", ylim=(0.5, 1.5), title="one H for all spectra")
    axes.legend(loc="upper left")


def draw_growth(axes: Axes, growth: Any) -> None:
    """The largest local slope along flat random directions against the loss, along training."""
    from figures.gallery import style

    axes.axhspan(*REPORTED, color="0.9", linewidth=0)
    axes.axhline(2, color="0.55", linewidth=1.0)
    for number, (optimiser, label) in enumerate(OPTIMISERS.items()):
        for network in dict.fromkeys(growth["network"].tolist()):
            rows = where(growth, network=network, optimiser=optimiser)
            fill = style.series(number)["color"] if network == "transformer" else "none"
            look = {"markerfacecolor": fill, "label": f"{label}, {network}"}
            style.computed(axes, rows["loss"], rows["slope"], number, **look)
    axes.set(
        xscale="log", xlabel="held-out loss (nats)", ylabel="largest local slope", title="along training"
    )
    style.legend_outside(axes)
