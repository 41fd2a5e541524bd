"""Condition numbers and line-search factors as routines: scale, rank, degenerate inputs, accuracy, errors."""

from __future__ import annotations

import numpy as np
import pytest

from labs.core.polar.schedules import PADE5, TUNED
from labs.core.spectrum import haar, zoo
from labs.core.streams import stream
from labs.spectral_flattening.conditioning import (
    effective_condition_numbers,
    line_search_factor,
    preconditioned_condition_number,
)
from tests.spectral_flattening.curvatures import kappa, turned

B = turned(np.array([5.0, 1.0, 0.2]), stream("conditioning routines", "B"))
A = turned(np.array([2.0, 1.0, 0.5, 0.1]), stream("conditioning routines", "A"))
SQUARE = turned(np.array([3.0, 2.0, 0.5]), stream("conditioning routines", "square"))
DELTA = stream("conditioning routines", "delta").standard_normal((3, 4))
RULES = ("gd", "ngd", "muon", "scaled-muon", "muon-ns5", "polar-express")


def numbers(*problem: np.ndarray) -> np.ndarray:
    found = effective_condition_numbers(*problem)
    return np.array([float(x) for x in (found.left, found.right, found.two_sided, found.gd)])


def test_condition_numbers_by_dense_matrices() -> None:
    """The definitions, with matrix square roots and solves."""
    delta = DELTA[:, :3]
    G = B @ delta @ SQUARE

    def root(S: np.ndarray, power: float) -> np.ndarray:
        values, frames = np.linalg.eigh(S)
        return (frames * values**power) @ frames.T

    def pencil(S: np.ndarray, P2: np.ndarray, power: float) -> float:
        inverse = root(P2, power)
        return float(kappa(np.linalg.eigvalsh(inverse @ S @ inverse)))

    left, right = G @ G.T, G.T @ G
    kappa_b, kappa_a = (float(kappa(np.linalg.eigvalsh(S))) for S in (B, SQUARE))
    expected = [
        kappa_a * pencil(B, left, -0.25),
        kappa_b * pencil(SQUARE, right, -0.25),
        pencil(B, left, -0.125) * pencil(SQUARE, right, -0.125),
        kappa_a * kappa_b,
    ]
    np.testing.assert_allclose(numbers(B, SQUARE, delta), expected, rtol=1e-10)


def test_a_long_side_has_no_preconditioner_of_its_own() -> None:
    wide, tall = numbers(B, A, DELTA), numbers(A, B, DELTA.T)
    assert np.isfinite(wide[[0, 3]]).all()
    assert np.isinf(wide[[1, 2]]).all()
    np.testing.assert_allclose(tall[[1, 0, 2, 3]], wide, rtol=1e-10)


def test_singular_curvature_is_left_out() -> None:
    """Rows and columns without curvature change nothing."""
    delta = DELTA[:, :3]
    padded = (np.pad(B, (0, 2)), np.pad(SQUARE, (0, 2)), np.pad(delta, (0, 2), constant_values=7.0))
    np.testing.assert_allclose(numbers(*padded), numbers(B, SQUARE, delta), rtol=1e-10)
    for rule in RULES:
        expected = line_search_factor(B, SQUARE, delta, rule)
        np.testing.assert_allclose(line_search_factor(*padded, rule), expected, rtol=1e-10)


def test_degenerate_condition_numbers() -> None:
    zero, one = np.zeros((3, 3)), np.eye(3)
    np.testing.assert_array_equal(numbers(B, one, zero)[:3], np.inf)
    assert numbers(B, one, zero)[3] == pytest.approx(25.0)
    assert np.isnan(numbers(zero, one, one)).all()
    assert np.isinf(numbers(B, one, np.diag([1.0, 1.0, 0.0]))[:3]).all()
    np.testing.assert_allclose(numbers(*(np.full((1, 1), x) for x in (3.0, 2.0, -5.0))), 1.0)
    assert preconditioned_condition_number(B, np.diag([1.0, 1.0, 0.0])) == np.inf
    assert np.isnan(preconditioned_condition_number(zero, one))
    # Of the same rank, with ranges that differ: C^{-1/2} B C^{-1/2} grows without bound as C becomes singular.
    v = np.array([[1.0], [1.0], [1.0]])
    flat = np.eye(3) - v @ v.T / 3
    assert preconditioned_condition_number(np.diag([1.0, 2.0, 0.0]), flat) == np.inf
    assert preconditioned_condition_number(flat, flat) == pytest.approx(1.0, rel=1e-12)
    # B of rank one: C^{-1/2} B C^{-1/2} has one eigenvalue that is not zero.
    np.testing.assert_allclose(preconditioned_condition_number(np.ones((3, 3)), B), 1.0)


