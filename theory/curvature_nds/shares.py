"""How much of a box of parameters each region of the phase diagram fills, enclosed in balls.

The box: alpha, ln rho, ln s uniform on (0, 1/2) x (0, ln 100) x (0, ln 20).  There a < 1 < s, so that Muon's first
step is the better one for rho > rho_1 and its late rate for rho_lo < rho < rho_hi (NDS-T2a, T2b).  At given s these
are quotients of products of linear functions of alpha, whose logarithms are integrated by hand.  The ends are
algebraic:

    rho_lo < 100 for a > c_lo, rho_hi < 100 for a > c_hi     (quadratics, below)
    rho_1 < 100 in the whole box
    rho_lo < rho_1 for a > 1/s                               (NDS-T2c.c)
    rho_hi < rho_1 for a > c,  s^2 (s + 1) c^2 - 4 s (s - 1) c - (s + 1) = 0.

What is left is one integral over ln s of an analytic function, by Arb.  Where rho_hi or region III are involved it
begins at s = 1.01, because c_hi, c and 1/s all tend to 1 with s; below, the ends of the integrand are enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

Ball = Any
Linear = tuple[Ball, Ball]  # (1 - alpha) times the first plus alpha times the second

LARGEST_RHO, LARGEST_S = 100, 20
PIECES = 32


def rho_1(s: Ball) -> tuple[Sequence[Linear], Sequence[Linear]]:
    """Factors above and below of rho_1: D = 0, which is linear in rho."""
    return [(2 * s, s * s * (1 + s))], [(1 + s, 2 * s * s)]


def late(s: Ball, sign: int) -> tuple[Sequence[Linear], Sequence[Linear]]:
    """Of rho_lo (sign 1) and rho_hi (sign -1): (1 + 2 sign a s + x)/(a (1 + 2 sign s + x))."""
    return [(1, sign * 2 * s + s * s), (1, 0)], [(0, 1), (1 + sign * 2 * s, s * s)]


def positive_root(a: Ball, b: Ball, c: Ball) -> Ball:
    """Of a quadratic with a > 0 > c, in the form that does not cancel."""
    root = (b * b - 4 * a * c).sqrt(analytic=True)
    return -2 * c / (root + b) if b.real > 0 else (root - b) / (2 * a)


def cap(s: Ball, sign: int) -> Ball:
    """c_lo, c_hi: the a > 0 where rho_lo or rho_hi is 100."""
    top = LARGEST_RHO
    return positive_root(top * s * s, top * (1 + sign * 2 * s) - sign * 2 * s - s * s, -1)


def meeting(s: Ball) -> Ball:
    """The a > 0 where rho_hi = rho_1."""
    return positive_root(s * s * (s + 1), -4 * s * (s - 1), -(s + 1))


def shares() -> dict[int, Ball]:
    """The shares of the regions 1, 2, 3, 4."""
    from flint import acb

    top, widest, half = acb(LARGEST_RHO).log(), acb(LARGEST_S).log(), acb(1) / 2
    near = acb("1.01").log()

    def mean(length: Callable[[Ball], Ball], ends: Callable[[Ball], Ball] | None = None) -> Ball:
        """Over the box, in units of ln 100; alpha has the density 2.  `ends`: an enclosure for s near 1."""
        start = near if ends else acb(0)
        total = acb.integral(lambda v, _: length(v.exp()), start, widest, rel_tol=1e-7, abs_tol=1e-7)
        if ends:
            cuts = [near * k / PIECES for k in range(PIECES + 1)]
            total += sum((y - x) * ends(x.union(y).exp()) for x, y in pairwise(cuts))
        return (2 * total / (top * widest)).real

    def upper(s: Ball, a: Ball, rho: Ball) -> Ball:
        """The integral of ln rho_hi from a, where it is ln rho, to 1."""
        alpha = _alpha(a)
        above, (first, _) = late(s, -1)
        # The other factor without cancellation: from rho_hi = rho at a, and (1 - s)^2/2 at 1.
        ends = (1 - alpha) * (1 + a * s * (s - 2)) / (a * rho), (s - 1) ** 2 / 2
        return _over_alpha((above, [first]), alpha, half) - (half - alpha) * _mean_log(*ends)

    def capped_lower(s: Ball) -> Ball:
        start = _alpha(cap(s, 1))
        return top * start + _over_alpha(late(s, 1), start, half)

    def capped_upper(s: Ball) -> Ball:
        a = cap(s, -1)
        return top * _alpha(a) + upper(s, a, LARGEST_RHO)

    def third(s: Ball) -> Ball:
        a, ends = meeting(s), (1 / s, meeting(s))
        below = rho_1(s)
        at = _value(below[0][0], a) / _value(below[1][0], a)
        start, middle = (_alpha(end) for end in ends)
        return _over_alpha(below, start, middle) + upper(s, a, at) - _over_alpha(late(s, 1), start, half)

    first = 1 - mean(lambda s: _over_alpha(rho_1(s), acb(0), half))
    # min(rho_hi, 100) is 100 up to c_hi; 1 <= rho_lo < rho < rho_1 < s in region III.
    later = mean(capped_upper, lambda s: top * _alpha(cap(s, -1)).union(half)) - mean(capped_lower)
    only_later = mean(third, lambda s: (s.log() / 2).union(acb(0)))
    return {1: later - only_later, 2: first - later + only_later, 3: only_later, 4: 1 - first - only_later}


def _alpha(a: Ball) -> Ball:
    return a / (1 + a)


def _value(of: Linear, a: Ball) -> Ball:
    """A linear function of alpha, over 1 - alpha."""
    return of[0] + a * of[1]


def _over_alpha(of: tuple[Sequence[Linear], Sequence[Linear]], start: Ball, end: Ball) -> Ball:
    """The integral of the logarithm of a quotient."""
    total = 0
    for factors, sign in zip(of, (1, -1), strict=True):
        for c, d in factors:
            total += sign * _mean_log(*((1 - alpha) * c + alpha * d for alpha in (start, end)))
    return (end - start) * total


def _mean_log(p: Ball, q: Ball) -> Ball:
    """The mean of ln on the segment from p to q; by the hull of its values where p and q are too close to divide."""
    between = p.union(q).log(analytic=True)
    by_parts = (q * (q.log(analytic=True) - 1) - p * (p.log(analytic=True) - 1)) / (q - p)
    return by_parts if by_parts.is_finite() and by_parts.rad() < between.rad() else between


def condition_share() -> Ball:
    """The share of the paper's condition, 1/a < rho and 1 < s < 1/a."""
    from flint import acb

    top, widest = acb(LARGEST_RHO).log(), acb(LARGEST_S).log()

    def mean(width: Callable[[Ball], Ball], start: int, end: int) -> Ball:
        """The integral of ln (100 a) times the width in ln s over alpha, for 1/start < a < 1/end."""

        def length(a: Ball, _: bool) -> Ball:
            return (LARGEST_RHO * a).log(analytic=True) * width(a) / (1 + a) ** 2

        return acb.integral(length, acb(1) / start, acb(1) / end)

    total = mean(lambda a: widest, LARGEST_RHO, LARGEST_S) + mean(
        lambda a: -a.log(analytic=True), LARGEST_S, 1
    )
    return (2 * total / (top * widest)).real
