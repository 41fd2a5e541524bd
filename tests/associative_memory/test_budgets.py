"""AML-X1: what can be reached with logits, or updates, of bounded operator norm."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.associative_memory.signs import operator_norm_bound
from labs.core.polar import msign
from labs.core.spectrum import matrix, zoo
from labs.core.streams import stream
from tests.referee import check, control, verifies
from theory.associative_memory import AML_X1a, AML_X1b, AML_X1c, AML_X1d, budgets
from theory.associative_memory import sign_descent as derived
from theory.evidence import Evidence, every, exact, measured, require

EPS = 2.0**-52
UNIFORM, BOUNDED = "uniform p", "updates of operator norm at most eta"
UNEVEN = np.array([0.4, 0.3, 0.2, 0.1])


def loss(W: np.ndarray, p: np.ndarray) -> float:
    """sum_j p_j (log sum_i exp W_ij - W_jj), as a softmax memory without noise has it."""
    top = W.max(axis=0)
    return float(p @ (top + np.log(np.sum(np.exp(W - top), axis=0)) - np.diag(W)))


def bound(K: int, R: float) -> float:
    return float(operator_norm_bound(np.array(float(K)), R))


@check(AML_X1a, AML_X1d)
def dual_point() -> Evidence:
    """The dual value is the bound, for all K and R; its gradient is -q (I - J/K); the conjugate inequality."""
    import sympy

    E, R, level, k = sympy.symbols("E R level k", positive=True)
    parts = [exact(budgets.dual_value(1 + k, E, R, level), level)]
    parts += [exact(one, 1) for one in budgets.dual_logarithms(1 + k, E)]
    for K in (2, 3, 4):
        G = budgets.dual_gradient(K, E)
        q = 1 / (E + K - 1)
        parts += [exact(G[i, 0], -q * (int(i == 0) - sympy.Rational(1, K))) for i in range(K)]
    # L_j - <y - 1_j, w> + sum y log y is 0 with its derivatives at softmax(w) = y; its second derivative along d is
    # the variance of d under y, sum_{i<j} y_i y_j (d_i - d_j)^2.
    weights, d = sympy.symbols("y1:4", positive=True), sympy.symbols("d1:4", real=True)
    total = sum(weights)
    y = [w / total for w in weights]
    parts += [exact(slope, 0) for slope in budgets.conjugate_gap(weights, y)]
    variance = (
        sum(a * b * b for a, b in zip(y, d, strict=True)) - sum(a * b for a, b in zip(y, d, strict=True)) ** 2
    )
    pairs = sum(y[i] * y[j] * (d[i] - d[j]) ** 2 for i in range(3) for j in range(i))
    return every(*parts, exact(variance, pairs))


@check(AML_X1a)
def loss_at_least(W: np.ndarray, p: np.ndarray, R: float) -> Evidence:
    """The loss of logits W, scaled down to |W|_op = R where they are larger, against the bound."""
    require(np.ptp(p) == 0, UNIFORM)
    top = np.linalg.norm(W, 2)
    W = W * min(1.0, R / top)
    # The norm is right to K eps, and the loss changes by at most sqrt(2) times it.
    return measured(loss(W, p), bound(len(p), R), 4 * len(p) * EPS * (1 + R), ">=", margin=1e-3)


@check(AML_X1a)
def convex_optimum(K: int, R: float, p: np.ndarray) -> Evidence:
    """The optimum that a conic solver finds (to about 1e-8)."""
    require(np.ptp(p) == 0, UNIFORM)
    value, _ = oracle(K, R, p)
    return measured(value, bound(K, R), 1e-7)


def oracle(K: int, R: float, p: np.ndarray) -> tuple[float, np.ndarray]:
    """min L over |W|_op <= R by CVXPY: value and argument."""
    cvxpy: Any = pytest.importorskip("cvxpy")
    W = cvxpy.Variable((K, K))
    objective = sum(p[j] * (cvxpy.log_sum_exp(W[:, j]) - W[j, j]) for j in range(K))
    problem = cvxpy.Problem(cvxpy.Minimize(objective), [cvxpy.sigma_max(W) <= R])
    return float(problem.solve(solver=cvxpy.CLARABEL)), np.asarray(W.value)


@verifies(AML_X1a)
def test_bound_by_duality() -> None:
    dual_point()


@verifies(AML_X1a)
@pytest.mark.parametrize("K", [2, 6])
def test_zoo_of_logits(K: int) -> None:
    draw = stream("operator norm bound", K)
    p = np.full(K, 1 / K)
    best = np.eye(K) - 1 / K
    for R in (0.1, 1.0, 10.0):
        loss_at_least(R * best, p, R)
        for s in zoo(K, draw).values():
            W = matrix(s, K, K, draw)
            loss_at_least(R * W, p, R)
            loss_at_least(R * (best + 1e-3 * W), p, R)


@verifies(AML_X1a)
@pytest.mark.parametrize("R", [0.5, 2.0])
def test_conic_solver(R: float) -> None:
    convex_optimum(4, R, np.full(4, 0.25))


@control(AML_X1a, drops=UNIFORM)
def test_uneven_frequencies_reach_below() -> None:
    value, W = oracle(4, 1.0, UNEVEN)
    assert f"{bound(4, 1.0) - value:.4f}" == "0.0146"
    loss_at_least(W, UNEVEN, 1.0)
    convex_optimum(4, 1.0, UNEVEN)


# --- (b) attained ------------------------------------------------------------------------------------------------


@check(AML_X1b)
def attained(K: int, E: int, reached: int | None = None) -> Evidence:
    """exp L at R (I - J/K), E = e^R, is 1 + (K-1)/E; I - J/K is a projection, so that its norm is 1."""
    import sympy

    _, found = derived.one_group(K, sympy.Integer(reached or E), sympy.Integer(0))
    P = sympy.eye(K) - sympy.ones(K, K) / K
    square = P * P
    return every(
        exact(found, 1 + sympy.Rational(K - 1, E)),
        *(exact(square[i, 0], P[i, 0]) for i in range(K)),
        exact(P[0, 0], 0, ">"),
    )


@check(AML_X1b)
def labs_attains(K: int, R: float) -> Evidence:
    """labs' bound is the loss of the matrix."""
    expected = loss(R * (np.eye(K) - 1 / K), np.full(K, 1 / K))
    return measured(bound(K, R), expected, 4 * K * EPS * (1 + R))


