"""SF-K10: Muon in whitened coordinates needs no alignment."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import haar
from labs.core.streams import stream
from labs.spectral_flattening import aligned
from labs.spectral_flattening.dynamics import SIDES, descend
from tests.referee import check, control, restates, verifies
from tests.spectral_flattening.rationals import fractions, frame, inner, semidefinite
from theory.evidence import Evidence, every, exact, measured, require
from theory.spectral_flattening.dynamics_aligned import SF_K10a, SF_K10b

Numbers = Sequence[Fraction]
BOTH = "both sides whitened"


def diagonal_inverse(values: Numbers, start: int) -> np.ndarray:
    return semidefinite([1 / x for x in values], start)


@check(SF_K10a)
def similar_runs(left: Numbers, right: Numbers, y: Numbers, steps: int, power: int = 1) -> Evidence:
    """Both recursions side by side in rational numbers: B^(1/2) = P^-1 and A^(1/2) = S^-1 have these eigenvalues.

    Y_0 = U diag(y) V^T with rational frames, so that its polar factor, and every later one, is rational: U sign V^T.
    `power` = 1: the step whitens both sides twice, before and after the polar factor; 0: only before it.
    """
    require(min((*left, *right)) > 0, "A, B > 0")
    root_B, root_A = semidefinite(left), semidefinite(right, 2)
    P, S = diagonal_inverse(left, 0), diagonal_inverse(right, 2)
    B, A = root_B @ root_B, root_A @ root_A
    U, V = frame(len(left), len(y), 1), frame(len(right), len(y), 3)
    Y = (U * np.array(y, dtype=object)) @ V.T
    delta = P @ Y @ S
    eta, parts = Fraction(max(map(abs, y))), []
    for _ in range(steps):
        eta = eta / 2
        G = B @ delta @ A
        inside = P @ G @ S
        signs = np.array([(x > 0) - (x < 0) for x in np.diagonal(U.T @ inside @ V)], dtype=object)
        Q = (U * signs) @ V.T
        delta = delta - eta * (P @ Q @ S if power else Q)
        Y = (
            Y
            - eta * (U * np.array([(x > 0) - (x < 0) for x in np.diagonal(U.T @ Y @ V)], dtype=object)) @ V.T
        )
        found = root_B @ delta @ root_A
        parts += [exact(x, z) for x, z in zip(found.ravel(), Y.ravel(), strict=True)]
        parts.append(exact(inner(delta, B @ delta @ A), inner(Y, Y)))
    return every(*parts)


@check(SF_K10a)
def similar_runs_of_labs(m: int, n: int, decades: float) -> Evidence:
    """descend(whiten="both") against descend with B = A = 1 from Y_0: twenty steps, in Y and in the loss.

    An error of one step is about eps kappa^(1/2), 1e-14 at 1.5 decades a side; while singular values of Y are apart
    the map does not amplify it much, and the halving shrinks all steps.
    """
    B, A, delta, (root_B, root_A) = problem(m, n, decades)
    Y = root_B @ delta @ root_A
    R = float(np.linalg.norm(Y, 2))
    white = descend(B, A, delta, "muon", 20, "halving", size=R, whiten="both")
    plain = descend(np.eye(m), np.eye(n), Y, "muon", 20, "halving", size=R)
    moved = root_B @ white.checkpoints[20] @ root_A
    return every(
        measured(moved, plain.checkpoints[20], 1e-10 * R),
        measured(white.values, plain.values, 1e-10 * plain.values[0]),
    )


def problem(m: int, n: int, decades: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[Any, Any]]:
    """Random bases, spectra 10^U(-decades, decades), a normal start: (B, A, Delta_0, (B^(1/2), A^(1/2)))."""
    draw = stream("whitened: problem", m, n, decades)
    products: list[np.ndarray] = []
    roots: list[np.ndarray] = []
    for size in (m, n):
        basis, values = haar(size, draw), 10.0 ** draw.uniform(-decades, decades, size)
        for power, into in ((1.0, products), (0.5, roots)):
            S = (basis * values**power) @ basis.T
            into.append((S + S.T) / 2)
    return products[0], products[1], draw.standard_normal((m, n)), (roots[0], roots[1])


RATIONAL: list[tuple[Numbers, Numbers, Numbers]] = [
    (fractions("3", "1", "1/10"), fractions("2", "1/2", "1"), fractions("1", "-2", "1/7")),
    (fractions("5", "1/5"), fractions("2", "1/2", "1"), fractions("1", "3/4")),
]


@verifies(SF_K10a)
def test_whitened_runs_are_isotropic_ones() -> None:
    for left, right, y in RATIONAL:
        similar_runs(left, right, y, 6)
    for m, n in ((3, 3), (4, 6), (6, 4)):
        similar_runs_of_labs(m, n, 1.0)


@control(SF_K10a, changes="the second whitening is left out")
def test_whitening_only_the_argument_is_another_method() -> None:
    similar_runs(*RATIONAL[0], steps=2, power=0)


@check(SF_K10b)
def halving_in_rationals(y: Numbers, steps: int, ratio: Fraction) -> Evidence:
    """|Y_t|_op <= R 2^-t for Y = U diag(y_t) V^T, which is what `similar_runs` runs: mode by mode, exactly."""
    require(True, BOTH)
    R = max(map(abs, y))
    now, parts = list(y), []
    for t in range(steps):
        eta = R * ratio ** (t + 1)
        now = [x - eta * ((x > 0) - (x < 0)) for x in now]
        parts.append(exact(max(map(abs, now)), R / 2 ** (t + 1), "<="))
    return every(*parts)


@check(SF_K10b)
def halving_of_labs(
    B: np.ndarray, A: np.ndarray, delta: np.ndarray, roots: Any, steps: int, sides: str
) -> Evidence:
    """|Y_steps|_op over R 2^-steps, below 1.01: rounding adds about eps kappa^(1/2) |Y_0| at each step, and

    R 2^-40 is 1e-12 R; R is what the sides that are whitened make of |Delta_0|.
    """
    require(sides == "both", BOTH)
    left = roots[0] if sides in ("left", "both") else np.eye(len(B))
    right = roots[1] if sides in ("right", "both") else np.eye(len(A))
    R = float(np.linalg.norm(left @ delta @ right, 2))
    run = descend(B, A, delta, "muon", steps, "halving", size=R, whiten=sides)
    end = np.linalg.norm(left @ run.checkpoints[steps] @ right, 2)
    return measured(end / R * 2.0**steps, 1.0, 0.01, "<=", margin=1.0)


def turned_problem() -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[Any, Any]]:
    """The family of SF-K7 at a = b = 5 and the worst phi."""
    tan = float(aligned.worst_tangents_squared(5.0, 5.0)[0]) ** 0.5
    c = 1 / (1 + tan * tan) ** 0.5
    curvature: list[np.ndarray] = [np.array(S) for S in aligned.rotated_curvature(5.0, 5.0, c, tan * c)]
    roots = []
    for S in curvature:
        values, vectors = np.linalg.eigh(S)
        roots.append((vectors * np.sqrt(values)) @ vectors.T)
    return curvature[0], curvature[1], np.eye(2), (roots[0], roots[1])


@verifies(SF_K10b)
def test_whitened_halving_converges_from_everywhere() -> None:
    for _, _, y in RATIONAL:
        halving_in_rationals(y, 60, Fraction(1, 2))
    for m, n in ((2, 2), (3, 3), (4, 6), (6, 4)):
        halving_of_labs(*problem(m, n, 1.0), steps=40, sides="both")
    halving_of_labs(*turned_problem(), steps=40, sides="both")


@control(SF_K10b, changes="2^-(t+1) -> 0.4^(t+1)")
def test_a_shorter_schedule_does_not_arrive() -> None:
    halving_in_rationals(RATIONAL[0][2], 60, Fraction(2, 5))


@control(SF_K10b, drops=BOTH)
@pytest.mark.parametrize("sides", ["none", "left", "right"])
def test_one_side_alone_does_not_help(sides: str) -> None:
    halving_of_labs(*turned_problem(), steps=60, sides=sides)


def test_printed_ends_without_whitening() -> None:
    """a = b = 5, worst phi, 60 steps: end over start 0.520 unwhitened, 0.437 with either side alone."""
    B, A, delta, roots = turned_problem()
    found = {}
    for sides in ("none", "left", "right"):
        left = roots[0] if sides == "left" else np.eye(2)
        right = roots[1] if sides == "right" else np.eye(2)
        R = float(np.linalg.norm(left @ delta @ right, 2))
        run = descend(B, A, delta, "muon", 60, "halving", size=R, whiten=sides)
        found[sides] = f"{np.linalg.norm(left @ run.checkpoints[60] @ right, 2) / R:.3f}"
    assert found == {"none": "0.520", "left": "0.437", "right": "0.437"}


@restates(SF_K10b)
def test_transposed_and_rescaled() -> None:
    """Delta^T with A and B exchanged; B over 1e6 and A times 1e6."""
    B, A, delta, roots = problem(4, 6, 1.0)
    halving_of_labs(A, B, delta.T, (roots[1], roots[0]), steps=40, sides="both")
    halving_of_labs(B / 1e6, A * 1e6, delta, (roots[0] / 1e3, roots[1] * 1e3), steps=40, sides="both")


def test_singular_curvature_cannot_be_whitened() -> None:
    flat, one = np.diag([1.0, 0.0]), np.eye(2)
    with pytest.raises(ValueError, match=r"^B must be positive definite .*got"):
        descend(flat, one, one, "muon", 1, whiten="left")
    with pytest.raises(ValueError, match=r"^A must be positive definite .*got"):
        descend(one, flat, one, "muon", 1, whiten="both")
    assert descend(flat, one, one, "muon", 1, whiten="right").values.shape == (2,)
    assert SIDES == ("none", "left", "right", "both")
