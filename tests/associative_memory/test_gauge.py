"""AML-P1.b, c, e: what the columns of the logits keep, and what does not count in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labs.associative_memory.dense import simulate
from labs.associative_memory.memory import answers
from labs.core.streams import stream
from tests.associative_memory.frequencies import POWER_LAW, frequencies
from tests.associative_memory.rationals import factored, frame, identity, is_polar, squares
from tests.referee import check, control, restates, verifies
from theory.associative_memory import model
from theory.associative_memory.model import AML_P1b, AML_P1c, AML_P1e
from theory.evidence import Evidence, every, exact, measured

EPS = 2.0**-52
NOISE = 0.2
K, STEPS = len(POWER_LAW), 50
EQUIVARIANT = ("gd", "ngd", "muon")


# --- P1.b: columns sum to zero -----------------------------------------------------------------------------------


@check(AML_P1b)
def gradient_columns_sum_to_zero(facts: int, change: int = 0) -> Evidence:
    """1^T (Phat - P) = `change` for all logits and all targets of sum 1."""
    import sympy

    of = model.memory(facts, 1)
    sums = sympy.ones(1, facts) * model.residual(of.z, of.P)
    return every(*(exact(x, change) for x in sums))


@check(AML_P1b)
def updates_are_balanced(c: list[Any], values: list[Any]) -> Evidence:
    """c^T G = 0 gives c^T msgn(G) = 0, and the rank of G is below n: in rational numbers."""
    import sympy

    G, sign = factored(c, values)
    unit = sympy.Matrix(c)
    return every(
        exact(squares(unit.T * G), 0),
        exact(G.rank(), len(c), "<"),
        is_polar(G, sign),
        exact(squares(unit.T * sign), 0),
    )


@check(AML_P1b)
def logits_keep_their_column_sums(rule: str, p: np.ndarray, alpha: float, steps: int = STEPS) -> Evidence:
    """1^T What_t = 0 from What_0 = 0; for a run of labs."""
    end = simulate(p, alpha, 2.0 if rule == "gd" else 0.2, steps, rule).logits
    # Each step adds rounding of size K eps to entries that come to 0.2 steps.
    return measured(np.sum(end, axis=-2), 0.0, steps * p.shape[-1] * EPS * 0.2 * steps)


@verifies(AML_P1b)
def test_columns_of_the_gradient_sum_to_zero() -> None:
    import sympy

    for facts in (2, 3, 4):
        gradient_columns_sum_to_zero(facts)
    third = sympy.Rational(1, 3)
    for values in ([1], [3, sympy.Rational(1, 7)], [1, 1]):
        updates_are_balanced([third, 2 * third, -2 * third], [sympy.Integer(1) * x for x in values])


@verifies(AML_P1b)
@pytest.mark.parametrize("rule", [*EQUIVARIANT, "muon-ns5", "polar-express"])
def test_columns_of_the_logits_sum_to_zero(rule: str) -> None:
    for alpha in (0.0, NOISE):
        logits_keep_their_column_sums(rule, frequencies(9, 0.0), alpha, 20)


@control(AML_P1b, changes="Muon -> sign descent")
@pytest.mark.parametrize("rule", ["signgd", "tra-signgd"])
def test_sign_descent_does_not_keep_the_column_sums(rule: str) -> None:
    logits_keep_their_column_sums(rule, POWER_LAW, NOISE)


@control(AML_P1b, changes="0 -> 1")
def test_columns_do_not_sum_to_one() -> None:
    gradient_columns_sum_to_zero(3, 1)


# --- P1.c, e: the gauge ------------------------------------------------------------------------------------------


@check(AML_P1c)
def constants_do_not_count(facts: int, only: int | None = None) -> Evidence:
    """Logits times exp(v_j): the residual and exp of the loss of each column stay, for all z > 0, v."""
    import sympy

    z = sympy.Matrix(facts, facts, lambda i, j: sympy.Symbol(f"z{i}_{j}", positive=True))
    v = sympy.symbols(f"v0:{facts}", positive=True)
    moved = sympy.Matrix(facts, facts, lambda i, j: z[i, j] * (v[j] if only in (None, i) else 1))
    P = sympy.Matrix(facts, facts, lambda i, j: sympy.Rational(1 + (i == j), facts + 1))
    parts = zip(model.residual(moved, P), model.residual(z, P), strict=True)
    losses = [(model.softmax_loss(moved, P, j), model.softmax_loss(z, P, j)) for j in range(facts)]
    powers = [(sympy.powsimp(sympy.expand_power_base((a / b) ** (facts + 1)))) for a, b in losses]
    return every(*(identity(a, b) for a, b in parts), *(exact(sympy.cancel(x), 1) for x in powers))


@verifies(AML_P1c)
@pytest.mark.parametrize("facts", [2, 3, 4])
def test_a_constant_in_a_column_changes_nothing(facts: int) -> None:
    constants_do_not_count(facts)


@verifies(AML_P1c)
def test_labs_does_not_see_a_constant_in_a_column() -> None:
    shift_in_floats(stream("gauge").standard_normal((5, 5)), np.array([3.0, -40.0, 0.0, 700.0, 1e-3]))


@check(AML_P1c)
def shift_in_floats(logits: np.ndarray, v: np.ndarray) -> Evidence:
    p = np.full(5, 0.2)
    one, two = (answers(x, p, NOISE) for x in (logits, logits + v))
    # The logits are rounded to eps of their size.
    tolerance = 8 * EPS * float(np.max(np.abs(v)) + 10)
    parts = ((two.gradient, one.gradient), (two.margins, one.margins), (two.spread, one.spread))
    return every(*(measured(x, y, tolerance) for x, y in parts))


@control(AML_P1c, changes="a constant in a column -> in one entry of it")
def test_a_single_logit_counts() -> None:
    constants_do_not_count(3, only=1)


@check(AML_P1e)
def completion_trains_the_same_memory(p: np.ndarray, alpha: float, u: np.ndarray, which: int) -> Evidence:
    """A loop with msgn(G) + u v^T, |v| = 1, G v = 0, against labs' run: the same probabilities after every step."""
    size, eta = len(p), 0.2
    P = (1 - alpha) * np.eye(size) + alpha / size
    W = np.zeros((size, size))
    losses = []
    for _ in range(STEPS + 1):
        Phat = np.exp(W - W.max(axis=0))
        Phat /= Phat.sum(axis=0)
        losses.append(-np.sum(p * np.sum(P * np.log(Phat), axis=0)))
        U, _, Vt = np.linalg.svd((Phat - P) * p)
        sign = (-1.0) ** which
        W = W - eta * (U[:, :-1] @ Vt[:-1] + sign * np.outer(u, Vt[-1]))
    # As for the runs in other embeddings: K eps a step, times the growth of an error.
    return measured(np.array(losses), simulate(p, alpha, eta, STEPS, "muon").loss, STEPS * size * EPS * 1e3)


