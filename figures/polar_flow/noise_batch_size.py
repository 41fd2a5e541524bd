"""Noise under the polar map: error and alignment against the batch size, and what conditioning does to both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labs.core.arrays import Backend
from labs.core.spectrum import geometric
from labs.core.streams import stream
from labs.polar_flow.noise import (
    critical_batch_sizes,
    noise_sensitivity,
    noisy_polar,
    noisy_polar_expectation,
)
from theory.polar_flow import (
    POL_T4_a,
    POL_T4_b,
    POL_T4_c3,
    POL_T4_d1,
    POL_T4_d2,
    POL_T4_d3,
    POL_T4_f,
    POL_T4_g,
    POL_T4_i,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Noise under the polar map: the laws for large batches, and where they give no warning"
CAPTION = """
Left: the mean squared error of the polar factor of a noisy gradient (entries of unit noise at B = 1), sampled
(markers), against the first-order law tau^2 S/B (dashed).  The law holds where the noise is below the smallest
singular value; for smaller batches the error saturates at 2r, r the number of singular values.  The thin black line
is the exact expectation for 2 x 2.  The square gradient with mu_3 = 0.01 obeys its law only beyond B = 1e5, far
beyond its critical batch size (filled circle, on the law): until then the sign of its last direction is a coin.
With mu_3 = 0 the error never falls below 1 (grey line).  Middle: the share of the nuclear norm that the noisy factor
loses, and the law 2 B_align/B; the coin costs 2 mu_3 of it, half of the time: a knee for mu_3 = 0.01, nothing for
mu_3 = 0.  Right: critical batch size of the
polar step over that of a gradient step for geometric spectra (markers), with the powers kappa^2 (wide) and
kappa^(2(r-2)/(r-1)) (square) through the last point; at kappa = 1 the square ones start from (r-1)/(2r).
"""
CLAIMS = (POL_T4_a, POL_T4_b, POL_T4_c3, POL_T4_d1, POL_T4_d2, POL_T4_d3, POL_T4_f, POL_T4_g, POL_T4_i)

GRADIENTS: dict[str, tuple[tuple[float, ...], int, int]] = {
    "2 x 2, mu = 3, 1": ((3.0, 1.0), 2, 2),
    "3 x 4, mu = 5, 3, 2": ((5.0, 3.0, 2.0), 3, 4),
    "3 x 3, mu = 3, 2, 0.01": ((3.0, 2.0, 0.01), 3, 3),
    "3 x 3, mu = 3, 2, 0": ((3.0, 2.0, 0.0), 3, 3),
}
EXACT = "2 x 2, mu = 3, 1"
DRAWS = {"smoke": 200, "quick": 4000, "full": 100_000}
POINTS = {"smoke": 8, "quick": 22, "full": 22}
SHAPES = ((2, 0), (3, 0), (5, 0), (5, 1))  # r, |m - n|
GAPS = ("noise.error_law",)  # none where P jumps


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "noise" (a row per gradient and batch size), "exact" (2 x 2) and "condition" (per shape and kappa)."""
    batches = np.geomspace(1e-2, 1e7, POINTS[scale])
    rows: list[dict[str, Any]] = []
    for name, (mu, m, n) in GRADIENTS.items():
        G = np.zeros((m, n))
        G[range(len(mu)), range(len(mu))] = mu
        draws = stream("figure: noise and batch size", name)
        half = draws.standard_normal((DRAWS[scale] // 2, m, n))
        S, T = (float(x) for x in noise_sensitivity(np.maximum(mu, 1e-100), m, n))
        xi = backend.asarray(np.concatenate([half, -half]))
        for batch in batches:
            aligned, error = map(backend.to_numpy, noisy_polar(backend.asarray(G), xi * float(batch**-0.5)))
            rows.append(
                {
                    "gradient": name,
                    "batch": batch,
                    "error": error.mean(),
                    "error_deviation": error.std() / np.sqrt(len(error)),
                    "lost": 1 - aligned.mean() / sum(mu),
                    "lost_deviation": aligned.std() / sum(mu) / np.sqrt(len(error)),
                    "error_law": S / batch if min(mu) > 0 else np.nan,
                    "lost_law": T / (2 * batch * sum(mu)),
                }
            )
    fine = np.geomspace(1e-2, 1e7, 120)
    alignment, error = noisy_polar_expectation(np.array(GRADIENTS[EXACT][0]), fine**-0.5)
    conditions = np.geomspace(1.0, 1e6, 13)
    ratios = []
    for r, excess in SHAPES:
        spectra = np.stack([geometric(r, c ** (-1 / (r - 1))) for c in conditions])
        sizes = critical_batch_sizes(backend.asarray(spectra), r, r + excess)
        ratio = backend.to_numpy(sizes.variance) / backend.to_numpy(sizes.sgd)
        ratios += [
            {"r": r, "excess": excess, "kappa": c, "ratio": x} for c, x in zip(conditions, ratio, strict=True)
        ]
    return {
        "noise": {name: np.array([row[name] for row in rows]) for name in rows[0]},
        "exact": {"batch": fine, "lost": 1 - alignment, "error": error},
        "condition": {name: np.array([row[name] for row in ratios]) for name in ratios[0]},
    }


def slope(r: int, excess: int) -> float:
    """The exponent of kappa in B_var/B_sgd as kappa -> inf."""
    return 2.0 if excess else 2 * (r - 2) / (r - 1)


def draw(tables: Any) -> Figure:
    """Error, loss of alignment, and the ratio of critical batch sizes."""
    from figures.gallery import style

    figure, panels = style.panels(1, 3, width=16.0, height=4.6)
    noise, exact = tables["noise"], tables["exact"]
    for axes, column in zip(panels[:2], ("error", "lost"), strict=True):
        axes.plot(
            exact["batch"],
            exact[column],
            color="black",
            linestyle="-",
            marker="",
            linewidth=0.8,
            label="exact (2 x 2)",
        )
        for number, name in enumerate(GRADIENTS):
            draw_gradient(
                axes, {k: v[noise["gradient"] == name] for k, v in noise.items()}, column, number, name
            )
        axes.set(xscale="log", yscale="log", xlabel="batch size $B$ (noise of an entry: $B^{-1/2}$)")
    panels[0].set(ylabel="$E\\,|P(\\hat G) - P(G)|_F^2$", ylim=(1e-7, 20))
    panels[1].set(ylabel="$1 - E\\langle G, P(\\hat G)\\rangle/|G|_*$", ylim=(1e-8, 3))
    for axes in panels[:2]:
        axes.set_xticks([1e-2, 1e0, 1e2, 1e4, 1e6])
    panels[0].axhline(1.0, color="0.7", linewidth=0.8, zorder=0)
    panels[1].plot([], [], color="0.4", linestyle="--", marker="", label="first-order law")
    panels[1].legend(loc="lower left", fontsize="small")
    draw_conditions(panels[2], tables["condition"])
    return figure


def draw_gradient(axes: Axes, rows: Any, column: str, number: int, name: str) -> None:
    """Sampled points, the first-order law up to its saturation, and the critical batch size on it."""
    from figures.gallery import style

    # A mean of rounded numbers, or one within three standard errors of 0, is not shown.
    seen = (rows[column] > 1e-12) & (rows[column] > 3 * rows[column + "_deviation"])
    style.computed(axes, rows["batch"], np.where(seen, rows[column], np.nan), number, label=name)
    law = rows[column + "_law"]
    style.predicted(axes, rows["batch"], np.where(law < 10, law, np.nan), number, linestyle="--")
    mu, m, n = GRADIENTS[name]
    if column == "error" and min(mu) > 0:
        r = float(len(mu))
        batch = float(critical_batch_sizes(np.array(mu), m, n).variance)
        axes.plot([batch], [r], marker="o", linestyle="", color=style.series(number)["color"], zorder=5)


def draw_conditions(axes: Axes, rows: Any) -> None:
    """B_var/B_sgd: points from the code, the asymptotic powers, the level of flat square spectra."""
    from figures.gallery import style

    for number, (r, excess) in enumerate(SHAPES):
        keep = (rows["r"] == r) & (rows["excess"] == excess)
        kappa, ratio = rows["kappa"][keep], rows["ratio"][keep]
        label = f"{r} x {r + excess}: slope {slope(r, excess):.3g}"
        style.computed(axes, kappa, ratio, number, label=label)
        law = ratio[-1] * (kappa / kappa[-1]) ** slope(r, excess)
        style.predicted(axes, kappa, np.where(kappa > 30, law, np.nan), number)
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="condition number $\\kappa$ of a geometric spectrum",
        ylabel="$B_{var}/B_{sgd}$",
    )
    axes.set_xticks([1e0, 1e2, 1e4, 1e6])
    axes.legend(loc="upper left", fontsize="small")
