"""The polar factor of graded columns: how wrong a plain decomposition is, and how an error shows itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labs.associative_memory.graded import graded_polar
from labs.core.arrays import Backend
from labs.core.polar import msign
from labs.core.streams import stream
from theory.associative_memory import AML_X7a, AML_X7b

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "The polar factor of columns of very different sizes"
CAPTION = """
The columns of the gradient are frequencies times residuals, spread over many decades in an order that changes, and
the polar factor gives each of them the same weight.  Left and middle: columns in an order drawn at random, with a
known left null vector c; the largest error of an entry, the worst of several draws.  The singular value decomposition
of the square matrix loses a digit for every decade, and with the usual cutoff it is wrong by 1 as soon as a column
falls below that.  To take c out, sort the columns and have no cutoff is enough for eight columns, not for a hundred;
the last method calls Jacobi's where the certificate asks for it (its error is shown by the certificate).  Crosses:
the certificate of each answer, found without knowing the truth; it follows the error.  Right: eight groups of equal
sizes with frequencies rho^b.  As rho falls, the factor tends to the Gram-Schmidt factor of I - c c^T, at the
distance rho/sqrt(2): at first the rarest group is hardly moved.  The square decomposition misses the limit.
"""
CLAIMS = (AML_X7a, AML_X7b)

METHODS = ("square, cutoff", "sorted", "sorted, then Jacobi")
CUTOFF = 1e-12
SIZES = {"smoke": (8, 30), "quick": (8, 100), "full": (8, 100)}
DECADES = {
    "smoke": (0.0, 10.0, 30.0),
    "quick": (0.0, 3.0, 6.0, 9.0, 12.0, 15.0, 20.0, 30.0, 40.0),
    "full": tuple(np.arange(0.0, 61.0, 3.0)),
}
DRAWS = {"smoke": 2, "quick": 4, "full": 20}
LIMIT = 8  # groups of the panel on the right
FLOOR = 1e-17  # an error of 0 is drawn here


def problem(M: int, decades: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(G, c)."""
    draw = stream("figure graded polar", M, str(decades), seed)
    c = draw.random(M) + 0.1
    c = c / np.linalg.norm(c)
    G = draw.standard_normal((M, M))
    return (G - np.outer(c, c @ G)) * 10.0 ** draw.permutation(np.linspace(0.0, -decades, M)), c


def by_cutoff(G: np.ndarray) -> np.ndarray:
    """What one writes at first."""
    u, s, vt = np.linalg.svd(G)
    return (u * (s > CUTOFF * s[0])) @ vt


def by_sorting(G: np.ndarray, c: np.ndarray) -> np.ndarray:
    """c taken out, columns in decreasing order, no cutoff."""
    basis = np.linalg.qr(np.column_stack([c, np.eye(len(c))[:, 1:]]))[0][:, 1:]
    order = np.argsort(-np.max(np.abs(G), axis=0))
    q = np.empty_like(G)
    q[:, order] = basis @ msign(basis.T @ G[:, order], "svd", rtol=0.0)
    return q


