"""Who has the lower loss when: GD against Muon on two levels of curvature, and what the paper's condition covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import plain_ticks
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.curvature_nds.levels import two_level, win_region
from labs.curvature_nds.quadratic import descend
from theory.curvature_nds import (
    NDS_T2,
    NDS_T2ab,
    NDS_T2bb,
    NDS_T2ca,
    NDS_T2cc,
    NDS_T2di,
    NDS_T2dii,
    NDS_T2diii,
    NDS_T2div,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "GD against Muon on two levels of curvature: the sharp phase diagram"
CAPTION = """
Both use exact line search; rho is the ratio of the two curvatures, s that of the gradient on the two levels, alpha
the share of modes on the high level.  Colours: after which steps Muon's loss is the lower one (signs of
polynomials). Lines: Muon's first step is the better one for 1 < s < s* (dashed), its late rate between rho_lo and
rho_hi (solid).  Circles are simulations: the upper half is full where Muon is ahead after one step, the lower half
where it is after 200, which close to a solid line is too early to tell.  The paper's sufficient condition, a s < 1 <
a rho with a = alpha/(1 - alpha), is the hatched rectangle: inside region I, and about half of it (0.484 of it in a
box of parameters).  Its upper edge, a s = 1, points at the corner in which both thresholds meet; its left edge is
far from rho_lo unless alpha is near 1/2.
Without alignment (s < 1) Muon always loses the first step, yet often wins later; with too much of it (s > s*) it
loses the first step again.
"""
CLAIMS = (
    NDS_T2,
    NDS_T2ab,
    NDS_T2bb,
    NDS_T2ca,
    NDS_T2cc,
    NDS_T2di,
    NDS_T2dii,
    NDS_T2diii,
    NDS_T2div,
)

# alpha, as m of q modes.
SHARES = ((1, 50), (1, 10), (1, 4), (9, 20))
RHO, S = (1.03, 100.0), (0.3, 20.0)
CELLS = {"smoke": 20, "quick": 140, "full": 400}
LINE = 1200
CIRCLES = {"smoke": (4, 3), "quick": (13, 10), "full": (17, 13)}
STEPS = 200


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "map" (a row per alpha, rho, s), "lines" (per alpha and curve) and "runs" (per alpha, rho, s)."""
    n = CELLS[scale]
    rho, s = np.geomspace(*RHO, n), np.geomspace(*S, n)
    ratio, alignment = np.geomspace(*RHO, LINE), np.geomspace(*S, LINE)
    maps, lines, runs = [], [], []
    for m, q in SHARES:
        region = backend.to_numpy(
            win_region(m / q, backend.asarray(rho)[None, :], backend.asarray(s)[:, None])
        )
        grid = {"alpha": m / q, "rho": np.tile(rho, n), "s": np.repeat(s, n)}
        maps.append(grid | {"region": region.ravel()})
        form = two_level(m, q, backend.asarray(ratio), 1.0)
        lines.append({"alpha": m / q, "curve": "s_star", "rho": ratio, "s": backend.to_numpy(form.s_star)})
        form = two_level(m, q, 1.0, backend.asarray(alignment))
        lower, upper = backend.to_numpy(form.rho_lo), backend.to_numpy(form.rho_hi)
        lines.append({"alpha": m / q, "curve": "rho_lo", "rho": lower, "s": alignment})
        # Infinite in an interval around s = 1/a: a branch on either side.
        heavy = alignment >= (q - m) / m
        for curve, side in (("rho_hi below", ~heavy), ("rho_hi above", heavy)):
            kept = np.isfinite(upper) & side
            if kept.any():
                lines.append({"alpha": m / q, "curve": curve, "rho": upper[kept], "s": alignment[kept]})
        runs.append({"alpha": m / q} | simulated(m, q, CIRCLES[scale], backend))
    return {"map": table(maps), "lines": table(lines), "runs": table(runs)}


