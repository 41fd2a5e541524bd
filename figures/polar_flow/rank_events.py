"""Where singular values reach zero and leave it: events of the flow, and the certificate that holds them there."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from labs.core.arrays import Backend
from labs.core.streams import stream
from labs.polar_flow.diagonal_model import diagonal_flow
from labs.polar_flow.ensembles import gaussian_sensing
from labs.polar_flow.operators import Operator, dense_sensing, diagonal
from labs.polar_flow.self_polar import self_polar_flow
from labs.polar_flow.sliding import sliding_velocity
from theory.polar_flow import POL_T1iip_c, POL_X7_a, POL_X7_d

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Singular values stay at zero while the selected subgradient is inside the unit ball"
CAPTION = """
Two self-polar flows through rank-deficient states.  Top: singular values (markers).  Bottom: |N|_op, the norm of the
part of the selected subgradient P(W) + N that acts between the null spaces, which holds the zero singular values at
zero (markers, where W is rank-deficient): they stay while it is below 1; where it reaches 1, one is let go.  The grey
curve is the speed |W'|_F, which never grows.  Vertical lines: events; dotted where a singular value arrives at zero,
solid where one leaves it.  Left: the diagonal model, 3 x 3, with -2 x1 - 2 x2 + x3 fixed, from (-1, 2, 3).  Lines:
the exact flow and its selection, in rational numbers; events at 9/7, 2 and 17/4.  The selection jumps at events and
is constant in between; the entry that rests at zero from 9/7 on is let go at 2, when another one arrives, and both go
on.  At rest, from 17/4 on, |N|_op = 1/2.  Right: 20 Gaussian measurements of 6 x 6 matrices.  There |N|_op moves
continuously between events; it reaches 1 at about t = 2.5, and a singular value comes back from zero.
"""
CLAIMS = (POL_X7_a, POL_X7_d, POL_T1iip_c)

B, X0 = ((-2, -2, 1),), (-1, 2, 3)
DIAGONAL, SENSING = "diagonal model, 3 x 3", "sensing, 6 x 6, p = 20"
POINTS = {"smoke": 7, "quick": 56, "full": 141}
LAST = {"smoke": (5.5, 0.5), "quick": (5.5, 5.5), "full": (7.0, 7.0)}
GAPS = ("flow.norm", "exact.norm")  # where W has full rank
# A legend that no line of an event shows through.
OPAQUE = {"frameon": True, "framealpha": 1.0, "edgecolor": "none"}
# Singular values below are zeros, but for the errors of the steps.
ZERO = 1e-5


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "flow" (a row per problem and time), "event", and "exact" (of the diagonal model)."""
    drawn = stream("figure: rank events", 6, 6, 20, 15)
    gaussian = gaussian_sensing(20, (6, 6), drawn)
    problems: dict[str, tuple[Operator, np.ndarray]] = {
        DIAGONAL: (diagonal(backend.asarray(np.array(B, dtype=float))), np.diag(np.array(X0, dtype=float))),
        SENSING: (dense_sensing(backend.asarray(gaussian.matrix), (6, 6)), drawn.standard_normal((6, 6))),
    }
    rows, events = [], []
    exact = diagonal_flow(B, X0).events
    for (name, (operator, W0)), last in zip(problems.items(), LAST[scale], strict=True):
        times = np.linspace(0.0, last, POINTS[scale])
        if name == DIAGONAL:  # the speed jumps at events
            jumps = [float(event.time) + side for event in exact[1:] for side in (-1e-4, 1e-4)]
            times = np.sort([*times, *jumps])
        flow = self_polar_flow(operator, backend.asarray(W0), backend.asarray(times), tolerance=1e-7)
        choice = sliding_velocity(operator, flow.states, rtol=ZERO)
        sigma, norm, velocity = (backend.to_numpy(x) for x in (flow.spectra, choice.norm, choice.velocity))
        deficient = backend.to_numpy(choice.rank) < sigma.shape[-1]
        for j, t in enumerate(times):
            values = dict(
                zip((f"sigma{i + 1}" for i in range(6)), [*sigma[j], 0.0, 0.0, 0.0][:6], strict=True)
            )
            speed = np.linalg.norm(velocity[j])
            rows.append(
                {"problem": name, "t": t, "speed": speed, "norm": norm[j] if deficient[j] else np.nan}
                | values
            )
        events += [
            {"problem": name, "t": e.time, "leaves": e.kind in ("release", "crossing")}
            for e in flow.events
            if e.kind != "stationary"
        ]
    pieces = [(a, end) for a, end in zip(exact, [*(e.time for e in exact[1:]), Fraction(7)], strict=True)]
    held = []
    for event, end in pieces:
        zeros = [
            abs(s)
            for x, v, s in zip(event.state, event.velocity, event.selection, strict=True)
            if x == v == 0
        ]
        at_end = [
            abs(float(x + v * (end - event.time))) for x, v in zip(event.state, event.velocity, strict=True)
        ]
        for t, state in ((event.time, [abs(float(x)) for x in event.state]), (end, at_end)):
            held.append(
                {"t": float(t), "norm": float(max(zeros, default=np.nan))}
                | {f"x{i + 1}": value for i, value in enumerate(state)}
            )
    return {"flow": as_table(rows), "event": as_table(events), "exact": as_table(held)}


