"""Exact ranges: what a schedule makes of an interval of singular values, proved in ball arithmetic.

The image of an interval under a continuous function is an interval, and the image under a composition is the
image of the image.  A polynomial takes its extremes over [x, y] at x, at y, or at a critical point between
them, and the critical points of an odd quintic are square roots of the roots of a quadratic.  So the exact range
of p_K(... p_1(x)) costs one small step per polynomial, and nothing is overestimated on the way.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from labs.core.arrays import Array, array_namespace, check_finite
from labs.core.polar.schedules import Triple, as_schedule, iterate

Number = Callable[[Any], Any]  # what makes a number of one field: a float, or a ball

MOST_BITS = 2**17  # of working precision, before `polynomial_range` gives up


def polynomial_range(
    coefficients: Any, interval: tuple[Any, Any], steps: int | None = None, *, bits: int = 128
) -> tuple[Any, Any]:
    """Host routine: the exact range of p_K(... p_1(x)) over lo <= x <= hi, as two Arb balls (least, greatest).

    coefficients  a triple (a, b, c) or a sequence of them; ints, Fractions, or floats (taken exactly)
    interval      (lo, hi), lo <= hi of any sign, as exact numbers of the same kinds, or as Arb balls
    steps         how many polynomials are applied: a single triple is repeated (default once), a longer list is
                  cut, a shorter one goes on with its last triple; 0 leaves the interval as it is
    bits          accuracy: each radius is at most 2^-bits times the middle of its ball (or, where that is nearly
                  or exactly 0, 2^(-2 bits) times the larger one); the working precision is doubled until it is

    The true least and greatest values lie in the balls: a proof.  From ends given as balls the radii come out as
    they must, without a promise.  Beyond `escape_radius` the values of a repeated map grow without bound; they
    are returned as long as steps is finite.  Some microseconds a step.  Raises ValueError for ends that are no
    finite numbers or in the wrong order, RuntimeError where 2^17 bits do not suffice.  Needs python-flint.
    Derived here.
    """
    from flint import arb, ctx

    triples = [_exact_triple(triple) for triple in as_schedule(coefficients, steps)]
    given = _ends(interval)
    promised = not any(isinstance(end, arb) for end in given)
    working = max(2 * bits, 64)
    while working <= MOST_BITS:
        with ctx.workprec(working):
            low, high = (end if isinstance(end, arb) else ball(end) for end in given)
            for triple in triples:
                low, high = _image(triple, low, high)
            if not promised or _accurate(low, high, bits):
                return low, high
        working *= 2
    raise RuntimeError(f"{MOST_BITS} bits do not give the range of {len(triples)} steps to {bits} bits")


def float_range(coefficients: Any, lo: Array, hi: Array, steps: int | None = None) -> tuple[Array, Array]:
    """Kernel: the range of p_K(... p_1(x)) over lo <= x <= hi in floating point: (...), (...) -> (...), (...).

    What `polynomial_range` proves, for batches of intervals and without the proof: extremes at interior critical
    points are correct to second order, an end that moves through K steps carries the rounding errors of K
    evaluations, magnified by the slopes on its way.  Raises ValueError unless lo <= hi are finite.
    """
    check_finite(lo=lo, hi=hi)
    xp = array_namespace(lo, hi)
    if not bool(xp.all(lo <= hi)):
        raise ValueError("lo must be at most hi, got lo > hi somewhere")
    for triple in as_schedule(coefficients, steps):
        first, last = iterate(triple, lo), iterate(triple, hi)
        low, high = xp.minimum(first, last), xp.maximum(first, last)
        for x in _critical_points(_exact_triple(triple), float, math.sqrt):
            value, inside = iterate(triple, x), (lo <= x) & (x <= hi)
            low = xp.where(inside & (low > value), value, low)
            high = xp.where(inside & (high < value), value, high)
        lo, hi = low, high
    return lo, hi


def escape_radius(coefficients: Triple, *, bits: int = 128) -> Any:
    """Host routine: the largest R with |p(R)| = R, as an Arb ball: every |x| > R runs off to infinity under p.

    Beyond R the repeated map p has |p(x)| > |x|, and no point to come to rest at.  If p maps [-R, R] into itself
    (`polynomial_range` tells) nothing inside escapes.  R = 0 if everything but 0 escapes.  Raises ValueError for
    a map without a cubic or quintic term.  Needs python-flint.  Derived here.
    """
    from flint import ctx

    a, b, c = _exact_triple(coefficients)
    if b == c == 0:
        raise ValueError(f"coefficients must have a cubic or quintic term, got {coefficients!r}")
    with ctx.workprec(bits + 64):
        largest = ball(0)
        for level in (1, -1):
            for t in _positive_roots(c, b, a - level, ball, _ball_sqrt):
                largest = largest.max(t)
        return largest.sqrt()


def smallest_preimage(coefficients: Any, value: Any, steps: int | None = None, *, bits: int = 128) -> Any:
    """Host routine: the least x > 0 with p_K(... p_1(x)) = value, as an Arb ball.

    `coefficients` and `steps` as in `polynomial_range`; value > 0, an exact number or a ball.  Each step is solved
    on the branch on which p rises from 0, by Newton's method and one interval Newton step, which proves that the
    solution there is unique.  Raises ValueError where p does not rise from 0 to above the value, RuntimeError where
    the proof fails (value nearly at a maximum of p, a ball too wide).  Needs python-flint.  Derived here.
    """
    from flint import arb, ctx

    triples = [_exact_triple(triple) for triple in as_schedule(coefficients, steps)]
    with ctx.workprec(2 * bits + 64):
        target = value if isinstance(value, arb) else ball(_exact("value", value))
        if not target > 0:
            raise ValueError(f"value must be positive, got {value}")
        for triple in reversed(triples):
            target = _preimage_on_the_first_branch(triple, target, bits)
        return target


def ball(x: Fraction | int) -> Any:
    """A rational number as an Arb ball, at the working precision."""
    from flint import arb, fmpq

    return arb(fmpq(Fraction(x).numerator, Fraction(x).denominator))


def _image(triple: Triple, lo: Any, hi: Any) -> tuple[Any, Any]:
    """The range of one polynomial over [lo, hi], ends and range as balls."""
    first, last = iterate(triple, lo), iterate(triple, hi)
    low, high = first.min(last), first.max(last)
    for x in _critical_points(triple, ball, _ball_sqrt):
        if x < lo or x > hi:
            continue
        value = iterate(triple, x)
        inside = x >= lo and x <= hi
        # A critical point that cannot be excluded may or may not count.
        low = low.min(value) if inside else low.union(low.min(value))
        high = high.max(value) if inside else high.union(high.max(value))
    return low, high


def _critical_points(triple: Triple, number: Number, sqrt: Number) -> list[Any]:
    """Where p turns: +-sqrt t for the simple positive roots t of a + 3 b t + 5 c t^2."""
    a, b, c = triple
    if c != 0 and 9 * b * b == 20 * a * c:
        return []
    roots = [sqrt(t) for t in _positive_roots(5 * c, 3 * b, a, number, sqrt)]
    return roots + [-x for x in roots]


def _positive_roots(a: Fraction, b: Fraction, c: Fraction, number: Number, sqrt: Number) -> list[Any]:
    """The positive roots of a t^2 + b t + c, each once; how many there are is decided by exact signs."""
    if a == 0:
        return [number(-c / b)] if b * c < 0 else []
    discriminant = b * b - 4 * a * c
    if discriminant < 0:
        return []
    if discriminant == 0:
        return [number(-b / (2 * a))] if a * b < 0 else []
    # b and the root of the discriminant are added with equal signs: nothing cancels.
    root = sqrt(number(discriminant))
    half = -(number(b) - root if b < 0 else number(b) + root) / 2
    return [t for t in (half / number(a), number(c) / half) if t > 0]


def _ball_sqrt(x: Any) -> Any:
    return x.sqrt()


def _preimage_on_the_first_branch(triple: Triple, target: Any, bits: int) -> Any:
    """The x > 0 with p(x) = target where p still rises from p(0) = 0."""
    from flint import arb

    a, b, c = triple
    turns = [x for x in _critical_points(triple, ball, _ball_sqrt) if x > 0]
    low, high = arb(0), min(turns) if turns else arb(1)
    while not turns and a > 0 and not iterate(triple, high) > target:
        high = 2 * high
    if not (a > 0 and iterate(triple, high) > target):
        raise ValueError(
            f"value must lie below the first maximum of every map; {target} does not for {triple}"
        )
    for _ in range(bits):
        x = ((low + high) / 2).mid()
        low, high = (x, high) if iterate(triple, x) < target else (low, x)
    # Interval Newton: if it maps a ball around x into itself, each target has just one solution in there.
    radius = arb(0)
    for _ in range(64):
        around = x + arb(0, radius)
        t = around * around
        slope = ball(a) + t * (3 * ball(b) + 5 * t * ball(c))
        newton = x - (iterate(triple, x) - target) / slope
        if around.contains_interior(newton) and around > 0 and (not turns or around < min(turns)):
            return newton
        radius = 2 * (newton - x).abs_upper()
    raise RuntimeError(f"no proof that {triple} takes the value {target} just once before it turns")


def _ends(interval: Any) -> tuple[Any, Any]:
    from flint import arb

    if not isinstance(interval, tuple | list) or len(interval) != 2:
        raise ValueError(f"interval must be a pair (lo, hi), got {interval!r}")
    lo, hi = (end if isinstance(end, arb) else _exact("interval", end) for end in interval)
    if isinstance(lo, arb) or isinstance(hi, arb):
        lo, hi = (end if isinstance(end, arb) else ball(end) for end in (lo, hi))
        ordered = not lo > hi and lo.is_finite() and hi.is_finite()
    else:
        ordered = lo <= hi
    if not ordered:
        raise ValueError(f"interval must have finite ends lo <= hi, got ({lo}, {hi})")
    return lo, hi


def _accurate(low: Any, high: Any, bits: int) -> bool:
    """Whether both radii are within 2^-bits of the middles, or 2^(-2 bits) of the larger one."""
    unit = ball(Fraction(1, 2**bits))
    largest = low.abs_upper().max(high.abs_upper())
    return all(end.rad() <= unit * (abs(end.mid()).max(unit * largest)) for end in (low, high))


def _exact_triple(triple: Triple) -> Triple:
    a, b, c = (_exact("coefficients", coefficient) for coefficient in triple)
    return a, b, c


def _exact(name: str, number: Any) -> Fraction:
    if (
        isinstance(number, bool)
        or not isinstance(number, int | float | Fraction)
        or not math.isfinite(number)
    ):
        raise ValueError(f"{name} must be finite integers, Fractions or floats, got {number!r}")
    return Fraction(number)
