"""Where one step of Muon gains more than one step of gradient descent, both of the best length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.spectrum import haar
from labs.core.streams import stream
from labs.spectral_flattening.conditioning import line_search_factor
from labs.spectral_flattening.conditioning_forms import aligned_factor
from theory.spectral_flattening import SF_K6a, SF_K6e, SF_K6j, SF_K6k

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Where a step of Muon beats a step of gradient descent: above a curve, if the curvature is aligned"
CAPTION = """
What one step of the best length leaves of the loss: Muon's share over gradient descent's, blue where Muon is better.
16 modes (64 at full scale).  Across: the spread of the curvature, h_i = i^-c.  Upwards: the nuclear rank of the
gradient over its rank, singular values i^-q.  Dashed: nr = L_op/L, above which scaled Muon's guarantee beats GD's.
Left: aligned, the steepest modes with the largest gradients.  The steps change places on the solid line,
nr = <Q, H[Q]>/c(G), close to the dashed one because GD meets nearly the largest curvature.  Dotted: the error is
isotropic (q = c), where Muon solves the problem in one step.  Middle: aligned, the flattest modes with the largest
gradients: GD meets little curvature, and Muon is worse everywhere.  Right: eigenbases of B and A and singular vectors
of G at random (medians of draws; both curvatures i^-(c/2)): the guarantee says nothing of the step.
"""
CLAIMS = (SF_K6a, SF_K6e, SF_K6j, SF_K6k)

MODES = {"smoke": 8, "quick": 16, "full": 64}
CELLS = {"smoke": 6, "quick": 24, "full": 40}
DRAWS = {"smoke": 1, "quick": 5, "full": 5}
SPREADS = (0.05, 4.0)  # powers of ten of h_1/h_r
LINES: dict[Any, str] = {
    "--": "$\\mathrm{nr}(G) = L_{op}/L$: the guarantees change places",
    "-": "$\\mathrm{nr}(G) = \\langle Q, H[Q]\\rangle/c(G)$: the steps do",
    ":": "isotropic error",
}
PANELS = ("steep modes first", "flat modes first", "random bases")


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "map" (a row per panel, kappa and nr/r; log10 of Muon's share over GD's) and "boundary" (per kappa)."""
    r = MODES[scale]
    modes = np.arange(1.0, r + 1.0)
    fractions = np.linspace(1.2 / r, 0.999, CELLS[scale])
    s = modes[:, None] ** -slopes(fractions, r)
    maps, boundaries = [], []
    for spread in np.logspace(*SPREADS, CELLS[scale]):
        h = modes ** (-np.log(spread) / np.log(r))
        shares = [
            aligned_shares(h, s),
            aligned_shares(h[::-1], s),
            random_shares(h, s, DRAWS[scale], backend),
        ]
        for panel, (muon, descent) in zip(PANELS, shares, strict=True):
            quotient = np.log10(np.maximum(muon, 1e-12) / np.maximum(descent, 1e-12))
            maps.append({"panel": panel, "kappa": spread, "fraction": fractions, "quotient": quotient})
        boundaries.append(
            {"kappa": spread, "fraction": np.sum(h) / (h[0] * r), "isotropic": nuclear_fraction(h)}
        )
    return {"map": table(maps), "boundary": table(boundaries)}


def nuclear_fraction(s: np.ndarray) -> np.ndarray:
    """The nuclear rank over the number of modes, modes first."""
    return np.sum(s, axis=0) ** 2 / (np.sum(s**2, axis=0) * len(s))


def slopes(fractions: np.ndarray, r: int) -> np.ndarray:
    """q such that i^-q has these nuclear ranks over r, by bisection: they fall with q."""
    modes, low, high = np.arange(1.0, r + 1.0), 0.0 * fractions, 0.0 * fractions + 60.0
    for _ in range(60):
        middle = (low + high) / 2
        flatter = nuclear_fraction(modes[:, None] ** -middle) > fractions
        low, high = np.where(flatter, middle, low), np.where(flatter, high, middle)
    return low


def aligned_shares(h: np.ndarray, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(Muon's, GD's) for aligned modes; s has a column per spectrum."""
    return aligned_factor(h, s, np.ones_like(s)), aligned_factor(h, s, s)


def random_shares(
    h: np.ndarray, s: np.ndarray, draws: int, backend: Backend
) -> tuple[np.ndarray, np.ndarray]:
    """(Muon's, GD's) with B = A = diag(h)^(1/2) and singular vectors of the gradient at random; medians of draws."""
    r, root = len(h), np.sqrt(h)
    left, right = (haar(r, stream("convergence factors", side, r), (draws,)) for side in ("left", "right"))
    G = (left[:, None] * s.T[:, None, :]) @ right[:, None].mT
    curvature, delta = backend.asarray(np.diag(root)), backend.asarray(G / np.outer(root, root))
    found = (
        backend.to_numpy(line_search_factor(curvature, curvature, delta, rule)) for rule in ("muon", "gd")
    )
    muon, descent = (np.median(share, axis=0) for share in found)
    return muon, descent


def draw(tables: Any) -> Figure:
    """A map per panel."""
    from matplotlib.lines import Line2D

    from figures.gallery import style

    figure, panels = style.panels(1, 3, width=14.8, height=5.0)
    boundary = tables["boundary"]
    for axes, name in zip(panels, PANELS, strict=True):
        rows = where(tables["map"], panel=name)
        kappa, fraction = np.unique(rows["kappa"]), np.unique(rows["fraction"])
        values = rows["quotient"].reshape(kappa.size, fraction.size).T
        mesh = axes.pcolormesh(kappa, fraction, values, cmap="RdBu_r", vmin=-1, vmax=1, shading="nearest")
        axes.plot(
            boundary["kappa"], boundary["fraction"], color="white", linewidth=3.2, linestyle="-", marker=""
        )
        axes.plot(
            boundary["kappa"], boundary["fraction"], color="black", linewidth=1.4, linestyle="--", marker=""
        )
        if name == PANELS[0]:
            axes.contour(kappa, fraction, values, levels=[0.0], colors="black", linewidths=1.0)
            axes.plot(boundary["kappa"], boundary["isotropic"], color="black", linestyle=":", marker="")
        axes.set(xscale="log", xlabel=r"spread of the curvature, $h_1/h_r$", ylim=(fraction[0], fraction[-1]))
        axes.set(ylabel="nuclear rank of the gradient over its rank", xlim=(kappa[0], kappa[-1]))
        axes.set_title(name)
        axes.grid(visible=False)
    lines = [Line2D([], [], color="black", linestyle=look, label=label) for look, label in LINES.items()]
    figure.legend(handles=lines, loc="outside lower center", ncols=3)
    bar = figure.colorbar(mesh, ax=panels[-1], extend="both", label="share left by Muon / share left by GD")
    shown = (0.1, 0.2, 0.5, 1, 2, 5, 10)
    bar.set_ticks([float(np.log10(share)) for share in shown], labels=[f"{share:g}" for share in shown])
    return figure
