"""Tails of the sphere, and expectations for step functions: against angles, closed forms, and the general route."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import betainc

from labs.core.spectrum import zoo
from labs.core.sphere import expect, tail_moments
from labs.core.sphere._general import general_moments
from labs.core.sphere._steps import step_moments, weight_step_moments
from labs.core.streams import stream
from labs.isotropic_curvature import Kink, PiecewiseSlope, PiecewiseWeight, Power

# Two different integrals, each with a relative error of about 1e-14.
ERROR = 1e-12


# --- tails ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("a", [(1.0, -0.4), (1.0, -1e-6), (0.3, -1.0), (1.0, -1e6)])
def test_tails_in_the_plane(a):
    """cos^2(t) a_1 + sin^2(t) a_2 > 0 for |t| < edge, so all is elementary."""
    edge = math.atan(math.sqrt(-a[0] / a[1]))
    # pi P_1 = edge + sin cos, pi P_2 = edge - sin cos, the latter by its series where it cancels
    both = math.sin(edge) * math.cos(edge)
    small = edge - both if edge > 0.1 else 2 * edge**3 / 3 - 2 * edge**5 / 15 + 4 * edge**7 / 315
    found = tail_moments(np.array(a))
    assert found.mass == pytest.approx(2 * edge / math.pi, rel=ERROR)
    np.testing.assert_allclose(
        found.first, [(edge + both) / math.pi, small / math.pi], rtol=ERROR if edge > 0.1 else 1e-9
    )
    # dP_i/da_j from d edge / d a: edge = atan(sqrt(r)), r = -a_1/a_2
    r = -a[0] / a[1]
    rate = 1 / (2 * math.sqrt(r) * (1 + r))
    density = np.array([math.cos(edge) ** 2, math.sin(edge) ** 2])
    gradient = rate * np.array([-1 / a[1], a[0] / a[1] ** 2])
    wanted = 2 / math.pi * np.outer(density, gradient)
    np.testing.assert_allclose(found.derivative, wanted, rtol=1e-9, atol=ERROR * np.max(np.abs(wanted)))


@pytest.mark.parametrize(("k", "n", "t"), [(1, 3, 0.5), (2, 7, 0.9), (5, 40, 0.3), (64, 128, 0.9)])
def test_tails_of_two_groups_are_incomplete_beta_functions(k, n, t):
    """u_1 + ... + u_k ~ Beta(k/2, (n-k)/2), and it exceeds t."""
    found = tail_moments(np.array([1 - t, -t]), np.array([k, n - k]))
    assert found.mass == pytest.approx(betainc((n - k) / 2, k / 2, 1 - t), rel=ERROR)
    inside = betainc((n - k) / 2, k / 2 + 1, 1 - t) / n
    outside = betainc((n - k) / 2 + 1, k / 2, 1 - t) / n
    np.testing.assert_allclose(found.first, [inside, outside], rtol=ERROR)


def test_derivatives_of_tails():
    """Central differences of P, whose error is about (1e-4)^2 of a third derivative; degree 0 in a; groups."""
    a, count = np.array([1.0, 0.2, -0.3, -2.0]), np.array([1, 2, 3, 2])
    single = np.repeat(a, count)
    found = tail_moments(a, count)
    h = 1e-4
    numeric = np.array(
        [
            (tail_moments(single + h * e).first - tail_moments(single - h * e).first) / (2 * h)
            for e in np.eye(8)
        ]
    )
    whole = tail_moments(single).derivative
    np.testing.assert_allclose(whole, numeric.T, rtol=0, atol=1e-7)
    np.testing.assert_allclose(whole @ single, 0, atol=1e-13)
    first = np.cumsum(count) - count  # one coordinate of each group
    np.testing.assert_allclose(found.first, tail_moments(single).first[first], rtol=ERROR)
    np.testing.assert_allclose(found.derivative, whole[np.ix_(first, first)], rtol=1e-10)


def test_certain_and_impossible_tails():
    sure, never = (
        tail_moments(np.array([0.5, 0.0, 2.0])),
        tail_moments(np.array([-1.0, 0.0]), np.array([2, 3])),
    )
    assert (sure.mass, never.mass) == (1.0, 0.0)
    np.testing.assert_array_equal(sure.first, np.full(3, 1 / 3))
    np.testing.assert_array_equal(never.first, 0)
    np.testing.assert_array_equal(sure.derivative, 0)


@pytest.mark.parametrize(
    ("a", "multiplicity", "name"),
    [
        (np.zeros(3), None, "a"),
        (np.ones((2, 2)), None, "a"),
        (np.array([1.0, np.nan]), None, "a"),
        (np.array([1.0, -1.0]), np.array([1, 0]), "multiplicity"),
        (np.array([1.0, -1.0]), np.array([1.5, 1.0]), "multiplicity"),
        (np.array([1.0, -1.0]), np.array([1, 1, 1]), "multiplicity"),
    ],
)
def test_bad_tails(a, multiplicity, name):
    with pytest.raises(ValueError, match=name):
        tail_moments(a, multiplicity)


# --- step functions -------------------------------------------------------------------------------------------

SLOPES = [Kink(1.0, 0.3, 2.0), Kink(1.0, 0.0, 2.0), PiecewiseSlope((0.5, 1.0, 1.2), (0.0, 0.5, 0.5, 2.0))]
WEIGHTS = [PiecewiseWeight((0.8, 1.1), (0.2, 1.0, 3.0)), PiecewiseWeight((1.0,), (0.0, 2.0))]
POINTS = {
    "apart": (np.array([1.4, 0.9, 0.3]), 3),
    "wide": (np.array([1.4, 0.9, 0.3]), 5),
    "plane": (np.array([1.4, 0.7]), 2),
    "nearly flat": (np.array([1.001, 0.999]), 2),
    "nearly flat, eight": (1 + 1e-3 * np.cos(np.arange(8.0)), 8),
    "graded": (np.geomspace(2.0, 1e-6, 5), 6),
    "a kink at one of them": (np.array([1.3, 1.0, 0.7]), 3),
    "forty": (1.05 + 0.1 * np.cos(np.arange(40.0)), 40),
}


@pytest.mark.parametrize("H", [*SLOPES, *WEIGHTS], ids=str)
@pytest.mark.parametrize("where", POINTS)
def test_steps_against_the_general_route(H, where):
    """The value of a kink near which q is nearly flat is a small difference: relative to P(rho > c) c H'."""
    q, n = POINTS[where]
    fast = step_moments if H in SLOPES else weight_step_moments
    found, reference = fast(H, q, n), general_moments(H, q, n)
    np.testing.assert_allclose(found.first, reference.first, rtol=ERROR)
    assert abs(found.value - reference.value) <= ERROR * np.max(q) * float(H.slope(np.max(q)))
    np.testing.assert_allclose(
        found.second, reference.second, rtol=0, atol=1e-10 * np.max(np.abs(reference.second))
    )
    if len(q) < n:
        assert found.first_at_zero == pytest.approx(reference.first_at_zero, rel=1e-11)
    without = fast(H, q, n, second=False)
    np.testing.assert_array_equal(without.first, found.first)
    assert without.second is None


