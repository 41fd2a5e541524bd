"""The interpolants of least norm: their brackets, against closed forms, a conic solver and each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import matrix, zoo
from labs.core.streams import stream
from labs.polar_flow.conic import available, conic_interpolant
from labs.polar_flow.ensembles import entry_sensing, gaussian_sensing, rank_one_sensing
from labs.polar_flow.interpolants import Certified, certified_interpolant, interpolant
from labs.polar_flow.operators import Operator, dense_sensing, diagonal, mask_sensing, regression

ENSEMBLES: dict[str, Any] = {
    "gaussian": gaussian_sensing,
    "entries": entry_sensing,
    "rank one": rank_one_sensing,
}
NORMS = ("nuclear", "operator")


def norm_of(W: np.ndarray, norm: str) -> np.ndarray:
    s = np.linalg.svd(W, compute_uv=False)
    return {"nuclear": s.sum(axis=-1), "operator": s[..., 0], "frobenius": np.sqrt((s * s).sum(axis=-1))}[
        norm
    ]


def low_rank(kind: str, shape: tuple[int, int], p: int, rank: int, *cell: int) -> tuple[Operator, np.ndarray]:
    draw = stream("interpolant", kind, *shape, p, rank, *cell)
    operator = ENSEMBLES[kind](p, shape, draw)
    m, n = shape
    return operator, operator.apply(draw.standard_normal((m, rank)) @ draw.standard_normal((rank, n)))


def must_certify(found: Certified, operator: Operator, y: np.ndarray, norm: str, tolerance: float) -> None:
    """The bracket from W and the dual alone, by other formulas than the solver's."""
    other = {"nuclear": "operator", "operator": "nuclear", "frobenius": "frobenius"}[norm]
    size = float(np.linalg.norm(y))
    assert np.linalg.norm(operator.apply(found.W) - y) <= 1e-12 * np.maximum(1.0, size) * np.sqrt(y.size)
    assert np.max(np.abs(operator.perp(found.dual)), initial=0.0) <= 1e-12
    assert np.all(norm_of(found.dual, other) <= 1 + 1e-12)
    np.testing.assert_allclose(found.upper, norm_of(found.W, norm), rtol=1e-11, atol=1e-300)
    # Any interpolant pairs with the dual to the same number: W instead of the least one.
    np.testing.assert_allclose(
        np.sum(found.W * found.dual, axis=(-2, -1)), found.lower, rtol=1e-10, atol=1e-300
    )
    assert np.all(found.lower <= found.upper * (1 + 1e-12))
    assert np.all(found.upper - found.lower <= tolerance * found.upper)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("kind", list(ENSEMBLES))
@pytest.mark.parametrize(("p", "rank"), [(60, 2), (30, 5), (90, 9)])
def test_brackets_close_to_1e_8_at_10_by_10(kind: str, p: int, rank: int, norm: str) -> None:
    operator, y = low_rank(kind, (10, 10), p, rank)
    must_certify(certified_interpolant(operator, y, norm, tolerance=1e-8), operator, y, norm, 1e-8)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("kind", ["gaussian", pytest.param("rank one", marks=pytest.mark.long)])
def test_brackets_close_to_1e_6_at_40_by_40(kind: str, norm: str) -> None:
    operator, y = low_rank(kind, (40, 40), 800, 4)
    must_certify(certified_interpolant(operator, y, norm, tolerance=1e-6), operator, y, norm, 1e-6)


@pytest.mark.long
@pytest.mark.parametrize("norm", NORMS)
def test_brackets_close_for_entries_of_a_matrix_of_low_rank(norm: str) -> None:
    """The slowest of all that were tried: many singular values are equal at the optimum of the operator norm."""
    operator, y = low_rank("entries", (40, 40), 800, 4)
    must_certify(certified_interpolant(operator, y, norm, tolerance=1e-6), operator, y, norm, 1e-6)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(
    "shape", [(8, 8), *(pytest.param(shape, marks=pytest.mark.long) for shape in ((4, 12), (12, 4)))]
)
def test_data_of_every_spectrum_of_the_zoo(shape: tuple[int, int], norm: str) -> None:
    draw = stream("interpolant: zoo", *shape)
    operator = gaussian_sensing(30, shape, draw)
    targets = np.stack([matrix(s, *shape, draw) for s in zoo(min(shape), draw).values()])
    y = operator.apply(targets)
    must_certify(certified_interpolant(operator, y, norm, tolerance=1e-7), operator, y, norm, 1e-7)


