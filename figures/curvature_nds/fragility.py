"""How an arbitrarily small spread of the gradient undoes Muon's line search, and how halving steps repair it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.curvature_nds._spectra import decades, decimal_logs
from figures.gallery.marks import note
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.streams import stream
from labs.curvature_nds import levels, spectra
from labs.curvature_nds.quadratic import descend
from theory.curvature_nds import NDS_X6a, NDS_X6b, NDS_X6c, NDS_X6d, NDS_X6f, NDS_X6sa, NDS_X14a

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "A spread of one part in a hundred million, and the order of the losses turns round"
CAPTION = """
Two levels of curvature, 4 modes at 12 and 12 at 1, gradients 2 and 1 times 1 + δ ξ_i, ξ_i random in [-1, 1]: well
within the condition under which, at δ = 0, Muon's loss is proved to be the lower one after every step (both with
exact line search).  Left: with any δ > 0 Muon's loss leaves its line when the spread begins to show, falls from
there at the rate of one lagging mode, and GD overtakes; GD itself does not notice.  Muon with halving steps, same
directions and same sharpness, keeps falling by four a step, whatever the spread is (thin line: the bound).  Right:
the step at which GD overtakes (points: median and range over draws) grows with the logarithm of 1/δ at the
predicted slope (line through the smallest δ).  Squares: one low mode raised by δ, for which Muon's loss is known
exactly for all steps; with such a rise GD overtakes in every two-level problem.  Triangles: the last step up to
which Muon's loss is that of two levels plus a constant, exactly.
"""
CLAIMS = (NDS_X6a, NDS_X6b, NDS_X6c, NDS_X6d, NDS_X6f, NDS_X6sa, NDS_X14a)
GAPS = ("crossings.halving",)  # never overtaken

M, Q, RHO, S = 4, 16, 12.0, 2.0
SHOWN = (0.0, 1e-8, 1e-4, 1e-2)
STEPS = 170
LOWEST = -24.0
GRID = {
    "smoke": (np.array([1e-8, 1e-4, 1e-2]), 3),
    "quick": (10.0 ** np.arange(-12.0, 0.0, 0.5), 20),
    "full": (10.0 ** np.arange(-14.0, 0.0, 0.25), 200),
}


def gradients(delta: np.ndarray, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """w (mode) and sigma (delta, draw, mode)."""
    high = np.arange(Q) < M
    xi = stream("fragility").uniform(-1, 1, (draws, Q))
    return np.where(high, RHO, 1.0), np.where(high, S, 1.0) * (1 + delta[:, None, None] * xi)


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "losses" (method, delta, step), "crossings" (delta) and "rises" (exact family)."""
    grid, draws = GRID[scale]
    shown = np.array(SHOWN)
    w, sigma = gradients(shown, 1)
    T = np.arange(STEPS + 1)
    rows = []
    for method, rule, step in METHODS:
        logs = _logs(w, sigma[:, 0], rule, step, backend)
        logs = decimal_logs(logs, LOWEST)
        rows += [
            {"method": method, "delta": d, "t": T, "loss": line} for d, line in zip(shown, logs, strict=True)
        ]
    high = np.where(w > 1.0, sigma[-1, 0] / RHO, sigma[-1, 0])
    start = float(np.sum(sigma[-1, 0] ** 2 / w)) / 2
    log_bound = np.log10(spectra.geometric_bound(np.sum(w), np.max(high), 0, 0.5) / start) - T * np.log10(4.0)
    rows.append({"method": "bound", "delta": shown[-1], "t": T, "loss": np.maximum(log_bound, LOWEST)})
    w, sigma = gradients(grid, draws)
    steps = int(_slope() * -np.log10(grid[0])) + 70  # beyond every crossing
    muon, gd, halving = (_logs(w, sigma, rule, step, backend, steps) for _, rule, step in METHODS)
    times = _first(muon >= gd)
    synchronised = [
        spectra.synchronised_steps(list(map(float, x[:M])), list(map(float, x[M:])), RHO) for x in sigma[:, 0]
    ]
    crossings = {
        "delta": grid,
        "least": np.min(times, axis=-1),
        "median": np.median(times, axis=-1),
        "most": np.max(times, axis=-1),
        "halving": np.min(_first(halving >= gd), axis=-1),
        "synchronised": np.array(synchronised, dtype=float),
        "slope": np.median(times[0]) - _slope() * np.log10(grid / grid[0]),
    }
    return {"losses": table(rows), "crossings": crossings, "rises": _rises(grid[0])}


METHODS = (("muon", "muon", "line-search"), ("gd", "gd", "line-search"), ("halving", "muon", "halving"))


def _logs(
    w: np.ndarray, sigma: np.ndarray, rule: str, step: str, on: Backend, steps: int = STEPS
) -> np.ndarray:
    return on.to_numpy(descend(on.asarray(w), on.asarray(sigma), rule, steps, step).log_loss)


