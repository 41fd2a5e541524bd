"""The small language model's experiment, which five figures look at; the name begins with "_": this is no figure.

Trigram perceptrons without biases on text whose words follow Zipf's law: every seed has its own language, start and
order of data, the same for both optimisers; all seeds and all rates of a grid train side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from figures.gallery.tables import table
from labs.core.arrays import Backend
from labs.core.networks import NGram
from labs.core.streams import stream
from labs.curvature_nds.language import Point, train_and_look
from labs.curvature_nds.measurement import at_loss, common_losses
from labs.curvature_nds.zipf import ZipfLanguage

OPTIMISERS = {"adam": "Adam", "muon": "Muon"}
BATCHES = {"held_out": "held out", "training": "its own"}
LAYERS = ("embedding", "weight1", "weight2", "unembedding")
HIDDEN = slice(1, 3)  # of these, Muon's
CONTEXT = 3

Row = dict[str, Any]
Measure = Callable[[Point, Any], list[Row]]


@dataclass(frozen=True)
class Size:
    """How large an experiment is; the grid of rates is 0.02 times powers of sqrt(10)."""

    seeds: int
    words: int
    width: int
    hidden: tuple[int, int]
    batch: int
    steps: int
    powers: tuple[int, ...]  # of sqrt(10)
    held_out: int
    validation: int
    text: int
    looks: int
    warm_up: int

    @property
    def rates(self) -> np.ndarray:
        return 0.02 * 10.0 ** (np.array(self.powers) / 2)


SIZES = {
    "smoke": Size(2, 16, 4, (8, 8), 24, 20, (-1, 0), 32, 64, 500, 4, 5),
    "quick": Size(3, 96, 16, (32, 32), 96, 150, (-1, 0, 1), 256, 1024, 20_000, 8, 40),
    "full": Size(5, 96, 16, (64, 64), 256, 500, (-2, -1, 0, 1, 2), 512, 2048, 40_000, 25, 100),
}


@dataclass(frozen=True)
class Problem:
    """The network and the data of all seeds, at one Zipf exponent; arrays have the seeds in front.

    held_out    pieces of text on which steps are measured
    validation  pieces of text by which runs are compared, of the same exponent
    even        pieces from exponent 0 (to the language's own classes and topics)
    """

    size: Size
    exponent: float
    network: NGram
    start: dict[str, np.ndarray]
    text: np.ndarray
    held_out: np.ndarray
    validation: np.ndarray
    even: np.ndarray


def pieces(text: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Words and what follows them: (seeds, n), (samples,) -> (seeds, samples, context + 1)."""
    return text[:, positions[:, None] + np.arange(CONTEXT + 1)]


def problem(size: Size, exponent: float) -> Problem:
    """The experiment before training."""
    network = NGram(size.words, size.width, size.hidden, CONTEXT)
    starts = [network.initial(stream("nds language: start", seed)) for seed in range(size.seeds)]

    def text(s: float, count: int, part: str) -> np.ndarray:
        return np.stack(
            [ZipfLanguage(s, size.words, seed=k).text(count, part).words for k in range(size.seeds)]
        )

    total = size.held_out + size.validation
    own, even = (pieces(text(s, total + CONTEXT, "validation"), np.arange(total)) for s in (exponent, 0.0))
    return Problem(
        size=size,
        exponent=exponent,
        network=network,
        start={name: np.stack([start[name] for start in starts]) for name in network.shapes},
        text=text(exponent, size.text, "train"),
        held_out=own[:, : size.held_out],
        validation=own[:, size.held_out :],
        even=even[:, size.held_out :],
    )


def rows_of(
    of: Problem, optimiser: str, backend: Backend, measure: Measure, others: tuple[str, ...] = ()
) -> list[Row]:
    """Rows of every look at a training run by one optimiser, over (rates, seeds).

    measure  from a Point and the held-out pieces to blocks of columns, each an array (rates, seeds) or a single
             value; step, rate, seed and the losses on `validation` and `even` are put beside them.
    """
    size, put = of.size, backend.asarray
    held_out, validation, even = (
        put(x, dtype=backend.xp.int64) for x in (of.held_out, of.validation, of.even)
    )
    rate = size.rates[:, None] * np.ones(size.seeds)
    seed = np.arange(size.seeds) + 0 * rate.astype(int)
    found: list[Row] = []

    def look(point: Point) -> None:
        losses = (backend.to_numpy(of.network.loss(point.parameters, x)) for x in (validation, even))
        beside: Row = dict(zip(("validation", "even"), losses, strict=True))
        beside |= {"optimiser": optimiser, "step": point.step, "rate": rate, "seed": seed}
        found.extend(flat(beside | row) for row in measure(point, held_out))

    def batch(step: int) -> tuple[Any]:
        draw = stream("nds language: batches", step)
        chosen = pieces(of.text, draw.integers(0, size.text - CONTEXT, size.batch))
        return (put(chosen, dtype=backend.xp.int64),)

    at = np.unique(np.linspace(0, size.steps - 1, size.looks).astype(int)).tolist()
    train_and_look(
        of.network,
        {name: put(x) for name, x in of.start.items()},
        batch,
        size.steps,
        optimiser,
        put(rate),
        look=look,
        at=at,
        others=others,
        warm_up=size.warm_up,
    )
    return found


def flat(columns: Row) -> Row:
    """Arrays (rates, seeds) as columns."""
    grown = np.broadcast_arrays(*map(np.asarray, columns.values()))
    return {name: x.ravel() for name, x in zip(columns, grown, strict=True)}


def host(backend: Backend, **columns: Any) -> Row:
    """Columns brought to the host."""
    return {name: backend.to_numpy(x) for name, x in columns.items()}


def grid_of(rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the grid of rates gave: the lowest validation loss of each run seen, by optimiser, rate and seed."""
    keys = sorted(set(zip(*(rows[name].tolist() for name in ("optimiser", "rate", "seed")), strict=True)))
    blocks = []
    for optimiser, rate, seed in keys:
        here = (rows["optimiser"] == optimiser) & (rows["rate"] == rate) & (rows["seed"] == seed)
        best = float(np.min(rows["validation"][here]))
        blocks.append({"optimiser": optimiser, "rate": rate, "seed": seed, "validation": best})
    return table(blocks)


def best_rate(grid: dict[str, np.ndarray], optimiser: str) -> float:
    """The rate with the lowest validation loss in the mean over the seeds."""
    mine = grid["optimiser"] == optimiser
    rates = np.unique(grid["rate"][mine])
    means = [np.mean(grid["validation"][mine & (grid["rate"] == rate)]) for rate in rates]
    return float(rates[np.argmin(means)])


def tuned(rows: dict[str, np.ndarray], grid: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The rows of each optimiser at its best rate."""
    keep = np.zeros(rows["rate"].size, dtype=bool)
    for optimiser in OPTIMISERS:
        keep |= (rows["optimiser"] == optimiser) & (rows["rate"] == best_rate(grid, optimiser))
    return {name: x[keep] for name, x in rows.items()}


def matched(
    runs: list[dict[str, np.ndarray]], names: tuple[str, ...], count: int = 20
) -> tuple[np.ndarray, Any]:
    """Columns of several runs, each ordered by step, at losses that all went through.

    Returns the losses (count,), and {name: (runs, count)}.
    """
    losses = common_losses([run["validation"] for run in runs], count)
    values = [at_loss(run["validation"], np.stack([run[n] for n in names]), losses) for run in runs]
    return losses, {name: np.stack([v[i] for v in values]) for i, name in enumerate(names)}


def median_and_range(axes: Any, x: np.ndarray, values: np.ndarray, number: int, **options: Any) -> None:
    """Median over the first axis as markers joined by a line, and the range shaded."""
    from figures.gallery import style

    low, middle, high = np.min(values, axis=0), np.median(values, axis=0), np.max(values, axis=0)
    axes.fill_between(x, low, high, color=style.series(number)["color"], alpha=0.18, linewidth=0)
    look: dict[str, Any] = {"linestyle": "-", "linewidth": 1.0, "markersize": 3.5}
    style.computed(axes, x, middle, number, **(look | options))


def by_seed(rows: Any, name: str) -> np.ndarray:
    """A column as (seeds, ...), the rows of each seed in their order."""
    return np.stack([rows[name][rows["seed"] == seed] for seed in np.unique(rows["seed"])])
