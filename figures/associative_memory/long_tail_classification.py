"""Classification with rare classes, a linear map and a small network: who learns the tail, at equal steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.associative_memory._networks import LARGEST, band, best, draw_grid, grid_rows, rates_around
from figures.gallery.marks import plain_ticks
from figures.gallery.tables import table, where
from labs.associative_memory.longtail import RULES, LongTail, train_matrices
from labs.core.arrays import Backend
from labs.core.networks import MLP
from labs.core.streams import stream
from theory.associative_memory.networks import AML_F6

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Rare classes: what each optimiser has learnt of them after the same number of steps"
CAPTION = """
Classes in ten groups, the rarest 32 times rarer than the most frequent; inputs are random unit vectors plus noise,
a tenth of the labels is wrong.  Every optimiser runs at a constant step size, chosen on a grid (right; filled: the
best) by the loss on fresh samples after the last step; bands are the range of three seeds.  Left: the loss of the
rarest group, with its true labels.  Top: on a linear map from zero nothing holds GD back from long steps, a hundred
times as long as Muon's and more, and it is not behind; all know every class at the end.  Middle: with two layers GD
cannot take such steps; Muon and SignGD know the tail, Adam most of it, GD and normalised GD are behind: nearly the
order that is reported.  Bottom: batches so small that most hold no sample of a rare class, and momentum 0.9: the
polar factor of noise is as long as that of a signal; Muon's loss over all classes is as low as Adam's, but it has no
lead in the tail, where SignGD and Adam are ahead.
"""
CLAIMS = (AML_F6,)
LABELS = {"gd": "GD", "ngd": "normalised GD", "signgd": "SignGD", "adam": "Adam", "muon": "Muon"}


@dataclass(frozen=True)
class Size:
    """The sizes of one scale."""

    classes: int
    dimension: int
    width: int
    large: int  # samples of a large batch
    small: int
    steps: int
    rates: int
    tested: int  # samples of each class


SIZES = {
    "smoke": Size(10, 12, 8, 64, 16, 6, 3, 4),
    "quick": Size(20, 32, 32, 320, 64, 20, 7, 20),
    "full": Size(100, 128, 256, 2048, 512, 40, 10, 50),
}
SEEDS = 3
GROUPS = {"smoke": 5, "quick": 10, "full": 10}

# Middles of the grids of step sizes; without momentum and with it.
LINEAR = {"gd": 30.0, "ngd": 2.0, "signgd": 0.1, "adam": 0.1, "muon": 0.4}
HIDDEN = {"gd": 5.0, "ngd": 1.0, "signgd": 0.03, "adam": 0.06, "muon": 0.2}
NOISY = {"gd": 1.0, "ngd": 0.3, "signgd": 0.01, "adam": 0.06, "muon": 0.1}
PROBLEMS = {
    "linear": ("linear, large batches", False, 0.0, LINEAR),
    "network": ("two layers, large batches", True, 0.0, HIDDEN),
    "noisy": ("two layers, small batches, momentum 0.9", True, 0.9, NOISY),
}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "grid" (every step size), "curves" (the rarest group in time) and "groups" (all, at the end)."""
    grid, curves, groups = [], [], []
    for problem in PROBLEMS:
        for rule in RULES:
            found = _trained(problem, rule, scale, backend)
            same = {"problem": problem, "rule": rule}
            grid += [same | row for row in found["grid"]]
            curves += [same | row for row in found["curves"]]
            groups += [same | row for row in found["groups"]]
    return {"grid": table(grid), "curves": table(curves), "groups": table(groups)}


