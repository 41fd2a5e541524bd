"""SF-K1: Muon's update as a preconditioned gradient, from the left, from the right and from both sides."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from labs.core.fit import exponent
from labs.core.polar import polar
from labs.core.spectrum import graded, matrix
from labs.core.streams import stream
from tests.referee import check, control, verifies
from tests.spectral_flattening.curvatures import EPS
from tests.spectral_flattening.rationals import fractions, frame, identity
from theory.evidence import Evidence, every, exact, measured, require
from theory.spectral_flattening.conditioning import SF_K1a, SF_K1b, SF_K1c, SF_K1d

HALF, QUARTER = Fraction(-1, 2), Fraction(-1, 4)
SHORT = Fraction(-2, 5)  # in place of -1/2
ROOTS = fractions("2", "1/3", "1/1000")


@check(SF_K1a, SF_K1b, SF_K1c)
def form_of_the_update(left: Fraction, right: Fraction) -> Evidence:
    """(G G^T)^left G (G^T G)^right = Q for all 2 x 2 matrices of full rank: any angles, any singular values."""
    import sympy

    t = sympy.Symbol("t", real=True)
    s = sympy.symbols("s1 s2", positive=True)
    turned = sympy.Matrix([[1 - t**2, -2 * t], [2 * t, 1 - t**2]]) / (1 + t**2)
    fixed = sympy.Matrix(frame(2).tolist())
    # The basis on the side without a power cancels.
    U, V = (turned, fixed) if left else (fixed, turned)

    def power(basis: Any, p: Fraction) -> Any:
        return basis * sympy.diag(*(x ** sympy.Rational(2 * p) for x in s)) * basis.T if p else sympy.eye(2)

    found = power(U, left) * (U * sympy.diag(*s) * V.T) * power(V, right)
    apart = {t: 0, s[0]: 2, s[1]: 2}
    return every(*(exact(x, y, witness=apart) for x, y in zip(found, U * V.T, strict=True)))


@check(SF_K1a, SF_K1b, SF_K1c)
def form_in_other_shapes(
    m: int, n: int, roots: Sequence[Fraction], left: Fraction, right: Fraction
) -> Evidence:
    """The same for m x n matrices with the singular values roots^2, in rational numbers; 0 to any power is 0."""
    require(len(roots) == m or left != HALF, "rank G = m")
    require(len(roots) == n or right != HALF, "rank G = n")
    U, V, r = frame(m, len(roots)), frame(n, len(roots), 1), np.array(roots, dtype=object)

    def power(basis: np.ndarray, p: Fraction) -> np.ndarray:
        return (basis * r ** int(4 * p)) @ basis.T if p else identity(len(basis))

    found = power(U, left) @ ((U * r**2) @ V.T) @ power(V, right)
    return every(*(exact(x, y) for x, y in zip(found.flat, (U @ V.T).flat, strict=True)))


@check(SF_K1a, SF_K1b, SF_K1c)
def forms_in_floats(G: np.ndarray, left: float, right: float) -> Evidence:
    """The same by powers of the singular values, against `polar`: to 1e-10 for condition numbers up to 1e4."""
    u, s, vt = np.linalg.svd(G, full_matrices=False)
    kept = s > max(G.shape) * EPS * s[0]
    s, u, vt = s[kept], u[:, kept], vt[kept]
    require(s[0] <= 1.01e4 * s[-1], "kappa <= 10^4")

    def power(basis: np.ndarray, p: float) -> np.ndarray:
        return (basis * s ** (2 * p)) @ basis.T if p else np.eye(len(basis))

    # The errors of G in the directions of s_n, eps s_1, are multiplied by at most 1/s_n.
    return measured(power(u, left) @ G @ power(vt.T, right), polar(G).q, 1e-10)


@verifies(SF_K1a, SF_K1b, SF_K1c)
def test_three_forms_of_one_update() -> None:
    for left, right in ((HALF, 0), (0, HALF), (QUARTER, QUARTER)):
        form_of_the_update(Fraction(left), Fraction(right))
    form_in_other_shapes(2, 4, ROOTS[:2], HALF, Fraction(0))
    form_in_other_shapes(4, 3, ROOTS, Fraction(0), HALF)
    for m, n, rank in ((3, 3, 2), (4, 5, 3), (3, 2, 1)):
        form_in_other_shapes(m, n, ROOTS[:rank], QUARTER, QUARTER)


@verifies(SF_K1a, SF_K1b, SF_K1c)
def test_three_forms_in_floats() -> None:
    rng = stream("forms of the update")
    for decades in (0.0, 1.0, 2.0, 4.0):
        for m, n in ((6, 6), (4, 9), (9, 4)):
            G = matrix(graded(min(m, n), decades), m, n, rng)
            forms_in_floats(G, -0.25, -0.25)
            if m <= n:
                forms_in_floats(G, -0.5, 0.0)
            if n <= m:
                forms_in_floats(G, 0.0, -0.5)
    forms_in_floats(matrix(np.array([1.0, 0.3]), 5, 4, rng), -0.25, -0.25)


@control(SF_K1a, changes="exponent -1/2 -> -2/5")
def test_the_exponent_of_the_left_form() -> None:
    form_of_the_update(SHORT, Fraction(0))


@control(SF_K1b, changes="exponent -1/2 -> -2/5")
def test_the_exponent_of_the_right_form() -> None:
    form_of_the_update(Fraction(0), SHORT)


@control(SF_K1c, changes="exponents -1/4 -> -1/5")
def test_the_exponents_of_the_symmetric_form() -> None:
    form_of_the_update(SHORT / 2, SHORT / 2)


@check(SF_K1d)
def loss_of_digits(route: str = "eigenvalues", slope: float = 2.0) -> Evidence:
    """The exponent of |X^T X - 1| in kappa, from medians of 9 draws at 8 condition numbers, n = 8."""
    rng = stream("loss of digits")
    decades = np.arange(2.0, 5.75, 0.5)
    lost = []
    for d in decades:
        G = matrix(np.tile(graded(8, d), (9, 1)), 8, 8, rng)
        if route == "eigenvalues":
            w, U = np.linalg.eigh(G @ G.mT)
            s = np.sqrt(w)
        else:
            U, s, _ = np.linalg.svd(G)
        X = (U / s[:, None, :]) @ U.mT @ G
        lost.append(float(np.median(np.linalg.norm(X.mT @ X - np.eye(8), 2, axis=(-2, -1)))))
    fitted = exponent(10.0**decades, np.asarray(lost), level=0.999)
    at = dict(zip(decades, lost, strict=True))
    return every(
        measured(fitted.value, slope, fitted.half_width, margin=4 * fitted.half_width),
        measured(at[4.0], 1e-10, 0.0, ">" if slope == 2.0 else "<="),
    )


@verifies(SF_K1d)
def test_squaring_loses_half_the_digits() -> None:
    loss_of_digits()


@control(SF_K1d, changes="by eigenvalues of G G^T -> by singular values of G")
def test_singular_values_lose_fewer() -> None:
    loss_of_digits(route="singular values")