def _first(worse: np.ndarray) -> np.ndarray:
    """The first T >= 1 at which something is so; NaN if never."""
    later = worse[..., 1:]
    return np.where(np.any(later, axis=-1), 1.0 + np.argmax(later, axis=-1), np.nan)


def _slope() -> float:
    a = M / (Q - M)
    early = -2.0 * np.log(levels.muon_root_factor(a, RHO))
    late = -np.log(1.0 - 4.0 / (M * RHO + Q - M))
    return spectra.steps_per_decade(early, late, -np.log(levels.gd_factor(a, RHO, S)))


def _rises(smallest: float) -> dict[str, np.ndarray]:
    """The exact family: delta_K, and the first T with Muon's loss, in closed form, not below GD's."""
    rows = []
    n = Q - M
    for K in range(4, 200):
        delta = spectra.fragile_spread(M, Q, RHO, S, K)
        if delta < smallest:
            break
        low = (n - 1) * (1 - delta / n) ** 2 + (1 + delta - delta / n) ** 2
        rate = np.log(levels.gd_factor(M * S**2 / low, RHO, 1.0))
        start = (M * S**2 / RHO + low) / 2
        T = np.arange(K + 1, 600)
        muon = np.log([spectra.fragile_loss(M, Q, RHO, S, K, int(t)) / start for t in T])
        rows.append((delta, float(T[np.argmax(muon >= T * rate)])))
    delta, first = np.array(rows).T
    return {"delta": delta, "crossing": first}


def draw(tables: Any) -> Figure:
    """Losses, and the step at which GD overtakes."""
    from figures.gallery import style

    figure, (losses, times) = style.panels(1, 2, width=13.6, height=5.0)
    rows = tables["losses"]
    blue, orange, green = (style.series(number)["color"] for number in (0, 1, 2))
    names = {0.0: "0", 1e-8: r"$10^{-8}$", 1e-4: r"$10^{-4}$", 1e-2: r"$10^{-2}$"}
    styles = {0.0: (0, (1, 1.5)), 1e-8: (0, (7, 2)), 1e-4: (0, (4, 1.5)), 1e-2: "-"}

    def line(method: str, delta: float, color: str, **look: Any) -> dict[str, np.ndarray]:
        one = where(rows, method=method, delta=delta)
        kept = one["loss"] > LOWEST
        losses.plot(one["t"][kept], one["loss"][kept], color=color, marker="", **({"linewidth": 2.0} | look))
        return one

    # Each label stands where its line has parted from the others.
    places = {0.0: (50, (5, 0)), 1e-8: (56, (2, 6)), 1e-4: (100, (0, 6)), 1e-2: (80, (0, 6))}
    for delta, (t, offset) in places.items():
        one = line("muon", delta, blue, linestyle=styles[delta])
        text = f"Muon, line search, δ = {names[delta]}" if delta == max(places) else f"δ = {names[delta]}"
        note(losses, text, (t, one["loss"][t]), offset, color=blue)
    gd = line("gd", SHOWN[-1], orange, linestyle="-")
    note(losses, "GD", (112, gd["loss"][112]), (7, 3), color=orange)
    line("halving", SHOWN[-1], green, linestyle="-", linewidth=2.6)
    line("bound", SHOWN[-1], green, linestyle="-", linewidth=0.7)
    note(losses, "Muon,\nhalving\nsteps,\nδ = 0.01", (2, -22.0), (0, -6), color=green, weight="bold")
    losses.set(xlabel="steps T", ylabel="loss after T steps over the loss at the start")
    losses.set(xlim=(0, STEPS), ylim=(LOWEST, 0.5))
    decades(losses.yaxis, range(-24, 1, 4))
    losses.set_title("losses")

    crossings, rises = tables["crossings"], tables["rises"]
    half = [crossings["median"] - crossings["least"], crossings["most"] - crossings["median"]]
    times.errorbar(
        crossings["delta"],
        crossings["median"],
        yerr=half,
        color=blue,
        marker="o",
        markerfacecolor="none",
        linestyle="",
        linewidth=0.9,
        label="GD overtakes (random spread: median, range)",
    )
    style.predicted(
        times,
        crossings["delta"],
        crossings["slope"],
        0,
        linestyle="-",
        linewidth=1.0,
        label="predicted slope",
    )
    style.computed(times, rises["delta"], rises["crossing"], 1, label="GD overtakes (one mode raised, exact)")
    style.computed(
        times,
        crossings["delta"],
        crossings["synchronised"],
        6,
        marker="^",
        label="closed form holds up to here",
    )
    times.set(
        xscale="log", xlabel="spread δ of the gradient within the levels", ylabel="steps T", ylim=(0, None)
    )
    if np.all(np.isnan(crossings["halving"])):
        never, corner = "Muon with halving steps: GD never overtakes", (0.98, 0.97)
        times.annotate(
            never, corner, xycoords="axes fraction", color=green, ha="right", va="top", weight="bold"
        )
    times.set_title("when GD overtakes")
    style.legend_outside(times)
    return figure
