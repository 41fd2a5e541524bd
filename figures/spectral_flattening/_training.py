"""The perceptron of the training curves: its data, its runs, and what is counted on them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from labs.core.arrays import Backend
from labs.core.networks import MLP, mixture
from labs.core.spectrum import power_law
from labs.core.streams import stream
from labs.spectral_flattening.training import Log, StepMeasures, train_matrices

RULES = {"gd": "SGD", "ngd": "normalised SGD", "muon": "Muon, exact", "muon-ns5": "Muon-NS5"}
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0)
FEWER = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)  # times ten is on the grid again
MARK = 0.95


@dataclass(frozen=True)
class Size:
    """The sizes of one scale: the network, the data, the runs."""

    layers: tuple[int, ...]
    samples: int
    batch: int
    epochs: int
    seeds: int
    rates: tuple[float, ...]

    @property
    def an_epoch(self) -> int:
        return self.samples // self.batch


SIZES = {
    "smoke": Size((8, 16, 16, 3), 60, 20, 5, 2, (0.1, 1.0)),
    "quick": Size((32, 32, 32, 10), 600, 60, 12, 3, FEWER),
    "full": Size((32, 64, 64, 10), 600, 60, 40, 5, RATES),
}


def data_of(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (seeds, samples, inputs), coordinates of variance 1/i around centres twice as far apart; and labels."""
    d, classes = size.layers[0], size.layers[-1]
    drawn = [
        mixture(size.samples, d, classes, stream("training curves: mixture", seed), clusters=1)
        for seed in range(size.seeds)
    ]
    scale = float(np.sqrt(np.sum(power_law(d))))  # `mixture` divides by it
    return scale * np.stack([x for x, _ in drawn]), np.stack([y for _, y in drawn])


def trained(
    size: Size, rule: str, backend: Backend, loss_scale: float = 1.0, measured: tuple[int, ...] = ()
) -> tuple[Log, np.ndarray]:
    """Every rate and seed side by side: the run, and its accuracy after each epoch (rates, seeds, epochs)."""
    network = MLP(size.layers, "relu")
    X, y = data_of(size)
    starts = [network.initial(stream("training curves: start", seed)) for seed in range(size.seeds)]
    # Variance 2/inputs, as is used with relu.
    start = {name: backend.asarray(2**0.5 * np.stack([s[name] for s in starts])) for name in network.shapes}
    labels = backend.xp.int64

    def batch(step: int) -> tuple[Any, Any]:
        order = stream("training curves: order", step // size.an_epoch).permutation(size.samples)
        chosen = order[size.batch * (step % size.an_epoch) :][: size.batch]
        return backend.asarray(X[:, chosen]), backend.asarray(y[:, chosen], dtype=labels)

    rates = np.array(size.rates)[:, None] * np.ones(size.seeds)
    steps = size.epochs * size.an_epoch
    ends = range(size.an_epoch, steps, size.an_epoch)
    log = train_matrices(
        network,
        start,
        batch,
        steps,
        rule,
        backend.asarray(rates),
        loss_scale=loss_scale,
        checkpoints=ends,
        measured=measured,
    )
    inputs = backend.asarray(X)
    right = []
    for step in (*ends, steps):
        outputs = backend.to_numpy(network.outputs(log.training.checkpoints[step], inputs))
        right.append(np.mean(np.argmax(outputs, axis=-1) == y, axis=-1))
    return log, np.stack(right, axis=-1)


def epochs_to_mark(accuracy: np.ndarray) -> np.ndarray:
    """The first epoch after which the accuracy is at least MARK; NaN where there is none."""
    reached = accuracy >= MARK
    return np.where(np.any(reached, axis=-1), np.argmax(reached, axis=-1) + 1.0, np.nan)


def measures(log: Log, size: Size, backend: Backend) -> list[dict[str, Any]]:
    """A row for every measured step, matrix, rate and seed."""
    rows = []
    for step, matrices in log.measures.items():
        for name, found in matrices.items():
            values = {
                field.name: backend.to_numpy(getattr(found, field.name)) for field in fields(StepMeasures)
            }
            for i, rate in enumerate(size.rates):
                block = {key: value[i] for key, value in values.items()}
                rows.append(
                    {"step": step, "matrix": name, "rate": rate, "seed": np.arange(size.seeds)} | block
                )
    return rows
