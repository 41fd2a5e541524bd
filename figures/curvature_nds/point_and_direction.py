"""Direction or place: the sharpness of Adam's and of Muon's direction at the points of both runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.curvature_nds._language import (
    OPTIMISERS,
    SIZES,
    Row,
    by_seed,
    grid_of,
    host,
    matched,
    median_and_range,
    problem,
    rows_of,
    tuned,
)
from figures.gallery.marks import plain_ticks, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.curvature_nds.one_step import taylor
from theory.curvature_nds import NDS_E1, NDS_E3

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Each optimiser's direction is less sharp at its own points than at the other's"
CAPTION = """
The small language model of the figure matched_loss, Zipf exponent 1, each optimiser at its best rate.  At every
look of either run both steps are made from the gradients of that run: the one that is taken, and the one that the
other optimiser would take there.  Left: their sharpness on held-out text at equal validation loss (bands: range of
the seeds; values that are not positive are left out).  Right: ratios of the means along it, a mark a seed.  Adam on
its own path is about twice as sharp as Muon on its own, but direction and place do not act alone.  At Muon's points
Adam's direction is three to four and a half times as sharp as Muon's; at Adam's points the two are nearly alike
(1.1 to 1.3, and 0.9 to 1.06 at full scale).  Along Muon's direction Adam's points are the sharper ones, 1.4 to 2.5
times; along Adam's direction Muon's are, 1.5 to 2.1 times.  So a comparison at equal loss is neither of directions
alone nor of places alone.  (Norms differ too: at the same point Adam's step is the longer one, 1.15 to 2 times in
|Z|^2.)
"""
CLAIMS = (NDS_E1, NDS_E3)

EXPONENT = 1.0
COLUMNS = ("gain", "penalty", "norm2", "nds")


def measure(of: Any, optimiser: str, backend: Backend) -> Any:
    """A row for each direction, on the held-out batch."""
    network = of.network

    def look(point: Any, held_out: Any) -> list[Row]:
        rows = []
        for direction in OPTIMISERS:
            found = taylor(
                lambda p: network.loss(p, held_out), point.parameters, point.updates[direction], 2, layers={}
            )
            columns = {name: getattr(found, name) for name in COLUMNS}
            rows.append({"direction": direction} | host(backend, **columns))
        return rows

    return look


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "curves" (point, direction, seed, loss) at losses in common, and "means" over them (point, direction,
    seed)."""
    of = problem(SIZES[scale], EXPONENT)
    rows = table(
        row
        for name in OPTIMISERS
        for row in rows_of(of, name, backend, measure(of, name, backend), others=tuple(OPTIMISERS))
    )
    rows = tuned(rows, grid_of(rows))
    runs = [(p, d, seed) for p in OPTIMISERS for d in OPTIMISERS for seed in np.unique(rows["seed"])]
    losses, values = matched(
        [where(rows, optimiser=p, direction=d, seed=seed) for p, d, seed in runs], COLUMNS
    )
    names = [{"point": p, "direction": d, "seed": seed} for p, d, seed in runs]
    curves = [
        run | {"loss": losses} | {name: value[i] for name, value in values.items()}
        for i, run in enumerate(names)
    ]
    means = [run | {name: np.mean(value[i]) for name, value in values.items()} for i, run in enumerate(names)]
    return {"curves": table(curves), "means": table(means)}


def effects(means: Any, column: str = "nds") -> dict[str, np.ndarray]:
    """Ratios of means over the losses, one a seed: of directions at one point, and of points for one direction."""
    mean = {(p, d): where(means, point=p, direction=d)[column] for p in OPTIMISERS for d in OPTIMISERS}
    return {
        "both: Adam's / Muon's": mean["adam", "adam"] / mean["muon", "muon"],
        "direction, at Adam's points": mean["adam", "adam"] / mean["adam", "muon"],
        "direction, at Muon's points": mean["muon", "adam"] / mean["muon", "muon"],
        "place, along Adam's direction": mean["adam", "adam"] / mean["muon", "adam"],
        "place, along Muon's direction": mean["adam", "muon"] / mean["muon", "muon"],
    }


def draw(tables: Any) -> Figure:
    """Four curves; the ratios."""
    from figures.gallery import style

    figure, panels = style.panels(1, 2, width=14.0, height=4.2)
    for number, direction in enumerate(OPTIMISERS):
        for point in OPTIMISERS:
            mine = where(tables["curves"], point=point, direction=direction)
            values = np.where(by_seed(mine, "nds") > 0, by_seed(mine, "nds"), np.nan)
            look: dict[str, Any] = {} if point == direction else {"linestyle": "--", "marker": "x"}
            label = f"{OPTIMISERS[direction]}'s direction,\n{OPTIMISERS[point]}'s points"
            median_and_range(panels[0], by_seed(mine, "loss")[0], values, number, label=label, **look)
    panels[0].set(yscale="log", xlabel="validation loss (nats)", ylabel="NDS, held-out batch")
    panels[0].invert_xaxis()
    style.legend_outside(panels[0])
    draw_effects(panels[1], effects(tables["means"]), style)
    return figure


def draw_effects(axes: Axes, ratios: dict[str, np.ndarray], style: Any) -> None:
    """A row for each ratio, a mark for each seed."""
    places = -np.arange(len(ratios))
    reference(axes, [1, 1], [1, places[-1]])
    for place, (name, values) in zip(places, ratios.items(), strict=True):
        number = {"b": 3, "d": 0, "p": 2}[name[0]]
        style.computed(axes, values, np.full(values.size, place), number, linestyle="")
        style.computed(
            axes, np.array([np.median(values)]), np.array([place]), number, marker="|", markersize=18
        )
    axes.set_yticks(places, list(ratios))
    axes.set(
        xscale="log",
        xlabel="ratio of mean NDS",
        ylabel="what is compared",
        ylim=(places[-1] - 0.6, 0.6),
        title="seeds, and their median",
    )
    plain_ticks(
        axes.xaxis, [x for x in (0.25, 0.5, 1, 2, 3, 4, 5, 10) if axes.get_xlim()[0] < x < axes.get_xlim()[1]]
    )
    axes.grid(visible=False, axis="y")
