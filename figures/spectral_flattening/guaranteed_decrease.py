"""What one step is guaranteed to gain, from smoothness in two norms, and what it gains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key, plain_ticks, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.polar import polar
from labs.core.spectrum import haar, power_law
from labs.core.streams import stream
from labs.spectral_flattening.one_step import best_decrease, change, yardsticks
from labs.spectral_flattening.thresholds import spectral_smoothness
from theory.spectral_flattening import SF_T3_4, SF_T3_6, SF_T3_7, SF_T1b, SF_T1c

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Guaranteed and realised decrease of one step"
CAPTION = """
Quadratics with Kronecker curvature, 20 x 30, eigenvalues i^-alpha (A) and i^-beta (B), alpha, beta in {0, 1, 2},
random eigenvectors, Gaussian errors.  Left: steps that are best for what smoothness in Frobenius norm (L)
guarantees; realised decreases lie between the guarantee (solid) and twice the guarantee (dashed), which a
direction without curvature would reach.  Muon's guarantees are far smaller than GD's.  Middle: the same from
smoothness in spectral norm (L_op): Muon's are the larger ones.  Right: with each optimiser under its own
smoothness Muon is guaranteed more than GD exactly if nr(G) L/L_op > 1 (dotted).  What a best step realises is on
the same side of 1 for almost all of these gradients; the ratio itself is not predicted, and is mostly nearer to 1
than the guaranteed one.
"""
CLAIMS = (SF_T1b, SF_T1c, SF_T3_4, SF_T3_6, SF_T3_7)

SHAPE = (20, 30)
EXPONENTS = (0.0, 1.0, 2.0)
DRAWS = {"smoke": 3, "quick": 20, "full": 100}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "decrease" (a row per alpha, beta, draw, optimiser, norm) and "ratio" (per alpha, beta, draw)."""
    decreases, ratios = [], []
    for alpha in EXPONENTS:
        for beta in EXPONENTS:
            rows, ratio = _ensemble(alpha, beta, DRAWS[scale], backend)
            decreases += rows
            ratios.append(ratio)
    return {"decrease": table(decreases), "ratio": table(ratios)}


def _ensemble(
    alpha: float, beta: float, count: int, backend: Backend
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    m, n = SHAPE
    draw = stream("guaranteed decrease", alpha, beta)
    left, right = haar(m, draw), haar(n, draw)
    B, A = (left * power_law(m, beta)) @ left.T, (right * power_law(n, alpha)) @ right.T
    error = draw.standard_normal((count, m, n))
    G = B @ error @ A
    Q = backend.to_numpy(polar(backend.asarray(G)).q)
    s = np.linalg.svd(G, compute_uv=False)
    loss = np.sum(error * G, axis=(-2, -1)) / 2
    L, L_op = (float(spectral_smoothness(B, A, rank)) for rank in (1, None))
    N, F = np.sum(s, axis=-1), np.sqrt(np.sum(s * s, axis=-1))
    rows = yardsticks(N, F, s[:, 0], m**0.5, L, L_op)
    found: list[dict[str, Any]] = []
    best = {}
    for optimiser, D, bounds in (
        ("gd", G, {"L": L * F**2, "L_op": L_op * s[:, 0] ** 2}),
        ("muon", Q, {"L": L * m + 0 * F, "L_op": L_op + 0 * F}),
    ):
        gain, curvature = np.sum(G * D, axis=(-2, -1)), np.sum(D * (B @ D @ A), axis=(-2, -1))
        best[optimiser] = best_decrease(gain, curvature)
        for norm, row in (("L", rows[3]), ("L_op", rows[5])):
            realised = -change(gain / bounds[norm], gain, curvature)
            shares = {"guaranteed": getattr(row, optimiser) / loss, "realised": realised / loss}
            found.append({"alpha": alpha, "beta": beta, "optimiser": optimiser, "norm": norm, **shares})
    guaranteed = rows[6].muon / rows[6].gd
    realised = best["muon"] / best["gd"]
    return found, {"alpha": alpha, "beta": beta, "guaranteed": guaranteed, "realised": realised}


LABELS = {"gd": "GD", "muon": "Muon"}


def draw(tables: Any) -> Figure:
    """The two guarantees, and the ratio of Muon to GD."""
    from figures.gallery import style

    figure, (left, middle, right) = style.panels(1, 3, width=15.0, height=4.6)
    for axes, norm, title in (
        (left, "L", "smoothness in Frobenius norm"),
        (middle, "L_op", "in spectral norm"),
    ):
        _draw_shares(axes, tables["decrease"], norm, style)
        axes.set_title(title)
    style.legend_outside(middle, "update")
    lines: dict[str, dict[str, Any]] = {
        "guaranteed": {"linestyle": "-", "color": "0.55"},
        "twice that": {"linestyle": "--", "color": "0.55"},
    }
    key(middle, **lines)
    ratio = tables["ratio"]
    for number, alpha in enumerate(EXPONENTS):
        for marker, beta in zip("os^", EXPONENTS, strict=True):
            rows = where(ratio, alpha=alpha, beta=beta)
            look: dict[str, Any] = {"marker": marker, "markersize": 4}
            label = {"label": f"{alpha:g}"} if beta == 0 else {}
            style.computed(right, rows["guaranteed"], rows["realised"], number, **look, **label)
    ends = np.array([0.8 * ratio["guaranteed"].min(), 1.25 * ratio["guaranteed"].max()])
    reference(right, ends, ends)
    reference(right, [1, 1], [0.1, 10], linestyle=":")
    reference(right, ends, [1, 1], linestyle=":")
    span = (0.8 * ratio["realised"].min(), 1.25 * ratio["realised"].max())
    right.set(xscale="log", yscale="log", xlim=ends, ylim=span)
    for axis in (right.xaxis, right.yaxis):
        plain_ticks(axis, (0.5, 0.7, 1, 1.5, 2, 3, 4, 6))
    right.set(xlabel="guaranteed decrease, Muon/GD = nr(G) L/L$_{op}$")
    right.set(ylabel="decrease at the best step, Muon/GD")
    right.set_title("each under its own smoothness")
    style.legend_outside(right, "α (colour)")
    markers = {
        f"β = {beta:g}": COMPUTED | {"marker": marker} for marker, beta in zip("os^", EXPONENTS, strict=True)
    }
    key(right, **markers)
    return figure


def _draw_shares(axes: Axes, rows: Any, norm: str, style: Any) -> None:
    for number, optimiser in enumerate(LABELS):
        points = where(rows, optimiser=optimiser, norm=norm)
        style.computed(
            axes, points["guaranteed"], points["realised"], number, markersize=4, label=LABELS[optimiser]
        )
    ends = np.array([0.5 * rows["guaranteed"].min(), 1.0])
    reference(axes, ends, ends)
    reference(axes, ends, 2 * ends, linestyle="--")
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=(ends[0], 1.2))
    for axis in (axes.xaxis, axes.yaxis):
        plain_ticks(axis, (0.01, 0.03, 0.1, 0.3, 1))
    axes.set(xlabel="guaranteed decrease / loss", ylabel="realised decrease / loss")
