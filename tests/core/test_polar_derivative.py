"""The derivative of the polar factor, beside differences with many digits and beside what it must be."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from labs.core.polar import msign, polar_derivative
from labs.core.spectrum import matrix
from labs.core.streams import stream

SHAPES = [(1, 1), (3, 3), (5, 5), (5, 3), (3, 5), (4, 1), (1, 4)]


def difference(A: np.ndarray, E: np.ndarray, digits: int = 60) -> np.ndarray:
    """(polar(A + h E) - polar(A - h E))/2h with h = 10^(-digits/3): Newton's iteration on the short side."""
    if A.shape[0] < A.shape[1]:
        return difference(A.T, E.T, digits).T
    with mpmath.workdps(digits):
        h = mpmath.mpf(10) ** (-digits // 3)
        a, e = mpmath.matrix(A.tolist()), mpmath.matrix(E.tolist())
        step = (_newton(a + h * e) - _newton(a - h * e)) / (2 * h)
        return np.array(step.tolist(), dtype=float).reshape(A.shape)


def _newton(X: mpmath.matrix) -> mpmath.matrix:
    for _ in range(60):
        step = (X + X * (X.T * X) ** -1) / 2
        if mpmath.mnorm(step - X, 1) < mpmath.mpf(10) ** (5 - mpmath.mp.dps):
            return step
        X = step
    raise AssertionError("no convergence")


@pytest.mark.parametrize(("m", "n"), SHAPES)
@pytest.mark.parametrize("condition", [1.0, 1e3])
def test_against_differences(m: int, n: int, condition: float) -> None:
    rng = stream("derivative: differences", m, n, str(condition))
    k = min(m, n)
    A = matrix(np.geomspace(1.0, 1.0 / condition, k), m, n, rng)
    E = rng.standard_normal((m, n))
    truth = difference(A, E)
    # Relative to 1/s_min, by which the derivative may be large; it moves by eps cond.  The difference errs by h^2.
    error = np.max(np.abs(polar_derivative(A, E) - truth))
    assert error < 50 * 2.0**-52 * condition * max(1.0, condition)
    if (m, n) != (1, 1):
        assert np.max(np.abs(truth)) > 1e-3


@pytest.mark.parametrize(("m", "n"), SHAPES)
def test_it_is_its_own_adjoint_and_positive_semidefinite(m: int, n: int) -> None:
    rng = stream("derivative: adjoint", m, n)
    A, E, F = rng.standard_normal((3, 20, m, n))
    D = polar_derivative(A, E)
    left, right = np.sum(D * F, axis=(1, 2)), np.sum(E * polar_derivative(A, F), axis=(1, 2))
    size = np.linalg.norm(D, axis=(1, 2)) * np.linalg.norm(F, axis=(1, 2))
    assert np.all(np.abs(left - right) <= 1e-13 * size + 1e-300 + 1e-13)
    assert np.all(np.sum(D * E, axis=(1, 2)) >= -1e-13)


@pytest.mark.parametrize(("m", "n"), SHAPES)
def test_the_factor_stays_a_partial_isometry_and_does_not_see_its_own_direction(m: int, n: int) -> None:
    rng = stream("derivative: tangent", m, n)
    A, E = rng.standard_normal((2, 10, m, n))
    q, D = msign(A), polar_derivative(A, E)
    if m < n:
        q, D = q.mT, D.mT
    np.testing.assert_allclose(q.mT @ D + D.mT @ q, 0.0, atol=1e-12)
    # Of degree 0: along A itself, and along Q S with S symmetric, nothing moves.
    np.testing.assert_allclose(polar_derivative(A, A), 0.0, atol=1e-12)
    S = rng.standard_normal((10, n, n))
    if m >= n:
        np.testing.assert_allclose(polar_derivative(A, msign(A) @ (S + S.mT)), 0.0, atol=1e-11)


def test_exact_cases() -> None:
    # diag(a, b): the skew direction turns by 1/(a + b).
    E = np.array([[0.0, 1.0], [-1.0, 0.0]])
    np.testing.assert_allclose(polar_derivative(np.diag([3.0, 1.0]), E), E / 2, rtol=0, atol=1e-15)
    one = np.array([[0.0, 1.0], [0.0, 0.0]])
    np.testing.assert_allclose(polar_derivative(np.diag([3.0, 1.0]), one), E / 4, rtol=0, atol=1e-15)
    # A vector: x/|x| moves by the part of e across x, over |x|.
    x, e = np.array([[3.0], [4.0]]), np.array([[1.0], [0.0]])
    expected = np.array([[0.64], [-0.48]]) / 5.0
    np.testing.assert_allclose(polar_derivative(x, e), expected, rtol=0, atol=1e-16)
    np.testing.assert_allclose(polar_derivative(x.T, e.T), expected.T, rtol=0, atol=1e-16)
    for power in (-1000, -300, 300, 1000):
        A = np.ldexp(np.diag([3.0, 1.0]), power)
        # K = [[0, 3], [-1, 0]]: (3 + 1)/(3 + 1).
        np.testing.assert_allclose(polar_derivative(A, A @ E), E, rtol=0, atol=1e-15)
        np.testing.assert_allclose(
            polar_derivative(np.ldexp(x, power), np.ldexp(e, power)), expected, atol=1e-15
        )


def test_batches_broadcast_and_precision_is_kept() -> None:
    rng = stream("derivative: batch")
    A, E = rng.standard_normal((2, 1, 4, 3)), rng.standard_normal((5, 4, 3))
    D = polar_derivative(A, E)
    assert D.shape == (2, 5, 4, 3)
    np.testing.assert_allclose(D[1, 3], polar_derivative(A[1, 0], E[3]), rtol=0, atol=1e-14)
    single = polar_derivative(A.astype(np.float32), E.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, D, rtol=0, atol=1e-4)
    assert polar_derivative(np.zeros((0, 4, 3)), E[0]).shape == (0, 4, 3)


def test_where_the_factor_jumps_there_is_none() -> None:
    E = np.ones((3, 3))
    for A in (np.ones((3, 3)), np.zeros((3, 3)), np.diag([1.0, 1.0, 6e-16])):
        with pytest.raises(ValueError, match="A must be of full rank, got"):
            polar_derivative(A, E)
        with pytest.raises(ValueError, match="A must be of full rank, got"):
            polar_derivative(np.stack([np.eye(3), A]), E)
    assert np.isfinite(polar_derivative(np.diag([1.0, 1.0, 1e-15]), E)).all()
    with pytest.raises(ValueError, match="E must broadcast"):
        polar_derivative(np.ones((2, 3, 3)), np.ones((3, 3, 3)))
    with pytest.raises(ValueError, match="E must be finite"):
        polar_derivative(np.eye(3), np.inf * E)
    with pytest.raises(ValueError, match="E must be an array of shape"):
        polar_derivative(np.eye(3), np.ones((2, 3)))
