"""The scaling law of gradient descent: the excess against the number of steps, with its constant and its range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import key
from figures.gallery.tables import table, where
from labs.associative_memory.bounds import gd_constant, gd_excess, gd_lower_bound
from labs.associative_memory.descent import gd_errors
from labs.associative_memory.margins import item_excess, masses_of_power_law, optimal_margin
from labs.core.arrays import Backend
from labs.core.fit import scaling_exponent
from theory.associative_memory import AML_P11b, AML_T8a, AML_T8b, AML_T8d, AML_T8e

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = (
    "Gradient descent's loss falls like T^-(1 - 1/beta) with a known constant, between log K and M^beta steps"
)
CAPTION = """
2000 groups of 50 facts, masses a^-beta, noise 0.2, full gradients, step 1/p_1.  Left: the excess after T steps
(points) and the formula with the sharp constant (lines; dashed: infinitely many groups, a pure power).  Dotted: the
explicit lower bound, 0.40 to 0.46 of the excess for beta = 2.  Right: the local slope of both; dashed: -(1 -
1/beta).  The power is seen only between two ends.  Before (vertical line: the first group can be done at m*/(1 -
alpha)), groups are learned one by one: the points jump around the formula until some ten groups are done, which
takes longest where beta is large.  Beyond T = M^beta the last group decides and the loss falls exponentially; the
slope leaves its value long before: for beta = 1.5 it is -0.38 at T = 10^3 and -0.75 at 10^5, for beta = 2 within
0.01 of -1/2 up to 10^4.  What is fitted should be the formula, not a power: the exponents in the key are fitted to
the formula, a decade from both ends of its range, m*/(1 - alpha) and M^beta, and their intervals allow for the drift.
"""
CLAIMS = (AML_T8a, AML_T8b, AML_T8d, AML_T8e, AML_P11b)

M, C, ALPHA = 2000, 50, 0.2
K = M * C
BETAS = (1.5, 2.0, 3.0)
TIMES = {
    "smoke": (30, 100, 110),
    "quick": tuple(int(t) for t in np.geomspace(10, 4000, 14).round()),
    "full": tuple(int(t) for t in np.geomspace(10, 100_000, 26).round()),
}
GROUPS = {"smoke": 300, "quick": M, "full": M}
FINE = {"smoke": 6, "quick": 50, "full": 80}
END = 3e5
FITTED = 30  # times of a fit, between a decade above the beginning of the range and a decade below its end


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "runs" (beta, T, excess, predicted), "slopes" (between neighbours), "law" (on a fine grid), "fits"."""
    groups, facts = GROUPS[scale], GROUPS[scale] * C
    masses = np.stack([masses_of_power_law(beta, groups) for beta in BETAS])
    times = TIMES[scale]
    p = backend.asarray(masses / masses[:, :1])
    errors = backend.to_numpy(gd_errors(p, facts, ALPHA, 1.0, times))
    excess = np.sum(masses[:, None, :] * item_excess(errors, facts, ALPHA), axis=-1)
    fine = np.geomspace(10, END, FINE[scale])
    runs, slopes, law = [], [], []
    for beta, found in zip(BETAS, excess, strict=True):
        predicted = _formula(np.array(times, dtype=float), facts, beta, groups)
        runs.append({"beta": beta, "T": np.array(times), "excess": found, "predicted": predicted})
        slopes.append({"beta": beta} | _slopes(np.array(times, dtype=float), found))
        line = _formula(fine, facts, beta, groups)
        below = np.array([gd_lower_bound(float(t), facts, ALPHA, beta, groups) for t in fine])
        pure = gd_constant(facts, ALPHA, beta) * fine ** -(1 - 1 / beta)
        slope = np.gradient(np.log(line), np.log(fine))
        law.append({"beta": beta, "T": fine, "excess": line, "lower": below, "pure": pure, "slope": slope})
    fits = fitted(facts, groups)
    return {"runs": table(runs), "slopes": table(slopes), "law": table(law), "fits": fits}


def fitted(facts: int, groups: int) -> dict[str, np.ndarray]:
    """Per beta the exponent of the formula and half the width of its interval."""
    lower, rows = float(optimal_margin(facts, ALPHA)) / (1 - ALPHA), []
    for beta in BETAS:
        upper = float(groups) ** beta
        times = np.geomspace(10 * lower, min(upper / 10, 1e6), FITTED)
        fit = scaling_exponent(times, _formula(times, facts, beta, groups), lower=lower, upper=upper)
        rows.append({"beta": beta, "exponent": fit.value, "half_width": fit.half_width})
    return table(rows)


def _formula(times: np.ndarray, facts: int, beta: float, groups: int) -> np.ndarray:
    return np.array([gd_excess(float(t), facts, ALPHA, beta, groups) for t in times])


def _slopes(times: np.ndarray, excess: np.ndarray) -> dict[str, np.ndarray]:
    """Slopes between neighbours, at their geometric mean."""
    return {"T": np.sqrt(times[1:] * times[:-1]), "slope": np.diff(np.log(excess)) / np.diff(np.log(times))}


def draw(tables: Any) -> Figure:
    """The law with its constant; its local slopes."""
    from figures.gallery import style

    figure, (left, right) = style.panels(1, 2, width=13.2, height=4.6)
    for number, beta in enumerate(BETAS):
        rows, law = where(tables["runs"], beta=beta), where(tables["law"], beta=beta)
        slopes = where(tables["slopes"], beta=beta)
        style.computed(left, rows["T"], rows["excess"], number, markersize=5)
        seen = law["excess"] > 2e-3
        style.predicted(left, law["T"][seen], law["excess"][seen], number, linestyle="-", linewidth=1.0)
        style.predicted(left, law["T"], law["pure"], number, linestyle="--", linewidth=0.9)
        bound = law["lower"] > 2e-3
        style.predicted(left, law["T"][bound], law["lower"][bound], number, linestyle=":", linewidth=1.2)
        fit = where(tables["fits"], beta=beta)
        label = f"$\\beta$ = {beta:g}: {fit['exponent'][0]:.4f} ± {fit['half_width'][0]:.4f}"
        style.computed(right, slopes["T"], slopes["slope"], number, markersize=5, label=label)
        style.predicted(right, law["T"], law["slope"], number, linestyle="-", linewidth=1.0)
        right.axhline(-(1 - 1 / beta), color=style.series(number)["color"], linestyle="--", linewidth=0.9)
    _range(left)
    left.set(xscale="log", yscale="log", xlabel="number of steps $T$", ylabel="excess loss $L(T) - L^*$")
    right.set(xscale="log", xlabel="number of steps $T$", ylabel="local slope", ylim=(-1.3, 0.0))
    style.legend_outside(right, "fitted exponent")
    looks: dict[str, dict[str, Any]] = {
        "formula": {"linestyle": "-", "linewidth": 1.0},
        "pure power": {"linestyle": "--", "linewidth": 0.9},
        "lower bound": {"linestyle": ":", "linewidth": 1.2},
    }
    key(right, **looks)
    return figure


def _range(axes: Axes) -> None:
    """Below (1 - alpha) T = m* not even the first items are learned."""
    start = float(optimal_margin(K, ALPHA)) / (1 - ALPHA)
    axes.axvline(start, color="0.55", linewidth=1.0, linestyle="-.")
    axes.annotate("m*/(1 − α)", (start, 0.03), (3, 2), textcoords="offset points", color="0.35")
