"""Schedules: the odd polynomials of a polar iteration, one triple of coefficients per step.

A triple (a, b, c) stands for p(x) = a x + b x^3 + c x^5.  A step X <- a X + b X X^T X + c (X X^T)^2 X acts on
the singular values of X by p and leaves the singular vectors; K steps act by the composition of K polynomials.
A schedule is a tuple of triples, the first step first.  Coefficients are exact rationals (`Fraction`) or
floats; a float stands for the rational number that it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

Triple = tuple[Any, Any, Any]
Schedule = tuple[Triple, ...]

# The two classical maps: the Pade approximants of the sign function with polynomials of degree 3 (Newton-Schulz)
# and 5; they are flat at 1 to first and second order.
CUBIC: Triple = (Fraction(3, 2), Fraction(-1, 2), Fraction(0))
PADE5: Triple = (Fraction(15, 8), Fraction(-10, 8), Fraction(3, 8))
# The quintic that is flat at 1 to first order only, with slope 2 at 0.  It is not monotone on [0, 1].
SOFT5: Triple = (Fraction(2), Fraction(-3, 2), Fraction(1, 2))
# Muon's default (Jordan et al. 2024): slope at 0 as large as a loose window around 1 allows; 1 is not fixed.
TUNED: Triple = (Fraction("3.4445"), Fraction("-4.7750"), Fraction("2.0315"))
# The list that Amsel, Persson, Musco and Gower (2025) deploy, without their safety factor; made for singular
# values in [1e-3, 1] with the cushion 0.02407327424182761.  `polar_express` derives it.
POLAR_EXPRESS: Schedule = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
    (2.300652019954817, -1.6689039845747493, 0.4188073119525673),
    (1.891301407787398, -1.2679958271945868, 0.37680408948524835),
    (1.8750014808534479, -1.2500016453999487, 0.3750001645474248),
    PADE5,
)


def as_schedule(coefficients: Any, steps: int | None = None, *, name: str = "coefficients") -> Schedule:
    """One triple, or a sequence of triples, as a schedule; with `steps`, as one of exactly that many steps.

    A triple is repeated `steps` times (default once).  A longer schedule is cut; a shorter one goes on with its
    last triple, as Polar Express does.  Raises ValueError for anything that is not made of triples of numbers,
    for an empty sequence (calling it `name`), and for steps that is not an integer >= 0.
    """
    given = coefficients if isinstance(coefficients, Sequence) and not isinstance(coefficients, str) else ()
    triples = (tuple(given),) if given and not isinstance(given[0], Sequence) else tuple(map(_triple, given))
    if not triples or any(len(triple) != 3 for triple in triples):
        raise ValueError(f"{name} must be a triple (a, b, c) or a sequence of triples, got {coefficients!r}")
    if steps is None:
        return triples
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 0:
        raise ValueError(f"steps must be an integer >= 0, got {steps!r}")
    return (triples + triples[-1:] * max(0, steps - len(triples)))[:steps]


def _triple(entry: Any) -> tuple[Any, ...]:
    return tuple(entry) if isinstance(entry, Sequence) else ()


def iterate(coefficients: Any, x: Any) -> Any:
    """The composition p_K(... p_1(x)), elementwise: x -> a x + b x^3 + c x^5 for each triple in turn.

    coefficients  one triple or a sequence of triples
    x             a float, an array of any library, an integer or Fraction, an Arb ball, a sympy expression

    By field arithmetic alone.  For exact x the coefficients are exact (a float is taken as the rational number
    that it is), for floats and arrays they are rounded to double precision.  Cost: 4 products a step.
    """
    for triple in as_schedule(coefficients):
        a, b, c = (_in_the_field_of(x, coefficient) for coefficient in triple)
        square = x * x
        # A vanishing c costs no product, and cannot make a NaN out of an infinite square.
        x = x * (a + square * (b if triple[2] == 0 else b + square * c))
    return x


def _in_the_field_of(x: Any, number: Any) -> Any:
    """`number` in the arithmetic of x: a float beside floats and arrays, else exact (balls, Fractions, symbols)."""
    if isinstance(x, float) or hasattr(x, "dtype"):  # arrays of every library have one
        return float(number)
    if not isinstance(number, int | float | Fraction):
        return number
    exact = Fraction(number)
    # 0 x + p is p in the field of x; every field divides by an integer (a ball with outward rounding).
    return exact if isinstance(x, int | Fraction) else (0 * x + exact.numerator) / exact.denominator
