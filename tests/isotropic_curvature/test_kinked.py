"""Curvature functions with kinks, and the solver on them: references, certificates, statuses, bad input."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from labs.core.spectrum import zoo
from labs.core.sphere import expect, tail_moments
from labs.core.streams import stream
from labs.isotropic_curvature import (
    Kink,
    PiecewiseSlope,
    PiecewiseWeight,
    dual_norm,
    duality_gap,
    minimal_kink,
    solve,
    solve_matrix,
)
from labs.isotropic_curvature._locking import lock
from labs.isotropic_curvature.conic import conic_kink
from labs.isotropic_curvature.nodes import sphere_nodes

FUNCTIONS: list[Any] = [
    Kink(1.0, 0.3, 4.0),
    Kink(0.5, 0.0, 9.0),
    PiecewiseSlope((0.5, 1.0, 2.0), (0.0, 1.0, 4.0, 30.0)),
    PiecewiseWeight((0.5, 1.0), (0.2, 1.0, 9.0)),
    PiecewiseWeight((1.0,), (0.0, 3.0)),
]


@pytest.mark.parametrize("H", FUNCTIONS, ids=str)
def test_a_function_and_its_derivatives(H):
    """H is the integral of H', w = H'/x, w' its derivative between the breaks, and the facts fit the values."""
    ends = [0.0, *H.breaks, 3.0]
    h = 1e-6
    total = 0.0
    for lo, hi in pairwise(ends):
        x = np.linspace(lo, hi, 7)[1:-1]
        np.testing.assert_allclose((H(x + h) - H(x - h)) / (2 * h), H.slope(x), atol=1e-8)
        np.testing.assert_allclose(
            (H.weight(x + h) - H.weight(x - h)) / (2 * h), H.weight_slope(x), atol=1e-7
        )
        np.testing.assert_allclose(H.weight(x), H.slope(x) / x, rtol=1e-15)
        on = H.weight(x) > 0
        kappa = (x * H.weight_slope(x) / np.where(on, H.weight(x), 1.0))[on]
        np.testing.assert_allclose(H.elasticity(x)[on], kappa, rtol=1e-14)
        total += (hi - lo) * float(H.slope((lo + hi) / 2))  # exact: H' is at most linear in between
        assert float(H(hi)) == pytest.approx(total, rel=1e-14)
    for c, left, right in H.kinks:
        assert (left, right) == pytest.approx((float(H.slope(c * (1 - 1e-15))), float(H.slope(c))), rel=1e-14)
        assert left < right
    assert float(H.slope(1e-12)) == pytest.approx(H.slope_at_zero, abs=1e-10)
    assert float(H.slope(1e9)) == pytest.approx(H.slope_at_infinity) or H.slope_at_infinity == math.inf
    grid = np.linspace(0.01, 3, 400)
    assert H.superquadratic == bool(np.all(np.diff(H.weight(grid)) >= 0))
    assert H.subquadratic == bool(np.all(np.diff(H.weight(grid)) <= 0))
    assert H.strictly_convex == bool(np.all(np.diff(H.slope(grid)) > 0))
    assert H.weight_at_zero == (math.inf if H.slope_at_zero > 0 else float(H.weight(1e-9)))


def test_a_kink_is_a_step_of_the_slope():
    kink, steps = Kink(0.7, 0.2, 3.0), PiecewiseSlope((0.7,), (0.2, 3.0))
    x = np.linspace(0, 2, 9)
    np.testing.assert_array_equal(kink(x), steps(x))
    assert kink.kinks == steps.kinks == ((0.7, 0.2, 3.0),)
    assert PiecewiseSlope((0.5, 0.7), (1.0, 1.0, 2.0)).kinks == ((0.7, 1.0, 2.0),)
    assert Kink(1.0, 2.0, 2.0).subquadratic
    assert not Kink(1.0, 2.0, 2.0).kinks


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Kink(0.0, 1.0, 2.0), "r"),
        (lambda: Kink(1.0, -1.0, 2.0), "A"),
        (lambda: Kink(1.0, 3.0, 2.0), "A <= B"),
        (lambda: Kink(1.0, 0.0, 0.0), "B > 0"),
        (lambda: Kink(1.0, 0.0, math.inf), "B"),
        (lambda: PiecewiseSlope((1.0, 0.5), (0, 1, 2)), "breaks"),
        (lambda: PiecewiseSlope((0.0,), (0, 1)), "breaks"),
        (lambda: PiecewiseSlope((1.0,), (0, 1, 2)), "heights"),
        (lambda: PiecewiseSlope((1.0,), (2, 1)), "heights"),
        (lambda: PiecewiseWeight((1.0,), (-1, 1)), "heights"),
        (lambda: PiecewiseWeight((1.0,), (0, 0)), "heights"),
    ],
)
def test_bad_functions(make, name):
    with pytest.raises(ValueError, match=name):
        make()


