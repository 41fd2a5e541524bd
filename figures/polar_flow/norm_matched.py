"""The length of the steps is not what makes literal Muon flat: norm-matched gradient descent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.tables import table, where
from figures.polar_flow._literal import MATCHED, MUON, on, problems
from labs.core.arrays import Backend
from labs.core.spectrum import effective_rank, stable_rank
from labs.polar_flow.literal import descend, profile
from theory.polar_flow import POL_X6_b, POL_X6_c, POL_X6p

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "With steps of the same Frobenius length, gradient descent is far less flat than Muon"
CAPTION = """
Matrix sensing, 20 x 20, rank 2, p = 200.  Literal Muon and gradient descent whose every step has the length of
Muon's, sqrt(r) h, with the same cosine steps and momentum 0.9 from the same start.  Across: the effective rank exp(H)
of the interpolant, H the entropy of sigma/sum sigma.  Up: its stable rank.  A line joins the two runs of a seed: Muon
is flatter on every one of them, by both measures.  Plus signs:
the matrices that were measured.
"""
CLAIMS = (POL_X6_b, POL_X6_c, POL_X6p)

# (n, p, rank, seeds, steps)
SIZES = {"smoke": (10, 60, 2, 2, 300), "quick": (20, 200, 2, 5, 750), "full": (20, 200, 2, 20, 1500)}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "ends" (a row per seed and method) and "targets" (a row per seed)."""
    n, p, rank, seeds, steps = SIZES[scale]
    sensed = problems(n, p, rank, seeds)
    operator, y, noise = on(backend, sensed)
    sizes = backend.asarray(0.05 * 1500 / steps * profile("cosine", steps))
    blocks = []
    for name, rule in ((MUON, "muon"), (MATCHED, "norm-matched")):
        run = descend(operator, y, 1e-3 * noise, sizes, rule, momentum=0.9)
        sigma = np.linalg.svd(backend.to_numpy(run.W), compute_uv=False)
        left = backend.to_numpy(run.residuals)[:, -1] / np.linalg.norm(sensed.y, axis=-1)
        blocks.append({"seed": np.arange(seeds), "method": name, **_measures(sigma), "residual": left})
    targets = _measures(np.linalg.svd(sensed.target, compute_uv=False))
    return {"ends": table(blocks), "targets": {"seed": np.arange(seeds), **targets}}


def _measures(sigma: np.ndarray) -> dict[str, np.ndarray]:
    return {"effective": effective_rank(sigma), "stable": stable_rank(sigma)}


def draw(tables: Any) -> Figure:
    """Stable rank against effective rank."""
    from figures.gallery import style

    figure, (panel,) = style.panels(width=7.6, height=4.4)
    rows, targets = tables["ends"], tables["targets"]
    pairs = [where(rows, method=name) for name in (MATCHED, MUON)]
    for seed in targets["seed"]:
        ends = [where(pair, seed=seed) for pair in pairs]
        panel.plot(
            [end["effective"][0] for end in ends],
            [end["stable"][0] for end in ends],
            color="0.75",
            linewidth=0.8,
            linestyle="-",
            marker="",
            zorder=1,
        )
    for number, (name, pair) in enumerate(zip((MATCHED, MUON), pairs, strict=True)):
        style.computed(panel, pair["effective"], pair["stable"], number, label=name)
    style.computed(panel, targets["effective"], targets["stable"], 2, label="measured matrix", marker="+")
    panel.set(
        xlabel="effective rank exp(H)",
        ylabel="stable rank $|W|_F^2/|W|_{op}^2$",
        xlim=(0, None),
        ylim=(0, None),
    )
    style.legend_outside(panel)
    return figure
