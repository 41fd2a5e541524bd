"""The distance to the true polar factor, proved: it holds the truth, is narrow, and shows a planted error."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from labs.core.polar import balls, msign, polar_distance
from labs.core.spectrum import haar, matrix, zoo
from labs.core.streams import stream


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("condition", [1.0, 1e4, 1e8])
def test_the_ball_holds_the_truth(n: int, condition: float) -> None:
    """Beside Newton's iteration in mpmath with 80 digits."""
    from flint import arb, ctx

    A = matrix(np.geomspace(1.0, 1.0 / condition, n), n, n, stream("balls: truth", n, str(condition)))
    q = msign(A)
    with mpmath.workdps(80):
        X = mpmath.matrix(A.tolist())
        for _ in range(45):
            X = (X + (X**-1).T) / 2
        truth = mpmath.nstr(mpmath.mnorm(mpmath.matrix(q.tolist()) - X, "f"), 40)
    ball = polar_distance(A, q)
    with ctx.workprec(200):
        assert ball.overlaps(arb(f"{truth} +/- 1e-38"))
        assert ball.rad() < 1e-37


@pytest.mark.parametrize(("m", "n"), [(6, 6), (8, 5), (5, 8)])
def test_every_factor_of_the_zoo_is_near_the_truth(m: int, n: int) -> None:
    for name, s in zoo(min(m, n), stream("balls: zoo")).items():
        A = matrix(s, m, n, stream("balls: matrices", m, n))
        condition = s.max() / max(s.min(), 1e-300)
        if condition > 1e12:
            continue
        for method in ("svd", "newton", "products", "eigen"):
            error = polar_distance(A, msign(A, method))
            assert error < 100 * 2.0**-52 * condition, (name, method)


@pytest.mark.parametrize(("m", "n"), [(4, 4), (6, 4), (4, 6)])
def test_a_planted_error_is_detected(m: int, n: int) -> None:
    """Two singular vectors turned by 8e-8: orthogonal to rounding, and the distance is certainly not 0."""
    rng = stream("balls: planted", m, n)
    left, right = haar(m, rng, (), 4), haar(n, rng, (), 4)
    A = (left * np.array([1.0, 1.0, 1e-3, 1e-3])) @ right.T
    q = msign(A)
    turn = np.eye(4)
    turn[2:, 2:] = [[np.cos(8e-8), -np.sin(8e-8)], [np.sin(8e-8), np.cos(8e-8)]]
    wrong = left @ turn @ right.T
    right_one, wrong_one = polar_distance(A, q), polar_distance(A, wrong)
    assert right_one < 1e-12
    assert wrong_one > 1.13e-7  # sqrt(2) 8e-8
    assert wrong_one < 1.14e-7
    for sign in (-q, q + 1e-9, 1.0 * q * (1 + 1e-10)):
        assert polar_distance(A, sign) > 1e-10


def test_the_bound_of_the_reference_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference that is wrong by d widens the ball by d at least: the truth stays inside."""
    from flint import arb_mat

    rng = stream("balls: reference")
    newton = balls._newton
    for shape in ((4, 4), (6, 4)):
        A = matrix(np.array([1.0, 0.7, 0.5, 0.3]), *shape, rng)
        q = msign(A)
        truth = polar_distance(A, q)
        for size in (1e-20, 1e-9, 1e-4):
            noise = (size * rng.standard_normal(shape)).tolist()
            monkeypatch.setattr(
                balls, "_newton", lambda A, bits, noise=noise: newton(A, bits) + arb_mat(noise)
            )
            ball = polar_distance(A, q)
            assert ball.overlaps(truth)
            assert ball.rad() > size / 10
            assert ball.rad() < 1000 * size  # over the smallest singular value, 0.3, in Frobenius norms
        monkeypatch.setattr(balls, "_newton", newton)


def test_the_bound_is_the_formula() -> None:
    """A = 1 and P = 1 + d, and the same with a row of zeros below."""
    from flint import arb_mat

    for d in (1e-3, -1e-3):
        p = 1 + d
        e = abs(1 - p**2)
        r = abs(1 - p * p) + e * p
        square = e + 2 * r / (2 * p - r)
        assert float(balls._error(arb_mat([[1]]), arb_mat([[p]]))) == pytest.approx(square, rel=1e-12)
        tall = balls._error(arb_mat([[1], [0]]), arb_mat([[p], [0]]))
        assert float(tall) == pytest.approx(square + r / p, rel=1e-12)
        assert abs(d) < square


def test_exact_cases_and_sizes() -> None:
    from flint import arb, ctx

    for scale in (2.0**-1000, 1.0, 2.0**1000):
        assert polar_distance(np.diag([3.0, -2.0]) * scale, np.diag([1.0, -1.0])) < 1e-37
        ball = polar_distance(np.array([[3.0], [4.0]]) * scale, np.array([[0.5], [0.75]]))
        with ctx.workprec(200):
            # |(0.1, 0.05)|
            assert ball.overlaps((arb(1) / 80).sqrt())
            assert ball.rad() < 1e-37
    assert polar_distance(np.eye(3), np.eye(3), bits=300).rad() < 1e-88
    assert polar_distance([[2.0, 0.0]], [[1.0, 0.0]]) < 1e-37


def test_what_is_refused() -> None:
    square = np.eye(3)
    for A in (np.ones((3, 3)), np.zeros((2, 2)), np.array([[1.0, 2.0], [2.0, 4.0]])):
        with pytest.raises(ValueError, match="A must be of full rank, got"):
            polar_distance(A, np.eye(len(A)))
    with pytest.raises(ValueError, match="A must be one matrix with at most 32"):
        polar_distance(np.eye(33), np.eye(33))
    with pytest.raises(ValueError, match="A must be one matrix"):
        polar_distance(np.stack([square, square]), np.stack([square, square]))
    with pytest.raises(ValueError, match=r"q must be an array of shape"):
        polar_distance(square, np.eye(2))
    with pytest.raises(ValueError, match=r"q must be finite"):
        polar_distance(square, np.nan * square)
    for bits in (0, 1.5, True):
        with pytest.raises(ValueError, match="bits must be an integer >= 1"):
            polar_distance(square, square, bits=bits)  # type: ignore[arg-type]


def test_a_pivot_that_may_be_negative_is_no_proof() -> None:
    from flint import arb, arb_mat

    assert balls._positive_definite(arb_mat([[2, 1], [1, 2]]))
    assert not balls._positive_definite(arb_mat([[1, 2], [2, 1]]))
    assert not balls._positive_definite(arb_mat([[arb(0, 1)]]))
    assert not balls._positive_definite(arb_mat([[1, 1], [1, 1]]))
    with pytest.raises(ZeroDivisionError):
        balls._error(arb_mat([[1, 0], [0, 1]]), arb_mat([[1, 0], [0, -1]]))
    with pytest.raises(ZeroDivisionError):
        balls._error(arb_mat([[1, 0], [0, 1]]), arb_mat([[2, 0], [0, 2]]))


def test_the_largest_size() -> None:
    A = stream("balls: large").standard_normal((32, 32))
    assert polar_distance(A, msign(A)) < 1e-12
