"""NDS-X12: a polar factor that is completed on the null space has an artificially low sharpness."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from labs.core.spectrum import haar, power_law
from labs.core.streams import stream
from labs.curvature_nds.quadratic import descend_dense, structured
from tests.curvature_nds.matrices import fractions, inner, orthogonal
from tests.referee import check, control, restates, verifies
from theory.curvature_nds import NDS_X12a, NDS_X12b
from theory.evidence import Evidence, every, exact, measured, require

ZERO, ONE = Fraction(0), Fraction(1)
Vector = Sequence[Fraction]


class Problem:
    """H[Z] = A Z B with eigenvalues a_i and b_j that vanish beyond q, and sum sigma_i u_i v_i^T, in fractions."""

    def __init__(self, w: Vector, sigma: Vector, m: int, n: int, beside: Fraction = ZERO) -> None:
        self.q, self.U, self.V = len(w), orthogonal(m), orthogonal(n, 1)
        a = [*(Fraction(1 + i) for i in range(self.q)), *[ONE] * (m - self.q)]
        b = [x / y for x, y in zip(w, a[: self.q], strict=True)] + [ZERO] * (n - self.q)
        c = np.array([[x * y for y in b] for x in a], dtype=object)
        c[self.q :, :] = ZERO
        # One curvature of the unpaired block, c_ij with i, j > q.
        c[self.q, self.q] = beside
        self.c = c
        self.G = self.modes(sigma)

    def modes(self, z: Vector) -> np.ndarray:
        """sum z_i u_i v_i^T."""
        return sum(
            (x * np.outer(self.U[:, i], self.V[:, i]) for i, x in enumerate(z)),
            start=0 * np.outer(self.U[:, 0], self.V[:, 0]),
        )

    def curve(self, Z: np.ndarray) -> np.ndarray:
        return self.U @ ((self.U.T @ Z @ self.V) * self.c) @ self.V.T

    def polar(self, R: np.ndarray, completed: bool) -> np.ndarray:
        """The polar factor of sum r_i u_i v_i^T, or one of U V^T's kind, with the null space filled up."""
        r = [inner(R, np.outer(self.U[:, i], self.V[:, i])) for i in range(min(R.shape))]
        signs = [Fraction((x > 0) - (x < 0)) for x in r]
        return self.modes([ONE if completed and i >= self.q else z for i, z in enumerate(signs)])


def sharpness(problem: Problem, Z: np.ndarray) -> Any:
    return inner(Z, problem.curve(Z)) / inner(Z, Z)


@check(NDS_X12a)
def sharpness_falls(problem: Problem, off: int = 0) -> Evidence:
    """Of both factors, and of labs' claim q/min(m, n)."""
    require(not problem.c[problem.q :, problem.q :].any(), "c_ij = 0 for i, j > q")
    Z, completed = (problem.polar(problem.G, x) for x in (False, True))
    share = Fraction(problem.q, min(problem.G.shape) + off)
    return exact(sharpness(problem, completed), sharpness(problem, Z) * share)


@check(NDS_X12b)
def losses_agree(problem: Problem, steps: int) -> Evidence:
    """Losses of both along line-searched runs, in fractions: decreases <R, Z>^2/(2 <Z, H[Z]>)."""
    require(not problem.c[problem.q :, problem.q :].any(), "c_ij = 0 for i, j > q")
    found, residuals = [], [problem.G, problem.G]
    for _ in range(steps):
        decreases = []
        for i, completed in enumerate((False, True)):
            R = residuals[i]
            Z = problem.polar(R, completed)
            gain, curvature = inner(R, Z), inner(Z, problem.curve(Z))
            decreases.append(gain * gain / (2 * curvature))
            residuals[i] = R - gain / curvature * problem.curve(Z)
        found.append(exact(*decreases))
    return every(*found)


PROBLEMS = [
    (fractions("5", "2"), fractions("1", "3"), 4, 3),
    (fractions("1000000", "1", "1/3"), fractions("1", "-1/2", "2"), 4, 5),
]


@verifies(NDS_X12a, NDS_X12b)
def test_completed_factors() -> None:
    for arguments in PROBLEMS:
        sharpness_falls(Problem(*arguments))
        losses_agree(Problem(*arguments), 4)


@control(NDS_X12a, drops="c_ij = 0 for i, j > q")
@control(NDS_X12b, drops="c_ij = 0 for i, j > q")
def test_curvature_beside_the_modes_changes_both() -> None:
    problem = Problem(*PROBLEMS[0], beside=Fraction(1, 100))
    sharpness_falls(problem)
    losses_agree(problem, 2)


@control(NDS_X12a, changes="min(d_1, d_2) -> min(d_1, d_2) + 1")
def test_the_factor_counts_directions() -> None:
    sharpness_falls(Problem(*PROBLEMS[0]), 1)


@check(NDS_X12a, NDS_X12b)
def by_descent(q: int, d: int, steps: int) -> Evidence:
    """Labs' matrices: rules that drop the null space or fill it up, w = i^-1.3, sigma = w^(1/2)."""
    w, draw = power_law(q, 1.3), stream("null space", q, d)
    left, right = haar(d, draw), haar(d, draw)
    A, B, D = structured(w, np.sqrt(w), left[:, :q], right[:, :q])

    def kept(R: np.ndarray) -> np.ndarray:
        """The polar factor on the first q directions; the residual has no others but rounding."""
        return left[:, :q] @ np.diag(np.sign(np.diag(left[:, :q].T @ R @ right[:, :q]))) @ right[:, :q].T

    plain = descend_dense(A, B, D, kept, steps)
    full = descend_dense(A, B, D, lambda R: kept(R) + left[:, q:] @ right[:, q:].T, steps)
    muon = descend_dense(A, B, D, "muon", steps)
    # A step has some d eps of error in each displacement, and these are smaller than the first ones by sqrt(Phi).
    error = 64 * d * 2.0**-52 * np.sqrt(plain.loss[0] / plain.loss)
    return every(
        measured(full.nds / plain.nds, q / d, error[:-1]),
        measured(full.loss / plain.loss, 1.0, error),
        measured(muon.nds / plain.nds, 1.0, error[:-1]),
        measured(muon.loss / plain.loss, 1.0, error),
    )


@restates(NDS_X12a, NDS_X12b)
def test_completed_factors_by_descent() -> None:
    by_descent(12, 24, 12)
    by_descent(48, 96, 20)


def test_printed_sharpness() -> None:
    """d = 96, q = 48: 0.06024 against 0.03012."""
    w = power_law(48, 1.3)
    mean = np.mean(w)
    assert [f"{mean:.5f}", f"{mean / 2:.5f}"] == ["0.06024", "0.03012"]
    frame = np.eye(96, 48)
    A, B, D = structured(w, np.sqrt(w), frame, frame)
    plain, full = (descend_dense(A, B, D, rule, 1).nds[0] for rule in ("muon", lambda R: np.eye(96)))
    np.testing.assert_allclose([plain, full], [mean, mean / 2], rtol=1e-13)
