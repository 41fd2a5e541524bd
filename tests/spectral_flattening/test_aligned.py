"""SF-K7: an aligned start makes the condition number invisible, as long as rounding lets it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import haar
from labs.core.streams import stream
from labs.spectral_flattening.aligned import descend_modes
from labs.spectral_flattening.dynamics import descend
from tests.referee import check, control, restates, verifies
from tests.spectral_flattening.rationals import fractions, frame, semidefinite
from theory.evidence import Evidence, every, exact, measured, require, sampled
from theory.spectral_flattening import dynamics
from theory.spectral_flattening.dynamics_aligned import SF_K7a, SF_K7b, SF_K7c, SF_K7h

ONE, HALF = Fraction(1), Fraction(1, 2)
Numbers = Sequence[Fraction]
Step = tuple[Any, ...]


# --- aligned -------------------------------------------------------------------------------------------------------


@check(SF_K7a)
def direction_does_not_see_the_curvature(b: Numbers, a: Numbers, d: Numbers, turn: int = 0) -> Evidence:
    """Q = U_B sign(d) U_A^T is the polar factor of B Delta A, exactly: Q Q^T Q = Q, and Q^T G = U_A |h d| U_A^T.

    `turn` takes another eigenbasis for A than that in which Delta is diagonal.
    """
    require(turn == 0, "aligned")
    k = len(d)
    left, right = frame(len(b), k), frame(len(a), k, 2)
    delta = (left * np.array(d, dtype=object)) @ right.T
    Q = (left * np.array([(x > 0) - (x < 0) for x in d], dtype=object)) @ right.T
    G = semidefinite(b) @ delta @ semidefinite(a, 2 + turn)
    turned = right.T @ Q.T @ G @ right
    diagonal = [turned[i, j] for i in range(k) for j in range(k) if i == j and d[i] != 0]
    rest = [turned[i, j] for i in range(k) for j in range(k) if i != j]
    missed = [*(Q @ Q.T @ Q - Q).ravel(), *(Q @ Q.T @ G - G).ravel(), *rest]
    return every(*(exact(x, 0) for x in missed), *(exact(x, 0, ">") for x in diagonal))


@verifies(SF_K7a)
def test_aligned_directions_are_signs() -> None:
    wide = fractions("1000", "1", "1/1000")
    direction_does_not_see_the_curvature(wide, wide, fractions("1", "-3", "1/7"))
    direction_does_not_see_the_curvature(wide, fractions("5", "1/9"), fractions("-2", "1/3"))
    direction_does_not_see_the_curvature(fractions("5", "1/9"), wide, fractions("0", "1/3"))


@control(SF_K7a, drops="aligned")
def test_another_eigenbasis_is_seen() -> None:
    direction_does_not_see_the_curvature(
        fractions("2", "1"), fractions("2", "1"), fractions("1", "1"), turn=1
    )


@check(SF_K7b)
def halving_for_all_starts(factor: Fraction = HALF) -> Evidence:
    """|d| <= R gives |d - (R/2) sign d| <= factor R: d = R u with u = 1/(1 + v) in (0, 1], and its ends."""
    import sympy

    R, v = sympy.symbols("R v", positive=True)
    after = R / (1 + v) - R / 2
    parts = [
        exact(x, bound, sense)
        for x in (after, R / 2)
        for bound, sense in ((factor * R, "<="), (-factor * R, ">="))
    ]
    return every(*parts)


@check(SF_K7b)
def halving_run(
    h: np.ndarray, d: np.ndarray, ratio: float = 0.5, steps: int = 60, factor: Fraction = ONE
) -> Evidence:
    """labs' recursion, R = 1 and dyadic starts, so that it is exact: |d_t| and f at every step."""
    require(bool(np.max(np.abs(d)) <= 1), "R >= |Delta_0|_op")
    require(bool(np.all(h > 0)), "aligned")
    sizes: Any = "halving" if ratio == 0.5 else ratio ** np.arange(1.0, steps + 1)
    run = descend_modes(h, d, "muon", steps, sizes, checkpoints=range(steps))
    curved = sum(map(Fraction, h.tolist()))
    parts = []
    for t, now in run.checkpoints.items():
        x = [Fraction(value) for value in now.tolist()]
        f = sum(Fraction(k) * y * y for k, y in zip(h.tolist(), x, strict=True)) / 2
        parts.append(exact(max(map(abs, x)), factor * Fraction(1, 2**t), "<="))
        parts.append(exact(f, factor * curved / 2 / 4**t, "<="))
    return every(*parts)


def dyadic(count: int, purpose: str) -> np.ndarray:
    """Numbers k/1024 between -1 and 1."""
    return stream(purpose).integers(-1024, 1025, count) / 1024.0


@verifies(SF_K7b)
def test_halving_does_not_see_the_condition_number() -> None:
    halving_for_all_starts()
    for n in (1, 5, 20):
        h = 10.0 ** stream("aligned: curvature", n).uniform(-3, 3, n)
        halving_run(h, dyadic(n, "aligned: starts"))
    halving_run(np.array([1.0, 1e12]), np.array([1.0, -1.0]))


@control(SF_K7b, sharpens="R 2^-t -> 0.99 R 2^-t")
def test_the_rate_is_attained() -> None:
    halving_for_all_starts(Fraction(49, 100))
    halving_run(np.ones(2), np.array([1.0, 0.0]), steps=5, factor=Fraction(99, 100))


@control(SF_K7b, changes="2^-(t+1) -> 0.4^(t+1): the whole length is 2R/3")
def test_a_faster_schedule_is_too_short() -> None:
    halving_run(np.ones(2), np.array([1.0, 0.5]), ratio=0.4)


