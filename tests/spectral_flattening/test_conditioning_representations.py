"""SF-K5: one update, three condition numbers, each of them a bound of what one step leaves."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from labs.core.spectrum import matrix
from labs.core.streams import stream
from labs.spectral_flattening.conditioning import effective_condition_numbers, line_search_factor
from labs.spectral_flattening.conditioning_forms import aligned_factor, kantorovich
from tests.referee import check, control, restates, verifies
from tests.spectral_flattening.curvatures import EPS, kappa, pairs, positive_spectra, turned
from tests.spectral_flattening.kantorovich import kantorovich_inequality
from tests.spectral_flattening.rationals import fractions
from tests.tightness import worst_case
from theory.evidence import Evidence, every, exact, measured, require
from theory.spectral_flattening import gaussian_moments, line_search, pencils
from theory.spectral_flattening.conditioning_factors import SF_K5a, SF_K5b, SF_K5c, SF_K5d, SF_K5e

ONE = Fraction(1)


# --- three condition numbers of one update -----------------------------------------------------------------------


@check(SF_K5a)
def three_verdicts(b: Sequence[Fraction], a: Sequence[Fraction], d: Sequence[Fraction]) -> Evidence:
    """A = 1, Delta = 1: left 1, right kappa(B)^2, two-sided and GD kappa(B); B = diag(b) without loss, any length."""
    require(set(a) == {ONE}, "A = 1")
    require(set(d) == {ONE}, "Delta = 1")
    s = [x * y * z for x, y, z in zip(b, a, d, strict=True)]
    found, kappa_b = pencils.readings(b, a, s, s), pencils.condition_number(b)
    pairs = [
        (found.left, ONE),
        (found.right, kappa_b**2),
        (found.two_sided_squared, kappa_b**2),
        (found.gd, kappa_b),
    ]
    return every(*(exact(x, y) for x, y in pairs))


@check(SF_K5b)
def verdicts_of_expected_covariances(
    b: Sequence[Fraction], a: Sequence[Fraction], power: Fraction = ONE
) -> Evidence:
    """P_L^2 = E[G G^T], P_R^2 = E[G^T G] by Gaussian moments: kappa(A), kappa(B), (kappa(A) kappa(B))^(power/2)."""
    import sympy

    B, A = (sympy.diag(*map(sympy.Rational, values)) for values in (b, a))
    left, right = (
        [
            sympy.sqrt(x)
            for x in gaussian_moments.covariance(X, Y, gaussian_moments.normals("d", *(X.shape))).diagonal()
        ]
        for X, Y in ((B, A), (A, B))
    )
    found = pencils.readings(list(B.diagonal()), list(A.diagonal()), left, right)
    kappa_b, kappa_a = (pencils.condition_number(values) for values in (b, a))
    both = sympy.Rational(kappa_a * kappa_b) ** sympy.Rational(power)
    pairs = [(found.left, kappa_a), (found.right, kappa_b), (found.two_sided_squared, both)]
    return every(*(exact(sympy.nsimplify(x), y) for x, y in pairs))


@check(SF_K5c)
def agreement(b: Sequence[Fraction], a: Sequence[Fraction], d: Sequence[Fraction]) -> Evidence:
    """A, B scalar: the three numbers are kappa(G), GD's is 1; Delta = diag(d) without loss."""
    require(len(set(a)) == len(set(b)) == 1, "A, B scalar")
    s = [x * y * z for x, y, z in zip(b, a, d, strict=True)]
    found, kappa_g = pencils.readings(b, a, s, s), pencils.condition_number(s)
    pairs = [
        (found.left, kappa_g),
        (found.right, kappa_g),
        (found.two_sided_squared, kappa_g**2),
        (found.gd, ONE),
    ]
    return every(*(exact(x, y) for x, y in pairs))


@check(SF_K5d)
def aligned_readings(
    b: Sequence[Fraction], a: Sequence[Fraction], d: Sequence[Fraction], off: Fraction = Fraction(0)
) -> Evidence:
    """left kappa(a) kappa(a d), right kappa(b) kappa(b d), two-sided^2 kappa(b/(a d)) kappa(a/(b d)).

    off  entries of Delta beside its diagonal (2 x 2), when P_L is no longer diagonal: the left number by the spread
    """
    import sympy

    require(off == 0, "aligned")
    number = pencils.condition_number
    modes = list(zip(b, a, d, strict=True))
    left = number(a) * number([y * z for _, y, z in modes])
    if off:
        B, A = (sympy.diag(*map(sympy.Rational, values)) for values in (b, a))
        G = (
            B
            * (sympy.diag(*map(sympy.Rational, d)) + sympy.Rational(off) * sympy.Matrix([[0, 1], [1, 0]]))
            * A
        )
        size = G * G.T
        P = (size + G.det() * sympy.eye(2)) / sympy.sqrt(
            size.trace() + 2 * G.det()
        )  # its square root, det G > 0
        return exact(number(a) * pencils.pencil_condition_number(B, P), left)
    s = [x * y * z for x, y, z in modes]
    found = pencils.readings(b, a, s, s)
    two = number([x / (y * z) for x, y, z in modes]) * number([y / (x * z) for x, y, z in modes])
    pairs = [
        (found.left, left),
        (found.right, number(b) * number([x * z for x, _, z in modes])),
        (found.two_sided_squared, two),
    ]
    return every(*(exact(x, y) for x, y in pairs))