@pytest.mark.parametrize("H", [*SLOPES, *WEIGHTS], ids=str)
def test_steps_against_an_angle(H):
    """n = 2 by adaptive quadrature between the corners."""
    q = np.array([1.4, 0.7])
    corners = [
        math.acos(math.sqrt((c**2 - q[1] ** 2) / (q[0] ** 2 - q[1] ** 2))) for c in H.breaks if c > q[1]
    ]
    ends = [0.0, *sorted(corners), math.pi / 2]

    def mean(f):
        parts = (quad(f, lo, hi, epsabs=1e-13, epsrel=1e-13)[0] for lo, hi in pairwise(ends))
        return 2 / math.pi * sum(parts)

    def rho(t):
        return math.hypot(q[0] * math.cos(t), q[1] * math.sin(t))

    value, gradient, _ = expect(H, q, order=1)
    assert value == pytest.approx(mean(lambda t: float(H(rho(t)))), rel=1e-12)
    assert gradient[0] == pytest.approx(
        q[0] * mean(lambda t: float(H.weight(rho(t))) * math.cos(t) ** 2), rel=1e-12
    )
    assert gradient[1] == pytest.approx(
        q[1] * mean(lambda t: float(H.weight(rho(t))) * math.sin(t) ** 2), rel=1e-12
    )


