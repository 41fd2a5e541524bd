"""The certificate sees every way in which a polar factor can be wrong, and nothing where it is right."""

from __future__ import annotations

import numpy as np
import pytest

from labs.core.polar import certify, msign, polar
from labs.core.polar.certificate import _by_eigenvalues, _negative_part
from labs.core.spectrum import haar, matrix
from labs.core.streams import stream

EPS = 2.0**-52
FIELDS = ("orthogonality", "residual", "asymmetry", "negativity", "duality")


def plain(A: np.ndarray, q: np.ndarray) -> dict[str, float]:
    """The five errors of one matrix as they are defined, in longhand; the nuclear norm from its definition."""
    unit = max(A.shape) * EPS
    if A.shape[0] < A.shape[1]:
        A, q = A.T, q.T
    size = np.linalg.norm(A)
    H = (q.T @ A + A.T @ q) / 2
    stretch = 1 + np.linalg.norm(q @ q.T @ q - q)
    low = np.trace(q.T @ A) / stretch
    negative = np.minimum(np.linalg.eigvalsh(H), 0.0)
    root = np.sqrt(len(H))
    residual = np.linalg.norm(A - q @ H)
    high = stretch * (np.trace(H) + 2 * root * np.linalg.norm(negative)) + root * residual
    return {
        "orthogonality": float(stretch - 1) / unit,
        "residual": float(residual / size) / unit,
        "asymmetry": float(np.linalg.norm(q.T @ A - A.T @ q) / size) / unit,
        "negativity": float(np.linalg.norm(negative) / size) / unit,
        "duality": float((high - low) / high) / unit,
    }


@pytest.mark.parametrize(("m", "n"), [(5, 5), (7, 4), (4, 7), (1, 3)])
def test_the_errors_are_what_they_are_said_to_be(m: int, n: int) -> None:
    rng = stream("certificate: plain", m, n)
    A, q = rng.standard_normal((3, m, n)), rng.standard_normal((3, m, n))
    q[0] = msign(A[0]) + 1e-3 * q[0]
    found = certify(A, q)
    for i in range(3):
        for name, value in plain(A[i], q[i]).items():
            # Differences of numbers of size one lose what rounding has done to them: about one unit.
            assert getattr(found, name)[i] == pytest.approx(value, rel=1e-9, abs=2.0)


def test_the_bounds_enclose_the_nuclear_norm() -> None:
    rng = stream("certificate: dual")
    for _ in range(200):
        m, n = rng.integers(1, 7, 2)
        A = rng.standard_normal((m, n))
        q = msign(A) * rng.uniform(0.3, 1.5) + rng.uniform(0, 0.5) * rng.standard_normal((m, n))
        nuclear = np.linalg.norm(A, "nuc")
        T, p = (A, q) if m >= n else (A.T, q.T)
        H = (p.T @ T + T.T @ p) / 2
        stretch = 1 + np.linalg.norm(p @ p.T @ p - p)
        assert np.linalg.norm(q, 2) <= stretch * (1 + 1e-14)
        low = np.sum(A * q) / stretch
        high = stretch * np.linalg.norm(H, "nuc") + np.sqrt(min(m, n)) * np.linalg.norm(T - p @ H)
        assert low <= nuclear * (1 + 1e-14)
        assert nuclear <= high * (1 + 1e-14)
        # The gap over the upper bound; 1 - low/nuclear is less while low is positive.
        least = (1 - low / nuclear) * (low > 0) / (max(m, n) * EPS)
        assert certify(A, q).duality >= least * (1 - 1e-9) - 2.0


def test_orthogonality_alone_proves_nothing() -> None:
    """A rotation of the two smallest singular vectors by 1e-3: orthogonal, and wrong."""
    left, right = haar(6, stream("certificate: left")), haar(6, stream("certificate: right"))
    A = (left * np.array([1.0, 1.0, 1.0, 1.0, 1e-2, 1e-2])) @ right.T
    turn = np.eye(6)
    turn[4:, 4:] = [[np.cos(1e-3), -np.sin(1e-3)], [np.sin(1e-3), np.cos(1e-3)]]
    found = certify(A, left @ turn @ right.T)
    assert found.orthogonality < 5.0
    # |D|_F = 2 sqrt(2) sin(1e-3) 1e-2, and |A|_F is 2.
    assert found.asymmetry == pytest.approx(2**0.5 * 1e-5 / (6 * EPS), rel=1e-3)
    assert found.duality > 1e6