def simulated(m: int, q: int, counts: tuple[int, int], backend: Backend) -> dict[str, np.ndarray]:
    """Whether Muon is ahead after 1 and after STEPS steps, on a grid of rho and s."""
    ends = [np.log(side) for side in (RHO, S)]
    # In the middles of cells, where no threshold passes exactly.
    sides = [
        np.exp(low + (high - low) * (np.arange(k) + 0.5) / k)
        for (low, high), k in zip(ends, counts, strict=True)
    ]
    rho, s = (side.ravel() for side in np.meshgrid(*sides))
    high = np.arange(q) < m
    w, sigma = (backend.asarray(np.where(high, x[:, None], 1.0)) for x in (rho, s))
    gd, muon = (backend.to_numpy(descend(w, sigma, rule, STEPS).log_loss) for rule in ("gd", "muon"))
    return {"rho": rho, "s": s, "first": (muon < gd)[:, 1], "late": (muon < gd)[:, STEPS]}


COLOURS = ("#a6cee3", "#fdd9a0", "#c7e3c0", "#e0e0e0")
NAMES = (
    "I: Muon, after every step",
    "II: Muon first, then GD",
    "III: GD first, then Muon",
    "IV: never Muon",
)
CURVES = {"s_star": "--", "rho_lo": "-", "rho_hi below": "-", "rho_hi above": "-"}


def draw(tables: Any) -> Figure:
    """A panel per alpha."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    from figures.gallery import style

    figure, panels = style.panels(2, 2, width=12.6, height=9.0)
    for axes, (m, q) in zip(panels, SHARES, strict=True):
        _draw_panel(axes, tables, m / q)
    dark: dict[str, Any] = {"color": "black", "marker": ""}
    circle: dict[str, Any] = {"marker": "o", "color": "black", "linestyle": "", "markerfacecoloralt": "white"}
    handles: list[Any] = [
        Patch(facecolor=c, edgecolor="0.5", label=n) for c, n in zip(COLOURS, NAMES, strict=True)
    ]
    handles += [
        Patch(facecolor="none", edgecolor="black", hatch="///", label="the paper's condition"),
        Line2D([], [], linestyle="-", label="late rates equal", **dark),
        Line2D([], [], linestyle="--", label="first steps equal", **dark),
        Line2D([], [], fillstyle="top", label="run: Muon ahead at T = 1", **circle),
        Line2D([], [], fillstyle="bottom", label=f"run: Muon ahead at T = {STEPS}", **circle),
    ]
    panels[1].legend(handles=handles, loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0.0)
    return figure


def _draw_panel(axes: Axes, tables: Any, alpha: float) -> None:
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Rectangle

    rows = where(tables["map"], alpha=alpha)
    rho, s = np.unique(rows["rho"]), np.unique(rows["s"])
    region = rows["region"].reshape(s.size, rho.size)
    axes.pcolormesh(rho, s, region, cmap=ListedColormap(COLOURS), vmin=0.5, vmax=4.5, shading="nearest")
    for curve, style in CURVES.items():
        line = where(tables["lines"], alpha=alpha, curve=curve)
        axes.plot(line["rho"], line["s"], color="black", linewidth=1.4, linestyle=style, marker="")
    axes.axhline(1.0, color="black", linewidth=1.4, linestyle="--")
    a = alpha / (1 - alpha)
    # From (rho, s) = (1/a, 1) to the edge of the panel and 1/a.
    corner, top = (1 / a, 1.0), min(1 / a, S[1])
    if corner[0] < RHO[1]:
        sides = (RHO[1] - corner[0], top - 1.0)
        axes.add_patch(
            Rectangle(corner, *sides, facecolor="none", edgecolor="black", hatch="///", linewidth=1.2)
        )
    runs = where(tables["runs"], alpha=alpha)
    for first, late, fill in ((1, 1, "full"), (1, 0, "top"), (0, 1, "bottom"), (0, 0, "none")):
        keep = (runs["first"] == first) & (runs["late"] == late)
        look: dict[str, Any] = {"marker": "o", "markersize": 5, "linestyle": "", "color": "black"}
        axes.plot(runs["rho"][keep], runs["s"][keep], fillstyle=fill, markerfacecoloralt="white", **look)
    axes.set(
        xscale="log", yscale="log", xlim=RHO, ylim=S, xlabel="ratio of curvatures ρ", ylabel="alignment s"
    )
    axes.set_title(f"α = {alpha:g} of the modes on the high level")
    axes.grid(visible=False)
    plain_ticks(axes.xaxis, (1.1, 1.5, 2, 3, 5, 10, 20, 50, 100))
    plain_ticks(axes.yaxis, (0.3, 0.5, 1, 2, 5, 10, 20))
