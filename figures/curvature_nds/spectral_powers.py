"""Updates along powers of the gradient's spectrum: where between GD and Muon, or beyond, the best one lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import key, note, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.curvature_nds.steps import newton_power
from theory.curvature_nds import NDS_X2a, NDS_X2b, NDS_X2c

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "One power of the spectrum is Newton's step; it is Muon's where the gradient is proportional to the curvature"
CAPTION = """
Updates sum sgn(sigma_i)|sigma_i|^p M_i interpolate between GD (p = 1) and Muon (p = 0).  Left: loss after one step
by exact line search over the loss before, for eight curvatures from 1 to 0.05 and sigma = w^beta.  It vanishes at
p* = 1 - 1/beta (dotted) and nowhere else: for beta = 1 at Muon, for beta < 1 beyond Muon, for beta > 1 between Muon
and GD.  Black: w = (4, 2, 1), sigma = (2, 1, 2), no power law; the best power leaves 0.327.  Right: the best power,
found by a search over p (circles), and p* (line).
"""
CLAIMS = (NDS_X2a, NDS_X2b, NDS_X2c)

CURVATURES = np.geomspace(1.0, 0.05, 8)
BETAS = (0.5, 0.75, 1.0, 2.0)
POWERS = {"smoke": 41, "quick": 401, "full": 1601}
SEARCHES = {"smoke": 4, "quick": 19, "full": 55}
OTHER = (np.array([4.0, 2.0, 1.0]), np.array([2.0, 1.0, 2.0]))


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "ratios" (a row per beta and p; beta = 0: no power law) and "best" (per beta)."""
    p = np.linspace(-2.5, 2.0, POWERS[scale])
    ratios = [{"beta": b, "p": p, "ratio": one_step_ratio(CURVATURES, CURVATURES**b, p)} for b in BETAS]
    ratios.append({"beta": 0.0, "p": p, "ratio": one_step_ratio(*OTHER, p)})
    betas = np.geomspace(0.3, 3.0, SEARCHES[scale])
    best = [search(CURVATURES, CURVATURES**b) for b in betas]
    return {
        "ratios": table(ratios),
        "best": {"beta": betas, "found": np.array(best), "form": newton_power(betas)},
    }


def one_step_ratio(w: np.ndarray, sigma: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Loss after a line-searched step along sigma^p over the loss before, as a sum of squares, for every p."""
    z, d = (sigma / np.max(sigma)) ** p[:, None], sigma / w
    cross = d[:, None] * z[:, None, :] - d[None, :] * z[:, :, None]
    above = np.sum(np.outer(w, w) * cross**2, axis=(-2, -1))
    return above / (2 * np.sum(w * d * d) * np.sum(w * z * z, axis=-1))


def search(w: np.ndarray, sigma: np.ndarray) -> float:
    """The p with the least ratio: refined grids, each a fiftieth of the one before."""
    low, high = -6.0, 4.0
    for _ in range(5):
        p = np.linspace(low, high, 201)
        k = int(np.argmin(one_step_ratio(w, sigma, p)))
        low, high = p[max(k - 2, 0)], p[min(k + 2, 200)]
    return float((low + high) / 2)


def draw(tables: Any) -> Figure:
    """Ratios against p; the best p against beta."""
    from figures.gallery import style

    figure, (left, right) = style.panels(1, 2, width=13.0, height=4.6)
    for number, beta in enumerate(BETAS):
        points = where(tables["ratios"], beta=beta)
        style.predicted(left, points["p"], points["ratio"], number, linestyle="-", label=f"β = {beta:g}")
        star = newton_power(beta)
        left.plot(
            [star, star],
            [1e-5, 1],
            color=style.series(number)["color"],
            linestyle=":",
            linewidth=1.2,
            marker="",
        )
    points = where(tables["ratios"], beta=0.0)
    left.plot(points["p"], points["ratio"], color="black", linestyle="--", marker="", label="no power law")
    left.set(yscale="log", ylim=(1e-5, 1.5), xlim=(-2.5, 2.0), xlabel="power p of the spectrum")
    left.set_ylabel("loss after one step / loss before")
    left.set_title("one line-searched step")
    for x, name in ((0.0, "Muon"), (1.0, "GD")):
        reference(left, [x, x], [1e-5, 1.5], linewidth=0.8)
        note(left, name, (x, 1.6e-5), (4, 0))
    style.legend_outside(left, "$σ_i = w_i^β$")
    key(left, **{"p* = 1 − 1/β": {"linestyle": ":", "linewidth": 1.2}})
    best = tables["best"]
    style.predicted(right, best["beta"], best["form"], 0, linestyle="-", label="1 − 1/β")
    style.computed(right, best["beta"], best["found"], 0, label="search over p")
    for y, name in ((0.0, "Muon"), (1.0, "GD")):
        reference(right, [0.25, 3.05], [y, y], linewidth=0.8)
        note(right, name, (0.3, y), (0, 3))
    right.set(xlabel="exponent β of the gradient", ylabel="best power p", xlim=(0.25, 3.05), ylim=(-2.5, 1.3))
    right.set_title("the best power")
    right.legend(loc="lower right")
    return figure
