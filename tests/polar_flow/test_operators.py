"""The four kinds of operators: adjoints, projections, feasibility, edges, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labs.core.streams import stream
from labs.polar_flow.ensembles import entry_sensing, gaussian_sensing, rank_one_sensing
from labs.polar_flow.operators import (
    Operator,
    as_matrix,
    dense_sensing,
    diagonal,
    mask_sensing,
    regression,
)
from theory.evidence import EPS

DRAWN = stream("polar flow: tests of operators")


def dependent(rows: np.ndarray) -> np.ndarray:
    """Twice as many rows, of the same rank."""
    return np.vstack([rows, rows[::-1] - 2.0 * rows])


OPERATORS: dict[str, tuple[Operator, tuple[int, int]]] = {
    "regression": (regression(DRAWN.standard_normal((3, 5))), (5, 2)),
    "regression, dependent": (regression(dependent(DRAWN.standard_normal((2, 5)))), (5, 3)),
    "mask": (entry_sensing(5, (4, 3), DRAWN), (4, 3)),
    "gaussian": (gaussian_sensing(7, (4, 3), DRAWN), (4, 3)),
    "rank-one": (rank_one_sensing(7, (3, 4), DRAWN), (3, 4)),
    "dense, dependent": (dense_sensing(dependent(DRAWN.standard_normal((4, 12))), (4, 3)), (4, 3)),
    "diagonal": (diagonal(DRAWN.standard_normal((2, 4))), (4, 4)),
}
# Condition numbers of the small matrices are below 100.
ROUNDING = 1e3 * EPS
on_operators = pytest.mark.parametrize("name", OPERATORS)


@on_operators
def test_adjoint_and_projections(name: str) -> None:
    drawn = stream("adjoint and projections", name)
    operator, shape = OPERATORS[name]
    V, W = drawn.standard_normal((2, 6, *shape))
    y = operator.apply(W)
    dual = drawn.standard_normal(y.shape)
    inner = np.sum(operator.adjoint(dual) * W, axis=(-2, -1))
    np.testing.assert_allclose(np.sum(y * dual, axis=-1), inner, atol=1e2 * ROUNDING)
    perp, parallel = operator.perp(W), operator.parallel(W)
    np.testing.assert_allclose(perp + parallel, W, atol=ROUNDING)
    np.testing.assert_allclose(operator.perp(perp), perp, atol=ROUNDING)
    np.testing.assert_allclose(operator.apply(perp), 0.0, atol=10 * ROUNDING)
    np.testing.assert_allclose(operator.perp(operator.adjoint(dual)), 0.0, atol=10 * ROUNDING)
    np.testing.assert_allclose(np.sum(perp * operator.parallel(V), axis=(-2, -1)), 0.0, atol=10 * ROUNDING)


@on_operators
def test_interpolants(name: str) -> None:
    drawn = stream("interpolants", name)
    operator, shape = OPERATORS[name]
    V, W = drawn.standard_normal((2, 6, *shape))
    y = operator.apply(W)
    np.testing.assert_allclose(operator.apply(operator.corrected(V, y)), y, atol=10 * ROUNDING)
    np.testing.assert_allclose(operator.perp(operator.corrected(V, y)), operator.perp(V), atol=10 * ROUNDING)
    np.testing.assert_allclose(operator.least(y), operator.parallel(W), atol=10 * ROUNDING)


@on_operators
def test_the_matrix_is_that_of_apply(name: str) -> None:
    drawn = stream("the matrix is that of apply", name)
    operator, (m, n) = OPERATORS[name]
    A = as_matrix(operator, n)
    W = drawn.standard_normal((m, n))
    np.testing.assert_allclose(A @ W.ravel(), operator.apply(W), atol=ROUNDING)
    projector = np.eye(m * n) - np.linalg.pinv(A) @ A
    np.testing.assert_allclose(projector @ W.ravel(), operator.perp(W).ravel(), atol=10 * ROUNDING)


@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_an_operator_may_have_batch_axes(batch: tuple[int, ...]) -> None:
    """Each item of the batch meets its own measurements."""
    drawn = stream("an operator may have batch axes", *batch)
    X, A = drawn.standard_normal((*batch, 2, 4)), drawn.standard_normal((*batch, 5, 12))
    mask = np.argsort(drawn.random((*batch, 12)), axis=-1).reshape(*batch, 4, 3) < 5
    B, W = drawn.standard_normal((*batch, 1, 3)), drawn.standard_normal((*batch, 4, 3))
    cases: list[tuple[Any, np.ndarray, np.ndarray]] = [
        (regression, X, W),
        (lambda rows: dense_sensing(rows, (4, 3)), A, W),
        (mask_sensing, mask, W),
        (diagonal, B, W[..., :3, :]),
    ]
    for make, made_from, matrices in cases:
        operator = make(made_from)
        y = operator.apply(matrices)
        other = operator.corrected(matrices + 1.0, y)
        for index in np.ndindex(batch):
            alone = make(made_from[index])
            np.testing.assert_allclose(
                operator.perp(matrices)[index], alone.perp(matrices[index]), atol=ROUNDING
            )
            np.testing.assert_allclose(y[index], alone.apply(matrices[index]), atol=ROUNDING)
            np.testing.assert_allclose(alone.apply(other[index]), y[index], atol=10 * ROUNDING)


def test_masks_of_a_batch_share_data_and_matrices() -> None:
    """Without batch axes of their own, these meet every mask."""
    drawn = stream("masks of a batch")
    even = np.arange(12).reshape(4, 3) % 2 == 0
    masks = np.stack([even, ~even])
    operator, W, dual = mask_sensing(masks), drawn.standard_normal((4, 3)), drawn.standard_normal(6)
    for item, mask in enumerate(masks):
        np.testing.assert_array_equal(operator.apply(W)[item], W[mask])
        np.testing.assert_array_equal(operator.adjoint(dual)[item][mask], dual)
        np.testing.assert_array_equal(operator.adjoint(dual)[item][~mask], 0.0)


def test_no_entry_and_all_entries() -> None:
    drawn = stream("no entry and all entries")
    W = drawn.standard_normal((2, 3))
    nothing, everything = (mask_sensing(np.full((2, 3), value)) for value in (False, True))
    np.testing.assert_array_equal(nothing.perp(W), W)
    assert nothing.apply(W).shape == (0,)
    np.testing.assert_array_equal(nothing.corrected(W, nothing.apply(W)), W)
    np.testing.assert_array_equal(everything.perp(W), 0.0)
    np.testing.assert_array_equal(everything.least(W.ravel()), W)


def test_a_diagonal_operator_is_exactly_diagonal() -> None:
    drawn = stream("a diagonal operator is exactly diagonal")
    operator, _ = OPERATORS["diagonal"]
    moved = operator.perp(drawn.standard_normal((4, 4)))
    np.testing.assert_array_equal(moved, np.diag(np.diagonal(moved)))


def test_gaussian_rows_are_orthonormal() -> None:
    A = OPERATORS["gaussian"][0].matrix
    np.testing.assert_allclose(A @ A.T, np.eye(7), atol=ROUNDING)


def test_data_outside_the_range_are_refused() -> None:
    drawn = stream("data outside the range are refused")
    operator, shape = OPERATORS["dense, dependent"]
    y = operator.apply(drawn.standard_normal(shape))
    y[0] += 1e-3
    for call in (operator.least, lambda data: operator.corrected(np.zeros(shape), data)):
        with pytest.raises(ValueError, match=r"^y must .*got "):
            call(y)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: regression(np.zeros((2, 3))), "X"),
        (lambda: regression(np.ones((2, 3), dtype=np.float32)), "X"),
        (lambda: regression(np.stack([np.eye(2), np.ones((2, 2))])), "X"),
        (lambda: dense_sensing(np.ones((2, 6)), (2, 2)), "A"),
        (lambda: dense_sensing(np.ones((2, 6)), (2, 0)), "shape"),
        (lambda: dense_sensing(np.ones((2, 6)), (2,)), "shape"),  # type: ignore[arg-type]
        (lambda: dense_sensing(np.ones((2, 4)), None), "shape"),  # type: ignore[arg-type]
        (lambda: dense_sensing(np.ones((2, 4)), (2, True)), "shape"),
        (lambda: mask_sensing(np.ones((2, 3))), "mask"),
        (lambda: as_matrix(regression(np.ones((2, 3))), 0), "columns"),
        (lambda: gaussian_sensing(2, (2, 0), DRAWN), "shape"),
        (lambda: gaussian_sensing(2.0, (2, 2), DRAWN), "p"),  # type: ignore[arg-type]
        (lambda: entry_sensing(True, (2, 2), DRAWN), "p"),
        (lambda: diagonal(np.full((1, 3), np.nan)), "B"),
        (lambda: regression(np.ones((2, 3))).adjoint(np.ones(3)), "dual"),
        (lambda: as_matrix(regression(np.ones((2, 3)))), "columns"),
        (lambda: as_matrix(OPERATORS["mask"][0], 4), "columns"),
        (lambda: as_matrix(regression(np.ones((2, 2, 3))), 4), "operator"),
        (lambda: gaussian_sensing(0, (2, 2), DRAWN), "p"),
        (lambda: rank_one_sensing(5, (2, 2), DRAWN), "p"),
        (lambda: entry_sensing(-1, (2, 2), DRAWN), "p"),
    ],
)
def test_bad_input(call: Any, name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must .*got "):
        call()
