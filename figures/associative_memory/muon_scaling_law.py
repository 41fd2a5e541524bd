"""Muon's scaling law: the excess against the number of steps, the predicted constant beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.associative_memory._muon import mean_excess, memory, target, unit
from figures.gallery.marks import key, plain_ticks
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.fit import scaling_exponent
from theory.associative_memory import AML_T6c, AML_T7a, AML_T7b, AML_T7c, AML_X9b, AML_X9d, AML_X9f

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Muon's loss falls like (log K/T)^2, with a known constant, as long as T stays below K"
CAPTION = """
Noise .2, masses of the groups a^-beta, constant steps c m*/T, full gradients; the excess after T steps in the mean
over stratified phases of m*/eta and the last two steps.  Solid: the predicted law, (pi (1 - pi)/6)(c m*/T)^2; dotted:
the bound c^2 m*^2/(8 T^2) of one group.  Left: 16 groups of 10^4 items.  Whatever beta, every point lies on the law;
the fitted exponent and its interval stand in the key.  A budget that stops short, c = .9, leaves an excess that
stays.  Right: 8 groups of 16 items (K = 128).  Beyond T = K (dash-dotted) the mean block no longer follows: the
excess leaves the law, and comes back to the slope -2 several times higher.  On the left K is far to the right.
"""
CLAIMS = (AML_T6c, AML_T7a, AML_T7b, AML_T7c, AML_X9b, AML_X9d, AML_X9f)

C_STEP, SHORT = 3.0, 0.9
SIZES = {"large": (16, 10_000), "small": (8, 16)}
BETAS = {"large": (1.5, 2.0, 3.0), "small": (1.2, 3.0)}
TIMES: dict[str, dict[str, list[int]]] = {
    "smoke": {"large": [30, 40, 55], "small": [32, 64]},
    "quick": {
        "large": np.geomspace(30, 600, 12).round().astype(int).tolist(),
        "small": [32, 64, 128, 256, 512, 1024, 2048],
    },
    "full": {
        "large": np.geomspace(30, 10_000, 20).round().astype(int).tolist(),
        "small": np.geomspace(32, 10_000, 14).round().astype(int).tolist(),
    },
}
GAPS = ("fits.exponent", "fits.half_width")  # too few times for a fit at smoke scale
PHASES = {"smoke": 2, "quick": 4, "full": 16}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "excess" (a row per memory, beta, c, T), "law" (the prediction and the bound) and "fits"."""
    rows, law, fits = [], [], []
    for name, (M, C) in SIZES.items():
        times, best, K = TIMES[scale][name], target(M * C), M * C
        fine = np.geomspace(times[0], times[-1], 50)
        scale_of = (C_STEP * best / fine) ** 2
        law.append({"memory": name, "T": fine, "predicted": unit(K) * scale_of, "bound": scale_of / 8})
        of = memory(M, C, BETAS[name], backend)
        found = np.stack([mean_excess(of, C_STEP, T, PHASES[scale], backend)[0] for T in times], axis=1)
        for beta, excess in zip(BETAS[name], found, strict=True):
            rows.append({"memory": name, "beta": beta, "c": C_STEP, "T": times, "excess": excess})
            if name == "large":
                fits.append({"beta": beta} | _fit(np.array(times, dtype=float), excess, best, K))
    M, C = SIZES["large"]
    short, of = TIMES[scale]["large"][::3], memory(M, C, BETAS["large"][:1], backend)
    left = [_short(of, target(M * C), T, backend) for T in short]
    rows.append({"memory": "large", "beta": BETAS["large"][0], "c": SHORT, "T": short, "excess": left})
    return {"excess": table(rows), "law": table(law), "fits": table(fits)}


def _fit(T: np.ndarray, excess: np.ndarray, best: float, K: int) -> dict[str, float]:
    """The exponent for steps below 1, T >= c m*, up to K; NaN where the range holds too few points."""
    if np.count_nonzero((C_STEP * best <= T) & (T <= K)) < 9:
        return {"exponent": np.nan, "half_width": np.nan}
    fit = scaling_exponent(T, excess, lower=C_STEP * best, upper=float(K), factor=1.0)
    return {"exponent": fit.value, "half_width": fit.half_width}


def _short(of: Any, best: float, T: int, backend: Backend) -> float:
    run = of.simulate(backend.asarray(SHORT * best / T), T, "muon", last=True)
    return float(backend.to_numpy(run.excess)[0, 0, -1])


def draw(tables: Any) -> Figure:
    """The large memory, in which the law holds; the small one, which leaves it."""
    from figures.gallery import style

    figure, (left, right) = style.panels(1, 2, width=13.0, height=4.6)
    for axes, name in ((left, "large"), (right, "small")):
        _draw_law(axes, where(tables["law"], memory=name))
        M, C = SIZES[name]
        axes.set_title(f"{M} groups of {'$10^4$' if C == 10_000 else C} items")
        axes.set(xscale="log", yscale="log", xlabel="number of steps $T$", ylabel="excess loss $L(T) - L^*$")
    for number, beta in enumerate(BETAS["large"]):
        rows = where(tables["excess"], memory="large", beta=beta, c=C_STEP)
        fit = where(tables["fits"], beta=beta)
        label = f"$\\beta$ = {beta:g}"
        if np.isfinite(fit["exponent"][0]):
            label += f": {fit['exponent'][0]:.3f} ± {fit['half_width'][0]:.3f}"
        look: dict[str, Any] = {"markersize": 5 + 3 * number, "label": label}
        style.computed(left, rows["T"], rows["excess"], number, **look)
    rows = where(tables["excess"], memory="large", c=SHORT)
    style.computed(left, rows["T"], rows["excess"], 3, label=f"$c$ = {SHORT:g}")
    for number, beta in enumerate(BETAS["small"]):
        rows = where(tables["excess"], memory="small", beta=beta)
        style.computed(right, rows["T"], rows["excess"], 4 + number, label=f"$\\beta$ = {beta:g}")
    K = SIZES["small"][0] * SIZES["small"][1]
    right.axvline(K, color="0.55", linewidth=1.0, linestyle="-.")
    plain_ticks(left.xaxis, (30, 100, 300, 1000, 3000, 10_000)[: 3 if np.max(rows["T"]) < 700 else 6])
    left.legend(loc="lower left", title=f"$c$ = {C_STEP:g}; fitted exponent", frameon=False)
    right.legend(loc="lower left", frameon=False)
    key(
        right,
        predicted={"linestyle": "-", "linewidth": 1.2},
        bound={"linestyle": ":", "linewidth": 1.2},
        **{"$T$_=_$K$": {"linestyle": "-.", "linewidth": 1.0, "color": "0.55"}},
    )
    return figure


def _draw_law(axes: Axes, rows: Any) -> None:
    axes.plot(rows["T"], rows["predicted"], color="0.25", linestyle="-", linewidth=1.2, marker="", zorder=1)
    axes.plot(rows["T"], rows["bound"], color="0.25", linestyle=":", linewidth=1.2, marker="", zorder=1)