@verifies(AML_P1e)
@pytest.mark.parametrize("alpha", [0.0, NOISE])
@pytest.mark.parametrize("which", [0, 1])
def test_any_completion_trains_the_same_memory(alpha: float, which: int) -> None:
    completion_trains_the_same_memory(POWER_LAW, alpha, np.full(K, K**-0.5), which)


@check(AML_P1e)
def completion_adds_constants() -> Evidence:
    """msgn(G) + c v^T is orthogonal for c = 1/sqrt n, v the unit vector of the kernel of G; it adds c v_j."""
    import sympy

    n, c = 4, [sympy.Rational(1, 2)] * 4
    G, sign = factored(c, [sympy.Rational(k) for k in range(1, n)])
    v = frame(n, 1)[:, n - 1]
    completed = sign + sympy.Matrix(c) * v.T
    spread = [completed[i, j] - sign[i, j] - completed[0, j] + sign[0, j] for i in range(n) for j in range(n)]
    return every(
        exact(squares(G * v), 0),
        exact(squares(completed.T * completed - sympy.eye(n)), 0),
        exact(sum(x**2 for x in spread), 0),
    )


@verifies(AML_P1e)
def test_the_completion_adds_a_constant_to_each_column() -> None:
    completion_adds_constants()


@control(AML_P1e, changes="u = 1/sqrt K -> a random unit vector")
def test_other_completions_train_another_memory() -> None:
    u = stream("a random left vector").standard_normal(K)
    completion_trains_the_same_memory(POWER_LAW, NOISE, u / np.linalg.norm(u), 0)


@restates(AML_P1c)
def test_runs_from_shifted_starts_are_the_same_run() -> None:
    for rule in EQUIVARIANT:
        run_from_a_shifted_start(rule)


@check(AML_P1c)
def run_from_a_shifted_start(rule: str) -> Evidence:
    start = np.ones((K, 1)) * np.linspace(-2.0, 3.0, K)
    plain, shifted = (simulate(POWER_LAW, NOISE, 0.2, STEPS, rule, start=x) for x in (0 * start, start))
    return measured(shifted.loss, plain.loss, STEPS * K * EPS * 1e3)
