"""Singular values of the optimal update against those of the gradient, for power laws of growing exponent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, THICK, THIN, key, note, plain_ticks, reference
from figures.gallery.tables import table, where
from figures.isotropic_curvature._shared import optimal, ratio_at_limit
from labs.core.arrays import Backend
from labs.core.spectrum import power_law
from labs.isotropic_curvature import Power
from theory.isotropic_curvature import ICM_Q, ICM_T3a, ICM_X1a, ICM_X1b

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "The optimal update lies between gradient descent and Muon"
CAPTION = """
The optimal singular values q_i for the curvature H(x) = x^p and a gradient with g_i = 1/i, both in units of
the largest.  Left: every spectrum lies between gradient descent (p = 2, q proportional to g) and Muon (all q
equal) and moves from the one to the other slowly: with n = 16 and p = 40 the weakest direction still moves
by only 0.57 of the strongest.  Right: the same numbers as the gain of direction i over that of direction 1.
The thick lines are the limit that theory sets, g_1/g_i = t + (p-2)(t - 1/t) at t = q_1/q_i; the thin
horizontal ones its plain form p - 1, the same for every spectrum and dimension.  No point may lie above the
line of its colour.  None comes close: the limit is sharp for one strong direction, and 1/i has many of
middling strength.
"""
CLAIMS = (ICM_Q, ICM_T3a, ICM_X1a, ICM_X1b)

EXPONENTS = {
    "smoke": (2.0, 3.0, 4.0),
    "quick": (2.0, 2.5, 3.0, 4.0, 6.0, 10.0, 40.0),
    "full": (2.0, 2.5, 3.0, 4.0, 6.0, 10.0, 40.0),
}
SIZES = {"smoke": (16,), "quick": (16,), "full": (16, 256)}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "spectra" (a row per n, p and i) and "limit" (ICM-X1.b on a finer grid of gradients)."""
    spectra, limits = [], []
    for n in SIZES[scale]:
        g = power_law(n)
        grid = np.geomspace(1.0, g[-1], 60)
        for p in EXPONENTS[scale]:
            q = optimal(g, Power(p), backend)
            spectra.append({"n": n, "p": p, "g": g, "q": q, "gain": (q / g) / (q[0] / g[0])})
            limits.append({"n": n, "p": p, "g": grid, "gain": 1 / grid / ratio_at_limit(1 / grid, p - 2)})
    return {"spectra": table(spectra), "limit": table(limits)}


def draw(tables: Any) -> Figure:
    """A row of two panels for each n: the spectra, and the gain of weak directions with its limit."""
    from figures.gallery import style

    sizes = np.unique(tables["spectra"]["n"])
    figure, axes = style.panels(len(sizes), 2, width=10.4)
    for n, left, right in zip(sizes, axes[::2], axes[1::2], strict=True):
        g = np.array([1.0, 1.0 / n])
        middle = float(np.sqrt(g[1]))
        reference(left, g, g)
        reference(left, g, [1, 1])
        reference(right, g, [1, 1])
        reference(right, g, 1 / g)
        note(left, "Muon", (g[1], 1), (0, 4), ha="right")
        note(left, "gradient descent", (middle, middle), (-6, -10), ha="right")
        note(right, "Muon", (middle, 1 / middle), (-6, 6), ha="right")
        for number, p in enumerate(np.unique(tables["spectra"]["p"])):
            points = where(tables["spectra"], n=n, p=p)
            few = np.unique(np.geomspace(1, n, 40).round().astype(int)) - 1  # so that markers stay apart
            points = {name: values[few] for name, values in points.items()}
            style.computed(
                left, points["g"], points["q"] / points["q"][0], number, linestyle="-", linewidth=0.6
            )
            style.computed(right, points["g"], points["gain"], number, label=f"{p:g}")
            line = where(tables["limit"], n=n, p=p)
            style.predicted(right, line["g"], line["gain"], number)
            if 2 < p < n:
                ends = np.array([1 / (p - 1), g[1]])
                style.predicted(right, ends, np.full(2, p - 1), number, linewidth=0.6, linestyle="-")
        for panel in (left, right):
            panel.set(xscale="log", yscale="log", xlabel="gradient, $g_i / g_1$")
            panel.invert_xaxis()
            plain_ticks(panel.xaxis, [c for c in (1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005) if c >= g[1]])
        plain_ticks(left.yaxis, [c for c in (1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005) if c >= g[1]])
        plain_ticks(right.yaxis, [c for c in (1, 2, 3, 5, 10, 20, 50, 100, 200) if c <= n])
        left.set(ylabel="optimal update, $q_i / q_1$", title=f"spectra, n = {n}")
        right.set(
            ylabel="gain, $(q_i / g_i)\\,/\\,(q_1 / g_1)$", title="gain (points) and its limits (lines)"
        )
        style.legend_outside(right, "exponent p")
        key(right, optimum=COMPUTED, **{"sharper limit": THICK, "limit $p - 1$": THIN})
    return figure
