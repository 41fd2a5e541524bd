"""ICM-X10: how near to orthogonal a sharp kink brings a gradient with fewer outputs than inputs."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.isotropic_curvature import Power, wide
from tests.isotropic_curvature.device import expect
from tests.isotropic_curvature.menu import rationals, spectra
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.isotropic_curvature import ICM_X10a, ICM_X10b, ICM_X10c, ICM_X10d, near_orthogonality
from theory.isotropic_curvature.dirichlet import moment_of_sum

WIDE = "rank G = m < n"
G = np.array([0.6, 0.4])


# --- ICM-X10: the rate, for m = 2 in balls -----------------------------------------------------------------------

Balls = Callable[[list[Any]], list[Any]]


def _inside(system: Balls, target: list[Any], box: list[tuple[Any, Any]]) -> list[Evidence]:
    """system = target has a solution in the box: entry i is below the target on the face lo_i, above on hi_i.

    (Poincare and Miranda.)  The problem is convex, so it is the only one.  Ends of the box are balls.
    """

    def face(i: int, side: int) -> Evidence:
        lo, hi = box[1 - i]

        def gap(part: Any) -> Any:
            point = [box[i][side], lo + (hi - lo) * part]
            return system(point if i == 0 else point[::-1])[i] - target[i]

        return enclosed(gap, "><"[1 - side], box=[(0, 1)], budget=64)

    return [face(i, side) for i in range(2) for side in range(2)]


def _box(center: list[float], halfwidth: float) -> list[tuple[Any, Any]]:
    from flint import arb

    return [(arb(c) - arb(halfwidth), arb(c) + arb(halfwidth)) for c in center]


def _gradient(d: int, A: Any, B: Any) -> Balls:
    return lambda eps: near_orthogonality.gradient_balls(eps, d, A, B)


def _limit(d: int) -> Balls:
    return lambda eps: near_orthogonality.limit_balls(eps, d)


def _target(g: tuple[str, str]) -> list[Any]:
    from flint import arb

    return [arb(x) for x in g]


GRADIENT = ("0.6", "0.4")
DISTANCES = (1, 2, 4)


@check(ICM_X10a)
def rate_in_balls(g: tuple[str, str], d: int, slopes: tuple[int, int], exponent: Fraction) -> Evidence:
    """log(eps_1)/log B between two slopes B is -exponent within 2 %, eps_1 enclosed to one part in 10^4."""
    from flint import arb

    spectrum, ends, found = np.array([float(x) for x in g]), [], []
    for B in slopes:
        eps = wide.near_orthogonal(spectrum, d + 2, float(B))
        box = _box([float(e) for e in eps], float(eps[1]) * 1e-4)
        found += _inside(_gradient(d, 0, B), _target(g), box)
        ends.append(box[0][0].union(box[0][1]))
    slope = (ends[1] / ends[0]).log() / (arb(slopes[1]) / arb(slopes[0])).log()
    wanted = arb(exponent.numerator) / exponent.denominator
    return every(*found, enclosed(abs(slope + wanted) - wanted / 50, "<="))


@check(ICM_X10a)
def limit_is_homogeneous(d: int, exponent: Any) -> Evidence:
    """B times the expectation at eps = B^(-exponent) e does not depend on B, e symbols (even d, from moments)."""
    import sympy

    B = sympy.Symbol("B", positive=True)
    e = sympy.symbols("e1:4", positive=True)
    there = [x * B**-exponent for x in e]
    return exact(B * moment_of_sum(d // 2, there, 3, (1, 0, 0)), moment_of_sum(d // 2, e, 3, (1, 0, 0)))


@check(ICM_X10a)
def rate_measured(g: np.ndarray, n: int, A: float, factor: float = 1.0) -> Evidence:
    """The slope of log max|eps| in log B for B from 1e6 to 1e8 times sum g is -2/(n - m), within 2 %.

    The next order in eps changes the slope by about eps itself: instances have eps < 1e-2 (d <= 4).
    """
    require(g.size < n, WIDE)
    total = float(np.sum(g))
    low, high = (np.max(np.abs(wide.near_orthogonal(g, n, B * total, A))) for B in (1e6, 1e8))
    rate = 2 / (n - g.size)
    return measured(np.log(high / low) / np.log(100), -factor * rate, 0.02 * rate, margin=0.04 * rate)


@verifies(ICM_X10a)
@pytest.mark.parametrize("d", DISTANCES)
def test_the_rate(d: int) -> None:
    rate_in_balls(GRADIENT, d, (10**6, 10**8), Fraction(2, d))


@verifies(ICM_X10a)
def test_the_rate_in_other_dimensions() -> None:
    for d in (2, 4):
        limit_is_homogeneous(d, Fraction(2, d))
    for m, d, spread in ((1, 1, 0.0), (8, 1, 0.1), (8, 3, 2.0), (3, 4, 2.0)):
        rate_measured(1 + np.linspace(spread, 0, m), m + d, 0.0)


@control(ICM_X10a, changes="2/(n-m) -> 2.1/(n-m)")
def test_another_rate() -> None:
    rate_in_balls(GRADIENT, 1, (10**6, 10**8), Fraction(21, 10))
    limit_is_homogeneous(2, Fraction(21, 20))
    rate_measured(np.array([1.0, 0.6, 0.5]), 4, 0.0, factor=1.05)


# --- ICM-X10.b: the system of the limit --------------------------------------------------------------------------


@check(ICM_X10b)
def constant_by_algebra(factor: Fraction) -> Evidence:
    """2^(d/2) times the limit of T(x) x^(-d/2), and x ~ 2 eps.omega^2, with m and d symbols."""
    import sympy

    m, d = sympy.symbols("m d", positive=True)
    claimed = factor * 2 ** (d / 2 + 1) / (d * near_orthogonality.beta(d / 2, m / 2))
    eps, square = sympy.symbols("e1:4"), sympy.symbols("w1:3")
    squares = [*square, 1 - sum(square)]
    excess = near_orthogonality.squared_excess(eps, squares)
    return every(
        exact(2 ** (d / 2) * near_orthogonality.shell_constant(m, d), claimed),
        exact(excess, 2 * factor * sum(e * w for e, w in zip(eps, squares, strict=True))),
    )


@check(ICM_X10b)
def limit_is_reached(g: tuple[str, str], d: int, B: int, factor: float) -> Evidence:
    """eps(B) B^(2/d) is within max(eps, 1e-6) (relative) of the limit's solution: both enclosed."""
    from flint import arb

    spectrum = np.array([float(x) for x in g])
    eps = wide.near_orthogonal(spectrum, d + 2, float(B))
    limit = wide.leading_order(spectrum, d + 2, factor)
    near, far = (_box([float(e) for e in x], float(x[1]) * 1e-7) for x in (eps, limit))
    target = [x / arb(factor) for x in _target(g)]
    distance = max(2 * float(eps[0]), 1e-6)
    scale = arb(B) ** (arb(2) / d)
    pairs = [(lo.union(hi) * scale, a.union(b)) for (lo, hi), (a, b) in zip(near, far, strict=True)]
    return every(
        *_inside(_gradient(d, 0, B), _target(g), near),
        *_inside(_limit(d), target, far),
        *(enclosed(abs(found / e - 1) - arb(distance), "<=") for found, e in pairs),
    )


