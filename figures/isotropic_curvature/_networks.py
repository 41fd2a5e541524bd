"""The networks whose curvature is measured: how they are trained, and along which directions they are measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labs.core import spectrum
from labs.core.arrays import Backend
from labs.core.networks import MLP, Training, Transformer, mixture, replaced, text, train, two_letter_source
from labs.core.streams import stream
from labs.isotropic_curvature.measure import even_part, unit_direction

CHUNK = 16  # pairs of perturbed matrices a call: the activations stay in a core's cache

OPTIMISERS = {"sgd": "SGD", "adam": "Adam", "muon": "Muon"}
RATES: dict[str, dict[str, tuple[float, ...]]] = {
    "perceptron": {
        "sgd": (0.03, 0.1, 0.3, 1.0),
        "adam": (1e-3, 3e-3, 0.01, 0.03),
        "muon": (0.01, 0.03, 0.1, 0.3),
    },
    "transformer": {"sgd": (0.03, 0.1, 0.3), "adam": (3e-3, 0.01, 0.03), "muon": (0.01, 0.03, 0.1)},
}
# Directions: random ones, by their spectrum, and two that are not random.
FLAT, OWN, SINGLE = "flat", "that of G", "rank one"
GRADIENT, POLAR = "G", "polar(G)"

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """How large an experiment is: its networks, its training, and what is measured."""

    seeds: int
    width: int  # of the perceptron
    wide: int  # of the transformer
    steps: tuple[int, int]
    rates: int  # of each grid, from its end
    directions: tuple[int, int]  # random ones with the flat spectrum; with each other spectrum
    lengths: int
    samples: tuple[int, int]  # measured on: inputs, pieces of text
    layers: tuple[tuple[str, ...], tuple[str, ...]]


SIZES = {
    "smoke": Size(2, 8, 8, (24, 6), 2, (5, 5), 7, (32, 4), (("weight1",), ("query",))),
    "quick": Size(
        3, 32, 16, (300, 300), 4, (50, 16), 13, (128, 8), (("weight1", "weight2"), ("query", "key", "up"))
    ),
    "full": Size(
        5,
        32,
        32,
        (600, 1000),
        4,
        (50, 64),
        25,
        (256, 16),
        (("weight1", "weight2"), ("query", "key", "merge", "up")),
    ),
}


@dataclass(frozen=True)
class Problem:
    """A network and its data; arrays have one item a seed in front."""

    name: str
    network: Any
    start: Parameters
    training: tuple[np.ndarray, ...]
    held_out: tuple[np.ndarray, ...]
    batch: int
    steps: int
    layers: tuple[str, ...]
    rates: Mapping[str, tuple[float, ...]]


def problems(scale: str) -> list[Problem]:
    """A perceptron on a mixture of Gaussians; a transformer on text from a source with a memory of two letters."""
    size = SIZES[scale]
    d, letters, length = size.width, 6, min(size.wide, 12)
    networks: dict[str, Any] = {
        "perceptron": MLP((d, d, 10)),
        "transformer": Transformer(letters, length, size.wide, heads=2),
    }
    made = []
    for which, (name, network) in enumerate(networks.items()):
        drawn: list[tuple[np.ndarray, ...]] = []
        for seed in range(size.seeds):
            draw = stream("network curvature: data", name, seed)
            if name == "perceptron":
                drawn.append(mixture(2048 + size.samples[0], d, 10, draw, separation=1.5))
            else:
                source = two_letter_source(letters, draw, sharpness=3.0)
                drawn.append((text(source, 2048 + size.samples[1], length + 1, draw),))
        arrays = [np.stack(columns) for columns in zip(*drawn, strict=True)]
        starts = [
            network.initial(stream("network curvature: start", name, seed)) for seed in range(size.seeds)
        ]
        made.append(
            Problem(
                name=name,
                network=network,
                start={key: np.stack([start[key] for start in starts]) for key in network.shapes},
                training=tuple(x[:, :2048] for x in arrays),
                held_out=tuple(x[:, 2048:] for x in arrays),
                batch=(64, 8)[which],
                steps=size.steps[which],
                layers=size.layers[which],
                rates={key: rates[-size.rates :] for key, rates in RATES[name].items()},
            )
        )
    return made


def on(backend: Backend, x: np.ndarray) -> Any:
    """An array of numbers or of integers, on the backend."""
    return backend.asarray(x, dtype=backend.xp.int64 if x.dtype.kind == "i" else None)


def trained(problem: Problem, optimiser: str, backend: Backend) -> Training:
    """Every seed with every rate of the optimiser's grid, side by side: (rates, seeds)."""
    rates = np.asarray(problem.rates[optimiser])[:, None] * np.ones(len(problem.training[0]))

    def batch(step: int) -> tuple[Any, ...]:
        chosen = stream("network curvature: batches", problem.name, step).integers(0, 2048, problem.batch)
        return tuple(on(backend, x[:, chosen]) for x in problem.training)

    start = {name: backend.asarray(x) for name, x in problem.start.items()}
    kept = checkpoints(problem)
    return train(
        problem.network, start, batch, problem.steps, optimiser, backend.asarray(rates), checkpoints=kept
    )


