"""How far the halving schedule gets when the eigenbasis of one curvature is turned against the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.polar import msign
from labs.spectral_flattening.aligned import rotated_curvature, tangent_of_first_step, worst_tangents_squared
from labs.spectral_flattening.dynamics import descend
from theory.spectral_flattening import (
    SF_K7b,
    SF_K7d,
    SF_K7e,
    SF_K7f,
    SF_K7g,
    SF_K10b,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Muon does not see the condition number as long as the curvatures are aligned; whitened, always"
CAPTION = """
Two by two: B = diag(b, 1/b), A = diag(a, 1/a) turned by phi, a = b, Delta_0 = 1, step sizes 2^-(t+1).  Left: the
angle theta by which the first direction polar(B A) is turned; circles from the polar factor, lines from the
formula, diamonds its maximum.  Middle: the error after 60 steps, when all that are left together are 2^-60 long.
At 0 and at 90 degrees the problem is aligned and the error nothing, whatever a (for a = 100 the rounding of 90
degrees is enough to see: misalignment grows).  In between it is not, and for large a hardly anything is gained.
The dip at 60 degrees is where cos phi = 1/2, so that the second direction is undecided.  Crosses: both sides
whitened; every start converges. Right: the same errors against theta, and for a from 1.01 to 1000 at the worst phi
(diamonds; 0.0792, 0.5204, 0.7939 and 0.9898 at a = 2, 5, 10 and 100).  Grey: after the first step, sqrt(5/4 - cos
theta), with its computed values (dots).
"""
CLAIMS = (SF_K7b, SF_K7d, SF_K7e, SF_K7f, SF_K7g, SF_K10b)

FAMILIES = (2.0, 5.0, 10.0, 100.0)
TURNS = {"smoke": 7, "quick": 37, "full": 181}
WORST = {"smoke": 5, "quick": 25, "full": 61}
STEPS = 60


def runs(a: np.ndarray, phi: np.ndarray, backend: Backend) -> dict[str, np.ndarray]:
    """For each pair: the first angle, |Delta_1|, |Delta_60|, and |Y_60|/|Y_0| of the whitened run."""
    c, s = np.cos(phi), np.sin(phi)
    B, A = (backend.asarray(_stack(S)) for S in rotated_curvature(a, a, c, s))
    A, B = (A + A.mT) / 2.0, (B + B.mT) / 2.0
    Q = backend.to_numpy(msign(B @ A))
    start = backend.asarray(np.eye(2))
    plain = descend(B, A, start, "muon", STEPS, "halving", checkpoints=(1,))
    ends = {t: backend.to_numpy(plain.checkpoints[t]) for t in (1, STEPS)}
    # |Y_0|_op = |B^(1/2) A^(1/2)|_op is the root of the top eigenvalue of B A.
    size = np.sqrt(np.max(np.real(np.linalg.eigvals(backend.to_numpy(B @ A))), axis=-1))
    white = descend(B, A, start, "muon", STEPS, "halving", size=backend.asarray(size), whiten="both")
    return {
        "a": a,
        "phi": phi,
        "theta": np.abs(np.arctan2(Q[:, 1, 0], Q[:, 0, 0])),
        "predicted": np.abs(np.arctan(tangent_of_first_step(a, a, c, s))),
        "first": np.linalg.norm(ends[1], 2, axis=(1, 2)),
        "last": np.linalg.norm(ends[STEPS], 2, axis=(1, 2)),
        # f = |Y|_F^2/2
        "whitened": np.sqrt(2.0 * backend.to_numpy(white.values)[:, -1]) / size,
    }


def _stack(S: Any) -> np.ndarray:
    rows = [np.stack(np.broadcast_arrays(*row), axis=-1) for row in S]
    return np.stack(np.broadcast_arrays(*rows), axis=-2)


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "turns" (a, phi), "worst" (a, at its worst phi) and "peak" (the maximum of theta, by formula)."""
    phi = np.linspace(0.0, np.pi / 2, TURNS[scale])
    turns = table(runs(np.full(phi.size, a), phi, backend) for a in FAMILIES)
    many = np.sort(np.concatenate([np.geomspace(1.01, 1000.0, WORST[scale]), FAMILIES]))
    where_worst = np.arctan(np.sqrt(worst_tangents_squared(many, many)[0]))
    families = np.array(FAMILIES)
    squares = worst_tangents_squared(families, families)
    peak = {
        "a": families,
        "phi": np.arctan(np.sqrt(squares[0])),
        "theta": np.arctan(np.sqrt(squares[1])),
    }
    return {"turns": turns, "worst": runs(many, where_worst, backend), "peak": peak}


def draw(tables: Any) -> Figure:
    """theta against phi, the error against phi, the error against theta; angles in degrees."""
    from figures.gallery import style

    figure, (left, middle, right) = style.panels(1, 3, width=14.6, height=4.5)
    turns, worst, peak = tables["turns"], tables["worst"], tables["peak"]
    for number, a in enumerate(FAMILIES):
        rows, top = where(turns, a=a), where(peak, a=a)
        phi, theta = np.degrees(rows["phi"]), np.degrees(rows["theta"])
        style.predicted(left, phi, np.degrees(rows["predicted"]), number, linestyle="-")
        style.computed(left, phi, theta, number, markersize=4, marker="o")
        diamond: dict[str, Any] = {"marker": "D", "linestyle": "", "color": style.series(number)["color"]}
        left.plot(np.degrees(top["phi"]), np.degrees(top["theta"]), **diamond)
        look: dict[str, Any] = {"linestyle": "-", "linewidth": 0.8, "markersize": 4, "marker": "o"}
        style.computed(middle, phi, rows["last"], number, **look)
        middle.plot(phi, rows["whitened"], color=diamond["color"], marker="x", markersize=4, linestyle="")
        style.computed(right, theta, rows["last"], number, markersize=4, marker="o", label=f"a = b = {a:g}")
    angles = np.linspace(0.0, np.pi / 2, 91)
    reference(right, np.degrees(angles), np.sqrt(1.25 - np.cos(angles)))
    right.plot(
        np.degrees(turns["theta"]), turns["first"], color="0.55", marker=".", markersize=3, linestyle=""
    )
    line: dict[str, Any] = {
        "color": "0.25",
        "marker": "D",
        "markersize": 4,
        "linewidth": 0.8,
        "linestyle": "-",
    }
    right.plot(np.degrees(worst["theta"]), worst["last"], markerfacecolor="white", **line)
    left.set(xlabel="φ (degrees)", ylabel="θ (degrees)", title="angle of the first direction")
    middle.set(xlabel="φ (degrees)", ylabel="spectral norm of the error", title=f"after {STEPS} steps")
    right.set(xlabel="θ (degrees)", ylabel="spectral norm of the error", title=f"after 1 and {STEPS} steps")
    for axes in (left, middle, right):
        axes.set_xticks(range(0, 91, 15))
    style.legend_outside(right)
    key(
        right,
        computed=COMPUTED,
        formula={"linestyle": "-"},
        **{
            "largest θ": {"marker": "D", "linestyle": ""},
            "both sides whitened": {"marker": "x", "linestyle": ""},
            "worst φ, all a": line | {"markerfacecolor": "white"},
            "after one step": {"color": "0.55", "linestyle": "-", "marker": "."},
        },
    )
    return figure
