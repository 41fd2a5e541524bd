"""The stable step of Muon with a few Newton-Schulz steps, over that with the exact polar factor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import key, plain_ticks, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.polar.schedules import CUBIC, PADE5, POLAR_EXPRESS, TUNED, as_schedule, iterate
from labs.spectral_flattening.one_step import window_ratio
from labs.spectral_flattening.thresholds import threshold_ratio
from theory.spectral_flattening import SF_C2, SF_T5, SF_T5i, SF_T5ii, SF_T5iii, SF_T5table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = (
    "Few Newton-Schulz steps make Muon's stable step longer, if they keep the order of the singular values"
)
CAPTION = """
tau = the guaranteed step with K steps of an iteration over the one with the exact polar factor, for geometric
spectra of condition number kappa and rank r, normalised by the Frobenius norm.  K = 0 is normalised gradient
descent, where tau = r F/N (black diamond): the scale of the largest singular value does come back, as a longer
step.  Iterations that keep the order of the singular values, cubic and Pade-5, come down to 1 and are never
below.  Muon's tuned quintic and Polar Express do not keep it and may go below: Polar Express, made for singular
values down to 0.001, does so for kappa = 10.  Once all singular values are in the window [a, b] that five tuned
steps leave, the tuned ratio stays above r a/(a^2 + (r-1) b^2) (dashed; a/b^2 = 0.47 for large r), on these
spectra far above.
"""
CLAIMS = (SF_T5, SF_T5i, SF_T5ii, SF_T5iii, SF_T5table, SF_C2)

SCHEDULES: dict[str, Any] = {"cubic": CUBIC, "Padé-5": PADE5, "tuned": TUNED, "Polar Express": POLAR_EXPRESS}
CONDITIONS = (1e1, 1e3, 1e6)
RANKS = (32, 128)
STEPS = {"smoke": 6, "quick": 24, "full": 40}
# The window that tuned steps leave once all singular values have entered it (SF-N3).
WINDOW = (0.681831, 1.202369)


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "ratio" (a row per kappa, rank, iteration, K) and "start" (tau at K = 0 and the floor of the window)."""
    ratios, starts = [], []
    for kappa in CONDITIONS:
        for rank in RANKS:
            s = np.geomspace(1.0, 1.0 / kappa, rank)
            size = float(np.linalg.norm(s))
            x = backend.asarray(s / size)
            start = rank * size / float(np.sum(s))
            starts.append({"kappa": kappa, "rank": rank, "tau": start, "floor": window_ratio(*WINDOW, rank)})
            for name, schedule in SCHEDULES.items():
                phi = x
                for k in range(STEPS[scale] + 1):
                    tau = float(threshold_ratio(x, phi))
                    ratios.append({"kappa": kappa, "rank": rank, "iteration": name, "K": k, "tau": tau})
                    phi = iterate(as_schedule(schedule, k + 1)[k], phi)
    return {"ratio": table(ratios), "start": table(starts)}


def draw(tables: Any) -> Figure:
    """A panel per spectrum."""
    from figures.gallery import style

    figure, panels = style.panels(len(RANKS), len(CONDITIONS), width=14.6, height=7.6)
    spectra = [(rank, kappa) for rank in RANKS for kappa in CONDITIONS]
    for axes, (rank, kappa) in zip(panels, spectra, strict=True):
        _draw_panel(axes, tables, rank, kappa, style)
    last = panels[len(CONDITIONS) - 1]
    style.legend_outside(last, "iteration")
    looks: dict[str, dict[str, Any]] = {
        "r F/N": {"marker": "D", "linestyle": "", "color": "black"},
        "exact_polar_factor": {"linestyle": "-", "color": "0.55"},
        "window's floor": {"linestyle": "--"},
    }
    key(last, **looks)
    return figure


def _draw_panel(axes: Axes, tables: Any, rank: int, kappa: float, style: Any) -> None:
    start = where(tables["start"], kappa=kappa, rank=rank)
    for number, name in enumerate(SCHEDULES):
        rows = where(tables["ratio"], kappa=kappa, rank=rank, iteration=name)
        look: dict[str, Any] = {"linestyle": "-", "linewidth": 0.8, "markersize": 4, "label": name}
        style.computed(axes, rows["K"], rows["tau"], number, **look)
    axes.plot([0], start["tau"], marker="D", color="black", markersize=5, linestyle="", zorder=5)
    steps = tables["ratio"]["K"].max()
    reference(axes, [0, steps], [1, 1])
    axes.plot([0, steps], [start["floor"][0]] * 2, color="0.25", linestyle="--", linewidth=1.0, marker="")
    exponent = round(np.log10(kappa))
    axes.set(yscale="log", ylim=(0.4, 1.3 * tables["start"]["tau"].max()), xlim=(-0.6, steps + 0.6))
    axes.set(xlabel="number of steps K", ylabel="threshold ratio τ")
    axes.set_title(f"$\\kappa = 10^{exponent}$, rank {rank}")
    plain_ticks(axes.yaxis, (0.5, 1, 2, 5, 10, 20, 50))
