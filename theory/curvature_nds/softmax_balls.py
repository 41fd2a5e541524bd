"""One step of softmax regression in Arb balls, from its definition: the decrease, and what its bounds are made of."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from theory.curvature_nds.balls import ball

Ball = Any
Rows = Sequence[Sequence[Fraction]]


class Sample(NamedTuple):
    """One sample: loss before minus loss after, slope of that decrease, variance, and range of the change."""

    decrease: Ball
    gain: Ball
    variance: Ball
    width: Ball


def sample(logits: Sequence[Fraction], change: Sequence[Fraction], label: int) -> Sample:
    """The logits go from z to z - u."""
    z, u = [ball(x) for x in logits], [ball(x) for x in change]

    def loss(values: Sequence[Ball]) -> Ball:
        return _sum([x.exp() for x in values]).log() - values[label]

    weights = [x.exp() for x in z]
    shares = [w / _sum(weights) for w in weights]
    mean = _sum([p * x for p, x in zip(shares, u, strict=True)])
    variance = _sum([p * (x - mean) ** 2 for p, x in zip(shares, u, strict=True)])
    moved = [x - y for x, y in zip(z, u, strict=True)]
    return Sample(loss(z) - loss(moved), mean - u[label], variance, ball(max(change) - min(change)))


def mean(values: Sequence[Ball]) -> Ball:
    return _sum(values) / len(values)


def psi(x: Ball) -> Ball:
    """(e^x - 1 - x)/x^2 = 1F1(1; 3; x)/2, which has no hole at 0."""
    from flint import arb

    return x.hypgeom_1f1(arb(1), arb(3)) / 2


def _sum(values: Sequence[Ball]) -> Ball:
    return sum(values[1:], start=values[0])