@control(SF_K7b, drops="R >= |Delta_0|_op")
def test_a_start_out_of_reach_is_not_reached() -> None:
    halving_run(np.ones(2), np.array([1.5, 0.5]))


@check(SF_K7c)
def gradient_descent_sees_it(factor: Fraction = ONE) -> Evidence:
    """kappa = 1 + w, eta = 2/(kappa+1) (1+v) or /(1+v): one of the two factors is at least (kappa-1)/(kappa+1).

    And log((kappa+1)/(kappa-1)) <= 2/(kappa-1): log(1+x) <= x has the derivative 1 - 1/(1+x) >= 0.
    """
    import sympy

    w, v = sympy.symbols("w v", positive=True)
    kappa = 1 + w
    rate, best = (kappa - 1) / (kappa + 1), 2 / (kappa + 1)
    at_best = {w: 1}
    return every(
        exact(kappa * best * (1 + v) - 1, rate, ">="),
        exact(1 - best / (1 + v), rate, ">="),
        exact(1 - best, factor * rate, ">=", witness=at_best),
        exact(kappa * best - 1, factor * rate, ">="),
        exact((kappa + 1) / (kappa - 1), 1 + 2 / (kappa - 1)),
        exact(1 - 1 / (1 + v), 0, ">="),
    )


@check(SF_K7c)
def gradient_descent_runs(kappa: float, steps: int, factor: float = 1.0) -> Evidence:
    """labs' recursion from d = (1, 1) at the best step: |d_t| = ((kappa-1)/(kappa+1))^t, t eps of rounding a step."""
    rate = (kappa - 1) / (kappa + 1)
    run = descend_modes(np.array([kappa, 1.0]), np.ones(2), "gd", steps, size=2 / (kappa + 1))
    return measured(
        np.max(np.abs(run.checkpoints[steps])), factor * rate**steps, 1e-14 * steps, ">=", margin=1e-3
    )


@verifies(SF_K7c)
def test_gradient_descent_needs_steps_in_proportion_to_kappa() -> None:
    gradient_descent_sees_it()
    for kappa in (2.0, 100.0, 1e4):
        gradient_descent_runs(kappa, 60)


@control(SF_K7c, sharpens="the rate -> 1.01 of it")
def test_the_best_step_reaches_this_rate() -> None:
    gradient_descent_sees_it(Fraction(101, 100))


# --- rounding ------------------------------------------------------------------------------------------------------


@check(SF_K7h)
def dense_runs_that_arrive(n: int, runs: int, at_most: float) -> Evidence:
    """Aligned starts in dense Haar eigenbases, products of curvatures over six decades: how many reach 2^-40."""
    draw = stream("aligned: dense", n)
    left, right = haar(n, draw, (runs,)), haar(n, draw, (runs,))
    b, a = (10.0 ** draw.uniform(-1.5, 1.5, (runs, n)) for _ in range(2))
    d = draw.standard_normal((runs, n))
    B, A = ((u * x[:, None, :]) @ u.swapaxes(1, 2) for u, x in ((left, b), (right, a)))
    delta = (left * d[:, None, :]) @ right.swapaxes(1, 2)
    size = np.max(np.abs(d), axis=1)
    run = descend(
        (B + B.swapaxes(1, 2)) / 2, (A + A.swapaxes(1, 2)) / 2, delta, "muon", 60, "halving", size=size
    )
    ends = np.linalg.norm(run.checkpoints[60], 2, axis=(1, 2))
    return sampled(int(np.sum(ends < 2.0**-40 * size)), runs, at_most, level=1e-3)


@verifies(SF_K7h)
@pytest.mark.parametrize("n", [4, 5, 8])
def test_rounding_leads_most_dense_runs_astray(n: int) -> None:
    dense_runs_that_arrive(n, 300, 0.5)


@control(SF_K7h, changes="4 modes -> 2")
def test_two_modes_arrive_more_often() -> None:
    dense_runs_that_arrive(2, 300, 0.5)


# --- the same in matrices ------------------------------------------------------------------------------------------


@restates(SF_K7b)
def test_diagonal_matrices_run_like_their_modes() -> None:
    """Rectangular, and with the signs of the modes in the matrix: B Delta A by `descend`."""
    for m, n in ((4, 4), (3, 5), (5, 3)):
        draw = stream("aligned: matrices", m, n)
        k = min(m, n)
        b, a = 10.0 ** draw.uniform(-1.5, 1.5, m), 10.0 ** draw.uniform(-1.5, 1.5, n)
        d = dyadic(k, "aligned: matrices")
        delta = np.zeros((m, n))
        np.fill_diagonal(delta, d)
        run = descend(np.diag(b), np.diag(a), delta, "muon", 60, "halving", checkpoints=(7,))
        modes = descend_modes(b[:k] * a[:k], d, "muon", 60, "halving", checkpoints=(7,))
        np.testing.assert_allclose(np.diagonal(run.checkpoints[7]), modes.checkpoints[7], atol=1e-15)
        halving_run(b[:k] * a[:k], d)


def test_sign_descent_of_the_theory_is_that_of_labs() -> None:
    d = [0.75, -0.3125]
    run = descend_modes(np.array([2.0, 0.5]), np.array(d), "muon", 9, "halving", checkpoints=range(9))
    sizes = [Fraction(1, 2 ** (t + 1)) for t in range(9)]
    for i, start in enumerate(d):
        orbit = dynamics.sign_descent(Fraction(start), sizes, 9)
        assert [Fraction(float(run.checkpoints[t][i])) for t in range(10)] == orbit