# --- the solver ------------------------------------------------------------------------------------------------


def residual(g, q, H, n=None):
    """max |g_i - q_i lambda_i| / g_i over g_i > 0."""
    gradient, on = expect(H, q, n, order=1)[1], np.asarray(g) > 0
    return float(np.max(np.abs(g - gradient)[on] / g[on]))


SOME = ("spike", "repeated", "rank-deficient")


@pytest.mark.parametrize(
    ("H", "names"),
    [
        *((H, SOME) for H in (FUNCTIONS[0], FUNCTIONS[3])),
        *(pytest.param(H, None, marks=pytest.mark.long) for H in FUNCTIONS),
    ],
    ids=str,
)
def test_the_zoo(H, names):
    """A stationary point, or held by a kink; certified either way; in the order of g; scaled into the range of H'.

    Rounding q next to a kink costs digits of the residual: eps over its distance.
    """
    for name, spectrum in zoo(4, stream("kinked: zoo")).items():
        if names and name not in names:
            continue
        for n in (4, 6):
            norm = float(dual_norm(spectrum, n)[0])
            g = spectrum * (2.0 / norm)
            solution = solve(g, H, n=n)
            assert solution.status == "optimal", (name, n)
            away = np.min(np.abs(solution.q[g > 0, None] / [c for c, _, _ in H.kinks] - 1))
            if away == 0 and np.ptp(solution.q) == 0:
                assert minimal_kink(g, H.kinks[0][1])[0] <= 30
                assert solution.kkt <= 1e-10
            else:
                allowed = 1e-12 + 1e-14 / max(away, 1e-9)
                assert solution.kkt <= allowed, (name, n)
                assert residual(g, solution.q, H, n) <= 2 * allowed, (name, n)
            assert solution.gap <= 1e-6 * abs(solution.value)
            assert np.all(solution.q[g == 0] == 0)
            assert np.all(np.diff(solution.q[np.argsort(g)]) >= -1e-14)


@pytest.mark.parametrize(
    "H",
    [FUNCTIONS[1], FUNCTIONS[3], *(pytest.param(FUNCTIONS[i], marks=pytest.mark.long) for i in (0, 2, 4))],
    ids=str,
)
def test_no_spectrum_near_is_better(H):
    """Held or not: F at 12 spectra around the answer is no lower."""
    g, n = np.array([0.9, 0.5, 0.2]), 5
    solution = solve(g, H, n=n)
    factors = np.exp(stream("kinked: near").normal(0, 1, (12, 3)) * np.geomspace(1e-4, 1.0, 12)[:, None])
    trial = solution.q * factors
    values = expect(H, trial, n, order=0)[0] - trial @ g
    assert np.all(values >= solution.value - 1e-13)


def test_against_a_plain_minimiser():
    """BFGS on smooth pieces only finds F to half its digits; F agrees to 1e-10 and is never lower."""
    g = np.array([1.0, 0.5, 0.1])
    for H in (FUNCTIONS[0], FUNCTIONS[3]):

        def objective(x, H=H):
            q = np.exp(x)
            value, gradient, _ = expect(H, q, 5, order=1)
            return float(value - g @ q), (gradient - g) * q

        found = minimize(objective, np.log([1.0, 0.8, 0.5]), jac=True, method="BFGS", options={"gtol": 1e-9})
        solution = solve(g, H, n=5)
        assert solution.value <= found.fun + 1e-13
        assert solution.value == pytest.approx(found.fun, rel=1e-7)


def test_against_a_conic_program():
    """min E H(rho) - <g, q> on nodes, H = A x + (B - A)(x - r)_+: sampling errs like N^{-1/2} or less."""
    pytest.importorskip("cvxpy")
    g = np.array([0.9, 0.5, 0.2])
    for H in (FUNCTIONS[0], FUNCTIONS[2]):
        nodes = sphere_nodes(3, 600)
        answer, solution = conic_kink(nodes, H)(g), solve(g, H)
        # On these very nodes no sampling error: our q is feasible, so the program does no worse (to Clarabel's 1e-8).
        ours = float(np.mean(H(np.sqrt(nodes @ solution.q**2))) - g @ solution.q)
        assert answer.value <= ours + 1e-7
        np.testing.assert_allclose(solution.q, answer.q, atol=1e-2)
        assert solution.value == pytest.approx(answer.value, abs=3e-3)
    with pytest.raises(ValueError, match="step function"):
        conic_kink(sphere_nodes(3, 6), FUNCTIONS[3])


