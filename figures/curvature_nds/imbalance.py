"""Sharpness against imbalance: the linear memory in closed form beside the small language model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.curvature_nds._language import OPTIMISERS, SIZES, Row, host, problem, rows_of
from figures.gallery.marks import COMPUTED, key, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.spectrum import haar
from labs.core.streams import stream
from labs.curvature_nds.memory import long_tail_memory, rotated_sign_sharpness
from labs.curvature_nds.one_step import taylor
from theory.curvature_nds import NDS_E4, NDS_X11b, NDS_X11c, NDS_X11f, NDS_X11g

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "A longer tail makes GD sharper than Muon in closed form; on a small network the ratio stays at two"
CAPTION = """
Left: a linear memory of 64 facts with frequencies in proportion to i^-s.  The sharpness of GD and of sign descent
over Muon's, which is 1/64 for every s; marks are exact for random rotations of the inputs, the dashed line is the
formula of first order, which lies above them.  The others: the small language model of the figure matched_loss at
the rate of its grid that is best for both optimisers, held-out text; sharpness averaged over training, in units of
Muon's at s = 0, bands the range of the seeds, stars what is reported for s = 0 and 1.  Adam's is about twice Muon's
at every s, 2.2 times in the hidden matrices alone.  Right: ratio and gap.  The reported ones grow; here the ratio
moves by less than the seeds differ.  The gap does so at quick scale; at full scale it falls a little for all
parameters and rises for the hidden matrices, with every seed.
"""
CLAIMS = (NDS_X11b, NDS_X11c, NDS_X11f, NDS_X11g, NDS_E4)

FACTS = 64
EXPONENTS = {"smoke": (0.0, 1.0), "quick": (0.0, 0.5, 1.0), "full": (0.0, 0.25, 0.5, 0.75, 1.0)}
# The best rates of the grids, as powers of sqrt(10) times 0.02; the same for both optimisers, and for s = 0 and 1.
BEST = {"smoke": 0, "quick": 0, "full": -1}
DRAWS = {"smoke": 1, "quick": 5, "full": 20}
FINE = np.linspace(0.0, 1.0, 41)
# Reported for s = 0 and 1: sharpness averaged over training, in units of Muon's at s = 0.
REPORTED = {"adam": (1.63, 2.38), "muon": (1.00, 1.25)}
SCOPES = {"nds": "all", "hidden": "hidden"}


def measure(of: Any, optimiser: str, backend: Backend) -> Any:
    """One row: the sharpness on the held-out batch, of the whole update and of its part in the hidden matrices."""
    network = of.network

    def look(point: Any, held_out: Any) -> list[Row]:
        update = point.updates[optimiser]
        hidden = {name: update[name] for name in network.hidden_matrices}
        found = {
            name: taylor(lambda p: network.loss(p, held_out), point.parameters, part, 2, layers={}).nds
            for name, part in (("nds", update), ("hidden", hidden))
        }
        return [host(backend, **found)]

    return look


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "memory" (s), "rotated" (s, draw) and "network" (exponent, optimiser, seed): means over the steps seen.

    The network is trained at the rate that is the best of the grid for both optimisers (figure matched_loss).
    """
    size = replace(SIZES[scale], powers=(BEST[scale],))
    closed = long_tail_memory(np.arange(1.0, FACTS + 1.0) ** -FINE[:, None])
    memory = {"s": FINE, "gd": closed.nds_gd / closed.nds_muon, "sign": closed.nds_sign / closed.nds_muon}
    rotated, network = [], []
    for s in EXPONENTS[scale]:
        for draw in range(DRAWS[scale]):
            inputs = haar(FACTS, stream("nds imbalance: inputs", draw))
            sign = FACTS * rotated_sign_sharpness(np.arange(1.0, FACTS + 1.0) ** -s, inputs)
            rotated.append({"s": s, "draw": draw, "sign": float(sign)})
        of = problem(size, s)
        for optimiser in OPTIMISERS:
            rows = table(rows_of(of, optimiser, backend, measure(of, optimiser, backend)))
            for seed in range(size.seeds):
                mine = where(rows, seed=seed)
                means = {name: float(np.mean(mine[name])) for name in SCOPES}
                network.append({"exponent": s, "optimiser": optimiser, "seed": seed} | means)
    return {"memory": memory, "rotated": table(rotated), "network": table(network)}


