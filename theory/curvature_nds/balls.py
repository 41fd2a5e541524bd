"""Line search on power laws in Arb balls: losses of Muon and of GD, step by step, certain to the last digit.

The spectrum is w_i = i^(-c) with the gradient w_i^beta.  Muon is its map u <- |u - E u| (NDS-X5.a).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

Ball = Any


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Within this context balls have `bits` binary digits."""
    from flint import ctx

    before, ctx.prec = ctx.prec, bits
    try:
        yield
    finally:
        ctx.prec = before


def ball(x: Fraction | int) -> Ball:
    """A ball around a fraction."""
    from flint import arb, fmpq

    x = Fraction(x)
    return arb(fmpq(x.numerator, x.denominator))


def power_law(q: int, decay: Fraction, alignment: Fraction) -> tuple[list[Ball], list[Ball]]:
    """w and sigma."""
    w = [ball(i) ** -ball(decay) for i in range(1, q + 1)]
    return w, [x ** ball(alignment) for x in w]


def muon_losses(w: Sequence[Ball], sigma: Sequence[Ball]) -> Iterator[Ball]:
    """Phi_0, Phi_1, ... of Muon."""
    trace = sum(w[1:], start=w[0])
    u = [s / x for s, x in zip(sigma, w, strict=True)]
    while True:
        yield _inner(w, [x * x for x in u]) / 2
        mean = _inner(w, u) / trace
        u = [abs(x - mean) for x in u]


def gd_losses(w: Sequence[Ball], sigma: Sequence[Ball]) -> Iterator[Ball]:
    """Phi_0, Phi_1, ... of GD."""
    d = [s / x for s, x in zip(sigma, w, strict=True)]
    while True:
        r = [x * y for x, y in zip(w, d, strict=True)]
        yield _inner(d, r) / 2
        squares = [x * x for x in r]
        eta = sum(squares[1:], start=squares[0]) / _inner(w, squares)
        d = [x - eta * y for x, y in zip(d, r, strict=True)]


def margins(q: int, decay: Fraction, alignment: Fraction, steps: int) -> list[Ball]:
    """Phi_T(GD) - Phi_T(Muon) over Phi_T(GD), for T = 0, ..., steps, at the precision that is set."""
    w, sigma = power_law(q, decay, alignment)
    pairs = zip(gd_losses(w, sigma), muon_losses(w, sigma), strict=True)
    return [1 - muon / gd for _, (gd, muon) in zip(range(steps + 1), pairs, strict=False)]


def _inner(x: Sequence[Ball], y: Sequence[Ball]) -> Ball:
    total = x[0] * y[0]
    for a, b in zip(x[1:], y[1:], strict=True):
        total += a * b
    return total
