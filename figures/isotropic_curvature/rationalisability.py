"""Which spectral maps can be optimal: the best curvature function for a map, and a proof that none is better."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key, note, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.spectrum import power_law
from labs.isotropic_curvature import Rationalisation, rationalise
from theory.isotropic_curvature import ICM_X12a, ICM_X12c, ICM_X12d, ICM_X12f, ICM_X12g, quintic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Which spectral maps can be optimal: a linear program over all curvature functions"
CAPTION = """
A map takes the gradient's singular values g to the update's q.  Shown is how nearly the best curvature function H
makes q optimal: the least possible max_i |g_i - q_i lambda_i|/g_i, 0 if q is optimal for some H, 1 if H = 0 is as
good as any.  Circles are attained by an H (or a limit of them), lines are what a Farkas vector proves that no H can
beat; they coincide.  Left: powers q = g^theta of g = (1, 0.5, 0.2, 0.1), m = n = 4.  Powers near 1 are optimal for
some H.  Strong powers are not, although the polar map theta = 0 is (a kink at the common value of q serves): it is
an isolated point, and as theta -> 0 the residual stays at 0.135.  Above 1 the gain q/g grows with g, which
super-quadratic H exclude: dotted is (R - 1)/(R + 1), R = 10^(theta - 1), from the two extreme singular values alone.
Middle: spectra i^-s, normalised as Muon does.  Five steps of its tuned quintic come near the polar map, but not in
the right order nor for a kink: no H explains them, and with the spread of g it gets worse.  Right: the slopes H'
that explain four of the maps (theta = 0.5: come closest), lengths in units of the largest q; an arrow at 1 stands
for what an ever sharper step just below 1 adds.  For theta = 1 the quadratic H' = 4x (grey) is another one.
"""
CLAIMS = (ICM_X12a, ICM_X12c, ICM_X12d, ICM_X12f, ICM_X12g)

GRADIENT = np.array([1.0, 0.5, 0.2, 0.1])
GROWTHS = ("convex", "superquadratic")
THETAS = {
    "smoke": np.array([0.5, 0.9, 1.3]),
    "quick": np.array([0.01, *np.arange(0.1, 0.8, 0.1), 0.8, 0.84, 0.87, *np.arange(0.9, 1.65, 0.1)]),
    "full": np.array([0.001, *np.arange(0.02, 1.62, 0.02)]),
}
SPREADS = {
    "smoke": np.array([1.0]),
    "quick": np.arange(0.25, 3.1, 0.25),
    "full": np.arange(0.05, 3.05, 0.05),
}
TOLERANCE = {"smoke": 1e-2, "quick": 1e-3, "full": 1e-5}
MAPS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "five quintic steps": lambda g: quintic.iterate(g / np.linalg.norm(g)),
    "square root": np.sqrt,
    "polar": np.ones_like,
}
SHOWN = {"smoke": (0.0, 0.9), "quick": (0.0, 0.5, 0.9, 1.0), "full": (0.0, 0.5, 0.9, 1.0)}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "powers" (a row per theta and growth), "maps" (per spread s and map), "slopes" (H' step by step)."""
    tolerance = TOLERANCE[scale]
    powers, maps, slopes, convex = [], [], [], dict[float, Rationalisation]()
    for growth in GROWTHS:
        for theta in THETAS[scale]:
            answer = rationalise(GRADIENT, GRADIENT**theta, growth=growth, tolerance=tolerance)
            powers.append({"growth": growth, "theta": theta} | _bounds(answer))
            convex.setdefault(round(theta, 6), answer)  # convex growth comes first
    for name, function in MAPS.items():
        for s in SPREADS[scale]:
            g = power_law(4, s)
            maps.append({"map": name, "s": s} | _bounds(rationalise(g, function(g), tolerance=tolerance)))
    for theta in SHOWN[scale]:
        q = GRADIENT**theta
        answer = convex.get(theta) or rationalise(GRADIENT, q, tolerance=tolerance)
        edges = np.array([0.0, *answer.breaks, np.max(q) * 1.15])
        slopes.append(
            {
                "theta": theta,
                "length": np.repeat(edges, 2)[1:-1],
                "slope": np.repeat(answer.heights, 2),
                "limit": answer.limit_weight,
            }
        )
    return {"powers": table(powers), "maps": table(maps), "slopes": table(slopes)}


