"""Singular values along the self-polar flow, and what their decay vector predicts; its diagonal drifts away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labs.core.arrays import Backend, array_namespace, device
from labs.core.flow import integrate
from labs.core.spectrum import haar
from labs.core.streams import stream
from labs.polar_flow.ensembles import gaussian_sensing
from labs.polar_flow.operators import Operator, dense_sensing, regression
from labs.polar_flow.self_polar import self_polar_flow
from labs.polar_flow.spreads import frame_gram
from theory.polar_flow import POL_T1ii_a, POL_T1ii_b, POL_T1ii_c

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Singular values fall at the rates of the decay vector, which is not the diagonal of K"
CAPTION = """
The self-polar flow dW/dt = -P_perp P(W) at eta = 1.  Markers: singular values of the computed W(t).  Lines: their
start less the integral of alpha_i = sum_j K_ij, K_ij = <E_i, P_perp E_j>, accumulated along a separate run.  Left:
regression, 5 x 8 data and matrices 8 x 3, where K is diagonal and no singular value grows; they go to those of
pinv(X) Y (grey ticks on the right).  Middle: 20 Gaussian measurements of 6 x 6 matrices, up to shortly before the
first singular value reaches zero; dashed lines use the diagonal K_ii = |P_perp E_i|^2 instead, which is only right
where the rows of K add up to it.  Here it lets all singular values fall, while the largest grows.  Right: the largest
deviation of the two predictions.  With the whole rows it stays at the error of the two integrations, with the
diagonal it grows at once; in regression both are the same.  At full scale a panel more: 20 x 40 data and matrices
40 x 10.
"""
CLAIMS = (POL_T1ii_a, POL_T1ii_b, POL_T1ii_c)

REGRESSION, LARGE, SENSING = "regression, 8 x 3", "regression, 40 x 10", "sensing, 6 x 6"
POINTS = {"smoke": 5, "quick": 25, "full": 60}
TOLERANCE = {"smoke": 1e-6, "quick": 1e-9, "full": 1e-11}


def problems(scale: str) -> dict[str, tuple[Operator, np.ndarray, float]]:
    """Measurements, start and last time of each panel; the large regression at full scale only."""
    drawn = stream("figure: exact dynamics")
    small = regression(drawn.standard_normal((5, 8))), drawn.standard_normal((8, 3)), 5.0
    # Singular values far enough apart to be told, and far from zero.
    frames = haar(6, drawn), haar(6, drawn)
    W0 = frames[0] * np.array([3.0, 2.6, 2.2, 1.8, 1.4, 1.0]) @ frames[1]
    found = {REGRESSION: small, SENSING: (gaussian_sensing(20, (6, 6), drawn), W0, 1.2)}
    if scale == "full":
        drawn = stream("figure: exact dynamics, large")
        X, W0 = drawn.standard_normal((20, 40)), drawn.standard_normal((40, 10))
        found |= {LARGE: (regression(X), W0, 10.0)}
    return found


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Table "values": a row per problem, singular value and time; "limit": singular values of pinv(X) Y."""
    rows, limits = [], []
    for name, (operator, W0, last) in problems(scale).items():
        times = np.linspace(0.0, last, POINTS[scale])
        on = moved(operator, backend)
        start = backend.asarray(W0)
        flow = self_polar_flow(on, start, backend.asarray(times), tolerance=TOLERANCE[scale])
        sigma = backend.to_numpy(flow.spectra)
        whole, diagonal = (
            backend.to_numpy(x) for x in decays(on, start, backend.asarray(times), TOLERANCE[scale])
        )
        for i in range(sigma.shape[-1]):
            columns = {"t": times, "sigma": sigma[:, i], "rows": whole[:, i], "diagonal": diagonal[:, i]}
            rows += [
                {"problem": name, "index": i} | dict(zip(columns, row, strict=True))
                for row in zip(*columns.values(), strict=True)
            ]
        if operator.kind == "regression":
            ends = np.linalg.svd(operator.parallel(W0), compute_uv=False)
            limits += [{"problem": name, "index": i, "sigma": value} for i, value in enumerate(ends)]
    return {"values": as_table(rows), "limit": as_table(limits)}


