"""SF-K2.e, f, g: preconditioners that are powers of the curvature, near one, or ordered like it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from labs.core.streams import stream
from labs.spectral_flattening.conditioning import preconditioned_condition_number
from tests.referee import check, control, verifies
from tests.spectral_flattening.curvatures import EPS, increments, kappa, positive_spectra, turned
from tests.spectral_flattening.rationals import fractions, semidefinite
from theory.evidence import Evidence, every, exact, measured, require
from theory.spectral_flattening import pencils
from theory.spectral_flattening.conditioning import SF_K2e, SF_K2f, SF_K2g

ONE = Fraction(1)
ORDERED = "0 <= log(c_i/c_j) <= 2 log(b_i/b_j)"


# --- powers of the curvature -------------------------------------------------------------------------------------


@check(SF_K2e)
def power_of_the_curvature(theta: Fraction, slip: Fraction = Fraction(0), strict: bool = False) -> Evidence:
    """C = B^theta, b = 1, 1 + v, (1 + v)(1 + w) to the power of theta's denominator, so that everything is rational.

    kappa(M) = kappa(B)^(|1 - theta| + slip), and below kappa(B) if 0 < theta < 2 (or if `strict`), above outside.
    """
    import sympy

    v, w = sympy.symbols("v w", positive=True)
    p, q = theta.numerator, theta.denominator
    beta = [sympy.Integer(1), 1 + v, (1 + v) * (1 + w)]
    m = [x ** (q - p) for x in beta]  # the eigenvalues b/c of M, c = beta^p
    low, middle, high = m if q >= p else m[::-1]
    sense = "<" if strict or 0 < theta < 2 else "==" if theta in (0, 2) else ">"
    predicted = (beta[-1] ** q) ** sympy.Rational(abs(1 - theta) + slip)
    return every(
        exact(low, middle, "<="),
        exact(middle, high, "<="),
        exact(high / low, sympy.powdenest(predicted, force=True)),
        exact(high / low, beta[-1] ** q, sense),
    )


@check(SF_K2e)
def power_of_a_matrix(b: np.ndarray, theta: float, slip: float = 0.0) -> Evidence:
    """The same in random bases: kappa(M) = kappa(B)^(|1 - theta| + slip) by `preconditioned_condition_number`."""
    rng = stream("powers of curvatures", len(b), theta)
    state = rng.bit_generator.state
    B = turned(b, rng)
    rng.bit_generator.state = state
    C = turned(b**theta, rng)
    predicted = kappa(b) ** (abs(1 - theta) + slip)
    # From rounding of C, and of the square roots of the eigenvalues of M.
    error = 64 * len(b) * EPS * (kappa(b**theta) + kappa(b) + predicted**0.5)
    return measured(float(preconditioned_condition_number(B, C)) / predicted, 1.0, error)


THETAS = fractions("-1/2", "0", "1/2", "1", "3/2", "2", "5/2")


@verifies(SF_K2e)
def test_powers_of_the_curvature() -> None:
    for exponent in THETAS:
        power_of_the_curvature(exponent)
    for n in (2, 5, 12):
        for b in positive_spectra(n, "powers of curvatures").values():
            for theta in (0.5, 1.0, 1.5):
                power_of_a_matrix(b, theta)


@control(SF_K2e, changes="exponent |1 - theta| -> |1 - theta| + 1/20")
def test_the_exponent() -> None:
    power_of_the_curvature(Fraction(1, 2), slip=Fraction(1, 20))
    power_of_a_matrix(positive_spectra(5, "powers of curvatures")["spike"], 0.5, slip=0.05)


@control(SF_K2e, changes="0 < theta < 2 -> 0 < theta <= 2")
def test_the_square_of_the_curvature_is_no_better_than_nothing() -> None:
    power_of_the_curvature(Fraction(2), strict=True)


# --- near a power of the curvature -------------------------------------------------------------------------------


@check(SF_K2f)
def between_multiples_of_a_power(factor: Fraction = ONE) -> Evidence:
    """All 2 x 2: the pencil of B^{1 - theta} = diag(beta, 1) with T = B^{-theta/2} C B^{-theta/2}, 1 <= T <= t.

    kappa(M) <= factor * t beta, through the spread of kappa, which increases.
    """
    import sympy

    y, v, w = increments("y v w")
    beta, t = 1 + v, 1 + w
    found = pencils.pencil_spread(sympy.diag(beta, 1), pencils.rotated(t, y))
    return exact(found, pencils.spread(factor * t * beta), "<=", witness={y: 10**8, v: 1, w: 1})


@check(SF_K2f)
def between_multiples_in_rationals(b: Sequence[Fraction], root: bool, c1: Fraction, c2: Fraction) -> Evidence:
    """n x n: the eigenvalues of C^{-1} B lie between those of B^{1 - theta} over c_2 and over c_1; theta = 1/2 or 1.

    C = c_1 B^theta + (c_2 - c_1) R, 0 <= R <= B^theta, with other eigenvectors.
    """
    power, between, rest = (
        ([x * x for x in b], b, b) if root else (b, b, [ONE] * len(b))
    )  # B, B^theta, B^{1 - theta}
    B, middle = semidefinite(power), semidefinite(between)
    part = semidefinite([*[min(between)] * (len(b) - 1), Fraction(0)], start=2)
    C = c1 * middle + (c2 - c1) * part
    lower, upper = (pencils.eigenvalue_sums(X) for X in (C - c1 * middle, c2 * middle - C))
    require(min(lower + upper) >= 0, "c_1 B^theta <= C <= c_2 B^theta")
    x, y = max(rest) / c1, min(rest) / c2
    return every(*(exact(e, 0, ">=") for X in (x * C - B, B - y * C) for e in pencils.eigenvalue_sums(X)))


SPECTRA = [fractions("7", "2", "1/3"), fractions("1000", "1", "1", "1/1000"), fractions("2", "2", "1")]


@verifies(SF_K2f)
def test_near_a_power_of_the_curvature() -> None:
    between_multiples_of_a_power()
    for b in SPECTRA:
        for root in (True, False):
            between_multiples_in_rationals(b, root, Fraction(1, 2), Fraction(3))


@control(SF_K2f, sharpens="c_2/c_1 -> 0.99 c_2/c_1")
def test_the_quotient_of_the_constants_has_no_room() -> None:
    between_multiples_of_a_power(Fraction(99, 100))


# --- commuting matrices ------------------------------------------------------------------------------------------


@check(SF_K2g)
def order_condition_on_a_pair() -> Evidence:
    """beta = b_i/b_j >= 1, gamma = c_i/c_j: beta/gamma <= beta if gamma >= 1, gamma/beta <= beta if gamma <= beta^2.

    Strict where the condition is.
    """
    import sympy

    u, v = increments("u v")
    p = sympy.Symbol("p", positive=True)
    beta = 1 + u
    return every(
        exact(beta / (1 + v), beta, "<="),
        exact((beta**2 / (1 + v)) / beta, beta, "<="),
        exact(beta / (1 + p), beta, "<"),
        exact((beta**2 / (1 + p)) / beta, beta, "<"),
    )


@check(SF_K2g)
def order_condition(b: Sequence[Fraction], c: Sequence[Fraction]) -> Evidence:
    """kappa(b/c) <= kappa(b), and below it if the condition is strict and b not constant, for all lengths."""
    quotients = [
        (p / q, r / t) for p, r in zip(b, c, strict=True) for q, t in zip(b, c, strict=True) if p >= q
    ]
    require(all(1 <= gamma <= beta**2 for beta, gamma in quotients), ORDERED)
    strict = all(1 < gamma < beta**2 for beta, gamma in quotients if beta > 1) and max(b) > min(b)
    found = pencils.condition_number([x / y for x, y in zip(b, c, strict=True)])
    return exact(found, pencils.condition_number(b), "<" if strict else "<=")


@check(SF_K2g)
def order_condition_in_floats(b: np.ndarray, c: np.ndarray) -> Evidence:
    """The same by `preconditioned_condition_number`."""
    beta, gamma = b[:, None] / b, c[:, None] / c
    require(np.all((gamma >= 1) & (gamma <= beta**2) | (beta < 1)), ORDERED)
    error = 64 * len(b) * EPS * (kappa(c) + kappa(b) ** 0.5)
    found = float(preconditioned_condition_number(np.diag(b), np.diag(c)))
    return measured(found / kappa(b), 1.0, error, "<=")


@verifies(SF_K2g)
def test_ordered_preconditioners() -> None:
    order_condition_on_a_pair()
    roots = fractions("1", "3/2", "3/2", "7", "1000")
    squares = [x * x for x in roots]
    for c in (
        roots,
        squares,
        [x**3 for x in roots],
        [x**4 for x in roots],
        [ONE] * 5,
        fractions("1", "2", "2", "3", "9"),
    ):
        order_condition(squares, c)
    for n in (3, 8):
        for b in positive_spectra(n, "ordered").values():
            order_condition_in_floats(b, np.sqrt(b))


@control(SF_K2g, drops=ORDERED)
def test_a_preconditioner_a_little_too_spread_out() -> None:
    order_condition(fractions("2", "1"), fractions("41/10", "1"))
    order_condition_in_floats(np.array([2.0, 1.0]), np.array([4.1, 1.0]))


@control(SF_K2g, drops=ORDERED)
def test_reversed_order() -> None:
    order_condition(fractions("4", "1"), fractions("1", "4"))