def as_table(rows: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def draw(tables: Any) -> Figure:
    """Singular values above, the certificate's norm and the speed below."""
    from figures.gallery import style

    figure, panels = style.panels(2, 2, width=12.4, height=6.6)
    flow, events = tables["flow"], tables["event"]
    for column, name in enumerate((DIAGONAL, SENSING)):
        top, bottom = panels[column], panels[2 + column]
        rows = {key: values[flow["problem"] == name] for key, values in flow.items()}
        count = 3 if name == DIAGONAL else 6
        for i in range(count):
            style.computed(top, rows["t"], rows[f"sigma{i + 1}"], i, markersize=3.5)
        style.computed(bottom, rows["t"], rows["norm"], 1, label="$|N|_{op}$, computed")
        bottom.plot(rows["t"], rows["speed"], color="0.6", linestyle="-", marker="", label="speed $|W'|_F$")
        for axes in (top, bottom):
            for t, leaves in zip(events["t"], events["leaves"], strict=True):
                if events["problem"][np.flatnonzero(events["t"] == t)[0]] == name:
                    axes.axvline(t, color="0.35", linestyle="-" if leaves else ":", linewidth=0.9, zorder=0)
            axes.set_xlim(-0.1, rows["t"][-1] + 0.1)
        bottom.axhline(1.0, color="black", linestyle="--", linewidth=0.8, zorder=0)
        top.set(title=name, ylabel="singular values", ylim=(-0.12, None))
        bottom.set(xlabel="time $t$", ylim=(-0.05, 2.0))
        if name == DIAGONAL:
            draw_exact(top, bottom, tables["exact"], rows["t"][-1])
        bottom.legend(loc="upper right", **OPAQUE)
    panels[2].set_ylabel("$|N|_{op}$ and speed")
    panels[3].set_ylabel("$|N|_{op}$ and speed")
    panels[0].plot([], [], color="0.35", linestyle=":", marker="", label="a value arrives at zero")
    panels[0].plot([], [], color="0.35", linestyle="-", marker="", label="a value leaves zero")
    panels[0].legend(loc="upper right", **OPAQUE)
    return figure


def draw_exact(top: Axes, bottom: Axes, exact: Any, last: float) -> None:
    shown = exact["t"] <= last
    for i in range(3):
        label = "exact, $|x_i|$" if i == 0 else None
        top.plot(
            exact["t"][shown],
            exact[f"x{i + 1}"][shown],
            color="0.2",
            linestyle="-",
            linewidth=0.8,
            marker="",
            label=label,
        )
    ends = np.where(shown, exact["t"], last)
    for start in range(2, exact["t"].size, 2):
        label = "$|N|_{op}$, exact" if start == 2 else None
        piece = slice(start, start + 2)
        if exact["norm"][start] < 1:  # not where it is missing
            bottom.plot(
                ends[piece],
                exact["norm"][piece],
                color="0.2",
                linestyle="-",
                linewidth=0.8,
                marker="",
                label=label,
            )