@pytest.mark.skipif(not available(), reason="CVXPY or Clarabel is not installed")
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(
    "kind", ["entries", *(pytest.param(k, marks=pytest.mark.long) for k in ("gaussian", "rank one"))]
)
def test_the_conic_solver_agrees(kind: str, norm: str) -> None:
    """Two brackets of one number overlap; Clarabel's is closed to 1e-6, and its matrix is near ours to 1e-3."""
    operator, y = low_rank(kind, (6, 5), 18, 1)
    ours, theirs = certified_interpolant(operator, y, norm), conic_interpolant(operator, y, norm)
    assert max(ours.lower, theirs.lower) <= min(ours.upper, theirs.upper) * (1 + 1e-12)
    assert theirs.upper - theirs.lower <= 1e-6 * theirs.upper
    must_certify(theirs, operator, y, norm, 1e-6)
    if norm == "nuclear":  # unique for generic data; the operator norm's minimiser need not be
        np.testing.assert_allclose(ours.W, theirs.W, atol=1e-3 * float(ours.upper))


@pytest.mark.parametrize("norm", [*NORMS, "frobenius"])
def test_a_regression_has_one_interpolant_for_all_norms(norm: str) -> None:
    """pinv(X) Y: W^T W is C + B >= C for every other."""
    draw = stream("interpolant: regression")
    X, Y = draw.standard_normal((3, 6)), draw.standard_normal((2, 3, 4))
    operator = regression(X)
    found = certified_interpolant(operator, Y.reshape(2, 12), norm)
    must_certify(found, operator, Y.reshape(2, 12), norm, 1e-9)
    np.testing.assert_allclose(found.upper, norm_of(np.linalg.pinv(X) @ Y, norm), rtol=1e-9)


@pytest.mark.parametrize("norm", [*NORMS, "frobenius"])
def test_everything_measured_or_nothing(norm: str) -> None:
    draw = stream("interpolant: ends")
    W = draw.standard_normal((4, 3))
    whole, nothing = mask_sensing(np.ones((4, 3), bool)), mask_sensing(np.zeros((4, 3), bool))
    found = certified_interpolant(whole, W.ravel(), norm)
    np.testing.assert_allclose(found.W, W, atol=1e-15)
    assert norm_of(W, norm) == pytest.approx(float(found.lower), rel=1e-9)
    for operator, p in ((nothing, 0), (whole, 12)):
        zero = interpolant(operator, np.zeros(p), norm)
        assert np.all(zero.W == 0)
        assert float(zero.lower) == float(zero.upper) == 0.0


def test_a_line_of_diagonals_in_closed_form() -> None:
    """x_1 + 2 x_2 = 4: least l1 norm 2 at (0, 2), least largest entry 4/3 at (4/3, 4/3), least length 4/sqrt 5."""
    operator, y = diagonal(np.array([[1.0, 2.0]])), np.array([4.0, 0.0, 0.0])
    for norm, value in (("nuclear", 2.0), ("operator", 4 / 3), ("frobenius", 4 / np.sqrt(5))):
        found = interpolant(operator, y, norm)
        assert found.lower <= value * (1 + 1e-14)
        assert found.upper >= value * (1 - 1e-14)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_the_answer_scales_with_the_data(scale: float) -> None:
    operator, y = low_rank("gaussian", (5, 4), 12, 1)
    one, other = interpolant(operator, y), interpolant(operator, scale * y)
    np.testing.assert_allclose(other.W / scale, one.W, rtol=1e-6, atol=1e-6)
    assert other.upper / scale == pytest.approx(float(one.upper), rel=1e-9)


@pytest.mark.parametrize("norm", NORMS)
def test_rotating_transposing_and_mixing_measurements_changes_nothing(norm: str) -> None:
    draw = stream("interpolant: restated")
    A, y = draw.standard_normal((9, 12)), draw.standard_normal(9)
    before = interpolant(dense_sensing(A, (4, 3)), y, norm).upper
    mix = draw.standard_normal((9, 9))
    flipped = np.ascontiguousarray(A.reshape(9, 4, 3).transpose(0, 2, 1).reshape(9, 12))
    q = np.linalg.qr(draw.standard_normal((4, 4)))[0]
    turned = (q @ A.reshape(9, 4, 3)).reshape(9, 12)
    for operator, data in (
        (dense_sensing(mix @ A, (4, 3)), mix @ y),
        (dense_sensing(flipped, (3, 4)), y),
        (dense_sensing(turned, (4, 3)), y),
    ):
        assert interpolant(operator, data, norm).upper == pytest.approx(float(before), rel=2e-9)


def test_what_does_not_close_says_so() -> None:
    operator, y = low_rank("gaussian", (6, 5), 18, 2)
    with pytest.raises(RuntimeError, match=r"bracket of the nuclear norm closed to .* only in 3 steps"):
        interpolant(operator, y, most_steps=3)
    with pytest.raises(ValueError, match=r"^y must be in the range of A"):
        interpolant(dense_sensing(np.ones((2, 4)), (2, 2)), np.array([1.0, 2.0]))
    with pytest.raises(ValueError, match=r"^norm must be nuclear or operator, got 'frobenius'"):
        conic_interpolant(operator, y, "frobenius")
