"""Training a network with one rule for its matrices, and what every step looks like from inside the theory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from labs.core.arrays import Array, array_namespace, check_double, check_positive
from labs.core.networks import Training
from labs.core.optimisers import adam_step
from labs.core.spectrum import condition_number, nuclear_rank, stable_rank
from labs.spectral_flattening._rules import check_rule, direction

# Length of the finite difference: the gradient is right to about 1e-15, so the curvature to about 1e-11.
REACH = 1e-4


@dataclass(frozen=True)
class StepMeasures:
    """One matrix at one step, for each run (...): gradient G on the batch, buffer M, direction X = rule(M).

    average, largest  the average singular value of G, |G|_*/min(m, n), and s_1.
    nuclear_rank, stable_rank  of G.
    spread            kappa(M) sqrt(srank(M)): 1/ell of the interval that a polynomial rule has to flatten.
    lowest, highest   the singular values of X lie between these.
    alignment         <G, X>/|G|_*, 1 for Muon without momentum.
    curvature         <X, H[X]>/|X|_F^2, by a central difference of the gradient; this matrix alone is moved.
    share             eta/eta_exact, eta_exact = 2 <G, X>/<X, H[X]>: above 1 a quadratic loss would rise.
    joint_share       the same with all matrices moved at once (the same number for each of them).
    """

    average: Array
    largest: Array
    nuclear_rank: Array
    stable_rank: Array
    spread: Array
    lowest: Array
    highest: Array
    alignment: Array
    curvature: Array
    share: Array
    joint_share: Array


@dataclass(frozen=True)
class Log:
    """A training run, and {step: {matrix: StepMeasures}} at the steps that were asked for."""

    training: Training
    measures: dict[int, dict[str, StepMeasures]]


def train_matrices(
    network: Any,
    parameters: Mapping[str, Array],
    batch: Callable[[int], tuple[Array, ...]],
    steps: int,
    rule: str,
    rate: Array,
    *,
    momentum: float = 0.9,
    others_rate: float = 0.01,
    loss_scale: float = 1.0,
    checkpoints: Collection[int] = (),
    measured: Collection[int] = (),
    ceiling: float = 1e6,
) -> Log:
    """Kernel: train a batch of networks side by side, every matrix by one rule at a fixed step size.

        M <- momentum M + c grad,   W <- W - rate X(M)        for every matrix; Adam at `others_rate` for the rest

    network      has `shapes` and `loss_and_gradient(parameters, *data)`.
    parameters   where to start; batch axes broadcast with those of `rate`.
    batch        step -> data; where the runs see different data, with leading axes, one item a run.
    rule         what X is, as in `dynamics.descend`; "gd" with momentum is SGD as it is used.
    rate         (...) step sizes, one a run.
    loss_scale   c: the loss is multiplied by it (the losses that come back are not).
    checkpoints  the steps before which to keep the parameters; the end is always kept.
    measured     the steps at which `StepMeasures` are taken: two gradients a matrix, and two for all.
    ceiling      a run whose loss is above it stays where it is from then on.

    Raises ValueError for an unknown rule, steps below 1, a rate, momentum or scale out of range.
    """
    check_rule(rule)
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps must be an integer >= 1, got {steps!r}")
    if not 0.0 <= momentum < 1.0:
        raise ValueError(f"momentum must be in [0, 1), got {momentum!r}")
    check_double(rate=rate)
    check_positive(rate=rate, others_rate=others_rate, loss_scale=loss_scale)
    xp = array_namespace(rate)
    matrices = [name for name, shape in network.shapes.items() if len(shape) == 2]
    now = {name: parameters[name] + 0.0 * _lifted(rate, len(shape)) for name, shape in network.shapes.items()}
    state = {name: (0.0 * value, 0.0 * value) for name, value in now.items()}
    losses, kept, log = [], {}, {}
    for step in range(steps):
        if step in checkpoints:
            kept[step] = dict(now)
        data = batch(step)
        loss, gradient = network.loss_and_gradient(now, *data)
        losses.append(loss)
        going = loss <= ceiling
        after, moves = {}, {}
        for name, shape in network.shapes.items():
            slope, (first, second) = loss_scale * gradient[name], state[name]
            if name in matrices:
                first = momentum * first + slope
                moves[name] = direction(rule, first)
                new = now[name] - _lifted(rate, 2) * moves[name]
            else:
                new, first, second = adam_step(now[name], slope, first, second, step + 1, others_rate)
            after[name] = xp.where(_lifted(going, len(shape)), new, now[name])
            state[name] = first, second
        if step in measured:
            buffers = {name: state[name][0] for name in matrices}
            log[step] = _measures(network, now, gradient, buffers, moves, data, rate)
        now = after
    return Log(Training(xp.stack(losses, axis=-1), {**kept, steps: now}), log)


def _measures(
    network: Any,
    parameters: Mapping[str, Array],
    gradient: Mapping[str, Array],
    buffers: Mapping[str, Array],
    moves: Mapping[str, Array],
    data: tuple[Array, ...],
    rate: Array,
) -> dict[str, StepMeasures]:
    """From the gradient of the loss as it is: a multiple of the loss cancels in eta_exact, for a given X."""
    xp = array_namespace(rate)

    def slope_and_curvature(names: Collection[str]) -> tuple[Array, Array]:
        """<G, X> and <X, H[X]> along these matrices' moves."""
        length = xp.sqrt(sum(_inner(xp, moves[name], moves[name]) for name in names))
        reach = REACH / xp.where(length > 0.0, length, 1.0)
        ends = []
        for sign in (1.0, -1.0):
            moved = {
                name: parameters[name] + sign * _lifted(reach, 2) * moves[name]
                if name in names
                else parameters[name]
                for name in parameters
            }
            ends.append(network.loss_and_gradient(moved, *data)[1])
        along = sum(_inner(xp, gradient[name], moves[name]) for name in names)
        bent = sum(_inner(xp, ends[0][name] - ends[1][name], moves[name]) for name in names)
        return along, bent / (2.0 * reach)

    def share(along: Array, bent: Array) -> Array:
        return rate * bent / xp.where(along == 0.0, float("inf"), 2.0 * along)

    joint = share(*slope_and_curvature(list(moves)))
    found = {}
    for name, X in moves.items():
        s, phi = xp.linalg.svdvals(gradient[name]), xp.linalg.svdvals(X)
        buffer = xp.linalg.svdvals(buffers[name])
        total = xp.sum(s, axis=-1)
        along, bent = slope_and_curvature([name])
        size = _inner(xp, X, X)
        found[name] = StepMeasures(
            average=total / s.shape[-1],
            largest=s[..., 0],
            nuclear_rank=nuclear_rank(s),
            stable_rank=stable_rank(s),
            spread=condition_number(buffer) * xp.sqrt(stable_rank(buffer)),
            lowest=phi[..., -1],
            highest=phi[..., 0],
            alignment=along / xp.where(total > 0.0, total, 1.0),
            curvature=bent / xp.where(size > 0.0, size, 1.0),
            share=share(along, bent),
            joint_share=joint,
        )
    return found


def _inner(xp: Any, X: Array, Y: Array) -> Array:
    return xp.sum(X * Y, axis=(-2, -1))


def _lifted(x: Array, axes: int) -> Array:
    """One number a run, with axes of length 1 where a parameter has its own."""
    return x[(..., *[None] * axes)]
