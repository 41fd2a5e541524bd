"""Embeddings of every kind; the best memory against closed forms and another solver; AML-N8 recorded."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from labs.associative_memory.dense import simulate
from labs.associative_memory.embeddings import KINDS, best_memory, embeddings
from labs.associative_memory.margins import least_loss, optimal_margin
from labs.core.streams import stream
from tests.referee import check, reports
from theory.associative_memory.networks import AML_N8
from theory.evidence import Evidence, every, measured

K = 8
P = np.arange(1.0, K + 1) ** -1.2
P = P / np.sum(P)


def drawn(kind: str, d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    queries, answers = (
        embeddings(kind, d, K, stream("test embeddings", what, kind, d, seed)) for what in "qa"
    )
    return queries, answers


def plain_loss(W: np.ndarray, alpha: float, E: np.ndarray, Et: np.ndarray) -> float:
    total = 0.0
    for j in range(K):
        z = Et.T @ W @ E[:, j]
        target = np.full(K, alpha / K) + (1 - alpha) * (np.arange(K) == j)
        total += P[j] * (np.log(np.sum(np.exp(z))) - target @ z)
    return float(total)


def test_embeddings_are_what_they_say() -> None:
    assert np.array_equal(embeddings("identity", 5, 5, stream("test embeddings")), np.eye(5))
    E = embeddings("haar", 6, 24, stream("test embeddings: haar"))
    np.testing.assert_allclose(E @ E.T, 4 * np.eye(6), atol=1e-14)
    square = embeddings("haar", 7, 7, stream("test embeddings: square"))
    np.testing.assert_allclose(square.T @ square, np.eye(7), atol=1e-14)
    G = embeddings("gaussian", 20, 500, stream("test embeddings: gaussian"))
    # 10^4 squares of relative deviation sqrt(2): four deviations of their mean.
    assert np.mean(np.sum(G * G, axis=0)) == pytest.approx(1.0, abs=4 * 2**0.5 / 100)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alpha", [0.05, 0.3, 1.0])
def test_with_as_many_dimensions_as_facts_nothing_is_lost(kind: str, alpha: float) -> None:
    """Any logits can be had: the least loss is the entropy, the best margins are m*."""
    E, Et = drawn(kind, K)
    best = best_memory(P, alpha, E, Et)
    assert best.loss == pytest.approx(float(least_loss(float(K), alpha)), abs=2e-12)
    assert best.lower <= best.loss + 1e-13
    logits = Et.T @ best.weights @ E
    # A loss within 1e-12 of the least has its logits within some sqrt(1e-12/(p alpha/K)), 1e-4 at most.
    off = np.diagonal(logits) - logits - float(optimal_margin(float(K), alpha))
    assert np.max(np.abs(off[~np.eye(K, dtype=bool)])) < 1e-3


@pytest.mark.parametrize("kind", ["haar", "gaussian"])
@pytest.mark.parametrize("d", [2, 3])
def test_the_least_loss_by_another_solver(kind: str, d: int) -> None:
    from scipy.optimize import minimize

    E, Et = drawn(kind, d)
    best = best_memory(P, 0.2, E, Et)
    assert best.loss == pytest.approx(plain_loss(best.weights, 0.2, E, Et), rel=1e-14)
    found = minimize(
        lambda w: plain_loss(w.reshape(d, d), 0.2, E, Et), np.zeros(d * d), method="BFGS", tol=1e-9
    )
    # BFGS by differences: its gradient is good to 1e-8, its loss to far less than that.
    assert found.fun == pytest.approx(best.loss, abs=1e-9)
    assert best.loss - best.lower <= 1e-12
    assert best.loss > float(least_loss(float(K), 0.2)) + 1e-3


def test_dimensions_of_queries_and_answers_may_differ() -> None:
    E, Et = drawn("haar", 6)[0], drawn("gaussian", 3)[1]
    best = best_memory(P, 0.2, E, Et)
    assert best.weights.shape == (3, 6)
    slope = stream("test embeddings: directions").standard_normal((20, 3, 6))
    around = [plain_loss(best.weights + 1e-3 * move, 0.2, E, Et) for move in slope]
    assert min(around) > best.loss


def test_long_runs_of_gd_end_at_the_best_memory() -> None:
    E, Et = drawn("haar", 3)
    best = best_memory(P, 0.3, E, Et)
    smoothness = 0.5 * np.linalg.norm(Et, 2) ** 2 * np.linalg.norm((E * P) @ E.T, 2)
    run = simulate(P, 0.3, 1.0 / smoothness, 400, "gd", queries=E, answers=Et)
    assert np.all(np.diff(run.loss) < 1e-15)
    # Descent on a convex loss at one over its smoothness L: f - min f <= L |W*|_F^2/(2 T).
    slack = smoothness * np.sum(best.weights**2) / 2
    excess = run.loss - best.loss
    assert np.all(excess > 0.0)
    assert np.all(excess[1:] * np.arange(1, 401) <= slack)
    assert excess[-1] < 1e-5


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"alpha": 0.0}, "alpha"),
        ({"alpha": 1.5}, "alpha"),
        ({"p": P / 2}, "p"),
        ({"p": np.append(P[:-2], [P[-2] + P[-1], 0.0])}, "p"),
        ({"queries": np.ones((2, K))}, "queries"),
        ({"answers": np.eye(K - 1)}, "answers"),
        ({"queries": np.full((2, K), np.nan)}, "queries"),
        ({"alpha": np.full(2, 0.1)}, "alpha"),
        ({"tolerance": 0.0}, "tolerance"),
        ({"tolerance": float("nan")}, "tolerance"),
        ({"iterations": 2.0}, "iterations"),
        ({"iterations": -1}, "iterations"),
    ],
)
def test_bad_memories(change: dict[str, Any], name: str) -> None:
    E, Et = drawn("haar", 4)
    good: dict[str, Any] = {"p": P, "alpha": 0.2, "queries": E, "answers": Et}
    with pytest.raises(ValueError, match=f"^{name}"):
        best_memory(**(good | change))


def test_a_memory_that_was_not_found_is_not_returned() -> None:
    E, Et = drawn("haar", 4)
    with pytest.raises(RuntimeError, match="no certificate after 1 steps"):
        best_memory(P, 0.01, E, Et, iterations=1)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("gauss", 3, 4), "kind"),
        (("identity", 3, 4), "dimension"),
        (("haar", 5, 4), "dimension"),
        (("haar", 0, 4), "dimension"),
        (("gaussian", 3, 0), "count"),
        (("gaussian", 3.0, 4), "dimension"),
        (("haar", float("nan"), 4), "dimension"),
        (("haar", 3, float("inf")), "count"),
        (("haar", True, 4), "dimension"),
    ],
)
def test_bad_embeddings(arguments: tuple[str, int, int], name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must"):
        embeddings(*arguments, stream("test embeddings"))


# --- what is seen in crowded embeddings: recorded, not judged -------------------------------------------------------

SEEDS, STEPS = 3, (30, 90)


@cache
def ratios(kind: str, d: int) -> np.ndarray:
    """Excess/eta^2 for (seeds, steps), averaged over two phases and the last two steps."""
    found = np.zeros((SEEDS, len(STEPS)))
    for seed in range(SEEDS):
        E, Et = drawn(kind, d, seed)
        best = best_memory(P, 0.2, E, Et)
        for i, steps in enumerate(STEPS):
            eta = np.array([2.25, 2.75]) * np.linalg.norm(best.weights, 2) / steps
            run = simulate(P, 0.2, eta, steps, "muon", queries=E, answers=Et)
            found[seed, i] = np.mean((run.loss[:, -2:] - best.loss) / eta[:, None] ** 2)
    return found


@check(AML_N8)
def stays_in_units_of_the_step(kind: str, d: int, seed: int, steps: int) -> Evidence:
    ratio = ratios(kind, d)[seed, STEPS.index(steps)]
    return every(measured(ratio, 0.2, 0.0, "<=", margin=1.0), measured(ratio, 0.01, 0.0, ">=", margin=1.0))


@reports(AML_N8)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_excess_in_units_of_the_squared_step(seed: int) -> None:
    for kind, d in (("haar", 8), ("haar", 6), ("haar", 4), ("haar", 2), ("gaussian", 4), ("gaussian", 2)):
        for steps in STEPS:
            stays_in_units_of_the_step(kind, d, seed, steps)
