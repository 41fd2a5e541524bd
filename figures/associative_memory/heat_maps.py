"""What Muon sees: weights, gradient and update as heat maps, in the task basis and in a random one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.associative_memory._dense import Problem
from figures.gallery.tables import table, where
from labs.associative_memory.dense import simulate
from labs.associative_memory.memory import answers
from labs.core.arrays import Backend
from labs.core.polar import msign
from labs.core.spectrum import haar
from labs.core.streams import stream
from theory.associative_memory import AML_P0, AML_P1a, AML_P8d, AML_P10a, AML_P10b

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Weights, gradient and update of Muon, in the task basis and in a random one"
CAPTION = """
A memory in random orthogonal embeddings: 60 facts in 3 groups of 20 with masses a^-2, label noise 0.1, after 6 steps
of Muon with eta = 0.3.  Below: the weights, the gradient and minus the update, as they are; nothing is to be seen.
Above: the same three matrices in the task basis (rows: answers, columns: queries).  The gradient is blocks: its
diagonal and its columns fall off with the frequency, ninefold from the first group to the last.  The polar factor
divides this out without knowing the basis: it is the identity up to entries of order 1/C, for head and tail alike,
and so are the weights, eta t times the identity.  Each panel is divided by its largest entry; the colour scale is
linear within 0.001 of zero and logarithmic beyond.
"""
CLAIMS = (AML_P0, AML_P1a, AML_P8d, AML_P10a, AML_P10b)

# Groups, their size, steps.
SCALES = {"smoke": (3, 4, 2), "quick": (3, 20, 6), "full": (3, 20, 6)}
BETA, NOISE, ETA = 2.0, 0.1, 0.3
QUANTITIES = ("W", "G", "U")
LINEAR = 1e-3


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "entries" (basis, quantity, row, column) and "summary" (basis, quantity: largest entries)."""
    groups, size, steps = SCALES[scale]
    problem = Problem(groups, size, BETA)
    K = problem.facts
    draw = stream("embeddings of the heat maps", K)
    E, Et = (backend.asarray(haar(K, draw)) for _ in range(2))
    p = backend.asarray(problem.frequencies)
    run = simulate(p, NOISE, ETA, steps, "muon", queries=E, answers=Et)
    gradient = Et @ answers(run.logits, p, NOISE).gradient @ E.mT
    update = -msign(gradient)
    entries, summary = [], []
    for basis in ("task", "random"):
        for name, matrix in zip(QUANTITIES, (run.weights, gradient, update), strict=True):
            shown = backend.to_numpy(Et.mT @ matrix @ E if basis == "task" else matrix)
            i, j = np.indices(shown.shape)
            entries.append(
                {
                    "basis": basis,
                    "quantity": name,
                    "row": i.ravel(),
                    "column": j.ravel(),
                    "value": shown.ravel(),
                }
            )
            own = np.diag(shown)
            off = shown - np.diag(own)
            summary.append(
                {
                    "basis": basis,
                    "quantity": name,
                    "group": np.arange(1, groups + 1),
                    "own": own[::size],
                    "largest_other": np.max(np.abs(off)),
                }
            )
    return {"entries": table(entries), "summary": table(summary)}


def draw(tables: Any) -> Figure:
    """Two rows of three matrices, one colour bar."""
    from matplotlib.colors import SymLogNorm

    from figures.gallery import style

    figure, panels = style.panels(2, 3, width=11.4, height=7.4)
    norm = SymLogNorm(linthresh=LINEAR, vmin=-1.0, vmax=1.0)
    titles = {"W": "weights W", "G": "gradient G", "U": "step −msgn(G)"}
    image = None
    for row, basis in enumerate(("task", "random")):
        for column, name in enumerate(QUANTITIES):
            axes = panels[3 * row + column]
            rows = where(tables["entries"], basis=basis, quantity=name)
            K = int(np.max(rows["row"])) + 1
            values = rows["value"].reshape(K, K)
            image = axes.imshow(
                values / np.max(np.abs(values)), cmap="RdBu_r", norm=norm, interpolation="nearest"
            )
            axes.grid(False)
            axes.set_title(f"{titles[name]}, {basis} basis")
            query, answer = ("query", "answer") if basis == "task" else ("coordinate", "coordinate")
            axes.set(xlabel=query, ylabel=answer if column == 0 else "")
    assert image is not None
    bar = figure.colorbar(image, ax=panels, shrink=0.8)
    bar.set_ticks([-1, -0.1, -0.01, 0, 0.01, 0.1, 1], labels=["−1", "−0.1", "−0.01", "0", "0.01", "0.1", "1"])
    bar.set_label("entry over the largest entry")
    return figure
