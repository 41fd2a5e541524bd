"""What polarising another matrix than W costs: errors add up, and do not grow."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.spectrum import graded, matrix
from labs.core.streams import stream
from labs.polar_flow.alignment import alignment_defect, misaligned_flow
from labs.polar_flow.ensembles import entry_sensing, gaussian_sensing
from labs.polar_flow.operators import Operator, regression
from theory.polar_flow import POL_T2_angles, POL_T2_c, POL_T2_d, POL_T2_delta

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Misalignment of the polarised matrix adds up along the flow, and is not amplified"
CAPTION = """
The flow dV/dt = -P_perp P(M) polarises M = V + a sin(3t) C in place of V; the exact flow W has the same start (8 x
6 matrices, three kinds of measurements).  Left: their distance against the integral of |P_perp (P(M) - P(V))|_F.
Theory keeps all curves below the diagonal, along which they start; nothing grows exponentially.  Where sin(3t)
changes sign, at t = 1.05, misalignment even takes back what it has done.  Middle: the same as a share of the bound,
in time.  Right: delta_P = |P(M) - P(W)|_F against its bound min_c 2 |M - c W|_F/(sigma_r(M) + c sigma_r(W)), for W
of condition 10, 100 and 1000 and M = c W + noise of many sizes.  Both level off at 2 sqrt r (dotted).  Black cross:
M = -W has the same singular subspaces as W, so that angles between them are 0, but the largest delta_P of all.
"""
CLAIMS = (POL_T2_c, POL_T2_d, POL_T2_delta, POL_T2_angles)

SHAPE = (8, 6)
KINDS = ("regression", "Gaussian sensing", "mask")
SIZES = (0.3, 1.5)
STEPS = {"smoke": (0.1, 6), "quick": (0.04, 75), "full": (0.01, 300)}
CONDITIONS = (1.0, 2.0, 3.0)  # decades
DRAWS = {"smoke": 6, "quick": 40, "full": 200}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "path" (per kind, size, time: distance and accumulated defect), "defect" (per draw) and "angles"."""
    step, steps = STEPS[scale]
    paths, defects = [], []
    for kind in KINDS:
        random = stream("figure: misaligned flow", kind)
        operator = _operator(kind, random)
        start = matrix(np.array([8.0, 7.0, 6.0, 5.0, 4.5, 4.0]), *SHAPE, random)
        C = random.standard_normal(SHAPE)
        exact, _ = misaligned_flow(operator, start, lambda _, V: V, step, steps)
        for size in SIZES:
            states, defect = misaligned_flow(operator, start, partial(_disturbed, size * C), step, steps)
            distance = np.linalg.norm(states - exact, axis=(-2, -1))
            t = step * np.arange(steps + 1)
            paths.append({"kind": kind, "size": size, "t": t, "distance": distance, "defect": defect})
    random = stream("figure: misalignment")
    for decades in CONDITIONS:
        W = matrix(graded(6, decades), *SHAPE, random)
        sizes = np.geomspace(1e-5, 10.0, DRAWS[scale])
        noise = sizes[:, None, None] * random.standard_normal((DRAWS[scale], *SHAPE)) / np.sqrt(SHAPE[0])
        scales = 10.0 ** random.uniform(-1, 1, (DRAWS[scale], 1, 1))
        found = alignment_defect(backend.asarray(W), backend.asarray(scales * (W + noise)))
        delta, bound = (backend.to_numpy(x) for x in found)
        defects.append({"decades": decades, "noise": sizes, "delta": delta, "bound": bound})
    W = matrix(graded(6, 1.0), *SHAPE, random)
    opposite = alignment_defect(backend.asarray(W), backend.asarray(-W))
    angles = {name: backend.to_numpy(x)[None] for name, x in zip(("delta", "bound"), opposite, strict=True)}
    return {"path": table(paths), "defect": table(defects), "angles": angles}


def _disturbed(C: np.ndarray, t: float, V: np.ndarray) -> np.ndarray:
    return V + np.sin(3 * t) * C


def _operator(kind: str, random: np.random.Generator) -> Operator:
    if kind == "regression":
        return regression(random.standard_normal((4, SHAPE[0])))
    return (gaussian_sensing if kind == "Gaussian sensing" else entry_sensing)(20, SHAPE, random)


def draw(tables: Any) -> Figure:
    """Distance against bound; their ratio in time; delta_P against its bound."""
    from figures.gallery import style

    figure, (left, middle, right) = style.panels(1, 3, width=15.6, height=4.3)
    paths = tables["path"]
    top = float(np.max(paths["defect"]))
    left.plot([0, top], [0, top], color="black", linewidth=1.2, linestyle="-", marker="")
    for number, kind in enumerate(KINDS):
        for size in SIZES:
            rows = where(paths, kind=kind, size=size)
            look: dict[str, Any] = {"linestyle": "-" if size == SIZES[0] else "--"}
            style.predicted(left, rows["defect"], rows["distance"], number, **look)
            later = rows["defect"] > 0
            ratio = rows["distance"][later] / rows["defect"][later]
            label = kind.removesuffix(" sensing") if size == SIZES[0] else "_"
            style.predicted(middle, rows["t"][later], ratio, number, label=label, **look)
    left.set(xlabel="accumulated misalignment", ylabel="distance $|V - W|_F$", xlim=(0, None), ylim=(0, None))
    middle.axhline(1, color="black", linewidth=1.2)
    middle.set(xlabel="time $\\eta t$", ylabel="distance over accumulated misalignment", ylim=(0, 1.05))
    middle.set_xlim(0, None)
    style.legend_outside(middle, "measurements")
    kinds: dict[str, dict[str, Any]] = {
        f"a = {SIZES[0]:g}": {"linestyle": "-"},
        f"a = {SIZES[1]:g}": {"linestyle": "--"},
        "bound": {"color": "black", "linestyle": "-", "linewidth": 1.2},
    }
    key(middle, **kinds)
    defects, low = tables["defect"], 0.5 * float(np.min(tables["defect"]["delta"]))
    most = 2 * np.sqrt(min(SHAPE))
    right.plot([low, most], [low, most], color="black", linewidth=1.2, linestyle="-", marker="")
    for number, decades in enumerate(CONDITIONS):
        rows = where(defects, decades=decades)
        style.computed(right, rows["bound"], rows["delta"], number, label=f"{10**decades:g}")
    right.axvline(most, color="0.35", linestyle=":", linewidth=1.0)
    right.axhline(most, color="0.35", linestyle=":", linewidth=1.0)
    angles = tables["angles"]
    right.plot(
        angles["bound"], angles["delta"], color="black", marker="X", markersize=9, linestyle="", label="_"
    )
    right.set(
        xscale="log", yscale="log", xlabel="bound on $\\delta_P$", ylabel="$\\delta_P = |P(M) - P(W)|_F$"
    )
    style.legend_outside(right, "condition of W")
    cross: dict[str, Any] = {"marker": "X", "linestyle": "", "color": "black", "markersize": 9}
    looks: dict[str, dict[str, Any]] = {
        "W + noise": COMPUTED,
        "M = −W": cross,
        "bound": {"color": "black", "linestyle": "-"},
    }
    key(right, **looks)
    return figure
