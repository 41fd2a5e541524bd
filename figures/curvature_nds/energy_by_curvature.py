"""Where the loss is left over: its shares by curvature along GD and along Muon."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.curvature_nds._spectra import mode_losses
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.spectrum import power_law
from theory.curvature_nds import NDS_X4b, NDS_X4d, NDS_X5e, NDS_X5i, NDS_X14a

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "What GD leaves over, and what Muon leaves over"
CAPTION = """
Shares by group of curvature along a run on q modes of curvature 1/i^1.3, gradients its square root (means of two
consecutive steps, because GD zigzags): above, of the energy of the gradient; below, of the loss.  GD with line
search: half of the energy is at once on the heaviest mode (dotted: one half, which theory gives for the end), and
the other half moves on, slowly, to the lightest; its sharpness is the middle of the two.  Muon with line search:
one mode, the lightest, started farthest from its minimum, lags behind, and soon it is the whole loss: that is why
the late rate is slow.  Muon with halving steps: every mode is bisected by itself; shares fluctuate, and no mode
takes over.
"""
CLAIMS = (NDS_X4b, NDS_X4d, NDS_X5e, NDS_X5i, NDS_X14a)

SIZES = {"smoke": (12, 300), "quick": (88, 2000), "full": (88, 20_000)}
DECAY = 1.3
RUNS = {
    "gd": ("gd", "line-search", "GD, line search"),
    "muon": ("muon", "line-search", "Muon, line search"),
    "halving": ("muon", "halving", "Muon, halving steps"),
}
HALVINGS = 40


def groups(q: int) -> dict[str, tuple[int, int]]:
    """Ranges of modes, from the heaviest to the lightest."""
    edges = [0, 1, max(2, q // 16), max(3, q // 4), q - 1, q]
    names = ("heaviest", "heavy", "medium", "light", "lightest")
    return dict(zip(names, pairwise(edges), strict=True))


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Table "shares" (run, group, step): of the loss and of the energy, means of the steps t and t + 1; "groups"."""
    q, steps = SIZES[scale]
    w = power_law(q, DECAY)
    rows = []
    for run, (rule, step, _) in RUNS.items():
        last = min(steps, HALVINGS) if step == "halving" else steps
        losses = mode_losses(w, np.sqrt(w), rule, last, step, backend)
        # r^2 = 2 w times the loss of a mode.
        loss, energy = (x / np.sum(x, axis=0) for x in (losses, w[:, None] * losses))
        # About 60 steps, evenly in the logarithm.
        t = np.unique(np.rint(np.geomspace(1, last - 1, 60)).astype(int))
        for group, (low, high) in groups(q).items():
            row: dict[str, Any] = {"run": run, "group": group, "t": t}
            for name, shares in (("loss", loss), ("energy", energy)):
                share = np.sum(shares[low:high], axis=0)
                row[name] = (share[t] + share[t + 1]) / 2
            rows.append(row)
    names, ends = zip(*groups(q).items(), strict=True)
    first, last_mode = np.array(ends).T
    return {
        "shares": table(rows),
        "groups": {"group": np.array(names), "first": first + 1, "last": last_mode},
    }


def draw(tables: Any) -> Figure:
    """A column per run, energy above and loss below: shares, stacked, the lightest mode on top."""
    import matplotlib as mpl

    from figures.gallery import style

    figure, panels = style.panels(2, 3, width=13.6, height=7.4)
    names = [str(name) for name in tables["groups"]["group"]]
    colors = mpl.colormaps["cividis"](np.linspace(0.0, 0.95, len(names)))
    labels = {}
    for name, first, last in zip(names, tables["groups"]["first"], tables["groups"]["last"], strict=True):
        labels[name] = f"{name}: i = {first}" if first == last else f"{name}: i = {first} to {last}"
    cells = [(quantity, run) for quantity in ("energy", "loss") for run in RUNS]
    for axes, (quantity, run) in zip(panels, cells, strict=True):
        blocks = [where(tables["shares"], run=run, group=name) for name in names]
        t = blocks[0]["t"]
        shares = [block[quantity] for block in blocks]
        parts = axes.stackplot(t, shares, colors=colors, edgecolor="white", linewidth=0.6)
        for part, name in zip(parts, names, strict=True):
            part.set_label(labels[name])
        axes.set(xscale="log", xlim=(t[0], t[-1]), ylim=(0, 1))
        axes.grid(visible=False)
        if quantity == "energy":
            axes.set_title(RUNS[run][2])
        else:
            axes.set_xlabel("steps T")
        if (quantity, run) == ("energy", "gd"):
            axes.axhline(0.5, color="white", linestyle=":", linewidth=1.6)
    panels[0].set_ylabel("share of the gradient's energy")
    panels[3].set_ylabel("share of the loss")
    handles, found = panels[2].get_legend_handles_labels()
    look: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0}
    panels[2].legend(handles[::-1], found[::-1], title="curvature 1/i$^{1.3}$", **look)
    return figure
