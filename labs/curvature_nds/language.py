"""Training a small language model by Adam or by Muon, with a look at single steps: what each of them would do here.

Muon moves the hidden matrices, Adam the rest, at one rate: the factor 0.2 sqrt(max(m, n)) gives Muon's updates the
root mean square 0.2 of an entry that Adam's have about (Liu et al. 2025).
Source: Wang et al. 2026 as reported (Muon's momentum, Adam on the rest); the schedule is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from labs.core.arrays import Array, array_namespace, check_double, check_positive
from labs.core.optimisers import adam_step
from labs.core.polar import msign

OPTIMISERS = ("adam", "muon", "muon-heavy-ball")
ADAM = {"momentum": 0.9, "memory": 0.95}
MUON_MOMENTUM = 0.95
MUON_SCALE = 0.2

Parameters = dict[str, Array]


@dataclass(frozen=True)
class Point:
    """A network before a step.

    step        0, 1, ...
    parameters  (..., shape) by name
    updates     by optimiser: the step that it would take from here, by name; the moments that each needs are those of
                the gradients of the run that is under way
    data        the batch that the gradient is from
    """

    step: int
    parameters: Parameters
    updates: dict[str, Parameters]
    data: tuple[Array, ...]


def schedule(step: int, steps: int, warm_up: int = 100, decay: float = 0.3) -> float:
    """The share of the rate at `step` = 0, 1, ...: up over `warm_up` steps, down to 0 over the last share `decay`.

    Raises ValueError for a negative warm-up, and for a decay outside [0, 1].
    """
    if not warm_up >= 0:
        raise ValueError(f"warm_up must be an integer >= 0, got {warm_up!r}")
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"decay must be in [0, 1], got {decay!r}")
    down = (steps - step) / (decay * steps) if decay > 0 else 1.0
    return min(1.0, (step + 1) / warm_up if warm_up > 0 else 1.0, down)


def train_and_look(
    network: Any,
    parameters: Mapping[str, Array],
    batch: Callable[[int], tuple[Array, ...]],
    steps: int,
    optimiser: str,
    rate: Array,
    *,
    look: Callable[[Point], None] | None = None,
    at: Collection[int] = (),
    others: Collection[str] = (),
    warm_up: int = 100,
    decay: float = 0.3,
    ceiling: float = 20.0,
) -> tuple[Array, Parameters]:
    """Kernel: train a batch of networks side by side, each with the rate that `rate` has for it.

        adam             w <- w - eta m^/(sqrt(v^) + 1e-8), moments 0.9 and 0.95, bias-corrected
        muon             B <- 0.95 B + g,  w <- w - 0.2 eta sqrt(max(m, n)) polar(0.95 B + g)  for hidden matrices
        muon-heavy-ball  the same with polar(B)

    network     has `shapes`, `hidden_matrices` and `loss_and_gradient(parameters, *data)`
    parameters  where to start; batch axes broadcast with those of `rate`
    batch       step -> data; where the runs see different data, with leading axes, one item a run
    rate        (...) eta at its largest, one a run; see `schedule` for `warm_up` and `decay`
    look        called with the `Point` before each of the steps `at`, with updates of `optimiser` and of `others`
    ceiling     a run whose loss is above it stays where it is from then on

    Returns the losses on each batch before its step, (..., steps), and the parameters at the end.
    Cost: a gradient of all runs a step; for Muon a polar factor of each hidden matrix.
    Raises ValueError for unknown optimisers, steps below 1, rates that are not positive, a schedule that is none, and
    where parameters are missing.
    """
    for name in (optimiser, *others):
        if name not in OPTIMISERS:
            raise ValueError(f"optimiser must be one of {OPTIMISERS}, got {name!r}")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps must be an integer >= 1, got {steps!r}")
    check_double(rate=rate)
    check_positive(rate=rate)
    schedule(0, steps, warm_up, decay)
    if not set(network.shapes) <= set(parameters):
        raise ValueError(f"parameters must have the names {sorted(network.shapes)}, got {sorted(parameters)}")
    xp = array_namespace(rate)
    now = {name: parameters[name] + 0.0 * _lifted(rate, shape) for name, shape in network.shapes.items()}
    state = _State(network, now)
    losses = []
    for step in range(steps):
        data = batch(step)
        loss, gradient = network.loss_and_gradient(now, *data)
        losses.append(loss)
        state.advance(gradient, step + 1)
        eta = schedule(step, steps, warm_up, decay) * rate
        update = state.update(optimiser, eta)
        if look is not None and step in at:
            updates = {name: state.update(name, eta) for name in others if name != optimiser}
            look(Point(step, dict(now), {optimiser: update, **updates}, data))
        going = xp.astype(loss <= ceiling, loss.dtype)
        now = {
            name: now[name] - _lifted(going, shape) * update[name] for name, shape in network.shapes.items()
        }
    return xp.stack(losses, axis=-1), now


class _State:
    """The moments of Adam and the buffer of Muon, both fed with the same gradients."""

    def __init__(self, network: Any, like: Parameters) -> None:
        self.shapes, self.hidden = network.shapes, network.hidden_matrices
        self.zeros = {name: 0.0 * x for name, x in like.items()}
        self.moments = {name: (zero, zero) for name, zero in self.zeros.items()}
        self.buffers = {name: self.zeros[name] for name in self.hidden}
        self.adam: Parameters = {}
        self.gradient: Mapping[str, Array] = {}

    def advance(self, gradient: Mapping[str, Array], step: int) -> None:
        """Take in one more gradient, the one of `step` = 1, 2, ..."""
        self.gradient = gradient
        for name, zero in self.zeros.items():
            moved, *moments = adam_step(zero, gradient[name], *self.moments[name], step, 1.0, **ADAM)
            self.adam[name], self.moments[name] = -moved, (moments[0], moments[1])
        self.buffers = {name: MUON_MOMENTUM * self.buffers[name] + gradient[name] for name in self.hidden}

    def update(self, optimiser: str, eta: Array) -> Parameters:
        """What this optimiser would subtract now."""
        return {
            name: _lifted(eta, shape) * self._direction(optimiser, name)
            for name, shape in self.shapes.items()
        }

    def _direction(self, optimiser: str, name: str) -> Array:
        if optimiser == "adam" or name not in self.hidden:
            return self.adam[name]
        buffer = self.buffers[name]
        ahead = buffer if optimiser == "muon-heavy-ball" else MUON_MOMENTUM * buffer + self.gradient[name]
        return MUON_SCALE * max(self.shapes[name]) ** 0.5 * msign(ahead)


def _lifted(x: Array, shape: tuple[int, ...]) -> Array:
    """One number a run, with axes of length 1 where a parameter has its own."""
    return x[(..., *[None] * len(shape))]
