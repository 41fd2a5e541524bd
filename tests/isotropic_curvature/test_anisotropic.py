"""ICM-X16: inputs and outputs that are not isotropic; whitening reduces them to the isotropic model."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import haar, matrix
from labs.core.streams import stream
from labs.isotropic_curvature import Kink, Polynomial, Power, anisotropic
from tests.isotropic_curvature.device import solve_anisotropic, solve_matrix
from tests.isotropic_curvature.menu import rationals, spectra
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, certified, every, exact, measured, require
from theory.isotropic_curvature import ICM_X16a, ICM_X16b, ICM_X16c, anisotropy, matrices

DEFINITE = "C, M positive definite"
Rows = list[list[Any]]

# Symmetric positive definite roots N = M^(1/2), R = C^(1/2), in rational numbers.
FAR: tuple[Rows, Rows] = ([[2, 1], [1, 1]], [[3, 1], [1, Fraction(1, 2)]])
NEAR: tuple[Rows, Rows] = ([[1, 0], [0, 1]], [[1, Fraction(1, 100)], [Fraction(1, 100), 1]])
UPDATES: list[Rows] = [[[1, 2], [0, 3]], [[2, -1], [Fraction(1, 3), 1]]]


# --- the change of variables -------------------------------------------------------------------------------------


@check(ICM_X16a)
def objective_is_whitened(rows: int, columns: int, right: bool) -> Evidence:
    """For every H at once: |Q R zeta|_M = |(N Q R) zeta|, and tr(Q G^T) = tr((N Q R) G'^T) for G = N^T G' R^T.

    All symbols; N is any matrix with N^T N = M, R any with R R^T = C.  `right` false takes G' = N G R instead.
    """
    import sympy

    def generic(name: str, m: int, n: int) -> Any:
        return sympy.Matrix(m, n, sympy.symbols(f"{name}1:{m * n + 1}", real=True))

    Q, N, R = generic("q", rows, columns), generic("n", rows, rows), generic("r", columns, columns)
    given, zeta = generic("g", rows, columns), generic("z", columns, 1)
    G, whitened = (N.T * given * R.T, given) if right else (given, N * given * R)
    step, inner = Q * R * zeta, N * Q * R
    length = sympy.expand((step.T * (N.T * N) * step)[0] - (inner * zeta).dot(inner * zeta))
    gain = sympy.expand((Q * G.T).trace() - (inner * whitened.T).trace())
    return every(exact(length, 0), exact(gain, 0))


@check(ICM_X16a)
def whitened_update_is_optimal(roots: tuple[Rows, Rows], inner: Rows, whiten: bool) -> Evidence:
    """H = x^4 in rational numbers: the gradient of E|N Q R zeta|^4, expanded over zeta, is G at the claimed Q.

    Q' is the isotropic optimum for its own gradient G' (H is strictly convex); Q = N^-1 Q' R^-1, G = N G' R.  The
    isotropic solution in its place (`whiten` false): Q = Q', G = G'.
    """
    import sympy

    N, R = (sympy.Matrix(rows) for rows in roots)
    require(N.is_positive_definite and R.is_positive_definite, DEFINITE)
    inside = sympy.Matrix(inner)
    gradient = matrices.matrix_gradient(4, inside)
    Q, G = (N.inv() * inside * R.inv(), N * gradient * R) if whiten else (inside, gradient)
    t = sympy.Symbol("t", real=True)
    units = [sympy.Matrix(2, 2, [int(i == j) for j in range(4)]) for i in range(4)]
    moved = [matrices.expanded_penalty(4, N * (Q + t * unit), R) for unit in units]  # polynomials in t
    C, M = R * R, N * N
    traces = anisotropy.trace_gradient(Q, C, M)
    return every(
        exact(anisotropy.trace_penalty(Q, C, M), moved[0].subs(t, 0)),
        *(exact(value.coeff(t, 1), g) for value, g in zip(moved, G, strict=True)),
        *(exact(slope, g) for slope, g in zip(traces, G, strict=True)),
    )


@verifies(ICM_X16a)
def test_whitening() -> None:
    objective_is_whitened(2, 2, True)
    for roots, inner in zip((FAR, NEAR), UPDATES, strict=True):
        whitened_update_is_optimal(roots, inner, True)


@control(ICM_X16a, changes="the isotropic solution in its place, with 1 % of anisotropy")
def test_the_isotropic_solution_in_its_place() -> None:
    whitened_update_is_optimal(NEAR, UPDATES[0], False)
    minimum_over_matrices((3, 2), 1.0, False)


@control(ICM_X16a, changes="M^(-1/2) G C^(-1/2) -> M^(1/2) G C^(1/2)")
def test_the_covariances_the_wrong_way_round() -> None:
    objective_is_whitened(1, 2, False)


def covariance(n: int, decades: float, purpose: str) -> np.ndarray:
    """A random symmetric positive definite matrix, graded over so many decades."""
    frame = haar(n, stream(purpose, n))
    return (frame * np.logspace(0, -decades, n)) @ frame.T


@check(ICM_X16a)
def minimum_over_matrices(shape: tuple[int, int], decades: float, whiten: bool) -> Evidence:
    """BFGS over matrices for H = x^4 by the traces of C Q^T M Q, which take no roots, ends at labs' matrix.

    At a gradient of 1e-9 the minimiser is known to 1e-9 times the condition of the Hessian, about 1e2.
    """
    from scipy.optimize import minimize

    m, n = shape
    C, M = covariance(n, decades, "inputs"), covariance(m, decades, "outputs")
    require(np.all(np.linalg.eigvalsh(C) > 0) and np.all(np.linalg.eigvalsh(M) > 0), DEFINITE)
    draw = stream("anisotropic", m, n)
    G = draw.standard_normal(shape)

    def function(entries: np.ndarray) -> tuple[float, np.ndarray]:
        Q = entries.reshape(shape)
        value = anisotropy.trace_penalty(Q, C, M) - np.sum(G * Q)
        return float(value), (anisotropy.trace_gradient(Q, C, M) - G).ravel()

    found = minimize(
        function,
        draw.standard_normal(m * n),
        jac=True,
        method="BFGS",
        options={"gtol": 1e-9, "maxiter": 2000},
    )
    Q = solve_anisotropic(G, Power(4.0), C, M) if whiten else solve_matrix(G, Power(4.0))
    return measured(found.x.reshape(shape), Q, 1e-6 * np.max(np.abs(Q)))


@check(ICM_X16a)
def labs_is_stationary(spectrum: np.ndarray, m: int, n: int, decades: float) -> Evidence:
    """The gradient by traces at labs' matrix is G, in whitened units.

    |Q| is up to 10^decades |Q'|, and so is the rounding of M Q C; in M Q C Q^T M Q C a factor 10^(decades/2) joins.
    """
    C, M = covariance(n, decades, "inputs"), covariance(m, decades, "outputs")
    require(decades < 15, DEFINITE)
    G = matrix(spectrum, m, n, stream("anisotropic, zoo", m, n))
    Q = solve_anisotropic(G, Power(4.0), C, M)
    missing = np.linalg.norm(anisotropy.trace_gradient(Q, C, M) - G) / np.linalg.norm(G)
    return measured(missing, 0.0, 1e-14 * 10 ** (1.5 * decades))


@verifies(ICM_X16a)
def test_minimisation_over_matrices() -> None:
    for shape in ((3, 2), (2, 4)):
        minimum_over_matrices(shape, 1.0, True)


@verifies(ICM_X16a)
def test_stationarity_for_graded_covariances() -> None:
    for m, n in ((3, 5), (5, 3)):
        for spectrum in spectra(3, "anisotropic"):
            labs_is_stationary(spectrum, m, n, 2.0)
        labs_is_stationary(np.array([1.0, 0.3]), m, n, 6.0)


@restates(ICM_X16a)
def test_isotropic_covariances_change_the_unit_only() -> None:
    rescaled(np.array([[1.0, 0.3, 0.0], [0.2, -0.4, 1.0]]), 4.0, 0.25)


@check(ICM_X16a)
def rescaled(G: np.ndarray, inputs: float, outputs: float) -> Evidence:
    """C = a^2 1, M = b^2 1: H(x) becomes H(a b x), which for x^4 + x^2/2 is another polynomial."""
    require(inputs > 0 and outputs > 0, DEFINITE)
    unit = float(np.sqrt(inputs * outputs))
    H, there = Polynomial({2: 0.5, 4: 1.0}), Polynomial({2: 0.5 * unit**2, 4: unit**4})
    found = solve_anisotropic(G, H, inputs * np.eye(3), outputs * np.eye(2))
    return measured(found, solve_matrix(G, there), 1e-11)


# --- quadratic H -------------------------------------------------------------------------------------------------


@check(ICM_X16b)
def preconditioned_gradient(shape: tuple[int, int], whitened: bool) -> Evidence:
    """The gradient of c tr(C Q^T M Q)/n at n M^-1 G C^-1/(2c), in symbols; `whitened` false takes M^-1 G alone."""
    import sympy

    m, n = shape
    entries = sympy.symbols(f"q1:{m * n + 1}", real=True)
    Q = sympy.Matrix(m, n, entries)
    G = sympy.Matrix(m, n, sympy.symbols(f"g1:{m * n + 1}", real=True))
    c = sympy.Symbol("c", positive=True)

    def definite(name: str, size: int) -> Any:
        """A Gram matrix of a triangular one with a positive diagonal."""
        lower = sympy.zeros(size, size)
        for i in range(size):
            for j in range(i + 1):
                lower[i, j] = sympy.Symbol(f"{name}{i}{j}", positive=True) if i == j else sympy.Integer(i + j)
        return lower * lower.T

    C, M = definite("a", n), definite("b", m)
    penalty = sympy.expand(c * (C * Q.T * M * Q).trace() / n)
    claimed = n * M.inv() * G * (C.inv() if whitened else sympy.eye(n)) / (2 * c)
    point = dict(zip(entries, claimed, strict=True))
    return every(*(exact(penalty.diff(q).subs(point), g) for q, g in zip(entries, G, strict=True)))


@check(ICM_X16b)
def labs_preconditions(decades: float, power: float) -> Evidence:
    """labs' matrix for H = 3 x^2 against n M^-1 G C^(-power)/6 by linear solves; both are known to cond * eps."""
    C, M = covariance(4, decades, "inputs"), covariance(3, decades, "outputs")
    require(decades < 15, DEFINITE)
    G = stream("anisotropic, quadratic").standard_normal((3, 4))
    values, frame = np.linalg.eigh(C)
    inverse = (frame * values**-power) @ frame.T
    claimed = 4 * np.linalg.solve(M, G) @ inverse / 6
    found = solve_anisotropic(G, Power(2.0, 3.0), C, M)
    return measured(found, claimed, 1e-13 * 10**decades * np.max(np.abs(claimed)))


@verifies(ICM_X16b)
def test_preconditioned_gradient_descent() -> None:
    preconditioned_gradient((2, 1), True)
    preconditioned_gradient((1, 2), True)
    labs_preconditions(1.0, 1.0)
    labs_preconditions(4.0, 1.0)


@control(ICM_X16b, changes="C^(-1) left out; C^(-1) -> C^(-1.05)")
def test_half_a_preconditioner() -> None:
    preconditioned_gradient((1, 2), False)
    labs_preconditions(1.0, 1.05)


# --- a wall or a kink --------------------------------------------------------------------------------------------


@check(ICM_X16c)
def whitened_polar_is_optimal(roots: tuple[Rows, Rows], g: list[Fraction], whiten: bool) -> Evidence:
    """H = 0 up to 1, infinite beyond, in rational numbers: -tr(Q G^T) at the claimed Q against -sum g'.

    G = N (U diag(g) V^T) R with rational rotations U, V.  -sum g' is a lower bound, since |N Q R|_op <= 1.  The
    whitened polar factor reaches it; U V^T, not whitened but scaled to the wall (`whiten` false), does not.
    """
    import sympy

    N, R = (sympy.Matrix(rows) for rows in roots)
    require(N.is_positive_definite and R.is_positive_definite, DEFINITE)
    U, V = matrices.cayley(2, [2]), matrices.cayley(2, [-1])
    frame = U * V.T
    G = N * U * sympy.diag(*(sympy.Rational(x.numerator, x.denominator) for x in g)) * V.T * R
    Q = N.inv() * frame * R.inv()
    if not whiten:
        length = max((N * frame * R * R * frame.T * N).eigenvals(), key=float)
        Q = frame / sympy.sqrt(length)
    value, best = -(Q * G.T).trace(), -sum(g)
    inside = N * Q * R
    outside = max((inside * inside.T).eigenvals(), key=float) - 1
    refuted = None if whiten else (float(value), float(best))
    return certified(float(value), float(best), 0.0, defects=[float(outside)], refutation=refuted)


@check(ICM_X16c)
def kink_gives_whitened_polar(decades: float, spectrum: np.ndarray, B: float) -> Evidence:
    """labs' matrix for a kink beyond what G' needs, against r M^-1/2 polar(G') C^-1/2 by way of Cholesky factors.

    Any N with N^T N = M gives the same matrix; rounding is multiplied by the condition 10^decades of the roots.
    """
    C, M = covariance(3, decades, "inputs"), covariance(4, decades, "outputs")
    require(decades < 15, DEFINITE)
    N, R = np.linalg.cholesky(M).T, np.linalg.cholesky(C)  # M = N^T N, C = R R^T
    G = N.T @ matrix(spectrum, 4, 3, stream("anisotropic, kink")) @ R.T
    u, _, vt = np.linalg.svd(np.linalg.solve(N.T, G) @ np.linalg.inv(R).T, full_matrices=False)
    polar = 0.7 * np.linalg.solve(N, u @ vt) @ np.linalg.inv(R)
    found = solve_anisotropic(G, Kink(0.7, 0.1, B), C, M)
    return measured(found, polar, 1e-13 * 10**decades * np.max(np.abs(polar)))


@verifies(ICM_X16c)
def test_a_wall_gives_the_whitened_polar_factor() -> None:
    for roots in (FAR, NEAR):
        whitened_polar_is_optimal(roots, rationals("1", "1/10"), True)


@verifies(ICM_X16c)
def test_a_sharp_kink_gives_the_whitened_polar_factor() -> None:
    kink_gives_whitened_polar(1.0, np.array([0.5, 0.3, 0.2]), 3.0)  # B_min = 1.9
    kink_gives_whitened_polar(4.0, np.array([0.4, 0.4, 0.3]), 3.0)


@control(ICM_X16c, changes="polar(M^(-1/2) G C^(-1/2)) whitened -> polar factor without whitening")
def test_the_polar_factor_alone() -> None:
    whitened_polar_is_optimal(NEAR, rationals("1", "1/10"), False)


# --- bad arguments -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("C", "message"),
    [
        (np.eye(2), r"C must be an array of shape \(..., 3, 3\), got shape \(2, 2\)"),
        (np.diag([1.0, 1.0, -0.1]), "C must be positive definite, got eigenvalues down to -0.1"),
        (np.diag([1.0, 1.0, 1e-17]), "C must be positive definite"),
        (np.zeros((3, 3)), "C must be positive definite"),
        (np.eye(3) + np.eye(3, k=1), "C must be symmetric, got a difference of 1.0e"),
        (np.full((3, 3), np.nan), "C must be finite"),
        (np.eye(3, dtype=np.float32), "C must be an array of float64"),
    ],
)
def test_a_bad_covariance(C: np.ndarray, message: str) -> None:
    G = np.ones((2, 3))
    with pytest.raises(ValueError, match=message):
        anisotropic.solve_anisotropic(G, Power(4.0), C)
    with pytest.raises(ValueError, match="M" + message[1:]):
        anisotropic.solve_anisotropic(G.T, Power(4.0), M=C)
