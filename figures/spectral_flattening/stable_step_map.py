"""What one step of GD, normalised GD and Muon does to the loss of a linear regression, against the step size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.polar import polar
from labs.core.polar.newton_schulz import newton_schulz
from labs.core.polar.schedules import TUNED
from labs.spectral_flattening.one_step import change, largest_step
from labs.spectral_flattening.thresholds import stable_step
from theory.spectral_flattening import SF_T3_1, SF_T5, SF_T1a, SF_T1d, SF_T2a, SF_T2c, SF_T3d

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "One step: where GD, normalised GD and Muon stop decreasing the loss"
CAPTION = """
Linear regression with 30 inputs of variances i^-alpha, 20 outputs and 400 samples, W = 0; the loss after one step
over the loss before.  Circles are losses of the stepped weights, lines the parabola 1 + (eta^2 <D, H[D]>/2 - eta
<G, D>)/f. A curve is back at 1 exactly at 2 <G, D>/<D, H[D]> (diamonds).  Guarantees know less: Muon's average
singular value 2 sbar/L (triangle) knows the largest eigenvalue of the curvature, 2 N/L_(r) (square) all of them,
and is close to the truth.  For flat data they nearly agree; for alpha = 1 the first is short by the factor 5.6,
and below the 2/L of GD, although Muon's exact threshold is 3.6 times GD's.  Five Newton-Schulz steps in place of
the polar factor move it little.  The step of GD has another unit (weight^2/loss) than the other three (weight):
left to right only those three may be compared.
"""
CLAIMS = (SF_T1a, SF_T1d, SF_T2a, SF_T2c, SF_T3_1, SF_T3d, SF_T5)

SHAPE = (20, 30, 400)
EXPONENTS = (0.0, 0.5, 1.0, 2.0)
RULES = ("gd", "ngd", "muon", "muon-ns5")
LABELS = {"gd": "GD", "ngd": "normalised GD", "muon": "Muon", "muon-ns5": "Muon-NS5"}
POINTS = {"smoke": 61, "quick": 241, "full": 721}


def problem(alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """(A, Delta) at W = 0: the sample covariance of inputs of variances i^-alpha, and minus a Gaussian target.

    NumPy's default stream with seed 0: the instance whose thresholds SF-T2 quotes.
    """
    m, n, count = SHAPE
    draw = np.random.default_rng(0)
    X = draw.standard_normal((n, count)) * (np.arange(1.0, n + 1) ** (-alpha / 2))[:, None]
    return X @ X.T / count, -draw.standard_normal((m, n))


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "losses" (a row per alpha, rule, step) and "thresholds" (per alpha, rule)."""
    eta = np.geomspace(1e-3, 1e2, POINTS[scale])
    losses, thresholds = [], []
    for alpha in EXPONENTS:
        A, error = (backend.asarray(x) for x in problem(alpha))
        B = backend.asarray(np.eye(SHAPE[0]))
        G = error @ A
        steps = {name: float(value) for name, value in vars(stable_step(G, B, A)).items()}
        before = _loss(error, A, backend)
        rank, size = steps["gradient_rank"], float(np.linalg.norm(backend.to_numpy(G)))
        updates = {
            "gd": G,
            "ngd": rank**0.5 / size * G,
            "muon": polar(G).q,
            "muon-ns5": newton_schulz(G, [TUNED] * 5),
        }
        for rule in RULES:
            D = updates[rule]
            stepped = error - backend.asarray(eta)[:, None, None] * D
            gain = float(np.sum(backend.to_numpy(G * D)))
            curvature = float(np.sum(backend.to_numpy(D * (D @ A))))
            ratio = _loss(stepped, A, backend) / before
            predicted = 1 + change(eta, gain, curvature) / before
            losses.append({"alpha": alpha, "rule": rule, "eta": eta, "ratio": ratio, "predicted": predicted})
            exact = largest_step(gain, curvature)
            known = {"gd": "gd", "ngd": "ngd", "muon": "frobenius", "muon-ns5": ""}[rule]
            ranked = steps["rank"] if rule == "muon" else np.nan
            guaranteed = steps[known] if known else np.nan
            thresholds.append(
                {"alpha": alpha, "rule": rule, "exact": exact, "guaranteed": guaranteed, "by_rank": ranked}
            )
    return {"losses": table(losses), "thresholds": table(thresholds)}


GAPS = ("thresholds.guaranteed", "thresholds.by_rank")  # guarantees that a rule does not have


def _loss(error: Any, A: Any, backend: Backend) -> np.ndarray:
    """<Delta, Delta A>/2."""
    return np.sum(backend.to_numpy(error * (error @ A)), axis=(-2, -1)) / 2


def draw(tables: Any) -> Figure:
    """A panel per alpha; above the curves, on a line per update, from what is guaranteed to what is exact."""
    from figures.gallery import style

    figure, panels = style.panels(2, 2, width=13.8, height=8.4)
    for axes, alpha in zip(panels, EXPONENTS, strict=True):
        _draw_panel(axes, tables, alpha, style)
    style.legend_outside(panels[1], "update")
    looks: dict[str, dict[str, Any]] = {
        "stepped weights": COMPUTED | {"markersize": 4},
        "parabola": {"linestyle": "-", "linewidth": 1.0},
        "guaranteed by L": MARKS["guaranteed"],
        "guaranteed by L$_{(r)}$": MARKS["by_rank"],
        "exact": MARKS["exact"],
    }
    key(panels[1], **looks)
    return figure


MARKS: dict[str, dict[str, Any]] = {
    "guaranteed": {"marker": "v", "markersize": 6, "linestyle": "", "markerfacecolor": "white"},
    "by_rank": {"marker": "s", "markersize": 5, "linestyle": "", "markerfacecolor": "white"},
    "exact": {"marker": "D", "markersize": 5, "linestyle": ""},
}


def _draw_panel(axes: Axes, tables: Any, alpha: float, style: Any) -> None:
    for number, rule in enumerate(RULES):
        rows = where(tables["losses"], alpha=alpha, rule=rule)
        style.predicted(axes, rows["eta"], rows["predicted"], number, linestyle="-", linewidth=1.0)
        sparse = slice(None, None, max(1, rows["eta"].size // 40))
        look: dict[str, Any] = {"marker": "o", "markersize": 4, "label": LABELS[rule]}
        style.computed(axes, rows["eta"][sparse], rows["ratio"][sparse], number, **look)
        row = where(tables["thresholds"], alpha=alpha, rule=rule)
        color, level = style.series(number)["color"], 1.68 - 0.1 * number
        ends = [row[name][0] for name in ("guaranteed", "exact") if np.isfinite(row[name][0])]
        axes.plot(ends, [level] * len(ends), color=color, linewidth=1.2, linestyle="-", marker="", zorder=3)
        for name, mark in MARKS.items():
            axes.plot(row[name], [level], **({"color": color, "zorder": 4} | mark))
    axes.set(xscale="log", ylim=(0, 1.8), xlim=(1e-2, 1e2))
    axes.set(xlabel="step size η (GD: weight²/loss, others: weight)", ylabel="loss after / loss before")
    reference(axes, axes.get_xlim(), [1, 1])
    axes.set_title(f"input variances $i^{{-{alpha:g}}}$" if alpha else "input variances 1")
