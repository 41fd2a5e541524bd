"""A transformer that memorises facts asked about by Zipf's law: who knows the rare ones, at equal steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.associative_memory._networks import LARGEST, band, best, draw_grid, grid_rows, rates_around
from figures.gallery.marks import plain_ticks
from figures.gallery.tables import table, where
from labs.associative_memory.transformer import Facts
from labs.core.arrays import Backend
from labs.core.networks import Transformer, train
from labs.core.streams import stream
from theory.associative_memory.networks import AML_F7

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "A transformer of two blocks learns facts: the rare ones, optimiser by optimiser"
CAPTION = """
Each fact is a first name, a last name and an answer, and is asked about with a frequency like 1/rank; the loss is
that of the answer alone, in batches drawn by frequency.  Every optimiser has a grid of step sizes (right; filled: the
best by the loss on fresh samples at the end), which fall linearly to zero; Muon moves the matrices of the blocks by
the exact polar factor and leaves embeddings, gains and biases to Adam at 0.01.  Bands are the range of three seeds
(another book, another start).  All three know the most frequent tenth at the end; the rarer the facts, the further
apart they are, and Muon is ahead of Adam, and Adam of SGD, as is reported for language models.  One width, one batch
size, few steps: seen here, not proved; the theory of this paper has one matrix and whole gradients.
"""
CLAIMS = (AML_F7,)
LABELS = {"sgd": "SGD, momentum 0.9", "adam": "Adam", "muon": "Muon (tables by Adam)"}
SEEDS = 3
MIDDLES = {"sgd": 0.1, "adam": 0.02, "muon": 0.05}
OTHERS_RATE = 0.01


@dataclass(frozen=True)
class Size:
    """The sizes of one scale."""

    task: Facts
    width: int
    heads: int
    batch: int
    steps: int
    rates: int


SIZES = {
    "smoke": Size(Facts(20, 5, 4), 4, 1, 16, 4, 3),
    "quick": Size(Facts(60, 10, 8), 16, 2, 48, 70, 6),
    "full": Size(Facts(2000, 64, 200), 256, 8, 256, 1000, 8),  # 1.8 million parameters; meant for a GPU
}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "grid" (every step size), "curves" (the rarest decile in time), "deciles" (all, at the end)."""
    grid, curves, deciles = [], [], []
    for optimiser in LABELS:
        found = _trained(optimiser, SIZES[scale], backend)
        same = {"optimiser": optimiser}
        grid += [same | row for row in found["grid"]]
        curves += [same | row for row in found["curves"]]
        deciles += [same | row for row in found["deciles"]]
    return {"grid": table(grid), "curves": table(curves), "deciles": table(deciles)}


def _trained(optimiser: str, size: Size, backend: Backend) -> dict[str, list[dict[str, Any]]]:
    task, seeds = size.task, range(SEEDS)
    network = Transformer(task.vocabulary, 2, size.width, size.heads, blocks=2, last_only=True)
    books = [task.book(stream("facts: book", seed)) for seed in seeds]
    starts = [network.initial(stream("facts: start", seed)) for seed in seeds]
    start = {name: backend.asarray(np.stack([s[name] for s in starts])) for name in network.shapes}

    def moved(tokens: list[np.ndarray], axis: int) -> Any:
        return backend.asarray(np.stack(tokens, axis=axis), dtype=backend.xp.int64)

    def batch(step: int) -> tuple[Any]:
        asked = [
            task.batch(book, size.batch, stream("facts: batch", step, s)) for s, book in enumerate(books)
        ]
        return (moved(asked, 0),)

    rates = rates_around(MIDDLES[optimiser], size.rates)
    stations = np.unique(np.geomspace(1, size.steps, 16).astype(int))[:-1].tolist()
    run = train(
        network,
        start,
        batch,
        size.steps,
        optimiser,
        backend.asarray(rates[:, None] * np.ones(SEEDS)),
        others_rate=OTHERS_RATE,
        checkpoints=stations,
    )
    fresh = [task.batch(book, 768, stream("facts: objective", s)) for s, book in enumerate(books)]
    objective = backend.to_numpy(network.loss(run.checkpoints[size.steps], moved(fresh, 0)))
    objective = np.where(objective < LARGEST, objective, LARGEST)
    chosen = best(objective)
    tested = moved([task.deciles(book) for book in books], 1)  # (10, seeds, facts/10, 3)
    curves = []
    for step, parameters in run.checkpoints.items():
        now = {name: x[chosen, ...] for name, x in parameters.items()}
        loss = backend.to_numpy(network.loss(now, tested[-1, ...]))
        curves.append({"step": step, "seed": np.arange(SEEDS), "loss": loss})
    loss = backend.to_numpy(network.loss(now, tested))
    deciles = [{"decile": i + 1, "seed": np.arange(SEEDS), "loss": loss[i]} for i in range(10)]
    return {"grid": grid_rows(objective, rates), "curves": curves, "deciles": deciles}


def draw(tables: Any) -> Figure:
    """The rarest decile in time, all deciles at the end, the grid of step sizes."""
    from figures.gallery import style

    figure, (in_time, by_decile, over_grid) = style.panels(1, 3, width=15.4, height=4.2)
    for number, (optimiser, label) in enumerate(LABELS.items()):
        band(in_time, where(tables["curves"], optimiser=optimiser), "step", "loss", number)
        band(by_decile, where(tables["deciles"], optimiser=optimiser), "decile", "loss", number)
        draw_grid(over_grid, where(tables["grid"], optimiser=optimiser), number)
        style.computed(over_grid, np.array([]), np.array([]), number, linestyle="-", label=label)
    in_time.set(xscale="log", xlabel="step", ylabel="loss of the rarest tenth of the facts (nats)")
    by_decile.set(xlabel="tenth of the facts, from frequent to rare", ylabel="loss at the end (nats)")
    in_time.set_ylim(bottom=0)
    by_decile.set_ylim(bottom=0)
    floor = np.min(tables["grid"]["objective"])
    over_grid.set(xscale="log", yscale="log", xlabel="step size at the start (weight; SGD: weight²/loss)")
    over_grid.set(ylabel="loss at the end, fresh samples (nats)", ylim=(0.8 * floor, 20 * floor))
    plain_ticks(
        over_grid.yaxis, [t for t in (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5) if 0.8 * floor < t < 20 * floor]
    )
    style.legend_outside(over_grid)
    return figure
