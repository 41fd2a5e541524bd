"""The Kronecker tools: rearrangement, joint diagonalisation, pairing; on instances whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from labs.core.spectrum import haar
from labs.core.streams import stream
from labs.curvature_nds import kronecker
from labs.curvature_nds.kronecker import (
    joint_diagonalise,
    joint_diagonality,
    kronecker_sum,
    pair_modes,
    rearranged,
)

EPS = 2.0**-52


def matrix_of(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """The matrix of Z -> sum_k A_k Z B_k, column by column."""
    m, n = A.shape[-1], B.shape[-1]
    units = np.eye(m * n).reshape(m * n, m, n)
    return np.stack([np.sum(A @ Z @ B, axis=0).ravel() for Z in units], axis=-1)


def common(n: int, K: int, purpose: str) -> tuple[np.ndarray, np.ndarray]:
    """An orthogonal U, and K symmetric matrices with it as eigenbasis."""
    draw = stream(purpose, n, K)
    U = haar(n, draw)
    return U, (U * draw.standard_normal((K, 1, n))) @ U.T


@pytest.mark.parametrize(("m", "n"), [(3, 3), (2, 5), (5, 2), (1, 4)])
def test_a_sum_of_products_has_that_rank(m: int, n: int) -> None:
    _, A = common(m, 2, "left factors")
    _, B = common(n, 2, "right factors")
    H = matrix_of(A, B)
    R = rearranged(H, m)
    wanted = sum(np.outer(a.ravel(), b.ravel()) for a, b in zip(A, B, strict=True))
    np.testing.assert_allclose(R, wanted, atol=16 * EPS * np.max(np.abs(wanted)))
    found = kronecker_sum(H, m, min(2, m * m, n * n))
    size = float(np.linalg.norm(H))
    assert found.residual < 1e-13 * size
    np.testing.assert_allclose(matrix_of(found.A, found.B), H, atol=1e-13 * size)
    for X in (found.A, found.B):
        np.testing.assert_array_equal(X, np.swapaxes(X, -1, -2))


def test_the_rearrangement_of_factors_that_are_not_symmetric() -> None:
    """H = A (x) B^T becomes vec(A) vec(B)^T, and A Z B is what H does to Z."""
    draw = stream("not symmetric")
    A, B = draw.standard_normal((3, 3)), draw.standard_normal((2, 2))
    H = matrix_of(A[None], B[None])
    np.testing.assert_allclose(H, np.kron(A, B.T), rtol=1e-15)
    np.testing.assert_allclose(rearranged(H, 3), np.outer(A.ravel(), B.ravel()), rtol=1e-15)


@pytest.mark.parametrize("rank", [1, 2, 5, 9])
def test_the_residual_is_what_is_left(rank: int) -> None:
    """Also with a part that symmetric factors cannot reach."""
    draw = stream("residual")
    H = draw.standard_normal((12, 12))
    H = H + H.T
    found = kronecker_sum(H, 3, rank)
    left = np.linalg.norm(H - matrix_of(found.A, found.B))
    assert abs(left - found.residual) < 1e-12 * np.linalg.norm(H)
    # No other pair of factors is nearer: Gaussian ones moved towards H along the gradient do not help.
    total = np.linalg.norm(H)
    tail = np.linalg.norm(found.singular_values[rank:])
    assert tail <= left <= total
    assert np.all(np.linalg.trace(found.A) >= 0)
    if rank == 9:
        assert tail < 1e-12 * total < 0.1 * left


def test_the_truncation_is_the_nearest() -> None:
    """Against many other sums of two products: each the best B_k for random A_k."""
    draw = stream("nearest")
    H = draw.standard_normal((6, 6))
    H = H + H.T
    R = rearranged(H, 2)
    best = kronecker_sum(H, 2, 2).residual
    for _ in range(50):
        A = draw.standard_normal((2, 2, 2))
        a = (A + np.swapaxes(A, -1, -2)).reshape(2, 4)
        projected = np.linalg.pinv(a.T) @ R
        assert np.linalg.norm(R - a.T @ projected) >= best * (1 - 1e-12)


@pytest.mark.parametrize("n", [2, 3, 8, 31])
def test_a_common_eigenbasis_is_recovered(n: int) -> None:
    U, A = common(n, 3, "recovered")
    found = joint_diagonalise(A)
    assert found.score > 1 - 1e-14 * n
    np.testing.assert_allclose(found.basis.T @ found.basis, np.eye(n), atol=1e-13)
    # Each column is one of U up to sign; the gaps of the spectra are of order 1/n.
    overlap = np.abs(found.basis.T @ U)
    np.testing.assert_allclose(np.sort(overlap, axis=-1)[:, -1], 1.0, atol=1e-12 * n)
    assert abs(joint_diagonality(A, found.basis) - found.score) < 1e-13 * n
    # What is left beside the diagonals, of order n eps.
    turned = found.basis.T @ A @ found.basis
    assert np.max(np.abs(turned * (1 - np.eye(n)))) < 64 * n * EPS * np.max(np.abs(A))


def test_factors_of_a_structured_curvature_are_recovered() -> None:
    """A1 and A2: from the matrix of H alone to the bases, and the curvatures on them."""
    U, A = common(5, 3, "A_k")
    V, B = common(4, 3, "B_k")
    H = matrix_of(A, B)
    found = kronecker_sum(H, 5, 3)
    left, right = joint_diagonalise(found.A), joint_diagonalise(found.B)
    assert min(left.score, right.score) > 1 - 1e-12
    for basis, frame in ((left.basis, U), (right.basis, V)):
        np.testing.assert_allclose(np.sort(np.abs(basis.T @ frame), axis=-1)[:, -1], 1.0, atol=1e-10)
    # Curvatures c_ij on the bases found are the eigenvalues of H.
    modes = np.kron(left.basis, right.basis)
    np.testing.assert_allclose(np.sort(np.diag(modes.T @ H @ modes)), np.linalg.eigvalsh(H), atol=1e-11)


def test_one_matrix_is_diagonalised() -> None:
    draw = stream("one matrix")
    A = draw.standard_normal((6, 6))
    A = A + A.T
    basis = joint_diagonalise(A[None]).basis
    np.testing.assert_allclose(np.sort(np.diag(basis.T @ A @ basis)), np.linalg.eigvalsh(A), atol=1e-13)


def test_no_rotation_improves_what_has_no_common_basis() -> None:
    """The certificate, against rotations in every plane by every angle on a grid."""
    draw = stream("no common basis")
    A = draw.standard_normal((3, 5, 5))
    A = A + np.swapaxes(A, -1, -2)
    found = joint_diagonalise(A)
    assert 0 < found.score < 0.999
    best = float(joint_diagonality(A, found.basis))
    assert abs(best - found.score) < 1e-13
    for p in range(5):
        for q in range(p + 1, 5):
            for angle in np.linspace(0.01, np.pi / 2 - 0.01, 30):
                turned = found.basis.copy()
                c, s = np.cos(angle), np.sin(angle)
                turned[:, [p, q]] = found.basis[:, [p, q]] @ np.array([[c, -s], [s, c]])
                assert joint_diagonality(A, turned) <= best + 1e-13


def test_it_says_where_it_did_not_converge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kronecker, "MOST_SWEEPS", 1)
    _, A = common(6, 2, "slow")
    with pytest.raises(RuntimeError, match="after 1 sweeps"):
        joint_diagonalise(A)


def test_the_tournament_meets_every_plane_once() -> None:
    for n in range(1, 9):
        rounds = kronecker._tournament(n)
        assert sorted(plane for planes in rounds for plane in planes) == [
            (p, q) for p in range(n) for q in range(p + 1, n)
        ]
        assert all(len({i for plane in planes for i in plane}) == 2 * len(planes) for planes in rounds)


def test_the_pairing_finds_the_modes() -> None:
    """Shuffled bases and signs: the pairs, their curvatures and gradients come back, by falling curvature."""
    draw = stream("pairing")
    w, sigma = np.array([5.0, 3.0, 1.0, 0.5]), np.array([2.0, -1.0, 0.5, 0.1])
    U, V = haar(4, draw), haar(6, draw)
    a = np.sqrt(w)
    A, B = ((U * a) @ U.T)[None], ((V[:, :4] * a) @ V[:, :4].T)[None]
    G = (U * sigma) @ V[:, :4].T
    left, right = draw.permutation(4), draw.permutation(6)
    found = pair_modes(A, B, U[:, left], -V[:, right], G)
    np.testing.assert_array_equal(left[found.left], [0, 1, 2, 3])
    np.testing.assert_array_equal(right[found.right], [0, 1, 2, 3])
    np.testing.assert_allclose(found.w, w, rtol=1e-13)
    np.testing.assert_allclose(found.sigma, -sigma, rtol=1e-13)
    assert abs(np.sum(found.energy) - 1) < 1e-13


def test_energy_beside_the_pairs_is_seen() -> None:
    G = np.array([[3.0, 1.0], [1.0, 2.0]])
    found = pair_modes(np.eye(2)[None], np.eye(2)[None], np.eye(2), np.eye(2), G)
    assert np.sum(found.energy) == pytest.approx(13 / 15)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"G": np.zeros((2, 3))}, "G"),
        ({"G": np.ones(3)}, "G"),
        ({"left": np.eye(3)}, "left"),
        ({"right": np.eye(2)}, "right"),
        ({"A": np.eye(3)[None]}, "A"),
        ({"B": np.full((1, 3, 3), np.nan)}, "B"),
        ({"A": np.triu(np.ones((1, 2, 2)))}, "A"),
        ({"left": np.ones((2, 2))}, "left"),
    ],
)
def test_bad_arguments_of_the_pairing(change: dict[str, np.ndarray], name: str) -> None:
    good = {
        "A": np.eye(2)[None],
        "B": np.eye(3)[None],
        "left": np.eye(2),
        "right": np.eye(3),
        "G": np.ones((2, 3)),
    }
    with pytest.raises(ValueError, match=f"^{name} "):
        pair_modes(**{**good, **change})


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_joint_diagonality_does_not_know_units(size: float) -> None:
    _, A = common(4, 2, "units")
    A = A + np.diag([0.0, 0.1, 0.2, 0.3])
    found, plain = joint_diagonalise(size * A), joint_diagonalise(A)
    assert float(found.score) == pytest.approx(float(plain.score), rel=1e-12)
    assert float(joint_diagonality(size * A, plain.basis)) == pytest.approx(float(plain.score), rel=1e-12)


def test_curvature_must_be_symmetric() -> None:
    H = np.arange(16.0).reshape(4, 4)
    with pytest.raises(ValueError, match="H must be symmetric"):
        kronecker_sum(H, 2, 1)
