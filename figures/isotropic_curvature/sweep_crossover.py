"""From which exponent on Muon beats gradient descent where the gradient is noise."""

from __future__ import annotations

import math
import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key, plain_ticks
from figures.gallery.tables import where
from labs.core.arrays import Backend
from labs.core.sweep import Sweep, results, run
from labs.isotropic_curvature.sweeps import CROSSOVER
from theory.isotropic_curvature import ICM_X14b, ICM_X14c

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "For a gradient of pure noise Muon wins only from about p = 0.82 n on"
CAPTION = """
For H(x) = x^p Muon beats gradient descent above the crossover exponent p_c of the gradient.  Crosses: singular
values i^-s.  Circles: those of Gaussian matrices, n by n, whose columns are scaled by i^-s, every draw a point.
Left: in units of the dimension.  Nearly equal singular values cross at (n + 6)/2 (s = 0.01, thick line).  Pure noise
(s = 0) takes more: p_c tends to 0.816 n, where the moments of the quarter-circle law put it (dashed), from far above.
Right: against the slope, in units of (n + 6)/2.  A moderate decay brings p_c down, the more the larger n, and less
with noise than without; a steep one brings it up again, because then one direction dominates.
"""
CLAIMS = (ICM_X14b, ICM_X14c)

NEARLY = 0.01  # the slope that stands for nearly equal
LAW: dict[str, Any] = {"linestyle": "-", "linewidth": 0.7, "marker": "x", "markersize": 4}
EQUAL: dict[str, Any] = {"color": "black", "linestyle": "-", "linewidth": 1.8, "marker": "", "zorder": 1}
NOISE: dict[str, Any] = {"color": "black", "linestyle": "--", "linewidth": 1.2, "marker": "", "zorder": 1}

_FEW = (0.0, NEARLY, 0.5, 1.0)
# From 4 on: two or three Gaussian directions now and then are one spike, with p_c beyond 1000.
_SIZES = (4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256)
SWEEPS = {
    "smoke": (
        CROSSOVER.at("quick").with_axes(n=[16], decay=[0.0, NEARLY]),
        CROSSOVER.at("quick").with_axes(n=[8], decay=[1.0]),
    ),
    "quick": (
        CROSSOVER.at("quick").with_axes(n=_SIZES, decay=_FEW),
        CROSSOVER.at("quick").with_axes(n=[16, 256], decay=[i / 8 for i in range(17)]),
    ),
    "full": (
        CROSSOVER.at("full").with_axes(n=[*_SIZES, 362, 512], decay=_FEW),
        CROSSOVER.at("full").with_axes(n=[16, 64, 512], decay=[i / 20 for i in range(41)]),
    ),
}


# Of the sweep's kinds of gradients.
KINDS = ("power law", "gaussian")


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "sizes" and "slopes", a row per cell of two parts of the sweep; "limit", p_c/n of noise as n -> inf."""
    tables = {
        name: _cells(part, backend) for name, part in zip(("sizes", "slopes"), SWEEPS[scale], strict=True)
    }
    return tables | {"limit": {"ratio": np.array([noise_limit()])}}


def _cells(sweep: Sweep, backend: Backend) -> dict[str, np.ndarray]:
    """The cells that have a crossover."""
    with tempfile.TemporaryDirectory() as store:
        run(sweep, store=store, backend=backend.name)
        rows = results(sweep, store=store, backend=backend.name).to_dataframe().reset_index()
    rows = rows[rows["kind"].isin(KINDS) & rows["crossover"].notna()]
    table = {name: rows[name].to_numpy() for name in ("n", "decay", "replicate", "crossover", "limit")}
    return table | {"kind": rows["kind"].to_numpy().astype(str)}


def noise_limit() -> float:
    """lim p_c/n for square Gaussian matrices: the b in (0, 1) with ((1 + b) log(1 + b) - b)/(2 b) = log(3 pi/8).

    Right: log(sum g^2/sum g) for the quarter-circle law.  Left: lim log N_p, p = b n.  By the expectations
    that `mean_power` integrates, (n/2) ((1 + b) log(1 + b) - b log b) + p log N_p is the logarithm of a coefficient,
    that of t^(p/2) in prod (1 - g_i^2 t)^(-1/2).  The moments of g^2 are the Catalan numbers, of generating function
    C = 1 + t C^2, so that the saddle point is where C = 1 + b, and -mean log(1 - g^2 t) = 2 log C - b there.
    """
    from scipy.optimize import brentq

    target = math.log(3 * math.pi / 8)
    return float(brentq(lambda b: ((1 + b) * math.log1p(b) - b) / (2 * b) - target, 0.1, 1.0, xtol=1e-14))


def draw(tables: Any) -> Figure:
    """Against the dimension; against the slope."""
    from figures.gallery import style

    figure, (left, right) = style.panels(1, 2, width=12.4, height=4.6)
    sizes, slopes = tables["sizes"], tables["slopes"]
    n = np.unique(sizes["n"])
    left.axhline(tables["limit"]["ratio"][0], **NOISE)
    left.plot(n, (n + 6) / (2 * n), **EQUAL)
    # Hardly any decay and none share a colour: without any, equal singular values have no crossover.
    colours = {s: max(0, i - 1) for i, s in enumerate(np.unique(sizes["decay"]))}
    for s, number in colours.items():
        for kind in KINDS:
            points = where(sizes, kind=kind, decay=s)
            named = kind == "gaussian" and s != NEARLY
            label = f"{s:g}" + (f" and {NEARLY}" if named and s == 0 else "") if named else ""
            _points(left, points["n"], points["crossover"] / points["n"], number, kind, label)
    left.set(
        xscale="log", yscale="log", xlabel="dimension n", ylabel="crossover exponent over dimension, $p_c/n$"
    )
    plain_ticks(left.xaxis, [x for x in (2, 4, 8, 16, 32, 64, 128, 256, 512) if n[0] <= x <= n[-1]])
    style.legend_outside(left, "slope s")
    for number, size in enumerate(np.unique(slopes["n"])):
        for kind in KINDS:
            points = where(slopes, kind=kind, n=size)
            label = f"{size:g}" if kind == "gaussian" else ""
            _points(right, points["decay"], points["crossover"] / points["limit"], number, kind, label)
    right.axhline(1, **EQUAL)
    right.set(yscale="log", xlabel="slope s", ylabel="crossover exponent, $p_c\\,/\\,((n + 6)/2)$")
    for panel in (left, right):
        plain_ticks(
            panel.yaxis, [y for y in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if _within(panel.get_ylim(), y)]
        )
    style.legend_outside(right, "dimension n")
    looks = {"Gaussian matrix": COMPUTED, "$i^{-s}$": LAW, "nearly equal": EQUAL, "limit of noise": NOISE}
    key(left, **looks)
    return figure


def _points(panel: Axes, x: np.ndarray, y: np.ndarray, number: int, kind: str, label: str) -> None:
    from figures.gallery import style

    look = LAW if kind == "power law" else COMPUTED | {"markersize": 4.5}
    style.computed(panel, x, y, number, **look, label=label or "_")


def _within(limits: tuple[float, float], y: float) -> bool:
    return limits[0] <= y <= limits[1]