@verifies(AML_X1b)
def test_bound_is_attained() -> None:
    for K in (2, 3, 6):
        attained(K, 2**100)
        for R in (0.0, 0.5, 9.0):
            labs_attains(K, R)


@control(AML_X1b, changes="R (I - J/K) -> 0.99 R (I - J/K)")
def test_a_smaller_multiple_is_worse() -> None:
    attained(3, 2**100, reached=2**99)


# --- (c) any frequencies -----------------------------------------------------------------------------------------


@check(AML_X1c)
def lightest_weight(K: int) -> Evidence:
    """L - p_min sum L_j is a sum of nonnegative terms, and AML-X1.a bounds (1/K) sum L_j."""
    import sympy

    least = sympy.Symbol("least", positive=True)
    extra, losses = sympy.symbols(f"v1:{K}", positive=True), sympy.symbols(f"l1:{K + 1}", positive=True)
    p = [least, *(least + v for v in extra)]
    return exact(sum(w * l for w, l in zip(p, losses, strict=True)), least * sum(losses), ">=")


@check(AML_X1c)
def weighted_loss_at_least(W: np.ndarray, p: np.ndarray, R: float, factor: float = 1.0) -> Evidence:
    """The loss of logits of norm at most R for any frequencies."""
    K = len(p)
    W = W * min(1.0, R / np.linalg.norm(W, 2))
    return measured(loss(W, p), factor * K * np.min(p) * bound(K, R), 4 * K * EPS * (1 + R), ">=")


@verifies(AML_X1c)
def test_any_frequencies() -> None:
    for K in (2, 4):
        lightest_weight(K)
    draw = stream("operator norm bound, any frequencies")
    for R in (0.5, 5.0):
        for s in zoo(4, draw).values():
            weighted_loss_at_least(R * matrix(s, 4, 4, draw), UNEVEN, R)
        weighted_loss_at_least(R * (np.eye(4) - 0.25), UNEVEN, R)
        weighted_loss_at_least(R * (np.eye(4) - 0.25), np.full(4, 0.25), R)


@control(AML_X1c, sharpens="K p_min -> 1.05 K p_min")
def test_equal_frequencies_leave_no_room() -> None:
    weighted_loss_at_least(np.eye(4) - 0.25, np.full(4, 0.25), 1.0, factor=1.05)


# --- (d) methods -------------------------------------------------------------------------------------------------


@check(AML_X1d)
def norm_of_the_sum(updates: Sequence[Any], eta: Fraction) -> Evidence:
    """Rational updates of norm at most eta: (eta t)^2 I - W^T W is positive semidefinite (pivots not negative)."""
    import sympy

    size, K = sympy.Rational(eta), updates[0].rows
    for U in updates:
        require((size**2 * sympy.eye(K) - U.T * U).is_positive_semidefinite, BOUNDED)
    W = sum(updates, sympy.zeros(K, K))
    room = (len(updates) * size) ** 2 * sympy.eye(K) - W.T * W
    minors = [room[:n, :n].det() for n in range(1, K + 1)]
    return every(*(exact(minor, 0, ">") for minor in minors))


@check(AML_X1d)
def no_method_is_ahead(rule: str, K: int, eta: float, steps: int) -> Evidence:
    """A run from W = 0 whose updates are scaled to operator norm eta, against Muon's loss."""
    draw = stream("updates", rule)
    W, p = np.zeros((K, K)), np.full(K, 1 / K)
    losses = []
    for _ in range(steps):
        weights = np.exp(W - W.max(axis=0))
        G = (weights / weights.sum(axis=0) - np.eye(K)) / K
        update = {"gd": G, "muon": msign(G), "sign": np.sign(G), "any": draw.standard_normal((K, K))}[
            rule.split()[0]
        ]
        update = update / np.linalg.norm(update, 2) * (1.05 if "longer" in rule else 1.0)
        require(np.linalg.norm(update, 2) <= 1 + 1e-12, BOUNDED)
        W = W - eta * update
        losses.append(loss(W, p))
    muon = operator_norm_bound(np.array(float(K)), eta * np.arange(1.0, steps + 1))
    return measured(losses, muon, steps * K * EPS * (1 + eta * steps), ">=")


@verifies(AML_X1d)
def test_no_method_is_ahead_of_muon() -> None:
    import sympy

    dual_point()
    turn = sympy.Matrix([[3, -4], [4, 3]]) / 5
    norm_of_the_sum([turn, sympy.diag(1, sympy.Rational(1, 2)), turn.T], Fraction(1))
    for rule in ("gd", "muon", "sign", "any"):
        no_method_is_ahead(rule, 8, 0.3, 20)


@control(AML_X1d, drops=BOUNDED)
def test_longer_updates_are_ahead() -> None:
    no_method_is_ahead("muon longer", 8, 0.3, 20)