@check(ICM_X10b)
def limit_holds_for_labs(g: np.ndarray, n: int, A: float, factor: float = 1.0) -> Evidence:
    """E[omega_i^2 (eps.omega^2)^(d/2)] by the quadrature for powers: the weights of x^(d+2)/(d+2) on S^(m-1).

    Needs eps > 0; its relative error is 1e-13, that of eps 1e-13, and the power d/2 leaves as much.
    """
    from scipy.special import beta

    m, d = g.size, n - g.size
    require(m < n, WIDE)
    B = 1e3 * float(np.sum(g))
    eps = wide.leading_order(g, n, B, A)
    root = np.sqrt(eps)
    average = np.asarray(expect(Power(d + 2.0), root, m, order=1)[1]) / root / (d + 2)
    constant = factor * 2 ** (d / 2 + 1) / (d * beta(d / 2, m / 2))
    reduced = g - A * wide.slope_at_isometry(m, n)
    return measured((B - A) * constant * average / reduced, 1.0, 1e-11)


@verifies(ICM_X10b)
def test_the_constant_of_the_limit() -> None:
    constant_by_algebra(Fraction(1))


@verifies(ICM_X10b)
def test_the_limit_is_reached() -> None:
    for d in DISTANCES:
        limit_is_reached(GRADIENT, d, 10**4, 1.0)


@verifies(ICM_X10b)
def test_the_limit_in_other_dimensions() -> None:
    for m, d in ((2, 1), (3, 2), (5, 4), (8, 1), (16, 8)):
        for spread in (0.0, 1.5):
            limit_holds_for_labs(1 + spread * d / m * np.linspace(0.5, 0, m) ** 2, m + d, 0.1)


