"""Predicted against realised decrease of single steps on a small language model, and how far the prediction goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.curvature_nds._language import (
    BATCHES,
    OPTIMISERS,
    SIZES,
    Row,
    grid_of,
    host,
    problem,
    rows_of,
    tuned,
)
from figures.gallery.marks import COMPUTED, key, note, plain_ticks, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.curvature_nds.measurement import prediction_error, realised_at
from labs.curvature_nds.one_step import taylor
from theory.curvature_nds import NDS_E1, NDS_D1a, NDS_D1c

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Gain minus penalty against the realised decrease of one step, and the scale at which it fails"
CAPTION = """
Steps of Adam and Muon on the small language model of the figure matched_loss, Zipf exponent 1.  Left: gain minus
penalty against the realised decrease of the held-out loss, both optimisers at the best rates of their grids: slope
and correlation differ from one by less than a hundredth.  Then how the error is distributed: its median is below
0.3 % of gain and penalty together, its largest value below 2 %, and the third Taylor term (thin) makes both five to
fifty times smaller.  By rate: full marks are medians, hollow ones the largest.  At 0.0632 the median is about 1 %,
and where training is no longer stable (0.2, at full scale) the prediction is lost on the training batch.  Right:
the step made tau times as long.  The error in units of the penalty grows as tau, as the third term says; the dotted
lines are the third and fourth terms alone.  A tenth of the penalty is nearly reached at eight times Adam's step at
quick scale; at full scale, where the best rates are smaller, not up to there.
"""
CLAIMS = (NDS_D1a, NDS_D1c, NDS_E1)

EXPONENT = 1.0
SCALES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
COLUMNS = ("gain", "penalty", "third", "fourth", "realised", "error", "error_third")
TENTH = 0.1


def measure(of: Any, optimiser: str, backend: Backend) -> Any:
    """A row for each batch: Taylor terms, realised decrease, errors without and with c_3, and decreases by scale."""
    network = of.network

    def look(point: Any, held_out: Any) -> list[Row]:
        rows = []
        update = point.updates[optimiser]
        for batch, tokens in zip(BATCHES, (held_out, point.data[0]), strict=True):

            def loss(p: Any, tokens: Any = tokens) -> Any:
                return network.loss(p, tokens)

            found = taylor(loss, point.parameters, update, layers={})
            columns = {
                "gain": found.gain,
                "penalty": found.penalty,
                "third": found.terms[..., 3],
                "fourth": found.terms[..., 4],
                "realised": found.realised,
                "error": prediction_error(found),
                "error_third": prediction_error(found, 3),
            }
            scaled = realised_at(loss, point.parameters, update, SCALES)
            columns |= {f"at_{i}": scaled[..., i] for i in range(len(SCALES))}
            rows.append({"batch": batch} | host(backend, **columns))
        return rows

    return look


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "steps" (optimiser, rate, seed, step, batch), and "best": the same at the best rates."""
    of = problem(SIZES[scale], EXPONENT)
    rows = table(row for name in OPTIMISERS for row in rows_of(of, name, backend, measure(of, name, backend)))
    return {"steps": rows, "best": tuned(rows, grid_of(rows))}


def error_by_scale(rows: Any) -> dict[str, np.ndarray]:
    """Medians over steps of the error at tau Z in units of the penalty there: measured, and from c_3 and c_4 alone.

    The first step looked at is left out: the penalty has no sure sign there.
    """
    later = {name: x[rows["step"] > 0] for name, x in rows.items()}
    measured, predicted = [], []
    for i, tau in enumerate(SCALES):
        missing = later[f"at_{i}"] - tau * later["gain"] + tau**2 * later["penalty"]
        terms = tau * later["third"] + tau**2 * later["fourth"]
        measured.append(np.median(np.abs(missing) / (tau**2 * np.abs(later["penalty"]))))
        predicted.append(np.median(np.abs(terms) / np.abs(later["penalty"])))
    return {"scale": np.array(SCALES), "measured": np.array(measured), "predicted": np.array(predicted)}


