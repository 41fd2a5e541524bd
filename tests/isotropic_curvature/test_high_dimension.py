"""ICM-X4: homogenisation is weak near isotropic spectra, in high dimension, and near the quadratic."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.isotropic_curvature import Polynomial, Power, closed_forms
from tests.isotropic_curvature.device import solve
from tests.isotropic_curvature.menu import COSH, MIXED, gradient_of, weights
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.isotropic_curvature import ICM_X4a, ICM_X4b, ICM_X4c, any_dimension, local, powers

SMOOTH = "w absolutely continuous"


# --- near the isotropic point ----------------------------------------------------------------------------------


@check(ICM_X4a)
def exponent_of_even_powers(power: int, offset: int) -> Evidence:
    """d log(q_1/q_2)/d log(g_1/g_2) at q = s 1 for every n = k, from Dirichlet moments with n a symbol.

    Claimed: 1/(1 + 2 kappa/(n + offset)), and d(g_1-g_2)/d(q_1-q_2) = (n H'/s + 2 H'')/(n (n + offset)).
    """
    import sympy

    n, s = sympy.symbols("n s", positive=True)
    eps = sympy.Symbol("eps")
    first, second = local.opposite_weights(power, s, eps, n)
    at_zero = first.subs(eps, 0)
    moved = sympy.expand(first - second).diff(eps).subs(eps, 0)
    kappa = power - 2
    slope, curvature = power * s ** (power - 1), power * (power - 1) * s ** (power - 2)
    exponent = (2 / s) / (2 / s + moved / at_zero)
    absolute = sympy.expand((s + eps) * first - (s - eps) * second).diff(eps).subs(eps, 0) / 2
    return every(
        exact(exponent, 1 / (1 + Fraction(2 * kappa) / (n + offset))),
        exact(exponent, (n + offset) / (n + offset + 2 * kappa)),
        exact(absolute, (n * slope / s + 2 * curvature) / (n * (n + offset))),
    )


@check(ICM_X4a)
def exponent_from_the_hessian(offset: int) -> Evidence:
    """The same for every H at once, from the Hessian at the isotropic point."""
    import sympy

    n, s, slope, curvature = sympy.symbols("n s slope curvature", positive=True)
    kappa = sympy.Symbol("kappa", real=True)
    stiffness = local.stiffness(slope, curvature, s, n)
    return every(
        exact(closed_forms.local_exponent(n, kappa), local.local_exponent(kappa, n)),
        exact(closed_forms.local_slope(n, slope / s, curvature), 1 / stiffness),
        exact(local.local_exponent(kappa, n), 1 / (1 + 2 * kappa / (n + offset))),
        exact(stiffness, (n * slope / s + 2 * curvature) / (n * (n + offset))),
    )


@verifies(ICM_X4a)
def test_exponent_by_algebra() -> None:
    exponent_from_the_hessian(2)
    for power in (4, 6, 8):
        exponent_of_even_powers(power, 2)


@control(ICM_X4a, changes="n + 2 -> n")
def test_exponent_with_a_wrong_moment() -> None:
    exponent_from_the_hessian(0)
    exponent_of_even_powers(4, 0)


@check(ICM_X4a)
def exponent_measured(H: Any, s: float, n: int, offset: float = 2.0) -> Evidence:
    """Both forms by a symmetric difference with step h = 1e-4 in log q: error about (p h)^2, rounding 1e-10."""
    require(not getattr(H, "breaks", ()), SMOOTH)
    h = 1e-4
    q = np.full(n, s)
    q[:2] *= np.exp([h, -h])
    g = gradient_of(H, q)
    slope, kappa = float(H.slope(s)), float(H.elasticity(s))
    absolute = (n * slope / s + 2 * (1 + kappa) * slope / s) / (n * (n + offset))
    return every(
        measured(2 * h / np.log(g[0] / g[1]), 1 / (1 + 2 * kappa / (n + offset)), 1e-6),
        measured((g[0] - g[1]) / (q[0] - q[1]) / absolute, 1.0, 1e-6),
    )


@check(ICM_X4a)
def exponent_quoted(n: int, p: float, exponent: Fraction) -> Evidence:
    """The solver's response to g = (e^h, e^-h, 1, ..., 1): error h^2 = 1e-8, rounding 1e-13/h."""
    h = 1e-4
    g = np.ones(n)
    g[:2] *= np.exp([h, -h])
    q = solve(g, Power(p)).q
    return measured(np.log(q[0] / q[1]) / (2 * h), float(exponent), 1e-7)


@verifies(ICM_X4a)
@pytest.mark.parametrize(
    ("H", "s"),
    [
        (Power(1.4), 2.0),
        (Power(2.5), 1.0),
        (Power(10.0), 0.7),
        (MIXED, 0.5),
        (Polynomial({2: 0.5, 5: 1.0}), 1.1),
    ],
    ids=str,
)
def test_exponent_measured(H: Any, s: float) -> None:
    for n in (2, 3, 8, 64):
        exponent_measured(H, s, n)


@verifies(ICM_X4a)
def test_exponent_of_the_hyperbolic_cosine() -> None:
    exponent_measured(COSH, 1.5, 3)


@verifies(ICM_X4a)
@pytest.mark.parametrize(("n", "p", "exponent"), [(3, 4, "5/9"), (6, 5, "4/7"), (10, 3, "6/7")])
def test_quoted_exponents(n: int, p: int, exponent: str) -> None:
    exponent_quoted(n, p, Fraction(exponent))


# --- no singular value dominates -------------------------------------------------------------------------------


@check(ICM_X4b)
def universal_cubic_of_even_powers(power: int, kappa: Fraction) -> Evidence:
    """lambda_i - (1 + kappa (x_i - x_j)/S) lambda_j has no terms of order 0 and 1 in d = max x/S.

    In units S = 1: x = d X with X <= 1, so the power sums of the others are A_l = d^(l-1) B_l, B_l <= 1, l > 1.
    """
    import sympy

    d = sympy.Symbol("d", positive=True)
    X, Y = sympy.symbols("X Y", nonnegative=True)
    B = sympy.symbols(f"B1:{power // 2 + 1}", nonnegative=True)
    first = any_dimension.pair(power)
    point = {first.x_i: d * X, first.x_j: d * Y, first.rest[0]: 1 - d * (X + Y)}
    point |= {A: d ** (l + 1) * B[l + 1] for l, A in enumerate(first.rest[1:])}
    cubic = (1 + kappa * d * (X - Y)) * first.weight_j
    remainder = sympy.expand((first.weight_i - cubic).subs(point, simultaneous=True))
    return every(*(exact(remainder.coeff(d, order), 0) for order in (0, 1)))


@check(ICM_X4b)
def remainder_is_quadratic(H: Any, levels: tuple[float, ...], copies: int, factor: float = 1.0) -> Evidence:
    """Doubling the number of copies of each level halves d and quarters the remainder, up to O(d)."""
    require(not getattr(H, "breaks", ()), SMOOTH)

    def remainder(count: int) -> float:
        q = np.repeat(np.asarray(levels), count)
        S = float(q @ q)
        lam = weights(H, q)
        kappa = factor * float(H.elasticity(np.sqrt(S / len(q))))
        return float(lam[0] / lam[-1] - 1 - kappa * (q[0] ** 2 - q[-1] ** 2) / S)

    return measured(remainder(2 * copies) / remainder(copies), 0.25, 0.02, margin=0.1)


@verifies(ICM_X4b)
def test_universal_cubic() -> None:
    for power in (4, 6, 8):
        universal_cubic_of_even_powers(power, Fraction(power - 2))
    for H in (Power(1.4), Power(2.5), Power(7.0), Polynomial({2: 0.5, 4: 1.0}), MIXED):
        remainder_is_quadratic(H, (1.5, 1.0, 0.5), 64)


@verifies(ICM_X4b)
def test_universal_cubic_of_the_hyperbolic_cosine() -> None:
    remainder_is_quadratic(COSH, (1.5, 0.5), 32)


@control(ICM_X4b, changes="kappa -> 1.05 kappa")
def test_another_cubic() -> None:
    universal_cubic_of_even_powers(4, Fraction(21, 10))
    remainder_is_quadratic(Power(2.5), (1.5, 1.0, 0.5), 128, factor=1.05)


# --- near the quadratic ----------------------------------------------------------------------------------------


@check(ICM_X4c)
def departure_from_the_gradient(g: tuple[str, ...], factor: float) -> Evidence:
    """d log q_i/dp at p = 2, up to a constant, is -factor a_i(g): a symmetric difference with step 1e-3.

    Its error is about 1e-6 times a third derivative, here at most a few units.
    """
    h = 1e-3
    spectrum = np.array([float(x) for x in g])
    up, down = (np.log(solve(spectrum, Power(2 + step)).q) for step in (h, -h))
    found = (up - down) / (2 * h)
    shares = np.array([float(powers.first_share_ball(g, i)) for i in range(len(g))])
    return measured(found - found[0], -factor * (shares - shares[0]), 1e-5)


@check(ICM_X4c)
def shares_add_up(g: tuple[str, ...], total: int) -> Evidence:
    """sum a_i = total to 1e-12, by rigorous integration; and a_1 = g_1/(g_1+g_2) for two."""
    from flint import arb

    shares = [powers.first_share_ball(g, i) for i in range(len(g))]
    tiny = arb("1e-12")
    found = enclosed(abs(sum(shares) - total) - tiny, "<=")
    if len(g) > 2:
        return found
    closed = arb(g[0]) / (arb(g[0]) + arb(g[1]))
    return every(found, enclosed(abs(shares[0] - closed) - tiny, "<="))


SPECTRA = [("1", "0.5"), ("1", "0.6", "0.3"), ("1", "0.5", "0.1", "0.01"), ("1", "1", "1", "0.2", "0.2")]


@verifies(ICM_X4c)
@pytest.mark.parametrize("g", SPECTRA, ids=str)
def test_near_the_quadratic(g: tuple[str, ...]) -> None:
    departure_from_the_gradient(g, 1.0)
    shares_add_up(g, 1)


@restates(ICM_X4c)
def test_near_the_quadratic_in_other_units() -> None:
    departure_from_the_gradient(("1000", "300"), 1.0)
    shares_add_up(("1000", "300"), 1)


@control(ICM_X4c, changes="a_i -> 1.05 a_i")
def test_near_the_quadratic_with_wrong_shares() -> None:
    departure_from_the_gradient(("1", "0.6", "0.3"), 1.05)
