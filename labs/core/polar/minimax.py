"""Odd polynomials nearest to one on an interval of singular values, and the best compositions of them.

Everything is rational arithmetic: a polynomial that equals 1 - E, 1 + E, 1 - E, ... at given points is found
without rounding, its E is a rigorous lower bound of what any odd polynomial of its degree can reach (de la
Vallee Poussin), and its largest error is bounded from above through sign changes of its derivative.  Both
bounds are checked to agree before anything is returned, at any distance of the two ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from labs.core.polar.schedules import CUBIC, PADE5, Schedule, Triple, iterate

# Difference of the two bounds on E that counts as none, relative to E and to 1 - E; and the bits that this asks of
# points and coefficients beyond what the distance of the ends costs.
GAP = Fraction(1, 2**80)
BITS = 192
EXCHANGES = 100
# On a shorter interval (relative to its upper end) the Pade map is as good as the best: its error is of the order of
# a power of the length, below GAP times anything that a later step could see.
SHORT = Fraction(1, 2**160)


@dataclass(frozen=True)
class Minimax:
    """The best odd polynomial for 1 on [points[0], points[-1]], with its certificate.

    coefficients  (a, b, c), exact rationals; c = 0 for a cubic
    error         max |1 - p| over the interval is at most this
    lower         no odd polynomial of this degree has a smaller one
    points        where p is 1 - E, 1 + E, 1 - E, (1 + E) in turn
    """

    coefficients: Triple
    error: Fraction
    lower: Fraction
    points: tuple[Fraction, ...]


def minimax_quintic(lo: float | Fraction, hi: float | Fraction) -> Minimax:
    """Host routine: the odd quintic a x + b x^3 + c x^5 with the least max |1 - p(x)| over lo <= x <= hi.

    Remez' algorithm: p equioscillates at lo < q < r < hi; q and r are exchanged for the zeros of p' until the
    bounds meet (relative 2^-80, in E and in 1 - E).  About ten exchanges, some milliseconds.  0 < lo < hi: floats
    (taken exactly) or Fractions.  Raises ValueError else, RuntimeError if the bounds do not meet.  Source: Amsel,
    Persson, Musco and Gower 2025 (Polar Express); Remez 1934.
    """
    lo, hi = _interval(lo, hi)
    inner = [(3 * lo + hi) / 4, (lo + 3 * hi) / 4]
    for _ in range(EXCHANGES):
        result, inner = _levelled((lo, *inner, hi))
        if _bounds_meet(result):
            return result
    raise RuntimeError(f"Remez' algorithm did not converge on [{float(lo)}, {float(hi)}]")


def minimax_cubic(lo: float | Fraction, hi: float | Fraction) -> Minimax:
    """Host routine: the odd cubic a x + b x^3 with the least max |1 - p(x)| over lo <= x <= hi.

    It equioscillates at lo < q < hi with 3 q^2 = lo^2 + lo hi + hi^2: no iteration.  Arguments and errors as
    `minimax_quintic`.  Source: derived here; Grishina, Smirnov and Rakhuba 2025 (CANS) give the same polynomial.
    """
    lo, hi = _interval(lo, hi)
    middle = _sqrt((lo * lo + lo * hi + hi * hi) / 3, _bits(lo, hi))
    result, _ = _levelled((lo, middle, hi))
    if not _bounds_meet(result):
        raise RuntimeError(f"the bounds on the error of the cubic differ on [{float(lo)}, {float(hi)}]")
    return result


def polar_express(
    lo: float | Fraction, steps: int, hi: float | Fraction = 1.0, cushion: float | Fraction = 0.0
) -> Schedule:
    """Host routine: the composition of `steps` odd quintics with the least max |1 - p_T(...p_1(x))| over [lo, hi].

    Greedy: each p_t is the minimax quintic on the interval that the steps before it leave, [1 - E, 1 + E].
    With a cushion, p_t is found on [max(lo_t, cushion hi_t), hi_t] and then scaled so that p_t(lo_t) and
    p_t(hi_t) lie equally far from 1: not optimal any more, but it lifts small singular values less steeply,
    which low precision needs.  Exact rationals; some milliseconds a step.  Raises ValueError unless
    0 < lo < hi, steps is an integer >= 1 and 0 <= cushion < 1.  Source: Amsel, Persson, Musco and Gower 2025.
    """
    if not 0 <= cushion < 1:
        raise ValueError(f"cushion must be in [0, 1), got {cushion!r}")
    return _composition(minimax_quintic, lo, steps, hi, Fraction(cushion))


def chebyshev_newton_schulz(lo: float | Fraction, steps: int, hi: float | Fraction = 1.0) -> Schedule:
    """Host routine: the composition of `steps` odd cubics with the least max |1 - p_T(...p_1(x))| over [lo, hi].

    As `polar_express`, with `minimax_cubic`.  Source: Grishina, Smirnov and Rakhuba 2025 (CANS, degree 3).
    """
    return _composition(minimax_cubic, lo, steps, hi, Fraction(0))


def _composition(
    best: Callable[[Fraction, Fraction], Minimax],
    lo: float | Fraction,
    steps: int,
    hi: float | Fraction,
    cushion: Fraction,
) -> Schedule:
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps must be an integer >= 1, got {steps!r}")
    lo, hi = _interval(lo, hi)
    schedule: list[Triple] = []
    for _ in range(steps):
        if hi - lo < SHORT * hi:
            a, b, c = PADE5 if best is minimax_quintic else CUBIC
            schedule.append((a / hi, b / hi**3, c / hi**5))
            lo = hi = Fraction(1)
            continue
        bits = _bits(lo, hi)
        found = best(max(lo, cushion * hi), hi)
        low, high = min(iterate(found.coefficients, lo), 1 - found.error), 1 + found.error
        scale = 2 / (low + high) if cushion * hi > lo else Fraction(1)
        a, b, c = (_rounded(scale * coefficient, bits) for coefficient in found.coefficients)
        schedule.append((a, b, c))
        lo = _rounded(scale * low, bits)
        hi = 2 - lo
    return tuple(schedule)


def _bounds_meet(result: Minimax) -> bool:
    return result.error - result.lower <= GAP * min(result.lower, 1 - result.lower)


def _levelled(points: tuple[Fraction, ...]) -> tuple[Minimax, list[Fraction]]:
    """The polynomial that is 1 - E, 1 + E, ... at three or four points, and its critical points between them.

    x, x^3, (x^5) vanish under sum_i w_i f(x_i), w_i = 1/(x_i prod_{j != i} (x_i^2 - x_j^2)), and the signs of w_i
    alternate: so E = |sum w_i| / sum |w_i|, and no other polynomial has max |1 - p| < E (de la Vallee Poussin).
    """
    lo, hi, bits = points[0], points[-1], _bits(points[0], points[-1])
    squares = [x * x for x in points]
    weights = [
        1 / (x * math.prod((t - other for other in squares if other != t), start=Fraction(1)))
        for x, t in zip(points, squares, strict=True)
    ]
    level = abs(sum(weights, Fraction(0))) / sum(map(abs, weights), Fraction(0))
    # p(x)/x is a polynomial in x^2: Newton's divided differences at all points but the last.
    table = [(1 + (-1) ** (i + 1) * level) / x for i, x in enumerate(points[:-1])]
    for order in range(1, len(table)):
        for i in range(len(table) - 1, order - 1, -1):
            table[i] = (table[i] - table[i - 1]) / (squares[i] - squares[i - order])
    d0, d1, d2 = (*table, Fraction(0))[:3]
    s0, s1 = squares[:2]
    a, b, c = (_rounded(z, bits) for z in (d0 - d1 * s0 + d2 * s0 * s1, d1 - d2 * (s0 + s1), d2))
    critical = _critical_points(a, b, c, bits)
    # Each true critical point lies within delta of ours, where p differs from its extreme by at most
    # max |p''| delta^2/2.
    delta = hi / 2 ** (bits // 2)
    if not all(_slope(a, b, c, x - delta) * _slope(a, b, c, x + delta) < 0 for x in critical):
        raise RuntimeError(
            f"critical points were not found to {float(delta)}: {[float(x) for x in critical]}"
        )
    curvature = 6 * abs(b) * (hi + delta) + 20 * abs(c) * (hi + delta) ** 3
    error = max(abs(1 - iterate((a, b, c), x)) for x in (lo, *critical, hi)) + curvature * delta**2 / 2
    bounds = _rounded(error, bits, math.ceil), _rounded(level, bits, math.floor)
    return Minimax((a, b, c), *bounds, points), critical


def _critical_points(a: Fraction, b: Fraction, c: Fraction, bits: int) -> list[Fraction]:
    """The positive zeros of a + 3 b t + 5 c t^2, t = x^2, in order, for the signs a > 0 > b, c >= 0 of a best p."""
    if c == 0:
        return [_sqrt(-a / (3 * b), bits)]
    larger = (-3 * b + _sqrt(9 * b * b - 20 * a * c, bits)) / (10 * c)
    return [_sqrt(a / (5 * c * larger), bits), _sqrt(larger, bits)]


def _slope(a: Fraction, b: Fraction, c: Fraction, x: Fraction) -> Fraction:
    t = x * x
    return a + t * (3 * b + t * 5 * c)


def _interval(lo: float | Fraction, hi: float | Fraction) -> tuple[Fraction, Fraction]:
    for name, end in (("lo", lo), ("hi", hi)):
        if isinstance(end, bool) or not isinstance(end, int | float | Fraction) or not math.isfinite(end):
            raise ValueError(f"{name} must be a finite number, got {end!r}")
    if not 0 < lo < hi:
        raise ValueError(f"lo and hi must satisfy 0 < lo < hi, got lo = {lo}, hi = {hi}")
    return Fraction(lo), Fraction(hi)


def _bits(lo: Fraction, hi: Fraction) -> int:
    """Bits of points and coefficients: E is of the order of the cube of (hi - lo)/hi where that is small."""
    return BITS + 6 * _magnitude(hi / (hi - lo)) + 2 * _magnitude(hi / lo)


def _magnitude(x: Fraction) -> int:
    """log2 x, to within 1."""
    return x.numerator.bit_length() - x.denominator.bit_length()


def _rounded(x: Fraction, bits: int, toward: Callable[[Fraction], int] = round) -> Fraction:
    """x as a dyadic number of about `bits` significant bits: the nearest, or that above (ceil) or below (floor)."""
    unit = Fraction(2) ** (_magnitude(x) - bits)
    return toward(x / unit) * unit


def _sqrt(x: Fraction, bits: int) -> Fraction:
    """The square root of x > 0, relative error 2^-bits."""
    unit = Fraction(2) ** (_magnitude(x) // 2 - bits - 2)
    return math.isqrt(math.floor(x / unit**2)) * unit
