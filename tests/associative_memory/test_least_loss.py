"""AML-N8: how many dimensions K facts need, exactly; the dual certificate of the least loss, in rationals."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.associative_memory.embeddings import best_memory
from labs.associative_memory.margins import least_loss
from labs.core.streams import stream
from tests.referee import check, control, verifies
from theory.associative_memory.embeddings import AML_N8a, AML_N8b, rank_defect
from theory.evidence import Evidence, certified, every, exact, measured, require

ALPHA = Fraction(1, 5)


# --- K - 1 dimensions -----------------------------------------------------------------------------------------------


@check(AML_N8a)
def ranks_of_optimal_logits(K: int, least: int) -> Evidence:
    """The characteristic polynomial factors; zero is a root of it at sum c = -m alone, and then once."""
    import sympy

    polynomial, factored, condition = rank_defect(K)
    m = sympy.Symbol("m", positive=True)
    singular = {symbol: -m / K for symbol in condition.free_symbols if symbol.name != "m"}
    zeros = sympy.roots(polynomial.subs(singular).subs(sympy.Symbol("m"), m), sympy.Symbol("z"))[0]
    at_zero = factored.subs(sympy.Symbol("z"), 0)
    return every(
        exact(polynomial, factored),
        exact(at_zero, (-1) ** K * sympy.Symbol("m") ** (K - 1) * condition),
        exact(K - zeros, least, ">="),
    )


@verifies(AML_N8a)
@pytest.mark.parametrize("K", [2, 3, 4, 5])
def test_optimal_logits_have_rank_k_minus_one_at_least(K: int) -> None:
    ranks_of_optimal_logits(K, K - 1)


@control(AML_N8a, sharpens="K - 1 -> K")
def test_they_need_not_have_rank_k() -> None:
    ranks_of_optimal_logits(4, 4)


@check(AML_N8a)
def loses_something(K: int, dimensions: int, seed: int) -> Evidence:
    """A certified lower bound of all losses in these dimensions, against L*, which needs one dimension more."""
    require(dimensions < K - 1, "d < K - 1")
    draw = stream("N8: embeddings", K, dimensions, seed)
    E, Et = draw.standard_normal((2, dimensions, K))
    lower = best_memory(np.full(K, 1 / K), float(ALPHA), E, Et).lower
    return measured(lower, float(least_loss(float(K), float(ALPHA))), 1e-11, ">")


@verifies(AML_N8a)
@pytest.mark.parametrize(("K", "dimensions"), [(3, 1), (6, 4), (6, 2), (12, 10), (16, 8)])
def test_in_fewer_dimensions_the_entropy_is_not_attained(K: int, dimensions: int) -> None:
    """The tolerance is ten times what a certificate may be open, plus its rounding."""
    for seed in range(3):
        loses_something(K, dimensions, seed)


@pytest.mark.parametrize("K", [3, 6, 16])
def test_a_simplex_in_k_minus_one_dimensions_attains_it(K: int) -> None:
    simplex = np.linalg.svd(np.ones((1, K)))[2][1:]  # an orthonormal basis of the differences
    best = best_memory(np.full(K, 1 / K), float(ALPHA), simplex, simplex)
    assert best.weights.shape == (K - 1, K - 1)
    assert best.loss == pytest.approx(float(least_loss(float(K), float(ALPHA))), abs=2e-12)


# --- the dual certificate -------------------------------------------------------------------------------------------


def small_integers(K: int, d: int, e: int, seed: int) -> tuple[Any, Any]:
    """Embeddings of small integers, (d, K) and (e, K), of full rank."""
    draw = stream("N8: small integers", K, d, e, seed)
    while True:
        E, Et = draw.integers(-3, 4, (d, K)), draw.integers(-3, 4, (e, K))
        if np.linalg.matrix_rank(E) == d and np.linalg.matrix_rank(Et - Et.mean(axis=1, keepdims=True)) == e:
            return E, Et


def rationals(x: np.ndarray) -> Any:
    """A matrix of the floats (or integers) of `x`, exactly."""
    from flint import fmpq, fmpq_mat

    pairs = [Fraction(v).as_integer_ratio() for v in np.asarray(x).ravel().tolist()]
    rows, columns = x.shape
    return fmpq_mat(rows, columns, [fmpq(a, b) for a, b in pairs])


def feasible(
    Q: np.ndarray, p: list[Fraction], E: np.ndarray, Et: np.ndarray, mix: Fraction
) -> tuple[Any, Any]:
    """Rational answers near Q whose columns sum to one and which obey the equation exactly; what they miss of it.

    A share `mix` of them is then replaced by uniform ones: distributions still, that break the equation.
    """
    from flint import fmpq, fmpq_mat

    K = len(p)
    Eq, Etq, near = rationals(E), rationals(Et), rationals(Q)
    centre = rationals(np.eye(K)) - fmpq_mat(K, K, [fmpq(1, K)] * K * K)
    weight = fmpq_mat(
        K, K, [fmpq(*p[j].as_integer_ratio()) if i == j else 0 for i in range(K) for j in range(K)]
    )
    P = rationals(np.eye(K)) * fmpq(4, 5) + fmpq_mat(K, K, [fmpq(1, 5 * K)] * K * K)
    near = centre * near + fmpq_mat(K, K, [fmpq(1, K)] * K * K)
    centred = Etq * centre
    R = Etq * (near - P) * weight * Eq.transpose()
    X = centred.transpose() * (centred * centred.transpose()).inv() * R * (Eq * Eq.transpose()).inv() * Eq
    uniform = fmpq_mat(K, K, [fmpq(1, K)] * K * K)
    share = fmpq(*mix.as_integer_ratio())
    answers = (near - X * weight.inv()) * (1 - share) + uniform * share
    return answers, Etq * (answers - P) * weight * Eq.transpose()


@check(AML_N8b)
def least_loss_is_an_entropy(K: int, d: int, e: int, seed: int, mix: Fraction = Fraction(0)) -> Evidence:
    """L(W) and sum p_j H(Q_j) in balls, for the W found and rational answers Q; what Q misses, exactly."""
    from flint import arb

    E, Et = small_integers(K, d, e, seed)
    p = [Fraction(2 * (K - j), K * (K + 1)) for j in range(K)]
    best = best_memory(np.array([float(x) for x in p]), float(ALPHA), E.astype(float), Et.astype(float))
    answers, missed = feasible(best.dual, p, E, Et, mix)
    columns = [[answers[i, j] for i in range(K)] for j in range(K)]
    entries = [x for column in columns for x in column]
    sums = [abs(sum(column) - 1) for column in columns]
    defects = [-min(entries), *sums, *(abs(x) for x in missed.entries())]
    worst = Fraction(int(max(defects).p), int(max(defects).q))
    require(worst <= 0, "feasible")

    weights = [arb(x.numerator) / x.denominator for x in p]
    entropy = arb(0)
    for w, column in zip(weights, columns, strict=True):
        for x in column:
            entropy -= w * arb(x) * arb(x).log()
    logits = rationals(Et).transpose() * rationals(best.weights) * rationals(E)
    loss, share = arb(0), arb(1) / (5 * K)
    for j, w in enumerate(weights):
        z = [arb(logits[i, j]) for i in range(K)]
        total, sum_of = arb(0), arb(0)
        for x in z:
            total, sum_of = total + x.exp(), sum_of + x
        loss += w * (total.log() - share * sum_of - arb(4) / 5 * z[j])
    low, high = float(entropy.lower()), float(loss.upper())
    # What Newton's method left, and that each end of a ball is a float.
    return certified(high, low, 1e-11, defects=[float(worst)], refutation=(low, high))


@verifies(AML_N8b)
@pytest.mark.parametrize(("K", "d", "e"), [(3, 1, 1), (5, 2, 2), (6, 3, 2), (8, 5, 6), (10, 4, 4)])
def test_the_best_memory_is_certified_by_rational_answers(K: int, d: int, e: int) -> None:
    for seed in range(2):
        least_loss_is_an_entropy(K, d, e, seed)


@control(AML_N8b, drops="feasible")
def test_answers_that_break_the_equation_certify_nothing() -> None:
    least_loss_is_an_entropy(5, 2, 2, 0, mix=Fraction(1, 100))