def _trained(problem: str, rule: str, scale: str, backend: Backend) -> dict[str, list[dict[str, Any]]]:
    size, (_, hidden, momentum, middles) = SIZES[scale], PROBLEMS[problem]
    task = LongTail(size.classes, GROUPS[scale], size.dimension, label_noise=0.1)
    count = size.small if momentum else size.large
    seeds = range(SEEDS)
    centres = [task.centres(stream("long tail: centres", seed)) for seed in seeds]
    sizes = (size.dimension, size.width, size.classes) if hidden else (size.dimension, size.classes)
    network = MLP(sizes, "relu")
    starts = [network.initial(stream("long tail: start", seed)) for seed in seeds]
    # Variance 2/inputs, as is used with relu; the linear map starts at zero.
    factor = 2**0.5 if hidden else 0.0
    start = {name: backend.asarray(factor * np.stack([s[name] for s in starts])) for name in network.shapes}

    def moved(pairs: list[tuple[np.ndarray, np.ndarray]], axis: int) -> tuple[Any, Any]:
        inputs, labels = (np.stack(parts, axis=axis) for parts in zip(*pairs, strict=True))
        return backend.asarray(inputs), backend.asarray(labels, dtype=backend.xp.int64)

    def batch(step: int) -> tuple[Any, Any]:
        return moved([task.batch(centres[s], count, stream("long tail: batch", step, s)) for s in seeds], 0)

    rates = rates_around(middles[rule], size.rates)
    run = train_matrices(
        network,
        start,
        batch,
        size.steps,
        rule,
        backend.asarray(rates[:, None] * np.ones(SEEDS)),
        momentum=momentum,
        checkpoints=range(size.steps),
    )
    fresh = moved([task.batch(centres[s], 2048, stream("long tail: objective", s)) for s in seeds], 0)
    objective = backend.to_numpy(network.loss(run.checkpoints[size.steps], *fresh))
    objective = np.where(objective < LARGEST, objective, LARGEST)
    chosen = best(objective)
    # Groups first, seeds second: the parameters have the seeds as their only batch axis.
    inputs, labels = moved(
        [task.by_group(centres[s], size.tested, stream("long tail: test", s)) for s in seeds], 1
    )
    curves = []
    for step, parameters in run.checkpoints.items():
        now = {n: x[chosen] if len(network.shapes[n]) == 2 else x for n, x in parameters.items()}
        loss = backend.to_numpy(network.loss(now, inputs[-1, ...], labels[-1, ...]))
        curves.append({"step": step, "seed": np.arange(SEEDS), "loss": loss})
    loss = backend.to_numpy(network.loss(now, inputs, labels))
    guesses = np.argmax(backend.to_numpy(network.outputs(now, inputs)), axis=-1)
    accuracy = np.mean(guesses == backend.to_numpy(labels), axis=-1)
    groups = [
        {"group": a + 1, "seed": np.arange(SEEDS), "loss": loss[a], "accuracy": accuracy[a]}
        for a in range(task.groups)
    ]
    return {"grid": grid_rows(objective, rates), "curves": curves, "groups": groups}


def draw(tables: Any) -> Figure:
    """A row per problem: the rarest group in time, every group at the end, the grid of step sizes."""
    from figures.gallery import style

    figure, panels = style.panels(3, 3, width=15.4, height=11.0)
    for row, (problem, (words, *_)) in enumerate(PROBLEMS.items()):
        in_time, by_group, over_grid = panels[3 * row : 3 * row + 3]
        for number, rule in enumerate(RULES):
            same = {"problem": problem, "rule": rule}
            band(in_time, where(tables["curves"], **same), "step", "loss", number)
            band(by_group, where(tables["groups"], **same), "group", "accuracy", number)
            draw_grid(over_grid, where(tables["grid"], **same), number)
        in_time.set(xlabel="step", ylabel="loss of the rarest group (nats)", title=words, ylim=(0, 5.5))
        plain_ticks(in_time.xaxis, range(0, int(np.max(tables["curves"]["step"])) + 1, 5))
        by_group.set(xlabel="group, from frequent to rare", ylabel="accuracy at the end", ylim=(0, 1.03))
        floor = np.min(tables["grid"]["objective"])
        over_grid.set(
            xscale="log",
            yscale="log",
            xlabel="step size (GD: weight²/loss, others: weight)",
            ylabel="loss at the end, fresh samples (nats)",
            ylim=(0.9 * floor, 12 * floor),
        )
        plain_ticks(over_grid.yaxis, [0.5, 0.7, 1, 2, 3, 5, 7])
    for number, rule in enumerate(RULES):
        style.computed(panels[2], np.array([]), np.array([]), number, linestyle="-", label=LABELS[rule])
    style.legend_outside(panels[2])
    return figure