def certificate(G: np.ndarray, c: np.ndarray, q: np.ndarray) -> float:
    """The column-scaled asymmetry of q^T G, or the defect of q q^T if that is larger."""
    H, d = q.T @ G, np.max(np.abs(G), axis=0)
    asymmetry = np.max(np.abs(H - H.T) / np.maximum(d[:, None], d[None, :]))
    return max(float(asymmetry), float(np.max(np.abs(q @ q.T - np.eye(len(c)) + np.outer(c, c)))))


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "error" (per size, decades, method: the worst of some draws) and "limit" (per rho)."""
    rows = []
    for M in SIZES[scale]:
        for decades in DECADES[scale]:
            worst = {method: [0.0, 0.0] for method in METHODS}
            for seed in range(DRAWS[scale]):
                G, c = problem(M, decades, seed)
                found = graded_polar(backend.asarray(G), backend.asarray(c))
                q = backend.to_numpy(found.q)
                for method, answer in zip(METHODS, (by_cutoff(G), by_sorting(G, c), q), strict=True):
                    said = certificate(G, c, answer)
                    error = said if method == METHODS[-1] else float(np.max(np.abs(answer - q)))
                    worst[method] = [max(pair) for pair in zip(worst[method], (error, said), strict=True)]
            for method, (error, said) in worst.items():
                rows.append((M, decades, method, error, said))
    names = ("M", "decades", "method", "error", "certificate")
    table = {name: np.array([row[i] for row in rows]) for i, name in enumerate(names)}
    return {"error": table, "limit": limit(scale, backend)}


def limit(scale: str, backend: Backend) -> dict[str, np.ndarray]:
    """The distance from the graded limit, of the accurate factor and of the plain one."""
    c = np.full(LIMIT, LIMIT**-0.5)
    n = np.arange(LIMIT - 1, 0, -1.0)  # groups that are rarer still
    Q = np.tril(np.full((LIMIT, LIMIT), -1.0), -1)
    Q[:, :-1] *= 1 / np.sqrt(n * (n + 1))
    Q[np.arange(LIMIT - 1), np.arange(LIMIT - 1)] = np.sqrt(n / (n + 1))
    Q[-1, -1] = 0.0
    rho = 10.0 ** -np.arange(0.0, 6.25, {"smoke": 1.0}.get(scale, 0.25))
    far, plain = [], []
    for r in rho:
        G = (np.eye(LIMIT) - np.outer(c, c)) * r ** np.arange(LIMIT)
        q = backend.to_numpy(graded_polar(backend.asarray(G), backend.asarray(c)).q)
        far.append(np.max(np.abs(q - Q)))
        plain.append(np.max(np.abs(by_cutoff(G) - Q)))
    return {"rho": rho, "distance": np.array(far), "plain": np.array(plain), "predicted": rho / np.sqrt(2)}


def draw(tables: Any) -> Figure:
    """Error and certificate by grading, for two sizes; the graded limit."""
    from figures.gallery import style

    figure, panels = style.panels(1, 3, width=15.5, height=4.4)
    rows = tables["error"]
    for axes, M in zip(panels[:2], np.unique(rows["M"]), strict=True):
        for number, method in enumerate(METHODS):
            mine = (rows["M"] == M) & (rows["method"] == method)
            x = rows["decades"][mine]
            size = {"markersize": 6 + 3 * (method == METHODS[0])}
            style.computed(axes, x, np.maximum(rows["error"][mine], FLOOR), number, label=method, **size)
            said = np.maximum(rows["certificate"][mine], FLOOR)
            axes.plot(x, said, linestyle="", marker="x", markersize=4, color=style.series(number)["color"])
        accepted = 50 * M * 2.0**-52
        axes.axhline(accepted, color="0.55", linewidth=1.0)
        axes.annotate("accepted: $50\\,M\\,\\epsilon$", (x[-1], accepted), (0, 4), textcoords="offset points",
                      ha="right", color="0.35")  # fmt: skip
        axes.set(
            yscale="log",
            ylim=(1e-16, 10.0),
            xlabel="decades between the largest and the smallest column",
            ylabel="largest error of an entry",
            title=f"{M} columns",
        )
    panels[0].plot([], [], linestyle="", marker="x", markersize=4, color="0.25", label="certificate")
    panels[1].sharey(panels[0])
    rows = tables["limit"]
    axes = panels[2]
    style.computed(axes, rows["rho"], rows["distance"], 2, label="sorted, then Jacobi")
    style.computed(axes, rows["rho"], rows["plain"], 0, label="square, cutoff")
    style.predicted(
        axes, rows["rho"], rows["predicted"], 2, linestyle="-", linewidth=1.0, label=r"$\rho/\sqrt{2}$"
    )
    axes.set(
        xscale="log",
        yscale="log",
        xlabel=r"ratio $\rho$ of neighbouring frequencies",
        ylabel="distance from the graded limit",
        title="8 groups far apart",
    )
    axes.legend(loc="lower right")
    handles, labels = panels[0].get_legend_handles_labels()
    panels[1].legend(handles, labels, loc="center right")
    return figure
