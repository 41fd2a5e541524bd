"""The memory as it is: any frequencies, any embeddings, every optimiser, a batch of runs side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from labs.associative_memory._memory import check_memory, read
from labs.associative_memory._rules import RULES, direction
from labs.associative_memory.memory import losses
from labs.core.arrays import (
    Array,
    array_namespace,
    check_double,
    check_finite,
    check_nonnegative,
    check_positive,
    check_shape,
    device,
)

__all__ = ["RULES", "Trajectory", "simulate"]

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
    stream     where these pairs come from; all runs of a call get the same uniform numbers, so that a run does not
               depend on the others
    start      W_0, (..., e, d), default 0
    depth      steps of the polynomial rules
    dead_zone  "signgd": entries up to this share of the largest are zeros.  In rotated coordinates a gradient that
               vanishes comes out as 1e-17, and its sign would count in full
    last       keep the end only: axes of time have one entry

    The polar factor: 1^T G = 0, so that G has a left null vector, and Et 1/|Et 1| is one of Et G E^T if Et is square
    and orthogonal.  It is taken out, and the factor has rank K - 1.  In other embeddings, and for batches of pairs,
    singular values below max(e, d) eps of the largest count as zeros.
    Cost of a step: K^2 exponentials, 2 K^2 with noise; Muon a singular value decomposition, the polynomials 3
    products a step of theirs, embeddings 4 products.  Raises ValueError for arguments of other shapes or values.
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

    # All batch axes from the beginning.
    runs: tuple[int, ...] = p.shape[:-1]
    for x, core in ((alpha, 0), (eta, 0), (schedule, 1), (E, 2), (Et, 2), (start, 2)):
        if x is not None and not isinstance(x, int | float):
            runs = np.broadcast_shapes(runs, x.shape[: x.ndim - core])
    p = xp.broadcast_to(p, (*runs, K))
    alpha = xp.broadcast_to(xp.asarray(alpha, dtype=xp.float64, device=home), runs)
    W = xp.zeros((*runs, *shape), dtype=xp.float64, device=home)
    W = W if start is None else W + start
    noisy = bool(xp.any(alpha > 0.0))  # without noise the spread of the wrong logits costs nothing
    null = None if batch is not None else _null(Et, K, xp, home)
    in_task_basis = E is None and Et is None
    V = xp.zeros_like(W)
    record = _Record(xp, p, alpha, last)
    for step in range(steps + 1):
        logits = _between(Et, W, E)
        now = read(logits, p, alpha, spread=noisy and (not last or step == steps))
        record.add(now.margins, now.spread, end=step == steps)
        if step == steps:
            break
        G = now.gradient
        if batch is not None and stream is not None:
            G = _sampled(G, p, alpha, batch, stream)
        G = _outside(Et, G, E)
        V = momentum * V + G if momentum else G
        rate = eta if schedule is None else eta * schedule[..., step]
        rate = rate if isinstance(rate, int | float) else rate[..., None, None]
        W = W - rate * direction(rule, V, null, in_task_basis, depth, dead_zone)
    return Trajectory(*record.results(), logits, W)


class _Record:
    """Margins and spreads as they come, losses made of them a block at a time."""

    def __init__(self, xp: Any, p: Array, alpha: Array, last: bool) -> None:
        self.xp, self.p, self.alpha, self.last = xp, p, alpha, last
        self.waiting: list[tuple[Array, Array]] = []
        self.blocks: list[tuple[Array, Array, Array, Array]] = []

    def add(self, margins: Array, spread: Array, *, end: bool) -> None:
        if self.last and not end:
            return
        self.waiting.append((margins, spread))
        if end or len(self.waiting) == BLOCK:
            stacked, spreads = (self.xp.stack(part, axis=-2) for part in zip(*self.waiting, strict=True))
            found = losses(stacked, spreads, self.p[..., None, :], self.alpha[..., None])
            self.blocks.append((found.loss, found.excess, stacked, found.item_loss))
            self.waiting = []

    def results(self) -> tuple[Array, Array, Array, Array]:
        """Loss, excess, margins and item losses at all the times that are kept."""
        axes = (-1, -1, -2, -2)
        parts = zip(*self.blocks, strict=True)
        loss, excess, margins, items = (
            self.xp.concat(part, axis=axis) for part, axis in zip(parts, axes, strict=True)
        )
        return loss, excess, margins, items


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


def _sampled(G: Array, p: Array, alpha: Array, batch: int, stream: np.random.Generator) -> Array:
    """The gradient of `batch` pairs, (Phat - P)_ij n_j/batch + (P_ij n_j - n_ij)/batch: n_ij pairs (j, i), n_j of j.

    The second term is 0 without noise, so that small residuals keep their relative accuracy.
    """
    xp, home, K = array_namespace(G), device(G), G.shape[-1]
    noise = alpha[..., None, None]
    above = xp.cumulative_sum(p, axis=-1)
    above = above / above[..., -1:]
    below = xp.concat([xp.zeros_like(above[..., :1]), above[..., :-1]], axis=-1)
    which, true, other = (xp.asarray(u, device=home)[:, None] for u in stream.random((3, batch)))
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
