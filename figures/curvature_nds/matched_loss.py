"""Adam against Muon at equal loss on a small language model: gain, penalty, norm and sharpness of single steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.curvature_nds._language import (
    BATCHES,
    OPTIMISERS,
    SIZES,
    Row,
    best_rate,
    by_seed,
    grid_of,
    host,
    matched,
    median_and_range,
    problem,
    rows_of,
    tuned,
)
from figures.gallery.marks import COMPUTED, key, plain_ticks, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.curvature_nds.one_step import taylor
from theory.curvature_nds import NDS_E1, NDS_E2, NDS_E3, NDS_D1a

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = (
    "Adam and Muon at equal loss: what one step gains, what curvature takes, and how sharp its direction is"
)
CAPTION = """
A trigram perceptron without biases (14848 parameters, two tanh layers of 64) on 40000 words of Zipf text, batches
of 256, 500 steps, five seeds (half as wide, 150 steps, three seeds at quick scale).  Adam on everything, or Muon
(exact polar factor, Nesterov momentum 0.95, entries of the size of Adam's) on the two hidden matrices and Adam on
the rest; same starts, data and rates.  Curves: each optimiser at the best rate of its grid, at losses that all runs
went through; bands are the range of the seeds, and values that are not positive are left out.  Decrease: points are
realised, lines are gain minus penalty, and can hardly be told apart.  Bottom right: means at equal loss and equal
rate, Adam's over Muon's (medians of the seeds).  At every rate at which both are stable, on both batches and for
both exponents, Adam's penalty is two to five times Muon's (more at quick scale's smallest rate) and its sharpness
two to three times (reported: 1.76), at squared norms that differ little: 1.4 at the smallest rate, 0.85 to 1 else.
But its gain is the larger one too, by a half at the smallest rate, and its steps decrease the loss as much or more;
Muon's decrease more in some of the cells with rates of 0.02 and above, most of them on held-out data.  At the best
rates Adam's validation loss is the lower one here, by 0.004 to 0.02 nats.
"""
CLAIMS = (NDS_D1a, NDS_E1, NDS_E2, NDS_E3)

EXPONENTS = (0.0, 1.0)
TITLES = {
    "gain": "first-order gain",
    "penalty": "curvature penalty",
    "norm2": "squared norm",
    "nds": "sharpness",
}
QUANTITIES = {
    "gain": "gain $I_1$",
    "penalty": "penalty $I_2$",
    "realised": "decrease",
    "norm2": "$|Z|^2$",
    "nds": "NDS",
}
HIDDEN_NDS = "hidden_nds"
REPORTED = 1.76


def measure(of: Any, optimiser: str, backend: Backend) -> Any:
    """A row for each batch: the whole update's Taylor terms, and the sharpness of its part in the hidden matrices."""
    network = of.network

    def look(point: Any, held_out: Any) -> list[Row]:
        rows = []
        update = point.updates[optimiser]
        hidden = {name: update[name] for name in network.hidden_matrices}
        for batch, tokens in zip(BATCHES, (held_out, point.data[0]), strict=True):

            def loss(p: Any, tokens: Any = tokens) -> Any:
                return network.loss(p, tokens)

            whole = taylor(loss, point.parameters, update, layers={})
            part = taylor(loss, point.parameters, hidden, 2, layers={})
            columns = {name: getattr(whole, name) for name in QUANTITIES}
            rows.append({"batch": batch} | host(backend, **columns, hidden_nds=part.nds))
        return rows

    return look


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "grid" (exponent, optimiser, rate, seed), "curves" (exponent, batch, optimiser, seed, loss) at the best
    rates, and "ratios" of means, Adam over Muon (exponent, batch, rate, seed)."""
    grids, curves, ratios = [], [], []
    for exponent in EXPONENTS:
        of = problem(SIZES[scale], exponent)
        rows = table(
            row for name in OPTIMISERS for row in rows_of(of, name, backend, measure(of, name, backend))
        )
        grid = grid_of(rows)
        grids.append({"exponent": exponent} | grid)
        for batch in BATCHES:
            here = where(rows, batch=batch)
            curves += [{"exponent": exponent, "batch": batch} | row for row in curves_of(tuned(here, grid))]
            ratios += [{"exponent": exponent, "batch": batch} | row for row in ratios_of(here)]
    return {"grid": table(grids), "curves": table(curves), "ratios": table(ratios)}


def curves_of(rows: dict[str, np.ndarray]) -> list[Row]:
    """Every optimiser and seed at the losses that all of them went through."""
    runs = [(name, seed) for name in OPTIMISERS for seed in np.unique(rows["seed"])]
    losses, values = matched(
        [where(rows, optimiser=name, seed=seed) for name, seed in runs], (*QUANTITIES, HIDDEN_NDS)
    )
    return [
        {"optimiser": name, "seed": seed, "loss": losses} | {key: value[i] for key, value in values.items()}
        for i, (name, seed) in enumerate(runs)
    ]


def ratios_of(rows: dict[str, np.ndarray]) -> list[Row]:
    """Mean of Adam over mean of Muon along common losses, by rate (the same for both) and seed, where both learn."""
    names = (*QUANTITIES, HIDDEN_NDS)
    found = []
    for rate in np.unique(rows["rate"]):
        for seed in np.unique(rows["seed"]):
            runs = [where(rows, optimiser=name, rate=rate, seed=seed) for name in OPTIMISERS]
            if any(np.min(run["validation"]) >= run["validation"][0] for run in runs):
                continue
            _, values = matched(runs, names)
            means = {name: np.mean(value, axis=-1) for name, value in values.items()}
            found.append({"rate": rate, "seed": seed} | {name: m[0] / m[1] for name, m in means.items()})
    return found


def draw(tables: Any) -> Figure:
    """Curves against the loss; ratios against the rate."""
    from figures.gallery import style

    figure, panels = style.panels(2, 4, width=17.0, height=7.2)
    exponent = EXPONENTS[-1]
    rows = where(tables["curves"], exponent=exponent, batch="held_out")
    for axes, name in zip(panels[:4], ("gain", "penalty", "norm2", "nds"), strict=True):
        for number, optimiser in enumerate(OPTIMISERS):
            mine = where(rows, optimiser=optimiser)
            positive = np.where(by_seed(mine, name) > 0, by_seed(mine, name), np.nan)
            median_and_range(axes, by_seed(mine, "loss")[0], positive, number, label=OPTIMISERS[optimiser])
        axes.set(yscale="log", ylabel=QUANTITIES[name], title=TITLES[name])
    draw_decrease(panels[4], rows, style)
    for axes in panels[:5]:
        axes.set_xlabel("validation loss (nats)")
        axes.invert_xaxis()
    draw_grid(panels[5], where(tables["grid"], exponent=exponent), style)
    for axes, s in zip(panels[6:], EXPONENTS, strict=True):
        draw_ratios(axes, where(tables["ratios"], exponent=s), style)
        axes.set_title(f"Adam over Muon, s = {s:g}")
    style.legend_outside(panels[3], "s = 1, held-out batch")
    key(panels[3], predicted={"linestyle": "-"}, realised=COMPUTED)
    style.legend_outside(panels[7])
    key(
        panels[7],
        **{
            "held-out batch": COMPUTED | {"markerfacecolor": "0.25"},
            "training batch": COMPUTED,
            "reported, NDS": {"linestyle": ":"},
        },
    )
    return figure


def draw_decrease(axes: Axes, rows: Any, style: Any) -> None:
    """Realised decreases as points, predicted ones as lines (medians of the seeds)."""
    for number, optimiser in enumerate(OPTIMISERS):
        mine = where(rows, optimiser=optimiser)
        loss, realised = by_seed(mine, "loss")[0], by_seed(mine, "realised")
        predicted = by_seed(mine, "gain") - by_seed(mine, "penalty")
        style.predicted(axes, loss, np.median(predicted, axis=0), number)
        style.computed(axes, loss, np.median(realised, axis=0), number, markersize=3.5)
    axes.set(ylabel="decrease of the held-out loss", title="decrease")


def draw_ratios(axes: Axes, rows: Any, style: Any) -> None:
    """A ratio for every quantity, rate and batch."""
    reference(axes, [np.min(rows["rate"]) / 1.5, np.max(rows["rate"]) * 1.5], [1, 1])
    for number, name in enumerate((*QUANTITIES, HIDDEN_NDS)):
        for batch in BATCHES:
            here = where(rows, batch=batch)
            rates = np.unique(here["rate"])
            values = np.array([np.median(here[name][here["rate"] == rate]) for rate in rates])
            fill = style.series(number)["color"] if batch == "held_out" else "none"
            label = (QUANTITIES | {HIDDEN_NDS: "NDS, hidden"})[name] if batch == "held_out" else None
            style.computed(
                axes,
                rates * 1.06 ** (number - 2.5),
                np.where(values > 0, values, np.nan),
                number,
                markerfacecolor=fill,
                markersize=5,
                label=label,
            )
    rates = np.unique(rows["rate"])
    reference(axes, [rates[0] / 1.4, rates[-1] * 1.4], [REPORTED, REPORTED], linestyle=":")
    axes.set(xscale="log", yscale="log", xlabel="rate of both", ylabel="mean of Adam / mean of Muon")
    plain_ticks(axes.xaxis, rates.round(4))
    plain_ticks(
        axes.yaxis, [y for y in (0.2, 0.5, 1, 2, 5, 10, 20) if axes.get_ylim()[0] < y < axes.get_ylim()[1]]
    )


def draw_grid(axes: Axes, grid: Any, style: Any) -> None:
    """The lowest validation loss by rate; the best rate of each optimiser is full."""
    for number, optimiser in enumerate(OPTIMISERS):
        mine = where(grid, optimiser=optimiser)
        median_and_range(axes, np.unique(mine["rate"]), by_seed(mine, "validation"), number)
        best = best_rate(grid, optimiser)
        lowest = np.median(mine["validation"][mine["rate"] == best])
        style.computed(
            axes, np.array([best]), np.array([lowest]), number, markerfacecolor=style.series(number)["color"]
        )
    axes.set(xscale="log", xlabel="rate", ylabel="lowest validation loss (nats)", title="the grid, s = 1")
    plain_ticks(axes.xaxis, np.unique(grid["rate"]).round(4))