def checkpoints(problem: Problem) -> tuple[int, ...]:
    """The start, a station, and the end."""
    return (0, problem.steps // 4, problem.steps)


def held_out_loss(problem: Problem, parameters: Parameters, backend: Backend) -> np.ndarray:
    """The loss on the data that training does not see."""
    return backend.to_numpy(problem.network.loss(parameters, *(on(backend, x) for x in problem.held_out)))


def one(parameters: Parameters, *index: int) -> Parameters:
    """The parameters of one item of the batch."""
    return {name: x[(*index, ...)] for name, x in parameters.items()}


@dataclass(frozen=True)
class Layer:
    """One matrix of one trained network: its gradient, its size, and its curvature along given directions."""

    problem: Problem
    parameters: Parameters
    name: str
    seed: int
    backend: Backend

    @property
    def data(self) -> tuple[Any, ...]:
        return tuple(on(self.backend, x[self.seed]) for x in self.problem.held_out)

    @property
    def shape(self) -> tuple[int, int]:
        m, n = self.parameters[self.name].shape
        return m, n

    @property
    def scale(self) -> float:
        """The length of the matrix itself: the root mean square of |W zeta|."""
        return float(np.linalg.norm(self.backend.to_numpy(self.parameters[self.name]))) / self.shape[1] ** 0.5

    def gradient(self) -> np.ndarray:
        _, gradient = self.problem.network.loss_and_gradient(self.parameters, *self.data)
        return self.backend.to_numpy(gradient[self.name])

    def directions(self, gradient: np.ndarray, counts: dict[str, int]) -> Iterator[tuple[str, np.ndarray]]:
        """Names and unit directions: random ones by their spectrum, then the gradient, then its polar factor."""
        u, g, vt = np.linalg.svd(gradient, full_matrices=False)
        for kind, count in counts.items():
            draw = stream("network curvature: directions", kind, self.problem.name, self.name, self.seed)
            values = {FLAT: np.ones_like(g), OWN: g, SINGLE: np.ones(1)}[kind]
            repeated = np.broadcast_to(values, (count, values.size))
            yield kind, unit_direction(spectrum.matrix(repeated, *self.shape, draw))
        yield GRADIENT, unit_direction(gradient[None])
        yield POLAR, unit_direction((u @ vt)[None])

    def even(self, directions: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The even part and its rounding, (directions, lengths); lengths in units of `scale`."""

        def loss(W: Any) -> Any:
            return self.problem.network.loss(replaced(self.parameters, self.name, W), *data)

        data, put = self.data, self.backend.asarray
        even, rounding = even_part(
            loss, self.parameters[self.name], put(directions), put(lengths * self.scale), at_a_time=CHUNK
        )
        return self.backend.to_numpy(even), self.backend.to_numpy(rounding)
