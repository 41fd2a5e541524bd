"""How the ratio of two nearly equal singular values responds: q_1/q_2 = (g_1/g_2)^exponent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, THICK, THIN, key, plain_ticks, reference
from figures.gallery.tables import table, where
from figures.isotropic_curvature._shared import optimal, ratio_at_limit
from labs.core.arrays import Backend
from labs.isotropic_curvature import Power
from theory.isotropic_curvature import ICM_X1b, ICM_X4a
from theory.isotropic_curvature.local import local_exponent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Near an isotropic gradient the response exponent is (n + 2)/(n + 2p - 2)"
CAPTION = """
All g_i are equal but two, which are r^(1/2) and r^(-1/2) times the others; what is shown is the exponent
log(q_1/q_2)/log(g_1/g_2) of the optimal update for H(x) = x^p: 1 is gradient descent, 0 is Muon.  Left: as
r -> 1 (computed at r = 1.002) it is (n+2)/(n+2p-2) to six digits, and tends to 1 with the dimension: in high
dimension even a steep curvature leaves a nearly isotropic gradient as it is.  Middle: the computed exponent
differs from the formula by a multiple of (log r)^2 (lines of slope 2), so the formula is the limit.  Right:
far from isotropy the formula (thin horizontal lines) fails, as it must.  No ratio shrinks by more than p - 1,
so every exponent bends back to 1; the thick lines are how far that limit, in its sharper form, lets it go
(down for p > 2, up for p < 2), and there the points end up.  Middle and right: n = 4.
"""
CLAIMS = (ICM_X4a, ICM_X1b)

EXPONENTS = (1.5, 2.5, 4.0, 10.0, 40.0)
NEAR = 1.002
FEW = 4
SIZES = {
    "smoke": (2, 3, 6, 10),
    "quick": (2, 3, 4, 6, 8, 10, 16, 32, 64, 128, 256),
    "full": (2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512),
}
LOGS = {"smoke": 4, "quick": 20, "full": 40}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "near" (r = 1.002, a row per p and n) and "spread" (n = 4, a row per p and r), each with theory."""
    near, spread = [], []
    ratios = np.exp(np.geomspace(3e-3, np.log(1e5), LOGS[scale]))
    for p in EXPONENTS:
        for n in SIZES[scale]:
            value = exponent(np.array([NEAR]), n, p, backend)
            near.append({"p": p, "n": n, "exponent": value, "theory": local_exponent(p - 2, n)})
        value = exponent(ratios, FEW, p, backend)
        limit = np.log(ratio_at_limit(ratios, p - 2)) / np.log(ratios)
        spread.append(
            {
                "p": p,
                "r": ratios,
                "exponent": value,
                "theory": local_exponent(p - 2, FEW),
                "limit": limit,
            }
        )
    return {"near": table(near), "spread": table(spread)}


def exponent(ratios: np.ndarray, n: int, p: float, backend: Backend) -> np.ndarray:
    """log(q_1/q_2) / log(g_1/g_2) at the optimum, for each r = g_1/g_2."""
    g = np.ones((ratios.size, n))
    g[:, 0], g[:, 1] = np.sqrt(ratios), 1 / np.sqrt(ratios)
    q = optimal(g, Power(p), backend)
    return np.log(q[:, 0] / q[:, 1]) / np.log(g[:, 0] / g[:, 1])


def draw(tables: Any) -> Figure:
    """Against the dimension; against the spread, as a distance from the formula; far from isotropy."""
    from figures.gallery import style

    near, spread = tables["near"], tables["spread"]
    figure, (left, middle, right) = style.panels(1, 3, width=13.6, height=4.3)
    for number, p in enumerate(np.unique(near["p"])):
        by_size = where(near, p=p)
        style.predicted(left, by_size["n"], by_size["theory"], number)
        style.computed(left, by_size["n"], by_size["exponent"], number)
        by_ratio = where(spread, p=p)
        logs = np.log(by_ratio["r"])
        distance = np.abs(by_ratio["exponent"] - by_ratio["theory"])
        style.computed(middle, logs, distance, number)
        style.predicted(middle, logs, distance[0] * (logs / logs[0]) ** 2, number, linewidth=0.8)
        style.computed(right, logs, by_ratio["exponent"], number, label=f"{p:g}")
        style.predicted(right, logs, by_ratio["limit"], number)
        style.predicted(right, logs, by_ratio["theory"], number, linewidth=0.6, linestyle="-")
    for panel in (left, right):
        reference(panel, panel.get_xlim(), [1, 1])
    left.set(xscale="log", xlabel="dimension n", ylabel="exponent $d\\log(q_1/q_2)\\,/\\,d\\log(g_1/g_2)$")
    left.set_title("two directions apart by 0.2 %")
    plain_ticks(left.xaxis, (2, 4, 8, 16, 32, 64, 128, 256))
    middle.set(xscale="log", yscale="log", ylabel="distance from the formula", ylim=(1e-8, 3))
    middle.set_title(f"approach to the formula, n = {FEW}")
    right.set(xscale="log", ylabel="exponent $\\log(q_1/q_2)\\,/\\,\\log(g_1/g_2)$", ylim=left.get_ylim())
    right.set_title(f"far from isotropy, n = {FEW}")
    for panel in (middle, right):
        panel.set_xlabel("spread, $\\log(g_1/g_2)$")
    style.legend_outside(right, "exponent p")
    key(right, optimum=COMPUTED, formula=THIN, **{"limit on the\nexponent": THICK})
    return figure