def moved(operator: Operator, backend: Backend) -> Operator:
    """The operator with its arrays on this backend."""
    matrix = backend.asarray(operator.matrix)
    return regression(matrix) if operator.kind == "regression" else dense_sensing(matrix, (6, 6))


def decays(operator: Operator, W0: Any, times: Any, tolerance: float) -> tuple[Any, Any]:
    """sigma(0) less the integrals of the row sums and of the diagonal of K, along the flow: both (T, r)."""
    xp, (m, n) = array_namespace(W0), W0.shape
    size = m * n

    def field(t: Any, y: Any) -> Any:
        W = xp.reshape(y[:size], (m, n))
        u, _, vt = xp.linalg.svd(W, full_matrices=False)
        K = frame_gram(operator, W)
        eye = xp.eye(K.shape[0], dtype=K.dtype, device=device(K))
        velocity = -operator.perp(u @ vt)
        return xp.concat([xp.reshape(velocity, (size,)), -xp.sum(K, axis=-1), -xp.sum(K * eye, axis=-1)])

    sigma = xp.linalg.svdvals(W0)
    run = integrate(
        field, xp.concat([xp.reshape(W0, (size,)), sigma, sigma]), times, rtol=tolerance, atol=tolerance
    )
    return run.states[:, size : size + sigma.shape[0]], run.states[:, size + sigma.shape[0] :]


def as_table(rows: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def of(table: Any, **equal: Any) -> dict[str, np.ndarray]:
    """The rows in which each named column has the given value."""
    keep = np.all([table[name] == value for name, value in equal.items()], axis=0)
    return {name: column[keep] for name, column in table.items()}


def draw(tables: Any) -> Figure:
    """Singular values in regression and in sensing; deviations."""
    from figures.gallery import style

    values = tables["values"]
    names = list(dict.fromkeys(values["problem"]))
    figure, (*panels, right) = style.panels(1, len(names) + 1, width=4.9 * (len(names) + 1), height=4.4)
    for axes, name in zip(panels, names, strict=True):
        draw_values(axes, of(values, problem=name), name)
        end = np.max(of(values, problem=name)["t"])
        for value in of(tables["limit"], problem=name)["sigma"]:
            axes.plot([end, 1.04 * end], [value] * 2, color="0.5", linestyle="-", marker="", linewidth=2.0)
    number = 0
    for name in names:
        for column, label in (("rows", "whole rows of K"), ("diagonal", "diagonal of K")):
            rows = of(values, problem=name)
            times = np.unique(rows["t"])[1:]
            gaps = [np.max(np.abs(of(rows, t=t)[column] - of(rows, t=t)["sigma"])) for t in times]
            floor = np.maximum(gaps, 1e-14)
            style.computed(right, times, floor, number, label=f"{name}: {label}", markevery=2)
            number += 1
    right.set(
        yscale="log", xlabel="time $t$", ylabel="largest deviation", title="prediction against computed"
    )
    right.legend(loc="upper right", bbox_to_anchor=(1.0, 0.78))
    return figure


def draw_values(axes: Axes, rows: Any, name: str) -> None:
    from figures.gallery import style

    drifting, crowded = name == SENSING, name != REGRESSION
    for i in np.unique(rows["index"]):
        one = of(rows, index=i)
        style.computed(axes, one["t"], one["sigma"], int(i), markevery=2)
        style.predicted(axes, one["t"], one["rows"], int(i), linestyle="-")
        if drifting:
            style.predicted(axes, one["t"], one["diagonal"], int(i), linestyle="--", linewidth=0.9)
    axes.plot([], [], color="0.25", linestyle="", marker="o", markerfacecolor="none", label="computed")
    axes.plot([], [], color="0.25", linestyle="-", marker="", label="from the rows of K")
    if drifting:
        axes.plot([], [], color="0.25", linestyle="--", marker="", linewidth=0.9, label="from its diagonal")
    axes.set(xlabel="time $t$", ylabel="singular values", title=name)
    # In the gap below the largest singular value, or above all of them.
    place = {"loc": "upper left"} if crowded else {"loc": "upper right", "bbox_to_anchor": (1.0, 0.88)}
    axes.legend(ncols=1 + crowded, **place)
    if crowded:
        axes.set_ylim(top=1.22 * np.max(rows["sigma"]))
