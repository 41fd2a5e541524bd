"""Updates of the same norm: how long a step must be before Muon's lower sharpness pays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key, plain_ticks, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.curvature_nds.levels import two_level
from labs.curvature_nds.quadratic import descend
from labs.curvature_nds.steps import paying_step_on_two_levels
from theory.curvature_nds import NDS_X3a, NDS_X3b, NDS_X3c

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "At matched norm a lower sharpness pays only beyond a certain step"
CAPTION = """
Two levels of curvature, a quarter of the modes on the high one; the updates of GD and Muon have the same norm eta
sqrt(q).  Muon's first-order gain is never the larger one, so that for short steps GD decreases the loss more,
whatever the sharpnesses.  Left: the decrease of one step, Muon's less GD's, over eta: runs (circles), the parabola
(lines), and its zero eta_c (diamonds).  Beyond eta_c Muon is ahead; for s < 1 (crosses) it never is.  Right: eta_c
over the length that is best for Muon, for every ratio of curvatures and alignment.  To the right of the black line
it is below 1: the crossing comes before Muon's best step; to the left the step is already too long for Muon.  To
the right of the white line a line-searched first step of Muon beats one of GD.
"""
CLAIMS = (NDS_X3a, NDS_X3b, NDS_X3c)

ALPHA, M, Q = 0.25, 1, 4
CURVES = ((12.0, 2.0), (12.0, 5.0), (4.0, 2.0), (12.0, 0.5))
POINTS = {"smoke": 9, "quick": 33, "full": 65}
CELLS = {"smoke": 30, "quick": 160, "full": 400}
RHO, S = (1.1, 100.0), (1.02, 20.0)


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "steps" (a row per rho, s, eta), "zeros" (per rho, s) and "map" (per rho, s)."""
    steps, zeros = [], []
    for rho, s in CURVES:
        eta = np.linspace(0, 0.35, POINTS[scale])
        found = [decrease(rho, s, eta, rule, backend) for rule in ("muon", "gd")]
        threshold = paying_step(rho, s)
        # eta q (S(G) - S(Q))/2 (eta - eta_c), written so that it holds for s < 1 too.
        p = ALPHA * s * s / (ALPHA * s * s + 1 - ALPHA)
        form = eta * Q * (p - ALPHA) * (rho - 1) / 2 * (eta - threshold)
        steps.append({"rho": rho, "s": s, "eta": eta, "run": found[0] - found[1], "form": form})
        if s > 1:
            zeros.append({"rho": rho, "s": s, "eta": threshold})
    n = CELLS[scale]
    ratios, alignments = (x.ravel() for x in np.meshgrid(np.geomspace(*RHO, n), np.geomspace(*S, n)))
    best = (ALPHA * alignments + 1 - ALPHA) / (ALPHA * ratios + 1 - ALPHA)
    maps = {"rho": ratios, "s": alignments, "ratio": paying_step(ratios, alignments) / best}
    across = np.geomspace(*RHO, n)
    star = backend.to_numpy(two_level(M, Q, backend.asarray(across), 1.0).s_star)
    return {"steps": table(steps), "zeros": table(zeros), "map": maps, "line": {"rho": across, "s": star}}


def paying_step(rho: Any, s: Any) -> Any:
    """eta_c, in units of sigma_L/w_L."""
    return paying_step_on_two_levels(ALPHA, rho, s, np.sqrt(ALPHA * s * s + 1 - ALPHA))


def decrease(rho: float, s: float, eta: np.ndarray, rule: str, backend: Backend) -> np.ndarray:
    """Of one step of norm eta sqrt(q), for every eta."""
    high = np.arange(Q) < M
    w, sigma = (backend.asarray(np.where(high, x, 1.0)) for x in (rho, s))
    norm = backend.asarray(eta[:, None] * Q**0.5)
    losses = backend.to_numpy(descend(w, sigma, rule, 1, "matched-norm", norm=norm).loss)
    return losses[:, 0] - losses[:, 1]


def draw(tables: Any) -> Figure:
    """Differences of decreases; the map."""
    from figures.gallery import style

    figure, (left, right) = style.panels(1, 2, width=13.6, height=4.8)
    for number, (rho, s) in enumerate(CURVES):
        points = where(tables["steps"], rho=rho, s=s)
        style.predicted(left, points["eta"], points["form"], number, linestyle="-", linewidth=1.0)
        marker = "o" if s > 1 else "x"
        style.computed(
            left, points["eta"], points["run"], number, marker=marker, label=f"ρ = {rho:g}, s = {s:g}"
        )
        zero = where(tables["zeros"], rho=rho, s=s)["eta"]
        left.plot(zero, 0 * zero, marker="D", linestyle="", color=style.series(number)["color"], zorder=4)
    reference(left, [0, 0.35], [0, 0])
    left.set(
        xlabel="step η, in units of $σ_L/w_L$",
        ylabel="decrease, Muon's less GD's",
        xlim=(0, 0.35),
        ylim=(-0.3, 1.0),
    )
    left.set_title("one step of norm η√q")
    style.legend_outside(left)
    looks: dict[str, dict[str, Any]] = {
        "run": COMPUTED,
        "parabola": {"linestyle": "-", "linewidth": 1.0},
        "threshold": {"marker": "D", "linestyle": ""},
    }
    key(left, **looks)
    _draw_map(figure, right, tables)
    return figure


def _draw_map(figure: Figure, axes: Axes, tables: Any) -> None:
    from matplotlib.colors import LogNorm

    rows = tables["map"]

    rho, s = np.unique(rows["rho"]), np.unique(rows["s"])
    ratio = rows["ratio"].reshape(s.size, rho.size)
    mesh = axes.pcolormesh(rho, s, ratio, norm=LogNorm(0.03, 30), shading="nearest")
    axes.contour(rho, s, ratio, levels=[1.0], colors="black", linewidths=1.6)
    line: dict[str, Any] = {"color": "white", "linewidth": 1.6, "linestyle": "--", "marker": ""}
    axes.plot(tables["line"]["rho"], tables["line"]["s"], **line)
    bar = figure.colorbar(mesh, ax=axes, label="$η_c$ over Muon's best step")
    plain_ticks(bar.ax.yaxis, (0.03, 0.1, 0.3, 1, 3, 10, 30))
    axes.set(
        xscale="log", yscale="log", xlim=RHO, ylim=S, xlabel="ratio of curvatures ρ", ylabel="alignment s"
    )
    axes.set_title("α = 1/4: black: $η_c$ = best step; white: first steps equal")
    axes.grid(visible=False)
    plain_ticks(axes.xaxis, (1.5, 2, 3, 5, 10, 20, 50, 100))
    plain_ticks(axes.yaxis, (1, 2, 5, 10, 20))
