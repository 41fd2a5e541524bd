"""What share of the best one-step decrease plain gradient descent and Muon reach, and where they change places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key, note, plain_ticks, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.spectrum import power_law
from labs.core.sphere import expect
from labs.isotropic_curvature import Power
from labs.isotropic_curvature.efficiency import crossover_exponent, efficiency, gradient_descent_guarantee
from theory.isotropic_curvature import ICM_X13a, ICM_X13d, ICM_X13e, ICM_X14b, ICM_X14c
from theory.isotropic_curvature.quartic_efficiency import cube, two_numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Gradient descent is near-optimal for slow growth, Muon better beyond a crossover exponent"
CAPTION = """
H(x) = x^p, gradients g_i = i^-s, step sizes tuned.  Left: the share of the optimal decrease that gradient descent
(circles) and Muon (crosses) reach.  Gradient descent stays above its guarantee (E|Z|^p)^(-1/(p-1)) (thick black line)
for every gradient; Muon does not.  The two cross at the exponent p_c that solves N_p(g) = sum g^2/sum g (dotted
lines), which knows nothing of the optimum.  Middle: the worst gradients known are one spike over a flat bulk; a is
the share q_1^2/S of the spike in the optimal update, n = 64.  For p = 4 the line is the limit of infinitely many
directions in closed form; its minimum, 0.930351 at a = 0.436368, is the least efficiency of gradient descent over all
spectra of all sizes.  Right: p_c against dimension and slope.  As s -> 0 it tends to (n + 6)/2: there the lines
of equal p_c must meet the left edge (triangles).  In high dimension only a very steep curvature favours Muon.
"""
CLAIMS = (ICM_X13a, ICM_X13d, ICM_X13e, ICM_X14b, ICM_X14c)

SPECTRA = ((8, 1.0), (32, 1.0), (32, 0.5))
SPIKE = 64
STEEPNESSES = (2.5, 4.0, 8.0)
EXPONENTS = {
    "smoke": (2.5, 4.0, 8.0, 16.0),
    "quick": (2.1, 2.3, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0, 10.0, 13.0, 16.0, 22.0, 30.0, 40.0),
    "full": tuple(float(p) for p in np.unique((2 + np.geomspace(0.05, 58, 40)).round(2))),
}
SHARES = {"smoke": 5, "quick": 25, "full": 60}
SIZES = {
    "smoke": (2, 8),
    "quick": (2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128),
    "full": (2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256, 362, 512),
}
SLOPES = {
    "smoke": (0.01, 1.0),
    "quick": (0.01, *np.arange(0.125, 2.1, 0.125)),
    "full": (0.01, *np.arange(0.05, 2.01, 0.05)),
}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "share" (a row per n, s, p), "crossover" (per n, s), "spike" (per p, a), "limit" (per a) and "map"."""
    shares, crossovers = [], []
    for n, s in SPECTRA:
        g = power_law(n, s)
        for p in EXPONENTS[scale]:
            H = Power(p)
            reached = {"descent": efficiency(g, H, "gd"), "muon": efficiency(g, H, "muon")}
            shares.append({"n": n, "s": s, "p": p, **reached, "guarantee": gradient_descent_guarantee(p)})
        crossing = crossover_exponent(g)
        crossovers.append({"n": n, "s": s, "p": crossing, "share": efficiency(g, Power(crossing), "gd")})
    a = np.linspace(0.02, 0.98, SHARES[scale])
    spikes = [{"p": p, "a": a, "share": spike_efficiency(a, p, SPIKE)} for p in STEEPNESSES]
    fine = np.linspace(0.0, 1.0, 201)
    limit = {"a": fine, "share": np.array([cube(two_numbers(x, x)) for x in fine]) ** (1 / 3)}
    pairs = [(n, float(s)) for n in SIZES[scale] for s in SLOPES[scale]]
    maps = [{"n": n, "s": s, "p": crossover_exponent(power_law(n, s))} for n, s in pairs]
    return {
        "share": table(shares),
        "crossover": table(crossovers),
        "spike": table(spikes),
        "limit": limit,
        "map": table(maps),
    }


def spike_efficiency(a: np.ndarray, p: float, n: int) -> np.ndarray:
    """eff(G) where the update with squares (a, (1-a)/(n-1), ...) is optimal, for every a; no solver is needed."""
    H = Power(p)
    q = np.sqrt(np.column_stack([a, *[(1 - a) / (n - 1)] * (n - 1)]))
    value, g, _ = expect(H, q, order=1)
    g = g / np.max(g, axis=-1, keepdims=True)
    along = np.sum(g * g, axis=-1) ** p / expect(H, g, order=0)[0]
    best = np.sum(q * g, axis=-1) ** p / value
    return (along / best) ** (1 / (p - 1))


