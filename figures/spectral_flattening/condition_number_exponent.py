"""The condition number that Muon's preconditioner leaves: noise halves the exponent, signal ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key, note, plain_ticks, reference
from figures.gallery.tables import table, where
from figures.spectral_flattening._preconditioned import curvature, inputs, left_over
from labs.core.arrays import Backend
from labs.core.fit import exponent
from theory.spectral_flattening import SF_K2d, SF_K3b, SF_K3e, SF_K4b, SF_K4c

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Preconditioning by one gradient: exponent 1/2 from noise, 0 from signal, 1 without"
CAPTION = """
B has 4 rows.  One gradient G with n columns preconditions it, C = (G G^T)^(1/2).  Left: the condition number that is
left, against that of B (medians over draws; bars from the lower to the upper quartile).  If G is the noise of a batch
and the curvature is Fisher's, theory says kappa(B)^(1/2) for many columns (dashed); if it is the signal B Delta A of
an isotropic error, 1: Newton's method on this side.  Gradient descent keeps kappa(B) (grey).  Right: the exponents,
fitted with 95 % intervals, approach those of the limit as the columns grow: 16 are nearly enough.  Where B is well
conditioned a gradient with few columns makes it worse, not better (circles above the grey line on the far left).
"""
CLAIMS = (SF_K2d, SF_K3b, SF_K3e, SF_K4b, SF_K4c)

REGIMES = {"noise": 0.5, "signal": 1.0}  # the power of B and of A in the gradient
COLUMNS = {"smoke": (8, 64), "quick": (6, 16, 64, 1024), "full": (6, 16, 64, 256, 1024, 4096)}
SPREADS = {"smoke": 4, "quick": 13, "full": 25}
DRAWS = {"smoke": 15, "quick": 60, "full": 200}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "left" (a row per regime, n, kappa(B)), "slope" (per regime, n)."""
    rows, slopes = [], []
    spreads = np.logspace(0, 6, SPREADS[scale])
    for regime, power in REGIMES.items():
        for n in COLUMNS[scale]:
            found = []
            for spread in spreads:
                a, Z, _ = inputs(n, DRAWS[scale], float(spread))
                b = curvature(float(spread))
                found.append(left_over(b[:, None] ** power * Z * a**power, b, backend))
            low, middle, high = np.quantile(found, [0.25, 0.5, 0.75], axis=1)
            rows.append(
                {"regime": regime, "n": n, "kappa": spreads, "low": low, "median": middle, "high": high}
            )
            kept = spreads >= 10
            fitted = exponent(spreads[kept], middle[kept])
            slopes.append({"regime": regime, "n": n, "slope": fitted.value, "half_width": fitted.half_width})
    return {"left": table(rows), "slope": table(slopes)}


def draw(tables: Any) -> Figure:
    """What is left against what there was; the fitted exponents."""
    from figures.gallery import style

    figure, (left, right) = style.panels(1, 2, width=12.6, height=4.6)
    rows, slopes = tables["left"], tables["slope"]
    columns = np.unique(rows["n"])
    markers = dict(zip(columns, "ovs^Dx", strict=False))
    kappa = np.unique(rows["kappa"])
    reference(left, kappa, kappa)
    note(left, "gradient descent", (kappa[-1] ** 0.6, kappa[-1] ** 0.6), (-84, 8))
    for number, (regime, power) in enumerate(REGIMES.items()):
        colour = style.series(number)["color"]
        style.predicted(left, kappa, kappa ** (1 - power), number, linestyle="--")
        style.predicted(right, columns, 0 * columns + 1 - power, number, linestyle="--", label=regime)
        for n in columns:
            points = where(rows, regime=regime, n=n)
            look: dict[str, Any] = {"marker": markers[n], "markersize": 4.5}
            style.computed(left, points["kappa"], points["median"], number, **look)
            left.vlines(points["kappa"], points["low"], points["high"], color=colour, linewidth=0.7)
            fitted = where(slopes, regime=regime, n=n)
            style.computed(right, fitted["n"], fitted["slope"], number, **look)
            low, high = (fitted["slope"] + sign * fitted["half_width"] for sign in (-1, 1))
            right.vlines(fitted["n"], low, high, color=colour, linewidth=1.2)
    reference(right, columns, 0 * columns + 1)
    note(right, "gradient descent", (columns[-1], 1.0), (-90, -14))
    left.set(xscale="log", yscale="log", xlabel=r"$\kappa(B)$", ylabel=r"$\kappa(C^{-1/2} B\, C^{-1/2})$")
    left.set_title("what one gradient leaves of the condition number")
    right.set(xscale="log", xlabel="columns n", ylabel="exponent", ylim=(-0.1, 1.1))
    right.set_title(r"fitted for $\kappa(B) \geq 10$")
    plain_ticks(right.xaxis, columns)
    style.legend_outside(right, "limit")
    key(right, **{f"n = {n}": COMPUTED | {"marker": markers[n]} for n in columns})
    return figure
