"""The solver: its residuals, a slow plain reference, its certificate, its statuses and its errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq, minimize
from scipy.special import ellipe, ellipkm1

from labs.core.spectrum import zoo
from labs.core.sphere import expect
from labs.core.streams import stream
from labs.isotropic_curvature import Custom, Polynomial, Power, dual_norm, duality_gap, solve, solve_matrix
from labs.isotropic_curvature.closed_forms import quadratic_update, quartic_update
from labs.isotropic_curvature.nodes import solve_nodes, sphere_nodes

KKT = 1e-12  # componentwise; lambda itself has 1e-14
COSH = Custom(lambda x: 2 * np.sinh(x / 2) ** 2, np.sinh, np.cosh, name="cosh - 1")


def residual(g, q, H, n=None):
    """max |g_i - q_i lambda_i| / g_i, by a separate evaluation."""
    gradient = expect(H, q, n, order=1)[1]
    on = np.asarray(g) > 0
    return np.max(np.abs(g - gradient)[on] / np.asarray(g)[on])


@pytest.mark.parametrize("p", [1.2, 1.5, 2.0, 2.5, 3.0, 3.98, 4.0, 7.3, 20.0, 39.5, 40.0])
@pytest.mark.parametrize("n", [2, 16, 64, pytest.param(256, marks=pytest.mark.long)])
def test_kkt_on_random_spectra_of_condition_1e6(n, p):
    g = np.exp(stream("solver: condition 1e6", n).uniform(0, math.log(1e6), (3, n)))
    g[:, 0], g[:, -1] = 1.0, 1e6
    solution = solve(g, Power(p))
    assert set(solution.status) == {"optimal"}
    assert np.max(solution.kkt) <= KKT
    assert max(residual(gi, qi, Power(p)) for gi, qi in zip(g, solution.q, strict=True)) <= KKT
    assert np.all(solution.gap <= 1e-20 * np.abs(solution.value))


def test_kkt_in_256_dimensions():
    """The small sister of the long cases above: one spectrum, the extreme powers."""
    g = np.exp(stream("solver: condition 1e6", 256).uniform(0, math.log(1e6), 256))
    for p in (1.2, 40.0):
        assert solve(g, Power(p)).kkt <= KKT


SLOW = pytest.param(COSH, marks=pytest.mark.long)


@pytest.mark.parametrize("H", [Power(1.3, 0.2), Power(5.0), Polynomial({2: 0.5, 4: 1.0}), SLOW], ids=str)
def test_the_zoo(H):
    """Ties, spikes, rank deficiency, near-zero entries; square and wide; scaled answers stay in order."""
    for name, g in zoo(5, stream("solver: zoo")).items():
        for n in (5, 8):
            solution = solve(g, H, n=n)
            assert solution.status == "optimal", name
            assert solution.kkt <= KKT, name
            assert residual(g, solution.q, H, n) <= KKT, name
            assert np.all(solution.q[g == 0] == 0), name
            rising = np.argsort(g)
            assert np.all(np.diff(solution.q[rising]) >= -1e-14 * np.max(solution.q)), name


def test_a_function_without_terms():
    """The small sister of the long cases: graded, tied and with a zero."""
    for g in ([1.0, 1e-6], [1.0, 1.0, 0.0]):
        solution = solve(np.array(g), COSH)
        assert solution.kkt <= KKT
        assert residual(np.array(g), solution.q, COSH) <= KKT


@pytest.mark.parametrize("H", [Power(1.5), Power(3.0), Polynomial({2: 0.5, 5: 1.0}), SLOW], ids=str)
def test_against_a_plain_minimiser(H):
    """BFGS on q = exp(x) with the gradient of `expect`; it stops where F has lost half its digits."""
    g = np.array([1.0, 0.6, 0.3, 0.02])

    def objective(x):
        q = np.exp(x)
        value, gradient, _ = expect(H, q, 6, order=1)
        return float(value - g @ q), (gradient - g) * q

    found = minimize(objective, np.zeros(4), jac=True, method="BFGS", options={"gtol": 1e-10})
    solution = solve(g, H, m=9, n=6)
    np.testing.assert_allclose(solution.value, found.fun, rtol=1e-12)
    np.testing.assert_allclose(solution.q, np.exp(found.x), rtol=1e-6)  # sqrt(eps) times the condition of F


def test_closed_forms():
    g = np.exp(stream("solver: closed forms").uniform(0, math.log(1e6), (4, 30)))
    g[1, 3] = 0.0
    np.testing.assert_allclose(solve(g, Power(2.0, 3.0), n=40).q, quadratic_update(g, 40, 3.0), rtol=1e-13)
    np.testing.assert_allclose(solve(g, Power(4.0, 3.0), n=40).q, quartic_update(g, 40, 3.0), rtol=1e-12)


def test_one_number():
    """n = 1: q = (H')^{-1}(g)."""
    assert solve(np.array([6.0]), Power(3.0)).q[0] == pytest.approx(math.sqrt(2.0), rel=1e-14)
    assert solve(np.array([6.0]), COSH).q[0] == pytest.approx(math.asinh(6.0), rel=1e-13)


def test_order_batch_and_scale():
    g = np.array([0.2, 5.0, 0.0, 1.0])
    H = Power(3.5, 2.0)
    solution = solve(g, H, n=7)
    order = np.array([3, 1, 0, 2])
    np.testing.assert_allclose(solve(g[order], H, n=7).q, solution.q[order], rtol=1e-13)
    batch = solve(np.stack([g, 1e-100 * g, 1e100 * g])[:, None], H, n=7)
    assert batch.q.shape == (3, 1, 4)
    assert batch.status.shape == (3, 1)
    for row, scale in zip(batch.q, (1.0, 1e-100, 1e100), strict=True):
        np.testing.assert_allclose(row[0], solution.q * scale ** (1 / 2.5), rtol=1e-12)


@pytest.mark.parametrize("p", [1.01, 100.0, pytest.param(640.0, marks=pytest.mark.long)])
def test_extreme_powers(p):
    """No step overflows on the way: warnings are errors here."""
    for g in ([1.0, 0.6, 0.3], np.geomspace(1.0, 1e-6, 20), [1.0, 5e-324]):
        assert solve(np.asarray(g), Power(p)).kkt <= KKT


def test_answers_near_the_ends_of_the_range_of_floats():
    """q = O(g^{1/2}) for the cube, F = O(g^{3/2}): as far as these are numbers."""
    g = np.array([1.0, 0.6, 0.3])
    shape = solve(g, Power(3.0)).q
    for scale in (1e-300, 1e-200, 1e190):
        solution = solve(scale * g, Power(3.0))
        assert solution.kkt <= KKT
        np.testing.assert_allclose(solution.q / math.sqrt(scale), shape, rtol=1e-11)


def test_many_spectra_of_any_kind_at_once():
    """The certificate of each item is its own: an easy item is not kept waiting, nor a hard one dropped."""
    draw = stream("solver: many")
    g = np.exp(draw.uniform(0, math.log(1e6), (300, 6)) * draw.uniform(0, 1, (300, 1)))
    g[::7, 2:] = 0.0
    g[::11] = 0.0
    solution = solve(g, Power(6.5), n=9)
    assert np.array_equal(solution.status == "zero", ~g.any(axis=1))
    assert np.max(solution.kkt) <= KKT
    alone = solve(g[1], Power(6.5), n=9)
    np.testing.assert_allclose(solution.q[1], alone.q, rtol=1e-12)


# --- existence ------------------------------------------------------------------------------------------------


def test_dual_norm_in_the_plane():
    """N(q) = (2/pi) q_1 E(1 - (q_2/q_1)^2): the maximum over t = q_2/q_1 by its derivative."""
    for g in ([0.8, 0.3], [1.0, 1e-3], [1.0, 0.999]):

        def slope(y, g=g):
            """Sign of the derivative of (g_1 + g_2 t)/E(1 - t^2), with dE/dm = (E - K)/(2m), at t = exp(y)."""
            t = math.exp(y)
            E, K = ellipe(1 - t * t), ellipkm1(t * t)
            return g[1] * E - (g[0] + g[1] * t) * t * (K - E) / (1 - t * t)

        t = math.exp(brentq(slope, math.log(1e-9), -1e-4, xtol=1e-15))
        expected = (g[0] + g[1] * t) / (2 / math.pi * ellipe(1 - t * t))
        value, q = dual_norm(np.array(g))
        assert value == pytest.approx(expected, rel=1e-13)
        assert q[1] / q[0] == pytest.approx(t, rel=1e-10)  # K - E over 1 - t^2 loses digits near t = 1
        assert expect(Power(1.0), q, order=0)[0] == pytest.approx(1.0, rel=1e-14)


def test_dual_norm_bounds():
    """N^*(g) >= sum g (take q = 1), with equality where g is constant; zeros stay zero."""
    for g in zoo(7, stream("dual norm")).values():
        value, q = dual_norm(g, 9)
        padded, _ = dual_norm(np.append(g, [0.0, 0.0]))
        assert value >= dual_norm(g)[0] >= g.sum() * (1 - 1e-14)
        assert value == pytest.approx(padded, rel=1e-13)
        assert np.all((q > 0) == (g > 0))
    assert dual_norm(np.full(5, 0.3))[0] == pytest.approx(1.5, rel=1e-14)
    assert dual_norm(np.zeros(3))[0] == 0.0


def test_statuses():
    g = np.array([0.8, 0.3])
    norm = float(dual_norm(g)[0])
    assert solve(g, Power(1.0, 1.01 * norm)).status == "zero"
    assert solve(g, Power(1.0, norm)).status == "boundary"
    unbounded = solve(g, Power(1.0, 0.99 * norm))
    assert (unbounded.status, unbounded.value) == ("unbounded", -math.inf)
    assert g @ unbounded.q > 0.99 * norm * expect(Power(1.0), unbounded.q, order=0)[0]
    assert solve(np.zeros(2), Power(4.0)).status == "zero"
    # A slope at 0 makes a dead zone, and outside it the gap accounts for that slope.
    for factor, status in ((1.01, "zero"), (0.99, "optimal"), (1 - 1e-6, "optimal"), (0.01, "optimal")):
        solution = solve(g, Polynomial({1: factor * norm, 3: 1.0}))
        assert solution.status == status
        assert solution.kkt <= KKT
        assert solution.gap <= 1e-20

    # A bounded slope: H = sqrt(1 + x^2) - 1.
    def bounded(B):
        return Custom(
            lambda x: B * x * x / (1 + np.sqrt(1 + x * x)),
            lambda x: B * x / np.sqrt(1 + x * x),
            lambda x: B * (1 + x * x) ** -1.5,
            slope_at_infinity=B,
        )

    assert solve(g, bounded(0.99 * norm)).status == "unbounded"
    for factor in (1.001, 1.2, 50.0):
        inside = solve(g, bounded(factor * norm))
        assert inside.status == "optimal"
        assert inside.kkt <= KKT
        assert inside.gap == math.inf  # not super-quadratic: no certificate is known, and none is claimed


# --- certificate ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "H", [Power(1.4), Power(4.0), Polynomial({1.5: 1.0, 4: 0.5}), Polynomial({1: 0.3, 3: 1.0}), SLOW]
)
def test_the_gap_bounds_the_suboptimality_and_is_of_its_order(H):
    g = np.array([1.5, 0.7, 0.4])
    best = solve(g, H, n=4)
    for size in (1e-1, 1e-2, 1e-3):
        for direction in ([1.0, -1.0, 0.5], [-1.0, -1.0, -1.0], [0.0, 1.0, 0.0]):
            q = best.q * (1 + size * np.array(direction))
            lost = float(expect(H, q, 4, order=0)[0] - g @ q - best.value)
            gap = float(duality_gap(g, q, H, 4))
            assert gap >= lost - 1e-15
            # Quadratic: within the condition of the problem of the truth, here below 30.
            assert gap <= 30 * lost


