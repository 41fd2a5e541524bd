"""Which layers pay: sharpness of Adam's and Muon's steps within and across the layers of a small language model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.curvature_nds._language import (
    LAYERS,
    OPTIMISERS,
    SIZES,
    Row,
    by_seed,
    grid_of,
    host,
    median_and_range,
    problem,
    rows_of,
    tuned,
)
from figures.gallery.marks import COMPUTED, key, note, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.curvature_nds.one_step import taylor
from theory.curvature_nds import NDS_E5, NDS_E6, NDS_D2a, NDS_D2b

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = (
    "Most of the sharpness is within the matrices, most of the gap in the one that Adam moves in both runs"
)
CAPTION = """
The small language model of the figure matched_loss, Zipf exponent 1, on held-out text, each optimiser at its best
rate; bands: range of the seeds.  Left: the two parts of the sharpness, from the curvature within each of the four
matrices and between them; after the first steps both are the smaller ones for Muon.  Then the share within, missing
where the sharpness is not positive and above one where the part across is negative.  It ends at about 0.77 for
both, far above the floor 1/L for semidefinite curvature and without the rise that is reported (triangles: from,
to).  Third: the gap within, Adam's minus Muon's, by matrix, a mark a seed.  First and last hold 73 to 86 % of it
(reported: 70 % for the first and the last of twelve layers), but here it is the last one alone, and that one is
moved by Adam in Muon's runs too.  Right: every matrix on its own, its sharpness and its weight in the squared norm;
the unembedding is the sharpest by far, in Muon's runs half as much as in Adam's.
"""
CLAIMS = (NDS_D2a, NDS_D2b, NDS_E5, NDS_E6)
GAPS = ("shares.share",)

EXPONENT = 1.0
# Of the paper's rho_within: from, to.
REPORTED = {"adam": (0.27, 0.34), "muon": (0.14, 0.44)}


def measure(of: Any, optimiser: str, backend: Backend) -> Any:
    """One row: the split on the held-out batch, and every layer's curvature and squared norm."""
    network = of.network

    def look(point: Any, held_out: Any) -> list[Row]:
        update = {name: point.updates[optimiser][name] for name in LAYERS}
        found = taylor(lambda p: network.loss(p, held_out), point.parameters, update, 2).layers
        columns = {"within": found.within, "cross": found.cross, "share": found.within_share}
        for i, name in enumerate(LAYERS):
            columns |= {f"curvature_{name}": found.curvature[..., i, i], f"norm2_{name}": found.norm2[..., i]}
        return [host(backend, **columns)]

    return look


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "shares" (optimiser, seed, step) and "layers" (optimiser, seed, layer) at each optimiser's best rate."""
    of = problem(SIZES[scale], EXPONENT)
    rows = table(row for name in OPTIMISERS for row in rows_of(of, name, backend, measure(of, name, backend)))
    rows = tuned(rows, grid_of(rows))
    # A share of a sharpness that is not positive says nothing.
    share = np.where(rows["within"] + rows["cross"] > 0, rows["share"], np.nan)
    names = ("optimiser", "seed", "step", "validation", "within", "cross")
    return {
        "shares": {name: rows[name] for name in names} | {"share": share},
        "layers": table(by_layer(rows)),
    }


def by_layer(rows: dict[str, np.ndarray]) -> list[Row]:
    """Means over the steps looked at: Q_ll/|Z|^2, |Z_l|^2/|Z|^2, and their quotient, the layer's own sharpness."""
    found = []
    for optimiser in OPTIMISERS:
        for seed in np.unique(rows["seed"]):
            run = where(rows, optimiser=optimiser, seed=seed)
            norm2 = sum(run[f"norm2_{name}"] for name in LAYERS)
            for name in LAYERS:
                within = float(np.mean(run[f"curvature_{name}"] / norm2))
                weight = float(np.mean(run[f"norm2_{name}"] / norm2))
                found.append(
                    {"optimiser": optimiser, "seed": seed, "layer": name, "within": within, "weight": weight}
                )
    return found


