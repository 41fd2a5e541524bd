"""ICM-X9: no kink orthogonalises a wide or rank-deficient gradient, an infinite wall does; and labs' own solver."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from labs.isotropic_curvature import Kink, PiecewiseSlope, PiecewiseWeight, wide
from tests.isotropic_curvature.device import expect, solve
from tests.isotropic_curvature.menu import rationals, spectra
from tests.referee import check, control, verifies
from theory.evidence import Evidence, certified, every, exact, measured, require
from theory.isotropic_curvature import (
    ICM_X9a,
    ICM_X9b,
    ICM_X9c,
    certificate,
    even_powers,
    matrices,
    near_orthogonality,
    partial_isometry,
)

WIDE = "rank G < n"
G = np.array([0.6, 0.4])


# --- ICM-X9.a: no kink holds a partial isometry ------------------------------------------------------------------


@check(ICM_X9a)
def moving_a_transfer_descends(k: int, d: Any, excess: Any) -> Evidence:
    """F falls along e_1 - e_2 at c U V^T, whatever H is below c and whatever the slopes A < B at c are.

    B - A = `excess` times what full rank would need for these two, (pi n/2)(g_1 - g_2) with n = k.
    """
    import sympy

    require(d != 0, WIDE)
    A, gap = sympy.symbols("A gap", positive=True)
    below = sympy.Symbol("below", real=True)  # E[H'(c s) s; s < 1]
    B = A + excess * sympy.pi * k / 2 * gap
    mass = partial_isometry.atom(k, d)
    return exact(partial_isometry.slope_of_transfer(k, mass, below, A, B, gap), 0, "<")


@verifies(ICM_X9a)
def test_no_kink_holds_a_partial_isometry() -> None:
    import sympy

    d, excess = sympy.symbols("d excess", positive=True)
    for k in (2, 3, 4):
        moving_a_transfer_descends(k, d, excess)


@control(ICM_X9a, drops=WIDE)
def test_a_kink_holds_full_rank() -> None:
    import sympy

    for k in (2, 3, 4):
        moving_a_transfer_descends(k, 0, sympy.Rational(101, 100))


@pytest.mark.parametrize(("k", "d"), [(2, 1), (4, 3), (6, 2)])
def test_the_law_of_the_length(k: int, d: int) -> None:
    import sympy
    from scipy.special import betainc

    shell = partial_isometry.cap(k, d, sympy.Rational(3, 10))
    assert float(shell) == pytest.approx(betainc(d / 2, k / 2, 0.3), rel=1e-14)


@check(ICM_X9a)
def gradient_there_is_flat(H: even_powers.Even, k: int) -> Evidence:
    """The gradient of phi at q = c (1, ..., 1) is E[H'(c s) s]/k in every entry, for every n (a symbol) and c.

    So g is stationary exactly if all its entries are that number.
    """
    import sympy

    c, n = sympy.symbols("c n", positive=True)
    smooth = sum(p * a * c ** (p - 1) * partial_isometry.length_moment(p, k, n) for p, a in H.items())
    found = even_powers.gradient(H, [c] * k, n)
    gap = sympy.Symbol("gap", positive=True)
    g = [found[0] + gap, *found[1:]]  # one entry raised: F falls along its axis, and along no other
    slopes = partial_isometry.slopes_along_axes(g, smooth)
    return every(
        *(exact(entry, smooth / k) for entry in found),
        exact(slopes[0], -gap),
        *(exact(slope, 0) for slope in slopes[1:]),
    )


@check(ICM_X9a)
def equal_entries_are_optimal(H: even_powers.Even, k: int, n: int, c: Fraction) -> Evidence:
    """The other direction: with equal g the value at c U V^T equals a lower bound over all matrices."""
    q = [c] * k
    lam, g = even_powers.weights(H, q, n), even_powers.gradient(H, q, n)
    value = even_powers.objective(H, q, g, n)
    lower = certificate.lower_bound(even_powers.penalty(H, q, n), q, g, lam)
    return certified(float(value), float(lower), 0.0)


@verifies(ICM_X9a)
def test_the_gradient_at_a_partial_isometry() -> None:
    for H in ({2: 1}, {4: 1}, {2: Fraction(1, 2), 6: 3}):
        for k in (2, 3):
            gradient_there_is_flat(H, k)
            equal_entries_are_optimal(H, k, k + 2, Fraction(3, 2))


@check(ICM_X9a)
def gradient_is_flat(H: Any, c: float, k: int, n: int) -> Evidence:
    """The same for kinks, at, below and above c: all entries agree to the accuracy of `expect`."""
    require(k < n, WIDE)
    slope = np.asarray(expect(H, np.full(k, c), n, order=1)[1])
    return measured(slope / slope[0], 1.0, 1e-12)


@verifies(ICM_X9a)
def test_the_gradient_of_kinks_at_a_partial_isometry() -> None:
    kinks: list[Any] = [Kink(1.0, 0.2, 1e6), PiecewiseWeight((0.5, 1.0), (0.1, 1.0, 1e3))]
    for H in [*kinks, PiecewiseSlope((0.5, 1.0, 1.5), (0.0, 1.0, 2.0, 1e4))]:
        for k, n, c in ((2, 3, 1.0), (3, 9, 1.2), (8, 9, 1.0)):
            gradient_is_flat(H, c, k, n)


@check(ICM_X9a)
def spread_remains(g: np.ndarray, n: int, A: float, B: float) -> Evidence:
    """q_1 - q_k is positive at the optimum, by more than (g_1^2 - g_k^2)/(1000 B^2): for d = 1 it falls like that."""
    require(len(g) < n, WIDE)
    q = wide.near_orthogonal(g, n, B, A) if len(g) < n else np.asarray(solve(g, Kink(1.0, A, B), n=n).q)
    least = (g[0] - g[-1]) * (g[0] + g[-1]) / (1000 * B**2)
    return measured(q[0] - q[-1], least, 1e-6 * least, ">=")


@verifies(ICM_X9a)
def test_the_spread_remains_up_to_sharp_kinks() -> None:
    for n in (3, 4):
        for B in (100.0, 1e6):
            spread_remains(G, n, 0.2, B)
    for g in spectra(8, "spread remains"):
        if 1e3 * g[-1] > g[0] > g[-1]:
            spread_remains(g, 9, 0.0, 1e8)


@pytest.mark.long
@verifies(ICM_X9a)
def test_the_spread_remains_for_graded_spectra() -> None:
    for m in (3, 8):
        for g in spectra(m, "spread remains"):
            if g[0] > g[-1]:
                spread_remains(g, m + 1, 0.0, 1e8)
                spread_remains(g, m + 3, 0.0, 1e8)


@control(ICM_X9a, drops=WIDE)
def test_no_spread_remains_at_full_rank() -> None:
    spread_remains(G, 2, 0.2, 1.7)  # B_min = 1.16


# --- ICM-X9.b, ICM-X9.c: an infinite wall ------------------------------------------------------------------------


@check(ICM_X9b)
def wall_is_reached(k: int, d: int, A: Fraction) -> Evidence:
    """F does not fall from q = r 1 in any direction below the wall, where H = A x; g_i = 1 + v_i, g_k = 1."""
    import sympy

    require(A == 0, "H = 0 below the wall")
    larger = sympy.symbols(f"v1:{k}", nonnegative=True)
    shortfall = sympy.symbols(f"s1:{k + 1}", nonnegative=True)
    c = near_orthogonality.mean_length(sympy.Integer(k), d) / k if d else sympy.Rational(1, k)
    g = [*(1 + v for v in larger), sympy.Integer(1)]
    slope = partial_isometry.wall_slope(g, shortfall, sympy.Rational(A.numerator, A.denominator) * c)
    witness = dict.fromkeys([*larger, *shortfall], 0) | {shortfall[-1]: 1}
    return exact(slope, 0, ">=", witness=witness)


@check(ICM_X9b)
def wall_is_reached_by_matrices(g: list[Fraction], rows: int, columns: int, turn: int) -> Evidence:
    """-tr(Q G^T) at Q = U V^T in rational numbers against -sum g, for rotated frames; |Q|_op = 1 exactly."""
    import sympy

    k = len(g)
    U = matrices.cayley(rows, list(range(turn, turn + rows * (rows - 1) // 2)))[:, :k]
    V = matrices.cayley(columns, [1 - j for j in range(columns * (columns - 1) // 2)])[:, :k]
    values = [sympy.Rational(x.numerator, x.denominator) for x in g]
    update, gradient = U * V.T, U * sympy.diag(*values) * V.T
    lengths = max((update * update.T).eigenvals()) - 1  # of Q Q^T
    value = -(update * gradient.T).trace()
    return certified(float(value), -float(sum(g)), 0.0, defects=[float(lengths)])


@verifies(ICM_X9b)
def test_an_infinite_wall_orthogonalises() -> None:
    for k in (2, 3):
        for d in (0, 1, 2):
            wall_is_reached(k, d, Fraction(0))
    wall_is_reached_by_matrices(rationals("1", "1/1000"), 2, 3, 1)
    wall_is_reached_by_matrices(rationals("1", "1"), 3, 2, 2)


@control(ICM_X9b, drops="H = 0 below the wall")
def test_a_slope_below_the_wall_holds_back_small_singular_values() -> None:
    wall_is_reached(2, 0, Fraction(202, 100))  # A c = 1.01 g_k, with c = 1/2
    wall_is_reached(2, 2, Fraction(303, 100))  # c = 1/3


@check(ICM_X9c)
def wall_clusters_some(share: Fraction) -> Evidence:
    """min(n g_i, share r) is best in each coordinate, below (n g < r) and above (n g = r + v), for 0 <= q <= r."""
    import sympy

    r, n, odds, lost, v = sympy.symbols("r n odds lost v", positive=True)
    q = r * odds / (1 + odds)  # anywhere between 0 and r
    free = r - lost
    below = partial_isometry.quadratic_excess(free / n, q, free, n)
    held = r * sympy.Rational(share.numerator, share.denominator)
    beyond = partial_isometry.quadratic_excess((r + v) / n, q, held, n)
    nearer = {r: 1, n: 3, v: 1, odds: 199}  # q = 0.995 r
    if share == 1:
        return every(exact(below, 0, ">="), exact(beyond, 0, ">="))
    return exact(beyond, 0, ">=", witness=nearer)


@check(ICM_X9c)
def finite_walls_approach(g: np.ndarray, n: int, steepness: float, factor: float = 1.0) -> Evidence:
    """w = 1 up to r = 1, `steepness` beyond: q is within 1/steepness of min(n g_i, r).

    With d coordinates left free, the others exceed r by O(steepness^(-2/d)), as in ICM-X10 (here d <= 2, and the
    factor is the force n g_i - r over n, below 1); what they take from the free ones is of the same order.
    """
    q = np.asarray(solve(g, PiecewiseWeight((1.0,), (1.0, steepness)), n=n).q)
    return measured(q, np.minimum(factor * n * g, 1.0), 1 / steepness)


@verifies(ICM_X9c)
def test_a_wall_clusters_the_large_singular_values() -> None:
    wall_clusters_some(Fraction(1))
    finite_walls_approach(np.array([0.5, 0.4, 0.1]), 4, 1e4)


@control(ICM_X9c, changes="min(n g_i, r) -> min(n g_i, 0.99 r), and n -> 1.05 n")
def test_another_wall() -> None:
    wall_clusters_some(Fraction(99, 100))
    finite_walls_approach(np.array([0.5, 0.1]), 4, 1e4, factor=1.05)


# --- the solver --------------------------------------------------------------------------------------------------


def polar_gradient(eps: np.ndarray, d: int, A: float, B: float) -> np.ndarray:
    """(q_1 lambda_1, q_2 lambda_2) for m = 2 by Gauss's rule in the angle, T from the incomplete Beta function.

    Beyond the angle t where |q omega| = 1 (if eps_2 < 0) T is 0; the substitution angle = t (1 - v^2) makes its root
    there smooth.  The part with A has no such end.
    """
    from scipy.special import betainc, gamma

    x, q = eps * (2 + eps), 1 + eps
    v, weight = np.polynomial.legendre.leggauss(80)
    v, weight = (1 + v) / 2, weight / 2
    end = np.pi / 2 if x[1] >= 0 else np.arctan(np.sqrt(-x[0] / x[1]))

    def average(angle: np.ndarray, weight: np.ndarray, part: Callable[[np.ndarray], Any]) -> np.ndarray:
        squares = np.stack([np.cos(angle) ** 2, np.sin(angle) ** 2])
        beyond = x @ squares
        return q * ((squares / np.sqrt(1 + beyond) * part(beyond)) @ weight) / (np.pi / 2)

    whole = average(v * np.pi / 2, weight * np.pi / 2, lambda beyond: A)
    tail = average(
        end * (1 - v**2),
        2 * end * v * weight,
        lambda beyond: (B - A) * betainc(d / 2, 1.5, np.maximum(beyond, 0) / (1 + beyond)),
    )
    return gamma(1.5) * gamma((d + 2) / 2) / gamma((d + 3) / 2) * (whole + tail)


@pytest.mark.parametrize(("d", "slopes"), [(1, (1e2, 1e8)), (2, (1e3, 1e8)), (4, (1e5, 1e8))])
def test_near_orthogonal_against_polar_coordinates(d: int, slopes: tuple[float, float]) -> None:
    for g in (G, np.array([0.95, 0.05])):  # the second one has eps_2 < 0
        for A, B in zip((0.02, 0.0), slopes, strict=True):
            eps = wide.near_orthogonal(g, d + 2, B, A)
            np.testing.assert_allclose(polar_gradient(eps, d, A, B), g, rtol=1e-11)


def test_near_orthogonal_for_one_output() -> None:
    # n = 3: |zeta_1| is uniform on [0, 1], and E[s; s > 1/q] = (1 - 1/q^2)/2 = g/B.
    for B in (1e3, 1e12):
        q = (1 - 2 * 0.5 / B) ** -0.5
        assert wide.near_orthogonal(np.array([0.5]), 3, B)[0] == pytest.approx(
            q - 1, rel=1e-11 + 1e-16 / (q - 1)
        )


def test_near_orthogonal_in_another_order_and_other_units() -> None:
    g = np.array([0.5, 1.0, 0.8, 0.2])
    for n, B in ((5, 30.0), (9, 1e4)):
        eps = wide.near_orthogonal(g, n, B, 0.1)
        np.testing.assert_allclose(wide.near_orthogonal(g[::-1], n, B, 0.1), eps[::-1], rtol=1e-12)
        np.testing.assert_allclose(wide.near_orthogonal(7 * g, n, 7 * B, 0.7), eps, rtol=1e-12)  # units


def test_near_orthogonal_gives_way_to_the_solver_without_a_step() -> None:
    B = brentq(lambda b: float(np.max(wide.leading_order(G, 4, b))) - wide.LARGE, 5.0, 50.0)
    below, above = (wide.near_orthogonal(G, 4, B * (1 + sign * 1e-9)) for sign in (-1, 1))
    np.testing.assert_allclose(below, above, rtol=1e-8)


@pytest.mark.parametrize("function", [wide.near_orthogonal, wide.leading_order])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"g": np.array([1.0, 0.0])}, "g must be finite and positive"),
        ({"g": np.ones((2, 2))}, "g must be an array of shape"),
        ({"n": 2}, "n must be an integer above the length 2 of g, got 2"),
        ({"n": 3.5}, "n must be an integer"),
        ({"A": -1.0}, "A must be a finite number >= 0, got -1"),
        ({"A": 2.0}, "g must be above A c"),
        ({"A": 0.1, "B": 0.1}, "B must be a finite number above A = 0.1, got 0.1"),
        ({"B": np.inf}, "B must be a finite number"),
    ],
)
def test_bad_arguments(function: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        function(**({"g": G, "n": 3, "B": 10.0} | arguments))


def test_a_slope_too_small_to_hold_the_update() -> None:
    with pytest.raises(ValueError, match="B must be above the dual norm of g"):
        wide.near_orthogonal(G, 4, 1.0)
