"""ICM-K, ICM-Q: the stationarity equations, the Hessian, and the quadratic."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.streams import stream
from labs.isotropic_curvature import Polynomial, Power, closed_forms
from tests.isotropic_curvature.device import expect, solve, solve_matrix
from tests.isotropic_curvature.menu import (
    COSH,
    SUPERQUADRATIC,
    gradient_of,
    hessian_of,
    rationals,
    spectra,
    weights,
)
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, certified, every, exact, measured, require
from theory.isotropic_curvature import ICM_Q, ICM_Ka, ICM_Kb, certificate, even_powers, matrices

Even = dict[int, Any]
MIX: Even = {2: Fraction(1, 2), 4: Fraction(1), 6: Fraction(1, 3)}


# --- K.a -------------------------------------------------------------------------------------------------------


@check(ICM_Ka)
def gradient_of_phi(H: Even, count: int) -> Evidence:
    """d phi/d q_i = q_i lambda_i for `count` coordinates among any n."""
    import sympy

    require(all(c > 0 for c in H.values()), "A1")
    n = sympy.Symbol("n", positive=True)
    q = sympy.symbols(f"q1:{count + 1}", positive=True)
    phi = even_powers.penalty(H, q, n)
    return every(*(exact(phi.diff(x), gi) for x, gi in zip(q, even_powers.gradient(H, q, n), strict=True)))


@check(ICM_Ka)
def stationary_is_optimal(H: Even, q: list[Fraction], n: int, factor: Fraction = Fraction(1)) -> Evidence:
    """For g = q lambda the objective equals its lower bound over all matrices, in rational numbers.

    With factor != 1 the first entry of g is off, and one step towards g/lambda in it does better.
    """
    require(all(c > 0 for c in H.values()), "A1")
    lam = even_powers.weights(H, q, n)
    g = even_powers.gradient(H, q, n)
    g[0] *= factor
    upper = even_powers.objective(H, q, g, n)
    lower = certificate.lower_bound(even_powers.penalty(H, q, n), q, g, lam)
    stepped = [q[0] + (g[0] / lam[0] - q[0]) / 4, *q[1:]]
    better = even_powers.objective(H, stepped, g, n)
    refuted = (float(upper), float(better)) if better < upper else None
    return certified(float(upper), float(lower), 0.0, refutation=refuted)


@check(ICM_Ka)
def solver_is_optimal(H: Any, g: np.ndarray, n: int) -> Evidence:
    """The solver's objective against the lower bound, which is that of theory; 1e-12 of the objective."""
    require(H.superquadratic, "A1")  # implied; the lower bound needs the stronger A2
    best = solve(g, H, n=n)
    value = float(expect(H, best.q, n, order=0)[0])
    on = g > 0
    lam = gradient_of(H, best.q, n)[on] / best.q[on]
    lower = certificate.lower_bound(value, best.q[on].tolist(), g[on].tolist(), lam.tolist())
    upper = value - best.q @ g
    return every(
        certified(upper, lower, 1e-12 * abs(upper)),
        measured(best.kkt, 0.0, 1e-12),
        measured(best.value, upper, 1e-13 * abs(upper)),
    )


def _rational_spectra() -> list[tuple[list[Fraction], int]]:
    return [
        (rationals("1", "1/2", "1/5"), 3),
        (rationals("1", "1/2", "1/5"), 5),
        (rationals("7/3", "7/3", "1/1000000"), 3),
        (rationals("1/100", "1/101"), 2),
        (rationals("3"), 4),
    ]


@check(ICM_Ka)
def sextic_weight_of_labs() -> Evidence:
    """The closed form that labs uses is E[w u_i] = 6 c E[rho^4 u_i], three coordinates among any n."""
    import sympy

    c, n = sympy.symbols("c n", positive=True)
    q = sympy.symbols("q1:4", positive=True)
    x = [qi**2 for qi in q]
    S, S2 = sum(x), sum(xi**2 for xi in x)
    lam = even_powers.weights({6: c}, q, n)
    return every(
        *(exact(closed_forms.sextic_weight(xi, S, S2, n, c), li) for xi, li in zip(x, lam, strict=True))
    )


@verifies(ICM_Ka)
def test_gradient_of_phi() -> None:
    sextic_weight_of_labs()
    gradient_of_phi(MIX, 3)
    gradient_of_phi({8: Fraction(1)}, 2)


@verifies(ICM_Ka)
@pytest.mark.parametrize("H", [{4: Fraction(1)}, {6: Fraction(2)}, MIX], ids=str)
def test_stationary_spectra_are_optimal(H: Even) -> None:
    for q, n in _rational_spectra():
        stationary_is_optimal(H, q, n)


@verifies(ICM_Ka)
@pytest.mark.parametrize("H", SUPERQUADRATIC.values(), ids=SUPERQUADRATIC)
def test_solver_is_optimal(H: Any) -> None:
    for k, n in ((2, 2), (5, 8), (8, 8)):
        for g in spectra(k, "stationarity"):
            solver_is_optimal(H, g, n)


@control(ICM_Ka, changes="g = q lambda -> g = (1.01 q_1 lambda_1, q_2 lambda_2, ...)")
def test_nearly_stationary_is_not_optimal() -> None:
    for q, n in _rational_spectra():
        stationary_is_optimal({4: Fraction(1)}, q, n, Fraction(101, 100))


