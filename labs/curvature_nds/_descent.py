"""The loop under `descend` and `descend_dense`: what to step on, how long the steps are, and what happened."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labs.core.arrays import Array, array_namespace, check_finite, check_nonnegative, device

Number = Any
Rule = Callable[[Array, Array], Array]  # from the residual over a scale, and that scale, to the update

STEPS = ("line-search", "halving", "matched-norm")
# Exponents of two beyond +-LARGEST are cut there: up to it numbers stay normal.
LARGEST = 1000.0


@dataclass(frozen=True)
class Trajectory:
    """What happened at each step; batch axes first.

    loss         (..., steps + 1) above the minimum, index 0 the start; 0 where it underflows
    nds          (..., steps) normalised directional sharpness of the update; NaN at the minimum, where there is none
    update_norm  (..., steps) Frobenius norm of the update, step length included
    log_loss     (..., steps + 1) logarithm of the loss, which does not underflow; -inf at the minimum
    """

    loss: Array
    nds: Array
    update_norm: Array
    log_loss: Array


@dataclass(frozen=True)
class Problem:
    """What to step on: the residual is unit * curve(D); `axes` are summed over, the others are the batch.

    unit    a power of two for each item, so that curve is of order one
    rule    from the residual over a scale, and that scale, to the update
    linear  whether the update is over the scale too (else it is absolute)
    landed  (new D, old D) -> where the new one is 0 but for rounding
    """

    curve: Callable[[Array], Array]
    unit: Array
    rule: Rule
    linear: bool
    axes: tuple[int, ...]
    landed: Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Lengths:
    """How long the steps are: the arguments `step` and `norm`, and max |d_i(0)| for "halving"."""

    step: str | Number
    norm: Number | None
    longest: Array


def run(D: Array, on: Problem, lengths: Lengths, steps: int) -> Trajectory:
    """Steps from D, kept as D times 2^exponent with a largest entry between 1 and 2; curvatures are over `unit`."""
    kind = _kind_of_steps(steps, lengths, on.linear)
    xp = array_namespace(D)

    def inner(x: Array, y: Array) -> Array:
        return xp.sum(x * y, axis=on.axes)

    def spread(x: Array) -> Array:
        return x[(..., *[None] * len(on.axes))]

    for given in (lengths.step, lengths.norm):
        if getattr(given, "shape", ()):  # its batch counts too
            D = D + spread(xp.zeros_like(_at(given, 0)))
    exponent = xp.zeros_like(xp.max(D, axis=on.axes))
    flat = exponent > 0.0
    losses, logs, sharpness, norms = [], [], [], []
    for t in range(steps + 1):
        size = xp.max(xp.abs(D), axis=on.axes)
        shift = xp.floor(xp.log2(xp.where(size > 0.0, size, 1.0)))
        D, exponent = D * spread(2.0**-shift), exponent + shift
        R = on.curve(D)
        loss, log_loss = _scaled(inner(D, R) / 2.0, exponent)
        losses.append(on.unit * loss)
        logs.append(xp.log(on.unit) + log_loss)
        if t == steps:
            break
        scale = _power(exponent)
        Z = on.rule(R, on.unit * scale)
        squares, curvature = inner(Z, Z), inner(Z, on.curve(Z))
        # `length` is in units that make length * Z a displacement over `scale`.
        if kind == "line-search":
            flat = flat | ((squares > 0.0) & ~(curvature > 0.0))
            length = over(inner(R, Z), curvature)
        elif kind == "halving":
            length = lengths.longest * _power(-exponent - (t + 1.0))
        elif kind == "matched-norm":
            if lengths.norm is None:
                energy = inner(R, R)
                wanted = over(energy, inner(R, on.curve(R))) * xp.sqrt(energy)
            else:
                wanted = _at(lengths.norm, t) / scale
            length = over(wanted, xp.sqrt(squares))
        else:
            length = _at(lengths.step, t) * (on.unit + 0.0 * scale if on.linear else 1.0 / scale)
        moved = D - spread(length) * Z
        D = xp.where(on.landed(moved, D), 0.0, moved)
        sharpness.append(xp.where(squares > 0.0, on.unit * over(curvature, squares), math.nan))
        norms.append(xp.abs(length) * xp.sqrt(squares) * scale)
    if bool(xp.any(flat)):
        raise ValueError(
            "A and B must give every update a positive curvature for the line search, got one that has none"
        )
    empty = xp.zeros((*exponent.shape, 0), dtype=D.dtype, device=device(D))
    columns = [xp.stack(rows, axis=-1) if rows else empty for rows in (losses, sharpness, norms, logs)]
    return Trajectory(*columns)


def power_of_two(size: Array) -> Array:
    """The power of two at or below a positive number; 1 for 0."""
    xp = array_namespace(size)
    return 2.0 ** xp.floor(xp.log2(xp.where(size > 0.0, size, 1.0)))


def _power(exponent: Array) -> Array:
    """2^exponent, for exponents up to LARGEST."""
    xp = array_namespace(exponent)
    low = xp.where(exponent < -LARGEST, -LARGEST, exponent)
    return 2.0 ** xp.where(low > LARGEST, LARGEST, low)


def over(x: Array, y: Array) -> Array:
    """x/y, and 0 where y = 0."""
    xp = array_namespace(x, y)
    defined = y != 0.0
    return xp.where(defined, x, 0.0) / xp.where(defined, y, 1.0)


def _at(values: Number, t: int) -> Number:
    """What `values`, a number or an array with a last axis of steps (or of length 1), gives for step t."""
    if not getattr(values, "shape", ()):
        return values
    return values[..., t if values.shape[-1] > 1 else 0]


def _scaled(loss: Array, exponent: Array) -> tuple[Array, Array]:
    """loss * 4^exponent, and its logarithm."""
    xp = array_namespace(loss)
    positive = loss > 0.0
    log = xp.where(positive, xp.log(xp.where(positive, loss, 1.0)), -math.inf)
    log = xp.where(loss < 0.0, math.nan, log)
    finite = exponent <= LARGEST / 2
    root = _power(xp.where(finite, exponent, 0.0))
    value = xp.where(positive & ~finite, math.inf, loss * root * root)
    return value, log + 2.0 * math.log(2.0) * exponent


def _kind_of_steps(steps: int, lengths: Lengths, linear: bool) -> str:
    """The name of the step rule, "given" for lengths; raises ValueError for bad arguments."""
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 0:
        raise ValueError(f"steps must be an integer >= 0, got {steps!r}")
    step, norm = lengths.step, lengths.norm
    kind = step if isinstance(step, str) else "given"
    if isinstance(step, str):
        allowed = STEPS[:1] + STEPS[2:] if linear else STEPS
        if step not in allowed:
            raise ValueError(f"step must be one of {allowed}, a number or an array, got {step!r}")
    else:
        _check_lengths(steps, step=step)
    if norm is not None:
        if kind != "matched-norm":
            raise ValueError(f"norm must be None unless step is 'matched-norm', got {norm!r} for {step!r}")
        check_nonnegative(norm=norm)
        _check_lengths(steps, norm=norm)
    return kind


def _check_lengths(steps: int, **named: Number) -> None:
    check_finite(**named)
    for name, values in named.items():
        shape = tuple(getattr(values, "shape", ()))
        if shape and shape[-1] not in (1, steps):
            raise ValueError(
                f"{name} must be a number or an array (..., 1) or (..., {steps}), got shape {shape}"
            )