@pytest.mark.parametrize("A", [0.0, 0.3])
def test_the_answer_flips_at_the_minimal_kink(A):
    g = np.array([1.0, 0.7, 0.4, 0.2, 0.15])
    B = minimal_kink(g, A)[0]
    held, free = solve(g, Kink(2.0, A, 1.001 * B)), solve(g, Kink(2.0, A, 0.999 * B))
    np.testing.assert_array_equal(held.q, 2.0)
    assert held.gap <= 1e-12
    assert held.value == pytest.approx(2.0 * (A - g.sum()), rel=1e-14)
    assert np.all(np.diff(free.q) < -1e-5)
    assert free.value < float(A * 2.0 - 2.0 * g.sum())


def test_statuses():
    g = np.array([0.8, 0.3])
    norm = float(dual_norm(g)[0])
    assert solve(g, Kink(1.0, 1.01 * norm, 9.0)).status == "zero"
    assert solve(g, Kink(1.0, 0.1, 0.99 * norm)).status == "unbounded"
    assert solve(g, Kink(1.0, 0.1, norm)).status == "boundary"
    batch = solve(np.stack([g, 0 * g, 10 * g, 1e-3 * g]), Kink(1.0, 0.1, 3.0))
    assert list(batch.status) == ["optimal", "zero", "unbounded", "zero"]
    np.testing.assert_allclose(batch.q[0], solve(g, Kink(1.0, 0.1, 3.0)).q, rtol=1e-12)
    assert batch.gap[0] <= 1e-11


def test_equal_singular_values_need_no_kink_of_their_own():
    """w is a step function: a flat spectrum is optimal at every radius."""
    H = PiecewiseWeight((1.0,), (1.0, 3.0))
    for gamma, radius in ((0.1, 0.3), (0.5, 1.0), (2.0, 2.0)):
        np.testing.assert_allclose(solve(np.full(3, gamma), H).q, radius, rtol=1e-14)


def test_matrices_are_orthogonalised():
    G = stream("kinked: matrix").normal(size=(5, 3))
    u, g, vt = np.linalg.svd(G, full_matrices=False)
    Q = solve_matrix(G, Kink(0.1, 0.0, 1.01 * minimal_kink(g)[0]))
    np.testing.assert_allclose(Q, 0.1 * u @ vt, atol=1e-15)


def test_gaps_of_other_points():
    """At any spectrum the gap bounds what is left; it is 0 at a locked answer, small at a free one."""
    g = np.array([0.9, 0.5, 0.2])
    for H in (FUNCTIONS[1], FUNCTIONS[3]):
        best = solve(g, H, n=5)
        for factor in (1.0, 1.001, 1.3):
            q = factor * best.q
            left = float(expect(H, q, 5, order=0)[0] - g @ q - best.value)
            assert left <= float(duality_gap(g, q, H, n=5)) + 1e-13
    free = solve(g, FUNCTIONS[0], n=5)
    assert duality_gap(g, free.q, FUNCTIONS[0], n=5) <= 1e-10
    held = Kink(1.0, 0.0, 1.1 * minimal_kink(g)[0])
    assert duality_gap(g, np.ones(3), held) <= 1e-12


@pytest.mark.parametrize("q", [1.2, 3.0])
def test_the_gap_of_one_number_by_hand(q):
    """n = 1, H = Kink(r, A, B), q > r: lambda = B/q, e = 1 - g/B, theta = 1/2, N^* = g (and F(q) - inf F is less)."""
    r, A, B, g = 1.0, 0.5, 3.0, 2.0
    H = Kink(r, A, B)
    gap = float(duality_gap(np.array([g]), np.array([q]), H))
    assert gap == pytest.approx(q * (B - g) + r * (B - g + g / 2), rel=1e-13)
    assert (B - g) * (q - r) <= gap


def test_the_gap_of_a_lock_by_hand():
    """Second order for A = 0: r e^2 sum g, with the error e of the density against g."""
    g, H = np.array([1.0, 0.6, 0.3]), Kink(2.0, 0.0, 40.0)
    held = lock(g, H)
    assert held is not None
    assert held.radius == 2.0
    B, normal = minimal_kink(g)
    assert normal is not None
    error = np.max(np.abs(g / (B * tail_moments(normal).first) - 1))
    assert held.gap == pytest.approx(2.0 * error**2 * g.sum(), rel=1e-9, abs=1e-300)
    with_slope = lock(g, Kink(2.0, 0.2, 40.0))
    assert with_slope is not None
    assert with_slope.gap == pytest.approx(
        2.0 * (with_slope.kkt**2 * g.sum() + 0.2 * with_slope.kkt), abs=1e-300
    )