@check(SF_K5a, SF_K5c, SF_K5d)
def readings_in_floats(
    B: np.ndarray, A: np.ndarray, delta: np.ndarray, expected: Sequence[float]
) -> Evidence:
    """(left, right, two-sided, GD) by `effective_condition_numbers`."""
    found = effective_condition_numbers(B, A, delta)
    got = np.array([float(x) for x in (found.left, found.right, found.two_sided, found.gd)])
    spread = np.linalg.cond(B @ delta @ A) + np.sqrt(np.max(got))
    return measured(got / np.asarray(expected), 1.0, 64 * len(B) * EPS * spread)


B_SPECTRA = [
    fractions("4", "1"),
    fractions("1000000", "1000", "1"),
    fractions("3", "3", "1/3", "1/7"),
    fractions("5"),
]
A_SPECTRA = [fractions("1", "9"), fractions("7", "1", "2"), fractions("1", "1", "10", "1"), fractions("2")]


@verifies(SF_K5a, SF_K5b, SF_K5c, SF_K5d)
def test_one_update_has_three_condition_numbers() -> None:
    for b, a in zip(B_SPECTRA, A_SPECTRA, strict=True):
        ones = [ONE] * len(b)
        three_verdicts(b, ones, ones)
        verdicts_of_expected_covariances(b[:3], a[:3])
        agreement([Fraction(3)] * len(b), [Fraction(1, 5)] * len(b), b)
        aligned_readings(b, a, [x / y for x, y in zip(a, b, strict=True)])
        aligned_readings(b, a, ones)


@verifies(SF_K5a, SF_K5c, SF_K5d)
def test_three_condition_numbers_in_floats() -> None:
    rng = stream("readings")
    for n in (2, 6):
        one = np.eye(n)
        for b in positive_spectra(n, "readings").values():
            B, k = turned(b, rng), float(kappa(b))
            readings_in_floats(B, one, one, (1.0, k**2, k, k))
            readings_in_floats(one, 3 * one, matrix(b, n, n, rng), (k, k, k, 1.0))
            a, d = b[::-1] ** 0.5, b**0.3
            two = np.sqrt(kappa(b / (a * d)) * kappa(a / (b * d)))
            expected = (kappa(a) * kappa(a * d), kappa(b) * kappa(b * d), two, kappa(a) * kappa(b))
            readings_in_floats(np.diag(b), np.diag(a), np.diag(d), [float(x) for x in expected])


@control(SF_K5a, drops="Delta = 1")
def test_three_verdicts_of_another_error() -> None:
    three_verdicts(fractions("4", "1"), [ONE, ONE], fractions("21/20", "1"))


@control(SF_K5b, changes="(kappa(A) kappa(B))^{1/2} -> (kappa(A) kappa(B))^{11/20}")
def test_the_exponent_of_expected_covariances() -> None:
    verdicts_of_expected_covariances(fractions("4", "1"), fractions("1", "9"), Fraction(11, 10))


@control(SF_K5c, drops="A, B scalar")
def test_a_curvature_that_is_nearly_scalar() -> None:
    agreement([ONE, ONE], fractions("21/20", "1"), fractions("3", "1"))


@control(SF_K5d, drops="aligned")
def test_an_error_that_is_nearly_aligned() -> None:
    aligned_readings(fractions("4", "1"), fractions("1", "9"), [ONE, ONE], off=Fraction(1, 20))


# --- each of them is a bound -------------------------------------------------------------------------------------


@check(SF_K5e)
def update_is_a_gradient_elsewhere() -> Evidence:
    """Q is the gradient in other coordinates, for both sides at once; then Kantorovich's inequality, mode by mode."""
    import sympy

    B, A = pencils.symmetric("b"), sympy.Matrix([[sympy.Symbol("a", positive=True)]])
    left = sympy.diag(*sympy.symbols("p1 p2", positive=True))
    right = sympy.Matrix([[sympy.Symbol("q", positive=True)]])
    Q = sympy.Matrix(sympy.symbols("x y"))
    one_side = line_search.preconditioned_forms(B, A, left, right, Q)
    other = line_search.preconditioned_forms(A, B, right, left, Q.T)
    return every(*(exact(x, y) for x, y in one_side + other), kantorovich_inequality())