def test_scale_drops_out() -> None:
    for sizes in ((1e-100, 1e40, 1e90), (1e120, 1e-150, 1e-170)):
        scaled = [size * X for size, X in zip(sizes, (B, A, DELTA), strict=True)]
        np.testing.assert_allclose(numbers(*scaled), numbers(B, A, DELTA), rtol=1e-10)
        for rule in RULES:
            expected = line_search_factor(B, A, DELTA, rule)
            left, right, delta = scaled
            np.testing.assert_allclose(line_search_factor(left, right, delta, rule), expected, rtol=1e-10)


def test_a_line_search_forgets_the_length_of_the_step() -> None:
    gd, ngd, muon, scaled, ns5, express = (float(line_search_factor(B, A, DELTA, rule)) for rule in RULES)
    assert gd == pytest.approx(ngd, rel=1e-13)
    assert muon == pytest.approx(scaled, rel=1e-13)
    assert len({round(x, 4) for x in (gd, muon, ns5, express)}) == 4
    assert ns5 == pytest.approx(
        float(line_search_factor(B, A, DELTA, "muon", schedule=[TUNED] * 5)), rel=1e-13
    )


def test_schedules_tend_to_the_exact_factor() -> None:
    exact = float(line_search_factor(B, A, DELTA, "muon"))
    errors = [
        abs(float(line_search_factor(B, A, DELTA, "muon", schedule=[PADE5] * k)) - exact) for k in (2, 5, 12)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-12


def test_a_problem_that_is_solved_leaves_rounding_only() -> None:
    for n in (1, 4, 9):
        delta = haar(n, stream("solved in one step", n))
        for rule in ("gd", "muon"):
            assert 0.0 <= line_search_factor(np.eye(n), np.eye(n), delta, rule) < 1e-29


def test_factors_of_the_zoo_are_shares() -> None:
    rng = stream("factors of the zoo")
    for n in (1, 3, 8):
        for b in zoo(n, rng).values():
            delta, curvature = rng.standard_normal((2, n, n + 2)), turned(b, rng)
            for rule in RULES:
                share = line_search_factor(curvature, np.eye(n + 2), delta, rule)
                assert np.all((share >= 0) & (share < 1))


@pytest.mark.parametrize(
    ("problem", "rule", "schedule", "message"),
    [
        ((B, A, DELTA), "adam", None, "rule must be one of"),
        ((B, A, DELTA), "gd", [TUNED], "schedule must be None for the rule 'gd'"),
        ((B, A, 0 * DELTA), "muon", None, "delta must have a gradient"),
        (
            (np.diag([1.0, 0.0, 0.0]), np.diag([1.0, 0, 0, 0]), np.eye(3, 4)[::-1].copy()),
            "gd",
            None,
            "delta must have",
        ),
        ((B, A, DELTA), "muon", [(0.0, 0.0, 0.0)], "schedule must give a direction"),
        ((B, A, DELTA.T), "muon", None, "B must be an array of shape"),
        ((B - 10 * np.eye(3), A, DELTA), "muon", None, "B must be positive semidefinite"),
        ((B, np.triu(A), DELTA), "muon", None, "A must be symmetric"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_bad_input_is_named(problem, rule, schedule, message) -> None:
    left, right, delta = problem
    with pytest.raises(ValueError, match=message):
        line_search_factor(left, right, delta, rule, schedule=schedule)
