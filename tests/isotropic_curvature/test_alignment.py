"""ICM-T1: the best update keeps the singular vectors of the gradient, in order, if inputs are isotropic."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import matrix
from labs.core.streams import stream
from labs.isotropic_curvature import Power
from tests.isotropic_curvature.device import solve, solve_matrix
from tests.isotropic_curvature.menu import rationals
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, certified, every, exact, measured, require
from theory.isotropic_curvature import ICM_T1a, ICM_T1b, certificate, even_powers, matrices

Even = dict[int, Any]
ISOTROPIC = "isotropic"
# zeta replaced by SKEW zeta: inputs whose covariance is not a multiple of 1.
SKEW: list[list[Any]] = [[1, Fraction(1, 100)], [Fraction(1, 100), 1]]


def _symmetric(matrix: Any) -> list[Evidence]:
    size = matrix.shape[0]
    return [exact(matrix[i, j], matrix[j, i]) for i in range(size) for j in range(i)]


# --- all matrices at once: a certificate in rational numbers ---------------------------------------------------


@check(ICM_T1a)
def aligned_is_optimal(H: Even, q: list[Fraction], n: int, turn: Fraction = Fraction(0)) -> Evidence:
    """F(U diag(q) V^T), g = q lambda, equals a lower bound over all matrices; `turn` rotates V away from it.

    The objective does not see U and V, except for the trace, which a turn of the first two right singular
    vectors by the angle 2 atan(turn) makes smaller.
    """
    lam, g = even_powers.weights(H, q, n), even_powers.gradient(H, q, n)
    cosine = (1 - turn**2) / (1 + turn**2)
    lost = (1 - cosine) * (q[0] * g[0] + q[1] * g[1])
    aligned = even_powers.objective(H, q, g, n)
    lower = certificate.lower_bound(even_powers.penalty(H, q, n), q, g, lam)
    refuted = (float(aligned + lost), float(aligned)) if lost > 0 else None
    return certified(float(aligned + lost), float(lower), 0.0, refutation=refuted)


SPECTRA = [
    (rationals("1", "1/2", "1/5"), 3),
    (rationals("1", "1/2", "1/5"), 7),
    (rationals("1", "1", "1/1000000", "1/1000000"), 4),
    (rationals("3", "1/1000"), 3),
]


@verifies(ICM_T1a)
@pytest.mark.parametrize("H", [{4: 1}, {6: 1}, {2: Fraction(1, 2), 4: Fraction(1, 4)}], ids=str)
def test_aligned_update_beats_every_matrix(H: Even) -> None:
    for q, n in SPECTRA:
        aligned_is_optimal(H, q, n)


@control(ICM_T1a, changes="V -> V turned by 1/50 of a radian in a plane")
def test_a_turned_update_does_not() -> None:
    for q, n in SPECTRA:
        aligned_is_optimal({4: 1}, q, n, Fraction(1, 100))


@check(ICM_T1a)
def rotated_is_optimal(
    power: int, q: list[Fraction], rows: int, left: list[int], right: list[int]
) -> Evidence:
    """The same for O diag(q) R and O diag(g) R with rational rotations, F by expansion over zeta.

    The bound knows the spectra only; the objective multiplies out |Q zeta|^power and knows no spectra.
    """
    import sympy

    n = len(q)
    H = {power: 1}
    lam, g = even_powers.weights(H, q, n), even_powers.gradient(H, q, n)
    O, R = matrices.cayley(rows, left), matrices.cayley(n, right)
    update, gradient = (O[:, :n] * sympy.diag(*map(sympy.Rational, s)) * R for s in (q, g))
    value = matrices.expanded_penalty(power, update) - (update.T * gradient).trace()
    lower = certificate.lower_bound(even_powers.penalty(H, q, n), q, g, lam)
    return certified(float(value), float(lower), 0.0)


def test_cayley_gives_rotations() -> None:
    import sympy

    half = matrices.cayley(2, [sympy.Rational(1, 2)])
    assert half == sympy.Matrix([[3, -4], [4, 3]]) / 5
    turned = matrices.cayley(3, [1, 2, -1])
    assert turned * turned.T == sympy.eye(3)
    assert turned.det() == 1
    assert 0 not in list(turned)


@restates(ICM_T1a)
def test_rotated_update_beats_every_matrix() -> None:
    rotated_is_optimal(4, rationals("1", "1/3"), 2, [1], [2])
    rotated_is_optimal(4, rationals("1", "1/3", "1/100"), 4, [1, 2, 0, -1, 1, 0], [1, 2, -1])
    rotated_is_optimal(6, rationals("1", "1/3"), 3, [1, 0, 2], [3])


# --- every minimiser -------------------------------------------------------------------------------------------


@check(ICM_T1b)
def minimiser_is_aligned(power: int, Q: list[list[Any]], spread: list[list[Any]]) -> Evidence:
    """Q is the minimiser for the G that makes it stationary (H = x^power is strictly convex).

    A common ordered SVD means that Q^T G and Q G^T are symmetric and positive semidefinite.  The gradient is
    taken of the expanded average over zeta, which knows no singular values; inputs are spread zeta.
    """
    import sympy

    R = sympy.Matrix(spread)
    require(sympy.eye(R.shape[0]) == R, ISOTROPIC)
    values = sympy.Matrix(Q)
    entries = sympy.symbols(f"a1:{len(values) + 1}", real=True)
    generic = sympy.Matrix(*values.shape, entries)
    penalty = matrices.expanded_penalty(power, generic, R)
    point = dict(zip(entries, values, strict=True))
    G = sympy.Matrix(*values.shape, [penalty.diff(a).subs(point) for a in entries])
    inner, outer = values.T * G, values * G.T
    minors = [inner[:k, :k].det() for k in range(1, inner.shape[0] + 1)]
    return every(*_symmetric(inner), *_symmetric(outer), *(exact(minor, 0, ">=") for minor in minors))


@check(ICM_T1b)
def trace_form(power: int, rows: int, columns: int) -> Evidence:
    """E|Q zeta|^p by expansion is the formula in traces, whose gradient is Q times a polynomial of Q^T Q.

    That polynomial has positive coefficients, so Q and the gradient share an ordered SVD, for every Q.
    """
    import sympy

    Q = sympy.Matrix(rows, columns, sympy.symbols(f"a1:{rows * columns + 1}", real=True))
    expanded = matrices.expanded_penalty(power, Q)
    gradient = matrices.matrix_gradient(power, Q)
    return every(
        exact(expanded, matrices.trace_penalty(power, Q)),
        *(exact(expanded.diff(x), y) for x, y in zip(Q, gradient, strict=True)),
    )


RATIONAL_MATRICES: list[list[list[Any]]] = [
    [[1, 2], [0, 3]],
    [[2, -1], [1, 1], [0, Fraction(1, 3)]],
    [[1, Fraction(1, 1000)], [0, Fraction(1, 1000)]],
]


@verifies(ICM_T1b)
def test_every_minimiser_is_aligned() -> None:
    for Q in RATIONAL_MATRICES:
        for power in (4, 6):
            minimiser_is_aligned(power, Q, [[1, 0], [0, 1]])


@verifies(ICM_T1b)
@pytest.mark.parametrize(
    ("power", "shape"), [(2, (2, 3)), (4, (2, 2)), (4, (2, 3)), (4, (3, 2)), (6, (2, 2))]
)
def test_trace_form(power: int, shape: tuple[int, int]) -> None:
    trace_form(power, *shape)


@control(ICM_T1b, drops=ISOTROPIC)
def test_anisotropic_inputs_turn_the_update() -> None:
    for Q in RATIONAL_MATRICES[:2]:
        minimiser_is_aligned(4, Q, SKEW)


# --- an independent minimisation over matrices -----------------------------------------------------------------


def _objective(power: int, G: np.ndarray, spread: np.ndarray, shift: float) -> Any:
    """F and its gradient for H = x^power - shift x^2 (power 4 or 6), inputs spread zeta, by traces."""

    def function(entries: np.ndarray) -> tuple[float, np.ndarray]:
        step = entries.reshape(G.shape) @ spread
        value = matrices.trace_penalty(power, step) - shift * matrices.trace_penalty(2, step)
        slope = matrices.matrix_gradient(power, step) - shift * matrices.matrix_gradient(2, step)
        return value - np.sum(G * entries.reshape(G.shape)), (slope @ spread.T - G).ravel()

    return function


def _minimise(function: Any, starts: list[np.ndarray]) -> tuple[float, np.ndarray]:
    from scipy.optimize import minimize

    found = [
        minimize(function, x, jac=True, method="BFGS", options={"gtol": 1e-10, "maxiter": 2000})
        for x in starts
    ]
    best = min(found, key=lambda r: r.fun)
    return float(best.fun), best.x


@check(ICM_T1a, ICM_T1b)
def matrices_do_no_better(power: int, G: np.ndarray, spread: np.ndarray, shift: float) -> Evidence:
    """BFGS over matrices from random starts against BFGS over U diag(q) V^T: equal values, and aligned.

    The gradient is 1e-8 at the end and the values are quadratic in it; the minimiser's symmetry is not.
    """
    require(bool(np.allclose(spread, np.eye(G.shape[1]))), ISOTROPIC)
    function = _objective(power, G, spread, shift)
    u, g, vt = np.linalg.svd(G, full_matrices=False)

    def aligned(q: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = function(((u * q) @ vt).ravel())
        return value, np.diag(u.T @ slope.reshape(G.shape) @ vt.T).copy()

    draw = stream("alignment, starts", power, *G.shape)
    lowest, Q = _minimise(function, list(draw.standard_normal((3, G.size))))
    value, _ = _minimise(aligned, list(np.abs(draw.standard_normal((3, len(g))))))
    inner = Q.reshape(G.shape).T @ G
    outer = Q.reshape(G.shape) @ G.T
    scale = np.linalg.norm(Q) * np.linalg.norm(G)
    return every(
        measured(lowest, value, 1e-9 * abs(value)),
        measured((inner - inner.T) / scale, 0.0, 1e-6),
        measured((outer - outer.T) / scale, 0.0, 1e-6),
    )


@check(ICM_T1a)
def matrices_do_no_better_than_labs(power: int, G: np.ndarray) -> Evidence:
    """BFGS over matrices ends at the solver's value and at its matrix, to 1e-6."""
    draw = stream("alignment, labs", power, *G.shape)
    lowest, Q = _minimise(_objective(power, G, np.eye(G.shape[1]), 0.0), [draw.standard_normal(G.size)])
    best = solve_matrix(G, Power(float(power)))
    m, n = G.shape
    value = float(solve(np.linalg.svd(G, compute_uv=False), Power(float(power)), m=m, n=n).value)
    return every(
        measured(lowest, value, 1e-9 * abs(value)),
        measured(Q.reshape(G.shape), best, 1e-6 * np.linalg.norm(best)),
    )


@verifies(ICM_T1a, ICM_T1b)
@pytest.mark.parametrize("shape", [(5, 3), (2, 4)])
def test_minimisation_over_matrices(shape: tuple[int, int]) -> None:
    G = stream("alignment", *shape).standard_normal(shape)
    for power, shift in ((4, 0.0), (6, 0.0), (4, 3.0)):  # the last H is neither convex nor monotone
        matrices_do_no_better(power, G, np.eye(shape[1]), shift)


@verifies(ICM_T1a)
def test_minimisation_over_matrices_ends_at_the_solver() -> None:
    draw = stream("alignment, spectra")
    for spectrum in ([1.0, 0.5, 0.2], [1.0, 1.0, 0.3], [1.0, 0.1]):
        for power in (4, 6):
            matrices_do_no_better_than_labs(power, matrix(np.array(spectrum), 5, 3, draw))


@control(ICM_T1a, drops=ISOTROPIC)
def test_anisotropic_inputs_reward_a_turn() -> None:
    G = stream("alignment", 2, 2).standard_normal((2, 2))
    matrices_do_no_better(4, G, np.array([[1.0, 0.1], [0.1, 1.0]]), 0.0)
