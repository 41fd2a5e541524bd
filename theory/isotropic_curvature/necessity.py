"""Where w decreases, homogenisation fails: the local rate, and the piecewise counterexample.

The counterexample has H' = x w with w = 1 on [0, 1], 10 on (1, 2], 14 - 2 x on (2, 5/2] and 9 beyond.
H is convex and H/x^2 is nondecreasing, yet w falls on (2, 5/2].
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

from theory.isotropic_curvature.dirichlet import moment


class Piece(NamedTuple):
    """w(x) = constant + slope x for left < x <= right."""

    left: Fraction
    right: Fraction | None
    constant: Fraction
    slope: Fraction


def _piece(left: Any, right: Any, constant: int, slope: int) -> Piece:
    return Piece(
        Fraction(left), None if right is None else Fraction(right), Fraction(constant), Fraction(slope)
    )


FALLING = (
    _piece(0, 1, 1, 0),
    _piece(1, 2, 10, 0),
    _piece(2, Fraction(5, 2), 14, -2),
    _piece(Fraction(5, 2), None, 9, 0),
)
# The same with w replaced by its running maximum: A2 holds.
LEVEL = (_piece(0, 1, 1, 0), _piece(1, None, 10, 0))


def local_rate(w_slope: Any, n: Any) -> Any:
    """The limit of (lambda_1 - lambda_2)/eps at q = (s + eps, s - eps, s, ..., s), k = n, w smooth at s.

    By ICM-I it is (4 s eps)(w'(s)/s) E[u_1 u_2]/eps.
    """
    return 4 * w_slope * moment((1, 1), n)


def plane_average(
    pieces: tuple[Piece, ...], q: tuple[Fraction, Fraction], part: Callable[[Any, Any, Any, Any], Any]
) -> Any:
    """E part(w(rho), w'(rho), rho, u_2) at n = 2 as a ball, q_1 > q_2 > 0; w' without its jumps.

    The angle is split where rho crosses from a piece to the next; on each stretch all is analytic.
    """
    from flint import acb, arb, fmpq

    def number(x: Fraction) -> Any:
        return arb(fmpq(x.numerator, x.denominator))

    high, low = (number(x * x) for x in q)

    def angle(x: Fraction) -> Any:
        """The angle at which rho^2 = q_1^2 cos^2 + q_2^2 sin^2 equals x^2."""
        return ((number(x * x) - low) / (high - low)).sqrt().acos()

    def along(piece: Piece) -> Any:
        constant, slope = number(piece.constant), number(piece.slope)

        def integrand(a: Any, analytic: bool) -> Any:
            second = a.sin() ** 2
            rho = (high + (low - high) * second).sqrt(analytic=analytic)
            return part(constant + slope * rho, slope, rho, second)

        return integrand

    total = arb(0)
    for piece in pieces:
        left = max(piece.left, q[1])
        right = q[0] if piece.right is None else min(piece.right, q[0])
        if left < right:
            start = arb(0) if right == q[0] else angle(right)
            stop = arb.pi() / 2 if left == q[1] else angle(left)
            total += acb.integral(along(piece), start, stop).real
    return 2 / arb.pi() * total


def plane_weights(pieces: tuple[Piece, ...], q: tuple[Fraction, Fraction]) -> tuple[Any, Any]:
    """lambda_1, lambda_2 = E[w(rho) u_i]."""
    first = plane_average(pieces, q, lambda w, slope, rho, second: w * (1 - second))
    return first, plane_average(pieces, q, lambda w, slope, rho, second: w * second)


def plane_coupling(pieces: tuple[Piece, ...], q: tuple[Fraction, Fraction]) -> Any:
    """E[(w'(rho)/rho) u_1 u_2], without the jumps of w."""
    return plane_average(pieces, q, lambda w, slope, rho, second: slope / rho * second * (1 - second))


def jumps(pieces: tuple[Piece, ...]) -> list[tuple[Fraction, Fraction]]:
    """(x, w(x+) - w(x-)) at the ends between pieces."""
    return [
        (b.left, (b.constant + b.slope * b.left) - (a.constant + a.slope * b.left))
        for a, b in pairwise(pieces)
    ]


def is_convex(pieces: tuple[Piece, ...]) -> bool:
    """H' = x w is nonnegative and nondecreasing: (x w)' = constant + 2 slope x on a piece, and jumps up."""
    ends = [(p, x) for p in pieces for x in (p.left, p.right) if x is not None]
    rising = all(p.constant + 2 * p.slope * x >= 0 for p, x in ends) and all(j >= 0 for _, j in jumps(pieces))
    return rising and pieces[-1].slope >= 0


def is_weakly_superquadratic(pieces: tuple[Piece, ...]) -> bool:
    """x H' - 2 H = int_0^x y^2 dw(y) >= 0 for all x, which says that H/x^2 is nondecreasing (A2-weak).

    The integral is monotone on a piece, so the ends decide.
    """
    steps = dict(jumps(pieces))
    total = Fraction(0)
    for p in pieces:
        total += p.left**2 * steps.get(p.left, 0)
        if total < 0 or (p.right is None and p.slope < 0):
            return False
        if p.right is not None:
            total += p.slope * (p.right**3 - p.left**3) / 3
            if total < 0:
                return False
    return True


def is_superquadratic(pieces: tuple[Piece, ...], q: tuple[Fraction, Fraction]) -> bool:
    """w is nondecreasing on [q_2, q_1]."""
    inside = [p for p in pieces if p.left < q[0] and (p.right is None or p.right > q[1])]
    return all(p.slope >= 0 for p in inside) and all(j >= 0 for x, j in jumps(pieces) if q[1] < x < q[0])
