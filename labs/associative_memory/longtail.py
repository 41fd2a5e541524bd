"""Classification with a long tail of rare classes, and training by one rule at a constant step size."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labs.associative_memory._drifts import check_numbers
from labs.core.arrays import Array, array_namespace, check_double, check_positive
from labs.core.networks import Training
from labs.core.optimisers import adam_step
from labs.core.polar import msign
from labs.core.spectrum import power_law

RULES = ("gd", "ngd", "signgd", "adam", "muon")


@dataclass(frozen=True)
class LongTail:
    """Classes in groups of equal size; group a has the share a^-exponent/Z, the same for each of its classes.

    An input of class j is centre_j + noise N(0, I), the centres being random unit vectors: in many dimensions
    nearly orthogonal.  In training a label is replaced by a uniform one with probability `label_noise`.
    Source: Li et al. 2026 report such an experiment; its sizes are ours.
    """

    classes: int
    groups: int
    dimension: int
    exponent: float = 1.5
    noise: float = 0.1
    label_noise: float = 0.0

    def __post_init__(self) -> None:
        for name in ("classes", "groups", "dimension"):
            size = getattr(self, name)
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise ValueError(f"{name} must be an integer >= 1, got {size!r}")
        if self.classes % self.groups:
            raise ValueError(f"groups must divide the number of classes {self.classes}, got {self.groups}")
        check_numbers(exponent=self.exponent, noise=self.noise, label_noise=self.label_noise)
        if not self.noise >= 0.0:
            raise ValueError(f"noise must be nonnegative, got {self.noise!r}")
        if not (0.0 <= self.label_noise < 1.0):
            raise ValueError(f"label_noise must be in [0, 1), got {self.label_noise!r}")

    @property
    def each(self) -> int:
        """The number of classes of a group."""
        return self.classes // self.groups

    @property
    def shares(self) -> np.ndarray:
        """The share of each group, (groups,); they sum to one."""
        masses = power_law(self.groups, self.exponent)
        return masses / np.sum(masses)

    def centres(self, stream: np.random.Generator) -> np.ndarray:
        """Host routine: a unit vector for each class, uniform on the sphere: (classes, dimension)."""
        drawn = stream.standard_normal((self.classes, self.dimension))
        return drawn / np.linalg.norm(drawn, axis=-1, keepdims=True)

    def batch(
        self, centres: np.ndarray, size: int, stream: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Host routine: `size` inputs (size, dimension) and their labels as they are given, (size,)."""
        labels = stream.choice(self.classes, size, p=np.repeat(self.shares / self.each, self.each))
        inputs = centres[labels] + self.noise * stream.standard_normal((size, self.dimension))
        wrong, uniform = stream.random(size) < self.label_noise, stream.integers(0, self.classes, size)
        return inputs, np.where(wrong, uniform, labels)

    def by_group(
        self, centres: np.ndarray, count: int, stream: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Host routine: `count` samples of every class: inputs (groups, each count, dimension), true labels."""
        labels = np.repeat(np.arange(self.classes), count).reshape(self.groups, -1)
        return centres[labels] + self.noise * stream.standard_normal((*labels.shape, self.dimension)), labels


def train_matrices(
    network: Any,
    parameters: Mapping[str, Array],
    batch: Callable[[int], tuple[Array, ...]],
    steps: int,
    rule: str,
    rate: Array,
    *,
    momentum: float = 0.0,
    checkpoints: Collection[int] = (),
    ceiling: float = 1e6,
) -> Training:
    """Kernel: train the matrices of a batch of networks by one rule at a constant step size; vectors stay.

        M <- momentum M + grad
        gd      W - rate M                   ngd   W - rate M/|M of all matrices|_F
        signgd  W - rate sgn(M)              muon  W - rate msgn(M), the exact polar factor
        adam    `labs.core.optimisers.adam_step`, which has a memory of its own

    network      has `shapes` and `loss_and_gradient(parameters, *data)`.
    parameters   where to start; batch axes broadcast with those of `rate`.
    batch        step -> data; where the runs see different data, with leading axes, one item a run.
    rate         (...) step sizes, one a run.
    checkpoints  the steps before which to keep the parameters; the end is always kept.
    ceiling      a run whose loss is above it stays where it is from then on.

    Raises ValueError for an unknown rule, steps below 1, a rate that is not positive, a momentum outside [0, 1).
    Cost: a gradient a step, and for Muon the polar factor of every matrix.
    Source: Jordan et al. 2024 (Muon), Kingma and Ba 2015 (Adam); constant step sizes for all are derived here.
    """
    if rule not in RULES:
        raise ValueError(f"rule must be one of {RULES}, got {rule!r}")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps must be an integer >= 1, got {steps!r}")
    if not 0.0 <= momentum < 1.0:
        raise ValueError(f"momentum must be in [0, 1), got {momentum!r}")
    check_double(rate=rate)
    check_positive(rate=rate)
    xp = array_namespace(rate)
    matrices = [name for name, shape in network.shapes.items() if len(shape) == 2]
    size = rate[..., None, None]
    now = {name: parameters[name] + 0.0 * (size if name in matrices else 0.0) for name in network.shapes}
    state = {name: (0.0 * now[name], 0.0 * now[name]) for name in matrices}
    losses, kept = [], {}
    for step in range(steps):
        if step in checkpoints:
            kept[step] = dict(now)
        loss, gradient = network.loss_and_gradient(now, *batch(step))
        losses.append(loss)
        going = (loss <= ceiling)[..., None, None]
        if rule == "adam":
            stepped = {n: adam_step(now[n], gradient[n], *state[n], step + 1, size) for n in matrices}
            state = {name: (first, second) for name, (_, first, second) in stepped.items()}
            new = {name: weights for name, (weights, _, _) in stepped.items()}
        else:
            state = {n: (momentum * state[n][0] + gradient[n], state[n][1]) for n in matrices}
            moves = _directions(xp, rule, {name: state[name][0] for name in matrices})
            new = {name: now[name] - size * moves[name] for name in matrices}
        now |= {name: xp.where(going, new[name], now[name]) for name in matrices}
    return Training(xp.stack(losses, axis=-1), {**kept, steps: now})


def _directions(xp: Any, rule: str, buffers: Mapping[str, Array]) -> dict[str, Array]:
    """What the step sizes multiply."""
    if rule == "muon":
        return {name: msign(M) for name, M in buffers.items()}
    if rule == "signgd":
        return {name: xp.sign(M) for name, M in buffers.items()}
    if rule == "ngd":
        norm = xp.sqrt(sum(xp.sum(M * M, axis=(-2, -1), keepdims=True) for M in buffers.values()))
        return {name: M / xp.where(norm > 0.0, norm, 1.0) for name, M in buffers.items()}
    return dict(buffers)