@restates(ICM_Ka)
def test_stationarity_of_a_shuffled_spectrum() -> None:
    stationary_is_optimal(MIX, rationals("1/5", "1", "1/2"), 4)
    solver_is_optimal(Power(4.0), np.array([0.2, 1.0, 0.0, 0.5]), 6)


# --- K.b -------------------------------------------------------------------------------------------------------


@check(ICM_Kb)
def second_derivatives(H: Even, count: int, factor: int) -> Evidence:
    """The Hessian of phi, differentiated, is diag(lambda) + factor (q q^T) o E[(w'/rho) u u^T]."""
    import sympy

    n = sympy.Symbol("n", positive=True)
    q = sympy.symbols(f"q1:{count + 1}", positive=True)
    phi = even_powers.penalty(H, q, n)
    lam, mixed = even_powers.weights(H, q, n), even_powers.coupling(H, q, n)
    full = even_powers.hessian(H, q, n)
    found = []
    for i in range(count):
        for j in range(i + 1):
            claimed = factor * q[i] * q[j] * mixed[i][j] + (lam[i] if i == j else 0)
            found += [exact(phi.diff(q[i], q[j]), claimed), exact(full[i][j], phi.diff(q[i], q[j]))]
    return every(*found)


@check(ICM_Kb)
def hessian_of_even_powers(H: Even, q: list[Fraction], n: int, factor: float = 1.0) -> Evidence:
    """labs' Hessian against rational arithmetic, entry by entry, to 1e-13 of the entry."""
    exact_entries = np.array([[float(x) for x in row] for row in even_powers.hessian(H, q, n)])
    function = Polynomial({float(p): float(c) * factor for p, c in H.items()})
    found = hessian_of(function, np.array([float(x) for x in q]), n)
    return measured(found, exact_entries, 1e-13 * np.abs(exact_entries))


@check(ICM_Kb)
def hessian_by_differences(H: Any, q: np.ndarray, n: int) -> Evidence:
    """labs' Hessian against central differences, as d log lambda_i/d log q_j = q_j^2 E[(w'/rho) u_i u_j]/lambda_i.

    Step 1e-5 in log q: error about 1e-10 by truncation and 1e-9 by rounding.
    """
    require(not getattr(H, "breaks", ()), "w absolutely continuous")
    step = 1e-5
    columns = []
    for j in range(len(q)):
        factor = np.where(np.arange(len(q)) == j, np.exp(step), 1.0)
        columns.append(np.log(weights(H, q * factor, n) / weights(H, q / factor, n)) / (2 * step))
    lam = weights(H, q, n)
    coupled = (hessian_of(H, q, n) - np.diag(lam)) / q[:, None] * q / lam[:, None]
    return measured(np.stack(columns, axis=1), coupled, 1e-7)


@verifies(ICM_Kb)
def test_hessian_by_algebra() -> None:
    second_derivatives(MIX, 3, 1)
    second_derivatives({8: Fraction(1)}, 2, 1)
    for q, n in _rational_spectra():
        for H in (MIX, {4: Fraction(1)}, {10: Fraction(1, 7)}):
            hessian_of_even_powers(H, q, n)


@verifies(ICM_Kb)
@pytest.mark.parametrize("p", [1.2, 2.5, 7.0])
def test_hessian_by_differences(p: float) -> None:
    for q in spectra(4, "hessian"):
        hessian_by_differences(Power(p), q, 6)


@verifies(ICM_Kb)
def test_hessian_of_the_hyperbolic_cosine() -> None:
    hessian_by_differences(COSH, np.array([2.0, 1.0, 0.1]), 3)


@control(ICM_Kb, changes="sign of the second term")
def test_hessian_with_a_wrong_sign() -> None:
    second_derivatives(MIX, 2, -1)


# --- Q ---------------------------------------------------------------------------------------------------------


@check(ICM_Q)
def quadratic_is_gradient_descent(rows: int, columns: int, offset: int) -> Evidence:
    """Phi = c |Q|^2/n' and Q = n' G/(2c) for a generic matrix, with n' = n + offset."""
    import sympy

    c = sympy.Symbol("c", positive=True)
    Q = sympy.Matrix(rows, columns, sympy.symbols(f"a1:{rows * columns + 1}", real=True))
    penalty = c * matrices.expanded_penalty(2, Q)
    claimed = sympy.Integer(columns + offset)
    return every(
        exact(penalty, c * sum(x * x for x in Q) / claimed),
        *(exact(x, closed_forms.quadratic_update(penalty.diff(x), claimed, c)) for x in Q),
    )


@check(ICM_Q)
def quadratic_solved(G: np.ndarray, c: float, offset: int) -> Evidence:
    """The solver's Q against (n + offset) G/(2c): rounding of an SVD."""
    claimed = (G.shape[1] + offset) * G / (2 * c)
    return measured(solve_matrix(G, Power(2.0, c)), claimed, 1e-14 * np.linalg.norm(claimed))


@verifies(ICM_Q)
@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (2, 3), (1, 4)])
def test_quadratic(shape: tuple[int, int]) -> None:
    quadratic_is_gradient_descent(*shape, 0)
    quadratic_solved(stream("quadratic", *shape).standard_normal(shape), 0.3, 0)


@control(ICM_Q, changes="n -> n + 1")
def test_quadratic_with_a_wrong_dimension() -> None:
    quadratic_is_gradient_descent(2, 3, 1)
    quadratic_solved(np.eye(3), 1.0, 1)