def draw(tables: Any) -> Figure:
    """Shares against the exponent; the worst family; the crossover exponent."""
    from figures.gallery import style

    figure, (left, middle, right) = style.panels(1, 3, width=15.2, height=4.6)
    rows = tables["share"]
    first = where(rows, n=SPECTRA[0][0], s=SPECTRA[0][1])
    left.plot(first["p"], first["guarantee"], color="black", linewidth=2.2, linestyle="-", marker="")
    for number, (n, s) in enumerate(SPECTRA):
        points = where(rows, n=n, s=s)
        crossing = where(tables["crossover"], n=n, s=s)
        p, share = crossing["p"][0], crossing["share"][0]
        look: dict[str, Any] = {"linestyle": "-", "linewidth": 0.7}
        label = f"n = {n:g}, s = {s:g}\n$p_c$ = {p:.3f}"
        style.computed(left, points["p"], points["descent"], number, **look, marker="o", label=label)
        style.computed(left, points["p"], points["muon"], number, **look, marker="x")
        style.predicted(left, np.array([p, p]), np.array([0.2, share]), number, linestyle=":", linewidth=1.2)
    left.set(xscale="log", xlabel="exponent p", ylabel="share of the optimal decrease", ylim=(0.2, 1.03))
    reference(left, left.get_xlim(), [1, 1])
    left.set_title("two simple updates")
    plain_ticks(left.xaxis, (2, 3, 4, 6, 10, 16, 40))
    style.legend_outside(left, "gradient")
    key(
        left,
        gradient_descent=COMPUTED,
        Muon=COMPUTED | {"marker": "x"},
        crossover={"linestyle": ":", "linewidth": 1.2},
        guarantee_for_GD={"linestyle": "-", "linewidth": 2.2, "color": "black"},
    )
    _draw_spikes(middle, tables, style)
    _draw_map(figure, right, tables["map"])
    return figure


def _draw_spikes(axes: Any, tables: Any, style: Any) -> None:
    for number, p in enumerate(STEEPNESSES):
        points = where(tables["spike"], p=p)
        style.computed(axes, points["a"], points["share"], number, label=f"{p:g}")
        bound = gradient_descent_guarantee(p)
        axes.axhline(bound, color=style.series(number)["color"], linewidth=1.2, linestyle=":")
    style.predicted(axes, tables["limit"]["a"], tables["limit"]["share"], 1, linestyle="-")
    low = int(np.argmin(tables["limit"]["share"]))
    lowest = (tables["limit"]["a"][low], tables["limit"]["share"][low])
    note(axes, "least: 0.930351", lowest, (28, -48), arrowprops={"arrowstyle": "-", "color": "0.35"})
    axes.set(xlabel="share of the spike, $a = q_1^2/S$", ylim=(0.45, 1.02))
    axes.set_ylabel("share of the optimal decrease")
    axes.set_title(f"one spike over a flat bulk, n = {SPIKE}")
    style.legend_outside(axes, "exponent p")
    looks: dict[str, dict[str, Any]] = {
        "gradient_descent": COMPUTED,
        "limit n → ∞": {"linestyle": "-"},
        "guarantee": {"linestyle": ":", "linewidth": 1.2},
    }
    key(axes, **looks)


LEVELS = (5.0, 7.0, 10.0, 15.0, 25.0, 40.0, 70.0, 120.0)


def _draw_map(figure: Any, axes: Any, rows: Any) -> None:
    from matplotlib.colors import LogNorm

    n, s = np.unique(rows["n"]), np.unique(rows["s"])
    values = rows["p"].reshape(n.size, s.size)
    mesh = axes.pcolormesh(s, n, values, norm=LogNorm(), shading="nearest")
    lines = axes.contour(s, n, values, levels=LEVELS, colors="white", linewidths=0.9)
    axes.clabel(lines, fmt="%g", fontsize="small")
    # On the left edge, where a level of p_c must end: n = 2 p_c - 6.
    ends = np.array([2 * level - 6 for level in LEVELS if n[0] <= 2 * level - 6 <= n[-1]])
    axes.plot(
        0 * ends,
        ends,
        linestyle="",
        marker=">",
        color="white",
        markeredgecolor="black",
        markersize=8,
        clip_on=False,
    )
    bar = figure.colorbar(mesh, ax=axes, label="crossover exponent $p_c$")
    plain_ticks(bar.ax.yaxis, [c for c in (4, 6, 10, 20, 40, 100, 200) if values.min() <= c <= values.max()])
    axes.set(
        yscale="log",
        xlabel="slope s of $g_i = i^{-s}$",
        ylabel="dimension n",
        xlim=(0, s[-1]),
        ylim=(n[0], n[-1]),
    )
    axes.set_title("where Muon overtakes")
    plain_ticks(axes.yaxis, 2.0 ** np.arange(1, 10))
