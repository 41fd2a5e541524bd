"""The 2 x 2 flow that becomes exactly flat, leaves flatness, and ends at rank one."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from labs.core.arrays import Backend
from labs.polar_flow.diagonal_model import diagonal_flow
from labs.polar_flow.operators import diagonal
from labs.polar_flow.self_polar import self_polar_flow
from labs.polar_flow.spreads import spread
from theory.polar_flow import POL_X1p_a, POL_X1p_b, POL_X1p_c, POL_X7_c

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Flat is passed through, not approached; at rank one the polar factor is the wrong velocity"
CAPTION = """
ker A is spanned by diag(2, -1); the flow starts at diag(2, 1).  Left: singular values.  Lines: the exact flow, in
rational numbers, (2 - 2t/5, 1 + t/5) up to t = 5, then at rest at diag(0, 2).  Markers: the explicit code for 2 x 2
matrices.  The spectrum is exactly flat, (4/3, 4/3), at t = 5/3 and un-flattens again.  Dotted: what a code does that
continues with the canonical polar factor diag(0, 1) at t = 5, of velocity (2/5, -1/5): it leaves the minimiser, and
the step after that brings it back, so that it chatters (here with steps of 0.4).  Right: entropy and participation of
the spectrum; both are largest at t = 5/3, where the sum of alpha_i q_i changes its sign; the nuclear norm, in units
of its start, falls from 3 to 2 all along.
"""
CLAIMS = (POL_X1p_a, POL_X1p_b, POL_X1p_c, POL_X7_c)

B, X0 = ((1, 2),), (2, 1)
POINTS = {"smoke": 8, "quick": 33, "full": 65}
LAST = 8.0
NAIVE = 0.4  # step of the code that knows no selection


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "exact" (rational), "computed" (spectrum and its spreads) and "naive" (Euler, canonical factor)."""
    exact = diagonal_flow(B, X0)
    moments = sorted({event.time for event in exact.events} | {Fraction(5, 3), Fraction(8)})
    times = np.linspace(0.0, LAST, POINTS[scale])
    operator = diagonal(backend.asarray(np.array(B, dtype=float)))
    flow = self_polar_flow(
        operator, backend.asarray(np.diag(np.array(X0, dtype=float))), backend.asarray(times)
    )
    sigma = backend.to_numpy(flow.spectra)
    # A zero that is rounding is left out of every spread, as an exact one is.
    kept = np.where(sigma > 1e-6, sigma, 0.0)
    steps = naive()
    return {
        "exact": {"t": np.array([float(t) for t in moments])}
        | {f"x{i + 1}": np.array([float(exact.at(t)[i]) for t in moments]) for i in range(2)},
        "computed": {
            "t": times,
            "sigma1": sigma[:, 0],
            "sigma2": sigma[:, 1],
            "entropy": spread(kept, "entropy")[0] / np.log(2.0),
            "participation": spread(kept, "participation")[0] / 2.0,
            "nuclear": sigma.sum(axis=-1) / 3.0,
        },
        "naive": {"t": 5.0 + NAIVE * np.arange(len(steps)), "x1": steps[:, 0], "x2": steps[:, 1]},
    }


def naive() -> np.ndarray:
    """Euler steps on from (0, 2) with sign(0) = 0, by hand: x - h Pi sign(x)."""
    Pi = np.array([[4.0, -2.0], [-2.0, 1.0]]) / 5.0
    path = [np.array([0.0, 2.0])]
    while 5.0 + NAIVE * len(path) <= LAST:
        x = np.where(np.abs(path[-1]) < 1e-12, 0.0, path[-1])
        path.append(x - NAIVE * Pi @ np.sign(x))
    return np.array(path)


def draw(tables: Any) -> Figure:
    """Singular values; spreads."""
    from figures.gallery import style

    figure, (left, right) = style.panels(1, 2, width=11.6, height=4.4)
    exact, computed, steps = tables["exact"], tables["computed"], tables["naive"]
    for number, column in enumerate(("x1", "x2")):
        label = f"$x_{number + 1}$, exact"
        style.predicted(left, exact["t"], exact[column], number, linestyle="-", label=label)
        left.plot(steps["t"], steps[column], color=style.series(number)["color"], linestyle=":", marker=".")
    for column in ("sigma1", "sigma2"):
        left.plot(
            computed["t"],
            computed[column],
            color="0.35",
            linestyle="",
            marker="o",
            markerfacecolor="none",
            markersize=4,
        )
    left.plot(
        [],
        [],
        color="0.35",
        linestyle="",
        marker="o",
        markerfacecolor="none",
        label="singular values, computed",
    )
    left.plot([], [], color="0.35", linestyle=":", marker=".", label="canonical polar factor from $t = 5$ on")
    left.set(
        xlabel="time $t$",
        ylabel="entries of $W$",
        title="diag(2, 1), kernel spanned by diag(2, $-$1)",
        ylim=(-0.15, 3.3),
    )
    left.legend(loc="upper left", ncols=2)
    names = (
        ("entropy", "entropy / log 2"),
        ("participation", "participation / 2"),
        ("nuclear", "nuclear norm / 3"),
    )
    for number, (column, label) in enumerate(names):
        style.computed(
            right, computed["t"], computed[column], number, linestyle="-", linewidth=0.8, label=label
        )
    for axes in (left, right):
        axes.axvline(5 / 3, color="0.6", linestyle="-", linewidth=0.8, zorder=0)
        axes.axvline(5.0, color="0.6", linestyle="-", linewidth=0.8, zorder=0)
    right.annotate("flat: $t = 5/3$", (5 / 3, 0.03), (4, 0), textcoords="offset points", color="0.35")
    right.annotate("rank one: $t = 5$", (5.0, 0.93), (4, 0), textcoords="offset points", color="0.35")
    right.set(xlabel="time $t$", ylabel="spread of the spectrum", title="spreads", ylim=(-0.05, 1.08))
    right.legend(loc="center right", bbox_to_anchor=(1.0, 0.36))
    return figure
