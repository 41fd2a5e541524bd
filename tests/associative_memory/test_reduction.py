"""AML-T1.a-c: what commutes with the permutations inside groups, and how it multiplies."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy

from labs.associative_memory import dense
from labs.associative_memory.reduced import Reduced
from labs.core.polar import TUNED, msign
from tests.associative_memory.grouped import (
    GROUPED,
    RULES,
    SMALL,
    Sizes,
    frequencies,
    same,
)
from tests.referee import check, control, verifies
from theory.associative_memory import reduction
from theory.associative_memory.reduction import AML_T1a, AML_T1b, AML_T1c
from theory.evidence import Evidence, every, exact, measured, require

# --- (a) what commutes with the permutations stays so -----------------------------------------------------------


@check(AML_T1a)
def gradient_follows(sizes: Sizes, tilt: Fraction = Fraction(0)) -> Evidence:
    """G(R W R^T) = R G(W) R^T for logits that are symbols; `tilt` is added to the frequency of the first item."""
    K, group = sum(sizes), reduction.groups_of(sizes)
    require(tilt == 0, "A4")
    w = sympy.Matrix(K, K, lambda i, j: sympy.Symbol(f"w{i}_{j}", positive=True))
    p = [
        sympy.Symbol(f"p{a}", positive=True) + sympy.Rational(tilt.numerator, tilt.denominator) * int(j == 0)
        for j, a in enumerate(group)
    ]
    alpha = sympy.Symbol("alpha", positive=True)
    G = reduction.gradient(w, p, alpha)
    return every(
        *(
            same(reduction.gradient(reduction.conjugated(w, order), p, alpha), reduction.conjugated(G, order))
            for order in reduction.generators(sizes)
        )
    )


@check(AML_T1a)
def directions_follow(sizes: Sizes, order: Sequence[int]) -> Evidence:
    """The Frobenius norm, the signs and an odd polynomial of V and of R V R^T, for an integer matrix V."""
    K = sum(sizes)
    V = sympy.Matrix(K, K, lambda i, j: (7 * i * i + 5 * i * j + 3 * j) % 11 - 5)
    a, b, c = (sympy.Rational(x.numerator, x.denominator) for x in TUNED)

    def polynomial(X: Any) -> Any:
        gram = X * X.T
        return (a * sympy.eye(K) + b * gram + c * gram * gram) * X

    turned = reduction.conjugated(V, order)
    signs = [X.applyfunc(sympy.sign) for X in (turned, V)]
    return every(
        exact(sum(x**2 for x in turned), sum(x**2 for x in V)),
        same(signs[0], reduction.conjugated(signs[1], order)),
        same(polynomial(turned), reduction.conjugated(polynomial(V), order)),
    )


@check(AML_T1a)
def runs_keep_the_blocks(p: np.ndarray, sizes: Sizes, rule: str, eta: float, alpha: float) -> Evidence:
    """What after five steps of the whole memory, less itself with two items of the first group exchanged."""
    require(all(np.ptp(part) == 0 for part in np.split(p, np.cumsum(sizes)[:-1])), "A4")
    logits = dense.simulate(p, alpha, eta, 5, rule).logits
    order = reduction.swap(sizes, 0)
    # Five steps of size 4 at most; rounding of one is K eps, and of the polar factor a few tens of that.
    return measured(np.max(np.abs(logits[np.ix_(order, order)] - logits)), 0.0, 1e-12)


@verifies(AML_T1a)
def test_blocks_are_preserved() -> None:
    gradient_follows((2, 2))
    gradient_follows((3, 1))
    for small in SMALL:
        for order in reduction.generators(small):
            directions_follow(small, order)
    for sizes, masses in GROUPED[:2]:
        for rule in RULES:
            runs_keep_the_blocks(frequencies(sizes, masses), sizes, rule, 0.3, 0.1)


@control(AML_T1a, drops="A4")
def test_unequal_frequencies_in_a_group_split_it() -> None:
    gradient_follows((2, 2), Fraction(1, 1000))
    for rule, eta in (("muon", 0.3), ("gd", 4.0)):
        runs_keep_the_blocks(np.array([0.375 + 1e-6, 0.375 - 1e-6, 0.125, 0.125]), (2, 2), rule, eta, 0.1)


@pytest.mark.parametrize(("rule", "eta", "printed"), [("muon", 0.3, "0.603"), ("gd", 4.0, "3.90")])
def test_how_far_unequal_frequencies_split_a_group(rule: str, eta: float, printed: str) -> None:
    d = 1e-6
    logits = dense.simulate(np.array([0.375 + d, 0.375 - d, 0.125, 0.125]), 0.1, eta, 5, rule).logits
    places = len(printed) - 2
    assert f"{abs(logits[0, 0] - logits[1, 1]) / d:.{places}f}" == printed


# --- (b) the dimension -------------------------------------------------------------------------------------------


def contrasts_and_blocks(sizes: Sizes, name: str = "") -> tuple[list[Any], Any]:
    """(x, S) in symbols; no contrast for a group of one item."""
    M = len(sizes)
    x = [sympy.Symbol(f"x{name}{a}", real=True) if sizes[a] > 1 else sympy.Integer(0) for a in range(M)]
    return x, sympy.Matrix(M, M, lambda a, b: sympy.Symbol(f"S{name}{a}_{b}", real=True))


@check(AML_T1b)
def dimension(sizes: Sizes, every_group: bool = False) -> Evidence:
    """The rank of the commutation equations; the form solves them; its parameters can be read off again."""
    M = len(sizes)
    contrasts = M if every_group else sum(size >= 2 for size in sizes)
    x, S = contrasts_and_blocks(sizes)
    X = reduction.lift(sizes, x, S)
    back = reduction.parts(sizes, X)
    return every(
        exact(reduction.commutant_dimension(sizes), M**2 + contrasts),
        *(same(reduction.conjugated(X, order), X) for order in reduction.generators(sizes)),
        same(back[0], x),
        same(back[1], S),
    )


@verifies(AML_T1b)
def test_dimension_of_the_commutant() -> None:
    for sizes in ((2, 2), (3, 1), (1, 1, 2), (5,), (1, 1, 1), (2, 3, 1)):
        dimension(sizes)


@control(AML_T1b, changes="#{a : C_a >= 2} -> M")
def test_a_group_of_one_item_has_no_contrast() -> None:
    dimension((3, 1), every_group=True)


# --- (c) the calculus --------------------------------------------------------------------------------------------


@check(AML_T1c)
def calculus(sizes: Sizes, multiplicity: int = -1) -> Evidence:
    """Product, transpose and norm of two elements in symbols; x_a counts C_a + multiplicity times in the norm."""
    x, S = contrasts_and_blocks(sizes)
    y, T = contrasts_and_blocks(sizes, "'")
    X, Y = reduction.lift(sizes, x, S), reduction.lift(sizes, y, T)
    product = reduction.parts(sizes, X * Y)
    transpose = reduction.parts(sizes, X.T)
    norm = sum((size + multiplicity) * a**2 for size, a in zip(sizes, x, strict=True)) + sum(s**2 for s in S)
    return every(
        same(product[0], [a * b for a, b in zip(x, y, strict=True)]),
        same(product[1], S * T),
        same(transpose[0], x),
        same(transpose[1], S.T),
        exact(sum(entry**2 for entry in X), norm),
    )


@check(AML_T1c)
def factors_of_the_parts(sizes: Sizes, x: np.ndarray, S: np.ndarray, shift: float = 0.0) -> Evidence:
    """msgn of the whole matrix against the whole matrix of (sgn x, msgn S); labs."""
    memory = Reduced(tuple(sizes), np.full(len(sizes), 1 / len(sizes)), 0.0)
    # Condition number below 100: both factors are right to 100 K eps.
    return measured(
        msign(memory.logits(x, S), "svd"), memory.logits(np.sign(x - shift), msign(S, "svd")), 1e-12
    )


@check(AML_T1c)
def exact_factor_of_the_parts(sizes: Sizes, x: Sequence[int], flipped: int = 1) -> Evidence:
    """Q = (sgn x, I) is the polar factor of X = (x, B^T B), B of integers: X = Q P, P = Y^T Y, Q^T Q P = P.

    The mean block is turned by a permutation of its rows, which is a polar factor that is not symmetric; Y =
    (sqrt|x|, B), so |x| are squares.  `flipped` multiplies the sign of the first contrast of Q.
    """
    M = len(sizes)
    B = sympy.Matrix(M, M, lambda a, b: (3 * a + 2 * b + a * b) % 5 + 4 * int(a == b))
    U = sympy.eye(M)[:, [(b + 1) % M for b in range(M)]]
    signs = [int(sympy.sign(value)) for value in x]
    Y = reduction.lift(sizes, [sympy.sqrt(abs(value)) for value in x], B)
    Q = reduction.lift(sizes, [flipped * signs[0], *signs[1:]], U)
    P = Y.T * Y
    # Q is a partial isometry whose rank is that of P, so that it vanishes where X does.
    rank = sum(sizes[a] - 1 for a in range(M) if signs[a]) + M
    return every(
        exact(B.det(), 0, "!="),
        same(Q * P, reduction.lift(sizes, x, U * B.T * B)),
        same(Q.T * Q * P, P),
        same((Q.T * Q) ** 2, Q.T * Q),
        exact((Q.T * Q).trace(), rank),
    )


@verifies(AML_T1c)
def test_calculus_of_the_commutant() -> None:
    for sizes in ((1, 4), (2, 3), (4, 1, 1)):
        calculus(sizes)
    exact_factor_of_the_parts((3, 1, 2), [4, 0, -9])
    exact_factor_of_the_parts((2, 3, 2), [-1, 0, 4])
    S = np.array([[1.0, 0.3, -0.2], [0.1, -0.7, 0.4], [0.2, 0.5, 0.9]])
    factors_of_the_parts((3, 1, 4), np.array([0.5, 0.0, -2.0]), S)
    factors_of_the_parts((2, 2, 2), np.array([0.5, 1.0, 2.0]), S)


@control(AML_T1c, changes="C_a - 1 -> C_a")
def test_the_mean_of_a_group_is_no_contrast() -> None:
    calculus((1, 4), multiplicity=0)


@control(AML_T1c, changes="sgn x_1 -> -sgn x_1")
def test_another_sign_is_no_polar_factor() -> None:
    exact_factor_of_the_parts((3, 1, 2), [4, 0, -9], flipped=-1)
