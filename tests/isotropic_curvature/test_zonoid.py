"""minimal_kink, kink_window and entropy_bound: certificates, a plain linear program, edges, bad input."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import linprog, minimize_scalar

from labs.core.spectrum import power_law, zoo
from labs.core.sphere import tail_moments
from labs.core.streams import stream
from labs.isotropic_curvature import entropy_bound, kink_window, minimal_kink
from labs.isotropic_curvature.nodes import sphere_nodes


def density_error(g, A, B, normal):
    """How far the density A + (B - A) 1{normal.u > 0} is from g, relative to g."""
    return float(np.max(np.abs((A / len(g) + (B - A) * tail_moments(normal).first) / g - 1)))


@pytest.mark.parametrize("n", [2, 16, *(pytest.param(n, marks=pytest.mark.long) for n in (3, 64))])
def test_the_zoo(n):
    """Feasible density above, quotient of the normal below: both sides of the gauge, to rounding.

    Only where singular values agree to eight digits is less known, 1e-11 of g.
    """
    for name, g in zoo(n, stream("zonoid: zoo")).items():
        for share in (0.0, 0.5):
            A = share * n * float(np.min(g))
            B, normal = minimal_kink(g, A)
            if np.min(g) == 0:
                assert (B, normal) == (math.inf, None)
            elif np.ptp(g) == 0:
                assert pytest.approx(n * g[0], rel=1e-15) == B
                np.testing.assert_array_equal(normal, 1)
            else:
                assert normal is not None
                below = A + (g - A / n) @ normal / float(normal @ tail_moments(normal).first)
                error = 1e-10 if name == "nearly equal" else 1e-12 * n
                assert pytest.approx(below, rel=error) == B
                assert density_error(g, A, B, normal) <= error, name
                assert np.max(normal) == 1
                assert np.all(np.diff(normal[np.argsort(g)]) >= -1e-12)


def test_order_ties_and_scale():
    g = np.array([0.2, 1.0, 0.7, 0.2])
    B, normal = minimal_kink(g, 0.1)
    again, moved = minimal_kink(10 * g[[1, 0, 3, 2]], 1.0)
    assert normal is not None
    assert moved is not None
    assert again == pytest.approx(10 * B, rel=1e-13)
    np.testing.assert_allclose(moved, normal[[1, 0, 3, 2]], rtol=1e-10)
    assert normal[0] == normal[3]


def test_against_a_linear_program():
    """min B with 0 <= h_k <= B, mean h u = g, on 1500 nodes: sampling errs by about N^{-1/2} (cyclic nodes less)."""
    g = np.array([0.5, 0.3, 0.2])
    u = sphere_nodes(3, 1500)
    count = len(u)
    equal = np.hstack([u.T / count, np.zeros((3, 1))])
    below = np.hstack([np.eye(count), -np.ones((count, 1))])
    cost = np.append(np.zeros(count), 1.0)
    found = linprog(cost, A_ub=below, b_ub=np.zeros(count), A_eq=equal, b_eq=g, method="highs-ipm")
    B, normal = minimal_kink(g)
    assert normal is not None
    # Weak duality on these very nodes, so without sampling error: no density there beats the quotient of any normal.
    quotient = float(normal @ g) / float(np.mean(np.maximum(u @ normal, 0)))
    assert found.fun >= quotient * (1 - 1e-6)  # HiGHS: feasible to 1e-7
    assert found.fun == pytest.approx(B, rel=1e-2)


def test_where_no_kink_is_sharp_enough():
    g = np.array([1.0, 0.5, 0.25])
    assert minimal_kink(g, 0.75) == (math.inf, None)
    assert minimal_kink(g, 0.8) == (math.inf, None)
    assert minimal_kink(np.ones(3), 3.1) == (math.inf, None)
    assert minimal_kink(np.ones(3), 3.0)[0] == 3.0
    assert minimal_kink(np.array([2.0]), 1.0)[0] == 2.0
    assert minimal_kink(g, 0.75 - 1e-9)[0] > 1e4


def test_out_of_the_range_of_floats():
    g = np.geomspace(1.0, 1e-12, 128)
    with pytest.raises(RuntimeError, match="range of floats"):
        minimal_kink(g)
    assert entropy_bound(np.geomspace(1.0, 1e-15, 128)) == math.inf


@pytest.mark.parametrize(
    ("g", "A", "B"),
    [pytest.param((1.0, 0.6), 0.25, 2.5, marks=pytest.mark.long), (tuple(power_law(8)), 0.25, 25.0)],
)
def test_windows_end_where_the_kink_is_minimal(g, A, B):
    g = np.array(g)
    lo, hi = kink_window(g, A, B)
    for end in (lo, hi):
        assert minimal_kink(end * g, A)[0] == pytest.approx(B, rel=1e-9)
    assert minimal_kink(math.sqrt(lo * hi) * g, A)[0] < B
    assert min(minimal_kink(1.01 * hi * g, A)[0], minimal_kink(0.99 * lo * g, A)[0]) > B
    assert kink_window(3 * g, A, B) == pytest.approx((lo / 3, hi / 3), rel=1e-10)


def test_windows_at_the_edges():
    g = np.array([1.0, 0.6])
    assert kink_window(g, 0.0, 3.0) == pytest.approx((0.0, 3.0 / minimal_kink(g)[0]))
    assert kink_window(np.full(3, 2.0), 1.0, 3.0) == (1 / 6, 0.5)
    assert np.isnan(kink_window(np.array([1.0, 0.1]), 0.25, 0.5)).all()
    assert np.isnan(kink_window(np.array([1.0, 0.0]), 0.25, 50.0)).all()
    assert kink_window(np.array([1.0, 0.0]), 0.0, 50.0) == (0.0, 0.0)


@pytest.mark.long
def test_just_short_of_a_window():
    """The least B over all scales t, by a plain minimiser of a convex function."""
    g, A = np.array([1.0, 0.6]), 0.25
    ends = kink_window(g, A, 2.5)
    found = minimize_scalar(
        lambda t: minimal_kink(t * g, A)[0], bounds=ends, method="bounded", options={"xatol": 1e-4}
    )
    assert np.isnan(kink_window(g, A, 0.999 * found.fun)).all()
    narrow = kink_window(g, A, 1.02 * found.fun)
    assert ends[0] < narrow[0] < found.x < narrow[1] < ends[1]


def test_the_entropy_bound():
    """Its two forms by hand: the shifted one, and the root of the relative entropy of a two-valued density."""
    g = np.array([1.0, 0.5, 0.25, 0.2])
    assert entropy_bound(g) == pytest.approx(g.sum() * (g.mean() / np.exp(np.log(g).mean())) ** 2, rel=1e-13)
    for A in (0.05, 0.4, 0.79):
        bound = entropy_bound(g, A)
        shifted = A + entropy_bound(g - A / 4)
        assert bound >= shifted * (1 - 1e-14)
        if bound > shifted * (1 + 1e-12):
            tau, low, high = g.sum(), A / g.sum(), bound / g.sum()
            theta = (1 - low) / (high - low)
            entropy = theta * high * math.log(high) + (1 - theta) * low * math.log(low)
            assert entropy == pytest.approx(0.5 * np.sum(np.log(g.mean() / g)), rel=1e-10), tau
        assert bound <= minimal_kink(g, A)[0]
    assert entropy_bound(g, 0.05) > 0.05 + entropy_bound(g - 0.05 / 4)
    assert entropy_bound(np.ones(3), 2.0) == 3.0
    assert entropy_bound(np.ones(3), 4.0) == math.inf
    assert entropy_bound(np.array([1.0, 0.0])) == math.inf


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: minimal_kink(np.array([1.0, -1.0])), "g"),
        (lambda: minimal_kink(np.array([1.0, np.nan])), "g"),
        (lambda: minimal_kink(np.ones((2, 2))), "g"),
        (lambda: minimal_kink(np.array([])), "g"),
        (lambda: minimal_kink(np.ones(2), -1.0), "A"),
        (lambda: minimal_kink(np.ones(2), math.nan), "A"),
        (lambda: kink_window(np.ones(2), 1.0, 0.5), "B"),
        (lambda: kink_window(np.ones(2), 1.0, math.inf), "B"),
        (lambda: kink_window(np.zeros(2), 0.0, 1.0), "g"),
        (lambda: entropy_bound(np.zeros(2)), "g"),
    ],
)
def test_bad_input(call, name):
    with pytest.raises(ValueError, match=name):
        call()