@pytest.mark.parametrize(("m", "n"), [(4, 4), (6, 4), (4, 6)])
def test_a_planted_error_is_seen_where_it_is(m: int, n: int) -> None:
    rng = stream("certificate: planted", m, n)
    left, right = haar(m, rng, (), min(m, n)), haar(n, rng, (), min(m, n))
    A = (left * np.array([4.0, 3.0, 2.0, 1.0])) @ right.T
    q = left @ right.T
    unit = max(m, n) * EPS
    assert all(getattr(certify(A, q), name) < 5.0 for name in FIELDS)
    flipped = (left * np.array([1.0, 1.0, 1.0, -1.0])) @ right.T
    found = certify(A, flipped)
    assert found.negativity == pytest.approx(1 / 30**0.5 / unit, rel=1e-9)
    assert max(found.orthogonality, found.residual, found.asymmetry) < 5.0
    assert found.duality * unit > 0.1
    found = certify(A, 1.01 * q)
    assert found.orthogonality * unit == pytest.approx(2 * (1.01**3 - 1.01), rel=1e-9)
    assert found.residual * unit == pytest.approx(1.01**2 - 1, rel=1e-9)
    assert max(found.asymmetry, found.negativity) < 5.0
    # One direction missing: a partial isometry, symmetric and positive, and yet not of A.
    missing = (left * np.array([1.0, 1.0, 1.0, 0.0])) @ right.T
    found = certify(A, missing)
    assert found.residual * unit == pytest.approx(1 / 30**0.5, rel=1e-9)
    assert max(found.orthogonality, found.asymmetry, found.negativity) < 5.0


def test_of_zeros_there_are_no_errors_and_size_is_nothing() -> None:
    found = certify(np.zeros((2, 3, 2)), np.zeros((2, 3, 2)))
    assert all(getattr(found, name).tolist() == [0.0, 0.0] for name in FIELDS)
    A = stream("certificate: size").integers(-4, 5, (5, 4)).astype(float)
    q = A[::-1] / 4
    for scale in (2.0**-1060, 2.0**-500, 2.0**500, 2.0**1000):
        for name in FIELDS:
            same = getattr(certify(A * scale, q), name)
            assert same == pytest.approx(getattr(certify(A, q), name), rel=1e-12)
    single = certify(A.astype(np.float32), q.astype(np.float32))
    assert single.residual == pytest.approx(certify(A, q).residual * 2.0**-29, rel=1e-3)


def test_a_cholesky_factor_bounds_what_the_eigenvalues_say() -> None:
    rng = stream("certificate: cholesky")
    H = matrix(np.geomspace(1.0, 1e-10, 6) * np.ones((4, 1)), 6, 6, rng)
    H = H @ H.mT
    none, all_ = np.zeros(4, dtype=bool), np.ones(4, dtype=bool)
    shifted = H + 1e-3 * np.eye(6)
    assert np.all(_negative_part(shifted, none, np) < 6 * EPS)
    assert not np.any(_negative_part(shifted, all_, np))
    # The first is indefinite: Cholesky's is refused, and the eigenvalues decide for all.
    shifted[0] -= 0.5 * np.eye(6)
    expected = _by_eigenvalues(shifted, np)
    assert expected[0] > 0.4
    assert np.array_equal(_negative_part(shifted, none, np), expected)
    # Unless it is announced: then only its eigenvalues are asked.
    mixed = _negative_part(shifted, np.array([True, False, False, False]), np)
    assert mixed[0] == pytest.approx(expected[0], rel=1e-12)
    assert np.all(mixed[1:] < 6 * EPS)
    assert mixed[1:].any()


def test_a_result_carries_the_certificate_that_can_be_had_without_it() -> None:
    A = stream("certificate: result").standard_normal((20, 6, 5))
    for method in ("svd", "newton", "products", "eigen"):
        result = polar(A, method)
        found = certify(A, result.q)
        for name in FIELDS[:3]:
            assert np.array_equal(getattr(result.certificate, name), getattr(found, name))
        assert np.all(result.certificate.negativity < 5.0)


def test_bad_arguments() -> None:
    A = np.ones((2, 3, 2))
    for q in (np.ones((3, 2)), np.ones((2, 2, 3)), np.full((2, 3, 2), np.nan)):
        with pytest.raises(ValueError, match=r"^q must be .*, got"):
            certify(A, q)
    with pytest.raises(ValueError, match=r"^A must be finite, got inf"):
        certify(np.inf * A, A)