@pytest.mark.parametrize("H", [*SLOPES, *WEIGHTS], ids=str)
def test_hessian_is_the_derivative_of_the_gradient(H):
    q, n, h = np.array([1.3, 0.9, 0.4]), 4, 1e-5
    hessian = expect(H, q, n)[2]
    numeric = [(expect(H, q + h * e, n)[1] - expect(H, q - h * e, n)[1]) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(
        hessian, numeric, atol=1e-6
    )  # h^2 times third derivatives, which peak at corners


def test_flat_spectra_take_the_right_slope():
    for H, q in ((Kink(1.0, 0.5, 3.0), 1.0), (Kink(1.0, 0.5, 3.0), 0.9), (WEIGHTS[0], 1.1)):
        value, gradient, _ = expect(H, np.full(4, q))
        assert value == pytest.approx(float(H(q)), rel=1e-14)
        np.testing.assert_allclose(gradient, float(H.slope(q)) / 4, rtol=1e-14)


@pytest.mark.parametrize("H", [Kink(1.0, 0.5, 3.0), PiecewiseWeight((1.0,), (0.5, 3.0))], ids=str)
@pytest.mark.parametrize("q", [0.8, 1.0, 1.3])
def test_second_moments_of_a_flat_spectrum(H, q):
    """w'/q E u_i u_j with E u_i u_j = (1 + 2 delta_ij)/(n (n + 2)), between the kinks."""
    n = 3
    second = expect(H, np.full(n, q))[2] - np.diag(np.full(n, float(H.weight(q)) / n))
    wanted = q * float(H.weight_slope(q)) * (1 + 2 * np.eye(n)) / (n * (n + 2))
    np.testing.assert_allclose(second, wanted, atol=1e-15)


def test_a_weight_that_cannot_be_averaged():
    """E[u_2 / |zeta_1|] is infinite: one positive entry, and H' > 0 at 0."""
    assert expect(Kink(1.0, 0.3, 2.0), np.array([1.2, 0.0]), order=1)[1][1] == 0
    assert step_moments(Kink(1.0, 0.3, 2.0), np.array([1.2]), 3).first_at_zero == math.inf


# --- the general route where many coordinates are nearly alike -----------------------------------------------


class Opaque:
    """H without its `terms`, so that the general route is taken."""

    def __init__(self, H):
        self.H, self.terms, self.breaks = H, None, ()

    def __call__(self, x):
        return self.H(x)

    def __getattr__(self, name):
        return getattr(self.H, name)


@pytest.mark.parametrize("name", ["spike", "two-level", "repeated", "nearly equal"])
def test_clusters_in_many_dimensions(name):
    """A cluster leaves few other coordinates, and level sets are rough where it begins and ends."""
    q, H = zoo(40, stream("clusters"))[name], Power(3.3)
    value, gradient, hessian = expect(H, q)
    found = expect(Opaque(H), q)
    assert found[0] == pytest.approx(value, rel=ERROR)
    np.testing.assert_allclose(found[1], gradient, rtol=ERROR)
    np.testing.assert_allclose(found[2], hessian, atol=ERROR * np.max(hessian))
