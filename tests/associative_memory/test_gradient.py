"""AML-T2.a-c: gradient descent and its normalised version as scalar recursions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.associative_memory._drifts import drift_ratio, error_drift_ratio
from labs.associative_memory.descent import gd_errors, gd_margins, ngd_errors, ngd_margins
from labs.associative_memory.margins import optimal_margin
from tests.associative_memory.margin_symbols import memories, symbols
from tests.referee import check, control, restates, verifies
from theory.associative_memory import AML_T2a, AML_T2b, AML_T2c
from theory.associative_memory import margin_descent as derived
from theory.evidence import Evidence, every, exact, measured, require

EPS = 2.0**-52
EQUAL = "equal wrong logits"


# --- (a) independent recursions ----------------------------------------------------------------------------------


@check(AML_T2a)
def column_moves_as_a_margin(other: Any = 1, noise: int = 1) -> Evidence:
    """The derivatives by all wrong logits agree, all K sum to 0, and the margin moves by the g of the code.

    `other` is the weight of one wrong answer, 1 that of the K - 2 others; `noise` multiplies alpha in g.
    """
    import sympy

    require(other == 1, EQUAL)
    K, alpha, w = symbols()
    own, first, rest = derived.gradient(K, alpha, w, sympy.sympify(other), 1)
    return every(
        exact(first, rest),
        exact(own + first + (K - 2) * rest, 0),
        exact(first - own, drift_ratio(w, 1, K, noise * alpha)),
    )


@check(AML_T2a)
def dense_run_is_scalar(
    p: np.ndarray, alpha: float, eta: float, steps: int, start: np.ndarray | None = None
) -> Evidence:
    """Dense descent, written out with a K x K state, against `gd_margins`: margins, wrong logits, sums."""
    K = len(p)
    target = (1 - alpha) * np.eye(K) + alpha / K
    logits = np.zeros((K, K)) if start is None else start
    require(start is None, EQUAL)
    own, wrong = np.eye(K, dtype=bool), ~np.eye(K, dtype=bool)
    found, spread, sums = [], [], []
    for t in range(steps + 1):
        others = np.where(wrong, logits, np.nan)
        spread.append(np.nanmax(others, axis=0) - np.nanmin(others, axis=0))
        sums.append(np.sum(logits, axis=0))
        found.append(logits[own] - np.nanmean(others, axis=0))
        weights = np.exp(logits - np.max(logits, axis=0))
        if t < steps:
            logits = logits - eta * (weights / np.sum(weights, axis=0) - target) * p
    predicted = gd_margins(p, K, alpha, eta, steps)
    # Stable steps (eta p below 2) do not amplify rounding: it adds up over the steps, in logits of this size.
    error = 64 * K * EPS * (steps + 1) * max(1.0, eta)
    return every(
        measured(np.array(found), predicted, error),
        measured(np.array(spread), 0.0, error),
        measured(np.array(sums), 0.0, error),
    )


@verifies(AML_T2a)
def test_a_column_moves_as_a_margin() -> None:
    column_moves_as_a_margin()


@verifies(AML_T2a)
def test_dense_runs_are_scalar() -> None:
    for p, _, alpha in memories()[:-1]:
        dense_run_is_scalar(p, alpha, 1.5 / float(np.max(p)), 40)


@restates(AML_T2a)
def test_the_order_of_the_items_does_not_matter() -> None:
    p = np.array([0.5, 0.3, 0.2])
    dense_run_is_scalar(np.flip(p), 0.1, 2.0, 30)


@pytest.mark.parametrize("name", ["K", "alpha", "eta", "counts"])
def test_batches_that_do_not_fit(name: str) -> None:
    good: dict[str, Any] = {"p": np.full((2, 3), 0.3), "counts": np.ones(3), "K": 3, "alpha": 0.1, "eta": 0.4}
    bad = np.ones((3, 3)) if name == "counts" else np.full(3, 1.0)
    with pytest.raises(ValueError, match=rf"^p must have batch axes.* {name} \(3,\)"):
        ngd_margins(**(good | {"steps": 2, name: bad}))


def test_a_schedule_multiplies_the_steps_and_chosen_times_are_looked_at() -> None:
    p, counts, shape = np.array([0.5, 0.3, 0.2]), np.ones(3), 0.5 ** np.arange(6)
    m = [np.zeros(3)]
    for size in 2.0 * shape:
        m.append(m[-1] + size * p * (3 / (np.exp(m[-1]) + 2) - 0.1))
    whole = gd_margins(p, 3, 0.1, 2.0, 6, schedule=shape)
    np.testing.assert_allclose(whole, m, rtol=1e-14, atol=1e-15)
    np.testing.assert_array_equal(gd_margins(p, 3, 0.1, 2.0, [1, 4, 6], schedule=shape), whole[[1, 4, 6]])
    every, effective = ngd_margins(p, counts, 3, 0.1, 0.4, 6, schedule=shape)
    some, step = ngd_margins(p, counts, 3, 0.1, 0.4, (0, 5), schedule=shape)
    np.testing.assert_array_equal(some, every[[0, 5]])
    np.testing.assert_array_equal(step, effective[[0, 5]])


@control(AML_T2a, drops=EQUAL)
def test_two_wrong_logits_that_differ() -> None:
    column_moves_as_a_margin(other=Fraction(101, 100))
    start = np.zeros((4, 4))
    start[1, 0] = 0.05
    dense_run_is_scalar(np.array([0.4, 0.3, 0.2, 0.1]), 0.1, 2.0, 20, start)


@control(AML_T2a, changes="alpha -> 2 alpha in g")
def test_the_coefficient_of_the_noise() -> None:
    column_moves_as_a_margin(noise=2)


# --- (b) the error ------------------------------------------------------------------------------------------------


@check(AML_T2b)
def drift_of_the_error(top: Fraction = Fraction(1), bottom: Fraction = Fraction(1)) -> Evidence:
    """gamma of the code is minus the drift around its zero; its range, sign of its slope, and g(0) = 1 - alpha."""
    import sympy

    K, alpha, w = symbols()
    x = sympy.Symbol("x", positive=True)
    gamma = derived.error_drift(x, K, alpha)
    pi, names = derived.peak(K, alpha), (*K.free_symbols, *alpha.free_symbols)
    return every(
        exact(error_drift_ratio(x, 1, x - 1, K, alpha), gamma),
        exact(gamma, top * alpha, "<", witness=dict.fromkeys(names, 1) | {x: 999}),
        exact(
            gamma, -bottom * pi * K / (K - 1), ">", witness=dict.fromkeys(names, 1) | {x: Fraction(1, 999)}
        ),
        exact(derived.by_margin(gamma, x), 0, ">"),
        exact(derived.drift(w, K, alpha).subs(w, 1), 1 - alpha),
    )


@check(AML_T2b)
def error_run_is_the_margin_run(p: np.ndarray, K: int, alpha: float, scale: float = 1.0) -> Evidence:
    """`gd_errors` against `gd_margins` - m*."""
    require(alpha > 0, "alpha > 0")
    eta = 1.5 / float(np.max(p))
    found = gd_errors(p, K, alpha, scale * eta, 60)
    expected = gd_margins(p, K, alpha, eta, 60) - optimal_margin(K, alpha)
    # Margins of this size are rounded 60 times.
    return measured(found, expected, 256 * EPS * (1 + optimal_margin(K, alpha)))


@verifies(AML_T2b)
def test_the_drift_of_the_error() -> None:
    drift_of_the_error()
    for p, K, alpha in memories():
        if alpha:
            error_run_is_the_margin_run(p, K, alpha)


@control(AML_T2b, sharpens="alpha -> 0.99 alpha, the upper end of the range")
def test_the_range_of_the_drift_is_sharp() -> None:
    drift_of_the_error(Fraction(99, 100))


@control(AML_T2b, sharpens="pi K/(K - 1) -> 0.99 of it, the lower end of the range")
def test_the_lower_end_of_the_range_is_sharp() -> None:
    drift_of_the_error(bottom=Fraction(99, 100))


@control(AML_T2b, changes="a step 1 % longer")
def test_the_error_run_has_this_step() -> None:
    error_run_is_the_margin_run(np.array([0.6, 0.4]), 5, 0.2, 1.01)


# --- (c) the norm -------------------------------------------------------------------------------------------------


@check(AML_T2c)
def norm_of_a_column(share: Fraction = Fraction(1)) -> Evidence:
    """|column|^2 = p^2 g^2 (K - 1)/K for every K, w and alpha (p = 1)."""
    K, alpha, w = symbols()
    own, other, rest = derived.gradient(K, alpha, w, 1, 1)
    return exact(own**2 + other**2 + (K - 2) * rest**2, share * derived.drift(w, K, alpha) ** 2 * (K - 1) / K)


@check(AML_T2c)
def normalised_run(p: np.ndarray, K: int, alpha: float, share: float = 1.0) -> Evidence:
    """`ngd_margins` and `ngd_errors` against steps of eta/|G|_F with the norm of the K x K gradient."""
    eta, m, target = 0.3, np.zeros_like(p), (1 - alpha) * np.eye(K) + alpha / K
    found, _ = ngd_margins(p, np.ones(K), K, alpha, eta, 12)
    runs = [found]
    if alpha:
        runs.append(ngd_errors(p, np.ones(K), K, alpha, eta, 12)[0] + optimal_margin(K, alpha))
    expected = [m]
    for _ in range(12):
        weights = np.exp(np.diag(m))
        G = (weights / np.sum(weights, axis=0) - target) * p
        m = m + eta / np.sqrt(share * np.sum(G * G)) * p * (K / (np.exp(m) + K - 1) - alpha)
        expected.append(m)
    return every(*(measured(run, np.array(expected), 1e4 * EPS) for run in runs))


@verifies(AML_T2c)
def test_the_norm_of_the_gradient() -> None:
    norm_of_a_column()
    for p, K, alpha in memories()[:-1]:
        normalised_run(p, K, alpha)


@control(AML_T2c, changes="norm^2 -> 1.01 norm^2")
def test_the_norm_has_this_factor() -> None:
    norm_of_a_column(Fraction(101, 100))
    normalised_run(np.array([0.4, 0.3, 0.2, 0.1]), 4, 0.2, 1.01)
