"""A slice of the sweep over optimisers: the excess against the step size, by embeddings and by batches."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.associative_memory._networks import band
from figures.gallery.tables import where
from labs.associative_memory.sweeps import OPTIMISER_GRID, OPTIMISERS
from labs.core.arrays import Backend
from labs.core.sweep import Sweep, results, run
from theory.associative_memory.embeddings import AML_N8a
from theory.associative_memory.networks import AML_N8

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Every optimiser over its step sizes: orthogonal and crowded embeddings, whole gradients and batches"
CAPTION = """
K = 16 facts in eight groups, frequencies like a^-1.5, label noise 0.2, sixty steps at a constant step size: log K/T
for Muon, half of that for SignGD, sqrt(K - 1) of it for normalised GD, 1/p_1 for GD (a tenth of that under
momentum), times the number on the axis; means and ranges of three draws of embeddings and batches. Every curve has
its lowest point inside its grid. Left, where nothing is lost: with whole gradients the sign and polar rules end at
an excess of the order of eta^2, and GD just below its threshold 2/(alpha pi) = 12.3 is far below them: so few facts
and so long steps are soon in its exponential phase. Batches raise all floors to about the same height, momentum
does not lower them. Middle and right: half as many dimensions as facts; the entropy is out of reach and the
optimisers differ little at their best. Exact Muon, five or ten quintics and Polar Express are hardly told apart
anywhere but in the noise of batches at large steps.
"""
CLAIMS = (AML_N8, AML_N8a)
LABELS = {
    "gd": "GD",
    "ngd": "normalised GD",
    "signgd": "SignGD",
    "muon": "Muon",
    "muon-ns5": "Muon, 5 quintics",
    "muon-ns10": "Muon, 10 quintics",
    "polar-express": "Polar Express",
}
KINDS = {
    "identity": "unit vectors, d = K",
    "haar": "rows of an orthogonal matrix, d = K/2",
    "gaussian": "Gaussian, d = K/2",
}
ROWS = {(0, 0.0): "whole gradients", (64, 0.0): "batches of 64", (64, 0.9): "batches of 64, momentum 0.9"}

_QUICK = OPTIMISER_GRID.at("quick").with_axes(alpha=[0.2])
SWEEPS: dict[str, Sweep] = {
    "smoke": _QUICK.with_axes(facts=[8], steps=[4], batch=[0], momentum=[0.0], size=[0.464, 1.0, 2.15]),
    "quick": _QUICK.with_axes(replicate=range(3)),
    "full": _QUICK.with_axes(facts=[64], steps=[400], replicate=range(5)),
}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Table "cells": a row per cell of the slice."""
    sweep = SWEEPS[scale]
    with tempfile.TemporaryDirectory() as store:
        run(sweep, store=store, backend=backend.name)
        found = results(sweep, store=store, backend=backend.name)
    rows = found[["excess", "least", "kind"]].to_dataframe().reset_index()
    names = ("batch", "momentum", "size", "replicate", "excess", "least")
    table = {name: rows[name].to_numpy() for name in names}
    words = {name: rows[name].to_numpy().astype(str) for name in ("kind", "optimiser")}
    return {"cells": words | table}


def draw(tables: Any) -> Figure:
    """A row per kind of gradient, a column per kind of embeddings; a curve per optimiser."""
    from figures.gallery import style

    cells = tables["cells"]
    shown = [key for key in ROWS if where(cells, batch=key[0], momentum=key[1])["size"].size]
    figure, panels = style.panels(len(shown), 3, width=15.4, height=3.6 * len(shown) + 0.6)
    for panel, (batch, momentum, kind) in zip(
        panels, [(*key, k) for key in shown for k in KINDS], strict=True
    ):
        at = where(cells, batch=batch, momentum=momentum, kind=kind)
        for number, optimiser in enumerate(OPTIMISERS):
            rows = where(at, optimiser=optimiser)
            band(panel, rows, "size", "excess", number, label=LABELS[optimiser])
        panel.set(xscale="log", yscale="log", xlabel="step size, in units of the optimiser")
        panel.set_ylabel("L − L* at the end (nats)")
        if kind != "identity":
            panel.set_yscale("linear")
            panel.set_ylim(0, 1.05 * np.max(at["excess"]))
    for panel, words in zip(panels[:3], KINDS.values(), strict=True):
        panel.set_title(words)
    for panel, key in zip(panels[::3], shown, strict=True):
        panel.set_ylabel(f"{ROWS[key]}\n\nL − L* at the end (nats)")
    style.legend_outside(panels[2])
    return figure