@control(ICM_X10b, changes="constant -> 1.05 constant")
def test_another_constant() -> None:
    constant_by_algebra(Fraction(21, 20))
    limit_is_reached(GRADIENT, 1, 10**4, 1.05)
    limit_holds_for_labs(np.array([1.0, 0.8]), 5, 0.1, factor=1.05)


# --- ICM-X10.c: two more inputs ----------------------------------------------------------------------------------

LINEAR = "(m + 2) g_m >= sum g"


@check(ICM_X10c)
def linear_by_algebra(shift: int) -> Evidence:
    """labs' closed form inverts eps -> m E[omega_i^2 eps.omega^2], with m, g_i and sum g symbols; signs too."""
    import sympy

    m, B = sympy.symbols("m B", positive=True)
    own, total = sympy.symbols("g total", positive=True)
    eps = wide.two_more_inputs(own, total, m + shift, B)
    # sum over the m entries, each with its own g
    whole = ((m + shift + 2) * total - m * total) / (2 * B)
    return every(
        exact(B * near_orthogonality.linear_response(eps, whole, m), own),
        exact(eps.subs(own, total / (m + 2)), 0),
    )


@check(ICM_X10c, ICM_X10d)
def limit_of_the_ball(m: int, mistake: Fraction) -> Evidence:
    """The exact equations for d = 2 at eps = e/B, B -> inf, with e and A symbols: from the ellipsoid in the ball.

    Their limit is A c + B times the linear response, c = 1/(m+1).
    """
    import sympy

    t, A = sympy.symbols("t A", positive=True)  # t = 1/B
    e = sympy.symbols(f"e1:{m + 1}", positive=True)
    q = [1 + t * x for x in e]
    found = near_orthogonality.ball_gradient(near_orthogonality.gradient_of_mean_length(e, t), q, A, 1 / t)
    c = near_orthogonality.mean_length(sympy.Integer(m), 2) / m
    response = [near_orthogonality.linear_response(x, sum(e), sympy.Integer(m)) for x in e]
    return every(
        *(
            exact(sympy.cancel(entry).subs(t, 0), (1 + mistake) * A * c + (1 + mistake) * line)
            for entry, line in zip(found, response, strict=True)
        )
    )


@check(ICM_X10c)
def linear_measured(g: np.ndarray, B: float, shift: int = 0) -> Evidence:
    """eps of the full problem against the closed form: relative distance at most a few eps_1 = sum g/B."""
    m = g.size
    require((m + 2) * np.min(g) >= np.sum(g), LINEAR)
    eps = wide.near_orthogonal(g, m + 2, B)
    claimed = wide.two_more_inputs(g, np.sum(g), m + shift, B)
    tolerance = 10 * (np.sum(g) / B) * np.max(np.abs(claimed))
    return measured(eps, claimed, tolerance)


@verifies(ICM_X10c)
def test_two_more_inputs() -> None:
    linear_by_algebra(0)
    for m in (2, 8, 16):
        for g in spectra(m, "two more inputs"):
            if (g.size + 2) * g[-1] >= np.sum(g):
                linear_measured(g, 1e6)
        linear_measured(np.r_[np.ones(m - 1), (m - 1) / (m + 1) + 1e-12], 1e6)  # the last eps is nearly 0


@control(ICM_X10c, drops=LINEAR)
def test_a_small_singular_value_bends_the_limit() -> None:
    linear_measured(np.array([0.78, 0.22]), 1e8)
    linear_measured(np.array([1.0, 0.9, 0.3]), 1e8)


@control(ICM_X10c, changes="m + 2 -> m + 3")
def test_another_linear_map() -> None:
    linear_by_algebra(1)
    linear_measured(G, 1e8, shift=1)


# --- ICM-X10.d: a slope before the kink --------------------------------------------------------------------------


@check(ICM_X10d)
def slope_at_isometry_by_algebra(shift: int) -> Evidence:
    """labs' Gamma quotient is a moment of s over m, m and n symbols; and 1/n for n = m."""
    import sympy

    def half_step(x: Any) -> Any:
        return sympy.gamma(x + sympy.Rational(1, 2)) / sympy.gamma(x)

    m, d = sympy.symbols("m d", positive=True)
    five = sympy.Integer(5)
    return every(
        exact(wide.slope_at_isometry(m, m + d + shift, half_step), near_orthogonality.mean_length(m, d) / m),
        exact(wide.slope_at_isometry(five, five + shift, half_step), Fraction(1, 5)),
    )


