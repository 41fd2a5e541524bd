"""Claims X6.a to c: literal Muon interpolates in finite time, by a flat matrix."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import stable_rank
from labs.polar_flow.literal import Descent, descend, profile
from labs.polar_flow.operators import Operator
from tests.polar_flow.flat_runs import (
    DIAGONALS,
    INSTANCES,
    instance,
    on_instances,
    singular,
    small_steps,
    squares,
)
from tests.referee import check, control, verifies
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.polar_flow import POL_X6_a, POL_X6_b, POL_X6_c
from theory.polar_flow.muon_flow import diagonal_run, norm_squares, polar_pair

EPS = 2.0**-52

# --- the rate ----------------------------------------------------------------------------------------------------


@check(POL_X6_a)
def pairing(factor: int = 1) -> Evidence:
    """<M, P(M)> = |M|_* for all 2 x 2 M = Q H, H positive definite: tr H, since M^T M = H^2."""
    import sympy

    t, a, c = sympy.symbols("t a c", positive=True)
    b = sympy.Symbol("b", real=True)
    M, Q, H = polar_pair(t, a, b, c)
    somewhere = {t: 2, a: 3, b: 1, c: 1}
    return every(
        *(exact(entry, 0) for entry in M.T * M - H * H),
        *(exact(entry, 0) for entry in Q.T * Q - sympy.eye(2)),
        exact((M.T * Q).trace(), factor * H.trace(), witness=somewhere),
    )


@check(POL_X6_a)
def share(r: int, low: Fraction = Fraction(1), high: Fraction = Fraction(1)) -> Evidence:
    """low <= |L|_*^2/|L|_F^2 <= high r for all spectra: 1 <= c_A^2 <= r."""
    import sympy

    gaps = list(sympy.symbols(f"v1:{r + 1}", nonnegative=True))
    sigma = [sum(gaps[i:]) for i in range(r)]
    above, below = norm_squares(sigma)
    total = sum(s * s for s in sigma)
    spike = dict.fromkeys(gaps, 0) | {gaps[0]: 1}
    flat = dict.fromkeys(gaps, 0) | {gaps[-1]: 1}
    return every(
        exact(above - (low - 1) * total, 0, ">=", witness=spike),
        exact(below - (1 - high) * r * total, 0, ">=", witness=flat),
    )


@check(POL_X6_a)
def rate(name: Any, sign: float = 1.0) -> Evidence:
    """One short step of the flow: (|res(h)| - |res(0)|)/h against -|G|_*/|res|, to h r/|res| and rounding."""
    operator, y = instance(*name)
    require(abs(np.linalg.norm(operator.least(y)) - np.linalg.norm(y)) < 1e-12 * np.linalg.norm(y), "AA* = I")
    h, r, size = 1e-5, min(name[1]), np.linalg.norm(y)
    run = descend(operator, y, np.zeros(name[1]), np.array([h]))
    slope = (run.residuals[1] - run.residuals[0]) / h
    predicted = -sign * singular(operator.adjoint(y)).sum() / size
    bounds = measured(np.array([1.0, -predicted]), np.array([-predicted, np.sqrt(r)]), 1e-12, "<=")
    return every(measured(slope, predicted, h * r / size + 4 * EPS * size / h), bounds)


@verifies(POL_X6_a)
def test_the_polar_factor_pairs_to_the_nuclear_norm() -> None:
    pairing()


@verifies(POL_X6_a)
@pytest.mark.parametrize("r", [1, 2, 3, 5])
def test_the_rate_lies_between_one_and_the_root_of_the_rank(r: int) -> None:
    share(r)


@verifies(POL_X6_a)
@on_instances
def test_the_residual_falls_at_this_rate(name: Any) -> None:
    rate(name)


@control(POL_X6_a, sharpens="1 -> 1.05, sqrt(r) -> sqrt(0.95 r); a sign, a factor")
def test_the_rate_is_no_other() -> None:
    share(3, low=Fraction(21, 20))
    share(3, high=Fraction(19, 20))
    pairing(2)
    rate(INSTANCES[0], sign=-1.0)


# --- interpolation, and how flat it is ---------------------------------------------------------------------------


@check(POL_X6_b)
def chain(y: list[Fraction], rule: str = "muon") -> Evidence:
    """Measured diagonals (c_A = 1), in rationals: T^2 <= |y|^2, |W|_op <= T, |W|_F >= |y|, stable rank >= (|y|/T)^2.

    The norm-matched flow goes straight to y and takes T = |y|/sqrt(r).
    """
    time, x = diagonal_run(y)[-1]
    squared = time * time if rule == "muon" else squares(y) / len(y)
    top = max(v * v for v in x)
    return every(
        exact(squared, squares(y), "<="),
        exact(top, squared, "<="),
        exact(squares(x), squares(y), ">="),
        exact(squares(x) / top, squares(y) / squared, ">="),
        exact(squares(y) / squared, 1, ">="),
    )


@check(POL_X6_b)
def conformal(factor: int = 1) -> Evidence:
    """The other end, c_A^2 = r = 2: two measurements whose range holds the multiples of rotations; data (a, b).

    P(G) = G/(|G|_F/sqrt 2), so that the flow goes straight to W = (a I + b J)/sqrt 2 in T = |y|/sqrt 2.
    """
    import sympy

    a, b = sympy.symbols("a b", positive=True)
    W = sympy.Matrix([[a, -b], [b, a]]) / sympy.sqrt(2)
    time_squared = (a * a + b * b) / (2 * factor)
    gram = (W.T * W).applyfunc(sympy.expand)  # a multiple of the identity: both singular values are equal
    return every(
        exact(gram[0, 0] - gram[1, 1], 0),
        exact(gram[0, 1], 0),
        exact(gram[0, 0], time_squared, "<=", witness={a: 1, b: 1}),
        exact(gram.trace(), a * a + b * b),
        exact((a * a + b * b) / time_squared, 2 * factor),
    )


@check(POL_X6_b)
def flat_end(name: Any, rule: str = "muon") -> Evidence:
    """Small steps: |W|_op <= T, stable rank >= (|y|/T)^2, T <= |y|; with room for the residual left, sqrt(r) h."""
    operator, y = instance(*name)
    run, size = small_steps(name, rule), float(np.linalg.norm(y))
    require(np.linalg.norm(operator.least(y)) < size * (1 + 1e-12), "AA* = I")
    room, T = float(run.residuals[-1]) / size + 1e-12, float(run.spent)
    s = singular(run.W)
    return every(
        measured(s[0], T, 1e-12 * T, "<="),
        measured((size / T) ** 2 * (1 - room) ** 2, stable_rank(s), 1e-12 * s.size, "<="),
        measured(1 - room, (size / T) * (1 + 1e-12), 1e-12, "<="),
    )


@verifies(POL_X6_b)
def test_diagonals_in_rationals() -> None:
    for y in DIAGONALS:
        chain(y)


@verifies(POL_X6_b)
def test_rotations_in_symbols() -> None:
    conformal()


@verifies(POL_X6_b)
@on_instances
def test_small_steps_end_flat(name: Any) -> None:
    flat_end(name)


@control(POL_X6_b, changes="literal Muon -> norm-matched gradient descent; T -> T/sqrt(2)")
def test_norm_matched_descent_is_not_flat() -> None:
    chain([Fraction(2), Fraction(1)], "norm-matched")
    conformal(2)
    flat_end(INSTANCES[0], "norm-matched")


def test_the_bound_of_norm_matched_descent_would_be_the_whole_rank() -> None:
    """It goes straight to the min-Frobenius interpolant, in T = |y|/sqrt(r): "bound" r = 10, stable rank 1.5 to 2."""
    y = instance(*INSTANCES[0])[1]
    run = small_steps(INSTANCES[0], "norm-matched", h=0.01)
    assert (np.linalg.norm(y) / run.spent) ** 2 == pytest.approx(10, rel=0.02)
    assert 1.4 < stable_rank(singular(run.W)) < 2.4


# --- finite steps ------------------------------------------------------------------------------------------------


@check(POL_X6_c)
def flat_after(run: Descent, operator: Operator, y: np.ndarray) -> Evidence:
    """stable rank >= ((|y| - |res|)/T)^2, to rounding of the norms."""
    size, left, T = float(np.linalg.norm(y)), float(run.residuals[-1]), float(run.spent)
    require(left <= size, "|res| <= |y|")
    s = singular(run.W)
    return measured(((size - left) / T) ** 2, stable_rank(s), 1e-12 * s.size, "<=")


@check(POL_X6_c)
def flat_in_balls(run: Descent, y: np.ndarray, measured_entries: np.ndarray) -> Evidence:
    """The same for measured entries in ball arithmetic, W and the steps taken as the rationals that they are.

    |W|_op^2 <= |(W^T W)^64|_F^(1/64), at most r^(1/128) too large.
    """
    from flint import arb, arb_mat

    W = arb_mat([[arb(float(v)) for v in row] for row in run.W])
    total = sum((arb(float(v)) ** 2 for v in run.W.ravel()), arb(0))
    power = W.transpose() * W
    for _ in range(6):
        power = power * power
    top = sum((entry**2 for entry in power.entries()), arb(0)) ** (arb(1) / 128)
    data = [arb(float(v)) for v in y]
    seen = [arb(float(v)) for v in run.W[measured_entries]]
    size = sum((v**2 for v in data), arb(0)).sqrt()
    left = sum(((v - w) ** 2 for v, w in zip(data, seen, strict=True)), arb(0)).sqrt()
    require(left < size, "|res| <= |y|")
    bound = ((size - left) / arb(float(run.spent))) ** 2
    ratio = float((bound * top / total).mid())
    return enclosed(total / top - bound, ">=", ratio=ratio)


SETTINGS: list[tuple[str, float, bool]] = [
    ("constant", 0.0, False),
    ("cosine", 0.9, False),
    ("inverse sqrt", 0.95, True),
]


def run_with(name: Any, setting: tuple[str, float, bool], rule: str | Callable[..., Any] = "muon") -> Descent:
    operator, y = instance(*name)
    kind, momentum, nesterov = setting
    steps = 0.2 * profile(kind, 60)
    return descend(operator, y, np.zeros(name[1]), steps, rule, momentum=momentum, nesterov=nesterov)


@verifies(POL_X6_c)
@on_instances
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s[0])
def test_finite_steps_end_flat(name: Any, setting: tuple[str, float, bool]) -> None:
    flat_after(run_with(name, setting), *instance(*name))


@verifies(POL_X6_c)
def test_finite_steps_end_flat_in_balls() -> None:
    for name in INSTANCES:
        if name[0] == "entries":
            operator, y = instance(*name)
            for run in (small_steps(name, h=0.2), run_with(name, SETTINGS[1])):
                flat_in_balls(run, y, operator.matrix > 0.5)


@control(POL_X6_c, changes="literal Muon -> norm-matched gradient descent")
def test_the_bound_is_not_one_of_norm_matched_descent() -> None:
    flat_after(small_steps(INSTANCES[0], "norm-matched"), *instance(*INSTANCES[0]))
    operator, y = instance(*INSTANCES[1])
    flat_in_balls(small_steps(INSTANCES[1], "norm-matched"), y, operator.matrix > 0.5)