def _bounds(answer: Rationalisation) -> dict[str, float]:
    return {"residual": answer.residual, "proved": answer.lower}


def excluded_by_extremes(theta: Any) -> Any:
    """(R - 1)/(R + 1): the residual that lambda_1 >= lambda_4 alone forces for theta >= 1, R = (g_1/g_4)^(theta-1).

    Both relative errors t are used: (1 + t)/(1 - t) = R.
    """
    ratio = (GRADIENT[0] / GRADIENT[-1]) ** (theta - 1)
    return (ratio - 1) / (ratio + 1)


def draw(tables: Any) -> Figure:
    """Powers of the spectrum; the maps in use against the spread; the slopes found."""
    from figures.gallery import style

    figure, (left, middle, right) = style.panels(1, 3, width=15.2, height=4.4)
    labels = {"convex": "convex H", "superquadratic": "super-quadratic H"}
    for number, growth in enumerate(GROWTHS):
        rows = where(tables["powers"], growth=growth)
        style.computed(left, rows["theta"], rows["residual"], number, label=labels[growth])
        style.predicted(left, rows["theta"], rows["proved"], number)
    beyond = np.linspace(1.0, max(1.0, float(np.max(tables["powers"]["theta"]))), 60)
    look: dict[str, Any] = {"color": "0.25", "linestyle": ":", "linewidth": 2.2}
    style.predicted(left, beyond, excluded_by_extremes(beyond), 1, label="two singular values alone", **look)
    left.plot([0.0], [0.0], marker="*", markersize=11, color="0.15", linestyle="", clip_on=False, zorder=5)
    note(left, "polar map: 0", (0.0, 0.0), (12, 9))
    left.set(
        xlabel="power $\\theta$ of the map $q = g^\\theta$",
        ylabel="least residual over H",
        xlim=(-0.03, None),
    )
    left.set_title("g = (1, 0.5, 0.2, 0.1)")
    left.legend(loc="upper left", bbox_to_anchor=(0.12, 1.0))

    for number, name in enumerate(MAPS, start=2):
        rows = where(tables["maps"], map=name)
        style.computed(middle, rows["s"], rows["residual"], number, label=name)
        style.predicted(middle, rows["s"], rows["proved"], number)
    middle.set(xlabel="decay s of the spectrum $g_i = i^{-s}$, i = 1 ... 4", ylim=(-0.03, 1.0))
    middle.set_ylabel("least residual over convex H")
    middle.set_title("maps in use")
    middle.legend(loc="upper left", bbox_to_anchor=(0.0, 0.93))

    thetas = np.unique(tables["slopes"]["theta"])
    for number, theta in enumerate(thetas):
        rows = where(tables["slopes"], theta=theta)
        label = "0 (polar)" if theta == 0 else f"{theta:g}"
        style.predicted(
            right, rows["length"], rows["slope"], number, label=label, linestyle="-", linewidth=1.8
        )
        if rows["limit"][0] > 0:
            end = rows["slope"][-1]
            arrow = {"arrowstyle": "->", "color": style.series(number)["color"], "linewidth": 1.8}
            right.annotate("", (1.0, end + 2.0), (1.0, end), arrowprops=arrow)
            note(right, "limit of ever\nsharper steps", (1.0, end + 2.0), (-6, 8), ha="right", va="bottom")
    reference(right, [0, 1.15], [0, 4.6])
    note(right, "$H' = 4x$", (0.4, 1.6), (-4, 4), ha="right")
    right.set(
        xlabel="length x, in units of the largest q",
        ylabel="slope $H'(x)$, in units of $g_1$",
        xlim=(0, 1.15),
    )
    right.set_title("what explains them")
    style.legend_outside(right, "power $\\theta$")
    key(right, attained=COMPUTED, proved={"linestyle": "-"})
    return figure
