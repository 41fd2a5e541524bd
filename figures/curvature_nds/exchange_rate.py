"""What decides one line-searched step: the cosine with the gradient against the sharpness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import note, plain_ticks, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.polar import msign
from labs.core.spectrum import haar
from labs.core.streams import stream
from labs.curvature_nds.quadratic import descend_dense, structured
from theory.curvature_nds import NDS_X1a, NDS_X1b, NDS_X1c, NDS_X1d

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "A lower sharpness is necessary for a better step, and not sufficient"
CAPTION = """
One step of GD and one of Muon from the same point, both by exact line search, on quadratics of an 8 x 8 matrix.
Across: Muon's sharpness over GD's; up: the squared cosine of Muon's update and the gradient, which is the nuclear
rank over the rank.  Filled: Muon's loss is the lower one after the step (measured); hollow: GD's.  The two kinds
meet exactly on the diagonal, because a searched step decreases the loss by |G|^2 cos^2/(2 S).  So nothing to the
right of 1 beats GD, and much to the left of 1 does not either (grey, below the diagonal): there Muon's
sharpness is lower, and its step worse.  Two levels: paired curvature with an aligned gradient.  Power law: w =
i^-c, sigma = w^beta, many c and beta.  Unrelated: random curvature that knows nothing of the gradient's singular
vectors.  Spoilt: curvature high just on the paired modes of the gradient, which is not in their span: there the
polar factor is the sharper update.
"""
CLAIMS = (NDS_X1a, NDS_X1b, NDS_X1c, NDS_X1d)

N = 8
COUNT = {"smoke": 6, "quick": 60, "full": 240}
FAMILIES = ("two levels", "power law", "unrelated", "spoilt")


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Table "steps": a row per problem: sharpness ratio, squared cosine, ratio of the decreases."""
    blocks = []
    for family in FAMILIES:
        draw = stream("exchange rate", family)
        problems = [problem(family, draw) for _ in range(COUNT[scale])]
        A, B, D = (backend.asarray(np.stack(x)) for x in zip(*problems, strict=True))
        blocks.append({"family": family} | measured(A, B, D, backend))
    return {"steps": table(blocks)}


def problem(family: str, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(A, B, D) for `descend_dense`: curvature factors and displacement, between random frames."""
    left, right = haar(N, draw), haar(N, draw)
    if family == "unrelated":
        factors = [haar(N, draw), haar(N, draw)]
        spread = draw.uniform(0.0, 3.0)
        A, B = ((frame * 10.0 ** -draw.uniform(0, spread, N)) @ frame.T for frame in factors)
        sigma = 10.0 ** -draw.uniform(0, draw.uniform(0, 2), N)
        return A[None], B[None], np.linalg.solve(A, (left * sigma) @ right.T) @ np.linalg.inv(B)
    w, sigma = np.ones(N), np.ones(N)
    if family == "two levels":
        high = np.arange(N) < draw.integers(1, 4)
        w, sigma = (
            np.where(high, 10.0 ** draw.uniform(0, 2), 1.0),
            np.where(high, 10.0 ** draw.uniform(0, 1.3), 1.0),
        )
    if family == "power law":
        w = np.arange(1.0, N + 1) ** -draw.uniform(0.3, 3.0)
        sigma = w ** draw.uniform(-0.3, 2.5)
    if family == "spoilt":
        # H[Z] = l Z + (h - l) times the part of Z on the paired modes; the gradient has some of the others.
        high = 10.0 ** draw.uniform(0.1, 1.5)
        A = np.concatenate([np.eye(N)[None], (high - 1) * left.T[:, :, None] * left.T[:, None, :]])
        B = np.concatenate([np.eye(N)[None], right.T[:, :, None] * right.T[:, None, :]])
        mixed = np.eye(N) + draw.uniform(0.05, 0.6) * (np.ones((N, N)) - np.eye(N))
        bent = np.where(np.eye(N) > 0, high, 1.0)
        return A, B, left @ (mixed / bent) @ right.T
    return structured(w, sigma, left, right)


def measured(A: Any, B: Any, D: Any, backend: Backend) -> dict[str, np.ndarray]:
    """Of one searched step of each: Muon's sharpness and decrease over GD's, and cos^2(G, polar G)."""
    gd, muon = (descend_dense(A, B, D, rule, 1) for rule in ("gd", "muon"))
    G = backend.xp.sum(A @ D[:, None] @ B, axis=-3)
    G, Q = backend.to_numpy(G), backend.to_numpy(msign(G))
    cosine = np.sum(G * Q, axis=(1, 2)) / np.linalg.norm(G, axis=(1, 2)) / np.linalg.norm(Q, axis=(1, 2))
    falls = [backend.to_numpy(run.loss[:, 0] - run.loss[:, 1]) for run in (gd, muon)]
    sharpness = backend.to_numpy(muon.nds[:, 0]) / backend.to_numpy(gd.nds[:, 0])
    return {"sharpness": sharpness, "cosine_squared": cosine**2, "decrease": falls[1] / falls[0]}


def draw(tables: Any) -> Figure:
    """The scatter; and the decrease against what the exchange rate says."""
    from figures.gallery import style

    figure, (left, right) = style.panels(1, 2, width=13.0, height=5.0)
    rows = tables["steps"]
    low = 0.9 * float(rows["sharpness"].min())
    edge = np.geomspace(low, 1.0, 50)
    left.fill_between(edge, edge * 0 + 0.05, edge, color="0.92", zorder=0)
    reference(left, edge, edge, color="black", linewidth=1.2)
    reference(left, [1, 1], [0.05, 1.1], linestyle="--")
    for number, family in enumerate(FAMILIES):
        points = where(rows, family=family)
        wins = points["decrease"] > 1
        look: dict[str, Any] = {"linestyle": "", "marker": style.series(number)["marker"], "markersize": 5}
        colour = style.series(number)["color"]
        for keep, face in ((wins, colour), (~wins, "none")):
            x, y = points["sharpness"][keep], points["cosine_squared"][keep]
            left.plot(x, y, color=colour, markerfacecolor=face, **look)
        predicted = points["cosine_squared"] / points["sharpness"]
        right.plot(predicted, points["decrease"], color=colour, markerfacecolor="none", label=family, **look)
    top = 1.2 * float(rows["sharpness"].max())
    left.set(xscale="log", yscale="log", xlim=(low, max(top, 1.5)), ylim=(0.1, 1.1))
    left.set(xlabel="sharpness, Muon's over GD's", ylabel="cos² of Muon's update and the gradient")
    left.set_title("filled: Muon's step was the better one")
    note(left, "lower sharpness,\nworse step", (float(edge[len(edge) // 2]), 0.13), (0, 0))
    plain_ticks(left.yaxis, (0.1, 0.2, 0.3, 0.5, 0.7, 1))
    plain_ticks(left.xaxis, [x for x in (0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5, 10) if low < x < max(top, 1.5)])
    ends = [0.8 * float(rows["decrease"].min()), 1.2 * float(rows["decrease"].max())]
    reference(right, ends, ends)
    reference(right, ends, [1, 1], linestyle="--")
    right.set(
        xscale="log",
        yscale="log",
        xlabel="cos² over the ratio of sharpnesses",
        ylabel="decrease, Muon's over GD's",
    )
    for axis in (right.xaxis, right.yaxis):
        plain_ticks(axis, [x for x in (0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5) if ends[0] < x < ends[1]])
    right.set_title("the exchange rate")
    style.legend_outside(right, "curvature and gradient")
    return figure