@check(SF_K5e)
def each_reading_bounds_the_factor(
    b: Sequence[Fraction], a: Sequence[Fraction], d: Sequence[Fraction], sharpened: Fraction = ONE
) -> Evidence:
    """rho_M <= sharpened * ((kappa - 1)/(kappa + 1))^2 for aligned modes, in rational numbers and their roots."""
    import sympy

    h = [x * y for x, y in zip(b, a, strict=True)]
    s = [x * y for x, y in zip(h, d, strict=True)]
    rho = aligned_factor(h, s, [ONE] * len(s))
    found = pencils.readings(b, a, s, s)
    numbers = [found.left, found.right, sympy.sqrt(sympy.Rational(found.two_sided_squared))]
    return every(*(exact(rho, sharpened * kantorovich(k), "<=") for k in numbers))


@check(SF_K5e)
def each_number_bounds_the_factor(
    B: np.ndarray, A: np.ndarray, delta: np.ndarray, sharpened: float = 1.0
) -> Evidence:
    """1 - rho_M against the bounds, for matrices in any position, by `labs`; numbers that are finite."""
    rho = float(line_search_factor(B, A, delta, "muon"))
    found = effective_condition_numbers(B, A, delta)
    numbers = np.array([float(x) for x in (found.left, found.right, found.two_sided)])
    numbers = numbers[np.isfinite(numbers)]
    require(numbers.size > 0, "a finite condition number")
    # 1 - kantorovich = 4 kappa/(kappa + 1)^2 < 4/kappa, whose relative error is that of kappa.
    error = 64 * len(B) * EPS * (1 + 4 * np.linalg.cond(B @ delta @ A) / numbers)
    return measured(1 - rho, 1 - sharpened * kantorovich(numbers), error, ">=")


SHARP = (np.diag([2.0, 1.0]), np.diag([3.0, 1.0]), np.diag([1 / 6, 1.0]))  # G = 1, sharp for left and right


@verifies(SF_K5e)
def test_each_number_is_a_bound() -> None:
    update_is_a_gradient_elsewhere()
    for b, a in zip(B_SPECTRA, A_SPECTRA, strict=True):
        for d in ([ONE] * len(b), b, [1 / x for x in a], [1 / (x * y) for x, y in zip(b, a, strict=True)]):
            each_reading_bounds_the_factor(b, a, d)


@verifies(SF_K5e)
def test_each_number_is_a_bound_in_floats() -> None:
    rng = stream("readings, bounds")
    for n in (2, 6):
        for B, A in pairs(n, "bounds"):
            each_number_bounds_the_factor(B, A, rng.standard_normal((n, n)))
            each_number_bounds_the_factor(B, A, np.eye(n))
    B, A = (turned(np.exp(rng.uniform(-2, 2, n)), rng) for n in (3, 5))
    each_number_bounds_the_factor(B, A, rng.standard_normal((3, 5)))
    each_number_bounds_the_factor(A, B, rng.standard_normal((5, 3)))


@restates(SF_K5e)
def test_the_bound_of_a_transposed_padded_and_rescaled_problem() -> None:
    rng = stream("readings, restated")
    B, A = (turned(np.exp(rng.uniform(-2, 2, 4)), rng) for _ in range(2))
    delta = rng.standard_normal((4, 4))
    each_number_bounds_the_factor(A, B, delta.T)
    each_number_bounds_the_factor(1e-70 * B, 1e90 * A, 1e-20 * delta)
    each_number_bounds_the_factor(np.pad(B, (0, 2)), A, np.pad(delta, ((0, 2), (0, 0)), constant_values=3.0))


@verifies(SF_K5e)
def test_the_bound_is_sharp() -> None:
    def instance(p: np.ndarray) -> tuple[Any, ...]:
        return np.diag([p[0], 1.0]), np.diag([p[1], 1.0]), np.diag([p[2], 1.0])

    found = worst_case(
        each_number_bounds_the_factor,
        instance,
        dimension=3,
        lower=0.05,
        upper=20.0,
        stream=stream("readings, worst"),
        starts=2,
        steps=80,
    )
    assert found > 0.99


@control(SF_K5e, sharpens="bound times 0.99")
def test_the_bound_has_no_room() -> None:
    each_reading_bounds_the_factor(
        fractions("2", "1"), fractions("3", "1"), fractions("1/6", "1"), Fraction(99, 100)
    )
    each_number_bounds_the_factor(*SHARP, sharpened=0.99)
