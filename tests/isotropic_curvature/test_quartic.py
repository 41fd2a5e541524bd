"""ICM-E4: the quartic, solved exactly, and the cube-root reading that fails."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import zoo
from labs.core.streams import stream
from labs.isotropic_curvature import Power, closed_forms
from tests.isotropic_curvature.device import quartic_update, solve
from tests.isotropic_curvature.menu import gradient_of, spectra
from tests.referee import check, control, refutes, verifies
from theory.evidence import Evidence, every, exact, measured, require
from theory.isotropic_curvature import (
    ICM_E4a,
    ICM_E4b,
    ICM_E4c,
    ICM_E4d,
    ICM_E4e,
    ICM_E4r,
    any_dimension,
    even_powers,
    matrices,
    quartic,
)

QUARTIC = {4: 1}


@check(ICM_E4a)
def one_cubic_for_all(share: Fraction) -> Evidence:
    """The stationarity equation is q^3 + (share S) q = n(n+2) g/(8c), for all S, c, n, g."""
    import sympy

    S, c, n, g = sympy.symbols("S c n g", positive=True)
    linear, right = quartic.monic_cubic(S, c, n, g)
    return every(exact(linear, share * S), exact(right, n * (n + 2) * g / (8 * c)))


@check(ICM_E4a)
def cubics_of_three(share: Fraction) -> Evidence:
    """The same for three coordinates, from Dirichlet moments of order four alone."""
    import sympy

    n = sympy.Symbol("n", positive=True)
    q = sympy.symbols("q1:4", positive=True)
    S = sum(x**2 for x in q)
    g = even_powers.gradient(QUARTIC, q, n)
    return every(*(exact(n * (n + 2) * gi / 8, x**3 + share * S * x) for gi, x in zip(g, q, strict=True)))


@check(ICM_E4a)
def weight_of_labs() -> Evidence:
    """The closed form that labs uses is the derived one."""
    import sympy

    x, S, c, n = sympy.symbols("x S c n", positive=True)
    return exact(closed_forms.quartic_weight(x, S, n, c), quartic.weight(x, S, c, n))


@verifies(ICM_E4a)
def test_stationarity_is_a_depressed_cubic() -> None:
    one_cubic_for_all(Fraction(1, 2))
    cubics_of_three(Fraction(1, 2))
    weight_of_labs()


@control(ICM_E4a, changes="D = S/2 -> D = S")
def test_the_cubic_with_the_whole_of_S_is_wrong() -> None:
    one_cubic_for_all(Fraction(1))
    cubics_of_three(Fraction(1))


@check(ICM_E4b)
def sinh_solves_the_cubic(share: Fraction) -> Evidence:
    """q = 2 sqrt(h) sinh(a) solves q^3 + (S/2) q = 2 h^(3/2) sinh(3a), h = share S, for all a.

    With e = exp(a) and root = sqrt(h) both sides are rational functions.
    """
    import sympy

    e, root = sympy.symbols("e root", positive=True)
    S = root**2 / share
    q = root * (e - 1 / e)
    return exact(q**3 + S * q / 2, root**3 * (e**3 - e**-3))


@check(ICM_E4b)
def scalar_equation_is_monotone() -> Evidence:
    """d(q^2)/dS < 0, so that S - sum q_i(S)^2 increases strictly."""
    import sympy

    q, S = sympy.symbols("q S", positive=True)
    slope = quartic.slope_of_root(q, S)
    return every(exact(slope, 0, "<"), exact(slope, -2 * q**2 / (6 * q**2 + S)))


@check(ICM_E4b)
def closed_form_is_the_optimum(q: np.ndarray, share: float) -> Evidence:
    """The closed form at the true S gives back the q whose gradient is g (relative error of asinh: 1e-15)."""
    n = len(q)
    S = float(q @ q)
    h = share * S
    right = n * (n + 2) * gradient_of(Power(4), q) / 8
    return measured(2 * np.sqrt(h) * np.sinh(np.arcsinh(right / (2 * h**1.5)) / 3) / q, 1.0, 1e-13)


@check(ICM_E4b)
def kernel_is_the_optimum(g: np.ndarray, n: int, c: float) -> Evidence:
    """labs' closed form against its solver, entry by entry; both are good to about 1e-14."""
    q = solve(g, Power(4, c), n=n).q
    return measured(quartic_update(g, n, c), q, 1e-12 * q)


@verifies(ICM_E4b)
def test_kernel() -> None:
    for k, n in ((2, 2), (5, 8), (64, 64)):
        for g in zoo(k, stream("quartic kernel", k)).values():
            kernel_is_the_optimum(g, n, 0.3)


@verifies(ICM_E4b)
def test_closed_form() -> None:
    sinh_solves_the_cubic(Fraction(1, 6))
    scalar_equation_is_monotone()
    for n in (2, 5, 8, 64):
        for q in spectra(n, "quartic"):
            closed_form_is_the_optimum(q, 1 / 6)


