"""By how much literal Muon is flatter than gradient descent, and what that depends on."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.tables import where
from labs.core.arrays import Backend
from labs.core.sweep import Sweep, results, run
from labs.polar_flow.ablation import ABLATION
from theory.polar_flow import POL_X6_c, POL_X6p

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "From a small start Muon is flatter at every setting tried, most for low ranks and many measurements"
CAPTION = """
Matrix sensing.  Left panels: the effective rank exp(H) of literal Muon's interpolant over that of norm-matched
gradient descent, mean over the instances and settings, against the share p/(mn) of measurements and the rank of the
matrix measured; a panel for each shape.  Both start near zero, with the same cosine steps.  Near p = mn only one
interpolant is left, but for low ranks and p = 0.9 mn the two are still far apart.  Right: the same ratio against
the step size, the momentum and the size of the start, each averaged over all else (a single value is drawn as a
point): it hardly depends on the first two; a start of the size of the target hides the difference.
"""
CLAIMS = (POL_X6_c, POL_X6p)

OPTIONS = ("step", "momentum", "start")
_QUICK = ABLATION.at("quick")
SWEEPS: dict[str, tuple[Sweep, Sweep]] = {  # the maps, and the options
    "smoke": (
        _QUICK.with_axes(share=[0.3, 0.7], shape=["10 x 10"], steps=[60], step=[0.6], replicate=[0]),
        _QUICK.with_axes(share=[0.6], rank=[2], shape=["10 x 10"], steps=[60], step=[0.6], start=[1e-3, 1.0]),
    ),
    "quick": (
        _QUICK.with_axes(steps=[250], step=[0.15], momentum=[0.9]),
        _QUICK.with_axes(
            share=[0.6],
            rank=[2],
            shape=["10 x 10"],
            steps=[250],
            step=[0.075, 0.15, 0.3],
            start=[1e-3, 1e-2, 1e-1, 1.0],
        ),
    ),
    "full": (
        ABLATION.at("full").with_axes(step=[0.05], momentum=[0.9], start=[1e-3]),
        ABLATION.at("full").with_axes(share=[0.3, 0.6, 0.9], rank=[2], shape=["10 x 10"]),
    ),
}
COLUMNS = (
    "share",
    "rank",
    "step",
    "momentum",
    "start",
    "flatter",
    "muon",
    "matched",
    "muon_residual",
)


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "map" and "options": a row per cell of two parts of the sweep."""
    return {name: _cells(part, backend) for name, part in zip(("map", "options"), SWEEPS[scale], strict=True)}


def _cells(sweep: Sweep, backend: Backend) -> dict[str, np.ndarray]:
    with tempfile.TemporaryDirectory() as store:
        run(sweep, store=store, backend=backend.name)
        rows = results(sweep, store=store, backend=backend.name).to_dataframe().reset_index()
    table = {name: rows[name].to_numpy() for name in COLUMNS}
    return table | {"shape": rows["shape"].to_numpy().astype(str)}


def draw(tables: Any) -> Figure:
    """A heat map per shape; a curve per option."""
    from figures.gallery import style

    cells, options = tables["map"], tables["options"]
    shapes = list(dict.fromkeys(cells["shape"]))
    count = len(shapes)
    figure, axes = style.panels(1, count + 1, width=4.2 * (count + 1) + 1.6, height=4.0)
    shares, ranks = np.unique(cells["share"]), np.unique(cells["rank"])
    top = max(_mean(cells, shape=shape, share=p, rank=k) for shape in shapes for p in shares for k in ranks)
    for panel, shape in zip(axes[:count], shapes, strict=True):
        values = np.array([[_mean(cells, shape=shape, share=p, rank=k) for p in shares] for k in ranks])
        mesh = panel.pcolormesh(
            shares, np.arange(ranks.size), values, shading="nearest", vmin=1.0, vmax=top, cmap="viridis"
        )
        for (row, column), value in np.ndenumerate(values):
            colour = "black" if value > 1 + 0.6 * (top - 1) else "white"
            look: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 6.5, "color": colour}
            panel.text(float(shares[column]), row, f"{value:.2f}", **look)
        panel.set_yticks(np.arange(ranks.size), [f"{k:g}" for k in ranks])
        panel.set_xticks(shares, [f"{p:g}" for p in shares])
        panel.set(xlabel="measurements $p/(mn)$", ylabel="rank of the target", title=shape.replace("x", "×"))
        panel.grid(False)
    figure.colorbar(mesh, ax=axes[:count], label="exp(H), Muon over descent")
    ticks: list[float] = []
    labels: list[str] = []
    for number, option in enumerate(OPTIONS):
        levels = np.unique(options[option])
        means = [_mean(options, **{option: level}) for level in levels]
        places = np.arange(levels.size) + (ticks[-1] + 2 if ticks else 0)
        style.computed(axes[-1], places, np.array(means), number, linestyle="-", linewidth=0.8, label=option)
        ticks += [float(place) for place in places]
        labels += [f"{level:g}" for level in levels]
    axes[-1].set_xticks(ticks, labels, rotation=60)
    axes[-1].set(ylim=(0.95, None), xlabel="value of the option", ylabel="the same ratio")
    axes[-1].axhline(1.0, color="black", linewidth=1.0)
    style.legend_outside(axes[-1])
    return figure


def _mean(rows: Any, **equal: Any) -> float:
    return float(np.mean(where(rows, **equal)["flatter"]))
