"""A small network learns from teachers of low and of high effective rank: Muon against Adam, over step sizes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from labs.core.arrays import Backend
from labs.core.networks import MLP, train
from labs.core.spectrum import effective_rank, flat, geometric, matrix
from labs.core.streams import stream
from theory.polar_flow import POL_R7

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Teachers of low and of high effective rank: Muon with the exact polar factor, and Adam"
CAPTION = """
A network of two layers (hyperbolic tangent, squared error) learns the outputs tanh(W x) of a teacher whose matrix W
has singular values 2^-i (left) or all equal (middle), of the same Frobenius norm.  Loss on new samples after training
against the step size, which falls linearly to 0: mean over the seeds, and their range.  Muon trains the first layer
with the exact polar factor, the rest by Adam at a rate of 0.01.  Right: effective rank of the first layer at the best
step size.  One small problem, trained briefly: an observation, not a law.
"""
CLAIMS = (POL_R7,)

SPECTRA = {"low": lambda n: geometric(n, 0.5), "high": flat}
LABELS = {"low": "low effective rank", "high": "high effective rank"}
# Muon's rate is the operator norm of a step, Adam's the size of its entries.
RATES = {"muon": (1e-3, 0.5), "adam": (1e-3, 1.0)}
WIDTH, HIDDEN, SAMPLES = 32, 48, 64
SIZES = {"smoke": (4, 1, 25), "quick": (9, 3, 200), "full": (13, 8, 1000)}  # rates, seeds, steps


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "sweep" (a row per teacher, optimiser, rate and seed) and "best" (per teacher, optimiser and seed)."""
    count, seeds, steps = SIZES[scale]
    network = MLP((WIDTH, HIDDEN, WIDTH), "tanh", "squared")
    starts = [network.initial(stream("figure: teachers, start", seed)) for seed in range(seeds)]
    initial = {
        name: backend.asarray(np.stack([start[name] for start in starts])[:, None]) for name in network.shapes
    }
    sweep: list[dict[str, Any]] = []
    best: list[dict[str, Any]] = []
    for teacher in SPECTRA:
        held_out = samples(teacher, "held out", 1000, backend)
        for optimiser, ends in RATES.items():
            rates = np.geomspace(*ends, count)
            run = train(
                network,
                initial,
                partial(samples, teacher, count=SAMPLES, backend=backend),
                steps,
                optimiser,
                backend.asarray(rates),
            )
            end = run.checkpoints[steps]
            loss = backend.to_numpy(network.loss(end, *held_out))
            chosen = int(np.argmin(np.mean(loss, axis=0)))
            first = backend.to_numpy(end["weight1"])[:, chosen]
            ranks = effective_rank(np.linalg.svd(first, compute_uv=False))
            same = {"teacher": teacher, "optimiser": optimiser}
            for seed in range(seeds):
                best.append(same | {"seed": seed, "rate": rates[chosen], "effective_rank": ranks[seed]})
                sweep += [
                    same | {"seed": seed, "rate": r, "loss": x}
                    for r, x in zip(rates, loss[seed], strict=True)
                ]
    return {
        name: {column: np.array([row[column] for row in rows]) for column in rows[0]}
        for name, rows in (("sweep", sweep), ("best", best))
    }


def samples(teacher: str, cell: int | str, count: int, backend: Backend) -> tuple[Any, Any]:
    """Normal inputs of squared length about 4, and the teacher's outputs."""
    s = SPECTRA[teacher](WIDTH)
    W = matrix(s * np.sqrt(WIDTH) / np.linalg.norm(s), WIDTH, WIDTH, stream("figure: teachers", teacher))
    x = 2 * stream("figure: teachers, inputs", cell).standard_normal((count, WIDTH)) / np.sqrt(WIDTH)
    return backend.asarray(x), backend.asarray(np.tanh(x @ W.T))


def draw(tables: Any) -> Figure:
    """The two sweeps, and the effective ranks."""
    from figures.gallery import style

    figure, panels = style.panels(1, 3, width=14.0, height=4.4)
    for axes, teacher in zip(panels[:2], SPECTRA, strict=True):
        draw_sweep(axes, tables["sweep"], teacher)
    limits = [axes.get_ylim() for axes in panels[:2]]
    for axes in panels[:2]:
        axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
    rows = tables["best"]
    for number, optimiser in enumerate(RATES):
        keep = rows["optimiser"] == optimiser
        place = np.array([list(SPECTRA).index(t) for t in rows["teacher"][keep]]) + 0.16 * (number - 0.5)
        style.computed(panels[2], place, rows["effective_rank"][keep], number, label=optimiser.capitalize())
    panels[2].set_xticks(
        range(len(SPECTRA)), [LABELS[t].replace(" effective", "\neffective") for t in SPECTRA]
    )
    panels[2].set(
        ylabel="effective rank of the first layer", xlim=(-0.5, 1.5), ylim=(0, WIDTH + 2), xlabel="teacher"
    )
    style.legend_outside(panels[2], "optimiser")
    return figure


def draw_sweep(axes: Axes, rows: Any, teacher: str) -> None:
    """Mean loss and the range over seeds, against the step size."""
    from figures.gallery import style

    for number, optimiser in enumerate(RATES):
        keep = (rows["teacher"] == teacher) & (rows["optimiser"] == optimiser)
        rates = np.unique(rows["rate"][keep])
        loss = np.stack([rows["loss"][keep & (rows["rate"] == rate)] for rate in rates])
        look = {"linestyle": "-", "linewidth": 0.8}
        style.computed(axes, rates, loss.mean(axis=1), number, **look)
        color = style.series(number)["color"]
        axes.fill_between(rates, loss.min(axis=1), loss.max(axis=1), color=color, alpha=0.2, linewidth=0)
    axes.set(
        xscale="log", yscale="log", xlabel="step size", ylabel="loss on new samples", title=LABELS[teacher]
    )