@control(ICM_E4b, changes="h = S/6 -> h = S/5")
def test_closed_form_with_a_wrong_scale() -> None:
    sinh_solves_the_cubic(Fraction(1, 5))
    closed_form_is_the_optimum(np.array([1.0, 0.5, 0.2]), 1 / 5)


@check(ICM_E4c)
def best_decrease(factor: Fraction) -> Evidence:
    """F at a stationary point is -factor <g, q>, three coordinates among any n."""
    import sympy

    n, c = sympy.symbols("n c", positive=True)
    q = sympy.symbols("q1:4", positive=True)
    g = even_powers.gradient({4: c}, q, n)
    gain = sum(gi * qi for gi, qi in zip(g, q, strict=True))
    return exact(even_powers.objective({4: c}, q, g, n), -factor * gain)


@check(ICM_E4c)
def best_decrease_of_the_solver(g: np.ndarray, c: float, factor: float) -> Evidence:
    """The same where the solver found the optimum (F is a sum of k terms of one sign)."""
    best = solve(g, Power(4, c))
    return measured(best.value / (best.q @ g), -factor, 1e-13)


@verifies(ICM_E4c)
def test_best_decrease() -> None:
    best_decrease(Fraction(3, 4))
    for g in spectra(6, "quartic value"):
        best_decrease_of_the_solver(g, 0.3, 0.75)


@control(ICM_E4c, changes="3/4 -> 2/3")
def test_best_decrease_of_another_degree() -> None:
    best_decrease(Fraction(2, 3))


@check(ICM_E4d)
def matrix_equation(rows: int, columns: int, factor: int) -> Evidence:
    """The gradient of E|Q zeta|^4, multiplied out for a generic matrix, is 4 Q (|Q|^2 + factor Q^T Q)/(n(n+2))."""
    import sympy

    Q = sympy.Matrix(rows, columns, sympy.symbols(f"a1:{rows * columns + 1}", real=True))
    penalty = matrices.expanded_penalty(4, Q)
    W = Q.T * Q
    claimed = 4 * Q * (W.trace() * sympy.eye(columns) + factor * W) / (columns * (columns + 2))
    return every(*(exact(penalty.diff(x), y) for x, y in zip(Q, claimed, strict=True)))


@verifies(ICM_E4d)
@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (2, 3)])
def test_matrix_equation(shape: tuple[int, int]) -> None:
    matrix_equation(*shape, factor=2)


@control(ICM_E4d, changes="2 Q^T Q -> 3 Q^T Q")
def test_matrix_equation_with_a_wrong_factor() -> None:
    matrix_equation(2, 2, factor=3)


@check(ICM_E4e)
def ratio_bound(constant: Fraction) -> Evidence:
    """lambda_i <= constant lambda_j for every number of coordinates, x_i >= x_j."""
    import sympy

    first = any_dimension.pair(4)
    v = sympy.Symbol("v", nonnegative=True)
    at = any_dimension.gap_over(first, v)
    return every(
        exact(first.weight_i.subs(at), constant * first.weight_j.subs(at), "<="),
        exact(4 * first.weight_i, first.x_i + first.x_j + first.rest[0] + 2 * first.x_i),
    )


@check(ICM_E4e)
def ratio_bound_at(q: list[Fraction], constant: Fraction) -> Evidence:
    """lambda_1/lambda_k <= constant at one spectrum, in rational numbers."""
    lam = even_powers.weights(QUARTIC, q, len(q))
    return exact(lam[0] / lam[-1], constant, "<=")


SPIKE = [Fraction(1), Fraction(1, 1000), Fraction(1, 1000)]


@verifies(ICM_E4e)
def test_no_ratio_shrinks_by_more_than_three() -> None:
    ratio_bound(Fraction(3))
    ratio_bound_at(SPIKE, Fraction(3))
    ratio_bound_at([Fraction(1, i) for i in range(1, 6)], Fraction(3))


@control(ICM_E4e, sharpens="3 -> 2.99")
def test_three_is_sharp() -> None:
    ratio_bound(Fraction(299, 100))
    ratio_bound_at(SPIKE, Fraction(299, 100))


@check(ICM_E4r)
def narrow_as_the_cube_root(q: list[Fraction]) -> Evidence:
    """(q_1/q_k)^3 <= g_1/g_k, in rational numbers, for the g whose optimal update is q."""
    g = even_powers.gradient(QUARTIC, q, len(q))
    require(g[0] >= 10**6 * g[-1], "g_1/g_k >= 10^6")
    return exact((q[0] / q[-1]) ** 3, g[0] / g[-1], "<=")


def _graded(n: int) -> list[Fraction]:
    return [Fraction(1, 10 ** (2 * i)) for i in range(n)]


@refutes(ICM_E4r, corrected=ICM_E4e)
@pytest.mark.parametrize(
    "q",
    [
        [Fraction(1), Fraction(1, 10**6)],
        [Fraction(1), Fraction(1, 10**6), Fraction(1, 10**6)],
        _graded(4),
        [Fraction(1)] * 5 + [Fraction(1, 2 * 10**6)],
    ],
)
def test_cube_root_reading(q: list[Any]) -> None:
    narrow_as_the_cube_root(q)
