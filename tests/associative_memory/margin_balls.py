"""Gradient descent on a margin in Arb balls: rational parameters, enclosures of the exact run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

# A step widens the ball of a margin by a factor of at most 1 + h K/(4 (K - 1)) <= 2^2 for the steps used here.
BITS_PER_STEP = 2


@contextmanager
def bits(steps: int) -> Iterator[None]:
    """A precision in which a run of so many steps keeps 64 bits."""
    from flint import ctx

    before = ctx.prec
    ctx.prec = 96 + BITS_PER_STEP * steps
    try:
        yield
    finally:
        ctx.prec = before


def ball(x: Fraction | int) -> Any:
    from flint import arb, fmpq

    x = Fraction(x)
    return arb(fmpq(x.numerator, x.denominator))


def peak(K: int, alpha: Fraction) -> Fraction:
    return 1 - alpha + alpha / K


def best(K: int, alpha: Fraction) -> Any:
    """m*."""
    return ball(K * peak(K, alpha) / alpha).log()


def drift(m: Any, K: int, alpha: Fraction) -> Any:
    return K / (m.exp() + K - 1) - ball(alpha)


def loss(m: Any, K: int, alpha: Fraction) -> Any:
    """log(e^m + K - 1) - pi m."""
    return (m.exp() + K - 1).log() - ball(peak(K, alpha)) * m


def excess(m: Any, K: int, alpha: Fraction) -> Any:
    """What the loss exceeds its least value by; that is 0 without noise."""
    return loss(m, K, alpha) - (loss(best(K, alpha), K, alpha) if alpha else 0)


def potential(m: Any, K: int) -> Any:
    return m.exp() - 1 + (K - 1) * m


def margins(steps: Sequence[Fraction], K: int, alpha: Fraction) -> list[Any]:
    """The margins from 0 along steps of these sizes eta_t p."""
    found = [ball(0)]
    for h in steps:
        found.append(found[-1] + ball(h) * drift(found[-1], K, alpha))
    return found
