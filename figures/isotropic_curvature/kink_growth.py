"""How sharp a kink has to be for full orthogonalisation to be optimal: exponentially, in the dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key, note, plain_ticks, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.spectrum import power_law, two_level
from labs.isotropic_curvature.kink_closed_forms import two_level_kink
from labs.isotropic_curvature.zonoid import entropy_bound, minimal_kink
from theory.isotropic_curvature.minimal_kink import ICM_T4cb, ICM_T4da, ICM_T4dc
from theory.isotropic_curvature.orthogonalisation import ICM_T4ba

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "The kink that makes orthogonalisation optimal grows exponentially with the dimension"
CAPTION = """
The smallest slope B beyond a kink (slope 0 before it) for which the fully orthogonalised update, Muon, is exactly
optimal for a square gradient with singular values g, in units of sum g, which would do if all g_i were equal.
Left: computed to full precision (circles) for three spectra; for two levels, where incomplete beta functions give it
in closed form, crosses lie in the circles.  It is never below the entropy bound (AM/GM)^(n/2) of arithmetic and
geometric means (dashed), which has the right rate.  Middle: what the bound misses, B over the bound, is a moderate
factor; the saddle point predicts (sqrt(pi)/e) s with s^2 = sum (g_i/mean - 1)^2 (dashed), and 1 + 2/s times that
(dotted) has been above it in every case.  The prediction is poor where s is small, in few dimensions.  Right: the
growth of log B per dimension, between neighbouring n, tends to that of the bound, (1/2) log(AM/GM) for two levels:
0.0719, a factor e every 14 dimensions.  For 1/i the rate itself still grows.
"""
CLAIMS = (ICM_T4ba, ICM_T4cb, ICM_T4da, ICM_T4dc)

FAMILIES = {"halves, 3 : 1": two_level, "$i^{-1/2}$": lambda n: power_law(n, 0.5), "$1/i$": power_law}
LEVELS = "halves, 3 : 1"
_QUICK = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
SIZES = {"smoke": (4, 8, 16), "quick": _QUICK, "full": (*_QUICK, 192, 256, 384, 512)}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "growth" (a row per family and n), "beta" (the closed form), "rate" (between neighbouring n)."""
    growth, rate = [], []
    sizes = np.array(SIZES[scale])
    for family, spectrum in FAMILIES.items():
        spectra = [np.asarray(spectrum(int(n))) for n in sizes]
        kink = np.array([minimal_kink(g)[0] / np.sum(g) for g in spectra])
        bound = np.array([entropy_bound(g) / np.sum(g) for g in spectra])
        s = np.array([np.sqrt(np.sum((g / np.mean(g) - 1) ** 2)) for g in spectra])
        prefactor = np.sqrt(np.pi) / np.e * s
        growth.append(
            {"family": family, "n": sizes, "kink": kink, "bound": bound, "predicted": prefactor, "s": s}
        )
        step = np.diff(sizes)
        rate.append(
            {
                "family": family,
                "n": np.sqrt(sizes[1:] * sizes[:-1]),
                "rate": np.diff(np.log(kink)) / step,
                "theory": np.diff(np.log(bound)) / step,
            }
        )
    exact = [
        two_level_kink(1.0, 1 / 3, int(n) // 2, int(n)) / float(np.sum(two_level(int(n)))) for n in sizes
    ]
    return {"growth": table(growth), "beta": {"n": sizes, "kink": np.array(exact)}, "rate": table(rate)}


def draw(tables: Any) -> Figure:
    """B against the dimension; B over the bound; the growth per dimension."""
    from figures.gallery import style

    growth, beta = tables["growth"], tables["beta"]
    figure, (left, middle, right) = style.panels(1, 3, width=13.6, height=4.3)
    for number, family in enumerate(FAMILIES):
        rows, rates = where(growth, family=family), where(tables["rate"], family=family)
        style.predicted(left, rows["n"], rows["bound"], number, linestyle="--")
        style.computed(left, rows["n"], rows["kink"], number)
        style.predicted(middle, rows["n"], rows["predicted"], number, linestyle="--")
        style.predicted(middle, rows["n"], rows["predicted"] * (1 + 2 / rows["s"]), number, linestyle=":")
        style.computed(middle, rows["n"], rows["kink"] / rows["bound"], number)
        style.predicted(right, rates["n"], rates["theory"], number, linestyle="--")
        style.computed(right, rates["n"], rates["rate"], number, label=family)
    style.computed(left, beta["n"], beta["kink"], list(FAMILIES).index(LEVELS), marker="x", markersize=3.5)
    reference(left, [0, beta["n"][-1]], [1, 1])
    note(left, "all $g_i$ equal", (beta["n"][-1], 1), (0, 3), ha="right")
    left.set(yscale="log", xlabel="dimension n", ylabel="slope beyond the kink, $B_{min}\\,/\\,\\sum g$")
    left.set_title("the sharpness that is needed")
    middle.set(xscale="log", yscale="log", ylabel="$B_{min}$ over the entropy bound")
    middle.set_title("what the bound misses")
    right.set(xscale="log", ylabel="growth of $\\log B_{min}$ per dimension", ylim=(0, None))
    right.set_title("the rate")
    limit = np.log(4 / 3) / 4
    reference(right, [beta["n"][0], beta["n"][-1]], [limit, limit], linewidth=0.8)
    note(right, f"{limit:.4f}", (beta["n"][-1], limit), (0, -13), ha="right")
    for panel in (middle, right):
        panel.set_xlabel("dimension n")
        plain_ticks(panel.xaxis, [n for n in (4, 8, 16, 32, 64, 128, 256, 512) if n <= beta["n"][-1]])
    plain_ticks(middle.yaxis, [c for c in (0.5, 1, 2, 5, 10, 20, 50, 100) if c <= middle.get_ylim()[1]])
    style.legend_outside(right, "singular values")
    looks: dict[str, dict[str, Any]] = {
        "computed": COMPUTED,
        "closed form\n(left)": {"linestyle": "", "marker": "x", "markersize": 3.5},
        "bound, or\nprediction": {"linestyle": "--"},
        "(1 + 2/s) times\n(middle)": {"linestyle": ":"},
    }
    key(right, **looks)
    return figure
