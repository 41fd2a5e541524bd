"""Training: a network, a stream of batches, one optimiser, a batch of step sizes side by side."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from labs.core.arrays import Array, array_namespace, check_double, check_positive
from labs.core.optimisers import adam_step, momentum_step, muon_step

OPTIMISERS = ("sgd", "adam", "muon")

Parameters = dict[str, Array]


@dataclass(frozen=True)
class Training:
    """What a training run leaves.

    losses       (..., steps) the loss on each batch before its step, for each run.
    checkpoints  {step: parameters before that step}; the last is the end.
    """

    losses: Array
    checkpoints: dict[int, Parameters]


def train(
    network: Any,
    parameters: Mapping[str, Array],
    batch: Callable[[int], tuple[Array, ...]],
    steps: int,
    optimiser: str,
    rate: Array,
    *,
    others_rate: float = 0.01,
    checkpoints: Collection[int] = (),
    ceiling: float = 1e6,
) -> Training:
    """Kernel: train a batch of networks side by side, each with the step size that `rate` has for it.

    network      has `shapes`, `hidden_matrices` and `loss_and_gradient(parameters, *data)`.
    parameters   where to start; batch axes broadcast with those of `rate`.
    batch        step -> data; where the runs see different data, with leading axes, one item a run.
    optimiser    "sgd" (momentum 0.9), "adam", or "muon" (exact polar factor on the hidden matrices; the rest
                 is trained by Adam at `others_rate`, as Muon is used).
    rate         (...) step sizes, one a run; they fall linearly to 0 at the end.
    checkpoints  the steps before which to keep the parameters; the end is always kept.
    ceiling      a run whose loss is above it, because its rate is too large, stays where it is from then on.

    Raises ValueError for an unknown optimiser, steps below 1 and a rate that is not positive.
    """
    if optimiser not in OPTIMISERS:
        raise ValueError(f"optimiser must be one of {OPTIMISERS}, got {optimiser!r}")
    if steps != int(steps) or steps < 1:
        raise ValueError(f"steps must be an integer >= 1, got {steps!r}")
    check_double(rate=rate)
    check_positive(rate=rate)
    xp = array_namespace(rate)
    rates = {name: _aligned(rate, shape) for name, shape in network.shapes.items()}
    now: Parameters = {name: parameters[name] + 0.0 * rates[name] for name in rates}
    state = {name: (0.0 * value, 0.0 * value) for name, value in now.items()}
    kept: dict[int, Parameters] = {}
    losses = []
    for step in range(steps):
        if step in checkpoints:
            kept[step] = dict(now)
        loss, gradient = network.loss_and_gradient(now, *batch(step))
        losses.append(loss)
        left = 1.0 - step / steps
        for name, shape in network.shapes.items():
            old, slope, (first, second) = now[name], gradient[name], state[name]
            if optimiser == "sgd":
                new, first = momentum_step(old, slope, first, left * rates[name])
            elif optimiser == "muon" and name in network.hidden_matrices:
                new, first = muon_step(old, slope, first, left * rates[name])
            else:
                size = left * (rates[name] if optimiser == "adam" else others_rate)
                new, first, second = adam_step(old, slope, first, second, step + 1, size)
            now[name] = xp.where(_aligned(loss, shape) <= ceiling, new, old)
            state[name] = first, second
    return Training(xp.stack(losses, axis=-1), {**kept, steps: now})


def _aligned(x: Array, shape: tuple[int, ...]) -> Array:
    """One number a run, with axes of length 1 where a parameter has its own."""
    return x[(..., *[None] * len(shape))]