@check(ICM_X10d)
def shifted_limit(g: np.ndarray, n: int, A: float, c: float) -> Evidence:
    """eps at B = 1e9 sum g against the limit for g - A c and B - A: the next order is eps, each has 1e-12."""
    require(g.size < n, WIDE)
    require(np.min(g) > A * wide.slope_at_isometry(g.size, n), "g_m > A c")
    B = 1e9 * float(np.sum(g))
    eps = wide.near_orthogonal(g, n, B, A)
    claimed = wide.leading_order(g - A * c, n, B - A)
    return measured(eps / claimed, 1.0, 10 * np.max(eps) + 1e-11, margin=0.02)


@verifies(ICM_X10c, ICM_X10d)
def test_the_limit_from_the_ball() -> None:
    for m in (2, 3):
        limit_of_the_ball(m, Fraction(0))


@verifies(ICM_X10d)
def test_a_slope_before_the_kink() -> None:
    slope_at_isometry_by_algebra(0)
    for m, d in ((2, 1), (3, 3), (8, 2)):
        c = wide.slope_at_isometry(m, m + d)
        shifted_limit(1 + np.linspace(0.3, 0, m), m + d, 0.5 / c, c)


@control(ICM_X10d, changes="c -> 1/n, as for full rank")
def test_the_slope_of_full_rank() -> None:
    slope_at_isometry_by_algebra(1)
    shifted_limit(np.array([0.6, 0.4]), 4, 0.2, 1 / 4)


@control(ICM_X10d, changes="A c -> 1.02 A c")
def test_another_slope() -> None:
    limit_of_the_ball(2, Fraction(1, 50))


# --- ICM-X10: the numbers ----------------------------------------------------------------------------------------


@check(ICM_X10a, ICM_X10b, ICM_X10c, ICM_X10d)
def quoted(eps: tuple[str, str], last_digit: str, scaled: int, d: int, A: str, B: int) -> Evidence:
    """labs' eps is that of the exact equations to 10 digits, and, times (B - A)^(2/d) if scaled, rounds to `eps`.

    B = 0 stands for the limit (with A = 0).
    """
    from flint import arb

    half, g = arb(last_digit) / 2, _target(GRADIENT)
    slope = arb(B) - arb(A) if B else arb(1)
    unit = slope ** (arb(2) / d) if scaled else arb(1)
    if B:
        found, system = wide.near_orthogonal(G, d + 2, float(B), float(A)), _gradient(d, A, B)
    else:
        found, system = wide.leading_order(G, d + 2, 1.0), _limit(d)
    box = _box([float(x) for x in found], float(np.min(found)) * 1e-10)
    shown = [abs(lo.union(hi) * unit - arb(e)) - half for (lo, hi), e in zip(box, eps, strict=True)]
    return every(*_inside(system, g, box), *(enclosed(rest, "<=") for rest in shown))


QUOTED = [
    (("0.03721837", "0.01560935"), "1e-8", 0, 2, "0", 20),
    (("0.70083", "0.30023"), "1e-5", 1, 2, "0", 1000),
    (("0.931897", "0.149019"), "1e-6", 1, 1, "0", 0),
    (("0.59610", "0.39393"), "1e-5", 1, 4, "0", 10**7),
    (("0.59591", "0.39383"), "1e-5", 1, 4, "0", 0),
    (("0.63399", "0.23349"), "1e-5", 1, 2, "0.2", 1000),
]


@verifies(ICM_X10b)
@pytest.mark.parametrize("numbers", QUOTED, ids=str)
def test_quoted_numbers(numbers: tuple[Any, ...]) -> None:
    quoted(*numbers)


@verifies(ICM_X10c, ICM_X10d)
def test_quoted_limits() -> None:
    """(0.7, 0.3), and (19/30, 7/30) for A = 1/5."""
    for A, limit in ((Fraction(0), ("7/10", "3/10")), (Fraction(1, 5), ("19/30", "7/30"))):
        limit_quoted(A, rationals(*limit))


@check(ICM_X10c, ICM_X10d)
def limit_quoted(A: Fraction, limit: list[Fraction]) -> Evidence:
    """The closed form for g = (3/5, 2/5), m = 2, in rational numbers; c = 1/3."""
    g = [x - A / 3 for x in rationals("3/5", "2/5")]
    return every(
        *(exact(wide.two_more_inputs(x, sum(g), 2, Fraction(1)), e) for x, e in zip(g, limit, strict=True))
    )


@restates(ICM_X10b)
def test_the_limit_in_another_order() -> None:
    limit_holds_for_labs(np.array([1.0, 1.3, 1.1]), 5, 0.0)
