"""How fast polynomial iterations bring singular values to one, and how near: by steps, and by condition number."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import plain_ticks, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.polar.minimax import chebyshev_newton_schulz, minimax_cubic, minimax_quintic, polar_express
from labs.core.polar.ranges import float_range
from labs.core.polar.schedules import CUBIC, PADE5, POLAR_EXPRESS, TUNED, as_schedule, iterate
from theory.spectral_flattening import (
    SF_N4,
    SF_N1c,
    SF_N1d,
    SF_N1f,
    SF_N2c,
    SF_N3b,
    SF_N3g,
    SF_N5c,
    SF_N5e,
    SF_N5f,
    SF_N6b,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Best compositions raise small singular values by 4.257 a step; the tuned quintic by 3.4445, and then stops"
CAPTION = """
Top left: the condition number that K steps leave of 1e6 (singular values in [1e-6, 1]).  While it is large it falls
by a constant factor (lines): 3/2 cubic, 15/8 Pade-5, 2.598 best cubics, 3.4445 tuned, 4.257 best quintics.
Top right: the worst error over [0.001, 1].  The classical maps end quadratically and cubically, best compositions
earlier; the deployed Polar Express, which a cushion makes gentler, is nearly the best and needs seven steps for 1e-9;
the tuned quintic stays at 0.318.  Bottom left: steps until the worst error is at most 0.01, against the condition
number; lines have the slopes 1/ln of the factors above.  Crosses: no composition of T = 3, 4, 5, 6 odd quintics
reaches 0.01 beyond 22.292, 93.923, 398.90, 1697.3.  The tuned quintic never does.  Bottom right: the exact range,
least and greatest singular value, of what began in [0.001, 1], by steps: a band that closes, or does not.
"""
CLAIMS = (SF_N1c, SF_N1d, SF_N1f, SF_N2c, SF_N3b, SF_N3g, SF_N4, SF_N5c, SF_N5e, SF_N5f, SF_N6b)

FIXED: dict[str, Any] = {"cubic": CUBIC, "Padé-5": PADE5, "tuned": TUNED}
FACTORS = {
    "cubic": 1.5,
    "Padé-5": 1.875,
    "tuned": 3.4445,
    "best cubics": 1.5 * math.sqrt(3.0),
    "best quintics": 4.257151136925,
}
NAMES = (*FACTORS, "deployed")
STEEP, WIDE = Fraction(1, 10**6), Fraction(1, 1000)  # the lower ends of [ell, 1] in the top row
STEPS = {"smoke": 7, "quick": 40, "full": 40}
CONDITIONS = {"smoke": 2, "quick": 19, "full": 73}
# 1/ell up to which T best quintics reach 0.01 (SF-N3.b).
LIMITS = {3: 22.292, 4: 93.923, 5: 398.90, 6: 1697.3}
BANDS = ("cubic", "tuned", "deployed")


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "range" (a row per iteration, ell, K), "needed" (per iteration and ell) and "limit" (per T)."""
    ranges = []
    for ell in (STEEP, WIDE):
        for name in NAMES if ell == WIDE else FACTORS:
            schedule = _schedule(name, ell, STEPS[scale])
            low, high = backend.asarray(np.asarray(float(ell))), backend.asarray(np.asarray(1.0))
            for k in range(STEPS[scale] + 1):
                least, greatest = (float(backend.to_numpy(end)) for end in (low, high))
                row = {"least": least, "greatest": greatest, "error": max(1 - least, greatest - 1)}
                ranges.append({"iteration": name, "ell": float(ell), "K": k, **row})
                if k < STEPS[scale]:
                    low, high = float_range(schedule[k], low, high)
    needed = []
    for condition in np.geomspace(3.0, 1e6, CONDITIONS[scale]):
        for name in FACTORS:
            if name != "tuned":
                needed.append(
                    {"iteration": name, "condition": condition, "K": steps_needed(name, 1 / condition)}
                )
    limits = {"T": np.array(list(LIMITS)), "condition": np.array(list(LIMITS.values()))}
    return {"range": table(ranges), "needed": table(needed), "limit": limits}


def _schedule(name: str, ell: Fraction, steps: int) -> Any:
    if name in FIXED or name == "deployed":
        return as_schedule(FIXED.get(name, POLAR_EXPRESS), steps)
    compose = polar_express if name == "best quintics" else chebyshev_newton_schulz
    # From 1e-6 and in 24 steps even the best cubics come so near that every further one is the classical map.
    return as_schedule(compose(ell, min(steps, 24)), steps)