def gap_by_layer(layers: Any) -> np.ndarray:
    """Adam's within minus Muon's, as shares of their sum over the layers: (seeds, layers)."""
    within = {}
    for optimiser in OPTIMISERS:
        mine = where(layers, optimiser=optimiser)
        within[optimiser] = np.stack([mine["within"][mine["layer"] == name] for name in LAYERS], axis=-1)
    gap = within["adam"] - within["muon"]
    return gap / np.sum(gap, axis=-1, keepdims=True)


def draw(tables: Any) -> Figure:
    """Both parts along training; the share within; the layers."""
    from figures.gallery import style

    figure, panels = style.panels(1, 4, width=18.5, height=3.9)
    shares = tables["shares"]
    for number, optimiser in enumerate(OPTIMISERS):
        mine = where(shares, optimiser=optimiser)
        steps, label = by_seed(mine, "step")[0], OPTIMISERS[optimiser]
        median_and_range(panels[0], steps, by_seed(mine, "within"), number, label=label)
        median_and_range(panels[0], steps, by_seed(mine, "cross"), number, linestyle=":")
        share = by_seed(mine, "share")
        known = np.all(np.isfinite(share), axis=0)
        median_and_range(panels[1], steps[known], share[:, known], number)
        for end, value in zip((0.02, 0.98), REPORTED[optimiser], strict=True):
            look: dict[str, Any] = {
                "marker": "<" if end > 0.5 else ">",
                "color": style.series(number)["color"],
            }
            panels[1].plot([end], [value], transform=panels[1].get_yaxis_transform(), linestyle="", **look)
    last = np.max(shares["step"])
    reference(panels[1], [0, last], [1 / len(LAYERS)] * 2)
    note(panels[1], f"1/L, L = {len(LAYERS)}", (0.3 * last, 1 / len(LAYERS)), (0, 4))
    reference(panels[1], [0, last], [1, 1])
    panels[0].set(xlabel="step", ylabel="part of the NDS", title="within and across")
    panels[1].set(xlabel="step", ylabel="share within, $ρ$", title="share within layers", ylim=(0, 1.3))
    draw_gap(panels[2], tables["layers"], style)
    draw_layers(panels[3], tables["layers"], style)
    for number, optimiser in enumerate(OPTIMISERS):
        style.computed(panels[3], np.array([]), np.array([]), number, label=OPTIMISERS[optimiser])
    style.legend_outside(panels[3])
    key(
        panels[3],
        **{
            "within": COMPUTED | {"linestyle": "-"},
            "across": COMPUTED | {"linestyle": ":"},
            "reported, from": COMPUTED | {"marker": ">", "markerfacecolor": "0.25"},
            "reported, to": COMPUTED | {"marker": "<", "markerfacecolor": "0.25"},
            "sharpness": COMPUTED,
            "weight": COMPUTED | {"marker": "x"},
        },
    )
    return figure


def draw_gap(axes: Axes, layers: Any, style: Any) -> None:
    """Each layer's share of the gap within, a point a seed and a bar at the median."""
    gap = gap_by_layer(layers)
    places = np.arange(len(LAYERS))
    axes.bar(places, np.median(gap, axis=0), color="0.85", width=0.6)
    for row in gap:
        style.computed(axes, places, row, 2, markersize=4)
    axes.set_xticks(places, LAYERS, rotation=20)
    axes.set(xlabel="layer", ylabel="share of (Adam − Muon) within", title="where the gap within is")


def draw_layers(axes: Axes, layers: Any, style: Any) -> None:
    """Each layer's own sharpness, and its weight in the norm."""
    places = np.arange(len(LAYERS))
    for number, optimiser in enumerate(OPTIMISERS):
        mine = where(layers, optimiser=optimiser)
        within, weight = (
            np.array([np.median(mine[column][mine["layer"] == name]) for name in LAYERS])
            for column in ("within", "weight")
        )
        style.computed(axes, places + 0.12 * (number - 0.5), within / weight, number)
        style.computed(axes, places + 0.12 * (number - 0.5), weight, number, marker="x")
    axes.set_yscale("symlog", linthresh=1e-3)
    axes.set_title("layers on their own")
    axes.set_xticks(places, LAYERS, rotation=20)
    axes.set(xlabel="layer", ylabel="$S_l$, and $|Z_l|^2/|Z|^2$")