def test_no_gap_is_invented():
    g = np.array([1.0, 0.5])
    assert duality_gap(g, np.array([1.0, 0.0]), Power(4.0)) == math.inf
    assert duality_gap(np.zeros(2), np.zeros(2), Power(4.0)) == 0.0


# --- matrices and nodes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (3, 3)])
def test_matrices_keep_their_singular_spaces(shape):
    G = stream("solver: matrices", *shape).standard_normal((2, *shape))
    Q = solve_matrix(G, Power(4.0))
    n, c = shape[1], 1.0
    # The stationarity condition of the quartic without a decomposition: Q (|Q|^2 + 2 Q^T Q) = n(n+2) G/(4c).
    left = Q @ (np.sum(Q * Q, axis=(1, 2))[:, None, None] * np.eye(n) + 2 * np.swapaxes(Q, 1, 2) @ Q)
    np.testing.assert_allclose(left, n * (n + 2) / (4 * c) * G, rtol=1e-11, atol=1e-11)


def test_no_update_where_there_is_none():
    with pytest.raises(RuntimeError, match="unbounded"):
        solve_matrix(np.eye(2), Power(1.0, 0.1))


def test_nodes_converge_to_the_sphere():
    """The discretised optimum is exact for its nodes, and near the true one as they get many."""
    g = np.array([1.0, 0.5, 0.25])
    exact = solve(g, Power(3.0)).q
    errors = []
    for count in (96, 3072):
        u = sphere_nodes(3, count)
        np.testing.assert_allclose(u.sum(axis=1), 1.0, rtol=1e-14)
        np.testing.assert_allclose(u.mean(axis=0), 1 / 3, rtol=1e-13)
        solution = solve_nodes(g, Power(3.0), u)
        rho = np.sqrt(u @ solution.q**2)
        lam = (3 * rho) @ u / count
        assert np.max(np.abs(solution.q * lam / g - 1)) <= KKT
        assert solution.kkt <= KKT
        assert solution.value == pytest.approx(np.mean(rho**3) - g @ solution.q, rel=1e-13)
        errors.append(np.max(np.abs(solution.q / exact - 1)))
    # Scrambled Sobol points do better than 1/sqrt(N), which would give a factor of 5.7.
    assert errors[1] < errors[0] / 5.7


# --- errors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Power(0.5), "exponent must be a finite number >= 1"),
        (lambda: Power(2.0, -1.0), "coefficient must be a finite number > 0"),
        (lambda: Polynomial({}), "at least one term"),
        (lambda: Polynomial({4: math.nan}), "coefficient must be"),
        (lambda: Custom(np.sin, np.cos, lambda x: -np.sin(x)), "convex and nondecreasing"),
        (lambda: Custom(np.sinh, np.sinh, np.cosh), "slope is not the derivative"),
        (lambda: Custom(np.exp, np.exp, np.exp, domain=(0.0, 1.0)), "domain"),
        (lambda: sphere_nodes(0, 10), "at least 1"),
        (lambda: solve_nodes(np.ones(2), Power(1.0), np.ones((4, 2)) / 2), "H must have"),
        (
            lambda: solve(
                np.ones(2), Custom(lambda x: x**2 - x, lambda x: 2 * x - 1, lambda x: 2 + 0 * x, convex=False)
            ),
            "H must be convex",
        ),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