def steps_needed(name: str, ell: float, error: float = 0.01) -> int:
    """The number of steps after which the worst error over [ell, 1] is at most `error`."""
    if name in FIXED:
        x, count = ell, 0
        while 1 - x > error:
            x, count = iterate(FIXED[name], x), count + 1
        return count
    best = minimax_quintic if name == "best quintics" else minimax_cubic
    lo, hi, count = ell, 1.0, 0
    while hi - lo > 2 * error or count == 0:
        found = float(best(lo, hi).error)
        lo, hi, count = 1 - found, 1 + found, count + 1
    return count


def draw(tables: Any) -> Figure:
    """Condition numbers, worst errors, steps needed, bands."""
    from figures.gallery import style

    figure, panels = style.panels(2, 2, width=12.6, height=8.6)
    _draw_condition(panels[0], tables["range"], style)
    _draw_error(panels[1], tables["range"], style)
    _draw_needed(panels[2], tables, style)
    _draw_bands(panels[3], tables["range"], style)
    return figure


LOOK: dict[str, Any] = {"linestyle": "-", "linewidth": 0.6}


def _draw_condition(axes: Axes, rows: Any, style: Any) -> None:
    for number, (name, factor) in enumerate(FACTORS.items()):
        here = where(rows, iteration=name, ell=float(STEEP))
        condition = here["greatest"] / here["least"]
        style.computed(axes, here["K"], condition, number, label=name)
        # From the second step on; the first one also scales.
        k = np.arange(1, here["K"].max() + 1)
        line = condition[1] * factor ** (1.0 - k)
        style.predicted(axes, k[line > 3], line[line > 3], number, linestyle="-")
    axes.set(
        yscale="log", ylim=(0.7, 2e6), xlabel="number of steps K", ylabel="condition number after K steps"
    )
    axes.set_title("from condition number $10^6$")


def _draw_error(axes: Axes, rows: Any, style: Any) -> None:
    for number, name in enumerate(NAMES):
        here = where(rows, iteration=name, ell=float(WIDE))
        shown = here["error"] > 1e-15
        style.computed(axes, here["K"][shown], here["error"][shown], number, **LOOK, label=name)
    axes.set(yscale="log", ylim=(1e-15, 3), xlim=(-0.5, 25), xlabel="number of steps K")
    axes.set(ylabel="worst error $\\max|1 - p^K|$")
    reference(axes, [0, 25], [0.01, 0.01])
    axes.set_title("from [0.001, 1]")
    style.legend_outside(axes, "iteration")


def _draw_needed(axes: Axes, tables: Any, style: Any) -> None:
    for number, (name, factor) in enumerate(FACTORS.items()):
        here = where(tables["needed"], iteration=name)
        if here["K"].size:
            style.computed(axes, here["condition"], here["K"], number)
            # Only the slope is predicted: the line goes through the middle of the right half.
            half = slice(here["K"].size // 2, None)
            logs = np.log(here["condition"][half])
            line = np.mean(here["K"][half]) + (logs - np.mean(logs)) / math.log(factor)
            style.predicted(axes, here["condition"][half], line, number, linestyle="-")
    limit = tables["limit"]
    axes.plot(limit["condition"], limit["T"], linestyle="", marker="x", color="black", markersize=8, zorder=5)
    axes.set(xscale="log", xlabel="condition number 1/ℓ", ylabel="steps until the worst error is 0.01")
    axes.set(ylim=(0, None))
    axes.set_title("steps needed (tuned: never)")


def _draw_bands(axes: Axes, rows: Any, style: Any) -> None:
    for name in BANDS:
        here = where(rows, iteration=name, ell=float(WIDE))
        number = NAMES.index(name)
        colour = style.series(number)["color"]
        axes.fill_between(here["K"], here["least"], here["greatest"], color=colour, alpha=0.15, linewidth=0)
        for end in ("least", "greatest"):
            style.computed(axes, here["K"], here[end], number, **LOOK)
    reference(axes, [0, 25], [1, 1])
    axes.set(xlim=(-0.5, 20.5), ylim=(0, 2.05), xlabel="number of steps K")
    axes.set_ylabel("range of singular values")
    plain_ticks(axes.xaxis, range(0, 21, 5))
    plain_ticks(axes.yaxis, (0, 0.5, 0.6818, 1, 1.1344, 1.5, 2))
    axes.set_title("the exact range of what began in [0.001, 1]")
