"""The comb of resonances: what Muon is left with depends on the phase of m*/eta."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.associative_memory._muon import ALPHA, last_two, memory, target, unit
from figures.gallery.marks import key
from figures.gallery.tables import table, where
from labs.associative_memory.margins import item_excess
from labs.associative_memory.signs import phase_averaged_excess, sign_errors, stratified_steps, two_cycle
from labs.core.arrays import Backend
from labs.core.fit import exponent
from theory.associative_memory import AML_T6b, AML_T6c, AML_T6d, AML_T6e, AML_T7b, AML_T7c

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "A comb of resonances: steps that divide the best margin leave nothing, and pose as another exponent"
CAPTION = """
Left: Muon's excess over pi (1 - pi) eta^2/2 against m*/eta (K = 1000, noise .2) after 80 and after 81 steps, one
group; lines: the two-cycle of AML-T6.  At an integer m*/eta the best margin is hit and kept, in exact arithmetic;
close to it one point of the cycle is almost there and the other a whole step away.  Crosses: four groups of 250
items, the mean of the two steps.  Dashed: the mean over the phase, a third; dotted: Hoeffding's bound, eta^2/8.
Right: why that mean.  The least excess after T steps over a grid of 24 step sizes, c = 2..4, jumps from resonance to
resonance; with a grid refined in proportion to T it falls like T^-4, and says nothing about Muon.  The mean over
stratified phases lies on the predicted line.
"""
CLAIMS = (AML_T6b, AML_T6c, AML_T6d, AML_T6e, AML_T7b, AML_T7c)

K, GROUPS = 1000, 4
RANGE = (3.0, 7.0)
POINTS = {"smoke": 32, "quick": 96, "full": 192}
TIMES = {
    "smoke": np.array([100.0, 160.0, 250.0]),
    "quick": np.unique(np.geomspace(100, 3000, 14).round()),
    "full": np.unique(np.geomspace(100, 10_000, 24).round()),
}
GRID, PHASES = 24, 16
OFFSET = (5**0.5 - 1) / 2  # irrational: no step of a grid divides m*, where the least excess would be 0


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "comb" (per m*/eta), "cycle" (the two-cycle on a fine grid), "least" (per T) and "fits"."""
    best, variance = target(K), 3.0 * unit(K)
    fine = _midpoints(800)
    below, above = two_cycle(np.full(fine.shape, best), best / fine)
    even = np.floor(fine) % 2 == 0  # after an even number of steps the margin is an even multiple of eta
    at_even, at_odd = np.where(even, below, above), np.where(even, above, below)
    eta = best / fine
    cycle = {
        "ratio": fine,
        "even": item_excess(at_even, float(K), ALPHA) / (variance * eta**2),
        "odd": item_excess(at_odd, float(K), ALPHA) / (variance * eta**2),
        "mean": phase_averaged_excess(eta, float(K), ALPHA) / (variance * eta**2),
        "bound": np.full(fine.shape, 1.0 / 8.0 / variance),
    }
    ratio = _midpoints(POINTS[scale])
    eta = best / ratio
    errors = backend.to_numpy(
        sign_errors(backend.asarray(np.full(ratio.shape, -best)), _steps(backend, eta, 81))
    )
    comb = {
        "ratio": ratio,
        "even": item_excess(errors[:, 80], float(K), ALPHA) / (variance * eta**2),
        "odd": item_excess(errors[:, 81], float(K), ALPHA) / (variance * eta**2),
    }
    groups = last_two(memory(GROUPS, K // GROUPS, (1.5,), backend), eta, 80, backend)
    comb["groups"] = np.mean(groups, axis=(0, 1)) / (variance * eta**2)
    least = _least(TIMES[scale], best, variance, backend)
    fits = [{"which": name} | _fit(least["T"], least[name]) for name in ("fixed", "refined", "mean")]
    return {"comb": comb, "cycle": cycle, "least": least, "fits": table(fits)}


def _midpoints(count: int) -> np.ndarray:
    """Ratios in RANGE, none of them an integer."""
    return RANGE[0] + (RANGE[1] - RANGE[0]) * (np.arange(count) + 0.5) / count


def _steps(backend: Backend, eta: np.ndarray, T: int) -> Any:
    return backend.asarray(np.broadcast_to(eta[:, None], (eta.size, T)).copy())


def _least(times: np.ndarray, best: float, variance: float, backend: Backend) -> dict[str, np.ndarray]:
    """The least excess over a fixed grid of c, over one refined in proportion to T, and the mean over phases."""
    found: dict[str, list[float]] = {"fixed": [], "refined": [], "mean": []}
    for T in times:
        for name, count in (("fixed", GRID), ("refined", round(GRID * T / times[0]))):
            c = 2.0 + 2.0 * (np.arange(count) + OFFSET) / count
            below, above = _pair(c * best / T, best)
            found[name].append(float(np.min(np.where((np.floor(T / c) - T) % 2 == 0, below, above))))
        near = stratified_steps(best, 3.0 * best / T, PHASES)
        found["mean"].append(float(np.mean(_pair(near, best))))
    law = variance / 3.0 * (3.0 * best / times) ** 2
    return {"T": times, "predicted": law} | {name: np.array(values) for name, values in found.items()}


def _pair(eta: np.ndarray, best: float) -> list[np.ndarray]:
    """The excesses at floor(m*/eta) eta and one step further, between which steps of eta end."""
    return [item_excess(e, float(K), ALPHA) for e in two_cycle(np.full(eta.shape, best), eta)]


def _fit(T: np.ndarray, excess: np.ndarray) -> dict[str, float]:
    fit = exponent(T, excess)
    return {"exponent": fit.value, "half_width": fit.half_width}


def draw(tables: Any) -> Figure:
    """The comb; what the least over a grid makes of it."""
    from figures.gallery import style

    figure, (left, right) = style.panels(1, 2, width=13.2, height=4.6)
    _draw_comb(left, tables, style)
    _draw_least(right, tables, style)
    return figure


def _draw_comb(axes: Axes, tables: Any, style: Any) -> None:
    comb, cycle = tables["comb"], tables["cycle"]
    for number, (name, label) in enumerate({"even": "T even", "odd": "T odd"}.items()):
        style.predicted(axes, cycle["ratio"], cycle[name], number, linestyle="-", linewidth=0.9)
        look: dict[str, Any] = {"markersize": 4.5, "label": label}
        style.computed(axes, comb["ratio"], comb[name], number, **look)
    style.computed(
        axes, comb["ratio"], comb["groups"], 2, marker="x", markersize=4, label="4 groups,\nmean of two"
    )
    axes.plot(cycle["ratio"], cycle["mean"], color="0.25", linestyle="--", marker="", linewidth=1.2)
    axes.plot(cycle["ratio"], cycle["bound"], color="0.25", linestyle=":", marker="", linewidth=1.2)
    axes.set(xlabel="$m^*/\\eta$", ylabel="excess / (π(1 − π) η²/2)", ylim=(-0.03, None))
    style.legend_outside(axes, "after T steps")
    looks: dict[str, dict[str, Any]] = {
        "two-cycle": {"linestyle": "-", "linewidth": 0.9},
        "mean over phase": {"linestyle": "--", "linewidth": 1.2},
        "Hoeffding": {"linestyle": ":", "linewidth": 1.2},
    }
    key(axes, **looks)


def _draw_least(axes: Axes, tables: Any, style: Any) -> None:
    rows = tables["least"]
    look: dict[str, Any] = {"linestyle": "-", "marker": "", "linewidth": 1.2, "zorder": 1}
    axes.plot(rows["T"], rows["predicted"], color="0.25", label="predicted: -2", **look)
    labels = {"mean": "mean over phases", "fixed": f"least of {GRID}", "refined": "least, refined grid"}
    for number, (name, label) in enumerate(labels.items()):
        fit = where(tables["fits"], which=name)
        text = f"{label}: {fit['exponent'][0]:.2f} ± {fit['half_width'][0]:.2f}"
        style.computed(axes, rows["T"], rows[name], 3 + number, markersize=5, label=text)
    axes.set(xscale="log", yscale="log", xlabel="number of steps $T$", ylabel="excess loss $L(T) - L^*$")
    axes.legend(loc="lower left", frameon=False, title="fitted exponent")
