"""The derivative of the polar factor (POL-L5): from its defining equations, for all singular values."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.polar import msign, polar_derivative
from labs.core.spectrum import matrix, zoo
from labs.core.streams import stream
from tests.polar_flow.noises import EPS, FULL_RANK, SHAPES, full_rank
from tests.referee import check, control, verifies
from theory.evidence import Evidence, every, exact, measured, require
from theory.polar_flow import POL_L5_a, POL_L5_b, POL_L5_c, POL_L5_d
from theory.polar_flow import noise_derivative as theory


def symbols(m: int, n: int) -> tuple[Any, Any]:
    """Singular values mu_i > 0 and a direction E, all entries free."""
    import sympy

    mu = sympy.symbols(f"mu1:{min(m, n) + 1}", positive=True)
    return mu, sympy.Matrix(m, n, sympy.symbols(f"e0:{m * n}"))


def descending(r: int) -> list[Any]:
    """mu_1 >= ... >= mu_r > 0 as sums of positive symbols: what differs by nothing is the limit."""
    import sympy

    steps = sympy.symbols(f"v1:{r + 1}", positive=True)
    return [sum(steps[i:]) for i in range(r)]


# --- the formula -----------------------------------------------------------------------------------------


@check(POL_L5_a)
def solves_its_equations(m: int, n: int, rectangular: int = 1) -> Evidence:
    """The formula at diag(mu) is what the equations of the polar factor give, for all mu > 0 and all E."""
    mu, E = symbols(m, n)
    U, V = theory.identity_frames(m, n)
    D, stated = theory.derivative(mu, E), theory.formula(U, mu, V, E, rectangular)
    return every(*(exact(a, b) for a, b in zip(D, stated, strict=True)))


@check(POL_L5_a)
def solves_them_in_other_frames(mu: tuple[Fraction, ...], m: int, n: int, rectangular: int = 1) -> Evidence:
    """In rational frames that are no coordinate axes: what the equations leave over is 0, for one E."""
    import sympy

    require(all(x > 0 for x in mu), FULL_RANK)
    U, V = theory.frames(m, n)
    E = sympy.Matrix(m, n, lambda i, j: sympy.Rational((3 * i + 5 * j) % 7 - 3, 2))
    s = [sympy.Rational(x.numerator, x.denominator) for x in mu]
    return every(
        *(exact(x, 0) for x in theory.residuals(U, s, V, E, theory.formula(U, s, V, E, rectangular)))
    )


@check(POL_L5_a)
def code_differentiates(s: np.ndarray, m: int, n: int, factor: float = 1.0) -> Evidence:
    """polar_derivative against differences of the factor, at a matrix with these singular values."""
    require(bool(np.all(s > 0)), FULL_RANK)
    draws = stream("polar derivative", m, n)
    A, E = matrix(s, m, n, draws), draws.standard_normal((m, n))
    h = 1e-3 * s.min() / np.linalg.norm(E)
    # Fourth order: the error is (h |E|/mu_r)^4/30 |D|, a number of order ten for the fifth derivative, and rounding
    # of the factors, cond(A) eps each, over h.
    p1, p2 = (msign(A + k * h * E) - msign(A - k * h * E) for k in (1.0, 2.0))
    found = (8 * p1 - p2) / (12 * h)
    error = 1e-11 * np.linalg.norm(E) / s.min() + 20 * EPS * (s.max() / s.min()) / h
    return measured(found, factor * polar_derivative(A, E), error, margin=100 * error)


@verifies(POL_L5_a)
def test_formula_in_symbols() -> None:
    for m, n in SHAPES:
        solves_its_equations(m, n)


@verifies(POL_L5_a)
def test_formula_in_rational_frames() -> None:
    for m, n in ((3, 3), (4, 3), (3, 5)):
        solves_them_in_other_frames((Fraction(7, 2), Fraction(2), Fraction(1, 3)), m, n)
    solves_them_in_other_frames((Fraction(2),) * 3, 4, 3)


@verifies(POL_L5_a)
def test_code_on_the_zoo() -> None:
    for m, n in ((3, 3), (5, 3), (3, 6)):
        for s in full_rank(3):
            code_differentiates(s, m, n)


@control(POL_L5_a, changes="the rectangular terms are left out")
def test_square_formula_on_rectangles() -> None:
    solves_its_equations(4, 3, rectangular=0)
    solves_its_equations(3, 4, rectangular=0)
    solves_them_in_other_frames((Fraction(7, 2), Fraction(2), Fraction(1, 3)), 4, 3, rectangular=0)


@control(POL_L5_a, changes="1 -> 1.01")
def test_derivative_with_another_factor() -> None:
    code_differentiates(np.array([1.0, 0.5, 0.2]), 4, 3, factor=1.01)


# --- the Hessian of the nuclear norm ---------------------------------------------------------------------


@check(POL_L5_b)
def hessian_of_the_nuclear_norm(m: int, n: int, rectangular: int = 1) -> Evidence:
    """The slope of the norm is <P, E>; <E, DP[E]> is a sum of squares, DP symmetric; DP[G] = 0."""
    import sympy

    mu, E = symbols(m, n)
    U, V = theory.identity_frames(m, n)
    r = min(m, n)
    D = theory.derivative(mu, E)
    jacobian = sympy.Matrix(m * n, m * n, lambda i, j: sympy.diff(D[i], E[j]))
    squares = [((E[i, j] - E[j, i]) ** 2, 1 / (mu[i] + mu[j])) for i in range(r) for j in range(i + 1, r)]
    rows = E[r:, :] if m > n else E[:, r:].T
    squares += [(rows[k, j] ** 2, rectangular / mu[j]) for k in range(rows.shape[0]) for j in range(r)]
    along = D.subs(dict(zip(E, U * sympy.diag(*mu) * V.T, strict=True)))
    inner = [sum(x * y for x, y in zip(E, X, strict=True)) for X in (U * V.T, D)]
    return every(
        exact(theory.nuclear_norm_slope(mu, E), inner[0]),
        exact(inner[1], sum(square * weight for square, weight in squares)),
        *(exact(weight, 0, ">") for _, weight in squares),
        *(exact(a, b) for a, b in zip(jacobian, jacobian.T, strict=True)),
        *(exact(a, 0) for a in along),
    )


@check(POL_L5_b)
def code_is_symmetric_and_positive(s: np.ndarray, m: int, n: int, sign: float = 1.0) -> Evidence:
    """<E, DP[F]> = <F, DP[E]> and <E, DP[E]> >= 0, to rounding."""
    draws = stream("polar derivative, symmetry", m, n)
    A = matrix(s, m, n, draws)
    E, F = draws.standard_normal((2, 8, m, n))
    D, X = polar_derivative(A, E), polar_derivative(A, F)
    # Frames are right to eps |A| over the gaps of the squares, that is cond eps in the worst entry of 1/mu.
    error = 100 * EPS * (s.max() / s.min()) * m * n / s.min()
    one, other, own = np.sum(F * D, (-2, -1)), np.sum(E * X, (-2, -1)), np.sum(E * D, (-2, -1))
    return every(measured(one, sign * other, error), measured(own, 0.0, error, ">="))


@verifies(POL_L5_b)
def test_hessian_in_symbols() -> None:
    for m, n in SHAPES:
        hessian_of_the_nuclear_norm(m, n)


@verifies(POL_L5_b)
def test_symmetry_on_the_zoo() -> None:
    for m, n in ((3, 3), (5, 3), (3, 6)):
        for s in full_rank(3):
            code_is_symmetric_and_positive(s, m, n)


@control(POL_L5_b, changes="sign of the rectangular terms")
def test_rectangular_terms_of_the_other_sign() -> None:
    hessian_of_the_nuclear_norm(3, 2, rectangular=-1)


@control(POL_L5_b, changes="self-adjoint -> skew-adjoint")
def test_skew_adjoint() -> None:
    code_is_symmetric_and_positive(np.array([1.0, 0.5, 0.2]), 4, 3, sign=-1.0)


# --- eigenvalues and the operator norm -------------------------------------------------------------------


def eigenvalue(kind: str, i: int, j: int, mu: Any, offset: int = 0) -> Any:
    """The eigenvalue stated for a direction: 2/(mu_i + mu_j), 1/mu_i or 0."""
    if kind == "turn":
        return (2 + offset) / (mu[i] + mu[j])
    return 1 / mu[i] if kind == "out" else 0 * mu[i]


@check(POL_L5_c)
def has_the_eigenvalues(m: int, n: int, offset: int = 0) -> Evidence:
    """DP[X] = lambda X for m n directions, for all mu; the directions are a basis."""
    import sympy

    mu, E = symbols(m, n)
    D = theory.derivative(mu, E)
    basis = theory.directions(m, n)
    pairs = []
    for kind, (i, j), X in basis:
        image = D.xreplace(dict(zip(E, X, strict=True)))
        pairs += [exact(a, b) for a, b in zip(image, eigenvalue(kind, i, j, mu, offset) * X, strict=True)]
    independent = sympy.Matrix([list(X) for _, _, X in basis]).det()
    return every(exact(independent, 0, "!="), *pairs)


@check(POL_L5_c)
def multiplicities_fill_the_space(less: int = 0) -> Evidence:
    """r(r-1)/2 + |m - n| r + r(r+1)/2 = m n for every r and every |m - n|."""
    import sympy

    r, excess = sympy.symbols("r e", positive=True, integer=True)
    return exact(r * (r - 1) / 2 + excess * r + r * (r + 1) / 2 - less, r * (r + excess))


@check(POL_L5_c)
def code_has_the_eigenvalues(s: np.ndarray, m: int, n: int, factor: float = 1.0) -> Evidence:
    """The spectrum of the m n x m n matrix of polar_derivative."""
    A = matrix(s, m, n, stream("polar derivative, eigenvalues", m, n))
    units = np.eye(m * n).reshape(m * n, m, n)
    operator = polar_derivative(A, units).reshape(m * n, m * n)
    i, j = np.triu_indices(len(s), 1)
    stated = np.zeros(m * n)
    turn, out = 2 / (s[i] + s[j]), np.repeat(1 / s, abs(m - n))
    stated[: len(turn) + len(out)] = [*turn, *out]
    # Weyl: the perturbation of the operator, as above.
    error = 100 * EPS * (s.max() / s.min()) * m * n / s.min()
    found = np.linalg.eigvalsh((operator + operator.T) / 2)
    return measured(found, factor * np.sort(stated), error)


@verifies(POL_L5_c)
def test_eigenvalues_in_symbols() -> None:
    for m, n in SHAPES:
        has_the_eigenvalues(m, n)
    multiplicities_fill_the_space()


@verifies(POL_L5_c)
def test_eigenvalues_on_the_zoo() -> None:
    for m, n in ((3, 3), (5, 3), (3, 6)):
        for s in full_rank(3):
            code_has_the_eigenvalues(s, m, n)


@control(POL_L5_c, changes="2/(mu_i + mu_j) -> 3/(mu_i + mu_j)")
def test_other_eigenvalues() -> None:
    has_the_eigenvalues(3, 3, offset=1)
    multiplicities_fill_the_space(less=1)
    code_has_the_eigenvalues(np.array([1.0, 0.5, 0.2]), 3, 3, factor=1.01)


@check(POL_L5_d)
def operator_norm(r: int, excess: int, factor: Fraction = Fraction(1)) -> Evidence:
    """The stated norm bounds every eigenvalue, for all mu_1 >= ... >= mu_r > 0, and is one of them."""
    import sympy

    mu = descending(r)
    norm = sympy.Rational(factor.numerator, factor.denominator)
    norm *= 1 / mu[-1] if excess else 2 / (mu[-2] + mu[-1]) if r > 1 else 0
    values = [eigenvalue(kind, i, j, mu) for kind, (i, j), _ in theory.directions(r, r + excess)]
    reached = 1 if any(sympy.cancel(value - norm) == 0 for value in values) else 0
    return every(*(exact(value, norm, "<=") for value in values), exact(reached, 1))


@verifies(POL_L5_d)
def test_operator_norm() -> None:
    for r, excess in ((1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 2), (5, 0), (5, 1)):
        operator_norm(r, excess)


@control(POL_L5_d, sharpens="1 -> 99/100")
def test_operator_norm_is_sharp() -> None:
    operator_norm(2, 0, Fraction(99, 100))
    operator_norm(2, 1, Fraction(99, 100))


# --- the code itself -------------------------------------------------------------------------------------


def test_a_scalar_has_no_derivative() -> None:
    assert polar_derivative(np.array([[3.0]]), np.array([[1.0]])) == 0.0


def test_the_zoo_has_spectra_of_full_rank() -> None:
    assert len(list(full_rank(3))) >= 6
    assert set(zoo(3, stream("noise: spectra", 3))) >= {"graded", "repeated", "nearly equal", "spike"}


def test_rank_deficient_matrices_are_refused() -> None:
    with pytest.raises(ValueError, match="A must be of full rank"):
        polar_derivative(np.diag([1.0, 0.0]), np.eye(2))
