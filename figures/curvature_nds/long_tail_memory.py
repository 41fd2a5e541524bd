"""Imbalance of the data as a gap in sharpness: the linear memory with a long tail, in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.spectrum import haar, power_law
from labs.core.streams import stream
from labs.curvature_nds.memory import long_tail_memory, rotated_sign_sharpness
from theory.curvature_nds import NDS_X11b, NDS_X11c, NDS_X11e, NDS_X11f, NDS_X11g, NDS_X11h

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "The more imbalanced the data, the sharper the step that is not Muon's; the gap in loss need not grow"
CAPTION = """
A linear memory of N facts with frequencies 1/i^z, first step from zero.  Left: sharpness (NDS) over Muon's, which is
the mean frequency whatever z is.  GD's grows with z by a closed form (lines; N = 16, 64, 1024).  Sign descent, the
caricature of Adam, has Muon's sharpness as long as the inputs are coordinates; with random inputs (circles: mean and
range of the draws, N = 64) it has half of GD's or a little more.  Dashed: the arcsine law, exact in the mean; dotted:
its first order, which is too high.  Crosses: means over training that were reported for a network on Zipf-distributed
data, over Muon's at z = 0 (Adam, and Muon itself): they grow too, and much less.  Right: the share of the loss that
GD's first line-searched step removes; Muon's removes all of it.  It falls and rises again.
"""
CLAIMS = (NDS_X11b, NDS_X11c, NDS_X11e, NDS_X11f, NDS_X11g, NDS_X11h)

SIZES = (16, 64, 1024)
N = 64
POINTS = {"smoke": (7, 3, 3), "quick": (61, 13, 20), "full": (121, 25, 100)}
# Reported (z, mean NDS over training in units of Muon's at z = 0).
REPORTED = {"Adam": ((0.0, 1.63), (1.0, 2.38)), "Muon": ((0.0, 1.00), (1.0, 1.25))}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "forms" (N, z), "signs" (z) and "reported"."""
    fine, coarse, draws = POINTS[scale]
    z = np.linspace(0.0, 2.0, fine)
    rows = []
    for n in SIZES:
        found = long_tail_memory(backend.asarray(np.stack([power_law(n, float(x)) for x in z])))
        ratio, gain, signs = (backend.to_numpy(x) for x in (found.ratio, found.gain_gd, found.nds_sign))
        rows.append({"N": n, "z": z, "ratio": ratio, "gain": gain, "first_order": n * signs})
    inputs, outputs = (haar(N, stream(side), (draws,)) for side in ("memory: inputs", "memory: outputs"))
    drawn = []
    for x in np.linspace(0.0, 2.0, coarse):
        f = power_law(N, float(x))
        f = f / np.sum(f)
        Z = np.sign((outputs * f) @ np.swapaxes(inputs, -1, -2))
        rotated = np.sum(f * (Z @ inputs) ** 2, axis=(-2, -1)) / N
        coordinates = np.sum(f * np.sign(outputs * f) ** 2, axis=(-2, -1)) / N
        law = N * backend.to_numpy(rotated_sign_sharpness(backend.asarray(f), backend.asarray(inputs)))
        row = {"mean": rotated.mean(), "least": rotated.min(), "most": rotated.max()}
        drawn.append({"z": x, "arcsine": law.mean(), "coordinates": coordinates.mean()} | row)
    reported = [
        {"optimiser": name, "z": x, "nds": value} for name, points in REPORTED.items() for x, value in points
    ]
    return {"forms": table(rows), "signs": table(drawn), "reported": table(reported)}


def draw(tables: Any) -> Figure:
    """Ratios of sharpness, and the first gain."""
    from figures.gallery import style

    figure, (ratios, gains) = style.panels(1, 2, width=13.0, height=4.7)
    for number, n in zip((0, 1, 2), SIZES, strict=True):
        rows = where(tables["forms"], N=n)
        for axes, column in ((ratios, "ratio"), (gains, "gain")):
            style.predicted(axes, rows["z"], rows[column], number, linestyle="-", label=f"GD, N = {n}")
        least = int(np.argmin(rows["gain"]))
        gains.plot(rows["z"][least], rows["gain"][least], marker="o", color=style.series(number)["color"])
    signs, forms = tables["signs"], where(tables["forms"], N=N)
    color = style.series(3)["color"]
    look: dict[str, Any] = {"color": color, "marker": "o", "markerfacecolor": "none", "linestyle": ""}
    spread = [signs["mean"] - signs["least"], signs["most"] - signs["mean"]]
    label = f"sign, random inputs, N = {N}"
    ratios.errorbar(signs["z"], signs["mean"], yerr=spread, linewidth=0.9, label=label, **look)
    ratios.plot(signs["z"], signs["arcsine"], color=color, linestyle="--", marker="", label="arcsine law")
    ratios.plot(
        forms["z"], forms["first_order"], color=color, linestyle=":", marker="", label="its first order"
    )
    style.computed(
        ratios, signs["z"], signs["coordinates"], 6, marker="s", label="sign, coordinates as inputs"
    )
    ratios.axhline(1.0, color="black", linewidth=1.2, label="Muon")
    for name, marker in (("Adam", "x"), ("Muon", "+")):
        rows = where(tables["reported"], optimiser=name)
        cross: dict[str, Any] = {"color": "0.4", "linestyle": "", "markersize": 9, "markeredgewidth": 2}
        ratios.plot(rows["z"], rows["nds"], marker=marker, label=f"network, reported: {name}", **cross)
    ratios.set(yscale="log", xlabel="Zipf exponent z", ylabel="NDS over Muon's")
    ticks = [1, 2, 5, 10, 20, 50, 100, 200, 500]
    ratios.set_yticks(ticks, [str(x) for x in ticks])
    ratios.minorticks_off()
    ratios.set_title("sharpness of the first step")
    gains.axhline(1.0, color="black", linewidth=1.2, label="Muon")
    gains.set(xlabel="Zipf exponent z", ylabel="share of the loss removed by the first step", ylim=(0, 1.05))
    gains.set_title("gain of the first step (dots: where it is least)")
    style.legend_outside(ratios)
    style.legend_outside(gains)
    return figure
