"""The memory as it is: any frequencies, any embeddings, every optimiser, a batch of runs side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from labs.associative_memory._memory import check_memory, read
from labs.associative_memory._rules import RULES, direction
from labs.associative_memory.memory import Losses, losses
from labs.core.arrays import (
    Array,
    array_namespace,
    check_double,
    check_finite,
    check_nonnegative,
    check_positive,
    check_shape,
    device,
    on_host,
)

__all__ = ["RULES", "Trajectory", "simulate"]

# NumPy: numbers of the matrices that are taken through a run together, so that they stay in the processor's cache.
CHUNK = 65536
# Margins of so many steps are turned into losses at a time.
BLOCK = 64
# Embeddings whose Gram matrix is this near a multiple of the identity count as orthogonal.
ORTHOGONAL = 1e-10


@dataclass(frozen=True)
class Trajectory:
    """What a run leaves, for each item of the batch; times t = 0 (the start) to `steps`.

    loss       (..., steps + 1), L
    excess     (..., steps + 1), L - L*, accurate where it is far below the rounding of L
    margins    (..., steps + 1, K), m_j = logit_jj - log mean_{i != j} exp(logit_ij)
    item_loss  (..., steps + 1, K), L_j
    logits     (..., K, K), What at the end: column j belongs to query j
    weights    (..., e, d), W at the end; equal to `logits` without embeddings
    """

    loss: Array
    excess: Array
    margins: Array
    item_loss: Array
    logits: Array
    weights: Array


def simulate(
    p: Array,
    alpha: float | Array,
    eta: float | Array,
    steps: int,
    rule: str,
    *,
    schedule: Array | None = None,
    queries: Array | None = None,
    answers: Array | None = None,
    momentum: float = 0.0,
    batch: int | None = None,
    stream: np.random.Generator | None = None,
    start: Array | None = None,
    depth: int = 5,
    dead_zone: float = 1e-12,
    last: bool = False,
) -> Trajectory:
    """Kernel: run an optimiser on L(W) = sum_j p_j L_j, with logits What = Et^T W E, a batch of runs side by side.

        G = (Phat - P) diag(p),   V <- momentum V + Et G E^T,   W <- W - eta_t X(V)

    p          (..., K) frequencies of the queries, not negative, of sum 1 (to 1e-12); K >= 2
    alpha      label noise in [0, 1], a number or (...)
    eta        step size > 0, a number or (...)
    rule       what X is, one of RULES: "gd" (V), "ngd" (V/|V|_F), "signgd" (sgn V), "tra-signgd" (sgn V in the task
               basis, so without embeddings), "muon" (msgn V), "muon-ns5", "polar-express" (polynomials of V/|V|_F)
    schedule   (..., steps): eta_t = eta schedule[..., t]; default 1
    queries    E, (..., d, K), default the identity; its columns are the embeddings of the queries
    answers    Et, (..., e, K), likewise; W is then (..., e, d)
    batch      None: full gradients.  B: gradients of B pairs a step, query j with p_j, its answer with P_ij
    stream     where these pairs come from, 3 B uniform numbers a step, drawn before the first one; all runs of a call
               get the same, so that a run does not depend on the others
    start      W_0, (..., e, d), default 0
    depth      steps of the polynomial rules
    dead_zone  "signgd": entries up to this share of the largest are zeros.  In rotated coordinates a gradient that
               vanishes comes out as 1e-17, and its sign would count in full
    last       keep the end only: axes of time have one entry

    The polar factor: 1^T G = 0, so that G has a left null vector, and Et 1/|Et 1| is one of Et G E^T if Et is square
    and orthogonal.  It is taken out, and the factor has rank K - 1.  In other embeddings, and for batches of pairs,
    singular values below max(e, d) eps of the largest count as zeros.
    Cost of a step: K^2 exponentials, 2 K^2 with noise; Muon a polar factor (`graded_polar`; on a device products),
    the polynomials 3 products a step of theirs, embeddings 4 products.
    Raises ValueError for arguments of other shapes or values.
    Source: Li et al. 2026, the model; batches, momentum and embeddings of other kinds are additions.
    """
    check_memory(p, alpha)
    _check_choices(steps, rule, momentum, batch, stream, depth, dead_zone)
    xp, home, K = array_namespace(p), device(p), p.shape[-1]
    check_positive(eta=eta)
    if schedule is not None:
        check_shape((steps,), schedule=schedule)
        check_nonnegative(schedule=schedule)
    E, Et = _embeddings(rule, K, queries=queries, answers=answers)
    shape = (K if Et is None else Et.shape[-2], K if E is None else E.shape[-2])
    if start is not None:
        check_shape(shape, start=start)
        check_double(start=start)
        check_finite(start=start)

    # All batch axes from the beginning, then as one; a matrix that all runs share stays alone.
    alpha, eta = (xp.asarray(x, dtype=xp.float64, device=home) for x in (alpha, eta))
    given = ((p, 1), (alpha, 0), (eta, 0), (schedule, 1), (E, 2), (Et, 2), (start, 2))
    runs = np.broadcast_shapes(*(x.shape[: x.ndim - core] for x, core in given if x is not None))
    count = math.prod(runs)
    flat: list[Any] = [_flat(x, core, runs) for x, core in given]
    draws = None
    if batch is not None and stream is not None:
        draws = xp.asarray(stream.random((steps, 3, batch)), device=home)

    def together(part: slice) -> tuple[Array, ...]:
        """(margins, spread, logits, W) of some of the runs, from the first step to the last."""
        inputs = (
            x if x is None or x.ndim == core else x[part, ...]
            for x, (_, core) in zip(flat, given, strict=True)
        )
        p, alpha, eta, schedule, E, Et, start = inputs
        W = xp.zeros((*p.shape[:-1], *shape), dtype=xp.float64, device=home)
        if start is not None:
            W += start
        noisy = bool(xp.any(alpha > 0.0))
        null = None if batch is not None else _null(Et, K, xp, home)
        V = None
        margins, spread = [], []
        for step in range(steps + 1):
            logits = _between(Et, W, E)
            end = step == steps
            now = read(logits, p, alpha, noisy=noisy, spread=noisy and (end or not last))
            if end or not last:
                margins.append(now.margins)
                spread.append(now.spread)
            if end:
                break
            G = now.gradient if draws is None else _sampled(now.gradient, p, alpha, draws[step, ...])
            G = _outside(Et, G, E)
            V = G if V is None or not momentum else momentum * V + G
            X, factor = direction(rule, V, null, E is None and Et is None, depth, dead_zone)
            rate = eta if schedule is None else eta * schedule[..., step]
            W -= rate[..., None, None] * factor * X
        return xp.stack(margins, axis=-2), xp.stack(spread, axis=-2), logits, W

    size = max(1, count)
    if on_host(xp):
        size = max(1, CHUNK // K**2)
    parts = [together(slice(i, min(i + size, count))) for i in range(0, max(1, count), size)]
    margins, spread, logits, W = (
        part[0] if len(parts) == 1 else xp.concat(part, axis=0) for part in zip(*parts, strict=True)
    )
    found = _losses(margins, spread, flat[0], flat[1])
    results = (found.loss, found.excess, margins, found.item_loss, logits, W)
    return Trajectory(*(xp.reshape(x, (*runs, *x.shape[1:])) for x in results))


def _losses(margins: Array, spread: Array, p: Array, alpha: Array) -> Losses:
    """`losses` at all times, a block of them after the other: (b, times, K), p (b, K), alpha (b,)."""
    xp, times = array_namespace(margins), margins.shape[-2]
    blocks = [slice(i, min(i + BLOCK, times)) for i in range(0, times, BLOCK)]
    found = [losses(margins[:, i, :], spread[:, i, :], p[:, None, :], alpha[:, None]) for i in blocks]
    return Losses(*(xp.concat([getattr(x, f.name) for x in found], axis=1) for f in fields(Losses)))


def _flat(x: Array | None, core: int, runs: tuple[int, ...]) -> Array | None:
    """x with one batch axis for all of `runs`; matrices without batch axes as they are."""
    if x is None or (core == 2 and x.ndim == 2):
        return x
    xp, end = array_namespace(x), x.shape[x.ndim - core :]
    return xp.reshape(xp.broadcast_to(x, (*runs, *end)), (math.prod(runs), *end))


def _between(Et: Array | None, W: Array, E: Array | None) -> Array:
    """Et^T W E."""
    W = W if Et is None else Et.mT @ W
    return W if E is None else W @ E


def _outside(Et: Array | None, G: Array, E: Array | None) -> Array:
    """Et G E^T."""
    G = G if Et is None else Et @ G
    return G if E is None else G @ E.mT


def _null(Et: Array | None, K: int, xp: Any, home: Any) -> Array | None:
    """The left null vector of Et G E^T, where 1^T G = 0 gives one."""
    ones = xp.full((K,), 1.0 / math.sqrt(K), dtype=xp.float64, device=home)
    if Et is None:
        return ones
    if Et.shape[-2] != K:
        return None
    gram = Et.mT @ Et
    square = xp.sum(Et * Et, axis=(-2, -1))[..., None, None] / K
    eye = xp.eye(K, dtype=xp.float64, device=home)
    if not bool(xp.all(xp.abs(gram - square * eye) <= ORTHOGONAL * square)):
        return None
    return (Et @ ones) / xp.sqrt(square[..., 0])


def _sampled(G: Array, p: Array, alpha: Array, draws: Array) -> Array:
    """The gradient of the pairs that `draws` (3, batch) give, n_ij pairs (j, i), n_j of j:

        (Phat - P)_ij n_j/batch + (P_ij n_j - n_ij)/batch

    The second term is 0 without noise, so that small residuals keep their relative accuracy.
    """
    xp, home, K, batch = array_namespace(G), device(G), G.shape[-1], draws.shape[-1]
    noise = alpha[..., None, None]
    above = xp.cumulative_sum(p, axis=-1)
    above = above / above[..., -1:]
    below = xp.concat([xp.zeros_like(above[..., :1]), above[..., :-1]], axis=-1)
    which, true, other = (draws[i, :, None] for i in range(3))
    query = xp.astype((which >= below[..., None, :]) & (which < above[..., None, :]), xp.float64)
    any_answer = xp.astype(xp.floor(K * other) == xp.arange(K, dtype=xp.float64, device=home), xp.float64)
    answer = xp.where(true < 1.0 - noise, query, any_answer)
    pairs = answer.mT @ query / batch
    share = xp.sum(pairs, axis=-2)
    target = (1.0 - noise) * xp.eye(K, dtype=xp.float64, device=home) + noise / K
    weight = xp.where(p > 0.0, share / xp.where(p > 0.0, p, 1.0), 0.0)
    return G * weight[..., None, :] + (target * share[..., None, :] - pairs)


def _embeddings(rule: str, K: int, **given: Array | None) -> list[Array | None]:
    for name, x in given.items():
        if x is None:
            continue
        if rule == "tra-signgd":
            raise ValueError(
                f"{name} must be None for tra-signgd, which works in the task basis, got an array"
            )
        check_shape((None, K), **{name: x})
        check_double(**{name: x})
        check_finite(**{name: x})
    return list(given.values())


def _check_choices(
    steps: int,
    rule: str,
    momentum: float,
    batch: int | None,
    stream: np.random.Generator | None,
    depth: int,
    dead_zone: float,
) -> None:
    if rule not in RULES:
        raise ValueError(f"rule must be one of {RULES}, got {rule!r}")
    counts = (("steps", steps, 0), ("depth", depth, 1), ("batch", 1 if batch is None else batch, 1))
    for name, count, least in counts:
        if isinstance(count, bool) or not isinstance(count, int) or count < least:
            raise ValueError(f"{name} must be an integer >= {least}, got {count!r}")
    if not 0.0 <= momentum < 1.0:
        raise ValueError(f"momentum must be in [0, 1), got {momentum!r}")
    if not 0.0 <= dead_zone < 1.0:
        raise ValueError(f"dead_zone must be in [0, 1), got {dead_zone!r}")
    if (batch is None) != (stream is None):
        raise ValueError(
            f"stream must be given if and only if batch is, got batch = {batch!r}, stream = {stream!r}"
        )
