"""Thresholds where something is missing: no gradient, no curvature, one direction, unreliable directions."""

from __future__ import annotations

import numpy as np
import pytest

from labs.core.spectrum import haar, matrix
from labs.core.streams import stream
from labs.spectral_flattening.thresholds import spectral_smoothness, stable_step, threshold_ratio

NAMES = ("frobenius", "spectral", "rank", "exact", "gd", "gd_exact", "ngd", "ngd_exact")


def values(steps: object) -> dict[str, float]:
    return {name: float(value) for name, value in vars(steps).items()}


def test_no_gradient_and_no_curvature_have_no_threshold() -> None:
    one = np.eye(3)
    for steps, rank in (
        (stable_step(0 * one, one, one), 0),
        (stable_step(one, 0 * one, one), 3),
        (stable_step(one, one, 0 * one), 3),
    ):
        found = values(steps)
        assert found.pop("gradient_rank") == rank
        assert all(np.isnan(value) for value in found.values())


def test_a_zero_among_others_is_nobody_elses_business() -> None:
    G = np.stack([np.zeros((2, 3)), np.ones((2, 3))])
    alone = stable_step(G[1], np.eye(2), np.eye(3))
    for name, value in vars(stable_step(G, np.eye(2), np.eye(3))).items():
        assert value[1] == getattr(alone, name)


@pytest.mark.parametrize("rotated", [False, True])
def test_a_direction_without_curvature_has_no_end(rotated: bool) -> None:
    draw = stream("flat direction")
    left, right = (haar(3, draw), haar(4, draw)) if rotated else (np.eye(3), np.eye(4))
    G = left @ np.diag([0.0, 2.0, 1.0]) @ np.eye(3, 4) @ right.T
    B = np.outer(left[:, 0], left[:, 0])
    found = values(stable_step(G, B, np.eye(4)))
    assert found["exact"] == found["gd_exact"] == found["ngd_exact"] == np.inf
    # The bounds know of L = 1 and of the rank only; L_op = 1 as B has one eigenvalue.
    assert found["frobenius"] == pytest.approx(3.0, rel=1e-14)
    assert found["spectral"] == found["rank"] == pytest.approx(6.0, rel=1e-14)
    assert found["gd"] == pytest.approx(2.0, rel=1e-14)


def test_rank_one_gradients_are_followed_alike() -> None:
    """Muon's update is NGD's, and GD's up to the factor F."""
    draw = stream("rank one")
    G = np.outer(draw.standard_normal(4), draw.standard_normal(3))
    B, A = (matrix(np.geomspace(1, 1e-12, k), k, k, draw) for k in (4, 3))
    found = values(stable_step(G, B @ B.T, A @ A.T))
    F = float(np.linalg.norm(G))
    assert found["gradient_rank"] == 1
    assert found["exact"] == pytest.approx(found["ngd_exact"], rel=1e-12)
    assert found["exact"] == pytest.approx(F * found["gd_exact"], rel=1e-12)
    assert found["frobenius"] == pytest.approx(found["ngd"], rel=1e-13)
    assert found["frobenius"] == pytest.approx(found["rank"], rel=1e-12)  # L_(1) = L


def test_the_rank_is_decided_by_a_tolerance() -> None:
    G = np.diag([1.0, 1e-9, 0.0])
    assert float(stable_step(G, np.eye(3), np.eye(3)).gradient_rank) == 2
    coarse = values(stable_step(G, np.eye(3), np.eye(3), rtol=1e-6))
    assert coarse["gradient_rank"] == 1
    assert coarse["frobenius"] == pytest.approx(2.0, rel=1e-14)


def test_wide_tall_and_zero_rows() -> None:
    G = np.array([[3.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    B, A = np.diag([2.0, 5.0]), np.diag([1.0, 4.0, 7.0])
    wide, tall = values(stable_step(G, B, A)), values(stable_step(G.T.copy(), A, B))
    for name in NAMES:
        assert wide[name] == pytest.approx(tall[name], rel=1e-14), name
    assert wide["exact"] == pytest.approx(2 * 3 / 2, rel=1e-14)  # Q meets b_1 a_1 = 2
    assert wide["rank"] == pytest.approx(2 * 3 / 35, rel=1e-14)
    assert wide["spectral"] == pytest.approx(2 * 3 / (35 + 8), rel=1e-14)


def test_thresholds_change_the_sign_of_the_loss() -> None:
    """f(W - eta D) - f(W) at 1 -+ 1e-7 of each exact threshold, from the loss itself."""
    draw = stream("sign change")
    B, A = (matrix(np.geomspace(1, 1e-2, k), k, k, draw) for k in (5, 4))
    B, A = B @ B.T, A @ A.T
    error = draw.standard_normal((5, 4))
    G = B @ error @ A
    found = values(stable_step(G, B, A))
    u, s, vt = np.linalg.svd(G, full_matrices=False)
    updates = {"gd_exact": G, "exact": u @ vt, "ngd_exact": np.sqrt(len(s)) * G / np.linalg.norm(G)}
    for name, D in updates.items():
        for share, sign in ((1 - 1e-7, -1), (1 + 1e-7, 1)):
            after = error - share * found[name] * D
            change = np.sum(after * (B @ after @ A)) - np.sum(error * (B @ error @ A))
            assert np.sign(change) == sign, name


def test_products_that_leave_the_range_of_floats_on_the_way() -> None:
    G, B, A = np.array([[3.0, 1.0], [0.0, 2.0]]), np.diag([2.0, 1.0]), np.diag([1.0, 0.5])
    plain = values(stable_step(G, B, A))
    with np.errstate(over="ignore"):  # GD's threshold is 1e400, and infinite
        tiny = values(stable_step(1e-300 * G, 1e-200 * B, 1e-200 * A))
    assert tiny["gd"] == tiny["gd_exact"] == np.inf
    for name in ("frobenius", "spectral", "rank", "exact", "ngd", "ngd_exact"):
        assert tiny[name] == pytest.approx(1e100 * plain[name], rel=1e-12), name


def test_spectral_smoothness_by_rank() -> None:
    B, A = np.diag([1.0, 5.0, 2.0]), np.diag([0.5, 3.0])
    assert [float(spectral_smoothness(B, A, k)) for k in (1, 2)] == pytest.approx([15.0, 16.0], rel=1e-15)
    assert float(spectral_smoothness(1e200 * B, 1e-200 * A)) == pytest.approx(16.0, rel=1e-14)
    with pytest.raises(ValueError, match=r"^rank must be an integer from 1 to min\(m, n\) = 2, got 3"):
        spectral_smoothness(B, A, 3)


def test_threshold_ratio_counts_the_modes_it_is_given() -> None:
    assert float(threshold_ratio(np.array([1.0, 1.0, 0.0]), np.array([1.0, 1.0, 1.0]))) == 1.0
    assert float(threshold_ratio(np.array([3.0, 1.0]), np.array([0.5, 0.5]))) == 2.0


def test_what_is_said_of_bad_curvatures() -> None:
    G = np.ones((2, 2))
    with pytest.raises(
        ValueError, match=r"^A must be positive semidefinite, got an eigenvalue -1.0e-02 in units"
    ):
        stable_step(G, np.eye(2), np.diag([100.0, -1.0]))
    with pytest.raises(ValueError, match=r"^B must be symmetric, got asymmetry 1.0e\+00 in units"):
        stable_step(G, np.array([[1.0, 1.0], [0.0, 1.0]]), np.eye(2))
