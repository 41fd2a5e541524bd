"""How far the flow of a regularised polar factor strays from the flow: the proved bound, and what is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labs.core.arrays import Backend
from labs.core.streams import stream
from labs.polar_flow.ensembles import gaussian_sensing
from labs.polar_flow.operators import Operator, dense_sensing, diagonal, regression
from labs.polar_flow.self_polar import self_polar_flow
from theory.polar_flow import POL_X8_b, POL_X8_d

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "A regularised polar factor costs a multiple of eps, far less than the proved root of eps"
CAPTION = """
The largest distance, up to t = 4, between the self-polar flow and the flow of a regularised polar factor from the
same start, against the parameter eps (markers).  Left: f(sigma) = min(sigma/eps, 1), the gradient of the Moreau
envelope of the nuclear norm; right: f(sigma) = sigma/sqrt(sigma^2 + eps^2).  Solid lines: the proved bound, sqrt(r
eps t) and sqrt(2 r eps t), for r = 3 (the diagonal model has r = 4, and 1.15 times that).  Dotted: eps itself.  The
bound holds for every convex energy that is so near the nuclear norm.  The flows seen stray linearly, in sensing by
half of eps or eps, in the diagonal model by four (left) and ten to sixteen times eps (right): values that the flow
holds at zero the other one holds at a part of eps, and how far that moves the rest is a matter of the measurements.
On the left the two flows coincide until a singular value falls below eps, on the right they part at once.  In
regression, where all singular values stay above the smaller eps, the error on the left is that of the integrations.
"""
CLAIMS = (POL_X8_b, POL_X8_d)

LAST = 4.0
SIZES = {
    "smoke": (0.3, 0.1),
    "quick": (0.3, 0.1, 0.03, 0.01, 0.003),
    "full": (0.3, 0.1, 0.03, 0.01, 0.003, 0.001),
}
TIMES = {"smoke": 3, "quick": 17, "full": 65}
KINDS = ("huber", "smooth")
ERROR = 1e-7  # below, the differences are those of the integrations


def problems() -> dict[str, tuple[Operator, np.ndarray]]:
    drawn = stream("figure: regularisation error")
    return {
        "sensing, 4 x 3, p = 5": (gaussian_sensing(5, (4, 3), drawn), drawn.standard_normal((4, 3))),
        "diagonal, 4 x 4": (diagonal(drawn.standard_normal((2, 4))), np.diag(drawn.standard_normal(4))),
        "regression, 4 x 3": (regression(drawn.standard_normal((3, 4))), drawn.standard_normal((4, 3))),
    }


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Table "error": a row per problem, kind and eps."""
    times = backend.asarray(np.linspace(0.0, LAST, TIMES[scale]))
    rows: list[dict[str, Any]] = []
    for name, (operator, W0) in problems().items():
        on = moved(operator, backend)
        start = backend.asarray(W0)
        exact = backend.to_numpy(self_polar_flow(on, start, times, tolerance=1e-8).states)
        for kind in KINDS:
            for eps in SIZES[scale]:
                tolerance = 1e-5 if scale == "smoke" else 1e-8
                found = self_polar_flow(on, start, times, kind, eps=eps, tolerance=tolerance)
                error = np.linalg.norm(backend.to_numpy(found.states) - exact, axis=(-2, -1)).max()
                bound = np.sqrt((1 if kind == "huber" else 2) * min(W0.shape) * eps * LAST)
                rows.append({"problem": name, "kind": kind, "eps": eps, "error": error, "bound": bound})
    return {"error": {column: np.array([row[column] for row in rows]) for column in rows[0]}}


def moved(operator: Operator, backend: Backend) -> Operator:
    """The operator with its arrays on this backend."""
    matrix = backend.asarray(operator.matrix)
    if operator.kind == "dense":
        return dense_sensing(matrix, (operator.shape[0], operator.shape[1] or 0))
    return {"diagonal": diagonal, "regression": regression}[operator.kind](matrix)


def draw(tables: Any) -> Figure:
    """One panel per regularisation."""
    from figures.gallery import style

    figure, panels = style.panels(1, 2, width=11.4, height=4.6)
    rows = tables["error"]
    for axes, kind, title in zip(
        panels,
        KINDS,
        ("$\\min(\\sigma/\\epsilon,\\,1)$", "$\\sigma/\\sqrt{\\sigma^2+\\epsilon^2}$"),
        strict=True,
    ):
        names = list(dict.fromkeys(rows["problem"].tolist()))
        for number, name in enumerate(names):
            keep = (rows["problem"] == name) & (rows["kind"] == kind)
            style.computed(axes, rows["eps"][keep], np.maximum(rows["error"][keep], 1e-9), number, label=name)
        keep = (rows["problem"] == names[0]) & (rows["kind"] == kind)
        eps = rows["eps"][keep]
        axes.plot(
            eps, rows["bound"][keep], color="0.2", linestyle="-", marker="", label="proved bound, $r = 3$"
        )
        axes.plot(eps, eps, color="0.5", linestyle=":", marker="", label="$\\epsilon$")
        axes.set(xscale="log", yscale="log", xlabel="$\\epsilon$", title=title)
        axes.set_ylabel("largest distance of the flows, $t \\leq 4$")
    style.legend_outside(panels[1])
    return figure