def normalised(network: Any, scope: str) -> dict[str, np.ndarray]:
    """By optimiser, (exponents, seeds): in units of Muon's mean over the seeds at exponent 0."""
    exponents = np.unique(network["exponent"])
    start = np.mean(where(network, optimiser="muon", exponent=0.0)[scope])
    return {
        name: np.stack([where(network, optimiser=name, exponent=s)[scope] / start for s in exponents])
        for name in OPTIMISERS
    }


def draw(tables: Any) -> Figure:
    """Closed form; the network; its ratio and its gap."""
    from figures.gallery import style

    figure, panels = style.panels(1, 4, width=18.5, height=3.9)
    draw_memory(panels[0], tables, style)
    network = tables["network"]
    exponents = np.unique(network["exponent"])
    for axes, (scope, title) in zip(panels[1:3], SCOPES.items(), strict=True):
        for number, (optimiser, values) in enumerate(normalised(network, scope).items()):
            band(axes, exponents, values, number, style, label=OPTIMISERS[optimiser])
            if scope == "nds":
                look: dict[str, Any] = {"linestyle": ":", "marker": "*", "markersize": 9}
                style.computed(axes, np.array([0.0, 1.0]), np.array(REPORTED[optimiser]), number, **look)
        axes.set(xlabel="Zipf exponent s", ylabel="mean NDS / Muon's at s = 0")
        axes.set_title(f"network, {title} matrices" if scope == "hidden" else "network, all parameters")
    for number, scope in enumerate(SCOPES):
        found = normalised(network, scope)
        label = f"ratio, {SCOPES[scope]}"
        band(panels[3], exponents, found["adam"] / found["muon"], number + 2, style, label=label)
        look = {"linestyle": "--", "markerfacecolor": style.series(number + 2)["color"]}
        band(panels[3], exponents, found["adam"] - found["muon"], number + 2, style, **look)
    adam, muon = (np.array(REPORTED[name]) for name in OPTIMISERS)
    ends = np.array([0.0, 1.0])
    star: dict[str, Any] = {"color": "0.25", "linestyle": ":", "marker": "*", "markersize": 9}
    panels[3].plot(ends, adam / muon, **star, markerfacecolor="none")
    panels[3].plot(ends, adam - muon, **star)
    panels[3].set(xlabel="Zipf exponent s", ylabel="Adam against Muon", title="ratio and gap", ylim=(0, None))
    style.legend_outside(panels[0])
    panels[2].legend(loc="best")
    style.legend_outside(panels[3])
    key(
        panels[3],
        ratio=COMPUTED | {"linestyle": "-"},
        gap=COMPUTED | {"linestyle": "--", "markerfacecolor": "0.25"},
        reported=COMPUTED | {"linestyle": ":", "marker": "*"},
    )
    return figure


def draw_memory(axes: Axes, tables: Any, style: Any) -> None:
    """GD and rotated sign descent over Muon, whose sharpness does not depend on s."""
    memory, rotated = tables["memory"], tables["rotated"]
    style.predicted(axes, memory["s"], memory["gd"], 2, linestyle="-", label="GD")
    style.predicted(axes, memory["s"], memory["sign"], 0, linestyle="--", label="sign, first order")
    style.computed(axes, rotated["s"], rotated["sign"], 0, label="sign, exact")
    reference(axes, [0, 1], [1, 1], label="Muon")
    axes.set(
        yscale="log", xlabel="Zipf exponent s", ylabel="NDS / Muon's", title=f"linear memory, N = {FACTS}"
    )


def band(axes: Axes, x: np.ndarray, values: np.ndarray, number: int, style: Any, **options: Any) -> None:
    """Values (places, seeds): their median and range."""
    low, high = np.min(values, axis=-1), np.max(values, axis=-1)
    axes.fill_between(x, low, high, color=style.series(number)["color"], alpha=0.18, linewidth=0)
    look: dict[str, Any] = {"linestyle": "-", "linewidth": 1.0}
    style.computed(axes, x, np.median(values, axis=-1), number, **(look | options))