def draw(tables: Any) -> Figure:
    """Realised against predicted; errors as distributions; by rate; by scale."""
    from figures.gallery import style

    figure, panels = style.panels(1, 4, width=18.0, height=3.9)
    best = where(tables["best"], batch="held_out")
    ends = np.array([np.min(best["realised"]), np.max(best["realised"])])
    reference(panels[0], ends, ends)
    for number, optimiser in enumerate(OPTIMISERS):
        mine = where(best, optimiser=optimiser)
        style.computed(
            panels[0],
            mine["gain"] - mine["penalty"],
            mine["realised"],
            number,
            markersize=4,
            label=OPTIMISERS[optimiser],
        )
    panels[0].set(xlabel="predicted, $I_1 - I_2$", ylabel="realised decrease", title="held-out batch")
    draw_distributions(panels[1], tables["best"], style)
    draw_by_rate(panels[2], tables["steps"], style)
    draw_by_scale(panels[3], best, style)
    for number, optimiser in enumerate(OPTIMISERS):
        style.computed(panels[3], np.array([]), np.array([]), number, label=OPTIMISERS[optimiser])
    style.legend_outside(panels[3])
    looks: dict[str, dict[str, Any]] = {
        "held-out batch": {"linestyle": "-"},
        "training batch": {"linestyle": "--"},
        "with the third term": {"linestyle": "-", "linewidth": 0.7},
        "median": COMPUTED | {"markerfacecolor": "0.25"},
        "largest": COMPUTED,
        "third and fourth alone": {"linestyle": ":"},
    }
    key(panels[3], **looks)
    return figure


def draw_distributions(axes: Axes, rows: Any, style: Any) -> None:
    """Shares of steps whose error is at most so large."""
    for number, optimiser in enumerate(OPTIMISERS):
        for batch, linestyle in zip(BATCHES, ("-", "--"), strict=True):
            mine = where(rows, optimiser=optimiser, batch=batch)
            for column, width in (("error", 1.8), ("error_third", 0.7)):
                errors = np.sort(mine[column])
                look: dict[str, Any] = {"linestyle": linestyle, "linewidth": width, "drawstyle": "steps-post"}
                style.predicted(axes, errors, np.arange(1, errors.size + 1) / errors.size, number, **look)
    axes.set(xscale="log", xlabel="error / ($|I_1| + |I_2|$)", ylabel="share of steps", title="best rate")


def draw_by_rate(axes: Axes, rows: Any, style: Any) -> None:
    """Median and largest error by rate."""
    rates = np.unique(rows["rate"])
    for number, optimiser in enumerate(OPTIMISERS):
        for batch, linestyle in zip(BATCHES, ("-", "--"), strict=True):
            mine = where(rows, optimiser=optimiser, batch=batch)
            for summary, fill in ((np.median, style.series(number)["color"]), (np.max, "none")):
                values = np.array([summary(mine["error"][mine["rate"] == rate]) for rate in rates])
                look: dict[str, Any] = {"linestyle": linestyle, "linewidth": 0.8, "markerfacecolor": fill}
                style.computed(axes, rates, values, number, markersize=4.5, **look)
    axes.set(xscale="log", yscale="log", xlabel="rate", ylabel="error / ($|I_1| + |I_2|$)", title="by rate")
    plain_ticks(axes.xaxis, rates.round(4))


def draw_by_scale(axes: Axes, rows: Any, style: Any) -> None:
    """The error in units of the penalty against the scale of the step."""
    for number, optimiser in enumerate(OPTIMISERS):
        found = error_by_scale(where(rows, optimiser=optimiser))
        style.predicted(axes, found["scale"], found["predicted"], number, linestyle=":")
        style.computed(axes, found["scale"], found["measured"], number)
    reference(axes, [SCALES[0], SCALES[-1]], [TENTH, TENTH])
    note(axes, "10 % of the penalty", (SCALES[0], TENTH), (2, 4))
    axes.set(xscale="log", yscale="log", xlabel="scale τ of the step", ylabel="error / ($τ^2 |I_2|$)")
    axes.set_title("by scale, held out")
    axes.set_ylim(top=max(axes.get_ylim()[1], 3 * TENTH))
    plain_ticks(axes.xaxis, SCALES)
